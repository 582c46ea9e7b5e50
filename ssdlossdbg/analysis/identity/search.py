"""Which rules explain every number: the dialects as they are, then with one rule another, then with two.

What rules give for a batch is computed in stages that are kept, so a variant costs what its rule touches. It is tried
first on the batch that its dialect fails on, where most variants fail, too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ssdlossdbg.analysis.identity.changes import Change, Changes, changed, same_maths, setting
from ssdlossdbg.analysis.identity.idle import Facts
from ssdlossdbg.analysis.identity.observed import Observed
from ssdlossdbg.analysis.identity.trials import Trial
from ssdlossdbg.rules import Dialect

T = TypeVar("T")
# Variants of one rule that are gone on with, where two are to be found.
MOST_BEGUN = 30
# And with finer numbers, where that finds nothing.
MOST_FINE = 10
# Dialects whose variants those are, and by how many of the batches, the most telling ones, both are chosen.
MOST_NEAR, TELLING = 5, 9
WEIGHT = "loss.localization_weight"
# Digits of a weight that is fitted.
DIGITS = 4
# What differences are shares of, at the least.
LEAST = 1e-9


@dataclass(frozen=True)
class Explanation:
    """Rules that give every number.

    Attributes:
        names: the dialects that it starts from, which have the same loss for everything.
        changes: to them.
        rules: with these.
    """

    names: tuple[str, ...]
    changes: tuple[Change, ...]
    rules: Dialect


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        explanations: those of the fewest changes, the likeliest first.
        complete: whether the search ended before its time was up.
    """

    explanations: tuple[Explanation, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class _Fault:
    """A batch that rules get wrong.

    Attributes:
        place: of it.
        right: whether localisation is right, and confidence; None where a total alone is known.
        facts: of it.
    """

    place: int
    right: tuple[bool, bool] | None
    facts: Facts

    def may_be_mended(self, change: Change, rules: Dialect) -> bool:
        """Whether a change to the rules can make good what is wrong."""
        touches = change.touches(rules)
        mends = self.right is None or all(good or each for good, each in zip(self.right, touches, strict=True))
        return mends and not self.facts.are_idle_for(change, rules)


@dataclass
class Search:
    """Batches, what is known of their losses, and the rules that may explain it.

    Attributes:
        trials: the batches, the most telling first.
        observed: what is known of each.
        dialects: to start from.
        named: numbers that the criterion names, by section.key.
        without: beginnings of keys that make no difference.
        delicate: the places of batches that speak against no rules.
        seconds: that it may take.
    """

    trials: Sequence[Trial]
    observed: Sequence[Observed]
    dialects: Sequence[Dialect]
    named: Mapping[str, Sequence[float]] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    delicate: frozenset[int] = frozenset()
    seconds: float = math.inf

    def __post_init__(self) -> None:
        """Start the clock, and put dialects together that are one by their settings."""
        self.until = time.monotonic() + self.seconds
        told = [place for place, each in enumerate(self.observed) if not each.error]
        self.places = [place for place in told if place not in self.delicate]
        # The last made are those that leave the fewest.
        self._filtering = [place for place in reversed(self.places) if self.trials[place].is_unmistakable]
        groups: dict[object, list[Dialect]] = {}
        for each in self.dialects:
            groups.setdefault(same_maths(each, self.without), []).append(each)
        self.groups = list(groups.values())

    def run(self, most_changes: int = 2) -> Found:
        """The rules that explain every number, of no more changes than asked."""
        return ended(self.gradually(most_changes))

    def gradually(self, most_changes: int = 2, likeliest: str = "") -> Generator[None, None, Found]:
        """The same, a piece of some milliseconds at a time; all that is tried with two changes is one of them.

        Args:
            most_changes: than asked.
            likeliest: a dialect; where that explains every number with a rule changed, no other is tried.
        """
        starts = [Explanation(tuple(each.name for each in group), (), group[0]) for group in self.groups]
        found = yield from self._gathered(each if self.explains(each.rules) else None for each in starts)
        if found or not most_changes:
            return self._found(found)
        first = [start for start in starts if likeliest in start.names]
        others = [start for start in starts if start not in first]
        for among, fine in ((first, False), (first, True), (others, False)):
            found = yield from self._gathered(self._with_one(among, self._changes(fine)))
            if found or self._late:
                return self._found(found)
        near = sorted(starts, key=lambda start: self._faults(start.rules))[:MOST_NEAR]
        found = yield from self._gathered(self._with_one(near, self._changes(fine=True)))
        if not found and most_changes > 1:
            found = self._with_two(near)
        return self._found(found)

    @staticmethod
    def _gathered(tried: Iterable[Explanation | None]) -> Generator[None, None, list[Explanation]]:
        """What explains, of what is tried a piece at a time."""
        found = []
        for each in tried:
            if each is not None:
                found.append(each)
            yield
        return found

    def explains(self, rules: Dialect, first: int | None = None) -> bool:
        """Whether rules give all that is known.

        Args:
            rules: they.
            first: the place of a batch to ask before the others.
        """
        if first is not None and not all(self._agrees(rules, first)):
            return False
        return all(all(self._agrees(rules, place)) for place in self.places)

    def alternatives(self, explanation: Explanation) -> dict[str, list[Change]]:
        """The other values of single rules that explain every number as well, by the rule's key."""
        rest: dict[str, list[Change]] = {}
        for change in self._changes(fine=False).of(explanation.rules):
            if self._late:
                break
            rules = changed(explanation.rules, change)
            if self.explains(rules) and all(
                self._agrees_as_well(rules, explanation.rules, each) for each in self.delicate
            ):
                rest.setdefault(change.key, []).append(change)
        return rest

    def nearest(self) -> Dialect:
        """The dialect that fails on the fewest batches, and is least far off on the first of them."""
        return min((group[0] for group in self.groups), key=self._distance)

    def failing(self, rules: Dialect) -> tuple[int, ...]:
        """The places of the batches on which rules give something else."""
        return tuple(place for place in self.places if not all(self._agrees(rules, place)))

    def _distance(self, rules: Dialect) -> tuple[int, float]:
        """How many batches rules get wrong, and how far off they are on the first of them, as a share."""
        places = self.failing(rules)
        losses = self.trials[places[0]].losses(rules) if places else None
        if losses is None:
            return len(places), math.inf
        said = self.observed[places[0]].recorded
        pairs = (said.total, sum(losses)), (said.localization, losses[0]), (said.confidence, losses[1])
        off = [abs(own - value) / max(abs(value), LEAST) for value, own in pairs if value is not None]
        return len(places), max((each for each in off if not math.isnan(each)), default=math.inf)

    def _agrees_as_well(self, rules: Dialect, others: Dialect, place: int) -> bool:
        """Whether a delicate batch does not speak for the others."""
        return bool(self.observed[place].error) or self._agrees(rules, place) >= self._agrees(others, place)

    @property
    def _late(self) -> bool:
        return time.monotonic() > self.until

    def _changes(self, fine: bool) -> Changes:
        return Changes(self.dialects, self.named, self.without, fine)

    def _agrees(self, rules: Dialect, place: int) -> tuple[bool, bool]:
        losses = self.trials[place].losses(rules)
        return (True, True) if losses is None else self.observed[place].agrees(losses)

    def _with_one(self, starts: Iterable[Explanation], changes: Changes) -> Iterator[Explanation | None]:
        """What explains with a change more; nothing for each that does not."""
        seen = set()
        for start in starts:
            faults = self._first_faults(start.rules)
            yield None
            if not faults:
                continue
            place = faults[0].place
            for change in self._tried(start.rules, faults, changes):
                if self._late:
                    return
                rules = changed(start.rules, change)
                maths = same_maths(rules, self.without) if self.explains(rules, place) else None
                is_new = maths is not None and maths not in seen
                seen.add(maths)
                yield Explanation(start.names, (*start.changes, change), rules) if is_new else None

    def _first_faults(self, rules: Dialect) -> list[_Fault]:
        """What rules get wrong of the batches that leave few changes to be tried; then the first that they do."""
        wrong = [place for place in self._filtering if not all(self._agrees(rules, place))]
        first = next((place for place in self.places if not all(self._agrees(rules, place))), None)
        wrong += [] if first is None else [first]
        return [self._fault(rules, place) for place in dict.fromkeys(wrong)]

    def _fault(self, rules: Dialect, place: int) -> _Fault:
        said = self.observed[place].recorded
        apart = said.localization is not None and said.confidence is not None
        return _Fault(place, self._agrees(rules, place) if apart else None, self.trials[place].facts(rules))

    def _tried(self, rules: Dialect, faults: Sequence[_Fault], changes: Changes) -> Iterator[Change]:
        """The changes that may make good what is wrong."""
        place = faults[0].place
        trial, before = self.trials[place], self.trials[place].losses(rules)

        def may_mend(change: Change) -> bool:
            return all(fault.may_be_mended(change, rules) for fault in faults)

        def matters(change: Change) -> bool:
            return may_mend(change) and trial.losses(changed(rules, change)) != before

        fitted = [change for change in self._fitted(rules) if may_mend(change)]
        yield from fitted
        for change in changes.of(rules, matters):
            # All but one of the weights are the wrong ones.
            if not (fitted and change.key == WEIGHT) and may_mend(change):
                yield change

    def _with_two(self, near: Sequence[Explanation]) -> list[Explanation]:
        """From those variants of a few dialects that fail on less than these do."""
        changes = self._changes(fine=False)
        begun: list[tuple[int, int, Explanation]] = []
        for start in near:
            faults = self._faults(start.rules)
            for change in (*self._fitted(start.rules), *changes.of(start.rules)):
                if self._late:
                    break
                rules = changed(start.rules, change)
                left = self._faults(rules, less_than=faults)
                if left < faults:
                    begun.append((left, len(begun), Explanation(start.names, (change,), rules)))
        best = [start for _, __, start in sorted(begun, key=lambda each: each[:2])]
        found = self._gone_on_with(best[:MOST_BEGUN], changes)
        return found or self._gone_on_with(best[:MOST_FINE], self._changes(fine=True))

    def _gone_on_with(self, begun: Sequence[Explanation], changes: Changes) -> list[Explanation]:
        seen: dict[object, Explanation] = {}
        for start in begun:
            for each in filter(None, self._with_one([start], changes)):
                if each.changes[0].key != each.changes[1].key:
                    seen.setdefault(same_maths(each.rules, self.without), each)
        return list(seen.values())

    def _faults(self, rules: Dialect, less_than: int | None = None) -> int:
        """How many losses of the most telling batches rules get wrong; `less_than` as soon as they are as many."""
        wrong = 0
        for place in self.places[:TELLING]:
            wrong += 2 - sum(self._agrees(rules, place))
            if less_than is not None and wrong >= less_than:
                break
        return wrong

    def _fitted(self, rules: Dialect) -> Iterator[Change]:
        """The weight of localisation that would explain the first batch."""
        weight = rules.loss.localization_weight
        for place in self.places[:1]:
            recorded, losses = self.observed[place].recorded, self.trials[place].losses(rules)
            if losses is None or not losses[0] or not weight:
                continue
            said = recorded.localization
            if said is None:
                said = math.nan if recorded.total is None else recorded.total - losses[1]
            fitted = weight * said / losses[0]
            if math.isfinite(fitted) and fitted > 0:
                yield Change(((WEIGHT, float(f"{fitted:.{DIGITS}g}")),))

    def _found(self, found: list[Explanation]) -> Found:
        delicate = {
            place: {each.rules: all(self._agrees(each.rules, place)) for each in found}
            for place in sorted(self.delicate)
            if not self.observed[place].error
        }
        for verdicts in delicate.values():
            if any(verdicts[each.rules] for each in found):
                found = [each for each in found if verdicts[each.rules]]
        return Found(tuple(sorted(found, key=self._unlikely)), not self._late)

    def _unlikely(self, explanation: Explanation) -> tuple[int, int, int]:
        """Fewer changes, then refusals like the criterion's own, then rounder numbers go before others."""
        places = range(len(self.trials))
        refusals = sum(
            bool(self.observed[each].error) != bool(self.trials[each].raises(explanation.rules)) for each in places
        )
        digits = sum(len(f"{value}") for change in explanation.changes for _, value in change.settings)
        return len(explanation.changes), refusals, digits


def ended(work: Generator[None, None, T]) -> T:
    """What work comes to that is done a piece at a time."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def settings_of(explanation: Explanation, shipped: Dialect) -> tuple[tuple[str, object], ...]:
    """What an explanation changes of a dialect, as section.key and value, in the order of a file."""
    keys = dict.fromkeys(key for change in explanation.changes for key, _ in change.settings)
    new = ((key, setting(explanation.rules, key)) for key in keys)
    return tuple((key, value) for key, value in new if value != setting(shipped, key))
