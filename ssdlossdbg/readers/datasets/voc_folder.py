"""Pascal VOC: a folder of XML files, or an ImageSets list of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotated import Annotation, Source
from ssdlossdbg.readers.datasets.folders import BEGINNING, files_below, is_folder
from ssdlossdbg.readers.datasets.share import Share, Track
from ssdlossdbg.readers.datasets.table import LARGEST_SIDE, Rows, Table
from ssdlossdbg.readers.files import is_file, read_bytes, read_lines
from ssdlossdbg.readers.voc import may_be_voc, parse_voc

# The lists of one class, aeroplane_train.txt say, end each line with whether the photo shows one.
CLASS_FLAG = re.compile(r"\s+(-1|0|1)$")


def read_voc(path: Path, share: Share, track: Track) -> Table:
    """Every Pascal VOC file of a folder or list, or the one that is named.

    Args:
        path: the folder, list or file.
        share: which of its files to read here.
        track: watches the files being read.

    Raises:
        InputError: the folder or list leads to none.
    """
    rows = Rows()
    searched = is_folder(path)
    for file in track(_files(path, share)):
        _read_file(file, rows, searched)
    table = share.whole(rows.table("Pascal VOC", labels=tuple(map(str, rows.labels)), one_based=True))
    if not table.names and not table.refused:
        raise InputError(path, "holds no Pascal VOC .xml", "Name the folder that holds Annotations.")
    return table


def _files(path: Path, share: Share) -> Sequence[Path]:
    if is_folder(path):
        return share.part(files_below(path, ".xml", "Annotations"))
    if path.suffix.lower() != ".txt":
        return share.part([path])
    folder, ids = _listed(path)
    return [_annotation_file(folder, name) for name in share.part(ids)]


def _listed(path: Path) -> tuple[Path, list[str]]:
    """The ids in a list, and the folder of their annotations."""
    ids = read_lines(path)
    if not ids:
        raise InputError(path, "lists no image", "Write an id a line, as in ImageSets/Main/train.txt.")
    places = [path.parent / above / "Annotations" for above in ("../..", "..", ".")]
    folder = next((place.resolve() for place in places if is_folder(place)), None)
    if folder is None:
        fix = "Keep it as VOC does: ImageSets/Main/train.txt beside Annotations/."
        raise InputError(path, f"lists ids, but there is no folder {places[0]}", fix)
    return folder, list(dict.fromkeys(ids))


def _annotation_file(folder: Path, name: str) -> Path:
    file = folder / f"{name}.xml"
    return file if is_file(file) else folder / f"{CLASS_FLAG.sub('', name)}.xml"


def _read_file(file: Path, rows: Rows, searched: bool) -> None:
    """Append a file's image; a folder that was searched may hold XML of other kinds, which is passed over."""
    try:
        if not is_file(file):
            raise InputError(file, "no such file", "Add it, or remove what names it.")
        data = read_bytes(file)
        if searched and not may_be_voc(data[:BEGINNING]):
            return
        annotation = _parse(data, file)
    except InputError as error:
        rows.refused.append((str(file), error))
        return
    image = rows.add_image(_photo_name(annotation.photo) or file.stem, str(file), annotation.size or (0, 0))
    for item in annotation.objects:
        rows.add_object(image, item.label, item.box, item.difficult)


def _parse(data: bytes, file: Path) -> Annotation:
    if not data.strip():
        raise InputError(file, "is empty", "Export it again or remove it.")
    annotation = parse_voc(Source(data, file, file, None, ()))
    if max(annotation.size or (0,)) > LARGEST_SIDE:
        raise InputError(f"{file}, size", "says the photo has an absurd size", "Write the photo's real size.")
    return annotation


def _photo_name(written: str) -> str:
    r"""A <filename> without the folders of the machine that wrote it, which may be a `C:\Users\...`."""
    photo = PureWindowsPath(written)
    return photo.name if photo.anchor else written.replace("\\", "/")
