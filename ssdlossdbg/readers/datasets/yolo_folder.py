"""YOLO: a folder of txt files, a list of photos, or the data.yaml that names both."""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.datasets.folders import beginning, files_below, is_folder
from ssdlossdbg.readers.datasets.table import Rows, Table
from ssdlossdbg.readers.datasets.yolo_yaml import YoloYaml, read_yolo_yaml
from ssdlossdbg.readers.files import is_file, read_bytes, read_text
from ssdlossdbg.readers.photo_sizes import ENDINGS
from ssdlossdbg.readers.yolo import may_be_yolo, parse_rows

YAML_ENDINGS = (".yaml", ".yml")
NAME_FILES = ("classes.txt", "obj.names")
YAML_FILES = ("data.yaml", "dataset.yaml")


def read_yolo(path: Path, classes: tuple[str, ...]) -> Table:
    """Every YOLO file that a folder holds or a data.yaml or list of photos leads to, or the one that is named.

    Args:
        path: the folder or file.
        classes: the names of the class numbers; those of the dataset if empty.

    Raises:
        InputError: there is none, or nobody names the classes.
    """
    rows = Rows()
    config = read_yolo_yaml(path) if path.suffix.lower() in YAML_ENDINGS else None
    for file in _label_files(path, config, rows):
        _read_file(file, rows)
    names = classes or (config.names if config else _names_near(path))
    if rows.labels and not names:
        fix = "Add --classes with the file of names, or a,b,c in their order."
        raise InputError(path, "names its classes by number only", fix)
    labels = tuple(_label(number, names) for number in rows.labels)
    return rows.table("YOLO", labels=labels, listed=names, fractions=True)


def is_photo_list(text: str) -> bool:
    """Whether text lists photos, a path a line."""
    first = text.strip().partition("\n")[0].strip().lower()
    return first.endswith(ENDINGS)


def _label(number: object, names: tuple[str, ...]) -> str:
    """The name of a class number, which may be any that a float can be."""
    assert isinstance(number, float)
    whole = number.is_integer() and 0 <= number < len(names)
    return names[int(number)] if whole else f"class {number:g}"


def _read_file(file: Path, rows: Rows) -> None:
    try:
        found = parse_rows(read_bytes(file), file)
    except InputError as error:
        rows.refused.append((str(file), error))
        return
    image = rows.add_image(file.stem, str(file))
    for _, (number, cx, cy, w, h) in found:
        rows.add_object(image, number, (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))


def _names_near(path: Path) -> tuple[str, ...]:
    """The classes of a classes.txt or data.yaml in the folder, or above it where `labels` itself was named."""
    folder = path if is_folder(path) else path.parent
    places = [folder, folder / "labels", folder.parent, folder.parent.parent]
    for place in places if "labels" in folder.parts else places[:2]:
        for file in (place / name for name in NAME_FILES):
            if is_file(file):
                return tuple(line.strip() for line in read_text(file).splitlines() if line.strip())
        for file in (place / name for name in YAML_FILES):
            if is_file(file):
                return read_yolo_yaml(file).names
    return ()


def _label_files(path: Path, config: YoloYaml | None, rows: Rows) -> list[Path]:
    if config:
        return _of_splits(config, path, rows)
    if is_folder(path):
        files = _in_folder(path)
        if not files:
            raise InputError(path, "holds no YOLO .txt", "Name the folder that holds labels, or the data.yaml.")
        return files
    text = read_text(path)
    return _of_photos(text, path, rows) if is_photo_list(text) else [path]


def _in_folder(folder: Path) -> list[Path]:
    """What looks like YOLO; in a folder called labels everything should, so there only lists of names are left out."""
    found = [file for file in files_below(folder, ".txt", "labels") if file.name not in NAME_FILES]
    return [file for file in found if "labels" in file.parts or may_be_yolo(beginning(file))]


def _of_splits(config: YoloYaml, path: Path, rows: Rows) -> list[Path]:
    files: dict[Path, None] = {}
    for split in config.splits:
        found = _of_split(config.root, split, path, rows)
        if not found:
            fix = "Correct the path; labels lie in `labels` where photos lie in `images`."
            rows.refused.append((str(path), InputError(path, f"leads to no labels at {split}", fix)))
        files |= dict.fromkeys(found)
    if not files and not rows.names:
        raise InputError(path, "leads to no YOLO .txt", "Correct path, train and val, or name the folder of labels.")
    return list(files)


def _of_split(root: Path, split: str, path: Path, rows: Rows) -> list[Path]:
    # Roboflow writes ../train/images for what lies beside its data.yaml.
    for place in (root / split, root / split.removeprefix("../")):
        if is_file(place) and place.suffix.lower() == ".txt":
            return _of_photos(read_text(place), place, rows, path.parent)
        for labels in (_beside(place), place):
            if is_folder(labels) and (found := _in_folder(labels)):
                return found
    return []


def _of_photos(text: str, path: Path, rows: Rows, root: Path | None = None) -> list[Path]:
    """The label files of listed photos; a photo without one shows nothing, and becomes an image without objects."""
    photos = [path.parent / line.strip() for line in text.splitlines() if line.strip()]
    if root and photos and not any(is_folder(photo.parent) or is_folder(_beside(photo.parent)) for photo in photos):
        photos = [root / line.strip() for line in text.splitlines() if line.strip()]
    files = []
    for photo in dict.fromkeys(photos):
        labels = _beside(photo).with_suffix(".txt")
        if is_file(labels):
            files.append(labels)
        else:
            rows.add_image(photo.name, str(labels))
    return files


def _beside(photos: Path) -> Path:
    """The path of the labels: `labels` in the place of the last `images`."""
    parts = photos.parts
    if "images" not in parts:
        return photos
    last = len(parts) - 1 - parts[::-1].index("images")
    return Path(*parts[:last], "labels", *parts[last + 1 :])
