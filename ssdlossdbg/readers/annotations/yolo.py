"""YOLO: a txt file an image, a row an object: `class cx cy w h`, the box as fractions of the photo.

The files are those in a folder, or those that a list of photos or the data.yaml leads to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePath

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.folders import BEGINNING, beginning, files_below, is_folder
from ssdlossdbg.readers.annotations.format import Format, Source, read_each, refuse_objects
from ssdlossdbg.readers.annotations.photo_files import ENDINGS
from ssdlossdbg.readers.annotations.table import Refused, Rows, Table
from ssdlossdbg.readers.annotations.yolo_rows import kind_of, numbers_of
from ssdlossdbg.readers.files import LARGEST_OF_IMAGE, is_file, lines_of, read_bytes, read_lines, read_text
from ssdlossdbg.readers.yolo_yaml import ENDINGS as YAML_ENDINGS
from ssdlossdbg.readers.yolo_yaml import YoloYaml, read_yolo_yaml

NAME_FILES = ("classes.txt", "obj.names")
YAML_FILES = ("data.yaml", "dataset.yaml")
WHERE_LABELS_LIE = "Labels lie beside the photos, or in `labels` where the photos lie in `images`."
# Files of labels, each with the name of its image, or with none where a folder was searched and it may be no labels.
LabelFiles = dict[Path, str]


def may_be_yolo(file: Path, data: bytes) -> bool:
    """Whether text lies in a folder of labels, or begins as rows do; names of classes may lie beside either."""
    return file.name not in NAME_FILES and (FORMAT.folder in file.parts or _are_rows(data))


def _are_rows(data: bytes) -> bool:
    """Whether text is empty or begins as a row does, with three columns or more of which two are numbers."""
    first = data.decode("utf-8-sig", errors="replace").strip().partition("\n")[0].split()
    return not first or (len(first) > 2 and all(map(_is_number, first[:2])))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_yolo(source: Source) -> Table:
    """Every YOLO file that a folder holds or a data.yaml or list of photos leads to, or the one that is named.

    Raises:
        InputError: there is none, or nobody names the classes.
    """
    path = source.path
    config = read_yolo_yaml(path) if path.suffix.lower() in YAML_ENDINGS else None
    files, refused = _of_splits(config, path) if config else (_label_files(source), [])
    class_file = path if config else _class_file(path)
    near = config or (read_yolo_yaml(class_file) if class_file and class_file.name in YAML_FILES else None)
    if near and near.other_number:
        refused.append(Refused(str(path if config else class_file), near.other_number, frozenset()))
    names = source.classes or (near.names if near else tuple(read_lines(class_file)) if class_file else ())
    rows = read_each(files, source, _add)
    labels = tuple(_label(number, names) for number in rows.labels)
    table = source.share.whole(rows.table(FORMAT, labels, listed=names, class_file=class_file))
    if not table.names and not table.refused:
        raise InputError(path, "holds no YOLO .txt", "Name the folder that holds the labels, or the data.yaml.")
    if table.labels and not names:
        fix = "Add --classes with the file of names, or a,b,c in their order."
        raise InputError(path, "names its classes by number only", fix)
    return replace(table, refused=(*refused, *table.refused))


def _leads(data: bytes) -> bool:
    return _are_rows(data) or _is_photo_list(data.decode(errors="replace"))


def _is_photo_list(text: str) -> bool:
    """Whether text lists photos, a path a line."""
    first = text.strip().partition("\n")[0].strip().lower()
    return first.endswith(ENDINGS)


def _label(number: object, names: tuple[str, ...]) -> str:
    """The name of a class number, which may be any that a float can be."""
    assert isinstance(number, float)
    whole = number.is_integer() and 0 <= number < len(names)
    return names[int(number)] if whole else f"class {number:g}"


def _add(file: Path, image: str, rows: Rows) -> None:
    if image and not is_file(file):
        rows.add_image(image, str(file))  # a photo without labels shows nothing
        return
    data = read_bytes(file, LARGEST_OF_IMAGE)
    if not image and not may_be_yolo(file, data[:BEGINNING]):
        return
    lines = _split(data, file)
    place, bad, kind = rows.add_image(image or file.stem, str(file)), [], kind_of(lines)
    for line, row in lines:
        try:
            number, cx, cy, w, h = numbers_of(row, line, file, kind)
        except InputError as error:
            bad.append(error)
            rows.skip_object(place)
        else:
            rows.add_object(place, number, (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
    refuse_objects(file, place, bad, rows)


def _split(data: bytes, path: Path) -> list[tuple[int, list[str]]]:
    """The lines of a YOLO file that hold something, by their numbers, each in its columns."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(path, "is neither XML, JSON nor text", "Give Pascal VOC, COCO or YOLO annotations.") from None
    columns = ((number, line.split()) for number, line in enumerate(lines, start=1))
    return [(number, row) for number, row in columns if row]


def _class_file(path: Path) -> Path | None:
    """The classes.txt or data.yaml in the folder, or above it where `labels` itself was named."""
    folder = path if is_folder(path) else path.parent
    places = [folder, folder / "labels", folder.parent, folder.parent.parent]
    near = places if "labels" in folder.parts else places[:2]
    files = (place / name for place in near for name in (*NAME_FILES, *YAML_FILES))
    return next(filter(is_file, files), None)


def _label_files(source: Source) -> LabelFiles:
    path = source.path
    if is_folder(path):
        return _in_folder(path)
    if not _is_photo_list(beginning(path).decode(errors="replace")):
        return {path: path.stem}
    files = _of_photos(read_text(path), [path.parent])
    if not files:
        raise InputError(path, "lists photos, none of which has labels", WHERE_LABELS_LIE)
    return files


def _in_folder(folder: Path) -> LabelFiles:
    found = files_below(folder, FORMAT.endings, FORMAT.folder)
    return {file: "" for file in found if file.name not in NAME_FILES}


def _of_splits(config: YoloYaml, path: Path) -> tuple[LabelFiles, list[Refused]]:
    """The labels of all splits, and those splits that lead to none."""
    files: LabelFiles = {}
    refused = []
    for split in config.splits:
        found = _of_split(config.root, split.replace("\\", "/"), path.parent)
        if not found:
            fix = f"Looked in {config.root / split}. {WHERE_LABELS_LIE}"
            refused.append(Refused(str(path), InputError(path, f"leads to no labels at {split}", fix)))
        files |= found
    if not files:
        raise refused[0].error
    return files, refused


def _of_split(root: Path, split: str, home: Path) -> LabelFiles:
    # Roboflow writes ../train/images for what lies beside its data.yaml.
    for place in (root / split, root / split.removeprefix("../")):
        if is_file(place) and place.suffix.lower() == ".txt":
            return _of_photos(read_text(place), [place.parent, home])
        for labels in (_beside(place), place):
            if is_folder(labels) and (found := _in_folder(labels)):
                return found
    return {}


def _of_photos(text: str, folders: Iterable[Path]) -> LabelFiles:
    """The labels of listed photos, whose paths start from the first of the folders that has any; empty if none has."""
    photos = [line.replace("\\", "/") for line in lines_of(text)]
    for folder in folders:
        files = {_labels_of(folder / photo): PurePath(photo).name for photo in photos}
        if any(map(is_file, files)):
            return files
    return {}


def _labels_of(photo: Path) -> Path:
    return _beside(photo.parent) / f"{photo.stem}.txt"


def _beside(photos: Path) -> Path:
    """The path of the labels: `labels` in the place of the last `images`."""
    parts = photos.parts
    if "images" not in parts:
        return photos
    last = len(parts) - 1 - parts[::-1].index("images")
    return Path(*parts[:last], "labels", *parts[last + 1 :])


FORMAT = Format(
    name="yolo",
    title="YOLO",
    endings=(".txt",),
    read=read_yolo,
    may_be=may_be_yolo,
    leads=_leads,
    folder="labels",
    list_endings=YAML_ENDINGS,
    layout="cxcywh",
    fractions=True,
    numbered=True,
)
