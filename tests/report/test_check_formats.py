"""What `check` writes: lines, JSON, GitHub's workflow commands, SARIF."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from ssdlossdbg.checks.catalogue import CHECKS
from ssdlossdbg.report.check_github import check_github
from ssdlossdbg.report.check_sarif import check_sarif
from ssdlossdbg.report.check_text import check_report
from ssdlossdbg.report.documents import encode, render_json
from ssdlossdbg.report.view import View
from ssdlossdbg.results import Case, CheckedFiles, CheckResult, Finding, Severity, Where


def case(where: Where, value: float | str | None = 1.0) -> Case:
    return Case(where, "is wrong by 5%", value, 0.0, "Mend it.")


RESULT = CheckResult(
    files=CheckedFiles(2, 1, 1),
    images=4,
    objects=12,
    dialect="ssd.pytorch",
    device="cpu",
    findings=(
        Finding("FIL001", "unreadable", Severity.ERROR, (case(Where("a b.xml")),)),
        Finding(
            "BOX001",
            "no size",
            Severity.ERROR,
            (
                case(Where("c.json", "p,q.jpg", 10, "cät", box=(1.0, 2.0, math.nan, 4.0)), -math.inf),
                case(Where("c.json", "p,q.jpg", 9, "cät", line=31)),
            ),
        ),
        Finding("BOX008", "beyond", Severity.WARNING, (case(Where("c.json", "p,q.jpg", 9, "cät")),)),
        Finding("BOX002", "inverted", Severity.NOTE, (case(Where("t.pt", 1, 0, "class 1")),)),
        Finding(
            "FIL002",
            "other size",
            Severity.WARNING,
            (case(Where("t.pt", 10)), case(Where("t.pt", 2, prior=7, level=1)), case(Where("t.pt", 2, level=1))),
        ),
    ),
)
NOTHING = replace(RESULT, files=CheckedFiles(1, 0, 0), objects=1, findings=())


def sarif(result: CheckResult = RESULT, notes: bool = True) -> dict[str, Any]:
    (run,) = json.loads(check_sarif(result, View(notes=notes, version="1.2.3")))["runs"]
    return dict(run)


def test_line_a_case_by_file_and_place() -> None:
    assert check_report(RESULT).plain == (
        "a b.xml: error FIL001 is wrong by 5%. Mend it.\n"
        "c.json:31: error BOX001 p,q.jpg, object 9 (cät): is wrong by 5%. Mend it.\n"
        "c.json: error BOX001 p,q.jpg, object 10 (cät): is wrong by 5%. Mend it.\n"
        "c.json: warning BOX008 p,q.jpg, object 9 (cät): is wrong by 5%. Mend it.\n"
        "t.pt: warning FIL002 image 2, level 1: is wrong by 5%. Mend it.\n"
        "t.pt: warning FIL002 image 2, prior 7: is wrong by 5%. Mend it.\n"
        "t.pt: warning FIL002 image 10: is wrong by 5%. Mend it.\n"
        "\n"
        "Checked 3 files (1 unreadable), 12 objects: 3 errors, 4 warnings, 1 note (--notes lists them).\n"
        "  BOX001  error    2  no size\n"
        "  FIL001  error    1  unreadable\n"
        "  BOX008  warning  1  beyond\n"
        "  FIL002  warning  3  other size\n"
        "  BOX002  note     1  inverted\n"
        "Next: ssdlossdbg explain FIL001"
    )


def test_notes_are_listed_where_they_are_asked_for() -> None:
    text = check_report(RESULT, View(notes=True)).plain
    assert "t.pt: note BOX002 image 1, object 0 (class 1): is wrong" in text
    assert "--notes" not in text


def test_nothing_found() -> None:
    assert check_report(NOTHING).plain == "Checked 1 file, 1 object: nothing found."
    assert check_github(NOTHING) == ""
    assert sarif(NOTHING)["results"] == []
    assert json.loads(render_json(NOTHING))["findings"] == []


def test_json_counts_cases_and_lists_notes() -> None:
    report = json.loads(render_json(RESULT))
    assert (report["schema_version"], report["command"]) == (2, "check")
    assert (report["checked"], report["files"]) == ({"annotations": 2, "tensors": 1, "unreadable": 1}, [])
    totals = {"files": 3, "images": 4, "objects": 12, "errors": 3, "warnings": 4, "notes": 1, "ignored": 0, "known": 0}
    assert report["totals"] == totals
    assert report["codes"] == {"BOX001": 2, "BOX002": 1, "BOX008": 1, "FIL001": 1, "FIL002": 3}
    assert [item["code"] for item in report["findings"]] == ["FIL001", "BOX001", "BOX008", "BOX002", "FIL002"]
    assert sum(item["count"] for item in report["findings"]) == sum(report["codes"].values())


def test_finding_as_json_has_its_worst_case_on_top() -> None:
    found = encode(RESULT.findings[1])
    assert (found["code"], found["name"], found["severity"]) == ("BOX001", "no size", "error")
    assert (found["count"], len(found["cases"])) == (2, 2)
    assert found["where"] == {
        "file": "c.json",
        "image": "p,q.jpg",
        "object": 10,
        "label": "cät",
        "prior": None,
        "level": None,
        "name": None,
        "box": [1.0, 2.0, "NaN", 4.0],
        "line": None,
    }
    assert (found["value"], found["bound"], found["fix"]) == ("-Infinity", 0.0, "Mend it.")
    assert {key: found[key] for key in ("where", "value", "bound", "fix")}.items() <= found["cases"][0].items()
    json.dumps(found, allow_nan=False)


def test_message_tells_the_worst_three_and_each_file_once() -> None:
    places = [Where("a", None, 0, "x"), Where("a", None, 1, "x"), Where("b"), Where("c"), Where("d")]
    finding = Finding("BOX001", "no size", Severity.ERROR, tuple(case(where) for where in places))
    message = "a, object 0 (x): is wrong by 5%; object 1 (x): is wrong by 5%; b: is wrong by 5%"
    assert finding.message == f"{message}; and 2 more"
    assert replace(finding, cases=finding.cases[:3]).message == message


def test_cases_that_were_only_counted() -> None:
    finding = Finding("BOX001", "no size", Severity.NOTE, (case(Where("a")), case(Where("b"))), more=7)
    assert finding.message.endswith("; and 7 more")
    assert (encode(finding)["count"], len(encode(finding)["cases"])) == (9, 2)
    counted = replace(RESULT, findings=(finding,))
    assert (counted.errors, counted.warnings, counted.notes, counted.codes) == (0, 0, 9, {"BOX001": 9})


def test_github_commands_are_escaped() -> None:
    lines = check_github(RESULT, View(notes=True)).splitlines()
    assert lines[0] == "::error file=a b.xml,title=FIL001 unreadable::is wrong by 5%25. Mend it."
    assert [line.split(" ")[0] for line in lines].count("::notice") == 1
    assert len(lines) == 8
    where = Where("50%,a:b\n.xml", None, 0)
    odd = Finding("BOX001", "x: y, z", Severity.WARNING, (Case(where, "a,\r\nb: c", None, None, "Mend: it."),))
    assert check_github(replace(RESULT, findings=(odd,))) == (
        "::warning file=50%25%2Ca%3Ab%0A.xml,title=BOX001 x%3A y%2C z::object 0: a,%0D%0Ab: c. Mend: it."
    )


def test_sarif_run() -> None:
    document = json.loads(check_sarif(RESULT, View(version="1.2.3")))
    assert (document["version"], set(document)) == ("2.1.0", {"$schema", "version", "runs"})
    driver = sarif()["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("ssdlossdbg", "1.2.3")
    for rule in driver["rules"]:
        check = CHECKS[rule["id"]]
        assert rule["name"] == check.name
        assert rule["shortDescription"]["text"] == check.summary
        assert rule["defaultConfiguration"]["level"] == check.severity
        assert "How to fix" in rule["help"]["text"]
        assert "\n" not in rule["fullDescription"]["text"].replace("\n\n", "")


def test_sarif_results_point_to_their_rules() -> None:
    run = sarif()
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert [result["level"] for result in run["results"]] == ["error"] * 3 + ["warning", "note"] + ["warning"] * 3
    assert len(sarif(notes=False)["results"]) == 7


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a b.xml", "a%20b.xml"),
        ("ä/50%.xml", "%C3%A4/50%25.xml"),
        ("folder\\a.xml", "folder/a.xml"),
        ("a:b.xml", "a%3Ab.xml"),
        ("bad\udcff.xml", "bad%FF.xml"),
    ],
)
def test_sarif_locations(file: str, uri: str) -> None:
    finding = Finding("BOX001", "no size", Severity.ERROR, (case(Where(file, None, 3, "cat")),))
    (result,) = sarif(replace(RESULT, findings=(finding,)))["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == uri
    assert location["logicalLocations"] == [{"fullyQualifiedName": "object 3 (cat)"}]
    assert result["message"]["text"] == "object 3 (cat): is wrong by 5%. Mend it."
