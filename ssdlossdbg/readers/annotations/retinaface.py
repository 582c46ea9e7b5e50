"""RetinaFace's label.txt: `# photo`, then a row a face: `x y w h`, five landmarks of `x y seen`, and the blur.

biubug6/Pytorch_Retinaface (data/wider_face.py:15-70) reads it so, the photo lying in `images` beside it. Landmarks are
passed over here: they take no part in matching.
"""

from __future__ import annotations

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.table import Rows, Table
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
# Columns of a row: the box alone, with five landmarks, and with the blur behind those.
LENGTHS = (4, 19, 20)


def read_retinaface(source: Source) -> Table:
    """Every photo and face of the file; errors as of `numbered_lines`."""
    path, rows = source.path, Rows()
    bad: Bad = []
    image: int | None = None
    for line, text in numbered_lines(path):
        if text.startswith("#"):
            image = rows.add_image(text.lstrip("#").strip(), str(path))
            continue
        try:
            box = _box(text) if image is not None else None
        except ValueError as error:
            box, what = None, str(error)
        else:
            what = "stands above the first photo"
        if box:
            assert image is not None
            rows.add_object(image, FACE, box)
            continue
        bad.append((image, InputError(f"{path}, line {line}", what, "Correct the row or remove it.")))
        if image is not None:
            rows.skip_object(image)
    refuse_rows(path, bad, rows)
    return rows.table(FORMAT, listed=(FACE,))


def _box(text: str) -> tuple[float, float, float, float]:
    columns = text.split()
    if len(columns) not in LENGTHS:
        raise ValueError(f"has {len(columns)} columns, where label.txt has 4, 19 or 20")
    try:
        x, y, width, height, *_ = finite(columns)
    except ValueError:
        raise ValueError("holds something that is not a finite number") from None
    return of_size(x, y, width, height)


FORMAT = Format(
    name="retinaface",
    title="RetinaFace's label.txt",
    endings=(".txt",),
    read=read_retinaface,
    sure=telling(rf"#[ \t]*{PHOTO}[ \t\r]*\n[ \t]*{NUMBER}(?:[ \t]+{NUMBER}){{3}}\b[^\n]*"),
    derived=True,
    many_in_file=True,
    layout="xywh",
)
