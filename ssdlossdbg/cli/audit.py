"""`ssdlossdbg audit`: what will hurt the training on this dataset, before it starts?"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ssdlossdbg.cli.audit_outputs import (
    MOST_THUMBNAILS,
    AuditReport,
    check_pictures,
    match_options,
    photos_first,
    pictures,
    thumbnails,
    write_csv,
)
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import DatasetOptions, Device, Findings, MatchRules, Priors
from ssdlossdbg.cli.ignores import FileFindings
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.pages import is_page, write_page
from ssdlossdbg.cli.progress import counting, progress, quick_imports, tracking
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import EXIT_CLEAN, EXIT_INTERRUPTED, InputError, LostRankError
from ssdlossdbg.report.outputs import PAGE
from ssdlossdbg.report.view import USUAL, View

if TYPE_CHECKING:
    from ssdlossdbg.readers.annotations import Dataset
    from ssdlossdbg.readers.named_priors import NamedPriors
    from ssdlossdbg.results import AuditResult

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
    rank: bool = option("--rank/--no-rank", "Compare all presets on the dataset, the best first.", default=False)
    seed: int = option("--seed N", "Of the random crops.", default=0, min=0)


@command
def audit(
    audited: Audited,
    priors: Priors,
    rules: MatchRules,
    data: AuditedOptions,
    device: Device,
    findings: FileFindings,
    report: AuditReport,
    writer: Writer,
) -> None:
    """Show which objects of a dataset the priors can learn.

    By class, size, shape and level; with what is wrong in it, and the images to look at first. Several processes
    share the work under torchrun.

    Example: ssdlossdbg audit VOC2007/Annotations
    """
    names = data.names
    with progress("Loading torch", silent=os.environ.get("RANK", "0") != "0"), quick_imports():
        from ssdlossdbg.analysis.audit import together
        from ssdlossdbg.api import datasets
    with together() as ranks, _first_speaks(ranks.rank):
        silent = ranks.rank > 0
        if not silent:
            check_pictures(report, data.letterbox)
            _refuse_beside_rank(report, data, ranks.count)
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
        if data.rank:
            _rank(read, named, rules, data, device, findings, report)
            return
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
    result = findings.by_file(findings.choose(result), datasets.MOST_CASES)
    interrupted = result.interrupted
    folder = None if is_page(report.output) else report.output
    result = result.with_match_options(match_options(read, priors, rules, data, result.config))
    view = USUAL
    try:
        if report.csv:
            write_csv(result, report.csv, writer)
        draw = partial(
            datasets.match_image, dataset=read, priors=named, dialect=rules.dialect, threshold=rules.threshold
        )
        with progress("Drawing"):
            for name, picture in pictures(result, report, draw):
                folder = writer.folder(folder) if folder else writer.folder(Path("audit"), new=True)
                writer.write(folder / name, picture)
            if is_page(report.output) or report.format == PAGE:
                from ssdlossdbg.readers.dialects import load_dialect

                loads = load_dialect(rules.dialect)
                number = min(len(result.objects.images), MOST_THUMBNAILS)
                with counting("Reading", number, "photo") as advance:
                    small = thumbnails(result, read, loads, advance)
                view = View(photos=photos_first(result, loads), thumbnails=small)
            if is_page(report.output):
                write_page(result, report.output, view, writer)
    except KeyboardInterrupt:
        interrupted = True  # what is known by now is worth showing
    deliver(
        result,
        report.format,
        findings,
        files=writer.written,
        view=replace(view, next=_next(result, audited.dataset, (priors, rules, data, device))),
        exit_code=EXIT_INTERRUPTED if interrupted else EXIT_CLEAN,
    )


def _refuse_beside_rank(report: AuditReport, data: AuditedOptions, processes: int) -> None:
    """Refuse what only the audit of one set of priors has.

    Raises:
        InputError: it was asked for, with --rank.
    """
    more = {"--csv": report.csv, "--charts": report.charts, "--gallery": report.gallery, "--augment": data.augment}
    more |= {"-o": report.output, "--format html": report.format == PAGE}
    given = [name for name, value in more.items() if value]
    if data.rank and given:
        raise InputError(given[0], "is of one set of priors, and --rank compares all", "Leave one of the two out.")
    if data.rank and processes > 1:
        raise InputError("--rank", "is for one process", "Run it without torchrun.")


def _rank(
    read: Dataset,
    named: NamedPriors | None,
    rules: MatchRules,
    data: AuditedOptions,
    device: Device,
    findings: Findings,
    report: AuditReport,
) -> None:
    from ssdlossdbg.api import datasets
    from ssdlossdbg.readers.prior_configs import preset_names

    with counting("Matching", len(preset_names()), "preset") as advance:
        result = datasets.rank(
            read,
            named,
            rules.dialect,
            threshold=rules.threshold,
            letterbox=data.letterbox,
            device=device.device,
            advance=advance,
        )
    best = result.presets[0].name
    then = next_command("audit", result.dataset, "--config", best, groups=(rules, data, device))
    deliver(result, report.format, findings, view=View(next=tuple(word for word in then if word != "--rank")))


def _next(result: AuditResult, dataset: Path, groups: Sequence[Group]) -> tuple[str, ...]:
    """Better priors where some objects have none of their size; else what is wrong with the files."""
    if result.lacking:
        return next_command("anchors", "--fit", dataset, "-o", "priors.toml", groups=groups)
    return next_command("check", dataset, groups=groups) if result.dataset.images else ()


@contextlib.contextmanager
def _first_speaks(rank: int) -> Iterator[None]:
    """Leave it to the first of several processes to say what is wrong, unless only this one knows."""
    try:
        yield
    except InputError as error:
        if rank and not isinstance(error, LostRankError):
            raise typer.Exit(error.exit_code) from None
        raise
