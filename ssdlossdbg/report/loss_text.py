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
from ssdlossdbg.report.steps_text import steps_block, steps_verdict
from ssdlossdbg.report.text import (
    BOX,
    CLASS,
    LEVEL,
    POSITIVES_MEAN,
    UNTITLED,
    Column,
    Columns,
    Row,
    bullets,
    corners,
    count,
    facts,
    feature_map,
    legend,
    number,
    positives,
    priors_line,
    section,
    table,
)
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import COORDINATES, Cutoff, GroupLoss, ImageLoss, LossResult, Parts

LANDMARKS = "landm"
EACH_MEANS = (
    ("loc/pos, conf/pos, conf/neg", "mean over the positives, and over the negatives, before weight and normaliser"),
    ("|g|", "norm of the loss's gradient"),
)
# Of the loss of a network that knows nothing: below the first something is learnt, from the second on it is worse.
LEARNT, WORSE = 0.8, 1.25

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
        *_without(result),
        *_is_that_normal(result),
        Text(),
        findings_block(result.findings),
    ]
    if result.raises:
        formula = f"{result.raises}. What follows is its formula's value, with such an image all background."
        parts.append(bullets([f"The real {result.dialect} raises on this batch: {formula}"]))
    top = view.top or MOST_LISTED
    if result.first_step is not None:
        parts.append(steps_block(result, result.first_step, top))
    parts += [_loss(result), _images(result)]
    parts += _groups(result, "By level", "level", result.levels, [feature_map(grid) for grid in result.config.levels])
    classes = [item for item in result.classes if item.positives or item.negatives]
    if classes:
        parts += _groups(result, "By target class", "class", classes, [item.label for item in classes])
    parts += [_coordinates(result), _ground_truth(result, top), _negatives(result, top)]
    return Group(*parts)


def _verdict(result: LossResult) -> Text:
    loss = result.loss
    style = "verdict.good" if math.isfinite(result.whole) else "verdict.bad"
    text = Text(f"Loss {result.whole:.4f}", style=style)
    if result.first_step is not None:
        return text.append(steps_verdict(result.first_step, loss), style="not bold default")
    text.append(f" = localisation {loss.localization:.4f} + confidence {loss.confidence:.4f}", style="not bold default")
    if loss.landmarks is not None:
        text.append(f" + landmarks {loss.landmarks:.4f}", style="not bold default")
    return text


def _without(result: LossResult) -> list[RenderableType]:
    """What the loss is without the boxes that make it inf or nan; nothing where none does."""
    rest = result.without
    if rest is None:
        return []
    (image, index), *more = rest.objects
    which = f"object {index} of image {image}" if not more else f"the {len(rest.objects)} boxes that make it so"
    words = f"Without {which} the loss is {rest.loss.total:.4f} = localisation {rest.loss.localization:.4f}"
    return [Text(f"{words} + confidence {rest.loss.confidence:.4f}.")]


def _is_that_normal(result: LossResult) -> list[RenderableType]:
    """How far the loss is from that of a network that knows nothing; nothing where neither is finite."""
    untrained, now = result.untrained, (result.without.loss if result.without else result.loss)
    if untrained is None or not math.isfinite(now.total) or not untrained.total:
        return []
    ratio = (now.localization + now.confidence) / untrained.total
    softmax = math.isclose(untrained.prior, math.log(untrained.classes), rel_tol=1e-4)
    each = f"ln {untrained.classes} = {untrained.prior:.2f}" if softmax else f"{untrained.prior:.2g}"
    learnt = "it has learnt" if ratio < LEARNT else "it is as good as untrained"
    judged = learnt if ratio < WORSE else "it is worse than one that guesses"
    return [
        Text(
            f"Is that normal? An untrained network would have about {untrained.total:.4g} on this batch (localisation "
            f"{untrained.localization:.4g} + confidence {untrained.confidence:.4g}, {each} a prior); this is "
            f"{ratio:.0%} of that: {judged}."
        )
    ]


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
    whose = "The loss" if result.first_step is None else "The loss of the second step"
    title = f"{whose} (normaliser: {result.normalizer:g}{weight})"
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
    cut_off: Columns = [] if result.all_negatives else ["last in", "first out"]
    columns: Columns = ["#", "obj", *_part_columns(result.loss), *cut_off]
    rows: list[Row] = [
        (
            image.index,
            image.ground_truth,
            *_parts(image),
            *([] if result.all_negatives else [_score(image.last_mined), _score(image.first_not_mined)]),
        )
        for image in result.images
    ]
    meanings = [("obj", "objects"), *_parts_mean(result)]
    if not result.all_negatives:
        meanings.append(("last in, first out", "mining score of the last negative mined and of the first that is not"))
    return section("By image", Group(table(columns, rows), legend(meanings)))


def _score(edge: Cutoff | None) -> Text:
    return number(edge.score if edge else None, 3)


def _parts_mean(result: LossResult) -> list[tuple[str, str]]:
    """What the headings of `_part_columns` mean."""
    negatives = "negatives, which all count" if result.all_negatives else "mined negatives"
    return [
        ("pos, neg", f"positives and {negatives}"),
        ("loc, conf pos, conf neg", "localisation, confidence of positives and of negatives"),
    ]


def _groups(
    result: LossResult, title: str, heading: str, groups: Sequence[GroupLoss], names: Sequence[str]
) -> list[RenderableType]:
    """The shares of the groups, and what one prior of each costs."""
    first: Columns = [Column(heading, "left", wrap=True)]
    shares: list[Row] = [
        (Text(name), *_parts(group), _share(group.parts.total, result.loss.total))
        for name, group in zip(names, groups, strict=True)
    ]
    means: list[Row] = [
        (
            Text(name),
            number(group.means.localization),
            number(group.means.confidence_positive),
            number(group.means.confidence_negative),
            number(group.gradient_localization),
            number(group.gradient_confidence),
        )
        for name, group in zip(names, groups, strict=True)
    ]
    shown: Columns = [*first, *_part_columns(groups[0].parts), "share"]
    each: Columns = [*first, "loc/pos", "conf/pos", "conf/neg", "|g loc|", "|g conf|"]
    return [
        section(title, table(shown, shares)),
        section(f"{title}, for each prior", Group(table(each, means), legend(EACH_MEANS))),
    ]


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
    taken_for = Column("taken for", "left", wrap=True)
    columns: Columns = ["img", "obj", CLASS, BOX, "IoU", "pos", "loc", "conf", *landmarks, "share", taken_for]
    rows: list[Row] = [
        (
            item.image,
            item.index,
            Text(item.label),
            corners(item.box),
            number(item.best_iou, 2),
            positives(item.positives, item.forced),
            number(item.localization),
            number(item.confidence),
            *_of_landmarks(number(item.landmarks), result.loss),
            _share(item.total, result.loss.total),
            Text(item.predicted_label or "-"),
        )
        for item in shown
    ]
    title = f"Costliest objects ({len(shown)} of {len(result.ground_truth)}{', recovered' * result.recovered})"
    meanings = [
        ("pos", f"priors trained on it; {POSITIVES_MEAN}"),
        ("taken for", "the likeliest class at its positive of the costliest confidence"),
    ]
    return section(title, Group(table(columns, rows), legend(meanings)))


def _negatives(result: LossResult, top: int) -> RenderableType:
    shown = result.negatives[:top]
    if not shown:
        return Text("There is no negative.\n" if result.all_negatives else "No negative was mined.\n")
    taken_for = Column("taken for", "left", wrap=True)
    columns: Columns = ["img", "prior", LEVEL, BOX, "loss", "share", taken_for, "IoU", "obj"]
    rows = [
        (
            item.image,
            item.prior,
            feature_map(result.config.levels[item.level]),
            corners(item.box),
            Text(f"{item.loss:.2e}") if result.all_negatives else number(item.loss),
            _share(item.loss, result.loss.total),
            Text(f"{item.predicted_label} {item.probability:.2f}"),
            number(item.best_iou, 2),
            item.ground_truth,
        )
        for item in shown
    ]
    nearest = not result.encoded or result.recovered
    title = f"Costliest mined negatives ({len(shown)} of {len(result.negatives)})"
    if result.all_negatives:
        every = sum(image.negatives for image in result.images)
        title = f"Costliest negatives ({len(shown)} of {every:,}, which all count)"
    meanings = [
        ("taken for", "the likeliest class, and its probability"),
        ("IoU, obj", "with the nearest object"),
    ]
    return section(title, Group(table(columns, rows), legend(meanings if nearest else meanings[:1])))
