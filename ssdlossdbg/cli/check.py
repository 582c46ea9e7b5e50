"""`ssdlossdbg check`: findings alone, for a CI job or a pre-commit hook."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.copies import check_copies, targets_of, write_copies
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Device, Findings, Layout, Names, Priors, Report, SavedRules
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import EXIT_BAD_INPUT, EXIT_CLEAN, InputError
from ssdlossdbg.report.outputs import TEXT, formats
from ssdlossdbg.report.view import View

if TYPE_CHECKING:
    from ssdlossdbg.api.files import Checked
    from ssdlossdbg.results import CheckResult


class ToCheck(Group):
    """What is checked."""

    files: list[Path] = argument(
        "FILE...", "Annotations (VOC XML, COCO JSON, YOLO txt), saved predictions and targets, or folders of them."
    )


class Fixing(Group):
    """What is repaired, and where."""

    title = "Repairs"
    fix: bool = option(
        "--fix/--no-fix",
        "Write repaired copies of all annotation files that are checked into the folder of -o: boxes are clipped, "
        "swapped, dropped and told once, where files and photos leave no doubt; the rest stays, and it is said why.",
        default=False,
    )
    output: Path | None = option(
        "-o --output DIR",
        "Where the copies of --fix go, laid out as their inputs are, those without a repair too.",
        Role.OUTPUT_FOLDER,
    )

    def check(self) -> None:
        """Refuse one without the other."""
        if self.fix and self.output is None:
            raise InputError("--fix", "writes copies, and nobody said where", "Name a folder for them: -o FOLDER.")
        if self.output is not None and not self.fix:
            raise InputError("-o", "is the folder of repaired copies, and none are asked for", "Add --fix.")


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
    checked: ToCheck,
    priors: Priors,
    rules: SavedRules,
    naming: Names,
    layout: Layout,
    device: Device,
    findings: Findings,
    fixing: Fixing,
    report: CheckReport,
    writer: Writer,
) -> None:
    """List what is wrong with annotations and saved batches, a line each.

    The exit code is 1 where there are findings and 2 where a file cannot be read, which stops none of the others.
    Photos that lie beside their annotations are held against the size that those declare.

    Example: ssdlossdbg check VOC2007/Annotations

    Example: ssdlossdbg check VOC2007/Annotations --fix -o fixed
    """
    if fixing.output:
        check_copies(checked.files, fixing.output)
    with progress("Checking"):
        with quick_imports():
            from ssdlossdbg.api import files
            from ssdlossdbg.checks.files import UNREADABLE
        looked = files.checked(
            checked.files,
            priors.config,
            rules.dialect,
            classes=naming.names,
            device=device.device,
            layout=layout.saved(priors),
        )
    result = findings.choose(looked.result, UNREADABLE)  # which decides the exit code
    if fixing.output:
        result = _fix(looked, result, findings, checked.files, fixing.output, writer)
    view = View(notes=report.notes or bool(findings.select))
    exit_code = EXIT_BAD_INPUT if result.files.unreadable else EXIT_CLEAN
    written = writer.written if report.format == "json" else ()  # the others name their folder
    deliver(result, report.format, findings, files=written, view=view, exit_code=exit_code)


def _fix(
    looked: Checked, result: CheckResult, findings: Findings, given: list[Path], folder: Path, writer: Writer
) -> CheckResult:
    """The result with what was repaired, once the copies are written."""
    from ssdlossdbg.api.repairs import repair
    from ssdlossdbg.results import Copies

    with progress("Repairing"):
        made = repair(looked, result, findings.wants)
        targets = targets_of([*made.changed, *made.copied], given, folder)
        copies = {path: (file, made.changed.get(file)) for file, path in targets.items()}
        write_copies(copies, writer)
    return replace(made.result, copies=Copies(str(folder), len(copies), len(made.changed), tuple(made.not_copied)))
