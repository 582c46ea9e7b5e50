"""Dialects: how one codebase reads targets, matches, mines and normalises."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path

from ssdlossdbg import dialects as shipped
from ssdlossdbg.multibox.specs import (
    AugmentSpec,
    CodecSpec,
    DetectSpec,
    IouRule,
    LossSpec,
    MatchSpec,
    MiningSpec,
    WeightDecaySpec,
)
from ssdlossdbg.readers.files import read_text
from ssdlossdbg.readers.schema import build, chain, load_named

DIALECTS = Path(shipped.__file__).parent


class SizeFrom(StrEnum):
    """Whose width and height box coordinates are divided by."""

    PHOTO = "photo"
    ANNOTATION = "annotation"


class Difficult(StrEnum):
    """What happens to objects marked difficult."""

    DROP = "drop"
    KEEP = "keep"


class Units(StrEnum):
    """What box coordinates are measured in."""

    NORMALIZED = "normalized"
    PIXELS = "pixels"


class Axes(StrEnum):
    """The axes of the network's output."""

    PRIORS_VALUES = "batch-priors-values"
    """`[B, P, 4]` and `[B, P, C]`."""
    VALUES_PRIORS = "batch-values-priors"
    """`[B, 4, P]` and `[B, C, P]`."""


class Coordinates(StrEnum):
    """Which axis the four numbers of a box, of a prior and of its offsets name first."""

    X_FIRST = "x-first"
    """(dx, dy, dw, dh); (x1, y1, x2, y2)."""
    Y_FIRST = "y-first"
    """(dy, dx, dh, dw); (y1, x1, y2, x2)."""


class Background(StrEnum):
    """The column of the background among the logits, and its id among the labels of encoded targets."""

    FIRST = "first"
    LAST = "last"


class Rows(StrEnum):
    """Where the label stands in an object's row of five."""

    BOX_LABEL = "box-label"
    LABEL_BOX = "label-box"


@dataclass(frozen=True)
class NativeSpec:
    """How the codebase's own tensors differ from the canonical ones, which the defaults are.

    The order of the priors is none of it: predictions follow the codebase's priors, whatever order these are in.

    Attributes:
        axes: of loc, conf and encoded targets.
        coordinates: of loc, encoded targets, priors and the boxes of objects.
        background: of conf and of encoded targets.
        rows: of objects in rows of five.
    """

    axes: Axes = Axes.PRIORS_VALUES
    coordinates: Coordinates = Coordinates.X_FIRST
    background: Background = Background.FIRST
    rows: Rows = Rows.BOX_LABEL


@dataclass(frozen=True)
class TargetSpec:
    """How the codebase's data loader turns an annotation into targets.

    Attributes:
        units: of the boxes that the loss receives.
        label_offset: added to a target's label to get the class id, 0 being background.
        voc_pixel_offset: added to every coordinate of a Pascal VOC file, in pixels.
        size_from: whose size the coordinates are divided by.
        difficult: whether objects marked difficult take part.
    """

    units: Units = Units.NORMALIZED
    label_offset: int = 1
    voc_pixel_offset: float = -1.0
    size_from: SizeFrom = SizeFrom.PHOTO
    difficult: Difficult = Difficult.DROP


@dataclass(frozen=True)
class RaisesSpec:
    """Where the real code raises. The text names the exception, its file and line.

    Attributes:
        image_without_objects: on a batch in which some image has no object; empty where it does not raise.
        degenerate_box: on a box without width or height.
        zero_positives: on a batch without a positive prior.
    """

    image_without_objects: str = ""
    degenerate_box: str = ""
    zero_positives: str = ""


@dataclass(frozen=True)
class Dialect:
    """One codebase, as data.

    Attributes:
        name: the file's stem.
        codebase: whose code it describes.
        aliases: other names it answers to.
        prior_config: the preset it trains on by default.
    """

    name: str = ""
    codebase: str = ""
    aliases: tuple[str, ...] = ()
    prior_config: str = "ssd300-voc"
    native: NativeSpec = field(default_factory=NativeSpec)
    targets: TargetSpec = field(default_factory=TargetSpec)
    match: MatchSpec = field(default_factory=MatchSpec)
    codec: CodecSpec = field(default_factory=CodecSpec)
    mining: MiningSpec = field(default_factory=MiningSpec)
    loss: LossSpec = field(default_factory=LossSpec)
    weight_decay: WeightDecaySpec = field(default_factory=WeightDecaySpec)
    detect: DetectSpec = field(default_factory=DetectSpec)
    augmentation: AugmentSpec = field(default_factory=AugmentSpec)
    raises: RaisesSpec = field(default_factory=RaisesSpec)


def load_dialect(name: str, where: str = "--dialect") -> Dialect:
    """A dialect by name, alias or file.

    Args:
        name: a shipped dialect ("ssd.pytorch"), or the path of a TOML or JSON file, which may say
            `base = "ssd.pytorch"` and give only the lines that differ.
        where: the option the name came from, for errors.

    Raises:
        InputError: unknown name or key, unreadable file, value of the wrong type.
    """
    table, path = load_named(name, DIALECTS, "dialect", where)
    table.setdefault("name", path.stem)
    return build(Dialect, table, path)


def settings_in_pixels(dialect: Dialect) -> list[str]:
    """The settings of the loss that are lengths or areas in pixels of the input, as section.key.

    Where there are none, the size of the input does not matter to the loss, whatever unit it is computed in: overlaps
    and offsets are ratios. A floor of the union below the area of a pixel is none, since no prior is as small.
    """
    if dialect.targets.units is not Units.PIXELS:
        return []
    match, settings = dialect.match, []
    floor = 1.0 if match.iou is IouRule.UNION_FLOOR else 0.0
    if match.iou in (IouRule.UNION_FLOOR, IouRule.EPSILON_ADDED) and match.iou_epsilon > floor:
        settings.append("match.iou_epsilon")
    if dialect.codec.size_epsilon:
        settings.append("codec.size_epsilon")
    return settings


def dialect_names() -> list[str]:
    """The names of all shipped dialects, sorted."""
    return sorted(file.stem for file in DIALECTS.glob("*.toml"))


def source_text(name: str) -> str:
    """A dialect in full: its own file, and under it those of its bases, each line with its source.

    Raises:
        InputError: unknown name or key, unreadable file, value of the wrong type: what cannot be used is not shown.
    """
    load_dialect(name, "NAME")
    files = chain(name, DIALECTS, "dialect", "NAME")
    return "\n".join(f"# ---- {path.name} ----\n{read_text(path).strip()}\n" for path in files)


def differences(first: Dialect, second: Dialect) -> list[tuple[str, str, str]]:
    """The settings in which two dialects differ, as (section.key, of the first, of the second)."""
    lines = []
    for section in fields(Dialect):
        mine, other = getattr(first, section.name), getattr(second, section.name)
        if not is_dataclass(mine):
            continue
        for setting in fields(mine):
            here, there = getattr(mine, setting.name), getattr(other, setting.name)
            if here != there:
                lines.append((f"{section.name}.{setting.name}", _shown(here), _shown(there)))
    return lines


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value)) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
