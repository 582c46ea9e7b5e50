"""Boxes around what was not drawn as a box: polygons, circles, turned boxes; and a word that they are such."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ssdlossdbg.readers.annotations.table import Table
from ssdlossdbg.results import Box, Trait


def around(points: Sequence[tuple[float, float]]) -> Box:
    """The xyxy of the least box that holds some points, at least one."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def around_ellipse(cx: float, cy: float, rx: float, ry: float, degrees: float = 0.0) -> Box:
    """The xyxy of the least box that holds an ellipse, turned by some degrees."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    half_width, half_height = math.hypot(rx * cos, ry * sin), math.hypot(rx * sin, ry * cos)
    return cx - half_width, cy - half_height, cx + half_width, cy + half_height


def around_turned(box: Box, degrees: float) -> Box:
    """The xyxy of the least box that holds one turned by some degrees about its own centre."""
    x1, y1, x2, y2 = box
    cx, cy, half_width, half_height = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    width, height = half_width * cos + half_height * sin, half_width * sin + half_height * cos
    return cx - width, cy - height, cx + width, cy + height


def saying_outlines(table: Table) -> Table:
    """A table whose title says how many of its boxes are those around outlines, where any are."""
    outlines = 0 if table.traits is None else int((table.traits & int(Trait.OUTLINE) > 0).sum())
    if not outlines:
        return table
    shapes = "1 outline taken as its box" if outlines == 1 else f"{outlines:,} outlines taken as their boxes"
    return replace(table, format=replace(table.format, title=f"{table.format.title}, {shapes}"))
