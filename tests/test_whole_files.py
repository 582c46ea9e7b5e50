"""Files are whole or not there, whoever is killed, and whatever the file system can do; each way is tried."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg import whole_files
from ssdlossdbg.whole_files import add_whole, replace_whole

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX alone has these ways to name a file")
UNNAMED, NAMED, UNLINKED, NO_LINKS = "unnamed", "named", "cannot be named", "no second names"


@pytest.fixture(params=[UNNAMED, NAMED, UNLINKED, NO_LINKS])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the file system can do."""
    way: str = request.param
    if way == UNNAMED and not hasattr(os, "O_TMPFILE"):
        pytest.skip("Linux alone has files without a name")
    if way in (NAMED, NO_LINKS):
        monkeypatch.setattr(whole_files, "OPEN_FILES", "/nowhere")
    real = os.link

    def link(source: Any, *given: Any, **named: Any) -> None:
        if way == NO_LINKS or (way == UNLINKED and str(source).startswith("/proc")):
            raise OSError(errno.EPERM, "no")
        real(source, *given, **named)

    monkeypatch.setattr(os, "link", link)
    return way


def names(folder: Path, stem: str = "a.bin") -> Iterator[Path]:
    return (folder / (f"{number}-{stem}" if number else stem) for number in count())


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".part"))


def test_a_file_is_written_and_replaced(way: str, tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        replace_whole(tmp_path / "a.bin", [content[:1], content[1:]])
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", content)], way


def test_files_have_the_rights_that_they_are_to_have(way: str, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace_whole(tmp_path / "a.bin", [b"x"])
        replace_whole(tmp_path / "b.bin", [b"x"], mode=0o604)
        add_whole(names(tmp_path, "c.bin"), [b"x"])
    finally:
        os.umask(before)
    rights = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()}
    assert rights == {"a.bin": "0o640", "b.bin": "0o604", "c.bin": "0o640"}, way


def test_a_file_gets_the_first_free_name(way: str, tmp_path: Path) -> None:
    (tmp_path / "a.bin").symlink_to("nowhere")
    for content in (b"one", b"two"):
        add_whole(names(tmp_path), [content])
    assert (tmp_path / "1-a.bin").read_bytes() + (tmp_path / "2-a.bin").read_bytes() == b"onetwo", way
    assert not (tmp_path / "nowhere").exists()
    assert not parts(tmp_path)


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_what_fails_leaves_nothing(way: str, fault: BaseException, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise fault

    with pytest.raises(type(fault)):
        replace_whole(tmp_path / "a.bin", chunks())
    with pytest.raises(type(fault)):
        add_whole(names(tmp_path), chunks())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", b"old")], way


def test_a_name_may_be_as_long_as_the_system_takes(way: str, tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        replace_whole(tmp_path / ("é" * 127), [content])
    assert (tmp_path / ("é" * 127)).read_bytes() == b"two", way
    assert not parts(tmp_path)


def test_writers_of_one_file_at_once_each_write_a_whole(way: str, tmp_path: Path) -> None:
    data = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: replace_whole(tmp_path / "a.bin", [each]), data * 4))
        list(pool.map(lambda each: add_whole(names(tmp_path, "b.bin"), [each]), data))
    assert (tmp_path / "a.bin").read_bytes() in data
    assert sorted(path.read_bytes() for path in tmp_path.glob("*b.bin")) == data
    assert len(list(tmp_path.iterdir())) == 1 + len(data), way


KILLED = """
import os, sys
from pathlib import Path
from ssdlossdbg import whole_files
whole_files.OPEN_FILES = sys.argv[2]
def chunks():
    yield b"half" * 10_000
    os.kill(os.getpid(), 9)
whole_files.replace_whole(Path(sys.argv[1]), chunks())
"""


def killed(path: Path, open_files: str = "/nowhere") -> None:
    """A process that is killed while it writes a file."""
    done = subprocess.run([sys.executable, "-c", KILLED, path, open_files], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="Linux alone has files without a name")
def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    killed(tmp_path / "a.bin", whole_files.OPEN_FILES)
    assert list(tmp_path.iterdir()) == []


def test_what_a_process_that_was_killed_left_is_cleared_by_the_next(way: str, tmp_path: Path) -> None:
    killed(tmp_path / "a.bin")
    assert parts(tmp_path) == [".a.bin.ssdlossdbg-1.part"]
    (tmp_path / ".a.bin.ssdlossdbg-1.part").rename(tmp_path / ".a.bin.ssdlossdbg-2.part")
    killed(tmp_path / "a.bin")
    assert len(parts(tmp_path)) == 2
    replace_whole(tmp_path / "a.bin", [b"new"])
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", b"new")], way


def test_what_is_being_written_or_is_a_strangers_stays(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner: list[Path] = []

    def chunks() -> Iterator[bytes]:
        """Another writes the same file in the meantime."""
        if not inner:
            inner.append(tmp_path / "a.bin")
            replace_whole(tmp_path / "a.bin", chunks())
        yield b"whole"

    replace_whole(tmp_path / "a.bin", chunks())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", b"whole")], way

    strangers = tmp_path / ".a.bin.ssdlossdbg-1.part"
    strangers.write_bytes(b"not ours")
    (tmp_path / ".a.bin.ssdlossdbg-2.part").symlink_to("a.bin")
    user = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: user)
    replace_whole(tmp_path / "a.bin", [b"new"])
    assert strangers.read_bytes() == b"not ours"
    assert (tmp_path / ".a.bin.ssdlossdbg-2.part").is_symlink()
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 3
