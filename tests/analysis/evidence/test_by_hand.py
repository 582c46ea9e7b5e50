"""Small pieces of the evidence, each against a few lines that go through the objects one by one."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from ssdlossdbg.analysis.audit.tallies import (
    ASPECTS,
    TALLIED,
    THRESHOLDS,
    by_aspect,
    by_class,
    by_size,
    outcomes,
    recalls,
    total,
)
from ssdlossdbg.analysis.common import box_problem, class_name, resolve_device, to_pixels
from ssdlossdbg.analysis.evidence.class_use import describe_classes
from ssdlossdbg.analysis.evidence.encoded_table import _Recovered, _split
from ssdlossdbg.analysis.evidence.fates import Fates, fill_in, no_fates, shape_iou
from ssdlossdbg.analysis.evidence.hypotheses.labels import probabilities
from ssdlossdbg.analysis.evidence.hypotheses.offsets import _boxes
from ssdlossdbg.analysis.evidence.hypotheses.scenes import _assign, _moves, _which
from ssdlossdbg.analysis.evidence.readings import Positives
from ssdlossdbg.analysis.evidence.spoilt import spoilt
from ssdlossdbg.analysis.size_ranges import size_edges, size_names
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.dialects import load_dialect

INF, NAN = math.inf, math.nan


def test_the_pattern_of_what_is_not_finite() -> None:
    random = np.random.default_rng(0)
    for _ in range(10):
        odd = random.choice([0.0, 0, 0, 0, 0, INF, -INF, NAN], (3, 5, 7))
        loc, conf = torch.from_numpy(odd[..., :4]), torch.from_numpy(odd[..., 4:])
        found = spoilt(loc, conf)
        assert found.coordinates == tuple(int((~np.isfinite(odd[..., axis])).sum()) for axis in range(4))
        assert found.logits == sum(not math.isfinite(value) for value in odd[..., 4:].flat)
        assert found.infinite == sum(math.isinf(value) for value in odd.flat)
        assert found.priors == sum(not np.isfinite(row).all() for row in odd.reshape(15, 7))
        assert found.images == sum(not np.isfinite(image).all() for image in odd)
        assert (found.offsets_in_all, found.logits_in_all) == (15, 45)


# Images in another order


@pytest.mark.parametrize(
    ("means", "source"),
    [
        ([[0.8, 0.1], [0.1, 0.8]], [0, 1]),
        ([[0.1, 0.8], [0.8, 0.1]], [1, 0]),
        # The predictions of an image, the row, meet the objects of the next one.
        ([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], [2, 0, 1]),
        # Not clearly better than its own.
        ([[0.5, 0.59], [0.59, 0.5]], [0, 1]),
        ([[0.5, 0.61], [0.61, 0.5]], [1, 0]),
        # Images without objects keep their own, or what is left, and are not told of.
        ([[0.1, NAN, 0.8], [0.1, NAN, 0.1], [0.8, NAN, 0.1]], [2, 1, 0]),
        ([[0.1, NAN, 0.1], [0.8, NAN, 0.1], [0.1, NAN, 0.8]], [1, 1, 2]),
        # What meets nothing belongs to nothing.
        ([[0.0, 0.0], [0.0, 0.0]], [0, 1]),
        ([[0.0, 0.7, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.3]], [1, 0, 2]),
    ],
)
def test_whose_predictions_are_whose(means: list[list[float]], source: list[int]) -> None:
    assert _assign(torch.tensor(means, dtype=torch.float64)) == source


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ([1, 0, 2], "images 0 and 1 exchanged"),
        ([0, 2, 1], "images 1 and 2 exchanged"),
        ([1, 1, 2], "the predictions of image 1 for 0"),
        ([1, 2, 0], "the predictions of image 1 for 0, 2 for 1, 0 for 2"),
        ([1, 2, 3, 4, 5, 0], "the predictions of image 1 for 0, 2 for 1, 3 for 2, 4 for 3, 5 for 4, 0 for 5"),
        (
            [1, 2, 3, 4, 5, 6, 7, 0],
            "the predictions of image 1 for 0, 2 for 1, 3 for 2, 4 for 3, 5 for 4, 6 for 5 and 2 more",
        ),
    ],
)
def test_moves_in_words(source: list[int], words: str) -> None:
    assert _moves(source, [image for image, other in enumerate(source) if image != other]) == words


@pytest.mark.parametrize(
    ("images", "number", "alike", "words"),
    [
        ([0, 1, 2], 3, True, "all images"),
        ([0], 1, False, "the image"),
        ([4], 3, False, "image 4"),
        ([1, 4], 3, False, "images 1, 4"),
        ([1, 4], 3, True, "all images that tell it (1, 4)"),
        ([0, 1, 2, 3, 4, 5], 9, False, "images 0, 1, 2, 3, 4, 5"),
        ([0, 1, 2, 3, 4, 5, 6, 7], 9, False, "images 0, 1, 2, 3, 4, 5 and 2 more"),
        ([0, 1, 2, 3, 4, 5, 6], 9, True, "all images that tell it (0, 1, 2, 3, 4, 5 and 1 more)"),
    ],
)
def test_images_in_words(images: list[int], number: int, alike: bool, words: str) -> None:
    assert _which(images, number, alike) == words


# What the logits are


def logits(number: int, **changes: float) -> Tensor:
    """Numbers from 0 to 1 of three classes that do not add up to 1."""
    values = torch.linspace(0.01, 0.9, number * 3).reshape(1, number, 3)
    for place, value in changes.items():
        values[0, int(place[1:]), 0] = value
    return values


@pytest.mark.parametrize(
    ("conf", "kind"),
    [
        (torch.tensor([[[0.2, 0.3, 0.5]]]), "softmax"),
        (torch.tensor([[[0.2, 0.3, 0.504]]]), "softmax"),
        (torch.tensor([[[0.2, 0.3, 0.506]]]), ""),
        (torch.tensor([[[0.0, 0.0, 1.0]]]), "softmax"),
        (torch.tensor([[[-0.1, 0.6, 0.5]]]), ""),
        (torch.tensor([[[1.0]]]), ""),
        (logits(334), "sigmoid"),
        (logits(333), ""),
        (logits(400, p100=1.0), "sigmoid"),
        (logits(400, p100=1.01), ""),
        (logits(400, p0=-0.01), ""),
        (logits(400, p399=1.01), ""),
        # Rectified numbers are often exactly 0, and those that are all the same are none.
        (torch.where(torch.arange(3000).reshape(1, 1000, 3) % 100 < 19, 0.0, 0.7), "sigmoid"),
        (torch.where(torch.arange(3000).reshape(1, 1000, 3) % 100 < 20, 0.0, 0.7), ""),
        (torch.full((1, 1000, 3), 0.7), ""),
    ],
)
def test_which_function_gave_the_scores(conf: Tensor, kind: str) -> None:
    assert probabilities(conf) == kind


# Objects


def test_what_became_of_some_objects_among_more() -> None:
    columns = no_fates(5)
    rows = torch.tensor([3, 0, 4])
    values = {name: torch.tensor([10, 20, 30]) for name in columns}
    values["lost_to"] = torch.tensor([-1, 2, 0])
    fill_in(columns, rows, Fates(**values))
    assert columns["lost_to"].tolist() == [4, 0, 0, -1, 3]
    assert columns["positives"].tolist() == [20, 0, 0, 10, 30]
    assert columns["best_iou"].dtype == columns["target"].dtype == torch.float64
    assert columns["best_prior"].dtype == columns["near_ties"].dtype == torch.int64


def test_overlap_of_shapes_that_share_a_centre() -> None:
    shapes = torch.tensor([[0.2, 0.2], [0.4, 0.1]], dtype=torch.float64)
    boxes = torch.tensor([[0.0, 0.0, 0.2, 0.1], [0.5, 0.5, 0.5, 0.9], [0.5, 0.5, 0.4, 0.9]])
    assert shape_iou(boxes, shapes).tolist() == pytest.approx([0.5, 0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((1, 2, 3, 4), None),
        ((1, 2, 1, 4), "zero width"),
        ((1, 2, 3, 2), "zero height"),
        ((1, 2, 1, 2), "zero width and height"),
        ((3, 2, 1, 4), "inverted, xmin > xmax"),
        ((1, 4, 3, 2), "inverted, ymin > ymax"),
        ((3, 4, 1, 2), "inverted, xmin > xmax and ymin > ymax"),
        ((3, 2, 1, 2), "inverted, xmin > xmax"),
        ((1, 2, INF, 4), "not finite"),
        ((NAN, 2, 3, 4), "not finite"),
    ],
)
def test_problems_of_boxes(box: tuple[float, float, float, float], words: str | None) -> None:
    assert box_problem(box) == words


def test_pixels_and_names() -> None:
    assert to_pixels([0.1, 0.2, 0.5, 1.0], (200, 100)) == pytest.approx((20, 20, 100, 100))
    assert [class_name(column, ("cat", "dog")) for column in range(4)] == ["background", "cat", "dog", "class 3"]


@pytest.mark.parametrize("name", ["gpu", "cpu:0", "cuda:x", "cuda:-1", "mps:0", "cuda:²", ""])
def test_devices_that_are_none(name: str) -> None:
    with pytest.raises(InputError, match="device"):
        resolve_device(name)


# Counts


@pytest.mark.parametrize(
    ("size", "edges"),
    [
        ((300, 300), (0, 8, 16, 32, 64, 128, 256, INF)),
        ((256, 100), (0, 8, 16, 32, 64, 128, INF)),
        ((100, 257), (0, 8, 16, 32, 64, 128, 256, INF)),
        ((16, 16), (0, 8, INF)),
        ((10, 3), (0, 8, INF)),
        ((17, 17), (0, 8, 16, INF)),
    ],
)
def test_ranges_of_sizes(size: tuple[int, int], edges: tuple[float, ...]) -> None:
    assert size_edges(size) == edges
    names = size_names(edges)
    assert names[0] == "under 8"
    assert names[-1] == f"{edges[-2]:g} and more"
    assert names[1:-1] == [f"{low:g} to {high:g}" for low, high in pairwise(edges[1:-1])]


def table(seed: int, dialect: str) -> tuple[Any, list[dict[str, Any]]]:
    """Forty objects, as `outcomes` takes them and one by one."""
    random = np.random.default_rng(seed)
    low = random.uniform(0, 0.5, (40, 2))
    sides = random.choice([0.01, 7.9 / 300, 8.1 / 300, 0.2, 0.31, 0.45, 0, -0.1, NAN], (40, 2))
    boxes, class_id = np.concatenate((low, low + sides), axis=1), random.integers(1, 4, 40)
    positives = random.integers(0, 4, 40)
    columns = {
        "positives": positives,
        "forced": np.minimum(positives, random.integers(0, 3, 40)),
        "best_iou": np.float32(random.choice([0.3, 0.35, 0.5, 0.55, 0.9, 0.2], 40)).astype(float),
        "shape_iou": np.float32(random.choice([0.3, 0.5, 0.6, 0.95], 40)).astype(float),
    }
    rules = load_dialect(dialect).match
    made = outcomes(boxes, class_id, columns, (300, 300), rules)
    items = [
        {
            "width": (box[2] - box[0]) * 300,
            "height": (box[3] - box[1]) * 300,
            "class": int(kind),
            **{name: column[place] for name, column in columns.items()},
        }
        for place, (box, kind) in enumerate(zip(boxes, class_id, strict=True))
    ]
    for item in items:
        item["valid"] = item["width"] > 0 and item["height"] > 0
    return made, items


def counted(items: list[dict[str, Any]], threshold: float) -> dict[str, int]:
    """What a tally says of some objects."""
    sound = [item for item in items if item["valid"]]
    return {
        "ground_truth": len(items),
        "matched": sum(item["positives"] > item["forced"] for item in sound),
        "forced_only": sum(item["positives"] == item["forced"] > 0 for item in sound),
        "without_positive": sum(item["positives"] == 0 for item in sound),
        "invalid": len(items) - len(sound),
        "unmatched": sum(item["positives"] == 0 for item in items),
        "positives": sum(int(item["positives"]) for item in items),
        "forced": sum(int(item["forced"]) for item in items),
        "reached": sum(item["best_iou"] >= threshold for item in sound),
        "shape_reached": sum(item["shape_iou"] >= threshold for item in sound),
    }


@pytest.mark.parametrize("seed", range(4))
def test_tallies_against_counting_one_by_one(seed: int) -> None:
    made, items = table(seed, "ssd.pytorch")

    def shown(tally: Any) -> dict[str, int]:
        return {name: getattr(tally, name) for name in TALLIED}

    assert shown(total(made)) == counted(items, 0.5)
    classes = by_class(made, ["a", "b", "c", "d"])
    assert [group.name for group in classes] == [
        name for kind, name in enumerate("abcd", 1) if any(item["class"] == kind for item in items)
    ]
    for group in classes:
        own = [item for item in items if "-abcd"[item["class"]] == group.name]
        assert shown(group.tally) == counted(own, 0.5)
        sound = [item for item in own if item["valid"]]
        shares = [sum(item["best_iou"] >= np.float32(each) for item in sound) / len(sound) for each in THRESHOLDS]
        assert group.recalls == pytest.approx(shares)
    for groups, measure in (
        (by_size(made, (300, 300)), lambda item: math.sqrt(item["width"] * item["height"])),
        (by_aspect(made), lambda item: item["width"] / item["height"]),
    ):
        for group in groups:
            low, high = group.low or 0.0, INF if group.high is None else group.high
            own = [item for item in items if item["valid"] and low <= measure(item) < high]
            assert shown(group.tally) == counted(own, 0.5)
    sound = [item for item in items if item["valid"]]
    for each in recalls(made):
        assert each.grid == pytest.approx(
            sum(item["best_iou"] >= np.float32(each.threshold) for item in sound) / len(sound)
        )
        assert each.shape == pytest.approx(
            sum(item["shape_iou"] >= np.float32(each.threshold) for item in sound) / len(sound)
        )


def test_thresholds_and_aspects() -> None:
    assert THRESHOLDS == (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
    assert ASPECTS == (0, 1 / 3, 2 / 3, 3 / 2, 3, INF)


@pytest.mark.parametrize(
    ("width", "height", "size", "aspect"),
    [
        (8, 8, "8 to 16", "2:3 to 3:2"),
        (4, 8, "under 8", "1:3 to 2:3"),
        (16, 16, "16 to 32", "2:3 to 3:2"),
        (128, 128, "128 and more", "2:3 to 3:2"),
        (24, 16, "16 to 32", "3:2 to 3:1"),
        (24, 8, "8 to 16", "3:1 and wider"),
        (8, 32, "16 to 32", "1:3 and taller"),
    ],
)
def test_a_range_begins_at_its_lower_end(width: int, height: int, size: str, aspect: str) -> None:
    """Of an input of 256 pixels, whose parts floats hold to the last digit."""
    boxes, one = np.array([[0, 0, width / 256, height / 256]]), np.ones(1, dtype=int)
    columns = {"positives": one, "forced": one, "best_iou": 0.6 * one, "shape_iou": 0.6 * one}
    made = outcomes(boxes, one, columns, (256, 256), load_dialect("ssd.pytorch").match)
    assert [group.name for group in by_size(made, (256, 256)) if group.tally.ground_truth] == [size]
    assert [group.name for group in by_aspect(made) if group.tally.ground_truth] == [aspect]


# Objects that recovered boxes fall apart into


@pytest.mark.parametrize(
    ("second", "split"),
    [
        ({}, True),
        ({"label": 2}, False),
        ({"image": 1}, False),
        ({"box": (0.3, 0.1, 0.7, 0.5)}, False),
        # Of 0.4 x 0.4 that are moved by 0.1, three fifths are shared to the last bit.
        ({"box": (0.201, 0.1, 0.601, 0.5)}, False),
        ({"box": (0.199, 0.1, 0.599, 0.5)}, True),
    ],
)
def test_objects_that_fell_apart(second: dict[str, Any], split: bool) -> None:
    """Two of the first object's positives, two of one beside it, two of a third, and one that is of none."""
    box, image, label = ((0.1, 0.1, 0.5, 0.5), 0, 1)
    beside = (second.get("box", (0.12, 0.1, 0.52, 0.5)), second.get("image", image), second.get("label", label))
    rows = (
        [(box, image, label)] * 2 + [beside] * 2 + [((0.6, 0.6, 0.9, 0.9), 0, 1)] * 2 + [((0.1, 0.1, 0.5, 0.5), 0, 1)]
    )
    boxes, images, labels = (np.array([row[place] for row in rows]) for place in range(3))
    found = _Recovered(boxes, np.array([0, 0, 1, 1, 2, 2, -1]), np.zeros(7), np.zeros(7))
    positives = Positives(images, labels, np.zeros((7, 4)), boxes, 0.0)
    assert _split(found, positives).tolist() == [split] * 4 + [False] * 3


# Numbers that may be boxes


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(0.2, 0.2, 0.5, 0.6)], {"(x1, y1, x2, y2) in fractions": (0.2, 0.2, 0.5, 0.6)}),
        # A box's right side is right of its left one, whatever its lower one is.
        ([(0.5, 0.2, 0.2, 0.6)], {}),
        ([(0.2, 0.6, 0.5, 0.4)], {}),
        ([(0.5, 0.2, 0.2, 0.6), (0.2, 0.2, 0.5, 0.6)], {}),
        (
            [(0.2, 0.2, 0.5, 0.6), (0.5, 0.2, 0.2, 0.6), (0.2, 0.2, 0.5, 0.6)],
            {"(x1, y1, x2, y2)": (0.2, 0.2, 0.5, 0.6)},
        ),
        ([(20.0, 10.0, 100.0, 50.0)], {"(x1, y1, x2, y2) in pixels": (0.1, 0.1, 0.5, 0.5)}),
        ([(0.2, 0.2, 0.5, -0.1)], {}),
    ],
)
def test_numbers_that_may_be_boxes(rows: list[Any], said: dict[str, tuple[float, ...]]) -> None:
    """Corners if most are; centre and size if most have a width and a height."""
    given = SimpleNamespace(priors=SimpleNamespace(image_size=(200, 100)))
    aims = SimpleNamespace(rows=torch.tensor(rows, dtype=torch.float64))
    found = {words: boxes[0].tolist() for words, boxes in _boxes(cast(Any, given), cast(Any, aims))}
    corners = {words: box for words, box in found.items() if words.startswith("(x1")}
    assert [words.startswith(start) for words, start in zip(corners, said, strict=True)] == [True] * len(said)
    for box, wanted in zip(corners.values(), said.values(), strict=True):
        assert box == pytest.approx(wanted)
    sized = [words for words in found if words.startswith("(cx")]
    assert bool(sized) is bool(np.mean([row[2] > 0 and row[3] > 0 for row in rows]) > 0.5)
    if sized:
        x, y, w, h = np.array(rows[0]) / ((200, 100) * 2 if "pixels" in sized[0] else 1)
        assert found[sized[0]] == pytest.approx([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


# Classes that are counted from 1


@pytest.mark.parametrize(
    ("labels", "from_1"),
    [
        # Of seven, four are most, the seventh among them; and 0 is not.
        ([1, 2, 3, 7], True),
        ([1, 2, 7], False),
        ([0, 1, 2, 7], False),
        ([1, 2, 3, 8], False),
        ([1, 2, 3, 7, 8], False),
        ([1, 2, 3, 4], False),
    ],
)
def test_numbers_that_count_from_1(labels: list[int], from_1: bool, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    path = tmp_path / "labels" / "a.txt"
    path.write_text("".join(f"{label} 0.5 0.5 0.1 0.1\n" for label in labels))
    found = describe_classes([load_dataset(path, tuple("abcdefg"))])
    assert found.counted_from_1 is from_1
    assert sum(found.counts.tolist()) == sum(label < 7 for label in labels)
