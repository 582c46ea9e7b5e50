"""Files that a command writes: whole or not at all, none that was read; folders, and names that are free."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import typer

from ssdlossdbg.cli.writing import Writer, check_folder, make_folder, make_new_folder, safe_stem
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import noting, read_bytes


def test_a_file_is_written(folder: Path) -> None:
    Writer().write(folder / "a.bin", b"new")
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("a.bin", b"new")]


def test_a_file_is_written_with_the_usual_rights(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        Writer().write(folder / "a.bin", b"new")
        assert os.umask(0o027) == 0o027, "the mask is as it was"
    finally:
        os.umask(before)
    assert (folder / "a.bin").stat().st_mode & 0o777 == 0o640


OURS = b"# Fitted by `ssdlossdbg anchors --fit` to a dataset\n"


def failing(error: BaseException) -> Iterator[bytes]:
    """What is to be written, half of which there is no room or no time for."""
    yield b"half"
    raise error


NO_SPACE = OSError(28, "No space left on device")


def test_a_file_is_replaced_whole_or_not_at_all(folder: Path) -> None:
    (folder / "a.bin").write_bytes(OURS)
    with pytest.raises(InputError, match="No space left on device"), (writer := Writer()).telling_last():
        writer.write(folder / "a.bin", failing(NO_SPACE))
    with pytest.raises(KeyboardInterrupt):
        Writer().write(folder / "a.bin", failing(KeyboardInterrupt()))
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("a.bin", OURS)]


def links(folder: Path) -> None:
    """Other names of in.bin."""
    (folder / "sub").mkdir()
    (folder / "in.bin").write_bytes(b"input")
    (folder / "link.bin").symlink_to("in.bin")
    (folder / "hard.bin").hardlink_to("in.bin")


NAMES = pytest.mark.parametrize("name", ["in.bin", "./in.bin", "sub/../in.bin", "link.bin", "hard.bin"])


@NAMES
def test_an_input_that_was_given_is_never_replaced(folder: Path, name: str) -> None:
    links(folder)
    writer = Writer(inputs=[folder / "in.bin"])
    with pytest.raises(InputError, match="is an input and would be overwritten"):
        writer.write(Path(name), b"new")
    assert (folder / "in.bin").read_bytes() == b"input"


@NAMES
def test_an_input_that_was_read_is_never_replaced(folder: Path, name: str) -> None:
    links(folder)
    with noting():
        read_bytes(Path("in.bin"))
        with pytest.raises(InputError, match="is an input and would be overwritten"):
            Writer().write(Path(name), b"new")
    assert (folder / "in.bin").read_bytes() == b"input"
    Writer(overwrite=True).write(Path(name), b"new")
    assert Path(name).read_bytes() == b"new", "outside of a command nobody notes what is read"


@pytest.mark.parametrize(
    ("dataset", "output", "refused"),
    [
        ("voc/Annotations", "voc/Annotations/broken.xml", True),
        ("voc/Annotations", "voc/JPEGImages/cat.JPG", True),
        ("voc", "voc/JPEGImages/cat.JPG", True),
        ("voc/Annotations/broken.xml", "voc/JPEGImages/cat.JPG", True),
        ("voc/Annotations/broken.xml", "voc/Annotations/list.txt", True),
        ("voc/Annotations", "notes.txt", False),
        ("voc/Annotations", "voc/objects.csv", False),
        ("voc/Annotations", "voc/Annotations/new.xml", False),
    ],
)
def test_what_looks_like_part_of_a_dataset_is_not_replaced(
    folder: Path, dataset: str, output: str, refused: bool
) -> None:
    for name in ("Annotations/broken.xml", "Annotations/list.txt", "JPEGImages/cat.JPG", "objects.csv", "../notes.txt"):
        (folder / "voc" / Path(name).parent).mkdir(parents=True, exist_ok=True)
        (folder / "voc" / name).touch()
    writer = Writer(datasets=[Path(dataset)])
    if refused:
        with pytest.raises(InputError, match="is an input and would be overwritten"):
            writer.check(Path(output))
    else:
        writer.check(Path(output))


def test_a_replaced_file_keeps_its_rights(folder: Path) -> None:
    (folder / "a.bin").touch(mode=0o600)
    Writer().write(folder / "a.bin", b"new")
    assert (folder / "a.bin").stat().st_mode & 0o777 == 0o600


def test_what_is_written_is_told(folder: Path) -> None:
    writer = Writer()
    writer.write(Path("b.bin"), b"")
    writer.write(folder / "a.bin", [b"n", b"ew"])
    assert writer.written == ["b.bin", str(folder / "a.bin")]


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "link.bin").symlink_to("sub/a.bin")
    Writer().write(folder / "link.bin", b"new")
    assert (folder / "link.bin").is_symlink()
    assert (folder / "sub" / "a.bin").read_bytes() == b"new"


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes")
def test_a_pipe_is_written_to_and_stays(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        Writer().write(folder / "pipe", [b"ne", b"w"])
        assert os.read(reader, 9) == b"new"
    finally:
        os.close(reader)
    assert (folder / "pipe").is_fifo()


def test_an_output_is_refused_before_the_work(folder: Path) -> None:
    Writer().check(folder / "nowhere" / "a.bin")
    with pytest.raises(InputError, match="is a folder"):
        Writer().check(folder)
    Writer().check(folder / "a.bin")
    assert list(folder.iterdir()) == []


def test_a_file_that_nobody_named_replaces_none(folder: Path) -> None:
    (folder / "a.match.png").write_bytes(b"old")
    writer = Writer()
    for name, data in (("a.match.png", b"second"), ("a.match.png", b"third"), ("b.match.png", b"first")):
        writer.write_new(folder / name, data)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "a.match.png": b"old",
        "a.match-2.png": b"second",
        "a.match-3.png": b"third",
        "b.match.png": b"first",
    }
    assert [Path(name).name for name in writer.written] == ["a.match-2.png", "a.match-3.png", "b.match.png"]


def test_processes_that_write_at_once_take_a_name_each(folder: Path) -> None:
    data = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: Writer().write_new(folder / "a.png", each), data))
    assert sorted(path.read_bytes() for path in folder.iterdir()) == data


def test_a_folder_that_nobody_named_is_new(folder: Path) -> None:
    assert [make_new_folder(folder / "audit").name for _ in range(3)] == ["audit", "audit-2", "audit-3"]
    (folder / "file").touch()
    with pytest.raises(InputError, match="cannot be made a folder"):
        make_new_folder(folder / "file" / "audit")


def test_what_cannot_be_written_is_told_once_the_rest_is_done(folder: Path) -> None:
    def command() -> None:
        with writer.telling_last():
            writer.write(folder / "a.bin", failing(NO_SPACE))
            writer.write_new(folder / "b.bin", failing(NO_SPACE))
            done.append("report")
            raise typer.Exit(1)

    writer = Writer()
    done: list[str] = []
    with pytest.raises(InputError, match=r"a\.bin: cannot be written \(No space.*, nor can 1 more"):
        command()
    assert done == ["report"]
    assert writer.written == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("new", [False, True])
def test_a_folder_that_no_file_got_into_goes_again(folder: Path, new: bool) -> None:
    def command(content: Iterator[bytes]) -> None:
        writer = Writer()
        with writer.telling_last():
            writer.write(writer.folder(folder / "there/a/b", new=new) / "c.bin", content)

    (folder / "there").mkdir()
    for failure in (NO_SPACE, KeyboardInterrupt()):
        with pytest.raises((InputError, KeyboardInterrupt)):
            command(failing(failure))
        assert list(folder.rglob("*")) == [folder / "there"], "what was there stays"
    command(iter([b"whole"]))
    assert (folder / "there/a/b/c.bin").read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("path", "said"),
    [("file", "File exists"), ("file/a/b", "Not a directory"), ("a" * 300, "File name too long")],
)
def test_a_folder_is_refused_before_it_is_made(folder: Path, path: str, said: str) -> None:
    (folder / "file").touch()
    for refuse in (check_folder, make_folder):
        with pytest.raises(InputError, match=rf"{path}: cannot be made a folder \({said}\)\."):
            refuse(folder / path)
    check_folder(folder / "a/b")
    assert [each.name for each in folder.iterdir()] == ["file"]


def test_make_folder(folder: Path) -> None:
    assert make_folder(folder / "a/b") == folder / "a/b"
    assert (make_folder(folder / "a/b") / ".").is_dir(), "and again"
    (folder / "file").touch()
    with pytest.raises(InputError, match="cannot be made a folder"):
        make_folder(folder / "file")


THEIRS = {
    "notes.csv": b"image,file,mine\n",
    "photo.png": b"\x89PNG\r\n\x1a\n",
    "own.toml": b"levels = []\n",
    "mine.toml": b"# A dialect for ssdlossdbg.\nbase = 'caffe'\n",
    "pyproject.toml": b"[tool.ssdlossdbg]\nthreshold = 0.4\n",
    "priors.npy": b"\x93NUMPY\x01\0",
}


@pytest.mark.parametrize("name", THEIRS)
def test_somebody_elses_file_is_replaced_only_when_told(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(THEIRS[name])
    with pytest.raises(InputError, match=r"exists and is no file of ssdlossdbg's.*give --overwrite"):
        Writer().check(path)
    with pytest.raises(InputError, match="is no file of ssdlossdbg's"), (writer := Writer()).telling_last():
        writer.write(path, b"new")
    assert path.read_bytes() == THEIRS[name]
    told = Writer(overwrite=True)
    told.check(path)
    told.write(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(InputError, match="is an input"):
        Writer(overwrite=True, inputs=[path]).check(path)


@pytest.mark.parametrize(
    "words",
    [
        ["match", "cat.jpg", "cat.xml", "-o", "out.png"],
        ["anchors", "-o", "out.png"],
        ["anchors", "--fit", ".", "-o", "out.toml"],
        ["audit", "cat.xml", "--csv", "out.csv"],
    ],
)
def test_our_own_output_is_replaced(folder: Path, sample: Path, run: Callable[..., Any], words: list[str]) -> None:
    for name in ("cat.jpg", "cat.xml"):
        shutil.copy(sample / name, folder)
    out = folder / words[-1]
    assert run(*words).code in {0, 1}
    first = out.read_bytes()
    out.write_bytes(first[:-1])  # of an older version, say
    assert run(*words).code in {0, 1}
    assert out.read_bytes() == first
    out.write_bytes(b"theirs")
    outcome = run(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert "is no file of ssdlossdbg's" in outcome.err
    assert out.read_bytes() == b"theirs"
    assert run(*words, "--overwrite").code in {0, 1}
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    "words",
    [
        ["anchors", "--dump", "both", "-o", "./both"],
        ["audit", "cat.xml", "--csv", "both", "--gallery", "1", "-o", "both"],
        ["audit", "cat.xml", "--csv", "link", "-o", "both"],
    ],
)
def test_no_two_outputs_have_one_name(folder: Path, sample: Path, run: Callable[..., Any], words: list[str]) -> None:
    shutil.copy(sample / "cat.xml", folder)
    (folder / "link").symlink_to("both")
    outcome = run(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert ": is named for two outputs. Name another for one of them." in outcome.err
    assert not (folder / "both").exists()


def test_our_own_table_is_replaced_in_the_dataset(folder: Path, sample: Path, run: Callable[..., Any]) -> None:
    shutil.copy(sample / "cat.xml", folder)
    for _ in range(2):
        assert run("audit", ".", "--csv", "out.csv").code in {0, 1}
    (folder / "out.csv").write_bytes(b"ImageID,LabelName\n")
    assert run("audit", ".", "--csv", "out.csv", "--overwrite").code == 2
    assert (folder / "out.csv").read_bytes() == b"ImageID,LabelName\n"


def test_our_own_charts_are_replaced(folder: Path, sample: Path, run: Callable[..., Any]) -> None:
    pytest.importorskip("matplotlib")
    words = ["audit", sample, "--charts", "--gallery", "1", "-o", folder / "audit"]
    assert run(*words).code in {0, 1}
    theirs, *_ = worst = list((folder / "audit").glob("worst*"))
    ours = {file: file.stat().st_ino for file in (folder / "audit").iterdir() if file not in worst}
    theirs.write_bytes(b"theirs")
    outcome = run(*words)
    assert outcome.code == 2
    assert len(ours) >= 3
    assert not [file.name for file, before in ours.items() if file.stat().st_ino == before], "written anew"
    assert "is no file of ssdlossdbg's" in outcome.err
    assert "objects" in outcome.out, "the report is there all the same"
    assert theirs.read_bytes() == b"theirs"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("photos/a cat.jpg", "a_cat"),
        ("C:\\photos\\a.b.png", "a.b"),
        ("\x1b]0;x\x07/../\u202e<b>.png", "_b_"),
        (".hidden", ".hidden"),
        ("../..", "."),
        ("猫" * 80, "猫" * 50),
        ("a\ud800", "a_"),
    ],
)
def test_what_an_image_is_called_names_a_file(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


def test_nothing_but_a_baseline_replaces_a_baseline(folder: Path) -> None:
    known = b'{\n  "ssdlossdbg_baseline": 1,\n  "known": []}'
    (folder / "known.json").write_bytes(known)
    writer = Writer()
    with pytest.raises(InputError, match="is a baseline of known findings"), writer.telling_last():
        writer.write(folder / "known.json", b"image,file\n")
    assert (folder / "known.json").read_bytes() == known
    Writer().write(folder / "known.json", known + b"\n")
    assert (folder / "known.json").read_bytes() == known + b"\n"
    Writer(overwrite=True).write(folder / "known.json", b"image,file\n")
    assert (folder / "known.json").read_bytes() == b"image,file\n"
