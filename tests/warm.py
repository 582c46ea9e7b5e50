"""Processes of Python that have imported torch and the commands when they begin: forks of one that did it once.

A new interpreter imports them for a second or two. Where a test is about what a process does and not about what it
imports when, a fork does the same: it has its own arguments, environment, folder and streams, and ends as Python ends.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NoReturn

import ssdlossdbg

# Of the package, wherever it is installed, and of the tests.
PLACES = [str(Path(file).parents[1]) for file in (ssdlossdbg.__file__, __file__)]
# Elsewhere a process imports all that it needs itself: there are no forks, or none of one that has loaded so much.
FORKS = sys.platform == "linux"


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str = "",
    stdout: IO[Any] | None = None,
    timeout: float = 120,
    **_: object,
) -> subprocess.CompletedProcess[str]:
    """Stand in for `subprocess.run` of this interpreter, whose output is captured as text.

    Args:
        command: the interpreter, and what it is given: -P or -W, then -m, -c or a script, and arguments.
        cwd: the folder; this one's if None.
        env: the environment; this one's if None.
        input: what it reads.
        stdout: where it prints instead.
        timeout: seconds until it is killed.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(input.encode())
        given.seek(0)
        code = Process(command, (given, stdout or out, err), cwd=cwd, env=env).wait(timeout)
        for stream in (out, err):
            stream.seek(0)
        return subprocess.CompletedProcess(command, code, out.read().decode(), err.read().decode())


class Process:
    """One that runs; `pid` is its number.

    Args:
        command, cwd, env: as of `run`.
        streams: what it reads, where it prints, and where it says what is wrong.
    """

    def __init__(
        self,
        command: Sequence[str],
        streams: tuple[IO[Any], IO[Any], IO[Any]],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._command = command
        self._started: subprocess.Popen[bytes] | None = None
        if not FORKS:
            reads, prints, says = streams
            self._started = subprocess.Popen(command, stdin=reads, stdout=prints, stderr=says, cwd=cwd, env=env)
            self.pid = self._started.pid
            return
        told, tells = os.pipe()
        asked = json.dumps([list(map(str, command[1:])), str(cwd or Path.cwd()), dict(env or os.environ)])
        socket.send_fds(_server().way, [asked.encode()], [*(stream.fileno() for stream in streams), tells])
        os.close(tells)
        self._told = os.fdopen(told)
        self.pid = int(self._told.readline())

    def wait(self, timeout: float = 120) -> int:
        """Its exit code once it has ended, or the number of the signal that ended it, less than 0."""
        if self._started is not None:
            return self._started.wait(timeout)
        ended = select.select([self._told], [], [], timeout)[0]
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
        with self._told:
            code = int(self._told.readline())
        if not ended:
            raise subprocess.TimeoutExpired(self._command, timeout)
        return code


class _Server:
    """The process that is forked; it ends with this one."""

    def __init__(self) -> None:
        self.way, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [sys.executable, "-P", __file__, str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), *PLACES])}
        self._process = subprocess.Popen(words, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL)
        theirs.close()
        atexit.register(self._end)

    def _end(self) -> None:
        self.way.close()
        self._process.wait()


_server = functools.cache(_Server)


def _serve(asking: socket.socket) -> NoReturn:
    """Fork for each that asks."""
    import torch

    for each in pkgutil.walk_packages(ssdlossdbg.__path__, "ssdlossdbg."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
    sys.modules.pop("ssdlossdbg.__main__", None)  # which -m is to begin with
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        asked, streams, *_ = socket.recv_fds(asking, 1 << 20, 4)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG if asked else 0)[0]:
                pass
        if not asked:
            os._exit(0)  # taking torch's modules apart takes a second
        if os.fork() == 0:
            asking.close()
            words, folder, environment = json.loads(asked)
            _keep(words, folder, environment, streams)
        for number in streams:
            os.close(number)


def _keep(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> NoReturn:
    """Fork once more, and tell the number of that process, and how it ends."""
    *streams, tells = streams
    process = os.fork()
    if process == 0:
        os.close(tells)
        _become(words, folder, environment, streams)
    for number in streams:
        os.close(number)
    os.write(tells, f"{process}\n".encode())
    os.write(tells, f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n".encode())
    os._exit(0)


def _become(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> NoReturn:
    """Be the process, from its first moment to its end."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.dup2(streams[number], number)
        os.close(streams[number])
        encoding, _, errors = environment.get("PYTHONIOENCODING", "utf-8").partition(":")
        errors = "backslashreplace" if name == "stderr" else errors or "strict"
        stream = open(number, "r" if number == 0 else "w", encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    vars(atexit)["_clear"]()
    code: object = 0
    interrupted = False
    try:
        _run(words)
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code, interrupted = 1, isinstance(error, KeyboardInterrupt)
    _end(code if isinstance(code, int) else int(code is not None), interrupted)


def _run(words: list[str]) -> None:
    """Do what Python does with its arguments."""
    while words[0] in ("-P", "-W"):
        words = words[1 if words[0] == "-P" else 2 :]
    main = sys.modules["__main__"] = ModuleType("__main__")
    first, sys.argv[:] = words[0], words
    if first == "-m":
        sys.argv[:] = words[1:]
        vars(runpy)["_run_module_as_main"](words[1])
    elif first == "-c":
        sys.argv[:] = ["-c", *words[2:]]
        exec(compile(words[1], "<string>", "exec"), vars(main))
    else:
        sys.path.insert(0, str(Path(first).resolve().parent))
        runpy.run_path(first, run_name="__main__")


def _end(code: int, interrupted: bool) -> NoReturn:
    """End as the interpreter does: threads, then what was registered, then the streams; by the signal after Ctrl-C."""
    vars(threading)["_shutdown"]()
    vars(atexit)["_run_exitfuncs"]()
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        os.write(2, f"Exception ignored in sys.stdout: {error!r}\n".encode())
        code = 120
    if interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
