"""A list of photos with their objects, as keras-yolo3 and bubbliiiing's loaders read: `photo x1,y1,x2,y2,class ...`.

voc_annotation.py writes it of Pascal VOC, with whole pixels as those have them (bubbliiiing/ssd-pytorch,
voc_annotation.py:59-60); classes are numbers, whose names stand in model_data/voc_classes.txt.
"""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.table import Rows, Table
from ssdlossdbg.readers.annotations.text_rows import NUMBER, PHOTO, Bad, finite, numbered_lines, refuse_rows, telling
from ssdlossdbg.readers.files import read_lines

COLUMNS = 5


def read_photo_list(source: Source) -> Table:
    """Every photo of the list.

    Raises:
        InputError: nobody names the classes, or the file is no text.
    """
    path, rows = source.path, Rows()
    class_file = None if source.classes else _class_file(path)
    names = source.classes or (tuple(read_lines(class_file)) if class_file else ())
    bad: Bad = []
    places: dict[str, int] = {}
    for line, text in numbered_lines(path):
        photo, boxes = split(text)
        if photo not in places:
            places[photo] = rows.add_image(photo, str(path))
        image = places[photo]
        for box in boxes:
            try:
                x1, y1, x2, y2, number = finite(box.split(","))
            except ValueError:
                what = "has an object that is not x1,y1,x2,y2,class"
                bad.append((image, InputError(f"{path}, line {line}, {box[:60]}", what, "Correct or remove it.")))
                rows.skip_object(image)
            else:
                rows.add_object(image, _label(number, names), (x1, y1, x2, y2))
    refuse_rows(path, bad, rows)
    if rows.labels and not names:
        fix = "Add --classes with the loader's file of names (model_data/voc_classes.txt), or a,b,c in their order."
        raise InputError(path, "names its classes by number only", fix)
    return rows.table(FORMAT, listed=names, class_file=class_file)


def split(text: str) -> tuple[str, list[str]]:
    """The photo of a line, whose path may have blanks, and what follows it with commas."""
    words = text.split()
    objects = 0
    while objects < len(words) - 1 and words[-1 - objects].count(",") >= COLUMNS - 1:
        objects += 1
    return text.rsplit(None, objects)[0] if objects else text, words[len(words) - objects :]


def _label(number: float, names: tuple[str, ...]) -> str:
    return names[int(number)] if number.is_integer() and 0 <= number < len(names) else f"class {number:g}"


def _class_file(path: Path) -> Path | None:
    """The one file of names that lies beside a list, or where bubbliiiing keeps it."""
    found = [file for folder in (path.parent, path.parent / "model_data") for file in folder.glob("*classes.txt")]
    return found[0] if len(found) == 1 else None


FORMAT = Format(
    name="photo-list",
    title="bubbliiiing's list",
    endings=(".txt",),
    read=read_photo_list,
    sure=telling(rf"{PHOTO}[ \t]+(?:{NUMBER},){{4}}\d+\b[^\n]*"),
    derived=True,
    many_in_file=True,
    numbered=True,
)
