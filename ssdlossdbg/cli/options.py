"""Options that several commands share, each described once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.errors import InputError

LARGEST_SIDE = 65_535  # of a JPEG; no network takes more


class Format(StrEnum):
    """How the report is written to stdout."""

    TEXT = "text"
    JSON = "json"


class FailOn(StrEnum):
    """The least severity that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


class BoxFormOption(StrEnum):
    """How the boxes of a saved prior tensor are written."""

    CXCYWH = "cxcywh"
    XYXY = "xyxy"


class UnitsOption(StrEnum):
    """What the boxes of saved targets are measured in."""

    NORMALIZED = "normalized"
    PIXELS = "pixels"


class DatasetFormatOption(StrEnum):
    """What a dataset is written in."""

    VOC = "voc"
    COCO = "coco"
    YOLO = "yolo"
    OPEN_IMAGES = "open-images"


def finite(value: float | None) -> float | None:
    """The number, if it is one: nan slips through every range, and inf through those with one end.

    Raises:
        typer.BadParameter: it is nan or infinite.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


ConfigOption = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="NAME|FILE",
        help="Priors: a preset, a TOML or JSON file, or a saved tensor.  [default: those of the file or the dialect]",
    ),
]
DialectOption = Annotated[
    str, typer.Option("--dialect", metavar="NAME|FILE", help="Whose rules to follow: a codebase, or a TOML file.")
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--threshold", metavar="IOU", min=0.0, max=1.0, callback=finite, help="Match threshold, over the dialect's."
    ),
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
TargetUnitsOption = Annotated[
    UnitsOption | None, typer.Option("--target-units", help="Units of saved target boxes, over what is recognised.")
]
LabelOffsetOption = Annotated[
    int | None,
    typer.Option("--label-offset", metavar="N", help="What to add to saved labels so that 0 is background."),
]
NativeOption = Annotated[
    bool,
    typer.Option(
        "--native/--no-native",
        show_default=False,
        help="The files are in the codebase's own order (dy dx dh dw, background last, [B, 4, P], ...), "
        "as the dialect's [native] says.",
    ),
]
DatasetFormatOptionType = Annotated[
    DatasetFormatOption | None, typer.Option("--dataset-format", help="What DATASET is, where that is not clear.")
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="CODES", help="Show only these findings: codes or beginnings, as in BOX,LBL002."),
]
IgnoreOption = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="CODES", help="Leave these findings out, selected or not.")
]
FailOnOption = Annotated[
    FailOn, typer.Option("--fail-on", help="Exit with 1 where a finding shown is as grave as this.")
]
TracebackOption = Annotated[
    bool,
    typer.Option(
        "--traceback/--no-traceback", show_default=False, help="On an error, show where in the code it came up."
    ),
]


def parse_image_size(text: str | None) -> tuple[int, int] | None:
    """(width, height) from `300` or `320x240`.

    Raises:
        InputError: neither of those.
    """
    if text is None:
        return None
    numbers = text.lower().split("x")
    plausible = (number.isdecimal() and len(number) < 6 and 0 < int(number) <= LARGEST_SIDE for number in numbers)
    if len(numbers) not in (1, 2) or not all(plausible):
        raise InputError("--image-size", f"is {text!r}", "Write one side or WxH in pixels: 300, or 320x240.")
    return int(numbers[0]), int(numbers[-1])


def split_names(text: str | None) -> tuple[str, ...]:
    """The dialects that `a,b,c` or `all` names; none where the option was not given.

    Raises:
        InputError: an empty name.
    """
    if text is None:
        return ()
    if text == "all":
        from ssdlossdbg.readers.dialects import dialect_names

        return tuple(dialect_names())
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise InputError("--dialects", f"is {text!r}, which holds an empty name", "Write names separated by commas.")
    return names


def parse_classes(text: str | None) -> tuple[str, ...]:
    """The class names that --classes gives; none where it was not given."""
    from ssdlossdbg.readers.classes import load_classes

    return load_classes(text) if text is not None else ()


def parse_codes(select: Sequence[str] | None, ignore: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The codes or beginnings of codes that --select and --ignore name.

    Raises:
        UnknownNameError: no code begins so.
    """
    return _known_codes("--select", select or ()), _known_codes("--ignore", ignore or ())


def _known_codes(option: str, values: Sequence[str]) -> tuple[str, ...]:
    if not values:
        return ()
    from ssdlossdbg.checks.catalogue import known_prefix

    return tuple(known_prefix(code, option) for value in values for code in value.split(","))


def existing_inputs(*paths: str | Path | None) -> tuple[Path, ...]:
    """The inputs that are files, which no output may replace."""
    return tuple(Path(path) for path in paths if path is not None)
