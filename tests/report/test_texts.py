"""What a terminal shows of each result, word by word, as data/text/ has it: each value of the result in its own place.

After a wanted change, `OVERWRITE_GOLDEN=1 pytest tests/report` writes the texts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ssdlossdbg.report.documents import COMMANDS
from ssdlossdbg.report.outputs import render as report_on
from ssdlossdbg.report.view import View

GOLDEN = Path(__file__).parent / "data/text"
Render = Callable[..., str]


@pytest.mark.parametrize("kind", ["telling", "sparing"])
@pytest.mark.parametrize("command", COMMANDS)
def test_reports_are_the_stored_ones(command: str, kind: str, make_up: ModuleType, render: Render) -> None:
    """Of a result that holds all it can, in a wide terminal; and of one that holds little."""
    maker = {"telling": make_up.Telling, "sparing": make_up.Sparing}[kind]()
    text = render(report_on(maker.make(COMMANDS[command]), view=View(top=3 if kind == "telling" else None)), 160)
    path = GOLDEN / f"{command.replace(' --', '-')}-{kind}.txt"
    if os.environ.get("OVERWRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
