"""Predictions: what the network says, and in what order."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import Case, Predicted, Severity
from ssdlossdbg.results.predicted import NO_PROBABILITY, SAME_LOGIT, HeadOrder

PREDICTIONS = Family("PRE", "predictions")

# So few positives tell nothing of a network.
FEWEST_POSITIVES = 20
# How much another order of the predictions has to gain in mean IoU, on the given one and on no prediction at all.
GAIN_ON_GIVEN = 0.2
GAIN_ON_PRIORS = 0.1
MOST_DENIED = 0.5
SURELY_BACKGROUND = 0.99
HALF = ("float16", "bfloat16")
NAMES_OF_BACKGROUND = frozenset({"background", "__background__", "bg"})
# How the head's output goes if not as the priors, and what is to be done about it.
ORDERS = {
    HeadOrder.CELL: (
        "cell by cell, with all shapes of a cell together",
        "Generate the priors in that order, or reshape each level of the head as its priors go.",
    ),
    HeadOrder.SHAPE: (
        "shape by shape, each over all cells of its level",
        "Call permute(0, 2, 3, 1).contiguous() on each level of the head before view(B, -1, 4).",
    ),
    HeadOrder.COLUMN: (
        "column by column",
        "Generate the priors with y outside and x inside, as a feature map's height and width go.",
    ),
    HeadOrder.LEVELS_REVERSED: (
        "level by level from the other end",
        "Concatenate the levels of the head in the order in which their priors are generated.",
    ),
    HeadOrder.SECOND_LAST: (
        "with the second shape of each cell last",
        "Generate the shapes of a cell in the head's order: the larger square after all others.",
    ),
    HeadOrder.LAST_SECOND: (
        "with the last shape of each cell second",
        "Generate the shapes of a cell in the head's order: the last one directly after the first.",
    ),
    HeadOrder.TURNED: (
        "with wide and tall shapes exchanged",
        "Generate each aspect ratio as width over height, and in the head's order; one of the two has them exchanged.",
    ),
    HeadOrder.Y_FIRST: (
        "as (dy, dx, dh, dw)",
        "Save loc[..., [1, 0, 3, 2]], or say --native with a dialect that has y first.",
    ),
}


@PREDICTIONS.check(1, "predictions in another order than the priors", Severity.ERROR, Predicted, ("PRI008", "PRI013"))
def other_order(predicted: Predicted) -> Iterator[Case]:
    """The rows of the predictions, or the four offsets in them, are in another order than the priors.

    What it means:
        Row i of the network's output is decoded with prior i. If the head counts its priors in another order than the
        code that generated them, each offset is applied to a prior that it was never meant for.

    Why it matters:
        Every row is then compared with the target of another prior. The loss still falls a little, since the network
        learns what is common to all of them, and the detections stay useless.

    How to tell:
        The boxes that the network predicts at positives are held against the objects that these are to find, in the
        given order and in others: cell by cell, shape by shape, column by column, levels reversed, shapes of a cell
        in another order, y before x. Another order is the right one if, over at least 20 positives that it gives
        other offsets to, its mean IoU is at least 0.2 higher than the given order's and 0.1 higher than that of the
        bare priors. On a network that has learnt nothing no order beats the bare priors, so nothing is said of it;
        and one that has learnt in the given order predicts nowhere better than there.

    How to fix:
        Bring both into one order. The usual cause is a missing permute(0, 2, 3, 1) before the head's output is
        flattened, or priors taken from another codebase: NVIDIA's go shape by shape, TensorFlow's have y first.

    Where people met it:
        zisianw/FaceBoxes.PyTorch#77 (proposed there, not confirmed); jwyang/fpn.pytorch#6.
    """
    clear = [
        fit
        for fit in predicted.orders
        if fit.positives >= FEWEST_POSITIVES
        and fit.mean_iou >= fit.as_given + GAIN_ON_GIVEN
        and fit.mean_iou >= fit.of_priors + GAIN_ON_PRIORS
    ]
    if not clear:
        return
    best = max(clear, key=lambda fit: (fit.mean_iou - fit.as_given) * fit.positives)
    words, fix = ORDERS[best.order]
    yield Case(
        predicted.where(),
        f"the predictions seem to go {words}, which the priors do not: read so, the predicted boxes of "
        f"{best.positives} positives meet their objects with a mean IoU of {best.mean_iou:.2f}, in the given order "
        f"with {best.as_given:.2f} (the bare priors: {best.of_priors:.2f})",
        best.as_given,
        best.mean_iou,
        fix,
    )


@PREDICTIONS.check(
    2, "logits saturated on the wrong class", Severity.WARNING, Predicted, follows_from=("PRE003",), beneath=("NUM002",)
)
def saturated(predicted: Predicted) -> Iterator[Case]:
    """Most priors that the loss counts are given their own class with a probability of nearly 0.

    What it means:
        The softmax of most positives and mined negatives is 0 or 1 to all the digits that float32 has, and the 1 is
        not at the class that they have to learn.

    Why it matters:
        Each such prior costs more than 13.8 in confidence, so the loss is huge and its gradient as large as it gets. In
        codebases that floor the probability (Caffe, ssd_keras) a row beyond the floor has no gradient at all.

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
        f"probability of at most {NO_PROBABILITY:g}, so each of them costs 13.8 or more",
        answers.denied,
        MOST_DENIED,
        "Lower the learning rate and warm it up; check the head's initial weights and the normalisation of the photos. "
        "If background is the last column, say --native.",
        # Of the terms of the loss: each positive has one for its offsets, too.
        share=answers.denied * answers.counted / (answers.counted + answers.positives),
    )


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
        0.99. Or no logit of any shape differs by more than 1e-4 between the cells of its level and between images.

    How to fix:
        Check that mining is on (three negatives per positive) and that labels reach the loss as 1 and above, 0 being
        background. For constant logits look for dead activations, a learning rate that killed them, or photos that
        are all zeros.

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
    if answers.background > SURELY_BACKGROUND:
        yield Case(
            predicted.where(),
            f"all {answers.positives} positives are taken for background, with a mean probability of "
            f"{answers.background:.4f}: the network has collapsed to background",
            answers.background,
            SURELY_BACKGROUND,
            "Check hard negative mining and that objects have class ids from 1 on; lower the learning rate.",
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


@PREDICTIONS.check(5, "no logit column for background", Severity.ERROR, Predicted)
def too_few_columns(predicted: Predicted) -> Iterator[Case]:
    """The logits have too few columns for all classes and the background.

    What it means:
        SSD's softmax has a column for the background beside those of the classes. A network built with as many columns
        as there are classes has none left for one of them.

    Why it matters:
        The last class has no column: its label is out of range, which raises on the CPU and is a "device-side assert"
        on a GPU. Where labels are not shifted by one, the first class is learnt as background instead.

    How to tell:
        C is at most the number of class names given; it should be one more.

    How to fix:
        Build the network with len(classes) + 1 columns, or correct the class list given here.

    Where people met it:
        pytorch/vision#4106; open-mmlab/mmdetection#3123; amdegroot/ssd.pytorch#17.
    """
    names, columns = predicted.class_names, predicted.classes
    if not names or _background_named(predicted) or columns > len(names):
        return
    missing = len(names) + 1 - columns
    without = ", ".join(names[-missing:])
    yield Case(
        predicted.where(),
        f"{columns} logit columns for {len(names)} classes and the background: none is left for {without}",
        columns,
        len(names) + 1,
        f"Build the network with {len(names) + 1} classes, background included, or correct --classes.",
    )


@PREDICTIONS.check(6, "logit columns do not fit the class list", Severity.WARNING, Predicted)
def columns_without_class(predicted: Predicted) -> Iterator[Case]:
    """Some logit columns stand for no class of the list, or the list counts the background.

    What it means:
        Column 0 is background and column i the i-th class of the list. More columns than that are outputs that no
        label can ever reach. A list that names the background itself shifts every other name by one.

    Why it matters:
        Unreachable columns are trained to be never right: harmless in number of one or two, but they show that the
        network was built for another data set than the list is of, and then the names do not belong to the columns.

    How to tell:
        C is more than the number of class names plus one, or a name is "background".

    How to fix:
        Build the network with len(classes) + 1 columns; give --classes without background, in the order of the ids.

    Where people met it:
        pytorch/vision#4106; open-mmlab/mmdetection#3123.
    """
    names, columns = predicted.class_names, predicted.classes
    if not names:
        return
    if _background_named(predicted):
        yield Case(
            predicted.where(),
            "the class list names the background, which has column 0 anyway, so the names after it are one column off",
            len(names),
            columns - 1,
            "Give --classes without background.",
        )
    elif columns > len(names) + 1:
        first, last = len(names) + 1, columns - 1
        which = f"columns {first} to {last}" if last > first else f"column {last}"
        yield Case(
            predicted.where(),
            f"{columns} logit columns for {len(names)} classes and the background: no label reaches {which}",
            columns,
            len(names) + 1,
            f"Build the network with {len(names) + 1} classes, background included, or correct --classes.",
        )


def _background_named(predicted: Predicted) -> bool:
    return any(name.casefold() in NAMES_OF_BACKGROUND for name in predicted.class_names)
