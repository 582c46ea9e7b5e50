"""What the checks see of the photos of a data set, beside what is annotated in them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SharedPhoto:
    """A photo that several entries describe.

    Attributes:
        photo: what it is called.
        files: of the annotations, one of each entry; one file many times where its entries name the photo again.
    """

    photo: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class PhotoSet:
    """The photos of a data set.

    Attributes:
        format: what its annotations are written in, in words.
        photos: how many there are, in the folders in which those that are annotated lie; 0 where none was found.
        without_file: those of them that have no annotation file, where each is to have its own.
        shared: photos that several entries describe.
        copies: pairs of annotation files (or of a file and the image's name in it) of the same name and the same boxes.
        again: photos that files of another format in the same folder describe, too, each with that file and its own.
    """

    format: str
    photos: int
    without_file: tuple[str, ...]
    shared: tuple[SharedPhoto, ...]
    copies: tuple[tuple[str, str], ...]
    again: tuple[SharedPhoto, ...] = ()
