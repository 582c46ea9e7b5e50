"""`ssdlossdbg compare`: what would every other codebase say of this batch?"""

from __future__ import annotations

from ssdlossdbg.cli import names
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import DEFAULT_DIALECT, Batch, Device, Findings, Layout, Priors, Report, Rules, split_names
from ssdlossdbg.cli.loss import Printed
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, option
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.report.view import View


class Compared(Group):
    """Whose rules are compared."""

    title = Rules.title
    dialects: str | None = option(
        "--dialects a,b|all", "Whom to ask; all by default.", autocompletion=names.some_dialects
    )
    reference: str | None = option(
        "--reference NAME|FILE",
        f"Whom to compare with.  [default: whose a captured file is, or {DEFAULT_DIALECT}]",
        autocompletion=names.dialects,
    )


@command
def compare(
    batch: Batch,
    priors: Priors,
    rules: Compared,
    printed: Printed,
    layout: Layout,
    device: Device,
    findings: Findings,
    report: Report,
) -> None:
    """Run a saved batch through every codebase's rules, and say why they differ.

    Example: ssdlossdbg compare preds.pt targets.pt --dialects torchvision,caffe
    """
    with progress("Comparing"):
        with quick_imports():
            from ssdlossdbg.api import batches
        result = batches.compare(
            batch.predictions,
            batch.targets,
            priors.config,
            reference=rules.reference,
            dialects=split_names(rules.dialects) or None,
            device=device.device,
            layout=layout.saved(priors),
            printed=printed.said,
        )
    files, groups = (batch.predictions, batch.targets), (priors, layout, device)
    yours = [each.name for each in result.dialects if each.is_yours]
    others = [each.name for each in result.dialects if each.causes]
    if yours:
        then = next_command("loss", *files, "--dialect", yours[0], groups=(*groups, printed))
    elif others:
        then = next_command("dialects", result.reference, others[0])
    else:
        then = next_command("loss", *files, "--dialect", result.reference, groups=groups)
    deliver(findings.choose(result), report.format, findings, view=View(next=then))
