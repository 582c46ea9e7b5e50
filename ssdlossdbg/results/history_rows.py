"""The rows of a training's history: what a capture writes and `ssdlossdbg history` reads, and what each field is.

A file of them begins with `HEAD` bytes that describe it: a line that names the kind of file, then JSON, then blanks up
to the first row. Rows are as NumPy lays them out and of one size, so that whoever reads while a training writes, or
after it was killed, takes those that are whole.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ssdlossdbg.results.common import FloatArray

Rows = np.ndarray[Any, np.dtype[Any]]
HEAD = 8192
MAGIC = b"ssdlossdbg rows 1\n"
FOLDER = "history"
# The largest sides, in pixels of the network's input, of objects that are counted together; larger ones are the last.
SIDES = (16, 32, 64, 128, 256)
# What `kind` of a group says that it is a group by.
WHOLE, LEVEL, CLASS, SIZE = range(4)
# What `marks` of a step are made of.
VALIDATION, SAVED, SAMPLED, FIRST, TOTAL_KNOWN, PARTS_KNOWN = (1 << place for place in range(6))
# The number of an image whose place in the data set is not known, and what those of images that are known by name begin
# at.
NOWHERE, BY_NAME = -1, 1 << 40


@dataclass(frozen=True)
class Table:
    """What one file of rows holds.

    Attributes:
        name: of the file, without its ending.
        about: what a row is.
        fields: (name, type, what it is) of each.
    """

    name: str
    about: str
    fields: tuple[tuple[str, str, str], ...]

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The type of a row, packed."""
        return np.dtype([(name, kind) for name, kind, _ in self.fields])

    def head(self, more: Mapping[str, Any]) -> bytes:
        """How a file of it begins.

        Args:
            more: what else to say of the run.

        Raises:
            ValueError: it is too long for that.
        """
        described = [{"name": name, "type": kind, "is": words} for name, kind, words in self.fields]
        document = {"table": self.name, "row": self.about, "fields": described, **more}
        text = MAGIC + json.dumps(document, ensure_ascii=True, allow_nan=False).encode()
        if len(text) >= HEAD:
            raise ValueError(f"a head of {len(text)} bytes")
        return text.ljust(HEAD - 1) + b"\n"


MARKS = "sum of: 1 validation, 2 batch saved, 4 sampled, 8 first of a process, 16 total is known, 32 parts are known"
STEPS = Table(
    "steps",
    "a call of the criterion",
    (
        ("step", "<i8", "calls before it in this run, counted on where a run was begun again"),
        ("time", "<f8", "seconds since 1970, UTC; as epoch_time in the header of a captured batch"),
        ("epoch", "<i4", "how many times the loader was begun, from 1; 0 if not known"),
        ("marks", "<u4", MARKS),
        ("total", "<f4", "loss as the criterion returned it"),
        ("localization", "<f4", "its part for boxes"),
        ("confidence", "<f4", "its part for classes"),
        ("rate", "<f4", "highest learning rate at the optimiser's step before; nan if none"),
        ("norm", "<f4", "L2 norm of all gradients at the optimiser's step after; nan where it was not taken"),
    ),
)

GROUPS = Table(
    "groups",
    "a group of priors and objects of a sampled batch",
    (
        ("step", "<i8", "as in steps"),
        ("kind", "<i4", "what it is a group by: 0 all, 1 level, 2 class, 3 size"),
        ("key", "<i4", "which level; which class, 0 background; or which size: up to 16, 32, 64, 128, 256 px, larger"),
        ("objects", "<i4", "how many; of a level those whose best prior is there"),
        ("unmatched", "<i4", "of them, without a positive prior"),
        ("forced_only", "<i4", "of them, with no positive prior but forced ones"),
        ("right", "<i4", "of them, whose best positive prior thinks their class the likeliest"),
        ("positives", "<i4", "positive priors"),
        ("negatives", "<i4", "negatives that count"),
        ("localization", "<f4", "loss of boxes, normalised as in the criterion's total"),
        ("positive", "<f4", "loss of classes at positives, likewise"),
        ("negative", "<f4", "loss of classes at negatives, likewise"),
    ),
)

OBJECTS = Table(
    "objects",
    "an object of a sampled batch",
    (
        ("step", "<i8", "as in steps"),
        ("image", "<i8", "index in the data set, or 2^40 + crc32 of its name; -1 if not known"),
        ("label", "<i4", "class, from 1"),
        ("box", "(4,)<f4", "x1 y1 x2 y2 of the input, 0 to 1"),
        ("best_iou", "<f4", "with its best prior"),
        ("shape_iou", "<f4", "with a prior of the best shape, centred on it"),
        ("level", "<i4", "of its best prior"),
        ("positives", "<i4", "positive priors"),
        ("forced", "<i4", "of them, forced"),
        ("localization", "<f4", "loss of boxes of its positives, normalised"),
        ("confidence", "<f4", "loss of classes of its positives, normalised"),
        (
            "probability",
            "<f4",
            "of its class, at the positive prior that overlaps it most, or its best prior without any",
        ),
        ("taken", "<i4", "class that is likeliest there, 0 background"),
        ("sure", "<f4", "probability of that class"),
        ("rival", "<i4", "class of objects that is likeliest there but for its own; 0 where there is no other"),
        ("rival_sure", "<f4", "probability of that class"),
    ),
)
TABLES = (STEPS, GROUPS, OBJECTS)


def image_numbers(indices: Sequence[int], names: Sequence[str]) -> list[int]:
    """What numbers stand for the images of a batch; none where nothing is known of them.

    Args:
        indices: in the data set, where they are known.
        names: of the images, where they are known; empty text for one without.
    """
    return list(indices) or [BY_NAME + zlib.crc32(name.encode()) if name else NOWHERE for name in names]


def losses(steps: Rows) -> FloatArray:
    """float64 `[N]` the loss of each row of `STEPS`: its total, or the sum of its parts; nan where neither is known."""
    whole, parts = ((steps["marks"] & np.uint32(mark)) > 0 for mark in (TOTAL_KNOWN, PARTS_KNOWN))
    both = steps["localization"].astype(np.float64) + steps["confidence"]
    known: FloatArray = np.where(whole, steps["total"], np.where(parts, both, np.nan)).astype(np.float64)
    return known


def rows_in(data: bytes, table: Table) -> Rows:
    """The whole rows in a file of a table, without its head."""
    whole = max(0, len(data) - HEAD) // table.dtype.itemsize
    return np.frombuffer(data, table.dtype, whole, HEAD) if whole else np.empty(0, table.dtype)


def head_of(data: bytes) -> Mapping[str, Any]:
    """What the head of a file of rows says; empty of another file."""
    if not data.startswith(MAGIC) or len(data) < HEAD:
        return {}
    try:
        head: Mapping[str, Any] = json.loads(data[len(MAGIC) : HEAD])
    except ValueError:
        return {}
    return head


def describes(head: Mapping[str, Any], table: Table) -> bool:
    """Whether a head is that of rows as this program writes them."""
    try:
        return [(each["name"], each["type"]) for each in head["fields"]] == [each[:2] for each in table.fields]
    except (KeyError, TypeError):
        return False
