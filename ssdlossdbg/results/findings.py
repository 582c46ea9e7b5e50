"""What a check finds: a named thing that is wrong, where, by how much, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from ssdlossdbg.results.common import Box
from ssdlossdbg.results.contract import Hidden, Written


class Severity(StrEnum):
    """How bad a finding is, the gravest first."""

    ERROR = "error"
    """The loss is wrong, or will be inf or nan, or the real code raises."""
    WARNING = "warning"
    """It hurts the training."""
    NOTE = "note"
    """Worth knowing."""


SEVERITIES = tuple(Severity)
MOST_IN_MESSAGE = 3
# What stands behind a file's name where the first of two steps is looked at, until `with_names` says it in words.
OF_FIRST_STEP = "\n"
FIRST_STEP = "first step"


@dataclass(frozen=True)
class Where:
    """A place, as precisely as it is known.

    Attributes:
        file: the annotation, the saved tensors, or the prior config.
        image: of a file that holds several: its index in a batch, or its file name.
        object: index of the ground truth in its image.
        label: of that ground truth.
        prior: index of the prior.
        level: index of the level.
        box: xyxy, in pixels of the photo for annotations, of the network's input for saved tensors.
        name: what the image is called, of one that is an index.
        line: of the file, where the object begins, counted from 1; None where that is not known.
    """

    file: str
    image: int | str | None = None
    object: int | None = None
    label: str | None = None
    prior: int | None = None
    level: int | None = None
    box: Box | None = None
    name: str | None = None
    line: int | None = None

    @property
    def place(self) -> str:
        """The place inside the file, in words; empty for the file as a whole."""
        image = f"image {self.image}" if isinstance(self.image, int) else self.image
        parts = [f"{self.name} ({image})" if self.name else image] if image is not None else []
        if self.object is not None:
            parts.append(f"object {self.object}" + (f" ({self.label})" if self.label else ""))
        if self.prior is not None:
            parts.append(f"prior {self.prior}")
        elif self.level is not None:
            parts.append(f"level {self.level}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Case:
    """One place at which something is wrong.

    Attributes:
        message: what is wrong there and what comes of it, in words that follow the place; no full stop.
        value: what was measured.
        bound: what it was held against.
        fix: what the user can do, as a sentence.
        share: of all that was looked at, what it concerns, where its place does not say that.
        firm: whether it is worth saying even where another finding explains it.
    """

    where: Where
    message: str
    value: float | str | None
    bound: float | str | None
    fix: str
    share: Hidden[float | None] = None
    firm: Hidden[bool] = False


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, at one place or at many.

    Attributes:
        code: stable; `ssdlossdbg explain CODE` tells all about it.
        name: in a few words.
        cases: where it is so, the worst first; at least one.
        more: how many cases there are beside these, which nobody asked for.
        share: of all that was looked at (objects, images, priors, the loss), what it concerns; see `in_order`.
        follows_from: codes of other findings, of those there are, that this is a consequence of.
    """

    code: str
    name: str
    severity: Severity
    cases: tuple[Case, ...]
    more: int = 0
    share: float = 1.0
    follows_from: tuple[str, ...] = ()

    @property
    def count(self) -> Written[int]:
        """At how many places it is so."""
        return len(self.cases) + self.more

    @property
    def worst(self) -> Case:
        """The case that stands for all."""
        return self.cases[0]

    @property
    def message(self) -> Written[str]:
        """The worst cases with their places, in a sentence without its full stop; a file is named once in a row."""
        parts, file = [], None
        for case in self.cases[:MOST_IN_MESSAGE]:
            named = [case.where.file if case.where.file != file else "", case.where.place]
            place = ", ".join(part for part in named if part)
            parts.append(f"{place}: {case.message}" if place else case.message)
            file = case.where.file
        left = self.count - len(parts)
        return "; ".join([*parts, *([f"and {left} more"] if left else [])])

    @property
    def where(self) -> Written[Where]:
        """The place of the worst case."""
        return self.worst.where

    @cached_property
    def _concerned(self) -> frozenset[tuple[int | str | None, int | None]]:
        """Image and object of each case; a picture of many objects asks for each."""
        return frozenset((case.where.image, case.where.object) for case in self.cases)

    @property
    def value(self) -> Written[float | str | None]:
        """What was measured in the worst case."""
        return self.worst.value

    @property
    def bound(self) -> Written[float | str | None]:
        """What that was held against."""
        return self.worst.bound

    @property
    def fix(self) -> Written[str]:
        """What the user can do about the worst case, as a sentence."""
        return self.worst.fix


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order in which they are read: causes first, then the gravest, then what concerns most.

    Args:
        findings: each code once; where nothing else decides, their order stays.
    """
    left = dict(enumerate(findings))
    places = {finding.code: place for place, finding in left.items()}
    causes = {
        place: {places[code] for code in finding.follows_from if code in places} for place, finding in left.items()
    }
    rank = {place: (SEVERITIES.index(finding.severity), -finding.share, place) for place, finding in left.items()}
    # A cause is as urgent as the gravest of what follows from it; as often as the longest chain has links.
    for _ in left:
        for place, before in causes.items():
            rank.update({cause: min(rank[cause], rank[place]) for cause in before})
    read: list[Finding] = []
    while left:
        ready = [place for place in left if not causes[place] & left.keys()] or list(left)
        read.append(left.pop(min(ready, key=rank.__getitem__)))
    return tuple(read)


def with_names(findings: Iterable[Finding], names: Sequence[str]) -> tuple[Finding, ...]:
    """The findings about a batch, with the names of its images, and that they are about the first of two steps.

    Args:
        findings: whose places have an index for an image.
        names: of the first images, in order; an empty text for one without.
    """
    return tuple(
        replace(finding, cases=tuple(_with_name(_with_step(case), names) for case in finding.cases))
        for finding in findings
    )


def _with_step(case: Case) -> Case:
    file = case.where.file.removesuffix(OF_FIRST_STEP)
    if file == case.where.file:
        return case
    return replace(case, where=replace(case.where, file=file), message=f"in the {FIRST_STEP}, {case.message}")


def _with_name(case: Case, names: Sequence[str]) -> Case:
    image = case.where.image
    if not isinstance(image, int) or not 0 <= image < len(names) or not names[image]:
        return case
    return replace(case, where=replace(case.where, name=names[image]))


def codes_at(findings: Iterable[Finding], object: int, image: int | None = None) -> tuple[str, ...]:
    """The codes of what is wrong with an object, notes left out, for its mark on a picture.

    Args:
        findings: of the whole report.
        object: index of the ground truth in its image.
        image: index of the image in its batch; None where the report is about one.
    """
    return tuple(
        finding.code
        for finding in findings
        if finding.severity is not Severity.NOTE and (image, object) in finding._concerned
    )


@dataclass(frozen=True)
class Refusal:
    """An input that a reader refused, as the checks see it.

    Attributes:
        file: the file that was being read.
        where: the file, with the place inside it, in words.
        what: what is wrong there.
        fix: what the user can do about it.
        code: of the finding that the reader says it is; empty for what is merely unreadable.
        also: other files of which the same is true.
    """

    file: str
    where: str
    what: str
    fix: str
    code: str = ""
    also: tuple[str, ...] = ()
