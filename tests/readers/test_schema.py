"""Strict tables: from a table to a dataclass, and errors that name the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.schema import build, load_named

Refused = Callable[[Callable[[], object]], InputError]


class Colour(StrEnum):
    """An enum of two."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Wheel:
    """What a table inside a list becomes."""

    radius: float


@dataclass(frozen=True)
class Engine:
    """What a table inside a table becomes."""

    power: int = 1


@dataclass(frozen=True)
class Car:
    """What a table becomes."""

    colour: Colour
    wheels: tuple[Wheel, ...] = ()
    engine: Engine = field(default_factory=Engine)
    size: int | tuple[int, int] = 0


def test_table_becomes_dataclass() -> None:
    table = {"colour": "blue", "wheels": [{"radius": 1}, {"radius": 2.5}], "engine": {"power": 3}, "size": [4, 5]}
    assert build(Car, table, "car.toml") == Car(Colour.BLUE, (Wheel(1.0), Wheel(2.5)), Engine(3), (4, 5))
    assert build(Car, {"colour": "red"}, "car.toml") == Car(Colour.RED)


@pytest.mark.parametrize(
    ("table", "what", "fix"),
    [
        ({}, "object missing required field `colour`", "Correct the value."),
        ({"colour": "reed"}, "key colour: invalid enum value 'reed'", "Correct the value. Known: red, blue."),
        ({"colour": "red", "engine": {"power": 1.5}}, "key engine.power: expected `int`, got `float`", "Correct"),
        ({"colour": "red", "wheels": [{"radius": 1}, {"radius": "x"}]}, "key wheels[...].radius: ", "Correct"),
        ({"colour": "red", "wheels": {}}, "key wheels: expected `array`, got `object`", "Correct the value."),
        ({"colour": "red", "size": [1]}, "key size: expected `array` of length 2, got 1", "Correct the value."),
    ],
)
def test_wrong_value(table: dict[str, Any], what: str, fix: str, refused: Refused) -> None:
    error = refused(lambda: build(Car, table, "car.toml"))
    assert error.where == "car.toml"
    assert error.what.replace("wheels[1]", "wheels[...]").startswith(what)
    assert error.fix.startswith(fix)


@pytest.mark.parametrize(
    ("table", "key", "near"),
    [
        ({"color": "red"}, "color", "colour"),
        ({"colour": "red", "engine": {"powr": 1}}, "engine.powr", "engine.power"),
        ({"colour": "red", "wheels": [{"radius": 1}, {"radios": 1}]}, "wheels[1].radios", "wheels[1].radius"),
    ],
)
def test_unknown_key(table: dict[str, Any], key: str, near: str, refused: Refused) -> None:
    error = refused(lambda: build(Car, table, "car.toml"))
    assert isinstance(error, UnknownNameError)
    assert (error.where, error.what) == ("car.toml", f"unknown key {key!r}")
    assert error.fix == f"Did you mean {near!r}?"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A folder of two shipped files."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "small.toml").write_text(
        'name = "small"\naliases = ["tiny"]\nsize = 1\n[engine]\npower = 1\nfuel = "a"\n'
    )
    (folder / "large.toml").write_text('base = "small"\nsize = 9\n[engine]\npower = 9\n')
    return folder


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("small", {"name": "small", "aliases": ["tiny"], "size": 1, "engine": {"power": 1, "fuel": "a"}}),
        ("tiny", {"name": "small", "aliases": ["tiny"], "size": 1, "engine": {"power": 1, "fuel": "a"}}),
        ("large", {"size": 9, "engine": {"power": 9, "fuel": "a"}}),
    ],
)
def test_named(name: str, expected: dict[str, Any], shipped: Path) -> None:
    table, path = load_named(name, shipped, "thing", "--thing")
    assert table == expected
    assert path == shipped / ("small.toml" if name == "tiny" else f"{name}.toml")


@pytest.mark.parametrize(
    ("name", "fix"),
    [("smal", "Did you mean 'small'?"), ("tinny", "Did you mean 'tiny'?"), ("zebra", "Known: large, small, tiny.")],
)
def test_unknown_named(name: str, fix: str, shipped: Path, refused: Refused) -> None:
    error = refused(lambda: load_named(name, shipped, "thing", "--thing"))
    assert (error.where, error.what) == ("--thing", f"unknown thing {name!r}")
    assert error.fix == f"{fix} A file of your own must end in .toml or .json."


@pytest.mark.parametrize("name", ["../shipped/small", "x" * 300, "a\0"], ids=["path", "long", "nul"])
def test_name_is_no_path_to_a_shipped_file(name: str, shipped: Path, refused: Refused) -> None:
    assert isinstance(refused(lambda: load_named(name, shipped, "thing", "--thing")), UnknownNameError)
