"""The block of findings: every line says where, what and what to do; at most a screenful."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ssdlossdbg.report.findings_text import MOST_CASES, MOST_FINDINGS, findings_block
from ssdlossdbg.results import Case, Finding, Severity, Where

Render = Callable[..., str]


def finding(code: str = "BOX001", severity: Severity = Severity.ERROR, cases: int = 1) -> Finding:
    made = (Case(Where("a.xml", None, index, "cell"), "no width", 0.0, 0.0, "Drop it.") for index in range(cases))
    return Finding(code, "box without width", severity, tuple(made))


def test_nothing_wrong_says_nothing(render: Render) -> None:
    assert render(findings_block(())).strip() == ""


def test_one_of_each(render: Render) -> None:
    block = findings_block([finding(), finding("MAT002", Severity.WARNING), finding("MAT005", Severity.NOTE, 9)])
    assert render(block) == (
        "BOX001   Object 0 (cell): no width.\n"
        "error    Drop it.\n"
        "MAT002   Object 0 (cell): no width.\n"
        "warning  Drop it.\n"
        "MAT005   Object 0 (cell): no width. And 8 more like it.\n"
        "note\n"
        "1 error, 1 warning, 9 notes; ssdlossdbg explain BOX001 tells what one means.\n\n"
    )


def test_many_cases(render: Render) -> None:
    text = render(findings_block([finding(cases=12)]))
    assert text.count("no width") == MOST_CASES
    assert text.count("Drop it.") == 1, "the same remedy is told once"
    assert "And 9 more like it." in text


def test_cases_that_were_only_counted(render: Render) -> None:
    text = render(findings_block([replace(finding(cases=2), more=100_000)]))
    assert text.count("no width") == 2
    assert "And 100000 more like it." in text


def test_many_findings_fit_a_screen(render: Render) -> None:
    many = [finding(f"BOX{number:03d}", cases=12) for number in range(1, MOST_FINDINGS + 3)]
    text = render(findings_block(many))
    assert "Not shown, but in --format json: BOX008, BOX009. 108 errors" in " ".join(text.split())
    assert len(text.splitlines()) < 40


def test_a_place_that_is_the_whole_file(render: Render) -> None:
    whole = Finding("BOX004", "", Severity.ERROR, (Case(Where("a.xml"), "3 of 4 boxes are odd", 0, 0, "Convert."),))
    assert "3 of 4 boxes are odd.\n" in render(findings_block([whole]))


def test_narrow_and_odd(render: Render) -> None:
    odd = Finding("BOX001", "", Severity.ERROR, (Case(Where("a", "[bold]名", 3, "x" * 90), "bad", 0, 0, "Drop."),))
    text = render(findings_block([odd]), 40)
    assert max(map(len, text.splitlines())) <= 40
    assert "[bold]名" in text


def test_names_of_files_keep_their_case(render: Render) -> None:
    wheres = (Where("x/all.json", "a.jpg", 0, "cell"), Where("x/b.xml", None, 0, "cell"), Where("t.pt", 3, 0, "cell"))
    cases = tuple(Case(where, "no width", 0.0, 0.0, "Drop it.") for where in wheres)
    text = render(findings_block([replace(finding(), cases=cases)], name_files=True))
    assert [line[7:].strip().split(",")[0] for line in text.splitlines()[:3]] == ["a.jpg", "b.xml", "Image 3"]
