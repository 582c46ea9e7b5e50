"""What `identify` returns: whose loss it is, which rules are others, and what nothing could tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ssdlossdbg.results.captured import Recorded
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.report import Reported

# What a rule can be set to; None where it is off.
Value = bool | int | float | str | tuple[float, ...] | None


@dataclass(frozen=True)
class RuleChange:
    """A rule that is another than the dialect's.

    Attributes:
        rule: section.key of a dialect file.
        value: as such a file has it.
    """

    rule: str
    value: Value


@dataclass(frozen=True)
class DialectFound:
    """Rules that give every number.

    Attributes:
        name: of the dialect that they are nearest to.
        same_as: the others whose loss is the same for everything.
        changes: to its rules.
        toml: a dialect file with those rules.
    """

    name: str
    same_as: tuple[str, ...]
    changes: tuple[RuleChange, ...]
    toml: str


@dataclass(frozen=True)
class Inseparable:
    """A rule of the first explanation, and other values of it that give every number, too.

    Attributes:
        rule: section.key of a dialect file.
        values: its own first.
        needs: the input that would tell them apart, in words; empty where none is known.
    """

    rule: str
    values: tuple[Value, ...]
    needs: str = ""


@dataclass(frozen=True)
class RaisedOn:
    """A case that the criterion refused.

    Attributes:
        case: in words.
        error: what it raised.
    """

    case: str
    error: str


@dataclass(frozen=True)
class Differs:
    """The dialect that comes nearest where nothing explains every number.

    Attributes:
        name: of it.
        cases: on which it gives something else, in words.
        yours, theirs: the losses of the first of them.
    """

    name: str
    cases: tuple[str, ...]
    yours: Recorded
    theirs: Recorded


@dataclass(frozen=True)
class Probed:
    """What the answer rests on.

    Attributes:
        called: how the criterion was called; empty where it was not.
        said: the losses that were recorded or printed of saved batches; empty where a criterion was called.
        cases: how many inputs were tried.
        returned: of how many of them there is a loss.
        raised: those that it refused.
        left_out: what nobody can tell from this, in words.
        complete: whether the search ended before its time was up.
    """

    called: str
    said: str
    cases: int
    returned: int
    raised: tuple[RaisedOn, ...]
    left_out: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, repr=False)
class IdentifyResult(Reported):
    """Whose loss it is.

    Attributes:
        subject: the criterion's name, or the batch's file.
        dialects: what explains every number, of the fewest changes; empty where nothing does.
        inseparable: what nothing that was tried tells apart.
        probed: what that rests on.
        nearest: where nothing explains every number.
    """

    subject: str
    dialects: tuple[DialectFound, ...]
    inseparable: tuple[Inseparable, ...]
    probed: Probed
    nearest: Differs | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def headline(self) -> str:
        """Whose it is, in a line."""
        return f"{self.subject}: {self.answer}"

    @property
    def answer(self) -> str:
        """Whose it is, in words."""
        if not self.dialects:
            return nobodys("as many rules changed as were tried")
        return whose(self.dialects)


MOST_NAMED = 3


def nobodys(tried: str) -> str:
    """As in "none of the dialects, even with one rule changed"."""
    return f"none of the dialects, even with {tried}"


def whose(found: Sequence[DialectFound]) -> str:
    """The first few explanations, in words."""
    more = f" or {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return " or ".join(map(in_words, found[:MOST_NAMED])) + more


def in_words(found: DialectFound) -> str:
    """As in "ssd.pytorch with match.threshold 0.35"."""
    names = "/".join((found.name, *found.same_as))
    changes = ", ".join(f"{change.rule} {value_in_words(change.value)}" for change in found.changes)
    return f"{names} with {changes}" if changes else names


def value_in_words(value: Value) -> str:
    """A rule's value as a report says it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "(" + ", ".join(map(value_in_words, value)) + ")"
    return f"{value:g}" if isinstance(value, float) else str(value)
