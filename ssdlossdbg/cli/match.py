"""`ssdlossdbg match`: which priors does each object get, and which objects get none?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.cli.options import (
    DEFAULT_CONFIG,
    BoxFormOption,
    BoxFormOptionType,
    ClassesOption,
    DefaultConfigOption,
    DeviceOption,
    DialectOption,
    Format,
    FormatOption,
    ImageSizeOption,
    ThresholdOption,
    TracebackOption,
    existing_inputs,
    parse_classes,
    parse_image_size,
)
from ssdlossdbg.cli.session import command, progress, quick_imports, show, show_json, unused, write_file


@command
def match(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The photo.")],
    annotation: Annotated[
        Path, typer.Argument(metavar="ANNOTATION", help="Its objects: Pascal VOC XML, COCO JSON or YOLO txt.")
    ],
    config: DefaultConfigOption = DEFAULT_CONFIG,
    dialect: DialectOption = "ssd.pytorch",
    threshold: ThresholdOption = None,
    classes: ClassesOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PNG", help="Where to draw the overlay  [default: IMAGE.match.png, here]"
        ),
    ] = None,
    overlay: Annotated[bool, typer.Option(" /--no-overlay", help="Draw no picture.", show_default=False)] = True,
    top: Annotated[int | None, typer.Option("--top", min=1, help="List only the N worst objects.")] = None,
    prior_format: BoxFormOptionType = BoxFormOption.CXCYWH,
    image_size: ImageSizeOption = None,
    device: DeviceOption = "auto",
    format: FormatOption = Format.TEXT,
    traceback: TracebackOption = False,
) -> None:
    """Show which priors each object of a photo gets, and which objects get none.

    Example: ssdlossdbg match img.jpg ann.xml
    """
    with progress("Matching"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.photos import load_photo
            from ssdlossdbg.readers.priors import load_priors
        photo = load_photo(image)
        priors = load_priors(config, prior_format.value, parse_image_size(image_size))
        names = parse_classes(classes)
        result = api.match(photo, annotation, priors, dialect, classes=names, threshold=threshold, device=device)
        files = []
        if overlay:
            from ssdlossdbg.report.canvas import png
            from ssdlossdbg.report.match_picture import match_picture

            path = output or unused(Path(f"{image.stem}.match.png"))
            inputs = existing_inputs(image, annotation, config, classes)
            write_file(path, png(match_picture(result, photo.image)), inputs)
            files.append(str(path))
    if format is Format.JSON:
        from ssdlossdbg.report.as_json import match_json

        show_json(match_json(result, files))
    else:
        from ssdlossdbg.report.match_text import match_report
        from ssdlossdbg.report.text import with_files

        show(with_files(match_report(result, top), files))
