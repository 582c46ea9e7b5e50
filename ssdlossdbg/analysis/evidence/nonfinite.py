"""Where does an inf or a nan first show on the way from the inputs to the loss?"""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor

from ssdlossdbg.analysis.common import box_problem, to_pixels
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.results import COORDINATES, NonFinite


def find_non_finite(
    loc: Tensor, conf: Tensor, gt: GroundTruthBatch | None, loss: LossTerms, priors: Priors
) -> tuple[NonFinite, ...]:
    """Every object and term that is not finite, in the order in which the computation reaches them.

    Inputs come before what is computed from them, and a computed term is named only where its inputs were finite,
    so that the first entry is a cause and no later entry is a mere consequence of an earlier one.

    Args:
        loc: `[B, P, 4]` predicted offsets.
        conf: `[B, P, C]` logits.
        gt: the objects; None where they are not known, so that priors are named in their stead.
        loss: what came of them.
        priors: the grid.
    """
    found, ends = list[NonFinite](), list[NonFinite]()
    if not all(_is_finite(each) for each in (loc, loss.encoded.values, loss.smooth_l1.values)):
        found, ends = _of_offsets(loc, gt, loss, priors)
    bad_entropy = ~loss.confidence_terms.isfinite()
    if not _is_finite(conf):  # of all of them even a mask takes a quarter of the logits
        bad_conf = ~conf.isfinite()
        found += _of_priors("conf", bad_conf, conf)
        bad_entropy &= ~bad_conf.any(-1)
    found += [*ends, *_of_priors("confidence", bad_entropy[..., None], loss.confidence_terms[..., None])]
    if loss.landmarks is not None:
        costs, aims = loss.landmarks.costs.dense, loss.landmarks.aims.dense
        bad_aims = ~aims.isfinite()
        found += _of_positives("landmarks", bad_aims, aims, gt, loss, priors)
        found += _of_positives("landm", ~costs.isfinite() & ~bad_aims, costs, gt, loss, priors)
    if not bool(loss.normalizer):
        found.append(NonFinite("normalizer", None, None, None, "", float("nan"), None, None, 1))
    return tuple(found)


def _of_offsets(
    loc: Tensor, gt: GroundTruthBatch | None, loss: LossTerms, priors: Priors
) -> tuple[list[NonFinite], list[NonFinite]]:
    """Targets and predicted offsets, and the costs of such as are finite."""
    positive = loss.matching.positive[..., None]
    not_numbers = ~loc.isfinite()
    bad_terms, bad_targets = ~loss.localization_terms.isfinite(), ~loss.targets.isfinite()
    of_boxes = bad_terms.shape[-1] == 1
    # A loss of boxes may make something of a box that has no offsets, and another one may ignore what is nan.
    bad_targets &= bad_terms
    masked = ~positive & bad_terms  # 0 times what is no number, in the codebase's masks
    inputs = bad_targets | not_numbers
    bad_localization = bad_terms & ~(inputs.any(-1, keepdim=True) if of_boxes else inputs)
    found = _of_positives("target", positive & bad_targets, loss.targets, gt, loss, priors)
    found += _of_priors("target", masked & bad_targets, loss.targets)
    found += _of_positives("loc", positive & not_numbers, loc, gt, loss, priors)
    found += _of_priors("loc", masked & not_numbers, loc)
    return found, _of_positives("localization", bad_localization, loss.localization_terms, gt, loss, priors)


def _is_finite(values: Tensor) -> bool:
    """Whether no value is inf or nan, which their extremes say at once."""
    return not values.numel() or bool(torch.stack(torch.aminmax(values)).isfinite().all())


def _of_positives(
    term: str, bad: Tensor, values: Tensor, gt: GroundTruthBatch | None, loss: LossTerms, priors: Priors
) -> list[NonFinite]:
    """One entry a ground truth, or a prior where those are not known, for `[B, P, K]` values at positives."""
    images, where, coordinates = bad.nonzero(as_tuple=True)
    owners = where if gt is None else loss.matching.gt_index[images, where]
    entries: dict[tuple[int, int], tuple[int, int, float]] = {}
    counts = Counter[tuple[int, int]]()
    rows = zip(
        images.tolist(),
        owners.tolist(),
        where.tolist(),
        coordinates.tolist(),
        values[images, where, coordinates].tolist(),
        strict=True,
    )
    for image, owner, prior, coordinate, value in rows:
        entries.setdefault((image, owner), (prior, coordinate, value))
        counts[image, owner] += 1
    found = []
    for (image, owner), (prior, coordinate, value) in entries.items():
        box = None if gt is None else to_pixels(gt.boxes[image, owner].tolist(), priors.image_size)
        problem, known = (None, None) if box is None else (box_problem(box), owner)
        place = (
            str(coordinate)
            if term in ("landmarks", "landm")
            else COORDINATES[coordinate]
            if values.shape[-1] > 1
            else ""
        )
        number = counts[image, owner]
        found.append(NonFinite(term, image, known, prior, place, value, box, problem, number))
    return found


def _of_priors(term: str, bad: Tensor, values: Tensor) -> list[NonFinite]:
    """One entry an image, for `[B, P, K]` values at any prior."""
    found = []
    for image in bad.flatten(1).any(1).nonzero().flatten().tolist():
        where, columns = bad[image].nonzero(as_tuple=True)
        prior, column = int(where[0]), int(columns[0])
        value = float(values[image, prior, column])
        place = COORDINATES[column] if term in ("loc", "target") else str(column) if values.shape[-1] > 1 else ""
        found.append(NonFinite(term, image, None, prior, place, value, None, None, len(where)))
    return found
