"""`ssdlossdbg match`: which priors does each object get, and which objects get none?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import (
    OUTPUT,
    ClassesOption,
    DeviceOption,
    Findings,
    Format,
    FormatOption,
    MatchRules,
    Priors,
    parse_classes,
    split_names,
)
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.writing import Role, Writer, unused
from ssdlossdbg.report.view import View


@command
def match(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The photo.")],
    annotation: Annotated[
        Path, typer.Argument(metavar="ANNOTATION", help="Its objects: Pascal VOC XML, COCO JSON or YOLO txt.")
    ],
    priors: Priors,
    rules: MatchRules,
    findings: Findings,
    writer: Writer,
    dialects: Annotated[
        str | None,
        typer.Option(
            "--dialects",
            metavar="a,b|all",
            help="Show what changes under these, on the same priors.",
            rich_help_panel=MatchRules.title,
        ),
    ] = None,
    classes: ClassesOption = None,
    device: DeviceOption = "auto",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PNG",
            help="Where to draw the overlay  [default: IMAGE.match.png, here]",
            rich_help_panel=OUTPUT,
        ),
        Role.OUTPUT_FILE,
    ] = None,
    no_overlay: Annotated[
        bool,
        typer.Option("--no-overlay/--overlay", show_default=False, help="Draw no picture.", rich_help_panel=OUTPUT),
    ] = False,
    top: Annotated[
        int | None,
        typer.Option("--top", metavar="N", min=1, help="List only the N worst objects.", rich_help_panel=OUTPUT),
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Show which priors each object of a photo gets.

    It lists them by object and by level, draws them on the photo, and says why an object gets none.

    Example: ssdlossdbg match img.jpg ann.xml
    """
    with progress("Matching"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.photos import load_photo
        photo, named, names = load_photo(image), priors.load(), parse_classes(classes)
        result = api.match(
            photo, annotation, named, rules.dialect, classes=names, threshold=rules.threshold, device=device
        )
        result = findings.choose(result)
        others = split_names(dialects)
        if others:
            changes = api.match_roles(result, photo, annotation, named, others, classes=names, device=device)
            result = replace(result, changes=changes)
        if not no_overlay:
            from ssdlossdbg.report.canvas import png
            from ssdlossdbg.report.outputs import draw

            writer.write(output or unused(Path(f"{image.stem}.match.png")), png(draw(result, photo.image)))
    deliver(result, format, findings, files=writer.written, view=View(top))
