"""The terminal report of `loss`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.findings_text import findings_block
from ssdlossdbg.report.recorded_text import (
    captured_line,
    changed_fact,
    images_fact,
    recovered_fact,
    run_table,
    said_line,
)
from ssdlossdbg.report.text import (
    BOX,
    CLASS,
    LEVEL,
    UNTITLED,
    Column,
    Columns,
    Row,
    bullets,
    corners,
    count,
    facts,
    feature_map,
    number,
    priors_line,
    section,
    table,
)
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import COORDINATES, GroupLoss, ImageLoss, LossResult, Parts

LANDMARKS = "landm"

MOST_LISTED = 10
T = TypeVar("T")


def loss_report(result: LossResult, view: View = USUAL) -> RenderableType:
    """What the loss is made of.

    Args:
        result: what `analyse_loss` returned.
        view: says how many ground truths and mined negatives to list, the costliest first; `MOST_LISTED` if it does
            not.
    """
    matching = "matched before" if result.threshold is None else f"match threshold {result.threshold:g}"
    captured = [("captured", captured_line(result.captured))] if result.captured else []
    said = said_line(result)
    parts: list[RenderableType] = [
        *([run_table(result.batches)] if result.batches else []),
        facts(
            [
                *captured,
                *images_fact([image.name for image in result.images]),
                ("predictions", f"{result.predictions_path}: {result.predictions_layout}, {result.dtype}"),
                ("targets", f"{result.targets_path}: {result.targets_layout}"),
                *recovered_fact(result.recovered, len(result.ground_truth)),
                ("priors", priors_line(result.config)),
                ("dialect", f"{result.dialect}, {matching}, on {result.device}"),
                *_left_out(result),
                *changed_fact(result.captured),
            ]
        ),
        _verdict(result),
        *([said] if said else []),
        Text(),
        findings_block(result.findings),
    ]
    if result.raises:
        formula = f"{result.raises}. What follows is its formula's value, with such an image all background."
        parts.append(bullets([f"The real {result.dialect} raises on this batch: {formula}"]))
    parts += [_loss(result), _images(result)]
    parts.append(_groups("By level", "level", result.levels, [feature_map(grid) for grid in result.config.levels]))
    classes = [item for item in result.classes if item.positives or item.negatives]
    if classes:
        parts.append(_groups("By target class", "class", classes, [item.label for item in classes]))
    top = view.top or MOST_LISTED
    parts += [_coordinates(result), _ground_truth(result, top), _negatives(result, top)]
    return Group(*parts)


def _verdict(result: LossResult) -> Text:
    loss = result.loss
    style = "verdict.good" if math.isfinite(loss.total) else "verdict.bad"
    text = Text(f"Loss {loss.total:.4f}", style=style)
    text.append(f" = localisation {loss.localization:.4f} + confidence {loss.confidence:.4f}", style="not bold default")
    if loss.landmarks is not None:
        text.append(f" + landmarks {loss.landmarks:.4f}", style="not bold default")
    return text


def _left_out(result: LossResult) -> list[tuple[str, str]]:
    """That a term of the dialect is in no figure, as a fact; none where it is."""
    why = result.landmarks_left_out
    return [("landmarks", f"left out of every figure: {why}; see `ssdlossdbg manual saving`")] if why else []


def _loss(result: LossResult) -> RenderableType:
    loss, sums = result.loss, result.loss_sum
    rows = [
        ("localisation", sums.localization, loss.localization),
        ("confidence, positives", sums.confidence_positive, loss.confidence_positive),
        (
            f"confidence, {'all' if result.all_negatives else 'mined'} negatives",
            sums.confidence_negative,
            loss.confidence_negative,
        ),
    ]
    if loss.landmarks is not None and sums.landmarks is not None:
        rows.append((f"landmarks, over {result.landmark_normalizer:g}", sums.landmarks, loss.landmarks))
    rows.append(("total", sums.total, loss.total))
    weight = "" if result.localization_weight == 1 else f", localisation times {result.localization_weight:g}"
    columns: Columns = [UNTITLED, "sum", "normalised", "share"]
    body = table(
        columns, ((name, number(summed), number(value), _share(value, loss.total)) for name, summed, value in rows)
    )
    title = f"The loss (normaliser: {result.normalizer:g}{weight})"
    if not result.decay.rate:
        return section(title, body)
    return section(title, Group(body, Text(_weight_decay(result))))


def _weight_decay(result: LossResult) -> str:
    """What training adds to the loss for the weights alone, or how to find out."""
    decay = result.decay
    rule = f"{decay.rate:g} times {'half ' if decay.halved else ''}the sum of squares"
    if result.weight_decay is None or result.total_with_weight_decay is None or result.decayed is None:
        return (
            f"{result.dialect} adds weight decay ({rule} of its weights), which is not computable from these tensors "
            "and in no figure here: give the state dict with --weights FILE."
        )
    counted, given = result.decayed
    return (
        f"Weight decay, {rule} of {counted} of {count(given, 'parameter')}: {result.weight_decay:.4f}; with it the "
        f"total that training prints is {result.total_with_weight_decay:.4f}. It is in no other figure here."
    )


def _share(value: float, total: float) -> Text:
    if not (math.isfinite(value) and math.isfinite(total)) or total == 0:
        return Text("-")
    return Text(f"{value / total:.1%}")


def _images(result: LossResult) -> RenderableType:
    columns: Columns = ["#", "objects", *_part_columns(result.loss)]
    if result.all_negatives:
        rows = [(image.index, image.ground_truth, *_parts(image)) for image in result.images]
        return section("By image (every negative counts, none is mined)", table(columns, rows))
    columns = [*columns, "last mined", "first not"]
    rows = [
        (
            image.index,
            image.ground_truth,
            *_parts(image),
            number(image.last_mined.score if image.last_mined else None, 3),
            number(image.first_not_mined.score if image.first_not_mined else None, 3),
        )
        for image in result.images
    ]
    tight = result.loss.landmarks is not None
    return section("By image (and the mining score on both sides of the cut-off)", table(columns, rows, tight))


def _groups(title: str, heading: str, groups: Sequence[GroupLoss], names: Sequence[str]) -> RenderableType:
    shown = _part_columns(groups[0].parts)
    columns: Columns = [Column(heading, "left", wrap=True), *shown, "|g loc|", "|g conf|"]
    rows = [
        (
            Text(name),
            *_parts(group),
            number(group.gradient_localization),
            number(group.gradient_confidence),
        )
        for name, group in zip(names, groups, strict=True)
    ]
    return section(f"{title} (|g|: norm of the loss's gradient with respect to it)", table(columns, rows))


def _part_columns(parts: Parts) -> tuple[str, ...]:
    """The headings of what `_parts` gives."""
    return ("pos", "neg", "loc", "conf pos", "conf neg", *_of_landmarks(LANDMARKS, parts), "total")


def _of_landmarks(shown: T, parts: Parts) -> tuple[T, ...]:
    """What is shown of the landmarks; nothing where they are no part of the loss."""
    return () if parts.landmarks is None else (shown,)


def _parts(of: GroupLoss | ImageLoss) -> Row:
    parts = of.parts
    landmarks = _of_landmarks(parts.landmarks, parts)
    losses = (parts.localization, parts.confidence_positive, parts.confidence_negative, *landmarks, parts.total)
    return of.positives, of.negatives, *map(number, losses)


def _coordinates(result: LossResult) -> RenderableType:
    if result.coordinates is None:
        return Text("The localisation loss compares boxes, so no part of it is a coordinate's.\n")
    columns: Columns = [UNTITLED, *COORDINATES, "localisation"]
    values = [number(value) for value in (*result.coordinates, result.loss.localization)]
    return section("By coordinate", table(columns, [("loss", *values)]))


def _ground_truth(result: LossResult, top: int) -> RenderableType:
    shown = result.ground_truth[:top]
    if result.encoded and not result.recovered:
        return Text("The targets are already encoded, and their positives agree on no objects that they came from.\n")
    if not shown:
        return Text("No object in the batch.\n")
    landmarks = _of_landmarks(LANDMARKS, result.loss)
    columns: Columns = ["img", "obj", CLASS, BOX, "IoU", "pos", "forced", "loc", "conf", *landmarks, "total"]
    rows: list[Row] = [
        (
            item.image,
            item.index,
            Text(item.label),
            corners(item.box),
            number(item.best_iou, 3),
            item.positives,
            item.forced,
            number(item.localization),
            number(item.confidence),
            *_of_landmarks(number(item.landmarks), result.loss),
            number(item.total),
        )
        for item in shown
    ]
    title = f"Costliest objects ({len(shown)} of {len(result.ground_truth)}{', recovered' * result.recovered})"
    return section(title, table(columns, rows))


def _negatives(result: LossResult, top: int) -> RenderableType:
    shown = result.negatives[:top]
    if not shown:
        return Text("There is no negative.\n" if result.all_negatives else "No negative was mined.\n")
    taken_for = Column("taken for", "left", wrap=True)
    columns: Columns = ["img", "rank", "prior", LEVEL, BOX, "loss", taken_for, "prob", "IoU", "obj"]
    rows = [
        (
            item.image,
            item.rank,
            item.prior,
            feature_map(result.config.levels[item.level]),
            corners(item.box),
            Text(f"{item.loss:.2e}") if result.all_negatives else number(item.loss),
            Text(item.predicted_label),
            number(item.probability, 2),
            number(item.best_iou, 3),
            item.ground_truth,
        )
        for item in shown
    ]
    nearest = "" if result.encoded and not result.recovered else "; IoU with the nearest object"
    title = f"Costliest mined negatives ({len(shown)} of {len(result.negatives)}{nearest})"
    if result.all_negatives:
        every = sum(image.negatives for image in result.images)
        title = f"Costliest negatives ({len(shown)} of {every:,}, which all count{nearest})"
    return section(title, table(columns, rows))
