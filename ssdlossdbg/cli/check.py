"""`ssdlossdbg check`: findings alone, for a CI job or a pre-commit hook."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import (
    OUTPUT,
    ClassesOption,
    DeviceOption,
    Findings,
    Layout,
    Priors,
    Rules,
    parse_classes,
)
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.errors import EXIT_BAD_INPUT, EXIT_CLEAN
from ssdlossdbg.report.view import View


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
    priors: Priors,
    rules: Rules,
    layout: Layout,
    findings: Findings,
    classes: ClassesOption = None,
    device: DeviceOption = "auto",
    notes: Annotated[
        bool,
        typer.Option(
            "--notes/--no-notes",
            show_default=False,
            help="List notes, too; JSON always does.",
            rich_help_panel=Findings.title,
        ),
    ] = False,
    format: Annotated[
        CheckFormat,
        typer.Option("--format", help="Lines to read, JSON, GitHub annotations, or SARIF.", rich_help_panel=OUTPUT),
    ] = CheckFormat.TEXT,
) -> None:
    """List what is wrong with annotations and saved batches, a line each.

    The exit code is 1 where there are findings and 2 where a file cannot be read, which stops none of the others.
    Photos that lie beside their annotations are held against the size that those declare.

    Example: ssdlossdbg check VOC2007/Annotations
    """
    with progress("Checking"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.checks.files import UNREADABLE
        result = api.check(
            files,
            priors.config,
            rules.dialect,
            classes=parse_classes(classes),
            device=device,
            layout=layout.saved(priors),
        )
    result = findings.choose(result, UNREADABLE)  # which decides the exit code
    view = View(notes=notes or bool(findings.select))
    exit_code = EXIT_BAD_INPUT if result.files.unreadable else EXIT_CLEAN
    deliver(result, format, findings, view=view, exit_code=exit_code)
