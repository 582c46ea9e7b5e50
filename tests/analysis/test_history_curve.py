"""What stands out of the losses and rates of a run, just below and just above each bound, and what groups come to."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.analysis.history.curve import Curve, binned, events
from ssdlossdbg.analysis.history.groups import group_histories, right_of_all, with_images
from ssdlossdbg.readers.history import SavedBatch
from ssdlossdbg.results import Captured
from ssdlossdbg.results.history import Event
from ssdlossdbg.results.history_rows import CLASS, GROUPS, LEVEL, OBJECTS, SIZE, WHOLE

STEPS = 120
AT = 80


def curve(loss: Any = 1.0, rate: Any = 0.01, **more: Any) -> Curve:
    """A run of rank 0 whose step n is at the time 1000 + n."""
    every = np.full(STEPS, 1.0)
    values = {
        "rank": 0,
        "step": np.arange(STEPS),
        "time": 1000.0 + np.arange(STEPS),
        "epoch": np.zeros(STEPS, np.int64),
        "loss": every * loss,
        "known": np.isfinite(every * loss),
        "rate": every * rate,
        "norm": every * 3.0,
        "first": np.arange(STEPS) == 0,
    }
    return Curve(**(values | more))


def with_value(value: float, at: int = AT, usual: Any = 1.0) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = np.full(STEPS, 1.0) * usual
    values[at] = value
    return values


def told(given: Curve, *batches: SavedBatch) -> list[Event]:
    return list(events(given, batches))


def kinds(given: Curve) -> list[tuple[int, str]]:
    return [(event.step, event.kind) for event in told(given)]


SWINGS = np.where(np.arange(STEPS) % 2, 1.5, 1.0)
FALLS = np.where(np.arange(STEPS) < AT * 2 // 3, 20.0, SWINGS)


@pytest.mark.parametrize(("usual", "bound"), [(1.0, 1.6), (FALLS, 1.25 + 6 * 0.5)])
def test_a_spike_beside_its_neighbours(usual: Any, bound: float) -> None:
    assert kinds(curve(with_value(bound * 1.001, usual=usual))) == [(AT, "spike")]
    assert kinds(curve(with_value(bound * 0.999, usual=usual))) == []


@pytest.mark.parametrize(("usual", "bound"), [(1.0, 2.0), (SWINGS, 1.25 + 6 * 0.25)])
def test_a_spike_of_which_the_steps_before_are_not_known(usual: Any, bound: float) -> None:
    for value, found in ((bound * 1.001, [(AT, "spike")]), (bound * 0.999, [])):
        loss = with_value(value, usual=usual)
        loss[AT - 10 : AT - 4] = np.nan
        assert kinds(curve(loss)) == found


def test_of_ten_steps_on_either_side_five_are_enough() -> None:
    for unknown, found in ((5, [(AT, "spike")]), (6, [])):
        loss = with_value(1.7)
        loss[AT - 10 : AT - 10 + unknown] = np.nan
        assert kinds(curve(loss)) == found
    loss = with_value(1.7)
    loss[AT + 1 : AT + 11] = np.nan
    assert kinds(curve(loss)) == [(AT, "spike")], "what comes after need not be known"
    loss = with_value(1.7)
    loss[AT - 40 : AT - 10], loss[AT + 11 :] = 9.0, 9.0
    assert (AT, "spike") in kinds(curve(loss)), "no more than ten of either side"


def test_of_the_steps_before_twenty_are_enough() -> None:
    for known, found in ((20, [(AT, "spike")]), (19, [])):
        loss = with_value(5.0)
        loss[: AT - 10 - known + 4] = np.nan
        loss[AT - 10 : AT - 4] = np.nan  # the neighbours are too few to tell
        assert kinds(curve(loss)) == found


def test_a_loss_that_rises_for_good_is_a_spike_where_it_is_far_from_its_median_alone() -> None:
    for level, found in ((1.99, []), (2.01, [(AT, "spike")])):
        loss = np.where(np.arange(STEPS) < AT, 1.0, level)
        assert kinds(curve(loss)) == found


def test_one_event_where_it_begins_to_be_so() -> None:
    loss = np.full(STEPS, 1.0)
    loss[AT : AT + 3] = np.nan
    assert kinds(curve(loss, known=np.ones(STEPS, bool))) == [(AT, "not finite")]
    assert kinds(curve(loss)) == [], "nobody knows that"
    loss[AT + 1] = np.inf
    assert kinds(curve(loss, known=np.ones(STEPS, bool))) == [(AT, "not finite")]
    loss[0] = np.nan
    assert kinds(curve(loss, known=np.ones(STEPS, bool))) == [(0, "not finite"), (AT, "not finite")]


@pytest.mark.parametrize("at", [5, AT])
def test_a_rate_above_five_times_the_highest_of_the_five_before(at: int) -> None:
    assert kinds(curve(rate=with_value(0.0501, at, 0.01))) == [(at, "learning rate")]
    assert kinds(curve(rate=with_value(0.0499, at, 0.01))) == []
    rates = with_value(0.0501, at, 0.01)
    rates[at - 5] = 0.02
    assert kinds(curve(rate=rates)) == []
    rates[at - 5] = np.nan
    assert kinds(curve(rate=rates)) == [(at, "learning rate")]


def test_of_the_first_five_rates_nothing_is_said() -> None:
    assert kinds(curve(rate=with_value(9.0, 4, 0.01))) == []


@pytest.mark.parametrize(("steps", "lasted"), [(1, 1), (20, 20), (21, None)])
def test_how_long_a_rate_lasted(steps: int, lasted: int | None) -> None:
    rates = np.full(STEPS, 0.01)
    rates[AT : AT + steps] = 0.16
    [event] = told(curve(rate=rates))
    assert (event.lasted, event.planned) == (lasted, False)


def test_a_rate_is_back_halfway_as_factors_go() -> None:
    for between, lasted in ((0.0399, 3), (0.0401, None)):
        rates = np.full(STEPS, 0.01)
        rates[AT:], rates[AT + 3 :] = 0.16, between
        [event] = told(curve(rate=rates))
        assert event.lasted == lasted


@pytest.mark.parametrize(
    ("highest", "begun", "planned"),
    [(0.16 / 1.19, 0, True), (0.16 / 1.21, 0, False), (0.16, AT, False), (0.16, AT - 5, False), (0.16, AT - 6, True)],
)
def test_a_rate_that_may_be_a_schedules(highest: float, begun: int, planned: bool) -> None:
    rates = np.full(STEPS, 0.01)
    rates[3], rates[AT:] = highest, 0.16
    first = np.isin(np.arange(STEPS), (0, begun))
    [event] = told(curve(rate=rates, first=first))
    assert (event.planned, event.lasted) == (planned, None)


def saved(time: float, rank: int = 0, **said: Any) -> SavedBatch:
    return SavedBatch(
        Path(f"{time}.safetensors"), Captured(0, **{"reason": "spike", **said}, epoch_time=time, rank=rank)
    )


def test_what_an_event_says() -> None:
    loss = np.arange(STEPS) * 0.001 + 1
    loss[AT] = 9.0
    epochs = np.where(np.arange(STEPS) < 100, 2, 0)
    batches = saved(1000.0 + AT, 1), saved(1000.0 + AT, names=("a.jpg",)), saved(1001.0 + AT)
    [event] = told(curve(loss, epoch=epochs, norm=with_value(np.inf)), *batches)
    assert (event.step, event.epoch, event.rank, event.kind) == (AT, 2, 0, "spike")
    assert (event.value, event.rate, event.norm) == (9.0, 0.01, None)
    assert event.usual == pytest.approx(1.0395)
    assert event.before == pytest.approx(1 + 0.001 * (AT - 10.5))
    assert event.after == pytest.approx(1 + 0.001 * (AT + 10.5))
    assert (event.file, event.images) == (str(batches[1].path), ("a.jpg",))
    [event] = told(curve(rate=with_value(0.09, 110, 0.01), epoch=epochs))
    assert (event.epoch, event.value, event.usual, event.norm, event.file) == (None, 0.09, 0.01, 3.0, None)


def test_what_came_before_an_early_event() -> None:
    losses = 1 + np.arange(STEPS) * 0.001
    [event] = told(curve(losses, rate=with_value(0.09, 5, 0.01)))
    assert event.before == pytest.approx(1.002)
    [event] = told(curve(losses, rate=with_value(0.09, STEPS - 1, 0.01)))
    assert event.after is None


def test_a_batch_that_raised_comes_after_the_last_step_that_was_made() -> None:
    loss = np.arange(STEPS) * 0.01 + 1
    raised: Any = {"reason": "raised", "error": "no", "names": ("a.jpg",), "median": 1.5}
    given = curve(loss, epoch=np.full(STEPS, 3))
    [event] = told(given, saved(1000.5 + AT, **raised), saved(1000.5, 1, **raised))
    assert (event.step, event.epoch, event.kind, event.usual, event.cause) == (AT + 1, 3, "raised", 1.5, "no")
    assert math.isnan(event.value)
    assert event.before == pytest.approx(1 + 0.01 * (AT - 9.5))
    assert event.after == pytest.approx(1 + 0.01 * (AT + 10.5))
    [event] = told(given, saved(999.0, **raised))
    assert (event.step, event.epoch, event.before) == (0, None, None)


def test_medians_of_the_parts_of_a_run() -> None:
    values = np.arange(STEPS) * 1.0
    values[50:60] = np.nan
    parts = binned(curve(), values, np.array([0, 50, 60, 200]))
    assert parts[0] == 24.5
    assert math.isnan(parts[1])
    assert parts[2] == 89.5
    assert math.isnan(parts[3])


# Groups


def rows(*given: dict[str, Any]) -> Any:
    made = np.zeros(len(given), GROUPS.dtype)
    for place, row in enumerate(given):
        for name, value in row.items():
            made[name][place] = value
    return made


def seen(steps: Any, kind: int = WHOLE, key: int = 0, **more: Any) -> list[dict[str, Any]]:
    return [{"step": step, "kind": kind, "key": key, "objects": 10, **more} for step in steps]


STARTS = np.array([0, 50])


def test_what_a_group_comes_to() -> None:
    own = seen([10, 40], LEVEL, 2, right=4, unmatched=1, forced_only=2, positives=20, localization=3.0, positive=2.0)
    own += seen([60], LEVEL, 2, right=8, unmatched=4, forced_only=2, positives=5, localization=0.5, positive=0.5)
    given = rows(*own, *seen([10, 40, 60, 70]), *seen([90], LEVEL, 2, objects=0, right=9))
    [level] = group_histories(given, STARTS, ())
    assert (level.by, level.key, level.name, level.objects) == ("level", 2, "level 2", 30)
    assert [level.unmatched, level.forced_only] == pytest.approx([6 / 30] * 2)
    assert level.right == (0.4, 0.8)
    assert level.cost == (0.25, 0.2)
    assert level.positives == (20, 2.5)
    assert (level.last_step, level.lost_at, level.forgotten_at) == (60, None, None)
    assert right_of_all(rows(*seen([10], right=3), *seen([10], CLASS, 1, right=9)), STARTS)[0] == 0.3
    assert math.isnan(right_of_all(rows(*seen([10])), STARTS)[1])


def test_a_group_without_objects_is_one_of_levels_and_sizes_alone() -> None:
    given = rows(*seen([1], LEVEL, 0, objects=0), *seen([1], CLASS, 1, objects=0), *seen([1], CLASS, 0))
    [level] = group_histories(given, STARTS, ())
    assert (level.name, level.objects, level.last_step) == ("level 0", 0, None)
    assert math.isnan(level.unmatched)
    assert math.isnan(level.forced_only)


def test_what_groups_are_called() -> None:
    given = [*seen([1]), *(each for key in (1, 2) for each in seen([1], CLASS, key))]
    given += [each for key in range(6) for each in seen([1], SIZE, key)]
    assert [each.name for each in group_histories(rows(*given), STARTS, ["cat"])] == [
        "cat", "class 2", "up to 16 px", "16 to 32 px", "32 to 64 px", "64 to 128 px", "128 to 256 px", "above 256 px",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("own", "others", "lost"),
    [
        (range(10), 13, 10),  # seen in all, which is taken for 99 of 100
        (range(10), 11, None),
        (range(0, 10, 2), 21, 9),  # in five of nine: of twelve without it (4 / 9)^12 is no more than chance allows
        (range(0, 10, 2), 20, None),
        (range(2), 20, 2),
        ([0], 99, None),
    ],
)
def test_a_class_that_is_gone(own: Any, others: int, lost: int | None) -> None:
    [group] = group_histories(rows(*seen(range(others)), *seen(own, CLASS, 1)), STARTS, ())
    assert group.lost_at == lost


@pytest.mark.parametrize(
    ("first", "second", "third", "forgotten"),
    [
        ((8, 4), (8, 0), None, 50),
        ((8, 3), (8, 0), None, None),
        ((7, 7), (8, 0), None, None),
        ((8, 8), (7, 0), None, None),
        ((10, 5), (10, 1), None, 50),
        ((10, 5), (10, 2), None, None),
        ((10, 5), (10, 5), (10, 0), 80),
        ((10, 5), (7, 0), (10, 0), 80),
        ((10, 9), (10, 2), (10, 0), 50),
        ((10, 0), (10, 9), (10, 5), None),
    ],
)
def test_a_class_that_is_forgotten(first: Any, second: Any, third: Any, forgotten: int | None) -> None:
    parts = [(0, first), (50, second), (80, third)]
    own = [
        {"step": step, "kind": CLASS, "key": 1, "objects": part[0], "right": part[1]} for step, part in parts if part
    ]
    starts = np.array([step for step, part in parts if part])
    [group] = group_histories(rows(*own, *seen(range(100))), starts, ())
    assert group.forgotten_at == forgotten


def test_images_that_held_a_class_that_is_gone() -> None:
    objects = np.zeros(30, OBJECTS.dtype)
    objects["step"], objects["image"], objects["label"] = np.arange(30), np.arange(30) % 15, 1
    objects["label"][15:] = 2
    objects["image"][0], objects["image"][29] = -1, 3
    given = rows(*seen(range(40)), *seen(range(15), CLASS, 1), *seen(range(40), CLASS, 2))
    gone, stays = group_histories(given, np.array([0]), ["cat"])
    assert (gone.lost_at, stays.lost_at) == (15, None)
    names = {number: f"{number}.jpg" for number in range(15) if number != 4}
    found = with_images(gone, objects, names)
    assert (found.images, found.again) == (14, 13)
    assert found.shown_again == tuple(f"{number}.jpg" for number in (1, 2, 3, 5, 6, 7, 8, 9, 10))
    assert with_images(stays, objects, names) is stays
