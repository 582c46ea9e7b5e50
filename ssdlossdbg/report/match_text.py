"""The terminal report of `match`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.compare_text import roles_report
from ssdlossdbg.report.findings_text import findings_block
from ssdlossdbg.report.text import (
    LEVEL,
    POSITIVES_MEAN,
    Column,
    Columns,
    Row,
    count,
    facts,
    feature_map,
    legend,
    met,
    number,
    positives,
    priors_line,
    section,
    size,
    stride,
    table,
)
from ssdlossdbg.report.theme import STATUS_STYLES
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import FORCED_ONLY, INVALID, MATCHED, UNMATCHED, GroundTruthMatch, MatchResult, RoundTrip

MEANINGS = (
    ("px of input", "width and height in pixels of the network's input"),
    ("IoU, prior, level, its px", "of the prior that overlaps it most, and that prior's size"),
    ("pos", f"priors trained on it; {POSITIVES_MEAN}"),
    ("lost", "to the object that took that prior from it"),
)
LEVELS_MEAN = (
    ("stride", "px of input from cell to cell"),
    ("objects served", "those with a positive here"),
)
# Of more objects than anybody reads lines about, so many are listed.
MOST_LISTED = 200
WORST_FIRST = (INVALID, UNMATCHED, FORCED_ONLY, MATCHED)


def match_report(result: MatchResult, view: View = USUAL) -> RenderableType:
    """Which priors each object gets.

    Args:
        result: what `analyse_match` returned.
        view: how many objects to list, the worst ones; if it does not say, all but where they are very many.
    """
    width, height = result.image_size
    parts: list[RenderableType] = [
        facts(
            [
                ("image", f"{result.image_path} ({width} x {height})"),
                ("annotation", f"{result.annotation_path} ({result.annotation_format})"),
                ("priors", priors_line(result.config)),
                ("dialect", f"{result.dialect}, match threshold {result.threshold:g}, on {result.device}"),
                *_of_two_steps(result),
            ]
        ),
        _verdict(result),
        Text(),
        findings_block(result.findings),
    ]
    if result.ground_truth:
        parts.append(_objects(result, view.top))
    parts += [_levels(result), _thresholds(result), _round_trip(result)]
    if result.changes:
        parts += [Text(), roles_report(result.dialect, result.changes)]
    return Group(*parts)


def _of_two_steps(result: MatchResult) -> list[tuple[str, str]]:
    """That a second step is not shown, as a fact; none where there is none."""
    words = "the first of two; the second matches priors that the network moves: see `ssdlossdbg loss`"
    return [("step", words)] if result.first_step_only else []


def _verdict(result: MatchResult) -> Text:
    totals = result.totals
    if not totals.ground_truth:
        return Text("No object: no prior is positive, and so none is mined.", style="verdict.bad")
    statuses = (
        (totals.matched, f"{totals.matched} matched"),
        (totals.forced_only, f"{totals.forced_only} forced only"),
        (totals.without_positive, f"{totals.without_positive} unmatched"),
        (totals.invalid, f"{totals.invalid} invalid"),
    )
    style = "verdict.good" if totals.matched == totals.ground_truth else "verdict.bad"
    text = Text().append(f"{count(totals.ground_truth, 'object')}: {met(statuses)}. ", style)
    forced = f" ({totals.forced} of them forced)" if totals.forced else ""
    mined = "which all count" if totals.all_negatives else "to be mined"
    comma = "," if totals.all_negatives else ""
    negatives = f"{count(totals.negatives, 'negative')}{comma} {mined}."
    text.append(f"{count(totals.positives, 'positive')}{forced}, {negatives}")
    return text


def _objects(result: MatchResult, top: int | None) -> RenderableType:
    chosen = _worst(result.ground_truth, top or MOST_LISTED)
    columns: Columns = [
        "#",
        Column("class", "left", wrap=True, least=8),
        "px of input",
        "IoU",
        "prior",
        "level",
        "its px",
        "pos",
        "lost",
        Column("status", "left", least=len(FORCED_ONLY)),
    ]
    rows = [
        (
            item.index,
            Text(item.label),
            size(item.input_box[2] - item.input_box[0], item.input_box[3] - item.input_box[1]),
            number(item.best_iou, 3),
            item.best_prior,
            feature_map(result.config.levels[item.level]),
            size(*item.shape),
            positives(item.positives, item.forced),
            "" if item.lost_to is None else item.lost_to,
            Text(item.status, style=STATUS_STYLES[item.status]),
        )
        for item in chosen
    ]
    title, every = "Objects", len(result.ground_truth)
    if len(chosen) < every:
        title += f", the {len(chosen)} worst" + ("" if top else f"; --top {every} lists all")
    return section(title, Group(table(columns, rows), legend(MEANINGS)))


def _worst(objects: Sequence[GroundTruthMatch], top: int) -> list[GroundTruthMatch]:
    if len(objects) <= top:
        return list(objects)
    worst = sorted(objects, key=lambda item: (WORST_FIRST.index(item.status), item.best_iou))[:top]
    return sorted(worst, key=lambda item: item.index)


def _levels(result: MatchResult) -> RenderableType:
    columns: Columns = [LEVEL, "stride", "priors", "positives", "forced", "objects served"]
    rows = [
        (
            feature_map(level.feature_map),
            stride(level.stride),
            level.priors,
            level.positives,
            level.forced,
            level.served,
        )
        for level in result.levels
    ]
    return section("Levels", Group(table(columns, rows), legend(LEVELS_MEAN)))


def _thresholds(result: MatchResult) -> RenderableType:
    columns: Columns = [Column("threshold", "left"), *(f"{item.threshold:.2f}" for item in result.thresholds)]
    rows: list[Row] = [
        ("positives", *(item.positives for item in result.thresholds)),
        ("objects that reach it", *(item.reached for item in result.thresholds)),
    ]
    near = count(result.totals.near_misses, "negative has", "negatives have")
    title = f"Other thresholds ({near} an IoU less than 0.1 under {result.threshold:g})"
    return section(title, table(columns, rows))


def _round_trip(result: MatchResult) -> RenderableType:
    if result.round_trip.worst is None:
        return Text("Encode and decode: no positive to send through.")
    columns: Columns = [Column("dtype", "left"), "largest, px of input", "mean, px of input", "worst object"]
    rows = [_trip("float32", result.round_trip), _trip("float16", result.round_trip_half)]
    return section("Encode, then decode every positive: the error left", table(columns, rows))


def _trip(dtype: str, trip: RoundTrip) -> Row:
    return dtype, number(trip.max_px, 5), number(trip.mean_px, 5), "" if trip.worst is None else trip.worst
