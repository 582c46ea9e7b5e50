"""`ssdlossdbg loss`: what is my loss made of, and which negatives were mined?"""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Batch, Device, Findings, Layout, MatchRules, Names, Pictures, Priors, Report
from ssdlossdbg.cli.options import option
from ssdlossdbg.cli.pictures import load_photos, write_pictures
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.report.view import View


class LossRules(MatchRules):
    """Whose rules to follow, and where to match, mine and weigh otherwise."""

    neg_pos: float | None = option("--neg-pos RATIO", "Negatives mined per positive, over the dialect's.", min=0.0)
    alpha: float | None = option("--alpha WEIGHT", "Weight of the localisation loss, over the dialect's.", min=0.0)
    weights: Path | None = option(
        "--weights FILE", "A state dict, for the weight decay that some dialects add to the loss."
    )


class LossReport(Report):
    """How the report is written, and how long it is."""

    top: int = option("--top N", "How many objects and negatives to list.", default=10, min=1)


@command
def loss(
    batch: Batch,
    priors: Priors,
    rules: LossRules,
    naming: Names,
    layout: Layout,
    device: Device,
    pictures: Pictures,
    findings: Findings,
    report: LossReport,
    writer: Writer,
) -> None:
    """Show what the loss of a saved batch is made of.

    It is split by image, level, class, object and coordinate, and the mined negatives are listed.

    Example: ssdlossdbg loss preds.pt targets.pt
    """
    view = View(report.top)
    with progress("Computing the loss"):
        with quick_imports():
            from ssdlossdbg.api import batches
        photos = load_photos(pictures)
        result = batches.loss(
            batch.predictions,
            batch.targets,
            priors.config,
            rules.dialect,
            classes=naming.names,
            threshold=rules.threshold,
            neg_pos=rules.neg_pos,
            alpha=rules.alpha,
            device=device.device,
            images=pictures.image or (),
            layout=layout.saved(priors),
            weights=rules.weights,
        )
        result = findings.choose(result)
        write_pictures(result, photos, pictures.output, "loss", view, writer)
    deliver(result, report.format, findings, files=writer.written, view=view)
