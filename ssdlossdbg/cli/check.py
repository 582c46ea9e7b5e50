"""`ssdlossdbg check`: findings alone, for a CI job or a pre-commit hook."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.copies import check_copies, targets_of, write_copies
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Device, Layout, Names, Priors, Report, SavedRules
from ssdlossdbg.cli.ignores import FileFindings, warn_of_idle
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.places import file_at
from ssdlossdbg.cli.progress import progress, quick_imports, tracking
from ssdlossdbg.cli.writing import Writer, check_folder
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


class Accepted(FileFindings):
    """Which findings are shown, which are accepted, and which make the command fail."""

    title = FileFindings.title
    baseline: Path | None = option(
        "--baseline FILE", "Findings that are known, which are counted only; what is gone since is said."
    )
    write_baseline: Path | None = option(
        "--write-baseline FILE", "Accept all findings there are: write them to FILE.", Role.OUTPUT_FILE
    )

    def check(self) -> None:
        """Refuse what is no code, or no pattern, and files that no baseline has."""
        super().check()
        if self.write_baseline is not None:
            check_folder(file_at(self.write_baseline, "baseline.json", (".json",)).parent)

    def wants(self, code: str, file: str) -> bool:
        """Whether findings of a code are shown of a file."""
        selected = self.codes[0]
        return (not selected or code.startswith(selected)) and not any(
            each.leaves_out(code, file) for each in self.ignores
        )


class Fixing(Group):
    """What is repaired, and where."""

    title = "Repairs"
    fix: bool = option(
        "--fix/--no-fix",
        "Write copies of all annotation files that are checked into the folder of -o, the inputs staying as they are: "
        "in them boxes are clipped, swapped, dropped or told once where file and photo leave no doubt. Each change is "
        "said, and of what stays, why. The exit code counts what is left.",
        default=False,
    )
    output: Path | None = option(
        "-o --output DIR",
        "Where the copies of --fix go, laid out as their inputs are. Files without a repair are copied, too, so that "
        "the folder is a data set but for its photos; what is there already, byte for byte, is not written again.",
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
    findings: Accepted,
    fixing: Fixing,
    report: CheckReport,
    writer: Writer,
) -> None:
    """List what is wrong with annotations and saved batches, a line each.

    The exit code is 1 where there are findings and 2 where a file cannot be read, which stops none of the others.
    Photos that lie beside their annotations are held against the size that those declare.

    Example: ssdlossdbg check VOC2007/Annotations

    Example: ssdlossdbg check VOC2007/Annotations --fix -o fixed

    Example: ssdlossdbg check VOC2007/Annotations --baseline known.json
    """
    if fixing.output:
        check_copies(checked.files, fixing.output)
    with progress("Loading torch"), quick_imports():
        from ssdlossdbg.api import files
        from ssdlossdbg.checks.files import UNREADABLE
    with tracking("Checking", "the files", "file") as track:
        looked = files.checked(
            checked.files,
            priors.config,
            rules.dialect,
            classes=naming.names,
            device=device.device,
            layout=layout.saved(priors),
            track=track,
        )
    result = _accepted(looked, findings)
    if fixing.output:
        result = _fix(looked, result, findings, checked.files, fixing.output, writer)
    if findings.write_baseline:
        result = _write_baseline(result, file_at(findings.write_baseline, "baseline.json", (".json",)), writer)
    view = View(notes=report.notes or bool(findings.select))
    unreadable = any(finding.code == UNREADABLE for finding in result.findings)
    exit_code = EXIT_BAD_INPUT if unreadable else EXIT_CLEAN
    copies = result.copies is not None and report.format != "json"  # whose folder is named
    written = [file for file in writer.written if not copies or Path(file) == findings.write_baseline]
    deliver(result, report.format, findings, files=written, view=view, exit_code=exit_code)


def _accepted(looked: Checked, findings: Accepted) -> CheckResult:
    """The result without what the user has ignored, or knows; what cannot be read is always told."""
    from ssdlossdbg.checks.catalogue import choose
    from ssdlossdbg.checks.files import UNREADABLE
    from ssdlossdbg.checks.ignores import without_ignored, without_known

    result, ignores = looked.result, findings.ignores
    chosen = choose(result.findings, findings.codes[0])
    selected = [each for each in result.findings if each in chosen or each.code == UNREADABLE]
    kept, suppressed = without_ignored(selected, ignores, (UNREADABLE,))
    warn_of_idle(ignores)
    number = sum(each.finding.count for each in suppressed)
    result = replace(result, findings=kept, ignored=number, suppressed=suppressed)
    if findings.baseline is None:
        return result
    from ssdlossdbg.readers.baselines import names_beside, read_baseline

    name = names_beside(findings.baseline)
    result = without_known(result, read_baseline(findings.baseline), name)
    seen = set(map(name, looked.files))
    home = findings.baseline.parent
    gone = (
        each
        for each in result.gone
        if (each.file in seen or not (home / each.file).exists()) and findings.wants(each.code, str(home / each.file))
    )
    return replace(result, gone=tuple(gone))


def _write_baseline(result: CheckResult, path: Path, writer: Writer) -> CheckResult:
    """The result once all there is, known or not, is known to a baseline."""
    from ssdlossdbg.checks.ignores import KNOWN, as_known, without_known
    from ssdlossdbg.readers.baselines import baseline_of, names_beside

    before = (each.finding for each in result.suppressed if each.why == KNOWN)
    own = as_known(result.findings, names_beside(path))
    writer.write(path, baseline_of(as_known([*result.findings, *before], names_beside(path))))
    return replace(without_known(result, own, names_beside(path)), gone=result.gone)


def _fix(
    looked: Checked, result: CheckResult, findings: Accepted, given: list[Path], folder: Path, writer: Writer
) -> CheckResult:
    """The result with what was repaired, once the copies are written."""
    from ssdlossdbg.api.repairs import repair
    from ssdlossdbg.results import Copies

    with progress("Repairing"):
        made = repair(looked, result, findings.wants)
        targets = targets_of([*made.changed, *made.copied], made.beside, given, folder)
        copies = {path: (file, made.changed.get(file)) for file, path in targets.items()}
        write_copies(copies, writer)
    return replace(made.result, copies=Copies(str(folder), len(copies), len(made.changed), tuple(made.not_copied)))
