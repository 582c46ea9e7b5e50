"""Where two runs part and why, on rows made by hand in which one thing is another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.analysis.diff.runs import Training, diff_runs
from ssdlossdbg.analysis.history.history import analyse_history
from ssdlossdbg.readers.history import RunHistory, SavedBatch
from ssdlossdbg.results import Captured, DiffResult
from ssdlossdbg.results.history_rows import CLASS, GROUPS, OBJECTS, PARTS_KNOWN, STEPS, TOTAL_KNOWN, WHOLE


def of_steps(number: int = 60) -> Any:
    rows = np.zeros(number, STEPS.dtype)
    rows["step"], rows["marks"], rows["rate"], rows["norm"] = np.arange(number), TOTAL_KNOWN, 0.01, 1.0
    rows["time"] = 1000 + rows["step"]
    rows["total"] = 1 + 3 * np.exp(-rows["step"] / 20)
    return rows


def of_objects(known: float = 0.9) -> Any:
    """Three images with an object each, sampled every ten steps; that of the last image is known so much in the end."""
    rows = np.zeros(18, OBJECTS.dtype)
    rows["step"], rows["image"], rows["label"] = np.repeat(np.arange(6) * 10, 3), np.tile(np.arange(3), 6), 1
    rows["box"], rows["best_iou"], rows["positives"], rows["taken"] = (0.1, 0.1, 0.4, 0.4), 0.7, 3, 1
    rows["probability"] = np.where(rows["image"] == 2, known, 0.9)
    rows["confidence"] = 1 - rows["probability"]
    return rows


def of_groups(right: int = 9) -> Any:
    rows = np.zeros(12, GROUPS.dtype)
    rows["step"], rows["kind"] = np.repeat(np.arange(6) * 10, 2), np.tile([WHOLE, CLASS], 6)
    rows["key"] = np.where(rows["kind"] == CLASS, 1, 0)
    rows["objects"], rows["right"], rows["positives"] = 10, right, 20
    return rows


def run(steps: Any = None, groups: Any = None, objects: Any = None, about: Any = None) -> Training:
    steps = of_steps() if steps is None else steps
    kept = RunHistory(
        Path("run"),
        {"criterion": "loss", "dialect": "caffe"} | (about or {}),
        steps,
        np.zeros(len(steps), np.int64),
        of_groups() if groups is None else groups,
        of_objects() if objects is None else objects,
        {0: "a.jpg", 1: "b.jpg", 2: "c.jpg", 7: "z.jpg"},
        (),
    )
    return Training(kept, analyse_history(kept, ["cat"], (300, 300)))


def names(result: DiffResult, measured: bool = True) -> list[str]:
    return [each.name for each in result.differences if each.measured is measured]


def test_the_same_run_says_nothing() -> None:
    result = diff_runs(run(), run())
    assert result.same
    assert (
        result.summary == "A and B are the same run as far as their histories tell: the loss of all 60 steps is equal."
    )


def test_another_rate_is_named_with_its_factor_and_step() -> None:
    steps = of_steps()
    steps["rate"][5:] *= 10
    steps["total"][6:] += 0.5
    result = diff_runs(run(), run(steps))
    assert names(result) == ["learning rate"]
    [rate] = [each for each in result.differences if each.measured]
    assert rate.what.startswith("from step 5: 0.01 in A, 0.1 in B")
    assert rate.figure == 10
    assert result.parted_at == 6
    assert result.summary.startswith("The losses part at step 6: before or there, learning rate, times 10")
    assert "nothing else that was kept is another by then" in result.summary
    back = diff_runs(run(steps), run())
    assert back.parted_at == 6
    assert [each.figure for each in back.differences if each.measured] == [0.1]


def test_a_rate_that_changes_later_is_no_cause() -> None:
    steps = of_steps()
    steps["rate"][30:] *= 10
    steps["total"][10:] += 0.5
    result = diff_runs(run(), run(steps))
    assert names(result) == []
    assert "nothing that was kept says why" in result.summary


def test_other_images_are_named() -> None:
    objects = of_objects()
    objects["image"][3:6] = (0, 1, 7)  # of step 10
    steps = of_steps()
    steps["total"][10:] += 0.1
    result = diff_runs(run(), run(steps, objects=objects))
    assert names(result) == ["images of batches"]
    assert "first at step 10: a.jpg, b.jpg, c.jpg in A, a.jpg, b.jpg, z.jpg in B" in result.differences[0].what


def test_other_labels_of_the_same_images_are_named() -> None:
    objects = of_objects()
    objects["label"][4] = 2
    steps = of_steps()
    steps["total"][10:] += 0.1
    result = diff_runs(run(), run(steps, objects=objects))
    assert names(result) == ["objects of batches"]
    assert result.differences[0].how == "other labels, the same boxes"


def test_a_longer_run_is_the_same_as_far_as_both_go() -> None:
    result = diff_runs(run(), run(of_steps(80)))
    assert result.parted_at is None
    assert not result.same
    assert "The losses of all 60 steps that both have are the same; steps: 60 in A, 80 in B" in result.summary


def test_a_collapse_is_an_event_of_one_run() -> None:
    steps = of_steps()
    steps["total"][40:] = np.nan
    result = diff_runs(run(), run(steps))
    assert result.parted_at == 40
    assert "not finite at step 40 in B" in next(each.what for each in result.differences if each.name == "events")
    assert "nan in B" in result.summary


def test_from_the_first_step_on_it_is_the_weights() -> None:
    steps = of_steps()
    steps["total"] += 0.2
    result = diff_runs(run(), run(steps))
    assert result.parted_at == 0
    assert "their first, with the same objects in its batch: they begin with other weights" in result.summary


def test_objects_that_one_run_learnt_and_what_its_classes_did() -> None:
    steps = of_steps()
    steps["total"][1:] += 0.1
    result = diff_runs(run(), run(steps, of_groups(4), of_objects(0.1)))
    [item] = result.objects
    assert (item.image, item.found[0]) == ("c.jpg", "learnt")
    assert item.found[1] != "learnt"
    assert "1 objects are learnt in A alone, 0 in B alone" in result.summary
    [share] = [each for each in result.groups if (each.name, each.of) == ("cat", "share learnt")]
    assert (share.first, share.second) == (0.9, 0.4)


def test_another_criterion_is_named() -> None:
    steps = of_steps()
    steps["total"] *= 2
    result = diff_runs(run(), run(steps, about={"dialect": "nvidia"}))
    assert names(result) == ["dialect"]
    assert replace(result.differences[0], places=()).what == "caffe in A, nvidia in B"


def test_a_loss_is_the_same_to_the_rounding_of_its_rows() -> None:
    for factor, part in ((1 + 0.8e-5, None), (1 - 0.8e-5, None), (1 + 1.3e-5, 20), (1 - 1.3e-5, 20)):
        steps = of_steps()
        steps["total"][20:] *= factor
        assert diff_runs(run(), run(steps)).parted_at == part
    steps = of_steps()
    steps["total"][20:] = np.nan
    assert diff_runs(run(steps), run(steps)).parted_at is None


def test_the_loss_at_the_end_is_the_median_of_twenty_steps_that_have_one() -> None:
    steps = of_steps()
    steps["total"] = np.where(steps["step"] < 40, 9.0, steps["step"])
    assert diff_runs(run(steps), run()).first.value == 49.5
    steps["total"][50:] = np.inf
    assert diff_runs(run(steps), run()).first.value == 44.5
    steps["total"][40:] = np.inf
    assert diff_runs(run(steps), run()).first.value == np.inf
    assert diff_runs(run(steps), run()).first.what == "steps 0 to 59, caffe"


def test_rates_that_differ_by_no_one_factor_have_none() -> None:
    steps = of_steps()
    steps["rate"][5:] *= 10
    steps["rate"][7] *= 1.001
    [rate, *_] = diff_runs(run(), run(steps)).differences
    assert (rate.how, rate.figure, rate.changed, rate.of) == ("", None, 55, 60)
    steps = of_steps()
    steps["rate"][5:] = 0
    [rate, *_] = diff_runs(run(steps), run()).differences
    assert (rate.how, rate.what) == ("", "from step 5: 0 in A, 0.01 in B")
    steps["rate"][5:] = np.nan
    assert diff_runs(run(steps), run()).differences[0].how == ""


def test_a_rate_that_is_another_where_they_part_is_a_cause() -> None:
    for first, cause in ((9, True), (10, True), (11, False)):
        steps = of_steps()
        steps["rate"][first:] *= 2
        steps["total"][10:] += 0.5
        [rate, *_] = diff_runs(run(), run(steps)).differences
        assert rate.measured is cause
        assert rate.what.endswith("; only after the losses had parted") is not cause


@pytest.mark.parametrize(("step", "cause"), [(10, True), (20, False)])
def test_images_that_are_others_where_they_part_are_a_cause(step: int, cause: bool) -> None:
    objects = of_objects()
    objects["image"][objects["step"] >= step] += 5
    steps = of_steps()
    steps["total"][10:] += 0.5
    result = diff_runs(run(), run(steps, objects=objects))
    [found] = [each for each in result.differences if each.name == "images of batches"]
    assert found.measured is cause
    assert found.what.startswith(f"other images in {6 - step // 10} of 6 sampled steps, first at step {step}: a.jpg, ")
    assert found.what.endswith(" in A, image 5, image 6, z.jpg in B")
    objects = of_objects()
    objects["box"][objects["step"] >= step, 2] += 0.1
    [found] = [each for each in diff_runs(run(), run(steps, objects=objects)).differences if "batches" in each.name]
    assert (found.name, found.measured, found.how) == ("objects of batches", cause, "other boxes")
    assert found.what == f"others in {6 - step // 10} of 6 sampled steps, first at step {step}"


def test_images_whose_place_is_not_known_tell_nothing() -> None:
    objects = of_objects()
    objects["image"][objects["step"] == 10] = -1
    assert diff_runs(run(), run(objects=objects)).same


def test_more_than_four_images_are_not_listed() -> None:
    objects = [np.concatenate([of_objects(), of_objects(), of_objects()]) for _ in range(2)]
    for side, rows in enumerate(objects):
        rows["image"] = np.arange(len(rows)) // 18 + 3 * rows["image"] + side
        rows.sort(order="step")
    [found] = diff_runs(run(objects=objects[0]), run(objects=objects[1])).differences
    assert (
        "first at step 0: a.jpg, b.jpg, c.jpg, image 3 ... in A, b.jpg, c.jpg, image 3, image 4 ... in B" in found.what
    )


def test_objects_that_are_more() -> None:
    objects = of_objects()
    [found] = diff_runs(run(), run(objects=np.delete(objects, 4))).differences
    assert (found.name, found.how) == ("images of batches", "")
    doubled = np.concatenate([objects, objects[:1]])
    doubled.sort(order="step")
    [found] = diff_runs(run(), run(objects=doubled)).differences
    assert (found.name, found.how) == ("objects of batches", "3 objects in A, 4 in B")


def test_what_the_losses_are_where_they_part() -> None:
    sides = []
    for more in (0.0, 0.5):
        steps = of_steps()
        steps["marks"] |= PARTS_KNOWN
        steps["localization"], steps["confidence"] = 0.25, steps["total"] - 0.25
        steps["total"][10:] += more
        steps["confidence"][10:] += more
        steps["norm"][10:] += more
        sides.append(run(steps))
    result = diff_runs(*sides)
    [loss] = [each for each in result.differences if each.name == "loss"]
    assert loss.what == (
        "from step 10: 2.819592 in A, 3.319592 in B; localization the same; confidence 2.56959 and 3.06959; "
        "|g| 1 and 1.5"
    )
    assert not loss.measured
    parts = {each.name: (each.first, each.second) for each in result.groups if each.by == "part"}
    ends = [float(np.median(side.kept.steps["confidence"][40:])) for side in sides]
    assert parts == {"localization": (0.25, 0.25), "confidence": tuple(ends)}


def test_steps_that_one_run_has() -> None:
    assert diff_runs(run(), run(of_steps()[10:])).differences[-1].what == (
        "60 in A, 50 in B: A ends at step 59, B at step 59; A begins at 0, B at 10"
    )
    later = of_steps()
    later["step"] += 100
    result = diff_runs(run(), run(later))
    assert result.summary.startswith("A and B have no step in common")
    assert "no step is in both" in [each.what for each in result.differences]


def test_what_the_heads_say() -> None:
    names = [each.name for each in diff_runs(run(), run(about={"rules": "x" * 99, "version": 3})).differences]
    assert names == ["rules"]
    [rules] = diff_runs(run(), run(about={"rules": "x" * 99})).differences
    assert rules.what == f"not known in A, {'x' * 80} in B"


def test_what_captured_batches_of_one_dialect_say() -> None:
    def saved(**said: Any) -> Training:
        training = run()
        batch = SavedBatch(Path("a"), Captured(0, "every", dialect="caffe", threshold=0.5, neg_pos=3.0, **said))
        return Training(replace(training.kept, batches=(batch,)), training.told)

    [weight] = diff_runs(saved(alpha=1.0), saved(alpha=2.0)).differences
    assert (weight.name, weight.what) == ("localisation loss", "1.0 in A, 2.0 in B")


def test_objects_learnt_in_one_run_are_those_lost_first_and_the_dearest_before_others() -> None:
    def training(known: Any, more: float) -> Training:
        steps = of_steps()
        steps["total"] += more
        objects = of_objects()
        objects["probability"] = np.array(known)[objects["image"]]
        objects["confidence"] = 1 - objects["probability"]
        objects["taken"] = objects["probability"] > 0.5
        return run(steps, objects=objects)

    one, two = training([0.1, 0.9, 0.9], 0.0), training([0.9, 0.05, 0.1], 0.5)
    result = diff_runs(one, two)
    assert [(each.image, each.found[0] == "learnt") for each in result.objects] == [
        ("b.jpg", True),
        ("c.jpg", True),
        ("a.jpg", False),
    ]
    assert result.summary.endswith("2 objects are learnt in A alone, 1 in B alone.")
    assert [each.positives for each in result.objects] == [(3, 3)] * 3
    assert {(each.label, each.new_label) for each in result.objects} == {("cat", "cat")}
    costs = [cost for each in result.objects for cost in (each.first, each.second)]
    assert costs == pytest.approx([0.1, 0.95, 0.1, 0.9, 0.9, 0.1])
