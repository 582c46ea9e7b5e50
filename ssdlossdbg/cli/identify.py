"""`ssdlossdbg identify`: whose loss is mine, and which rules differ?"""

from __future__ import annotations

from ssdlossdbg.cli import names
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Batch, Device, Layout, Priors, Report, Rules, split_names
from ssdlossdbg.cli.loss import Printed
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, option
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.report.view import View


class Asked(Group):
    """Whose rules are tried."""

    title = Rules.title
    dialects: str | None = option(
        "--dialects a,b|all", "Whom to ask; all by default.", autocompletion=names.some_dialects
    )
    changes: int = option("--changes N", "Rules of a dialect that may be others.", default=1, min=0, max=2)
    seconds: float = option("--seconds S", "How long it may take.", default=60.0, min=0.0)


@command
def identify(
    batch: Batch, priors: Priors, asked: Asked, printed: Printed, layout: Layout, device: Device, report: Report
) -> None:
    """Say whose rules give the loss that your code had of a saved batch.

    A captured batch, or a saved dict with a key `loss`, says that loss itself; --printed says it of others. One batch
    rarely tells all rules apart: `ssdlossdbg.identify(criterion)`, in Python, runs your criterion on inputs that do.

    Example: ssdlossdbg identify runs/a/step0000341.safetensors
    """
    with progress("Trying rules"):
        with quick_imports():
            from ssdlossdbg.api.identities import identify_batch
        result = identify_batch(
            batch.predictions,
            batch.targets,
            priors.config,
            dialects=split_names(asked.dialects) or None,
            printed=printed.said,
            most_changes=asked.changes,
            seconds=asked.seconds,
            device=device.device,
            layout=layout.saved(priors),
        )
    files, groups = (batch.predictions, batch.targets), (priors, printed, layout, device)
    known = result.dialects and not result.dialects[0].changes
    if known:
        then = next_command("loss", *files, "--dialect", result.dialects[0].name, groups=groups)
    else:
        then = next_command("compare", *files, groups=groups)
    deliver(result, report.format, view=View(next=then))
