"""Texts of a file in messages, which are cut where they are long, and lists, of which the first are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.saved.tensor_files import Saved, keys_of
from ssdlossdbg.readers.saved.weights import recognise_weights
from ssdlossdbg.readers.yolo_yaml import read_yolo_yaml

Refused = Callable[[Callable[[], object]], InputError]


@pytest.mark.parametrize(("number", "ends"), [(1, "k0"), (12, "k11"), (13, "k11, ..."), (20, "k11, ...")])
def test_a_dozen_keys_are_named(number: int, ends: str) -> None:
    said = keys_of({f"k{place}": 0 for place in range(number)})
    assert said == ", ".join(f"k{place}" for place in range(min(number, 12))) + ", ..." * (number > 12)
    assert said.endswith(ends)


def test_without_keys_it_says_so() -> None:
    assert keys_of({}) == "none"


@pytest.mark.parametrize("length", [60, 61, 100])
def test_keys_are_cut_after_sixty_letters(length: int, refused: Refused) -> None:
    cut = "x" * 60
    assert keys_of({"x" * length: 0}) == cut
    assert refused(lambda: recognise_weights(Saved({("x" * length).encode(): 1}, "w.pt"))).what == (
        f"has the key {str(b'x' * length)[:60]}, which is no name"
    )
    error = refused(lambda: recognise_weights(Saved({"x" * length: 1, "w": torch.ones(1)}, "w.pt")))
    assert (error.where, error.what) == (f"w.pt, {cut}", f"holds a int beside the keys {cut}, w")


@pytest.mark.parametrize("length", [40, 41, 100])
def test_what_is_no_number_in_xml_is_cut_after_forty_letters(length: int, tmp_path: Path) -> None:
    box = "<bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
    objects = "".join(f"<object><name>cat</name>{box.format(x)}</object>" for x in ("1", "z" * length))
    size = "<size><width>100</width><height>50</height></size>"
    (tmp_path / "a.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    [refused] = load_dataset(tmp_path).refused
    assert refused.error.what.endswith(f"<xmin> is '{'z' * 40}', not a number")


@pytest.mark.parametrize("length", [50, 51, 100])
def test_a_row_that_is_no_numbers_is_cut_after_sixty_letters(length: int, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"0 .5 .5 .2 .2\n0 .5 .5 .2 {'z' * length}\n")
    [refused] = load_dataset(tmp_path, ("cat",), format="yolo").refused
    row = f"0 .5 .5 .2 {'z' * length}"
    assert refused.error.what == f"holds something that is not a number: {row[:60]}"
    assert refused.error.where.endswith("a.txt, line 2")


@pytest.mark.parametrize("number", [2, 5, 6, 20])
def test_names_beside_a_number_that_is_not_theirs(number: int, tmp_path: Path) -> None:
    """As many as are shown, and dots for more."""
    names = [f"n{place}" for place in range(number)]
    (tmp_path / "data.yaml").write_text(f"nc: 99\nnames: [{', '.join(names)}]\n")
    error = read_yolo_yaml(tmp_path / "data.yaml").other_number
    assert error is not None
    listed = error.what.removeprefix(f"is 99, but `names` lists {number}: ")
    shown = listed.removesuffix(", ...").split(", ")
    assert shown == names[: len(shown)]
    assert listed.endswith(", ...") is (len(shown) < number)
    assert len(shown) == min(number, 5)
