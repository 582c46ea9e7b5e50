"""What makes a function a command: its options, and what becomes of what it raises."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main
from typer.testing import CliRunner

from ssdlossdbg.cli.app import app
from ssdlossdbg.cli.command import Command, command
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import InputError


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (InputError("a.txt", "is bad", "Mend it."), 2, "error: a.txt: is bad. Mend it.\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (BrokenPipeError(), 0, ""),
        (OSError(36, "File name too long", "x" * 9), 2, "error: xxxxxxxxx: the system says: File name too long. "),
        (MemoryError(), 2, "error: there is not enough memory for this. "),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), 2, "error: there is not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), 2, "error: there is not enough memory"),
        (InputError(" a.txt", "is bad", "Mend it."), 2, "error: ' a.txt': is bad. Mend it.\n"),
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


class Sizes(Group):
    """For tests."""

    title = "Sizes"
    size: int = option("-s --size N", "How large.", default=3, min=1)


class OtherSizes(Sizes):
    """For tests, too: inherits an option into a section of its own."""

    title = "Other sizes"
    share: float | None = option("--share SHARE", "How much of it.", min=0.0)
    file: Path | None = option("--file FILE", "Where to.", Role.OUTPUT_FILE)


class Place(Group):
    """For tests, too."""

    where: str = argument("WHERE", "In which place.")


def called(*words: str) -> Any:
    """What a command of three groups is called with, or what is printed instead."""
    seen: dict[str, Any] = {}

    def grouped(place: Place, sizes: OtherSizes, writer: Writer) -> None:
        """Help."""
        seen.update(place=place, sizes=sizes, writer=writer)

    program = typer.Typer(rich_markup_mode=None)
    # As `from __future__ import annotations` does not reach what is local to a function.
    grouped.__annotations__ = {"place": Place, "sizes": OtherSizes, "writer": Writer, "return": None}
    program.command(cls=Command)(command(grouped))
    result = CliRunner().invoke(program, words, catch_exceptions=False)
    return seen or result.output


def test_options_come_in_groups() -> None:
    seen = called("here", "--size", "4", "--file", "a.txt")
    assert vars(seen["place"]) == {"where": "here"}
    assert vars(seen["sizes"]) == {"size": 4, "share": None, "file": Path("a.txt")}
    assert seen["writer"].inputs.count(Path("a.txt")) == 0
    assert Path("here") in seen["writer"].inputs
    assert vars(called("here")["sizes"]) == vars(OtherSizes()) == {"size": 3, "share": None, "file": None}


def test_options_stay_as_they_were_given() -> None:
    with pytest.raises(AttributeError, match="cannot set 'size'"):
        OtherSizes(size=4).size = 5


def test_numbers_are_finite_and_in_range() -> None:
    assert "nan is not a finite number" in called("here", "--share", "nan")
    assert "is not in the range" in called("here", "--share", "-1")
    assert "is not in the range" in called("here", "--size", "0")


def test_each_group_is_a_section_of_the_help() -> None:
    lines = called("--help").splitlines()
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Arguments:", "Options:", "Other sizes:", "Exit codes:"]
    sections = "\n".join(lines).split("Other sizes:")
    assert "--traceback" in sections[0]
    assert all(name in sections[1] for name in ("--size", "--share", "--file"))


def test_no_command_takes_many_parameters_or_options_of_one_name() -> None:
    group: Any = typer.main.get_command(app)
    for name, each in group.commands.items():
        function: Callable[..., None] = inspect.unwrap(each.callback)
        assert len(inspect.signature(function).parameters) <= 20, name
        spelled = [text for parameter in each.params for text in (*parameter.opts, *parameter.secondary_opts)]
        assert len(spelled) == len(set(spelled)), name
