"""What is said of boxes, at the figures that the pages state: tables made by hand, and no file is read."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from ssdlossdbg.checks.boxes.pairs import overlapping_pairs
from ssdlossdbg.checks.catalogue import find
from tests.checks.conftest import Cases, TableOf, Told

Box = tuple[float, float, float, float]
SOUND: Box = (20, 20, 60, 60)


# Boxes that are none
@pytest.mark.parametrize(
    ("box", "code", "words"),
    [
        ((20, 20, 20, 60), "BOX001", "no width (xmin = xmax = 20); its encoded size is finite but far off"),
        ((20, 20, 60, 20), "BOX001", "no height (ymin = ymax = 20); its encoded size is finite but far off"),
        ((20, 30, 20, 30), "BOX001", "no width and no height (xmin = xmax = 20, ymin = ymax = 30); its encoded size"),
        ((20, 20, 10, 60), "BOX002", "xmin 20 > xmax 10; its encoded size is finite but far off"),
        ((20, 20, 60, 15), "BOX002", "ymin 20 > ymax 15; its encoded"),
        ((20, 20, 10, 15), "BOX002", "xmin 20 > xmax 10 and ymin 20 > ymax 15; its encoded"),
        ((20, 20, 20, 15), "BOX002", "ymin 20 > ymax 15; its encoded"),
        (
            (0, 0, 0, 0),
            "BOX003",
            "the box is 0, 0, 0, 0, beside 2 other objects; its encoded size is finite but far off",
        ),
    ],
)
def test_a_box_that_is_none(box: Box, code: str, words: str, table_of: TableOf, told: Told, cases: Cases) -> None:
    made = table_of([[SOUND, box, SOUND]])
    (message,) = told(made, code)
    assert message.startswith(words)
    assert [item.code for item in find([made]) if item.code in ("BOX001", "BOX002", "BOX003")] == [code]
    if code == "BOX002":
        least = min(end - start for start, end in zip(box[:2], box[2:], strict=True))
        assert cases(made, code)[0].value == least


@pytest.mark.parametrize(
    ("target", "positives", "lost_to", "words"),
    [
        (-math.inf, 1, -1, "; its encoded size is log 0 = -inf, and so the loss of the batch is inf; its gradient"),
        (
            math.nan,
            1,
            -1,
            "; its encoded size is the log of a negative number, nan, and so is the loss of the batch; its",
        ),
        (0.0, 0, -1, "; no prior is matched with it, so it does no harm here, but it will elsewhere"),
        (0.0, 0, 0, "; object 0 took its prior, so it does no harm here, but it will elsewhere"),
        (0.0, 0, 2, "; object 0 took its prior, so it does no harm here, but it will elsewhere"),
        (5.0, 1, 2, "; its encoded size is finite but far off, and so is the loss"),
    ],
)
def test_what_comes_of_it(
    target: float, positives: int, lost_to: int, words: str, table_of: TableOf, told: Told
) -> None:
    made = table_of([[SOUND, (20, 20, 20, 60)], [SOUND]])
    made = replace(
        made,
        target=np.array([0, target, 0]),
        positives=np.array([3, positives, 3]),
        lost_to=np.array([-1, lost_to, -1]),
    )
    (message,) = told(made, "BOX001")
    assert words in message


def test_those_that_spoil_the_loss_come_first(table_of: TableOf, cases: Cases) -> None:
    flat = [(20, 20, 20, 60), (30, 20, 30, 60), (40, 20, 40, 60), (50, 20, 50, 60)]
    made = replace(table_of([flat]), target=np.array([0, -math.inf, 0, math.nan]))
    assert [case.where.object for case in cases(made, "BOX001")] == [1, 3, 0, 2]


def test_a_codebase_that_raises_on_it_is_quoted(table_of: TableOf, told: Told) -> None:
    made = table_of([[SOUND, (20, 20, 20, 60)]], dialect="torchvision")
    (message,) = told(made, "BOX001")
    assert f"; the real torchvision raises on it: {made.rules.raises.degenerate_box}" in message


def test_not_finite(table_of: TableOf, cases: Cases) -> None:
    made = table_of([[SOUND, (20, 20, math.inf, 60), (20, math.nan, 30, 60)]])
    made = replace(made, target=np.array([0, 0, math.inf]), positives=np.array([3, 0, 1]))
    first, second = cases(made, "BOX012")
    assert (first.where.object, second.where.object) == (1, 2)
    assert first.message == "its box is 20,20,inf,60 px; no prior is matched with it"
    assert second.message.startswith(
        "its box is 20,nan,30,60 px; its priors are to learn offsets of inf: the loss is inf"
    )


# Borders
@pytest.mark.parametrize(
    ("box", "outside", "beyond"),
    [
        ((100, 20, 130, 60), True, False),
        ((99, 20, 130, 60), False, True),
        ((20, 100, 60, 130), True, False),
        ((20, 99, 60, 130), False, True),
        ((-30, 20, 0, 60), True, False),
        ((-30, 20, 1, 60), False, True),
        ((20, -30, 60, 0), True, False),
        ((20, -30, 60, 1), False, True),
        ((-1.4, 20, 60, 60), False, False),
        ((-1.6, 20, 60, 60), False, True),
        ((20, -1.6, 60, 60), False, True),
        ((20, 20, 101.4, 60), False, False),
        ((20, 20, 101.6, 60), False, True),
        ((20, 20, 60, 101.6), False, True),
    ],
)
def test_borders(box: Box, outside: bool, beyond: bool, table_of: TableOf, cases: Cases) -> None:
    """An edge 1.5 pixels beyond, and no pixel inside."""
    made = table_of([[SOUND, box]])
    assert bool(cases(made, "BOX007")) is outside
    assert bool(cases(made, "BOX008")) is beyond


def test_a_box_that_is_none_reaches_out_of_no_image(table_of: TableOf, cases: Cases) -> None:
    """Inverted, without an area or without a number: other findings say so."""
    made = table_of([[SOUND, (-30, 60, 60, 20), (20, -9, 20, 60), (-9, 20, math.nan, 60), (130, 60, 110, 20)]])
    assert not cases(made, "BOX007")
    assert not cases(made, "BOX008")


def test_borders_in_words(table_of: TableOf, told: Told, cases: Cases) -> None:
    made = table_of([[SOUND, (110, 20, 130, 60), (90, 20, 120, 60), (20, 20, 60, 102)], [SOUND] * 20])
    (outside,) = cases(made, "BOX007")
    assert outside.message == (
        "its box 110,20,130,60 px lies wholly outside the 100 x 100 image; prior 9, which is nowhere near, is trained "
        "on it"
    )
    assert outside.fix == "Drop it, or correct its coordinates or the image's size."
    first, second = cases(made, "BOX008")
    assert first.message == "its box 90,20,120,60 px reaches out of the 100 x 100 image by 67% of its area"
    assert second.message == "its box 20,20,60,102 px reaches out of the 100 x 100 image by 2% of its area"
    assert first.value == pytest.approx(2 / 3)
    untrained = replace(made, positives=np.where(np.arange(24) == 1, 0, 3))
    assert told(untrained, "BOX007")[0].endswith("image; no prior is trained on it")


def test_the_photos_size_is_named_where_the_dialect_reads_that(table_of: TableOf, told: Told) -> None:
    facts = [{"photo_size": (101, 99)}]
    for dialect, size in (("ssd.pytorch", "101 x 99"), ("caffe", "100 x 100")):
        made = table_of([[SOUND, (-9, 20, 60, 60)]], facts=facts, dialect=dialect)
        assert f"reaches out of the {size} image" in told(made, "BOX008")[0]


@pytest.mark.parametrize(
    ("size", "box", "fix"),
    [
        ((1, 1), (1.5, 0.2, 1.8, 0.4), "Drop it, or correct its coordinates or the image's size."),
        ((1, 1), (1.5, 0.2, 2.0, 0.4), "Drop it, or correct its coordinates or the image's size."),
        ((1, 1), (1.5, 0.2, 2.1, 0.4), "Divide it by the photo's width and height if it is in pixels; else drop or"),
        ((300, 300), (310, 20, 320, 40), " Saved pixels are those of the network's input, not of the photo."),
    ],
)
def test_saved_boxes_outside(size: tuple[float, float], box: Box, fix: str, table_of: TableOf, cases: Cases) -> None:
    inside = tuple(0.2 * side for side in (*size, *size))
    made = table_of([[(0, 0, *inside[:2]), (0, 0, *inside[:2]), box]], size, saved=True)
    (case,) = cases(made, "BOX007")
    assert fix in case.fix
    assert "the 300 x 300 image" in case.message


@pytest.mark.parametrize(("reach", "share"), [(0.0051, "0.8%"), (0.02, "3%"), (0.006, "1.0%"), (0.007, "1%")])
def test_a_share_of_less_than_a_hundredth_has_a_digit_more(
    reach: float, share: str, table_of: TableOf, told: Told
) -> None:
    made = table_of([[(0.4, 0.4, 1 + reach, 0.6), (0.1, 0.1, 0.2, 0.2)]], (1, 1), saved=True)
    assert told(made, "BOX008")[0].endswith(
        f"by {reach / (0.6 + reach):{'.1%' if '.' in share else '.0%'}} of its area"
    )


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ([(-1, 20, 60, 60), SOUND], "of 2 boxes, 1 at the left border begin at -1 px: the file counts from 0"),
        ([(20, -1, 60, 60), (5, -1, 9, 9)], "of 2 boxes, 2 at the upper border begin at -1 px: the file counts from 0"),
        (
            [(-1, -1, 60, 60), (5, -1, 9, 9), SOUND],
            "of 3 boxes, 1 at the left and 2 at the upper border begin at -1 px",
        ),
        # One begins before: another origin.
        ([(-1, 20, 60, 60), (-1.25, 30, 60, 70)], None),
        ([(-1, 20, 60, 60), (30, -1.25, 60, 70)], None),
        ([(-0.75, 20, 60, 60), SOUND], None),
        ([(0, 20, 60, 60), SOUND], None),
    ],
)
def test_minus_one(boxes: list[Box], words: str | None, table_of: TableOf, told: Told) -> None:
    messages = told(table_of([boxes]), "BOX009")
    if words is None:
        assert not messages
    else:
        (message,) = messages
        assert message.replace(" border and", " and").startswith(words)


def test_minus_one_once_a_pixel_is_subtracted(table_of: TableOf, told: Told) -> None:
    made = table_of([[(0, 20, 60, 60), SOUND]], one_based=True)
    assert made.rules.targets.voc_pixel_offset == -1
    (message,) = told(made, "BOX009")
    assert message == (
        "of 2 boxes, 1 at the left border begin at -1 px once 1 is subtracted, as for Pascal VOC: the file counts from "
        "0"
    )
    assert not told(replace(made, one_based=False), "BOX009")


@pytest.mark.parametrize(
    ("starts", "found"),
    [
        ((-1 / 300, -1 / 300), True),
        ((-1 / 300, -1 / 301), False),
        ((-1 / 300, 0.2), False),
        ((-1 / 300.4, -1 / 300.4), False),
        ((-1 / 32, -1 / 32), True),
        ((-1 / 31, -1 / 31), False),
        ((-1 / 8191, -1 / 8191), True),
        ((-1 / 8192, -1 / 8192), False),
    ],
)
def test_minus_one_over_the_width_of_a_photo(
    starts: tuple[float, float], found: bool, table_of: TableOf, told: Told
) -> None:
    """Of two objects, and a whole number."""
    boxes = [[(start, 0.2, 0.5, 0.6), (0.1, start, 0.4, 0.5)] for start in starts]
    for axis in (0, 1):
        made = table_of([[each[axis] for each in boxes]], (1, 1), saved=True)
        assert bool(told(made, "BOX009")) is found


# Coordinates that wrapped around
@pytest.mark.parametrize(
    ("boxes", "size", "words"),
    [
        ([(65535, 20, 60, 60)], 100, "xmin = 65535, which is -1 in uint16"),
        ([(65520, 20, 60, 60)], 100, "xmin = 65520, which is -16 in uint16"),
        ([(65519, 20, 60, 60)], 100, None),
        ([(65535.5, 20, 60, 60)], 100, None),
        # A float32 rounds a number of 32 bits up.
        ([(4294967296, 20, 60, 60)], 100, "xmin = 4294967296, which is -1 in uint32"),
        ([(256, 20, 60, 60)], 256, None),
        ([(20, 4294967295, 60, 60)], 100, "ymin = 4294967295, which is -1 in uint32"),
        (
            [(65535, 4294967294, 60, 60)],
            100,
            "xmin = 65535, which is -1 in uint16 and ymin = 4294967294, which is -2 in",
        ),
        # A byte: in an image of 256, or two where all boxes end by then.
        ([(255, 20, 60, 60)], 256, "xmin = 255, which is -1 in uint8"),
        ([(254, 20, 60, 60)], 256, None),
        ([(255, 20, 60, 60)], 257, None),
        ([(255, 20, 60, 60), (20, 255, 60, 60)], 400, "xmin = 255, which is -1 in uint8"),
        ([(255, 20, 60, 60), (255, 20, 70, 60)], 400, "xmin = 255, which is -1 in uint8"),
        ([(255, 20, 60, 60), (255, 20, 70, 60), (20, 20, 256, 60)], 400, None),
        ([(255, 20, 60, 60), (255, 255, 70, 60)], 400, "xmin = 255, which is -1 in uint8"),
    ],
)
def test_wrapped_around(boxes: list[Box], size: float, words: str | None, table_of: TableOf, told: Told) -> None:
    messages = told(table_of([[*boxes, SOUND, SOUND, SOUND]], (size, size)), "BOX015")
    assert bool(messages) is (words is not None)
    assert not words or messages[0].startswith(words)


@pytest.mark.parametrize(
    ("side", "largest", "words"),
    [
        (300, 65535, "x1 = 218.45 = 65535 / 300, which is -1 in uint16"),
        (32, 65535, "x1 = 2047.96875 = 65535 / 32, which is -1 in uint16"),
        (31, 65535, None),
        (8191, 65535, "x1 = 8.000854597 = 65535 / 8191, which is -1 in uint16"),
        (8192, 65535, None),
        (300.5, 65535, None),
        (300, 255, None),
        (640, 4294967295, "x1 = 6710886.398 = 4294967295 / 640, which is -1 in uint32"),
    ],
)
def test_fractions_that_wrapped_around(
    side: float, largest: float, words: str | None, table_of: TableOf, told: Told
) -> None:
    """Over a whole number of pixels, from 32 to 8191."""
    made = table_of([[(largest / side, 0.2, 0.5, 0.6), (0.1, 0.1, 0.4, 0.5)]], (1, 1), saved=True)
    assert told(made, "BOX015") == ([words] if words else [])


# Doubles
@pytest.mark.parametrize(
    ("lost", "first", "words"),
    [
        (None, 1, "the very box of object 0; both compete for the same priors"),
        (0, 0, "the very box of object 1; object 0 gets no prior, object 1 takes them"),
        (1, 1, "the very box of object 0; object 1 gets no prior, object 0 takes them"),
    ],
)
def test_who_wins_of_two(lost: int | None, first: int, words: str, table_of: TableOf, cases: Cases) -> None:
    made = table_of([[SOUND, SOUND]])
    if lost is not None:
        made = replace(
            made,
            positives=np.where(np.arange(2) == lost, 0, 3),
            lost_to=np.where(np.arange(2) == lost, 1 - lost, -1),
        )
    (case,) = cases(made, "BOX010")
    assert case.where.object == first
    assert case.message == words


@pytest.mark.parametrize("least", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("upright", [False, True])
def test_pairs_of_boxes_as_a_loop_over_all_has_them(least: float, upright: bool, table_of: TableOf) -> None:
    """Boxes of any size, some three times as large as the image, in rows or in columns, each with one beside it."""
    random = np.random.default_rng(1)
    low, size = random.uniform(0, 100, (40, 2)), random.uniform(2, 300, (40, 2))
    low[:, int(not upright)] = random.uniform(0, 3, 40)
    boxes = np.concatenate((low, low + size), axis=1)
    moved = size.repeat(2, axis=1) * random.uniform(-0.1, 0.1, (40, 4)) * random.choice([1, 0.1], (40, 1))
    boxes = np.concatenate((boxes, boxes + moved))
    made = table_of([[tuple(box) for box in boxes], [tuple(box) for box in boxes[:5]]])
    found = overlapping_pairs(made, least, same_class=True)
    wanted = {}
    for one, other in combinations(range(85), 2):
        a, b = made.boxes[one], made.boxes[other]
        across, down = (min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis]) for axis in (0, 1))
        shared = max(across, 0) * max(down, 0)
        iou = shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)
        if iou >= least and made.image[one] == made.image[other]:
            wanted[frozenset((one, other))] = iou
    assert len(wanted) > 2
    told = {frozenset((int(one), int(other))): float(iou) for one, other, iou in zip(*found, strict=True)}
    assert told == pytest.approx(wanted)


def test_the_nearest_of_doubles_first_and_each_once(table_of: TableOf, told: Told, cases: Cases) -> None:
    boxes = [(0, 0, 50, 50), (0, 0, 50, 48), (0, 0, 50, 47), (60, 60, 90, 90), (60, 60, 90, 89.5)]
    made = table_of([boxes])
    assert [(case.where.object, round(float(case.value or 0), 3)) for case in cases(made, "BOX010")] == [
        (4, 0.983),
        (2, 0.979),
        (1, 0.96),
    ]
    assert told(made, "BOX010")[0] == "nearly the same box as object 3: IoU 0.983; both compete for the same priors"
    two = replace(made, class_id=np.array([1, 1, 1, 1, 2]), labels=("cat", "cat", "cat", "cat", "dog"))
    assert told(two, "BOX011") == []
    same = table_of([[SOUND, SOUND]], class_id=np.array([1, 2]), labels=("cat", "dog"))
    assert told(same, "BOX011") == ["the very box of object 0 (cat); both compete for the same priors"]
