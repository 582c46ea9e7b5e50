"""The objects of an annotation file, by the format that it is in."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from xml.parsers.expat import ExpatError

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.elements.element import Written
from ssdlossdbg.readers.files import read_bytes

# By what options call a format: what finds the objects in its text, and the encoding that keeps each byte of it.
LOCATORS: dict[str, tuple[str, str]] = {
    "voc": ("xmls:voc", "latin-1"),
    "coco": ("jsons:coco", "utf-8"),
    "yolo": ("rows:yolo", "utf-8"),
    "open-images": ("csvs:open_images", "utf-8"),
    "labelme": ("jsons:labelme", "utf-8"),
    "cvat": ("xmls:cvat", "latin-1"),
    "kitti": ("rows:kitti", "utf-8"),
    "wider-face": ("rows:wider_face", "utf-8"),
    "retinaface": ("rows:retinaface", "utf-8"),
    "visdrone": ("rows:visdrone", "utf-8"),
    "tf-csv": ("csvs:tf_csv", "utf-8"),
    "tf-csv-fractions": ("csvs:tf_csv", "utf-8"),
    "photo-list": ("rows:photo_list", "utf-8"),
}


def locate(path: Path, format: str, largest: float = float("inf")) -> Written | None:
    """The objects of a file where they stand; None where that cannot be told, or the format is no text.

    Args:
        path: the file.
        format: what options call its format.
        largest: bytes, of a file that is looked at.
    """
    if format not in LOCATORS:
        return None
    name, encoding = LOCATORS[format]
    find = pkgutil.resolve_name(f"{__package__}.{name}")
    try:
        written: Written = find(read_bytes(path, largest).decode(encoding))
    except (InputError, ValueError, KeyError, TypeError, IndexError, AttributeError, StopIteration, RecursionError):
        return None  # what is wrong with it, others say
    except ExpatError:
        return None
    return written
