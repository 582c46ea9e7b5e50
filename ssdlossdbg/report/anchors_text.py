"""The terminal reports of `anchors` and `anchors --list`."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.findings_text import findings_block
from ssdlossdbg.report.text import (
    LEVEL,
    Column,
    Columns,
    Row,
    facts,
    feature_map,
    priors_line,
    section,
    size,
    stride,
    table,
)
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import AnchorsResult, Presets


def anchors_report(result: AnchorsResult, view: View = USUAL) -> RenderableType:
    """What the priors look like, a row a level."""
    head = facts(
        [
            ("priors", priors_line(result.config)),
            ("dialect", f"{result.dialect}, match threshold {result.threshold:g}"),
        ]
    )
    if not result.levels:
        note = "The centres of these priors are on no grid that could be recognised, so there is no table by level."
        return Group(head, findings_block(result.findings), Text(note, style="attention"))
    columns: Columns = [LEVEL, "stride", "priors", "centres x", "centres y", "crossing", "smallest", "anywhere"]
    rows = [
        (
            feature_map(level.feature_map),
            stride(level.stride),
            level.priors,
            f"{level.reach[0]:.0f} - {level.reach[2]:.0f}",
            f"{level.reach[1]:.0f} - {level.reach[3]:.0f}",
            f"{level.crossing:.0%}",
            _side(level.smallest_best),
            _side(level.smallest_anywhere),
        )
        for level in result.levels
    ]
    shapes = [
        (feature_map(level.feature_map), ", ".join(size(*shape) for shape in level.shapes)) for level in result.levels
    ]
    return Group(
        head,
        findings_block(result.findings),
        section("Levels (pixels of the network's input)", table(columns, rows)),
        section(
            "Shapes of a cell, in order, before clipping",
            table([LEVEL, Column("w x h", "left", wrap=True)], shapes),
        ),
        _reach(result),
        Text(),
    )


def _side(side: float | None) -> str:
    return "never" if side is None else f"{side:.1f}"


def _reach(result: AnchorsResult) -> Text:
    text = Text(
        "crossing: share of the priors that cross the image's border. smallest: side of the smallest square object "
        f"that reaches IoU {result.threshold:g} where it lies best; anywhere: the same wherever it lies.\n"
    )
    if result.smallest_best is None:
        text.append("No square object of any size reaches the threshold.", style="attention")
    else:
        text.append(f"A square object below {result.smallest_best:.1f} px gets no positive by IoU", style="title")
        text.append(f" in this {result.config.image_size[0]} x {result.config.image_size[1]} input")
        if result.smallest_anywhere is not None and result.smallest_anywhere != result.smallest_best:
            text.append(f"; from {result.smallest_anywhere:.1f} px it does wherever it lies")
        text.append(".")
    return text


def presets_report(result: Presets, view: View = USUAL) -> RenderableType:
    """Every preset with its count, under its codebase. Names stay whole, so that they can be copied."""
    columns: Columns = [Column("preset", "left"), "priors", "input", Column("network", "left", wrap=True)]
    rows: list[Row] = []
    codebase = None
    for preset in sorted(result.presets, key=lambda preset: (preset.codebase, preset.name)):
        if preset.codebase != codebase:
            codebase = preset.codebase
            rows.append((Text(codebase, style="title"), "", "", ""))
        rows.append((f"  {preset.name}", preset.priors, size(*preset.image_size), preset.title))
    short = [f"{alias} is {preset.name}" for preset in result.presets for alias in preset.aliases]
    return Group(table(columns, rows), Text(f"\nShort names: {', '.join(short)}.\n" if short else ""))
