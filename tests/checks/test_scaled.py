"""On which scale boxes are taken to be: how many boxes tell, by how much, and what the factors are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ssdlossdbg.checks.boxes.readings import SLACK
from ssdlossdbg.checks.boxes.scaled import Scale, other_layouts, other_scale
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import Objects
from tests.checks.conftest import TableOf

Box = tuple[float, float, float, float]
# In images of 200 x 100: inside, and cut at its right and lower border.
INSIDE, RIGHT, LOWER = (20, 20, 60, 60), (120, 20, 200, 60), (20, 40, 60, 100)


def grown(boxes: Sequence[Box], x: float, y: float) -> list[Box]:
    """Boxes times a factor for each axis."""
    return [(x1 * x, y1 * y, x2 * x, y2 * y) for x1, y1, x2, y2 in boxes]


def scale(objects: Objects) -> tuple[str, tuple[float, float], int, int, int] | None:
    """What is found, in plain numbers."""
    found = other_scale(objects)
    if found is None:
        return None
    x, y = found.factors
    return found.name, (round(x, 3), round(y, 3)), found.leaving, found.boxes, found.ends


# Three boxes at the right border, of ten.
CUT = [*[RIGHT] * 3, *[INSIDE] * 7]


@pytest.mark.parametrize(
    ("boxes", "found"),
    [
        # Three end at the border that the factor gives.
        (grown(CUT, 1.2, 1), ("measured", (1.2, 0.6), 3, 10, 3)),
        (grown([*[RIGHT] * 2, *[INSIDE] * 8], 1.2, 1), None),
        # A tenth of all leaves.
        (grown([*[RIGHT] * 3, *[INSIDE] * 27], 1.2, 1), ("measured", (1.2, 0.6), 3, 30, 3)),
        (grown([*[RIGHT] * 3, *[INSIDE] * 28], 1.2, 1), None),
        # Twice as many end there as at the image's own border.
        ([*grown(CUT, 1.2, 1), RIGHT], ("measured", (1.2, 0.6), 3, 11, 3)),
        ([*grown([*[RIGHT] * 4, *[INSIDE] * 6], 1.2, 1), RIGHT, RIGHT], ("measured", (1.2, 0.6), 4, 12, 4)),
        ([*grown(CUT, 1.2, 1), RIGHT, RIGHT], None),
        # A factor of 1.05 is none.
        (grown(CUT, 1.06, 1), ("measured", (1.06, 0.6), 3, 10, 3)),
        (grown(CUT, 1.04, 1), None),
        # Both axes alike, give or take 0.015.
        (grown([*CUT, LOWER], 1.2, 1.2), ("alike", (1.2, 1.2), 4, 11, 4)),
        (grown([*CUT, LOWER], 1.2, 1.19), ("alike", (1.2, 1.19), 4, 11, 4)),
        (grown([*CUT, LOWER], 1.2, 1.18), ("measured", (1.2, 1.18), 4, 11, 4)),
        # Four boxes at least.
        (grown([*[RIGHT] * 3, INSIDE], 1.2, 1), ("measured", (1.2, 0.6), 3, 4, 3)),
        (grown([RIGHT] * 3, 1.2, 1), None),
        # Half of all leave by a quarter and more, though they end anywhere.
        ([(20, 20, 200 * f, 60) for f in (1.06, 1.1, 1.26)] + [INSIDE] * 3, ("measured", (1.26, 0.6), 3, 6, 1)),
        ([(20, 20, 200 * f, 60) for f in (1.06, 1.1, 1.26)] + [INSIDE] * 4, None),
        ([(20, 20, 200 * f, 60) for f in (1.06, 1.1, 1.24)] + [INSIDE] * 3, None),
        # Three lie wholly outside, of a quarter that leave.
        ([(202, 20, 200 * f, 60) for f in (1.06, 1.1, 1.15)] + [INSIDE] * 9, ("measured", (1.15, 0.6), 3, 12, 1)),
        ([(202, 20, 200 * f, 60) for f in (1.06, 1.1, 1.15)] + [INSIDE] * 10, None),
        ([(200, 20, 200 * f, 60) for f in (1.06, 1.1, 1.15)] + [INSIDE] * 9, ("measured", (1.15, 0.6), 3, 12, 1)),
        ([(199, 20, 200 * f, 60) for f in (1.06, 1.1, 1.15)] + [INSIDE] * 9, None),
        ([(202, 20, 212, 60), (202, 20, 220, 60), (198, 20, 230, 60), *[INSIDE] * 9], None),
        # Of ten that end anywhere from the border on, a third of one by chance, and of a hundred three.
        (
            [(20, 20, 200 + 4 * n, 60) for n in (1, 3, 5, 6, 7, 8)] + grown(CUT, 1.2, 1),
            ("measured", (1.2, 0.6), 9, 16, 3),
        ),
        ([(20, 20, 200 + 0.4 * n, 60) for n in range(3, 94)] + grown(CUT, 1.2, 1), None),
        # Of boxes that end beyond the image's border, not at it, some end there by chance: four times 0.09 of each.
        *(
            (
                [*grown([RIGHT] * 6, 1.06, 1), *[(20, 20, 202.4 + 0.4 * n, 60) for n in range(more)], *[RIGHT] * 3],
                ("measured", (1.06, 0.6), 6 + more, 9 + more, 6) if more <= 10 else None,
            )
            for more in (10, 11)
        ),
        # They leave to the left: another origin, no scale.
        ([*grown(CUT, 1.2, 1), (-5, 20, 60, 60)], None),
    ],
)
def test_measured(boxes: list[Box], found: tuple[object, ...] | None, table_of: TableOf) -> None:
    """Of one image, so that its own sides tell nothing that the factors do not."""
    assert scale(table_of([boxes], (200, 100))) == found


def test_one_of_a_hundred_may_be_wrong_in_another_way(table_of: TableOf) -> None:
    """And of ten that leave."""
    boxes = grown([*[RIGHT] * 10, *[INSIDE] * 88], 1.2, 1)
    for stray in ((-50, 20, 60, 60), (20, 20, 900, 60)):
        assert scale(table_of([[*boxes, INSIDE, stray]], (200, 100))) is not None
    assert scale(table_of([[*boxes, INSIDE, (-50, 20, 60, 60)]], (200, 100))) == (
        "measured",
        (1.2, 0.6),
        10,
        100,
        10,
    )
    assert scale(table_of([[*boxes, (-50, 20, 60, 60)]], (200, 100))) is None
    few = grown([*[RIGHT] * 9, *[INSIDE] * 89], 1.2, 1)
    assert scale(table_of([[*few, INSIDE, INSIDE, (-50, 20, 60, 60)]], (200, 100))) is None


@pytest.mark.parametrize(("leaving", "layouts"), [(9, 1), (10, 1), (11, 0)])
def test_layouts_of_some_images_that_explain_nine_tenths_are_preferred(
    leaving: int, layouts: int, table_of: TableOf
) -> None:
    """Ninety boxes are corner and size, in five images; some of the sixth leave it, by one factor."""
    images = [[(120, 20, 60, 60)] * 18] * 5 + [[*grown([RIGHT] * leaving, 1.2, 1), *[INSIDE] * 10]]
    made = table_of(images, (200, 100))
    assert len(other_layouts(made)) == layouts
    assert scale(made) == ("measured", (1.2, 0.6), leaving, leaving + 10, leaving)


SIDES = [(200.0, 100.0), (100.0, 200.0)]
# In parts of an image: cut at the right, at the lower border, and inside.
PARTS = [(0.6, 0.2, 1, 0.6), (0.2, 0.5, 0.6, 1), (0.3, 0.3, 0.5, 0.5), (0.1, 0.1, 0.2, 0.3)]


def sided(
    factors: Callable[[float, float], tuple[float, float]], number: int = 1
) -> tuple[list[list[Box]], list[dict[str, object]]]:
    """Boxes of a wide and of a tall image in pixels, times factors that follow from its width and height."""
    images, facts = [], list[dict[str, object]]()
    for width, height in SIDES:
        x, y = factors(width, height)
        images.append(grown(PARTS * number, width * x, height * y))
        facts.append({"size": (width, height)})
    return images, facts


@pytest.mark.parametrize(
    ("factors", "layout", "name"),
    [
        (lambda w, h: (w / h, h / w), "xyxy", "alike"),
        # Which are the boxes of the turned image: y before x, or an exchanged size.
        (lambda w, h: (h / w, w / h), "xyxy", ""),
        (lambda w, h: (1, w / h), "xyxy", "multiplied-by-width"),
        (lambda w, h: (h / w, 1), "xyxy", "multiplied-by-height"),
        (lambda w, h: (w / h, h / w), "cxcywh", "divided-by-height-width"),
        (lambda w, h: (1, h / w), "cxcywh", "divided-by-width"),
        (lambda w, h: (w / h, 1), "cxcywh", "divided-by-height"),
        (lambda w, h: (w / 50, h / 25), "cxcywh", "pixels-by-input"),
    ],
)
def test_factors_of_an_images_own_sides(
    factors: Callable[[float, float], tuple[float, float]], layout: str, name: str, table_of: TableOf
) -> None:
    """Pixels are multiplied and fractions divided by a wrong side; where two explain it, more boxes end as one says."""
    images, facts = sided(factors, 2)
    found = other_scale(table_of(images, facts=facts, layout=layout, image_size=(50, 25)))
    assert (found.name if found else "") == name


@pytest.mark.parametrize(("number", "found"), [(3, True), (2, False)])
def test_three_end_at_the_border_of_such_factors(number: int, found: bool, table_of: TableOf) -> None:
    """Where they leave the image by it; so many end nowhere near."""
    boxes = [*[(0.2, 0.5, 0.6, 1.0)] * number, *[(0.3, 0.3, 0.5, 0.45)] * 4, (0.1, 0.2, 0.3, 0.9)]
    images = [grown(boxes, 200, 200), grown([(0.3, 0.3, 0.5, 0.5)], 100, 100)]
    made = table_of(images, facts=[{"size": (200, 100)}, {"size": (100, 200)}])
    assert (
        (other_scale(made) or Scale("", made.image, 0, 0, (1, 1), (1, 1), 0)).name == "multiplied-by-width"
    ) is found


@pytest.mark.parametrize(("number", "found"), [(8, True), (7, False)])
def test_eight_end_there_where_none_leaves(number: int, found: bool, table_of: TableOf) -> None:
    """Fractions that were divided by the longer side; to the right, some end at the border as they are."""
    boxes = [*[(0.2, 0.25, 0.6, 0.5)] * number, *[(0.6, 0.1, 1, 0.3)] * 5]
    made = table_of([grown(boxes, 200, 100)], (200, 100), layout="cxcywh")
    assert scale(made) == (("divided-by-width", (1.0, 0.5), 0, number + 5, number) if found else None)


@pytest.mark.parametrize(
    ("side", "sizes", "name"),
    [
        (300, (400, 350), "square"),
        (300, (400, 310), ""),
        (300, (316, 316), "square"),
        (330, (400, 400), ""),
        (1000, (1100, 2000), "square"),
        (100, (110, 120), "square"),
    ],
)
def test_boxes_of_a_square_in_larger_photos(
    side: float, sizes: tuple[float, float], name: str, table_of: TableOf
) -> None:
    """Several end at its right border and several at its lower one, in eight images."""
    own = [(0.5 * side, 0.2 * side, side, 0.6 * side), (0.2 * side, 0.5 * side, 0.6 * side, side)]
    made = table_of([own] * 8, sizes)
    found = other_scale(made)
    assert (found.name if found else "") == name
    if found:
        assert found.factors == (side / sizes[0], side / sizes[1])
        assert (found.leaving, found.boxes, found.ends) == (0, 16, 16)
    assert other_scale(table_of([own] * 7, sizes)) is None


@pytest.mark.parametrize(("changes", "found"), [({}, True), ({"saved": True}, False), ({"layout": "cxcywh"}, False)])
def test_a_square_is_looked_for_in_files_of_pixels_alone(
    changes: dict[str, object], found: bool, table_of: TableOf
) -> None:
    """A network's input is what saved boxes may well be measured in, and fractions have no pixels."""
    own = [(150, 60, 300, 180), (60, 150, 180, 300)]
    assert (other_scale(table_of([own] * 8, (400, 400), **changes)) is not None) is found


# What networks take as their input, and photos are scaled down to.
USUAL = (100, 224, 256, 300, 320, 384, 416, 448, 500, 512, 600, 608, 640, 768, 800, 896, 1000, 1024, 1280)


@pytest.mark.parametrize("side", USUAL)
def test_a_square_is_one_of_a_usual_side(side: int, table_of: TableOf) -> None:
    """Give or take what boxes end short of it by, and what a pixel is not."""
    for reach in (0.984 * side, 0.986 * side, side, side + 0.9):
        own = [(0.5 * reach, 0.2 * reach, reach, 0.6 * reach), (0.2 * reach, 0.5 * reach, 0.6 * reach, reach)]
        usual = any(0.985 * each <= reach <= (1 + SLACK) * each for each in USUAL)
        assert (scale(table_of([own] * 8, (1500, 1500))) is not None) is usual


@pytest.mark.parametrize(
    ("right", "lower", "before", "found"),
    [
        (4, 4, 0, True),
        (3, 8, 0, False),
        (8, 3, 0, False),
        # Where as many end just before: chance.
        (4, 8, 10, True),
        (4, 8, 11, False),
    ],
)
def test_how_many_end_at_the_border_of_a_square(
    right: int, lower: int, before: int, found: bool, table_of: TableOf
) -> None:
    own = [*[(150, 60, 300, 180)] * right, *[(60, 150, 180, 300)] * lower, *[(150, 60, 290, 180)] * before]
    images = [[box] for box in own] + [[(30, 30, 60, 60)]] * (8 - min(8, len(own)))
    assert (scale(table_of(images, (400, 400))) is not None) is found


@pytest.mark.parametrize(
    ("boxes", "changes", "name"),
    [
        # A square that is known, of files in pixels.
        (grown([*[(0.5, 0.2, 1, 0.6)] * 3, (0.2, 0.4, 0.6, 1), *[(0.2, 0.2, 0.4, 0.4)] * 4], 300, 300), {}, "square"),
        (
            grown([*[(0.5, 0.2, 1, 0.6)] * 3, (0.2, 0.4, 0.6, 1), *[(0.2, 0.2, 0.4, 0.4)] * 4], 300, 300),
            {"saved": True},
            "photo",
        ),
        (grown([*CUT, LOWER], 1.2, 1.2), {"saved": True}, "photo"),
    ],
)
def test_what_measured_factors_are_called(
    boxes: list[Box], changes: dict[str, object], name: str, table_of: TableOf
) -> None:
    found = other_scale(table_of([boxes], (200, 100), **changes))
    assert found
    assert found.name == name


@pytest.mark.parametrize(
    ("x", "y", "name"),
    [(1.5, 1.2, "photo-by-input"), (1.25, 0.8, "divided-by-height-width"), (1.25, 0.82, "photo-by-input")],
)
def test_saved_fractions(x: float, y: float, name: str, table_of: TableOf) -> None:
    """Of images whose sizes nobody knows."""
    boxes = grown([*[(0.5, 0.2, 1, 0.6)] * 4, *[(0.2, 0.4, 0.6, 1)] * 4, (0.2, 0.2, 0.4, 0.4)], x, y)
    made = table_of([boxes], (1, 1), saved=True)
    found = other_scale(made)
    assert found
    assert found.name == name
    assert found.factors == pytest.approx((x, y))


def test_saved_boxes_of_which_some_sizes_are_known(table_of: TableOf) -> None:
    """As many times too large as the photo, whatever else is unknown: of an input nothing is said."""
    boxes = grown([*[(0.5, 0.2, 1, 0.6)] * 4, *[(0.2, 0.4, 0.6, 1)] * 4, (0.2, 0.2, 0.4, 0.4)], 1.5, 1.2)
    made = table_of([boxes, grown(boxes, 200, 100)], facts=[{"size": (1, 1)}, {"size": (200, 100)}], saved=True)
    found = other_scale(made)
    assert found
    assert found.name == "photo"
    assert found.factors == pytest.approx((1.5, 1.2))


def test_a_scale_in_words(table_of: TableOf) -> None:
    made = table_of([grown(CUT, 1.2, 1)], (200, 100))
    (found,) = (item for item in find([made]) if item.code == "BOX014")
    assert found.worst.message == (
        "3 of 10 boxes leave the image; one factor an axis explains all: x 1.2, y 0.6: they were drawn on the photos "
        "before these were scaled or cut, or they belong to others"
    )
    assert (found.worst.value, found.worst.bound) == (1.2, 1.0)


def test_a_square_in_words(table_of: TableOf) -> None:
    made = table_of([[(150, 60, 300, 180), (60, 150, 180, 300)]] * 8, (400, 350))
    (found,) = (item for item in find([made]) if item.code == "BOX014")
    assert found.worst.message.startswith(
        "no box ends beyond 300 px across or 300 px down, and 16 end just there; one factor an axis explains all: "
        "x 0.75, y 0.857: they are written for an image of 300 x 300, whatever the size of the photo"
    )
