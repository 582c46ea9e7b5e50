"""`ssdlossdbg loss`: what is my loss made of, and which negatives were mined?"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.cli.options import (
    BoxFormOption,
    BoxFormOptionType,
    ClassesOption,
    ConfigOption,
    DeviceOption,
    DialectOption,
    FailOn,
    FailOnOption,
    Format,
    FormatOption,
    IgnoreOption,
    ImageSizeOption,
    LabelOffsetOption,
    NativeOption,
    SelectOption,
    TargetUnitsOption,
    ThresholdOption,
    TracebackOption,
    existing_inputs,
    finite,
    parse_classes,
    parse_codes,
    parse_image_size,
)
from ssdlossdbg.cli.pictures import write_pictures
from ssdlossdbg.cli.session import chosen, command, finish, progress, quick_imports, show, show_plain


@command
def loss(
    predictions: Annotated[Path, typer.Argument(metavar="PREDS", help="Saved loc and conf, with or without priors.")],
    targets: Annotated[Path, typer.Argument(metavar="TARGETS", help="Saved boxes and labels of the same batch.")],
    config: ConfigOption = None,
    dialect: DialectOption = "ssd.pytorch",
    image: Annotated[
        list[Path] | None,
        typer.Option("--image", metavar="PHOTO", help="The photo of the first image; repeat for the next ones."),
    ] = None,
    threshold: ThresholdOption = None,
    neg_pos: Annotated[
        float | None,
        typer.Option(
            "--neg-pos",
            metavar="RATIO",
            min=0.0,
            callback=finite,
            help="Negatives mined per positive, over the dialect's.",
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
        ),
    ] = None,
    classes: ClassesOption = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many objects and negatives to list.")] = 10,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Draw a picture of each image there.")
    ] = None,
    target_units: TargetUnitsOption = None,
    label_offset: LabelOffsetOption = None,
    native: NativeOption = False,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", metavar="FILE", help="A state dict, for the weight decay that some dialects add to the loss."
        ),
    ] = None,
    prior_format: BoxFormOptionType = BoxFormOption.CXCYWH,
    image_size: ImageSizeOption = None,
    device: DeviceOption = "auto",
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    fail_on: FailOnOption = FailOn.ERROR,
    format: FormatOption = Format.TEXT,
    traceback: TracebackOption = False,
) -> None:
    """Show what the loss of a saved batch is made of.

    It is split by image, level, class, object and coordinate, and the mined negatives are listed.

    Example: ssdlossdbg loss preds.pt targets.pt
    """
    codes = parse_codes(select, ignore)
    photos = image or []
    with progress("Computing the loss"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.photos import load_photo
            from ssdlossdbg.readers.saved.layout import SavedLayout
        loaded = [load_photo(path) for path in photos]  # before anything is computed, let alone written
        result = api.loss(
            predictions,
            targets,
            config,
            dialect,
            classes=parse_classes(classes),
            threshold=threshold,
            neg_pos=neg_pos,
            alpha=alpha,
            device=device,
            images=photos,
            layout=SavedLayout(prior_format, parse_image_size(image_size), target_units, label_offset, native),
            weights=weights,
        )
        result = chosen(result, codes)
        inputs = existing_inputs(predictions, targets, config, classes, weights, *photos)
        files = []
        if output:
            from ssdlossdbg.report.loss_picture import loss_picture

            draw = partial(loss_picture, result)
            files = write_pictures(draw, len(result.images), loaded, output, "loss", inputs)
    if format is Format.JSON:
        from ssdlossdbg.report.as_json import loss_json

        show_plain(loss_json(result, files))
    else:
        from ssdlossdbg.report.loss_text import loss_report
        from ssdlossdbg.report.text import with_files

        show(with_files(loss_report(result, top), files))
    finish(result.findings, fail_on)
