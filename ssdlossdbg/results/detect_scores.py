"""How good detections are: average precision, the best score to cut at, and which classes are taken for which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ssdlossdbg.results.detections import FINDS, OTHER_CLASS, Detection, classes_in, in_role, scores_in, those_in

if TYPE_CHECKING:
    from ssdlossdbg.results.detect import GroundTruthDetect


@dataclass(frozen=True)
class ClassScore:
    """One class that has objects.

    Attributes:
        average_precision: area under precision over recall, as Pascal VOC counts from 2010 on: at IoU 0.5, each
            precision the highest that is met at its recall or a higher one.
    """

    class_id: int
    label: str
    ground_truth: int
    average_precision: float


@dataclass(frozen=True)
class Confusion:
    """Objects of one class that detections of another one overlap.

    Attributes:
        label: of the objects.
        taken_for: of the detections.
        detections: how many.
        best_score: of them.
    """

    label: str
    taken_for: str
    detections: int
    best_score: float


@dataclass(frozen=True)
class DetectScores:
    """How good the detections of a batch are.

    Attributes:
        mean_average_precision: over the classes that have objects.
        classes: those.
        threshold: the score from which on detections have the best F1, all classes together; None without any that
            finds an object.
        precision, recall: of the detections from that score on; None without it.
        confusions: the highest score first.
    """

    mean_average_precision: float
    classes: tuple[ClassScore, ...]
    threshold: float | None
    precision: float | None
    recall: float | None
    confusions: tuple[Confusion, ...]


def scores_of(
    detections: Sequence[Sequence[Detection]], objects: Sequence[Sequence[GroundTruthDetect]]
) -> DetectScores | None:
    """The scores of a batch; None without an object.

    Args:
        detections: of each image, with their roles.
        objects: of each image.
    """
    owned: dict[tuple[int, str], int] = defaultdict(int)
    for item in (item for image in objects for item in image):
        owned[item.class_id, item.label] += 1
    if not owned:
        return None
    finding = np.concatenate([in_role(image, FINDS) for image in detections])
    scores = np.concatenate([scores_in(image) for image in detections]).astype(float)
    class_ids = np.concatenate([classes_in(image) for image in detections])
    classes = tuple(
        ClassScore(class_id, label, number, _average_precision(scores[own], finding[own], number))
        for (class_id, label), number in sorted(owned.items())
        for own in [class_ids == class_id]
    )
    mean = float(np.mean([each.average_precision for each in classes]))
    return DetectScores(mean, classes, *_best(scores, finding, sum(owned.values())), _confusions(detections, objects))


def _average_precision(scores: np.ndarray, finding: np.ndarray, objects: int) -> float:
    found = np.cumsum(finding[np.argsort(-scores, kind="stable")])
    precision = found / np.arange(1, len(found) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    # Recall grows by one object's share at each detection that finds one.
    steps = np.diff(found, prepend=0)
    return float((highest * steps).sum() / objects)


def _best(scores: np.ndarray, finding: np.ndarray, objects: int) -> tuple[float | None, float | None, float | None]:
    """The score with the best F1, and precision and recall from it on; equal scores come together."""
    if not finding.any():
        return None, None, None
    order = np.argsort(-scores, kind="stable")
    ordered, found = scores[order], np.cumsum(finding[order])
    kept = np.arange(1, len(found) + 1)
    last = np.append(np.diff(ordered) != 0, True)  # of those with its score
    f1 = np.where(last, 2 * found / (kept + objects), -1.0)
    place = int(f1.argmax())
    return float(ordered[place]), float(found[place] / kept[place]), float(found[place] / objects)


def _confusions(
    detections: Sequence[Sequence[Detection]], objects: Sequence[Sequence[GroundTruthDetect]]
) -> tuple[Confusion, ...]:
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for found, owned in zip(detections, objects, strict=True):
        labels = {item.index: item.label for item in owned}
        for item in those_in(found, OTHER_CLASS):
            if item.ground_truth in labels:
                scores[labels[item.ground_truth], item.label].append(item.score)
    made = (Confusion(*pair, len(each), max(each)) for pair, each in scores.items())
    return tuple(sorted(made, key=lambda each: (-each.best_score, each.label, each.taken_for)))
