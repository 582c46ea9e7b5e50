"""What the checks see of targets that were already encoded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ssdlossdbg.results.common import BoolArray, Box, FloatArray, IntArray
from ssdlossdbg.results.findings import Where
from ssdlossdbg.results.geometry import sound_priors
from ssdlossdbg.results.hypotheses import Explanation
from ssdlossdbg.rules import Dialect

# A side below this many pixels of the network's input is no object's: a pixel of a photo 30 000 pixels wide.
NO_SIDE = 0.01
# A prior that is no positive must overlap an object by this much more than a positive does before the positive counts
# as wrong: codebases that differ in their overlap's epsilon rank nearly equal priors differently.
MARGIN = 0.05


class Formula(StrEnum):
    """How offsets were made from a box and its prior."""

    STATED = "stated"
    """As the dialect says."""
    VARIANCES = "variances"
    """With other variances."""
    NOT_ENCODED = "not encoded"
    """They are the box itself."""
    CY_BY_WIDTH = "cy by width"
    """With dy divided by the prior's width."""
    CX_BY_HEIGHT = "cx by height"
    """With dx divided by the prior's height."""
    Y_FIRST = "y first"
    """In the order (dy, dx, dh, dw)."""
    NO_LOGARITHM = "no logarithm"
    """With the bare ratio of the sizes, or their difference over the prior's."""
    OTHER_LOGARITHM = "other logarithm"
    """With a logarithm to another base."""
    ORDER = "other order"
    """In yet another order."""
    NOT_DIVIDED = "not divided"
    """With the centre not divided by the prior's size."""
    BY_BOX = "divided by the box"
    """With the centre divided by the box's size."""
    SIGN = "other signs"
    """With some signs reversed."""
    EXCHANGED = "box and prior exchanged"
    """Where the prior is as seen from the box."""
    TOP_LEFT = "to the top left corner"
    """With the box's top left corner in place of its centre."""
    FROM_CORNERS = "from corners"
    """From each corner of the prior to that of the box."""
    DIFFERENCES = "differences"
    """Box less prior."""
    CORNER_PRIORS = "priors as corners"
    """From the prior's corners taken for centre and size."""
    CORNER_BOXES = "boxes as corners"
    """From the box's corners taken for centre and size."""
    PIXEL_BOXES = "boxes in pixels"
    """From a box in pixels and a prior in fractions."""
    CENTRE = "other centre"
    """As the dialect says, but for the centre."""
    SIZE = "other size"
    """As the dialect says, but for the size."""
    PARTS = "other centre and size"
    """With other formulas for both."""
    PRIORS = "other priors"
    """As the dialect says, but from other priors."""


@dataclass(frozen=True)
class Reading:
    """The formula under which the positives of an object decode to one box.

    Attributes:
        words: what the offsets are, to follow "the offsets are"; of other priors, their preset.
        variances: (x, y, w, h) that it divides by.
        boxes: to how many different boxes the positives decode.
        stated_boxes: to how many they would under the dialect's formula.
        positives: how many that was seen from.
        order: how these priors go if that is what is other about them.
    """

    formula: Formula
    words: str
    variances: Box
    boxes: int
    stated_boxes: int
    positives: int
    order: Explanation | None = None


@dataclass(frozen=True)
class PriorsByImage:
    """Priors of one kind, image by image; only images that have some.

    Attributes:
        image, prior, count: `[K]` index of the image, the first such prior, and how many there are.
    """

    image: IntArray
    prior: IntArray
    count: IntArray


@dataclass(frozen=True)
class EncodedTable:
    """The positives of targets that were already encoded, a row a positive.

    The objects behind them are recovered: positives of one image that decode to the same box stand for one object.

    Attributes:
        file: the targets' path.
        images, priors: how many images there are, and priors in each.
        image_size: (width, height) of the network's input in pixels.
        image, prior, label: `[N]` index of the image, of the prior, and the class it is to learn.
        offsets: `[N, 4]` float64 (dx, dy, dw, dh), as saved.
        prior_boxes: `[N, 4]` float64 cxcywh of the prior, normalised.
        exact: whether the offsets hold more digits than half precision does.
        reading: the formula that the boxes were decoded by.
        boxes: `[N, 4]` float64 xyxy, normalised; nan where the offsets stand for none.
        object: `[N]` which recovered object a positive stands for, from 0; -1 for none.
        iou: `[N]` overlap of the prior with its box under the dialect's rule; nan where there is none.
        slack: `[N]` by how much rounding may have moved that overlap.
        best_own: `[N]` highest overlap of any positive of the same object with it.
        best_free: `[N]` highest overlap of any prior of the image that is no positive with the same object; known
            where the positive is below the threshold, nan elsewhere.
        split: `[N]` whether another object of its image and label has nearly the same box; not asked where most
            priors are positive.
        ignored: priors labelled -1.
        bad_negatives: priors that are no positives but whose offsets are not finite.
        rules: the dialect.
    """

    file: str
    images: int
    priors: int
    image_size: tuple[int, int]
    image: IntArray
    prior: IntArray
    label: IntArray
    offsets: FloatArray
    prior_boxes: FloatArray
    exact: bool
    reading: Reading
    boxes: FloatArray
    object: IntArray
    iou: FloatArray
    slack: FloatArray
    best_own: FloatArray
    best_free: FloatArray
    split: BoolArray
    ignored: PriorsByImage
    bad_negatives: PriorsByImage
    rules: Dialect

    def where(self, row: int) -> Where:
        """The place of a positive, with the box it stands for."""
        image, prior, label = int(self.image[row]), int(self.prior[row]), f"class {self.label[row]}"
        return Where(self.file, image, label=label, prior=prior, box=self.pixels(row))

    def pixels(self, row: int) -> Box | None:
        """The box that a positive stands for, in pixels of the network's input; None if it stands for none."""
        width, height = self.image_size
        x1, y1, x2, y2 = (self.boxes[row] * (width, height, width, height)).tolist()
        return (x1, y1, x2, y2) if np.isfinite(self.boxes[row]).all() else None

    @property
    def crowded(self) -> bool:
        """Whether more than half of all priors are positive."""
        return len(self.image) > self.images * self.priors / 2

    @property
    def not_finite(self) -> BoolArray:
        """`[N]` whether an offset is inf or nan although the prior is sound."""
        return np.asarray(~np.isfinite(self.offsets).all(1) & sound_priors(self.prior_boxes))

    @property
    def sides(self) -> FloatArray:
        """`[N, 2]` width and height of the box, in pixels of the network's input."""
        return np.asarray((self.boxes[:, 2:] - self.boxes[:, :2]) * self.image_size)

    @property
    def hidden(self) -> BoolArray:
        """`[N]` whether the box is finite and yet has a side that no object has."""
        return np.asarray((self.sides < NO_SIDE).any(1) & np.isfinite(self.sides).all(1))

    @property
    def weak(self) -> BoolArray:
        """`[N]` whether the prior overlaps its object by less than the match threshold."""
        return np.asarray(self.iou < self.rules.match.threshold - self.slack)

    @property
    def misplaced(self) -> BoolArray:
        """`[N]` whether a positive was chosen neither by the threshold nor by force for the object it decodes to."""
        return np.asarray(self.weak & (self.best_free > self.iou + self.slack + MARGIN))

    @property
    def siblings(self) -> IntArray:
        """`[N]` positives of the same object, itself included; 0 without an object."""
        counts = np.bincount(self.object[self.object >= 0], minlength=1)
        return np.where(self.object >= 0, counts[self.object], 0)
