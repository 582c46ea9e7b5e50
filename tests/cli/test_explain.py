"""`ssdlossdbg explain`: the list of checks, their pages, and that each check has one."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg.checks.catalogue import CHECKS
from ssdlossdbg.checks.registry import SECTIONS, Check
from ssdlossdbg.report.explain_text import paragraphs

ROOT = Path(ssdlossdbg.__file__).parents[1]
EVERY = pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.code)


@EVERY
def test_every_check_has_a_page(check: Check) -> None:
    text = inspect.getdoc(check.function)
    assert text
    first, blank, *_ = text.splitlines()
    assert re.fullmatch(r"[A-Z`'0-9].*[^.]\.", first), "the first line is a sentence"
    assert blank == ""
    headings = tuple(re.findall(r"^(\S.*):$", text, flags=re.MULTILINE))
    assert headings == tuple(check.sections) == SECTIONS
    assert all(check.sections.values()), "no section is empty"


@EVERY
def test_a_page_says_what_the_docstring_says(check: Check, good: Callable[..., str]) -> None:
    shown = good("explain", check.code)
    assert shown.startswith(f"{check.code}  {check.name}  {check.severity}")
    assert max(map(len, shown.splitlines())) <= 80
    said = re.sub(r"^(\S.*):$", r"\1", inspect.getdoc(check.function) or "", flags=re.MULTILINE)
    assert "".join(shown.split()).endswith("".join(said.split()))


def test_without_a_code_all_are_listed_by_family(good: Callable[..., str]) -> None:
    shown = good("explain")
    assert re.findall(r"^([A-Z]{3,4}\d{3})  ", shown, flags=re.MULTILINE) == list(CHECKS)
    assert re.search(r"^Boxes\nBOX001  error    box without width or height\s*$", shown, flags=re.MULTILINE)
    assert max(map(len, shown.splitlines())) <= 80


def test_a_narrow_terminal_wraps_names_only(good: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = good("explain")
    assert re.findall(r"^([A-Z]{3,4}\d{3})  ", shown, flags=re.MULTILINE) == list(CHECKS)
    assert max(map(len, shown.splitlines())) <= 40


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["box001"], ["BOX001"]),
        (["BOX002", "BOX001", "BOX001"], ["BOX001", "BOX002"]),
        (["Box", "LBL"], [code for code in CHECKS if code.startswith(("BOX", "LBL"))]),
        ([], list(CHECKS)),
    ],
)
def test_codes_and_their_beginnings(words: list[str], codes: list[str], good: Callable[..., str]) -> None:
    report = json.loads(good("explain", *words, "--format", "json"))
    assert (report["schema_version"], report["command"]) == (2, "explain")
    assert [check["code"] for check in report["checks"]] == codes


def test_json_holds_the_whole_page(good: Callable[..., str]) -> None:
    (page,) = json.loads(good("explain", "BOX001", "--format", "json"))["checks"]
    check = CHECKS["BOX001"]
    sections = page.pop("sections")
    assert page == {
        "code": "BOX001",
        "name": "box without width or height",
        "severity": "error",
        "family": "boxes",
        "summary": check.summary,
    }
    assert list(sections) == ["what_it_means", "why_it_matters", "how_to_tell", "how_to_fix", "where_people_met_it"]
    for said, written in zip(sections.values(), check.sections.values(), strict=True):
        assert said.split() == written.split()


@pytest.mark.parametrize(("code", "said"), [("BOXX001", "Did you mean 'BOX001'?"), ("", "unknown code ''"), ("X", "")])
def test_an_unknown_code(code: str, said: str, refused: Callable[..., str]) -> None:
    message = refused("explain", "BOX001", code)
    assert message.startswith(f"error: CODE: unknown code {code!r}. ")
    assert said in message


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ("one\ntwo\n\nthree", ["one two", "three"]),
        ("a list:\n- one\n- two", ["a list:\n- one\n- two"]),
        ("a formula:\n    x = y\nand on", ["a formula:\n    x = y\nand on"]),
    ],
)
def test_paragraphs(body: str, made: list[str]) -> None:
    assert paragraphs(body) == made


# What takes time to import, or is of a command that was not asked for.
HEAVY = {"torch", "numpy", "PIL", "msgspec", "ssdlossdbg.cli.audit"}
# What may be imported where only text is shown: it is quick.
LIGHT = {"numpy", "msgspec"}
# Command lines one after the other, each with what is in its environment; after each, what was imported by then.
PROGRAM = """
import json, os, sys
from ssdlossdbg.cli.app import app
for words, more in json.loads(sys.argv[1]):
    sys.argv[1:] = words
    os.environ.update(more)
    try:
        app(prog_name="ssdlossdbg")
    except SystemExit:
        print("|", *sys.modules, end="\\0")
"""


def in_a_process(*lines: tuple[list[str], dict[str, str]]) -> list[tuple[str, set[str]]]:
    """What commands print in a process of their own, and what of `HEAVY` it has imported by the end of each."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(lines)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    ends = [each.rpartition("|") for each in done.stdout.split("\0")[:-1]]
    assert len(ends) == len(lines), done.stderr
    return [(out, HEAVY & set(modules.split())) for out, _, modules in ends]


def completing(typed: str) -> tuple[list[str], dict[str, str]]:
    """What a shell asks what may follow."""
    return ["x"], {"_SSDLOSSDBG_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": f"ssdlossdbg {typed}"}


def test_nothing_heavy_is_imported() -> None:
    lines = (["explain"], ["explain", "BOX001"], ["explain", "BOX", "--format", "json"], ["manual", "findings"])
    for out, heavy in in_a_process(*((words, {}) for words in lines)):
        assert "BOX001" in out
        assert "\x1b" not in out
        assert heavy <= LIGHT
