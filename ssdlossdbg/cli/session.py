"""What surrounds every command: consoles, errors, exit codes, progress, output files."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import typer

from ssdlossdbg.cli.options import FailOn, Format
from ssdlossdbg.errors import (
    EXIT_BAD_INPUT,
    EXIT_CLEAN,
    EXIT_FINDINGS,
    EXIT_INTERRUPTED,
    InputError,
    SsdLossDbgError,
)

if TYPE_CHECKING:
    from ssdlossdbg.report.view import View
    from ssdlossdbg.results import (
        AnchorsResult,
        CompareResult,
        DetectResult,
        Finding,
        LossResult,
        MatchResult,
    )

P = ParamSpec("P")
Result = TypeVar("Result", "AnchorsResult", "CompareResult", "DetectResult", "LossResult", "MatchResult")
PATIENCE_SECONDS = 2.0


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Turn what a command raises into one paragraph on stderr and an exit code; `--traceback` shows the stack."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        traceback = bool(kwargs.get("traceback"))
        try:
            function(*args, **kwargs)
        except SsdLossDbgError as error:
            if traceback:
                sys.excepthook(type(error), error, error.__traceback__)
                raise typer.Exit(error.exit_code) from None
            _say_error(str(error))
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            _say_error("interrupted")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of our output went away (`| head`); Python must not complain when it flushes at exit.
            _discard_stdout()
            raise typer.Exit(EXIT_CLEAN) from None
        except OSError as error:
            # A full disk behind `>`, a name too long for the file system: nobody's bug, so no stack.
            if traceback:
                sys.excepthook(type(error), error, error.__traceback__)
                raise typer.Exit(EXIT_BAD_INPUT) from None
            where = f"{error.filename}: " if error.filename else ""
            _say_error(f"{where}the system says: {error.strerror or error}. --traceback shows where it came up.")
            _discard_stdout()
            raise typer.Exit(EXIT_BAD_INPUT) from None

    return run


def _discard_stdout() -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stdout may be closed, or no file at all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say_warning(message: str) -> None:
    """Print what the user should know, though it stops nothing, to stderr."""
    _say("warning: ", "bold yellow", message)


def _say_error(message: str) -> None:
    _say("error: ", "bold red", message)


def _say(mark: str, style: str, message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble((mark, style), message), soft_wrap=not console.is_terminal)


def show(report: Any) -> None:
    """Print a rich renderable to stdout."""
    from rich.console import Console

    from ssdlossdbg.report.theme import TERMINAL

    class Terminal(Console):
        def on_broken_pipe(self) -> None:  # rich would exit with 1, which means findings
            raise BrokenPipeError

    with _unencodable_replaced():
        Terminal(theme=TERMINAL, highlight=False).print(report)


def show_output(result: Any, format: Format, view: View | None = None) -> None:
    """Print a result to stdout; rich wraps what is not plain text."""
    from ssdlossdbg.report.outputs import render
    from ssdlossdbg.report.view import USUAL

    report = render(result, format, view or USUAL)
    if isinstance(report, str):
        show_plain(report)
    else:
        show(report)


def show_plain(text: str) -> None:
    """Print text to stdout, without any of rich's wrapping."""
    with _unencodable_replaced():
        print(text)


@contextlib.contextmanager
def _unencodable_replaced() -> Iterator[None]:
    # A terminal that is not UTF-8 gets a ? for what it cannot show, rather than a crash in the middle.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    yield
    if sys.stdout is not None:  # closed with `>&-`
        sys.stdout.flush()


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Import heavy modules with the garbage collector off, then exempt what they made from later collections.

    Importing torch makes hundreds of thousands of objects that live as long as the process; looking through them
    again and again takes a seventh of the import's time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def progress(doing: str, silent: bool = False) -> Iterator[None]:
    """Say on stderr what is going on, once it has taken longer than two seconds, unless it is to be silent."""
    if silent:
        yield
        return
    timer = threading.Timer(PATIENCE_SECONDS, lambda: print(f"{doing} ...", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def chosen(result: Result, codes: tuple[Sequence[str], Sequence[str]]) -> Result:
    """The result with only those findings that `parse_codes` says are selected and not ignored."""
    from ssdlossdbg.checks.catalogue import choose

    return replace(result, findings=choose(result.findings, *codes))


def finish(findings: Iterable[Finding], fail_on: FailOn) -> None:
    """End a command, once everything is printed and written.

    Raises:
        typer.Exit: with the code for findings, where one is as grave as the user said.
    """
    from ssdlossdbg.results import SEVERITIES

    if fail_on is FailOn.NEVER:
        return
    failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    if any(finding.severity in failing for finding in findings):
        raise typer.Exit(EXIT_FINDINGS)


def write_file(path: Path, data: bytes | Iterable[bytes], inputs: Iterable[Path] = ()) -> None:
    """Write a file whole or not at all; what a link leads to, where it is one.

    Args:
        path: where to.
        data: what, at once or in chunks.
        inputs: files that must not be replaced.

    Raises:
        InputError: `path` is an input or a folder, or cannot be written.
    """
    check_output(path, inputs)
    chunks = [data] if isinstance(data, bytes) else data
    try:
        if path.exists() and not path.is_file():  # a pipe or a device takes bytes, and must not be replaced by a file
            with path.open("wb") as sink:
                sink.writelines(chunks)
        else:
            _replace(path.resolve(), chunks)
    except OSError as error:
        raise InputError(path, f"cannot be written ({error.strerror})", "Choose another place for it.") from None


def check_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse what no file can be written to, before the work that is to fill it.

    Args:
        path: where to.
        inputs: files that must not be replaced.

    Raises:
        InputError: `path` is an input or a folder, or its folder does not exist.
    """
    if any(path.resolve() == source.resolve() for source in inputs):
        raise InputError(path, "is an input and would be overwritten", "Choose another output.")
    if path.is_dir():
        raise InputError(path, "is a folder", "Name a file in it.")
    if not path.parent.is_dir():
        raise InputError(path, "cannot be written (No such file or directory)", "Make its folder first.")


def _replace(path: Path, chunks: Iterable[bytes]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(chunks)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def make_folder(path: Path) -> Path:
    """The folder, made where it does not exist yet.

    Raises:
        InputError: it cannot be made, or is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(path, f"cannot be made a folder ({error.strerror})", "Choose another with -o.") from None
    if not os.access(path, os.W_OK):
        raise InputError(path, "cannot be written to", "Choose another folder with -o.")
    return path


def unused(path: Path) -> Path:
    """The path, with a number added where such a file exists: outputs the user did not name replace nothing."""
    candidate, number = path, 2
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return candidate
