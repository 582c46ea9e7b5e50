"""The chart of what is learnt of each class over the run."""

from __future__ import annotations

import math
from typing import Any

from ssdlossdbg.report.audit.chart_recall_by_class import COLOURS, LABEL_GAP, MARKERS, MOST_CLASSES
from ssdlossdbg.report.chart_canvas import GREY, fit, new_chart, png_of, short_name, spread
from ssdlossdbg.results.history import BY_CLASS, GroupHistory, HistoryResult


def right_by_class_chart(result: HistoryResult) -> bytes:
    """The share of the commonest classes' objects that is right, in each part of the run, as a PNG file."""
    classes = [group for group in result.groups if group.by == BY_CLASS and _last(group) is not None]
    shown = sorted(classes, key=lambda group: -group.objects)[:MOST_CLASSES]
    figure, axes = new_chart(*_titles(shown, len(classes)), right=0.76)
    axes.set(xlim=(result.first_step, max(result.last_step, result.first_step + 1)), ylim=(0, 1.02))
    axes.set_xlabel("step")
    axes.set_ylabel("objects whose class is likeliest at their best positive prior")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(color=(*GREY, 0.25))
    ends = []
    for place, group in enumerate(shown):
        style: dict[str, Any] = {
            "color": COLOURS[place % len(COLOURS)],
            "marker": MARKERS[place],
            "markersize": 7,
            "linewidth": 1.8,
        }
        axes.plot(result.part_steps, group.right, clip_on=False, **style)
        ends.append((_last(group) or 0.0, group, style))
    ends.sort(key=lambda end: end[0])
    heights = spread([end[0] for end in ends], LABEL_GAP, 1.0)
    for (last, group, style), height in zip(ends, heights, strict=True):
        said = f"{short_name(group.name)}: {last:.0%}" + (f", gone from {group.lost_at:,}" if group.lost_at else "")
        beside = axes.get_yaxis_transform()
        axes.plot([1.03], [height], transform=beside, clip_on=False, **style)
        fit(axes.text(1.05, height, said, va="center", fontsize=12, transform=beside))
    return png_of(figure)


def _last(group: GroupHistory) -> float | None:
    known = [share for share in group.right if not math.isnan(share)]
    return known[-1] if known else None


def _titles(shown: list[GroupHistory], many: int) -> tuple[str, str]:
    if not shown:
        return "No class was sampled", ""
    worst = min(shown, key=lambda group: _last(group) or 0.0)
    gone = ", ".join(short_name(group.name) for group in shown if group.lost_at is not None)
    title = f"At the end {_last(worst):.0%} of {short_name(worst.name)} are right, the least"
    title += f"; shown no more: {gone}" if gone else ""
    some = f"{len(shown)} of {many} classes, those with most objects" if many > len(shown) else "Every class"
    return title, f"{some}, in each part of the run from its first step on; after each name its last share"
