"""What lies around the package for other tools: the hook of pre-commit and the action, run as they would be."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ssdlossdbg.cli.app import app

ROOT = Path(__file__).parent.parent


def loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ("VOC2007/Annotations/000001.xml", True),
        ("annotations/train.json", True),
        ("data/labels/a.txt", True),
        ("training/label_2/000000.txt", True),
        ("README.txt", False),
        ("Annotations.xml", False),
        ("labels/a.jpg", False),
    ],
)
def test_the_hook_takes_annotations(path: str, matches: bool) -> None:
    [hook] = loaded(".pre-commit-hooks.yaml")
    assert bool(re.search(hook["files"], path)) is matches


STUB = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word" >> words; done
echo ---- >> words
echo report
exit 3
"""


def test_the_action_checks_and_writes_the_summary(tmp_path: Path) -> None:
    """By a Python that notes what it is given, one word a line, and fails as a check that finds something does."""
    stub = tmp_path / "python"
    stub.write_text(STUB)
    stub.chmod(0o755)
    steps = loaded(".github/actions/check/action.yml")["runs"]["steps"]
    assert all(step["shell"] == "bash" for step in steps)
    assert not any("${{" in step["run"] for step in steps), "an input would be a part of the script"
    inputs = {
        "PYTHON": str(stub),
        "PATHS": "my data/a.xml\n$(touch ran)\n--help\n",
        "OPTIONS": "--classes=a b.txt\n\n--fail-on=error\n",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", steps[1]["run"]],
        cwd=tmp_path, env={**os.environ, **inputs}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "report\n"), "what the second says is how the job ends"
    given = ["--classes=a b.txt", "--fail-on=error", "--", "my data/a.xml", "$(touch ran)", "--help"]
    first, second, rest = (tmp_path / "words").read_text().split("----\n")
    assert first.splitlines() == ["-m", "ssdlossdbg", "check", "--format", "md", "--notes", *given]
    assert second.splitlines() == ["-m", "ssdlossdbg", "check", "--format", "github", *given]
    assert rest == ""
    assert (tmp_path / "summary.md").read_text() == "report\n"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("format", ["md", "github"])
def test_what_the_action_asks_for_there_is(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    [hook] = loaded(".pre-commit-hooks.yaml")
    assert hook["entry"] == "ssdlossdbg check"
    words = ["check", "--format", format, "--select=BOX001", "--", "sample_data/astronaut.xml"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert ("**BOX001** error" if format == "md" else "::error file=sample_data/astronaut.xml") in done.output
