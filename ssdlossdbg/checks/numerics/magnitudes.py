"""Values that overflow, and losses that a single part makes up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ssdlossdbg.checks.numerics.family import NUMERICS
from ssdlossdbg.checks.predictions.family import best_fit
from ssdlossdbg.results import COORDINATES, Case, Costs, NonFinite, Predicted, Severity, Where
from ssdlossdbg.results.hypotheses import Explanation
from ssdlossdbg.results.predicted import LARGEST_LOGIT, LARGEST_OFFSET, OddValue

LARGEST_FLOAT16 = 65504.0
LARGEST_FLOAT32 = 3.4028235e38
# A part of the batch is said to make up the loss from this share on, if a positive of it costs so many times more.
MOST_OF_IMAGE = 0.7
MOST_OF_OBJECT = 0.5
TIMES_COSTLIER = 5.0
FEWEST_IMAGES = 4
FEWEST_OBJECTS = 8
COMPUTED = ("localization", "confidence")


@NUMERICS.check(2, "predictions far too large", Severity.WARNING, Predicted, beneath=("NUM007",))
def too_large(predicted: Predicted) -> Iterator[Case]:
    """Offsets or logits are so large that the training is about to diverge.

    What it means:
        A trained SSD predicts offsets of a few units and logits of some tens. Here some are many times beyond that.

    Why it matters:
        The loss grows with them, its gradient throws the weights further, and inf and nan follow within some steps.
        Decoding is useless already: a width of 100 with a variance of 0.2 is e^20 times the prior's.

    How to tell:
        Any offset beyond 100 or logit beyond 1000. A prior that reaches an IoU of 0.5 has offsets within 5 (centre) and
        3.5 (size) to learn, one that is forced on the smallest of objects not 20, and torchvision clamps sizes at 20.7;
        the exp of a logit overflows float32 at 89 already, were it not for the maximum that is subtracted.

    How to fix:
        Lower the learning rate and warm it up, clip gradients, and normalise the photos as the backbone was trained.
        If the offsets are meant in pixels or for other variances, correct --dialect. If they meet the objects once they
        are divided by a number, which the finding names, look for what multiplies them: a loss scale, say.

    Where people met it:
        open-mmlab/mmdetection#3786; perhaps amdegroot/ssd.pytorch#173.
    """
    factor = _factor(predicted)
    for found in sorted(predicted.huge, key=lambda found: -abs(found.value)):
        is_offset = found.term == "loc"
        bound = LARGEST_OFFSET if is_offset else LARGEST_LOGIT
        what = f"the offset {found.place}" if is_offset else f"the logit of class {found.place}"
        more = f", and {found.count - 1} more of the image are beyond {bound:g}" if found.count > 1 else ""
        yield Case(
            predicted.where(found.image, found.prior),
            f"{what} is {found.value:.4g}{_decoded(found, predicted)}{more}; a trained SSD stays far below {bound:g}, "
            f"so this one is diverging{factor if is_offset else ''}",
            found.value,
            bound,
            "Lower the learning rate, warm it up and clip the gradients; check that the photos are normalised.",
        )


def _factor(predicted: Predicted) -> str:
    """That offsets which are divided by a number meet the objects, in words that follow; empty where none does."""
    best = best_fit(predicted)
    if best is None or best.explanation is not Explanation.FACTOR:
        return ""
    return (
        f", or its offsets were multiplied by something: divided by {best.detail}, they meet their objects with a mean "
        f"IoU of {best.mean_iou:.2f}"
    )


def _decoded(found: OddValue, predicted: Predicted) -> str:
    """What an offset stands for, where it is one of size."""
    if found.term != "loc" or found.place not in COORDINATES[2:]:
        return ""
    variance = predicted.rules.codec.variances[COORDINATES.index(found.place)]
    return f" (e^{variance * found.value:.3g} times the prior's)"


@NUMERICS.check(3, "the loss overflows", Severity.ERROR, Costs, beneath=("NUM007",))
def overflow(result: Costs) -> Iterator[Case]:
    """The loss is inf or nan although predictions and targets are finite.

    What it means:
        The predictions are numbers, but so large that a term of the loss, or the sum of all, is beyond the largest
        float32 (3.4e38).

    Why it matters:
        The loss and its gradient are inf or nan, and after the next step so are the weights.

    How to tell:
        A term that is inf or nan where the offset, the target and the logits that it is computed from are finite, or a
        sum of finite terms beyond 3.4e38.

    How to fix:
        The model has diverged: go back to an earlier checkpoint, lower the learning rate, clip the gradients.

    Where people met it:
        No thread: the last step before predictions that are not finite (see NUM001).
    """
    for found in result.non_finite:
        if found.term in COMPUTED:
            yield _overflowing(found, result)
    if LARGEST_FLOAT32 < result.loss_sum.total < math.inf and result.dtype != "float64":
        yield Case(
            Where(result.predictions_path),
            f"the terms of the loss are finite, but their sum of {result.loss_sum.total:.3g} is beyond float32",
            result.loss_sum.total,
            LARGEST_FLOAT32,
            "Go back to an earlier checkpoint, lower the learning rate and clip the gradients.",
        )


def _overflowing(found: NonFinite, result: Costs) -> Case:
    more = f", and {found.count - 1} more like it" if found.count > 1 else ""
    if found.term == "localization":
        message = f"the loss of {found.place or 'its box'} overflows to {found.value}{more}, from finite inputs"
    else:
        message = f"its cross-entropy is {found.value}{more}, from finite logits"
    return Case(
        Where(result.predictions_path, found.image, found.ground_truth, prior=found.prior, box=found.box),
        message,
        str(found.value),
        "finite",
        "Go back to an earlier checkpoint, lower the learning rate and clip the gradients.",
    )


@NUMERICS.check(4, "the loss overflows float16", Severity.WARNING, Costs)
def float16_overflow(result: Costs) -> Iterator[Case]:
    """Summed in the float16 of the predictions, the loss would be inf.

    What it means:
        The largest float16 is 65504. The terms of the loss are summed over all positives and mined negatives before the
        sum is divided by the number of positives, and that sum is larger.

    Why it matters:
        A training step that sums in half precision gets inf, although the loss after the division would be small. A
        gradient scaler then skips the step, again and again.

    How to tell:
        The predictions are float16, and the sum of localisation or of confidence before the division exceeds 65504.

    How to fix:
        Compute the loss in float32: loc.float(), conf.float(). Autocast does so by itself for cross-entropy and smooth
        L1, but not for a loss written out by hand.

    Where people met it:
        No thread: follows from the range of float16; losses written out by hand under mixed precision or after .half().
    """
    if result.dtype != "float16":
        return
    sums = {"localisation": result.loss_sum.localization, "confidence": result.loss_sum.confidence}
    name, largest = max(sums.items(), key=lambda item: item[1])
    if LARGEST_FLOAT16 < largest < math.inf:
        yield Case(
            Where(result.predictions_path),
            f"the sum of the {name} terms is {largest:.6g}, beyond the largest float16 ({LARGEST_FLOAT16:.0f}), so "
            f"summed in float16 it is inf; here it is summed in float32 and divided by {result.normalizer:g}",
            largest,
            LARGEST_FLOAT16,
            "Call .float() on loc and conf before the loss.",
        )


@NUMERICS.check(5, "one image makes up the loss", Severity.NOTE, Costs)
def one_image(result: Costs) -> Iterator[Case]:
    """A single image of the batch makes up most of its loss.

    What it means:
        The loss is a sum over images. One of them holds most of it, and not merely because it has more positives.

    Why it matters:
        The step that training takes is that image's step. If its annotation is wrong, the whole batch is wasted; if
        it is right, it is the image to look at first.

    How to tell:
        In a batch of 4 images or more, one has over 70% of the loss, and each of its positives costs at least 5 times
        what a positive of the other images does, the mined negatives included.

    How to fix:
        Look at its costliest objects: boxes in another unit or layout, objects with a wrong class, many unlabelled.

    Where people met it:
        keras-retinanet#1110, where the loss by image is asked for.
    """
    total = result.loss.total
    if len(result.images) < FEWEST_IMAGES or not 0 < total < math.inf:
        return
    parts = [(image.parts.total, image.positives) for image in result.images]
    for index, times in _dominant(parts, MOST_OF_IMAGE * total):
        image = result.images[index]
        share = image.parts.total / total
        yield Case(
            Where(result.predictions_path, image.index),
            f"it makes up {share:.0%} of the loss of {len(result.images)} images; one of its {image.positives} "
            f"positives costs {times:.3g} times as much as one of the others",
            share,
            MOST_OF_IMAGE,
            "Look at this image's costliest objects and mined negatives first.",
        )


@NUMERICS.check(6, "one object makes up the loss", Severity.NOTE, Costs)
def one_object(result: Costs) -> Iterator[Case]:
    """A single object of the batch makes up most of its loss.

    What it means:
        The priors of one object cost more than all other positives and all mined negatives together.

    Why it matters:
        The step that training takes is that object's step. Mostly its box or class is wrong, or it is so small that
        the one prior that was forced on it has offsets to learn that are many times the usual.

    How to tell:
        In a batch of 8 objects or more, one has over half of the loss, and each of its positives costs at least 5 times
        what a positive of the other objects does.

    How to fix:
        Look at that object: is its box right, is its class? If it is merely tiny, crop or enlarge the photo, add
        smaller priors, or drop it.

    Where people met it:
        No thread: single tiny objects, and boxes that are wrong but finite, cause it.
    """
    total = result.loss.total
    if len(result.ground_truth) < FEWEST_OBJECTS or not 0 < total < math.inf:
        return
    parts = [(item.total, item.positives) for item in result.ground_truth]
    for index, times in _dominant(parts, MOST_OF_OBJECT * total):
        item = result.ground_truth[index]
        share = item.total / total
        yield Case(
            Where(result.targets_path, item.image, item.index, item.label, box=item.box),
            f"it makes up {share:.0%} of the batch's loss; one of its {item.positives} positives costs {times:.3g} "
            f"times as much as one of the {len(parts) - 1} other objects'",
            share,
            MOST_OF_OBJECT,
            "Look at its box and class; where both are right it is too small or too odd for these priors.",
        )


def _dominant(parts: Sequence[tuple[float, int]], bound: float) -> Iterator[tuple[int, float]]:
    """Of (cost, positives), the places of those beyond the bound, and how many times more a positive costs there."""
    whole, all_positives = sum(cost for cost, _ in parts), sum(number for _, number in parts)
    for index, (cost, number) in enumerate(parts):
        others, their_number = whole - cost, all_positives - number
        if cost <= bound or not number or not their_number:
            continue
        times = cost / number / (others / their_number) if others > 0 else math.inf
        if times >= TIMES_COSTLIER:
            yield index, times
