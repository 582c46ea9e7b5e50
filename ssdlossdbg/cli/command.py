"""What makes a function a command: options in groups, sections of the help, exit codes of what is raised."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand

from ssdlossdbg.cli import interrupts
from ssdlossdbg.cli.options import OUTPUTS, Group, Role, option
from ssdlossdbg.cli.pages import is_page
from ssdlossdbg.cli.places import STDOUT, is_folder
from ssdlossdbg.cli.streams import discard_stdout, say_error, say_warning, stdout_for_a_file
from ssdlossdbg.cli.widths import LEAST_COLUMNS, asked_width
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import EXIT_BAD_INPUT, EXIT_CLEAN, EXIT_INTERRUPTED, InputError, SsdLossDbgError
from ssdlossdbg.report.view import UNLIMITED

# What 0 and 1 mean, of most commands, and of one that judges nothing but whether two things are the same.
JUDGING = ("nothing is wrong", "something is, as grave as --fail-on says")
COMPARING = ("nothing is different", "something is, unless --no-fail-on-change is given")
# Options that name dialects, one or several between commas.
DIALECT_OPTIONS = ("dialect", "reference", "dialects")
# Torch says it in a RuntimeError, on a CPU and on CUDA in other words.
NO_MEMORY_IN_TORCH = re.compile(r"not enough memory|can't allocate memory|out of memory", re.IGNORECASE)
OUT_OF_MEMORY = (
    "there is not enough memory for this. Give fewer images or priors at once; --traceback shows where it ran out."
)
TOO_DEEP = "something in an input is nested too deeply. --traceback shows what was being read."


def write_exit_codes(formatter: Any, ends: tuple[str, str] = JUDGING) -> None:
    """Write what the exit codes mean."""
    meanings = zip(("0", "1", "2", "130"), (*ends, "the command or a file cannot be used", "Ctrl-C"), strict=True)
    with formatter.section("Exit codes"):
        formatter.write_dl(list(meanings))


class Command(TyperCommand):
    """A command whose help has a section for each group of options.

    Typer's own sections are rich panels, which plain help has not; help starts in half the time without rich.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the parameters, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], Group.title: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            is_argument = parameter.param_type_name == "argument"
            title = "Arguments" if is_argument else getattr(parameter, "rich_help_panel", None) or Group.title
            if record is not None:
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what the exit codes mean, but of a command that ends as another program does."""
        names = {parameter.name for parameter in self.get_params(ctx)}
        if "traceback" in names and self.name != "run":
            write_exit_codes(formatter, COMPARING if "fail_on_change" in names else JUDGING)


class _Always(Group):
    """What every command takes."""

    traceback: bool = option(
        "--traceback/--no-traceback", "On an error, show where in the code it came up.", default=False
    )


class _Printing(Group):
    """What every command takes that prints a report."""

    width: int | None = option(
        "--width N",
        "Columns of what is printed.  [default: the terminal's, or COLUMNS; no limit where a program reads it]",
        min=LEAST_COLUMNS,
        max=UNLIMITED,
    )


class _Writing(Group):
    """What every command takes that writes files."""

    overwrite: bool = option(
        "--overwrite/--no-overwrite",
        "Let outputs replace files that ssdlossdbg did not write; never an input.",
        Role.OVERWRITE,
        default=False,
    )


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of groups of options a command, which typer gives the options one by one.

    A parameter of the type `Writer` gets what writes the command's files, and knows which not to replace.
    `--traceback` is added, and `--overwrite` where a group names outputs. The function has `roles` then, by the names
    of the options that have one. What it returns, if anything, is to be called when the command is over.
    """
    hints = get_type_hints(function)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Group)}
    writers = [name for name, hint in hints.items() if hint is Writer]
    roles = {name: field.role for group in groups.values() for name, field in group.fields().items() if field.role}
    more: list[type[Group]] = [_Writing] if set(OUTPUTS) & set(roles.values()) else []
    # What a command leaves to be called is another program, which prints as it likes.
    more += [_Printing, _Always] if hints.get("return") is type(None) else [_Always]
    options = [each for group in (*groups.values(), *more) for each in _parameters(group)]
    roles |= {name: field.role for group in more for name, field in group.fields().items() if field.role}

    @functools.wraps(function)
    def run(*, traceback: bool = False, width: int | None = None, **values: Any) -> Any:
        to_stdout = any(values.get(name) == STDOUT for name, role in roles.items() if role in OUTPUTS)
        with exiting(traceback), asked_width(width), stdout_for_a_file(to_stdout):
            writer = _writer(values, roles)
            given = {
                name: group(**{field: values[field] for field in group.fields()}) for name, group in groups.items()
            }
            _warn_of_no_base(values)
            with writer.telling_last():
                return function(**given, **dict.fromkeys(writers, writer))

    run.__annotations__ = {option.name: option.annotation for option in options}
    vars(run).update(roles=roles, __signature__=inspect.Signature(options))
    return run


def _parameters(group: type[Group]) -> Iterator[inspect.Parameter]:
    """The fields of a group as typer reads parameters of a function."""
    hints = get_type_hints(group)
    for name, field in group.fields().items():
        shown = copy(field.shown)  # another group may inherit the field, under its own title
        shown.rich_help_panel = group.title
        # Typer takes the words that an option may be from an enum; there is none for what a table of outputs offers.
        hint: Any = StrEnum(name, {word: word for word in field.choices}) if field.choices else hints[name]
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=shown, annotation=hint)


def _warn_of_no_base(values: Mapping[str, Any]) -> None:
    """Say whose rules a dialect file of the user's is laid over where it does not: once a file."""
    named = [str(values[option]) for option in DIALECT_OPTIONS if values.get(option)]
    files = [name for names in named for name in names.split(",") if Path(name).suffix.lower() in {".toml", ".json"}]
    if not files:
        return
    from ssdlossdbg.readers.dialects import file_without_base

    for file in dict.fromkeys(files):
        with contextlib.suppress(SsdLossDbgError):  # which the command itself says
            if bare := file_without_base(file):
                say_warning(
                    f"{bare}: names no base, so the rules of matching, mining and loss that it leaves out are "
                    'ssd.pytorch\'s. Say base = "ssd.pytorch", or whose fork it is.'
                )


def _writer(values: Mapping[str, Any], roles: Mapping[str, Role]) -> Writer:
    """What writes the files of a command that was given these values.

    Raises:
        InputError: a file that is to be written is one of them, or of the others that are to be, or cannot be written.
    """
    outputs = [values[name] for name, role in roles.items() if role in OUTPUTS and values[name] is not None]
    for first, second in combinations(outputs, 2):
        same = os.path.realpath(first) == os.path.realpath(second)
        if same and (first.is_file() or first.is_dir() or not first.exists()):  # a device takes both
            raise InputError(second, "is named for two outputs", "Name another for one of them.")
    writer = Writer(
        overwrite=bool(values.get("overwrite")),
        inputs=[path for name, value in values.items() if roles.get(name) not in OUTPUTS for path in _paths(value)],
        datasets=[values[name] for name, role in roles.items() if role is Role.DATASET and values[name]],
    )
    for name, role in roles.items():
        named = values[name]
        if named is None or (name == "output" and is_folder(named)):
            continue
        if role is Role.OUTPUT_FILE or (role in OUTPUTS and is_page(named)):
            writer.check(named)
    return writer


def _paths(value: Any) -> Iterator[Path]:
    """What may be a file in the value of an option: the whole of it, or a part between commas."""
    for text in map(str, value if isinstance(value, (list, tuple)) else [value]):
        yield from {Path(text), *map(Path, text.split(","))}


@contextlib.contextmanager
def exiting(traceback: bool = False) -> Iterator[None]:
    """Turn what is raised into one paragraph on stderr and an exit code; `traceback` shows the stack instead."""
    try:
        with _telling_interrupts():
            yield
    except SsdLossDbgError as error:
        _explain(error, str(error), traceback)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        say_error("interrupted")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of our output went away (`| head`); Python must not complain when it flushes at exit.
        discard_stdout()
        raise typer.Exit(EXIT_CLEAN) from None
    except MemoryError as error:
        _explain(error, OUT_OF_MEMORY, traceback)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except RecursionError as error:
        _explain(error, TOO_DEEP, traceback)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except RuntimeError as error:
        if not NO_MEMORY_IN_TORCH.search(str(error)):
            raise
        _explain(error, OUT_OF_MEMORY, traceback)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except OSError as error:
        # A full disk behind `>`, a name too long for the file system: nobody's bug, so no stack.
        where = f"{error.filename}: " if error.filename else ""
        said = f"{where}the system says: {error.strerror or error}. --traceback shows where it came up."
        _explain(error, said, traceback)
        discard_stdout()
        raise typer.Exit(EXIT_BAD_INPUT) from None


@contextlib.contextmanager
def _telling_interrupts() -> Iterator[None]:
    """Take for Ctrl-C what comes of one that was caught: torch and NumPy do while they are imported."""
    try:
        yield
    except typer.Exit:
        raise
    except Exception:
        if interrupts.came():
            raise KeyboardInterrupt from None
        raise


def _explain(error: Exception, message: str, traceback: bool) -> None:
    if traceback:
        sys.excepthook(type(error), error, error.__traceback__)
    else:
        say_error(message)
