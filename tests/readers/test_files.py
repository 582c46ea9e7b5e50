"""What is said of files that cannot be read, and of text and tables that are none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.folders import beginning
from ssdlossdbg.readers.files import is_file, noting, read_bytes, read_table, read_text, was_read

Refused = Callable[[Callable[[], object]], InputError]


def test_bytes_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "any"
    path.write_bytes(b"\xef\xbb\xbf\0\xff")
    assert read_bytes(path) == b"\xef\xbb\xbf\0\xff"


@pytest.mark.parametrize(
    ("beside", "asked", "fix"),
    [
        ("photo.jpg", "photo.png", "There is photo.jpg beside it."),
        ("a[1].jpg", "a[1].png", "There is a[1].jpg beside it."),
        ("a1.jpg", "a[1].png", "Check the path."),
        ("b.jpg", "a.png", "Check the path."),
        ("b.jpg", "**.png", "Check the path."),
    ],
)
def test_missing_file_names_the_one_beside_it(
    beside: str, asked: str, fix: str, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / beside).touch()
    error = refused(lambda: read_bytes(tmp_path / asked))
    assert (error.where, error.what, error.fix) == (str(tmp_path / asked), "no such file", fix)


def test_what_was_read_is_noted_to_the_end_of_a_command(tmp_path: Path) -> None:
    """One within another begins anew, and leaves the other as it was."""
    files = [tmp_path / name for name in "abc"]
    for file in files:
        file.touch()
    read_bytes(files[2])
    with noting():
        read_bytes(files[0])
        with contextlib.suppress(KeyError), noting():
            read_bytes(files[1])
            assert [was_read(file.stat()) for file in files] == [False, True, False]
            raise KeyError
        assert [was_read(file.stat()) for file in files] == [True, False, False]
    assert [was_read(file.stat()) for file in files] == [False, False, False]


def test_missing_folder(tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: read_bytes(tmp_path / "nowhere" / "a.xml"))
    assert error.what == "no such file"
    assert error.fix == f"The folder {tmp_path / 'nowhere'} does not exist either; check the path."


def test_dangling_link_is_not_beside_itself(tmp_path: Path, refused: Refused) -> None:
    link = tmp_path / "a.xml"
    link.symlink_to(tmp_path / "nowhere")
    error = refused(lambda: read_bytes(link))
    assert (error.what, error.fix) == ("no such file", "Check the path.")


def test_folder(tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: read_bytes(tmp_path))
    assert (error.where, error.what) == (str(tmp_path), "is a folder, not a file")
    assert error.fix == "Name a file inside it."


def test_file_where_a_folder_belongs(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "a").touch()
    assert refused(lambda: read_bytes(tmp_path / "a" / "b")).what == "cannot be read (Not a directory)"


def test_link_to_itself(tmp_path: Path, refused: Refused) -> None:
    link = tmp_path / "a.xml"
    link.symlink_to(link)
    assert refused(lambda: read_bytes(link)).what.startswith("cannot be read (")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_forbidden_file(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.xml"
    path.touch(mode=0o000)
    error = refused(lambda: read_bytes(path))
    assert (error.what, error.fix) == ("cannot be read (Permission denied)", "Check its permissions.")


def test_error_of_the_disk(tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path, _flags: int) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.open", fail)
    assert refused(lambda: read_bytes(tmp_path / "a")).what == "cannot be read (Input/output error)"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a\0b.xml", "cannot be a path (embedded null byte)"),
        ("\ud800.xml", "cannot be a path ('utf-8' codec can't encode"),
        ("x" * 300, "cannot be read (File name too long)"),
    ],
    ids=["nul", "surrogate", "long"],
)
def test_name_that_no_file_can_have(name: str, what: str, tmp_path: Path, refused: Refused) -> None:
    assert refused(lambda: read_bytes(tmp_path / name)).what.startswith(what)
    assert not is_file(tmp_path / name)


def test_is_file(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert is_file(tmp_path / "a")
    assert not is_file(tmp_path / "b")
    assert not is_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path, refused: Refused) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    error = refused(lambda: read_bytes(pipe))
    assert error.what == "cannot be read (no file, but a pipe or a device)"
    assert error.fix == "Save what it gives as a file."


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
def test_a_device_is_not_read_for_ever(tmp_path: Path, refused: Refused) -> None:
    link = tmp_path / "a.xml"
    link.symlink_to("/dev/zero")
    assert refused(lambda: read_bytes(link)).what == "cannot be read (no file, but a pipe or a device)"


def test_a_key_of_very_many_parts(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.toml"
    path.write_text(".".join(["a"] * 20_000) + " = 1")
    error = refused(lambda: read_table(path))
    assert (error.what, error.fix) == ("has a key of more than 200 parts", "Flatten it.")


@pytest.mark.parametrize("text", ['a = "' + "." * 500 + '"', "# " + "." * 500 + "\na = 1", "a.b.c = 1"])
def test_dots_elsewhere(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    assert "a" in read_table(path)


@pytest.mark.parametrize("data", [b"caf\xc3\xa9\n", b"\xef\xbb\xbfcaf\xc3\xa9\n"], ids=["plain", "bom"])
def test_text(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    assert read_text(path) == "café\n"


@pytest.mark.parametrize(("data", "byte"), [("café".encode("latin-1"), 3), ("cat".encode("utf-16"), 0)])
def test_other_encodings(data: bytes, byte: int, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    error = refused(lambda: read_text(path))
    assert (error.what, error.fix) == (f"is not UTF-8 text (byte {byte})", "Save it as UTF-8.")


@pytest.mark.parametrize(
    ("name", "text"), [("a.toml", "[b]\nc = 1.5"), ("a.json", '{"b": {"c": 1.5}}'), ("a.JSON", '\ufeff{"b":{"c":1.5}}')]
)
def test_table(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert read_table(path) == {"b": {"c": 1.5}}


@pytest.mark.parametrize(
    ("name", "text", "what", "fix"),
    [
        ("a.toml", "b = ", "cannot be parsed: Invalid value (at end of document)", "Correct that place."),
        ("a.json", '{"b": }', "cannot be parsed: Expecting value: line 1 column 7", "Correct that place."),
        ("a.toml", "\0", "cannot be parsed: ", "Correct that place."),
        ("a.toml", f"b = {'9' * 5000}", "cannot be parsed: Exceeds the limit", "Correct that place."),
        ("a.json", f'{{"b": {"9" * 5000}}}', "cannot be parsed: Exceeds the limit", "Correct that place."),
        ("a.toml", "b = " + "[" * 100_000, "is nested too deeply", "Flatten it."),
        ("a.json", "[" * 1_000_000, "is nested too deeply", "Flatten it."),
        ("a.json", "[]", "does not hold a table of keys", "Put `key = value` pairs"),
        ("a.json", "1", "does not hold a table of keys", "Put `key = value` pairs"),
    ],
    ids=["toml", "json", "nul", "big-toml", "big-json", "deep-toml", "deep-json", "list", "number"],
)
def test_no_table(name: str, text: str, what: str, fix: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / name
    path.write_text(text)
    error = refused(lambda: read_table(path))
    assert error.where == str(path)
    assert error.what.startswith(what)
    assert error.fix.startswith(fix)


def test_nothing_begins_a_file_that_none_can_be_called() -> None:
    assert beginning(Path("a\0b")) == b""
