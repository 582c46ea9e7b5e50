"""`ssdlossdbg compare`: what would every other codebase say of this batch?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.cli.options import (
    BoxFormOption,
    BoxFormOptionType,
    ConfigOption,
    DeviceOption,
    FailOn,
    FailOnOption,
    Format,
    FormatOption,
    IgnoreOption,
    ImageSizeOption,
    LabelOffsetOption,
    NativeOption,
    SelectOption,
    TargetUnitsOption,
    TracebackOption,
    parse_codes,
    parse_image_size,
    split_names,
)
from ssdlossdbg.cli.session import chosen, command, finish, progress, quick_imports, show, show_plain


@command
def compare(
    predictions: Annotated[Path, typer.Argument(metavar="PREDS", help="Saved loc and conf, with or without priors.")],
    targets: Annotated[Path, typer.Argument(metavar="TARGETS", help="Saved boxes and labels of the same batch.")],
    dialects: Annotated[
        str | None,
        typer.Option("--dialects", metavar="a,b|all", help="Whom to ask; all by default."),
    ] = None,
    reference: Annotated[
        str,
        typer.Option("--reference", metavar="NAME|FILE", help="Whom to compare with."),
    ] = "ssd.pytorch",
    config: ConfigOption = None,
    target_units: TargetUnitsOption = None,
    label_offset: LabelOffsetOption = None,
    native: NativeOption = False,
    prior_format: BoxFormOptionType = BoxFormOption.CXCYWH,
    image_size: ImageSizeOption = None,
    device: DeviceOption = "auto",
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    fail_on: FailOnOption = FailOn.ERROR,
    format: FormatOption = Format.TEXT,
    traceback: TracebackOption = False,
) -> None:
    """Run a saved batch through every codebase's rules, and say why they differ.

    Example: ssdlossdbg compare preds.pt targets.pt --dialects torchvision,caffe
    """
    codes = parse_codes(select, ignore)
    with progress("Comparing"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.saved.layout import SavedLayout
        result = api.compare(
            predictions,
            targets,
            config,
            reference=reference,
            dialects=split_names(dialects) or None,
            device=device,
            layout=SavedLayout(prior_format, parse_image_size(image_size), target_units, label_offset, native),
        )
    result = chosen(result, codes)
    if format is Format.JSON:
        from ssdlossdbg.report.as_json import compare_json

        show_plain(compare_json(result))
    else:
        from ssdlossdbg.report.compare_text import compare_report

        show(compare_report(result))
    finish(result.findings, fail_on)
