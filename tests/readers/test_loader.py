"""What a codebase's data loader makes of an annotation: offset, divisor, difficult objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdlossdbg.readers.annotated import AnnotatedObject, Annotation
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.loader import load_like
from ssdlossdbg.rules import Difficult, SizeFrom, TargetSpec

EASY = AnnotatedObject(0, "cat", (1.0, 2.0, 51.0, 26.0))
HARD = AnnotatedObject(1, "dog", (11.0, 3.0, 21.0, 13.0), difficult=True)
PHOTO = (100, 50)


def annotation(
    *objects: AnnotatedObject, one_based: bool = True, size: tuple[int, int] | None = (200, 100)
) -> Annotation:
    """An annotation whose declared size is twice the photo's."""
    return Annotation(Path("a.xml"), "Pascal VOC", size, objects, one_based)


@pytest.mark.parametrize(
    ("spec", "one_based", "size", "expected"),
    [
        # (1 - 1) / 100, (2 - 1) / 50, (51 - 1) / 100, (26 - 1) / 50
        (TargetSpec(), True, (200, 100), (0.0, 0.02, 0.5, 0.5)),
        (TargetSpec(voc_pixel_offset=0), True, (200, 100), (0.01, 0.04, 0.51, 0.52)),
        (TargetSpec(voc_pixel_offset=-1), False, (200, 100), (0.01, 0.04, 0.51, 0.52)),
        (TargetSpec(size_from=SizeFrom.ANNOTATION), True, (200, 100), (0.0, 0.01, 0.25, 0.25)),
        (TargetSpec(size_from=SizeFrom.ANNOTATION), True, None, (0.0, 0.02, 0.5, 0.5)),
    ],
    ids=["default", "no-offset", "zero-based-format", "annotation-size", "no-annotation-size"],
)
def test_box(
    spec: TargetSpec, one_based: bool, size: tuple[int, int] | None, expected: tuple[float, float, float, float]
) -> None:
    loaded = load_like(spec, annotation(EASY, one_based=one_based, size=size), PHOTO)
    assert loaded.kept == (EASY,)
    assert loaded.boxes[0] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("difficult", "kept", "left_out"), [(Difficult.DROP, (EASY,), (HARD,)), (Difficult.KEEP, (EASY, HARD), ())]
)
def test_difficult_objects(
    difficult: Difficult, kept: tuple[AnnotatedObject, ...], left_out: tuple[AnnotatedObject, ...]
) -> None:
    loaded = load_like(TargetSpec(difficult=difficult), annotation(EASY, HARD), PHOTO)
    assert (loaded.kept, loaded.left_out) == (kept, left_out)
    assert len(loaded.boxes) == len(kept)


def test_image_without_objects() -> None:
    loaded = load_like(TargetSpec(), annotation(), PHOTO)
    assert (loaded.kept, loaded.boxes, loaded.left_out) == ((), (), ())


def test_degenerate_boxes_pass_unchanged() -> None:
    inverted = AnnotatedObject(0, "cat", (51.0, 26.0, 1.0, -48.0))
    assert load_like(TargetSpec(), annotation(inverted), PHOTO).boxes == ((0.5, 0.5, 0.0, -0.98),)


def test_ssd_pytorch() -> None:
    """`VOCAnnotationTransform` of data/voc0712.py: int(text) - 1 over the photo's size, no difficult objects."""
    loaded = load_like(load_dialect("ssd.pytorch").targets, annotation(EASY, HARD), PHOTO)
    assert loaded.boxes == ((0.0, 0.02, 0.5, 0.5),)
    assert loaded.left_out == (HARD,)
