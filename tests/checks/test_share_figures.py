"""What share of all a finding concerns, case by case; and what is told as one where many are alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg.checks.cases import (
    ListedCases,
    TableCases,
    alike,
    common_place,
    of_files,
    of_groups,
    of_images,
    of_rows,
    of_sets,
    some,
)
from ssdlossdbg.checks.shares import Part, share_of
from ssdlossdbg.results import Case, Costs, GroundTruthLoss, ImageLoss, Objects, Parts, Where
from tests.checks.conftest import TableOf

BOX = (20, 20, 60, 60)
# Four images: three objects, one, none, two.
IMAGES = [[BOX] * 3, [BOX], [], [BOX] * 2]


def case(where: Where | None = None, message: str = "it is so", share: float | None = None) -> Case:
    return Case(where or Where("d"), message, 1.0, 0.0, "Mend it.", share)


def describe(key: int) -> Case:
    return case(message=f"case {key}")


def share(*parts: Part) -> float:
    return share_of(parts)


@pytest.fixture
def objects(table_of: TableOf) -> Objects:
    return table_of(IMAGES)


def test_places_of_a_table(objects: Objects) -> None:
    """Of seven: an image without an object counts as one."""
    one = np.array
    for cases, number in (
        (of_rows(objects, one([0, 4]), describe), 2),
        (of_rows(objects, one([0, 0, 4]), describe), 2),
        (of_rows(objects, one([], dtype=int), describe), 0),
        (of_images(objects, one([0]), describe), 3),
        (of_images(objects, one([2, 3]), describe), 3),
        (of_files(objects, one([0, 2]), describe), 4),
        (of_sets(objects, [one([0, 1]), one([1, 3])], describe), 6),
        (of_groups(objects, [one([0, 1]), one([1, 5])], describe), 3),
        (of_sets(objects, [], describe), 0),
        (of_groups(objects, [], describe), 0),
    ):
        assert share(Part(objects, cases)) == pytest.approx(number / 7)


def test_places_of_listed_cases(objects: Objects) -> None:
    """An object, an image's or a file's objects, each once; a stated share; and of a place that is none, all."""
    for listed, number in (
        ((case(Where("000.xml", None, 1)), case(Where("000.xml", None, 1))), 1),
        ((case(Where("000.xml", None, 1)), case(Where("000.xml", None, 2))), 2),
        ((case(Where("000.xml")),), 3),
        ((case(Where("002.xml")),), 1),
        ((case(Where("elsewhere")),), 7),
        ((case(share=0.25), case(share=0.25)), 3.5),
        ((case(share=0.9), case(share=0.9)), 7),
    ):
        assert share(Part(objects, ListedCases(listed))) == pytest.approx(number / 7)


def test_images_of_one_file_are_told_by_their_names(objects: Objects) -> None:
    facts = tuple(replace(image, file="a.json", name=f"{place}.jpg") for place, image in enumerate(objects.images))
    made = replace(objects, images=facts)
    assert share(Part(made, ListedCases((case(Where("a.json", "3.jpg")),)))) == pytest.approx(2 / 7)
    assert share(Part(made, ListedCases((case(Where("a.json")),)))) == 1
    assert share(Part(made, of_files(made, np.array([0]), describe))) == 1


def test_shares_of_several_tables_add_up(objects: Objects) -> None:
    one, none = of_rows(objects, np.array([0]), describe), of_rows(objects, np.array([], dtype=int), describe)
    assert share(Part(objects, one), Part(objects, none)) == pytest.approx(1 / 14)
    assert share_of([Part(objects, one)], beside=3) == pytest.approx(1 / 10)
    assert share_of([]) == 1


def test_shares_of_a_loss() -> None:
    """An image's and an object's part of it; equal parts where it is no number."""

    def image(index: int, cost: float) -> ImageLoss:
        return ImageLoss(index, None, 2, 4, 0, 12, 12.0, Parts(cost, 0, 0), None, None)

    def item(index: int, cost: float) -> GroundTruthLoss:
        return GroundTruthLoss(1, index, 1, "cat", (1.0, 2.0, 3.0, 4.0), 2, 0, 0.7, cost, 0.0, None)

    known = Parts(4.0, 0.0, 0.0)
    images, items = (image(0, 1), image(1, 3)), (item(0, 2), item(1, 1))
    costs = Costs("p.pt", "t.pt", "float32", "ssd.pytorch", 0.5, 9, known, known, 1.0, images, items, (), (), None)

    def of(*wheres: Where, costs: Costs = costs) -> float:
        return share(Part(costs, ListedCases(tuple(map(case, wheres)))))

    assert of(Where("p.pt", 1)) == 0.75
    assert of(Where("p.pt", 0), Where("p.pt", 0)) == 0.25
    assert of(Where("t.pt", 1, 0)) == 0.5
    assert of(Where("t.pt", 1, 0), Where("t.pt", 1, 1)) == 0.75
    assert of(Where("p.pt")) == 1
    for odd in (0.0, float("inf"), float("nan")):
        assert of(Where("p.pt", 1), costs=replace(costs, loss=Parts(odd, 0, 0))) == 0.5
        assert of(Where("t.pt", 1, 0), costs=replace(costs, loss=Parts(odd, 0, 0))) == 0.5
    assert of(Where("t.pt", 0, 7)) == 0.5


# Cases


def test_cases_that_another_explains_are_left_out(objects: Objects) -> None:
    rows = of_rows(objects, np.array([0, 2, 4]), describe)
    assert [each.message for each in rows.without(np.array([True, False, True]))] == ["case 2"]
    groups = of_groups(objects, [np.array([0, 1]), np.array([2, 3, 4]), np.array([5])], describe)
    # Half of a group's places are enough, fewer are not.
    left = groups.without(np.array([True, False, True, False, False, True]))
    assert [each.message for each in left] == ["case 1"]
    assert left.case is not None
    assert (left.case.tolist(), left.places[:, 2].tolist()) == ([0, 0, 0], [2, 0, 0])
    listed = ListedCases((case(message="a"), replace(case(message="b"), firm=True), case(message="c")))
    assert [each.message for each in listed.without(np.array([True, True, False]))] == ["b", "c"]


@pytest.mark.parametrize(
    ("files", "place"),
    [
        (["a/b/c.xml"], "a/b/c.xml"),
        (["a/b/c.xml", "a/b/c.xml"], "a/b/c.xml"),
        (["a/b/c.xml", "a/b/d.xml"], "a/b"),
        (["a/x/c.xml", "a/b/d.xml", "a/m/d.xml"], "a"),
        (["c.xml", "d.xml"], "."),
        (["/a/c.xml", "d.xml"], "/a/c.xml"),
    ],
)
def test_common_places(files: list[str], place: str) -> None:
    assert common_place(files) == place


@pytest.mark.parametrize(
    ("names", "words"),
    [("ab", "a, b"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"), ("abcdef", "a, b, c and 3 more")],
)
def test_some_names(names: str, words: str) -> None:
    assert some(list(names)) == words


def in_place(objects: Objects, number: int, files: bool) -> TableCases:
    """A case for each of the first images, or of their files."""
    kind = of_files if files else of_images
    return kind(objects, np.arange(number), lambda key: case(objects.place(key), f"case {key}"))


@pytest.mark.parametrize("files", [True, False])
def test_many_that_are_alike_are_told_as_one(files: bool, table_of: TableOf) -> None:
    objects = table_of([[BOX]] * 9)
    few = alike(in_place(objects, 3, files), 9, "files")
    assert [each.message for each in few] == ["case 0", "case 1", "case 2"]
    (one,) = alike(in_place(objects, 5, files), 9, "files", fix="Mend all.")
    assert one.message == "5 of 9 files; in 000.xml: case 0; likewise 001.xml, 002.xml, 003.xml and 1 more"
    assert (one.where.file, one.fix, one.value, one.bound) == (".", "Mend all.", 1.0, 0.0)
    (four,) = alike(in_place(objects, 4, files), 9, "files")
    assert four.message.endswith("likewise 001.xml, 002.xml, 003.xml")
    assert four.fix == "Mend it."
    assert share(Part(objects, alike(in_place(objects, 5, files), 9, "files"))) == pytest.approx(5 / 9)
    assert len(alike(in_place(objects, 0, files), 9, "files")) == 0


def test_those_of_a_kind_are_told_together(table_of: TableOf) -> None:
    """The kinds of many in the order in which they come up, then those of few, each for itself."""
    objects = table_of([[BOX]] * 9)
    told = alike(in_place(objects, 9, True), 9, "files", np.array([5, 2, 2, 2, 7, 2, 7, 7, 7]))
    assert [each.message for each in told] == [
        "4 of 9 files; in 001.xml: case 1; likewise 002.xml, 003.xml, 005.xml",
        "4 of 9 files; in 004.xml: case 4; likewise 006.xml, 007.xml, 008.xml",
        "case 0",
    ]
    assert told.case is not None
    assert told.places[told.case == 1, 1].tolist() == [4, 6, 7, 8]


def test_images_of_one_file_are_called_by_their_names(table_of: TableOf) -> None:
    objects = table_of([[BOX]] * 5, facts=[{"file": "a.json", "name": f"{place}.jpg"} for place in range(5)])
    (one,) = alike(in_place(objects, 4, False), 5, "photos")
    assert one.message == "4 of 5 photos; in 0.jpg: case 0; likewise 1.jpg, 2.jpg, 3.jpg"
    assert one.where.file == "a.json"
