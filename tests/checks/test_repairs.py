"""Which repair the evidence decides, and why others are left, on either side of each bound; on tables made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ssdlossdbg.checks.repairs import propose
from ssdlossdbg.results import Case, Finding, Objects, Severity, Where
from ssdlossdbg.results.repairs import Proposals
from tests.checks.conftest import TableOf

Box = tuple[float, float, float, float]
SOUND: Box = (20, 20, 60, 60)
SEEN: dict[str, object] = {"photo_size": (100, 100)}


def told(objects: Objects, code: str, *rows: int) -> Finding:
    """A finding of a code about some objects, whatever its check says."""
    cases = tuple(Case(objects.where(row), "", 0.0, 0.0, "") for row in rows)
    return Finding(code, "", Severity.ERROR, cases)


def of(objects: Objects, *findings: Finding, fractions: bool = False) -> Proposals:
    return propose(objects, findings, fractions, lambda *_: True)


def mends(proposals: Proposals) -> list[Any]:
    """Of each object its place, what is done, and how."""
    return [
        (each.where.object, [action.value for action in each.why], each.swapped, each.limits)
        for each in proposals.mends
    ]


def left(proposals: Proposals) -> list[str]:
    return [each.why for each in proposals.left]


@pytest.mark.parametrize(
    ("box", "swapped"),
    [
        ((60, 50, 20, 90), (True, False)),
        ((50, 80, 90, 20), (False, True)),
        ((60, 80, 50, 70), (True, True)),
    ],
)
def test_an_axis_that_is_inverted_is_swapped(box: Box, swapped: Any, table_of: TableOf) -> None:
    objects = table_of([[SOUND, box]], facts=[SEEN])
    # Read as x y width height, they would reach out.
    assert mends(of(objects, told(objects, "BOX002", 1))) == [(1, ["swap"], swapped, None)]


def test_what_may_be_x_y_width_height_is_left(table_of: TableOf) -> None:
    objects = table_of([[SOUND, (50, 40, 20, 50)]], facts=[SEEN])
    found = of(objects, told(objects, "BOX002", 1))
    assert mends(found) == []
    assert left(found) == ["its numbers may be x y width height as well: that box lies inside the image, too"]


@pytest.mark.parametrize(
    ("box", "actions"),
    [
        ((105, 50, 20, 90), ["swap", "clip"]),
        ((100, 50, 20, 90), ["swap"]),
        ((101, 50, 20, 90), ["swap"]),  # a pixel and a half are no border crossed
        ((102, 50, 20, 90), ["swap", "clip"]),
        ((90, 50, -3, 90), ["swap", "clip"]),
    ],
)
def test_what_reaches_out_once_it_is_swapped_is_clipped_with_it(box: Box, actions: Any, table_of: TableOf) -> None:
    objects = table_of([[SOUND, box]], facts=[SEEN])
    [mend] = mends(of(objects, told(objects, "BOX002", 1)))
    assert mend[1] == actions
    findings = (told(objects, "BOX002", 1),)
    [only] = mends(propose(objects, findings, False, lambda code, _: code != "BOX008"))
    assert only[1] == ["swap"]


def test_what_lies_outside_for_the_most_part_once_it_is_swapped_is_left(table_of: TableOf) -> None:
    for edge, swaps in ((180, True), (182, False)):  # from 20, of which 80 lie inside
        objects = table_of([[SOUND, (edge, 50, 20, 99)]], facts=[SEEN])
        found = of(objects, told(objects, "BOX002", 1))
        assert bool(mends(found)) is swaps
        assert bool(left(found)) is not swaps
    assert left(found)[0].startswith("swapped, it reaches out of the image, and most of it lies outside")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (SEEN, ""),
        ({}, "its photo was not found, and the size that the file declares may be what is wrong"),
        (
            {"photo_size": (100, 200)},
            "the photo is 100 x 200, and the file declares 100 x 100: the box may be right in another size",
        ),
        (
            SEEN | {"orientation": 2},
            "EXIF data turn its photo: in which of the two the box was drawn is not known",
        ),
        (SEEN | {"orientation": 0}, ""),
    ],
)
def test_a_box_is_clipped_where_the_size_of_its_photo_is_certain(facts: Any, why: str, table_of: TableOf) -> None:
    objects = table_of([[SOUND, (50, 50, 105, 90)]], facts=[facts])
    found = of(objects, told(objects, "BOX008", 1))
    assert left(found) == ([why] if why else [])
    assert bool(mends(found)) is not bool(why)
    if not why:
        [(_, actions, _, limits)] = mends(found)
        assert (actions, limits.low, limits.high) == (["clip"], (0.0, 0.0), (100, 100))


def test_how_much_of_it_may_lie_outside(table_of: TableOf) -> None:
    for edge, clips in ((150, True), (151, False)):
        objects = table_of([[SOUND, (50, 60, edge, 99)]], facts=[SEEN])
        found = of(objects, told(objects, "BOX008", 1))
        assert bool(mends(found)) is clips
    assert left(found) == ["most of it lies outside the image: it may be of another scale, or of another photo"]


def test_what_fits_in_another_layout_may_reach_out_by_a_tenth(table_of: TableOf) -> None:
    """Of numbers 30 30 77 60, meant as x y width height, that reach from 30 to 107, and from 30 to 77 as corners."""
    for width, clips in ((77, True), (78, False)):
        objects = table_of([[SOUND, (30, 30, 30 + width, 90)]], facts=[SEEN], layout="xywh")
        found = of(objects, told(objects, "BOX008", 1))
        assert bool(mends(found)) is clips
    assert left(found) == ["its numbers may be in another layout: read so, the box lies inside the image"]
    corners = table_of([[SOUND, (30, 30, 108, 90)]], facts=[SEEN])
    assert mends(of(corners, told(corners, "BOX008", 1))), "as they are corners, no other layout fits"


def test_fractions_are_clipped_to_the_photo_whatever_its_size(table_of: TableOf) -> None:
    objects = table_of([[SOUND, (50, 50, 105, 90)]])
    [(_, _, _, limits)] = mends(of(objects, told(objects, "BOX008", 1), fractions=True))
    assert (limits.low, limits.high) == ((0.0, 0.0), (1.0, 1.0))
    [mend] = of(objects, told(objects, "BOX008", 1), fractions=True).mends
    assert mend.box == (0.5, 0.5, 1.05, 0.9)


def test_where_files_count_from_one_so_do_their_borders(table_of: TableOf) -> None:
    boxes: list[list[Box]] = [[SOUND, (50, 50, 105, 90)], [(0, 20, 60, 60), (50, 50, 105, 90)]]
    objects = table_of(boxes, facts=[SEEN, SEEN], one_based=True)
    found = mends(of(objects, told(objects, "BOX008", 1, 3)))
    assert [limits.low for *_, limits in found] == [(1.0, 1.0), (0.0, 0.0)], "of the second a sound box begins at 0"


# What goes


@pytest.mark.parametrize(
    ("box", "code", "why"),
    [
        ((10, 20, 10, 20), "BOX001", ""),
        ((10, 20, 10, 30), "BOX001", "one of its edges is lost, and nothing tells where it was: redraw it, or drop it"),
        ((10, 20, 30, 20), "BOX001", "one of its edges is lost, and nothing tells where it was: redraw it, or drop it"),
        ((0, 0, 0, 0), "BOX003", ""),
        ((-30, 20, 0, 40), "BOX007", ""),
        ((20, -30, 40, 0), "BOX007", ""),
        ((-30, 20, 1, 40), "BOX007", "it may be of another scale, or of another photo"),
        ((120, 20, 140, 40), "BOX007", "it may be of another scale, or of another photo"),
    ],
)
def test_what_is_no_object_is_dropped(box: Box, code: str, why: str, table_of: TableOf) -> None:
    objects = table_of([[SOUND, box]], facts=[SEEN])
    found = of(objects, told(objects, code, 1))
    assert left(found) == ([why] if why else [])
    assert mends(found) == ([] if why else [(1, ["drop"], (False, False), None)])


def test_marked_objects_stay(table_of: TableOf) -> None:
    objects = table_of([[SOUND, (10, 20, 10, 20)]], marked=np.array([False, True]))
    found = of(objects, told(objects, "BOX001", 1))
    assert mends(found) == []
    assert left(found) == ["it is marked difficult, and such objects stay"]


@pytest.mark.parametrize(
    ("facts", "dropped"),
    [({}, 0), ({"left_out": ((1, "cat"),)}, 1), ({"discarded": ((1, "cat"),)}, 1), ({"unusable": 1}, 1)],
)
def test_the_last_object_of_an_image_stays(facts: Any, dropped: int, table_of: TableOf) -> None:
    objects = table_of([[(10, 20, 10, 20)], [SOUND, (10, 20, 10, 20)]], facts=[facts])
    found = of(objects, told(objects, "BOX001", 0, 2))
    assert len(found.mends) == 1 + dropped
    if not dropped:
        assert left(found) == ["no object would be left in its image, and some codebases raise on such a one"]


# What is there twice


def test_twins_are_told_once_they_are_mended(table_of: TableOf) -> None:
    boxes: list[Box] = [SOUND, (50, 50, 105, 90), (50, 50, 100, 90), SOUND, (50, 50, 99, 90)]
    objects = table_of([boxes], facts=[SEEN], class_id=np.array([1, 1, 1, 2, 1]))
    found = of(objects, told(objects, "BOX008", 1))
    assert [[where.object for where, _ in twins.places] for twins in found.twins] == [[1, 2]]
    assert found.twins[0].places[0][1] == (50, 50, 105, 90)
    only = propose(objects, [told(objects, "BOX008", 1)], False, lambda code, _: code != "BOX010")
    assert only.twins == []
    swapped = table_of([[SOUND, (60, 50, 20, 90), (20, 50, 60, 90)]], facts=[SEEN])
    found = of(swapped, told(swapped, "BOX002", 1))
    assert [[where.object for where, _ in twins.places] for twins in found.twins] == [[1, 2]]


def test_of_twins_that_are_not_the_same_none_goes(table_of: TableOf) -> None:
    objects = table_of([[SOUND, (20, 20, 60, 61), (1, 1, 9, 9), (1, 1, 9, 9.000001)]], facts=[SEEN])
    found = of(objects, told(objects, "BOX010", 1, 3))
    assert [[where.object for where, _ in twins.places] for twins in found.twins] == [[2, 3]]
    assert left(found) == ["the two boxes are not the same: only a look at the photo tells which one is right"]
    assert [each.where.object for each in found.left] == [1]


# Whose findings


def test_findings_of_other_files_and_places_are_passed_over(table_of: TableOf) -> None:
    objects = table_of([[SOUND, (10, 20, 10, 20)]], facts=[SEEN])
    places = [Where("999.xml", None, 1), Where("000.xml", "a", 1), Where("000.xml", None, 7), Where("000.xml", None)]
    cases = tuple(Case(where, "", 0.0, 0.0, "") for where in places)
    found = of(objects, Finding("BOX001", "", Severity.ERROR, cases))
    assert mends(found) == []
    assert [each.where for each in found.left] == places[1:]
    assert set(left(found)) == {"its place in the file is not certain"}


@pytest.mark.parametrize(
    ("code", "severity", "number"),
    [
        ("BOX011", Severity.WARNING, 1),
        ("BOX011", Severity.NOTE, 0),
        ("LBL001", Severity.ERROR, 1),
        ("FIL002", Severity.ERROR, 1),
        ("LDR001", Severity.ERROR, 1),
        ("MAT001", Severity.ERROR, 0),
        ("SET001", Severity.ERROR, 0),
    ],
)
def test_what_no_repair_answers_is_left_if_it_is_of_annotations(
    code: str, severity: Severity, number: int, table_of: TableOf
) -> None:
    objects = table_of([[SOUND]])
    case = Case(objects.where(0), "", 0.0, 0.0, "")
    assert len(of(objects, Finding(code, "", severity, (case,))).left) == number
