"""Which labels a list of classes leaves out on purpose, and which are slips."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ssdlossdbg.readers.annotations import load_dataset

CLASSES = ("horse", "motorbike", "zebra")


def left_out(path: Path, labels: Mapping[str, int], classes: tuple[str, ...] = CLASSES) -> frozenset[str]:
    """Of a Pascal VOC file with so many objects of each label."""
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
    objects = "".join(f"<object><name>{label}</name>{box}</object>" * many for label, many in labels.items())
    path.joinpath("a.xml").write_text(
        f"<annotation><size><width>100</width><height>50</height></size>{objects}</annotation>"
    )
    return load_dataset(path, classes).filtered


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # One class with an object is enough.
        ({"horse": 1, "tree": 2, "cloud": 1}, {"tree", "cloud"}),
        ({"tree": 2}, set()),
        # Like a class that has no objects by its right name.
        ({"horse": 9, "zebras": 9, "zebbra": 1, "tree": 1}, {"tree"}),
        # A letter more, less or elsewhere, however many objects; another letter is another name, where others are few.
        ({"horse": 1, "horses": 9, "hrse": 9, "hrose": 9, "house": 9}, {"house"}),
        # Like a class that has twenty times as many.
        ({"motorbike": 40, "motorbiking": 2, "tree": 2}, {"tree"}),
        ({"motorbike": 40, "motorbiking": 3}, {"motorbiking"}),
        ({"motorbike": 39, "motorbiking": 2}, {"motorbiking"}),
        ({"horse": 40, "house": 2}, set()),
    ],
)
def test_what_a_list_leaves_out(labels: dict[str, int], expected: set[str], tmp_path: Path) -> None:
    assert left_out(tmp_path, labels) == expected


def test_without_a_list_nothing_is_left_out(tmp_path: Path) -> None:
    assert left_out(tmp_path, {"horse": 1, "tree": 2}, ()) == frozenset()
