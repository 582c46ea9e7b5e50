"""Objects that a program has in memory, in the place of an annotation file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.notation import Notation
from ssdlossdbg.readers.annotations.table import Dataset, Rows
from ssdlossdbg.readers.classes import guess_classes

NOTATION = Notation(name="boxes", title="boxes given", endings=("",))
FIX = "Give rows of x1 y1 x2 y2 and a class, in pixels of the photo, or {'boxes': [N, 4], 'labels': [N]}."


def objects_at_hand(given: Any, photo: Path, size: tuple[int, int], classes: Sequence[str] = ()) -> Dataset:
    """The dataset of one photo from boxes in pixels of it.

    Args:
        given: rows `[N, 5]` of x1 y1 x2 y2 class, or `[N, 4]` of one class; or a mapping or pair of `boxes` and
            `labels`. Labels are names, or places in `classes`, from 0.
        photo: the photo's path, or what it is called.
        size: its (width, height).
        classes: class names in the order of their ids, background left out.

    Raises:
        InputError: it is none of these.
    """
    boxes, labels = _split(given)
    names = [_name(label, classes) for label in labels]
    rows = Rows()
    image = rows.add_image(photo.name, "annotation", size)
    for (x1, y1, x2, y2), name in zip(boxes, names, strict=True):
        rows.add_object(image, name, (x1, y1, x2, y2))
    listed = tuple(classes) or guess_classes((), names)
    table = rows.table(NOTATION)
    return Dataset(**vars(table), path=Path("annotation"), class_names=listed, names_given=bool(classes))


def _split(given: Any) -> tuple[list[list[float]], list[Any]]:
    """The boxes and the labels, one for each."""
    labels: Any = None
    if isinstance(given, Mapping):
        given, labels = given.get("boxes"), given.get("labels")
    elif isinstance(given, tuple) and len(given) == 2 and np.ndim(_plain(given[0])) == 2:
        given, labels = given
    try:
        rows = np.asarray(_plain(given), dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("annotation", f"is no boxes, but a {type(given).__name__}", FIX) from None
    rows = rows.reshape(0, 4) if rows.size == 0 else rows
    if rows.ndim != 2 or rows.shape[1] not in ((4,) if labels is not None else (4, 5)):
        raise InputError("annotation", f"has the shape {list(rows.shape)}", FIX)
    if not np.isfinite(rows).all():
        raise InputError("annotation", "holds numbers that are not finite", "Correct or drop these boxes.")
    if labels is None:
        labels = rows[:, 4].tolist() if rows.shape[1] == 5 else ["object"] * len(rows)
    labels = list(np.asarray(_plain(labels)).reshape(-1).tolist())
    if len(labels) != len(rows):
        raise InputError("annotation", f"has {len(rows)} boxes and {len(labels)} labels", "Give one each.")
    return rows[:, :4].tolist(), labels


def _plain(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _name(label: Any, classes: Sequence[str]) -> str:
    if isinstance(label, str):
        return label
    place = int(label) if float(label).is_integer() else -1
    return classes[place] if 0 <= place < len(classes) else f"class {label:g}"
