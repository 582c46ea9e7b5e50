"""What a training left, judged when it has ended well: what makes `run --fail-on` fail.

Reports need rooms that a training must not load, and a training may have set anything of its process. So each is asked
of a process of its own, which reads the files.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).parents[2])
GRAVE = {"error": ("error",), "warning": ("error", "warning")}
FOUND, CANNOT = 1, 2
MOST_LISTED, MOST_LETTERS = 10, 400


@dataclass(frozen=True)
class Gate:
    """What a run is to fail on.

    Attributes:
        level: the least severity, "error" or "warning".
        history: whether one was kept.
    """

    level: str
    history: bool


def verdict(gate: Gate, run: Path, place: Path) -> tuple[int, str]:
    """The exit code, 0 where nothing was found that is so grave, and what there is to say of it.

    Args:
        gate: what to fail on.
        run: the folder of the run, as its user named it.
        place: the working folder that it is named from.
    """
    asked = {command: _asked(command, gate, run, place) for command in ["history"] * gate.history + ["loss"]}
    failed = [command for command, (code, _) in asked.items() if code == FOUND]
    lines = [_short(line) for code, found in asked.values() for line in found if code == FOUND or not failed]
    if failed:
        left = len(lines) - MOST_LISTED
        shown = [*lines[:MOST_LISTED], *([f"{left} more"] if left > 0 else [])]
        more = " and ".join(f"ssdlossdbg {command} {shlex.quote(str(run))}" for command in failed)
        return FOUND, "\n".join([f"failed, as --fail-on {gate.level} says; more by {more}:", *shown])
    if any(code == CANNOT for code, _ in asked.values()):
        return CANNOT, "\n".join(["--fail-on has nothing to judge:", *lines])
    return 0, f"nothing was found that --fail-on {gate.level} fails on"


def _short(line: str) -> str:
    return line if len(line) <= MOST_LETTERS else f"{line[:MOST_LETTERS]} ..."


def _asked(command: str, gate: Gate, run: Path, place: Path) -> tuple[int, list[str]]:
    """The exit code of a command, and its findings in a line each; or why it could not look."""
    path = os.pathsep.join([ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [
        sys.executable,
        "-P",
        "-m",
        "ssdlossdbg",
        command,
        "--fail-on",
        gate.level,
        "--format",
        "json",
        "--",
        str(run),
    ]
    told = subprocess.run(
        words, cwd=place, env={**os.environ, "PYTHONPATH": path}, capture_output=True, encoding="utf-8", check=False
    )
    try:
        document: dict[str, Any] = json.loads(told.stdout)
    except ValueError:
        return CANNOT, [*told.stderr.splitlines()[-1:]]
    findings = [each for each in document["findings"] if each["severity"] in GRAVE[gate.level]]
    return told.returncode, [f"{each['severity']} {each['code']} {each['message']}. {each['fix']}" for each in findings]
