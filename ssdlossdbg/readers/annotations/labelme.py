"""labelme: a JSON file an image, with a list of shapes.

A rectangle is any two of its opposite corners, in pixels from 0 that need not be whole; a polygon, circle or mask
stands for the box around it (labelme's own labelme2voc.py takes rectangles alone). Points and lines have no box.
"""

from __future__ import annotations

import math
from codecs import BOM_UTF8
from pathlib import Path

import msgspec

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source, read_folder, refuse_objects
from ssdlossdbg.readers.annotations.outlines import around, around_ellipse, saying_outlines
from ssdlossdbg.readers.annotations.table import LARGEST_SIDE, Rows, Table
from ssdlossdbg.readers.files import LARGEST_OF_IMAGE, read_bytes
from ssdlossdbg.results import Box, Trait

RECTANGLE, CIRCLE = "rectangle", "circle"
# Shapes with a box around them, which was not drawn; X-AnyLabeling calls a turned rectangle a rotation.
OUTLINES = ("polygon", "mask", "rotation", CIRCLE)
CORRECT = "Correct the shape or remove it."


class _File(msgspec.Struct):
    """A file; what is not listed here, the photo itself among it, is skipped while parsing."""

    shapes: list[msgspec.Raw]
    imagePath: str | None = None  # noqa: N815 -- the keys of the file
    imageWidth: float | None = None  # noqa: N815
    imageHeight: float | None = None  # noqa: N815


class _Shape(msgspec.Struct):
    label: str
    points: list[tuple[float, float]]
    shape_type: str | None = "polygon"
    difficult: bool | None = False


def is_labelme(_: Path, data: bytes) -> bool:
    """Whether JSON begins as labelme's does: with shapes, and neither COCO's lists nor another tool's keys."""
    return (
        data.removeprefix(BOM_UTF8).lstrip()[:1] == b"{"
        and b'"shapes"' in data
        and any(key in data for key in (b'"points"', b'"shape_type"', b'"imagePath"', b'"imageHeight"', b'"version"'))
        and not all(key in data for key in (b'"images"', b'"categories"'))
    )


def read_labelme(source: Source) -> Table:
    """Every labelme file of a folder, or the one that is named; errors as of `read_folder`."""
    return saying_outlines(read_folder(source, FORMAT, _add))


def _add(file: Path, _: str, rows: Rows) -> None:
    data = read_bytes(file, LARGEST_OF_IMAGE)
    try:
        whole = msgspec.json.decode(data.removeprefix(BOM_UTF8), type=_File)
    except msgspec.ValidationError as error:
        raise InputError(file, f"is no labelme JSON ({error})", "Save it again from labelme.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(file, f"is not JSON that can be read ({error})", "Save it again from labelme.") from None
    name = (whole.imagePath or f"{file.stem}.jpg").replace("\\", "/")
    size = _size(whole)
    image, bad = rows.add_image(name, str(file), size, 0 if all(size) else int(Trait.NO_SIZE)), []
    for index, raw in enumerate(whole.shapes):
        try:
            shape = _shape(raw)
            box = _box(shape)
        except ValueError as error:
            bad.append(InputError(f"{file}, shapes[{index}]", str(error), CORRECT))
            rows.skip_object(image)
        else:
            outline = int(Trait.OUTLINE) if shape.shape_type in OUTLINES else 0
            rows.add_object(image, shape.label, box, bool(shape.difficult), outline)
    refuse_objects(file, image, bad, rows)


def _size(whole: _File) -> tuple[int, int]:
    """The declared (width, height), (0, 0) where there is none that makes sense."""
    width, height = whole.imageWidth or 0, whole.imageHeight or 0
    return (int(width), int(height)) if min(width, height) >= 1 and max(width, height) <= LARGEST_SIDE else (0, 0)


def _shape(raw: msgspec.Raw) -> _Shape:
    try:
        shape = msgspec.json.decode(raw, type=_Shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"is no shape ({error})") from None
    if not shape.label.strip():
        raise ValueError("has no label")
    if not all(map(math.isfinite, (number for point in shape.points for number in point))):
        raise ValueError("has points that are not finite")
    return shape


def _box(shape: _Shape) -> Box:
    kind = shape.shape_type or "polygon"
    if kind not in (RECTANGLE, *OUTLINES):
        raise ValueError(f"is a {kind}, around which labelme draws no box")
    if len(shape.points) < 2:
        raise ValueError(f"is a {kind} of fewer than two points")
    if kind == CIRCLE:
        (cx, cy), edge = shape.points[:2]
        radius = math.dist((cx, cy), edge)
        return around_ellipse(cx, cy, radius, radius)
    return around(shape.points)


FORMAT = Format(
    name="labelme",
    title="labelme",
    endings=(".json",),
    read=read_labelme,
    sure=is_labelme,
    may_be=is_labelme,
)
