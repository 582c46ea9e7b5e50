"""Pascal VOC XML."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotated import AnnotatedObject, Annotation, Source

SIDES = ("width", "height")
CORNERS = ("xmin", "ymin", "xmax", "ymax")
FIRST_ELEMENT = re.compile(rb"<([A-Za-z_][^\s/>]*)")


def may_be_voc(data: bytes) -> bool:
    """Whether XML has Pascal VOC's root, or none that can be told."""
    root = FIRST_ELEMENT.search(data)
    return root is None or root[1] == b"annotation"


def parse_voc(source: Source) -> Annotation:
    """The objects of a Pascal VOC file.

    Raises:
        InputError: not XML, an entity declaration, no usable size, an object without a name or box, or text
            where a number belongs.
    """
    path = source.path
    root = _parse_xml(source.data, path)
    width, height = (
        int(_number(root.findtext(f"size/{side}"), f"<size><{side}>", path, "annotation")) for side in SIDES
    )
    if min(width, height) <= 0:
        found = f"says the photo is {width} x {height} pixels"
        real = f", {source.photo_size[0]} x {source.photo_size[1]}" if source.photo_size else ""
        raise InputError(f"{path}, size", found, f"Write the photo's real size{real}.")
    objects = tuple(_object(element, index, path) for index, element in enumerate(root.iter("object")))
    photo = (root.findtext("filename") or "").strip()
    return Annotation(path, "Pascal VOC", (width, height), objects, one_based=True, photo=photo)


def _parse_xml(data: bytes, path: Path) -> Element:
    try:
        # Python's own parser takes a third of the time, as it is written in C.
        root: Element = (defusedxml.ElementTree.fromstring if _may_declare_entities(data) else fromstring)(data)
    except ParseError as error:
        raise InputError(path, f"is not well-formed XML ({error})", "Correct that place or export it again.") from None
    except DefusedXmlException:
        fix = "Annotations need none: remove the <!DOCTYPE ...> part."
        raise InputError(path, "declares XML entities, which can blow up to any size", fix) from None
    except (LookupError, ValueError, RecursionError) as error:
        raise InputError(path, f"cannot be parsed as XML ({error})", "Export it again as UTF-8.") from None
    if root.tag != "annotation":
        raise InputError(path, f"is XML, but its root is <{root.tag}>", "Expected Pascal VOC's <annotation>.")
    return root


def _may_declare_entities(data: bytes) -> bool:
    """Whether there may be a <!DOCTYPE, without which XML has no entities of its own.

    Of the encodings that Python's XML parser takes, only UTF-16 writes these letters with other bytes than ASCII, and
    then every other byte is zero.
    """
    return b"<!DOCTYPE" in data or b"\0" in data


def _object(element: Element, index: int, path: Path) -> AnnotatedObject:
    place = f"object {index}"
    name = (element.findtext("name") or "").strip()
    if not name:
        raise InputError(f"{path}, {place}", "has no <name>", "Name its class.")
    place = f"{place} ({name})"
    box = element.find("bndbox")
    if box is None:
        raise InputError(f"{path}, {place}", "has no <bndbox>", "Draw its box, or remove the object.")
    x1, y1, x2, y2 = (_number(box.findtext(corner), f"<bndbox><{corner}>", path, place) for corner in CORNERS)
    difficult = _number(element.findtext("difficult") or "0", "<difficult>", path, place)
    return AnnotatedObject(index, name, (x1, y1, x2, y2), difficult == 1)


def _number(text: str | None, tags: str, path: Path, place: str) -> float:
    if text is None:
        raise InputError(f"{path}, {place}", f"has no {tags}", "Add it, as a number of pixels.")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        what = f"{tags} is {text.strip()[:40]!r}, not a number"
        raise InputError(f"{path}, {place}", what, "Write a number.")
    return value
