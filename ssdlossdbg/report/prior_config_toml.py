"""A prior config file: TOML that every command takes as --config."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ssdlossdbg.report.shares import percent
from ssdlossdbg.results import FitResult
from ssdlossdbg.results.fit import one_line


def prior_config_toml(result: FitResult) -> str:
    """The proposed priors as a prior config file, with where they come from in a comment."""
    table = result.prior_config
    recall = f"{percent(result.total.recall_before)} before, {percent(result.total.recall_after)} with these"
    lines = [
        f"# Fitted by `ssdlossdbg anchors --fit` to {one_line(result.dataset.path)},",
        f"# from {one_line(result.config.name)}, by the rules of {one_line(result.dialect)}, seed {result.seed}.",
        f"# Best possible recall at IoU {result.threshold:g}: {recall}.",
        *(f"{key} = {_value(value)}" for key, value in table.items() if key != "levels"),
        "",
        "levels = [",
        *(f"    {_inline(level)}," for level in table["levels"]),
        "]",
    ]
    return "\n".join(lines) + "\n"


def _inline(table: Mapping[str, Any]) -> str:
    return f"{{ {', '.join(f'{key} = {_value(value)}' for key, value in table.items())} }}"


def _value(value: Any) -> str:
    # JSON's numbers, strings and lists are TOML's, too; but for escaped halves of characters, so none are escaped.
    return json.dumps(value, ensure_ascii=False)
