"""What stands below the picture of a crowd, and long names in tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from rich.text import Text

from ssdlossdbg.report.diff_text import _priors
from ssdlossdbg.report.loss_picture import MOST_NAMED, loss_picture
from ssdlossdbg.report.text import BOX, CLASS, LEVEL, table
from ssdlossdbg.results import LossResult
from ssdlossdbg.results.diff import PriorDifference

Render = Callable[..., str]


@pytest.fixture
def crowd(batch: LossResult) -> LossResult:
    """The third image, whose one object that is known is now thirteen."""
    one = next(item for item in batch.ground_truth if item.image == 2)
    many = tuple(replace(one, index=place) for place in range(MOST_NAMED + 1))
    scene = replace(batch.scenes[2], objects=np.repeat(batch.scenes[2].objects[:1], len(many), axis=0))
    return replace(batch, ground_truth=many, scenes=(*batch.scenes[:2], scene))


def test_the_dearest_objects_stand_side_by_side(crowd: LossResult) -> None:
    """Six columns have room beside each other: of twelve two lines, below one that says what they are."""
    one = replace(crowd.scenes[2], objects=crowd.scenes[2].objects[:1])
    with_list, without = (
        loss_picture(replace(crowd, scenes=(*crowd.scenes[:2], scene)), index=2) for scene in (crowd.scenes[2], one)
    )
    line = 18
    assert with_list.width == without.width == 1473
    assert with_list.height - without.height == 3 * line


@pytest.mark.parametrize("width", [40, 80])
def test_a_class_is_told_whole(width: int, render: Render) -> None:
    name = " ".join(f"word{place}" for place in range(30))
    text = render(table([BOX, CLASS, LEVEL], [("1 x 1", Text(name), "3 x 3")]), width=width)
    assert [word for word in text.split() if word.startswith("word")] == name.split()


def test_a_long_name_gives_way_to_the_figures_beside_it(render: Render) -> None:
    """In a terminal of 50 columns."""
    name, roles = "img_0001_abcdef_ghijklm.png", ("positive of object 12", "mined negative")
    text = render(_priors([PriorDifference(name, 8731, 38, roles, 1.0, 3.5)], 5), width=50)
    heading, figures = (line.split() for line in text.splitlines() if "cost A" in line or "8731" in line)
    assert heading[-1] == "change"
    assert figures[-1] == "+2.5"
    assert "".join(line[:7].strip() for line in text.splitlines()[3:]) == name
