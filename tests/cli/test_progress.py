"""What a long command says while it works."""

from __future__ import annotations

import gc
import io
import os
import time

import pytest

from ssdlossdbg.cli import progress
from ssdlossdbg.cli.progress import counting, quick_imports, tracking


class Terminal(io.StringIO):
    """Takes what a terminal would show."""

    def isatty(self) -> bool:
        """It is one, as far as anybody can tell."""
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()  # in the test itself, as pytest sets its own stderr after fixtures
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return stream


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with counting("Matching", 10, "image") as advance:
        for _ in range(10):
            advance(1)
    said = terminal.getvalue()
    assert "Matching" in said
    assert "10/10" in said
    assert "images/s" in said


def test_parts_are_counted_once_they_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with tracking("Reading", "the dataset", "file") as track:
        assert list(track(range(100))) == list(range(100))
    assert "100/100" in terminal.getvalue()


def test_a_bar_ends_where_the_reading_does(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)

    def read() -> None:
        with tracking("Reading", "the dataset", "file") as track:
            for _ in track(range(100)):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert terminal.getvalue().endswith("\x1b[2K"), "the line is wiped, and the cursor shown again"
    assert terminal.getvalue().count("\x1b[?25h") == 1


def test_nothing_is_said_elsewhere(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with tracking("Reading", "the dataset", "file") as track, counting("Matching", 1, "image") as advance:
        assert list(track([1, 2])) == [1, 2]
        advance(1)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    with tracking("Reading", "the dataset", "file", silent=True) as track:
        list(track([1]))
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr", None)
    with counting("Matching", 1, "image", silent=True) as advance:
        advance(1)


def test_a_quick_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress("Waiting"):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_slow_command_says_what_it_does(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    err = ""
    with progress.progress("Waiting"):
        for _ in range(1000):
            err += capsys.readouterr().err
            if err:
                break
            time.sleep(0.01)
    assert err == "Waiting ...\n"


@pytest.mark.parametrize(("own", "told"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, own: str | None, told: str
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if own:
        monkeypatch.setenv("OMP_WAIT_POLICY", own)
    with quick_imports():
        assert os.environ["OMP_WAIT_POLICY"] == told
    assert os.environ.get("OMP_WAIT_POLICY") == own  # and no child of ours hears of it


def test_collection_goes_on_after_quick_imports() -> None:
    with quick_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
