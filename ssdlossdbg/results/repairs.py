"""What `check --fix` does to copies of annotation files: what is proposed, what was done, and what is left, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from ssdlossdbg.results.common import Box
from ssdlossdbg.results.findings import Where

# Whether the user wants findings of a code repaired in a file.
Wanted = Callable[[str, str], bool]


class Action(StrEnum):
    """What is done to an object."""

    CLIP = "clip"
    """Numbers beyond the border become those of the border."""
    SWAP = "swap"
    """The two ends of an axis are exchanged."""
    DROP = "drop"
    """What is no object is taken out."""
    DEDUPE = "dedupe"
    """Of two that say the same, the one that says less is taken out, or the second."""


@dataclass(frozen=True)
class Limits:
    """The borders of an image, in the unit of its file.

    Attributes:
        low: of x and y.
        high: of x and y.
    """

    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True)
class Mend:
    """What is proposed for an object.

    Attributes:
        where: it stands.
        box: xyxy as read, in the unit of its file, by which it is known again.
        why: for each action, the code of the finding that it answers.
        swapped: which axes are to be swapped.
        limits: to clip it to, where it is to be clipped.
    """

    where: Where
    box: Box
    why: dict[Action, str]
    swapped: tuple[bool, bool] = (False, False)
    limits: Limits | None = None


@dataclass(frozen=True)
class Twins:
    """Objects of one image and class that have the very same box, once they are mended.

    Attributes:
        code: of the finding.
        places: of each, and its box as read, in their order.
    """

    code: str
    places: tuple[tuple[Where, Box], ...]


@dataclass(frozen=True)
class NotRepaired:
    """A finding that stays, and why.

    Attributes:
        code: of the finding.
        where: it is.
        why: it cannot be decided from the files.
    """

    code: str
    where: Where
    why: str


@dataclass(frozen=True)
class Proposals:
    """What is proposed for the objects of some files.

    Attributes:
        mends: for one object each.
        twins: of which some are to go.
        left: what stays, whatever the files look like.
    """

    mends: list[Mend] = field(default_factory=list)
    twins: list[Twins] = field(default_factory=list)
    left: list[NotRepaired] = field(default_factory=list)


@dataclass(frozen=True)
class Repair:
    """A change in the copy of a file.

    Attributes:
        code: of the finding that it answers.
        where: the object stands in the input.
        action: clip, swap, drop or dedupe.
        before: the numbers of its box, as the input spells them.
        after: as the copy does; empty where the object is gone.
    """

    code: str
    where: Where
    action: Action
    before: str
    after: str


@dataclass(frozen=True)
class NotCopied:
    """A file that there is no copy of.

    Attributes:
        file: it.
        why: not.
    """

    file: str
    why: str


@dataclass(frozen=True)
class Copies:
    """What was written.

    Attributes:
        folder: where to.
        files: how many are in it now.
        changed: how many of them differ from the input.
        left_out: files without a copy.
    """

    folder: str
    files: int
    changed: int
    left_out: tuple[NotCopied, ...] = ()
