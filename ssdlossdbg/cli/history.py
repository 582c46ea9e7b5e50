"""`ssdlossdbg history`: what happened in a training, and which objects it never learns."""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Findings, Names, Report, sides
from ssdlossdbg.cli.options import Group, argument, option
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.view import View


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


class HistoryReport(Report):
    """How the report is written, and how long it is."""

    title = Report.title
    top: int | None = option("--top N", "How many events and objects to list.  [default: 10]", min=1)


@command
def history(run: Run, looked: Looked, naming: Names, findings: Findings, report: HistoryReport) -> None:
    """Say what happened in a training: when it went wrong, what it learns, and which objects it never does.

    A history is kept by `ssdlossdbg.capture(criterion, RUN, history=True)` or `ssdlossdbg run --history`; it may still
    be going on.

    Example: ssdlossdbg history runs/a
    """
    with progress("Reading the history"):
        with quick_imports():
            from ssdlossdbg.api.histories import history as of_run
        result = of_run(run.run, classes=naming.names, image_size=looked.size, causes=looked.causes)
    deliver(findings.choose(result), report.format, findings, view=View(report.top))
