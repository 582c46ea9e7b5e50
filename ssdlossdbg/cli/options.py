"""How options are declared: as fields of a group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

import typer


class Role(Enum):
    """What a parameter that names a file is for, where that is not just to read the file."""

    OUTPUT_FILE = "a file to write"
    OUTPUT_FOLDER = "a folder to write into"
    DATASET = "annotations, with photos that the command may never open"
    OVERWRITE = "leave to replace files that this program did not write"


OUTPUTS = (Role.OUTPUT_FILE, Role.OUTPUT_FOLDER)


@dataclass(frozen=True)
class Field:
    """An option or argument of a group.

    Attributes:
        shown: what typer is told of it.
        role: of the file that it names.
        choices: the words that it may be; none where it may be any.
    """

    shown: Any
    role: Role | None = None
    choices: Sequence[str] = ()


def option(
    declared: str,
    help: str,
    role: Role | None = None,
    default: object = None,
    choices: Sequence[str] = (),
    **more: Any,
) -> Any:
    """A field of a group that is an option.

    Args:
        declared: its names, with their dashes, and what stands for its value in the help: `-o --output FILE`; for a
            switch, `--this/--that`.
        help: what the help says.
        role: of the file that it names.
        default: what it is where it is not given.
        choices: the words that it may be, of a field that is a string.
        more: of `typer.Option`.
    """
    names = [word for word in declared.split() if word.startswith("-")]
    shown = typer.Option(
        default,
        *names,
        metavar=declared.removeprefix(" ".join(names)).strip() or None,
        help=help,
        callback=_finite if isinstance(more.get("min"), float) else None,
        show_default="/" not in declared,
        **more,
    )
    return Field(shown, role, choices)


def argument(metavar: str, help: str, role: Role | None = None, default: object = ..., **more: Any) -> Any:
    """A field of a group that is an argument; required without a default; `more` is of `typer.Argument`."""
    return Field(typer.Argument(default, metavar=metavar, help=help, **more), role)


class Group:
    """Options that belong together; a command takes them as one parameter.

    As a frozen dataclass is to its user, but made in no time: a command that is only asked for its help makes dozens.

    Attributes:
        title: the heading of their section in the help.
    """

    title: ClassVar[str] = "Options"

    def __init__(self, **values: Any) -> None:
        """Take the values of fields; those left out have their defaults."""
        vars(self).update({name: field.shown.default for name, field in self.fields().items()} | values)
        self.check()

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse."""
        raise AttributeError(f"cannot set {name!r} of options to {value!r}: they are as the user gave them")

    def check(self) -> None:
        """Refuse values that mean nothing, before anything is read.

        Raises:
            InputError: there is one.
        """

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """The options and arguments by their names, inherited ones first."""
        return {
            name: value
            for base in reversed(cls.__mro__)
            for name, value in vars(base).items()
            if isinstance(value, Field)
        }


def _finite(value: float | None) -> float | None:
    """The number, if it is one: nan slips through every range, and inf through those with one end.

    Raises:
        typer.BadParameter: it is nan or infinite.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value
