"""What a history tells: on rows made by hand, in which one thing happens."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.analysis.history.curve import running
from ssdlossdbg.analysis.history.history import analyse_history
from ssdlossdbg.analysis.history.tracks import tracked
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.readers.history import RunHistory
from ssdlossdbg.results import HistoryResult
from ssdlossdbg.results.history_rows import (
    CLASS,
    FIRST,
    GROUPS,
    OBJECTS,
    PARTS_KNOWN,
    SAMPLED,
    SIZE,
    STEPS,
    TOTAL_KNOWN,
    VALIDATION,
    WHOLE,
)

STEPS_OF_RUN = 240


def of_steps() -> Any:
    """A loss that falls from 4 to 1 with a little noise, at one learning rate."""
    rows = np.zeros(STEPS_OF_RUN, STEPS.dtype)
    rows["step"] = np.arange(STEPS_OF_RUN)
    rows["time"] = 1000 + rows["step"]
    rows["marks"], rows["rate"], rows["norm"] = TOTAL_KNOWN, 0.01, 1.0
    rows["total"] = 1 + 3 * np.exp(-rows["step"] / 60) + 0.05 * np.sin(rows["step"] * 7.0)
    return rows


def of_groups() -> Any:
    """Two classes and one size, ten objects of each in every fourth step; of late nine of ten are right."""
    rows = []
    for step in range(0, STEPS_OF_RUN, 4):
        right = 9 if step >= 60 else 2
        for kind, key, many in ((WHOLE, 0, 2), (CLASS, 1, 1), (CLASS, 2, 1), (SIZE, 2, 2)):
            row = np.zeros((), GROUPS.dtype)
            row["step"], row["kind"], row["key"], row["objects"] = step, kind, key, 10 * many
            row["right"], row["positives"] = right * many, 20 * many
            rows.append(row)
    return np.array(rows)


def of_objects() -> Any:
    """Four objects of one image each, learnt by the third sample of ten."""
    rows = np.zeros(40, OBJECTS.dtype)
    rows["step"], rows["image"], rows["label"] = np.repeat(np.arange(10) * 24, 4), np.tile(np.arange(4), 10), 1
    rows["box"], rows["best_iou"], rows["shape_iou"] = (0.1, 0.1, 0.4, 0.4), 0.7, 0.8
    rows["positives"], rows["level"] = 5, 1
    rows["probability"] = np.where(rows["step"] >= 48, 0.9, 0.1)
    rows["taken"], rows["sure"] = 1, rows["probability"]
    rows["localization"] = rows["confidence"] = 0.01
    return rows


def told(steps: Any = None, groups: Any = None, objects: Any = None) -> HistoryResult:
    """What a run of these rows tells; those that are left out are sound."""
    steps = of_steps() if steps is None else steps
    history = RunHistory(
        Path("run"),
        {"criterion": "loss", "dialect": "caffe"},
        steps,
        np.zeros(len(steps), np.int64),
        of_groups() if groups is None else groups,
        of_objects() if objects is None else objects,
        {0: "a.jpg", 1: "b.jpg", 2: "c.jpg", 3: "d.jpg"},
        (),
    )
    return analyse_history(history, ["cat", "dog"], (300, 300))


def codes(result: HistoryResult) -> list[str]:
    return [finding.code for finding in find((result,))]


def test_a_sound_run_is_silent() -> None:
    result = told()
    assert codes(result) == []
    assert result.events == ()
    assert result.states == (4, 0, 0, 0, 0)
    assert result.loss[0] > result.loss[-1]
    assert result.learnt == pytest.approx(0.9)
    assert (result.steps, result.first_step, result.last_step, result.seconds) == (240, 0, 239, 239.0)
    assert (result.ranks, result.sampled, result.epochs) == (1, 60, 0)


def test_a_spike_is_one_event_however_long_it_lasts() -> None:
    steps = of_steps()
    steps["total"][150:153] = 7.36
    result = told(steps)
    assert [(event.step, event.kind) for event in result.events] == [(150, "spike")]
    assert codes(result) == ["HIS002"]


def test_the_first_loss_that_is_not_finite() -> None:
    steps = of_steps()
    steps["total"][200:] = math.nan
    result = told(steps)
    assert [(event.step, event.kind) for event in result.events] == [(200, "not finite")]
    assert codes(result) == ["HIS001"]


def test_a_spike_of_a_loss_that_falls_is_held_against_its_neighbours() -> None:
    steps = of_steps()
    steps["total"] = 12 * np.exp(-steps["step"] / 15) + 0.5
    assert told(steps).events == (), "the first steps are the highest, and no spikes"
    steps["total"][25] *= 2.5  # less than the median of all before it
    result = told(steps)
    assert [(event.step, event.kind) for event in result.events] == [(25, "spike")]


@pytest.mark.parametrize("after", [31.4, 1.0])
def test_a_learning_rate_that_jumps_for_a_step_is_an_accident(after: float) -> None:
    steps = of_steps()
    steps["rate"][120] = 2.0
    steps["total"][121:] = after
    result = told(steps)
    assert result.events[0].kind == "learning rate"
    assert codes(result) == ["HIS003"], "the spike after it is its own"
    (case,) = find((result,))[0].cases
    assert "step 119 had a learning rate of 2 for 1 step, 200 times the usual 0.01" in case.message


@pytest.mark.parametrize(
    ("highest_before", "begun_again", "after", "found"),
    [
        (0.2, False, 2.0, []),  # a schedule with restarts, whose loss rises for a while
        (0.01, False, 2.0, ["HIS003"]),
        (0.01, False, 1.0, []),
        (0.2, True, 2.0, ["HIS003"]),  # a process was begun again with the first rate of its schedule
        (0.2, False, math.nan, ["HIS001", "HIS003"]),
    ],
)
def test_a_learning_rate_that_stays_high_may_be_a_schedule(
    highest_before: float, begun_again: bool, after: float, found: list[str]
) -> None:
    steps = of_steps()
    steps["rate"][:20], steps["rate"][120:] = highest_before, 0.2
    steps["total"][:] = 1.0
    steps["total"][120:] = after
    steps["marks"][119] |= FIRST * begun_again
    steps["rate"][119] = math.nan if begun_again else 0.01
    assert sorted(set(codes(told(steps))) - {"HIS002"}) == found


def test_a_schedule_that_steps_down_is_none() -> None:
    steps = of_steps()
    steps["rate"][120:] = 0.0001
    assert told(steps).events == ()


def test_a_class_that_is_shown_no_more() -> None:
    groups = of_groups()
    groups = groups[~((groups["kind"] == CLASS) & (groups["key"] == 2) & (groups["step"] >= 160))]
    result = told(groups=groups)
    assert [group.lost_at for group in result.groups if group.by == "class"] == [None, 160]
    assert codes(result) == ["HIS004"]
    assert "dog from step 160 on" in find((result,))[0].message


@pytest.mark.parametrize(("shown", "said"), [(True, "4 of the 4 images"), (False, "none of the 4 images")])
def test_a_class_that_is_gone_names_the_images_that_are_shown_without_it(shown: bool, said: str) -> None:
    groups = of_groups()
    groups = groups[~((groups["kind"] == CLASS) & (groups["key"] == 2) & (groups["step"] >= 160))]
    objects = of_objects()
    other = of_objects()
    other["label"] = 2
    other["box"] = (0.6, 0.6, 0.9, 0.9)
    objects = objects[(objects["step"] < 160) | shown]
    both = np.concatenate((objects, other[other["step"] < 160]))
    message = find((told(groups=groups, objects=both[np.argsort(both["step"], kind="stable")]),))[0].message
    assert said in message
    assert ("as a.jpg, b.jpg, c.jpg and 1 more" in message) == shown


def test_samples_of_validation_say_nothing_of_what_is_learnt() -> None:
    steps, groups = of_steps(), of_groups()
    steps["marks"][200:] |= VALIDATION
    groups["right"][groups["step"] >= 200] = 0
    assert codes(told(steps, groups)) == []
    assert codes(told(groups=groups)) == ["HIS005"]


def test_a_rare_class_that_is_not_drawn_again_is_no_loss() -> None:
    groups = of_groups()
    rare = (groups["kind"] == CLASS) & (groups["key"] == 2)
    groups = groups[~rare | np.isin(groups["step"], (0, 80, 200))]
    assert codes(told(groups=groups)) == []


def test_a_class_that_is_forgotten() -> None:
    groups = of_groups()
    groups["right"][(groups["kind"] == CLASS) & (groups["key"] == 1) & (groups["step"] >= 180)] = 0
    result = told(groups=groups)
    assert codes(result) == ["HIS005"]
    assert [group.forgotten_at for group in result.groups if group.by == "class"] == [180, None]


def test_a_size_that_is_never_learnt() -> None:
    tiny = of_groups()
    tiny = tiny[tiny["kind"] == SIZE]
    tiny["key"], tiny["right"], tiny["forced_only"] = 0, 0, 20
    groups = np.concatenate((of_groups(), tiny))
    result = told(groups=groups[np.argsort(groups["step"], kind="stable")])
    assert codes(result) == ["HIS006"]
    assert "up to 16 px: 0% of its objects are right" in find((result,))[0].message


def test_the_only_object_of_a_class_is_the_same_wherever_it_is() -> None:
    objects = of_objects()
    objects["box"] += np.linspace(0, 0.5, 40)[:, None].astype(np.float32)
    number, unsure = tracked(objects)
    assert len(set(number.tolist())) == 4
    assert not unsure.any()


def test_objects_of_a_class_are_told_apart_by_place() -> None:
    objects = np.concatenate((of_objects()[:8], of_objects()[:8]))
    objects["box"][8:] = (0.6, 0.6, 0.9, 0.9)
    objects = objects[np.argsort(objects["step"], kind="stable")]
    number, unsure = tracked(objects)
    assert len(set(number.tolist())) == 8
    assert len({(int(each), float(row["box"][0])) for each, row in zip(number, objects, strict=True)}) == 8
    assert not unsure.any()


def test_of_two_objects_that_want_one_place_the_nearest_has_it() -> None:
    """Two of a class side by side: one stays, and the other moves most of the way on to it."""
    objects = np.zeros(4, OBJECTS.dtype)
    objects["step"], objects["label"] = (0, 0, 24, 24), 1
    for order in ((0, 1), (1, 0)):
        second = np.array([(0.12, 0.0, 0.52, 0.4), (0.2, 0.0, 0.6, 0.4)])[list(order)]
        objects["box"] = np.concatenate(([(0.0, 0.0, 0.4, 0.4), (0.2, 0.0, 0.6, 0.4)], second))
        number, unsure = tracked(objects)
        assert number[2:].tolist() == number[:2][list(order)].tolist()
        assert not unsure.any()


def test_running_medians_as_a_plain_loop() -> None:
    values = np.random.default_rng(3).random(300)
    values[40:45] = np.nan
    medians, spreads = running(values)
    for place in (0, 19, 25, 60, 150, 299):
        before = values[max(0, place - 101) : place]
        before = before[~np.isnan(before)]
        if len(before) < 20:
            assert np.isnan(medians[place])
        else:
            assert medians[place] == pytest.approx(np.median(before))
            assert spreads[place] == pytest.approx(np.median(np.abs(before - np.median(before))))


def test_objects_of_a_class_that_move_are_followed() -> None:
    steps = np.repeat(np.arange(10) * 24, 2)
    objects = np.zeros(20, OBJECTS.dtype)
    objects["step"], objects["label"] = steps, 1
    for row, (step, second) in enumerate(zip(steps, np.tile([0, 1], 10), strict=True)):
        start = 0.05 + 0.4 * second + step / 24 * 0.01
        objects["box"][row] = (start, start, start + 0.3, start + 0.3)
    number, unsure = tracked(objects[np.argsort(objects["step"] + np.tile([0.5, 0.1], 10), kind="stable")])
    assert number.tolist() in ([1, 0] * 10, [0, 1] * 10)
    assert not unsure.any()
    objects["box"][-1] = (0.0, 0.9, 0.05, 0.95)  # a jump to where neither was
    assert tracked(objects)[1].any()


def test_samples_are_held_against_what_the_criterion_returned() -> None:
    """By each rank, of steps that were sampled, whatever of the loss is known."""
    steps, groups = of_steps(), of_groups()
    groups["localization"], groups["positive"], groups["negative"] = 1, 2, 0.5 + groups["step"] % 7
    whole = groups[groups["kind"] == WHOLE]
    marked = np.isin(steps["step"], whole["step"])
    loss = dict(zip(whole["step"].tolist(), whole["localization"] + whole["positive"] + whole["negative"], strict=True))
    steps["marks"] = np.where(marked, SAMPLED | TOTAL_KNOWN, TOTAL_KNOWN)
    steps["total"] = [loss.get(step, 7.0) for step in steps["step"].tolist()]
    assert told(steps, groups).off == pytest.approx(0, abs=1e-6)
    steps["total"] *= np.float32(0.8)
    assert told(steps, groups).off == pytest.approx(0.25)
    steps["marks"] = np.where(marked, SAMPLED | PARTS_KNOWN, PARTS_KNOWN)
    steps["localization"], steps["confidence"] = steps["total"] / 2, steps["total"] / 2
    steps["total"] = 0
    assert told(steps, groups).off == pytest.approx(0.25)
    steps["localization"][np.flatnonzero(marked)[0]] = np.inf
    assert told(steps, groups).off == pytest.approx(0.25)
    steps["marks"] = 0
    assert told(steps, groups).off is None
