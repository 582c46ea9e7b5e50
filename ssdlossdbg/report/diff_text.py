"""The terminal report of `diff`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.text import (
    UNTITLED,
    Column,
    Columns,
    Row,
    facts,
    hanging,
    legend,
    number,
    section,
    shared_folder,
    table,
)
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results.diff import (
    BATCHES,
    BY_PART,
    RUNS,
    Difference,
    DiffResult,
    GroupDifference,
    ObjectDifference,
    PriorDifference,
    RoleCount,
    Side,
)

MOST_LISTED = 10
# Places of a difference that are named without being asked for.
MOST_PLACES = 3


def diff_report(result: DiffResult, view: View = USUAL) -> RenderableType:
    """What changed, in a sentence, then by input, part, level, class, object and prior; the sentence alone if nothing.

    Args:
        result: what `diff` found.
        view: says how many groups, objects and priors to list; `MOST_LISTED` if it does not.
    """
    sentence = Text(result.summary)
    if result.same:
        return sentence
    most = view.top or MOST_LISTED
    parts: list[RenderableType] = [sentence, Text(), _sides(result), _differences(result.differences, most)]
    if len(result.explanations) > 1:
        parts.append(_explanations(result))
    named = list(dict.fromkeys((group.by, group.of) for group in result.groups))
    for by, of in named:
        parts.append(_groups(by, of, [each for each in result.groups if (each.by, each.of) == (by, of)], most))
    if result.objects:
        parts.append(_objects(result, most))
    if result.roles:
        parts.append(_roles(result.roles))
    if result.priors:
        parts.append(_priors(result.priors, most))
    return Group(*parts)


def _sides(result: DiffResult) -> RenderableType:
    return facts([(name, _side(side, result.measure)) for name, side in (("A", result.first), ("B", result.second))])


def _side(side: Side, measure: str) -> str:
    value = f", {measure} {_short(side.value)}" if side.value is not None else ""
    return f"{side.path}: {side.what}{value}"


def _short(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if math.isfinite(value) and value == round(value) else f"{value:.6g}"


def _differences(differences: Sequence[Difference], most: int) -> RenderableType:
    rows: list[tuple[RenderableType, RenderableType]] = []
    for each in differences:
        words = f"{each.how}: {each.what}" if each.how else each.what
        style = "" if each.measured else "faint"
        rows.append((Text(each.name, style=style), Text(words, style=style)))
        shown = each.places[: max(MOST_PLACES, most) if each.measured else MOST_PLACES]
        rows += [(Text(), Text(place, style="faint")) for place in shown]
        left = max(each.changed, len(each.places)) - len(shown)
        if shown and left > 0:
            rows.append((Text(), Text(f"and {left:,} more", style="faint")))
    return section("What is different", hanging(rows))


def _explanations(result: DiffResult) -> RenderableType:
    one, two = result.first.value, result.second.value
    rows: list[Row] = [
        (
            Text(each.name),
            _value(each.alone),
            _value(each.without),
            _change(each.delta),
            Text("yes", style="verdict.good") if each.explains else Text("no"),
        )
        for each in result.explanations
    ]
    columns: Columns = [Column("taken from B", "left", wrap=True, least=14), "A with it", "B without", "share", "all"]
    said = f"A has {_short(one)}, B {_short(two)}"
    meanings = (
        ("A with it", f"{result.measure} of A with B's of this alone"),
        ("B without", "of B with A's of this"),
        ("share", "of the change, where they are taken over one after the other"),
        ("all", "whether it alone gives what B has"),
    )
    return section(f"What explains it ({said})", Group(table(columns, rows), legend(meanings)))


def _value(value: float | None) -> Text:
    return Text(_short(value)) if value is None or math.isfinite(value) else number(value)


def _cost(value: float | None) -> Text:
    return Text(f"{value:.3g}") if value is not None and math.isfinite(value) else number(value)


def _change(value: float | None, digits: int = 4) -> Text:
    if value is None:
        return Text("-")
    if not math.isfinite(value):
        return number(value)
    return Text(
        f"{value:+,.0f}" if value == round(value) and abs(value) >= 1 else f"{value:+.{digits}g}" if value else "0"
    )


def _groups(by: str, of: str, groups: Sequence[GroupDifference], most: int) -> RenderableType:
    ordered = groups if by == BY_PART else sorted(groups, key=lambda each: _size(each.change))
    rows: list[Row] = [
        (Text(each.name), _value(each.first), _value(each.second), _change(each.change)) for each in ordered[:most]
    ]
    left = len(groups) - len(rows)
    more = f", the {most} that changed most of {len(groups)}" if left > 0 else ""
    return section(f"By {by}: {of}{more}", table([Column("", "left", wrap=True, least=12), "A", "B", "change"], rows))


def _size(change: float | None) -> float:
    return 0.0 if change is None else -math.inf if math.isnan(change) else -abs(change)


def _objects(result: DiffResult, most: int) -> RenderableType:
    objects = result.objects
    folder = shared_folder(each.image for each in objects)
    # Of each column, whether there is one, its heading, and its cell.
    known: list[tuple[bool, Column | str, Callable[[ObjectDifference], RenderableType]]] = [
        (True, Column("image", "left", wrap=True, least=9), lambda each: Text(each.image.removeprefix(folder))),
        (True, Column("object", "left", wrap=True, least=14), lambda each: Text(_object(each))),
        (any(each.box != each.new_box for each in objects) and result.compared != BATCHES,
         Column("box", "left", wrap=True, least=12), lambda each: Text(_box(each))),
        (_costly(objects), "cost A", lambda each: _cost(each.first)),
        (_costly(objects), "B", lambda each: _cost(each.second)),
        (_costly(objects), "change", lambda each: _change(each.change, 3)),
        (any(each.positives != (None, None) for each in objects), "positives",
         lambda each: Text(_arrow(*each.positives))),
        (any(any(each.found) for each in objects),
         Column("became" if result.compared != BATCHES else "taken for", "left", wrap=True, least=11),
         lambda each: Text(_arrow(*(name or None for name in each.found)))),
    ]  # fmt: skip
    shown = [(heading, cell) for there, heading, cell in known if there]
    rows = [[cell(each) for _, cell in shown] for each in objects[:most]]
    more = f" (the first {len(rows)} of {len(objects):,})" if len(rows) < len(objects) else ""
    title = "Objects that one run learnt and the other did not" if result.compared == RUNS else "Objects"
    return section(f"{title}{more}{f', in {folder}' if folder else ''}", table([heading for heading, _ in shown], rows))


def _costly(objects: Sequence[ObjectDifference]) -> bool:
    return any(each.change is not None for each in objects)


def _object(each: ObjectDifference) -> str:
    """Its number, its class and what became of it."""
    number = "" if each.index is None and each.other is None else f"{_arrow(each.index, each.other)} "
    words = [number + _arrow(each.label or None, each.new_label or None) if each.label and each.new_label else
             f"{each.index if each.other is None else each.other} {each.label or each.new_label}"]  # fmt: skip
    return ", ".join([*words, *([each.became] if each.became else [])])


def _arrow(one: object, two: object) -> str:
    """What it was and is, once where that is the same."""
    here, there = ("-" if each is None else str(each) for each in (one, two))
    return here if here == there else f"{here} -> {there}"


def _box(each: ObjectDifference) -> str:
    sides = ["-" if box is None else ",".join(f"{side:.5g}" for side in box) for box in (each.box, each.new_box)]
    return sides[0] if sides[0] == sides[1] else " -> ".join(sides)


def _roles(roles: Sequence[RoleCount]) -> RenderableType:
    rows = [(f"{each.first} -> {each.second}", f"{each.priors:,}") for each in roles]
    return section("Priors with another role", table([UNTITLED, "priors"], [(Text(a), Text(b)) for a, b in rows]))


def _priors(priors: Sequence[PriorDifference], most: int) -> RenderableType:
    columns: Columns = [
        Column("image", "left", wrap=True, least=7),
        "prior",
        "level",
        Column("role", "left", wrap=True),
        "cost A",
        "B",
        "change",
    ]
    rows: list[Row] = [
        (
            Text(each.image),
            each.prior,
            each.level,
            Text(_arrow(*each.roles)),
            _cost(each.first),
            _cost(each.second),
            _change(each.change, 3),
        )
        for each in priors[:most]
    ]
    return section("Priors that changed most", table(columns, rows))
