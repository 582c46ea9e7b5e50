"""`ssdlossdbg audit`: what will hurt the training on this dataset, before it starts?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    SelectOption,
    ThresholdOption,
    TracebackOption,
    existing_inputs,
    parse_classes,
    parse_codes,
    parse_image_size,
)
from ssdlossdbg.cli.progress import counting
from ssdlossdbg.cli.session import (
    command,
    finish,
    make_folder,
    progress,
    quick_imports,
    say_warning,
    show,
    show_plain,
    unused,
    write_file,
)
from ssdlossdbg.errors import EXIT_INTERRUPTED, InputError, LostRankError

if TYPE_CHECKING:
    from ssdlossdbg.analysis.results import MatchResult, WorstImage
    from ssdlossdbg.readers.photos import Photo

# Images that the report names; a gallery may ask for more.
MOST_NAMED = 10
DEFAULT_DIALECT = "ssd.pytorch"


class DatasetFormatOption(StrEnum):
    """What a dataset is written in."""

    VOC = "voc"
    COCO = "coco"
    YOLO = "yolo"
    OPEN_IMAGES = "open-images"


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
    dataset_format: Annotated[
        DatasetFormatOption | None, typer.Option("--dataset-format", help="What DATASET is, where that is not clear.")
    ] = None,
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
    with quick_imports():
        from ssdlossdbg import api
        from ssdlossdbg.checks.catalogue import choose
        from ssdlossdbg.readers.priors import load_priors
    with api.together() as ranks, _first_speaks(ranks.rank):
        priors = load_priors(config, prior_format.value, parse_image_size(image_size)) if config else None
        with progress("Reading the dataset", silent=ranks.rank > 0):
            read = api.load_dataset(dataset, names, format=dataset_format, descriptions=descriptions, ranks=ranks)
        images = len(read.names) * (1 + augment)
        with counting("Matching", images // ranks.count, "images", silent=ranks.rank > 0) as advance:
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
    if ranks.rank:
        return  # the first process reports
    result = replace(result, findings=choose(result.findings, *codes))
    inputs = existing_inputs(dataset, config, classes, descriptions)
    if csv:
        inputs += tuple(Path(file) for file in set(read.files) if Path(file).name == csv.name)
    files = []
    if csv:
        from ssdlossdbg.report.audit_csv import audit_csv

        write_file(csv, audit_csv(result), inputs)
        files.append(str(csv))
    pictures: dict[str, bytes] = {}
    if charts:
        from ssdlossdbg.report.audit_charts import audit_charts

        pictures |= audit_charts(result)
    if gallery:
        pictures |= _gallery(
            result.images_first[:gallery],
            partial(api.match_image, dataset=read, priors=priors, dialect=dialect, threshold=threshold),
        )
    if pictures:
        folder = make_folder(output or unused(Path("audit")))
        for name, data in pictures.items():
            write_file(folder / name, data, inputs)
            files.append(str(folder / name))
    elif output:
        say_warning("-o: is where pictures go, and there is none to draw. Add --charts or --gallery N.")
    options = _options(config, dialect, threshold, classes)
    if format is Format.JSON:
        from ssdlossdbg.report.audit_json import audit_json

        show_plain(audit_json(result, files, options))
    else:
        from ssdlossdbg.report.audit_text import audit_report
        from ssdlossdbg.report.text import with_files

        show(with_files(audit_report(result, options), files))
    if result.interrupted:
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


def _options(config: str | None, dialect: str, threshold: float | None, classes: str | None) -> tuple[str, ...]:
    """What makes `match` show an image as it was audited."""
    given = {
        "--config": config,
        "--dialect": dialect if dialect != DEFAULT_DIALECT else None,
        "--threshold": None if threshold is None else f"{threshold:g}",
        "--classes": classes,
    }
    return tuple(word for option, value in given.items() if value is not None for word in (option, value))


def _gallery(
    images: Iterable[WorstImage], match_image: Callable[[WorstImage], tuple[MatchResult, Photo]]
) -> dict[str, bytes]:
    """The overlays of those images whose photos are there, by the names of their files."""
    from ssdlossdbg.report.canvas import png
    from ssdlossdbg.report.match_picture import match_picture

    pictures = {}
    for rank, image in enumerate(images, start=1):
        try:
            result, photo = match_image(image)
        except InputError as error:
            say_warning(f"--gallery: {error}")
            continue
        pictures[f"worst-{rank:02d}-{Path(image.name).stem}.png"] = png(match_picture(result, photo.image))
    return pictures
