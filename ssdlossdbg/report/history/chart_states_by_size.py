"""The chart of what became of objects by their size."""

from __future__ import annotations

import bisect
from itertools import pairwise
from typing import Any

from ssdlossdbg.report.chart_canvas import GREEN, GREY, ORANGE, PURPLE, VERMILION, fit, new_chart, png_of
from ssdlossdbg.report.shares import many, percent
from ssdlossdbg.results.history import FORGOTTEN, LEARNT, MISTAKEN, NEVER, OPEN, HistoryResult, ObjectHistory
from ssdlossdbg.results.history_rows import SIDES

# Told apart by hatch as well as by colour.
STYLES: dict[str, dict[str, Any]] = {
    LEARNT: {"color": GREEN},
    OPEN: {"color": (*GREY, 0.4)},
    FORGOTTEN: {"color": ORANGE, "hatch": ".."},
    MISTAKEN: {"color": PURPLE, "hatch": "xx"},
    NEVER: {"color": VERMILION, "hatch": "//"},
}
NAMES = (f"up to {SIDES[0]}", *(f"{low} to {high}" for low, high in pairwise(SIDES)), f"above {SIDES[-1]}")


def states_by_size_chart(result: HistoryResult) -> bytes:
    """Which share of the objects of each size is learnt, and what became of the others, as a PNG file."""
    objects = result.all_objects or result.objects
    of = [[each for each in objects if _place(each) == place] for place in range(len(NAMES))]
    there = [place for place, members in enumerate(of) if members]
    figure, axes = new_chart(*_titles(of, len(objects)))
    axes.set(xlim=(0, 1), ylim=(max(1, len(there)) - 0.4, -0.6))
    axes.set_yticks(range(len(there)), [f"{NAMES[place]} px" for place in there])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("share of the objects of a size (side of a square of their area, in pixels of the network's input)")
    axes.set_position((0.15, 0.11, 0.68, 0.70))
    for row, place in enumerate(there):
        start = 0.0
        for state, style in STYLES.items():
            number = sum(each.state == state for each in of[place])
            share = number / len(of[place])
            axes.barh(row, share, left=start, height=0.62, edgecolor="white", linewidth=0.8, **style)
            start += share
        never = sum(each.state == NEVER for each in of[place])
        said = f"{many(len(of[place]), 'object')}, {never:,} never"
        fit(axes.text(1.01, row, said, va="center", fontsize=11, transform=axes.get_yaxis_transform()))
    handles = [axes.barh(-9, 0, **style) for style in STYLES.values()]
    axes.legend(handles, STYLES, loc="lower left", bbox_to_anchor=(0, 1.01), ncols=5, frameon=False, fontsize=12)
    return png_of(figure)


def _place(each: ObjectHistory) -> int | None:
    return None if each.side is None else bisect.bisect_left(SIDES, each.side)


def _titles(of: list[list[ObjectHistory]], objects: int) -> tuple[str, str]:
    if not objects:
        return "No object was told apart", ""
    if not any(of):
        return f"The sizes of {objects:,} objects are not known", "Say --image-size, the network's input in pixels"
    shares = [(sum(each.state == NEVER for each in members) / len(members), place)
              for place, members in enumerate(of) if members]  # fmt: skip
    share, place = max(shares)
    how_many = sum(map(len, of))
    if not share:
        return f"Of {how_many:,} objects none is never learnt", "What became of the objects of each size"
    title = f"{percent(share)} of the objects of {NAMES[place]} px are never learnt"
    return title, "What became of the objects of each size"
