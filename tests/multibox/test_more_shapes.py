"""Which shapes a level gets that is to have more of them."""

from __future__ import annotations

import pytest

from ssdlossdbg.multibox.designs import make_design, with_shapes


@pytest.mark.parametrize(
    ("own", "shapes", "words"),
    [
        ((), 4, ["min", "mean", 2.0, "1/2"]),
        ((), 7, ["min", 2.0, "1/2", 3.0, "1/3", 1.5, "2/3"]),
        ((3.0,), 8, ["min", "mean", 3.0, "1/3", 2.0, "1/2", 1.5, "2/3"]),
        ((), 10, ["min", "mean", 2.0, "1/2", 3.0, "1/3", 1.5, "2/3", 4.0, "1/4"]),
        ((2.5,), 5, ["min", 2.5, "2/5", 2.0, "1/2"]),
    ],
)
def test_the_ratios_of_the_paper_come_first(own: tuple[float, ...], shapes: int, words: list[float | str]) -> None:
    """Behind its own: 2 and 3; then 1.5 and 4."""
    level = make_design((2, 2), (150.0, 150.0), 60.0, 111.0, own)
    assert sorted(with_shapes(level, shapes).words, key=str) == sorted(words, key=str)
