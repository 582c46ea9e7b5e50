"""What surrounds a command: whole files or none, names that are free, folders, patience."""

from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path

import pytest
import typer
from rich.text import Text

from ssdlossdbg.cli import session
from ssdlossdbg.cli.session import (
    check_output,
    command,
    make_folder,
    progress,
    quick_imports,
    show,
    show_plain,
    unused,
    write_file,
)
from ssdlossdbg.errors import InputError


def test_a_file_is_written(folder: Path) -> None:
    write_file(folder / "a.bin", b"new")
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("a.bin", b"new")]


def test_a_file_is_written_with_the_usual_rights(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(folder / "a.bin", b"new")
        assert os.umask(0o027) == 0o027, "the mask is as it was"
    finally:
        os.umask(before)
    assert (folder / "a.bin").stat().st_mode & 0o777 == 0o640


def test_a_file_is_replaced_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.bin").write_bytes(b"old")

    def fail(self: Path, _target: Path) -> Path:
        assert self.read_bytes() == b"new", "all is written before anything is replaced"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match="No space left on device"):
        write_file(folder / "a.bin", b"new")
    monkeypatch.undo()
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("a.bin", b"old")]


def test_an_interrupted_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_self: Path, _target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(folder / "a.bin", b"new")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["in.bin", "./in.bin", "sub/../in.bin", "link.bin"])
def test_an_input_is_never_replaced(folder: Path, name: str) -> None:
    (folder / "sub").mkdir()
    (folder / "in.bin").write_bytes(b"input")
    (folder / "link.bin").symlink_to("in.bin")
    with pytest.raises(InputError, match="is an input and would be overwritten"):
        write_file(Path(name), b"new", [folder / "in.bin"])
    assert (folder / "in.bin").read_bytes() == b"input"


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "link.bin").symlink_to("sub/a.bin")
    write_file(folder / "link.bin", b"new")
    assert (folder / "link.bin").is_symlink()
    assert (folder / "sub" / "a.bin").read_bytes() == b"new"


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes")
def test_a_pipe_is_written_to_and_stays(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(folder / "pipe", [b"ne", b"w"])
        assert os.read(reader, 9) == b"new"
    finally:
        os.close(reader)
    assert (folder / "pipe").is_fifo()


def test_an_output_is_refused_before_the_work(folder: Path) -> None:
    with pytest.raises(InputError, match="Make its folder first"):
        check_output(folder / "nowhere" / "a.bin")
    with pytest.raises(InputError, match="is a folder"):
        check_output(folder)
    check_output(folder / "a.bin")
    assert list(folder.iterdir()) == []


def test_unused_adds_a_number(folder: Path) -> None:
    assert unused(folder / "a.match.png").name == "a.match.png"
    (folder / "a.match.png").touch()
    (folder / "a.match-2.png").touch()
    assert unused(folder / "a.match.png").name == "a.match-3.png"


def test_make_folder(folder: Path) -> None:
    assert make_folder(folder / "a/b") == folder / "a/b"
    assert (make_folder(folder / "a/b") / ".").is_dir(), "and again"
    (folder / "file").touch()
    with pytest.raises(InputError, match="cannot be made a folder"):
        make_folder(folder / "file")


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
    monkeypatch.setattr(session, "_discard_stdout", lambda: None)

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


def test_a_quick_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Waiting"):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_slow_command_says_what_it_does(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PATIENCE_SECONDS", 0.0)
    err = ""
    with progress("Waiting"):
        for _ in range(1000):
            err += capsys.readouterr().err
            if err:
                break
            time.sleep(0.01)
    assert err == "Waiting ...\n"


def test_what_the_terminal_cannot_show_becomes_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    show(Text("naïve"))
    show_plain('"é"')
    assert raw.getvalue() == b'na?ve\n"?"\n'


def test_collection_goes_on_after_quick_imports() -> None:
    import gc

    with quick_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
