"""What the checks see of the annotated objects of any number of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssdlossdbg.analysis.results.common import BoolArray, Box, FloatArray, IntArray
from ssdlossdbg.analysis.results.findings import Where
from ssdlossdbg.readers.dialects import Dialect


@dataclass(frozen=True)
class ImageFacts:
    """An image that has objects, or should.

    Attributes:
        file: where its objects are listed.
        name: what the file calls it, where the file holds several; None for a file about one image.
        size: (width, height) of the space that its boxes are written in.
        photo_size: (width, height) of the photo in pixels where it was seen, else None.
        left_out: objects that the dialect's loader drops (difficult), as (index, label).
    """

    file: str
    name: int | str | None
    size: tuple[float, float]
    photo_size: tuple[int, int] | None = None
    left_out: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Objects:
    """The objects of B images, a row an object, with what matching made of them.

    Attributes:
        images: the B images, those without objects too.
        image: `[N]` index into `images`.
        index: `[N]` place in its image's list, from 0.
        labels: N class names.
        class_id: `[N]` output column, 0 being background.
        stated: `[N, 4]` float64 xyxy as the file says, in the space of `ImageFacts.size`.
        boxes: `[N, 4]` float64 xyxy as the loss sees them, normalised.
        layout: how the file writes a box: "xyxy", "xywh" (COCO) or "cxcywh" (YOLO).
        saved: whether they come from saved tensors, which the loss receives as they are, rather than annotations.
        one_based: whether the file's pixel coordinates count from 1, so that the dialect's offset was applied.
        best_prior, best_iou: `[N]` the prior of highest IoU.
        shape_iou: `[N]` what IoU the best-fitting prior shape would reach if it were centred on the object.
        near_ties: `[N]` priors whose IoU is within 1e-5 of the best one, itself included; 0 where nothing overlaps.
        positives, forced: `[N]` priors assigned to it, and those of them that do not reach the threshold.
        lost_to: `[N]` position among these rows of the object that took its best prior, or -1.
        target: `[N]` the first encoded target of its positives that is inf or nan; 0 where all are finite.
        image_size: (width, height) of the network's input in pixels.
        rules: the dialect.
    """

    images: tuple[ImageFacts, ...]
    image: IntArray
    index: IntArray
    labels: tuple[str, ...]
    class_id: IntArray
    stated: FloatArray
    boxes: FloatArray
    layout: str
    saved: bool
    one_based: bool
    best_prior: IntArray
    best_iou: FloatArray
    shape_iou: FloatArray
    near_ties: IntArray
    positives: IntArray
    forced: IntArray
    lost_to: IntArray
    target: FloatArray
    image_size: tuple[int, int]
    rules: Dialect

    def where(self, row: int) -> Where:
        """The place of an object."""
        image = self.images[int(self.image[row])]
        return Where(image.file, image.name, int(self.index[row]), self.labels[row], box=self.pixels(row))

    def place(self, image: int, whole_file: bool = False) -> Where:
        """The place of an image, or of the whole file that it is in."""
        return Where(self.images[image].file, None if whole_file else self.images[image].name)

    def pixels(self, row: int) -> Box:
        """An object's box in pixels: of the photo as the file states it, of the network's input if saved."""
        width, height = self.image_size
        scale = (width, height, width, height) if self.saved else (1, 1, 1, 1)
        x1, y1, x2, y2 = ((self.boxes if self.saved else self.stated)[row] * scale).tolist()
        return x1, y1, x2, y2

    @property
    def sizes(self) -> FloatArray:
        """`[N, 2]` (width, height) of the space that each object's box is written in."""
        sizes: FloatArray = np.asarray([image.size for image in self.images], dtype=float).reshape(-1, 2)[self.image]
        return sizes

    @property
    def empty(self) -> BoolArray:
        """`[N]` whether a box has no width or no height."""
        return np.asarray((self.boxes[:, 2:] == self.boxes[:, :2]).any(1))

    @property
    def inverted(self) -> BoolArray:
        """`[N]` whether a box ends before it begins."""
        return np.asarray((self.boxes[:, 2:] < self.boxes[:, :2]).any(1))

    @property
    def valid(self) -> BoolArray:
        """`[N]` whether a box is one: finite, wider and higher than nothing."""
        return np.asarray(np.isfinite(self.boxes).all(1) & (self.boxes[:, 2:] > self.boxes[:, :2]).all(1))
