"""What every annotation format is read into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """An annotation file to be parsed.

    Attributes:
        data: what it holds.
        path: its path, for messages.
        photo: the photo whose objects are wanted; a COCO file is searched for its name.
        photo_size: (width, height) in pixels, which YOLO's fractions are of; None leaves them fractions.
        classes: the user's class names; a YOLO file has none of its own.
    """

    data: bytes
    path: Path
    photo: Path
    photo_size: tuple[int, int] | None
    classes: tuple[str, ...]


@dataclass(frozen=True)
class AnnotatedObject:
    """One object as annotated, before any codebase's loader has touched it.

    Attributes:
        index: place in the file, from 0.
        label: class name.
        box: (x1, y1, x2, y2) in pixels of the photo, as the file says.
        difficult: marked difficult (Pascal VOC) or crowd (COCO).
    """

    index: int
    label: str
    box: tuple[float, float, float, float]
    difficult: bool = False


@dataclass(frozen=True)
class Annotation:
    """The annotated objects of one photo.

    Attributes:
        path: the file they came from.
        format: its format, in words.
        size: the photo's (width, height) as the file declares it, None where the format has no such field.
        objects: in file order.
        one_based: whether pixel coordinates count from 1 (Pascal VOC), so that a dialect's offset applies.
        class_names: the classes that the file itself lists, in the order of their ids; empty where it lists none.
        photo: what the file calls its photo; empty where it does not say.
    """

    path: Path
    format: str
    size: tuple[int, int] | None
    objects: tuple[AnnotatedObject, ...]
    one_based: bool = False
    class_names: tuple[str, ...] = ()
    photo: str = ""


@dataclass(frozen=True)
class AnnotatedImage:
    """One of the images that a file is about.

    Attributes:
        annotation: its objects.
        name: what the file calls it, where the file may hold several, else None.
        photo_size: (width, height) of the photo in pixels, None where it was not found.
    """

    annotation: Annotation
    name: str | None
    photo_size: tuple[int, int] | None
