"""A prior config file: TOML that every command takes as --config."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ssdlossdbg.report.shares import percent
from ssdlossdbg.results import FitResult, FittedLevel
from ssdlossdbg.rules import Clip, PriorOrder, PriorSpec


def prior_config_toml(result: FitResult) -> str:
    """The proposed priors as a prior config file, with where they come from in a comment."""
    table = prior_config_table(result)
    recall = f"{percent(result.total.recall_before)} before, {percent(result.total.recall_after)} with these"
    lines = [
        f"# Fitted by `ssdlossdbg anchors --fit` to {_one_line(result.dataset.path)},",
        f"# from {_one_line(result.config.name)}, by the rules of {_one_line(result.dialect)}, seed {result.seed}.",
        f"# Best possible recall at IoU {result.threshold:g}: {recall}.",
        *(f"{key} = {_value(value)}" for key, value in table.items() if key != "levels"),
        "",
        "levels = [",
        *(f"    {_inline(level)}," for level in table["levels"]),
        "]",
    ]
    return "\n".join(lines) + "\n"


def prior_config_table(result: FitResult) -> dict[str, Any]:
    """The proposed priors as the table that a prior config file holds; keys that have their default are left out."""
    priors = result.after
    table: dict[str, Any] = {
        "title": f"Fitted to {_one_line(result.dataset.path)}",
        "image_size": _pair(priors.image_size),
    }
    if priors.clip is not Clip.NONE:
        table["clip"] = str(priors.clip)
    if priors.order is not PriorOrder.CELL:
        table["order"] = str(priors.order)
    if priors.offset != PriorSpec.offset:
        table["offset"] = priors.offset
    return {**table, "levels": [_level(level) for level in priors.levels]}


def _level(level: FittedLevel) -> dict[str, Any]:
    sizes = {"min_size": level.min_size, "max_size": level.max_size}
    return {
        "feature_map": _pair(level.feature_map),
        "stride": _pair(level.stride),
        **{name: _plain(size) for name, size in sizes.items() if size is not None},
        "shapes": [_shape(word) for word in level.words],
    }


def _shape(word: float | str | tuple[float, float]) -> float | str | list[float]:
    if isinstance(word, tuple):
        return [_plain(side) for side in word]
    return word if isinstance(word, str) else _plain(word)


def _pair(pair: tuple[float, float]) -> float | list[float]:
    """One number where both are the same."""
    both = [_plain(value) for value in pair]
    return both[0] if both[0] == both[1] else both


def _plain(value: float) -> float:
    """A whole number without its decimal point."""
    return int(value) if float(value).is_integer() else value


def _inline(table: Mapping[str, Any]) -> str:
    return f"{{ {', '.join(f'{key} = {_value(value)}' for key, value in table.items())} }}"


def _value(value: Any) -> str:
    # JSON's numbers, strings and lists are TOML's, too; but for escaped halves of characters, so none are escaped.
    return json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    """Text without control characters, which TOML allows neither in comments nor in strings."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
