"""What makes a function a command: options in groups, sections of the help, exit codes of what is raised."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand
from typer.models import ParameterInfo

from ssdlossdbg.cli.groups import Group
from ssdlossdbg.cli.streams import discard_stdout, say_error
from ssdlossdbg.cli.writing import OUTPUTS, Role, Writer
from ssdlossdbg.errors import EXIT_BAD_INPUT, EXIT_CLEAN, EXIT_INTERRUPTED, SsdLossDbgError

Traceback = Annotated[
    bool,
    typer.Option(
        "--traceback/--no-traceback", show_default=False, help="On an error, show where in the code it came up."
    ),
]


class Command(TyperCommand):
    """A command whose help has a section for each group of options.

    Typer's own sections are rich panels, which plain help has not; help starts in half the time without rich.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the parameters, section by section: those of the command itself, then its groups."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            own = "Arguments" if parameter.param_type_name == "argument" else "Options"
            if record is not None:
                sections.setdefault(getattr(parameter, "rich_help_panel", None) or own, []).append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a function a command, which typer reads options from one by one, though it takes them in groups.

    A parameter annotated with a `Group` stands for the group's fields, one with `Writer` for none: that writes the
    command's files, and knows which not to replace. `--traceback` is added to each command. The function has `roles`
    then, by the names of the parameters that have one.
    """
    taken = inspect.signature(function, eval_str=True).parameters
    groups = {name: _fields(each.annotation) for name, each in taken.items() if _is_group(each.annotation)}
    writers = [name for name, each in taken.items() if each.annotation is Writer]
    options = [
        option
        for name, each in taken.items()
        if name not in writers
        for option in (groups[name] if name in groups else [each])
    ]
    roles = {option.name: role for option in options for role in get_args(option.annotation) if isinstance(role, Role)}
    traceback = inspect.Parameter("traceback", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Traceback)

    @functools.wraps(function)
    def run(*, traceback: bool, **values: Any) -> None:
        with exiting(traceback):
            writer = _writer(values, roles)
            for name, fields in groups.items():
                values[name] = taken[name].annotation(**{field.name: values.pop(field.name) for field in fields})
            function(**values, **dict.fromkeys(writers, writer))

    flat = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in (*options, traceback)]
    vars(run).update(
        roles=roles,
        __signature__=inspect.Signature(flat),
        __annotations__={option.name: option.annotation for option in flat},
    )
    return run


def _is_group(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Group)


def _fields(group: type[Group]) -> list[inspect.Parameter]:
    """The fields of a group as parameters, each in the group's section of the help."""
    return [
        field.replace(annotation=_in_section(field.annotation, group.title))
        for field in inspect.signature(group, eval_str=True).parameters.values()
    ]


def _in_section(annotation: Any, title: str) -> Any:
    kind, *notes = get_args(annotation)
    titled = []
    for note in notes:
        placed = copy(note)
        if isinstance(note, ParameterInfo):
            placed.rich_help_panel = title  # type: ignore[attr-defined]
        titled.append(placed)
    return Annotated[(kind, *titled)]


def _writer(values: Mapping[str, Any], roles: Mapping[str, Role]) -> Writer:
    """What writes the files of a command that was given these values.

    Raises:
        InputError: a file that is to be written is one of them, or cannot be written.
    """
    writer = Writer(
        inputs=[path for name, value in values.items() if roles.get(name) not in OUTPUTS for path in _paths(value)],
        datasets=[Path(values[name]) for name, role in roles.items() if role is Role.DATASET and values[name]],
    )
    for name, role in roles.items():
        if role is Role.OUTPUT_FILE and values[name] is not None:
            writer.check(values[name])
    return writer


def _paths(value: Any) -> Iterator[Path]:
    """What may be a file in the value of an option: the whole of it, or a part between commas."""
    for text in map(str, value if isinstance(value, (list, tuple)) else [value]):
        yield from {Path(text), *map(Path, text.split(","))}


@contextlib.contextmanager
def exiting(traceback: bool = False) -> Iterator[None]:
    """Turn what is raised into one paragraph on stderr and an exit code; `traceback` shows the stack instead."""
    try:
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
    except OSError as error:
        # A full disk behind `>`, a name too long for the file system: nobody's bug, so no stack.
        where = f"{error.filename}: " if error.filename else ""
        said = f"{where}the system says: {error.strerror or error}. --traceback shows where it came up."
        _explain(error, said, traceback)
        discard_stdout()
        raise typer.Exit(EXIT_BAD_INPUT) from None


def _explain(error: Exception, message: str, traceback: bool) -> None:
    if traceback:
        sys.excepthook(type(error), error, error.__traceback__)
    else:
        say_error(message)
