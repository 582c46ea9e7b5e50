"""`ssdlossdbg audit`: what will hurt the training on this dataset, before it starts?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import typer

from ssdlossdbg.cli.audit_outputs import AuditReport, check_pictures, match_options, pictures, write_csv
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import DatasetOptions, Device, Findings, MatchRules, Priors
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.progress import counting, progress, quick_imports, tracking
from ssdlossdbg.cli.writing import Writer, make_folder, make_new_folder
from ssdlossdbg.errors import EXIT_CLEAN, EXIT_INTERRUPTED, InputError, LostRankError

# Images that the report names; a gallery may ask for more.
MOST_NAMED = 10


class Audited(Group):
    """What is audited."""

    dataset: Path = argument(
        "DATASET",
        "A Pascal VOC folder or ImageSets list, a COCO JSON, a YOLO folder or data.yaml, an Open Images CSV, or a "
        "folder of several. Photos need not be there.",
        Role.DATASET,
    )


class AuditedOptions(DatasetOptions):
    """What is not clear from the dataset itself, and how its photos become the network's input."""

    descriptions: Path | None = option(
        "--descriptions CSV", "Open Images' class names, where they don't lie beside DATASET."
    )
    letterbox: bool = option(
        "--letterbox/--stretch", "Photos are scaled as a whole and padded, not stretched.", default=False
    )
    augment: int = option(
        "--augment N", "Draw the dialect's random crops, too, N of each image.", default=0, min=0, max=1_000
    )
    seed: int = option("--seed N", "Of the random crops.", default=0, min=0)


@command
def audit(
    audited: Audited,
    priors: Priors,
    rules: MatchRules,
    data: AuditedOptions,
    device: Device,
    findings: Findings,
    report: AuditReport,
    writer: Writer,
) -> None:
    """Show which objects of a dataset the priors can learn.

    By class, size, shape and level; with what is wrong in it, and the images to look at first. Several processes
    share the work under torchrun.

    Example: ssdlossdbg audit VOC2007/Annotations
    """
    names = data.names
    with quick_imports():
        from ssdlossdbg.analysis.audit import together
        from ssdlossdbg.api import datasets
    with together() as ranks, _first_speaks(ranks.rank):
        silent = ranks.rank > 0
        if not silent:
            check_pictures(report, data.letterbox)
        named = priors.load()
        with tracking("Reading", "the dataset", "file", silent) as track:
            read = datasets.load_dataset(
                audited.dataset,
                names,
                format=data.dataset_format,
                descriptions=data.descriptions,
                ranks=ranks,
                track=track,
            )
        if ranks.count > 1:  # what the other processes read, they alone know
            files = {file for part in read.parts for file in (*part.files, *(each.file for each in part.refused))}
            writer.inputs += map(Path, files)
        if report.csv and not silent:
            writer.check(report.csv)
        images = sum(len(part.names) for part in read.parts) * (1 + data.augment)
        with counting("Matching", images // ranks.count, "image", silent) as advance:
            result = datasets.audit(
                read,
                named,
                rules.dialect,
                threshold=rules.threshold,
                letterbox=data.letterbox,
                worst=max(MOST_NAMED, report.gallery),
                draws=data.augment,
                seed=data.seed,
                device=device.device,
                ranks=ranks,
                advance=advance,
            )
    if silent:
        return  # the first process reports
    result = findings.choose(result)
    interrupted, folder = result.interrupted, report.output
    try:
        if report.csv:
            write_csv(result, report.csv, writer)
        draw = partial(
            datasets.match_image, dataset=read, priors=named, dialect=rules.dialect, threshold=rules.threshold
        )
        with progress("Drawing"):
            for name, picture in pictures(result, report, draw):
                folder = make_folder(folder) if folder else make_new_folder(Path("audit"))
                writer.write(folder / name, picture)
    except KeyboardInterrupt:
        interrupted = True  # what is known by now is worth showing
    deliver(
        result.with_match_options(match_options(read, priors, rules, data, result.config)),
        report.format,
        findings,
        files=writer.written,
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
