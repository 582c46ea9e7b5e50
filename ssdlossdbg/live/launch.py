"""A script run as Python runs it, with its losses looked at from outside: `ssdlossdbg run`."""

from __future__ import annotations

import atexit
import builtins
import contextlib
import io
import os
import pkgutil
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO

from ssdlossdbg.live import children, tracebacks
from ssdlossdbg.live.imports import when_imported
from ssdlossdbg.live.options import Options
from ssdlossdbg.live.say import say_last
from ssdlossdbg.live.summaries import Summaries, summaries

if TYPE_CHECKING:
    from ssdlossdbg.live.verdict import Gate
    from ssdlossdbg.live.watch import Watch

NONE = 0  # the number of no process


@dataclass(frozen=True)
class Program:
    """What is to be run.

    Attributes:
        name: a file, a folder or an archive with `__main__.py`, or the name of a module.
        args: its arguments.
        is_module: whether it is the latter.
    """

    name: str
    args: tuple[str, ...] = ()
    is_module: bool = False


class Says(Enum):
    """When a process says at its end what was saved: of those that a launcher starts, none knows of the others."""

    ALWAYS = "always"
    IF_SAVED = "where something was saved"
    IF_NOT_SAVED = "where nothing was saved, for it knows what was looked at"
    NEVER = "never"


@dataclass
class Launch:
    """A program, and what is asked of the capture of its losses.

    Attributes:
        program: to be run.
        options: as of `capture`.
        path: the folder of the run, as it was given.
        says: when it says at the end what was saved.
        gate: what to fail on, of a program that ends well; nothing if None.
    """

    program: Program
    options: Options
    path: Path
    says: Says = Says.ALWAYS
    gate: Gate | None = None
    _ended: str = ""

    def __call__(self) -> None:
        """Run the program as the main one of this process.

        What it raises is raised, and the process is to end as Python ends it: by the exit code of SystemExit, by the
        signal of Ctrl-C, or with a traceback, which is without a frame of ours. After a program that ended well, what
        the gate fails on ends the process with 1, and with 2 where there is nothing to look at.
        """
        begun, place = Path.cwd(), self.path.resolve()  # the program may change its working folder
        looking, before, stderr = Looking(self.options, place), summaries(place), sys.stderr

        def end() -> None:  # after all that the program registers itself, as it is registered first
            with contextlib.suppress(Exception):
                looking.finish(self._ended)
                new = {file: said for file, said in summaries(place).items() if before.get(file) != said}
                is_heard = self.says in (Says.ALWAYS, Says.IF_SAVED if new else Says.IF_NOT_SAVED)
                if is_heard and not looking.is_child:  # a fork ends by the same functions
                    say_last(looking.closing(new, self.path, self._ended), stderr)

        atexit.register(end)
        looking.begin()
        try:
            _run(self.program)
        except SystemExit as error:
            self._ended = "" if error.code in (None, 0) else f"exit code {error.code}"[:200]
            if self._ended:
                raise
            self._judge(looking, begun, stderr)
            raise
        except BaseException as error:
            is_ctrl_c = isinstance(error, KeyboardInterrupt)
            self._ended = "Ctrl-C" if is_ctrl_c else f"{type(error).__name__}: {error}"[:200]
            tracebacks.shown_without_ours()
            with contextlib.suppress(BaseException):  # a second Ctrl-C, too
                looking.finish(self._ended)
            raise
        self._judge(looking, begun, stderr)

    def _judge(self, looking: Looking, begun: Path, stderr: TextIO) -> None:
        """Fail on what was seen, if that was asked.

        Raises:
            SystemExit: there is something to fail on, or nothing was seen at all.
        """
        if self.gate is None or looking.is_child:
            return
        looking.finish(self._ended)
        from ssdlossdbg.live.verdict import verdict

        code, words = verdict(self.gate, self.path, begun)
        print(f"ssdlossdbg: {words}", file=stderr)
        if code:
            raise SystemExit(code)


class Looking:
    """The watch of a process, once it imports torch: until then nothing is imported that the script may not want.

    Args:
        options: of `capture`.
        path: the folder of the run.
        process: that the script was started in; another one is a child of it.
    """

    def __init__(self, options: Options, path: Path, process: int | None = None) -> None:
        self._options, self._path = options, path
        self._process = os.getpid() if process is None else process
        self.watch: Watch | None = None

    @property
    def is_child(self) -> bool:
        """Whether the script has started this process."""
        return os.getpid() != self._process

    def begin(self) -> None:
        """Look at the losses of this process, and of those that it starts."""
        when_imported("torch", self._install)
        children.join_from(self._options, self._path)

    def finish(self, ended: str = "") -> None:
        """Save the last batches, once.

        After Ctrl-C, it is to be called before the interpreter ends: that forgets the signal it is to end by as soon
        as any text is executed, as by what defines a dataclass in a module that is imported only then.

        Args:
            ended: what ended the process before its end, in words.
        """
        if self.watch is not None:
            import ssdlossdbg.live.closing  # noqa: F401
            from ssdlossdbg.results.captured import EXIT, INTERRUPTED

            self.watch.finish(INTERRUPTED if ended else EXIT, ended)

    def closing(self, new: Summaries, shown: Path, ended: str) -> str:
        """What is said at the end.

        Args:
            new: what was saved.
            shown: the folder of the run, as it is to be shown.
            ended: what ended the program before its end, in words.
        """
        if self.watch is None and not new:
            end = f" before {ended}" if ended else ""
            return f"no SSD loss was seen: torch was not imported{end}, and only losses written with it can be seen."
        from ssdlossdbg.live.closing import closing

        return closing(self.watch, new, shown, self._path, ended)

    def _install(self) -> None:
        from ssdlossdbg.live.cover import install
        from ssdlossdbg.live.watch import Watch

        self.watch = Watch(self._options, self._path, self.is_child)
        install(self.watch)


def _run(program: Program) -> None:
    """Run a program in a `__main__` of its own, which pickle and multiprocessing look up."""
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    vars(main).update(__builtins__=builtins, __annotations__={})
    sys.argv[:] = [program.name, *program.args]
    if program.is_module:
        _put_first(str(Path.cwd()))
        _as_main(program.name, True)
    elif _is_importable(program.name):
        _put_first(os.path.abspath(program.name))  # noqa: PTH100  # as Python does, which leaves links as they are
        _as_main("__main__", False)
    else:
        _put_first(str(Path(program.name).resolve().parent))
        _run_file(program.name, main)


def _as_main(name: str, alter_argv: bool) -> None:
    """What `python -m` does, with its own words where there is no such module."""
    run: Callable[[str, bool], Any] = vars(runpy)["_run_module_as_main"]
    run(name, alter_argv)


def _is_importable(name: str) -> bool:
    """Whether it is a folder or an archive to import from, of which Python runs `__main__.py`."""
    importer = pkgutil.get_importer(name)
    return importer is not None and (Path(name).is_dir() or type(importer).__name__ != "FileFinder")


def _put_first(folder: str) -> None:
    """Put a folder where Python puts that of the script; in the place of our own, if that is there."""
    if os.environ.get("PYTHONSAFEPATH") and not sys.flags.ignore_environment:
        return
    if sys.flags.safe_path:
        sys.path.insert(0, folder)
    else:
        sys.path[0] = folder


def _run_file(name: str, main: ModuleType) -> None:
    path = os.path.join(os.getcwd(), name)  # noqa: PTH109, PTH118  # as Python does, which leaves `./` where it is
    with io.open_code(path) as file:
        code = pkgutil.read_code(file)  # of a compiled file
    if code is None:
        with io.open_code(path) as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
    vars(main).update(__file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path))
    exec(code, vars(main))


def join(options: dict[str, Any], path: str) -> None:
    """Look at the losses of a process that the script has started; it says nothing at its end.

    Args:
        options: of `capture`.
        path: the folder of the run.
    """
    looking = Looking(Options(**options), Path(path), process=NONE)
    atexit.register(looking.finish)
    looking.begin()
