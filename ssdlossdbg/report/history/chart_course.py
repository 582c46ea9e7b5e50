"""The chart of losses, learning rate and gradients over the steps, with what stands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssdlossdbg.report.chart_canvas import (
    BLUE,
    GREEN,
    GREY,
    INK_COLOUR,
    ORANGE,
    VERMILION,
    Colour,
    new_chart,
    png_of,
    spread,
)
from ssdlossdbg.report.history.thinned import thinned
from ssdlossdbg.report.shares import many
from ssdlossdbg.results.common import FloatArray, IntArray
from ssdlossdbg.results.history import NOT_FINITE, RAISED, RATE, SPIKE, Event, HistoryResult
from ssdlossdbg.results.history_rows import PARTS_KNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Steps that 1200 pixels can show.
MOST_STEPS = 8000
# Marks that are told apart; events differ by mark and colour.
MOST_NAMED = 12
MARKS = {NOT_FINITE: ("X", VERMILION), RAISED: ("X", VERMILION), SPIKE: ("v", ORANGE), RATE: ("D", GREEN)}
NAMES = {
    NOT_FINITE: ("loss that is not finite", "losses that are not finite"),
    RAISED: ("error", "errors"),
    SPIKE: ("spike", "spikes"),
    RATE: ("jump of the learning rate", "jumps of the learning rate"),
}
# The highest loss is so many times the median where a linear axis shows nothing of the rest.
WIDE = 8.0
# Where the three strips stand: bottom and height, as shares of the figure.
STRIPS = ((0.38, 0.44), (0.24, 0.10), (0.08, 0.12))
# Of the width: least distance of the numbers of two events.
GAP = 0.05


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is drawn: `[n]` each, of the first process and its training."""

    step: IntArray
    loss: FloatArray
    localization: FloatArray
    confidence: FloatArray
    rate: FloatArray
    norm: FloatArray


def course_chart(result: HistoryResult) -> bytes:
    """Loss and its parts, learning rate and gradient norm by step, as a PNG file."""
    drawn = _drawn(result)
    figure, losses = new_chart(*_titles(result))
    losses.set_position((0.09, STRIPS[0][0], 0.88, STRIPS[0][1]))
    strips = [losses, *(figure.add_axes((0.09, bottom, 0.88, height)) for bottom, height in STRIPS[1:])]
    for axes in strips:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=(*GREY, 0.25))
        axes.set_xlim(result.first_step - 0.5, result.last_step + 0.5)
    for axes in strips[:-1]:
        axes.tick_params(labelbottom=False)
    strips[-1].set_xlabel("step")
    _losses(losses, drawn)
    _line(strips[1], drawn.step, drawn.rate, GREEN, "learning\nrate")
    _line(strips[2], drawn.step, drawn.norm, BLUE, "gradient\nnorm")
    _mark(losses, strips[1:], result)
    return png_of(figure)


def _drawn(result: HistoryResult) -> Drawn:
    """The steps of the first process; the parts of the run where a result that was read from JSON has no steps."""
    course = result.course
    if course is None:
        none = np.full(len(result.part_steps), np.nan)
        loss, rate, norm = (np.array(each, np.float64) for each in (result.loss, result.rate, result.norm))
        return Drawn(np.array(result.part_steps), loss, none, none, rate, norm)
    places = thinned(course, MOST_STEPS, np.array([event.step for event in result.events], np.int64))
    places = places[(course.rank[places] == course.rank[0]) & ~course.validation[places]]
    rows = course.steps[places]
    told = (rows["marks"] & PARTS_KNOWN) > 0
    boxes, classes = (np.where(told, rows[name], np.nan) for name in ("localization", "confidence"))
    return Drawn(rows["step"], course.loss[places], boxes, classes, rows["rate"], rows["norm"])


def _titles(result: HistoryResult) -> tuple[str, str]:
    kinds = {kind: sum(event.kind == kind for event in result.events) for kind in MARKS}
    words = [many(number, *NAMES[kind]) for kind, number in kinds.items() if number]
    known = [value for value in result.loss if np.isfinite(value)]
    course = f"Loss {known[0]:.3g} to {known[-1]:.3g} in {result.steps:,} steps" if known else "No loss is known"
    title = f"{course}: {', '.join(words)}" if words else f"{course}, and nothing stands out"
    return title, "Above the loss and its parts, with the steps that stand out; below learning rate and gradient norm"


def _losses(axes: Axes, drawn: Drawn) -> None:
    finite = drawn.loss[np.isfinite(drawn.loss)]
    if len(finite) and finite.min() > 0 and finite.max() > WIDE * np.median(finite):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    lines: list[tuple[FloatArray, Any, str, Any, float]] = [
        (drawn.localization, BLUE, "boxes", "-", 1.2),
        (drawn.confidence, VERMILION, "classes", (0, (4, 2)), 1.2),
        (drawn.loss, INK_COLOUR, "loss", "-", 1.6),
    ]
    for values, colour, name, dash, width in lines:
        if np.isfinite(values).any():
            shown = np.where(np.isfinite(values), values, np.nan)
            axes.plot(drawn.step, shown, color=colour, linestyle=dash, linewidth=width, label=name)
    if axes.lines:
        axes.legend(loc="upper right", frameon=False, ncols=3, fontsize=12)
    axes.set_ylabel("loss")


def _line(axes: Axes, step: IntArray, values: FloatArray, colour: Colour, name: str) -> None:
    finite = np.where(np.isfinite(values), values, np.nan)
    axes.set_ylabel(name, fontsize=11, rotation=0, ha="right", va="center")
    axes.yaxis.set_label_coords(-0.035, 0.5)
    axes.tick_params(axis="y", labelsize=10)
    if np.isfinite(values).any():
        axes.plot(step, finite, color=colour, linewidth=1.3)
        axes.set_ylim(bottom=0)
    else:
        axes.text(0.5, 0.4, "not known", transform=axes.transAxes, ha="center", color=GREY)


def _mark(losses: Axes, others: list[Axes], result: HistoryResult) -> None:
    """A line through all strips at each event, and above it its mark and step; of many events the first."""
    above: dict[str, Any] = {"transform": losses.get_xaxis_transform(), "clip_on": False}
    told: dict[int, Event] = {}
    for event in result.events:
        told.setdefault(event.step, event)
    for event in told.values():
        mark, colour = MARKS.get(event.kind, ("o", GREY))
        for axes in (losses, *others):
            axes.axvline(event.step, color=colour, linewidth=1, linestyle=(0, (2, 2)))
        losses.plot([event.step], [1.03], marker=mark, color=colour, markersize=9, **above)
    named = list(told.values())[:MOST_NAMED]
    span = result.last_step - result.first_step + 1
    places = spread([(event.step - result.first_step) / span for event in named], GAP, 1.0)
    for event, place in zip(named, places, strict=True):
        losses.text(place, 1.065, f"{event.step:,}", transform=losses.transAxes, ha="center", fontsize=11)
