"""`ssdlossdbg compare`: what would every other codebase say of this batch?"""

from __future__ import annotations

from typing import Annotated

import typer

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import (
    DEFAULT_DIALECT,
    DeviceOption,
    Findings,
    Format,
    FormatOption,
    Layout,
    PredictionsFile,
    Priors,
    TargetsFile,
    split_names,
)
from ssdlossdbg.cli.progress import progress, quick_imports


@command
def compare(
    predictions: PredictionsFile,
    targets: TargetsFile,
    priors: Priors,
    layout: Layout,
    findings: Findings,
    dialects: Annotated[
        str | None,
        typer.Option("--dialects", metavar="a,b|all", help="Whom to ask; all by default."),
    ] = None,
    reference: Annotated[
        str,
        typer.Option("--reference", metavar="NAME|FILE", help="Whom to compare with."),
    ] = DEFAULT_DIALECT,
    device: DeviceOption = "auto",
    format: FormatOption = Format.TEXT,
) -> None:
    """Run a saved batch through every codebase's rules, and say why they differ.

    Example: ssdlossdbg compare preds.pt targets.pt --dialects torchvision,caffe
    """
    with progress("Comparing"):
        with quick_imports():
            from ssdlossdbg import api
        result = api.compare(
            predictions,
            targets,
            priors.config,
            reference=reference,
            dialects=split_names(dialects) or None,
            device=device,
            layout=layout.saved(priors),
        )
    deliver(findings.choose(result), format, findings)
