"""The terminal report of `audit --rank`."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.shares import many, percent, percent_of
from ssdlossdbg.report.text import Column, Columns, facts, legend, section, size, table
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import RankResult

MOST_LISTED = 20
MEANINGS = (
    ("recall", "best possible: share of valid objects that a prior overlaps enough"),
    ("shape", "the same if priors stood everywhere"),
    ("each", "priors trained on an object"),
)


def rank_report(result: RankResult, view: View = USUAL) -> RenderableType:
    """The presets, the best first; the one in use whatever its place.

    Args:
        result: what `rank` returned.
        view: says how many to list; `MOST_LISTED` if it does not.
    """
    top = view.top or MOST_LISTED
    head = facts(
        [
            ("dataset", f"{result.dataset} ({result.format}): {many(result.images, 'image')}"),
            ("objects", f"{result.objects:,}"),
            ("dialect", f"{result.dialect}, match threshold {result.threshold:g}"),
        ]
    )
    columns: Columns = ["#", Column("preset", "left", wrap=True, least=14), "priors", "input", "matched", "recall",
                        "shape", "each", Column("", "left")]  # fmt: skip
    rows = [
        (
            place,
            Text(preset.name),
            f"{preset.priors:,}",
            size(*preset.image_size),
            percent_of(preset.matched, result.objects),
            percent(preset.best_possible_recall),
            percent(preset.shape_recall),
            f"{preset.positives_each:.1f}",
            "in use" if preset.name == result.in_use else "",
        )
        for place, preset in enumerate(result.presets, start=1)
        if place <= top or preset.name == result.in_use
    ]
    more = len(result.presets) - len(rows)
    title = f"Presets, the best first{f' ({more} more in --format json)' if more else ''}"
    return Group(head, section(title, Group(table(columns, rows), legend(MEANINGS))))
