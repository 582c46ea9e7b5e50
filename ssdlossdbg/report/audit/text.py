"""The terminal report of `audit`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Group as Parts
from rich.console import RenderableType
from rich.text import Text

from ssdlossdbg.report.audit.tables import (
    augmented_table,
    glossary,
    groups_table,
    levels_table,
    positives_table,
    quantiles,
    recalls_table,
)
from ssdlossdbg.report.command_line import CommandLine
from ssdlossdbg.report.findings_text import findings_block
from ssdlossdbg.report.shares import in_words, many, percent, percent_of
from ssdlossdbg.report.text import Column, Columns, count, facts, met, priors_line, section, table
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import HARDLY, AuditResult, Contested, Group, Tally, WorstImage

# At most a screenful of each.
MOST_CLASSES, MOST_IMAGES = 12, 5
# A class or size is spoken of at the top if it has so many objects and its matched share is so far below that of all.
LEAST_OBJECTS, FAR_BEHIND = 10, 0.1


def audit_report(result: AuditResult, view: View = USUAL) -> RenderableType:
    """What the priors can learn of a dataset; parts without content are left out.

    Args:
        result: what `audit` returned.
        view: changes nothing.
    """
    parts: list[RenderableType] = [
        *_interrupted(result),
        facts(_facts(result)),
        _verdict(result),
        Text(),
        findings_block(result.findings, name_files=True),
        *_ignored(result),
    ]
    if result.totals.ground_truth:
        parts += [
            glossary(result.totals, result.threshold),
            Text(),
            *_groups(result),
            *_positives(result),
            *_recalls(result),
            *_contested(result.contested),
            *_augmented(result),
            *_images_first(result),
            *_conclusion(result),
        ]
    return Parts(*parts)


def _ignored(result: AuditResult) -> list[RenderableType]:
    """How much is left out by file; nothing where nothing is."""
    if not result.ignored:
        return []
    verb = "is" if result.ignored == 1 else "are"
    return [Text(f"{count(result.ignored, 'finding')} {verb} ignored by file.", style="faint"), Text()]


def _conclusion(result: AuditResult) -> list[RenderableType]:
    """What the priors lack most, in a sentence; or that they lack nothing."""
    totals, lacking = result.totals, result.lacking
    if totals.ground_truth == totals.invalid:
        return []
    if lacking is None:
        few = f"The priors suit the dataset: {percent(totals.recall)} of its objects have one of their size."
        return [Text(few, style="verdict.good"), Text()]
    whom = lacking.name if lacking.kind == "class" else f"objects of {lacking.name} px of input"
    what = "no prior of their size" if lacking.by_shape else "a prior of their size, but none where they are"
    words = f"{in_words(lacking.without / lacking.objects)} of {whom} get {what}"
    why = f": {lacking.without:,} of {lacking.objects:,} overlap none by IoU {result.threshold:g}."
    return [Text(f"{words}{why}", style="verdict.bad"), Text()]


def _interrupted(result: AuditResult) -> list[RenderableType]:
    if not result.interrupted:
        return []
    done, images, what = result.done, result.dataset.images, "image"
    if result.complete and result.augmented:
        done, images, what = result.augmented.done, result.augmented.draws * images, "crop"
    seen = f"{done:,} of {many(images, what)}, {percent_of(done, images)}"
    numbers = "; the numbers are of those" if done else ""
    return [Text(f"interrupted: {seen}{numbers}.", style="attention"), Text()]


def _facts(result: AuditResult) -> list[tuple[str, str]]:
    dataset = result.dataset
    some = f"{dataset.empty:,} of them " if dataset.images > 1 else ""
    empty = f", {some}without an object" if dataset.empty else ""
    loader = ", photos scaled as a whole and padded" if dataset.letterbox else ""
    lines = [
        ("dataset", f"{dataset.path} ({dataset.format}): {many(dataset.images, 'image')}{empty}"),
        ("left out", _left_out(result)),
        ("priors", priors_line(result.config)),
        ("dialect", f"{result.dialect}, match threshold {result.threshold:g}{loader}, on {result.device}"),
    ]
    return [(label, value) for label, value in lines if value]


def _left_out(result: AuditResult) -> str:
    dataset = result.dataset
    parts = (
        (dataset.left_out, many(dataset.left_out, "object") + " that the dialect's loader drops"),
        (sum(dataset.unknown.values()), many(sum(dataset.unknown.values()), "object") + " of classes not listed"),
        (dataset.refused, many(dataset.refused, "file or part of one", "files or parts of them") + " not readable"),
    )
    return met(parts)


def _verdict(result: AuditResult) -> Text:
    totals = result.totals
    if not totals.ground_truth:
        return Text(_without_objects(result), style="verdict.bad")
    good = totals.matched == totals.ground_truth
    text = Text(_fates(totals), style="verdict.good" if good else "verdict.bad")
    if percent(totals.recall):
        text.append(f"; best possible recall {percent(totals.recall)}")
        if totals.shape_reached != totals.reached:
            text.append(f", {percent(totals.shape_recall)} by shape alone")
    return text.append(f".{_least_matched(result)}")


def _least_matched(result: AuditResult) -> str:
    """The class and the size that are matched least, where that is far less than all are; empty else."""
    worst = (
        (f"of class {group.name}" if kind is result.classes else f"of side {group.name} px", group.tally)
        for kind in (result.classes, result.sizes)
        for group in _far_behind(kind, result.totals)
    )
    said = [f"{percent_of(tally.matched, tally.ground_truth)} {words}" for words, tally in worst]
    return f" Matched least: {', '.join(said)}." if said else ""


def _far_behind(groups: Sequence[Group], totals: Tally) -> list[Group]:
    """The group of which the least share is matched, if it is one to speak of; else none."""
    counted = [group for group in groups if group.tally.ground_truth >= LEAST_OBJECTS]
    least = min(counted, key=lambda group: _matched_share(group.tally), default=None)
    return [least] if least and _matched_share(least.tally) < _matched_share(totals) - FAR_BEHIND else []


def _matched_share(tally: Tally) -> float:
    return tally.matched / tally.ground_truth


def _without_objects(result: AuditResult) -> str:
    if not result.complete:
        return "No object was matched yet."
    return "No object: there is nothing to match." if result.dataset.images else "No image could be read."


def _fates(totals: Tally) -> str:
    """What became of the objects."""
    number = totals.ground_truth
    if totals.matched == number:
        return "The one object is matched" if number == 1 else f"All {number:,} objects are matched"
    parts = (
        (totals.matched, "matched"),
        (totals.forced_only, "forced only"),
        (totals.without_positive, "without a prior"),
        (totals.invalid, "invalid"),
    )
    shown = ", ".join(f"{part:,} ({percent_of(part, number)}) {words}" for part, words in parts if part)
    return f"Of {many(number, 'object')} {shown}"


def _groups(result: AuditResult) -> list[RenderableType]:
    classes, left = _most_afflicted(result.classes)
    more = (
        [Text(f"And {many(left, 'more class', 'more classes')}, all in --format json.", style="faint")] if left else []
    )
    return [
        *_by("By size, in pixels of the network's input", "side", result.sizes),
        *_by("By class, the worst off first" if len(classes) > 1 else "By class", "class", classes, more),
        *_aspects(result.aspects),
        section("By level (objects: those whose best prior is there)", levels_table(result.levels)),
    ]


def _aspects(groups: Sequence[Group]) -> list[RenderableType]:
    """A table where the aspect may be to blame for something."""
    title = "By aspect, width over height"
    if all(group.tally.matched == group.tally.ground_truth for group in groups):
        return [_line(f"{title}: all are matched")]
    return _by(title, "aspect", groups)


def _by(title: str, heading: str, groups: Sequence[Group], more: Sequence[RenderableType] = ()) -> list[RenderableType]:
    shown = [group for group in groups if group.tally.ground_truth]
    if len(shown) > 1:
        return [section(title, Parts(groups_table(heading, shown), *more))]
    return [_line(f"{title}: all {shown[0].name}")] if shown else []


def _line(words: str) -> RenderableType:
    """A part of the report that needs no table."""
    return Parts(Text(words, style="title"), Text())


def _most_afflicted(classes: Sequence[Group]) -> tuple[list[Group], int]:
    """The classes with the largest share of objects that are not matched, and how many there are besides."""

    def missed(group: Group) -> tuple[float, int]:
        lost = group.tally.ground_truth - group.tally.matched
        return -lost / group.tally.ground_truth, -lost

    ordered = sorted((group for group in classes if group.tally.ground_truth), key=missed)
    return ordered[:MOST_CLASSES], len(ordered[MOST_CLASSES:])


def _positives(result: AuditResult) -> list[RenderableType]:
    if not sum(result.positives_each):
        return []
    if np.count_nonzero(result.positives_each) == 1:
        return [_line(f"Positives per object: {len(result.positives_each) - 1}")]
    low, median, high = quantiles(result.positives_each)
    most = len(result.positives_each) - 1
    words = f"median {median}, a tenth have {low} or fewer, a tenth {high} or more, none more than {most}"
    return [section(f"Positives per object: {words}", positives_table(result.positives_each))]


def _recalls(result: AuditResult) -> list[RenderableType]:
    if not percent(result.totals.recall):
        return []
    title = "Best possible recall at other thresholds (█ on the grid, ░ more by shape alone)"
    return [section(title, recalls_table(result.recalls, result.threshold, result.totals))]


def _contested(contested: Contested) -> list[RenderableType]:
    if not contested.lost:
        return []
    lost = many(contested.lost, "object") + " lost the best one to another"
    left = (
        f"{contested.without_positive:,} of them without any other" if contested.without_positive else "all have others"
    )
    title = f"Competing for a prior: {lost}, {left}"
    if len(contested.pairs) == 1:
        (only,) = contested.pairs
        return [section(title, Text(f"each time {only.loser} to {only.winner}"))]
    columns: Columns = [Column("loser", "left", wrap=True), Column("lost to", "left", wrap=True), "times"]
    rows = [(Text(pair.loser), Text(pair.winner), f"{pair.times:,}") for pair in contested.pairs]
    return [section(title, table(columns, rows))]


def _images_first(result: AuditResult) -> list[RenderableType]:
    images, commands = result.images_first, result.dataset.can_match
    if not images:
        return []
    lines: list[RenderableType] = []
    for image in images[:MOST_IMAGES]:
        lines.append(_worst(image))
        if commands:
            lines.append(CommandLine(image.match_command(result.match_options)))
    left = len(images) - MOST_IMAGES
    if left > 0:
        lines.append(Text(f"The next {left:,} are in --format json.", style="faint"))
    if commands and any(image.photo is None for image in images[:MOST_IMAGES]):
        lines.append(Text("PHOTO: none was found beside the annotations; write where yours is.", style="faint"))
    return [section("Images to look at first", Parts(*lines))]


def _worst(image: WorstImage) -> Text:
    hardly = f" ({image.hardly:,} of them with an IoU under {HARDLY:g})" if image.hardly else ""
    parts = (
        (image.invalid, f"{image.invalid:,} invalid"),
        (image.without_positive, f"{image.without_positive:,} without a prior"),
        (image.forced_only, f"{image.forced_only:,} forced only{hardly}"),
    )
    return Text(f"{image.name}: {many(image.ground_truth, 'object')}, {met(parts)}")


def _augmented(result: AuditResult) -> list[RenderableType]:
    augmented = result.augmented
    if augmented is None:
        return []
    draws = f"{many(augmented.draws, 'draw')} of each, seed {augmented.seed}"
    square = f"; {many(augmented.square, 'photo')} of unknown size taken to be square" if augmented.square else ""
    kept = f"; a crop keeps {percent(augmented.kept)} of the objects" if percent(augmented.kept) else ""
    title = f"Photos, and the random crops that training sees of them ({draws}{kept}{square})"
    return [section(title, augmented_table(result.sizes, result.totals, augmented))]
