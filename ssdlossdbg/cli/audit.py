"""`ssdlossdbg audit`: what will hurt the training on this dataset, before it starts?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.cli.audit_outputs import check_pictures, match_options, pictures, write_csv
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import (
    OUTPUT,
    DatasetOptions,
    DeviceOption,
    Findings,
    Format,
    FormatOption,
    MatchRules,
    Priors,
    parse_classes,
)
from ssdlossdbg.cli.progress import counting, progress, quick_imports, tracking
from ssdlossdbg.cli.writing import Role, Writer, make_folder, unused
from ssdlossdbg.errors import EXIT_CLEAN, EXIT_INTERRUPTED, InputError, LostRankError
from ssdlossdbg.report.view import View

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
        Role.DATASET,
    ],
    priors: Priors,
    rules: MatchRules,
    naming: DatasetOptions,
    findings: Findings,
    writer: Writer,
    descriptions: Annotated[
        Path | None,
        typer.Option(
            "--descriptions",
            metavar="CSV",
            help="Open Images' class names, where they don't lie beside DATASET.",
            rich_help_panel=DatasetOptions.title,
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
    device: DeviceOption = "auto",
    charts: Annotated[
        bool,
        typer.Option(
            "--charts/--no-charts",
            show_default=False,
            help="Draw charts; this needs matplotlib.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    gallery: Annotated[
        int,
        typer.Option(
            "--gallery",
            metavar="N",
            min=0,
            help="Draw the N worst images, where their photos are found.",
            rich_help_panel=OUTPUT,
        ),
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Where to draw  [default: audit, here]",
            rich_help_panel=OUTPUT,
        ),
        Role.OUTPUT_FOLDER,
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FILE", help="Write a row for each object, for a notebook.", rich_help_panel=OUTPUT
        ),
        Role.OUTPUT_FILE,
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Show which objects of a dataset the priors can learn.

    By class, size, shape and level; with what is wrong in it, and the images to look at first. Several processes
    share the work under torchrun.

    Example: ssdlossdbg audit VOC2007/Annotations
    """
    names = parse_classes(naming.classes)
    with quick_imports():
        from ssdlossdbg import api
    with api.together() as ranks, _first_speaks(ranks.rank):
        silent = ranks.rank > 0
        if not silent:
            check_pictures(output, charts, gallery, letterbox)
        named = priors.load()
        with tracking("Reading", "the dataset", "file", silent) as track:
            read = api.load_dataset(
                dataset, names, format=naming.dataset_format, descriptions=descriptions, ranks=ranks, track=track
            )
        if ranks.count > 1:  # what the other processes read, they alone know
            writer.inputs += map(Path, {*read.files, *(refused.file for refused in read.refused)})
        if csv and not silent:
            writer.check(csv)
        images = len(read.names) * (1 + augment)
        with counting("Matching", images // ranks.count, "image", silent) as advance:
            result = api.audit(
                read,
                named,
                rules.dialect,
                threshold=rules.threshold,
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
    result = findings.choose(result)
    interrupted = result.interrupted
    try:
        if csv:
            write_csv(result, csv, writer)
        draw = partial(api.match_image, dataset=read, priors=named, dialect=rules.dialect, threshold=rules.threshold)
        with progress("Drawing"):
            for name, data in pictures(result, charts, gallery, draw):
                output = make_folder(output or unused(Path("audit")))
                writer.write(output / name, data)
    except KeyboardInterrupt:
        interrupted = True  # what is known by now is worth showing
    deliver(
        result,
        format,
        findings,
        files=writer.written,
        view=View(match_options=match_options(read, priors, rules, naming)),
        exit_code=EXIT_INTERRUPTED if interrupted else EXIT_CLEAN,
    )


@contextlib.contextmanager
def _first_speaks(rank: int) -> Iterator[None]:
    """Leave it to the first of several processes to say what is wrong, unless only this one knows."""
    try:
        yield
    except InputError as error:
        if rank and not isinstance(error, LostRankError):
            raise typer.Exit(error.exit_code) from None
        raise
