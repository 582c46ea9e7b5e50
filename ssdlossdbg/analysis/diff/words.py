"""What changed and what explains it, in one sentence or two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ssdlossdbg.analysis.diff.substitution import is_same
from ssdlossdbg.results.diff import BATCHES, Difference, DiffResult, Explanation

# So many causes, and places of one, are named in a sentence.
MOST_NAMED, MOST_PLACES = 4, 2
# Shares of the change below this are none.
NOTHING = 1e-3
# From here on a ratio is said as such, and not in per cent.
MANY_TIMES = 10
# From here on figures are written with a power of ten.
LARGE = 1e9
SAME_BATCHES = "A and B are the same: predictions, targets, priors and rules are equal, and so is the loss"
SAME = "A and B are the same: nothing that is read is different."


def summary_of(result: DiffResult) -> DiffResult:
    """The result with its sentence."""
    return replace(result, summary=_said(result))


def _said(result: DiffResult) -> str:
    one, two = result.first.value, result.second.value
    if result.same:
        of_loss = result.compared == BATCHES and one is not None
        return f"{SAME_BATCHES}, {_figures(one, one)[0]}." if of_loss else SAME
    measured = [each for each in result.differences if each.measured]
    if one is None or two is None:
        return _without_measure(result, measured)
    if is_same(one, two, result.compared != BATCHES):
        return f"{_stayed(result, one)} Different all the same: {_listed(result.differences)}."
    change = _change(result.measure, one, two)
    explaining = [each for each in result.explanations if each.explains]
    if explaining:
        return f"{change}: {_explained(result, measured, explaining)}."
    if not result.explanations:
        return f"{change}. Different: {_listed(measured)}."
    parts = [each for each in result.explanations if not _is_nothing(each, two - one)]
    return f"{change}: no difference explains it alone. {_in_parts(parts)}"


def _figures(one: float | None, two: float | None) -> tuple[str, str]:
    """Two figures with as many digits as tell them apart, four decimals at least; whole numbers as they are."""
    values = [math.nan if value is None else value for value in (one, two)]
    whole = all(math.isfinite(value) and value == round(value) for value in values)
    large = any(math.isfinite(value) and abs(value) >= LARGE for value in values)
    forms = [".7g", ".10g"] if large else [",.0f"] if whole else [",.4f", ".7g", ".10g"]
    shown = [[f"{value:{form}}" for value in values] for form in forms]
    here, there = next((each for each in shown if each[0] != each[1] and not is_same(one, two)), shown[0])
    return here, there


def _stayed(result: DiffResult, value: float) -> str:
    exact = result.compared != BATCHES
    moved = [
        each.name for each in result.explanations if each.alone is not None and not is_same(each.alone, value, exact)
    ]
    more = ""
    if moved and len(result.explanations) > 1:
        more = f", though {_and(moved[:MOST_NAMED])} alone would change it"
    return f"The {result.measure} {'are' if _is_count(result) else 'is'} the same, {_figures(value, value)[0]}{more}."


def _is_count(result: DiffResult) -> bool:
    """Whether the measure is a number of things."""
    return result.measure.startswith("objects")


def _listed(differences: Sequence[Difference]) -> str:
    named = list(dict.fromkeys(each.name for each in differences))
    told = [_told(name, differences) for name in named[:MOST_NAMED]]
    more = f"; and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return "; ".join(told) + more


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def _change(measure: str, one: float, two: float) -> str:
    here, there = _figures(one, two)
    if not (math.isfinite(one) and math.isfinite(two)):
        return f"The {measure} was {here} and is {there}"
    counted = measure.startswith("objects")
    verb = ("rise" if two > one else "fall") + ("" if counted else "s")
    if counted or not one:
        return f"The {measure} {verb} from {here} to {there}"
    ratio = abs(two / one)
    share = f"times {ratio:.3g}" if ratio >= MANY_TIMES else f"{100 * (two - one) / abs(one):+.3g} %"
    return f"The {measure} {verb} from {here} to {there} ({share})"


def _explained(result: DiffResult, measured: Sequence[Difference], explaining: Sequence[Explanation]) -> str:
    own = {name for each in explaining for name in each.of or (each.name,)}
    others = [name for name in dict.fromkeys(each.name for each in measured) if name not in own]
    told = [_group(each, measured) if each.of else _told(each.name, measured) for each in explaining]
    if len(told) > 1:
        more = f". {_and(others)} {'does' if len(others) == 1 and _is_one(others[0]) else 'do'} not" if others else ""
        return f"each of these explains all of it alone: {'; '.join(told)}{more}"
    if not others:
        return f"{told[0]}, and all else is equal"
    exact = result.compared != BATCHES
    idle = all(is_same(each.alone, result.first.value, exact) for each in result.explanations if each.name in others)
    one = len(others) == 1 and _is_one(others[0])
    verbs = (
        ("is", "changes nothing alone", "does not explain it")
        if one
        else ("are", "change nothing alone", "do not explain it")
    )
    return (
        f"{told[0]}; that explains all of it. {_and(others)} {verbs[0]} different, too, and {verbs[1 if idle else 2]}"
    )


def _is_one(name: str) -> bool:
    """Whether a name is of one thing."""
    return not name.endswith("s") or name.startswith(("order of", "list of"))


def _group(explanation: Explanation, measured: Sequence[Difference]) -> str:
    """Several differences as one, with what was done to all of them where that is one step."""
    hows = {each.how for each in measured if each.name in explanation.of}
    how = hows.pop() if len(hows) == 1 else ""
    if how:
        return f"{explanation.name} ({_and(explanation.of)}), {how}"
    return f"{explanation.name} ({'; '.join(_told(name, measured) for name in explanation.of)})"


def _told(name: str, differences: Sequence[Difference]) -> str:
    """A difference in words, with its places where they are few."""
    own = next(each for each in differences if each.name == name)
    where = f": {'; '.join(own.places)}" if own.changed <= MOST_PLACES and 0 < len(own.places) <= MOST_PLACES else ""
    if not own.how or own.how in own.what:
        return f"{name}, {own.what}{where}"
    return f"{name}, {own.how} ({own.what}{where})"


def _is_nothing(explanation: Explanation, change: float) -> bool:
    if explanation.delta is None or not math.isfinite(change):
        return False
    return abs(explanation.delta) <= NOTHING * abs(change)


def _in_parts(parts: Sequence[Explanation]) -> str:
    if not parts:
        return "Together they do."
    if all(each.delta is None for each in parts):
        return f"They fit together only: {_and([each.name for each in parts])}."
    words = [each.name if each.delta is None else f"{each.name} {_delta(each.delta)}" for each in parts]
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return f"Taken over one after the other: {', '.join(words[:MOST_NAMED])}{more}."


def _delta(value: float) -> str:
    return f"{value:+,.0f}" if value == round(value) else f"{value:+.4g}"


def _without_measure(result: DiffResult, measured: Sequence[Difference]) -> str:
    refused = [(side, each.refused) for side, each in (("A", result.first), ("B", result.second)) if each.refused]
    cannot = "".join(f" No loss can be computed of {side}: {why}." for side, why in refused)
    return f"Different: {_listed(measured or result.differences)}.{cannot}"
