"""What a search came to, as a result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from ssdlossdbg.analysis.identity.changes import keys_of_maths, setting
from ssdlossdbg.analysis.identity.search import Explanation, Found, Search, settings_of
from ssdlossdbg.results import DialectFound, Differs, Inseparable, Recorded, RuleChange
from ssdlossdbg.rules import Dialect

# Explanations that are listed at most.
MOST_LISTED = 20
# Where a rule has more values that nothing tells apart, the others are left out.
MOST_VALUES = 8
# What would tell the values of a rule apart, where a shipped case cannot.
NEEDS = {
    "loss.localization": "a gradient at an infinite difference",
    "loss.floor_stops_gradient": "a gradient below the floor",
    "match.comparison": "an overlap of exactly the threshold",
    "match.precision": "an overlap within a rounding of the threshold",
    "mining.cap": "a scope that wants more negatives than it has",
    "match.conflict": "two objects with one best prior",
    "match.ties": "two priors that overlap an object equally",
    "match.forced": "an object whose best prior another object takes",
    "match.background_objects": "an object labelled background",
    "match.iou": "objects of next to no area",
    "match.iou_epsilon": "objects of next to no area",
    "match.minimum_iou": "an object that overlaps its best prior hardly at all",
    "match.ignore_from": "a prior that overlaps an object somewhat less than the threshold, and is mined",
    "match.threshold": "overlaps between the values",
    "match.first_prior_background": "an object at the first prior",
    "match.one_class": "an object of another class than the first",
    "codec.size_epsilon": "a box without width",
    "codec.log_epsilon": "a box without width",
    "codec.unmatched": "a last object of an image without width, beside a sound one",
    "mining.minimum": "an image without a positive",
    "mining.per_image": "an image with more negatives than are wanted",
    "mining.fallback": "a batch without a positive",
    "mining.fallback_share": "a batch without a positive",
    "mining.quota": "two images, one of which has fewer negatives than it wants",
    "mining.scope": "two images, one of them with more positives or dearer negatives",
    "mining.score": "logits near their limits: probabilities of exactly 0, or one logit far above the others",
    "mining.positives": "negatives that cost nothing",
    "mining.ratio": "an image with more negatives than are wanted",
    "mining.selection": "equal scores, or predicted boxes that repeat each other",
    "mining.count_ignored": "ignored priors",
    "loss.normalizer": "images of different numbers of positives, one without any",
    "loss.positives_counted_twice": "an image that wants more negatives than it has",
    "loss.probability_floor": "a logit far below the others",
    "loss.masking": "an infinite prediction at a prior that does not count",
    "loss.smooth_l1_beta": "differences on both sides of the values",
}


def dialects_found(found: Found, shipped: Sequence[Dialect]) -> tuple[DialectFound, ...]:
    """The explanations as they are listed.

    Args:
        found: them.
        shipped: the dialects by whose names they go.
    """
    by_name = {each.name: each for each in shipped}
    return tuple(dialect_found(each, by_name[each.names[0]]) for each in found.explanations[:MOST_LISTED])


def dialect_found(explanation: Explanation, shipped: Dialect) -> DialectFound:
    """An explanation as it is listed.

    Args:
        explanation: it.
        shipped: the dialect that it starts from.
    """
    settings = [(key, plain(value)) for key, value in settings_of(explanation, shipped)]
    name, *others = explanation.names
    return DialectFound(name, tuple(others), tuple(RuleChange(*each) for each in settings), toml_of(name, settings))


def inseparable(search: Search, found: Sequence[Explanation], singly: bool = True) -> tuple[Inseparable, ...]:
    """The rules that may as well be others, and what would tell.

    Args:
        search: that found them.
        found: what explains every number, the likeliest first.
        singly: whether other values of every single rule are tried; else only those rules in which `found` differ.
    """
    rules = found[0].rules
    others = search.alternatives(found[0]) if singly else {}
    rest = {key: [dict(each.settings)[key] for each in changes] for key, changes in others.items()}
    for other in found[1:]:
        for key in keys_of_maths():
            if not key.startswith(search.without) and setting(other.rules, key) != setting(rules, key):
                rest.setdefault(key, []).append(setting(other.rules, key))
    return tuple(_inseparable(key, setting(rules, key), values) for key, values in rest.items())


def _inseparable(key: str, own: Any, values: Iterable[Any]) -> Inseparable:
    return Inseparable(key, tuple(map(plain, dict.fromkeys((own, *values))))[:MOST_VALUES], NEEDS.get(key, ""))


def differs(search: Search, names: Sequence[str]) -> Differs | None:
    """Where the nearest dialect is off; None where it explains every number.

    Args:
        search: that found nothing that does.
        names: of the batches.
    """
    rules = search.nearest()
    places = search.failing(rules)
    if not places:
        return None
    losses = search.trials[places[0]].losses(rules)
    assert losses is not None
    theirs = Recorded(sum(losses), *losses)
    yours = search.observed[places[0]].recorded
    if yours.localization is None or yours.confidence is None:
        theirs = replace(theirs, localization=None, confidence=None)
    return Differs(rules.name, tuple(names[place] for place in places), yours, theirs)


def plain(value: Any) -> Any:
    """A rule's value as a dialect file has it."""
    if isinstance(value, Enum):
        return str(value.value)
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def toml_of(name: str, settings: Sequence[tuple[str, Any]]) -> str:
    """A dialect file: whose rules, and the lines that are others.

    Args:
        name: of the dialect to start from.
        settings: section.key and plain value.
    """
    sections: dict[str, list[str]] = {}
    for key, value in settings:
        section, setting_name = key.split(".")
        sections.setdefault(section, []).append(f"{setting_name} = {_toml(value)}")
    blocks = [f'base = "{name}"', *("\n".join([f"[{each}]", *lines]) for each, lines in sections.items())]
    return "\n\n".join(blocks) + "\n"


def _toml(value: Any) -> str:
    if value is None:
        return "1  # none: nothing overlaps so much and is no positive"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, tuple) else f"{value!r}"
