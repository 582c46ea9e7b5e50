"""`ssdlossdbg audit`: what will hurt the training on this dataset, before it starts?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.cli.audit_outputs import DEFAULT_DIALECT, check_outputs, match_options, pictures, read_files
from ssdlossdbg.cli.options import (
    BoxFormOption,
    BoxFormOptionType,
    ClassesOption,
    ConfigOption,
    DatasetFormatOptionType,
    DeviceOption,
    DialectOption,
    FailOn,
    FailOnOption,
    Format,
    FormatOption,
    IgnoreOption,
    ImageSizeOption,
    SelectOption,
    ThresholdOption,
    TracebackOption,
    existing_inputs,
    parse_classes,
    parse_codes,
    parse_image_size,
)
from ssdlossdbg.cli.progress import counting, tracking
from ssdlossdbg.cli.session import (
    check_output,
    command,
    finish,
    make_folder,
    progress,
    quick_imports,
    show_output,
    unused,
    write_file,
)
from ssdlossdbg.errors import EXIT_INTERRUPTED, InputError, LostRankError

# Images that the report names; a gallery may ask for more.
MOST_NAMED = 10


@command
def audit(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="A Pascal VOC folder or ImageSets list, a COCO JSON, a YOLO folder or data.yaml, or an Open Images "
            "CSV. Photos need not be there.",
        ),
    ],
    config: ConfigOption = None,
    dialect: DialectOption = DEFAULT_DIALECT,
    threshold: ThresholdOption = None,
    classes: ClassesOption = None,
    dataset_format: DatasetFormatOptionType = None,
    descriptions: Annotated[
        Path | None,
        typer.Option(
            "--descriptions", metavar="CSV", help="Open Images' class names, where they don't lie beside DATASET."
        ),
    ] = None,
    letterbox: Annotated[
        bool,
        typer.Option(
            "--letterbox/--stretch", show_default=False, help="Photos are scaled as a whole and padded, not stretched."
        ),
    ] = False,
    augment: Annotated[
        int,
        typer.Option("--augment", metavar="N", min=0, help="Draw the dialect's random crops, too, N of each image."),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the random crops.")] = 0,
    charts: Annotated[
        bool,
        typer.Option("--charts/--no-charts", show_default=False, help="Draw charts; this needs matplotlib."),
    ] = False,
    gallery: Annotated[
        int,
        typer.Option("--gallery", metavar="N", min=0, help="Draw the N worst images, where their photos are found."),
    ] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Where to draw  [default: audit, here]")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a row for each object, for a notebook.")
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
    """Show which objects of a dataset the priors can learn.

    By class, size, shape and level; with what is wrong in it, and the images to look at first. Several processes
    share the work under torchrun.

    Example: ssdlossdbg audit VOC2007/Annotations
    """
    codes = parse_codes(select, ignore)
    names = parse_classes(classes)
    inputs = existing_inputs(dataset, config, classes, descriptions)
    with quick_imports():
        from ssdlossdbg import api
        from ssdlossdbg.checks.catalogue import choose
        from ssdlossdbg.readers.priors import load_priors
        from ssdlossdbg.report.view import View
    with api.together() as ranks, _first_speaks(ranks.rank):
        silent = ranks.rank > 0
        if not silent:
            check_outputs(csv, output, charts, gallery, letterbox, inputs)
        priors = load_priors(config, prior_format.value, parse_image_size(image_size)) if config else None
        with tracking("Reading", "the dataset", "file", silent) as track:
            read = api.load_dataset(
                dataset, names, format=dataset_format, descriptions=descriptions, ranks=ranks, track=track
            )
        inputs += read_files(read, csv)
        if csv and not silent:
            check_output(csv, inputs)
        images = len(read.names) * (1 + augment)
        with counting("Matching", images // ranks.count, "image", silent) as advance:
            result = api.audit(
                read,
                priors,
                dialect,
                threshold=threshold,
                letterbox=letterbox,
                worst=max(MOST_NAMED, gallery),
                draws=augment,
                seed=seed,
                device=device,
                ranks=ranks,
                advance=advance,
            )
    if silent:
        return  # the first process reports
    result = replace(result, findings=choose(result.findings, *codes))
    files: list[str] = []
    interrupted = result.interrupted
    try:
        if csv:
            from ssdlossdbg.report.audit.as_csv import audit_csv

            write_file(csv, audit_csv(result), inputs)
            files.append(str(csv))
        draw = partial(api.match_image, dataset=read, priors=priors, dialect=dialect, threshold=threshold)
        with progress("Drawing"):
            for name, data in pictures(result, charts, gallery, draw):
                output = make_folder(output or unused(Path("audit")))
                write_file(output / name, data, inputs)
                files.append(str(output / name))
    except KeyboardInterrupt:
        interrupted = True  # what is known by now is worth showing
    options = match_options(read, config, prior_format, image_size, dialect, threshold, classes)
    show_output(result.with_match_options(options), format, View(files=tuple(files)))
    if interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    finish(result.findings, fail_on)


@contextlib.contextmanager
def _first_speaks(rank: int) -> Iterator[None]:
    """Leave it to the first of several processes to say what is wrong, unless only this one knows."""
    try:
        yield
    except InputError as error:
        if rank and not isinstance(error, LostRankError):
            raise typer.Exit(error.exit_code) from None
        raise
