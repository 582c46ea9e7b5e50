"""The predictions, as the checks see them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ssdlossdbg.analysis.common import class_name, rows, to_pixels
from ssdlossdbg.analysis.evidence.grids import grids_of
from ssdlossdbg.analysis.evidence.hypotheses import Given, hypotheses, knows_background, probabilities
from ssdlossdbg.analysis.evidence.hypotheses.strangers import SURE_ENOUGH
from ssdlossdbg.analysis.evidence.recovered import Known
from ssdlossdbg.analysis.evidence.spoilt import spoilt
from ssdlossdbg.multibox.confidence import log_probabilities, object_probability, with_background
from ssdlossdbg.multibox.gradients import unlearnable
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.localization import learnt
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.multibox.mining import mine
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.multibox.quotas import negatives_wanted
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.results import COORDINATES, Predicted
from ssdlossdbg.results.predicted import (
    LARGEST_LOGIT,
    LARGEST_OFFSET,
    NO_PROBABILITY,
    SAME_LOGIT,
    SURE,
    Answers,
    OddValue,
    Quota,
    Underflow,
    Unlabelled,
)
from ssdlossdbg.rules import Dialect, LossSpec, MiningCap, MiningScore, MiningSelection, MiningSpec

# A network is taken at its word about objects if it gets this share of positives and of negatives right.
KNOWS_OBJECTS = 0.5
KNOWS_BACKGROUND = 0.9
# A negative that costs no more than this, with a background probability of 0.99, is no loss to mining.
EASY = 0.01
# What looks like an object nobody labelled has no more than this of it on any object.
ON_OBJECT = 0.1


@dataclass(frozen=True, eq=False)
class Outcome:
    """What predictions come to beside their targets.

    Attributes:
        loss: of the batch.
        gt: the objects, normalised; None where they are not known.
        known: the same and their matching, or what encoded targets let recover of both; None where that is nothing.
        decoded: `[B, P, 4]` predicted boxes, xyxy, normalised.
    """

    loss: LossTerms
    gt: GroundTruthBatch | None
    known: Known | None
    decoded: Tensor


def describe_predictions(
    predictions: Predictions,
    priors: Priors,
    dialect: Dialect,
    file: str,
    class_names: tuple[str, ...],
    outcome: Outcome | None = None,
    moved: bool = False,
) -> Predicted:
    """What the network predicted.

    Args:
        predictions: `[B, P, 4]` and `[B, P, C]`, on the device of the priors.
        priors: the P priors.
        dialect: the rules.
        file: the predictions' path.
        class_names: what the user says the classes are called.
        outcome: what they come to; None without targets.
        moved: whether each image has priors of its own, so that nothing can be tried with others.
    """
    loc, conf = predictions.loc, predictions.conf
    loss = None if outcome is None else outcome.loss
    positive = None if loss is None else loss.matching.positive
    odd = [_odd_values("loc", loc, LARGEST_OFFSET, positive), _odd_values("conf", conf, LARGEST_LOGIT, positive)]
    finite = all(math.isfinite(value.value) for values in odd for value in values)
    described = Predicted(
        file=file,
        images=len(loc),
        classes=conf.shape[-1],
        class_names=class_names,
        dtype=predictions.dtype,
        rules=dialect,
        spread=_spread(conf, priors, SAME_LOGIT),
        probabilities=probabilities(conf),
        frozen=_spread(loc, priors, 0.0) <= 0,
        non_finite=tuple(value for values in odd for value in values if not math.isfinite(value.value)),
        huge=tuple(value for values in odd for value in values if math.isfinite(value.value)),
        spoilt=None if finite else spoilt(loc, conf),
    )
    if outcome is None or loss is None:
        return described
    told = with_background(conf, dialect.loss)
    encoded = loss.encoded.at(*loss.matching.positive.nonzero(as_tuple=True))
    targets = learnt(torch.zeros_like(encoded), encoded, dialect.loss)
    answers = _answers(told, loss, dialect.loss)
    described = replace(
        described,
        loss=float(loss.total),
        sound_targets=bool(encoded.isfinite().all()),
        spoiling_targets=bool(unlearnable(targets, dialect.loss).any()),
        answers=answers,
        knows_background=described.frozen and knows_background(told, loss, dialect.loss),
        quotas=_quotas(loss, dialect.mining),
        underflows=_underflows(conf, loss, dialect.mining),
    )
    if not moved:
        fits, heard, strangers = hypotheses(Given(loc, told, priors, loss, outcome.known, dialect), answers)
        described = replace(described, fits=fits, heard=heard, strangers=strangers)
    if outcome.gt is None:
        return described
    knows_objects = answers is not None and answers.right >= KNOWS_OBJECTS
    return replace(
        described,
        unlabelled=_unlabelled(told, outcome, priors, dialect, class_names) if knows_objects else (),
    )


def _odd_values(term: str, values: Tensor, bound: float, positive: Tensor | None) -> list[OddValue]:
    """The images with values `[B, P, K]` that are not finite, or else beyond the bound."""
    low, high = values.flatten(1).aminmax(dim=1)  # nan and inf show in them, so that most images take one pass
    found = []
    for image in (~(torch.maximum(-low, high) <= bound)).nonzero().flatten().tolist():
        size = values[image].abs()
        bad = ~size.isfinite()
        sound = not bool(bad.any())
        bad = size > bound if sound else bad
        first = int(size.argmax() if sound else bad.flatten().long().argmax())
        prior, column = divmod(first, values.shape[-1])
        place = COORDINATES[column] if term == "loc" else str(column)
        at_positives = None if positive is None else int((bad.any(-1) & positive[image]).sum())
        value = float(values[image, prior, column])
        found.append(OddValue(term, image, prior, place, value, int(bad.sum()), at_positives))
    return found


def _spread(values: Tensor, priors: Priors, same: float) -> float:
    """How much the logits or offsets of a shape differ between cells and images; if by more than `same`, roughly.

    The coarsest level comes first: it is the smallest, and on all but dead networks already tells.
    """
    everything = torch.arange(values.shape[1], device=values.device)[:, None, None]
    compared, spread = False, 0.0
    for grid in reversed(grids_of(priors) or [everything]):
        logits = values[:, grid]
        differs = float((logits.amax((0, 1, 2)) - logits.amin((0, 1, 2))).max())
        if not differs <= same:
            return differs
        compared |= len(values) * grid.shape[0] * grid.shape[1] > 1
        spread = max(spread, differs)
    return spread if compared else math.inf


def _answers(conf: Tensor, loss: LossTerms, spec: LossSpec) -> Answers | None:
    labels = loss.matching.labels
    at = loss.matching.foreground
    if not bool(at.any()):
        return None
    rows, chosen = conf[at], conf[loss.selected]
    highest, background = rows.argmax(-1), log_probabilities(rows, spec)[:, 0].exp()
    own = log_probabilities(chosen, spec).gather(1, labels[loss.selected][:, None])
    figures = (
        widest(highest == labels[at]).mean(),
        widest(background).mean(),
        widest(highest == 0).mean(),
        widest(own <= math.log(NO_PROBABILITY)).mean(),
    )
    right, mean_background, as_background, denied = torch.stack(figures).tolist()
    elsewhere = 0
    if as_background == 1:
        elsewhere = int((object_probability(conf, spec) > SURE_ENOUGH).sum())
    return Answers(len(rows), right, mean_background, as_background, len(chosen), denied, elsewhere)


def _quotas(loss: LossTerms, spec: MiningSpec) -> tuple[Quota, ...]:
    """What was to be mined; nothing where suppression decides how many negatives there are, or all count."""
    if spec.selection is MiningSelection.NON_MAXIMUM_SUPPRESSION or spec.takes_all:
        return ()
    matching, scopes = loss.matching, len(loss.mining.wanted)
    counted = matching.foreground | matching.ignored if spec.count_ignored else matching.foreground
    asked = negatives_wanted(loss.mining.score.reshape(scopes, -1), matching, replace(spec, cap=MiningCap.NONE))
    parts = (counted, matching.negative, loss.mining.places_of_positives)
    counts = [part.reshape(scopes, -1).sum(1).tolist() for part in parts]
    single = scopes == len(matching.labels)
    return tuple(
        Quota(image if single else None, positives, negatives, float(wanted), places)
        for image, (positives, negatives, places, wanted) in enumerate(zip(*counts, asked.tolist(), strict=True))
    )


def _underflows(conf: Tensor, loss: LossTerms, spec: MiningSpec) -> tuple[Underflow, ...]:
    """The images with negatives whose score is log 0, under the one score that can be."""
    lost = loss.matching.negative & (loss.mining.score == -torch.inf)
    by_peak = spec.score is MiningScore.GLOBAL_MAX_CROSS_ENTROPY and not spec.takes_all
    if not by_peak or not bool(lost.any()):
        return ()
    true = replace(spec, score=MiningScore.CONFIDENCE_LOSS)
    missed = lost & mine(conf, loss.cross_entropy, loss.matching, None, true).mined & (loss.cross_entropy > EASY)
    images = lost.any(1).nonzero().flatten()
    hardest = torch.where(lost, loss.cross_entropy, -1)[images].argmax(1)
    columns = rows(
        image=images,
        lost=lost[images].sum(1),
        missed=missed[images].sum(1),
        prior=hardest,
        cross_entropy=loss.cross_entropy[images, hardest],
        own=conf[images, hardest].amax(-1),
    )
    largest = float(conf.max())
    return tuple(Underflow(**row, largest=largest) for row in columns)


def _unlabelled(
    conf: Tensor, outcome: Outcome, priors: Priors, dialect: Dialect, class_names: tuple[str, ...]
) -> tuple[Unlabelled, ...]:
    """The images with mined negatives off every object that are surely taken for one; none if background is unknown."""
    loss, gt = outcome.loss, outcome.gt
    assert gt is not None
    negative = loss.matching.negative
    image, prior = loss.mining.mined.nonzero(as_tuple=True)
    probability, column = log_probabilities(conf[image, prior], dialect.loss).exp().max(-1)
    sure = (column > 0) & (probability > SURE)
    image, prior, probability, column = image[sure], prior[sure], probability[sure], column[sure]
    if not len(image) or float(widest((conf.argmax(-1) == 0)[negative]).mean()) < KNOWS_BACKGROUND:
        return ()
    boxes = outcome.decoded[image, prior]
    off = (_most_on_object(boxes, image, gt) < ON_OBJECT) & (loss.matching.prior_iou[image, prior] < ON_OBJECT)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    off &= ((centre >= 0) & (centre <= 1)).all(1)  # beyond the photo there is nothing to label
    found = []
    for index in torch.unique(image[off]).tolist():
        here = (off & (image == index)).nonzero().flatten()
        surest = here[probability[here].argmax()]
        found.append(
            Unlabelled(
                image=index,
                prior=int(prior[surest]),
                label=class_name(int(column[surest]), class_names),
                probability=float(probability[surest]),
                box=to_pixels(boxes[surest].tolist(), priors.image_size),
                count=len(here),
            )
        )
    return tuple(found)


def _most_on_object(boxes: Tensor, image: Tensor, gt: GroundTruthBatch) -> Tensor:
    """`[N]` the largest share of each box `[N, 4]` that lies on one object of its image."""
    objects = gt.boxes[image]
    low = torch.maximum(boxes[:, None, :2], objects[..., :2])
    high = torch.minimum(boxes[:, None, 2:], objects[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1) * gt.mask[image]
    return shared.amax(1) / (boxes[:, 2:] - boxes[:, :2]).prod(-1)
