"""The terminal report of the loss of a data set."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.findings_text import findings_block
from ssdlossdbg.report.listed import Listed, listed_column
from ssdlossdbg.report.recorded_text import run_table
from ssdlossdbg.report.shares import many, percent
from ssdlossdbg.report.text import (
    BOX,
    CLASS,
    POSITIVES_MEAN,
    Column,
    Columns,
    Row,
    bullets,
    corners,
    facts,
    file_name,
    legend,
    number,
    positives,
    priors_line,
    section,
    shared_folder,
    table,
)
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import LossesResult
from ssdlossdbg.results.captured import CAPTURED_NAME
from ssdlossdbg.results.losses import LossGroup, SeenImage, SeenObject, WholeLoss
from ssdlossdbg.results.said import is_another, off_by

MOST_LISTED = 10
# Cases of a finding: of so many batches each may have its own.
MOST_CASES = 2
MOST_OF_NAME = 24
IMAGE = Column("image", "left", wrap=True, least=12)
BATCH = Column("batch", "left", wrap=True, least=10)
LANDMARKS, FIRST = "landm", "1st step"


def losses_report(result: LossesResult, view: View = USUAL) -> RenderableType:
    """Which images and objects cost most, and what else there is to say of so many batches.

    Args:
        result: what `losses` returned.
        view: says how many images, objects and batches to list; `MOST_LISTED` if it does not.
    """
    top = view.top or MOST_LISTED
    folder = shared_folder(image.title for image in result.images)
    parts: list[RenderableType] = [
        facts(_facts(result, folder)),
        *_means(result),
        *([bullets([*result.mixed, *filter(None, [result.absent])])] if result.mixed or result.absent else [Text()]),
        _images(result, folder, top),
        findings_block(result.findings, True, result.finding_files, MOST_CASES),
    ]
    parts += [_objects(result.seen_objects, folder, top)] if result.seen_objects else []
    for title, groups in (
        ("By class", result.classes),
        ("By size (side of a square of the object's area, in px of the input)", result.sizes),
        ("By level", result.levels),
    ):
        parts += [section(title, _groups(groups, result.finite_batches))] if groups else []
    parts += _negatives(result, folder, top)
    parts.append(run_table(result.batches[:top]))
    if len(result.batches) > top:
        parts.append(Text(f"{many(len(result.batches) - top, 'more batch', 'more batches')} in --format json.\n"))
    return Group(*parts)


def _facts(result: LossesResult, folder: str) -> list[tuple[str, str]]:
    again = f", seen {result.sightings:,} times" if result.sightings > result.image_count else ""
    empty = f" ({result.empty:,} without objects)" if result.empty else ""
    kind = {True: ", without gradients", False: ", training", None: ""}[result.validation]
    steps = [batch.step for batch in result.batches if batch.step is not None]
    span = f", steps {min(steps)} to {max(steps)}" if len(steps) > 1 else ""
    read = many(len(result.read), "batch", "batches")
    guilty = result.guilty
    held = f"{read} of {many(result.image_count, 'image')}{empty}{again}, {many(len(result.seen_objects), 'object')}"
    return [
        ("losses", f"{result.source}: {held}{span}{kind}"),
        *([("went wrong", f"{_short(guilty.file)}: {guilty.reason}, as the training saw it first")] if guilty else []),
        *(("not read", f"{each.file}: {each.why}") for each in result.unread[:MOST_LISTED]),
        *([("images", f"in {folder}")] if folder else []),
        *[("priors", priors_line(config)) for config in result.configs],
        ("dialect", f"{', '.join(result.dialects)}, on {result.device}"),
    ]


def _means(result: LossesResult) -> list[RenderableType]:
    """The means that codebases print, and that of the images, said apart."""
    batches, images = result.mean_of_batches, result.mean_of_images
    good = "verdict.good" if math.isfinite(batches.total) else "verdict.bad"
    lines = [_mean(batches, f"a batch: the mean of {many(len(result.read), 'batch', 'batches')}", good)]
    lines += _finite(result.finite_batches, len(result.read))
    if images is not None:
        what = f"an image: the mean of {many(result.with_loss, 'image')}, each as a batch of its own"
        lines += [_mean(images, what, good), *_finite(result.finite_images, result.with_loss)]
    if result.with_loss < result.image_count:
        left = result.image_count - result.with_loss
        lines.append(Text(f"{many(left, 'image has', 'images have')} no positive to divide by, and no loss alone."))
    if result.recorded is not None:
        error = result.recorded_error
        agree = error is not None and not is_another(error)
        off = "" if error is None else f"; the batches are {off_by(error)} at most"
        style = "verdict.good" if agree else "verdict.bad"
        lines.append(Text(f"Your code said {result.recorded:.4f} a batch{off}.", style=style))
    return list(lines)


def _mean(loss: WholeLoss, what: str, style: str) -> Text:
    text = Text(f"Loss {loss.total:.4f}", style=style)
    first = "" if loss.first_step is None else f"first step {loss.first_step:.4f} + "
    terms = f"localisation {loss.localization:.4f} + confidence {loss.confidence:.4f}"
    terms += "" if loss.landmarks is None else f" + landmarks {loss.landmarks:.4f}"
    return text.append(f" {what} = {first}{terms}", style="not bold default")


def _finite(finite: tuple[int, WholeLoss | None], number: int) -> list[Text]:
    """What it is without those that are inf or nan; nothing where all are finite."""
    counted, mean = finite
    if counted == number or mean is None:
        return []
    return [Text(f"  without the {number - counted:,} that are inf or nan: {mean.total:.4f}")]


def _images(result: LossesResult, folder: str, top: int) -> RenderableType:
    shown = result.images[:top]
    again = result.sightings > result.image_count
    loss = next((each.loss for each in shown if each.loss), None)
    more = [] if loss is None else [LANDMARKS] * (loss.landmarks is not None) + [FIRST] * (loss.first_step is not None)
    columns: Columns = [IMAGE, "loss", *(["mean", "seen"] if again else []), "loc", "conf pos", "conf neg", *more]
    apart = any(each.name or each.dataset_index is not None for each in shown)  # else the first column says it
    columns += ["obj", "pos", *([BATCH] if apart else [])]
    rows: list[Row] = [
        (
            Text(each.title.removeprefix(folder)),
            *_losses(each, again, more),
            each.ground_truth,
            positives(each.positives, each.forced),
            *([Text(f"{_short(each.file)} #{each.index}")] if apart else []),
        )
        for each in shown
    ]
    meanings = [
        ("loss", f"of the image as a batch of its own{', when it was seen last' if again else ''}"),
        *([("mean", "over all times that it was seen")] if again else []),
        ("pos", f"positives; {POSITIVES_MEAN}"),
        ("#", f"its place in {'the batch' if apart else 'its file'}"),
    ]
    title = f"Images of the highest loss ({len(shown)} of {result.image_count:,})"
    return section(title, Group(table(columns, rows), legend(meanings)))


def _losses(image: SeenImage, again: bool, more: Sequence[str]) -> Row:
    loss = image.loss
    times = (number(image.mean), f"{image.seen}") if again else ()
    if loss is None:
        return (number(None), *times, *(number(None),) * (3 + len(more)))
    values = {LANDMARKS: loss.landmarks, FIRST: loss.first_step}
    terms = (loss.localization, loss.confidence_positive, loss.confidence_negative, *(values[name] for name in more))
    return (number(loss.total), *times, *map(number, terms))


def _short(file: str) -> str:
    """A file's name, or the step that a captured one is called after."""
    captured = re.fullmatch(CAPTURED_NAME, file_name(file))
    if captured is None:
        return file_name(file)
    return f"step {int(captured[1])}" + (f" rank {captured[2]}" if captured[2] else "")


def _objects(objects: Sequence[SeenObject], folder: str, top: int) -> RenderableType:
    in_photo = any(each.photo_box for each in objects[:top])
    shown = [Listed([each.image.removeprefix(folder), _box(each, in_photo)]) for each in objects[:top]]
    where = listed_column(f"image, px of {'photo' if in_photo else 'input'}", shown, MOST_OF_NAME)
    taken = Column("taken for", "left", wrap=True)
    columns: Columns = [where, CLASS, "IoU", "pos", "loc", "conf", "p", taken]
    rows: list[Row] = [
        (
            place,
            Text(each.label),
            number(each.best_iou, 2),
            positives(each.positives, each.forced),
            number(each.localization),
            number(each.confidence),
            number(each.probability, 2),
            Text(each.taken_for or "-"),
        )
        for place, each in zip(shown, objects, strict=False)
    ]
    meanings = [
        ("loc, conf", "its part of its image's loss"),
        ("p", "probability of its class at its positive of the costliest confidence"),
        ("taken for", "the likeliest class there"),
    ]
    title = f"Costliest objects ({len(rows)} of {len(objects):,})"
    return section(title, Group(table(columns, rows), legend(meanings)))


def _box(item: SeenObject, in_photo: bool) -> str:
    return corners(item.photo_box or item.box) + ("" if item.photo_box or not in_photo else " (input)")


def _groups(groups: Sequence[LossGroup], finite: tuple[int, WholeLoss | None]) -> RenderableType:
    total = 0.0 if finite[1] is None else finite[1].total - (finite[1].first_step or 0.0)
    of_objects = any(group.objects is not None for group in groups)
    first = Column("", "left", wrap=True)
    columns: Columns = [first, *(["obj", "unmatched", "forced", "right"] if of_objects else []), "pos", "neg"]
    columns += ["loc", "conf", "share"]
    rows: list[Row] = [
        (
            Text(group.name),
            *(_fates(group) if of_objects else ()),
            f"{group.positives:,}",
            f"{group.negatives:,}",
            number(group.parts.localization),
            number(group.parts.confidence),
            Text(f"{group.parts.total / total:.1%}" if total else "-"),
        )
        for group in groups
    ]
    meanings = [
        ("forced", "objects with forced positives alone"),
        ("right", "whose class is the likeliest at their positive of the costliest confidence"),
        ("loc, conf", f"of the mean of the {many(finite[0], 'batch', 'batches')} with a finite loss"),
    ]
    return Group(table(columns, rows), legend(meanings if of_objects else meanings[2:]))


def _fates(group: LossGroup) -> Row:
    if group.objects is None:
        return (None,) * 4
    shares = (group.unmatched, group.forced_only, group.right)
    return (f"{group.objects:,}", *(percent((each or 0) / group.objects if group.objects else 0.0) for each in shares))


def _negatives(result: LossesResult, folder: str, top: int) -> list[RenderableType]:
    known = [(each, each.negative) for each in result.images if each.negative is not None]
    known.sort(key=lambda pair: math.inf if math.isnan(pair[1].loss) else pair[1].loss, reverse=True)
    if not known:
        return []
    columns: Columns = [IMAGE, BOX, "loss", Column("taken for", "left", wrap=True), "IoU", BATCH]
    rows: list[Row] = [
        (
            Text(image.title.removeprefix(folder)),
            corners(negative.box),
            number(negative.loss),
            Text(f"{negative.taken_for} {negative.probability:.2f}"),
            number(negative.best_iou, 2),
            Text(f"{_short(image.file)} #{image.index}"),
        )
        for image, negative in known[:top]
    ]
    kinds = Counter(negative.taken_for for _, negative in known if negative.taken_for != "background")
    often = ", ".join(f"{name} ({times})" for name, times in kinds.most_common(3))
    title = (
        f"Costliest mined negative of an image ({len(rows)} of {len(known):,} images{f'; {often}' if often else ''})"
    )
    return [section(title, table(columns, rows))]
