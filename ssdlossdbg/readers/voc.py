"""Pascal VOC XML."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotated import AnnotatedObject, Annotation, Source

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
    size = tuple(int(_number(root, f"size/{side}", path, "annotation")) for side in ("width", "height"))
    if min(size) <= 0:
        found = f"says the photo is {size[0]} x {size[1]} pixels"
        real = f", {source.photo_size[0]} x {source.photo_size[1]}" if source.photo_size else ""
        raise InputError(f"{path}, size", found, f"Write the photo's real size{real}.")
    objects = tuple(_object(element, index, path) for index, element in enumerate(root.iter("object")))
    photo = (root.findtext("filename") or "").strip()
    return Annotation(path, "Pascal VOC", (size[0], size[1]), objects, one_based=True, photo=photo)


def _parse_xml(data: bytes, path: Path) -> Element:
    try:
        root: Element = fromstring(data)
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


def _object(element: Element, index: int, path: Path) -> AnnotatedObject:
    place = f"object {index}"
    name = (element.findtext("name") or "").strip()
    if not name:
        raise InputError(f"{path}, {place}", "has no <name>", "Name its class.")
    place = f"{place} ({name})"
    if element.find("bndbox") is None:
        raise InputError(f"{path}, {place}", "has no <bndbox>", "Draw its box, or remove the object.")
    x1, y1, x2, y2 = (_number(element, f"bndbox/{corner}", path, place) for corner in CORNERS)
    difficult = _number(element, "difficult", path, place) if element.findtext("difficult") else 0.0
    return AnnotatedObject(index, name, (x1, y1, x2, y2), difficult == 1)


def _number(element: Element, tag: str, path: Path, place: str) -> float:
    text = element.findtext(tag)
    if text is None:
        raise InputError(f"{path}, {place}", f"has no <{tag.replace('/', '><')}>", "Add it, as a number of pixels.")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        what = f"<{tag.replace('/', '><')}> is {text.strip()[:40]!r}, not a number"
        raise InputError(f"{path}, {place}", what, "Write a number.")
    return value
