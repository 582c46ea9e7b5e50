"""What a batch of a training leaves in its history: the dialect's own loss by group, and every object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.evidence.fates import shape_iou
from ssdlossdbg.analysis.evidence.recovered import Known
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.confidence import probabilities, with_background
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.results.history_rows import CLASS, GROUPS, LEVEL, NOWHERE, OBJECTS, SIDES, SIZE, WHOLE, Rows

PARTS = ("localization", "positive", "negative")


@dataclass(frozen=True, eq=False)
class _Objects:
    """The N objects of a batch, `[N]` each, on the device.

    Attributes:
        image, slot: where they stand in the batch.
        label, level, size: which groups they are of.
        best_iou, shape_iou: with their best prior, and with one of the best shape centred on them.
        positives, forced: how many positive priors they have, and how many of those are forced.
        taken, sure: the class that is likeliest at the prior that speaks for them, and its probability.
        probability: that of their own there.
        rival, rival_sure: the class of objects that is likeliest there but for their own, and its probability.
    """

    image: Tensor
    slot: Tensor
    label: Tensor
    level: Tensor
    size: Tensor
    best_iou: Tensor
    shape_iou: Tensor
    positives: Tensor
    forced: Tensor
    taken: Tensor
    sure: Tensor
    probability: Tensor
    rival: Tensor
    rival_sure: Tensor


@dataclass(frozen=True, eq=False)
class _Counted:
    """The K priors that have a part in the loss, `[K]` each, on the device.

    Attributes:
        image, prior: where they stand.
        slot: of their object in its image; 0 of negatives.
        label: class that they are to learn.
        positive: whether they are.
        terms: `[K, 3]` loss of boxes, of classes at positives, of classes at negatives, normalised.
        slots: (images, objects in each) that `slot` counts in.
    """

    image: Tensor
    prior: Tensor
    slot: Tensor
    label: Tensor
    positive: Tensor
    terms: Tensor
    slots: tuple[int, int]


def sample(scene: Scene, step: int, images: Sequence[int]) -> tuple[Rows, Rows]:
    """The rows of a batch.

    Args:
        scene: predictions and targets under the dialect.
        step: its number.
        images: what numbers stand for its images; none where that is not known.

    Returns:
        Rows of `GROUPS` and of `OBJECTS`; of encoded targets that no objects can be told from, none of these.
    """
    with torch.no_grad():
        known = scene.known
        objects = None if known is None else _objects(scene, known)
        counted = _counted(scene, known)
        return _groups(scene, objects, counted, step), _object_rows(objects, known, counted, step, images)


def _counted(scene: Scene, known: Known | None) -> _Counted:
    """Only these are looked at: all others have no part in any sum, and are ten times as many."""
    loss = scene.loss
    matching = loss.matching if known is None else known.matching
    image, prior = (loss.matching.positive | loss.mining.mined).nonzero(as_tuple=True)
    at = image, prior
    foreground, confidence = loss.matching.foreground[at], widest(loss.confidence_terms[at])
    raw = torch.stack(
        (
            widest(loss.localization_terms[at]).sum(-1),
            torch.where(foreground, confidence, 0.0),
            torch.where(foreground, 0.0, confidence),
        ),
        -1,
    )
    scale = widest(torch.stack((loss.localization_scale, loss.confidence_scale, loss.confidence_scale), -1))
    positive = loss.matching.positive[at]
    return _Counted(
        image=image,
        prior=prior,
        slot=torch.where(positive & matching.positive[at], matching.gt_index[at], 0),
        label=loss.matching.labels[at].clamp(min=0),
        positive=positive,
        terms=torch.where(raw == 0, 0.0, raw * scale[image]),  # nothing costs nothing, whatever it is divided by
        slots=(len(loss.matching.positive), 1 if known is None else max(1, known.gt.mask.shape[1])),
    )


def _objects(scene: Scene, known: Known) -> _Objects:
    priors, spec, matching = scene.batch.priors, scene.rules.loss, known.matching
    image, slot = known.gt.mask.nonzero(as_tuple=True)
    best_prior = matching.best_prior[image, slot]
    speaks = _speaking(known, best_prior, image, slot)
    told = probabilities(with_background(scene.batch.conf[image, speaks], spec), spec)
    label = known.gt.labels[image, slot]
    sides = (known.gt.boxes[image, slot, 2:] - known.gt.boxes[image, slot, :2]).clamp(min=0)
    side = (sides[:, 0] * priors.image_size[0] * sides[:, 1] * priors.image_size[1]).sqrt()
    own = label.clamp(0, told.shape[-1] - 1)[:, None]
    others = told.scatter(-1, own, 0.0).index_fill(-1, own.new_zeros(1), 0.0)  # neither background is another
    return _Objects(
        image=image,
        slot=slot,
        label=label,
        level=priors.level_index[best_prior],
        size=torch.bucketize(side, side.new_tensor(SIDES)),
        best_iou=matching.best_iou[image, slot],
        shape_iou=shape_iou(known.gt.boxes[image, slot], priors.shapes),
        positives=matching.positives_per_gt()[image, slot],
        forced=matching.positives_per_gt(matching.forced)[image, slot],
        taken=told.argmax(-1),
        sure=told.amax(-1),
        probability=told.gather(-1, own)[:, 0],
        rival=others.argmax(-1),
        rival_sure=others.amax(-1),
    )


def _speaking(known: Known, best_prior: Tensor, image: Tensor, slot: Tensor) -> Tensor:
    """`[N]` the prior whose classes speak for each object: of its own positives the one that overlaps it most.

    An object without any has its best prior, which may be another object's, and then says what that one is.
    """
    matching, slots = known.matching, known.gt.mask.shape[1]
    at = matching.positive.nonzero(as_tuple=True)
    owner, overlap = at[0] * slots + matching.gt_index[at], matching.prior_iou[at]
    best = overlap.new_full((len(known.gt.mask) * slots,), -1.0).scatter_reduce(0, owner, overlap, "amax")
    most = overlap == best[owner]
    prior = torch.full((len(best),), -1, device=owner.device).index_put((owner[most],), at[1][most])
    own = prior[image * slots + slot]
    return torch.where(own >= 0, own, best_prior)


def _groups(scene: Scene, objects: _Objects | None, counted: _Counted, step: int) -> Rows:
    priors, classes = scene.batch.priors, scene.batch.conf.shape[-1]
    levels, sizes = max(1, len(priors.levels)), len(SIDES) + 1
    nothing = torch.zeros_like(counted.image)
    by = [
        (WHOLE, nothing, None if objects is None else torch.zeros_like(objects.label), 1),
        (LEVEL, priors.level_index[counted.prior], None if objects is None else objects.level, levels),
        (CLASS, counted.label, None if objects is None else objects.label, classes),
    ]
    if objects is not None:
        of_slot = torch.zeros(counted.slots, dtype=torch.long, device=nothing.device)
        of_slot[objects.image, objects.slot] = objects.size
        # Of negatives no size is known: they go to a group of their own, which is left out.
        owner = torch.where(counted.positive, of_slot[counted.image, counted.slot], sizes)
        by.append((SIZE, owner, objects.size, sizes))
    return np.concatenate([_rows_of(objects, counted, step, *each) for each in by])


def _rows_of(
    objects: _Objects | None,
    counted: _Counted,
    step: int,
    kind: int,
    of_prior: Tensor,
    of_object: Tensor | None,
    number: int,
) -> Rows:
    """The rows of the groups of one kind; those without a prior that counts or an object are left out."""
    rows = np.zeros(number, GROUPS.dtype)
    rows["step"], rows["kind"], rows["key"] = step, kind, np.arange(number)
    known = [
        (of_prior, ("positives", "negatives"), torch.stack((counted.positive, ~counted.positive), -1).long()),
        (of_prior, PARTS, counted.terms),
    ]
    if objects is not None and of_object is not None:
        columns = (
            torch.ones_like(objects.label),
            objects.positives == 0,
            (objects.positives > 0) & (objects.forced == objects.positives),
            objects.taken == objects.label,
        )
        told = torch.stack([each.long() for each in columns], -1)
        known.append((of_object, ("objects", "unmatched", "forced_only", "right"), told))
    for group, names, values in known:
        sums = values.new_zeros((number + 1, len(names))).index_add_(0, group.clamp(0, number), values)
        for name, column in zip(names, sums.T.cpu().numpy(), strict=True):
            rows[name] = column[:number]
    return rows[(rows["objects"] > 0) | (rows["positives"] > 0) | (rows["negatives"] > 0)]


def _object_rows(
    objects: _Objects | None, known: Known | None, counted: _Counted, step: int, images: Sequence[int]
) -> Rows:
    if objects is None or known is None:
        return np.zeros(0, OBJECTS.dtype)
    slots = counted.slots
    own = torch.where(counted.positive[:, None], counted.terms[:, :2], 0.0)
    parts = own.new_zeros((slots[0] * slots[1], 2)).index_add_(0, counted.image * slots[1] + counted.slot, own)
    cost = parts[objects.image * slots[1] + objects.slot]
    numbers = np.asarray(images if images else [NOWHERE] * slots[0])
    columns = {
        "label": objects.label,
        "box": known.gt.boxes[objects.image, objects.slot],
        "best_iou": objects.best_iou,
        "shape_iou": objects.shape_iou,
        "level": objects.level,
        "positives": objects.positives,
        "forced": objects.forced,
        "localization": cost[:, 0],
        "confidence": cost[:, 1],
        "probability": objects.probability,
        "taken": objects.taken,
        "sure": objects.sure,
        "rival": objects.rival,
        "rival_sure": objects.rival_sure,
    }
    rows = np.zeros(len(objects.label), OBJECTS.dtype)
    rows["step"], rows["image"] = step, numbers[objects.image.cpu().numpy()]
    for name, tensor in columns.items():
        rows[name] = tensor.cpu().numpy()
    return rows
