"""Of the folder of a run: every captured batch in a line, and the worst in full."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.saved.captured import captured_files
from ssdlossdbg.results import LossResult, RunBatch, Severity
from ssdlossdbg.results.captured import REASONS

# A batch that says why it is bad goes before one that only looks bad.
GRAVE = ("raised", "not finite", "spike")


def worst_of_run(folder: Path, loss_of: Callable[[Path], LossResult]) -> LossResult:
    """The result of the worst batch, with a line on every one.

    The worst is what the training was hit by first: what raised, was first not finite, or spiked; else a batch with
    the gravest finding, else the one with the highest loss.

    Args:
        folder: of captured batches.
        loss_of: the result of a file.

    Raises:
        InputError: there is no captured file, or none of them can be read.
    """
    worst: tuple[tuple[float, ...], LossResult] | None = None
    lines: list[tuple[tuple[float, ...], RunBatch]] = []
    refused: InputError | None = None
    for file in captured_files(folder):
        try:
            result = loss_of(file)
        except InputError as error:
            refused = refused or error
            unread = RunBatch(str(file), None, "-", 0, None, None, None, (), f"cannot be read: {error.what}")
            lines.append(((math.inf,), unread))
            continue
        rank = _rank(result)
        lines.append((rank, _line(file, result)))
        if worst is None or rank < worst[0]:
            worst = rank, result
    if worst is None:
        assert refused is not None
        raise refused
    ordered = sorted(lines, key=lambda line: line[0])
    return replace(worst[1], batches=tuple(line for _, line in ordered))


def _line(file: Path, result: LossResult) -> RunBatch:
    captured = result.captured
    return RunBatch(
        file=str(file),
        step=result.step,
        reason=captured.reason if captured else "-",
        rank=captured.rank if captured else 0,
        recorded=result.recorded,
        recomputed=result.whole,
        recorded_error=result.recorded_error,
        codes=tuple(finding.code for finding in result.findings if finding.severity is not Severity.NOTE),
    )


def _rank(result: LossResult) -> tuple[float, ...]:
    """Less is worse."""
    captured = result.captured
    reason = captured.reason if captured else ""
    grave = GRAVE.index(reason) if reason in GRAVE else len(GRAVE)
    errors = sum(finding.severity is Severity.ERROR for finding in result.findings)
    step = captured.step if captured else 0
    # What hit the training first is the cause of what came later, whichever of the grave reasons that has.
    first = (0, step, grave) if grave < len(GRAVE) else (1, 0, 0)
    highest = -math.inf if math.isnan(result.whole) else -result.whole
    return *first, -errors, highest, REASONS.index(reason) if reason in REASONS else 0
