"""What the page of `history` needs beyond its document: its steps, and each listed object in its samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssdlossdbg.report.history.thinned import thinned
from ssdlossdbg.report.html.arrays import packed
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results.common import IntArray
from ssdlossdbg.results.history import REASONS, HistoryResult, ObjectHistory
from ssdlossdbg.results.history_course import Course, Samples
from ssdlossdbg.results.history_rows import PARTS_KNOWN

# Beyond them the page would be slow, and full: steps of each process, and samples of objects.
MOST_STEPS, MOST_SAMPLES = 12_000, 150_000


def history_extra(result: HistoryResult, view: View = USUAL) -> dict[str, Any]:
    """Its steps and samples as columns, and which photo each object is in.

    Args:
        result: what `history` returned; without its rows, one that was read from JSON.
        view: its photos are those of the images of `photographed`, as many as there are.
    """
    arrays: dict[str, Any] = {}
    left_out: list[str] = []
    if result.course is not None:
        arrays = _steps(result.course, np.array([event.step for event in result.events], np.int64))
        left = len(result.course.steps) - len(result.course.steps[arrays.pop("places")])
        left_out += [f"{left:,} of {len(result.course.steps):,} steps, none that stands out"] if left else []
    kept = _fitting(result.objects)
    samples = [each.samples for each in result.objects[:kept] if each.samples is not None]
    missing = sum(each.samples is not None for each in result.objects) - len(samples)
    left_out += [f"the course of {missing:,} objects that cost least"] if missing else []
    places = {name: place for place, name in enumerate(photographed(result)[: len(view.photos)])}
    return {
        "arrays": {name: packed(column) for name, column in {**arrays, **_samples(samples)}.items()},
        "photo_of": [places.get(each.name) for each in result.objects],
        "moved": [each.samples is None or each.samples.moved for each in result.objects],
        "reasons": REASONS,
        "left_out": left_out,
    }


def photographed(result: HistoryResult) -> list[str]:
    """The images of objects that are not learnt, the dearest first, each once."""
    return list(dict.fromkeys(each.name for each in result.objects if each.name))


def _steps(course: Course, events: IntArray) -> dict[str, Any]:
    places = thinned(course, MOST_STEPS, events)
    rows = course.steps[places]
    told = (rows["marks"] & PARTS_KNOWN) > 0
    return {
        "places": places,
        "step": rows["step"].astype(np.float64),  # of which a damaged file may have more than 32 bits
        "rank": course.rank[places],
        "epoch": rows["epoch"],
        "validation": course.validation[places],
        "loss": course.loss[places],
        **{name: np.where(told, rows[name], np.nan) for name in ("localization", "confidence")},
        **{name: rows[name] for name in ("rate", "norm")},
    }


def _fitting(objects: tuple[ObjectHistory, ...]) -> int:
    """How many of them, from the dearest on, have no more samples than there is room for."""
    many = np.cumsum([0 if each.samples is None else len(each.samples.step) for each in objects])
    return int((many <= MOST_SAMPLES).sum())


def _samples(samples: list[Samples]) -> dict[str, Any]:
    """Object after object; `sample_count` says how many are of each."""
    if not samples:
        return {}
    joined = {
        f"sample_{name}": np.concatenate([getattr(each, name) for each in samples])
        for name in ("step", "probability", "cost", "taken")
    }
    joined["sample_step"] = joined["sample_step"].astype(np.float64)
    return {"sample_count": np.array([len(each.step) for each in samples]), **joined}
