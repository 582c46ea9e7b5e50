"""The tables of a run as columns: its events, groups and objects as in JSON, and the rows behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ssdlossdbg.results.contract import keys
from ssdlossdbg.results.history import BY_CLASS, BY_LEVEL, BY_SIZE, Event, GroupHistory, HistoryResult, ObjectHistory
from ssdlossdbg.results.history_course import Course
from ssdlossdbg.results.history_rows import CLASS, LEVEL, SIZE, WHOLE

Columns = dict[str, Any]
BY = {WHOLE: "all", LEVEL: BY_LEVEL, CLASS: BY_CLASS, SIZE: BY_SIZE}
OF_STEPS = ("step", "rank", "epoch", "time", "validation", "loss", "localization", "confidence", "rate", "norm")
OF_GROUPS = ("objects", "unmatched", "forced_only", "right", "positives", "negatives", "localization", "positive",
             "negative")  # fmt: skip
GROUP_ROWS = ("step", "by", "key", "group", *OF_GROUPS)
OF_SAMPLES = ("step", "probability", "cost", "best_iou", "positives", "taken")
OF_OBJECT = ("object", "image", "name", "label", "label_name")


def headings() -> Iterator[str]:
    """How a CSV file of each of the tables begins."""
    for made in (*map(keys, (Event, GroupHistory, ObjectHistory)), OF_STEPS, (*OF_OBJECT, *OF_SAMPLES), GROUP_ROWS):
        yield ",".join(made)


def _records(kind: type, records: Sequence[Any]) -> Columns:
    return {name: [_plain(getattr(each, name)) for each in records] for name in keys(kind)}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def steps(result: HistoryResult) -> Columns:
    """A row a call of the criterion, validation marked."""
    course = result.course
    if course is None:
        return {name: [] for name in OF_STEPS}
    own: Columns = {
        "rank": course.rank,
        "validation": course.validation.astype(np.int64),
        "loss": course.loss.astype(np.float32),
    }
    return {name: own[name] if name in own else course.steps[name] for name in OF_STEPS}


def group_samples(result: HistoryResult) -> Columns:
    """A row a group and sampled batch, counts and losses of that batch alone."""
    if result.course is None:
        return {name: [] for name in GROUP_ROWS}
    rows = result.course.groups
    return {
        "step": rows["step"],
        "by": [BY.get(kind, "") for kind in rows["kind"].tolist()],
        "key": rows["key"],
        "group": group_names(result, result.course),
        **{name: rows[name] for name in OF_GROUPS},
    }


def group_names(result: HistoryResult, course: Course) -> list[str]:
    """What the group of each row of `course.groups` is called; background and the whole are in no table of groups."""
    called = {(group.by, group.key): group.name for group in result.groups}
    pairs = zip(course.groups["kind"].tolist(), course.groups["key"].tolist(), strict=True)
    return [called.get((BY.get(kind, ""), key), "all" if kind == WHOLE else "background") for kind, key in pairs]


def all_objects(result: HistoryResult) -> Columns:
    """A row an object, those that are learnt, too."""
    return _records(ObjectHistory, result.all_objects)


def object_samples(result: HistoryResult) -> Columns:
    """A row an object and sample; `object` is its place in the table all_objects."""
    known = [(place, each, each.samples) for place, each in enumerate(result.all_objects) if each.samples is not None]
    if not known:
        return {name: [] for name in (*OF_OBJECT, *OF_SAMPLES)}
    many = [len(samples.step) for _, _, samples in known]
    objects = {
        "object": np.array([place for place, _, _ in known]),
        **{name: np.array([getattr(each, name) for _, each, _ in known], object) for name in OF_OBJECT[1:]},
    }
    return {
        **{name: np.repeat(column, many) for name, column in objects.items()},
        **{name: np.concatenate([getattr(samples, name) for _, _, samples in known]) for name in OF_SAMPLES},
    }


# What `history --csv` writes, the usual first.
TABLES: dict[str, Callable[[HistoryResult], Columns]] = {
    "all_objects": all_objects,
    "objects": lambda result: _records(ObjectHistory, result.objects),
    "object_samples": object_samples,
    "events": lambda result: _records(Event, result.events),
    "groups": lambda result: _records(GroupHistory, result.groups),
    "group_samples": group_samples,
    "steps": steps,
}
