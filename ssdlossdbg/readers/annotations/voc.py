"""Pascal VOC XML: a file an image, in a folder or named by an ImageSets list."""

from __future__ import annotations

import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PureWindowsPath
from xml.etree.ElementTree import Element, ParseError, fromstring

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.folders import BEGINNING, beginning, files_below, is_folder
from ssdlossdbg.readers.annotations.format import Format, Source, read_each, refuse_objects
from ssdlossdbg.readers.annotations.table import LARGEST_SIDE, Rows, Table
from ssdlossdbg.readers.classes import read_label_map
from ssdlossdbg.readers.files import LARGEST_OF_IMAGE, is_file, read_bytes, read_lines
from ssdlossdbg.readers.what_it_is import what_it_is
from ssdlossdbg.results import Box, Trait

SIDES = ("width", "height")
CORNERS = ("xmin", "ymin", "xmax", "ymax")
# Tags of an object without which some loaders raise; as plain numbers, since a million objects are asked for them.
OPTIONAL = (
    ("difficult", int(Trait.NO_DIFFICULT)),
    ("truncated", int(Trait.NO_TRUNCATED)),
    ("pose", int(Trait.NO_POSE)),
)
FIRST_ELEMENT = re.compile(rb"<([A-Za-z_][^\s/>]*)")
# The lists of one class, aeroplane_train.txt say, end each line with whether the photo shows one.
CLASS_FLAG = re.compile(r"(?<!\s)\s++(-1|0|1)$")


def may_be_voc(_: Path, data: bytes) -> bool:
    """Whether XML has Pascal VOC's root, or none that can be told."""
    root = FIRST_ELEMENT.search(data)
    return root is None or root[1] == b"annotation"


def read_voc(source: Source) -> Table:
    """Every Pascal VOC file of a folder or list, or the one that is named.

    Raises:
        InputError: the folder or list leads to none.
    """
    path = source.path
    searched = is_folder(path)
    if searched:
        files = files_below(path, FORMAT.endings, FORMAT.folder)
    else:
        files = list(_listed(path)) if _is_list(source) else [path]
    rows = read_each(dict.fromkeys(files, ""), source, partial(_add, searched=searched))
    class_file = None if source.classes else _label_map(source)
    listed = read_label_map(class_file) if class_file else ()
    table = source.share.whole(rows.table(FORMAT, listed=listed, class_file=class_file))
    if not table.names and not table.refused:
        raise InputError(path, "holds no Pascal VOC .xml", "Name the folder that holds Annotations.")
    return table


def _label_map(source: Source) -> Path | None:
    """The one label map beside a list, as Caffe's data sets have it: labelmap_voc.prototxt."""
    found = list(source.path.parent.glob("labelmap*.prototxt")) if _is_list(source) else []
    return found[0] if len(found) == 1 else None


def _is_list(source: Source) -> bool:
    if is_folder(source.path):
        return False
    is_text = source.path.suffix.lower() == ".txt"
    return is_text and not beginning(source.path).removeprefix(BOM_UTF8).lstrip().startswith(FORMAT.begins)


def _lists_ids(data: bytes) -> bool:
    """Whether text may be a list of ids, with or without a flag of a class: it is none that begins with two numbers."""
    try:
        first = data.decode("utf-8-sig").partition("\n")[0].strip()
    except UnicodeDecodeError as error:
        if error.start < len(data) - 4:  # rather than in a character that is cut off
            return False
        first = data[: error.start].decode("utf-8-sig").partition("\n")[0].strip()
    columns = CLASS_FLAG.sub("", first).split()
    return len(columns) < 2 or not all(column.replace(".", "", 1).isdigit() for column in columns)


def _listed(path: Path) -> Iterator[Path]:
    """The files of the ids in a list, each once; or those of a list of Caffe's, a photo and its XML a line."""
    ids = read_lines(path)
    if not ids:
        raise InputError(path, "lists no image", "Write an id a line, as in ImageSets/Main/train.txt.")
    if ids[0].lower().endswith(FORMAT.endings):
        yield from _of_paths(ids, path)
        return
    places = [path.parent / above / "Annotations" for above in ("../..", "..", ".")]
    folder = next((place.resolve() for place in places if is_folder(place)), None)
    if folder is None:
        fix = "Keep it as VOC does: ImageSets/Main/train.txt beside Annotations/."
        raise InputError(path, f"lists ids, but there is no folder {places[0]}", fix)
    for name in dict.fromkeys(ids):
        file = folder / f"{name}.xml"
        yield file if is_file(file) else folder / f"{CLASS_FLAG.sub('', name)}.xml"


def _of_paths(lines: Sequence[str], path: Path) -> Iterator[Path]:
    """The XML files that lines end with, whose paths start from the first folder above the list that has the first."""
    files = dict.fromkeys(line.split()[-1] for line in lines)
    first = next(iter(files))
    root = next((folder for folder in path.absolute().parents if is_file(folder / first)), None)
    if root is None:
        fix = "Put the list into the folder that its paths start from, or name the folder of the XML files."
        raise InputError(path, f"lists XML files, but {first} is in none of the folders above it", fix)
    yield from (root / file for file in files)


def _add(file: Path, _: str, rows: Rows, searched: bool) -> None:
    """Append a file's image; a folder that was searched may hold XML of other kinds, which is passed over."""
    if not is_file(file):
        raise InputError(file, "no such file", "Add it, or remove what names it.")
    data = read_bytes(file, LARGEST_OF_IMAGE)
    if searched and not may_be_voc(file, data[:BEGINNING]):
        if error := what_it_is(file, data[:BEGINNING]):  # a page that came in place of the file, say
            raise error
        return
    if not data.strip():
        raise InputError(file, "is empty", "Export it again or remove it.")
    root = _parse_xml(data, file)
    photo = _photo_name((root.findtext("filename") or "").strip()) or file.stem
    size, traits = _size(root)
    for tag, lacking in (("size/depth", Trait.NO_DEPTH), ("folder", Trait.NO_FOLDER), ("filename", Trait.NO_FILENAME)):
        traits |= 0 if root.find(tag) is not None else lacking
    image = rows.add_image(photo, str(file), size, traits)
    bad = []
    for index, element in enumerate(root.iter("object")):
        try:
            label, box, difficult, written = _object(element, index, file)
        except InputError as error:
            bad.append(error)
            rows.skip_object(image)
        else:
            rows.add_object(image, label, box, difficult, written)
    refuse_objects(file, image, bad, rows)


def _photo_name(written: str) -> str:
    r"""A <filename> without the folders of the machine that wrote it, which may be a `C:\Users\...`."""
    photo = PureWindowsPath(written)
    return photo.name if photo.anchor else written.replace("\\", "/")


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


def _size(root: Element) -> tuple[tuple[int, int], int]:
    """The declared (width, height), (0, 0) where there is none that makes sense, and what there is to say of it."""
    texts = [root.findtext(f"size/{side}") for side in SIDES]
    if None in texts:
        return (0, 0), Trait.NO_SIZE
    try:
        width, height = (int(float(text or 0)) for text in texts)
    except (ValueError, OverflowError):
        return (0, 0), Trait.ZERO_SIZE
    sound = min(width, height) > 0 and max(width, height) <= LARGEST_SIDE
    return ((width, height), 0) if sound else ((0, 0), Trait.ZERO_SIZE)


def _object(element: Element, index: int, path: Path) -> tuple[str, Box, bool, int]:
    """The class, the box, whether the object is difficult, and how it is written, as flags of `Trait`."""
    place = f"object {index}"
    written = element.findtext("name") or ""
    name = written.strip()
    if not name:
        raise InputError(f"{path}, {place}", "has no <name>", "Name its class.")
    place = f"{place} ({name})"
    box = element.find("bndbox")
    if box is None:
        raise InputError(f"{path}, {place}", "has no <bndbox>", "Draw its box, or remove the object.")
    traits = 0 if name == written else int(Trait.PADDED_NAME)
    corners = []
    for place_of, corner in enumerate(CORNERS):
        text = box.findtext(corner)
        try:
            corners.append(float(int(text)))  # type: ignore[arg-type]  # None is one of those that raise
        except (TypeError, ValueError, OverflowError):
            corners.append(_number(text, f"<bndbox><{corner}>", path, place))
            traits |= 1 << place_of
    x1, y1, x2, y2 = corners
    marked = element.findtext("difficult")
    difficult = _number(marked or "0", "<difficult>", path, place)
    for tag, lacking in OPTIONAL:
        if element.find(tag) is None:
            traits |= lacking
    return name, (x1, y1, x2, y2), difficult == 1, traits


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


FORMAT = Format(
    name="voc",
    title="Pascal VOC",
    endings=(".xml",),
    read=read_voc,
    begins=(b"<",),
    may_be=may_be_voc,
    lists_ids=_lists_ids,
    folder="Annotations",
    one_based=True,
)
