"""The chart of best IoU by object size, with the sizes that the grid cannot see."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssdlossdbg.report.chart_canvas import (
    BLUE,
    GREY,
    INK_COLOUR,
    ORANGE,
    PAPER_COLOUR,
    VERMILION,
    Colour,
    new_chart,
    png_of,
)
from ssdlossdbg.report.shares import many, percent
from ssdlossdbg.results import AuditResult, BoolArray, FloatArray, IouBySize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TICKS = tuple(2.0**power for power in range(13))
# Between two sides that were measured, which are a tenth apart, IoU is as good as straight.
POINTS = 4000
# Of the axes' width: a zone that is narrower bears no words, for the legend tells its hatching.
LEAST_SHARE = 0.16
AXES = (0.08, 0.18, 0.81, 0.67)
LABEL_GROUND = {"facecolor": PAPER_COLOUR, "alpha": 0.85, "linewidth": 0, "pad": 3}
CHARACTERS = 80  # that fit side by side into the axes
BLIND, DEPENDS = "blind zone: neither reaches it", "depends on the place"


@dataclass(frozen=True)
class Squares:
    """The best IoU of a square, by its side.

    Attributes:
        side: `[N]` ascending, in pixels of the network's input.
        best, worst: `[N]` where it lies best on the grid, and where it lies worst.
    """

    side: FloatArray
    best: FloatArray
    worst: FloatArray

    def smallest(self, threshold: float) -> float | None:
        """The side of the smallest square that reaches a threshold anywhere; None where none does."""
        reached = self.best >= threshold
        return float(self.side[reached.argmax()]) if reached.any() else None


def iou_by_size_chart(result: AuditResult) -> bytes:
    """How well the priors fit objects of each size, as a PNG file."""
    by_size, threshold = result.iou_by_size, result.threshold
    squares = _squares(by_size)
    figure, axes = new_chart(_title(result, squares), "The darker, the more objects have that size and best IoU")
    axes.set_position(AXES)
    left, right = _extent(by_size, squares, threshold)
    axes.set_xscale("log", base=2)
    axes.set(xlim=(left, right), ylim=(0, 1), ylabel="best IoU with a prior")
    axes.set_xlabel("side of the object (root of its area) in pixels of the network's input")
    shown = [tick for tick in TICKS if left <= tick <= right]
    axes.set_xticks(shown, [f"{tick:.0f}" for tick in shown])
    axes.minorticks_off()
    _objects(figure, axes, by_size)
    _line(axes, threshold)
    if squares:
        _square_lines(axes, squares, threshold)
    return png_of(figure)


def _title(result: AuditResult, squares: Squares | None) -> str:
    totals, threshold = result.totals, result.threshold
    if not percent(totals.recall):
        return "No object to fit"
    sound = totals.ground_truth - totals.invalid
    if totals.reached == sound:
        title, squares_too = f"All objects ({sound:,}) reach IoU {threshold:g}", "never would"
    else:
        title = f"{percent(1 - totals.recall)} of {many(sound, 'object')} stay under IoU {threshold:g}"
        squares_too = "always do"
    if squares is None or squares.best[0] >= threshold:
        return title
    smallest = squares.smallest(threshold)
    below = "" if smallest is None else f" below {smallest:.0f} px"
    return f"{title}; squares{below} {squares_too}"


def _squares(by_size: IouBySize) -> Squares | None:
    """The squares at many sides more than were measured; None where no grid could be recognised."""
    if not by_size.best_placed.size:
        return None
    side = np.geomspace(by_size.edges[0], by_size.edges[-1], POINTS)
    place, known = np.log(side), np.log(by_size.edges)
    return Squares(side, np.interp(place, known, by_size.best_placed), np.interp(place, known, by_size.worst_placed))


def _extent(by_size: IouBySize, squares: Squares | None, threshold: float) -> tuple[float, float]:
    """The sides to show: those of all objects, and the first that the grid sees with an octave below it."""
    occupied = np.flatnonzero(by_size.counts.any(1))
    lowest = [by_size.edges[occupied[0]] / 1.2] if len(occupied) else []
    smallest = squares.smallest(threshold) if squares else None
    if smallest:
        lowest.append(smallest / 2)
    return max(min(lowest, default=by_size.edges[0]), by_size.edges[0]), by_size.edges[-1]


def _objects(figure: Figure, axes: Axes, by_size: IouBySize) -> None:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    most = by_size.counts.max()
    if not most:
        return
    counts = np.ma.masked_equal(by_size.counts.T, 0)
    shades = LinearSegmentedColormap.from_list("objects", [(0.66, 0.81, 0.91), BLUE, (0, 0.13, 0.25)])
    mesh = axes.pcolormesh(by_size.edges, by_size.iou_edges, counts, cmap=shades, norm=LogNorm(1, max(2, most)))
    if most == 1:
        return
    powers = [10**power for power in range(len(str(most)))]
    place = axes.inset_axes((1.015, 0, 0.015, 0.4))
    scale = figure.colorbar(mesh, cax=place, ticks=powers)
    scale.ax.set_yticklabels([f"{power:,}" for power in powers])
    scale.ax.minorticks_off()
    scale.ax.set_title("objects", fontsize=12, loc="left", pad=8)
    scale.outline.set_visible(False)


def _line(axes: Axes, threshold: float) -> None:
    axes.axhline(threshold, color=VERMILION, linewidth=2)
    style: dict[str, Any] = {
        "color": VERMILION,
        "va": "bottom",
        "fontweight": "bold",
        "bbox": LABEL_GROUND,
        "zorder": 4,
    }
    words = f"threshold {threshold:g}"
    axes.annotate(words, (0, threshold), (6, 7), ("axes fraction", "data"), "offset points", **style)


def _square_lines(axes: Axes, squares: Squares, threshold: float) -> None:
    """What the grid offers to squares, and where that is too little: at some sizes everywhere, at others in places."""
    axes.plot(squares.side, squares.best, color=INK_COLOUR, linewidth=2, label="square placed best")
    worst: dict[str, Any] = {"color": INK_COLOUR, "linewidth": 1.6, "linestyle": (0, (3, 2))}
    axes.plot(squares.side, squares.worst, **worst, label="square placed worst")
    blind = squares.best < threshold
    words = f"blind zone: squares of this size stay under IoU {threshold:g} wherever they lie"
    _shade(axes, squares.side, blind, words, BLIND, "//", GREY)
    words = f"squares of this size reach IoU {threshold:g} in some places only"
    _shade(axes, squares.side, ~blind & (squares.worst < threshold), words, DEPENDS, "..", ORANGE)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=4, frameon=False, fontsize=12)


def _shade(axes: Axes, side: FloatArray, mask: BoolArray, words: str, label: str, hatch: str, tint: Colour) -> None:
    """Shade runs of sides behind everything else, the widest with words where they fit; the label is the legend's."""
    left, right = axes.get_xlim()
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    runs = [(max(side[first], left), min(side[last - 1], right)) for first, last in edges.reshape(-1, 2)]
    runs = sorted((run for run in runs if run[0] < run[1]), key=lambda run: run[0] / run[1])
    style: dict[str, Any] = {"facecolor": (*tint, 0.16), "edgecolor": (*tint, 0.35), "hatch": hatch, "linewidth": 0}
    for place, (low, high) in enumerate(runs):
        axes.axvspan(low, high, **style, zorder=0.5, label="" if place else label)
    share = np.log(runs[0][1] / runs[0][0]) / np.log(right / left) if runs else 0
    if share >= LEAST_SHARE:
        text = textwrap.fill(words, int(share * CHARACTERS))
        middle = (runs[0][0] * runs[0][1]) ** 0.5
        axes.text(middle, 0.97, text, ha="center", va="top", bbox=LABEL_GROUND, zorder=4)
