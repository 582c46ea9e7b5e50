"""What a saved batch may suffer from, and how well each explanation fits it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ssdlossdbg.results.common import IntArray


class Explanation(StrEnum):
    """What would have to be so for the predicted boxes to meet the objects."""

    CELL = "cell"
    """The rows go row by row, in each cell all shapes."""
    SHAPE = "shape"
    """Shape by shape, each over all cells."""
    COLUMN = "column"
    """Column by column, in each cell all shapes."""
    LEVELS_REVERSED = "levels-reversed"
    """The last level first."""
    SECOND_LAST = "second-last"
    """In each cell the second shape, usually the larger square, last."""
    LAST_SECOND = "last-second"
    """In each cell the last shape second."""
    TURNED = "turned"
    """In each cell wide shapes where the priors have tall ones."""
    UNPERMUTED = "unpermuted"
    """Each level as the convolution gives it, channels outside and cells inside."""
    VALUES_FIRST = "values-first"
    """In each cell dx of all shapes, then dy of all, and so on."""
    PRIORS_LAST = "priors-last"
    """dx of all priors, then dy of all, and so on."""
    OFFSETS = "offsets"
    """Rows as given, the four offsets in another order."""
    BOXES = "boxes"
    """Rows as given, each a box and no offsets."""
    VARIANCES = "variances"
    """Offsets that other variances decode."""
    FACTOR = "factor"
    """Offsets that are so many times too large, or too small, that no variances are meant."""
    PRESET = "preset"
    """Offsets from the priors of another preset."""
    IMAGES = "images"
    """The images are in another order than their objects."""
    MIRRORED = "mirrored"
    """Boxes or photos are mirrored, left and right."""
    UPSIDE_DOWN = "upside-down"
    """Boxes or photos are mirrored, up and down."""
    TRANSPOSED = "transposed"
    """The boxes are (y1, x1, y2, x2)."""
    SCALED = "scaled"
    """The boxes are written for an image of another size."""


@dataclass(frozen=True)
class Fit:
    """How well predicted boxes meet their objects under an explanation, and as they are given.

    Attributes:
        explanation: what would be so.
        positives: over how many: those that it makes a difference to.
        mean_iou: of what is predicted if it is so; what cannot be decoded counts as 0.
        as_given: of what is predicted if nothing is, at the same positives.
        of_priors: of those priors themselves, as if every offset were 0.
        detail: what exactly, in words; empty where the explanation says all.
    """

    explanation: Explanation
    positives: int
    mean_iou: float
    as_given: float
    of_priors: float
    detail: str = ""


@dataclass(frozen=True)
class Heard:
    """What the logits say of what the priors are to learn, beyond how much that costs.

    Attributes:
        target: `[N]` class that a positive is to learn, of positives that are surely taken for an object of any.
        predicted: `[N]` class that it is surely taken for.
        owner: `[N]` number of the object that it stands for, from 0; -1 where the objects are not known.
        image: `[N]` index of the image.
        labels: classes that any positive is to learn, in their order.
        column: the column that most negatives have their highest logit in.
        column_share: share of the negatives that do.
        column_probability: mean probability of that column at them.
        positives_probability: mean probability of that column at positives.
        cost, rolled: mean cross-entropy of what the loss counts, as given and with the last column first; 0 where no
            other column is suspected.
    """

    target: IntArray
    predicted: IntArray
    owner: IntArray
    image: IntArray
    labels: tuple[int, ...]
    column: int
    column_share: float
    column_probability: float
    positives_probability: float
    cost: float = 0.0
    rolled: float = 0.0


@dataclass(frozen=True)
class Strangers:
    """Objects that the network surely sees where the targets have none.

    Attributes:
        sure: how many priors are surely taken for an object.
        on_objects: share of these whose predicted box meets an object of its image.
        agreeing: share of these whose predicted box another one of them nearly repeats.
        best: the mean IoU of these boxes with the nearest object of their image.
        images: in how many images there are any.
        by_chance: share of pairs of one of these boxes and another image of the batch whose objects it meets.
        distinct: of how many objects they seem to be: each counts as little as there are others that nearly repeat it.
    """

    sure: int
    on_objects: float
    agreeing: float
    best: float
    images: int
    by_chance: float = 0.0
    distinct: float = 1.0
