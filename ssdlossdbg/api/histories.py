"""Of a run over time: what `ssdlossdbg history` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ssdlossdbg.analysis.history.history import analyse_history
from ssdlossdbg.api.batches import loss
from ssdlossdbg.api.common import File
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.history import RunHistory, read_history
from ssdlossdbg.results import HistoryResult, Severity
from ssdlossdbg.results.history import RAISED, Event

# So many batches are looked into for a cause, those that went wrong first.
MOST_LOOKED_INTO = 8


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
        looked = [replace(event, cause=_cause(event)) for event in result.events[:MOST_LOOKED_INTO]]
        result = replace(result, events=(*looked, *result.events[MOST_LOOKED_INTO:]))
    return replace(result, findings=find((result,)))


def _size(kept: RunHistory) -> tuple[int, int] | None:
    return next((batch.captured.image_size for batch in kept.batches if batch.captured.image_size), None)


def _cause(event: Event) -> str:
    """What is found first in the batch of an event, but for mere notes; what is known already if nothing is."""
    if event.file is None or event.kind == RAISED:
        return event.cause
    try:
        found = loss(event.file).findings
    except InputError:
        return event.cause
    first = next((each for each in found if each.severity is not Severity.NOTE), None)
    if first is None:
        return event.cause
    case = first.worst
    more = f", and {first.count - 1} more like it" if first.count > 1 else ""
    return f"{first.code} {case.where.place}{': ' if case.where.place else ''}{case.message}{more}"
