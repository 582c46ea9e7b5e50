"""What goes to the terminal."""

from __future__ import annotations

import io

import pytest
from rich.text import Text

from ssdlossdbg.cli.streams import show, show_plain


def test_what_the_terminal_cannot_show_becomes_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    show(Text("naïve"))
    show_plain('"é"')
    assert raw.getvalue() == b'na?ve\n"?"\n'
