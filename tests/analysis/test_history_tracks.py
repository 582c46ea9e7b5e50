"""What becomes of an object, just below and just above each bound; its figures; and how runs are cut into parts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.analysis.history.history import analyse_history
from ssdlossdbg.analysis.history.tracks import _at_least, object_histories, tracked
from ssdlossdbg.readers.history import RunHistory
from ssdlossdbg.results import ObjectHistory
from ssdlossdbg.results.history_rows import GROUPS, OBJECTS, STEPS, TOTAL_KNOWN, VALIDATION, WHOLE

SAMPLES, IMAGES, STEP = 10, 12, 24
CAT, DOG = 1, 2


def of_objects(images: int = IMAGES) -> Any:
    """In each sample all images of one object each, cats in the first half, dogs in the rest; all are known."""
    rows = np.zeros(SAMPLES * images, OBJECTS.dtype)
    rows["step"], rows["image"] = np.repeat(np.arange(SAMPLES) * STEP, images), np.tile(np.arange(images), SAMPLES)
    rows["label"] = np.where(rows["image"] < images // 2, CAT, DOG)
    rows["box"], rows["best_iou"], rows["shape_iou"], rows["positives"] = (0.1, 0.1, 0.4, 0.4), 0.7, 0.8, 5
    rows["probability"], rows["rival_sure"] = 0.9, 0.02
    rows["rival"] = np.where(rows["label"] == CAT, DOG, CAT)
    rows["taken"], rows["sure"] = rows["label"], 0.9
    return rows


def told(rows: Any, right: Any = (0.1, 0.5), size: Any = (300, 200)) -> list[ObjectHistory]:
    return list(object_histories(rows, {0: "a.jpg"}, ["cat"], size, right))


def seen(*probabilities: float) -> Any:
    """One object, so often and so well known."""
    rows = of_objects(2)[::2][: len(probabilities)]
    rows["probability"] = probabilities
    return rows


@pytest.mark.parametrize(
    ("probabilities", "learnt", "state"),
    [
        ((0.1, 0.1, 0.5), 0.5, "learnt"),
        ((0.5,), 0.1, "learnt"),
        ((0.1, 0.1, 0.49), 0.5, "never learnt"),
        ((0.1, 0.1, 0.49), 0.49, "open"),
        ((0.1, 0.49), 0.9, "open"),
        ((0.5, 0.19, 0.19), 0.9, "forgotten"),
        ((0.5, 0.1, 0.2), 0.9, "open"),
        ((0.5, 0.2, 0.1), 0.9, "open"),
        ((0.5, 0.6, 0.7, 0.19, 0.1), 0.9, "forgotten"),
        ((0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1), 0.9, "open"),
        ((0.9, 0.9, 0.9, 0.9, 0.9, 0.2, 0.1, 0.1, 0.1), 0.9, "forgotten"),
        ((0.1, 0.1, 0.1), math.nan, "open"),
    ],
)
def test_what_became_of_an_object(probabilities: Any, learnt: float, state: str) -> None:
    [only] = told(seen(*probabilities), (0.9, learnt))
    assert only.state == state
    expected = (probabilities[0], max(probabilities), probabilities[-1])
    assert only.probability == pytest.approx(expected)


def test_nothing_is_said_where_no_share_is_known() -> None:
    assert [each.state for each in told(seen(0.1, 0.1, 0.1), ())] == ["open"]


def test_the_figures_of_an_object() -> None:
    rows = seen(0.25, 0.5, 0.125)
    rows["best_iou"], rows["shape_iou"], rows["positives"], rows["forced"] = (
        (0.5, 0.75, 0.25),
        0.5,
        (4, 1, 0),
        (1, 1, 0),
    )
    rows["localization"], rows["confidence"] = (1, 2, 3), (0.5, 0.25, 0.75)
    rows["box"][2], rows["taken"], rows["sure"] = (0, 0.25, 0.5, 0.75), (1, 2, 0), (0.5, 0.5, 0.75)
    [only] = told(rows)
    assert (only.image, only.name, only.label, only.label_name, only.seen) == (0, "a.jpg", CAT, "cat", 3)
    assert (only.first_step, only.last_step, only.box) == (0, 48, (0, 0.25, 0.5, 0.75))
    assert only.side == pytest.approx(math.sqrt(150 * 100))
    assert (only.best_iou, only.shape_iou, only.positives) == (0.5, 0.5, 1)
    assert only.forced_only == pytest.approx(1 / 3)
    assert (only.taken, only.taken_name, only.sure, only.cost) == (0, "background", 0.75, 2.5)
    assert (only.rival, only.rival_name, only.against, only.judged, only.unsure) == (0, "", 0, 0, False)
    assert only.samples is not None
    assert only.samples.moved
    assert only.samples.step.tolist() == [0, 24, 48]
    assert only.samples.cost.tolist() == [1.5, 2.25, 3.75]
    assert told(rows, size=None)[0].side is None


def test_a_place_is_the_same_to_a_pixel_of_256() -> None:
    for further, moved in ((1.01, True), (0.99, False)):
        rows = seen(0.25, 0.5, 0.125)
        rows["box"] = (0, 0, 0.5, 0.5)
        rows["box"][2, 3] += further / 256
        samples = told(rows)[0].samples
        assert samples is not None
        assert samples.moved is moved


def test_rows_of_no_image_are_of_no_object() -> None:
    rows = of_objects()
    rows["image"][rows["image"] > 0] = -1
    assert [each.image for each in told(rows)] == [0]
    assert told(rows[:0]) == []
    assert [len(each) for each in tracked(rows[:0])] == [0, 0]


# One object whose label is doubted: of image 0, a cat that the network takes for a dog.


def doubted(samples: int = SAMPLES, images: int = IMAGES, **values: Any) -> Any:
    rows = of_objects(images)
    rows["rival_sure"] = 0.02
    at = np.flatnonzero(rows["image"] == 0)[:samples]
    for name, value in ({"probability": 0.02, "rival_sure": 0.9} | values).items():
        rows[name][at] = value
    return rows


def doubt(rows: Any, right: Any = (0.1, 0.9)) -> tuple[str, int, int, str]:
    first = told(rows, right)[0]
    return first.rival_name, first.against, first.judged, first.state


def test_a_label_is_doubted_where_the_rival_is_as_sure_as_at_true_ones() -> None:
    assert doubt(doubted()) == ("class 2", 10, 10, "taken for another")


@pytest.mark.parametrize(
    ("right", "samples", "mistaken"),
    [
        ((0.1, 0.6), 4, True),
        ((0.1, 0.6), 3, False),
        ((0.1, 0.59), 5, True),
        ((0.1, 0.59), 4, False),
        ((0.9, 0.59), 4, False),
        ((0.9, 0.6, 0.5), 4, True),
        ((0.1, 0.6, 0.49), 10, False),
    ],
)
def test_in_how_many_samples_it_must_be(right: Any, samples: int, mistaken: bool) -> None:
    name, against, judged, state = doubt(doubted(samples), right)
    assert (name, against, judged) == ("class 2", samples, 10)
    assert (state == "taken for another") is mistaken


@pytest.mark.parametrize(("right", "times"), [((0.1, 0.6), 3.0), ((0.1, 0.59), 5.0)])
def test_how_many_times_as_likely_the_rival_must_be(right: Any, times: float) -> None:
    for factor, against in ((1.01, 10), (0.99, 0)):
        rows = doubted(probability=0.1, rival_sure=0.1 * times * factor)
        rows["probability"][rows["label"] == DOG], rows["rival_sure"][rows["label"] == DOG] = 0.3, 0.15
        assert doubt(rows, right)[1] == against


def test_what_is_less_sure_than_at_the_true_ones_speaks_against_nothing() -> None:
    for sure, against in ((0.8, 0), (0.92, 10)):  # of true dogs 0.9 to 0.02
        assert doubt(doubted(probability=0.02, rival_sure=sure))[1] == against


@pytest.mark.parametrize(
    ("change", "judged"),
    [
        ({"rival": 0}, 0),
        ({"positives": 0}, 0),
        ({"positives": 1}, 10),
    ],
)
def test_whose_word_counts(change: Any, judged: int) -> None:
    assert doubt(doubted(**change))[2] == judged


def test_a_class_must_be_told_from_others_in_four_of_five() -> None:
    for wrong, judged in ((1, 10), (2, 0)):  # with the doubted one of six cats; of five in all, less than four
        rows = of_objects()
        for image in range(1, 1 + wrong):
            at = rows["image"] == image
            rows["probability"][at], rows["rival_sure"][at] = 0.1, 0.2
        assert doubt(rows)[2] == (judged if wrong == 1 else 0)


def test_a_class_must_be_seen_five_times_about_a_sample() -> None:
    """One object of each class a sample: two samples on either side and its own are five, at the ends three."""
    assert [each.judged for each in told(of_objects(2))] == [6, 6]


@pytest.mark.parametrize(("times", "of", "rate"), [(0, 5, 0.1), (1, 5, 0.1), (3, 5, 0.25), (5, 5, 0.5), (2, 40, 0.01)])
def test_how_likely_something_is_as_often_or_more(times: int, of: int, rate: float) -> None:
    ways = sum(math.comb(of, x) * rate**x * (1 - rate) ** (of - x) for x in range(times, of + 1))
    assert _at_least(times, of, rate) == pytest.approx(ways)


def test_objects_that_are_unsure_or_exchanged() -> None:
    rows = np.zeros(4, OBJECTS.dtype)
    rows["step"], rows["label"] = (0, 0, 24, 24), 1
    for overlap, unsure in ((0.51, False), (0.49, True)):
        moved = 0.4 * (1 - overlap) / (1 + overlap)
        rows["box"] = (0, 0, 0.4, 0.4), (0.6, 0.6, 1, 1), (moved, 0, 0.4 + moved, 0.4), (0.61, 0.6, 1, 1)
        number, doubtful = tracked(rows)
        assert number.tolist() == [0, 1, 0, 1]
        assert doubtful.tolist() == [False, False, unsure, False]


# The whole run


def run(steps: Any, rank: Any = None, objects: Any = None, groups: Any = None) -> Any:
    kept = RunHistory(
        Path("run"),
        {"criterion": "loss", "dialect": "caffe"},
        steps,
        np.zeros(len(steps), np.int64) if rank is None else np.array(rank),
        np.zeros(0, GROUPS.dtype) if groups is None else groups,
        np.zeros(0, OBJECTS.dtype) if objects is None else objects,
        {},
        (),
    )
    return analyse_history(kept, ["cat"], (300, 200))


def of_steps(number: int) -> Any:
    rows = np.zeros(number, STEPS.dtype)
    rows["step"], rows["time"] = np.arange(number) + 7, 1000 + 2 * np.arange(number)
    rows["marks"], rows["total"], rows["rate"], rows["norm"] = TOTAL_KNOWN, np.arange(number), 0.5, 2.0
    return rows


def test_a_run_is_told_in_twelve_parts() -> None:
    result = run(of_steps(36))
    assert result.part_steps == tuple(range(7, 43, 3))
    assert result.loss == tuple(float(each) for each in range(1, 36, 3))
    assert (result.rate, result.norm) == ((0.5,) * 12, (2.0,) * 12)
    assert (result.steps, result.first_step, result.last_step, result.seconds) == (36, 7, 42, 70.0)
    assert run(of_steps(5)).part_steps == (7, 8, 9, 10, 11)
    assert run(of_steps(14)).part_steps == (7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19)
    assert result.headline == "36 steps, loss 1 to 34, 0 events"


def test_the_loss_is_the_mean_of_all_ranks_where_they_have_it() -> None:
    rows = np.repeat(of_steps(4), 2)
    rows["total"][1::2] += 10
    rows["marks"][3] = 0
    result = run(np.delete(rows, 5), np.delete(np.arange(8) % 2, 5))
    assert result.loss == (5.0, 1.0, 2.0, 8.0)
    assert (result.ranks, result.steps) == (2, 4)


def test_the_easiest_objects_are_those_that_cost_a_hundredth_of_all() -> None:
    rows = of_objects()
    for first, easiest in ((0.08, 6), (0.16, 3)):
        rows["localization"] = np.where(rows["image"] < 6, first / 4, 1.0) / 2
        rows["confidence"] = rows["localization"]
        cost = sorted(np.where(np.arange(IMAGES) < 6, first / 4, 1.0))
        counted = int((np.cumsum(cost) <= 0.01 * sum(cost)).sum())
        assert run(of_steps(300), objects=rows).easiest == counted
        assert (counted > 0) is (easiest > 0)


def test_what_is_dearest_comes_first_and_samples_of_validation_are_left_out() -> None:
    rows = of_objects()
    rows["probability"][rows["image"] < 3] = 0.1
    rows["confidence"] = np.choose(rows["image"] % 3, (2.0, 3.0, 1.0))
    groups = np.zeros(SAMPLES, GROUPS.dtype)
    groups["step"], groups["kind"], groups["objects"], groups["right"] = np.arange(SAMPLES) * STEP, WHOLE, 10, 9
    result = run(of_steps(300), objects=rows, groups=groups)
    assert [each.image for each in result.objects] == [1, 0, 2]
    assert (result.states, result.known_objects, len(result.all_objects)) == ((9, 3, 0, 0, 0), 12, 12)
    assert (result.sampled, result.learnt) == (10, 0.9)
    steps = of_steps(300)
    steps["marks"][steps["step"] == 24] |= VALIDATION
    left = run(steps, objects=rows, groups=groups)
    assert (left.sampled, left.objects[0].seen) == (9, 9)
