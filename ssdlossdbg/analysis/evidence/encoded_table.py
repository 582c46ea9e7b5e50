"""Targets that were already encoded, as the checks see them: decoded, and the objects behind them recovered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.analysis.evidence.elsewhere import read_priors
from ssdlossdbg.analysis.evidence.readings import (
    HALF_PRECISIONS,
    Hypothesis,
    Positives,
    read_offsets,
    stated,
    stored_precision,
)
from ssdlossdbg.analysis.evidence.same_boxes import same_boxes
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.results import BoolArray, Box, EncodedTable, FloatArray, IntArray, corners, sound_priors
from ssdlossdbg.results.encoded import NO_SIDE, Formula, PriorsByImage
from ssdlossdbg.rules import Dialect, MatchSpec

# Overlaps held at a time.
TILE = 2**20
# Overlap from which two boxes of a label are taken for one object.
NEARLY_SAME = 0.6
# Boxes that nearly repeat another are no more than this share of all, if the variances are such as nobody writes.
RARELY = 0.1
# What rounding does to an overlap of sound boxes, at the most.
IOU_ROUNDING = 1e-4


def describe_encoded(targets: EncodedTargets, named: NamedPriors, dialect: Dialect, file: str) -> EncodedTable:
    """The positives of targets that were already encoded, and the objects that they stand for.

    Args:
        targets: labels `[B, P]` and offsets `[B, P, 4]`.
        named: the P priors.
        dialect: the rules.
        file: the targets' path.
    """
    labels, offsets, grid = targets.labels.cpu(), targets.offsets.cpu(), _Grid.of(named, dialect)
    where = (labels > 0).nonzero(as_tuple=True)
    image, prior = (index.numpy() for index in where)
    values = offsets[where].double().numpy()
    positives = Positives(image, labels[where].numpy(), values, grid.priors[prior], stored_precision(values))

    usable = np.isfinite(values).all(1) & sound_priors(positives.priors)
    hypothesis, reading = read_offsets(
        positives.only(usable), dialect.codec.variances, grid.size, dialect.match.threshold, grid.aspect
    )
    found = _recover(positives, usable, hypothesis, grid)
    # Where most priors are positive, there are objects to speak of only if many positives share one.
    crowded = len(image) > labels.numel() / 2
    split = np.zeros(len(image), dtype=bool) if crowded else _split(found, positives)
    odd = reading.formula is Formula.VARIANCES and not _simple(reading.variances)
    if reading.formula is not Formula.STATED and split.mean() > (RARELY if odd else 0.5):
        # Priors that are smaller by one factor all over a level look like variances that are larger by it, but for
        # boxes that stay apart; and a formula that is like the true one brings some together.
        own = stated(dialect.codec.variances)
        reading = replace(
            reading, formula=own.formula, words=own.words, variances=own.variances, boxes=reading.stated_boxes
        )
        hypothesis, found = own, _recover(positives, usable, own, grid)
        split = _split(found, positives)
    reading = read_priors(positives.only(usable), (hypothesis, reading), prior[usable], named, dialect)
    weak = found.iou < dialect.match.threshold - found.slack
    asked = np.zeros_like(weak) if crowded and reading.boxes > reading.positives / 2 else weak
    return EncodedTable(
        file=file,
        images=len(labels),
        priors=len(grid.priors),
        image_size=grid.size,
        image=image,
        prior=prior,
        label=positives.label,
        offsets=values,
        prior_boxes=positives.priors,
        exact=positives.precision < min(HALF_PRECISIONS.values()),
        reading=reading,
        boxes=found.boxes,
        object=found.object,
        iou=found.iou,
        slack=found.slack,
        best_own=_best_own(found),
        best_free=_best_free(found, asked, image, labels, grid),
        split=split,
        ignored=_by_image(labels < 0),
        bad_negatives=_by_image(
            (labels <= 0) & torch.from_numpy(sound_priors(grid.priors)) & ~offsets.isfinite().all(-1)
        ),
        rules=dialect,
    )


def _simple(variances: Box) -> bool:
    """Whether they have two digits at most."""
    return all(float(f"{value:.2g}") == value for value in variances)


@dataclass(frozen=True)
class _Grid:
    """The priors, and how the dialect overlaps boxes with them.

    Attributes:
        priors: `[P, 4]` float64 cxcywh, normalised.
        size: (width, height) of the network's input in pixels.
        unit: `[4]` what makes normalised boxes ones in the unit that the dialect computes in.
        spec: the dialect's overlap.
    """

    priors: FloatArray
    size: tuple[int, int]
    unit: FloatArray
    spec: MatchSpec

    @classmethod
    def of(cls, named: NamedPriors, dialect: Dialect) -> _Grid:
        """That of these priors under those rules."""
        boxes, unit = named.priors.boxes.cpu().double().numpy(), unit_of(dialect, named.priors).cpu().double().numpy()
        return cls(boxes, named.priors.image_size, unit, dialect.match)

    @property
    def aspect(self) -> float:
        """What a normalised width is multiplied by to be measured as heights are."""
        return float(self.unit[0] / self.unit[1])

    def iou(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Overlaps of `[..., 4]` xyxy boxes, normalised."""
        first, second = (torch.from_numpy(boxes * self.unit) for boxes in (a, b))
        overlap: FloatArray = iou(first, second, self.spec.iou, self.spec.iou_epsilon).numpy()
        return overlap


@dataclass(frozen=True)
class _Recovered:
    """Of every positive, as `EncodedTable` has them: xyxy box, object, overlap with it, and how exact that is."""

    boxes: FloatArray
    object: IntArray
    iou: FloatArray
    slack: FloatArray


def _recover(positives: Positives, usable: BoolArray, hypothesis: Hypothesis, grid: _Grid) -> _Recovered:
    boxes, tolerance = hypothesis.boxes(positives)
    boxes[~(usable & np.isfinite(boxes).all(1))] = np.nan
    sides = boxes[:, 2:]
    known = (sides * grid.size >= NO_SIDE).all(1)
    owner, overlap, slack = np.full(len(boxes), -1), np.full(len(boxes), np.nan), np.zeros(len(boxes))
    same = same_boxes(positives.image[known], boxes[known], tolerance[known])
    owner[known] = np.unique(same, return_inverse=True)[1]  # numbers without a gap
    overlap[known] = grid.iou(corners(boxes[known]), corners(positives.priors[known]))
    smaller = np.minimum(sides, positives.priors[:, 2:])[known]
    slack[known] = IOU_ROUNDING + 2 * (tolerance[known, 2:] / smaller).sum(1)
    return _Recovered(corners(boxes), owner, overlap, slack)


def _split(found: _Recovered, positives: Positives) -> BoolArray:
    """`[N]` whether another object of the same image and label has nearly the same box."""
    split = np.zeros(len(found.object), dtype=bool)
    known = (found.object >= 0).nonzero()[0]
    _, first = np.unique(found.object[known], return_index=True)
    objects = known[first]
    for image in np.unique(positives.image[objects]).tolist():
        rows = objects[positives.image[objects] == image]
        boxes, label = torch.from_numpy(found.boxes[rows]), positives.label[rows]
        near = iou(boxes[:, None], boxes[None]).numpy() > NEARLY_SAME
        split[rows] = (near & (label[:, None] == label)).sum(1) > 1
    return np.isin(found.object, found.object[split])


def _best_own(found: _Recovered) -> FloatArray:
    """`[N]` highest overlap of any positive of the same object."""
    known = found.object >= 0
    best = np.full(len(found.object) + 1, -np.inf)
    np.maximum.at(best, found.object[known], found.iou[known])
    return np.where(known, best[found.object], np.nan)


def _best_free(found: _Recovered, asked: BoolArray, image: IntArray, labels: Tensor, grid: _Grid) -> FloatArray:
    """`[N]` highest overlap of any prior that is no positive with the object of each positive asked for, else nan."""
    _, rows, which = np.unique(found.object[asked], return_index=True, return_inverse=True)
    rows, priors = asked.nonzero()[0][rows], corners(grid.priors)[None]
    best, step = np.empty(len(rows)), max(1, TILE // len(grid.priors))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        free = labels[torch.from_numpy(image[part])].numpy() <= 0
        best[start : start + step] = np.where(free, grid.iou(found.boxes[part, None], priors), -1.0).max(1)
    known = np.full(len(asked), np.nan)
    known[asked] = best[which]
    return known


def _by_image(chosen: Tensor) -> PriorsByImage:
    """Of `[B, P]` priors chosen, the images that have some, the first of each and how many."""
    counts = chosen.sum(1)
    image = counts.nonzero()[:, 0]
    return PriorsByImage(image.numpy(), chosen[image].int().argmax(1).numpy(), counts[image].numpy())


def fitting_priors(encoded: EncodedTargets, named: NamedPriors, rules: Dialect, path: str) -> NamedPriors:
    """The priors that were assumed, or those of the preset that the offsets were made from, where they say so.

    Args:
        encoded: what every prior is to learn.
        named: the P priors that are assumed.
        rules: the dialect.
        path: of the targets.
    """
    reading = describe_encoded(encoded, named, rules, path).reading
    if reading.formula is not Formula.PRIORS or reading.order is not None:
        return named
    boxes = f"{reading.boxes} box{'es' if reading.boxes > 1 else ''}"
    why = f"found: the offsets give {boxes} from these, {reading.stated_boxes} from those of {named.name}"
    return replace(load_priors(reading.words), choice=why)
