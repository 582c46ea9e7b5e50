"""Options that several commands share, each described once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.errors import InputError

DEFAULT_CONFIG = "ssd300-voc"


class Format(StrEnum):
    """How the report is written to stdout."""

    TEXT = "text"
    JSON = "json"


class BoxFormOption(StrEnum):
    """How the boxes of a saved prior tensor are written."""

    CXCYWH = "cxcywh"
    XYXY = "xyxy"


class UnitsOption(StrEnum):
    """What the boxes of saved targets are measured in."""

    NORMALIZED = "normalized"
    PIXELS = "pixels"


CONFIG = typer.Option("--config", metavar="NAME|FILE", help="Priors: a preset, a TOML or JSON file, or a saved tensor.")
ConfigOption = Annotated[str | None, CONFIG]
DefaultConfigOption = Annotated[str, CONFIG]
DialectOption = Annotated[
    str, typer.Option("--dialect", metavar="NAME|FILE", help="Whose rules to follow: a codebase, or a TOML file.")
]
ThresholdOption = Annotated[
    float | None, typer.Option("--threshold", min=0.0, max=1.0, help="Match threshold, over the dialect's.")
]
ClassesOption = Annotated[
    str | None,
    typer.Option("--classes", metavar="FILE|a,b,c", help="Class names in the order of their ids, without background."),
]
DeviceOption = Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.")]
FormatOption = Annotated[Format, typer.Option("--format", help="A report to read, or JSON to script against.")]
BoxFormOptionType = Annotated[
    BoxFormOption, typer.Option("--prior-format", help="How the boxes of a saved prior tensor are written.")
]
ImageSizeOption = Annotated[
    str | None,
    typer.Option("--image-size", metavar="N|WxH", help="The network's input in pixels, where no config says it."),
]
TracebackOption = Annotated[bool, typer.Option("--traceback", help="On an error, show where in the code it came up.")]


def parse_image_size(text: str | None) -> tuple[int, int] | None:
    """(width, height) from `300` or `320x240`.

    Raises:
        InputError: neither of those.
    """
    if text is None:
        return None
    numbers = text.lower().split("x")
    if len(numbers) not in (1, 2) or not all(number.isdigit() and int(number) > 0 for number in numbers):
        raise InputError("--image-size", f"is {text!r}", "Write one side or WxH in pixels: 300 or 320x240.")
    return int(numbers[0]), int(numbers[-1])


def parse_classes(text: str | None) -> tuple[str, ...]:
    """The class names that --classes gives; none where it was not given."""
    from ssdlossdbg.readers.classes import load_classes

    return load_classes(text) if text is not None else ()


def existing_inputs(*paths: str | Path | None) -> tuple[Path, ...]:
    """The inputs that are files, which no output may replace."""
    return tuple(Path(path) for path in paths if path is not None)
