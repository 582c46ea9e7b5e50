"""`ssdlossdbg match`: which priors does each object get, and which objects get none?"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from ssdlossdbg.cli import names
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Device, Findings, MatchRules, Names, PageReport, Priors, split_names
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.pages import is_page, write_page
from ssdlossdbg.cli.places import ENDINGS, PICTURES, file_at
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.swapped import photo_first
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import EXIT_BAD_INPUT, EXIT_CLEAN, InputError
from ssdlossdbg.report.outputs import TEXT
from ssdlossdbg.report.view import View
from ssdlossdbg.report.visible import visible

# How formats with a file for each image are called, whose folder is the dataset.
FILE_AN_IMAGE = ("Pascal VOC", "YOLO")


class Photo(Group):
    """A photo and its objects."""

    image: Path = argument("IMAGE", "The photo.")
    annotation: Path = argument("ANNOTATION", "Its objects: Pascal VOC XML, COCO JSON or YOLO txt.")


class OthersRules(MatchRules):
    """Whose rules to follow, and whose to hold against them."""

    dialects: str | None = option(
        "--dialects a,b|all",
        "Show what changes under these, on the same priors.",
        autocompletion=names.some_dialects,
    )


class MatchReport(PageReport):
    """How the report is written, how long it is, and the picture beside it."""

    output: Path | None = option(
        "-o --output FILE|DIR|-",
        "Where to draw the overlay: a .png, .jpg or .webp, a folder, or - for stdout; or to write a page: "
        "a .html.  [default: IMAGE.match.png, here]",
        Role.OUTPUT_FILE,
    )
    no_overlay: bool = option("--no-overlay/--overlay", "Draw no picture.", default=False)
    top: int | None = option("--top N", "List only the N worst objects; 200 if left out.", min=1)

    def check(self) -> None:
        """Refuse to draw and not to draw."""
        if self.no_overlay and self.output is not None:
            raise InputError("--no-overlay", "draws no picture, and -o names one", "Leave one of the two out.")

    @property
    def draws(self) -> bool:
        """Whether there is to be a picture: a script that reads JSON gets one where it names it."""
        return not self.no_overlay and (self.output is not None or self.format == TEXT)


@command
def match(
    photographed: Photo,
    priors: Priors,
    rules: OthersRules,
    naming: Names,
    device: Device,
    findings: Findings,
    report: MatchReport,
    writer: Writer,
) -> None:
    """Show which priors each object of a photo gets.

    It lists them by object and by level, draws them on the photo, and says why an object gets none.

    Example: ssdlossdbg match img.jpg ann.xml
    """
    image, annotation = photo_first(photographed.image, photographed.annotation)
    name = f"{visible(image.stem)}.match.png"
    place = file_at(report.output, name, (*PICTURES, *ENDINGS)) if report.output else None
    with progress("Matching"):
        with quick_imports():
            from ssdlossdbg.api import photos
            from ssdlossdbg.checks.files import UNREADABLE
            from ssdlossdbg.readers.dialects import load_dialect
            from ssdlossdbg.readers.photos import load_photo
        photo, named, names = load_photo(image), priors.load(), naming.names
        result = photos.match(
            photo,
            annotation,
            named,
            rules.dialect,
            classes=names,
            threshold=rules.threshold,
            device=device.device,
        )
        result = findings.choose(result, UNREADABLE)  # which decides the exit code
        others = split_names(rules.dialects)
        if others:
            changes = photos.match_roles(result, photo, annotation, named, others, classes=names, device=device.device)
            result = replace(result, changes=changes)
        seen = photo.seen(load_dialect(rules.dialect).loader.orientation).image
        view = View(report.top, photos=(seen,))
        if place and is_page(place):
            write_page(result, place, view, writer)
        elif report.draws:
            from ssdlossdbg.report.canvas import picture_file, png
            from ssdlossdbg.report.outputs import draw

            picture = draw(result, seen)
            if place:
                writer.write(place, picture_file(picture, place.suffix))
            else:
                mark = _mark(image)
                writer.write_new(Path(name), png(picture, mark), mark)
    unread = any(finding.code == UNREADABLE for finding in result.findings)
    exit_code = EXIT_BAD_INPUT if unread else EXIT_CLEAN
    alone = result.annotation_format.startswith(FILE_AN_IMAGE)
    then = next_command("audit", annotation.parent if alone else annotation, groups=(priors, rules, naming, device))
    view = replace(view, next=then)
    deliver(result, report.format, findings, files=writer.written, view=view, exit_code=exit_code)


def _mark(photo: Path) -> str:
    """What the picture of a photo says, by which the next one of the same photo knows it."""
    return f"match {hashlib.sha256(os.fsencode(photo.resolve())).hexdigest()}"
