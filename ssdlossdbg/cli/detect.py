"""`ssdlossdbg detect`: what do the predictions become after NMS, and which objects do they find?"""

from __future__ import annotations

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
    Format,
    FormatOption,
    Layout,
    Pictures,
    PredictionsFile,
    Priors,
    Rules,
    finite,
    parse_classes,
)
from ssdlossdbg.cli.pictures import write_pictures
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.report.view import View


@command
def detect(
    predictions: PredictionsFile,
    priors: Priors,
    rules: Rules,
    pictures: Pictures,
    layout: Layout,
    findings: Findings,
    writer: Writer,
    targets: Annotated[
        Path | None, typer.Argument(metavar="[TARGETS]", help="Saved boxes and labels of the same batch.")
    ] = None,
    classes: ClassesOption = None,
    score_threshold: Annotated[
        float | None,
        typer.Option(
            "--score-threshold",
            metavar="SCORE",
            min=0.0,
            max=1.0,
            callback=finite,
            help="What a detection's score exceeds, over the dialect's.",
            rich_help_panel=Rules.title,
        ),
    ] = None,
    nms: Annotated[
        float | None,
        typer.Option(
            "--nms",
            metavar="IOU",
            min=0.0,
            max=1.0,
            callback=finite,
            help="Overlap at which NMS drops the lower score, over the dialect's.",
            rich_help_panel=Rules.title,
        ),
    ] = None,
    device: DeviceOption = "auto",
    top: Annotated[
        int,
        typer.Option(
            "--top",
            metavar="N",
            min=1,
            help="How many objects and detections to list and to draw.",
            rich_help_panel=OUTPUT,
        ),
    ] = 20,
    format: FormatOption = Format.TEXT,
) -> None:
    """Show what is detected, and which objects are found.

    Predictions are decoded, thresholded, suppressed and kept as the dialect does. With TARGETS, objects are held
    against them, and it is said how far their training positives get.

    Example: ssdlossdbg detect preds.pt targets.pt --image photo.jpg -o pictures
    """
    view = View(top)
    with progress("Detecting"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.photos import load_photo
        photos = [load_photo(path) for path in pictures.photos]  # before anything is computed, let alone written
        result = api.detect(
            predictions,
            targets,
            priors.config,
            rules.dialect,
            classes=parse_classes(classes),
            score_threshold=score_threshold,
            nms=nms,
            device=device,
            images=pictures.photos,
            layout=layout.saved(priors),
        )
        result = findings.choose(result)
        if pictures.output:
            write_pictures(result, photos, pictures.output, "detect", view, writer)
    deliver(result, format, findings, files=writer.written, view=view)
