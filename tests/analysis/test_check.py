"""Annotations of many images, matched a part at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from ssdlossdbg.analysis import check
from ssdlossdbg.analysis.check import analyse_annotations, by_file
from ssdlossdbg.readers.annotated import AnnotatedImage, AnnotatedObject, Annotation
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import Case, Finding, Objects, Severity, Where

Box = tuple[float, float, float, float]
SIZE = (300, 300)
# Two objects that share their best prior, one alone, and none at all.
IMAGES: tuple[tuple[Box, ...], ...] = (
    ((30, 30, 60, 60), (31, 31, 61, 61)),
    (),
    ((100, 100, 250, 250), (10, 10, 60, 60), (11, 10, 61, 60)),
    ((200, 20, 280, 90),),
)


def images(kind: str = "Pascal VOC", names: Sequence[str] = ("cat", "dog", "cat")) -> list[AnnotatedImage]:
    return [
        AnnotatedImage(
            Annotation(
                Path(f"{position}.xml"),
                kind,
                SIZE,
                tuple(AnnotatedObject(index, names[index], box) for index, box in enumerate(boxes)),
                one_based=True,
            ),
            None,
            None,
        )
        for position, boxes in enumerate(IMAGES)
    ]


def described(annotated: list[AnnotatedImage], classes: tuple[str, ...] = ()) -> tuple[Objects, ...]:
    tables, refusals = analyse_annotations(
        annotated, load_priors("ssd300"), load_dialect("ssd.pytorch"), classes, "cpu"
    )
    assert not refusals
    return tables


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_parts_give_the_table_that_all_at_once_give(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    (whole,) = described(images())
    monkeypatch.setattr(check, "IMAGES_AT_ONCE", at_once)
    (joined,) = described(images())
    for field in fields(Objects):
        expected, found = getattr(whole, field.name), getattr(joined, field.name)
        if isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(found, expected, field.name)
        else:
            assert found == expected, field.name


def test_rows_keep_their_image_and_the_row_that_they_lost_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "IMAGES_AT_ONCE", 1)
    (objects,) = described(images())
    assert objects.image.tolist() == [0, 0, 2, 2, 2, 3]
    assert objects.index.tolist() == [0, 1, 0, 1, 2, 0]
    assert [image.file for image in objects.images] == ["0.xml", "1.xml", "2.xml", "3.xml"]
    assert objects.lost_to.max() > 1, "an object of a later image lost its prior"
    lost = objects.lost_to >= 0
    assert (objects.image[objects.lost_to[lost]] == objects.image[lost]).all()


def test_each_format_is_a_table_of_its_own() -> None:
    tables = described([*images(), *images("COCO")])
    assert [table.layout for table in tables] == ["xyxy", "xywh"]


def test_classes_are_guessed_over_all_files_together() -> None:
    mixed = [*images(names=("rbc", "rbc", "rbc")), *images(names=("platelet", "rbc", "wbc"))]
    (objects,) = described(mixed)
    assert dict(zip(objects.labels, objects.class_id.tolist(), strict=True)) == {"platelet": 1, "rbc": 2, "wbc": 3}


def test_image_with_a_class_beyond_the_list_is_left_out_alone() -> None:
    annotated = images()
    tables, refusals = analyse_annotations(
        annotated, load_priors("ssd300"), load_dialect("ssd.pytorch"), ("cat",), "cpu"
    )
    assert [refusal.file for refusal in refusals] == ["0.xml", "2.xml"]
    assert "'dog'" in refusals[0].what
    assert [image.file for image in tables[0].images] == ["1.xml", "3.xml"]


def test_pixels_of_a_size_that_nothing_tells_are_refused() -> None:
    annotation = Annotation(Path("a.json"), "COCO", None, (AnnotatedObject(0, "cat", (1, 1, 9, 9)),))
    _, (refusal,) = analyse_annotations(
        [AnnotatedImage(annotation, "b.jpg", None)], load_priors("ssd300"), load_dialect("ssd.pytorch"), (), "cpu"
    )
    assert refusal.where == "a.json, b.jpg"


def test_findings_are_told_by_file() -> None:
    def case(file: str, index: int) -> Case:
        return Case(Where(file, None, index), "is wrong", 1.0, 0.0, "Mend it.")

    bad = Finding("BOX001", "bad", Severity.ERROR, (case("b", 2), case("a", 1), case("b", 0), case("b", 2)))
    worse = Finding("BOX002", "worse", Severity.WARNING, (case("b", 5),))
    assert by_file([bad, worse]) == (
        Finding("BOX001", "bad", Severity.ERROR, (case("a", 1),)),
        Finding("BOX001", "bad", Severity.ERROR, (case("b", 2), case("b", 0))),
        worse,
    )
