"""What the rooms that import lazily offer is what type checkers see of them, and importing one loads little."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest


def seen_by_type_checkers(package: str) -> dict[str, str]:
    """The names that are imported for type checkers, and the modules they come from."""
    tree = ast.parse(Path(str(importlib.import_module(package).__file__)).read_text(encoding="utf-8"))
    block = next(each for each in tree.body if isinstance(each, ast.If))
    lines = [line for line in block.body if isinstance(line, ast.ImportFrom)]
    return {alias.name: str(line.module) for line in lines for alias in line.names}


@pytest.mark.parametrize("package", ["ssdlossdbg.api", "ssdlossdbg.results"])
def test_names_are_those_that_type_checkers_see(package: str) -> None:
    room = importlib.import_module(package)
    seen = seen_by_type_checkers(package)
    assert room.__all__ == sorted(seen)
    for name, home in seen.items():
        assert getattr(room, name) is getattr(importlib.import_module(home), name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        room.nothing  # noqa: B018


def test_what_runs_in_a_training_loads_no_result_that_it_does_not_make() -> None:
    code = "import sys, ssdlossdbg.live.recorder; print(*(each for each in sys.modules if '.results.' in each))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert {each.rpartition(".")[2] for each in loaded} == {"captured", "common", "contract", "history_rows"}
