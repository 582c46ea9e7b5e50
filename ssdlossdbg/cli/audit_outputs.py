"""What `audit` writes beside its report, and the options that make `match` show an image as it was audited."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.groups import DEFAULT_DIALECT, BoxFormOption, DatasetOptions, MatchRules, PageReport, Priors
from ssdlossdbg.cli.options import Role, option
from ssdlossdbg.cli.pages import is_page
from ssdlossdbg.cli.places import is_folder
from ssdlossdbg.cli.streams import say_warning
from ssdlossdbg.cli.writing import Writer, check_folder, safe_stem
from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

    from ssdlossdbg.readers.annotations import Dataset
    from ssdlossdbg.readers.photos import Photo
    from ssdlossdbg.results import AuditResult, ConfigSummary, MatchResult, WorstImage
    from ssdlossdbg.rules import Dialect, Orientation

# Photos in a page of the images to look at first and of others, and their longest sides in pixels.
MOST_FIRST, LARGEST = 24, 900
MOST_THUMBNAILS, SMALL = 400, 320


class AuditReport(PageReport):
    """How the report is written, and the files beside it."""

    charts: bool = option("--charts/--no-charts", "Draw charts; this needs matplotlib.", default=False)
    gallery: int = option("--gallery N", "Draw the N worst images, where their photos are found.", default=0, min=0)
    output: Path | None = option(
        "-o --output DIR", "Where to draw  [default: audit, here]; or a page, to FILE.html.", Role.OUTPUT_FOLDER
    )
    csv: Path | None = option("--csv FILE", "Write a row for each object, for a notebook.", Role.OUTPUT_FILE)


def check_pictures(report: AuditReport, letterbox: bool) -> None:
    """Refuse now what would fail once all is matched.

    Raises:
        InputError: a folder that cannot be written to, no matplotlib, or pictures that nothing can draw.
    """
    if report.gallery and letterbox:
        fix = "Leave one of them out: pictures show photos stretched, as every dialect does."
        raise InputError("--gallery", "cannot be combined with --letterbox", fix)
    if report.charts:
        from ssdlossdbg.report.chart_canvas import check_matplotlib

        check_matplotlib()
    if is_page(report.output):
        return
    if report.output and not is_folder(report.output):
        what = "is one file, and --charts and --gallery draw several"
        raise InputError(report.output, what, "Name a folder, which need not exist.")
    if report.output and (report.charts or report.gallery):
        check_folder(report.output)
    elif report.output:
        raise InputError("-o", "is where pictures go, and there is none to draw", "Add --charts or --gallery N.")


def match_options(
    read: Dataset, priors: Priors, rules: MatchRules, naming: DatasetOptions, used: ConfigSummary
) -> tuple[str, ...]:
    """What makes `match` show an image as it was audited, which knows less of how many classes there are."""
    # Those of numbers, for which `match` looks for no names.
    named = next((part.class_file for part in read.parts if part.format.numbered and part.class_file), None)
    given = {
        "--config": priors.config or (used.name if used.choice else None),
        "--prior-format": priors.prior_format.value if priors.prior_format is not BoxFormOption.CXCYWH else None,
        "--image-size": priors.image_size,
        "--dialect": rules.dialect if rules.dialect != DEFAULT_DIALECT else None,
        "--threshold": None if rules.threshold is None else str(rules.threshold),
        "--classes": naming.classes or (str(named) if named else None),
    }
    return tuple(word for option, value in given.items() if value is not None for word in (option, value))


def write_csv(result: AuditResult, path: Path, writer: Writer) -> None:
    """Write a row for each object; not over a file that is there already, where not all objects are known.

    Raises:
        InputError: the file cannot be written, or is an input.
    """
    if not result.complete and path.is_file():
        say_warning(f"--csv: {path} is left as it was: not all images were matched.")
        return
    from ssdlossdbg.report.audit.as_csv import audit_csv

    writer.write(path, audit_csv(result))


def photos_first(result: AuditResult, dialect: Dialect) -> tuple[Image | None, ...]:
    """The photos of the images to look at first, as the dialect's loader sees them, small, for a page.

    None of one that is not there, or cannot be read, or was padded when it was audited.
    """
    return tuple(
        None
        if image.photo is None or result.dataset.letterbox
        else small_photo(Path(image.photo), dialect.loader.orientation, LARGEST)
        for image in result.images_first[:MOST_FIRST]
    )


def small_photo(path: Path, orientation: Orientation, side: int) -> Image | None:
    """A photo as a loader sees it, no side longer than that; None where it cannot be read."""
    from ssdlossdbg.readers.photos import load_photo

    with contextlib.suppress(InputError):
        return load_photo(path, side).seen(orientation).image
    return None


def thumbnails(
    result: AuditResult, read: Dataset, dialect: Dialect, advance: Callable[[int], None]
) -> dict[tuple[str, str | None], Image]:
    """Small photos for a page, as the dialect's loader sees them, where they are found: of the worst of each class.

    Args:
        result: of the audit, with its objects.
        read: what was audited.
        dialect: the rules.
        advance: told of each photo.
    """
    from ssdlossdbg.readers.annotations import find_photos
    from ssdlossdbg.report.html.audit import worst_of_classes

    if result.dataset.letterbox or not len(result.objects.image):
        return {}
    found = {
        (file, name if part.format.many_in_file else None): photo
        for part in read.parts
        for file, name, photo in zip(part.files, part.names, find_photos(part), strict=True)
    }
    made: dict[tuple[str, str | None], Image] = {}
    for image in worst_of_classes(result.objects)[:MOST_THUMBNAILS].tolist():
        facts = result.objects.images[image]
        key = facts.file, None if facts.name is None else str(facts.name)
        photo = found.get(key)
        if photo and (small := small_photo(photo, dialect.loader.orientation, SMALL)):
            made[key] = small
        advance(1)
    return made


def pictures(
    result: AuditResult, report: AuditReport, match_image: Callable[[WorstImage], tuple[MatchResult, Photo]]
) -> Iterator[tuple[str, bytes]]:
    """The charts, and overlays of those of the worst images whose photos are there; each with a name for its file."""
    if report.charts:
        from ssdlossdbg.report.audit.charts import audit_charts

        yield from audit_charts(result).items()
    worst = result.images_first[: report.gallery]
    absent = sum(image.photo is None for image in worst)
    if absent:
        where = "Photos belong beside the annotations, or into their images folder."
        say_warning(f"--gallery: photos not found: {absent:,} of the {len(worst):,} worst. {where}")
    for rank, image in enumerate(worst, start=1):
        if image.photo is None:
            continue
        from ssdlossdbg.report.canvas import png
        from ssdlossdbg.report.match_picture import match_picture

        try:
            matched, photo = match_image(image)
        except InputError as error:
            say_warning(f"--gallery: {error}")
            continue
        yield f"worst-{rank:02d}-{safe_stem(image.name)}.png", png(match_picture(matched, photo.image))
