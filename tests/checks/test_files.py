"""Files that cannot be read, and photos of another size than their annotations declare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import Finding, MatchResult, Refusal, Severity

Match = Callable[..., MatchResult]
# In both halves of a 640 x 480 photo, and of one of half its size.
BOXES = ((10, 10, 150, 120), (160, 60, 310, 230))


def errors(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {item.code: item for item in findings if item.severity is Severity.ERROR}


def test_what_no_reader_could_read() -> None:
    (finding,) = find([Refusal("a.xml", "a.xml, object 3", "has no <bndbox>", "Draw its box.")])
    assert (finding.code, finding.severity) == ("FIL001", Severity.ERROR)
    assert finding.worst.where.file == "a.xml"
    assert finding.worst.message == "object 3: has no <bndbox>"
    assert finding.worst.fix == "Draw its box."


def test_refusal_that_has_a_finding_of_its_own_is_not_unreadable() -> None:
    (finding,) = find([Refusal("a.xml", "a.xml, object 3", "unknown class 'cot'", "Correct it.", "LBL003")])
    assert finding.code == "LBL003"


@pytest.mark.parametrize("size", [(320, 240), (1280, 960), (480, 640), (640, 400)])
def test_photo_of_another_size(match_voc: Match, size: tuple[int, int]) -> None:
    found = errors(match_voc(BOXES, size=size).findings)
    assert list(found) == ["FIL002"]
    case = found["FIL002"].worst
    assert (case.value, case.bound) == ("640 x 480", f"{size[0]} x {size[1]}")
    assert case.where.object is None


def test_every_box_is_stretched_by_what_the_sizes_differ_in(match_voc: Match) -> None:
    assert "stretched by 0.5" in errors(match_voc(BOXES, size=(320, 240)).findings)["FIL002"].worst.message
    assert "by 0.75 and 1.33" in errors(match_voc(BOXES, size=(480, 640)).findings)["FIL002"].worst.message


@pytest.mark.parametrize("size", [(640, 480), (639, 480), (643, 483)])
def test_sizes_that_agree_but_for_rounding(match_voc: Match, size: tuple[int, int]) -> None:
    assert not errors(match_voc(BOXES, size=size).findings)


def test_boxes_that_only_fit_the_photo_are_of_the_photo(match_voc: Match) -> None:
    assert "FIL002" not in errors(match_voc([*BOXES, (400, 300, 600, 450)], size=(320, 240)).findings)


def test_scaled_photo_does_no_harm_where_the_declared_size_divides(match_voc: Match) -> None:
    assert not errors(match_voc(BOXES, size=(320, 240), dialect="caffe").findings)
    turned = errors(match_voc(BOXES, size=(480, 640), dialect="caffe").findings)
    assert list(turned) == ["FIL002"]
    assert "turned" in turned["FIL002"].worst.message


def test_image_without_objects_has_nothing_to_be_stretched(match_voc: Match) -> None:
    assert "FIL002" not in errors(match_voc((), size=(320, 240)).findings)


def test_worst_first_over_several_files(tmp_path: Path) -> None:
    for name, side in (("near", 110), ("far", 500), ("right", 100), ("none", 0)):
        (tmp_path / f"{name}.xml").write_text(
            "<annotation><size><width>100</width><height>100</height></size><object><name>cat</name><difficult>0</difficult><bndbox>"
            "<xmin>10</xmin><ymin>10</ymin><xmax>90</xmax><ymax>80</ymax></bndbox></object></annotation>"
        )
        if side:
            Image.new("RGB", (side, side)).save(tmp_path / f"{name}.jpg")
    found = api.check([tmp_path], device="cpu").findings
    assert [Path(item.worst.where.file).stem for item in found if item.code == "FIL002"] == ["far", "near"]
