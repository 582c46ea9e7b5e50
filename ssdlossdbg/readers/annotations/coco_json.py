"""The JSON of COCO, decoded into structs that hold only what is needed.

A file in which all is well is decoded in one go. Where something is not, its entries are decoded one by one, so that a
bad one takes no other with it.
"""

from __future__ import annotations

import json
import math
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ssdlossdbg.errors import InputError

T = TypeVar("T", bound=msgspec.Struct)
LISTS = ("images", "annotations", "categories")
# Numbers by the book; but Python's loaders take texts as well, and so does this.
Id = int | str
IDS = ("id", "image_id", "category_id")
SIDES = ("width", "height")
NOWHERE = "\0"
NO_BOX = (0.0, 0.0, 0.0, 0.0)
CORRECT = "Correct the entry or remove it."


# No cycle can run through these, so that the garbage collector need not look at a million of them.
class CocoImage(msgspec.Struct, gc=False):
    """An entry of `images`; what is not listed here is skipped while parsing."""

    id: Id
    file_name: str
    width: float | None = 0
    height: float | None = 0


class CocoObject(msgspec.Struct, gc=False):
    """An entry of `annotations`; `bbox` is x, y, width, height in pixels."""

    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float]
    iscrowd: bool | float | None = 0
    id: Id | None = None


class CocoCategory(msgspec.Struct, gc=False):
    """An entry of `categories`."""

    id: Id
    name: str


class _Whole(msgspec.Struct, gc=False):
    images: list[CocoImage]
    annotations: list[CocoObject]
    categories: list[CocoCategory]


class _Undecoded(msgspec.Struct):
    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]
    categories: list[msgspec.Raw]


@dataclass(frozen=True)
class Coco:
    """A COCO file.

    Attributes:
        images, categories: those that could be read.
        annotations: one for each of the file; those that could not be read are there without their box.
        refused: why images and categories could not be read.
        errors: the same of annotations, by their places.
    """

    images: list[CocoImage]
    annotations: list[CocoObject]
    categories: list[CocoCategory]
    refused: tuple[InputError, ...] = ()
    errors: dict[int, InputError] = field(default_factory=dict)


def parse(data: bytes, path: Path) -> Coco:
    """A COCO file; entries that make no sense are left out, and named.

    Args:
        data: what the file holds.
        path: its path, for messages.

    Raises:
        InputError: not JSON, or other JSON than COCO's.
    """
    data = data.removeprefix(BOM_UTF8)
    if not data.strip():
        raise InputError(path, "is empty", "Export it again.")
    try:
        try:
            whole = msgspec.json.decode(data, type=_Whole)
            return Coco(whole.images, whole.annotations, whole.categories)
        except msgspec.ValidationError as error:  # behind which it may be no JSON at all
            return _entry_by_entry(_lists(data, path, error), path)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _entry_by_entry(_with_nan(data, path, error), path)
    except RecursionError:
        raise _too_deep(path) from None


def _too_deep(path: Path) -> InputError:
    return InputError(path, "is nested too deeply to be COCO JSON", "Export it again.")


def _lists(data: bytes, path: Path, error: msgspec.ValidationError) -> dict[str, list[Any]]:
    """The lists of a file with something in it that is not as it should be.

    Raises:
        InputError: the lists themselves are not there.
    """
    try:
        undecoded = msgspec.json.decode(data, type=_Undecoded)
    except msgspec.ValidationError:
        what, place = _told(error)
        fix = "COCO needs images, annotations and categories; correct that place."
        raise InputError(f"{path}, {place}" if place else path, what, fix) from None
    return {key: getattr(undecoded, key) for key in LISTS}


def _with_nan(data: bytes, path: Path, error: Exception) -> dict[str, list[Any]]:
    """The lists of a file that is JSON but for NaN and Infinity, which Python writes and reads.

    Raises:
        InputError: it is not, or the lists are not there.
    """
    refusal = InputError(path, f"is not JSON ({error})", "Correct that place or export it again.")
    if b"NaN" not in data and b"Infinity" not in data:
        raise refusal
    try:
        content = json.loads(data.decode())
    except RecursionError:
        raise _too_deep(path) from None
    except ValueError:
        raise refusal from None
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in LISTS):
        fix = "COCO needs images, annotations and categories; drop what is NaN or Infinity, too."
        raise InputError(path, "is no COCO JSON", fix)
    return {key: content[key] for key in LISTS}


def _entry_by_entry(lists: dict[str, list[Any]], path: Path) -> Coco:
    images, bad_images = _decode(lists["images"], CocoImage, f"{path}, images")
    categories, bad_categories = _decode(lists["categories"], CocoCategory, f"{path}, categories")
    found, errors = _decode(lists["annotations"], CocoObject, f"{path}, annotations")
    annotations = []
    for place, (entry, written) in enumerate(zip(found, lists["annotations"], strict=True)):
        if entry is not None and not all(map(math.isfinite, entry.bbox)):
            corner = next(corner for corner, number in enumerate(entry.bbox) if not math.isfinite(number))
            what = f"is {entry.bbox[corner]}, not a finite number"
            errors[place] = InputError(f"{path}, annotations[{place}].bbox[{corner}]", what, CORRECT)
            entry = None
        annotations.append(entry or _placeholder(written))
    return Coco(
        [image for image in images if image is not None],
        annotations,
        [category for category in categories if category is not None],
        (*bad_images.values(), *bad_categories.values()),
        errors,
    )


def _decode(entries: Iterable[Any], kind: type[T], where: str) -> tuple[list[T | None], dict[int, InputError]]:
    """Each entry, None where it cannot be read; and what is wrong with those, by their places."""
    decoder = msgspec.json.Decoder(kind)
    decoded: list[T | None] = []
    problems = {}
    for place, entry in enumerate(entries):
        try:
            decoded.append(decoder.decode(entry) if isinstance(entry, msgspec.Raw) else msgspec.convert(entry, kind))
        except msgspec.ValidationError as error:
            tidied = _tidied(_plain(entry), kind)
            decoded.append(tidied)
            if tidied is None:
                what, key = _told(error)
                problems[place] = InputError(f"{where}[{place}]{f'.{key}' if key else ''}", what, CORRECT)
    return decoded, problems


def _plain(entry: Any) -> Any:
    """An entry as lists, dicts and numbers; None where even that cannot be read, for a number out of range, say."""
    try:
        return msgspec.json.decode(entry) if isinstance(entry, msgspec.Raw) else entry
    except msgspec.DecodeError:
        return None


def _tidied(entry: Any, kind: type[T]) -> T | None:
    """An entry with what harms no loader put right, an id of 3.0 or a size of none say; None if more is wrong."""
    if not isinstance(entry, dict):
        return None
    entry = dict(entry)
    for key in IDS:
        number = entry.get(key)
        if isinstance(number, float) and number.is_integer():
            entry[key] = int(number)
    for key in SIDES:
        if not isinstance(entry.get(key), int | float):
            entry[key] = 0
    if "iscrowd" in entry:
        entry["iscrowd"] = entry["iscrowd"] not in ("", "0", "false", None, 0)
    if kind is CocoCategory and isinstance(entry.get("name"), int | float):
        entry["name"] = str(entry["name"])
    if kind is CocoObject and not isinstance(entry.get("id"), Id):
        entry["id"] = None
    try:
        return msgspec.convert(entry, kind)
    except msgspec.ValidationError:
        return None


def _placeholder(entry: Any) -> CocoObject:
    """What stands for an annotation that could not be read: of its image, if it says which."""
    plain = _plain(entry)
    image = plain.get("image_id") if isinstance(plain, dict) else None
    return CocoObject(image if isinstance(image, Id) else NOWHERE, NOWHERE, NO_BOX)


def _told(error: msgspec.ValidationError) -> tuple[str, str]:
    """What is wrong, and the path of keys to where it is."""
    message, _, place = str(error).partition(" - at ")
    message = message.replace("int | str", "int").replace("bool | float | null", "int")
    return message[:1].lower() + message[1:], place.strip("`").removeprefix("$").removeprefix(".")
