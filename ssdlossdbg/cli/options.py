"""How options are declared: as fields of a group, which is a frozen dataclass."""

from __future__ import annotations

import dataclasses
import math
from enum import Enum
from typing import Any, ClassVar

import typer


class Group:
    """Options that belong together; a command takes them as one parameter.

    Attributes:
        title: the heading of their section in the help.
    """

    title: ClassVar[str] = "Options"


class Role(Enum):
    """What a parameter that names a file is for, where that is not just to read the file."""

    OUTPUT_FILE = "a file to write"
    OUTPUT_FOLDER = "a folder to write into"
    DATASET = "annotations, with photos that the command may never open"


OUTPUTS = (Role.OUTPUT_FILE, Role.OUTPUT_FOLDER)
# Of a field's metadata: what typer is told, and the role.
TYPER, ROLE = "typer", "role"


def option(default: object, names: str, metavar: str, help: str, role: Role | None = None, **more: Any) -> Any:
    """A field of a group that is an option.

    Args:
        default: what it is where it is not given.
        names: with their dashes, separated by blanks; `--this/--that` for a switch.
        metavar: what stands for its value in the help; empty for a switch or choices.
        help: what the help says.
        role: of the file that it names.
        more: of `typer.Option`.
    """
    shown = typer.Option(
        default,
        *names.split(),
        metavar=metavar or None,
        help=help,
        callback=_finite if isinstance(more.get("min"), float) else None,
        show_default="/" not in names,
        **more,
    )
    return dataclasses.field(default=default, metadata={TYPER: shown, ROLE: role})


def argument(
    metavar: str, help: str, role: Role | None = None, default: object = dataclasses.MISSING, **more: Any
) -> Any:
    """A field of a group that is an argument; required without a default; `more` is of `typer.Argument`."""
    shown = typer.Argument(... if default is dataclasses.MISSING else default, metavar=metavar, help=help, **more)
    return dataclasses.field(default=default, metadata={TYPER: shown, ROLE: role})


def _finite(value: float | None) -> float | None:
    """The number, if it is one: nan slips through every range, and inf through those with one end.

    Raises:
        typer.BadParameter: it is nan or infinite.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value
