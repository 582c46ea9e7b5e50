"""Which format a dataset is in."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers import photo_sizes
from ssdlossdbg.readers.datasets.folders import beginning, is_folder, walk
from ssdlossdbg.readers.datasets.yolo_folder import is_photo_list
from ssdlossdbg.readers.yolo import may_be_yolo
from ssdlossdbg.readers.yolo_yaml import ENDINGS as YAML_ENDINGS

ENDINGS = (".xml", ".txt", ".json", ".csv")
WHAT_TO_NAME = "Name the folder or file that holds the annotations."


class DatasetFormat(StrEnum):
    """The formats that whole datasets are read in."""

    VOC = "voc"
    COCO = "coco"
    YOLO = "yolo"
    OPEN_IMAGES = "open-images"


def recognise(path: Path) -> DatasetFormat:
    """The format of a file or folder that there is, by its ending and content.

    Raises:
        InputError: an empty file, a folder with nothing of the kind, or with two formats.
    """
    if is_folder(path):
        return _of_folder(path)
    by_ending = {
        ".xml": DatasetFormat.VOC,
        ".json": DatasetFormat.COCO,
        ".csv": DatasetFormat.OPEN_IMAGES,
        **dict.fromkeys(YAML_ENDINGS, DatasetFormat.YOLO),
    }
    return by_ending.get(path.suffix.lower()) or _of_content(path)


def _of_content(path: Path) -> DatasetFormat:
    data = beginning(path).removeprefix(BOM_UTF8).strip()
    if not data:
        raise InputError(path, "is empty", "Name a file or folder of annotations.")
    by_start = {b"<": DatasetFormat.VOC, b"{": DatasetFormat.COCO, b"[": DatasetFormat.COCO}
    if data[:1] in by_start:
        return by_start[data[:1]]
    if may_be_yolo(data) or is_photo_list(data.decode(errors="replace")):
        return DatasetFormat.YOLO
    if path.suffix.lower() == ".txt":
        return DatasetFormat.VOC  # a list of ids
    raise InputError(path, "is neither Pascal VOC, COCO, YOLO nor Open Images", WHAT_TO_NAME)


def _of_folder(folder: Path) -> DatasetFormat:
    files = list(walk(folder, ENDINGS))
    voc = _first(files, ".xml")
    # Beside XML only a folder called labels means YOLO: other txt are lists of images.
    yolo = _first([file for file in files if "labels" in file.parts] if voc else files, ".txt")
    if voc and yolo:
        what = f"holds Pascal VOC ({voc.parent}) and YOLO ({yolo.parent}) annotations"
        raise InputError(folder, what, "Name the folder of one of them.")
    if voc or yolo:
        return DatasetFormat.VOC if voc else DatasetFormat.YOLO
    if not any(walk(folder)):
        raise InputError(folder, "is a folder without files that can be seen", WHAT_TO_NAME)
    single = _first(files, ".json") or _first(files, ".csv")
    fix = f"Name the file, {single} perhaps." if single else WHAT_TO_NAME
    photos = "photos, but " if any(walk(folder, photo_sizes.ENDINGS)) else ""
    raise InputError(folder, f"holds {photos}no Pascal VOC .xml and no YOLO .txt", fix)


def _first(files: Sequence[Path], ending: str) -> Path | None:
    return min((file for file in files if file.suffix.lower() == ending), key=str, default=None)
