"""What the checks see of the annotated objects of any number of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ssdlossdbg.results.common import BoolArray, Box, FloatArray, IntArray
from ssdlossdbg.results.findings import Where
from ssdlossdbg.results.geometry import sound_boxes
from ssdlossdbg.rules import Dialect, LevelSpec

# Where a prior overlaps an object by less, what it is to learn is far from what it looks at.
HARDLY = 0.1


@dataclass(frozen=True)
class ImageFacts:
    """An image that has objects, or should.

    Attributes:
        file: where its objects are listed.
        name: what the file calls it, where the file holds several; None for a file about one image.
        size: (width, height) of the space that its boxes are written in.
        photo_size: (width, height) of the photo in pixels where it was seen, else None.
        left_out: objects that the dialect's loader drops for their mark (difficult, crowd, group), as (index, label).
        unusable: how many more objects it has that take no part, being of a class that is not in the list, say.
        unlisted: how many of the unusable a list of some of the classes filters out.
        discarded: objects that the dialect's loader drops for their boxes, as (index, label).
        orientation: how EXIF data turn the photo, as EXIF numbers it; 1 where they do not, 0 where it was not seen.
        declares_size: whether its file says how large the photo is.
        traits: how the file writes what it says of the image, as flags of `Trait`.
    """

    file: str
    name: int | str | None
    size: tuple[float, float]
    photo_size: tuple[int, int] | None = None
    left_out: tuple[tuple[int, str], ...] = ()
    unusable: int = 0
    unlisted: int = 0
    discarded: tuple[tuple[int, str], ...] = ()
    orientation: int = 1
    declares_size: bool = True
    traits: int = 0

    @property
    def annotated(self) -> bool:
        """Whether it has objects of listed classes that the loader drops."""
        return bool(self.left_out or self.discarded)


@dataclass(frozen=True)
class ClassListFile:
    """A file of class names, as its lines are."""

    file: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What is known of annotation files as a whole.

    Attributes:
        format: of the files, as options call it; empty for saved tensors.
        mark: what marks the objects that a loader may leave out: "difficult", "crowd" or "group".
        names: the classes as the user listed them; empty where the user gave no list.
        lists: the files of class names that lie where loaders look for one, labels.txt above Annotations, by the
            folder whose files they are for.
        category_ids: the number of each class in a format that numbers what it names (COCO).
    """

    format: str = ""
    mark: str = "difficult"
    names: tuple[str, ...] = ()
    lists: Mapping[str, ClassListFile] = field(default_factory=dict)
    category_ids: Mapping[str, int] = field(default_factory=dict)


NOTHING_READ = Reading()


@dataclass(frozen=True)
class Objects:
    """The objects of B images, a row an object, in the order of the images, with what matching made of them.

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
        levels: the priors' feature maps; empty where no grid is known.
        traits: `[N]` how the file writes each object, as flags of `Trait`; None where there is nothing to say.
        marked: `[N]` whether it has the mark that `reading` names, though it was not left out; None where none has.
        reading: what is known of the files.
        label_offset: what was added to saved labels, which need not be the dialect's.
        recovered: whether they are what the positives of encoded targets decode to: then one without a positive is not
            among them, and neither their order nor any mark of theirs is known.
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
    levels: tuple[LevelSpec, ...] = ()
    traits: IntArray | None = None
    marked: BoolArray | None = None
    reading: Reading = NOTHING_READ
    label_offset: int = 0
    recovered: bool = False

    def where(self, row: int) -> Where:
        """The place of an object."""
        image = self.images[int(self.image[row])]
        return Where(image.file, image.name, int(self.index[row]), self.labels[row], box=self.pixels(row))

    def place(self, image: int) -> Where:
        """The place of an image."""
        return Where(self.images[image].file, self.images[image].name)

    def pixels(self, row: int) -> Box:
        """An object's box in pixels: of the photo as the file states it, of the network's input if saved."""
        x1, y1, x2, y2 = self._in_pixels[row].tolist()
        return x1, y1, x2, y2

    @cached_property
    def _in_pixels(self) -> FloatArray:
        return self.boxes * (self.image_size * 2) if self.saved else self.stated

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The F files that list the objects of all images, each once, in the order of the images."""
        return tuple(dict.fromkeys([image.file for image in self.images]))

    @cached_property
    def file(self) -> IntArray:
        """`[B]` the file of each image, an index into `files`."""
        number = {file: index for index, file in enumerate(self.files)}
        return np.asarray([number[image.file] for image in self.images], dtype=np.int64)

    @cached_property
    def image_sizes(self) -> FloatArray:
        """`[B, 2]` (width, height) of the space that each image's boxes are written in."""
        return np.asarray([image.size for image in self.images], dtype=float).reshape(-1, 2)

    @cached_property
    def sizes(self) -> FloatArray:
        """`[N, 2]` the same for each object."""
        # Column by column: NumPy is slow at picking rows of two, and at whatever else runs along them.
        width, height = self.image_sizes.T
        return np.stack((width[self.image], height[self.image])).T

    @cached_property
    def finite(self) -> BoolArray:
        """`[N]` whether no coordinate of a box is nan or infinite."""
        x1, y1, x2, y2 = np.isfinite(self.boxes).T
        return np.asarray(x1 & y1 & x2 & y2)

    @cached_property
    def empty(self) -> BoolArray:
        """`[N]` whether a box has no width or no height."""
        x1, y1, x2, y2 = self.boxes.T
        return np.asarray((x2 == x1) | (y2 == y1))

    @cached_property
    def inverted(self) -> BoolArray:
        """`[N]` whether a box ends before it begins."""
        x1, y1, x2, y2 = self.boxes.T
        return np.asarray((x2 < x1) | (y2 < y1))

    @cached_property
    def zeros(self) -> BoolArray:
        """`[N]` whether the file says 0, 0, 0, 0."""
        x1, y1, x2, y2 = self.stated.T
        return np.asarray((x1 == 0) & (y1 == 0) & (x2 == 0) & (y2 == 0))

    @cached_property
    def valid(self) -> BoolArray:
        """`[N]` whether a box is one: finite, wider and higher than nothing."""
        return sound_boxes(self.boxes)

    @property
    def matched(self) -> BoolArray:
        """`[N]` whether a box is sound and has a positive that reaches the threshold."""
        return self._became[0]

    @property
    def forced_only(self) -> BoolArray:
        """`[N]` whether a box is sound and all its positives are forced."""
        return self._became[1]

    @property
    def without_positive(self) -> BoolArray:
        """`[N]` whether a box is sound and has no positive."""
        return self._became[2]

    @cached_property
    def _became(self) -> tuple[BoolArray, BoolArray, BoolArray]:
        return became(self.valid, self.positives, self.forced)


def became(valid: BoolArray, positives: IntArray, forced: IntArray) -> tuple[BoolArray, BoolArray, BoolArray]:
    """What became of objects: whether each is matched, forced only, or without a positive.

    Args:
        valid: `[N]` whether the box is sound; one that is not is none of the three.
        positives: `[N]` priors assigned to it.
        forced: `[N]` those of them that do not reach the threshold.
    """
    none = positives == 0
    only_forced = ~none & (positives == forced)
    return valid & (positives > forced), valid & only_forced, valid & none
