"""`ssdlossdbg history`: what happened in a training, and which objects it never learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Findings, Names, sides
from ssdlossdbg.cli.history_outputs import HistoryReport, Trackers, check_outputs, photos_of, write_outputs
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, argument, option
from ssdlossdbg.cli.pages import is_page
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.outputs import PAGE
from ssdlossdbg.report.view import View

if TYPE_CHECKING:
    from ssdlossdbg.results import HistoryResult


class Run(Group):
    """The run that is looked at."""

    run: Path = argument("RUN", "The folder that capture(..., history=True) or run --history writes to.")


class Looked(Group):
    """How it is looked at."""

    title = "The run"
    image_size: str | None = option(
        "--image-size N|WxH", "Size of the network's input in pixels, for sizes of objects.  [default: as captured]"
    )
    causes: bool = option(
        "--causes/--no-causes", "Look into the saved batches of what stands out for a cause.", default=True
    )

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height)."""
        if self.image_size is None:
            return None
        error = InputError("--image-size", f"is {self.image_size!r}", "Say 300, or 320x240.")
        return sides(self.image_size, error)


@command
def history(
    run: Run,
    looked: Looked,
    naming: Names,
    findings: Findings,
    report: HistoryReport,
    trackers: Trackers,
    writer: Writer,
) -> None:
    """Say what happened in a training: when it went wrong, what it learns, and which objects it never does.

    A history is kept by `ssdlossdbg.capture(criterion, RUN, history=True)` or `ssdlossdbg run --history`; it may still
    be going on.

    Example: ssdlossdbg history runs/a
    """
    check_outputs(report)
    with progress("Reading the history"):
        with quick_imports():
            from ssdlossdbg.api.histories import history as of_run
        result = of_run(run.run, classes=naming.names, image_size=looked.size, causes=looked.causes)
    result, view = findings.choose(result), View(report.top)
    shows_page = is_page(report.output) or report.format == PAGE
    with progress("Writing"):
        if shows_page:
            view = replace(view, photos=photos_of(result, report.photos))
        write_outputs(result, report, trackers, view, writer)
    following = _next(result, run.run, shows_page, (looked, naming))
    deliver(result, report.format, findings, files=writer.written, view=replace(view, next=following))


def _next(result: HistoryResult, run: Path, shows_page: bool, groups: Sequence[Group]) -> tuple[str, ...]:
    """The batch that went wrong, the worst kind first, where one was saved; else the page, unless it was shown."""
    saved = [event for event in result.events if event.file is not None]
    if saved:
        worst = min(saved, key=lambda event: event.kind not in ("not finite", "raised"))
        return next_command("loss", worst.file, groups=groups)
    return () if shows_page else next_command("history", run, "-o", "history.html", groups=groups)
