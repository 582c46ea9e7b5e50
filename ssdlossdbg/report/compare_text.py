"""The terminal reports of `compare` and `dialects`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ssdlossdbg.report.findings_text import findings_block
from ssdlossdbg.report.recorded_text import images_fact, run_table
from ssdlossdbg.report.text import (
    DIALECT,
    UNTITLED,
    Column,
    Columns,
    facts,
    legend,
    number,
    priors_line,
    section,
    table,
)
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import BatchRoles, Cause, CompareResult, DialectOutcome, ObjectChange, RoleChanges

MOST_IMAGES = 6
YOURS = {True: Text("yes", style="verdict.good"), False: Text("no"), None: Text("-")}
MOST_OBJECTS = 6
# A cause worth less than this share of the loss is rounding.
ROUNDING = 1e-6
# From here on a ratio needs no more than one decimal.
MANY_TIMES = 100
MEANINGS = (("N", "what the sums are divided by"), ("ratio", "to the reference's total"))


def compare_report(result: CompareResult, view: View = USUAL) -> RenderableType:
    """What every codebase says of the batch, and what each cause of a difference is worth."""
    head = facts(
        [
            ("predictions", f"{result.predictions_path}: {result.predictions_layout}, {result.dtype}"),
            ("targets", f"{result.targets_path}: {result.targets_layout}"),
            *images_fact(result.image_names),
            ("priors", priors_line(result.config)),
            ("reference", f"{result.reference}, loss {result.reference_total:.4f}, on {result.device}"),
        ]
    )
    raising = any(outcome.raises for outcome in result.dialects)
    known = any(outcome.is_yours is not None for outcome in result.dialects)
    last: Columns = [Column("yours", "left")] if known else []
    last += [UNTITLED] if raising else []
    pointed = any(outcome.landmarks is not None for outcome in result.dialects)
    stepped = any(outcome.first_step is not None for outcome in result.dialects)
    more = [*(["landm"] if pointed else []), *(["first step"] if stepped else [])]
    columns: Columns = [DIALECT, "pos", "mined", "N", "loc", "conf", *more, "total", "ratio", *last]
    rows = [
        (
            Text(outcome.name),
            sum(outcome.roles.positives),
            sum(outcome.roles.negatives),
            f"{outcome.normalizer:g}",
            number(outcome.localization),
            number(outcome.confidence),
            *([number(outcome.landmarks)] if pointed else []),
            *([number(outcome.first_step)] if stepped else []),
            number(outcome.total),
            _ratio(outcome.total, result.reference_total),
            *([YOURS[outcome.is_yours]] if known else []),
            *([Text("raises", style="attention") if outcome.raises else ""] if raising else []),
        )
        for outcome in result.dialects
    ]
    return Group(
        *([run_table(result.batches)] if result.batches else []),
        head,
        findings_block(result.findings),
        section(
            "The same batch and priors through every dialect",
            Group(table(columns, rows), legend(MEANINGS)),
        ),
        _why(result),
        Text(),
    )


def _ratio(total: float, reference: float) -> Text:
    if not (math.isfinite(total) and math.isfinite(reference) and reference != 0):
        return number(None)
    ratio = total / reference
    return number(ratio, 3 if abs(ratio) < MANY_TIMES else 1)


def _why(result: CompareResult) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    same = []
    for outcome in result.dialects:
        if not _worth_saying(outcome, result) and not outcome.raises:
            if outcome.name != result.reference:
                same.append(outcome.name)
            continue
        for index, (words, worth) in enumerate(_reasons(outcome, result)):
            grid.add_row(Text(outcome.name if index == 0 else "", style="title"), Text(words), Text(worth))
    title = Text(f"Why they differ from {result.reference}", style="title")
    parts: list[RenderableType] = [title, grid] if grid.row_count or same else []
    if same:
        parts.append(Text(f"The same loss to float32 rounding: {', '.join(same)}.", style="faint"))
    by_reason: dict[str, list[str]] = {}
    for each in result.not_asked:
        by_reason.setdefault(each.why, []).append(each.dialect)
    parts += [Text(f"Not asked: {', '.join(names)} ({why}).", style="faint") for why, names in by_reason.items()]
    return Group(*parts)


def _worth_saying(outcome: DialectOutcome, result: CompareResult) -> list[Cause]:
    """The causes that are more than float32 rounding."""
    scale = max((abs(total) for total in (outcome.total, result.reference_total) if math.isfinite(total)), default=0.0)
    return [cause for cause in outcome.causes if not abs(cause.delta) <= ROUNDING * scale]


def _reasons(outcome: DialectOutcome, result: CompareResult) -> list[tuple[str, str]]:
    reasons = [(explain(cause), f"{cause.delta:+.4f}") for cause in _worth_saying(outcome, result)]
    if outcome.raises:
        reasons.append((f"The real code raises here: {outcome.raises}. The figures are its formula's.", ""))
    return reasons


def explain(cause: Cause) -> str:
    """One cause in words, with the counts that show it."""
    words = WORDS.get(cause.rule, _settings)(cause)
    seen = _changes(cause.before, cause.after)
    return f"{words} ({seen})" if seen and cause.rule not in WORDS else words


def _counted_twice(cause: Cause) -> str:
    roles = cause.after
    if not roles.counted_twice:
        return _settings(cause)
    return (
        f"counts {roles.counted_twice} positives twice, because {roles.wanted:g} negatives are wanted "
        f"and {roles.available} exist"
    )


def _normaliser(cause: Cause) -> str:
    if cause.before.normalizer != cause.after.normalizer:
        return f"divides by {cause.after.normalizer:g} instead of {cause.before.normalizer:g}: {cause.new}"
    return _settings(cause)


def _settings(cause: Cause) -> str:
    return f"{cause.rule}: {cause.new} instead of {cause.old}"


# Causes whose words hold the counts, too.
WORDS: dict[str, Callable[[Cause], str]] = {
    "positives counted twice": _counted_twice,
    "normaliser": _normaliser,
}


def _changes(before: BatchRoles, after: BatchRoles) -> str:
    pairs = (("positives", before.positives, after.positives), ("mined", before.negatives, after.negatives))
    seen = [f"{name} {_images(new)} instead of {_images(old)}" for name, old, new in pairs if old != new]
    if before.ignored != after.ignored:
        seen.append(f"{after.ignored} ignored")
    if before.dropped != after.dropped:
        seen.append(f"{after.dropped} positives dropped")
    return "; ".join(seen)


def _images(counts: Sequence[int]) -> str:
    return str(sum(counts)) if len(counts) > MOST_IMAGES else "+".join(map(str, counts))


def dialects_report(rows: Sequence[tuple[str, str, str]]) -> RenderableType:
    """Every dialect, as (name with aliases, codebase, its prior config)."""
    return table([Column(heading, "left", wrap=True) for heading in ("dialect", "codebase", "priors")], rows)


def differences_report(first: str, second: str, lines: Sequence[tuple[str, str, str]]) -> RenderableType:
    """The settings in which two dialects differ, as (key, of the first, of the second)."""
    if not lines:
        return Text(f"{first} and {second} have the same rules.")
    columns: Columns = [Column("setting", "left"), Column(first, "left", wrap=True), Column(second, "left", wrap=True)]
    return table(columns, lines)


def roles_report(reference: str, changes: Sequence[RoleChanges]) -> RenderableType:
    """Which objects and priors of a photo change roles under other dialects; those that agree share a row."""
    columns: Columns = [Column("dialect", "left", wrap=True), "pos", "mined", "+", "-", "moved"]
    alike: dict[str, list[RoleChanges]] = {}
    because: dict[tuple[str, ...], list[str]] = {}
    for change in changes:
        alike.setdefault(change.agrees_with or change.dialect, []).append(change)
        because.setdefault(change.reasons, []).append(change.dialect)
    rows = []
    for group in alike.values():
        names, one = ", ".join(change.dialect for change in group), group[0]
        counts = (one.positives, one.negatives, one.gained, one.lost, one.moved)
        rows.append((Text(names), *counts, Text(_objects(group))))
    title = f"Other dialects on the same priors (+ and -: positives gained and lost against {reference})"
    report = section(title, table([*columns, Column("objects that change", "left", wrap=True)], rows))
    reasons = [(", ".join(names), "; ".join(why)) for why, names in because.items() if why]
    if not reasons:
        return report
    return Group(report, Text(f"Why they differ from {reference}", style="title"), facts(reasons))


def _objects(group: Sequence[RoleChanges]) -> str:
    """What changes for objects, alike for all of a group, and which of it raise."""
    objects = group[0].objects
    words = [_object(item) for item in objects[:MOST_OBJECTS]]
    if len(objects) > MOST_OBJECTS:
        words.append(f"and {len(objects) - MOST_OBJECTS} more")
    raising: dict[str, list[str]] = {}
    for change in group:
        if change.raises:
            raising.setdefault(change.raises.split(" ")[0], []).append(change.dialect)
    for error, names in raising.items():
        words.append(f"raises {error}" if len(names) == len(group) else f"{', '.join(names)}: raises {error}")
    return "; ".join(words) or "none"


def _object(item: ObjectChange) -> str:
    before, after = ("-" if number is None else str(number) for number in item.positives)
    status = f", {item.status[1]}" if item.status[0] != item.status[1] else ""
    return f"{item.index} {item.label} {before} -> {after}{status}"
