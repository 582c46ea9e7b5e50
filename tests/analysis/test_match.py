"""The match of one photo: the sample with its mistakes, and small photos worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssdlossdbg import api
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.match import THRESHOLDS, AnnotatedObjects, analyse_match
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.priors import Priors, generate_priors
from ssdlossdbg.readers.annotations import FORMATS, Dataset
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors
from ssdlossdbg.results import FORCED_ONLY, INVALID, MATCHED, UNMATCHED, LeftOut, MatchResult, Refusal
from ssdlossdbg.rules import LevelSpec, PriorSpec

SAMPLES = Path(__file__).parents[2] / "sample_data"
RULES = load_dialect("ssd.pytorch")
# 16 cells of 25 pixels, then 4 of 50, on an input of 100 x 100.
GRID = PriorSpec(
    (100, 100),
    (
        LevelSpec((4, 4), (25.0, 25.0), ((25.0, 25.0),)),
        LevelSpec((2, 2), (50.0, 50.0), ((50.0, 50.0), (50.0, 25.0))),
    ),
)
SMALL = NamedPriors(name="small", codebase="", priors=generate_priors(GRID, torch.float64))
Item = tuple[str, tuple[float, float, float, float], bool]


def sample(name: str, **options: Any) -> MatchResult:
    """The match of a sample photo."""
    return api.match(SAMPLES / f"{name}.jpg", SAMPLES / f"{name}.xml", device="cpu", **options)


def photo(*objects: Item, one_based: bool = False, **options: Any) -> MatchResult:
    """The match of a photo of 200 x 100 pixels, in the 100 x 100 pixels of the small grid."""
    labels, boxes, difficult = zip(*objects, strict=True) if objects else ((), (), ())
    dataset = Dataset(
        path=Path("p.xml"),
        format=replace(FORMATS["voc"], one_based=one_based),
        names=("p.jpg",),
        files=("p.xml",),
        sizes=np.array([[200, 100]]),
        image=np.zeros(len(objects), dtype=np.int64),
        index=np.arange(len(objects)),
        label=np.arange(len(objects)),
        labels=labels,
        boxes=np.asarray(boxes, dtype=np.float64).reshape(-1, 4),
        difficult=np.asarray(difficult, dtype=np.bool_),
        class_names=("a", "b"),
    )
    settings: dict[str, Any] = {"named": SMALL, "dialect": RULES, **options}
    source = AnnotatedObjects(dataset, (200, 100, 1))
    return analyse_match(Scene(Batch(settings["named"], "cpu", targets=source), settings["dialect"]), "p.jpg")


def test_the_sample_with_mistakes() -> None:
    found = sample("astronaut")
    rows = [(item.label, item.status, item.lost_to, item.problem) for item in found.ground_truth]
    assert rows == [
        ("person", MATCHED, None, None),
        ("emblem", MATCHED, None, None),
        ("emblem", INVALID, 4, "inverted, xmin > xmax"),
        ("emblem", MATCHED, None, None),
        ("emblem", INVALID, None, "zero width and height"),
        ("emblem", FORCED_ONLY, None, None),
    ]
    assert [item.positives for item in found.ground_truth] == [8, 9, 0, 1, 1, 1]
    assert [item.forced for item in found.ground_truth] == [0, 0, 0, 0, 1, 1]
    assert [item.class_id for item in found.ground_truth] == [2, 1, 1, 1, 1, 1]
    # The loader counts from 0: the large flag spans the rows 0 to 525 of 512.
    assert [item.outside for item in found.ground_truth] == pytest.approx([0, 0, 0, 13 / 525, 0, 0], abs=1e-9)
    totals = found.totals
    assert (totals.matched, totals.forced_only, totals.unmatched, totals.invalid) == (3, 1, 1, 2)
    assert (totals.without_positive, totals.positives, totals.forced, totals.negatives) == (0, 20, 2, 60)
    assert found.raises is None


def test_the_loader_counts_from_zero_and_the_input_is_300_pixels() -> None:
    person = sample("astronaut").ground_truth[0]
    assert person.box == (20, 16, 363, 512)
    assert person.input_box == pytest.approx([(v - 1) * 300 / 512 for v in person.box], abs=1e-4)


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee", "coins"])
def test_the_parts_of_a_match_add_up(name: str) -> None:
    found = sample(name)
    totals, objects, positives = found.totals, found.ground_truth, found.positives
    assert sum(item.positives for item in objects) == totals.positives == len(positives.prior)
    assert sum(item.forced for item in objects) == totals.forced == int(positives.forced.sum())
    assert sum(level.positives for level in found.levels) == totals.positives
    assert sum(level.forced for level in found.levels) == totals.forced
    assert sum(level.priors for level in found.levels) == 8732
    assert totals.matched + totals.forced_only + totals.without_positive + totals.invalid == len(objects)
    assert totals.unmatched == sum(item.positives == 0 for item in objects)
    assert totals.negatives == 3 * totals.positives
    for index, level in enumerate(found.levels):
        own = positives.level == index
        assert level.positives == int(own.sum())
        assert level.served == len(set(positives.ground_truth[own].tolist()))
    for index, item in enumerate(objects):
        assert item.positives == int((positives.ground_truth == index).sum())


@pytest.mark.parametrize("name", ["astronaut", "coins"])
def test_each_other_threshold_is_what_a_run_with_it_gives(name: str) -> None:
    found = sample(name)
    priors = load_priors("ssd300")
    assert [count.threshold for count in found.thresholds] == list(THRESHOLDS)
    assert len({count.positives for count in found.thresholds}) > 3
    for count in found.thresholds:
        again = sample(name, priors=priors, threshold=count.threshold)
        assert again.threshold == count.threshold
        assert again.totals.positives == count.positives
        assert count.reached == sum(item.best_iou >= count.threshold for item in found.ground_truth)


def test_by_hand() -> None:
    found = photo(("b", (0.0, 0.0, 50.0, 25.0), False), ("a", (100.0, 50.0, 200.0, 100.0), False))
    first, second = found.ground_truth
    assert first.input_box == pytest.approx((0.0, 0.0, 25.0, 25.0))
    assert (first.best_prior, first.best_iou, first.level, first.shape) == (0, 1.0, 0, (25.0, 25.0))
    assert (first.class_id, first.positives, first.status) == (2, 1, MATCHED)
    # The last cell of the second level: its square is the object, and its wide shape is half of it.
    assert (second.best_prior, second.best_iou, second.level, second.shape) == (22, 1.0, 1, (50.0, 50.0))
    assert (second.class_id, second.positives, second.status) == (1, 2, MATCHED)
    assert found.positives.prior.tolist() == [0, 22, 23]
    assert found.positives.ground_truth.tolist() == [0, 1, 1]
    np.testing.assert_allclose(found.positives.boxes[0], [0, 0, 0.25, 0.25], atol=1e-12)
    assert [(level.positives, level.served) for level in found.levels] == [(1, 1), (2, 1)]
    assert found.totals.near_misses == 0
    assert found.totals.tied == 0


def test_statuses_by_hand() -> None:
    found = photo(
        ("a", (50.0, 0.0, 100.0, 25.0), False),
        ("a", (50.0, 0.0, 90.0, 25.0), False),
        ("a", (160.0, 60.0, 164.0, 62.0), False),
        ("b", (80.0, 80.0, 70.0, 90.0), False),
    )
    assert [item.status for item in found.ground_truth] == [UNMATCHED, MATCHED, FORCED_ONLY, INVALID]
    assert [item.best_prior for item in found.ground_truth] == [1, 1, 11, 0]
    assert [item.lost_to for item in found.ground_truth] == [1, None, None, None]
    totals = found.totals
    assert (totals.matched, totals.forced_only, totals.unmatched, totals.invalid) == (1, 1, 1, 1)
    assert totals.without_positive == 1


def test_a_prior_is_lost_to_the_first_object_too() -> None:
    """In Caffe to the one that overlaps it more, wherever that stands; in ssd.pytorch to the last."""
    better, worse = ("a", (50.0, 0.0, 90.0, 25.0), False), ("a", (50.0, 0.0, 80.0, 25.0), False)
    for objects, lost in (((better, worse), [None, 0]), ((worse, better), [1, None])):
        for dialect, wanted in ((load_dialect("caffe"), lost), (RULES, [1, None])):
            assert [item.lost_to for item in photo(*objects, dialect=dialect).ground_truth] == wanted


def test_ties_and_near_misses_are_counted() -> None:
    # Between two cells of the first level: both overlap by a third. At a threshold of 0.4 both are near misses but
    # for the first, which is forced.
    rules = replace(RULES, match=replace(RULES.match, threshold=0.4))
    found = photo(("a", (25.0, 0.0, 75.0, 25.0), False), dialect=rules)
    assert found.totals.tied == 1
    assert found.ground_truth[0].best_prior == 0
    assert found.ground_truth[0].best_iou == pytest.approx(1 / 3)
    assert (found.totals.positives, found.totals.forced) == (1, 1)
    assert found.totals.near_misses == 1


def test_difficult_objects_are_left_out_and_the_rest_keep_their_numbers() -> None:
    found = photo(
        ("a", (150.0, 0.0, 200.0, 25.0), True),
        ("a", (0.0, 0.0, 50.0, 25.0), False),
        ("b", (100.0, 0.0, 150.0, 25.0), True),
        ("b", (0.0, 0.0, 48.0, 25.0), False),
    )
    assert found.left_out == (LeftOut(0, "a"), LeftOut(2, "b"))
    assert [item.index for item in found.ground_truth] == [1, 3]
    assert [item.lost_to for item in found.ground_truth] == [3, None]


@pytest.mark.parametrize("one_based", [False, True])
def test_pixels_that_count_from_one(one_based: bool) -> None:
    found = photo(("a", (1.0, 1.0, 51.0, 26.0), False), one_based=one_based)
    shift = 0.0 if one_based else 1.0
    expected = (shift * 0.5, shift, 25 + shift * 0.5, 25 + shift)
    assert found.ground_truth[0].input_box == pytest.approx(expected)


@pytest.mark.parametrize("objects", [(), (("a", (0.0, 0.0, 50.0, 25.0), True),)])
def test_photo_without_objects(objects: tuple[Item, ...]) -> None:
    found = photo(*objects)
    assert found.ground_truth == ()
    assert found.raises is not None
    assert found.raises.startswith("IndexError in match")
    assert (found.totals.positives, found.totals.negatives, found.totals.near_misses, found.totals.tied) == (0, 0, 0, 0)
    assert all((count.positives, count.reached) == (0, 0) for count in found.thresholds)
    assert (found.round_trip.max_px, found.round_trip.worst) == (0.0, None)
    assert len(found.positives.prior) == 0
    assert all(level.served == level.positives == 0 for level in found.levels)


def test_round_trip_by_hand() -> None:
    """In float64 nothing is lost; half precision loses what its eleven bits cannot hold."""
    found = photo(("a", (3.0, 1.0, 55.0, 27.0), False), ("b", (101.0, 51.0, 199.0, 99.0), False))
    assert found.round_trip.max_px < 1e-4
    priors = SMALL.priors.boxes[torch.from_numpy(found.positives.prior)]
    objects = torch.tensor([item.input_box for item in found.ground_truth], dtype=torch.float64) / 100
    boxes = objects[torch.from_numpy(found.positives.ground_truth)]
    half, own = boxes.half(), priors.half()
    v = torch.tensor([0.1, 0.1, 0.2, 0.2]).half()
    shift = ((half[:, :2] + half[:, 2:]) / 2 - own[:, :2]) / (v[:2] * own[:, 2:])
    scale = ((half[:, 2:] - half[:, :2]) / own[:, 2:]).log() / v[2:]
    centre, size = own[:, :2] + shift * v[:2] * own[:, 2:], own[:, 2:] * (scale * v[2:]).exp()
    low = centre - size / 2
    error = (torch.cat((low, low + size), dim=1).double() - boxes).abs() * 100
    assert found.round_trip_half.max_px == pytest.approx(float(error.max()))
    assert found.round_trip_half.mean_px == pytest.approx(float(error.mean()))
    assert 0.001 < found.round_trip_half.max_px < 1.0
    worst = found.positives.ground_truth[int(error.amax(1).argmax())]
    assert found.round_trip_half.worst == worst


def test_round_trip_carries_nan() -> None:
    found = photo(("a", (0.0, 0.0, 50.0, 25.0), False), ("b", (80.0, 80.0, 70.0, 90.0), False))
    assert found.ground_truth[1].positives == 1
    assert math.isnan(found.round_trip.max_px)
    assert found.round_trip.worst == 1


def test_an_object_of_an_unknown_class_is_left_out_and_named() -> None:
    found = photo(("c", (0.0, 0.0, 5.0, 5.0), False), ("a", (0.0, 0.0, 5.0, 5.0), False))
    assert [item.index for item in found.ground_truth] == [1]
    [refusal] = [each for each in found.evidence if isinstance(each, Refusal)]
    assert (refusal.code, refusal.what) == ("LBL003", "the class 'c' (1 object) is not in the list of classes")


def test_priors_without_a_grid_are_one_level() -> None:
    named = NamedPriors(name="mine.pt", codebase="", priors=Priors(SMALL.priors.boxes, (100, 100), ()))
    found = photo(("a", (0.0, 0.0, 50.0, 25.0), False), named=named)
    assert [(level.feature_map, level.priors, level.positives) for level in found.levels] == [((0, 0), 24, 1)]
    assert found.ground_truth[0].level == 0


def test_how_much_of_a_box_lies_outside() -> None:
    """Of a photo of 100 x 50 pixels, of which one object reaches over each side, and one over all."""
    boxes = [[-20, 10, 60, 40], [10, -15, 50, 30], [70, 10, 120, 40], [10, 20, 50, 100], [-100, -50, 200, 100]]
    photo = np.zeros((50, 100, 3), dtype=np.uint8)
    result = api.match(photo, {"boxes": [*boxes, [0, 0, 100, 50]], "labels": [0] * 6}, classes=["cat"], device="cpu")
    shares = [20 / 80, 15 / 45, 20 / 50, 50 / 80, 1 - 1 / 9, 0]
    assert [item.outside for item in result.ground_truth] == pytest.approx(shares, abs=1e-7)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["astronaut", "coins"])
def test_match_on_a_gpu(name: str) -> None:
    expected, found = sample(name), api.match(SAMPLES / f"{name}.jpg", SAMPLES / f"{name}.xml", device="cuda")
    assert found.totals == expected.totals
    assert found.levels == expected.levels
    assert found.thresholds == expected.thresholds
    assert found.positives.prior.tolist() == expected.positives.prior.tolist()
    for one, other in zip(found.ground_truth, expected.ground_truth, strict=True):
        assert one.best_iou == pytest.approx(other.best_iou, rel=1e-5)
        assert replace(one, best_iou=0.0, input_box=(0, 0, 0, 0), shape=(0, 0)) == replace(
            other, best_iou=0.0, input_box=(0, 0, 0, 0), shape=(0, 0)
        )
