"""Findings that are accepted: a baseline, and ignores by file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg.cli.ignores import covering

GOOD = ("cat", (40, 20, 160, 90))
FLAT = ("cat", (30, 20, 30, 60))
LOW = ("cat", (50, 60, 90, 60))
Write = Callable[..., Path]


def codes(out: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(out)["codes"]
    return found


def test_what_is_known_is_only_counted_and_what_is_new_fails(run: Any, annotation: Write) -> None:
    annotation([GOOD, FLAT])
    written = run("check", ".", "--write-baseline", "known.json")
    assert written.code == 0
    assert "Checked 1 file, 2 objects: nothing found; 1 known.\nWrote known.json\n" in written.out
    again = run("check", ".", "--baseline", "known.json")
    assert (again.code, again.err) == (0, "")
    assert "BOX001" not in again.out
    annotation([GOOD, FLAT, LOW])
    new = run("check", ".", "--baseline", "known.json")
    assert new.code == 1
    assert "object 2 (cat): no width" not in new.out
    assert "object 2 (cat): no height" in new.out
    assert "1 error; 1 known." in new.out


def test_it_is_stable_against_moved_objects_and_folders(run: Any, annotation: Write, folder: Path) -> None:
    (folder / "ci").mkdir()
    (folder / "sub").mkdir()
    annotation([FLAT, GOOD], name="sub/photo.xml")
    run("check", "sub", "--write-baseline", "ci/known.json")
    text = (folder / "ci/known.json").read_text()
    assert json.loads(text) == {
        "ssdlossdbg_baseline": 1,
        "known": [{"file": "../sub/photo.xml", "code": "BOX001", "label": "cat", "box": [30, 20, 30, 60]}],
    }
    annotation([("dog", (5, 5, 90, 70)), GOOD, FLAT], name="sub/photo.xml")
    assert run("check", folder / "sub", "--baseline", "ci/known.json").code == 0
    assert run("check", folder / "sub", "--write-baseline", "ci/known.json").code == 0
    assert (folder / "ci/known.json").read_text() == text


def test_of_two_that_are_the_same_one_may_be_known(run: Any, annotation: Write, folder: Path) -> None:
    annotation([GOOD, FLAT])
    run("check", ".", "--write-baseline", "known.json")
    annotation([GOOD, FLAT, FLAT])
    assert codes(run("check", ".", "--baseline", "known.json", "--format", "json").out) == {"BOX001": 1}
    run("check", ".", "--write-baseline", "known.json")
    assert json.loads((folder / "known.json").read_text())["known"][0]["count"] == 2


def test_what_is_gone_is_said_where_it_was_looked_for(run: Any, annotation: Write, folder: Path) -> None:
    annotation([GOOD, FLAT], name="a.xml")
    annotation([GOOD, LOW], name="b.xml")
    annotation([GOOD, LOW], name="c.xml")
    run("check", ".", "--write-baseline", "known.json")
    annotation([GOOD], name="a.xml")
    annotation([GOOD], name="b.xml")
    (folder / "c.xml").unlink()
    out = run("check", "a.xml", "--baseline", "known.json").out
    assert "2 known findings are gone: a.xml BOX001, c.xml BOX001. --write-baseline takes them out" in out
    assert "gone" not in run("check", "a.xml", "--baseline", "known.json", "--ignore", "BOX001").out
    gone = json.loads(run("check", ".", "--baseline", "known.json", "--format", "json").out)["gone"]
    assert [each["file"] for each in gone] == ["a.xml", "b.xml", "c.xml"]
    run("check", ".", "--write-baseline", "known.json")
    assert (folder / "known.json").read_text() == '{\n  "ssdlossdbg_baseline": 1,\n  "known": []\n}\n'


def test_an_unreadable_file_may_be_known(run: Any, annotation: Write, folder: Path) -> None:
    annotation([GOOD], name="a.xml")
    (folder / "b.xml").write_text("<annotation>")
    assert run("check", ".", "--write-baseline", "known.json").code == 0
    assert run("check", ".", "--baseline", "known.json").code == 0
    (folder / "c.xml").write_text("<annotation>")
    assert run("check", ".", "--baseline", "known.json").code == 2


def test_a_baseline_that_shrinks_or_grows_over_another(run: Any, annotation: Write, folder: Path) -> None:
    annotation([GOOD, FLAT])
    run("check", ".", "--write-baseline", "old.json")
    annotation([GOOD, FLAT, LOW])
    assert run("check", ".", "--baseline", "old.json", "--write-baseline", "new.json").code == 0
    assert len(json.loads((folder / "new.json").read_text())["known"]) == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[]", "is no baseline"),
        ('{"ssdlossdbg_baseline": 2, "known": []}', "version 2"),
        ('{"ssdlossdbg_baseline": 1, "known": [{"file": 3}]}', "damaged"),
        ('{"ssdlossdbg_baseline": 1, "known": [], "more": 1}', "damaged"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_what_is_no_baseline(
    refused: Callable[..., str], annotation: Write, folder: Path, text: str, word: str
) -> None:
    annotation([GOOD])
    (folder / "known.json").write_text(text)
    assert word in refused("check", "photo.xml", "--baseline", "known.json")


def test_baselines_that_may_not_be_written(refused: Callable[..., str], annotation: Write, folder: Path) -> None:
    annotation([GOOD, FLAT])
    (folder / "other.json").write_text("{}")
    assert "--overwrite" in refused("check", "photo.xml", "--write-baseline", "other.json")
    assert "is an input" in refused("check", "photo.xml", "--write-baseline", "photo.xml")
    assert "nowhere.json" in refused("check", "photo.xml", "--baseline", "nowhere.json")
    assert ".txt" in refused("check", "photo.xml", "--write-baseline", "known.txt")


def test_ignores_by_file(run: Any, annotation: Write, folder: Path) -> None:
    for name in ("a.xml", "vendor/deep/b.xml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        annotation([GOOD, FLAT], name=name)
    outcome = run("check", ".", "--per-file-ignores", "vendor/**:BOX001,MAT")
    assert (outcome.code, outcome.err) == (1, "")
    assert "vendor" not in outcome.out
    assert "1 error; 1 ignored." in outcome.out
    both = run("check", ".", "--per-file-ignores", "vendor/**:BOX", "--per-file-ignores", "a.xml:BOX001")
    assert (both.code, both.err) == (0, "")
    assert "; 2 ignored." in both.out


def test_an_ignore_that_hits_nothing_is_told(run: Any, annotation: Write) -> None:
    annotation([GOOD, FLAT])
    outcome = run("check", ".", "--per-file-ignores", "other.xml:BOX001", "--ignore", "MAT")
    assert outcome.code == 1
    assert outcome.err.startswith("warning: --per-file-ignores other.xml:BOX001 leaves nothing out")
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a.xml:BOX099", "unknown code 'BOX099'"),
        ("a.xml", "'vendor/**:BOX008,BOX010'"),
        (":BOX001", "the pattern of files first"),
        ("a.xml:", "the pattern of files first"),
        ("a.xml:FIL001", "cannot be ignored"),
    ],
)
def test_ignores_that_make_no_sense(refused: Callable[..., str], annotation: Write, text: str, word: str) -> None:
    annotation([GOOD])
    assert word in refused("check", "photo.xml", "--per-file-ignores", text)


def test_ignores_of_the_project(run: Any, annotation: Write, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "vendor").mkdir()
    (folder / "src").mkdir()
    annotation([GOOD, FLAT], name="vendor/a.xml")
    table = '[tool.ssdlossdbg.check.per-file-ignores]\n"vendor/*.xml" = ["BOX001"]\n'
    (folder / "pyproject.toml").write_text(table)
    assert run("check", ".").code == 0
    monkeypatch.chdir(folder / "src")
    assert run("check", "../vendor").code == 0
    assert run("check", "../vendor", "--per-file-ignores", "a.xml:MAT").code == 1, "the command line wins"
    for wrong in ('per-file-ignores = ["vendor/*.xml:BOX001"]', "per_file_ignores = {'a.xml' = 'BOX001'}"):
        (folder / "pyproject.toml").write_text(f"[tool.ssdlossdbg]\n{wrong}\n")
        assert run("check", "../vendor").code == 0
    for wrong in ("[tool.ssdlossdbg.check.per-file-ignores]\na = 1", "[tool.ssdlossdbg]\nper-file-ignores = 3"):
        (folder / "pyproject.toml").write_text(wrong)
        refusal = run("check", "../vendor")
        assert refusal.code == 2
        assert "a table of patterns with lists of codes" in refusal.err


@pytest.mark.parametrize(
    ("pattern", "covered", "others"),
    [
        ("a.xml", ["a.xml", "x/a.xml"], ["b.xml", "a.xml.txt"]),
        ("*.xml", ["a.xml", "x/y/b.xml"], ["a.txt"]),
        ("vendor", ["vendor/a.xml", "x/vendor/y/a.xml"], ["vendors/a.xml"]),
        ("vendor/", ["vendor/a.xml"], ["vendor"]),
        ("vendor/a.xml", ["vendor/a.xml"], ["x/vendor/a.xml", "vendor/b.xml"]),
        ("vendor/**", ["vendor/a.xml", "vendor/x/y.xml"], ["other/vendor/a.xml"]),
        ("**/old/*.xml", ["old/a.xml", "x/y/old/a.xml"], ["x/old/y/a.txt"]),
        ("./x/../vendor/*", ["vendor/a.xml"], ["x/a.xml"]),
        ("x/[ab].xml", ["x/a.xml"], ["x/c.xml"]),
        ("/".join(["**", "*a*" * 9] * 9), [], ["a/" * 60 + "b"]),
    ],
)
def test_patterns(pattern: str, covered: list[str], others: list[str]) -> None:
    covers = covering(pattern)
    assert [covers(file) for file in (*covered, *others)] == [True] * len(covered) + [False] * len(others)


def test_machine_formats_carry_what_is_not_told(run: Any, annotation: Write) -> None:
    annotation([GOOD, FLAT], name="a.xml")
    annotation([GOOD, FLAT], name="b.xml")
    run("check", "a.xml", "--write-baseline", "known.json")
    words = ("check", ".", "--baseline", "known.json", "--per-file-ignores", "b.xml:BOX001", "--format")
    assert (
        json.loads(run(*words, "json").out)["totals"] | {"ignored": 1, "known": 1, "errors": 0}
        == json.loads(run(*words, "json").out)["totals"]
    )
    assert run(*words, "github").out == (
        "::notice title=ssdlossdbg check::1 findings are known to the baseline, 1 are ignored.\n"
    )
    assert "1 known, 1 ignored" in run(*words, "md").out
    results = json.loads(run(*words, "sarif").out)["runs"][0]["results"]
    assert [each["suppressions"][0] for each in results] == [
        {"kind": "external", "justification": "ignored"},
        {"kind": "external", "justification": "known to the baseline"},
    ]


def test_what_is_accepted_is_not_repaired(run: Any, annotation: Write, folder: Path) -> None:
    source = annotation([GOOD, ("cat", (30, 20, 30, 20))])
    run("check", ".", "--write-baseline", "known.json")
    for words in (("--baseline", "known.json"), ("--per-file-ignores", "*.xml:BOX001"), ("--ignore", "BOX")):
        assert "No repair in 1 file" in run("check", "photo.xml", "--fix", "-o", "out", *words).out
        assert (folder / "out/photo.xml").read_bytes() == source.read_bytes()


def test_audit_leaves_out_by_file_what_check_does(run: Any, annotation: Write, folder: Path) -> None:
    """Whatever it lists: of more than it names, those that are left are listed and counted right."""
    (folder / "old").mkdir()
    for place in range(25):
        annotation([GOOD, FLAT], name=f"old/{place}.xml")
        annotation([GOOD, FLAT], name=f"{place}.xml")
    words = ("--per-file-ignores", "old/*:BOX001", "--select", "BOX", "--format", "json")
    audited = json.loads(run("audit", ".", *words).out)
    (finding,) = audited["findings"]
    assert (audited["totals"]["ignored"], finding["count"], len(finding["cases"])) == (25, 25, 20)
    assert not [case for case in finding["cases"] if "old" in case["where"]["file"]]
    assert json.loads(run("check", ".", *words).out)["totals"]["ignored"] == 25
    assert "25 findings are ignored by file." in run("audit", ".", *words[:4]).out
    everything = run("audit", ".", "--per-file-ignores", "*.xml:BOX001", "--select", "BOX")
    assert everything.code == 0
    idle = run("audit", ".", "--per-file-ignores", "none.xml:BOX001")
    assert idle.err.startswith("warning: --per-file-ignores none.xml:BOX001 leaves nothing out")
