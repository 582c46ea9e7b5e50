"""`ssdlossdbg detect`: what do the predictions become after NMS, and which objects do they find?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Device, Findings, Layout, Names, PageReport, Pictures, Priors, SavedRules
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, argument, option
from ssdlossdbg.cli.pages import is_page
from ssdlossdbg.cli.pictures import load_photos, write_pictures
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.swapped import either_way
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.report.outputs import PAGE
from ssdlossdbg.report.view import View


class Saved(Group):
    """Saved predictions, and the objects that they are to find."""

    predictions: Path = argument(
        "PREDS", "Saved loc and conf, with or without priors; a captured batch, or the folder of a run."
    )
    targets: Path | None = argument("[TARGETS]", "Saved boxes and labels of the same batch.", default=None)


class DetectRules(SavedRules):
    """Whose rules to follow, and where to post-process otherwise."""

    score_threshold: float | None = option(
        "--score-threshold SCORE", "What a detection's score exceeds, over the dialect's.", min=0.0, max=1.0
    )
    nms: float | None = option(
        "--nms IOU", "Overlap at which NMS drops the lower score, over the dialect's.", min=0.0, max=1.0
    )


class DetectReport(PageReport):
    """How the report is written, and how long it is."""

    top: int = option("--top N", "How many objects and detections to list and to draw.", default=20, min=1)


@command
def detect(
    saved: Saved,
    priors: Priors,
    rules: DetectRules,
    naming: Names,
    layout: Layout,
    device: Device,
    pictures: Pictures,
    findings: Findings,
    report: DetectReport,
    writer: Writer,
) -> None:
    """Show what is detected, and which objects are found.

    Predictions are decoded, thresholded, suppressed and kept as the dialect does. With TARGETS, objects are held
    against them, and it is said how far their training positives get.

    Example: ssdlossdbg detect preds.pt targets.pt --image photo.jpg -o pictures
    """
    with progress("Detecting"):
        with quick_imports():
            from ssdlossdbg.api import batches
        view = View(report.top, photos=load_photos(pictures, report.format))
        run = partial(
            batches.detect,
            priors=priors.config,
            dialect=rules.dialect,
            classes=naming.names,
            score_threshold=rules.score_threshold,
            nms=rules.nms,
            device=device.device,
            images=pictures.image or (),
            layout=layout.saved(priors),
            detail=report.format == PAGE or is_page(pictures.output),
        )
        result = findings.choose(either_way(run, saved.predictions, saved.targets))
        write_pictures(result, pictures.output, "detect", view, writer)
    files, groups = (saved.predictions, saved.targets), (priors, rules, naming, layout, device)
    drawn = pictures.output is not None and result.targets_path
    # Pictures say where boxes go wrong, and the loss why.
    asked = ("loss", *files) if drawn else ("detect", *files, "-o", "pictures")
    then = next_command(*map(str, filter(None, asked)), groups=groups)
    deliver(result, report.format, findings, files=writer.written, view=replace(view, next=then))
