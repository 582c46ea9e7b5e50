"""The groups of options that several commands share."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from ssdlossdbg.cli import completions, names
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.places import ENDINGS, PICTURES, file_at
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.formats import MODULES
from ssdlossdbg.report.outputs import TEXT, formats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ssdlossdbg.readers.named_priors import NamedPriors
    from ssdlossdbg.readers.saved.layout import SavedLayout
    from ssdlossdbg.results import Finding

Result = TypeVar("Result", bound="Found")
LARGEST_SIDE = 65_535  # of a JPEG; no network takes more
DEFAULT_DIALECT = "ssd.pytorch"


class Found(Protocol):
    """A result with findings."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong."""


# The least severity that makes the exit code 1; how saved priors are written; the units of saved target boxes.
FailOn = StrEnum("FailOn", ["ERROR", "WARNING", "NEVER"])
BoxFormOption = StrEnum("BoxFormOption", ["CXCYWH", "XYXY"])
UnitsOption = StrEnum("UnitsOption", ["NORMALIZED", "PIXELS"])


class Batch(Group):
    """A saved batch."""

    predictions: Path = argument(
        "PREDS", "Saved loc and conf, with or without priors; a captured batch, or the folder of a run."
    )
    targets: Path | None = argument(
        "[TARGETS]", "Saved boxes and labels of the same batch, which a captured file holds, too.", default=None
    )


class Priors(Group):
    """Which priors there are."""

    title = "Priors"
    config: str | None = option(
        "--config NAME|FILE",
        "Priors: a preset, a TOML or JSON file, or a saved tensor.  [default: those of the file or the dialect]",
        autocompletion=names.presets,
    )
    prior_format: BoxFormOption = option(
        "--prior-format", "How the boxes of a saved prior tensor are written.", default=BoxFormOption.CXCYWH
    )
    image_size: str | None = option("--image-size N|WxH", "The network's input in pixels, where no config says it.")

    def check(self) -> None:
        """Refuse what is no size."""
        _ = self.size

    def of(self, config: str) -> Priors:
        """The same options with another config."""
        return Priors(config=config, prior_format=self.prior_format, image_size=self.image_size)

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
        from ssdlossdbg.readers.named_priors import load_priors

        return load_priors(self.config, self.layout) if self.config else None


class Rules(Group):
    """Whose rules to follow."""

    title = "Rules"
    dialect: str = option(
        "--dialect NAME|FILE",
        "Whose rules to follow: a codebase, or a TOML file.",
        default=DEFAULT_DIALECT,
        autocompletion=names.dialects,
    )


class Threshold(Group):
    """From which overlap to match."""

    title = Rules.title
    threshold: float | None = option("--threshold IOU", "Match threshold, over the dialect's.", min=0.0, max=1.0)


class MatchRules(Threshold, Rules):
    """Whose rules to follow, and from which overlap to match."""


class SavedRules(Group):
    """Whose rules to follow, of batches that may say it themselves."""

    title = Rules.title
    dialect: str | None = option(
        "--dialect NAME|FILE",
        "Whose rules to follow: a codebase, or a TOML file.  "
        f"[default: those of a captured file, or {DEFAULT_DIALECT}]",
        autocompletion=names.dialects,
    )


class Layout(Group):
    """How saved tensors are laid out, where that is not recognised."""

    title = "Layout of saved tensors"
    target_units: UnitsOption | None = option("--target-units", "Units of saved target boxes, over what is recognised.")
    label_offset: int | None = option("--label-offset N", "What to add to saved labels so that 0 is background.")
    native: bool = option(
        "--native/--no-native",
        "The files are in the codebase's own order (dy dx dh dw, background last, [B, 4, P], ...), "
        "as the dialect's [native] says.",
        default=False,
    )

    def saved(self, priors: Priors) -> SavedLayout:
        """The layout as the readers take it, with what the options about priors say."""
        from ssdlossdbg.readers.saved.layout import SavedLayout

        return SavedLayout(priors.prior_format, priors.size, self.target_units, self.label_offset, self.native)


class Device(Group):
    """Where it is computed."""

    device: str = option(
        "--device DEVICE", "auto, cpu, cuda, cuda:N or mps.", default="auto", autocompletion=completions.devices
    )

    def check(self) -> None:
        """Let the CPU do what torch cannot do on a Mac's GPU yet; torch asks for it when it is imported."""
        if sys.platform == "darwin":
            os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")


class Names(Group):
    """What the classes are called."""

    classes: str | None = option(
        "--classes FILE|a,b,c",
        "Class names in the order of their ids, without background.",
        autocompletion=completions.class_files,
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The class names; none where the option was not given.

        Raises:
            InputError: an empty name, one given twice, or a file that cannot be read.
        """
        from ssdlossdbg.readers.classes import load_classes

        return load_classes(self.classes) if self.classes is not None else ()


class DatasetOptions(Names):
    """What is not clear from a dataset itself."""

    title = "Dataset"
    dataset_format: str | None = option(
        "--dataset-format", "What DATASET is, where that is not clear.", choices=list(MODULES)
    )


class Pictures(Group):
    """What is drawn of the images of a batch."""

    title = "Pictures"
    image: list[Path] | None = option("--image PHOTO", "The photo of the first image; repeat for the next ones.")
    output: Path | None = option(
        "-o --output DIR|FILE|-",
        "Draw a picture of each image into a folder; of a batch of one image, a .png, .jpg or .webp, or - for stdout; "
        "or a page, to FILE.html.",
        Role.OUTPUT_FOLDER,
    )

    def check(self) -> None:
        """Refuse files that no picture has."""
        if self.output is not None:
            file_at(self.output, "", (*PICTURES, *ENDINGS))


class Findings(Group):
    """Which findings are shown, and which make the command fail."""

    title = "Findings"
    select: list[str] | None = option(
        "--select CODES",
        "Show only these findings: codes or beginnings, as in BOX,LBL002.",
        autocompletion=completions.several_codes,
    )
    ignore: list[str] | None = option(
        "--ignore CODES", "Leave these findings out, selected or not.", autocompletion=completions.several_codes
    )
    fail_on: FailOn = option(
        "--fail-on", "Exit with 1 where a finding shown is as grave as this.", default=FailOn.ERROR
    )

    def check(self) -> None:
        """Refuse what is no code."""
        _ = self.codes

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
        return replace(result, findings=kept)  # type: ignore[type-var]  # all results are dataclasses

    def fail(self, findings: Iterable[Finding]) -> bool:
        """Whether one of them is as grave as the user said."""
        from ssdlossdbg.results import SEVERITIES

        if self.fail_on is FailOn.NEVER:
            return False
        failing = SEVERITIES[: SEVERITIES.index(self.fail_on) + 1]
        return any(finding.severity in failing for finding in findings)


class Report(Group):
    """How the report is written."""

    title = "Output"
    format: str = option(
        "--format",
        "A report to read, JSON to script against, or Markdown for a job's summary.",
        default=TEXT,
        choices=formats("AnchorsResult"),
    )


class PageReport(Report):
    """How a report is written that there is a page of, too."""

    title = Report.title
    format: str = option(
        "--format",
        "A report to read, JSON to script against, or a page for a browser, which -o FILE.html writes, too.",
        default=TEXT,
        choices=formats("MatchResult"),
    )


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


def _known_codes(option: str, values: Sequence[str]) -> tuple[str, ...]:
    if not values:
        return ()
    from ssdlossdbg.checks.catalogue import known_prefix

    return tuple(known_prefix(code, option) for value in values for code in value.split(","))
