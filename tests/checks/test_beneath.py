"""Which finding stands beneath which: by how much the cause concerns, and in which files it was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from ssdlossdbg import api
from ssdlossdbg.checks import catalogue
from ssdlossdbg.checks.cases import TableCases, of_rows
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import Case, Objects, PriorTable, Severity, Subject, Where
from tests.checks.conftest import TableOf

BOX = (20, 20, 60, 60)


@pytest.fixture(scope="module")
def priors() -> PriorTable:
    (table,) = (each for each in api.anchors(load_priors("ssd300-voc")).evidence if isinstance(each, PriorTable))
    return table


def causes_of_second(
    monkeypatch: pytest.MonkeyPatch, family: Family, evidence: Sequence[Subject]
) -> tuple[str, ...] | None:
    """What the finding XXX002 stands beneath, with these checks alone; None where it is not told."""
    kinds = (Objects, PriorTable)
    monkeypatch.setattr(catalogue, "CHECKS", {check.code: check for check in family})
    monkeypatch.setattr(catalogue, "CHECKS_OF", {kind: tuple(c for c in family if c.sees is kind) for kind in kinds})
    return next((each.follows_from for each in find(evidence) if each.code == "XXX002"), None)


def at(rows: Sequence[int]) -> Callable[[Objects], TableCases]:
    """A check that finds some objects."""
    return lambda objects: of_rows(
        objects, np.array(rows, dtype=int), lambda row: Case(objects.where(row), "it is so", None, None, "")
    )


@pytest.mark.parametrize(("share", "beneath"), [(0.1, True), (0.0999, False), (0.5, True)])
@pytest.mark.parametrize("sees", [Objects, PriorTable])
def test_a_tenth_of_the_priors_explains_what_objects_lack(
    share: float, beneath: bool, sees: type, priors: PriorTable, table_of: TableOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And any number of them what is said of priors."""
    family = Family("XXX", "made up")

    def odd(_: PriorTable) -> Iterator[Case]:
        yield Case(Where("priors"), "odd", None, None, "", share)

    family.check(1, "cause", Severity.WARNING, PriorTable)(odd)
    if sees is PriorTable:
        family.check(2, "second", Severity.WARNING, PriorTable, beneath=("XXX001",))(odd)
    else:
        family.check(2, "second", Severity.WARNING, Objects, beneath=("XXX001",))(at([0]))
    found = causes_of_second(monkeypatch, family, [priors, table_of([[BOX]])])
    assert found == (("XXX001",) if beneath or sees is PriorTable else ())


@pytest.mark.parametrize(
    ("causes", "rows", "beneath"),
    [
        # Of three files with two objects each: half of what is found lies in a file with a cause.
        ([0], [0, 1], True),
        ([0], [1], True),
        ([0], [1, 2], True),
        ([0], [1, 2, 3], False),
        ([0], [2], False),
        ([0, 4], [1, 2, 5], True),
        ([], [0], False),
    ],
)
def test_a_cause_of_the_same_files(
    causes: list[int], rows: list[int], beneath: bool, table_of: TableOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = Family("XXX", "made up")
    family.check(1, "cause", Severity.WARNING, Objects)(at(causes))
    family.check(2, "second", Severity.WARNING, Objects, beneath=("XXX001",))(at(rows))
    found = causes_of_second(monkeypatch, family, [table_of([[BOX] * 2] * 3)])
    assert found == (("XXX001",) if beneath else ())


@pytest.mark.parametrize("place", [0, 1])
def test_a_cause_in_one_of_several_tables_is_enough(
    place: int, table_of: TableOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = Family("XXX", "made up")
    tables = [table_of([[BOX] * number]) for number in (2, 3)]
    bad = tables[place]

    def some(objects: Objects) -> TableCases:
        return at([0] if objects is bad else [])(objects)

    family.check(1, "cause", Severity.WARNING, Objects)(some)
    family.check(2, "second", Severity.WARNING, Objects, beneath=("XXX001",))(some)
    assert causes_of_second(monkeypatch, family, tables) == ("XXX001",)
