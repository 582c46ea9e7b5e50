"""`ssdlossdbg match`: which priors does each object get, and which objects get none?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    split_names,
)
from ssdlossdbg.cli.session import (
    chosen,
    command,
    finish,
    progress,
    quick_imports,
    show,
    show_plain,
    unused,
    write_file,
)


@command
def match(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The photo.")],
    annotation: Annotated[
        Path, typer.Argument(metavar="ANNOTATION", help="Its objects: Pascal VOC XML, COCO JSON or YOLO txt.")
    ],
    config: ConfigOption = None,
    dialect: DialectOption = "ssd.pytorch",
    dialects: Annotated[
        str | None,
        typer.Option("--dialects", metavar="a,b|all", help="Show what changes under these, on the same priors."),
    ] = None,
    threshold: ThresholdOption = None,
    classes: ClassesOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PNG", help="Where to draw the overlay  [default: IMAGE.match.png, here]"
        ),
    ] = None,
    no_overlay: Annotated[
        bool, typer.Option("--no-overlay/--overlay", show_default=False, help="Draw no picture.")
    ] = False,
    top: Annotated[int | None, typer.Option("--top", metavar="N", min=1, help="List only the N worst objects.")] = None,
    prior_format: BoxFormOptionType = BoxFormOption.CXCYWH,
    image_size: ImageSizeOption = None,
    device: DeviceOption = "auto",
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    fail_on: FailOnOption = FailOn.ERROR,
    format: FormatOption = Format.TEXT,
    traceback: TracebackOption = False,
) -> None:
    """Show which priors each object of a photo gets.

    It lists them by object and by level, draws them on the photo, and says why an object gets none.

    Example: ssdlossdbg match img.jpg ann.xml
    """
    codes = parse_codes(select, ignore)
    with progress("Matching"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.named_priors import load_priors
            from ssdlossdbg.readers.photos import load_photo
            from ssdlossdbg.readers.saved.layout import SavedLayout
        photo = load_photo(image)
        priors = load_priors(config, SavedLayout(prior_format, parse_image_size(image_size))) if config else None
        names = parse_classes(classes)
        result = api.match(photo, annotation, priors, dialect, classes=names, threshold=threshold, device=device)
        result = chosen(result, codes)
        others = split_names(dialects)
        changes = (
            api.match_roles(result, photo, annotation, priors, others, classes=names, device=device) if others else ()
        )
        files = []
        if not no_overlay:
            from ssdlossdbg.report.canvas import png
            from ssdlossdbg.report.match_picture import match_picture

            path = output or unused(Path(f"{image.stem}.match.png"))
            inputs = existing_inputs(image, annotation, config, classes)
            write_file(path, png(match_picture(result, photo.image)), inputs)
            files.append(str(path))
    if format is Format.JSON:
        from ssdlossdbg.report.as_json import match_json

        show_plain(match_json(result, files, changes))
    else:
        from ssdlossdbg.report.compare_text import roles_report
        from ssdlossdbg.report.match_text import match_report
        from ssdlossdbg.report.text import with_files, with_section

        report = match_report(result, top)
        if changes:
            report = with_section(report, roles_report(result.dialect, changes))
        show(with_files(report, files))
    finish(result.findings, fail_on)
