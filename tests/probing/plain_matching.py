"""Which object every prior learns, in plain loops, one image, prior and object at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, maximum, minimum, tensor, zeros

from ssdlossdbg.rules import MatchSpec

Row = list[float]


@dataclass(frozen=True)
class ImageRoles:
    """Of every prior of an image: class id (-1 if ignored), whether it is positive, and the box that is its object's.

    `last` is the last object of the image; None where there is none.
    """

    labels: list[int]
    positive: list[bool]
    boxes: list[Tensor]
    last: Tensor | None


class PlainMatcher:
    """Matches as a codebase's words say.

    Args:
        rules: they, looked up one by one.
        label_offset: added to the labels of rows.
    """

    def __init__(self, rules: MatchSpec, label_offset: int) -> None:
        self.rules, self.label_offset = rules, label_offset

    def match_image(self, rows: Tensor, priors: Tensor) -> ImageRoles:
        """The roles of priors `[P, 4]`, objects being rows (x1, y1, x2, y2, label)."""
        number = len(priors)
        if not len(rows):
            return ImageRoles([0] * number, [False] * number, [zeros(4)] * number, None)
        boxes, ids = rows[:, :4], [int(row[4]) + self.label_offset for row in rows]
        table = [self.overlaps(box, priors) for box in boxes]
        nearest = [self.best([row[prior] for row in table]) for prior in range(number)]
        owner, forced = self.owners(table, nearest)
        labels, flags, learnt = [], [], []
        for prior in range(number):
            own = owner.get(prior, nearest[prior])
            highest = table[nearest[prior]][prior]
            taken = prior in forced or self.reaches(highest)
            if prior == 0 and self.rules.first_prior_background:
                taken, highest = False, -1.0
            label = (1 if self.rules.one_class else ids[own]) if taken else 0
            positive = taken if self.rules.background_objects == "counted" else label > 0
            if not taken and self.rules.ignore_from is not None and highest >= self.rules.ignore_from:
                label = -1
            labels.append(label)
            flags.append(positive)
            learnt.append(boxes[own])
        return ImageRoles(labels, flags, learnt, boxes[-1])

    def overlaps(self, box: Tensor, priors: Tensor) -> Row:
        """IoU of a box and every prior."""
        if self.rules.precision == "float64":
            box, priors = box.double(), priors.double()
        low, high = priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2
        sides = (minimum(box[2:], high) - maximum(box[:2], low)).clamp(min=0)
        shared = sides[:, 0] * sides[:, 1]
        own = (high[:, 0] - low[:, 0]) * (high[:, 1] - low[:, 1])
        union = (box[2] - box[0]) * (box[3] - box[1]) + own - shared
        kind, epsilon = self.rules.iou, self.rules.iou_epsilon
        if kind == "epsilon-added":
            union = union + epsilon
        if kind == "union-floor":
            union = union.clamp(min=epsilon)
        found = shared / union
        if kind == "zero-without-union":
            found[union == 0] = 0.0
        if kind == "zero-without-overlap":
            found[shared == 0] = 0.0
        values: Row = found.tolist()
        return values

    def best(self, values: Row) -> int:
        """The place of the highest; nan counts as that."""
        order = range(len(values)) if self.rules.ties == "first" else range(len(values) - 1, -1, -1)
        found = -1
        for place in order:
            if (
                found < 0
                or values[place] > values[found]
                or (math.isnan(values[place]) and not math.isnan(values[found]))
            ):
                found = place
        return found

    def reaches(self, overlap: float) -> bool:
        """Whether an overlap makes a prior positive."""
        bar = self.rules.threshold
        return overlap > bar if self.rules.comparison == ">" else not overlap < bar

    def owners(self, table: list[Row], nearest: list[int]) -> tuple[dict[int, int], set[int]]:
        """Whose some priors are whatever they overlap, and which of them are positive by that."""
        rule, best = self.rules.forced, [self.best(row) for row in table]
        everybody = range(len(table))
        if rule == "none":
            return {}, set()
        if rule == "best-prior":
            owner = self.contested(table, best, everybody)
            if self.rules.conflict == "highest-iou":  # the largest of a column of zeros is its first row
                owner = {prior: 0 if table[place][prior] == 0 else place for prior, place in owner.items()}
            return owner, set(owner)
        if rule == "taken-over":
            strong = [place for place in everybody if not table[place][best[place]] < self.rules.minimum_iou]
            return self.contested(table, best, everybody), {best[place] for place in strong}
        if rule == "if-none-reaches":
            lost = [
                place
                for place in everybody
                if not self.reaches(table[place][best[place]]) and table[place][best[place]] > self.rules.minimum_iou
            ]
            owner = {
                prior: place
                for prior, place in self.contested(table, best, lost).items()
                if not self.reaches(table[nearest[prior]][prior])
            }
            return owner, set(owner)
        owner = self.greedy(table)
        left = [place for place in everybody if place not in owner.values()]
        if rule == "bipartite-keras" and left:
            # Each further step finds zeros alone, and so object 0 and prior 0; the last of all there stays.
            owner = {prior: place for prior, place in owner.items() if place != 0}
            owner[0] = max([*left, owner.get(0, -1), 0])
        if rule == "bipartite-and-ties":
            for prior, place in enumerate(nearest):
                if prior not in owner and table[place][prior] + 1e-12 >= max(table[place]):
                    owner[prior] = place
        return owner, set(owner)

    def contested(self, table: list[Row], best: list[int], claimants: list[int] | range) -> dict[int, int]:
        """Who gets the prior that each of some objects claims, its best one."""
        owner: dict[int, int] = {}
        for place in claimants:
            prior = best[place]
            rival = owner.get(prior)
            better = rival is not None and table[place][prior] > table[rival][prior]
            if rival is None or self.rules.conflict == "last" or (self.rules.conflict == "highest-iou" and better):
                owner[prior] = place
        return owner

    def greedy(self, table: list[Row]) -> dict[int, int]:
        """The highest pair left, again and again, nan counting as that; of equal ones the lowest prior's."""
        pairs = [(place, prior) for place in range(len(table)) for prior in range(len(table[0]))]
        pairs.sort(key=lambda pair: (-_number(table[pair[0]][pair[1]]), pair[1], pair[0]))
        owner: dict[int, int] = {}
        for place, prior in pairs:
            if table[place][prior] <= self.rules.minimum_iou:
                break
            if prior not in owner and place not in owner.values():
                owner[prior] = place
        return owner


def _number(value: float) -> float:
    return math.inf if math.isnan(value) else value


def as_tensor(roles: list[ImageRoles]) -> tuple[Tensor, Tensor]:
    """`[B, P]` labels and positives."""
    return tensor([each.labels for each in roles]), tensor([each.positive for each in roles])
