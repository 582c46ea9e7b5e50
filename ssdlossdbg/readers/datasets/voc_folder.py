"""Pascal VOC: a folder of XML files, or an ImageSets list of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotated import Annotation, Source
from ssdlossdbg.readers.datasets.folders import beginning, files_below, is_folder
from ssdlossdbg.readers.datasets.table import LARGEST_SIDE, Rows, Table
from ssdlossdbg.readers.files import is_file, read_bytes, read_text
from ssdlossdbg.readers.voc import may_be_voc, parse_voc

# The lists of one class, aeroplane_train.txt say, end each line with whether the photo shows one.
CLASS_FLAG = re.compile(r"\s+(-1|0|1)$")


def read_voc(path: Path) -> Table:
    """Every Pascal VOC file of a folder or list, or the one that is named.

    Raises:
        InputError: the folder or list leads to none.
    """
    if path.suffix.lower() == ".txt":
        return _read_files(_listed(path))
    if is_file(path):
        return _read_files([path])
    found = files_below(path, ".xml", "Annotations")
    files = [file for file in found if may_be_voc(beginning(file))]
    if not files:
        raise InputError(path, "holds no Pascal VOC .xml", "Name the folder that holds Annotations.")
    return _read_files(files)


def _listed(path: Path) -> list[Path]:
    """The annotation file of each id in a list."""
    ids = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not ids:
        raise InputError(path, "lists no image", "Write an id a line, as in ImageSets/Main/train.txt.")
    places = [path.parent / above / "Annotations" for above in ("../..", "..", ".")]
    folder = next((place.resolve() for place in places if is_folder(place)), None)
    if folder is None:
        fix = "Keep it as VOC does: ImageSets/Main/train.txt beside Annotations/."
        raise InputError(path, f"lists ids, but there is no folder {places[0]}", fix)
    return [_annotation_file(folder, name) for name in dict.fromkeys(ids)]


def _annotation_file(folder: Path, name: str) -> Path:
    file = folder / f"{name}.xml"
    return file if is_file(file) else folder / f"{CLASS_FLAG.sub('', name)}.xml"


def _read_files(files: Iterable[Path]) -> Table:
    rows = Rows()
    for file in files:
        try:
            annotation = _parse(file)
        except InputError as error:
            rows.refused.append((str(file), error))
            continue
        image = rows.add_image(annotation.photo or file.stem, str(file), annotation.size or (0, 0))
        for item in annotation.objects:
            rows.add_object(image, item.label, item.box, item.difficult)
    return rows.table("Pascal VOC", labels=tuple(map(str, rows.labels)), one_based=True)


def _parse(file: Path) -> Annotation:
    annotation = parse_voc(Source(read_bytes(file), file, file, None, ()))
    if max(annotation.size or (0,)) > LARGEST_SIDE:
        raise InputError(f"{file}, size", "says the photo has an absurd size", "Write the photo's real size.")
    return annotation
