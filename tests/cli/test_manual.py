"""`ssdlossdbg manual`: pages by name, for pipes and for terminals, and with nothing heavy imported."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg.checks.catalogue import CHECKS
from tests import warm

MANUAL = Path(ssdlossdbg.__file__).parent / "manual"
PAGES = sorted(file.stem for file in MANUAL.glob("*.md"))
Good = Callable[..., str]
Refused = Callable[..., str]


@pytest.mark.parametrize("page", PAGES)
def test_a_pipe_gets_the_page_a_paragraph_a_line(page: str, good: Good) -> None:
    stored = (MANUAL / f"{page}.md").read_text(encoding="utf-8")
    shown = good("manual", page)
    assert stored.startswith("# ")
    before, _, after = stored.partition("<!-- findings -->\n")
    assert shown.split()[: len(before.split())] == before.split()
    assert shown.split()[len(shown.split()) - len(after.split()) :] == after.split()
    fenced = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
    assert fenced.findall(shown) == fenced.findall(stored)
    prose = fenced.sub("", shown).split("\n\n")
    assert [part for part in prose if part[:1].isalpha() and "\n" in part.strip()] == []


def test_without_a_name_all_are_listed(good: Good) -> None:
    assert good("manual") == good("manual", "index")
    assert re.findall(r"^- \[(\w+)\]", good("manual").partition("## Pages")[2], flags=re.MULTILINE)


def test_findings_are_those_of_the_checks(good: Good) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", good("manual", "findings"), flags=re.MULTILINE)
    assert rows == [(check.code, check.severity, check.summary) for check in CHECKS.values()]


@pytest.mark.parametrize(
    ("name", "page"), [("comp", "compare"), ("LOSS", "loss"), ("in", "index"), (" saving ", "saving")]
)
def test_a_beginning_will_do(name: str, page: str, good: Good) -> None:
    assert good("manual", name) == good("manual", page)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("savnig", "unknown page 'savnig'. Did you mean 'saving'? `ssdlossdbg manual` lists them all."),
        ("a", "unknown page 'a'. Known: anchors, audit. "),
        ("zzz", "unknown page 'zzz'. Known: anchors, audit, "),
        ("", "unknown page ''. Known: "),
        ("../manual/loss", "unknown page '../manual/loss'. "),
        ("loss.md", "unknown page 'loss.md'. Did you mean 'loss'? "),
    ],
)
def test_unknown_pages(name: str, said: str, refused: Refused) -> None:
    assert refused("manual", name).startswith(f"error: PAGE: {said}")


def on_a_terminal(page: str, columns: int) -> str:
    """What a terminal of that width shows of a page."""
    pty = pytest.importorskip("pty", reason="needs POSIX terminals")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(MANUAL.parents[1]), "PAGER": "cat", "TERM": "xterm"}
    environment |= {"COLUMNS": str(columns), "LINES": "40"}
    for name in ("NO_COLOR", "FORCE_COLOR"):
        environment.pop(name, None)
    with os.fdopen(os.dup(theirs), "r") as stream:
        command = [sys.executable, "-m", "ssdlossdbg", "manual", page]
        child = warm.Process(command, (stream, stream, stream), env=environment)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # how Linux says that the other side was closed
            part = b""
        if not part:
            break
        shown += part
    os.close(ours)
    assert child.wait(60) == 0
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_it_set() -> None:
    shown = on_a_terminal("detect", 80)
    assert "\x1b[1m" in shown
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert "```" not in plain
    assert ".md" not in plain
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 80
    # A report of 80 columns is not broken where the terminal has as many.
    stored = (MANUAL / "detect.md").read_text(encoding="utf-8")
    (report,) = re.findall(r"```console\n(.*?)```", stored, flags=re.DOTALL)
    rows = [line for line in report.splitlines() if line and not line.startswith("$")]
    assert [row for row in rows if row not in {line.rstrip() for line in plain.splitlines()}] == []


def test_a_wide_table_fits_a_terminal() -> None:
    plain = re.sub(r"\x1b\[[\d;]*m", "", on_a_terminal("findings", 80))
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 80
    assert all(re.search(rf"^\s*{code}\s", plain, flags=re.MULTILINE) for code in CHECKS)
