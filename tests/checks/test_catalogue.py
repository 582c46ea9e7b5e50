"""All checks together: their order, what explains what, and what the user chose."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ssdlossdbg import api
from ssdlossdbg.checks.cases import ListedCases
from ssdlossdbg.checks.catalogue import CHECKS, CHECKS_OF, choose, find, known_prefix
from ssdlossdbg.checks.places import Numbering, meeting
from ssdlossdbg.errors import UnknownNameError
from ssdlossdbg.results import SEVERITIES, Case, Finding, Refusal, Severity, Where, codes_at

ASTRONAUT = ("sample_data/astronaut.jpg", "sample_data/astronaut.xml")


def finding(code: str, severity: Severity = Severity.ERROR, object: int = 0, image: int | None = None) -> Finding:
    return Finding(code, "", severity, (Case(Where("file", image, object), "", None, None, ""),))


def test_codes_are_unique_and_belong_to_their_family() -> None:
    prefixes = {check.family: check.code[:3] for check in CHECKS.values()}
    assert all(check.code[:3] == prefixes[check.family] and check.code[3:].isdecimal() for check in CHECKS.values())
    assert len(set(prefixes.values())) == len(prefixes)
    assert len({check.name for check in CHECKS.values()}) == len(CHECKS)


def test_causes_are_codes() -> None:
    for check in CHECKS.values():
        assert set(check.follows_from) <= CHECKS.keys() - {check.code}, check.code


def test_every_check_runs_on_what_it_sees() -> None:
    assert sorted(check.code for seen in CHECKS_OF.values() for check in seen) == sorted(CHECKS)
    assert all(check.sees is sees for sees, seen in CHECKS_OF.items() for check in seen)


def test_gravest_come_first() -> None:
    found = api.match(*ASTRONAUT).findings
    ranks = [SEVERITIES.index(item.severity) for item in found]
    assert ranks == sorted(ranks)
    assert found[0].severity is Severity.ERROR


def test_sample_with_mistakes() -> None:
    found = {item.code: [case.where.object for case in item.cases] for item in api.match(*ASTRONAUT).findings}
    assert found == {"BOX001": [4], "BOX002": [2], "BOX008": [3], "MAT004": [5]}


@pytest.mark.parametrize("name", ["cat", "coffee", "coins"])
def test_healthy_photos_are_silent(name: str) -> None:
    found = api.match(f"sample_data/{name}.jpg", f"sample_data/{name}.xml").findings
    assert [item.code for item in found if item.severity is not Severity.NOTE] == []


def test_healthy_batch_is_silent() -> None:
    found = api.loss("sample_data/preds.pt", "sample_data/targets.pt").findings
    assert [item.code for item in found if item.severity is not Severity.NOTE] == []


def test_choose() -> None:
    findings = tuple(map(finding, ("BOX001", "BOX010", "MAT001")))
    assert [item.code for item in choose(findings, select=["BOX"])] == ["BOX001", "BOX010"]
    assert [item.code for item in choose(findings, ignore=["BOX00", "MAT"])] == ["BOX010"]
    assert [item.code for item in choose(findings, select=["BOX"], ignore=["BOX001"])] == ["BOX010"]
    assert choose(findings) == findings


def test_known_prefix() -> None:
    assert known_prefix(" box ", "--select") == "BOX"
    assert known_prefix("box001", "--select") == "BOX001"
    with pytest.raises(UnknownNameError, match=r"--ignore: unknown code 'BOX999'. Did you mean 'BOX0"):
        known_prefix("BOX999", "--ignore")
    with pytest.raises(UnknownNameError):
        known_prefix("", "--ignore")


def test_refused_inputs_become_findings() -> None:
    (found,) = find(
        [Refusal("targets.pt", "targets.pt, image 0, object 1", "has class id 9", "Count again.", "LBL001")]
    )
    assert (found.code, found.severity) == ("LBL001", Severity.ERROR)
    assert found.worst.where.file == "targets.pt"
    assert "image 0, object 1" in found.worst.message
    assert "has class id 9" in found.worst.message


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (Where("a"), Where("a", 1, 2), True),
        (Where("a", 1), Where("a", 1, 2), True),
        (Where("a", 1, 2), Where("a", 1), True),
        (Where("a", 1, 2), Where("a", 1, 3), False),
        (Where("a", 1), Where("a", 2), False),
        (Where("a"), Where("b"), False),
    ],
)
def test_places_meet(one: Where, other: Where, meet: bool) -> None:
    assert meets(one, other) is meet
    assert meets(other, one) is meet


def test_places_of_one_batch_meet_whatever_the_file() -> None:
    assert meets(Where("preds.pt"), Where("targets.pt", 1, 2), whatever_file=True)
    assert not meets(Where("preds.pt", 0), Where("targets.pt", 1, 2), whatever_file=True)


def meets(one: Where, other: Where, whatever_file: bool = False) -> bool:
    numbering = Numbering(whatever_file)
    places = [numbering.places(ListedCases((Case(where, "", None, None, ""),))) for where in (one, other)]
    return bool(meeting(*places).item())


def test_marks_of_a_picture() -> None:
    findings = [
        finding("BOX001", object=3, image=1),
        finding("MAT002", Severity.WARNING, object=3, image=1),
        finding("MAT007", Severity.NOTE, object=3, image=1),
        finding("BOX002", object=3, image=0),
    ]
    assert codes_at(findings, 3, 1) == ("BOX001", "MAT002")
    assert codes_at(findings, 4, 1) == ()
    assert codes_at(findings, 3) == ()


def test_checks_import_no_torch() -> None:
    code = "import sys, ssdlossdbg.checks.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
