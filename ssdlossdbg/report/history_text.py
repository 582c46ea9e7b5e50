"""The terminal report of `history`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePath

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.findings_text import findings_block
from ssdlossdbg.report.shares import many, percent
from ssdlossdbg.report.text import UNTITLED, Column, Columns, Row, count, facts, file_name, legend, section, table
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import Event, GroupHistory, HistoryResult, ObjectHistory
from ssdlossdbg.results.history import BY_CLASS, BY_LEVEL, BY_SIZE, MISTAKEN, STATES

BLOCKS = "▁▂▃▄▅▆▇█"
MOST_LISTED = 10
# Images of a batch that are named.
MOST_IMAGES = 3
TITLES = {
    BY_CLASS: "By class",
    BY_SIZE: "By size (side of a square of the object's area, in px of the input)",
    BY_LEVEL: "By level",
}

MEANINGS = [
    ("unmatched, forced", "objects without a positive prior, and with none but forced ones"),
    ("right", "from start to end, then first and last"),
    ("cost/pos", "loss per positive, at the end"),
]
OF_OBJECTS = [
    ("pos", "positive priors, f: forced only"),
    ("best, last", "probability of its class at its best prior"),
    ("cost", "mean loss"),
]
# Half precision is off by less, and so a median of samples.
ROUNDING = 0.005
NOT_EXACT = "samples are {:.1%} off the loss that the criterion returned: it does not follow {} in all"
TOO_SHORT = "no batch: its share of the time of a training so short pays for none; history=0.1 allows a tenth"


def history_report(result: HistoryResult, view: View = USUAL) -> RenderableType:
    """What happened in a run: what is wrong first, then its course, its events, and what it does not learn.

    Args:
        result: what `analyse_history` returned.
        view: says how many events and objects to list; `MOST_LISTED` if it does not.
    """
    most = view.top or MOST_LISTED
    said = findings_block(result.findings) if result.findings else Text("Nothing stands out.\n", style="verdict.good")
    parts: list[RenderableType] = [_facts(result), said, _course(result)]
    if result.events:
        parts.append(_events(result.events, most, result.ranks))
    found = {title: [each for each in result.groups if each.by == by and each.objects] for by, title in TITLES.items()}
    tables = [(title, _groups(groups)) for title, groups in found.items() if groups]
    for place, (title, made) in enumerate(tables, start=1):
        parts.append(section(title, Group(made, legend(MEANINGS)) if place == len(tables) else made))
    if result.known_objects:
        parts.append(_states(result))
    if result.objects:
        parts.append(_objects(result.objects, most))
    return Group(*parts)


def _facts(result: HistoryResult) -> RenderableType:
    ranks = f", {count(result.ranks, 'process', 'processes')}" if result.ranks > 1 else ""
    epochs = f", {count(result.epochs, 'epoch')}" if result.epochs else ""
    whose = f", as {result.dialect}" if result.dialect else ""
    span = f"steps {result.first_step} to {result.last_step}"
    rows = [
        ("run", f"{result.run}: {span}{epochs}{ranks}, {_duration(result.seconds)}"),
        ("criterion", f"{result.criterion or 'not known'}{whose}"),
        ("sampled", _sampled(result)),
    ]
    if result.off is not None and result.off > ROUNDING:
        rows.append(("not exact", NOT_EXACT.format(result.off, result.dialect or "the dialect")))
    return facts(rows)


def _sampled(result: HistoryResult) -> str:
    if not result.sampled:
        return TOO_SHORT
    return f"{many(result.sampled, 'batch', 'batches')}, {many(result.known_objects, 'object')} told apart"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def sparkline(values: Sequence[float], low: float | None = None, high: float | None = None) -> str:
    """Values as blocks of eight heights, a blank for nan and a cross for what is infinite.

    Args:
        values: in order.
        low: what the lowest block stands for; the least value if None.
        high: likewise the highest.
    """
    finite = [value for value in values if math.isfinite(value)]
    bottom = min(finite, default=0.0) if low is None else low
    top = max(finite, default=1.0) if high is None else high
    span = (top - bottom) or 1.0
    shown = []
    for value in values:
        if math.isfinite(value):
            shown.append(BLOCKS[min(len(BLOCKS) - 1, max(0, int((value - bottom) / span * len(BLOCKS))))])
        else:
            shown.append(" " if math.isnan(value) else "x")
    return "".join(shown)


def _course(result: HistoryResult) -> RenderableType:
    rows: list[Row] = [
        _line("loss", result.loss, "{:.3g}"),
        _line("learning rate", result.rate, "{:.3g}"),
        _line("gradient norm", result.norm, "{:.3g}"),
        _line("right", result.right, "{:.0%}", 0.0, 1.0),
    ]
    columns: Columns = [UNTITLED, Column("start to end", "left"), "first", "last", "lowest", "highest"]
    return section(
        "Course (medians of each part of the run; right: objects whose class is likeliest at their best prior)",
        table(columns, [row for row in rows if row]),
    )


def _line(name: str, values: Sequence[float], form: str, low: float | None = None, high: float | None = None) -> Row:
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return ()
    told = (known[0], known[-1], min(known), max(known))
    return Text(name), Text(sparkline(values, low, high)), *(form.format(value) for value in told)


def _events(events: Sequence[Event], most: int, ranks: int) -> RenderableType:
    columns: Columns = ["step", "epoch", *(["rank"] if ranks > 1 else []), Column("what", "left"), "value", "usual",
                        "|g|", Column("batch", "left", wrap=True, least=12)]  # fmt: skip
    rows = [
        (
            event.step,
            event.epoch,
            *([event.rank] if ranks > 1 else []),
            Text(event.kind),
            f"{event.value:.4g}",
            _short(event.usual),
            _short(event.norm),
            Text(_batch(event)),
        )
        for event in events[:most]
    ]
    left = len(events) - len(rows)
    return section("What stands out" + (f" (the first {most}; {left} more)" if left else ""), table(columns, rows))


def _batch(event: Event) -> str:
    """The batch of an event: its file, and the first of its images."""
    images = [PurePath(name).name for name in event.images if name]
    named = ", ".join(images[:MOST_IMAGES]) + (f" and {len(images) - MOST_IMAGES} more" * (len(images) > MOST_IMAGES))
    file = PurePath(event.file).name if event.file else "not saved"
    return f"{file}: {named}" if images else file


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def _groups(groups: Sequence[GroupHistory]) -> RenderableType:
    columns: Columns = [Column("", "left", wrap=True, least=5), "objects", "unmatched", "forced",
                        Column("right", "left"), "first", "last", "cost/pos"]  # fmt: skip
    rows = []
    for group in groups:
        right = [share for share in group.right if not math.isnan(share)]
        cost = [each for each in group.cost if not math.isnan(each)]
        rows.append(
            (
                Text(group.name),
                f"{group.objects:,}",
                percent(group.unmatched),
                percent(group.forced_only),
                Text(sparkline(group.right, 0.0, 1.0)),
                f"{right[0]:.0%}" if right else None,
                f"{right[-1]:.0%}" if right else None,
                f"{cost[-1]:.2g}" if cost else None,
            )
        )
    return table(columns, rows)


def _states(result: HistoryResult) -> RenderableType:
    told = ", ".join(f"{number:,} {state}" for number, state in zip(result.states, STATES, strict=False) if number)
    easiest = many(result.easiest, "object")
    return Group(
        Text(f"Objects: {told}."),
        Text(f"The easiest, {easiest}, cost a hundredth of all together: they teach little more."),
        Text(),
    )


def _objects(objects: Sequence[ObjectHistory], most: int) -> RenderableType:
    columns: Columns = [Column("image", "left", wrap=True, least=12), Column("class", "left", wrap=True), "px", "IoU",
                        "pos", "best", "last", Column("taken for", "left", wrap=True), "cost",
                        Column("state", "left", wrap=True, least=7)]  # fmt: skip
    rows = [
        (
            Text((file_name(each.name) or f"image {each.image}") + ("?" if each.unsure else "")),
            Text(each.label_name),
            None if each.side is None else f"{each.side:.0f}",
            f"{each.best_iou:.2f}",
            f"{each.positives:.0f}" + ("f" if each.forced_only > 0.5 else ""),
            *(f"{value:.2f}" for value in each.probability[1:]),
            Text(each.rival_name if each.state == MISTAKEN else each.taken_name),
            f"{each.cost:.2g}",
            Text(each.state),
        )
        for each in objects[:most]
    ]
    title = "Objects not learnt, the dearest first"
    return section(title, Group(table(columns, rows), legend(OF_OBJECTS)))
