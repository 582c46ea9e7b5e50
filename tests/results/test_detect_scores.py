"""Average precision and the best score, against a plain loop over every threshold."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest

from ssdlossdbg.results.detect_scores import scores_of


def item(**fields: Any) -> Any:
    """A detection or an object with just these fields."""
    return SimpleNamespace(**fields)


def made(seed: int) -> tuple[list[list[Any]], list[list[Any]]]:
    """Detections and objects of two images and two classes, some of equal scores."""
    draw = random.Random(seed)
    objects = [[_of_class(draw, index=index) for index in range(draw.randint(1, 6))] for _ in range(2)]
    detections = []
    for image in objects:
        found = [
            item(role="finds", class_id=each.class_id, label=each.label, ground_truth=each.index)
            for each in image
            if draw.random() < 0.7
        ]
        other = [
            _of_class(draw, role=draw.choice(["nothing", "repeats"]), ground_truth=None)
            for _ in range(draw.randint(0, 8))
        ]
        for each in found + other:
            each.score = draw.choice([0.1, 0.2, 0.3, 0.5, 0.9])
        detections.append(found + other)
    return detections, objects


def _of_class(draw: random.Random, **fields: Any) -> Any:
    class_id = draw.choice([1, 2])
    return item(class_id=class_id, label=f"c{class_id}", **fields)


def points(detections: list[Any], objects: int) -> list[tuple[float, float, float]]:
    """(score, precision, recall) of cutting at each score."""
    made = []
    for score in sorted({each.score for each in detections}, reverse=True):
        kept = [each for each in detections if each.score >= score]
        finds = sum(each.role == "finds" for each in kept)
        made.append((score, finds / len(kept), finds / objects))
    return made


@pytest.mark.parametrize("seed", range(20))
def test_the_best_score(seed: int) -> None:
    detections, objects = made(seed)
    scores = scores_of(detections, objects)
    assert scores is not None
    every = points([each for image in detections for each in image], sum(map(len, objects)))
    best = max((2 * p * r / (p + r) for _, p, r in every if p + r), default=None)
    if best is None:
        assert scores.threshold is scores.precision is scores.recall is None
        return
    assert scores.precision is not None
    assert scores.recall is not None
    assert (scores.threshold, scores.precision, scores.recall) in every
    assert 2 * scores.precision * scores.recall / (scores.precision + scores.recall) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(20))
def test_average_precision(seed: int) -> None:
    detections, objects = made(seed)
    every = [each for image in detections for each in image]
    for place, each in enumerate(sorted(every, key=lambda each: -each.score)):
        each.score -= place * 1e-4  # no two alike, so that the order is no choice
    scores = scores_of(detections, objects)
    assert scores is not None
    expected = []
    for each in scores.classes:
        own = [other for other in every if other.class_id == each.class_id]
        curve = points(own, each.ground_truth)
        area, before = 0.0, 0.0
        for _, _, recall in curve:
            area += (recall - before) * max(p for _, p, r in curve if r >= recall)
            before = recall
        assert each.average_precision == pytest.approx(area)
        expected.append(area)
    assert scores.mean_average_precision == pytest.approx(sum(expected) / len(expected))


def test_classes_taken_for_others() -> None:
    objects = [[item(index=4, class_id=1, label="cat")]]
    as_dog = [item(role="other-class", class_id=2, label="dog", score=s, ground_truth=4) for s in (0.4, 0.6)]
    scores = scores_of([as_dog], objects)
    assert scores is not None
    (only,) = scores.confusions
    assert (only.label, only.taken_for, only.detections, only.best_score) == ("cat", "dog", 2, 0.6)
    assert scores.threshold is None
    assert scores.mean_average_precision == 0
    assert scores_of([as_dog], [[]]) is None
