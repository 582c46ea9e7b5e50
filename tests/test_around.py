"""What lies around the package for other tools: the hook of pre-commit and the action, run as they would be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def run(script: str, folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
        **inputs,
    }
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_hook_and_the_action_check(tmp_path: Path) -> None:
    action = loaded(".github/actions/check/action.yml")
    assert all(step["shell"] == "bash" for step in action["runs"]["steps"])
    assert not any("${{" in step["run"] for step in action["runs"]["steps"]), "an input would be a part of the script"
    summary = tmp_path / "summary.md"
    done = run(
        action["runs"]["steps"][1]["run"],
        ROOT / "sample_data",
        PATHS="astronaut.xml\ncat.xml\n",
        OPTIONS="--select=BOX001,BOX002\n--fail-on=error\n",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=astronaut.xml")
    text = summary.read_text()
    assert "**BOX001** error" in text
    assert text.count("```") == 2
    assert run(action["runs"]["steps"][1]["run"], tmp_path, PATHS="$(touch ran)", OPTIONS="").returncode == 2
    assert not (tmp_path / "ran").exists()
    [hook] = loaded(".pre-commit-hooks.yaml")
    words = hook["entry"].split()
    assert words[0] == "ssdlossdbg"
    done = run(f'"$PYTHON" -m {hook["entry"]} cat.xml', ROOT / "sample_data")
    assert done.returncode == 0, done.stderr
