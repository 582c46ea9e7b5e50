"""COCO: one JSON file for all images.

A million objects go through here, so that no step takes Python statements an object: the file is decoded into structs
that hold only what is needed, and each column is drawn from them in one go.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.table import LARGEST_SIDE, Refused, Table, by_image, refusal_of_many
from ssdlossdbg.readers.files import read_bytes
from ssdlossdbg.results import BoolArray, FloatArray, IntArray, Trait

T = TypeVar("T")
KEYS = (b'"images"', b'"annotations"', b'"categories"')
ABSENT = -1
# Keys of objects that many files leave out, and some loaders look into.
OPTIONAL = ((b'"area"', Trait.NO_AREA), (b'"iscrowd"', Trait.NO_ISCROWD))


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


def may_be_coco(_: Path, data: bytes) -> bool:
    """Whether JSON speaks of images, annotations and categories."""
    return all(key in data for key in KEYS)


class _Undecoded(msgspec.Struct):
    """A COCO file whose entries are decoded one by one, as some of them cannot be."""

    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]
    categories: list[CocoCategory]


def read_coco(source: Source) -> Table:
    """Every image and object of a COCO file; entries that make no sense are refused, the others read.

    Raises:
        InputError: not COCO JSON.
    """
    path = source.path
    data = read_bytes(path)
    coco, refused = _parse(data, path)
    traits = _traits(data, coco)
    del data  # which is as large as all that follows
    names = {category.id: category.name for category in sorted(coco.categories, key=lambda category: category.id)}
    image, wrong_image = _places([entry.id for entry in coco.images], [entry.image_id for entry in coco.annotations])
    label, wrong_label = _places(names, [entry.category_id for entry in coco.annotations])
    refused += _repeated_ids(coco, path)
    refused += _unlisted(coco, path, wrong_image, image, "images", lambda entry: entry.image_id)
    refused += _unlisted(coco, path, wrong_label & ~wrong_image, image, "categories", lambda entry: entry.category_id)
    listed = np.flatnonzero(~wrong_image)
    order, image, index = by_image(image[listed])
    order = listed[order]
    kept = ~wrong_label[order]
    order = order[kept]
    return Table(
        format=FORMAT,
        names=tuple(entry.file_name for entry in coco.images),
        files=(str(path),) * len(coco.images),
        sizes=_sizes(coco.images),
        image=image[kept],
        index=index[kept],
        label=label[order],
        labels=tuple(names.values()),
        boxes=_boxes(coco.annotations)[order],
        difficult=_crowds(coco.annotations)[order],
        listed=tuple(dict.fromkeys(names.values())),
        category_ids={name: number for number, name in names.items()},
        image_traits=traits,
        refused=tuple(refused),
    )


def _parse(data: bytes, path: Path) -> tuple[Coco, list[Refused]]:
    if not data.strip():
        raise InputError(path, "is empty", "Export it again.")
    try:
        return _decode_whole(data, path, Coco), []
    except InputError as error:
        return _parse_what_can_be(data, path, error)


def _parse_what_can_be(data: bytes, path: Path, error: InputError) -> tuple[Coco, list[Refused]]:
    try:
        undecoded = _decode_whole(data, path, _Undecoded)
    except InputError:
        raise error from None
    images, bad_images = _decode(undecoded.images, CocoImage, f"{path}, images")
    objects, bad_objects = _decode(undecoded.annotations, CocoObject, f"{path}, annotations")
    refused = [Refused(str(path), problem) for problem in (*bad_images, *bad_objects)]
    return Coco(images, objects, undecoded.categories), refused


def _decode_whole(data: bytes, path: Path, kind: type[T]) -> T:
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
        what, place = _told(error)
        fix = "COCO needs images, annotations and categories; correct that place."
        raise InputError(f"{path}, {place}" if place else path, what, fix) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fix = "Correct that place or export it again."
        if b"NaN" in data or b"Infinity" in data:
            fix = "It holds NaN or Infinity, which are no JSON: drop those objects, or export it again."
        raise InputError(path, f"is not JSON ({error})", fix) from None
    except RecursionError:
        raise InputError(path, "is nested too deeply to be COCO JSON", "Export it again.") from None


def _decode(entries: Iterable[msgspec.Raw], kind: type[T], where: str) -> tuple[list[T], list[InputError]]:
    decoder = msgspec.json.Decoder(kind)
    decoded, problems = [], []
    for index, entry in enumerate(entries):
        try:
            decoded.append(decoder.decode(entry))
        except msgspec.ValidationError as error:
            what, place = _told(error)
            key = f".{place}" if place else ""
            problems.append(InputError(f"{where}[{index}]{key}", what, "Correct the entry or remove it."))
    return decoded, problems


def _told(error: msgspec.ValidationError) -> tuple[str, str]:
    """What is wrong, and the path of keys to where it is."""
    message, _, place = str(error).partition(" - at ")
    return message[:1].lower() + message[1:], place.strip("`").removeprefix("$").removeprefix(".")


def _places(known: Iterable[int], wanted: Sequence[int]) -> tuple[IntArray, BoolArray]:
    """Where each wanted id first stands among the known ones, and which do not; ids may be of any size."""
    places: dict[int, int] = {}
    for place, number in enumerate(known):
        places.setdefault(number, place)
    found = np.fromiter(map(places.get, wanted, repeat(ABSENT)), np.int64, len(wanted))
    return found, found == ABSENT


def _repeated_ids(coco: Coco, path: Path) -> list[Refused]:
    first: dict[int, int] = {}
    again = [i for i, entry in enumerate(coco.images) if first.setdefault(entry.id, i) != i]
    if not again:
        return []
    entry = coco.images[again[0]]
    what = f"has the id {entry.id} of {coco.images[first[entry.id]].file_name}, which gets the objects of both"
    fix = "Give every image an id of its own."
    both = frozenset([*again, *(first[coco.images[i].id] for i in again)])
    return [refusal_of_many(path, f"images[{again[0]}]", len(again), what, fix, both)]


def _unlisted(
    coco: Coco, path: Path, wrong: BoolArray, image: IntArray, key: str, number_of: Callable[[CocoObject], int]
) -> list[Refused]:
    places = np.flatnonzero(wrong)
    if not len(places):
        return []
    first = int(places[0])
    what = f"refers to id {number_of(coco.annotations[first])}, which `{key}` does not list"
    fix = f"Add it to `{key}`, or remove the objects; they are left out here."
    images = frozenset(image[places].tolist()) - {ABSENT}
    return [refusal_of_many(path, f"annotations[{first}]", len(places), what, fix, images)]


def _traits(data: bytes, coco: Coco) -> IntArray | None:
    """`[B]` what the file does not say of its objects, and of its images; None where it says all.

    A key is counted in the text: to hold two more values of each of a million objects takes a tenth of their memory.
    """
    objects = len(coco.annotations)
    lacking = sum(trait for key, trait in OPTIONAL if data.count(key) < objects)
    unsized = [Trait.NO_SIZE * (not (image.width and image.height)) for image in coco.images]
    traits = np.array(unsized, dtype=np.uint16) | np.uint16(lacking)
    return traits if traits.any() else None


def _sizes(images: Sequence[CocoImage]) -> IntArray:
    """`[B, 2]`, 0 where a side is missing or makes no sense."""
    sides = chain.from_iterable((image.width, image.height) for image in images)
    possible = (side if 0 < side < LARGEST_SIDE else 0 for side in sides)
    sizes = np.fromiter(possible, np.int64, 2 * len(images)).reshape(-1, 2)
    return np.where((sizes > 0).all(axis=1, keepdims=True), sizes, 0)


def _boxes(objects: Sequence[CocoObject]) -> FloatArray:
    """`[N, 4]` xyxy of what COCO has as x, y, width, height."""
    numbers = chain.from_iterable([entry.bbox for entry in objects])
    boxes = np.fromiter(numbers, np.float64, 4 * len(objects)).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _crowds(objects: Sequence[CocoObject]) -> BoolArray:
    return np.fromiter((bool(entry.iscrowd) for entry in objects), np.bool_, len(objects))


FORMAT = Format(
    name="coco",
    title="COCO",
    endings=(".json",),
    read=read_coco,
    begins=(b"{", b"["),
    may_be=may_be_coco,
    many_in_file=True,
    mark="crowd",
    layout="xywh",
)
