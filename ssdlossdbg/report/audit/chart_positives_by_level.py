"""The chart of what each level contributes."""

from __future__ import annotations

from collections.abc import Sequence

from ssdlossdbg.report.chart_canvas import BLUE, GREY, ORANGE, PAPER_COLOUR, new_chart, png_of
from ssdlossdbg.report.shares import many, percent_of
from ssdlossdbg.report.text import feature_map, stride
from ssdlossdbg.results import AuditResult, LevelAudit

ROOM = 1.3  # of the longest bar, for the words at its end
MOST_NAMED = 3


def positives_by_level_chart(result: AuditResult) -> bytes:
    """Positives of each level, forced ones apart, as a PNG file."""
    from matplotlib.ticker import MaxNLocator

    levels = result.levels
    total = sum(level.positives for level in levels)
    figure, axes = new_chart(_title(levels, total), "Priors that learn an object, over all images, by level")
    axes.set_position((0.2, 0.11, 0.76, 0.74))
    places = range(len(levels))
    by_iou, forced = [level.positives - level.forced for level in levels], [level.forced for level in levels]
    axes.barh(places, by_iou, color=BLUE, label="reach the threshold")
    axes.barh(places, forced, left=by_iou, color=ORANGE, hatch="///", edgecolor=PAPER_COLOUR, label="forced only")
    for place, level in zip(places, levels, strict=True):
        words = f"{level.positives:,}" + (f" ({percent_of(level.positives, total)})" if level.positives else "")
        more = f"\n{level.forced:,} forced" if level.forced else ""
        axes.annotate(words + more, (level.positives, place), (8, 0), textcoords="offset points", va="center")
    axes.set_yticks(places, [_name(level) for level in levels])
    axes.set(xlim=(0, ROOM * max([1, *(level.positives for level in levels)])), ylim=(len(levels) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("positives")
    axes.grid(axis="x", color=(*GREY, 0.25))
    axes.set_axisbelow(True)
    axes.legend(loc="upper right", bbox_to_anchor=(1, 1.075), ncols=2, frameon=False, borderaxespad=0)
    return png_of(figure)


def _title(levels: Sequence[LevelAudit], total: int) -> str:
    if not total:
        return "No positive on any level"
    if levels[0].feature_map == (0, 0):
        return f"{many(total, 'positive')}; no levels could be recognised"
    largest = max(levels, key=lambda level: level.positives)
    share = percent_of(largest.positives, total)
    title = f"Level {feature_map(largest.feature_map)} has {share} of {many(total, 'positive')}"
    idle = [feature_map(level.feature_map) for level in levels if not level.positives]
    names = ", ".join(idle) if len(idle) <= MOST_NAMED else f"{len(idle)} levels"
    return f"{title}; {names} {'has' if len(idle) == 1 else 'have'} none" if idle else title


def _name(level: LevelAudit) -> str:
    apart = f"stride {stride(level.stride)}, " if any(level.stride) else ""
    return f"{feature_map(level.feature_map)}\n{apart}{many(level.priors, 'prior')}"
