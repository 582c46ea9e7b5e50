"""The terminal report of `detect`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.findings_text import findings_block
from ssdlossdbg.report.recorded_text import images_fact, recovered_fact, run_table
from ssdlossdbg.report.shares import percent
from ssdlossdbg.report.text import (
    BOX,
    CLASS,
    LEVEL,
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
    priors_line,
    section,
    table,
)
from ssdlossdbg.report.theme import OUTCOME_STYLES
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import (
    FINDS,
    FOUND,
    FOUND_AS_OTHER,
    MISSED,
    NOTHING,
    OTHER_CLASS,
    REPEATS,
    Detection,
    DetectResult,
    DetectScores,
    GroundTruthDetect,
    role_counts,
)

MOST_PLACES = 3
WORST_FIRST = (MISSED, FOUND_AS_OTHER, FOUND)
CANDIDATES_OF = {"class": "of each class", "image": "of each image", "level": "of each level"}
ROLE_WORDS = {FINDS: "finds it", REPEATS: "repeats", OTHER_CLASS: "other class", NOTHING: "nothing", None: "-"}
# The columns of objects, of scores on their way to detections, and of what the detections do.
OBJECTS = ("obj", "found", "other", "miss")
STAGES = ("above", "enter", "leave", "kept")
MERITS = ("finds", "again", "wrong", "none")
OBJECTS_MEAN = (
    ("obj", "objects"),
    ("found, other, miss", "those found by a detection of their class, by one of another class only, by none"),
)
STAGES_MEAN = (
    ("above, enter, leave, kept", "class-prior pairs above the threshold, entering NMS, leaving it, detected"),
)
MERITS_MEAN = (
    ("finds, again, wrong, none", "detections that find an object, repeat one, overlap one of another class, nothing"),
)
CHAIN_MEANS = (
    ("score, IoU, rank", "of the detection that finds it, by its rank in the image; else the best there is"),
    ("positives", "how many are trained on it > score above the threshold > enter NMS > leave it"),
)
NEAREST_MEANS = (("IoU, obj", "with the object that it explains; else with the nearest"),)

MOST_LISTED, MOST_CONFUSIONS = 20, 10


def detect_report(result: DetectResult, view: View = USUAL) -> RenderableType:
    """What is detected, and which objects are found.

    Args:
        result: what `analyse_detect` returned.
        view: says how many objects, the worst first, and how many detections, the highest scores first, to list;
            `MOST_LISTED` if it does not.
    """
    top = view.top or MOST_LISTED
    targets = [("targets", f"{result.targets_path}: {result.targets_layout}")] if result.targets_path else []
    parts: list[RenderableType] = [
        *([run_table(result.batches)] if result.batches else []),
        facts(
            [
                ("predictions", f"{result.predictions_path}: {result.predictions_layout}, {result.dtype}"),
                *targets,
                *recovered_fact(result.recovered, len(result.ground_truth)),
                *images_fact([image.name for image in result.images]),
                ("priors", priors_line(result.config)),
                ("dialect", f"{result.dialect}, on {result.device}: {_rules(result)}"),
            ]
        ),
        _verdict(result),
        Text(),
        findings_block(result.findings),
    ]
    remarks = _remarks(result)
    if remarks:
        parts.append(bullets(remarks))
    scores = result.scores
    parts += [*_scores(scores), _images(result), _classes(result, scores)]
    if scores and scores.confusions:
        parts.append(_confusions(scores))
    if result.targets_path:
        parts.append(_objects(result.ground_truth, top))
    parts.append(_detections(result, top))
    return Group(*parts)


def _rules(result: DetectResult) -> str:
    rules = result.rules
    enter = f"the top {rules.candidates} {CANDIDATES_OF[rules.candidates_of]}" if rules.candidates else "all"
    kept = [
        f"{limit} {whose}"
        for limit, whose in ((rules.keep_per_class, "of a class"), (rules.keep_per_image, "of an image"))
        if limit
    ]
    keep = f", at most {' and '.join(kept)} kept" if kept else ""
    return f"{rules.scores} above {rules.score_threshold:g}, {enter} enter NMS at {rules.nms_iou:g}{keep}"


def _verdict(result: DetectResult) -> Text:
    totals, objects = result.totals, result.ground_truth
    seen = f"{count(totals.detections, 'detection')} in {count(len(result.images), 'image')}"
    if not result.targets_path:
        return Text(f"{seen}.", style="title")
    missed = [item for item in objects if item.status == MISSED]
    text = Text(
        f"{sum(item.status == FOUND for item in objects)} of {count(len(objects), 'object')} found",
        style="verdict.bad" if missed else "verdict.good",
    )
    other = sum(item.status == FOUND_AS_OTHER for item in objects)
    as_other = f", {other} taken for another class" if other else ""
    text.append(
        f"{as_other}, {len(missed)} missed. {seen}: {totals.finds} find an object, {totals.repeats} repeat "
        f"one, {totals.other_class} overlap one of another class, {totals.nothing} nothing.",
        style="not bold default",
    )
    return text


def _remarks(result: DetectResult) -> list[str]:
    lines = _missed(result.ground_truth)
    silent = [item for item in result.images if not item.above_threshold and not item.non_finite]
    if silent and len(silent) == len(result.images):
        best = max(result.classes, key=lambda item: item.best_score)
        lines.append(
            f"No score is above {result.rules.score_threshold:g}; the highest is {best.best_score:.4f} ({best.label})."
        )
    return lines


def _missed(objects: Sequence[GroundTruthDetect]) -> list[str]:
    """Where on the way the positives of the missed objects went, a line a reason."""
    reasons: dict[str, list[GroundTruthDetect]] = {}
    for item in objects:
        if item.status == MISSED:
            reasons.setdefault(_fate(item), []).append(item)
    return [f"{count(len(items), 'missed object')} ({_places(items)}): {why}." for why, items in reasons.items()]


def _fate(item: GroundTruthDetect) -> str:
    if item.problem:
        return "its box is none, so nothing overlaps it"
    if not item.positives:
        return "no positive to learn it from"
    if not item.above_threshold:
        return "no positive has a score of its class above the threshold"
    if not item.candidates:
        return "positives are above the threshold, but none ranks high enough to enter NMS"
    if not item.survivors:
        return "positives enter NMS, but all are dropped there by higher scores"
    if not item.detections:
        return "positives leave NMS, but none is among those kept"
    return "positives are detections, but their boxes are too far off"


def _places(items: Sequence[GroundTruthDetect]) -> str:
    named = [f"image {item.image} object {item.index} {item.label}" for item in items[:MOST_PLACES]]
    return ", ".join(named) + (", ..." if len(items) > MOST_PLACES else "")


def _scores(scores: DetectScores | None) -> list[RenderableType]:
    """How good the detections are, in a sentence; nothing without an object to find."""
    if scores is None:
        return []
    words = f"Mean average precision {scores.mean_average_precision:.3f} on this batch (IoU 0.5)"
    if scores.threshold is not None and scores.precision is not None and scores.recall is not None:
        words += (
            f"; detections do best from score {scores.threshold:.2f} on: precision {percent(scores.precision)}, "
            f"recall {percent(scores.recall)}"
        )
    return [Text(f"{words}."), Text()]


def _confusions(scores: DetectScores) -> RenderableType:
    columns: Columns = [CLASS, Column("detected as", "left", wrap=True), "detections", "best score"]
    shown = scores.confusions[:MOST_CONFUSIONS]
    rows = [(Text(each.label), Text(each.taken_for), each.detections, number(each.best_score)) for each in shown]
    left = len(scores.confusions) - len(shown)
    more = f" ({left} more in --format json)" if left else ""
    return section(f"Classes taken for others{more}", table(columns, rows))


def _images(result: DetectResult) -> RenderableType:
    judged = bool(result.targets_path)
    rows: list[Row] = []
    for image in result.images:
        status = [item.status for item in image.ground_truth]
        objects = (len(status), *map(status.count, (FOUND, FOUND_AS_OTHER, MISSED)))
        stages = (image.above_threshold, image.candidates, image.survivors, len(image.detections))
        merits = role_counts(image.detections)
        rows.append((image.index, *objects, *stages, *merits) if judged else (image.index, *stages))
    columns: Columns = ["#", *OBJECTS, *STAGES, *MERITS] if judged else ["#", *STAGES]
    meanings = (*OBJECTS_MEAN, *STAGES_MEAN, *MERITS_MEAN) if judged else STAGES_MEAN
    return section("By image", Group(table(columns, rows), legend(meanings)))


def _classes(result: DetectResult, scores: DetectScores | None) -> RenderableType:
    precisions = {each.class_id: each.average_precision for each in scores.classes} if scores else {}
    judged = bool(result.targets_path)
    shown = [item for item in result.classes if item.above_threshold or item.ground_truth] or result.classes
    rows: list[Row] = []
    for item in shown:
        objects = (item.ground_truth, item.found, item.as_other, item.missed) if judged else ()
        stages = (item.above_threshold, item.candidates, item.survivors, item.detections)
        last = [number(precisions.get(item.class_id), 3)] if judged else []
        rows.append((Text(item.label), *objects, *stages, number(item.best_score), *last))
    columns: Columns = [CLASS, *(OBJECTS if judged else ()), *STAGES, "best score", *(["AP"] if judged else [])]
    hidden = len(result.classes) - len(shown)
    more = f" ({count(hidden, 'class', 'classes')} without a score above the threshold left out)" if hidden else ""
    return section(f"By class{more}", table(columns, rows))


def _objects(objects: Sequence[GroundTruthDetect], top: int) -> RenderableType:
    if not objects:
        return Text("No object in the batch.\n")
    worst = sorted(objects, key=lambda item: (WORST_FIRST.index(item.status), item.score or 0.0))[:top]
    status = Column("status", "left", wrap=True)
    columns: Columns = ["img", "obj", CLASS, BOX, status, "score", "IoU", "rank", "positives"]
    rows = [
        (
            item.image,
            item.index,
            Text(item.label),
            corners(item.box),
            Text(f"as {item.taken_for}" if item.status == FOUND_AS_OTHER else item.status, OUTCOME_STYLES[item.status]),
            number(item.score, 2),
            number(item.best_iou if item.iou is None else item.iou, 2),
            item.detection,
            f"{item.positives}>{item.above_threshold}>{item.candidates}>{item.survivors}",
        )
        for item in worst
    ]
    title = f"Objects, the worst first ({len(worst)} of {len(objects)})"
    return section(title, Group(table(columns, rows), legend(CHAIN_MEANS)))


def _detections(result: DetectResult, top: int) -> RenderableType:
    total = sum(len(image.detections) for image in result.images)
    if not total:
        return Text("Nothing is detected.\n")
    # No image has more among the first than there are; equal scores stay in the order of the images.
    highest = [(image.index, item) for image in result.images for item in image.detections[:top]]
    shown = sorted(highest, key=lambda pair: -pair[1].score)[:top]
    judged = bool(result.targets_path)
    columns: Columns = ["img", "rank", CLASS, "score", BOX, "prior", LEVEL]
    if judged:
        columns += ["IoU", "obj", Column("object", "left")]
    rows: list[Row] = [
        (
            image,
            item.rank,
            Text(item.label),
            number(item.score, 3),
            corners(item.box),
            item.prior,
            feature_map(result.config.levels[item.level]),
            *(_nearest(item) if judged else ()),
        )
        for image, item in shown
    ]
    listed = Group(table(columns, rows), legend(NEAREST_MEANS)) if judged else table(columns, rows)
    return section(f"Detections, the highest scores first ({len(shown)} of {total})", listed)


def _nearest(item: Detection) -> Row:
    """The object that the detection explains; else the nearest one."""
    of_class = item.role in (FINDS, REPEATS)
    overlap = item.best_iou_of_class if of_class else item.best_iou
    index = item.ground_truth_of_class if of_class else item.ground_truth
    return number(overlap, 3), None if math.isnan(overlap) else index, ROLE_WORDS[item.role]
