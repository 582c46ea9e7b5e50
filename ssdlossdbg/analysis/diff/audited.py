"""What changed from one audit to another, by class, size, level and object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PureWindowsPath

import numpy as np

from ssdlossdbg.results import AuditResult, Group, Objects
from ssdlossdbg.results.common import IntArray
from ssdlossdbg.results.diff import GroupDifference, ObjectDifference
from ssdlossdbg.results.history import BY_CLASS, BY_LEVEL, BY_SIZE
from ssdlossdbg.results.match import FORCED_ONLY, INVALID, MATCHED, UNMATCHED

MATCHED_OBJECTS, POSITIVES = "objects matched", "positives"
# From the best to the worst.
FATES = (MATCHED, FORCED_ONLY, UNMATCHED, INVALID)


def fate_groups(first: AuditResult, second: AuditResult) -> tuple[GroupDifference, ...]:
    """Classes, sizes and levels in which it is another."""
    named = [
        (BY_CLASS, MATCHED_OBJECTS, _by_name(first.classes), _by_name(second.classes)),
        (BY_SIZE, MATCHED_OBJECTS, _by_name(first.sizes), _by_name(second.sizes)),
        (BY_LEVEL, POSITIVES, _by_level(first), _by_level(second)),
    ]
    return tuple(each for by, of, one, two in named for each in _changed(by, of, one, two))


def _by_name(groups: Sequence[Group]) -> dict[str, float]:
    return {each.name: float(each.tally.matched) for each in groups}


def _by_level(result: AuditResult) -> dict[str, float]:
    return {f"level {index}": float(level.positives) for index, level in enumerate(result.levels)}


def _changed(by: str, of: str, one: Mapping[str, float], two: Mapping[str, float]) -> Iterator[GroupDifference]:
    for name in dict.fromkeys([*one, *two]):
        if one.get(name) != two.get(name):
            yield GroupDifference(by, name, of, one.get(name), two.get(name))


def changed_fates(first: AuditResult, second: AuditResult) -> tuple[ObjectDifference, ...]:
    """The objects of one data set that became something else with other priors: what was lost before what was won."""
    one, two = first.objects, second.objects
    rows = {key: row for row, key in enumerate(zip(two.image.tolist(), two.index.tolist(), strict=True))}
    fates = fates_of(one), fates_of(two)
    made = []
    for row, key in enumerate(zip(one.image.tolist(), one.index.tolist(), strict=True)):
        other = rows.get(key)
        if other is None or (fates[0][row] == fates[1][other] and one.positives[row] == two.positives[other]):
            continue
        made.append((fates[0][row] - fates[1][other], _object(one, two, row, other, (fates[0][row], fates[1][other]))))
    order = sorted(range(len(made)), key=lambda place: (made[place][0], place))
    return tuple(made[place][1] for place in order if made[place][0]) + tuple(
        made[place][1] for place in order if not made[place][0]
    )


def fates_of(objects: Objects) -> IntArray:
    """`[N]` which of `FATES` each object has."""
    fate = np.full(len(objects.labels), FATES.index(INVALID))
    for place, which in ((0, objects.matched), (1, objects.forced_only), (2, objects.without_positive)):
        fate[which] = place
    return fate


def _object(one: Objects, two: Objects, row: int, other: int, fates: tuple[int, int]) -> ObjectDifference:
    where = one.where(row)
    return ObjectDifference(
        image=str(where.image if where.image is not None else PureWindowsPath(where.file).name),
        index=int(one.index[row]),
        other=int(two.index[other]),
        label=one.labels[row],
        new_label=two.labels[other],
        box=one.pixels(row),
        new_box=two.pixels(other),
        became="",
        positives=(int(one.positives[row]), int(two.positives[other])),
        found=(FATES[fates[0]], FATES[fates[1]]),
    )
