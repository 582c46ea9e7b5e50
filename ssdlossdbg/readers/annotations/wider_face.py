"""WIDER FACE: one text for all photos, `wider_face_train_bbx_gt.txt`: a photo, the number of its faces, a row a face.

A row is `x y w h blur expression illumination invalid occlusion pose`, in pixels (readme.txt of wider_face_split); a
photo without a face has one row of zeros. What is marked invalid is no face to train or to be measured on.
"""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.photo_files import ENDINGS
from ssdlossdbg.readers.annotations.table import Refused, Rows, Table
from ssdlossdbg.readers.annotations.text_rows import (
    NUMBER,
    PHOTO,
    Bad,
    finite,
    numbered_lines,
    of_size,
    refuse_rows,
    telling,
)

FACE = "face"
# Columns of a row; files of other data sets in this form have the first four alone.
BOX, INVALID = 4, 7


def read_wider_face(source: Source) -> Table:
    """Every photo and face of the file; errors as of `numbered_lines`."""
    path, rows = source.path, Rows()
    bad: Bad = []
    counts: list[tuple[int, int, int]] = []  # of each photo: the line of its number, that number, and the faces found
    image, number, line_of, found = -1, None, 0, 0
    for line, text in numbered_lines(path):
        if text.lower().endswith(ENDINGS):
            if image >= 0:
                counts.append((line_of, -1 if number is None else number, found))
            image, number, line_of, found = rows.add_image(text, str(path)), None, line, 0
        elif image >= 0 and number is None and text.isdecimal() and len(text) < 10:
            number, line_of = int(text), line
        elif number != 0 or set(text.split()) != {"0"}:
            found += 1
            _add(path, line, text, image, rows, bad)
    if image >= 0:
        counts.append((line_of, -1 if number is None else number, found))
    refuse_rows(path, bad, rows)
    _refuse_counts(path, counts, rows)
    return rows.table(FORMAT, listed=(FACE,))


def _add(path: Path, line: int, text: str, image: int, rows: Rows, bad: Bad) -> None:
    place, fix = f"{path}, line {line}", "Correct the row or remove it."
    if image < 0:
        bad.append((None, InputError(place, "stands above the first photo", fix)))
        return
    try:
        x, y, width, height, *flags = finite(text.split())
    except ValueError:
        bad.append((image, InputError(place, "does not begin with four finite numbers, x y w h", fix)))
        rows.skip_object(image)
    else:
        invalid = len(flags) > INVALID - BOX and flags[INVALID - BOX] == 1
        rows.add_object(image, FACE, of_size(x, y, width, height), invalid)


def _refuse_counts(path: Path, counts: list[tuple[int, int, int]], rows: Rows) -> None:
    """Say which photos have another number of rows than is written above them; no row is left out for that."""
    wrong = [(line, said, found) for line, said, found in counts if said != found]
    if wrong:
        line, said, found = wrong[0]
        more = f" ({len(wrong) - 1:,} more like it)" if len(wrong) > 1 else ""
        faces = "1 face follows" if found == 1 else f"{found} faces follow"
        what = f"says no number of faces, and {faces}" if said < 0 else f"says {said}, and {faces}"
        fix = "Correct the number, or restore the rows: loaders that count the rows by it lose their place here."
        rows.refused.append(Refused(str(path), InputError(f"{path}, line {line}", what + more, fix), frozenset()))


FORMAT = Format(
    name="wider-face",
    title="WIDER FACE",
    endings=(".txt",),
    read=read_wider_face,
    sure=telling(rf"{PHOTO}[ \t\r]*\n[ \t]*\d+[ \t\r]*\n[ \t]*{NUMBER}(?:[ \t]+{NUMBER}){{3}}\b[^\n]*"),
    many_in_file=True,
    mark="ignored",
    layout="xywh",
)
