"""Dialects: how one codebase reads targets, matches, mines and normalises."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ssdlossdbg import dialects as shipped
from ssdlossdbg.multibox.specs import CodecSpec, LossSpec, MatchSpec, MiningSpec
from ssdlossdbg.readers.schema import build, load_named

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
    """

    image_without_objects: str = ""


@dataclass(frozen=True)
class Dialect:
    """One codebase, as data."""

    name: str = ""
    codebase: str = ""
    aliases: tuple[str, ...] = ()
    targets: TargetSpec = field(default_factory=TargetSpec)
    match: MatchSpec = field(default_factory=MatchSpec)
    codec: CodecSpec = field(default_factory=CodecSpec)
    mining: MiningSpec = field(default_factory=MiningSpec)
    loss: LossSpec = field(default_factory=LossSpec)
    raises: RaisesSpec = field(default_factory=RaisesSpec)


def load_dialect(name: str) -> Dialect:
    """A dialect by name, alias or file.

    Args:
        name: a shipped dialect ("ssd.pytorch"), or the path of a TOML or JSON file, which may say
            `base = "ssd.pytorch"` and give only the lines that differ.

    Raises:
        InputError: unknown name or key, unreadable file, value of the wrong type.
    """
    table, path = load_named(name, DIALECTS, "dialect", "--dialect")
    table.setdefault("name", path.stem)
    return build(Dialect, table, path)
