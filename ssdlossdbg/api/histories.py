"""Of a run over time: what `ssdlossdbg history` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ssdlossdbg.analysis.history.again import Held, unlike_other_steps
from ssdlossdbg.analysis.history.history import analyse_history
from ssdlossdbg.api.batches import loss
from ssdlossdbg.api.common import File
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.history import RunHistory, read_history
from ssdlossdbg.results import HistoryResult, LossResult, Severity
from ssdlossdbg.results.history import RAISED, Event
from ssdlossdbg.results.history_rows import NOWHERE, image_numbers

# So many batches are looked into for a cause, those that went wrong first.
MOST_LOOKED_INTO = 8


@on_cpu_by_default
def history(
    run: File, *, classes: Sequence[str] = (), image_size: tuple[int, int] | None = None, causes: bool = True
) -> HistoryResult:
    """What happened in a run, as `ssdlossdbg history` says.

    Args:
        run: the folder that was given to `capture(criterion, run, history=True)`; the training may still go on.
        classes: class names in the order of their ids, background left out.
        image_size: of the network's input, (width, height) in pixels; what a captured batch says if None.
        causes: whether to look into the captured batches of events for what is wrong with them.

    Raises:
        InputError: the folder holds no history, or one that cannot be read.
    """
    kept = read_history(Path(run))
    result = analyse_history(kept, classes, image_size or _size(kept))
    if causes:
        looked = [replace(event, cause=_cause(event, kept, classes)) for event in result.events[:MOST_LOOKED_INTO]]
        result = replace(result, events=(*looked, *result.events[MOST_LOOKED_INTO:]))
    return replace(result, findings=find((result,)))


def _size(kept: RunHistory) -> tuple[int, int] | None:
    return next((batch.captured.image_size for batch in kept.batches if batch.captured.image_size), None)


def _cause(event: Event, kept: RunHistory, classes: Sequence[str]) -> str:
    """What sets the batch of an event apart, and what is found first in it but for mere notes.

    What is known already is said where nothing is.
    """
    if event.file is None or event.kind == RAISED:
        return event.cause
    try:
        result = loss(event.file)
    except InputError:
        return event.cause
    rows = kept.objects[kept.objects["step"] != event.step]
    unlike = unlike_other_steps(_held(result), rows, classes)
    # Whose rules are followed is so of all batches; and what a network makes of wrong targets is no news.
    said = [unlike, _first(result, leave_out=("REC", "PRE") if unlike else ("REC",))]
    return "; ".join(filter(None, said)) or event.cause


def _first(result: LossResult, leave_out: tuple[str, ...]) -> str:
    """What is found first in a batch but for mere notes, and codes that begin so."""
    of_weight = (each for each in result.findings if each.severity is not Severity.NOTE)
    first = next((each for each in of_weight if not each.code.startswith(leave_out)), None)
    if first is None:
        return ""
    case = first.worst
    more = f", and {first.count - 1} more like it" if first.count > 1 else ""
    return f"{first.code} {case.where.place}{': ' if case.where.place else ''}{case.message}{more}"


def _held(result: LossResult) -> Held:
    """The objects of a captured batch, by the numbers that its images have in a history."""
    captured, objects = result.captured, result.ground_truth
    numbers = [] if captured is None else image_numbers(captured.indices, captured.names)
    image = [numbers[each.image] if each.image < len(numbers) else NOWHERE for each in objects]
    box = np.array([each.box for each in objects]).reshape(-1, 4) / (result.config.image_size * 2)
    return Held(np.array(image, np.int64), np.array([each.class_id for each in objects], np.int64), box)
