"""`ssdlossdbg check`: findings alone, for a CI job or a pre-commit hook."""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Device, Findings, Layout, Names, Priors, Report, SavedRules
from ssdlossdbg.cli.options import Group, argument, option
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.errors import EXIT_BAD_INPUT, EXIT_CLEAN
from ssdlossdbg.report.outputs import TEXT, formats
from ssdlossdbg.report.view import View


class Checked(Group):
    """What is checked."""

    files: list[Path] = argument(
        "FILE...", "Annotations (VOC XML, COCO JSON, YOLO txt), saved predictions and targets, or folders of them."
    )


class CheckReport(Group):
    """How the findings are written."""

    title = Report.title
    notes: bool = option("--notes/--no-notes", "List notes, too; JSON always does.", default=False)
    format: str = option(
        "--format",
        "Lines to read, JSON, Markdown, GitHub annotations, or SARIF.",
        default=TEXT,
        choices=formats("CheckResult"),
    )


@command
def check(
    checked: Checked,
    priors: Priors,
    rules: SavedRules,
    naming: Names,
    layout: Layout,
    device: Device,
    findings: Findings,
    report: CheckReport,
) -> None:
    """List what is wrong with annotations and saved batches, a line each.

    The exit code is 1 where there are findings and 2 where a file cannot be read, which stops none of the others.
    Photos that lie beside their annotations are held against the size that those declare.

    Example: ssdlossdbg check VOC2007/Annotations
    """
    with progress("Checking"):
        with quick_imports():
            from ssdlossdbg.api import files
            from ssdlossdbg.checks.files import UNREADABLE
        result = files.check(
            checked.files,
            priors.config,
            rules.dialect,
            classes=naming.names,
            device=device.device,
            layout=layout.saved(priors),
        )
    result = findings.choose(result, UNREADABLE)  # which decides the exit code
    view = View(notes=report.notes or bool(findings.select))
    exit_code = EXIT_BAD_INPUT if result.files.unreadable else EXIT_CLEAN
    deliver(result, report.format, findings, view=view, exit_code=exit_code)
