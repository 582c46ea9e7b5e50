"""What a check is, and the list of all."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ssdlossdbg.checks.cases import Cases, ListedCases, TableCases
from ssdlossdbg.results import Case, Refusal, Severity, Subject, Where

S = TypeVar("S", bound=Subject)
Function = Callable[[S], Iterable[Case] | TableCases]
# The headings of a check's docstring, in their order; `explain` prints them.
SECTIONS = ("What it means", "Why it matters", "How to tell", "How to fix", "Where people met it")


@dataclass(frozen=True)
class Check:
    """A function that looks for one thing that may be wrong.

    Attributes:
        code: stable; letters name the family.
        name: in a few words.
        severity: of what it finds.
        family: what it looks at, in a word or two.
        sees: the type it looks at.
        function: gives a case a place, the worst first; `run` calls it.
        follows_from: codes of causes; where one of them is found, this is its mere consequence and is left out.
        beneath: codes of causes that leave it worth saying; where one is found, this stands after it and names it.
    """

    code: str
    name: str
    severity: Severity
    family: str
    sees: type
    function: Function[Any]
    follows_from: tuple[str, ...] = ()
    beneath: tuple[str, ...] = ()

    def run(self, subject: Subject) -> Cases:
        """What it finds in an instance of what it sees."""
        cases = self.function(subject)
        return cases if isinstance(cases, TableCases) else ListedCases(tuple(cases))

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return inspect.getdoc(self.function).splitlines()[0]  # type: ignore[union-attr]  # a test holds that all have one

    @property
    def sections(self) -> dict[str, str]:
        """What its docstring says under each of `SECTIONS`."""
        text = inspect.getdoc(self.function) or ""
        parts = re.split(rf"^({'|'.join(SECTIONS)}):$", text, flags=re.MULTILINE)
        return {head: textwrap.dedent(body).strip() for head, body in zip(parts[1::2], parts[2::2], strict=True)}


class Family:
    """The checks of one kind of thing, in a file or in the files of a folder.

    Args:
        prefix: letters that its codes begin with.
        name: what its checks look at, in a word or two.
    """

    def __init__(self, prefix: str, name: str) -> None:
        self.prefix, self.name = prefix, name
        self.checks: list[Check] = []

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def check(
        self,
        number: int,
        name: str,
        severity: Severity,
        sees: type[S],
        follows_from: tuple[str, ...] = (),
        beneath: tuple[str, ...] = (),
    ) -> Callable[[Function[S]], Function[S]]:
        """Enter a function into the family.

        Args:
            number: with the family's prefix, its code.
            name: in a few words.
            severity: of what it finds.
            sees: the type that the function looks at.
            follows_from: codes whose mere consequence it is, left out at the places where one of them is found.
            beneath: codes whose consequence it is and yet worth saying, after them.
        """

        def enter(function: Function[S]) -> Function[S]:
            code = f"{self.prefix}{number:03d}"
            self.checks.append(Check(code, name, severity, self.name, sees, function, follows_from, beneath))
            return function

        return enter


def refusal_case(refusal: Refusal, code: str) -> Iterator[Case]:
    """The case of a check whose finding is what a reader refused an input for.

    Args:
        refusal: what was refused.
        code: of the check; without a case where the reader names another.
    """
    if refusal.code == code:
        place = refusal.where.removeprefix(refusal.file).removeprefix(", ")
        message = f"{place}: {refusal.what}" if place else refusal.what
        yield Case(Where(refusal.file), message, None, None, refusal.fix)
