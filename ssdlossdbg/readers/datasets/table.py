"""One table for every format: a row an image, a row an object."""

from __future__ import annotations

from array import array
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssdlossdbg.errors import InputError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
# What could not be read: the file, and why.
Refused = tuple[str, InputError]
# Of a photo, in pixels: no image format goes beyond, and int64 columns hold it.
LARGEST_SIDE = 2**31


@dataclass(frozen=True, eq=False)
class Dataset:
    """B images and their N objects, as annotated, before any codebase's loader has touched them.

    Attributes:
        path: what was read.
        format: its format, in words.
        names: B names of photos; without an ending where the annotations do not say it (YOLO).
        files: B annotation files; one string many times where a file holds many images.
        sizes: int64 `[B, 2]`, (width, height) in pixels as annotated, 0 where that is not said.
        class_names: the classes, background left out.
        image: int64 `[N]`, the place of the object's image in `names`, ascending.
        index: int64 `[N]`, the object's place in its image's list.
        class_index: int64 `[N]`, the place of its class in `class_names`, -1 for one that is not there.
        boxes: float64 `[N, 4]`, xyxy in photo pixels, or as fractions of the photo.
        difficult: bool `[N]`, marked difficult (Pascal VOC), crowd (COCO) or group (Open Images).
        unknown: how many objects have each label that is not in `class_names`.
        fractions: whether boxes are fractions of the photo.
        one_based: whether pixel coordinates count from 1 (Pascal VOC), so that a dialect's offset applies.
        refused: what could not be read, and is left out.
        class_file: the file beside the dataset that names its classes, None where there is none.
    """

    path: Path
    format: str
    names: tuple[str, ...]
    files: tuple[str, ...]
    sizes: IntArray
    class_names: tuple[str, ...]
    image: IntArray
    index: IntArray
    class_index: IntArray
    boxes: FloatArray
    difficult: BoolArray
    unknown: dict[str, int]
    fractions: bool
    one_based: bool
    refused: tuple[Refused, ...]
    class_file: Path | None = None

    @property
    def many_in_file(self) -> bool:
        """Whether a file of this format holds many images, so that it takes a name to tell one."""
        return self.format in {"COCO", "Open Images"}


@dataclass(frozen=True, eq=False)
class Table:
    """What a format's reader returns: a `Dataset` whose labels are not yet looked up in the list of classes.

    Attributes:
        label: int64 `[N]`, the place of the object's label in `labels`.
        labels: the labels met, each once, in any order.
        listed: the classes that the dataset itself lists; empty where it lists none.
        others: as in `Dataset`.
    """

    format: str
    names: tuple[str, ...]
    files: tuple[str, ...]
    sizes: IntArray
    image: IntArray
    index: IntArray
    label: IntArray
    labels: tuple[str, ...]
    boxes: FloatArray
    difficult: BoolArray
    listed: tuple[str, ...] = ()
    fractions: bool = False
    one_based: bool = False
    refused: tuple[Refused, ...] = ()
    class_file: Path | None = None


@dataclass
class Rows:
    """The columns as they grow, for formats that are read object by object.

    Typed arrays take 50 bytes an object, where lists of tuples of floats would take 300.
    """

    names: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    labels: dict[Hashable, int] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    _image: array[int] = field(default_factory=lambda: array("q"))
    _label: array[int] = field(default_factory=lambda: array("q"))
    _boxes: array[float] = field(default_factory=lambda: array("d"))
    _difficult: array[int] = field(default_factory=lambda: array("b"))

    def add_image(self, name: str, file: str, size: tuple[int, int] = (0, 0)) -> int:
        """Append an image and return its place."""
        self.names.append(name)
        self.files.append(file)
        self.sizes.append(size)
        return len(self.names) - 1

    def add_object(
        self, image: int, label: Hashable, box: tuple[float, float, float, float], difficult: bool = False
    ) -> None:
        """Append an object of an image."""
        self._image.append(image)
        self._label.append(self.labels.setdefault(label, len(self.labels)))
        self._boxes.extend(box)
        self._difficult.append(difficult)

    def table(
        self,
        format: str,
        labels: tuple[str, ...],
        listed: tuple[str, ...] = (),
        fractions: bool = False,
        one_based: bool = False,
    ) -> Table:
        """The table of what was appended, sorted by image; arguments as the attributes of `Table`."""
        order, image, index = by_image(np.array(self._image, dtype=np.int64))
        return Table(
            format=format,
            names=tuple(self.names),
            files=tuple(self.files),
            sizes=np.array(self.sizes, dtype=np.int64).reshape(-1, 2),
            image=image,
            index=index,
            label=np.array(self._label, dtype=np.int64)[order],
            labels=labels,
            boxes=np.array(self._boxes, dtype=np.float64).reshape(-1, 4)[order],
            difficult=np.array(self._difficult, dtype=np.bool_)[order],
            listed=listed,
            fractions=fractions,
            one_based=one_based,
            refused=tuple(self.refused),
        )


def by_image(image: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """How to sort objects by image without changing the order within one.

    Args:
        image: int64 `[N]`, each object's image, none negative.

    Returns:
        The order, the sorted images, and each sorted object's place in its image's list; int64 `[N]`.
    """
    order = np.argsort(image, kind="stable")
    counts = np.bincount(image)
    starts = np.cumsum(counts) - counts
    in_order = image[order]
    return order, in_order, np.arange(len(image)) - starts[in_order]


def refusal_of_many(file: Path, place: str, count: int, what: str, fix: str) -> Refused:
    """One refusal for many like it: the first case, and how many more there are.

    Args:
        file: where they are.
        place: the first one's place in it.
        count: how many there are in all.
        what: what is wrong with the first.
        fix: what the user can do.
    """
    more = f" ({count - 1:,} more like it)" if count > 1 else ""
    return str(file), InputError(f"{file}, {place}", what + more, fix)
