"""What is said of priors, at the figures that the pages state: grids made by hand, and no file is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import PriorTable
from ssdlossdbg.rules import LevelSpec, PriorOrder, PriorSpec
from tests.checks.conftest import Cases, Told

Shapes = tuple[tuple[float, float], ...]
Make = Callable[..., PriorTable]


@pytest.fixture(scope="module")
def make() -> Make:
    """A table of a grid: levels as (columns, rows, stride, shapes), and other fields of the table."""
    evidence = api.anchors(load_priors("ssd300-voc")).evidence
    (known,) = (seen for seen in evidence if isinstance(seen, PriorTable))

    def table(
        *levels: tuple[int, int, float, Shapes], size: tuple[int, int] = (300, 300), **changes: object
    ) -> PriorTable:
        specs = tuple(LevelSpec((columns, rows), (step, step), shapes) for columns, rows, step, shapes in levels)
        order = changes.get("order", PriorOrder.CELL)
        boxes = generate_priors(PriorSpec(size, specs, order=order)).boxes.double().numpy()  # type: ignore[arg-type]
        maps = tuple(spec.feature_map for spec in specs)
        config = replace(known.config, codebase="", name="own", priors=len(boxes), levels=maps, image_size=size)
        return replace(known, config=config, boxes=boxes, levels=specs, classes=None, **changes)  # type: ignore[arg-type]

    return table


def squares(*sides: float) -> Shapes:
    return tuple((side, side) for side in sides)


FINE, COARSE = (10, 10, 30.0, squares(90, 64)), (5, 5, 60.0, squares(180, 127))


def test_a_sound_grid_is_silent(make: Make) -> None:
    assert find([make(FINE, COARSE)]) == ()
    assert find([make(FINE, COARSE, order=PriorOrder.SHAPE)]) == ()


# PRI004


@pytest.mark.parametrize(
    ("rows", "column", "value", "words", "worst"),
    [
        ([7], 2, 0.0, "0 x 64 px, one of 1 such priors of level 0 (10 x 10)", 7),
        ([6, 8], 3, -0.1, "90 x -30 px, one of 2 such priors of level 0 (10 x 10)", 6),
        ([210], 2, 0.0, "0 x 180 px, one of 1 such priors of level 1 (5 x 5)", 210),
    ],
)
def test_priors_without_a_side(
    rows: list[int], column: int, value: float, words: str, worst: int, make: Make, cases: Cases
) -> None:
    made = make(FINE, COARSE)
    made.boxes[rows, column] = value
    (case,) = cases(made, "PRI004")
    assert case.message.startswith(words)
    assert case.where.prior == worst
    assert case.value == pytest.approx(value, abs=1e-9)


def test_the_smallest_of_a_level_is_named_and_the_level_of_most_first(make: Make, cases: Cases) -> None:
    made = make(FINE, COARSE)
    made.boxes[[3, 9], 2] = -0.1, -0.2
    made.boxes[[201, 202, 204], 3] = 0.0, -0.3, -0.2
    first, second = cases(made, "PRI004")
    assert (first.where.prior, second.where.prior) == (202, 9)
    unknown = replace(made, config=replace(made.config, image_size_known=False))
    assert cases(unknown, "PRI004")[0].message.startswith("0.6 x -0.3 of the input, one of 3")


# PRI005


def test_priors_that_are_there_twice(make: Make, cases: Cases) -> None:
    made = make((10, 10, 30.0, (*squares(90, 64), (90, 90))), COARSE)
    (case,) = cases(made, "PRI005")
    assert case.message == "the same box as prior 0; 100 priors of level 0 (10 x 10) repeat another"
    assert (case.where.prior, case.value) == (2, 100)
    assert "a ratio of 1 is there as the square" in case.fix
    assert cases(make((1, 1, 300.0, squares(90, 90))), "PRI005"), "of two there is no other"
    for apart, fires in ((0.4e-6, True), (2e-6, False)):
        again = make(FINE, COARSE)
        again.boxes[2] = again.boxes[0] + apart
        assert bool(cases(again, "PRI005")) is fires


def test_priors_as_large_as_the_image(make: Make, cases: Cases) -> None:
    made = make(FINE, (1, 1, 300.0, squares(300, 299)))
    made.boxes[-2:, 2:] = 1
    made.boxes[-2:, :2] = 0.5
    (case,) = cases(made, "PRI005")
    assert case.message.endswith("repeat another, being as large as the image, to which they were clamped")


# PRI007


@pytest.mark.parametrize(
    ("cells", "step", "words"),
    [
        (10, 30.0, None),
        (9, 30.0, "9 x 9 centres, 30 px apart, run from 15 to 255 of 300 px in x; 45 px at a border are without any"),
        (11, 30.0, "11 x 11 centres, 30 px apart, run from 15 to 315 of 300 px in x; the outer ones lie outside"),
        (10, 33.0, None),
        (10, 34.0, "10 x 10 centres, 34 px apart, run from 17 to 323 of 300 px in x; the outer ones lie outside"),
        (10, 29.0, None),
        (
            10,
            28.0,
            "10 x 10 centres, 28 px apart, run from 14 to 266 of 300 px in x; 34 px at a border are without any",
        ),
    ],
)
def test_grids_that_do_not_cover_the_image(cells: int, step: float, words: str | None, make: Make, told: Told) -> None:
    """A gap of more than a step, or half a step outside."""
    messages = told(make((cells, cells, step, squares(90, 64)), COARSE), "PRI007")
    assert bool(messages) is (words is not None)
    if words:
        assert messages[0] == f"{words}; a step of {300 / cells:.4g} px would cover it"


@pytest.mark.parametrize(("step", "fires"), [(29.8, False), (30.1, True)])
def test_grids_whose_priors_end_at_the_border(step: float, fires: bool, make: Make, told: Told) -> None:
    """As clamped ones do, of which the first centre is half a step from it; ten steps more are beyond by as much."""
    messages = told(make((11, 11, step, squares(step)), COARSE), "PRI007")
    assert bool(messages) is fires
    assert all("11 x 11 centres, 30.1 px apart, run from 15 to 316 of 300 px in x" in words for words in messages)


def test_the_axis_that_is_worst_is_named(make: Make, cases: Cases) -> None:
    (case,) = cases(make((10, 7, 30.0, squares(90, 64)), COARSE), "PRI007")
    assert "run from 15 to 195 of 300 px in y; 105 px at a border are without any; a step of 42.86 px" in case.message
    assert (case.where.level, case.value, case.bound) == (0, 105, 30)


# PRI009, PRI010, PRI016


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((424, 424), None),
        (
            (425, 425),
            "425 x 425 px, so IoU 0.50 at most with an object in the image; 25 priors of level 1 (5 x 5) are too",
        ),
        ((600, 300), None),
        ((601, 300), "601 x 300 px, so IoU 0.50 at most"),
        ((300, 900), "300 x 900 px, so IoU 0.33 at most"),
        ((1200, 150), "1200 x 150 px, so IoU 0.25 at most"),
        # As small as can be.
        ((1e-5, 1e-5), None),
    ],
)
def test_priors_too_large(shape: tuple[float, float], words: str | None, make: Make, cases: Cases) -> None:
    for order in PriorOrder:
        made = make(FINE, (5, 5, 60.0, ((180, 180), shape)), order=order)
        found = cases(made, "PRI009")
        assert bool(found) is (words is not None)
        if words:
            assert found[0].message.startswith(words)
            assert found[0].bound == 0.5
            first = 200 + (1 if order is PriorOrder.CELL else 25)
            assert found[0].where.prior == first


@pytest.mark.parametrize(
    ("levels", "named", "words"),
    [
        ([(64, 90), (45, 63)], 1, "its priors are 45 to 63 px large, those of the finer level 0 64 to 90 px"),
        ([(64, 90), (63.9, 89.9)], None, ""),
        ([(64, 90), (63, 95)], None, ""),
        ([(64, 90), (70, 88)], None, ""),
        # The third is larger than both: the second is out of line.
        ([(64, 90), (45, 63), (128, 180)], 1, "those of the finer level 0"),
        # The second and third grow once the first is left out.
        (
            [(128, 180), (64, 90), (100, 120)],
            0,
            "its priors are 128 to 180 px large, those of the coarser level 1 64 to",
        ),
        ([(30, 40), (128, 180), (64, 90), (150, 200)], 2, "those of the finer level 1 128 to 180 px"),
        ([(30, 40), (128, 180), (64, 90), (100, 120)], 1, "those of the coarser level 2 64 to 90 px"),
        ([(70, 80), (128, 180), (64, 75), (100, 120)], 2, "those of the finer level 1 128 to 180 px"),
    ],
)
def test_sizes_that_shrink(
    levels: list[tuple[float, float]], named: int | None, words: str, make: Make, cases: Cases
) -> None:
    cells = (12, 10, 6, 5)
    made = make(
        *((cells[place], cells[place], 300 / cells[place], squares(*sides)) for place, sides in enumerate(levels))
    )
    found = cases(made, "PRI010")
    assert [case.where.level for case in found] == ([] if named is None else [named])
    if found:
        assert words in found[0].message
        low, other = levels[named or 0][0], found[0].bound
        assert found[0].value == low
        assert other in [sides[0] for place, sides in enumerate(levels) if place != named]


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ((29.9, 10), "its largest prior is 29.9 px large, and they stand 60 px apart"),
        ((30, 10), None),
        ((31, 10), None),
    ],
)
def test_priors_far_smaller_than_their_step(
    sides: tuple[float, ...], words: str | None, make: Make, cases: Cases
) -> None:
    found = cases(make((5, 5, 60.0, squares(*sides))), "PRI016")
    assert [case.message for case in found] == ([words] if words else [])
    if found:
        assert (found[0].value, found[0].bound, found[0].where.level) == (round(sides[0] / 60, 3), 0.5, 0)


# PRI008, PRI014


@pytest.mark.parametrize(
    ("cells", "size", "fires"),
    [
        ((20, 10), (300, 600), True),
        ((10, 20), (300, 600), False),
        ((20, 10), (300, 300), False),
        ((15, 10), (300, 600), False),
        ((10, 10), (300, 600), False),
        # Cells are rounded, by one over the fewer of them at most.
        ((20, 19), (300, 290), False),
        ((11, 10), (300, 310), True),
        ((6, 5), (300, 360), True),
        ((6, 5), (300, 400), True),
    ],
)
def test_columns_and_rows_exchanged(
    cells: tuple[int, int], size: tuple[int, int], fires: bool, make: Make, cases: Cases
) -> None:
    made = make((*cells, 30.0, squares(90, 64)), size=size)
    found = cases(made, "PRI008")
    assert bool(found) is fires
    if fires:
        columns, rows = cells
        width, height = size
        assert found[0].message == (
            f"its {columns} x {rows} cells fit an input of {height} x {width}, and not of {width} x {height}"
        )
        assert (found[0].value, found[0].bound) == (f"{columns} x {rows}", f"{rows} x {columns}")


@pytest.mark.parametrize(
    ("cells", "fires"), [((2, 2), True), ((1, 2), False), ((2, 1), False), ((3, 2), True), ((1, 5), False)]
)
def test_cells_column_by_column(cells: tuple[int, int], fires: bool, make: Make, cases: Cases) -> None:
    """Each column then looks like a level of its own, of one column; a single one is such a level."""
    columns, rows = cells
    shapes = squares(90, 64)
    swapped = make((*cells, 30.0, shapes))
    boxes = swapped.boxes.reshape(rows, columns, 2, 4).swapaxes(0, 1).reshape(-1, 4)
    specs = (LevelSpec((1, rows), (30.0, 30.0), shapes),) * columns
    config = replace(swapped.config, levels=tuple(spec.feature_map for spec in specs))
    found = cases(replace(swapped, boxes=boxes, levels=specs, config=config), "PRI008")
    assert bool(found) is fires
    assert not fires or found[0].message == "every x stays while y runs down the whole image: y comes before x"


@pytest.mark.parametrize(
    ("size", "shape", "words"),
    [
        ((450, 300), (90, 60), "widths are divided by 1.5 (one size for both)"),
        ((450, 300), (135, 60), "widths are divided by 2.25 (swapped sides)"),
        ((450, 300), (91.7, 60), "widths are divided by 1.5 (one size for both)"),
        ((450, 300), (92, 60), None),
        ((450, 300), (60, 60), None),
        ((300, 450), (60, 90), "widths are divided by 0.667 (one size for both)"),
        # A whole number may be a ratio that people choose.
        ((600, 300), (120, 60), None),
        ((610, 300), (122, 60), None),
        ((620, 300), (124, 60), "widths are divided by 2.07 (one size for both)"),
    ],
)
def test_stretched_shapes(
    size: tuple[int, int], shape: tuple[float, float], words: str | None, make: Make, told: Told
) -> None:
    """A square that is one up to 0.02 once widths are divided."""
    other = (200.0, 33.0)
    made = make((size[0] // 30, size[1] // 30, 30.0, (shape, other)), size=size)
    messages = told(made, "PRI014")
    assert bool(messages) is (words is not None)
    assert not words or words in messages[0]
    square = make((size[0] // 30, size[1] // 30, 30.0, (shape, other, (60, 60))), size=size)
    assert not told(square, "PRI014")


# PRI006


@pytest.mark.parametrize(
    ("level", "fires"),
    [
        # A shape that is larger than the image.
        ((5, 5, 60.0, ((301, 180),)), True),
        ((5, 5, 60.0, ((300, 180),)), False),
        # One exactly as wide, and the same one turned exactly as high.
        ((5, 5, 60.0, ((300, 180), (180, 300))), True),
        ((5, 5, 60.0, ((300, 180), (170, 300))), False),
        ((5, 5, 60.0, ((300, 300), (180, 127))), False),
    ],
)
def test_priors_that_were_clamped_as_centre_and_size(
    level: tuple[int, int, float, Shapes], fires: bool, make: Make, told: Told
) -> None:
    made = make(FINE, level)
    made = replace(made, boxes=np.where(made.boxes > 1, 1, made.boxes))
    messages = told(made, "PRI006")
    assert bool(messages) is fires
    if fires:
        corners = np.concatenate(
            (made.boxes[:, :2] - made.boxes[:, 2:] / 2, made.boxes[:, :2] + made.boxes[:, 2:] / 2), 1
        )
        number = int(((corners < -1e-6) | (corners > 1 + 1e-6)).any(1).sum())
        assert messages[0].startswith(f"{number} of {len(made.boxes)} priors reach over the border, though clamped to")
    assert not told(replace(made, config=replace(made.config, codebase="c")), "PRI006")


def test_a_centre_at_the_border_where_the_grid_goes_on(make: Make, told: Told) -> None:
    made = make((11, 11, 30.0, squares(90, 64)), COARSE)
    made = replace(made, boxes=made.boxes.clip(0, 1))
    assert told(made, "PRI006")
    inside = make(FINE, COARSE)
    inside.boxes[-1, 0] = 1
    assert not told(inside, "PRI006")


# PRI012, PRI013


def test_priors_of_another_number_of_classes(make: Make, told: Told) -> None:
    made = make(FINE, COARSE)
    own = replace(made, config=replace(made.config, codebase="c", name="ssd300-voc"))
    for classes, fires in ((20, True), (21, False), (22, True), (None, False)):
        messages = told(replace(own, classes=classes), "PRI012")
        assert (
            messages
            == [f"those of ssd300-voc, though ssd.pytorch itself takes ssd300-coco for {classes} classes"] * fires
        )
    coco = replace(own, config=replace(own.config, name="ssd300-coco"), classes=21)
    assert told(coco, "PRI012") == ["those of ssd300-coco, though ssd.pytorch itself takes ssd300-voc for 21 classes"]
    assert not told(replace(coco, config=replace(coco.config, codebase="")), "PRI012")
    assert not told(replace(coco, config=replace(coco.config, name="other")), "PRI012")


def test_priors_that_overrule_others(make: Make, cases: Cases) -> None:
    (case,) = cases(make(FINE, overruled="ssd300-coco", differing=7), "PRI013")
    assert case.message == "7 of 200 priors differ from those that the predictions were saved with, ssd300-coco"
    assert (case.value, case.bound) == (7, 0)


def test_corners(make: Make, cases: Cases) -> None:
    (case,) = cases(make(FINE, grid_of_corners=True), "PRI015")
    assert (case.value, case.bound) == ("xyxy", "cxcywh")
