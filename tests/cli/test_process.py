"""The process around the command: how it ends whatever is raised, and streams that are closed, full or too narrow."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg import __main__
from ssdlossdbg.cli import app, process, streams
from ssdlossdbg.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def columns_of_before() -> Iterator[None]:
    """What the process sets in its environment is for itself."""
    before = os.environ["COLUMNS"]
    yield
    os.environ["COLUMNS"] = before


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command with these arguments, and with `app` replaced where one is given; the exit code."""

    def start(*words: str, instead: Callable[..., Any] | None = None) -> int:
        monkeypatch.setattr(sys, "argv", ["ssdlossdbg", *words])
        if instead is not None:
            monkeypatch.setattr(app, "app", instead)
        code = process.run()
        assert isinstance(code, int)
        return code

    return start


def raising(raised: BaseException) -> Callable[..., None]:
    """An `app` that raises."""

    def fail(**_: object) -> None:
        raise raised

    return fail


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (MemoryError(), 2, "error: there is not enough memory for this. "),
        (RecursionError(), 2, "error: something in an input is nested too deeply. "),
        (OSError(28, "No space left on device"), 2, "error: the system says: No space left on device. "),
        (ZeroDivisionError("by\nnought"), 2, "error: a fault of ssdlossdbg itself, not of your input: ZeroDivision"),
        (SystemExit(0), 0, ""),
    ],
)
def test_what_is_raised_outside_of_a_command(
    raised: BaseException,
    code: int,
    said: str,
    running: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ssdlossdbg.cli.command.discard_stdout", lambda: None)
    assert running(instead=raising(raised)) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", bool(said))
    assert err.startswith(said)


@pytest.mark.parametrize("what_comes_of_it", [AttributeError("half a module"), InputError("a.pt", "is damaged", "No.")])
def test_ctrl_c_that_an_import_caught_is_told_all_the_same(
    what_comes_of_it: Exception, running: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def importing(**_: object) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise what_comes_of_it

    handler = signal.getsignal(signal.SIGINT)
    assert running(instead=importing) == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    assert running(instead=raising(InputError("a.pt", "is damaged", "No."))) == 2, (
        "the next command was not interrupted"
    )
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_fault_shows_where_it_is_on_demand(running: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert running("loss", "--traceback", instead=raising(ZeroDivisionError("by nought"))) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "ZeroDivisionError: by nought"


def test_an_argument_reaches_the_terminal_without_its_controls(
    running: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert running("loss", "a", "b", "--\x1b]0;x\x07") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: ssdlossdbg loss" in err
    assert "]0;x" in err
    assert "\x1b" not in err


def test_interrupted_while_it_is_imported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ended: list[int] = []
    monkeypatch.setattr(process, "run", raising(KeyboardInterrupt()))
    monkeypatch.setattr(process, "end", ended.append)
    __main__.main()
    assert ended == [130]
    assert capsys.readouterr() == ("", "error: interrupted\n")


@pytest.mark.parametrize("columns", ["0", "3"])
def test_a_terminal_of_no_width_still_gets_the_report(
    columns: str, running: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert running("anchors", "--list") == 0
    assert "ssd300" in "".join(capsys.readouterr().out.split())


def test_a_full_stderr_does_not_change_how_it_ends(
    running: Callable[..., int], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stderr", Full())
    assert running("match", "away.jpg", "away.xml") == 2
    assert running("frob") == 2
    streams.say_line("Matching ...")
    assert list(folder.iterdir()) == []


PROGRAM = """
import os, sys
for number in {closed}:
    os.close(number)
    setattr(sys, ("stdin", "stdout", "stderr")[number], None)
from ssdlossdbg.cli.process import open_streams
open_streams()
print("out", flush=True)
print("err", file=sys.stderr, flush=True)
with open("other", "w") as other:
    assert other.fileno() > 2, other.fileno()
    os.write(1, b"library\\n")
assert open("other").read() == ""
"""


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_what_is_printed_to_a_closed_stream_goes_nowhere(closed: tuple[int, ...], folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(closed=closed)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
    )
    said = ("" if 1 in closed else "out\nlibrary\n", "" if 2 in closed else "err\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, *said)
