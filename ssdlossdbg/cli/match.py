"""`ssdlossdbg match`: which priors does each object get, and which objects get none?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Device, Findings, MatchRules, Names, PageReport, Priors, split_names
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.pages import is_page, write_page
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import EXIT_BAD_INPUT, EXIT_CLEAN
from ssdlossdbg.report.view import View


class Photo(Group):
    """A photo and its objects."""

    image: Path = argument("IMAGE", "The photo.")
    annotation: Path = argument("ANNOTATION", "Its objects: Pascal VOC XML, COCO JSON or YOLO txt.")


class OthersRules(MatchRules):
    """Whose rules to follow, and whose to hold against them."""

    dialects: str | None = option("--dialects a,b|all", "Show what changes under these, on the same priors.")


class MatchReport(PageReport):
    """How the report is written, how long it is, and the picture beside it."""

    output: Path | None = option(
        "-o --output FILE",
        "Where to draw the overlay, or to write a page where it ends in .html  [default: IMAGE.match.png, here]",
        Role.OUTPUT_FILE,
    )
    no_overlay: bool = option("--no-overlay/--overlay", "Draw no picture.", default=False)
    top: int | None = option("--top N", "List only the N worst objects.", min=1)


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
    with progress("Matching"):
        with quick_imports():
            from ssdlossdbg.api import photos
            from ssdlossdbg.checks.files import UNREADABLE
            from ssdlossdbg.readers.dialects import load_dialect
            from ssdlossdbg.readers.photos import load_photo
        photo, named, names = load_photo(photographed.image), priors.load(), naming.names
        result = photos.match(
            photo,
            photographed.annotation,
            named,
            rules.dialect,
            classes=names,
            threshold=rules.threshold,
            device=device.device,
        )
        result = findings.choose(result, UNREADABLE)  # which decides the exit code
        others = split_names(rules.dialects)
        if others:
            changes = photos.match_roles(
                result, photo, photographed.annotation, named, others, classes=names, device=device.device
            )
            result = replace(result, changes=changes)
        seen = photo.seen(load_dialect(rules.dialect).loader.orientation).image
        view = View(report.top, photos=(seen,))
        if is_page(report.output):
            write_page(result, report.output, view, writer)
        elif not report.no_overlay:
            from ssdlossdbg.report.canvas import png
            from ssdlossdbg.report.outputs import draw
            from ssdlossdbg.report.visible import visible

            picture = png(draw(result, seen))
            if report.output:
                writer.write(report.output, picture)
            else:
                writer.write_new(Path(f"{visible(photographed.image.stem)}.match.png"), picture)
    unread = any(finding.code == UNREADABLE for finding in result.findings)
    exit_code = EXIT_BAD_INPUT if unread else EXIT_CLEAN
    deliver(result, report.format, findings, files=writer.written, view=view, exit_code=exit_code)
