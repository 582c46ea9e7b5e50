"""Prior configs: shipped presets, the user's own files, and saved prior tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from ssdlossdbg import prior_configs as shipped
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.schema import build, load_named, names_in, stated
from ssdlossdbg.rules import Clip, LevelSpec, PriorOrder, PriorRounding, PriorSpec

PRIOR_CONFIGS = Path(shipped.__file__).parent
SHAPE_WORDS = ("min", "mean")


@dataclass(frozen=True)
class LevelTable:
    """One feature map as written in a config file.

    Attributes:
        feature_map: cells a side, or [columns, rows].
        stride: pixels between centres, or [x, y]; image size over feature map where absent.
        min_size, max_size: what "min" and "mean" stand for, in pixels.
        shapes: in order, "min" (square of min_size), "mean" (square of sqrt(min_size * max_size)), an aspect ratio r
            as a number or a fraction such as "1/3" (min_size * sqrt(r) wide, min_size / sqrt(r) high), or
            [width, height] in pixels.
        offsets: [x, y] of the centre of each shape inside its cell, as fractions of the stride; the config's `offset`
            where absent.
    """

    feature_map: int | tuple[int, int]
    shapes: tuple[float | str | tuple[float, float], ...]
    stride: float | tuple[float, float] | None = None
    min_size: float | None = None
    max_size: float | None = None
    offsets: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class PriorConfigTable:
    """A prior config as written in a file; `priors` says how many there are, for one who looks for that many."""

    image_size: int | tuple[int, int]
    levels: tuple[LevelTable, ...]
    name: str = ""
    title: str = ""
    codebase: str = ""
    aliases: tuple[str, ...] = ()
    priors: int | None = None
    clip: Clip = Clip.NONE
    order: PriorOrder = PriorOrder.CELL
    offset: float = 0.5
    rounding: PriorRounding = PriorRounding.CENTRES


@dataclass(frozen=True)
class PriorConfig:
    """A named grid of priors.

    Attributes:
        name: the preset's name, or the stem of the user's file.
        title: what network it is of, in a few words.
        codebase: whose code generates exactly these priors.
        spec: the grid.
        aliases: other names it answers to.
    """

    name: str
    title: str
    codebase: str
    spec: PriorSpec
    aliases: tuple[str, ...] = ()


def load_prior_config(name: str) -> PriorConfig:
    """A prior config by name, alias or file.

    Args:
        name: a preset ("ssd300"), or the path of a TOML or JSON file, which may say `base = "ssd300"` and give
            only the keys that differ.

    Raises:
        InputError: unknown name or key, unreadable file, value of the wrong type or out of range.
    """
    table, path = load_named(name, PRIOR_CONFIGS, "prior config", "--config")
    config = build(PriorConfigTable, table, path)
    spec = _spec(config, path)
    if config.priors not in (None, spec.count):
        raise InputError(path, f"key priors: is {config.priors}, but the levels make {spec.count}", "Correct either.")
    return PriorConfig(config.name or path.stem, config.title, config.codebase, spec, config.aliases)


def preset_names() -> list[str]:
    """The names of all shipped presets, sorted."""
    return names_in(PRIOR_CONFIGS)


def presets_with(count: int) -> list[str]:
    """The names of the shipped presets of so many priors, sorted."""
    return [name for name, own in _counts().items() if own == count]


@cache  # every batch is asked whether its priors are a preset's
def _counts() -> dict[str, int]:
    """How many priors each shipped preset has, by its name."""
    return {name: stated(PRIOR_CONFIGS / f"{name}.toml", "priors") for name in preset_names()}


def preset_codebase(name: str) -> str:
    """Whose preset that is, by its name."""
    return str(stated(PRIOR_CONFIGS / f"{name}.toml", "codebase"))


def _spec(config: PriorConfigTable, path: Path) -> PriorSpec:
    image = _pair(config.image_size)
    if not config.levels:
        raise InputError(path, "key levels: holds no level", "Describe at least one feature map.")
    _positive(image, path, "image_size")
    levels = tuple(_level(level, image, f"levels[{index}]", path) for index, level in enumerate(config.levels))
    size = int(image[0]), int(image[1])
    try:
        return PriorSpec(size, levels, config.clip, config.order, config.offset, config.rounding)
    except ValueError as error:
        key, _, demand = str(error).partition(" ")
        raise InputError(path, f"key {key}: {demand}", "Correct the value.") from None


def _level(level: LevelTable, image: tuple[float, float], key: str, path: Path) -> LevelSpec:
    columns, rows = _pair(level.feature_map)
    _positive((columns, rows), path, f"{key}.feature_map")
    stride = _pair(level.stride) if level.stride is not None else (image[0] / columns, image[1] / rows)
    _positive(stride, path, f"{key}.stride")
    for name, size in (("min_size", level.min_size), ("max_size", level.max_size)):
        if size is not None:
            _positive((size,), path, f"{key}.{name}")
    if not level.shapes:
        raise InputError(path, f"key {key}.shapes: holds no shape", "Name at least one.")
    shapes = tuple(_shape(shape, level, f"{key}.shapes[{index}]", path) for index, shape in enumerate(level.shapes))
    return LevelSpec((int(columns), int(rows)), stride, shapes, level.offsets)


def _shape(shape: Any, level: LevelTable, key: str, path: Path) -> tuple[float, float]:
    if isinstance(shape, tuple):
        _positive(shape, path, key)
        return shape
    if isinstance(shape, str) and shape not in SHAPE_WORDS:
        shape = _fraction(shape, key, path)
    if level.min_size is None or (shape == "mean" and level.max_size is None):
        missing = "min_size" if level.min_size is None else "max_size"
        raise InputError(path, f"key {key}: {shape!r} needs {missing}", f"Add {missing} to the level.")
    if shape == "min":
        sides = (level.min_size, level.min_size)
    elif shape == "mean":
        side = math.sqrt(level.min_size * (level.max_size or 0.0))
        sides = (side, side)
    else:
        _positive((shape,), path, key)
        sides = (level.min_size * math.sqrt(shape), level.min_size / math.sqrt(shape))
    _positive(sides, path, key)
    return sides


def _fraction(text: str, key: str, path: Path) -> float:
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError):
        fix = 'Use "min", "mean", an aspect ratio (2 or "1/2") or [width, height].'
        raise InputError(path, f"key {key}: unknown shape {text!r}", fix) from None


def _pair(value: float | tuple[float, float]) -> tuple[float, float]:
    first, second = value if isinstance(value, tuple) else (value, value)
    return _float(first), _float(second)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf if value > 0 else -math.inf


def _positive(values: tuple[float, ...], path: Path, key: str) -> None:
    if not all(0 < value < math.inf for value in values):
        shown = ", ".join(f"{value:g}" for value in values)
        raise InputError(path, f"key {key}: must be above 0, found {shown}", "Correct the value.")
