"""What reports say of a batch that a capture saved, and of the loss that the user's own code had."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.text import Text

from ssdlossdbg.report.text import Column, Columns, Row, file_name, number, section, table
from ssdlossdbg.results import SAME_LOSS, Captured, LossResult, Recorded, RunBatch
from ssdlossdbg.results.costs import open_choice
from ssdlossdbg.results.said import is_another, off_by

MOST_BATCHES = 40


def captured_line(captured: Captured) -> str:
    """When and why a batch was captured, in a line."""
    detail = f" ({captured.detail})" if captured.detail else ""
    rank = f", rank {captured.rank} of {captured.world}" if captured.world > 1 else ""
    lr = f", lr {', '.join(f'{rate:g}' for rate in dict.fromkeys(captured.lr))}" if captured.lr else ""
    norm = ""
    if captured.gradient_norm is not None:
        norm = f", gradient norm {captured.gradient_norm:.4g} at the optimiser's step {captured.gradient_norm_step}"
    when = datetime.fromtimestamp(captured.epoch_time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"step {captured.step}{rank}, {captured.reason}{detail}; {captured.criterion}, {when}{lr}{norm}"


def changed_fact(captured: Captured | None) -> list[tuple[str, str]]:
    """In which rules the criterion that a capture saw differs from its dialect's, as a fact; none where in none."""
    return [("with", "; ".join(captured.changed))] if captured and captured.changed else []


def images_fact(names: Sequence[str | None]) -> list[tuple[str, str]]:
    """What the images that tables number are called, as a fact; none where none has a name."""
    if not any(names):
        return []
    return [("images", ", ".join(f"{index}: {name or 'not known'}" for index, name in enumerate(names)))]


def recovered_fact(recovered: bool | None, objects: int) -> list[tuple[str, str]]:
    """That the objects are what encoded positives decode to, and what that leaves out, as a fact; none if not so."""
    if not recovered:
        return []
    limits = "without a positive none is left, and neither their order in the file nor marks such as difficult"
    return [("objects", f"{objects}, recovered: what the positives decode to; {limits}")]


def said_line(result: LossResult) -> Text | None:
    """Both losses side by side; None where it is not known what the user's code had."""
    captured, recorded = result.captured, result.recorded
    if captured is not None and captured.error:
        return Text(f"Your code raised {captured.error}", style="verdict.bad")
    if recorded is None:
        return None
    error = result.recorded_error
    agree = error is not None and not is_another(error, captured.precision if captured else 0.0)
    said = f"Your code said {recorded.words('.4f')}; recomputed {_losses_like(recorded, result)}"
    least, greatest = open_choice(result.images)
    total = result.whole
    if agree and greatest - least > SAME_LOSS * total and recorded.total != total:
        said += f", where equal mining scores leave open anything from {total + least:.4f} to {total + greatest:.4f}"
    else:
        said += _agreement(error, "landmarks" if result.landmarks_left_out else "weight decay")
    said += f"; yours is that of {result.whose}" if result.whose else ""
    return Text(said, style="verdict.good" if agree else "verdict.bad")


def _agreement(error: float | None, more: str) -> str:
    if error is None:
        return f", which cannot be compared: yours has {more} in it"
    if error == 0:
        return ", equal"
    if not math.isfinite(error):
        return ": not the same"
    if not is_another(error):
        return f", equal to 1e{math.ceil(math.log10(error))}"
    return f": {off_by(error)}"


def _losses_like(recorded: Recorded, result: LossResult) -> str:
    """The same values as those that are known, as computed here."""
    loss = result.loss
    if recorded.total is not None:
        return f"{result.whole:.4f}"
    return Recorded(
        None,
        loss.localization if recorded.localization is not None else None,
        loss.confidence if recorded.confidence is not None else None,
    ).words(".4f")


def run_table(batches: Sequence[RunBatch]) -> RenderableType:
    """The batches of a run, a line each, the worst first."""
    columns: Columns = [
        Column("file", "left"),
        Column("saved for", "left"),
        "yours",
        "recomputed",
        "off by",
        Column("findings", "left", wrap=True),
    ]
    rows: list[Row] = [
        (
            Text(file_name(each.file).removesuffix(".safetensors")),
            Text(each.reason),
            number(each.recorded.total if each.recorded else None),
            number(each.recomputed),
            Text(_off(each)),
            Text(each.unreadable or ", ".join(each.codes) or "-"),
        )
        for each in batches[:MOST_BATCHES]
    ]
    more = len(batches) - len(rows)
    title = f"The captured batches, the worst first{f' ({more} more in --format json)' if more else ''}"
    return section(title, table(columns, rows))


def _off(batch: RunBatch) -> str:
    """How far off a batch's loss is, or that equal mining scores leave open what it is."""
    error, said, computed = batch.recorded_error, batch.recorded, batch.recomputed
    if error is None:
        return "-"
    told = None if said is None or computed is None else said.total
    # inf less inf is nan, which is above nothing: those are equal, as `error` says.
    if told is not None and computed is not None and abs(told - computed) > SAME_LOSS * abs(computed):
        return "ties" if not is_another(error) else f"{error:.0e}"
    return f"{error:.0e}"
