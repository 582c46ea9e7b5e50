"""Of the folder of a run: every captured batch in a line, and the worst in full."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.saved.captured import captured_files
from ssdlossdbg.results import Captured, Finding, LossResult, Recorded, RunBatch, Severity
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
            lines.append(unread_line(str(file), error))
            continue
        rank = gravity(result.captured, result.findings, result.whole)
        lines.append((rank, _line(file, result)))
        if worst is None or rank < worst[0]:
            worst = rank, result
    if worst is None:
        assert refused is not None
        raise refused
    ordered = sorted(lines, key=lambda line: line[0])
    return replace(worst[1], batches=tuple(line for _, line in ordered))


def _line(file: Path, result: LossResult) -> RunBatch:
    said = (result.recorded, result.whole, result.recorded_error)
    return batch_line(str(file), result.captured, said, result.findings)


def unread_line(file: str, error: InputError) -> tuple[tuple[float, ...], RunBatch]:
    """A file that cannot be read, after all others."""
    return (math.inf,), RunBatch(file, None, "-", 0, None, None, None, (), f"cannot be read: {error.what}")


def batch_line(
    file: str,
    captured: Captured | None,
    said: tuple[Recorded | None, float, float | None],
    findings: Sequence[Finding],
) -> RunBatch:
    """A batch in a line.

    Args:
        file: its path.
        captured: what a capture says of it; None of what no capture wrote.
        said: what the user's code had, what is computed, and the relative difference.
        findings: in it.
    """
    recorded, recomputed, error = said
    return RunBatch(
        file=file,
        step=captured.step if captured else None,
        reason=captured.reason if captured else "-",
        rank=captured.rank if captured else 0,
        recorded=recorded,
        recomputed=recomputed,
        recorded_error=error,
        codes=tuple(finding.code for finding in findings if finding.severity is not Severity.NOTE),
    )


def gravity(captured: Captured | None, findings: Sequence[Finding], whole: float) -> tuple[float, ...]:
    """How bad a batch is; less is worse.

    Args:
        captured: what a capture says of it; None of what no capture wrote.
        findings: in it.
        whole: its loss.
    """
    reason = captured.reason if captured else ""
    grave = GRAVE.index(reason) if reason in GRAVE else len(GRAVE)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    step = captured.step if captured else 0
    # What hit the training first is the cause of what came later, whichever of the grave reasons that has.
    first = (0, step, grave) if grave < len(GRAVE) else (1, 0, 0)
    highest = -math.inf if math.isnan(whole) else -whole
    return *first, -errors, highest, REASONS.index(reason) if reason in REASONS else 0
