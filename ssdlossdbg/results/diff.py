"""What `diff` returns: what changed between two things of one kind, and what explains it.

The two are called A and B, in the order in which they were given; every change is from A to B.
"""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.common import Box
from ssdlossdbg.results.contract import Written
from ssdlossdbg.results.report import Reported

# What is compared.
BATCHES, TARGETS, PRIORS, ANNOTATIONS, RUNS = "batches", "targets", "priors", "annotations", "runs"
# What a group is a group by.
BY_PART, BY_IMAGE = "part", "image"
# What became of an object.
ADDED, REMOVED, MOVED, RELABELLED, REORDERED = "added", "removed", "moved", "relabelled", "in another place"


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        path: of its file or files.
        what: it is, in words.
        value: what is measured of it: the loss, or how many objects; None where that cannot be.
        refused: why it cannot be, in words; empty where it can, or nobody asked.
    """

    path: str
    what: str
    value: float | None = None
    refused: str = ""


@dataclass(frozen=True)
class Difference:
    """An input, a rule or a note that is another in B.

    Attributes:
        name: of it: labels, boxes, loc, priors, threshold, ...
        what: in words, with how much of it is another.
        how: what B's is made of A's by, where that is recognised: "each 1 more"; else empty.
        figure: the number in that; None without one.
        changed, of: how many of its values, objects or priors are others, of how many; 0 where they are not counted.
        places: where, the first ones.
        measured: whether the measure can depend on it; a note that no computation reads cannot.
    """

    name: str
    what: str
    how: str = ""
    figure: float | None = None
    changed: int = 0
    of: int = 0
    places: tuple[str, ...] = ()
    measured: bool = True


@dataclass(frozen=True)
class Explanation:
    """What one difference is worth in the change of the measure.

    Attributes:
        name: of the difference, or of a group of them that is taken over as one where none explains alone.
        of: the differences in a group; empty of one alone.
        alone: the measure of A with B's of this; None where that cannot be computed.
        without: the measure of B with A's of this; likewise.
        delta: what it changes where the differences are taken over one after the other; they add up to the change.
            None of groups.
        explains: whether it alone makes A's measure B's.
    """

    name: str
    alone: float | None
    without: float | None
    delta: float | None
    explains: bool
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupDifference:
    """A part, level, class, size or image on both sides.

    Attributes:
        by: what it is a group by.
        name: of the group.
        of: what the values are, in words: "loss", "objects learnt".
        first, second: of A and B; None where that has no such group.
    """

    by: str
    name: str
    of: str
    first: float | None
    second: float | None

    @property
    def change(self) -> Written[float | None]:
        """From A to B; what is not there counts as nothing."""
        return (self.second or 0.0) - (self.first or 0.0)


@dataclass(frozen=True)
class ObjectDifference:
    """An object that is another in B, or costs something else there.

    Attributes:
        image: its name, or its number.
        index, other: its place in its image's list in A and B; None where it is not there.
        label, new_label: its class in A and B.
        box, new_box: xyxy, in pixels of the input or of the photo.
        became: what changed of the object itself: `ADDED`, `MOVED`, ..., several between commas; empty where nothing.
        first, second: what it costs in A and B; None where that is not known.
        positives: in A and B.
        found: what its most expensive positive takes it for, in A and B; for runs, what became of it.
    """

    image: str
    index: int | None
    other: int | None
    label: str
    new_label: str
    box: Box | None
    new_box: Box | None
    became: str
    first: float | None = None
    second: float | None = None
    positives: tuple[int | None, int | None] = (None, None)
    found: tuple[str, str] = ("", "")

    @property
    def change(self) -> Written[float | None]:
        """Of its cost; what is not there costs nothing."""
        return None if self.first is None and self.second is None else (self.second or 0.0) - (self.first or 0.0)


@dataclass(frozen=True)
class PriorDifference:
    """A prior that has another role in B, or costs something else.

    Attributes:
        image: its name, or its number.
        prior, level: which; counted as in A.
        roles: in A and B: positive, mined, negative, ignored.
        first, second: what it costs.
    """

    image: str
    prior: int
    level: int
    roles: tuple[str, str]
    first: float
    second: float

    @property
    def change(self) -> Written[float]:
        """From A to B."""
        return self.second - self.first


@dataclass(frozen=True)
class RoleCount:
    """How many priors went from one role to another."""

    first: str
    second: str
    priors: int


@dataclass(frozen=True, repr=False)
class DiffResult(Reported):
    """What changed from A to B, and which input or rule explains it.

    Attributes:
        compared: what the two are: one of BATCHES, TARGETS, PRIORS, ANNOTATIONS, RUNS.
        same: whether nothing is another.
        summary: what changed and what explains it, in one sentence or two.
        measure: what `Side.value` and the explanations are: "loss", "objects matched"; empty where nothing is measured.
        first, second: A and B.
        differences: inputs and rules that are others, those that explain most first; then notes.
        explanations: of those that the measure depends on.
        parted_at: of runs, the first step that is another; None where there is none, and of all else.
        groups: parts, levels, classes, images and sizes that are others.
        objects: the greatest change first.
        priors: the greatest change first.
        roles: how many priors went from which role to which, as "negative -> positive": the most first.
    """

    compared: str
    same: bool
    summary: str
    measure: str
    first: Side
    second: Side
    parted_at: int | None = None
    differences: tuple[Difference, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    groups: tuple[GroupDifference, ...] = ()
    objects: tuple[ObjectDifference, ...] = ()
    priors: tuple[PriorDifference, ...] = ()
    roles: tuple[RoleCount, ...] = ()

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        return self.summary
