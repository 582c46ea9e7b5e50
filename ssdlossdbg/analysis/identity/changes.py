"""What a rule may be instead: the variants of a dialect in which one is another.

Words are taken from the enums of the rules, so that a new rule is tried as soon as it has a name. Numbers are those
that any shipped dialect has, those below that forks are known to have, and those that the user's criterion names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_type_hints

from ssdlossdbg.rules import (
    Dialect,
    ForcedRule,
    IouRule,
    LocalizationLoss,
    Masking,
    MiningPositives,
    MiningQuota,
    MiningScope,
    MiningScore,
    MiningSelection,
    Normalizer,
)

SECTIONS = ("match", "codec", "mining", "loss")
S = TypeVar("S")
# What else decides a loss: how labels are counted, and which column is the background's.
READING = ("targets.label_offset", "native.background")
TENTHS = tuple(step / 20 for step in range(2, 20))
NUMBERS: Mapping[str, Sequence[Any]] = {
    "match.threshold": TENTHS,
    "match.ignore_from": (None, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6),
    "match.iou_epsilon": (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1.0),
    "match.minimum_iou": (-0.5, 0.0, 1e-12, 1e-6, 1e-3, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4),
    "codec.variances": (
        (1.0, 1.0, 1.0, 1.0),
        (0.1, 0.1, 0.1, 0.1),
        (0.2, 0.2, 0.2, 0.2),
        (0.1, 0.1, 0.2, 0.2),
        (0.05, 0.05, 0.1, 0.1),
        (0.125, 0.125, 0.25, 0.25),
        (0.2, 0.2, 0.1, 0.1),
        (0.1, 0.1, 1.0, 1.0),
        (1.0, 1.0, 0.2, 0.2),
    ),
    "codec.size_epsilon": (0.0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3),
    "mining.ratio": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0),
    "mining.minimum": (0, 1, 2, 3, 4, 5, 6, 8, 10, 16),
    "mining.nms_iou": (0.3, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
    "mining.nms_limit": (1, 2, 3, 5, 8, 10, 3000),
    "loss.localization_weight": (0.0, 0.1, 0.2, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0),
    "loss.smooth_l1_beta": (0.01, 0.05, 0.1, 0.11, 1 / 9, 0.2, 0.25, 0.5, 0.75, 1.5, 1.0, 2.0, 3.0),
    "loss.probability_floor": (0.0, 1.17549435e-38, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4),
    "loss.focal_alpha": (-1.0, 0.25, 0.5, 0.75, 1.0),
    "loss.focal_gamma": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0),
    "targets.label_offset": (-1, 0, 1),
}
# Tried where nothing coarser explains the numbers.
SIDES = (0.05, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0)
FINE: Mapping[str, Sequence[Any]] = {
    "match.threshold": tuple(step / 100 for step in range(5, 96)),
    "match.ignore_from": tuple(step / 100 for step in range(5, 96)),
    "match.minimum_iou": tuple(step / 100 for step in range(1, 50)),
    "codec.variances": tuple((centre, centre, side, side) for centre in SIDES for side in SIDES),
    "mining.ratio": tuple(step / 4 for step in range(81)),
    "mining.minimum": tuple(range(21)),
    "loss.smooth_l1_beta": tuple(step / 20 for step in range(1, 61)),
}


def _has_band(rules: Dialect) -> bool:
    """Whether any prior can be ignored."""
    least = rules.match.ignore_from
    return least is not None and least < rules.match.threshold


def _adds_to_unions(rules: Dialect) -> bool:
    return rules.match.iou in (IouRule.EPSILON_ADDED, IouRule.UNION_FLOOR)


def _suppresses(rules: Dialect) -> bool:
    return rules.mining.selection is MiningSelection.NON_MAXIMUM_SUPPRESSION


# Of numbers that the more change the farther they go: the end that changes most, by the sign of that way. Where even
# that changes nothing of a batch, no other does.
FARTHEST: Mapping[str, int] = {
    "codec.size_epsilon": 1,
    "mining.minimum": 1,
    "mining.nms_iou": -1,
    "mining.nms_limit": -1,
    "loss.probability_floor": 1,
}


def _ranks(rules: Dialect) -> bool:
    """Whether the first so many of a ranking are mined."""
    return not _suppresses(rules) and not rules.mining.takes_all


def _may_want_none(rules: Dialect) -> bool:
    """Whether a scope may be to give no negative."""
    return _ranks(rules) and not rules.mining.minimum and not rules.mining.per_image


# What an object is to overlap to be forced, where weaker ones take priors over, too (Pytorch_Retinaface).
LEAST_TAKEN_OVER = 0.2
BIPARTITE = (ForcedRule.BIPARTITE, ForcedRule.BIPARTITE_AND_TIES)
SMOOTH = (LocalizationLoss.SMOOTH_L1, LocalizationLoss.SMOOTH_L1_WHERE, LocalizationLoss.SMOOTH_L1_MASKED)
# Rules that mean nothing beside others, and the test of these.
ONLY_WHERE: Mapping[str, Callable[[Dialect], bool]] = {
    "match.iou_epsilon": _adds_to_unions,
    "match.conflict": lambda rules: rules.match.forced not in (*BIPARTITE, ForcedRule.BIPARTITE_KERAS, ForcedRule.NONE),
    "match.minimum_iou": lambda rules: (
        rules.match.forced in (*BIPARTITE, ForcedRule.IF_NONE_REACHES, ForcedRule.TAKEN_OVER)
    ),
    "match.ignore_from": _has_band,
    "match.background_objects": lambda rules: not rules.match.one_class,
    "targets.label_offset": lambda rules: not rules.match.one_class,
    "mining.count_ignored": lambda rules: _has_band(rules) and _ranks(rules),
    "mining.whole": lambda rules: rules.mining.ratio % 1 > 0 and not rules.mining.takes_all,
    "mining.score": lambda rules: not rules.mining.takes_all,
    "mining.ratio": lambda rules: not rules.mining.takes_all or rules.loss.normalizer is Normalizer.MEAN_OF_SELECTED,
    "mining.minimum": lambda rules: not rules.mining.takes_all,
    "mining.per_image": _ranks,
    "mining.fallback": _may_want_none,
    "mining.fallback_share": _may_want_none,
    # The sum over the images of a scope that is one image is its own.
    "mining.quota": lambda rules: (
        _ranks(rules) and (rules.mining.scope is MiningScope.BATCH or rules.mining.quota is MiningQuota.LEAST_OF_IMAGES)
    ),
    "mining.scope": _ranks,
    "mining.cap": _ranks,
    "mining.positives": _ranks,
    "mining.nms_iou": _suppresses,
    "mining.nms_limit": _suppresses,
    "loss.positives_counted_twice": _ranks,
    "loss.smooth_l1_beta": lambda rules: rules.loss.localization in (*SMOOTH, LocalizationLoss.BALANCED_L1),
    "loss.balanced_alpha": lambda rules: rules.loss.localization is LocalizationLoss.BALANCED_L1,
    "loss.balanced_gamma": lambda rules: rules.loss.localization is LocalizationLoss.BALANCED_L1,
    "loss.box_epsilon": lambda rules: rules.loss.compares_boxes,
    "loss.largest_scale": lambda rules: rules.loss.compares_boxes,
    "codec.y_by_width": lambda rules: _suppresses(rules) or rules.loss.compares_boxes,
    "codec.unmatched": lambda rules: rules.loss.masking is not Masking.INDEXED,
    "loss.focal_alpha": lambda rules: rules.loss.focal,
    "loss.focal_gamma": lambda rules: rules.loss.focal,
    "loss.background_target": lambda rules: rules.loss.by_column,
    "loss.floor_stops_gradient": lambda rules: bool(rules.loss.probability_floor),
}
# Of a loss alone nobody can tell them.
UNSEEN = frozenset({"loss.floor_stops_gradient", "codec.y_by_width", "loss.landmark_weight"})
# Rules of what comes after a matching, and those that a criterion which is given encoded targets has no say in.
OF_MATCHING = ("match.", "targets.label_offset")
OF_ENCODING = ("codec.",)
# Which of the two losses a rule can touch, by the beginning of its key; both where nothing is said.
ONLY_LOCALIZATION = (
    "codec.",
    "loss.localization",
    "loss.smooth_l1_beta",
    "loss.balanced_",
    "loss.box_epsilon",
    "loss.largest_scale",
)
ONLY_CONFIDENCE = (
    "mining.",
    "loss.confidence",
    "loss.probability_floor",
    "loss.positives_counted_twice",
    "loss.focal_",
    "loss.background_target",
)


@dataclass(frozen=True)
class Change:
    """One rule that is another: the settings that this takes, as section.key and value."""

    settings: tuple[tuple[str, Any], ...]

    @property
    def key(self) -> str:
        """Of the rule."""
        return self.settings[0][0]

    def touches(self, rules: Dialect) -> tuple[bool, bool]:
        """Whether it can touch localisation, and confidence, under such rules."""
        suppression = MiningSelection.NON_MAXIMUM_SUPPRESSION
        drops = _suppresses(rules) or any(value is suppression for _, value in self.settings)
        confidence = self.key.startswith(ONLY_CONFIDENCE) and not drops
        selected = rules.loss.normalizer is Normalizer.MEAN_OF_SELECTED
        # What is suppressed depends on the predicted boxes, and on no loss of theirs.
        localization = self.key.startswith(ONLY_LOCALIZATION) and not (drops and self.key.startswith(OF_ENCODING))
        return not confidence or selected, not localization


def setting(rules: Dialect, key: str) -> Any:
    """The value of section.key."""
    section, name = key.split(".")
    return getattr(getattr(rules, section), name)


def conforming(key: str, value: Any) -> Any:
    """A value as a rule has it: the word of a dialect file as the member of its enum.

    Args:
        key: section.key.
        value: of a dialect file.
    """
    kind = _kind(key)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    return tuple(value) if isinstance(value, list) else value


@cache
def _kind(key: str) -> Any:
    """The type of the setting section.key."""
    section, name = key.split(".")
    return get_type_hints(get_type_hints(Dialect)[section])[name]


def changed(rules: Dialect, change: Change) -> Dialect:
    """The rules with a change."""
    for key, value in change.settings:
        section, name = key.split(".")
        rules = with_values(rules, **{section: with_values(getattr(rules, section), **{name: value})})
    return rules


def with_values(spec: S, **values: Any) -> S:
    """What `replace` returns, without the checks: these are thousands, and every value is one that some spec has."""
    made = object.__new__(type(spec))
    vars(made).update(vars(spec), **values)
    return made


@cache
def keys_of_maths() -> tuple[str, ...]:
    """Every setting that can decide a loss, as section.key."""
    own = get_type_hints(Dialect)
    return (*(f"{section}.{each.name}" for section in SECTIONS for each in fields(own[section])), *READING)


class Changes:
    """All changes that are tried.

    Args:
        dialects: the shipped ones, whose numbers are tried.
        named: numbers that the criterion itself names, by section.key.
        without: beginnings of keys that make no difference.
        fine: whether to try finer numbers, too.
    """

    def __init__(
        self,
        dialects: Iterable[Dialect],
        named: Mapping[str, Sequence[Any]],
        without: tuple[str, ...] = (),
        fine: bool = False,
    ) -> None:
        self._values: dict[str, tuple[Any, ...]] = {}
        asked = list(dialects)
        for key in keys_of_maths():
            if not key.startswith(without) and key not in UNSEEN:
                more = FINE.get(key, ()) if fine else ()
                own = (*named.get(key, ()), *NUMBERS.get(key, ()), *more)
                self._values[key] = tuple(dict.fromkeys((*_words(key), *(setting(each, key) for each in asked), *own)))

    def of(self, rules: Dialect, matters: Callable[[Change], bool] | None = None) -> Iterator[Change]:
        """Every change of one rule that means something under such rules.

        Args:
            rules: they.
            matters: whether a change makes a difference to a batch at all; then changes of which it is clear that they
                make none are left out.
        """
        for key, values in self._values.items():
            way = FARTHEST.get(key)
            if matters is not None and way is not None and len(values) > 2:
                ends = [min(values), max(values)] if setting(rules, key) else [max(values, key=lambda each: way * each)]
                if not any(matters(Change(((key, end),))) for end in ends if end != setting(rules, key)):
                    continue
            for value in values:
                if value == setting(rules, key):
                    continue
                for change in self._with_company(rules, key, value):
                    holds = ONLY_WHERE.get(key)
                    if holds is None or holds(rules) or holds(changed(rules, change)):
                        yield change

    def _with_company(self, rules: Dialect, key: str, value: Any) -> Iterator[Change]:
        """The change, with what it takes for it to mean anything."""
        if key == "match.iou" and value in (IouRule.EPSILON_ADDED, IouRule.UNION_FLOOR):
            yield from (Change(((key, value), ("match.iou_epsilon", each))) for each in NUMBERS["match.iou_epsilon"])
        elif value is ForcedRule.TAKEN_OVER and rules.match.minimum_iou <= 0:  # it is best-prior but for its minimum
            yield Change(((key, value), ("match.minimum_iou", LEAST_TAKEN_OVER)))
        elif value is MiningScore.BACKGROUND_PROBABILITY:
            yield Change(((key, value), ("mining.positives", MiningPositives.LAST)))
        elif (rules.mining.score, value) != (MiningScore.BACKGROUND_PROBABILITY, MiningPositives.AS_ZERO):
            yield Change(((key, value),))


def _words(key: str) -> tuple[Any, ...]:
    """All values of a key that is one of few."""
    kind = _kind(key)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return tuple(kind)
    return (False, True) if kind is bool else ()


def same_maths(rules: Dialect, without: tuple[str, ...] = ()) -> tuple[Any, ...]:
    """What two dialects share that have the same loss for everything, by settings alone.

    Args:
        rules: one of them.
        without: beginnings of keys that make no difference.
    """
    kept = []
    for key in keys_of_maths():
        if key not in UNSEEN and not key.startswith(without):
            holds = ONLY_WHERE.get(key)
            kept.append(setting(rules, key) if holds is None or holds(rules) else None)
    return tuple(kept)
