"""`ssdlossdbg compare`: what would every other codebase say of this batch?"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ssdlossdbg.cli import names
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import (
    DEFAULT_DIALECT,
    Batch,
    Device,
    Findings,
    Layout,
    Names,
    PageReport,
    Priors,
    Rules,
    split_names,
)
from ssdlossdbg.cli.loss import Printed
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, Role, option
from ssdlossdbg.cli.pages import write_page
from ssdlossdbg.cli.places import ENDINGS, file_at
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.swapped import either_way
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.report.view import View


class Compared(Group):
    """Whose rules are compared."""

    title = Rules.title
    dialects: str | None = option(
        "--dialects a,b|all", "Whom to ask; all by default.", autocompletion=names.some_dialects
    )
    reference: str | None = option(
        "--dialect --reference NAME|FILE",
        f"Whom to compare with.  [default: whose a captured file is, or {DEFAULT_DIALECT}]",
        autocompletion=names.dialects,
    )
    threshold: float | None = option(
        "--threshold IOU", "Match threshold, over that of every dialect.", min=0.0, max=1.0
    )


class CompareReport(PageReport):
    """How the report is written, and the page beside it."""

    output: Path | None = option("-o --output FILE", "Write a page there; it ends in .html.", Role.OUTPUT_FILE)


@command
def compare(
    batch: Batch,
    priors: Priors,
    rules: Compared,
    printed: Printed,
    naming: Names,
    layout: Layout,
    device: Device,
    findings: Findings,
    report: CompareReport,
    writer: Writer,
) -> None:
    """Run a saved batch through every codebase's rules, and say why they differ.

    Example: ssdlossdbg compare preds.pt targets.pt --dialects torchvision,caffe
    """
    place = file_at(report.output, "compare.html", ENDINGS) if report.output else None
    with progress("Comparing"):
        with quick_imports():
            from ssdlossdbg.api import batches
        run = partial(
            batches.compare,
            priors=priors.config,
            classes=naming.names,
            threshold=rules.threshold,
            reference=rules.reference,
            dialects=split_names(rules.dialects) or None,
            device=device.device,
            layout=layout.saved(priors),
            printed=printed.said,
        )
        result = findings.choose(either_way(run, batch.predictions, batch.targets))
    if place is not None:
        write_page(result, place, View(), writer)
    files, groups = (batch.predictions, batch.targets), (priors, layout, device)
    yours = [each.name for each in result.dialects if each.is_yours]
    others = [each.name for each in result.dialects if each.causes]
    if yours:
        then = next_command("loss", *files, "--dialect", yours[0], groups=(*groups, printed))
    elif others:
        then = next_command("dialects", result.reference, others[0])
    else:
        then = next_command("loss", *files, "--dialect", result.reference, groups=groups)
    deliver(result, report.format, findings, files=writer.written, view=View(next=then))
