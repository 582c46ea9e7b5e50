"""All that is said to explain a number of predictions: to the word, and by arithmetic on the words."""

from __future__ import annotations

import re

import pytest

from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.prior_gap import explain_count
from ssdlossdbg.rules import LevelSpec

# SSD300 has 38*38*4 + 19*19*6 + 10*10*6 + 5*5*6 + 3*3*4 + 1*1*4 = 8732 priors.
SIDES, SHAPES = (38, 19, 10, 5, 3, 1), (4, 6, 6, 6, 4, 4)
RATIO = "as by 1 aspect ratio and its reciprocal: "
MAPS = "feature maps of 38 x 29, 19 x 15, 10 x 8, 5 x 4 cells"
# Inputs that people use, as the configs of SSD's codebases and of its kin have them.
USUAL = [224, 256, 288, 320, 352, 384, 400, 416, 448, 480, 500, 512, 544]
USUAL += [576, 600, 608, 640, 700, 768, 800, 896, 960, 1000, 1024, 1280]
RATIOS = "as by 2 aspect ratios and their reciprocals: "


def explained(predicted: int, name: str = "ssd300") -> list[str]:
    priors = load_priors(name).priors
    return explain_count(priors.levels, priors.image_size, predicted)


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (-4 * 38**2, ["The predictions lack as many as level 0 (38 x 38) has: is that level left out of the head?"]),
        (-4, ["The predictions lack as many as level 5 (1 x 1) has: is that level left out of the head?"]),
        (-40, ["The predictions lack as many as levels 4 and 5 have: are those left out of the head?"]),
        (-190, ["The predictions lack as many as levels 3, 4 and 5 have: are those left out of the head?"]),
        (-5776 - 2166, ["The predictions lack as many as levels 0 and 1 have: are those left out of the head?"]),
        (-600 - 150, []),
        (4 * 37**2 - 4 * 38**2, ["A feature map of 37 x 37 cells in level 0 (38 x 38) would explain it."]),
        (4 * 36**2 - 4 * 38**2, ["A feature map of 36 x 36 cells in level 0 (38 x 38) would explain it."]),
        (4 * 35**2 - 4 * 38**2, []),
        (4 * 40**2 - 4 * 38**2, ["A feature map of 40 x 40 cells in level 0 (38 x 38) would explain it."]),
        (4 * 41**2 - 4 * 38**2, []),
        (6 * 18**2 - 6 * 19**2, ["A feature map of 18 x 18 cells in level 1 (19 x 19) would explain it."]),
        (2 * 38**2, ["6 instead of 4 shapes a cell in level 0 (38 x 38) would explain it."]),
        (4 * 38**2, ["8 instead of 4 shapes a cell in level 0 (38 x 38) would explain it."]),
        (-3 * 38**2, ["1 instead of 4 shapes a cell in level 0 (38 x 38) would explain it."]),
        (3 * 361, ["9 instead of 6 shapes a cell in level 1 (19 x 19) would explain it."]),
        (6 * 361, ["12 instead of 6 shapes a cell in level 1 (19 x 19) would explain it."]),
        (7 * 361, []),
        (
            -100,
            [
                "5 instead of 6 shapes a cell in level 2 (10 x 10) would explain it.",
                "2 instead of 6 shapes a cell in level 3 (5 x 5) would explain it.",
            ],
        ),
        (
            -5 * 361,
            [
                "1 instead of 6 shapes a cell in level 1 (19 x 19) would explain it.",
                "1 shape fewer a cell on levels 0 and 1 would explain it: shapes of 3, 5 entries.",
            ],
        ),
        (2, ["6 instead of 4 shapes a cell in level 5 (1 x 1) would explain it."]),
        (-2, ["2 instead of 4 shapes a cell in level 5 (1 x 1) would explain it."]),
        (1, []),
        (-1, []),
        (3, []),
        (6, ["A level more after the last, 1 x 1 cells of 6 shapes, would explain it."]),
        (
            361 + 100 + 25,
            ["1 shape more a cell on levels 1, 2 and 3 would explain it: shapes of 7, 7, 7 entries."],
        ),
        (
            2 * (361 + 100 + 25),
            [f"2 shapes more a cell on levels 1, 2 and 3 would explain it, {RATIO}shapes of 8, 8, 8 entries."],
        ),
        (1940, ["1 shape more a cell on every level would explain it: shapes of 5, 7, 7, 7, 5, 5 entries."]),
        (-1940, ["1 shape fewer a cell on every level would explain it: shapes of 3, 5, 5, 5, 3, 3 entries."]),
        (
            2 * 1940,
            [f"2 shapes more a cell on every level would explain it, {RATIO}shapes of 6, 8, 8, 8, 6, 6 entries."],
        ),
        (-3 * 1940, ["3 shapes fewer a cell on every level would explain it: shapes of 1, 3, 3, 3, 1, 1 entries."]),
        (
            4 * 1940,
            [f"4 shapes more a cell on every level would explain it, {RATIOS}shapes of 8, 10, 10, 10, 8, 8 entries."],
        ),
    ],
)
def test_what_explains_a_gap(gap: int, said: list[str]) -> None:
    assert explained(8732 + gap) == said


@pytest.mark.parametrize(
    ("name", "predicted", "said"),
    [
        ("lufficc-mobilenet320", 3234 + 6, ["A level more after the last, 1 x 1 cells of 6 shapes, would explain it."]),
        ("lufficc-mobilenet320", 3234 + 24, ["12 instead of 6 shapes a cell in level 4 (2 x 2) would explain it."]),
        ("lufficc-mobilenet320", 3234 + 1, []),
        (
            "linzaer-face-320",
            3 * 38 * 29 + 2 * 19 * 15 + 2 * 10 * 8 + 3 * 5 * 4,
            [f"The same shapes on an input of 300 x 225 ({MAPS}) would explain it: image_size and feature_map so."],
        ),
        (
            "linzaer-face-320",
            4420 - 3600,
            ["The predictions lack as many as level 0 (40 x 30) has: is that level left out of the head?"],
        ),
    ],
)
def test_what_explains_a_number(name: str, predicted: int, said: list[str]) -> None:
    assert explained(predicted, name) == said


@pytest.mark.parametrize("size", USUAL)
def test_another_input(size: int) -> None:
    """By the layers of SSD300: halved down once, then up, five times more; and less two twice."""

    def up(side: int) -> int:
        return (side + 1) // 2

    first = up(up(size // 2))
    maps = [first, up(first), up(up(first)), up(up(up(first)))]
    maps += [maps[3] - 2, maps[3] - 4]
    count = sum(shapes * side**2 for shapes, side in zip(SHAPES, maps, strict=True))
    said = explained(count)
    if min(maps) < 1:  # 224 to 256: no cell is left of the last map
        assert not any(f"an input of {size} x {size}" in words for words in said)
        return
    assert said[0] == (
        f"The same shapes on an input of {size} x {size} (feature maps of {', '.join(map(str, maps))} cells) would "
        f"explain it: image_size = {size}, and feature_map of each level so, with a stride of image_size / feature_map."
    )


@pytest.mark.parametrize(("size", "told"), [(63, False), (64, True), (1600, True), (1601, False)])
def test_inputs_from_64_to_1600_pixels_are_tried(size: int, told: bool) -> None:
    """Of two maps, of an eighth and a sixteenth."""
    levels = [LevelSpec((cells, cells), (1.0, 1.0), ((1.0, 1.0),) * 3) for cells in (38, 19)]
    first = -(-size // 8)
    said = explain_count(levels, (300, 300), 3 * (first**2 + (-(-first // 2)) ** 2))
    assert any(f"on an input of {size} x {size} " in words for words in said) is told


def own(cells: int, *shapes: int) -> list[LevelSpec]:
    """Levels of square maps, the first of so many cells a side, each other of one less, with so many shapes a cell."""
    return [LevelSpec((cells - place,) * 2, (1.0, 1.0), ((1.0, 1.0),) * number) for place, number in enumerate(shapes)]


@pytest.mark.parametrize(("shapes", "most"), [(1, 2), (2, 4), (3, 6), (4, 6)])
def test_as_many_shapes_more_as_twice_those_there_are(shapes: int, most: int) -> None:
    """And no more than six."""
    levels = own(97, shapes)
    for more in range(1, 9):
        said = explain_count(levels, (101, 101), (shapes + more) * 97**2)
        sentence = f"{shapes + more} instead of {shapes} shapes a cell in level 0 (97 x 97) would explain it."
        assert (sentence in said) is (more <= most)


def test_two_shapes_more_on_two_levels_are_simpler_than_three_on_one() -> None:
    """A ratio comes with its reciprocal."""
    levels = [LevelSpec(cells, (1.0, 1.0), ((1.0, 1.0),) * 4) for cells in ((6, 6), (6, 5), (6, 4))]
    assert explain_count(levels, (101, 101), 4 * (36 + 30 + 24) + 3 * 36) == [
        f"2 shapes more a cell on levels 1 and 2 would explain it, {RATIO}shapes of 6, 6 entries.",
        "7 instead of 4 shapes a cell in level 0 (6 x 6) would explain it.",
    ]


def test_a_map_of_another_size_and_a_shape_more_elsewhere_are_about_as_simple() -> None:
    """5 x 5 cells for 4 x 4 are nine more, and so is one in each of 3 x 3."""
    levels = [LevelSpec((side, side), (1.0, 1.0), ((1.0, 1.0),) * number) for side, number in ((4, 1), (3, 2))]
    assert explain_count(levels, (101, 101), 16 + 18 + 9) == [
        "A feature map of 5 x 5 cells in level 0 (4 x 4) would explain it.",
        "3 instead of 2 shapes a cell in level 1 (3 x 3) would explain it.",
    ]


@pytest.mark.parametrize("levels", [10, 11])
def test_of_many_levels_one_or_all_are_tried_alone(levels: int) -> None:
    """Two of eleven are too many ways."""
    specs = own(60, *[4] * levels)
    count, cells = sum(spec.count for spec in specs), [spec.cells for spec in specs]
    one, two, every = cells[3], cells[2] + cells[6], sum(cells)
    said = [" ".join(explain_count(specs, (61, 61), count + gap)) for gap in (one, two, every)]
    assert "5 instead of 4 shapes a cell in level 3 (57 x 57) would explain it." in said[0]
    assert ("on levels 2 and 6 would explain it" in said[1]) is (levels == 10)
    assert "1 shape more a cell on every level would explain it" in said[2]


@pytest.mark.parametrize(
    ("predicted", "words"),
    [
        (20664, "The shapes of rykov8-ssd300 on an input of 512 x 512 (feature maps of 64, 32, 16, 8, 6, 4 cells)"),
        (12824, "The shapes of rfbnet-ssd512-voc on an input of 320 x 320 (feature maps of 40, 20, 10, 5, 3, 2, 1"),
    ],
)
def test_a_grid_of_several_presets_has_its_shortest_name(predicted: int, words: str) -> None:
    """Those of caffe-ssd300-resnet and rykov8-ssd300 are the same, and the last in the alphabet stands for its kind."""
    (said,) = explained(predicted, "retinaface-640")
    assert said.startswith(words)


def test_shapes_of_a_preset_are_likelier_than_an_oblong_input() -> None:
    """Of 18,246 both would explain it; of 1,730 the least likely maps of a preset alone, which are no explanation."""
    (said,) = explained(18_246)
    assert said.startswith("The shapes of rykov8-ssd300 on an input of 480 x 480 (")
    assert explained(1_730) == []


def test_no_input_has_a_map_of_less_than_a_cell() -> None:
    """One of 300 x 150 would have a last map of 2 x -1 cells, as convolutions without padding go on, for 4,422."""
    sides = ((75, 38), (38, 19), (19, 10), (10, 5), (5, 3), (3, 1))
    levels = [
        LevelSpec((columns, rows), (600 / columns, 300 / rows), tuple((10.0 + shape, 10.0) for shape in range(shapes)))
        for (columns, rows), shapes in zip(sides, SHAPES, strict=True)
    ]
    assert explain_count(levels, (600, 300), 4_422) == []


def count_of(words: str) -> int:
    """What the priors come to if it is as a sentence has it."""
    sides, shapes = list(SIDES), list(SHAPES)
    if found := re.search(r"lack as many as levels? ([\d, and]+)", words):
        gone = {int(number) for number in re.findall(r"\d+", found[1])}
        return sum(shapes[i] * sides[i] ** 2 for i in range(6) if i not in gone)
    if found := re.search(r"A feature map of (\d+) x \d+ cells in level (\d)", words):
        sides[int(found[2])] = int(found[1])
    elif found := re.search(r"(\d+) instead of (\d+) shapes a cell in level (\d)", words):
        assert shapes[int(found[3])] == int(found[2])
        shapes[int(found[3])] = int(found[1])
    elif found := re.search(r"(\d+) shapes? (more|fewer) a cell on (?:levels ([\d, and]+)|every level)", words):
        more = int(found[1]) * (1 if found[2] == "more" else -1)
        chosen = [int(number) for number in re.findall(r"\d+", found[3])] if found[3] else range(6)
        shapes = [number + more * (place in chosen) for place, number in enumerate(shapes)]
        listed = re.search(r"shapes of ([\d, ]+) entries", words)
        assert listed
        assert [int(each) for each in listed[1].split(", ")] == [shapes[place] for place in chosen]
    elif found := re.search(r"A level more (?:after the last|before the first), (\d+) x \d+ cells of (\d+)", words):
        sides, shapes = [*sides, int(found[1])], [*shapes, int(found[2])]
    elif found := re.search(r"(?:feature maps of|rounded down,) ([\d, ]+) cells", words):
        sides = [int(each) for each in found[1].split(", ")]
    return sum(number * side**2 for number, side in zip(shapes, sides, strict=True))


@pytest.mark.parametrize("step", [37, 361])
def test_what_is_said_comes_to_the_number(step: int) -> None:
    predicted = [8732 + step * number for number in range(-5, 6) if number]
    told = [(number, words) for number in predicted for words in explained(number) if " x " not in words[:60]]
    assert [(number, words) for number, words in told if count_of(words) != number] == []
