"""Tables of many objects: cases are counted, left out and cut short just as if each had been written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from ssdlossdbg.checks import catalogue
from ssdlossdbg.checks.boxes import pairs as pairs_of_boxes
from ssdlossdbg.checks.boxes.doubles import SAME_OBJECT
from ssdlossdbg.checks.cases import EVERYTHING, Cases, ListedCases, TableCases, of_files, of_images, of_rows
from ssdlossdbg.checks.catalogue import CHECKS, find
from ssdlossdbg.checks.places import Numbering, meeting
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.checks.rows import Groups
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.results import Case, FloatArray, ImageFacts, IntArray, Objects, Refusal, Severity, Subject, Where

SEEDS = range(8)
LABELS = ("background", "cat", "dog", "Cat")


def table(seed: int, image: IntArray | None = None, one_file: bool = False) -> Objects:
    """Up to 60 objects in up to 8 images, about half of them broken in some way."""
    random = np.random.default_rng(seed)
    images = int(random.integers(1, 9))
    image = np.sort(random.integers(0, images, random.integers(0, 61))) if image is None else image
    count = len(image)
    low, side = random.choice([0, 0.2, 0.5], (count, 2)), random.choice([0.1, 0.3, 0.01], (count, 2))
    boxes = np.concatenate((low, low + side * random.choice([1, 1, 1, 1, 0, -1], (count, 1))), axis=1)
    boxes += random.choice([0, 0, 0, 0.8, -0.05, np.nan], (count, 1))
    boxes *= random.choice([1, 1, 1, 0], (count, 1))
    size = random.choice([1, 100])
    positives = random.integers(0, 3, count)
    class_id = random.integers(0, len(LABELS), count)
    return Objects(
        images=tuple(
            ImageFacts(
                "all.json" if one_file else f"{number}.xml",
                f"{number}.jpg" if one_file else None,
                (size, size),
                (150, 100) if random.random() < 0.3 else None,
                ((7, "cat"),) if random.random() < 0.3 else (),
            )
            for number in range(images)
        ),
        image=image,
        index=np.arange(count) - np.searchsorted(image, image),
        labels=tuple(LABELS[number] for number in class_id.tolist()),
        class_id=class_id,
        stated=boxes * size,
        boxes=boxes,
        layout="xyxy",
        saved=False,
        one_based=False,
        best_prior=random.integers(0, 99, count),
        best_iou=random.choice([0, 0.05, 0.3, 0.7], count),
        shape_iou=random.choice([0.4, 0.8], count),
        near_ties=random.integers(0, 4, count),
        positives=positives,
        forced=np.minimum(positives, random.integers(0, 3, count)),
        lost_to=np.where(random.random(count) < 0.3, random.integers(0, max(count, 1), count), -1),
        target=random.choice([0, np.inf, np.nan], count),
        image_size=(300, 300),
        rules=load_dialect("ssd.pytorch"),
    )


def evidence(seed: int) -> list[Subject]:
    """Two tables, the files of which are partly the same, and a file that could not be read."""
    return [
        table(seed),
        table(seed + 1000, one_file=bool(seed % 2)),
        Refusal("0.xml", "0.xml", "is cut off", "Mend it."),
    ]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("together", [False, True])
def test_the_worst_cases_are_the_first_of_all(seed: int, together: bool) -> None:
    whole = find(evidence(seed), together)
    for most in (1, 3):
        worst = find(evidence(seed), together, most)
        assert [item.code for item in worst] == [item.code for item in whole]
        assert [item.count for item in worst] == [len(item.cases) for item in whole]
        assert repr([item.cases for item in worst]) == repr([item.cases[:most] for item in whole])  # nan is not nan


def meets(one: Where, other: Where, whatever_file: bool) -> bool:
    """Whether one of the two places is the other or lies in it: None stands for everything."""
    pairs = ((one.image, other.image), (one.object, other.object))
    inside = all(mine == theirs or mine is None or theirs is None for mine, theirs in pairs)
    return inside and (whatever_file or one.file == other.file)


def plain(subjects: list[Subject], together: bool) -> dict[str, list[str]]:
    """What `find` is to find, by comparing every case with every case of its causes."""
    cases: dict[str, list[tuple[Case, list[Where]]]] = {
        code: [
            (case, places)
            for subject in subjects
            if isinstance(subject, check.sees)
            for found in [check.run(subject)]
            for case, places in zip(found, about(found), strict=True)
        ]
        for code, check in catalogue.CHECKS.items()
    }
    left: dict[str, list[str]] = {code: [] for code in catalogue.CHECKS}
    for code, check in catalogue.CHECKS.items():
        causes = [place for name in check.follows_from for _, places in cases[name] for place in places]
        for case, places in cases[code]:
            explained = [any(meets(cause, place, together) for cause in causes) for place in places]
            if 2 * sum(explained) < len(explained):
                left[code].append(repr(case))
    return {code: found for code, found in left.items() if found}


def about(cases: Cases) -> list[list[Where]]:
    """The places of each case: its own, or those of all objects of a class, or of all images of a set."""
    if isinstance(cases, ListedCases) or cases.case is None:
        return [[case.where] for case in cases]
    table = cases.objects
    rows = {(int(table.image[row]), int(table.index[row])): row for row in range(len(table.labels))}
    places: list[list[Where]] = [[] for _ in cases.keys]
    for case, (_, image, index) in zip(cases.case.tolist(), cases.places.tolist(), strict=True):
        places[case].append(table.place(image) if index == EVERYTHING else table.where(rows[image, index]))
    return places


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("together", [False, True])
def test_consequences_are_left_out_as_case_by_case(seed: int, together: bool) -> None:
    found = find(evidence(seed), together)
    assert {item.code: [repr(case) for case in item.cases] for item in found} == plain(evidence(seed), together)


@pytest.mark.parametrize("scope", ["object", "image", "file", "everything"])
@pytest.mark.parametrize("together", [False, True])
def test_causes_of_every_scope(scope: str, together: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cause in the third row, its image or its file, or in a file of its own, which explains all where together."""
    family = Family("XXX", "made up")

    def case(objects: Objects) -> Iterator[Case]:
        row = objects.where(2)
        image = objects.place(int(objects.image[2]))
        places = {"object": row, "image": image, "file": Where(row.file), "everything": Where("priors.toml")}
        yield Case(places[scope], "cause", None, None, "")

    def rows(objects: Objects) -> TableCases:
        def describe(row: int) -> Case:
            return Case(objects.where(row), "consequence", None, None, "")

        return of_rows(objects, np.arange(len(objects.labels)), describe)

    family.check(1, "cause", Severity.ERROR, Objects)(case)
    family.check(2, "consequence", Severity.ERROR, Objects, ("XXX001",))(rows)
    monkeypatch.setattr(catalogue, "CHECKS", {check.code: check for check in family})
    monkeypatch.setattr(catalogue, "CHECKS_OF", {Objects: tuple(family)})
    subject = table(3, one_file=True)
    found = find([subject], together)
    assert {item.code: [repr(case) for case in item.cases] for item in found} == plain([subject], together)
    left = {item.code: item.count for item in found}.get("XXX002", 0)
    of_image = int((subject.image == subject.image[2]).sum())
    total = len(subject.labels)
    assert (
        left
        == {
            "object": total - 1,
            "image": total - of_image,
            "file": 0,
            "everything": 0 if together else total,
        }[scope]
    )


@pytest.mark.parametrize("whatever_file", [False, True])
def test_places_of_all_kinds_meet_as_one_by_one(whatever_file: bool) -> None:
    """Whole files, images by number and by name, objects, and rows of tables whose images have names or none."""
    wheres = [Where(*where) for where in product("ab", (None, 0, 1, "0.jpg"), (None, 0, 1))]
    cases: list[Cases] = [ListedCases(tuple(Case(where, "", None, None, "") for where in wheres))]
    for seed in (5, 6):
        cases += rows_images_and_files(table(seed, one_file=seed == 5))
    numbering = Numbering(whatever_file)
    for one, other in product(cases, repeat=2):
        expected = [any(meets(a.where, b.where, whatever_file) for b in other) for a in one]
        assert meeting(numbering.places(one), numbering.places(other)).tolist() == expected


def rows_images_and_files(objects: Objects) -> list[Cases]:
    def describe(place: Callable[[int], Where]) -> Callable[[int], Case]:
        return lambda key: Case(place(key), "", None, None, "")

    return [
        of_rows(objects, np.arange(0, len(objects.labels), 3), describe(objects.where)),
        of_images(objects, np.arange(0, len(objects.images), 2), describe(objects.place)),
        of_files(objects, np.arange(0, len(objects.files), 2), describe(lambda file: Where(objects.files[file]))),
    ]


def test_only_what_is_listed_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = table(3)
    described: list[int] = []
    where = Objects.where

    def counted(self: Objects, row: int) -> Where:
        described.append(row)
        return where(self, row)

    monkeypatch.setattr(Objects, "where", counted)
    findings = find([subject], most=1)
    assert len(described) <= len(findings) < sum(finding.count for finding in findings)


@pytest.mark.parametrize("few", [0, 200])
def test_pairs_of_a_crowd_are_those_of_every_two_boxes(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large image among small ones, in which many boxes are nearly the same."""
    monkeypatch.setattr(pairs_of_boxes, "FEW", few)
    random = np.random.default_rng(0)
    image = np.repeat([0, 1, 2, 3], [3, 70, 1, 6])
    low = random.choice([0.1, 0.101, 0.4], (80, 2))
    boxes = np.concatenate((low, low + random.choice([0.2, 0.205, 0.3], (80, 2))), axis=1)
    crowd = replace(
        table(0, image),
        images=tuple(ImageFacts("all.json", number, (1, 1)) for number in range(4)),
        labels=("cat",) * 80,
        class_id=np.ones(80, dtype=np.int64),
        boxes=boxes,
        positives=np.ones(80, dtype=np.int64),  # so that none has lost its prior, which would be told of that one
    )
    cases = list(CHECKS["BOX010"].run(crowd))
    found = [(case.where.image, case.where.object, float(case.value or 0)) for case in cases]
    pairs = [(one, other) for one, other in combinations(range(80), 2) if image[one] == image[other]]
    close: dict[tuple[int, int], float] = {}  # the nearest of the boxes before each
    for one, other in pairs:
        if (overlap := iou(boxes[one], boxes[other])) >= SAME_OBJECT:
            place = int(image[other]), int(crowd.index[other])
            close[place] = max(close.get(place, 0.0), overlap)
    assert len(close) > 50
    assert sorted(item[:2] for item in found) == sorted(close)
    values = [value for *_, value in found]
    assert values == pytest.approx(sorted(close.values(), reverse=True))


def test_as_many_partners_as_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five copies the first has four partners to its right, of which one is left out."""
    monkeypatch.setattr(pairs_of_boxes, "MOST_PARTNERS", 3)
    copies = replace(
        table(0, np.zeros(5, dtype=np.int64)),
        images=(ImageFacts("all.json", 0, (1, 1)),),
        class_id=np.ones(5, dtype=np.int64),
        boxes=np.tile([0.1, 0.1, 0.5, 0.5], (5, 1)),
    )
    assert len(pairs_of_boxes.overlapping_pairs(copies, 0.9, True)[0]) == 9


def test_copies_of_a_box_by_class_and_by_image() -> None:
    """Five times the same box: of classes 1, 2 and 1 in one photo, of 1 and 2 in the next."""
    copies = replace(
        table(0, np.array([0, 0, 0, 1, 1])),
        images=tuple(ImageFacts("all.json", number, (1, 1)) for number in range(2)),
        class_id=np.array([1, 2, 1, 1, 2]),
        boxes=np.tile([0.1, 0.1, 0.5, 0.5], (5, 1)),
    )
    found = {}
    for same_class in (True, False):
        first, second, overlap = pairs_of_boxes.overlapping_pairs(copies, 0.9, same_class)
        found[same_class] = set(zip(first.tolist(), second.tolist(), overlap.tolist(), strict=True))
    assert found == {True: {(0, 2, 1.0)}, False: {(0, 1, 1.0), (1, 2, 1.0), (3, 4, 1.0)}}


def test_a_thousand_copies_of_a_box_are_no_million_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each copy is told of once, and of each few pairs are looked at."""
    monkeypatch.setattr(pairs_of_boxes, "MOST_PARTNERS", 3)
    copies = replace(
        table(0, np.zeros(1000, dtype=np.int64)),
        images=(ImageFacts("all.json", 0, (1, 1)),),
        labels=("cat", "dog") * 500,
        class_id=np.tile([1, 2], 500),
        boxes=np.tile([0.1, 0.1, 0.5, 0.5], (1000, 1)),
    )
    for same_class, code in ((True, "BOX010"), (False, "BOX011")):
        assert len(pairs_of_boxes.overlapping_pairs(copies, 0.9, same_class)[0]) <= 3000
        cases = CHECKS[code].run(copies)
        assert len(cases) == len({case.where.object for case in cases}) > 990


def test_boxes_in_a_column_or_in_a_row_are_compared_with_their_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column, a row and a heap, of 300 boxes each: of the heap alone all are compared with all."""
    compared: list[int] = []
    counted = pairs_of_boxes._shorter_way

    def along(boxes: FloatArray, image: IntArray, share: float) -> IntArray:
        axis = counted(boxes, image, share)
        compared.extend(axis[np.flatnonzero(np.diff(image, prepend=-1))].tolist())
        return axis

    monkeypatch.setattr(pairs_of_boxes, "_shorter_way", along)
    place = np.arange(300) / 400
    low = np.concatenate((np.stack((0 * place, place), 1), np.stack((place, 0 * place), 1), np.zeros((300, 2))))
    image = np.repeat([0, 1, 2], 300)
    crowd = replace(
        table(0, image),
        images=tuple(ImageFacts("all.json", number, (1, 1)) for number in range(3)),
        class_id=np.ones(900, dtype=np.int64),
        boxes=np.concatenate((low, low + 0.02), axis=1),
    )
    first, second, _ = pairs_of_boxes.overlapping_pairs(crowd, 0.75, True)
    assert compared == [1, 0, 0]
    assert set(second[first < 600] - first[first < 600]) == {1}
    assert sum(first < 300) == sum((first >= 300) & (first < 600)) == 299


def iou(one: FloatArray, other: FloatArray) -> float:
    width, height = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = max(width, 0) * max(height, 0)
    return float(shared / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared))


def test_groups_of_rows() -> None:
    groups = Groups(np.array([2, 0, 2, 2]), 4)
    assert groups.sizes.tolist() == [1, 0, 3, 0]
    assert groups.count(np.array([True, True, False, True])).tolist() == [1, 0, 2, 0]
    assert [groups.rows(group).tolist() for group in range(4)] == [[1], [], [0, 2, 3], []]
