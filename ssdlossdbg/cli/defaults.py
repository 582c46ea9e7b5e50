"""`[tool.ssdlossdbg]` of the nearest pyproject.toml: defaults for the options of the commands.

Keys are the names of options. Those at the top hold for every command that has the option, those of
`[tool.ssdlossdbg.match]` for one command; the command line wins over both.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from ssdlossdbg.cli.options import OUTPUTS, Role
from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.files import is_file, read_table

TABLE = "tool.ssdlossdbg"
# Options that take names in one string with commas; in TOML a list of strings is the natural way to write them.
COMMA_SEPARATED = ("classes", "dialects")
# What an option takes in TOML, in words and as types, by how the name of its own type begins.
KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "bool": ("true or false", (bool,)),
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
}
STRING = ("a string", (str,))
# Options that take what stands before a colon and what stands after it; in TOML a table is the natural way.
PAIRS = ("per-file-ignores",)


@dataclass(frozen=True)
class Setting:
    """A key of the table that an option answers to.

    Attributes:
        option: the parameter of the command, as click or typer made it.
        value: as the TOML file gives it.
        place: the file, the table and the key, for error messages.
    """

    option: Any
    value: Any
    place: str


def project_defaults(context: typer.Context) -> dict[str, dict[str, Any]]:
    """The defaults that the project sets, as a default map.

    Args:
        context: that of the whole program, with the command that was called.

    Returns:
        The defaults of that command, by its name and by those of its parameters.

    Raises:
        InputError: a pyproject.toml that cannot be read, a value that its option does not take, or one that says where
            to write.
        UnknownNameError: a key that is no option, or a table that is no command.
    """
    found = _nearest_table(Path.cwd())
    if found is None:
        return {}
    file, table = found
    group: Any = context.command
    options = {name: _options(command) for name, command in group.commands.items()}
    invoked = str(context.invoked_subcommand)
    settings = _settings(file, table, options, invoked)
    _refuse_outputs(settings, group.commands[invoked])
    return {invoked: {each.option.name: _default(context, each, file.parent) for each in settings}}


def _nearest_table(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The first pyproject.toml from this folder upwards that has our table, and the table."""
    for above in (folder, *folder.parents):
        if not is_file(above / "pyproject.toml"):
            continue
        file = Path(os.path.relpath(above / "pyproject.toml", folder))
        tools = read_table(file).get("tool")
        if isinstance(tools, dict) and "ssdlossdbg" in tools:
            table = tools["ssdlossdbg"]
            if not isinstance(table, dict):
                raise InputError(file, f"{TABLE} is no table", f"Write [{TABLE}], and the keys below it.")
            return file, table
    return None


def _options(command: Any) -> dict[str, Any]:
    """The options of a command, by the long names that its parameters have first."""
    return {
        name.removeprefix("--"): parameter
        for parameter in command.params
        if parameter.param_type_name == "option"
        for name in parameter.opts
        if name.startswith("--")
    }


def _settings(
    file: Path, table: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]], invoked: str
) -> list[Setting]:
    """What the table sets for the invoked command; the keys for the others are looked at, too.

    Args:
        file: that holds the table.
        table: keys for all commands, and a table for each that has keys of its own.
        options: of each command, by their names.
        invoked: the command.
    """
    place = f"{file} [{TABLE}]"
    table = _dashed(table)
    sections = {name: _dashed(value) for name, value in table.items() if isinstance(value, dict) and name not in PAIRS}
    shared = {key: value for key, value in table.items() if key not in sections}
    _refuse_unknown("command", sections, options, place)
    _refuse_unknown("key", shared, {key for own in options.values() for key in own}, place)
    for name, section in sections.items():
        _refuse_unknown("key", section, options[name], f"{file} [{TABLE}.{name}]")
    known, own = options[invoked], sections.get(invoked, {})
    return [
        *(Setting(known[key], value, f"{place} {key}") for key, value in shared.items() if key in known.keys() - own),
        *(Setting(known[key], value, f"{file} [{TABLE}.{invoked}] {key}") for key, value in own.items()),
    ]


def _refuse_outputs(settings: Iterable[Setting], command: Any) -> None:
    """Refuse defaults that say where to write: the project, or a folder above it, may be somebody else's.

    Raises:
        InputError: there is one.
    """
    roles = getattr(command.callback, "roles", {})
    for setting in settings:
        if roles.get(setting.option.name) in (*OUTPUTS, Role.OVERWRITE):
            what = "says what to write, which only the command line may say"
            raise InputError(setting.place, what, f"Remove it, and give {setting.option.opts[-1]}.")


def _dashed(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with its keys written as options are."""
    return {key.replace("_", "-"): value for key, value in table.items()}


def _refuse_unknown(kind: str, names: Iterable[str], known: Iterable[str], place: str) -> None:
    for name in names:
        if name not in known:
            raise UnknownNameError(place, kind, name, known)


def _default(context: typer.Context, setting: Setting, folder: Path) -> Any:
    """The value as the command line would give it.

    Args:
        context: to convert in.
        setting: whose value it is.
        folder: that relative paths start from.

    Raises:
        InputError: the option does not take it.
    """
    option = setting.option
    if option.opts[-1].removeprefix("--") in PAIRS:
        return _paired(setting, folder)
    takes_list = option.multiple or option.name in COMMA_SEPARATED
    items = setting.value if takes_list and isinstance(setting.value, list) else [setting.value]
    expected, types = next((kind for name, kind in KINDS.items() if option.type.name.startswith(name)), STRING)
    if any(type(item) not in types for item in items):  # not isinstance: true is an int to Python
        more = " or a list of them" if takes_list else ""
        raise InputError(setting.place, f"expected {expected}{more}, found {setting.value!r}", "Correct the value.")
    if types == KINDS["float"][1]:
        items = [_as_float(item, setting.place) for item in items]
    if types == (str,):
        items = [_located(item, folder, option.type.name == "path") for item in items]
    value = items if option.multiple else ",".join(items) if takes_list else items[0]
    try:
        option.process_value(context, value)
    except typer.BadParameter as error:
        raise InputError(setting.place, error.message.rstrip("."), "Correct the value.") from None
    return value


def _paired(setting: Setting, folder: Path) -> list[str]:
    """What a table of patterns and codes says, as the command line would; paths start from the folder of the file.

    Raises:
        InputError: it is no such table.
    """
    value = setting.value
    pairs = value.items() if isinstance(value, dict) else [each.rpartition(":")[::2] for each in _texts(value, setting)]
    if isinstance(value, dict):
        pairs = [(pattern, ",".join(_texts(codes, setting))) for pattern, codes in pairs]
    return [f"{_below(folder, pattern)}:{codes}" for pattern, codes in pairs]


def _below(folder: Path, pattern: str) -> str:
    """A pattern of a path, as seen from the working folder; one of a name stays."""
    return str(folder / pattern) if "/" in pattern.rstrip("/") else pattern


def _texts(value: Any, setting: Setting) -> list[str]:
    """A string, or a list of them.

    Raises:
        InputError: it is neither.
    """
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        what = f"expected a table of patterns with lists of codes, found {setting.value!r}"
        raise InputError(setting.place, what, "Correct the value.")
    return items


def _as_float(value: float, place: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise InputError(place, "is too large for a number", "Correct the value.") from None


def _located(value: str, folder: Path, is_path: bool) -> str:
    """The value, as seen from the working folder where it is a path or names a file of the project."""
    beside = folder / value
    return str(beside) if is_path or is_file(beside) else value
