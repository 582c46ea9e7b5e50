"""CVAT XML 1.1: one file for all images, or for the frames of a video.

CVAT for images has an <image> with its <box>es; CVAT for video has a <track> an object, with a box a frame, and in each
frame whether the object is outside of it. Coordinates are pixels from 0 that need not be whole. A polygon, ellipse or
mask, and a box that is turned, stands for the box around it; points, skeletons and tags have none.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.outlines import around, around_ellipse, around_turned, saying_outlines
from ssdlossdbg.readers.annotations.table import LARGEST_SIDE, Rows, Table
from ssdlossdbg.readers.annotations.text_rows import Bad, finite, refuse_rows
from ssdlossdbg.readers.files import open_file, read_bytes
from ssdlossdbg.results import Box, Trait

ROOT = re.compile(
    rb"(?:<\?[^>]*>|<!--.*?-->|\s)*<annotations\s*>\s*(?:<!--.*?-->|\s)*<(?:version|meta|image|track)\b", re.DOTALL
)
CORNERS = ("xtl", "ytl", "xbr", "ybr")
WITHOUT_BOX = ("points", "skeleton")
SHAPES = ("box", "polygon", "polyline", "ellipse", "mask", "cuboid", *WITHOUT_BOX)
LABEL = ["labels", "label", "name"]
SIDES = ("width", "height")
CORRECT = "Correct it or remove it."
CHUNK = 2**20


def is_cvat(_: Path, data: bytes) -> bool:
    """Whether XML begins as CVAT's does."""
    return bool(ROOT.match(data.removeprefix(BOM_UTF8)))


def read_cvat(source: Source) -> Table:
    """Every image or frame that has an entry of its own; the file is read as a stream, and may be of any size.

    Raises:
        InputError: not well-formed, or XML of another kind.
    """
    path = source.path
    reading = _Reading(path)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reading.start, reading.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = reading.text, reading.doctype
    reading.parser = parser
    try:
        with open_file(path) as file:
            while chunk := file.read(CHUNK):
                parser.Parse(chunk)
            parser.Parse(b"", True)
    except OSError:
        read_bytes(path)  # says what is wrong with the path
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:
        what = f"is not well-formed XML ({error})"
        raise InputError(path, what, "Correct that place or export it again.") from None
    return saying_outlines(reading.table())


@dataclass
class _Reading:
    """What was met so far, and where in the file that is.

    Attributes:
        path: the file.
        rows: what was read.
        names: the classes that the task lists.
        size: (width, height) of a video's frames.
        bad: what could not be read.
    """

    path: Path
    rows: Rows = field(default_factory=Rows)
    names: list[str] = field(default_factory=list)
    size: list[int] = field(default_factory=lambda: [0, 0])
    bad: Bad = field(default_factory=list)
    parser: Any = None
    _stack: list[str] = field(default_factory=list)
    _text: str = ""
    _image: int | None = None
    _track: str | None = None
    _frames: dict[int, int] = field(default_factory=dict)
    _shape: tuple[str, dict[str, str], int] | None = None
    _attribute: str = ""
    _difficult: bool = False

    def doctype(self, *_: object) -> None:
        """Refuse what may declare entities."""
        what = "declares XML entities, which can blow up to any size"
        raise InputError(self.path, what, "Annotations need none: remove the <!DOCTYPE ...> part.")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Note an element that begins."""
        if not self._stack and tag != "annotations":
            raise InputError(self.path, f"is XML, but its root is <{tag}>", "Expected CVAT's <annotations>.")
        self._stack.append(tag)
        self._text = ""
        if tag == "image":
            size = _size(attributes.get("width"), attributes.get("height"))
            self._image = self.rows.add_image(attributes.get("name", "").replace("\\", "/"), str(self.path), size)
        elif tag == "track":
            self._track = attributes.get("label", "")
        elif tag in SHAPES and self._shape is None and (self._image is not None or self._track is not None):
            self._shape, self._difficult = (tag, attributes, self.parser.CurrentLineNumber), False
        elif tag == "attribute":
            self._attribute = attributes.get("name", "")

    def text(self, text: str) -> None:
        """Note text, of the few elements in which it means something."""
        if self._stack[-1] in ("name", "attribute", *SIDES) and len(self._text) < LARGEST_NAME:
            self._text += text

    def end(self, tag: str) -> None:
        """Take what an element that ends was about."""
        written = self._text.strip()
        if self._stack[-3:] == LABEL and written:
            self.names.append(written)
        elif self._stack[-2:-1] == ["original_size"] and tag in SIDES:
            self.size[SIDES.index(tag)] = int(written) if written.isdecimal() and len(written) < 10 else 0
        elif tag == "attribute" and self._attribute.casefold() == "difficult":
            self._difficult = written.casefold() in ("true", "1")
        elif tag == "image":
            self._image = None
        elif tag == "track":
            self._track = None
        elif self._shape and tag == self._shape[0] and self._stack[-2] in ("image", "track"):
            self._add(*self._shape)
            self._shape = None
        self._text = ""
        self._stack.pop()

    def _add(self, tag: str, attributes: dict[str, str], line: int) -> None:
        label, image = attributes.get("label", ""), self._image
        place = f"{self.path}, line {line}"
        if image is None:
            label = self._track or ""
            if attributes.get("outside") == "1":
                return
            frame = attributes.get("frame", "")
            if not frame.isdecimal() or len(frame) > 9:
                self.bad.append((None, InputError(place, f"<{tag}> of a track has no number of its frame", CORRECT)))
                return
            image = self._of_frame(int(frame))
        try:
            if not label.strip():
                raise ValueError(f"<{tag}> has no label")
            box, outline = _box(tag, attributes)
        except ValueError as error:
            self.bad.append((image, InputError(place, str(error), CORRECT)))
            self.rows.skip_object(image)
        else:
            self.rows.add_object(image, label, box, self._difficult, int(Trait.OUTLINE) if outline else 0)

    def _of_frame(self, frame: int) -> int:
        """The place of the image of a video's frame, as CVAT calls the photos that it exports with them."""
        if frame not in self._frames:
            size = _size(*map(str, self.size))
            self._frames[frame] = self.rows.add_image(f"frame_{frame:06d}.png", str(self.path), size)
        return self._frames[frame]

    def table(self) -> Table:
        """All of it."""
        refuse_rows(self.path, self.bad, self.rows)
        return self.rows.table(FORMAT, listed=tuple(dict.fromkeys(self.names)))


# Of a class; what is longer is none.
LARGEST_NAME = 100_000


def _size(width: str | None, height: str | None) -> tuple[int, int]:
    """(width, height), (0, 0) where there is none that makes sense."""
    try:
        sides = [int(number) for number in finite((width or "", height or ""))]
    except ValueError:
        return 0, 0
    return (sides[0], sides[1]) if min(sides) > 0 and max(sides) <= LARGEST_SIDE else (0, 0)


def _box(tag: str, attributes: dict[str, str]) -> tuple[Box, bool]:
    """The box of a shape, and whether another was drawn than that.

    Raises:
        ValueError: it has none.
    """
    if tag in WITHOUT_BOX:
        raise ValueError(f"<{tag}> has no box")
    try:
        turned = finite([attributes.get("rotation", "0")])[0]
        if tag == "box":
            x1, y1, x2, y2 = finite(attributes[corner] for corner in CORNERS)
            return (around_turned((x1, y1, x2, y2), turned), True) if turned else ((x1, y1, x2, y2), False)
        if tag == "ellipse":
            cx, cy, rx, ry = finite(attributes[key] for key in ("cx", "cy", "rx", "ry"))
            return around_ellipse(cx, cy, rx, ry, turned), True
        if tag == "mask":
            x, y, width, height = finite(attributes[key] for key in ("left", "top", *SIDES))
            return (x, y, x + width, y + height), True
        if tag == "cuboid":
            points = [finite((attributes[f"x{key[1:]}"], text)) for key, text in attributes.items() if key[:1] == "y"]
        else:
            points = [finite(pair.split(",")) for pair in attributes["points"].split(";")]
        return around([(x, y) for x, y in points]), True
    except (KeyError, ValueError):
        raise ValueError(f"<{tag}> lacks numbers of where it is, or holds something that is not finite") from None


FORMAT = Format(
    name="cvat",
    title="CVAT 1.1",
    endings=(".xml",),
    read=read_cvat,
    sure=is_cvat,
    may_be=is_cvat,
    many_in_file=True,
)
