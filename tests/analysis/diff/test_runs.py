"""Where two runs part and why, on rows made by hand in which one thing is another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ssdlossdbg.analysis.diff.runs import Training, diff_runs
from ssdlossdbg.analysis.history.history import analyse_history
from ssdlossdbg.readers.history import RunHistory
from ssdlossdbg.results import DiffResult
from ssdlossdbg.results.history_rows import CLASS, GROUPS, OBJECTS, STEPS, TOTAL_KNOWN, WHOLE


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
