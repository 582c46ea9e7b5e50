"""Where cases are run: in folders of their own, watched, their streams captured down to what is no Python."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssdlossdbg.cli.process import run
from tests.fuzz.cases import Case

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"COLUMNS": "80", "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
STARTED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
           "socket.connect", "pty.spawn", "webbrowser.open")  # fmt: skip
CHANGED = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
TRACEBACK = "--traceback"
# What the command says of an exception that nobody expected.
FAULT = b"a fault of ssdlossdbg itself"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass
class Outcome:
    """What a command left behind.

    Attributes:
        code: its exit code; None where an exception got out.
        out, err: its streams.
        raised: the stack of what got out.
        elsewhere: what it started, or wrote outside its folder.
        memory: MiB that it took at its peak, beyond what the process had.
        seconds: of a processor.
    """

    code: int | None = None
    out: bytes = b""
    err: bytes = b""
    raised: str = ""
    elsewhere: list[str] = field(default_factory=list)
    memory: int = 0
    seconds: float = 0.0


_watched: list[tuple[str, list[str]]] = []


def _watch(event: str, values: tuple[Any, ...]) -> None:
    """Note, and prevent, that a program is started or a file written outside the folder of the case."""
    if not _watched:
        return
    home, seen = _watched[-1]
    if event in STARTED:
        seen.append(f"started {values[0]!r}")
        raise PermissionError(event)
    if event == "open":
        path, mode, flags = values
        writing = any(sign in mode for sign in "wax+") if mode else flags & WRITING
        paths = (path,) if writing else ()
    else:
        paths = values[:2] if event in CHANGED else ()
    for path in paths:
        if isinstance(path, (str, bytes, os.PathLike)):
            real = os.path.realpath(os.fsdecode(path))
            if not real.startswith((home, "/dev/")):
                seen.append(f"wrote {real}")
                raise PermissionError(event)


sys.addaudithook(_watch)


def write_files(case: Case, folder: Path) -> Path:
    """The files of a case, in a folder deep inside another; returns it."""
    work = folder / "a" / "b" / "work"
    work.mkdir(parents=True)
    (folder / "tmp").mkdir()
    (work.parent / "outside").write_text("not given")
    for name, content in case.files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content.target:
            path.symlink_to(content.target)
        else:
            os.mkfifo(path)
        os.utime(path, (10**9, 10**9), follow_symlinks=False)
    return work


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that is in a folder, by path: what it holds and when it was written."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        regular = path.is_file() and not path.is_symlink()
        target = path.readlink() if path.is_symlink() else path.read_bytes() if regular else None
        found[str(path.relative_to(folder))] = (status.st_mode, target, status.st_mtime_ns if regular else 0)
    return found


@contextlib.contextmanager
def _captured(out: Any, err: Any) -> Iterator[None]:
    """Both streams, down to what is no Python, into files."""
    before, kept = (sys.stdout, sys.stderr), (os.dup(1), os.dup(2))
    for stream in before:
        stream.flush()
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        sys.stdout, sys.stderr = before
        for number, old in enumerate(kept, start=1):
            os.dup2(old, number)
            os.close(old)


def _peak() -> int:
    """The most memory that the process had since `_forget_peak`, in MiB; 0 where nothing says so."""
    with contextlib.suppress(OSError):
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024  # type: ignore[index]
    return 0


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


@contextlib.contextmanager
def _standing_in(work: Path, line: list[str]) -> Iterator[None]:
    """The process as one that was started there with that command line."""
    environment, arguments, folder = dict(os.environ), sys.argv, tempfile.tempdir
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # what Python keeps of modules is no output
    os.chdir(work)
    home = work.parents[2]
    os.environ.update(ENVIRONMENT, TMPDIR=str(home / "tmp"), HOME=str(home))
    tempfile.tempdir = str(home / "tmp")
    sys.argv = ["ssdlossdbg", *line]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv, tempfile.tempdir, sys.dont_write_bytecode = arguments, folder, bytecode
        os.chdir(ROOT)


@contextlib.contextmanager
def _warning() -> Iterator[None]:
    """Warnings to stderr as Python has them, but each time and not only where one first comes up."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning)
        warnings.filterwarnings("always", category=RuntimeWarning)
        warnings.showwarning = lambda *given: sys.stderr.write(warnings.formatwarning(*given[:4]))  # type: ignore[assignment]
        yield


def run_here(line: list[str], work: Path) -> Outcome:
    """Run a command line in this process as the console script would."""
    outcome, home = Outcome(), os.path.realpath(work.parents[2])
    _forget_peak()
    had, began = _peak(), time.process_time()
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        _standing_in(work, line),
        _captured(out, err),
        _warning(),
    ):
        _watched.append((home, outcome.elsewhere))
        try:
            code = run()
            outcome.code = code if isinstance(code, int) else None
        except BaseException:
            outcome.raised = traceback.format_exc()
        finally:
            _watched.pop()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        outcome.seconds, outcome.memory = time.process_time() - began, _peak() - had
        for stream in (out, err):
            stream.seek(0)
        outcome.out, outcome.err = out.read(), err.read()
    if FAULT in outcome.err and TRACEBACK not in line:
        outcome.raised = run_here([*line, TRACEBACK], work).err.decode(errors="replace")
    return outcome


def run_apart(line: list[str], work: Path) -> Outcome:
    """Run a command line in a process of its own."""
    command = [sys.executable, "-P", "-m", "ssdlossdbg", *line]
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, check=False, timeout=300)
    return Outcome(done.returncode, done.stdout, done.stderr)
