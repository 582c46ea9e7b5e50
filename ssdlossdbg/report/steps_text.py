"""What the terminal report of `loss` says of two steps."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.text import CLASS, UNTITLED, Columns, Row, number, section, table
from ssdlossdbg.results import FirstStep, ImageLoss, LossResult, Parts, TakenOut
from ssdlossdbg.results.findings import FIRST_STEP

SECOND = "second step"


def steps_verdict(first: FirstStep, second: Parts) -> str:
    """What the loss of both is made of, in words that follow its value."""
    return f" = {FIRST_STEP} {first.loss.total:.4f} + {SECOND} {second.total:.4f}"


def steps_block(result: LossResult, first: FirstStep, top: int) -> RenderableType:
    """The loss of both steps, and the objects that the first took from the second.

    Args:
        result: of the second.
        first: of the first.
        top: how many of those objects to list.
    """
    columns: Columns = [UNTITLED, "N", "pos", "neg", "loc", "conf pos", "conf neg", "total", "share"]
    rows = [
        _row(FIRST_STEP, first.normalizer, first.images, first.loss, result.whole),
        _row(SECOND, result.normalizer, result.images, result.loss, result.whole),
        ("both", "", "", "", "", "", "", number(result.whole), ""),
    ]
    below = "What follows is the second step's; the first's, as much of it, is in --format json."
    parts: list[RenderableType] = [section("The steps", Group(table(columns, rows), Text(below, style="faint")))]
    if result.taken_out:
        parts.append(_taken_out(result.taken_out, top))
    return Group(*parts)


def _row(name: str, normalizer: float, images: Sequence[ImageLoss], parts: Parts, whole: float) -> Row:
    counted = (sum(image.positives for image in images), sum(image.negatives for image in images))
    losses = (parts.localization, parts.confidence_positive, parts.confidence_negative, parts.total)
    share = parts.total / whole if whole else float("nan")
    return (name, f"{normalizer:g}", *counted, *map(number, losses), "-" if share != share else f"{share:.1%}")


def _taken_out(taken_out: Sequence[TakenOut], top: int) -> RenderableType:
    columns: Columns = ["img", "obj", CLASS, "taken out", "left", "highest probability"]
    shown = taken_out[:top]
    rows: list[Row] = [
        (each.image, each.index, Text(each.label), each.taken, each.left, f"{each.probability:.2g}") for each in shown
    ]
    title = f"Objects whose positives the first step takes for background ({len(shown)} of {len(taken_out)})"
    return section(title, table(columns, rows))
