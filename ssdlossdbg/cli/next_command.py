"""The command that a report ends with: what to run next on the same files, with the same options."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from ssdlossdbg.cli.options import Group

if TYPE_CHECKING:
    from ssdlossdbg.results import Finding


def next_command(command: str, *words: object, groups: Sequence[Group] = ()) -> tuple[str, ...]:
    """A command line, as words that are not quoted yet.

    Args:
        command: what to run.
        words: its arguments, and options of its own.
        groups: options as they were given; those that the command takes, too, and that are not as by default, go along.
    """
    from ssdlossdbg.cli.app import function_of

    taken = inspect.signature(function_of(command)).parameters
    options = [word for group in groups for name in group.fields() if name in taken for word in _option(group, name)]
    return ("ssdlossdbg", command, *_positional(words), *options)


def explained(findings: Sequence[Finding]) -> tuple[str, ...]:
    """What tells all about the first finding; nothing where there is none."""
    return ("ssdlossdbg", "explain", findings[0].code) if findings else ()


def _positional(words: Sequence[object]) -> list[str]:
    """The words; a file whose name begins with a dash as the file that it is."""
    return [str(word) for word in words if word is not None]


def _option(group: Group, name: str) -> list[str]:
    """What gives an option the value that it has; nothing where that is its default."""
    shown, value = group.fields()[name].shown, getattr(group, name)
    if not getattr(shown, "param_decls", ()) or value == shown.default or value is None:
        return []
    # The long name of a switch stands before a slash, with the one that turns it off.
    long = next(each.split("/")[0] for each in reversed(shown.param_decls) if each.startswith("-"))
    if isinstance(value, bool):
        return [long] if value else []
    values = value if isinstance(value, list) else [value]
    return [word for each in values for word in (long, str(each.value if isinstance(each, Enum) else each))]
