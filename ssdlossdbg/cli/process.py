"""A process of its own around the command: streams that can be written to, and an end for whatever is raised.

What is raised in a command, `cli.command` turns into an exit code. Here is what remains: what is raised before and
after, streams that are closed or full, and faults of this program.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from ssdlossdbg.errors import EXIT_BAD_INPUT, EXIT_CLEAN, EXIT_INTERRUPTED


def run() -> int | Callable[[], None]:
    """Run the command that the arguments ask for, in streams that are open.

    Returns:
        The exit code, or what is to be called when the command is over, and ends the process in its own way.
    """
    from ssdlossdbg.cli.widths import LEAST_COLUMNS

    open_streams()
    if os.environ.get("COLUMNS", "").isdecimal() and int(os.environ["COLUMNS"]) < LEAST_COLUMNS:
        os.environ["COLUMNS"] = str(LEAST_COLUMNS)
    import typer

    from ssdlossdbg.cli.command import exiting
    from ssdlossdbg.cli.interrupts import noting
    from ssdlossdbg.cli.streams import discard_stdout, say_error

    asked = "--traceback" in sys.argv
    try:
        with noting(), exiting(asked):
            code = _invoke()
            try:
                sys.stdout.flush()
            except BrokenPipeError:  # `| head` has seen enough, and the code is decided
                discard_stdout()
    except typer.Exit as ended:
        return int(ended.exit_code)
    except Exception as error:
        if asked:
            sys.excepthook(type(error), error, error.__traceback__)
        else:
            say_error(
                f"a fault of ssdlossdbg itself, not of your input: {type(error).__name__}: {error}. "
                "Please report it with what the same command says with --traceback."
            )
        return EXIT_BAD_INPUT
    return code


def _invoke() -> int | Callable[[], None]:
    """Parse the arguments and run; typer's own way to end a process would take some exceptions for others."""
    import typer

    from ssdlossdbg.cli.app import app
    from ssdlossdbg.cli.streams import say_usage

    try:
        return app(prog_name="ssdlossdbg", standalone_mode=False) or EXIT_CLEAN
    except SystemExit as ended:  # completion of the shell
        return int(ended.code or EXIT_CLEAN)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        if not hasattr(error, "format_message"):  # as all have that click raises for what it cannot parse
            raise
        say_usage(error)
        return EXIT_BAD_INPUT


def interrupted() -> int:
    """Say that Ctrl-C ended the command where the command itself could not.

    Returns:
        The exit code.
    """
    with contextlib.suppress(KeyboardInterrupt):
        from ssdlossdbg.cli.streams import say_line

        say_line("error: interrupted")
    return EXIT_INTERRUPTED


def open_streams() -> None:
    """Open those of the three streams that were closed (`>&-`) to nowhere.

    Python has None for them, and a file opened later gets their number: what is printed could end up in it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8"))


def end(code: int) -> NoReturn:
    """End the process, with its streams flushed.

    Not by way of the interpreter's own end: taking torch's modules apart takes a tenth of a command's time, and
    Ctrl-C in it shows a traceback. A profiler or debugger gets the usual end, in which it reports.
    """
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    if sys.getprofile() is not None or sys.gettrace() is not None:
        sys.exit(code)
    os._exit(code)
