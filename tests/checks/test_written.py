"""Which images are taken for written in another layout: how many boxes of how many images tell, to the very box."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ssdlossdbg.checks.boxes.scaled import other_layouts
from ssdlossdbg.checks.boxes.written import possible_layouts
from ssdlossdbg.results import Objects
from tests.checks.conftest import TableOf

Box = tuple[float, float, float, float]
Images = Sequence[Sequence[Box]]
# A box without height, and one of less than a pixel.
LINE, DOT = (50, 50, 60, 50), (0.1, 0.1, 0.9, 0.9)
# In images of 100 x 100, read as corners. They fit, and as x y width height: both, hardly, not.
FIT, BOTH, FITS_NOT = (10, 10, 25, 25), (30, 30, 35, 35), (90, 85, 96, 95)
# They do not fit, but do so as x y width height or as centre and size, as one of the two, as x1 x2 y1 y2, as nothing.
BAD, WIDE, CENTRED, PAIRS, ODD = (
    (50, 40, 30, 20),
    (10, 60, 40, 30),
    (80, 75, 40, 30),
    (60, 90, 20, 80),
    (90, 90, 80, 80),
)
# Corners that are swapped: both, the lower with the upper edge, the right with the left one.
ENDS_FIRST, BOTTOM_FIRST, RIGHT_FIRST = (90, 80, 60, 70), (60, 80, 90, 70), (90, 70, 60, 80)
XYWH, CENTRE = ("xywh",), ("cxcywh",)


def readings(objects: Objects) -> list[tuple[tuple[str, ...], list[int], int, int, bool]]:
    """What is found, in plain numbers."""
    return [
        (found.layouts, found.images.tolist(), found.misfits, found.boxes, found.whole)
        for found in other_layouts(objects)
    ]


@pytest.mark.parametrize(
    ("images", "found"),
    [
        # Two boxes, and a tenth of all.
        ([[BAD, FIT], [FIT] * 3], None),
        ([[BAD, BAD, FIT], [FIT]], (XYWH, [0, 1], 2, 4, True)),
        ([[BAD, BAD, *[FIT] * 18]], (XYWH, [0], 2, 20, True)),
        ([[BAD, BAD, *[FIT] * 19]], None),
        ([[BAD, BAD, FIT], [FIT] * 18], (XYWH, [0], 2, 3, False)),
        # One of a hundred may be wrong in another way, whether or not it fits as it is read.
        ([[*[BAD] * 9, *[FIT] * 41], [*[FIT] * 49, ODD]], (XYWH, [0, 1], 10, 100, True)),
        ([[*[BAD] * 9, *[FIT] * 41], [*[FIT] * 48, ODD]], (XYWH, [0], 9, 50, False)),
        ([[*[BAD] * 10, *[FIT] * 40], [*[FIT] * 49, FITS_NOT]], (XYWH, [0, 1], 10, 100, True)),
        ([[*[BAD] * 10, *[FIT] * 40], [*[FIT] * 48, FITS_NOT]], (XYWH, [0], 10, 50, False)),
        # And one of each kind.
        ([[*[BAD] * 9, *[FIT] * 41], [*[FIT] * 24, ODD], [*[FIT] * 24, FITS_NOT]], (XYWH, [0, 1, 2], 10, 100, True)),
        # Two layouts that fit: half must be wrong.
        ([[BAD, BAD, BOTH, BOTH]], (("xywh", "cxcywh"), [0], 2, 4, True)),
        ([[BAD, BAD, BOTH, BOTH, BOTH]], None),
        # Corners that are swapped, in all boxes, of which there are three.
        ([[ENDS_FIRST] * 2], None),
        ([[ENDS_FIRST] * 3], (("xyxy-ends-first",), [0], 3, 3, True)),
        ([[BOTTOM_FIRST] * 3], (("xyxy-bottom-first",), [0], 3, 3, True)),
        ([[RIGHT_FIRST] * 3], (("xyxy-right-first",), [0], 3, 3, True)),
        ([[ENDS_FIRST] * 3, [FIT]], (("xyxy-ends-first",), [0], 3, 3, False)),
        ([[ENDS_FIRST] * 2, [FIT]], None),
        # All images are meant, those too whose boxes fit both ways or have no sides.
        ([[BAD, BAD], [BOTH, BOTH]], (("xywh", "cxcywh"), [0, 1], 2, 4, True)),
        ([[ENDS_FIRST] * 3, [LINE]], (("xyxy-ends-first",), [0, 1], 3, 3, True)),
        # Boxes without sides, and images in another unit, are left aside.
        ([[BAD, BAD, LINE, *[FIT] * 18]], (XYWH, [0], 2, 20, True)),
        ([[BAD, BAD, *[FIT] * 18], [DOT]], (XYWH, [0], 2, 20, True)),
        ([[BAD, BAD, LINE, *[FIT] * 19]], None),
        ([[BAD, BAD, *[FIT] * 19], [DOT]], None),
    ],
)
def test_boxes_that_tell(images: Images, found: tuple[object, ...] | None, table_of: TableOf) -> None:
    assert readings(table_of(images)) == ([found] if found else [])


@pytest.mark.parametrize(
    ("images", "found"),
    [
        # In twenty images and more, four boxes; fewer in fewer.
        ([[WIDE, WIDE], *[[FITS_NOT]] * 18], (XYWH, [0], 2, 2, False)),
        ([[WIDE, WIDE], *[[FITS_NOT]] * 19], None),
        ([[WIDE, WIDE, WIDE], *[[FITS_NOT]] * 19], None),
        ([[WIDE, WIDE], [WIDE, WIDE], *[[FITS_NOT]] * 18], (XYWH, [0, 1], 4, 4, False)),
        # Images without a box are none of the twenty.
        ([[WIDE, WIDE], *[[FITS_NOT]] * 18, [], [LINE]], (XYWH, [0], 2, 2, False)),
        ([[BAD, BAD, *[FIT] * 18], [FITS_NOT]], (XYWH, [0], 2, 20, False)),
        ([[BAD, BAD, *[FIT] * 19], [FITS_NOT]], None),
        # All images that have one, of which the misfits are no tenth.
        ([*[[WIDE] * 2] * 2, *[[WIDE, *[FIT] * 15]] * 10], (XYWH, list(range(12)), 14, 164, True)),
        # Two layouts: never in so many.
        ([[BAD, BAD], *[[FITS_NOT]] * 18], (("xywh", "cxcywh"), [0], 2, 2, False)),
        ([[BAD, BAD], [BAD, BAD], *[[FITS_NOT]] * 18], None),
        ([[BAD, BAD, BOTH, BOTH], [FITS_NOT]], (("xywh", "cxcywh"), [0], 2, 4, False)),
        ([[BAD, BAD, BOTH, BOTH, BOTH], [FITS_NOT]], None),
        # Images of one misfit join where a fifth as many have two.
        ([*[[WIDE, WIDE]] * 2, *[[WIDE]] * 10, [FITS_NOT]], (XYWH, list(range(12)), 14, 14, False)),
        ([[WIDE, WIDE], *[[WIDE]] * 3, [FITS_NOT]], (XYWH, [0], 2, 2, False)),
        # And where nine of ten fit.
        ([*[[WIDE, WIDE]] * 2, *[[WIDE]] * 9, [ODD], [FITS_NOT]], (XYWH, list(range(11)), 13, 13, False)),
        ([*[[WIDE, WIDE]] * 2, *[[WIDE]] * 8, [ODD], [FITS_NOT]], (XYWH, [0, 1], 4, 4, False)),
    ],
)
def test_some_images(images: Images, found: tuple[object, ...] | None, table_of: TableOf) -> None:
    """Those of the last image mostly do not fit, so that it is no matter of all."""
    assert readings(table_of(images)) == ([found] if found else [])


@pytest.mark.parametrize(
    ("images", "share"),
    [([[BAD, FIT]], 1.0), ([[BAD, BAD, FIT]], 1.0), ([[WIDE, WIDE, FIT, FIT], *[[ODD]] * 2, [FITS_NOT]], 0.5)],
)
def test_what_share_of_the_misfits_it_explains(images: Images, share: float, table_of: TableOf) -> None:
    assert possible_layouts(table_of(images))[1] == share


def test_images_whose_photo_shows_another_size_are_left_aside(table_of: TableOf) -> None:
    """Where the loader reads the declared one, which a box goes beyond."""
    photos = [{}, {"photo_size": (200, 200)}]
    images = [[BAD, BAD, *[FIT] * 18], [(50, 50, 150, 150)]]
    assert readings(table_of(images, dialect="caffe", facts=photos)) == [(XYWH, [0], 2, 20, True)]
    assert readings(table_of(images, dialect="caffe")) == [(XYWH, [0], 2, 20, False)]


def test_images_of_one_misfit_by_themselves_where_they_cannot_join(table_of: TableOf) -> None:
    images = [*[[WIDE, WIDE]] * 2, *[[WIDE]] * 11, [FITS_NOT]]
    assert readings(table_of(images)) == [
        (XYWH, [0, 1], 4, 4, False),
        (XYWH, list(range(2, 13)), 11, 11, False),
    ]


@pytest.mark.parametrize(
    ("suspects", "others", "fits"),
    [
        # Five images, and a tenth of all.
        ([[WIDE]] * 5, 10, 5),
        ([[WIDE]] * 4, 10, 0),
        ([[WIDE]] * 5, 45, 5),
        ([[WIDE]] * 5, 46, 0),
        # Half of their boxes.
        ([[WIDE, FIT]] * 5, 10, 5),
        ([*[[WIDE, FIT]] * 4, [WIDE, FIT, FIT]], 10, 0),
        # Nine of ten fit, and in one layout.
        ([*[[WIDE]] * 9, [ODD]], 10, 9),
        ([*[[WIDE]] * 8, [ODD]], 10, 0),
        ([[BAD]] * 5, 10, 0),
        ([[ENDS_FIRST]] * 5, 10, 0),
    ],
)
def test_images_of_one_misfit(suspects: Images, others: int, fits: int, table_of: TableOf) -> None:
    boxes = sum(len(each) for each in suspects[:fits])
    expected = [(XYWH, list(range(fits)), fits, boxes, False)] if fits else []
    assert readings(table_of([*suspects, *[[FITS_NOT]] * others])) == expected
    assert readings(table_of([*suspects, *[[FITS_NOT]] * others, [], []])) == expected


def test_the_layout_of_most_images_first_and_three_at_most(table_of: TableOf) -> None:
    kinds = {XYWH: [WIDE] * 2, CENTRE: [CENTRED] * 2, ("xxyy",): [PAIRS] * 2, ("xyxy-ends-first",): [ENDS_FIRST] * 3}
    images = [boxes for number, boxes in zip((2, 4, 3, 1), kinds.values(), strict=True) for _ in range(number)]
    assert readings(table_of([*images, [FITS_NOT]])) == [
        (CENTRE, [2, 3, 4, 5], 8, 8, False),
        (("xxyy",), [6, 7, 8], 6, 6, False),
        (XYWH, [0, 1], 4, 4, False),
    ]


# As x y width height: in the image, and as centre and size, too, or not. They reach out by a quarter of themselves,
# and by more than half; as centre and size they are in, and the last ends at the border.
IN, IN_ONLY, OUT, FAR, ENDS = (20, 20, 10, 10), (5, 5, 20, 20), (70, 72, 40, 38), (98, 50, 6, 10), (80, 78, 40, 36)
OWN_END, BEGINS, NEAR, NOT_NEAR = (60, 60, 40, 40), (20, 20, 40, 40), (80, 78, 39, 36), (80, 78, 38.92, 36)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        # Half of all and ten, in a fifth of the images.
        ([[*[OUT] * 15, *[IN] * 15]], (CENTRE, [0], 15, 30, True)),
        ([[*[OUT] * 14, *[IN] * 15]], None),
        ([[*[OUT] * 10, *[IN] * 10]], (CENTRE, [0], 10, 20, True)),
        ([[*[OUT] * 9, *[IN] * 9]], None),
        ([[*[OUT] * 10, *[IN] * 5], *[[IN_ONLY]] * 4], (CENTRE, [0], 10, 15, False)),
        ([[*[OUT] * 10, *[IN] * 5], *[[IN_ONLY]] * 5], None),
        ([[*[OUT] * 10, *[IN] * 5], *[[IN_ONLY]] * 4, [], []], (CENTRE, [0], 10, 15, False)),
        ([[OUT], [OUT], [IN], [IN], [IN]], None),
        # A quarter of those that leave lies more than half outside.
        ([[*[OUT] * 3, FAR, *[IN] * 6]], (CENTRE, [0], 4, 10, True)),
        ([[*[OUT] * 4, FAR, *[IN] * 6]], None),
        # Three end at a border, and twice as many as do so as they are read.
        ([[*[ENDS] * 3, *[IN] * 7]], (CENTRE, [0], 3, 10, True)),
        ([[*[ENDS] * 2, OUT, *[IN] * 7]], None),
        ([[*[ENDS] * 3, *[OWN_END] * 2, *[IN] * 5]], None),
        ([[*[ENDS] * 4, *[OWN_END] * 2, *[IN] * 5]], (CENTRE, [0], 4, 11, True)),
        ([[*[OUT] * 3, *[BEGINS] * 3, *[IN] * 4]], (CENTRE, [0], 3, 10, True)),
        ([[*[NEAR] * 3, *[IN] * 7]], (CENTRE, [0], 3, 10, True)),
        ([[*[NOT_NEAR] * 3, *[IN] * 7]], None),
    ],
)
def test_objects_that_are_seen_in_part(images: Images, found: tuple[object, ...] | None, table_of: TableOf) -> None:
    """Boxes of a COCO file that merely reach out of their images are in no other layout."""
    read = [[(x, y, x + width, y + height) for x, y, width, height in boxes] for boxes in images]
    assert readings(table_of(read, layout="xywh")) == ([found] if found else [])
