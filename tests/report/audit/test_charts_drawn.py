"""What the charts draw, in the units of their axes, as ../data/charts/ has it: bars, lines, zones, words and limits.

After a wanted change, look at the charts, and then let `OVERWRITE_GOLDEN=1 pytest tests/report` write the lines.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.report.audit.charts import CHARTS, audit_charts
from ssdlossdbg.results import AuditResult

GOLDEN = Path(__file__).parents[1] / "data/charts"
Change = Callable[[AuditResult], AuditResult]


def told(values: Any) -> str:
    """Numbers, to four digits."""
    return ",".join(f"{value:.4g}" for value in np.ravel(np.asarray(values, dtype=float)))


def named(artist: Any) -> str:
    """What the legend calls it, if anything."""
    return repr("" if artist.get_label().startswith("_") else artist.get_label())


def drawn(axes: Any) -> Iterator[str]:
    """What stands on some axes, a line each."""
    from matplotlib.text import Annotation

    yield f"axes {told(axes.get_position().bounds)} x {told(axes.get_xlim())} y {told(axes.get_ylim())}"
    grid = any(line.get_visible() for line in axes.xaxis.get_gridlines())
    yield f"labels {axes.get_xlabel()!r} {axes.get_ylabel()!r} grid {grid}"
    for axis in (axes.xaxis, axes.yaxis):
        yield f"ticks {told(axis.get_ticklocs())} {[label.get_text() for label in axis.get_ticklabels()]}"
    for patch in axes.patches:
        extent = patch.get_path().transformed(patch.get_patch_transform()).get_extents()
        looks = f"{told(patch.get_facecolor())} {patch.get_hatch()} {patch.get_zorder()} {named(patch)}"
        yield f"patch {told(extent.extents)} {looks}"
    for line in axes.lines:
        x, y = (np.asarray(values, dtype=float) for values in line.get_data())
        some = np.unique(np.linspace(0, len(x) - 1, 9).round().astype(int))
        looks = f"{told(line.get_color())} {line.get_linewidth()} {line.get_linestyle()} {named(line)}"
        yield f"line {len(x)}: {told(x[some])} to {told(y[some])} {looks}"
    for mesh in axes.collections:
        counts = np.ma.filled(mesh.get_array(), 0).reshape(-1)
        filled = np.flatnonzero(counts)
        yield f"mesh {len(counts)}: {filled.tolist()} {counts[filled].tolist()} {told(mesh.get_clim())}"
    for text in axes.texts:
        at = text.xyann if isinstance(text, Annotation) else text.get_position()
        on = told(text.xy) if isinstance(text, Annotation) else "-"
        yield f"text {text.get_text()!r} {told(at)} on {on} {text.get_ha()} {text.get_va()} {told(text.get_zorder())}"
    legend = axes.get_legend()
    if legend:
        yield f"legend {[text.get_text() for text in legend.get_texts()]} framed {legend.get_frame_on()}"
    for inner in axes.child_axes:
        yield from islice(drawn(inner), 4)  # a scale of colours is matplotlib's own


def many(result: AuditResult) -> AuditResult:
    """More objects in some bins, more classes than are drawn, and levels without a positive."""
    counts = result.iou_by_size.counts.copy()
    counts[24, 12], counts[30, 16] = 4321, 17
    classes = tuple(
        replace(
            result.classes[0],
            name=f"class {place}",
            tally=replace(result.classes[0].tally, ground_truth=place),
            recalls=(0.9, 0.8, 0.7, 0.05 * place),
        )
        for place in range(1, 13)
    )
    levels = (*result.levels, *(replace(result.levels[1], positives=0, forced=0) for _ in range(4)))
    by_size = replace(result.iou_by_size, counts=counts)
    return replace(result, iou_by_size=by_size, classes=classes, levels=levels, threshold=0.6)


@pytest.mark.parametrize(("name", "change"), [("few", lambda result: result), ("many", many)])
def test_charts_are_the_stored_ones(name: str, change: Change, audited: AuditResult, figures: list[Any]) -> None:
    audit_charts(change(audited))
    lines = []
    for chart, figure in zip(CHARTS, figures, strict=True):
        words = [f"{text.get_text()!r} {told(text.get_position())}" for text in figure.texts]
        lines += [f"== {chart} {told(figure.get_size_inches())}", *words, *drawn(figure.axes[0])]
    text, path = "\n".join(lines) + "\n", GOLDEN / f"{name}.txt"
    if os.environ.get("OVERWRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
