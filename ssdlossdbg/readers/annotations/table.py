"""One table for every format: a row an image, a row an object."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.annotations.notation import Notation
from ssdlossdbg.results import BoolArray, Box, FloatArray, IntArray

Number = TypeVar("Number", bound=np.generic)
# Of a photo, in pixels: no image format goes beyond, and int64 columns hold it.
LARGEST_SIDE = 2**31
MOST_NAMED = 3
IGNORED = "ignored"
# Stands for the label of an object that could not be read.
_SKIPPED = object()


class LeftOutError(InputError):
    """Why parts of a file are left out, for one reason.

    Args:
        first: the first of their errors.
        number: how many there are.
    """

    def __init__(self, first: InputError, number: int) -> None:
        self.kind, self.number = first.what, number
        more = f" ({number - 1:,} more like it)" if number > 1 else ""
        left_out = "It is" if number == 1 else "They are"
        super().__init__(first.where, first.what + more, f"{first.fix} {left_out} left out here.", first.code)


class Refused(NamedTuple):
    """What could not be read.

    Attributes:
        file: where it is.
        error: why.
        images: places of the images that lack it; None where that cannot be told.
    """

    file: str
    error: InputError
    images: frozenset[int] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """B images and their N objects, as annotated, before any codebase's loader has touched them.

    Attributes:
        format: what the files are written in, and so what the boxes mean.
        names: B names of photos; without an ending where the annotations do not say it (YOLO).
        files: B annotation files; one string many times where a file holds many images.
        sizes: int64 `[B, 2]`, (width, height) in pixels as annotated, 0 where that is not said.
        image: int64 `[N]`, the place of the object's image in `names`, ascending.
        index: int64 `[N]`, the object's place in its image's list.
        label: int64 `[N]`, the place of the object's label in `labels`.
        labels: the labels met, in any order.
        boxes: float64 `[N, 4]`, xyxy in photo pixels, or as fractions of the photo.
        difficult: bool `[N]`, marked as `format.mark` says: difficult (Pascal VOC), crowd (COCO), group (Open Images),
            ignored (KITTI's DontCare).
        listed: the classes that the dataset itself lists; empty where it lists none.
        refused: what could not be read, and is left out.
        class_file: the file beside the dataset that names its classes, None where there is none.
        unread: int64 `[B]`, how many more objects each image has that could not be read; None where all could.
        traits: `[N]` flags of `results.Trait`, how each object is written; None where there is nothing to say.
        image_traits: `[B]` the same of images.
        category_ids: the number of each label in a format that numbers what it names (COCO).
    """

    format: Notation
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
    refused: tuple[Refused, ...] = ()
    class_file: Path | None = None
    unread: IntArray | None = None
    traits: IntArray | None = None
    image_traits: IntArray | None = None
    category_ids: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset(Table):
    """A table whose labels are looked up in a list of classes.

    Attributes:
        path: what was read.
        class_names: the classes in the order of their ids, background left out.
        names_given: whether the user gave `class_names`, rather than the dataset or a guess.
        filtered: labels that the user's list leaves out, rather than misspells; see `class_filter`.
        beside: what the same folder holds in other formats, with the same list of classes.
        others: as in `Table`.
    """

    path: Path
    class_names: tuple[str, ...]
    names_given: bool = False
    filtered: frozenset[str] = frozenset()
    beside: tuple[Dataset, ...] = ()

    @property
    def parts(self) -> tuple[Dataset, ...]:
        """The dataset and what lies beside it, one for each format."""
        return self, *self.beside

    @cached_property
    def class_index(self) -> IntArray:
        """int64 `[N]`, the place of each object's class in `class_names`, -1 for one that is not there."""
        return _places(self.labels, self.class_names)[self.label]

    @property
    def strangers(self) -> IntArray:
        """int64, ascending: the rows whose class is not in `class_names`; what is to be ignored needs none."""
        strange = self.class_index < 0
        return np.flatnonzero(strange & ~self.difficult if self.format.mark == IGNORED else strange)

    @cached_property
    def unknown(self) -> dict[str, int]:
        """How many objects have each label that is not in `class_names`."""
        places = self.label[self.strangers].tolist()
        return dict(Counter(self.labels[place] for place in sorted(places)))

    def only(self, photo: Path) -> Dataset:
        """The dataset of one image: of the photo's name, or the one of an annotation file that is about one alone.

        Args:
            photo: its path.

        Raises:
            InputError: no image or several of that name.
        """
        alone = len(self.names) == 1 and not self.format.many_in_file and not self.beside
        found = [
            (part, place)
            for part in self.parts
            for place in range(len(part.names))
            if alone or part._is_of(place, photo)
        ]
        if not found:
            for refused in () if self.format.many_in_file else self.refused:
                raise refused.error
            names = [name for part in self.parts for name in part.names]
            where = f"{self.path}, images"
            raise UnknownNameError(where, "file name", photo.name, names, "Is it the right split?")
        files = list(dict.fromkeys(part.files[place] for part, place in found))
        if len(files) > 1:
            what = f"describes {photo.name} in {len(files)} files: {' and '.join(files[:MOST_NAMED])}"
            raise InputError(self.path, what, "Name one of them.")
        if len(found) > 1:
            raise InputError(self.path, f"lists {photo.name} {len(found)} times", "Keep one entry.")
        [(part, place)] = found
        return part.image_at(place)

    def _is_of(self, place: int, photo: Path) -> bool:
        """Whether the image at a place is called as a photo is, or its own file is."""
        if _last_part(self.names[place]) == photo.name:
            return True
        return not self.format.many_in_file and Path(self.files[place]).stem == photo.stem

    def image_at(self, place: int) -> Dataset:
        """The dataset of the one image at that place."""
        first, end = np.searchsorted(self.image, (place, place + 1))
        columns = ("index", "label", "boxes", "difficult", *(() if self.traits is None else ("traits",)))
        return replace(
            self,
            names=(self.names[place],),
            files=(self.files[place],),
            sizes=self.sizes[place : place + 1],
            image_traits=None if self.image_traits is None else self.image_traits[place : place + 1],
            image=np.zeros(end - first, dtype=np.int64),
            refused=tuple(each for each in self.refused if self._concerns(each, place)),
            beside=(),
            unread=None if self.unread is None else self.unread[place : place + 1],
            **{name: getattr(self, name)[first:end] for name in columns},
        )

    def _concerns(self, refused: Refused, place: int) -> bool:
        if refused.images is None:
            return refused.file == self.files[place]
        return place in refused.images


def _places(labels: Sequence[str], class_names: Sequence[str]) -> IntArray:
    """Where each label is among the classes, as spelt or else in any case; -1 where it is not."""
    numbered = list(enumerate(class_names))[::-1]  # of two that are alike, the first is to stay
    exact = {name: place for place, name in numbered}
    folded = {name.casefold(): place for place, name in numbered}  # as ssd.pytorch does, data/voc0712.py:62
    return np.array([exact.get(label, folded.get(label.casefold(), -1)) for label in labels], dtype=np.int64)


def _last_part(name: str) -> str:
    return PureWindowsPath(name).name  # which takes both kinds of slashes


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
    _traits: array[int] = field(default_factory=lambda: array("H"))
    _image_traits: array[int] = field(default_factory=lambda: array("H"))

    def add_image(self, name: str, file: str, size: tuple[int, int] = (0, 0), traits: int = 0) -> int:
        """Append an image and return its place."""
        self._image_traits.append(traits)
        self.names.append(name)
        self.files.append(file)
        self.sizes.append(size)
        return len(self.names) - 1

    def add_object(self, image: int, label: Hashable, box: Box, difficult: bool = False, traits: int = 0) -> None:
        """Append an object of an image."""
        self._traits.append(traits)
        self._image.append(image)
        self._label.append(self.labels.setdefault(label, len(self.labels)))
        self._boxes.extend(box)
        self._difficult.append(difficult)

    def skip_object(self, image: int) -> None:
        """Count an object of an image that could not be read, so that those after it keep their places in the list."""
        self.add_object(image, _SKIPPED, (0, 0, 0, 0))
        del self.labels[_SKIPPED]
        self._label[-1] = -1

    def table(
        self,
        format: Notation,
        labels: tuple[str, ...] | None = None,
        listed: tuple[str, ...] = (),
        class_file: Path | None = None,
    ) -> Table:
        """The table of what was appended, sorted by image; arguments as the attributes of `Table`.

        Without `labels` those that were appended are the names themselves.
        """
        order, image, index = by_image(np.array(self._image, dtype=np.int64))
        read = np.array(self._label, dtype=np.int64)[order] >= 0
        unread = None if read.all() else np.bincount(image[~read], minlength=len(self.names))
        order, image, index = (taken(column, np.flatnonzero(read)) for column in (order, image, index))
        return Table(
            format=format,
            names=tuple(self.names),
            files=tuple(self.files),
            sizes=np.array(self.sizes, dtype=np.int64).reshape(-1, 2),
            image=image,
            index=index,
            label=np.array(self._label, dtype=np.int64)[order],
            labels=tuple(map(str, self.labels)) if labels is None else labels,
            boxes=np.array(self._boxes, dtype=np.float64).reshape(-1, 4)[order],
            difficult=np.array(self._difficult, dtype=np.bool_)[order],
            listed=listed,
            refused=tuple(self.refused),
            class_file=class_file,
            unread=unread,
            traits=_some(np.array(self._traits, dtype=np.uint16)[order]),
            image_traits=_some(np.array(self._image_traits, dtype=np.uint16)),
        )


def _some(traits: IntArray) -> IntArray | None:
    """A column of flags; None where none is set."""
    return traits if traits.any() else None


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


def taken(column: NDArray[Number], rows: IntArray) -> NDArray[Number]:
    """Some rows of a column, ascending; the column itself, and no copy of it, where they are all."""
    return column if len(rows) == len(column) else column[rows]


def refusal_of_alike(file: Path, errors: Sequence[InputError], images: frozenset[int] | None) -> Refused:
    """One refusal for parts of a file that are left out for one reason: the first, and how many more there are."""
    return Refused(str(file), LeftOutError(errors[0], len(errors)), images)
