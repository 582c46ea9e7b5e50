"""What a history tells of objects: on rows made by hand, of two classes in sixteen images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.analysis.history.history import analyse_history
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.readers.history import RunHistory
from ssdlossdbg.results import Finding, HistoryResult
from ssdlossdbg.results.history_rows import CLASS, GROUPS, OBJECTS, STEPS, TOTAL_KNOWN, WHOLE

SAMPLES, IMAGES = 10, 16
CAT, DOG = 1, 2


def of_objects() -> Any:
    """In each sample all images of one object each, cats in the first eight, dogs in the rest; known from the third."""
    rows = np.zeros(SAMPLES * IMAGES, OBJECTS.dtype)
    rows["step"], rows["image"] = np.repeat(np.arange(SAMPLES) * 24, IMAGES), np.tile(np.arange(IMAGES), SAMPLES)
    rows["label"] = np.where(rows["image"] < 8, CAT, DOG)
    rows["box"], rows["best_iou"], rows["shape_iou"], rows["positives"] = (0.1, 0.1, 0.4, 0.4), 0.7, 0.8, 5
    known = rows["step"] >= 48
    rows["probability"] = np.where(known, 0.9, 0.1)
    rows["rival"] = np.where(rows["label"] == CAT, DOG, CAT)
    rows["rival_sure"] = np.where(known, 0.02, 0.2)
    rows["taken"], rows["sure"] = np.where(known, rows["label"], 0), np.where(known, 0.9, 0.7)
    rows["localization"] = rows["confidence"] = 0.01
    return rows


def told(objects: Any, right: int = 9, cats: int = 0) -> HistoryResult:
    """What a run with these objects tells, of whose samples after the third so many of ten are right, so many cats."""
    steps = np.zeros(SAMPLES * 24, STEPS.dtype)
    steps["step"] = np.arange(len(steps))
    steps["time"], steps["marks"], steps["rate"], steps["total"] = steps["step"], TOTAL_KNOWN, 0.01, 1.0
    groups = np.zeros(SAMPLES, GROUPS.dtype)
    groups["step"], groups["kind"], groups["objects"] = np.arange(SAMPLES) * 24, WHOLE, 10
    groups["right"] = np.where(groups["step"] >= 48, right, 2)
    of_cats = groups.copy()
    of_cats["kind"], of_cats["key"] = CLASS, CAT
    of_cats["right"] = np.where(groups["step"] >= 48, cats, 2)
    groups = np.concatenate((groups, *([of_cats] if cats else [])))
    names = {image: f"photos/{image}.jpg" for image in range(IMAGES)}
    about = {"criterion": "loss", "dialect": "caffe"}
    ranks = np.zeros(len(steps), np.int64)
    history = RunHistory(Path("run"), about, steps, ranks, groups, objects, names, ())
    return analyse_history(history, ["cat", "dog"], (300, 300))


def found(objects: Any, right: int = 9, cats: int = 0) -> list[Finding]:
    return list(find((told(objects, right, cats),)))


def codes(objects: Any, right: int = 9, cats: int = 0) -> list[str]:
    return [finding.code for finding in found(objects, right, cats)]


def change(rows: Any, chosen: Any, **values: Any) -> None:
    for name, value in values.items():
        rows[name][chosen] = value


def test_objects_that_are_learnt_are_not_spoken_of() -> None:
    assert codes(of_objects()) == []
    assert told(of_objects()).states == (16, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("positives", "forced", "iou", "cause"),
    [
        (0, 0, 0.3, "no positive prior, best IoU 0.30"),
        (0, 0, 0.6, "its best one, IoU 0.60, is another object's"),
        (1, 1, 0.3, "forced only, best IoU 0.30"),
    ],
)
def test_an_object_that_matching_keeps_back(positives: int, forced: int, iou: float, cause: str) -> None:
    objects = of_objects()
    at = objects["image"] == 2
    change(objects, at, positives=positives, forced=forced, best_iou=iou, probability=0.3, taken=0, sure=0.6)
    (finding,) = found(objects)
    assert finding.code == "HIS007"
    assert "2.jpg, cat, 90 px: never above 30% in 10 samples; " in finding.message
    assert cause in finding.message


def test_several_are_told_together_with_their_files() -> None:
    objects = of_objects()
    at = np.isin(objects["image"], (2, 9))
    change(objects, at, positives=1, forced=1, best_iou=0.3, probability=0.3, taken=0, sure=0.6)
    (finding,) = found(objects)
    assert finding.count == 1
    assert finding.message.endswith(
        "2 objects of cat and dog, 90 px: never above 30%; 2 forced only, best IoU 0.30; 2.jpg, 9.jpg"
    )


def test_a_network_that_learns_little_says_nothing_of_matching() -> None:
    objects = of_objects()
    change(objects, np.isin(objects["image"], (2, 9)), positives=1, forced=1, best_iou=0.3, probability=0.3)
    change(objects, np.isin(objects["image"], (0, 1, 10)), probability=0.3, taken=0, sure=0.6)
    change(objects, np.isin(objects["image"], (3, 4)), positives=1, forced=1, best_iou=0.3)  # forced, and learnt
    assert codes(objects) == []


@pytest.mark.parametrize(
    ("right", "cats", "sure", "said"),
    [(10, 8, 0.95, True), (9, 8, 0.95, False), (10, 7, 0.95, False), (10, 8, 0.7, False)],
)
def test_a_label_on_nothing_is_told_where_all_else_is_learnt(right: int, cats: int, sure: float, said: bool) -> None:
    objects = of_objects()
    change(objects, objects["image"] == 2, probability=0.03, taken=0, sure=sure)
    assert codes(objects, right, cats) == ["HIS007"] * said


@pytest.mark.parametrize(("iou", "said"), [(0.05, True), (0.15, True), (0.25, False)])
def test_objects_that_no_prior_reaches_are_told_even_if_their_class_is_learnt(iou: float, said: bool) -> None:
    objects = of_objects()
    change(objects, objects["image"] == 2, positives=1, forced=1, best_iou=iou, shape_iou=iou)
    assert codes(objects) == ["HIS010"] * said
    change(objects, objects["image"] == 2, shape_iou=0.8)  # one of that size is there, only not at that place
    assert codes(objects) == []


def mislabelled(objects: Any, image: int, samples: Any, rival: int = CAT) -> None:
    """What the network thinks of a cat that is called a dog, at some samples; or the other way round."""
    at = (objects["image"] == image) & np.isin(objects["step"], samples)
    change(objects, at, probability=0.02, rival_sure=0.9, rival=rival, taken=rival, sure=0.9)


def test_a_wrong_label_is_told_by_what_is_likelier_as_surely_as_at_true_ones() -> None:
    objects = of_objects()
    mislabelled(objects, 11, np.arange(48, 240))
    (finding,) = found(objects)
    assert finding.code == "HIS009"
    assert "11.jpg, dog, 90 px: taken for cat in 6 of 6 samples" in finding.message, "those in which dogs are known"
    # Doubts that are weaker than at any true cat are those of a hard example.
    change(objects, objects["image"] == 11, probability=0.2, rival_sure=0.7)
    assert "HIS009" not in codes(objects)


def test_a_wrong_label_that_is_learnt_by_heart_is_told_still() -> None:
    objects = of_objects()
    mislabelled(objects, 11, (72, 96, 120, 144))
    mislabelled(objects, 3, (72, 96, 120, 144), DOG)
    result = told(objects)
    assert [each.state for each in result.objects] == ["taken for another"] * 2
    assert result.objects[0].probability[2] > 0.5
    assert codes(objects) == ["HIS009"]


@pytest.mark.parametrize(("right", "samples", "said"), [(9, 4, True), (9, 3, False), (5, 3, False), (5, 5, True)])
def test_where_little_is_learnt_more_must_speak_against_a_label(right: int, samples: int, said: bool) -> None:
    objects = of_objects()
    for image in (0, 1):  # of eight cats, of which the network knows six in any sample
        mislabelled(objects, image, np.arange(72, 72 + 24 * samples, 24), DOG)
    rest = told(objects, right)
    assert ("HIS009" in [finding.code for finding in find((rest,))]) == said


def test_errors_that_any_object_of_the_class_may_meet_accuse_none() -> None:
    objects = np.concatenate([of_objects(), of_objects()])
    objects["image"][len(objects) // 2 :] += 100
    objects = objects[np.argsort(objects["step"], kind="stable")]
    for place, image in enumerate(range(8, 16)):  # one of sixteen dogs in each sample, another each time
        mislabelled(objects, image, 24 * (2 + place))
    assert "HIS009" not in codes(objects)
    for image in (108, 109):  # two samples of six, as one of sixteen would be by chance where one of sixteen is wrong
        mislabelled(objects, image, (168, 192))
    assert "HIS009" not in codes(objects)
    for image in (108, 109):
        mislabelled(objects, image, np.arange(48, 240))
    assert "HIS009" in codes(objects)


def test_a_network_that_is_wrong_of_most_accuses_nobody() -> None:
    objects = of_objects()
    mislabelled(objects, 11, np.arange(48, 240))
    mislabelled(objects, 3, np.arange(48, 240), DOG)
    assert "HIS009" in codes(objects, right=5)
    assert "HIS009" not in codes(objects, right=4)


def test_one_object_alone_must_be_taken_for_another_always() -> None:
    objects = of_objects()
    mislabelled(objects, 11, np.arange(144, 240))
    assert "HIS009" not in codes(objects)


def test_a_class_that_is_not_told_apart_yet_accuses_nobody() -> None:
    objects = of_objects()
    for image in range(8, 16):  # all dogs are cats to it
        mislabelled(objects, image, np.arange(0, 240))
    assert "HIS009" not in codes(objects)


def test_an_object_without_a_prior_of_its_own_is_not_accused() -> None:
    objects = of_objects()
    mislabelled(objects, 11, np.arange(48, 240))
    change(objects, objects["image"] == 11, positives=0)
    assert "HIS009" not in codes(objects)


def test_wrong_labels_are_told_by_pairs_of_classes() -> None:
    objects = np.concatenate([of_objects()] * 2)
    objects["image"][len(objects) // 2 :] += 100
    objects = objects[np.argsort(objects["step"], kind="stable")]
    mislabelled(objects, 11, np.arange(48, 240))
    mislabelled(objects, 10, np.arange(48, 240))
    at = (objects["image"] == 3) & (objects["step"] >= 48)
    change(objects, at, probability=0.02, rival_sure=0.9, rival=DOG, taken=DOG, sure=0.9)
    (finding,) = found(objects)
    assert "3 objects are taken for another class" in finding.message
    assert "dog taken for cat: 10.jpg, 11.jpg" in finding.message
    assert "cat taken for dog: 3.jpg" in finding.message


def test_many_objects_that_are_forgotten() -> None:
    objects = of_objects()
    change(objects, (objects["image"] < 6) & (objects["step"] >= 120), probability=0.05, rival_sure=0.02, taken=0)
    assert codes(objects) == ["HIS008"]
    objects = of_objects()
    change(objects, (objects["image"] < 4) & (objects["step"] >= 120), probability=0.05, rival_sure=0.02, taken=0)
    assert codes(objects) == [], "a few are usual"
