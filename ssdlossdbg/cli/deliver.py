"""What ends every command: its report on stdout, and its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from ssdlossdbg import __version__
from ssdlossdbg.cli import widths
from ssdlossdbg.cli.groups import Findings
from ssdlossdbg.cli.streams import discard_stdout, show, show_plain
from ssdlossdbg.errors import EXIT_CLEAN, EXIT_FINDINGS
from ssdlossdbg.report.view import USUAL, View

if TYPE_CHECKING:
    from ssdlossdbg.results import Reported


def deliver(
    result: Reported,
    format: str,
    findings: Findings | None = None,
    *,
    files: Sequence[str] = (),
    view: View = USUAL,
    exit_code: int = EXIT_CLEAN,
) -> None:
    """Print the report on a result, and end the command, once everything else is written.

    Args:
        result: with the findings that are to be shown.
        format: one of those that `report.outputs` has for the result.
        findings: says which of them make the command fail; none does if None.
        files: that were written.
        view: how to show the result.
        exit_code: what the command ends with, whatever is found; if clean, the findings decide.

    Raises:
        typer.Exit: with the exit code, where that is not clean.
    """
    from ssdlossdbg.report.outputs import render

    report = render(result, format, replace(view, files=tuple(files), version=__version__))
    try:
        _print(report)
    except BrokenPipeError:  # `| head` has seen enough; what was found decides how the command ends all the same
        discard_stdout()
    if exit_code == EXIT_CLEAN and findings is not None and findings.fail(getattr(result, "findings", ())):
        exit_code = EXIT_FINDINGS
    if exit_code != EXIT_CLEAN:
        raise typer.Exit(exit_code)


def _print(report: Any) -> None:
    """Print a report; one of lines only is not wrapped where it goes to a file or a program, which reads lines."""
    from rich.text import Text

    if isinstance(report, Text) and (sys.stdout.isatty() or widths.asked()):
        show(report)
    elif isinstance(report, (str, Text)):
        if str(report):  # of GitHub's commands there may be none
            show_plain(str(report))
    else:
        show(report)
