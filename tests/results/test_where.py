"""Places in words."""

from __future__ import annotations

import pytest

from ssdlossdbg.results import Where


@pytest.mark.parametrize(
    ("where", "place"),
    [
        (Where("f"), ""),
        (Where("f", 3), "image 3"),
        (Where("f", "a.jpg"), "a.jpg"),
        (Where("f", 3, name="a.jpg"), "a.jpg (image 3)"),
        (Where("f", name="a.jpg"), ""),
        (Where("f", None, 0), "object 0"),
        (Where("f", 0, 2, "cat"), "image 0, object 2 (cat)"),
        (Where("f", 0, prior=0, level=1), "image 0, prior 0"),
        (Where("f", level=0), "level 0"),
    ],
)
def test_a_place_in_words(where: Where, place: str) -> None:
    assert where.place == place
