"""Which columns the objects of a difference have."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from ssdlossdbg.report.diff_text import _objects
from ssdlossdbg.report.theme import TERMINAL
from ssdlossdbg.results.diff import ObjectDifference
from tests.report.make_up import MakeUp


@pytest.mark.parametrize(
    ("found", "there"),
    [
        ([("cat", "dog"), ("", "")], True),
        ([("", "dog")], True),
        ([("cat", "")], True),
        ([("", ""), ("", "")], False),
    ],
)
def test_what_was_found_has_a_column_where_anything_was(found: list[tuple[str, str]], there: bool) -> None:
    made = replace(MakeUp().make(ObjectDifference), became="", image="a.jpg")
    objects = tuple(replace(made, found=each) for each in found)
    console = Console(width=200, theme=TERMINAL, file=io.StringIO(), color_system=None)
    console.print(_objects(cast(Any, SimpleNamespace(objects=objects, compared="priors")), 10))
    title, heading = cast(io.StringIO, console.file).getvalue().strip().splitlines()[:2]
    assert (title.strip(), "became" in heading) == ("Objects", there)
