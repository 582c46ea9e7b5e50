"""What a check returns: cases that can be counted, left out and listed, whether or not they have been described."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ssdlossdbg.results import BoolArray, Case, IntArray, Objects

# In a column of places: the case is about all there is, not about one file, image or object.
EVERYTHING = -1
Describe = Callable[[int], Case]


@dataclass(frozen=True)
class ListedCases:
    """Cases that a check has described one by one.

    Attributes:
        cases: the worst first.
    """

    cases: tuple[Case, ...]

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def only(self, kept: BoolArray) -> ListedCases:
        """Those for which `kept`, `[K]`, is true."""
        return ListedCases(tuple(self.cases[index] for index in np.flatnonzero(kept).tolist()))


@dataclass(frozen=True)
class TableCases:
    """Cases of a table of objects, each described only when it is asked for: there may be a million.

    Attributes:
        objects: the table.
        keys: `[K]` what each case is about, as `describe` wants it, the worst first.
        describe: a key in words.
        places: `[K, 3]` indices into `Objects.files` and `Objects.images`, and the object's index in its image;
            `EVERYTHING` where a case is about a whole file or image. The places that the described cases name.
    """

    objects: Objects
    keys: IntArray
    describe: Describe
    places: IntArray

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Case]:
        return (self.describe(int(key)) for key in self.keys)

    def only(self, kept: BoolArray) -> TableCases:
        """Those for which `kept`, `[K]`, is true."""
        return replace(self, keys=self.keys[kept], places=self.places[kept])


Cases = ListedCases | TableCases


def of_rows(objects: Objects, rows: IntArray, describe: Describe, keys: IntArray | None = None) -> TableCases:
    """A case for each of some rows, `[K]`.

    Args:
        objects: the table.
        rows: the worst first.
        describe: the case of a row, or of a key.
        keys: `[K]` what `describe` is to be given, where that is not the row.
    """
    image = objects.image[rows]
    places = np.stack((objects.file[image], image, objects.index[rows]), axis=1)
    return TableCases(objects, rows if keys is None else keys, describe, places)


def of_images(objects: Objects, images: IntArray, describe: Describe) -> TableCases:
    """A case for each of some images, `[K]`, the worst first."""
    places = np.stack((objects.file[images], images, np.full_like(images, EVERYTHING)), axis=1)
    return TableCases(objects, images, describe, places)


def of_files(objects: Objects, files: IntArray, describe: Describe) -> TableCases:
    """A case for each of some files, `[K]` indices into `Objects.files`, the worst first."""
    everything = np.full_like(files, EVERYTHING)
    return TableCases(objects, files, describe, np.stack((files, everything, everything), axis=1))
