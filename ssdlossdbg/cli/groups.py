"""Options that several commands share, each described once, in the groups that commands take them in.

A group is a frozen dataclass whose fields are options; `cli.command` tells typer of them, one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

import typer

from ssdlossdbg.cli.writing import Role
from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ssdlossdbg.readers.priors import NamedPriors
    from ssdlossdbg.readers.saved.layout import SavedLayout
    from ssdlossdbg.results import (
        AnchorsResult,
        AuditResult,
        CheckResult,
        CompareResult,
        DetectResult,
        Finding,
        LossResult,
        MatchResult,
    )

Result = TypeVar(
    "Result",
    "AnchorsResult",
    "AuditResult",
    "CheckResult",
    "CompareResult",
    "DetectResult",
    "LossResult",
    "MatchResult",
)

LARGEST_SIDE = 65_535  # of a JPEG; no network takes more
DEFAULT_DIALECT = "ssd.pytorch"


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


# The section of the help with options that commands have alike, yet not the same.
OUTPUT = "Output"

PredictionsFile = Annotated[Path, typer.Argument(metavar="PREDS", help="Saved loc and conf, with or without priors.")]
TargetsFile = Annotated[Path, typer.Argument(metavar="TARGETS", help="Saved boxes and labels of the same batch.")]
ClassesOption = Annotated[
    str | None,
    typer.Option("--classes", metavar="FILE|a,b,c", help="Class names in the order of their ids, without background."),
]
DeviceOption = Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.")]
FormatOption = Annotated[
    Format, typer.Option("--format", help="A report to read, or JSON to script against.", rich_help_panel=OUTPUT)
]


class Group:
    """Options that belong together; `title` heads their section of the help."""

    title: ClassVar[str]


@dataclass(frozen=True)
class Priors(Group):
    """Which priors there are."""

    title = "Priors"

    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="NAME|FILE",
            help="Priors: a preset, a TOML or JSON file, or a saved tensor.  "
            "[default: those of the file or the dialect]",
        ),
    ] = None
    prior_format: Annotated[
        BoxFormOption, typer.Option("--prior-format", help="How the boxes of a saved prior tensor are written.")
    ] = BoxFormOption.CXCYWH
    image_size: Annotated[
        str | None,
        typer.Option("--image-size", metavar="N|WxH", help="The network's input in pixels, where no config says it."),
    ] = None

    def __post_init__(self) -> None:
        self.size  # noqa: B018  # what cannot be parsed is refused before anything is read

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the network's input in pixels.

        Raises:
            InputError: it is neither a number nor WxH.
        """
        if self.image_size is None:
            return None
        fix = "Write one side or WxH in pixels: 300, or 320x240."
        return sides(self.image_size, InputError("--image-size", f"is {self.image_size!r}", fix))

    @property
    def layout(self) -> SavedLayout:
        """How a saved prior tensor is laid out."""
        from ssdlossdbg.readers.saved.layout import SavedLayout

        return SavedLayout(self.prior_format, self.size)

    def load(self) -> NamedPriors | None:
        """The priors that --config names; None where it was not given.

        Raises:
            InputError: an unknown name or an unusable file.
        """
        from ssdlossdbg.readers.priors import load_priors

        return load_priors(self.config, self.layout) if self.config else None


@dataclass(frozen=True)
class Rules(Group):
    """Whose rules to follow."""

    title = "Rules"

    dialect: Annotated[
        str, typer.Option("--dialect", metavar="NAME|FILE", help="Whose rules to follow: a codebase, or a TOML file.")
    ] = DEFAULT_DIALECT


@dataclass(frozen=True)
class MatchRules(Rules):
    """Whose rules to follow, and where to match otherwise."""

    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="IOU",
            min=0.0,
            max=1.0,
            callback=finite,
            help="Match threshold, over the dialect's.",
        ),
    ] = None


@dataclass(frozen=True)
class Layout(Group):
    """How saved tensors are laid out, where that is not recognised."""

    title = "Layout of saved tensors"

    target_units: Annotated[
        UnitsOption | None, typer.Option("--target-units", help="Units of saved target boxes, over what is recognised.")
    ] = None
    label_offset: Annotated[
        int | None,
        typer.Option("--label-offset", metavar="N", help="What to add to saved labels so that 0 is background."),
    ] = None
    native: Annotated[
        bool,
        typer.Option(
            "--native/--no-native",
            show_default=False,
            help="The files are in the codebase's own order (dy dx dh dw, background last, [B, 4, P], ...), "
            "as the dialect's [native] says.",
        ),
    ] = False

    def saved(self, priors: Priors) -> SavedLayout:
        """The layout as the readers take it, with what the options about priors say."""
        return replace(
            priors.layout, target_units=self.target_units, label_offset=self.label_offset, native=self.native
        )


@dataclass(frozen=True)
class Findings(Group):
    """Which findings are shown, and which make the command fail."""

    title = "Findings"

    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select", metavar="CODES", help="Show only these findings: codes or beginnings, as in BOX,LBL002."
        ),
    ] = None
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="CODES", help="Leave these findings out, selected or not.")
    ] = None
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Exit with 1 where a finding shown is as grave as this.")
    ] = FailOn.ERROR

    def __post_init__(self) -> None:
        self.codes  # noqa: B018  # what is no code is refused before anything is read

    @property
    def codes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The codes or beginnings of codes to select and to ignore.

        Raises:
            UnknownNameError: no code begins so.
        """
        return _known_codes("--select", self.select or ()), _known_codes("--ignore", self.ignore or ())

    def choose(self, result: Result, *always: str) -> Result:
        """The result with only those findings that the user wants to hear of, or has to: those with the codes given."""
        from ssdlossdbg.checks.catalogue import choose

        chosen = choose(result.findings, *self.codes)
        kept = tuple(finding for finding in result.findings if finding in chosen or finding.code in always)
        return replace(result, findings=kept)

    def fail(self, findings: Iterable[Finding]) -> bool:
        """Whether one of them is as grave as the user said."""
        from ssdlossdbg.results import SEVERITIES

        if self.fail_on is FailOn.NEVER:
            return False
        failing = SEVERITIES[: SEVERITIES.index(self.fail_on) + 1]
        return any(finding.severity in failing for finding in findings)


@dataclass(frozen=True)
class DatasetOptions(Group):
    """What is not clear from a dataset itself."""

    title = "Dataset"

    classes: ClassesOption = None
    dataset_format: Annotated[
        DatasetFormatOption | None, typer.Option("--dataset-format", help="What DATASET is, where that is not clear.")
    ] = None


@dataclass(frozen=True)
class Pictures(Group):
    """What is drawn of the images of a batch."""

    title = "Pictures"

    image: Annotated[
        list[Path] | None,
        typer.Option("--image", metavar="PHOTO", help="The photo of the first image; repeat for the next ones."),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Draw a picture of each image there."),
        Role.OUTPUT_FOLDER,
    ] = None

    @property
    def photos(self) -> list[Path]:
        """The photos of the first images."""
        return self.image or []


def sides(text: str, error: InputError) -> tuple[int, int]:
    """(width, height) from `300` or `320x240`, none larger than a JPEG.

    Args:
        text: what the user wrote.
        error: what to raise for anything else.
    """
    numbers = text.lower().split("x")
    plausible = (number.isdecimal() and len(number) < 6 and 0 < int(number) <= LARGEST_SIDE for number in numbers)
    if len(numbers) not in (1, 2) or not all(plausible):
        raise error
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


def _known_codes(option: str, values: Sequence[str]) -> tuple[str, ...]:
    if not values:
        return ()
    from ssdlossdbg.checks.catalogue import known_prefix

    return tuple(known_prefix(code, option) for value in values for code in value.split(","))
