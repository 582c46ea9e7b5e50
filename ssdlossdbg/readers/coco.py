"""COCO JSON."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

import msgspec

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.annotated import AnnotatedObject, Annotation, Source

T = TypeVar("T")
KEYS = (b'"images"', b'"annotations"', b'"categories"')


# No cycle can run through these, so that the garbage collector need not look at a million of them.
class CocoImage(msgspec.Struct, gc=False):
    """An entry of `images`; what is not listed here is skipped while parsing."""

    id: int
    file_name: str
    width: int = 0
    height: int = 0


class CocoObject(msgspec.Struct, gc=False):
    """An entry of `annotations`; `bbox` is x, y, width, height in pixels."""

    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0


class CocoCategory(msgspec.Struct, gc=False):
    """An entry of `categories`."""

    id: int
    name: str


class Coco(msgspec.Struct, gc=False):
    """A whole file."""

    images: list[CocoImage]
    annotations: list[CocoObject]
    categories: list[CocoCategory]


def may_be_coco(data: bytes) -> bool:
    """Whether JSON speaks of images, annotations and categories."""
    return all(key in data for key in KEYS)


def parse_coco(source: Source) -> Annotation:
    """The objects of the image entry whose file name is the photo's.

    Raises:
        InputError: not COCO JSON, no entry of that file name, or a category that the file does not list.
    """
    coco = parse_json(source.data, source.path, Coco)
    image = _find_image(coco, source.path, source.photo)
    own = [entry for entry in coco.annotations if entry.image_id == image.id]
    return _annotation(image, own, category_names(coco), source.path)


def parse_coco_images(data: bytes, path: Path) -> tuple[Annotation, ...]:
    """The objects of every image entry.

    Args:
        data: what the file holds.
        path: its path, for messages.

    Raises:
        InputError: not COCO JSON, or a category that the file does not list.
    """
    coco = parse_json(data, path, Coco)
    own = defaultdict(list)
    for entry in coco.annotations:
        own[entry.image_id].append(entry)
    names = category_names(coco)
    return tuple(_annotation(image, own[image.id], names, path) for image in coco.images)


def category_names(coco: Coco) -> dict[int, str]:
    """The names by id, in the order of the ids."""
    return {category.id: category.name for category in sorted(coco.categories, key=lambda category: category.id)}


def _annotation(image: CocoImage, entries: Sequence[CocoObject], names: dict[int, str], path: Path) -> Annotation:
    objects = []
    for index, entry in enumerate(entries):
        if entry.category_id not in names:
            known = ", ".join(str(number) for number in list(names)[:12]) or "none"
            raise InputError(
                f"{path}, object {index} of {image.file_name}",
                f"has category {entry.category_id}, which `categories` does not list",
                f"Known: {known}.",
            )
        x, y, width, height = entry.bbox
        objects.append(
            AnnotatedObject(index, names[entry.category_id], (x, y, x + width, y + height), bool(entry.iscrowd))
        )
    size = (image.width, image.height) if image.width > 0 and image.height > 0 else None
    return Annotation(path, "COCO", size, tuple(objects), class_names=tuple(names.values()), photo=image.file_name)


def parse_json(data: bytes, path: Path, kind: type[T]) -> T:
    """A COCO file as `kind`, which is `Coco` or a struct like it.

    Args:
        data: what the file holds.
        path: its path, for messages.
        kind: the struct to decode it into.

    Raises:
        InputError: not JSON, or other JSON than `kind` describes.
    """
    try:
        return msgspec.json.decode(data.removeprefix(BOM_UTF8), type=kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        where = f"{path}, {place.strip('`').removeprefix('$').removeprefix('.')}".rstrip(", ")
        fix = "COCO needs images, annotations and categories; correct that place."
        raise InputError(where, message[:1].lower() + message[1:], fix) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fix = "Correct that place or export it again."
        if b"NaN" in data or b"Infinity" in data:
            fix = "It holds NaN or Infinity, which are no JSON: drop those objects, or export it again."
        raise InputError(path, f"is not JSON ({error})", fix) from None
    except RecursionError:
        raise InputError(path, "is nested too deeply to be COCO JSON", "Export it again.") from None


def _find_image(coco: Coco, path: Path, photo: Path) -> CocoImage:
    found = [image for image in coco.images if PurePosixPath(image.file_name).name == photo.name]
    if not found:
        names = [image.file_name for image in coco.images]
        raise UnknownNameError(f"{path}, images", "file name", photo.name, names, "Is it the right split?")
    if len(found) > 1:
        entries = ", ".join(str(image.id) for image in found[:5])
        raise InputError(path, f"lists {photo.name} {len(found)} times (ids {entries})", "Keep one entry.")
    return found[0]
