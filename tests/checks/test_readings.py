"""What four numbers of a box mean, by the words for it, and which boxes lie inside their image."""

from __future__ import annotations

import numpy as np
import pytest

from ssdlossdbg.checks.boxes.readings import NAMES, READS, TIERS, TURNED, WRITES, has_sides, inside, tiers_beside

BOX = {"x1": 10.0, "y1": 20.0, "x2": 50.0, "y2": 90.0, "cx": 30.0, "cy": 55.0, "width": 40.0, "height": 70.0}
BOX |= {"x": BOX["x1"], "y": BOX["y1"]}
CORNERS = [BOX[name] for name in ("x1", "y1", "x2", "y2")]


@pytest.mark.parametrize("layout", NAMES)
def test_a_layout_is_read_as_its_words_say(layout: str) -> None:
    written = np.array([[BOX[word] for word in NAMES[layout].split()]])
    assert READS[layout](written).tolist() == [CORNERS]


@pytest.mark.parametrize("layout", WRITES)
def test_a_layout_is_written_as_its_words_say(layout: str) -> None:
    assert WRITES[layout](np.array([CORNERS])).tolist() == [[BOX[word] for word in NAMES[layout].split()]]


@pytest.mark.parametrize("layout", WRITES)
def test_other_layouts_are_tried_from_the_simplest_on(layout: str) -> None:
    """Each once; the own one, turned, among the simplest, as an exchanged size looks like it."""
    tiers = tiers_beside(layout)
    assert sorted((*sum(tiers, ()), layout)) == sorted(READS)
    assert tiers[0] == (*(name for name in TIERS[0] if name != layout), TURNED[layout])
    assert tiers[2] == TIERS[2]
    assert set(NAMES) == set(READS) == set(sum(TIERS, ()))


@pytest.mark.parametrize(
    ("box", "fits"),
    [
        ((0, 0, 200, 100), True),
        ((10, 10, 10, 10), True),
        ((10, 10, 9, 10), False),
        ((10, 10, 10, 9), False),
        # A hundredth of 200 across, and of 100 down.
        ((-2, 0, 50, 50), True),
        ((-2.1, 0, 50, 50), False),
        ((0, -1, 50, 50), True),
        ((0, -1.1, 50, 50), False),
        ((0, 0, 202, 50), True),
        ((0, 0, 202.1, 50), False),
        ((0, 0, 50, 101), True),
        ((0, 0, 50, 101.1), False),
        ((0, 0, np.nan, 50), False),
    ],
)
def test_inside(box: tuple[float, ...], fits: bool) -> None:
    with np.errstate(invalid="ignore"):
        assert inside(np.array([box]), np.array([[200.0, 100.0]])).tolist() == [fits]


@pytest.mark.parametrize(
    ("box", "sides"),
    [
        ((1, 2, 3, 4), True),
        ((3, 4, 1, 2), True),
        ((1, 2, 1, 4), False),
        ((1, 2, 3, 2), False),
        ((1, 2, np.inf, 4), False),
        ((1, np.nan, 3, 4), False),
    ],
)
def test_sides(box: tuple[float, ...], sides: bool) -> None:
    assert has_sides(np.array([box])).tolist() == [sides]
