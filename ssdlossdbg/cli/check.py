"""`ssdlossdbg check`: findings alone, for a CI job or a pre-commit hook."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssdlossdbg import __version__
from ssdlossdbg.cli.options import (
    BoxFormOption,
    BoxFormOptionType,
    ClassesOption,
    ConfigOption,
    DeviceOption,
    DialectOption,
    FailOn,
    FailOnOption,
    IgnoreOption,
    ImageSizeOption,
    LabelOffsetOption,
    NativeOption,
    SelectOption,
    TargetUnitsOption,
    TracebackOption,
    parse_classes,
    parse_codes,
    parse_image_size,
)
from ssdlossdbg.cli.session import command, finish, progress, quick_imports, show, show_plain
from ssdlossdbg.errors import EXIT_BAD_INPUT

if TYPE_CHECKING:
    from ssdlossdbg.results import CheckResult


class CheckFormat(StrEnum):
    """How the findings are written to stdout."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


@command
def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Annotations (VOC XML, COCO JSON, YOLO txt), saved predictions and targets, or folders of them.",
        ),
    ],
    config: ConfigOption = None,
    dialect: DialectOption = "ssd.pytorch",
    classes: ClassesOption = None,
    target_units: TargetUnitsOption = None,
    label_offset: LabelOffsetOption = None,
    native: NativeOption = False,
    prior_format: BoxFormOptionType = BoxFormOption.CXCYWH,
    image_size: ImageSizeOption = None,
    device: DeviceOption = "auto",
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    fail_on: FailOnOption = FailOn.ERROR,
    notes: Annotated[
        bool, typer.Option("--notes/--no-notes", show_default=False, help="List notes, too; JSON always does.")
    ] = False,
    format: Annotated[
        CheckFormat, typer.Option("--format", help="Lines to read, JSON, GitHub annotations, or SARIF.")
    ] = CheckFormat.TEXT,
    traceback: TracebackOption = False,
) -> None:
    """List what is wrong with annotations and saved batches, a line each.

    The exit code is 1 where there are findings and 2 where a file cannot be read, which stops none of the others.
    Photos that lie beside their annotations are held against the size that those declare.

    Example: ssdlossdbg check VOC2007/Annotations
    """
    codes = parse_codes(select, ignore)
    with progress("Checking"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.saved.layout import SavedLayout
        result = api.check(
            files,
            config,
            dialect,
            classes=parse_classes(classes),
            device=device,
            layout=SavedLayout(prior_format, parse_image_size(image_size), target_units, label_offset, native),
        )
    result = _chosen(result, *codes)
    _print(result, format, notes or bool(codes[0]))
    if result.files.unreadable:
        raise typer.Exit(EXIT_BAD_INPUT)
    finish(result.findings, fail_on)


def _chosen(result: CheckResult, select: tuple[str, ...], ignore: tuple[str, ...]) -> CheckResult:
    """The result with the findings asked for; what cannot be read decides the exit code, so it is shown in any case."""
    from ssdlossdbg.checks.catalogue import choose
    from ssdlossdbg.checks.files import UNREADABLE

    shown = {finding.code for finding in choose(result.findings, select, ignore)} | {UNREADABLE}
    return replace(result, findings=tuple(finding for finding in result.findings if finding.code in shown))


def _print(result: CheckResult, format: CheckFormat, notes: bool) -> None:
    if format is CheckFormat.JSON:
        from ssdlossdbg.report.check_json import check_json

        show_plain(check_json(result))
    elif format is CheckFormat.SARIF:
        from ssdlossdbg.report.check_sarif import check_sarif

        show_plain(check_sarif(result, __version__, notes))
    elif format is CheckFormat.GITHUB:
        from ssdlossdbg.report.check_github import check_github

        commands = check_github(result, notes)
        if commands:
            show_plain(commands)
    else:
        from ssdlossdbg.report.check_text import check_report

        report = check_report(result, notes)
        if sys.stdout is not None and sys.stdout.isatty():
            show(report)
        else:
            show_plain(report.plain)  # a case stays on its line
