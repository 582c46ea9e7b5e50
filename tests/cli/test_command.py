"""What makes a function a command: its options, and what becomes of what it raises."""

from __future__ import annotations

import pytest
import typer

from ssdlossdbg.cli.command import command
from ssdlossdbg.errors import InputError


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (InputError("a.txt", "is bad", "Mend it."), 2, "error: a.txt: is bad. Mend it.\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (BrokenPipeError(), 0, ""),
        (OSError(36, "File name too long", "x" * 9), 2, "error: xxxxxxxxx: the system says: File name too long. "),
        (InputError("[bold]a[/bold].txt", "is [red]", "[/]"), 2, "error: [bold]a[/bold].txt: is [red]. [/]\n"),
    ],
)
def test_what_is_raised_becomes_an_exit_code(
    raised: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ssdlossdbg.cli.command.discard_stdout", lambda: None)

    @command
    def fail() -> None:
        raise raised

    with pytest.raises(typer.Exit) as caught:
        fail()
    assert caught.value.exit_code == code
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith(said) if said else streams.err == ""


def test_a_bug_is_not_hidden() -> None:
    @command
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_the_command_keeps_its_name_and_its_help() -> None:
    @command
    def match() -> None:
        """Help."""

    assert (match.__name__, match.__doc__) == ("match", "Help.")
