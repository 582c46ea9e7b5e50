"""The chart of best possible recall against the match threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ssdlossdbg.report.chart_canvas import (
    BLUE,
    GREEN,
    GREY,
    INK_COLOUR,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    fit,
    new_chart,
    png_of,
    short_name,
    spread,
)
from ssdlossdbg.report.shares import percent
from ssdlossdbg.results import AuditResult, Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = 8
# Classes differ by colour and by mark; yellow is left out, for it is hard to see on paper.
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LABEL_GAP, LABEL_PLACE, SAMPLE = 0.05, 1.05, 0.05


@dataclass(frozen=True)
class Line:
    """A line of the chart.

    Attributes:
        recalls: at each threshold.
        label: what stands at its end.
        style: how matplotlib draws it.
    """

    recalls: Sequence[float]
    label: str
    style: dict[str, Any]


def recall_by_class_chart(result: AuditResult) -> bytes:
    """Best possible recall against the threshold, of all objects and of the commonest classes, as a PNG file."""
    classes = _commonest(result.classes)
    figure, axes = new_chart(*_titles(result, classes), right=0.67)
    thresholds = [each.threshold for each in result.recalls]
    axes.set(xlim=(thresholds[0], thresholds[-1]), ylim=(0, 1.02))
    axes.set_xlabel("match threshold (IoU)")
    axes.set_ylabel("best possible recall")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(color=(*GREY, 0.25))
    axes.axvline(result.threshold, color=GREY, linestyle=(0, (2, 2)))
    axes.annotate(
        "threshold in use", (result.threshold, 0), (5, 6), textcoords="offset points", color=GREY, annotation_clip=True
    )
    lines = _lines(result, classes)
    for line in lines:
        axes.plot(thresholds, line.recalls, clip_on=False, **line.style)
    _label_ends(axes, lines)
    return png_of(figure)


def _commonest(classes: Sequence[Group]) -> list[Group]:
    """The classes with most objects, of those that have a sound one."""
    sound = [group for group in classes if not math.isnan(group.tally.recall)]
    return sorted(sound, key=lambda group: -group.tally.ground_truth)[:MOST_CLASSES]


def _titles(result: AuditResult, classes: Sequence[Group]) -> tuple[str, str]:
    totals = result.totals
    if not classes:
        return "No object to reach", ""
    title = f"At IoU {result.threshold:g} the priors can reach {percent(totals.recall)} of the objects"
    worst = min(classes, key=lambda group: group.tally.recall)
    if worst.tally.recall < totals.recall:
        title += f", {percent(worst.tally.recall)} of {short_name(worst.name)}"
    left = len(result.classes) - len(classes)
    shown = f"{len(classes)} of {len(result.classes)} classes, those with most objects" if left else "every class"
    return title, f"All objects, and {shown}; after each name the share that the threshold in use reaches"


def _lines(result: AuditResult, classes: Sequence[Group]) -> list[Line]:
    recalls, totals = result.recalls, result.totals
    lines = [
        Line(
            group.recalls,
            f"{short_name(group.name)}: {percent(group.tally.recall)}",
            {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place], "markersize": 7, "linewidth": 1.6},
        )
        for place, group in enumerate(classes)
    ]
    if classes:
        whole = {"color": INK_COLOUR, "linewidth": 3.2}
        shape = {"color": INK_COLOUR, "linewidth": 2, "linestyle": (0, (3, 2))}
        on_grid, by_shape = zip(*((each.grid, each.shape) for each in recalls), strict=True)
        lines.append(Line(on_grid, f"all objects: {percent(totals.recall)}", whole))
        lines.append(Line(by_shape, f"all, by shape alone: {percent(totals.shape_recall)}", shape))
    return lines


def _label_ends(axes: Axes, lines: Sequence[Line]) -> None:
    """Name each line beside its end, with a sample of it."""
    ascending = sorted(lines, key=lambda line: line.recalls[-1])
    places = spread([line.recalls[-1] for line in ascending], LABEL_GAP, 1.0)
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False}
    sample = [LABEL_PLACE, LABEL_PLACE + SAMPLE]
    for line, place in zip(ascending, places, strict=True):
        colour = line.style["color"]
        axes.plot([1.005, LABEL_PLACE], [line.recalls[-1], place], color=colour, linewidth=0.7, **beside)
        axes.plot(sample, [place, place], **beside, **line.style)
        fit(axes.text(sample[1] + 0.015, place, line.label, va="center", fontsize=12, transform=beside["transform"]))
