"""What a report of a dataset shows beside counts: levels, fit by size, rivals for a prior, images to look at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssdlossdbg.analysis.anchors import placed_iou
from ssdlossdbg.analysis.audit.matched import Matched
from ssdlossdbg.analysis.audit.part import Part
from ssdlossdbg.analysis.audit.tallies import Outcomes
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.results import HARDLY, Contested, FloatArray, IouBySize, LevelAudit, Objects, Rivals, WorstImage

SMALLEST_SIDE, SIDE_RATIO, IOU_BINS = 1.0, 1.1, 20
MOST_PAIRS = 5


def levels(priors: Priors, matched: Sequence[Matched], objects: Objects) -> tuple[LevelAudit, ...]:
    """What each level contributes.

    Args:
        priors: those of all.
        matched: what became of the objects, part by part.
        objects: the same of all parts.
    """
    level = priors.level_index.cpu().numpy()
    grids = [(spec.feature_map, spec.stride) for spec in priors.levels] or [((0, 0), (0.0, 0.0))]
    numbers = (
        np.bincount(level, minlength=len(grids)),
        np.sum([part.positives for part in matched], axis=0),
        np.sum([part.forced for part in matched], axis=0),
        np.bincount(level[objects.best_prior], objects.valid, len(grids)).astype(np.int64),
    )
    rows = np.stack(numbers, axis=1).tolist()
    return tuple(LevelAudit(*grid, *row) for grid, row in zip(grids, rows, strict=True))


def iou_by_size(outcome: Outcomes, priors: Priors) -> IouBySize:
    """How well the priors fit objects of each size; sides run from a pixel to beyond the network's input."""
    steps = max(1, np.ceil(np.log(max(priors.image_size) / SMALLEST_SIDE) / np.log(SIDE_RATIO)))
    edges = SMALLEST_SIDE * SIDE_RATIO ** np.arange(steps + 1)
    sides = (np.searchsorted(edges, outcome.side[outcome.valid], side="right") - 1).clip(0, len(edges) - 2)
    ious = (outcome.best_iou[outcome.valid] * IOU_BINS).astype(np.int64).clip(0, IOU_BINS - 1)
    counts = np.bincount(sides * IOU_BINS + ious, minlength=(len(edges) - 1) * IOU_BINS)
    best, worst = (_squares(priors, edges, placed_best) for placed_best in (True, False))
    return IouBySize(edges, np.linspace(0, 1, IOU_BINS + 1), counts.reshape(-1, IOU_BINS), best, worst)


def _squares(priors: Priors, sides: FloatArray, placed_best: bool) -> FloatArray:
    if not priors.levels:
        return np.zeros(0)
    best: FloatArray = np.max([placed_iou(level, sides, placed_best) for level in priors.levels], axis=0)
    return best


def contested(objects: Objects, names: Sequence[str]) -> Contested:
    """Objects that compete for a prior.

    Args:
        objects: what became of them.
        names: of the classes from 1.
    """
    losers = np.flatnonzero(objects.lost_to >= 0)
    pairs = (objects.class_id[losers] - 1) * len(names) + objects.class_id[objects.lost_to[losers]] - 1
    found, counts = np.unique(pairs, return_counts=True)
    first = np.argsort(-counts, kind="stable")[:MOST_PAIRS]
    return Contested(
        lost=len(losers),
        without_positive=int(objects.without_positive[losers].sum()),
        pairs=tuple(
            Rivals(names[pair // len(names)], names[pair % len(names)], number)
            for pair, number in zip(found[first].tolist(), counts[first].tolist(), strict=True)
        ),
    )


def images_first(objects: Objects, parts: Sequence[Part], most: int) -> tuple[WorstImage, ...]:
    """The images to look at first: with objects that nothing is trained on, then with those that hardly anything is.

    Args:
        objects: what became of them, of all parts.
        parts: whose images they are in.
        most: how many images at most.
    """
    masks = (
        ~objects.valid,
        objects.without_positive,
        objects.forced_only,
        objects.forced_only & (objects.best_iou < HARDLY),
    )
    images = len(objects.images)
    invalid, lost, forced, hardly = (np.bincount(objects.image[mask], minlength=images) for mask in masks)
    order = np.lexsort((np.arange(images), -forced, -hardly, -(invalid + lost)))[:most]
    worst = order[(invalid + lost + forced)[order] > 0].tolist()
    present = np.bincount(objects.image, minlength=images)
    places = [(part, place) for part in parts for place in np.flatnonzero(part.matched.done).tolist()]
    return tuple(
        WorstImage(
            name=part.dataset.names[place],
            annotation=part.dataset.files[place],
            photo=_shortest(part.found[place]),
            ground_truth=int(present[image]),
            invalid=int(invalid[image]),
            without_positive=int(lost[image]),
            forced_only=int(forced[image]),
            hardly=int(hardly[image]),
        )
        for image, (part, place) in zip(worst, map(places.__getitem__, worst), strict=True)
    )


def _shortest(path: Path | None) -> str | None:
    if path is None:
        return None
    short = Path(os.path.normpath(path))  # without `Annotations/..`, unless that is a link which leads elsewhere
    return str(short if short.exists() and short.samefile(path) else path)
