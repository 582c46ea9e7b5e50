"""`ssdlossdbg detect`: what do the predictions become after NMS, and which objects do they find?"""

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
def detect(
    predictions: Annotated[Path, typer.Argument(metavar="PREDS", help="Saved loc and conf, with or without priors.")],
    targets: Annotated[
        Path | None, typer.Argument(metavar="[TARGETS]", help="Saved boxes and labels of the same batch.")
    ] = None,
    config: ConfigOption = None,
    dialect: DialectOption = "ssd.pytorch",
    image: Annotated[
        list[Path] | None,
        typer.Option("--image", metavar="PHOTO", help="The photo of the first image; repeat for the next ones."),
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
        ),
    ] = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, help="How many objects and detections to list and to draw.")
    ] = 20,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Draw a picture of each image there.")
    ] = None,
    target_units: TargetUnitsOption = None,
    label_offset: LabelOffsetOption = None,
    native: NativeOption = False,
    prior_format: BoxFormOptionType = BoxFormOption.CXCYWH,
    image_size: ImageSizeOption = None,
    device: DeviceOption = "auto",
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    fail_on: FailOnOption = FailOn.ERROR,
    format: FormatOption = Format.TEXT,
    traceback: TracebackOption = False,
) -> None:
    """Show what is detected, and which objects are found.

    Predictions are decoded, thresholded, suppressed and kept as the dialect does. With TARGETS, objects are held
    against them, and it is said how far their training positives get.

    Example: ssdlossdbg detect preds.pt targets.pt --image photo.jpg -o pictures
    """
    codes = parse_codes(select, ignore)
    photos = image or []
    with progress("Detecting"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.photos import load_photo
            from ssdlossdbg.readers.saved.layout import SavedLayout
        loaded = [load_photo(path) for path in photos]  # before anything is computed, let alone written
        result = api.detect(
            predictions,
            targets,
            config,
            dialect,
            classes=parse_classes(classes),
            score_threshold=score_threshold,
            nms=nms,
            device=device,
            images=photos,
            layout=SavedLayout(prior_format, parse_image_size(image_size), target_units, label_offset, native),
        )
        result = chosen(result, codes)
        inputs = existing_inputs(predictions, targets, config, dialect, classes, *photos)
        files = []
        if output:
            from ssdlossdbg.report.detect_picture import detect_picture

            draw = partial(detect_picture, result, top=top)
            files = write_pictures(draw, len(result.images), loaded, output, "detect", inputs)
    if format is Format.JSON:
        from ssdlossdbg.report.as_json import detect_json

        show_plain(detect_json(result, files))
    else:
        from ssdlossdbg.report.detect_text import detect_report
        from ssdlossdbg.report.text import with_files

        show(with_files(detect_report(result, top), files))
    finish(result.findings, fail_on)
