"""What the logits say, and in what precision."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ssdlossdbg.checks.predictions.family import FEWEST_POSITIVES, MISTAKEN, PREDICTIONS
from ssdlossdbg.results import Case, Predicted, Severity
from ssdlossdbg.results.predicted import NO_PROBABILITY, SAME_LOGIT

MOST_DENIED = 0.5
SURELY_BACKGROUND = 0.99
# Where the head's bias starts at 0.01 for every class, as a focal loss has it, that is no collapse yet.
SURELY_BACKGROUND_FROM_BIAS = 0.999
COST_OF_DENIAL = -math.log(NO_PROBABILITY)
HALF = ("float16", "bfloat16")


@PREDICTIONS.check(
    2,
    "logits saturated on the wrong class",
    Severity.WARNING,
    Predicted,
    follows_from=("PRE003", *MISTAKEN),
    beneath=("NUM002",),
)
def saturated(predicted: Predicted) -> Iterator[Case]:
    """Most priors that the loss counts are given their own class with a probability of nearly 0.

    What it means:
        The softmax of most positives and mined negatives is 0 or 1 to all the digits that float32 has, and the 1 is
        not at the class that they have to learn.

    Why it matters:
        Each such prior costs more than 13.8 in confidence (under a focal loss that times alpha, or 1 - alpha, for it is
        no easy example), so the loss is huge and its gradient as large as it gets. In ssd_keras, which takes the
        logarithm of max(probability, 1e-15), a row beyond that has no gradient at all; Caffe has such a floor for the
        value alone.

    How to tell:
        Of the positives and mined negatives, more than half give their own class a probability of at most 1e-6. A
        network that has learnt is as sure of most rows, but it is right there; one at random weights is sure of
        nothing.

    How to fix:
        Start from smaller weights in the head and a lower learning rate with warm-up; check that the photos are
        normalised as in the training of the backbone. If the codebase has the background in the last column, read the
        file with --native.

    Where people met it:
        No thread: follows from the arithmetic of the softmax. Heads that start from large weights, inputs that are not
        normalised, and the steps before a divergence cause it.
    """
    answers = predicted.answers
    if answers is None or answers.counted < FEWEST_POSITIVES or not answers.denied > MOST_DENIED:
        return
    yield Case(
        predicted.where(),
        f"{answers.denied:.0%} of the {answers.counted} priors whose confidence the loss counts give their own class a "
        f"probability of at most {NO_PROBABILITY:g}, so each of them costs {_least_cost(predicted):.3g} or more",
        answers.denied,
        MOST_DENIED,
        "Lower the learning rate and warm it up; check the head's initial weights and the normalisation of the photos. "
        "If background is the last column, say --native.",
        # Of the terms of the loss: each positive has one for its offsets, too.
        share=answers.denied * answers.counted / (answers.counted + answers.positives),
    )


def _least_cost(predicted: Predicted) -> float:
    """What a prior costs at least whose own class has next to no probability."""
    rules = predicted.rules.loss
    weighed = rules.focal and rules.focal_alpha >= 0
    return COST_OF_DENIAL * (min(rules.focal_alpha, 1 - rules.focal_alpha) if weighed else 1.0)


@PREDICTIONS.check(3, "the network says the same everywhere", Severity.WARNING, Predicted)
def collapsed(predicted: Predicted) -> Iterator[Case]:
    """The network calls everything background, or gives every place of every image the same logits.

    What it means:
        Either no positive of the batch has its highest logit at an object's class and all are surely background, or
        the logits of a shape are the same in all cells of its level and in all images, whatever the photos show.

    Why it matters:
        A network that calls everything background has found the easiest way to a low loss, since most priors are
        background; it will detect nothing. One whose logits do not depend on the photo does not see it: its layers
        are dead or not connected, and only biases are left.

    How to tell:
        At 20 positives or more, background is the highest logit of every one and its mean probability there is above
        0.99 (0.999 under a focal loss, whose head starts out at 0.99), and no prior of the batch, of any role, is taken
        for an object: a network that sees objects elsewhere has not collapsed, but has other photos before it (PRE015).
        Or no logit of any shape differs by more than 1e-4 between the cells of its level and between images.

    How to fix:
        Check that mining is on (three negatives per positive; under a focal loss, without mining, alpha and gamma) and
        that labels reach the loss as 1 and above, 0 being background. For constant logits look for dead activations, a
        learning rate that killed them, or photos that are all zeros.

    Where people met it:
        qfgaohao/pytorch-ssd#122; weiliu89/caffe#612; pytorch/vision#1952.
    """
    if predicted.spread <= SAME_LOGIT:
        yield Case(
            predicted.where(),
            "the logits of a shape are the same in all cells of its level and in all images (they differ by "
            f"{predicted.spread:.1g} at most), so the network does not see the photos",
            predicted.spread,
            SAME_LOGIT,
            "Look for dead activations or an unconnected head: print the feature maps' standard deviation by level.",
        )
    answers = predicted.answers
    if answers is None or answers.positives < FEWEST_POSITIVES or answers.taken_for_background < 1:
        return
    rules = predicted.rules
    bound = SURELY_BACKGROUND_FROM_BIAS if rules.loss.focal else SURELY_BACKGROUND
    if answers.background > bound and not answers.elsewhere:
        balance = "the focal loss's alpha and gamma" if rules.loss.focal else "hard negative mining"
        yield Case(
            predicted.where(),
            f"all {answers.positives} positives are taken for background, with a mean probability of "
            f"{answers.background:.4f}: the network has collapsed to background",
            answers.background,
            bound,
            f"Check {balance} and that objects have class ids from 1 on; lower the learning rate.",
        )


@PREDICTIONS.check(4, "half precision predictions", Severity.NOTE, Predicted)
def half_precision(predicted: Predicted) -> Iterator[Case]:
    """The predictions were saved in half precision.

    What it means:
        float16 keeps about 3 digits and nothing above 65504, bfloat16 about 2 digits. Everything in this report is
        computed from the saved values in float32.

    Why it matters:
        A loss that training computed in half precision differs from the one here, and scores that were different
        may be equal, so that mining chooses among them by chance.

    How to tell:
        The dtype of the logits in the file.

    How to fix:
        Nothing need be done. To compare with training, compute the loss there in float32 too: call loc.float() and
        conf.float() first, as autocast does by itself for the usual losses.

    Where people met it:
        No thread: every training under mixed precision that saves its output as it is.
    """
    if predicted.dtype not in HALF:
        return
    comes_to = "" if predicted.loss is None else f", in which the loss is {predicted.loss:.4f}"
    yield Case(
        predicted.where(),
        f"the predictions are {predicted.dtype}; everything here is computed from them in float32{comes_to}",
        predicted.dtype,
        "float32",
        "Call .float() on loc and conf before the loss, and save those, if the digits matter.",
    )
