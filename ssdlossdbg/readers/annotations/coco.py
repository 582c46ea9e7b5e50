"""COCO: one JSON file for all images.

A million objects go through here, so that no step takes Python statements an object: each column is drawn from the
decoded structs in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.coco_json import LISTS, Coco, CocoCategory, CocoImage, CocoObject, Id, parse
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.table import LARGEST_SIDE, Refused, Table, by_image, refusal_of_alike
from ssdlossdbg.readers.files import read_bytes
from ssdlossdbg.results import BoolArray, FloatArray, IntArray, Trait

KEYS = tuple(f'"{key}"'.encode() for key in LISTS)
ABSENT = -1
LONGEST_NUMBER = 20
TWICE, ONE_NAME = "FIL003", "LBL006"
# Keys of objects that many files leave out, and some loaders look into.
OPTIONAL = ((b'"area"', Trait.NO_AREA), (b'"iscrowd"', Trait.NO_ISCROWD))


def may_be_coco(_: Path, data: bytes) -> bool:
    """Whether JSON speaks of images, annotations and categories."""
    return all(key in data for key in KEYS)


def read_coco(source: Source) -> Table:
    """Every image and object of a COCO file; entries that make no sense are refused, the others read.

    Raises:
        InputError: not COCO JSON.
    """
    path = source.path
    data = read_bytes(path)
    coco = parse(data, path)
    traits = _traits(data, coco)
    del data  # which is as large as all that follows
    names = {category.id: category.name for category in sorted(coco.categories, key=_order)}
    image, wrong_image = _places([entry.id for entry in coco.images], [entry.image_id for entry in coco.annotations])
    label, wrong_label = _places(names, [entry.category_id for entry in coco.annotations])
    bad = np.zeros(len(image), dtype=np.bool_)
    bad[list(coco.errors)] = True
    refused = [Refused(str(path), error) for error in coco.refused]
    refused += _of_entries(coco, path, image)
    refused += _repeated_ids(coco, path)
    refused += _unlisted(coco, path, wrong_image & ~bad, image, "images", lambda entry: entry.image_id)
    refused += _unlisted(
        coco, path, wrong_label & ~wrong_image & ~bad, image, "categories", lambda entry: entry.category_id
    )
    refused += _of_one_name(coco.categories, path)
    listed = np.flatnonzero(~wrong_image)
    order, image, index = by_image(image[listed])
    order = listed[order]
    kept = ~(wrong_label | bad)[order]
    unread = None if kept.all() else np.bincount(image[~kept], minlength=len(coco.images))
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
        category_ids={name: number for number, name in names.items() if isinstance(number, int)},
        image_traits=traits,
        refused=tuple(refused),
        unread=unread,
    )


def _order(category: CocoCategory) -> tuple[bool, int, str]:
    """By number, what is written as a text and is none coming last."""
    text = str(category.id)
    whole = text.removeprefix("-").isdecimal() and len(text) < LONGEST_NUMBER
    return not whole, int(text) if whole else 0, text


def _of_entries(coco: Coco, path: Path, image: IntArray) -> list[Refused]:
    """Why annotations could not be read, once for those of which the same is wrong."""
    alike: dict[str, list[int]] = {}
    for place, error in sorted(coco.errors.items()):
        alike.setdefault(error.what, []).append(place)
    refused = []
    for places in alike.values():
        images = frozenset(image[places].tolist())
        # That of an entry which says of no image that it is its own may be any.
        unsaid = ABSENT in images
        refused.append(refusal_of_alike(path, [coco.errors[place] for place in places], None if unsaid else images))
    return refused


def _places(known: Iterable[Id], wanted: Sequence[Id]) -> tuple[IntArray, BoolArray]:
    """Where each wanted id first stands among the known ones, and which do not; ids may be of any size."""
    places: dict[Id, int] = {}
    for place, number in enumerate(known):
        places.setdefault(number, place)
    found = np.fromiter(map(places.get, wanted, repeat(ABSENT)), np.int64, len(wanted))
    return found, found == ABSENT


def _repeated_ids(coco: Coco, path: Path) -> list[Refused]:
    """Images, annotations and categories that have the id of another."""
    refused = []
    again, first = _again([entry.id for entry in coco.images])
    if again:
        entry, other = coco.images[again[0]], coco.images[first[again[0]]]
        what = f"has the id {entry.id!r} of {other.file_name}, which gets the objects of both"
        errors = [InputError(f"{path}, images[{place}]", what, "Give every image an id of its own.") for place in again]
        both = frozenset([*again, *(first[place] for place in again)])
        refused.append(refusal_of_alike(path, errors, both))
    again, first = _again([entry.id for entry in coco.annotations])
    if again:
        what = (
            f"has the id {coco.annotations[again[0]].id!r} of annotations[{first[again[0]]}]: loaders that look "
            "annotations up by id, as pycocotools does, give the last of them twice and the others never"
        )
        refused.append(_noted(path, "annotations", again, what, "Number the annotations anew.", TWICE))
    again, first = _again([entry.id for entry in coco.categories])
    if again:
        entry_, other_ = coco.categories[again[0]], coco.categories[first[again[0]]]
        what = f"has the id {entry_.id!r} of {other_.name!r}; as a class it is {entry_.name!r} alone"
        refused.append(_noted(path, "categories", again, what, "Give every category an id of its own.", TWICE))
    return refused


def _again(ids: Sequence[Id | None]) -> tuple[list[int], dict[int, int]]:
    """The places of ids that have come up before, and for each of them the place of the first."""
    known = [number for number in ids if number is not None]
    if len(set(known)) == len(known):
        return [], {}
    first: dict[Id, int] = {}
    before = {place: first.setdefault(number, place) for place, number in enumerate(ids) if number is not None}
    again = [place for place, earlier in before.items() if earlier != place]
    return again, before


def _of_one_name(categories: Sequence[CocoCategory], path: Path) -> list[Refused]:
    """Categories that are called as others with another id are."""
    ids: dict[str, dict[Id, int]] = {}
    for place, category in enumerate(categories):
        ids.setdefault(category.name, {}).setdefault(category.id, place)
    refused = []
    for name, places in ids.items():
        if len(places) > 1:
            what = f"{name!r} is the name of the ids {', '.join(map(str, places))}"
            fix = "Merge them, or give each a name of its own."
            refused.append(_noted(path, "categories", [list(places.values())[1]], what, fix, ONE_NAME))
    return refused


def _noted(path: Path, key: str, places: Sequence[int], what: str, fix: str, code: str) -> Refused:
    """A remark on entries none of which is left out for it."""
    more = f" ({len(places) - 1:,} more like it)" if len(places) > 1 else ""
    return Refused(str(path), InputError(f"{path}, {key}[{places[0]}]", what + more, fix, code), frozenset())


def _unlisted(
    coco: Coco, path: Path, wrong: BoolArray, image: IntArray, key: str, number_of: Callable[[CocoObject], Id]
) -> list[Refused]:
    places = np.flatnonzero(wrong)
    if not len(places):
        return []
    first = int(places[0])
    number = number_of(coco.annotations[first])
    what = f"refers to id {number!r}, which `{key}` does not list"
    other = int(number) if isinstance(number, str) and number.isdecimal() else str(number)
    ids = {entry.id for entry in (coco.images if key == "images" else coco.categories)}
    if other in ids:
        what += f": there it is {other!r}"
    error = InputError(f"{path}, annotations[{first}]", what, f"Add it to `{key}`, or remove the objects.")
    images = frozenset(image[places].tolist()) - {ABSENT}
    return [refusal_of_alike(path, [error] * len(places), images)]


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
    possible = (int(side) if side and abs(side) < LARGEST_SIDE else 0 for side in sides)
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
