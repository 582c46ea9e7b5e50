"""`ssdlossdbg loss`: what is my loss made of, and which negatives were mined?"""

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
    MatchRules,
    Pictures,
    PredictionsFile,
    Priors,
    TargetsFile,
    finite,
    parse_classes,
)
from ssdlossdbg.cli.pictures import write_pictures
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.report.view import View


@command
def loss(
    predictions: PredictionsFile,
    targets: TargetsFile,
    priors: Priors,
    rules: MatchRules,
    pictures: Pictures,
    layout: Layout,
    findings: Findings,
    writer: Writer,
    neg_pos: Annotated[
        float | None,
        typer.Option(
            "--neg-pos",
            metavar="RATIO",
            min=0.0,
            callback=finite,
            help="Negatives mined per positive, over the dialect's.",
            rich_help_panel=MatchRules.title,
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            "--alpha",
            metavar="WEIGHT",
            min=0.0,
            callback=finite,
            help="Weight of the localisation loss, over the dialect's.",
            rich_help_panel=MatchRules.title,
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="A state dict, for the weight decay that some dialects add to the loss.",
            rich_help_panel=MatchRules.title,
        ),
    ] = None,
    classes: ClassesOption = None,
    device: DeviceOption = "auto",
    top: Annotated[
        int,
        typer.Option(
            "--top", metavar="N", min=1, help="How many objects and negatives to list.", rich_help_panel=OUTPUT
        ),
    ] = 10,
    format: FormatOption = Format.TEXT,
) -> None:
    """Show what the loss of a saved batch is made of.

    It is split by image, level, class, object and coordinate, and the mined negatives are listed.

    Example: ssdlossdbg loss preds.pt targets.pt
    """
    view = View(top)
    with progress("Computing the loss"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.photos import load_photo
        photos = [load_photo(path) for path in pictures.photos]  # before anything is computed, let alone written
        result = api.loss(
            predictions,
            targets,
            priors.config,
            rules.dialect,
            classes=parse_classes(classes),
            threshold=rules.threshold,
            neg_pos=neg_pos,
            alpha=alpha,
            device=device,
            images=pictures.photos,
            weights=weights,
            layout=layout.saved(priors),
        )
        result = findings.choose(result)
        if pictures.output:
            write_pictures(result, photos, pictures.output, "loss", view, writer)
    deliver(result, format, findings, files=writer.written, view=view)
