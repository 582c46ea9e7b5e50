"""Lists of which the first are named, and numbers of all, in what checks say; and of whom what is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg.checks.boxes.family import share_in_words, which_images
from ssdlossdbg.checks.cases import alike, of_files, some
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import Case, Where
from tests.checks.conftest import TableOf

BOX = (10, 10, 50, 50)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "n0"),
        (3, "n0, n1, n2"),
        (4, "n0, n1, n2 and 1 more"),
        (1204, "n0, n1, n2 and 1,201 more"),
    ],
)
def test_some_names(number: int, said: str) -> None:
    assert some([f"n{place}" for place in range(number)]) == said


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([4], " in 1 of 6 files (004.xml)"),
        ([0, 2, 4], " in 3 of 6 files (000.xml, 002.xml, 004.xml)"),
        ([0, 1, 2, 4], " in 4 of 6 files (000.xml, 001.xml, 002.xml and 1 more)"),
        ([0, 1, 2, 3, 4], " in 5 of 6 files (000.xml, 001.xml, 002.xml and 2 more)"),
        ([0, 1, 2, 3, 4, 5], ""),
    ],
)
def test_which_images(chosen: list[int], said: str, table_of: TableOf) -> None:
    """Of those that have boxes."""
    made = table_of([[BOX]] * 6 + [[]] * 2)
    assert which_images(made, np.array(chosen)) == said
    named = replace(made, images=tuple(replace(image, name=f"{image.file[:3]}.jpg") for image in made.images))
    assert which_images(named, np.array(chosen)) == said.replace("files", "images").replace(".xml", ".jpg")


@pytest.mark.parametrize(
    ("number", "of", "noun", "said"),
    [
        (1, 1, "boxes", "1 box"),
        (2, 2, "boxes", "2 boxes"),
        (1, 2, "boxes", "1 of 2 boxes"),
        (1000, 2000, "boxes", "1,000 of 2,000 boxes"),
        (1, 1, "images", "1 image"),
        (0, 1, "images", "0 of 1 image"),
        (3, 3, "images", "3 images"),
    ],
)
def test_share_in_words(number: int, of: int, noun: str, said: str) -> None:
    assert share_in_words(number, of, noun) == said


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        # Up to three of a kind are told one by one.
        ([0, 0, 0], ["file 0", "file 1", "file 2"]),
        ([0, 0, 1, 1, 0], ["file 0", "file 1", "file 2", "file 3", "file 4"]),
        ([0, 0, 0, 0], ["4 of 9 files; in 000.xml: file 0; likewise 001.xml, 002.xml, 003.xml"]),
        (
            [0, 1, 0, 0, 0, 0],
            ["5 of 9 files; in 000.xml: file 0; likewise 002.xml, 003.xml, 004.xml and 1 more", "file 1"],
        ),
    ],
)
def test_what_is_alike_is_told_as_one(kinds: list[int], said: list[str], table_of: TableOf) -> None:
    made = table_of([[BOX]] * 6)

    def describe(file: int) -> Case:
        return Case(Where(made.files[file]), f"file {file}", file, 0, "")

    cases = alike(of_files(made, np.arange(len(kinds)), describe), 9, "files", np.array(kinds))
    assert [cases.describe(int(key)).message for key in cases.keys] == said


def test_of_objects_that_targets_decode_to_only_what_is_true_of_some_of_them_is_said(table_of: TableOf) -> None:
    """Doubles and boxes without width have checks of encoded targets; where a box ends is told of each."""
    made = table_of([[BOX, BOX, (60, 60, 60, 80), (0, 0, 140, 50)]] * 3)
    assert [item.code for item in find([replace(made, recovered=True)])] == ["BOX008"]
    assert [item.code for item in find([made])] == ["BOX014", "BOX001", "BOX010"]
