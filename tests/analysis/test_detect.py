"""What the analysis says of detections, objects and training positives, on scenes made up and on the sample batch."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.detect import analyse_detect
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import (
    FINDS,
    FOUND,
    FOUND_AS_OTHER,
    MISSED,
    NOTHING,
    OTHER_CLASS,
    REPEATS,
    DetectResult,
)
from ssdlossdbg.rules import Units

SAMPLE = Path(__file__).parents[2] / "sample_data"
RULES = load_dialect("ssd.pytorch")
# Six priors: two in one place, the others apart. cxcywh.
PRIORS = torch.tensor(
    [
        [0.2, 0.2, 0.2, 0.2],
        [0.2, 0.2, 0.2, 0.2],
        [0.2, 0.7, 0.2, 0.2],
        [0.7, 0.2, 0.2, 0.2],
        [0.7, 0.7, 0.2, 0.2],
        [0.7, 0.72, 0.2, 0.2],
    ]
)
AT = {"left": [0.1, 0.1, 0.3, 0.3], "low": [0.1, 0.6, 0.3, 0.8], "right": [0.6, 0.1, 0.8, 0.3]}
BoxRows = list[list[float]]


def scores(*rows: tuple[float, float]) -> Tensor:
    """`[1, P, 3]` logits of two classes at every prior; the rest of the probability is background."""
    classes = torch.tensor(rows)
    return torch.cat((1 - classes.sum(1, keepdim=True), classes), dim=1).log()[None]


def run(conf: Tensor, boxes: BoxRows | None, labels: list[int], **detect: float | int | str) -> DetectResult:
    """Analyse one image, whose priors are predicted as they are."""
    loc = torch.zeros((*conf.shape[:2], 4))
    targets = None
    if boxes is not None:
        rows = torch.tensor(boxes).reshape(-1, 4)
        targets = Targets((rows,), (torch.tensor(labels, dtype=torch.int64),), Units.NORMALIZED, 0, "made up")
    rules = dataclasses.replace(RULES, detect=dataclasses.replace(RULES.detect, **detect))  # type: ignore[arg-type]
    named = NamedPriors("six", "", Priors(PRIORS, (200, 100), ()))
    predictions = Predictions(loc, conf, None, "made up", "float32")
    batch = Batch(named, "cpu", predictions=predictions, targets=targets, classes=("cat", "dog"), paths=("p", "t"))
    return analyse_detect(Scene(batch, rules))


LOW = (0.004, 0.003)


def test_who_finds_what() -> None:
    conf = scores((0.9, 0.05), (0.8, 0.02), (0.005, 0.7), LOW, (0.6, 0.3), LOW)
    result = run(conf, [AT["left"], AT["low"], AT["right"]], [1, 1, 2])
    (image,) = result.images
    roles = [(item.label, item.prior, item.role, item.ground_truth) for item in image.detections]
    assert roles == [
        ("cat", 0, FINDS, 0),
        ("dog", 2, OTHER_CLASS, 1),
        ("cat", 4, NOTHING, None),
        ("dog", 4, NOTHING, None),
        ("dog", 0, OTHER_CLASS, 0),
    ]
    assert [item.rank for item in image.detections] == [1, 2, 3, 4, 5]
    assert image.detections[1].ground_truth_of_class is None
    assert image.detections[0].best_iou == pytest.approx(1, abs=1e-6)
    objects = [(item.status, item.detection, item.taken_for) for item in image.ground_truth]
    assert objects == [(FOUND, 1, "cat"), (FOUND_AS_OTHER, 2, "dog"), (MISSED, None, None)]
    found, other, missed = image.ground_truth
    assert found.score == pytest.approx(0.9)
    assert found.explained_by == 1
    assert other.iou == pytest.approx(1, abs=1e-6)
    assert (missed.score, missed.iou, missed.best_iou, missed.explained_by) == (None, None, 0.0, 0)


def test_boxes_are_in_input_pixels() -> None:
    result = run(scores((0.9, 0.05), LOW, LOW, LOW, LOW, LOW), [AT["left"]], [1])
    assert result.detections[0].box == pytest.approx((20, 10, 60, 30), abs=1e-4)
    assert result.detections[0].normalized == pytest.approx((0.1, 0.1, 0.3, 0.3), abs=1e-6)
    assert result.ground_truth[0].box == pytest.approx((20, 10, 60, 30), abs=1e-4)


def test_a_second_detection_repeats() -> None:
    result = run(scores((0.9, 0.05), (0.8, 0.02), LOW, LOW, LOW, LOW), [AT["left"]], [1], nms_iou=1.0)
    assert [item.role for item in result.detections if item.label == "cat"] == [FINDS, REPEATS]
    assert result.ground_truth[0].explained_by == 2


def test_a_detection_explains_only_the_object_it_overlaps_most() -> None:
    near = [0.1, 0.1, 0.3, 0.27]
    result = run(scores((0.9, 0.003), LOW, LOW, LOW, LOW, LOW), [near, AT["left"]], [1, 1])
    first, second = result.ground_truth
    assert (first.status, second.status) == (MISSED, FOUND)
    assert first.best_iou == pytest.approx(0.85, abs=1e-5), "though one is near enough"


def test_how_far_training_positives_get() -> None:
    # Priors 0 and 1 are positives of the one object, 4 and 5 of the other; 4 alone is above the threshold.
    conf = scores((0.9, 0.003), (0.8, 0.003), LOW, LOW, (0.003, 0.7), LOW)
    result = run(conf, [AT["left"], [0.6, 0.6, 0.8, 0.8]], [1, 2])
    fate = [
        (item.positives, item.above_threshold, item.candidates, item.survivors, item.detections)
        for item in result.ground_truth
    ]
    assert fate == [(2, 2, 2, 1, 1), (2, 1, 1, 1, 1)]
    fewer = run(conf, [AT["left"], [0.6, 0.6, 0.8, 0.8]], [1, 2], candidates=1, keep_per_image=1)
    assert [(item.candidates, item.survivors, item.detections) for item in fewer.ground_truth] == [(1, 1, 1), (1, 1, 0)]


def test_without_targets_nothing_is_judged() -> None:
    result = run(scores((0.9, 0.05), LOW, LOW, LOW, LOW, LOW), None, [])
    assert result.targets_path is None
    assert {item.role for item in result.detections} == {None}
    assert result.ground_truth == ()
    assert result.detections[0].ground_truth is None


def test_an_image_without_objects_and_one_without_detections() -> None:
    empty = run(scores((0.9, 0.05), LOW, LOW, LOW, LOW, LOW), [], [])
    assert {item.role for item in empty.detections} == {NOTHING}
    silent = run(scores(*[LOW] * 6), [AT["left"]], [1])
    assert silent.detections == ()
    assert silent.ground_truth[0].status == MISSED
    assert silent.classes[0].best_score == pytest.approx(0.004)


def test_odd_boxes_overlap_nothing() -> None:
    boxes = [[0.1, 0.1, 0.1, 0.1], [0.3, 0.3, 0.1, 0.1], [math.nan, 0.1, 0.3, 0.3]]
    result = run(scores((0.9, 0.003), LOW, LOW, LOW, LOW, LOW), boxes, [1, 1, 1])
    assert [item.status for item in result.ground_truth] == [MISSED] * 3
    assert [item.best_iou for item in result.ground_truth] == [0.0] * 3
    assert all(item.problem for item in result.ground_truth)


def test_values_that_are_not_finite_are_counted() -> None:
    conf = scores((0.9, 0.003), LOW, LOW, LOW, LOW, LOW)
    conf[0, 3, 1], conf[0, 4, 2] = math.nan, math.inf
    result = run(conf, [AT["left"]], [1])
    assert result.images[0].non_finite == 2
    assert all(math.isfinite(item.score) for item in result.detections)
    assert math.isnan(result.classes[0].best_score)


@pytest.fixture(scope="module")
def batch() -> DetectResult:
    """The saved batch of cat, coffee and coins."""
    return api.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", device="cpu")


def test_the_sample_batch(batch: DetectResult) -> None:
    assert [len(image.detections) for image in batch.images] == [452, 314, 171]
    assert [item.status for item in batch.ground_truth] == [FOUND] * 27
    assert [len(image.ground_truth) for image in batch.images] == [1, 2, 24]
    assert sum(item.positives for item in batch.ground_truth) == 165, "as the loss counts them"


def test_the_counts_agree_with_each_other(batch: DetectResult) -> None:
    for name in ("above_threshold", "candidates", "survivors"):
        by_image = sum(getattr(image, name) for image in batch.images)
        assert by_image == sum(getattr(item, name) for item in batch.classes)
    assert sum(item.detections for item in batch.classes) == len(batch.detections)
    for status, count in ((FOUND, "found"), (FOUND_AS_OTHER, "as_other"), (MISSED, "missed")):
        assert sum(getattr(item, count) for item in batch.classes) == sum(
            item.status == status for item in batch.ground_truth
        )
    for image in batch.images:
        assert sum(item.role == FINDS for item in image.detections) == sum(
            item.status == FOUND for item in image.ground_truth
        )
        ordered = [item.score for item in image.detections]
        assert ordered == sorted(ordered, reverse=True)
        explained = sum(item.role in (FINDS, REPEATS) for item in image.detections)
        assert explained == sum(item.explained_by for item in image.ground_truth)


@pytest.mark.parametrize("dialect", ["caffe", "gluoncv", "mmdetection", "ssd.tensorflow", "nvidia"])
def test_every_kind_of_rule_runs(dialect: str) -> None:
    result = api.detect(
        SAMPLE / "preds.pt",
        SAMPLE / "targets.pt",
        dialect=dialect,
        device="cpu",
        layout=SavedLayout(label_offset=1, target_units=Units.NORMALIZED),
    )
    limit = result.rules.keep_per_image
    assert all(0 < len(image.detections) <= (limit or 10_000) for image in result.images)
    assert all(item.status in (FOUND, MISSED, FOUND_AS_OTHER) for item in result.ground_truth)


def test_overruled_thresholds() -> None:
    result = api.detect(SAMPLE / "preds.pt", score_threshold=0.5, nms=0.1, device="cpu")
    assert (result.rules.score_threshold, result.rules.nms_iou) == (0.5, 0.1)
    assert all(item.score > 0.5 for item in result.detections)


def test_ranks_begin_anew_in_each_image() -> None:
    result = api.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", device="cpu")
    assert len(result.images) == 3
    for image in result.images:
        assert [each.rank for each in image.detections] == list(range(1, len(image.detections) + 1))
        scores = [each.score for each in image.detections]
        assert scores == sorted(scores, reverse=True)
