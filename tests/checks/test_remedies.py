"""What is said to help objects that no prior overlaps enough: told from their shapes and the priors', with figures."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssdlossdbg import api
from ssdlossdbg.checks.matching.remedies import FIT, Remedies
from ssdlossdbg.results import Finding, Objects, Severity
from ssdlossdbg.rules import LevelSpec
from tests.checks.test_order import scattered, write_voc


def audited(folder: Path, number: int, width: int, height: int, size: tuple[int, int] = (640, 480)) -> list[Finding]:
    for image in range(4):
        write_voc(folder / f"{image}.xml", scattered(number // 4, width, height, size), size=size)
    return [item for item in api.audit(folder, "ssd300-voc").findings if item.severity is not Severity.NOTE]


@pytest.mark.parametrize(
    ("width", "height", "size", "says", "never"),
    [
        # 96 x 10.6 px in an input of 300: 9.04 to 1.
        (205, 17, (640, 480), "aspect ratio near 9:1, for 96.1 x 10.6 px: those of the priors end at 3:1", "finer"),
        (17, 154, (480, 640), "aspect ratio near 1:6.8", "tiles"),
        # 1.5 x 1.5 px.
        (30, 20, (6000, 4000), "tiles of about 420 x 280 px or less", "Add priors"),
        # 18.75 x 18.75 px, where the smallest priors are 30.
        (40, 30, (640, 480), "Add priors of about 18.8 x 18.8 px: the smallest are 30 px", "tiles"),
    ],
)
def test_the_next_step(width: int, height: int, size: tuple[int, int], says: str, never: str, tmp_path: Path) -> None:
    first, *_ = audited(tmp_path, 40, width, height, size)
    assert (first.code, first.severity) == ("MAT012", Severity.WARNING)
    assert first.worst.message.startswith("40 of the 40 objects of class cell (100%)")
    assert says in first.fix
    assert never not in first.fix
    assert (FIT in first.fix) is (width != 30)


def test_half_of_a_class_is_the_main_news(tmp_path: Path) -> None:
    write_voc(tmp_path / "a.xml", [*scattered(6, 40, 30), *scattered(6, 120, 110)])
    first, *others = api.audit(tmp_path).findings
    assert (first.code, first.severity, first.share) == ("MAT012", Severity.WARNING, 0.5)
    assert "6 of the 12 objects of class cell (50%)" in first.worst.message
    assert FIT in first.fix
    assert all(item.severity is Severity.NOTE for item in others)
    write_voc(tmp_path / "a.xml", [*scattered(5, 40, 30), *scattered(6, 120, 110)])
    assert all(item.severity is Severity.NOTE for item in api.audit(tmp_path).findings), "fewer than half"


def test_objects_that_the_priors_fit_need_nothing(tmp_path: Path) -> None:
    assert audited(tmp_path, 40, 130, 110) == []


def objects_of(folder: Path, boxes: list[tuple[float, float, float, float]]) -> Objects:
    result = api.audit(write_voc(folder / "a.xml", boxes).parent)
    return next(part for part in result.evidence if isinstance(part, Objects))


def test_several_obstacles_each_with_its_number(tmp_path: Path) -> None:
    objects = objects_of(tmp_path, [*scattered(6, 205, 17), *scattered(3, 40, 30)])
    told = Remedies(objects, np.arange(9)).of_all()
    assert told.index("aspect ratio near 9:1, for 96.1 x 10.6 px (6 of the 9)") < told.index("18.8 px (3 of the 9)")
    assert told.count(FIT) == 1
    assert "aspect ratio" in Remedies(objects, np.arange(9)[::-1]).of(2)
    assert "aspect ratio" not in Remedies(objects, np.arange(9)[::-1]).of(7)


def test_larger_and_between(tmp_path: Path) -> None:
    """A step for objects between the cells; the sizes nearby for those between them; the largest for larger ones."""
    objects = objects_of(tmp_path, [(100, 100, 155, 142), (300, 200, 355, 242)])

    def told(side: float, *levels: LevelSpec) -> str:
        boxes = np.tile([0.0, 0.0, side / 300, side / 300], (2, 1))
        shape = np.full(2, 0.9 if side in {26, 60} else 0.1)
        return Remedies(replace(objects, boxes=boxes, shape_iou=shape, levels=levels), np.arange(2)).of(1)

    fine, coarse = (LevelSpec((38, 38), (step, step), ((side, side),)) for step, side in ((8.0, 30.0), (32.0, 60.0)))
    assert "to a level with steps of 8 px: those most like them are 30 x 30 px" in told(26, fine)
    assert "on a level with steps of 22 px or less: those most like them stand every 32 px" in told(60, fine, coarse)
    assert "Add priors of about 42 x 42 px: the nearest are 30 x 30 and 60 x 60" in told(42, fine, coarse)
    assert "Add priors of about 200 x 200 px: the largest are 60 px" in told(200, fine, coarse)
    assert "Use an input of 398 x 398 px or more" in told(8, replace(fine, shapes=((15.0, 15.0),)))
    assert "not divided by the image's size twice" in told(0.5, fine)


@pytest.mark.parametrize("share", [0, 0.05, 0.5])
def test_an_input_for_nine_tenths_of_the_objects(share: float, tmp_path: Path) -> None:
    """Objects of 8 px, and some of 7.8: not the median is to grow to 14.85 px, but the smallest save a tenth."""
    objects = objects_of(tmp_path, list(scattered(20, 100, 90)))
    fine = LevelSpec((38, 38), (8.0, 8.0), ((21.0, 21.0),))
    sides = np.where(np.arange(20) < round(share * 20), 7.8, 8.0)[:, None]
    boxes = np.concatenate((np.zeros((20, 2)), np.tile(sides / 300, 2)), axis=1)
    told = Remedies(replace(objects, boxes=boxes, levels=(fine,)), np.arange(20)).of_all()
    expected = 21 * math.sqrt(0.5) / (7.8 if share > 0.1 else 8.0) * 300
    assert f"Use an input of {expected:.0f} x {expected:.0f} px or more" in told


def test_priors_of_no_grid_have_no_figures(tmp_path: Path) -> None:
    objects = replace(objects_of(tmp_path, scattered(3, 40, 30)), levels=())  # type: ignore[arg-type]
    assert Remedies(objects, np.arange(3)).of(1) == f"Add priors of its size and shape: {FIT}."
    assert Remedies(objects, np.arange(3)).of_all() == f"Add priors of their sizes and shapes: {FIT}."


@pytest.mark.parametrize(("width", "said"), [(21, True), (12, False)])
def test_a_median_of_unlike_objects_is_called_one(width: int, said: bool, tmp_path: Path) -> None:
    """Else an object of 4.7 px is told to need priors of twice its size."""
    objects = objects_of(tmp_path, [(10, 10, 20, 20), (100, 100, 100 + width, 110)])
    remedy = Remedies(objects, np.arange(2)).of(0)
    assert ("(the median of 2)" in remedy) is said
    assert "px" in remedy


def test_the_figure_of_a_remedy_is_what_matching_with_it_gives(tmp_path: Path) -> None:
    """The same objects, audited with priors that the finding asks for, on the level that it names."""
    for name in ("small", "long"):
        (tmp_path / name).mkdir()
    (finding,) = audited(tmp_path / "small", 40, 40, 30)
    found = re.search(r"steps of 8 px (\d+) of 40 reach the threshold with priors of that size, now none", finding.fix)
    assert found
    own = tmp_path / "own.toml"
    shapes = "shapes = [[18.75, 18.75]]"
    own.write_text(f"image_size = 300\nlevels = [{{ feature_map = 38, stride = 8, {shapes} }}]\n")
    again = api.audit(tmp_path / "small", str(own))
    (objects,) = (part for part in again.evidence if isinstance(part, Objects))
    assert int((objects.best_iou >= 0.5).sum()) == int(found[1])
    (finding,) = audited(tmp_path / "long", 40, 205, 17)
    assert re.search(r"\d+ of 40 reach the threshold( with priors of that size)?, now none\. `ssdlossdbg", finding.fix)
