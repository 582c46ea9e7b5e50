"""Predictions that are no numbers, and what their pattern says of the cause."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ssdlossdbg.checks.numerics.family import NUMERICS
from ssdlossdbg.results import Case, Predicted, Severity
from ssdlossdbg.results.predicted import OddValue, Spoilt
from ssdlossdbg.rules import Masking, MiningScore

OFFSETS = ("dx", "dy", "dw", "dh")
# What a box spoils that ends before it begins, by the coordinate whose logarithm is nan.
INVERTED = {("dw",): "x2 < x1", ("dh",): "y2 < y1", ("dw", "dh"): "x2 < x1 and y2 < y1"}
CATCH = (
    'Catch the first batch: ssdlossdbg.capture(criterion, "runs/a") saves it, `ssdlossdbg loss runs/a` explains it; '
    "and run `check` on the data set. Go on from a finite checkpoint."
)
INPUT = "Look at the photo and its normalisation: assert torch.isfinite(images).all() before the network."
HALF = "Run this part in float32 or bfloat16, or scale the gradients. " + CATCH


@NUMERICS.check(
    1,
    "predictions not finite",
    Severity.ERROR,
    Predicted,
    beneath=("BOX001", "BOX002", "BOX003", "BOX012", "ENC001", "NUM007"),
)
def not_finite(predicted: Predicted) -> Iterator[Case]:
    """The network's output holds inf or nan: of an earlier batch, of the training itself, or of this input.

    What it means:
        Offsets or logits are not numbers any more. A batch's own targets come after its predictions, so those of this
        batch did it only if it was trained on before. One of these did:
        - an earlier bad batch: a box that ends before it begins gives a nan target, one nan makes the loss nan, and
          the step that follows makes the weights nan. Targets of inf do so in some codebases (see BOX001);
        - a model that diverged: its weights grew step after step until something overflowed;
        - the input of this very image, if the other images of the batch are finite.

    Why it matters:
        The loss is nan, and with it every gradient and, after the next step, every weight. In ssd.pytorch one inf or
        nan logit is enough to spoil the mining of all images, since the largest logit of the whole batch is subtracted
        before negatives are ranked. NVIDIA, MMDetection, GluonCV and ssd_keras compute localisation at all priors and
        multiply by a mask: 0 * nan is nan, so one offset at no positive is enough there.

    How to tell:
        - Some images finite, others not: the weights are finite; that image's pixels are not, or overflow.
        - Only dw is nan: boxes inverted in x; only dh: in y. Too high a rate spoils all four coordinates.
        - Only logits: no box does that, since boxes reach the offsets first.
        - inf rather than nan: something grew until it overflowed, in half precision from 65504 on.
        - All is nan: both fit. Look at the losses before: a bad batch strikes out of calm, from one step to the next; a
          model that diverges shows losses that grow over some steps.

    How to fix:
        Catch the first batch: `ssdlossdbg.capture(criterion, "runs/a")`, a line before training begins, saves it, and
        `ssdlossdbg loss runs/a` explains it. By hand, where nothing can be attached: `if not torch.isfinite(loss):
        torch.save(...)` of predictions and targets, and stop. Run `ssdlossdbg check` on the data set, too. Go on from a
        checkpoint whose weights are finite. Where the losses grew for some steps, warm the learning rate up or lower
        it, and clip gradients.

    Where people met it:
        amdegroot/ssd.pytorch#300, #519; lzx1413/PytorchSSD#46, #109; open-mmlab/mmdetection#3786.
    """
    pattern = predicted.spoilt
    cause, fix = _cause(predicted, pattern) if pattern else ("", CATCH)
    cause = f"; {cause}" if cause else ""
    # Whatever image it is in, it is all of the loss that is no number.
    share = None if predicted.loss is None or math.isfinite(predicted.loss) else 1.0
    for found in sorted(predicted.non_finite, key=lambda found: -(found.at_positives or 0)):
        what = "the network predicts" if found.term == "loc" else "the logit of class"
        value = f"{found.place} {'=' if found.term == 'loc' else 'is'} {found.value}"
        more = f", and {found.count - 1} more like it in the image" if found.count > 1 else ""
        message = f"{what} {value}{more}{_effect(found, predicted)}{cause}"
        yield Case(predicted.where(found.image, found.prior), message, str(found.value), "finite", fix, share)
        cause = ""  # which is the batch's, and said of its worst place


def _cause(predicted: Predicted, pattern: Spoilt) -> tuple[str, str]:
    """What the pattern says of the cause, and what to do."""
    if pattern.images < predicted.images:
        finite = predicted.images - pattern.images
        others = "the other image of the batch is" if finite == 1 else f"the other {finite} images of the batch are"
        return f"{others} finite, so the weights are: this input spoils it", INPUT
    if predicted.spoiling_targets:
        words = "this batch has a bad box itself: trained on before, or in another batch, it makes the weights nan"
        return words, "Correct the box that is named above, then the others that `ssdlossdbg check` names. " + CATCH
    if pattern.infinite and predicted.dtype == "float16":
        return "inf in float16 is an overflow beyond 65504, of activations or weights, not a bad box", HALF
    return f"{_which(pattern)}: {_causes(pattern)}", CATCH


def _spoilt_offsets(pattern: Spoilt) -> tuple[str, ...]:
    return tuple(name for name, count in zip(OFFSETS, pattern.coordinates, strict=True) if count)


def _which(pattern: Spoilt) -> str:
    offsets = _spoilt_offsets(pattern)
    if pattern.everything:
        return "all predictions of the batch are so"
    if not offsets:
        return "only logits are so, no offset"
    which = "offsets" if len(offsets) == len(OFFSETS) else " and ".join(offsets)
    return f"only {which} {'is' if len(offsets) == 1 else 'are'} so" + (", no logit" if not pattern.logits else "")


def _causes(pattern: Spoilt) -> str:
    """Which causes fit, the likelier first where there is one, and what tells them apart."""
    offsets = _spoilt_offsets(pattern)
    if not offsets:
        return "no box does that; the confidence loss did in an earlier step, or the model diverged"
    if offsets in INVERTED and not pattern.logits and not pattern.infinite:
        return (
            f"a box that is inverted ({INVERTED[offsets]}) in an earlier batch does that; a model that diverges spoils "
            "all four offsets"
        )
    if pattern.infinite and pattern.infinite == sum(pattern.coordinates) + pattern.logits:
        return "inf without nan is growth until it overflows, so the model diverged, or its input is far too large"
    return (
        "an earlier step made the weights nan, by a bad box in its batch or by a model that diverged; out of calm "
        "losses it was the box, after growing ones the model"
    )


def _effect(found: OddValue, predicted: Predicted) -> str:
    """What comes of it in the loss."""
    if found.term == "loc":
        return _at_no_positive(predicted) if found.at_positives == 0 else ""
    rules = predicted.rules
    spoils = math.isnan(found.value) or found.value > 0
    by_peak = rules.mining.score is MiningScore.GLOBAL_MAX_CROSS_ENTROPY and not rules.mining.takes_all
    if predicted.loss is None or not by_peak or not spoils:
        return ""
    return (
        f"; {rules.name} subtracts the largest logit of the whole batch before it ranks the negatives, so this one "
        "spoils the mining of every image"
    )


def _at_no_positive(predicted: Predicted) -> str:
    """What comes of an offset that the loss is not to count."""
    rules = predicted.rules
    match rules.loss.masking:
        case Masking.INDEXED:
            return "; it is at no positive, so the loss does not count it"
        case Masking.LOCALIZATION_OF_SELECTED:
            return f"; it is at no positive, but at a mined negative {rules.name} multiplies it by 0, which makes nan"
        case _:
            return f"; it is at no positive, but {rules.name} multiplies it by 0 there, which makes the loss nan"
