"""What changed from one prior config to another, and on a data set: which setting wins or loses which objects."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from ssdlossdbg.analysis.diff.audited import changed_fates, fate_groups
from ssdlossdbg.analysis.diff.levels import prior_differences, shapes_words
from ssdlossdbg.analysis.diff.substitution import explain
from ssdlossdbg.analysis.diff.words import summary_of
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.results import AuditResult
from ssdlossdbg.results.diff import PRIORS, Difference, DiffResult, Explanation, Side
from ssdlossdbg.rules import LevelSpec, PriorSpec

MATCHED = "objects matched"
SETTINGS = ("image_size", "clip", "order", "offset", "rounding")
CALLED = {"image_size": "input", "order": "order inside a level"}
Audit = Callable[[NamedPriors], AuditResult]
# (into, of): the first with a setting of the second.
Turn = Callable[[PriorSpec, PriorSpec], PriorSpec]


@dataclass(frozen=True, eq=False)
class Config:
    """One of two prior configs.

    Attributes:
        path: as it was named.
        named: its priors.
        spec: what generates them; None of a saved tensor.
    """

    path: str
    named: NamedPriors
    spec: PriorSpec | None


def diff_priors(first: Config, second: Config, audit: Audit | None) -> DiffResult:
    """Say what is another in B's priors, and, by an audit with one setting of B's at a time, what that is worth.

    Args:
        first: A.
        second: likewise, of B.
        audit: of a data set with some priors; None without one.
    """
    if first.spec is None or second.spec is None:
        found: list[tuple[Difference, Turn | None]] = [
            (each, None) for each in prior_differences(first.named, second.named)
        ]
    else:
        found = _settings(first.spec, second.spec)
    differences = [difference for difference, _ in found]
    names = list(dict.fromkeys(each.name for each in differences if each.measured))
    audits = (audit(first.named), audit(second.named)) if audit else None
    measures: tuple[int | None, ...] = tuple(each.totals.matched for each in audits) if audits else (None, None)
    explanations: tuple[Explanation, ...] = ()
    if audits is not None and audit is not None and differences:
        mixture = _Mixture(first, second, dict(found), audit, (measures[0], measures[1]))
        explanations = explain(names, mixture.matched, exact=True)
    explaining = [each.name for each in explanations if each.explains]
    sides = [
        Side(side.path, _what(side.named), measure) for side, measure in zip((first, second), measures, strict=True)
    ]
    return summary_of(
        DiffResult(
            compared=PRIORS,
            same=not differences,
            summary="",
            measure=MATCHED if audits else "",
            first=sides[0],
            second=sides[1],
            differences=tuple(sorted(differences, key=lambda each: (each.name not in explaining, not each.measured))),
            explanations=explanations,
            groups=fate_groups(*audits) if audits else (),
            objects=changed_fates(*audits) if audits else (),
        )
    )


def _what(named: NamedPriors) -> str:
    width, height = named.priors.image_size
    return f"{len(named.priors.boxes):,} priors on {len(named.priors.levels) or 1} levels, input {width} x {height}"


def _settings(first: PriorSpec, second: PriorSpec) -> list[tuple[Difference, Turn | None]]:
    """Each setting that is another in B, and how it is taken over."""
    found: list[tuple[Difference, Turn | None]] = []
    for name in SETTINGS:
        one, two = getattr(first, name), getattr(second, name)
        if one != two:
            what = f"{_shown(one)} in A, {_shown(two)} in B"
            found.append((Difference(CALLED.get(name, name), what), _setting(name)))
    if len(first.levels) != len(second.levels):
        what = f"{len(first.levels)} in A, {len(second.levels)} in B"
        return [*found, (Difference("levels", what), lambda into, of: replace(into, levels=of.levels))]
    if first.levels != second.levels and sorted(map(repr, first.levels)) == sorted(map(repr, second.levels)):
        left = list(second.levels)
        order = [left.index(level) for level in first.levels]
        what = f"B's {len(left)} levels are A's in another order: A's stand at {', '.join(map(str, order))}"
        return [
            *found,
            (Difference("levels", what, "in another order"), lambda into, of: replace(into, levels=of.levels)),
        ]
    for index, (one, two) in enumerate(zip(first.levels, second.levels, strict=True)):
        for field, what in _of_level(one, two):
            found.append((Difference(f"level {index}, {field.replace('_', ' ')}", what), _of(index, field)))
    return found


def _of_level(one: LevelSpec, two: LevelSpec) -> list[tuple[str, str]]:
    pairs = {field: (getattr(one, field), getattr(two, field)) for field in ("feature_map", "stride")}
    found = [(field, f"{_shown(a)} in A, {_shown(b)} in B") for field, (a, b) in pairs.items() if a != b]
    if one.shapes != two.shapes:
        found.append(("shapes", shapes_words(one.shapes, two.shapes) or "others in the last digits"))
    if one.offsets != two.offsets:
        found.append(("offsets", f"{_shown(one.offsets) or 'none'} in A, {_shown(two.offsets) or 'none'} in B"))
    return found


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        inner = [_shown(each) for each in value]
        return " ".join(inner) if value and isinstance(value[0], tuple) else "x".join(inner)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _setting(name: str) -> Turn:
    return lambda into, of: replace(into, **{name: getattr(of, name)})


def _of(index: int, field: str) -> Turn:
    def turn(into: PriorSpec, of: PriorSpec) -> PriorSpec:
        level = replace(into.levels[index], **{field: getattr(of.levels[index], field)})
        if field == "shapes" and len(level.offsets) not in (0, len(level.shapes)):
            level = replace(level, offsets=of.levels[index].offsets)
        return replace(into, levels=(*into.levels[:index], level, *into.levels[index + 1 :]))

    return turn


class _Mixture:
    """A's config with some of B's settings, on a data set."""

    def __init__(
        self,
        first: Config,
        second: Config,
        turns: dict[Difference, Turn | None],
        audit: Audit,
        ends: tuple[int | None, int | None],
    ) -> None:
        self._first, self._second, self._audit = first, second, audit
        self._turns = {difference.name: turn for difference, turn in turns.items() if difference.measured}
        self._known: dict[frozenset[str], int | None] = {frozenset(): ends[0], frozenset(self._turns): ends[1]}

    def matched(self, names: Collection[str]) -> float | None:
        """How many objects are matched then; None where the settings do not fit together."""
        key = frozenset(names)
        if key not in self._known:
            self._known[key] = self._matched(names)
        return self._known[key]

    def _matched(self, names: Collection[str]) -> int | None:
        spec, other = self._first.spec, self._second.spec
        if spec is None or other is None:
            return None
        try:
            for name, turn in self._turns.items():
                if name in names and turn is not None:
                    spec = turn(spec, other)
            priors = generate_priors(spec)
        except ValueError:
            return None
        return self._audit(replace(self._first.named, priors=priors)).totals.matched
