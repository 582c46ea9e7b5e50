"""Predicted boxes that meet the objects under another explanation than that all is as given."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.predictions.family import FEWEST_POSITIVES, PREDICTIONS, WRONG_INPUTS, best_fit, rivals
from ssdlossdbg.results import Case, Predicted, Severity
from ssdlossdbg.results.hypotheses import Explanation, Fit

# Classes are learnt if at least this share of the positives is right.
LEARNT = 0.5
# How the head's output goes if not as the priors, and what is to be done about it.
ORDERS = {
    Explanation.CELL: (
        "cell by cell, with all shapes of a cell together",
        "Generate the priors in that order, or reshape each level of the head as its priors go.",
    ),
    Explanation.SHAPE: (
        "shape by shape, each over all cells of its level",
        "Call permute(0, 2, 3, 1).contiguous() on each level of the head before view(B, -1, 4).",
    ),
    Explanation.COLUMN: (
        "column by column",
        "Generate the priors with y outside and x inside, as a feature map's height and width go.",
    ),
    Explanation.LEVELS_REVERSED: (
        "level by level from the other end",
        "Concatenate the levels of the head in the order in which their priors are generated.",
    ),
    Explanation.SECOND_LAST: (
        "with the second shape of each cell last",
        "Generate the shapes of a cell in the head's order: the larger square after all others.",
    ),
    Explanation.LAST_SECOND: (
        "with the last shape of each cell second",
        "Generate the shapes of a cell in the head's order: the last one directly after the first.",
    ),
    Explanation.TURNED: (
        "with wide and tall shapes exchanged",
        "Generate each aspect ratio as width over height, and in the head's order; one of the two has them exchanged.",
    ),
    Explanation.UNPERMUTED: (
        "as each level's convolution gives them, with channels outside and cells inside",
        "Call permute(0, 2, 3, 1).contiguous() on each level of the head before view(B, -1, 4).",
    ),
    Explanation.VALUES_FIRST: (
        "with dx of all shapes of a cell first, then dy of all",
        "Reshape each cell's channels to (4, shapes) and swap those two, or train a head that goes shape by shape.",
    ),
    Explanation.PRIORS_LAST: (
        "with dx of all priors first, then dy of all",
        "Transpose [B, 4, P] to [B, P, 4]; view and reshape do not.",
    ),
    Explanation.OFFSETS: (
        "as {}",
        "Save the offsets as (dx, dy, dw, dh), or say --native with a dialect that has y first.",
    ),
    Explanation.BOXES: (
        "as decoded boxes, {}, and not as offsets",
        "Save what the head gives, before it is decoded.",
    ),
}


@PREDICTIONS.check(1, "predictions in another order than the priors", Severity.ERROR, Predicted, WRONG_INPUTS)
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
        in another order; each level flattened without being permuted; the four offsets in each of their 24 orders;
        boxes in place of offsets. Another order is the right one if, over at least 20 positives that it gives other
        offsets to, its mean IoU is at least 0.2 higher than the given order's and 0.1 higher than that of the bare
        priors, and no other explanation (PRE010 to PRE013) gains more. On a network that has learnt nothing no order
        beats the bare priors, so nothing is said of it; and one that has learnt in the given order predicts nowhere
        better than there.

    How to fix:
        Bring both into one order. The usual cause is a missing permute(0, 2, 3, 1) before the head's output is
        flattened, or priors taken from another codebase: NVIDIA's go shape by shape, TensorFlow's have y first.

    Where people met it:
        zisianw/FaceBoxes.PyTorch#77 (proposed there, not confirmed); jwyang/fpn.pytorch#6; kuangliu/torchcv#19.
    """
    best = best_fit(predicted)
    if best is None or best.explanation not in ORDERS:
        return
    words, fix = ORDERS[best.explanation]
    yield Case(
        predicted.where(),
        f"the predictions seem to go {words.format(best.detail)}, which the priors do not: read so, the predicted "
        f"boxes of {best.positives} positives meet their objects with a mean IoU of {best.mean_iou:.2f}, in the given "
        f"order with {best.as_given:.2f} (the bare priors: {best.of_priors:.2f}){_or(predicted, best)}",
        best.as_given,
        best.mean_iou,
        fix,
    )


# Larger variances than the dialect's that people decode with: 1 in place of any.
USUAL = ("(1, 1, 1, 1)", "(0.1, 0.1, 1, 1)")
# How an explanation reads behind "0.56 as saved, 0.93".
SO = {
    Explanation.IMAGES: "with {}",
    Explanation.MIRRORED: "with the boxes of {} mirrored, left and right",
    Explanation.UPSIDE_DOWN: "with the boxes of {} mirrored, up and down",
    Explanation.TRANSPOSED: "with x and y of the boxes of {} exchanged",
    Explanation.SCALED: "with the boxes multiplied by {}",
    Explanation.VARIANCES: "decoded with the variances {}",
    Explanation.FACTOR: "with the offsets divided by {}",
    Explanation.PRESET: "with the priors of {}",
}


def _or(predicted: Predicted, best: Fit) -> str:
    """Explanations of another kind that fit nearly as well, in words that end a message."""
    words = [
        f"{_so(fit)} {fit.mean_iou:.2f}"
        for fit in rivals(predicted, best)
        if fit.explanation in SO or best.explanation in SO
    ]
    return f"; as well explained {' or '.join(dict.fromkeys(words))}" if words else ""


def _so(fit: Fit) -> str:
    if fit.explanation in SO:
        return SO[fit.explanation].format(fit.detail)
    return f"if they go {ORDERS[fit.explanation][0].format(fit.detail)}"


def _explained(predicted: Predicted, *kinds: Explanation) -> Iterator[tuple[Fit, str]]:
    """The best explanation, if it is of such a kind, with the figures before and after."""
    best = best_fit(predicted)
    if best is not None and best.explanation in kinds:
        message = (
            f"mean IoU of the predicted boxes of {best.positives} positives with their objects: {best.as_given:.2f} as "
            f"saved, {best.mean_iou:.2f} {_so(best)} (the bare priors: {best.of_priors:.2f}){_or(predicted, best)}"
        )
        yield best, message


@PREDICTIONS.check(10, "predictions of other images", Severity.ERROR, Predicted, WRONG_INPUTS)
def other_images(predicted: Predicted) -> Iterator[Case]:
    """The images of the batch stand in another order in the predictions than in the targets.

    What it means:
        The network's boxes for one image meet the objects of another one. Photos and targets were put in another order
        on the way: a shuffle of one and not of the other, a sort, a gather from several GPUs or workers.

    Why it matters:
        Each photo is trained towards the objects of another, so the network learns where objects usually are and no
        more. If only the saved files are mixed up, all that is said of this batch is off.

    How to tell:
        The boxes predicted in every image are held against the objects of every image, at the priors that these are
        matched with. Another order is the right one if, over at least 20 positives of the images that it moves, its
        mean IoU is at least 0.2 higher than that of the given one and 0.1 higher than that of the bare priors.

    How to fix:
        Index photos and targets with the same permutation. Save both by `ssdlossdbg.capture`, which never mixes them
        up, or by hand in the same iteration.

    Where people met it:
        In custom collate functions and loaders; no thread names it, since the loss still falls a little.
    """
    for best, message in _explained(predicted, Explanation.IMAGES):
        fix = "Put photos and targets in one order: the same permutation, sampler and batch for both."
        yield Case(predicted.where(), message, best.as_given, best.mean_iou, fix)


FIXES = {
    Explanation.MIRRORED: "Flip the boxes with the photo: x1, x2 = 1 - x2, 1 - x1; or neither.",
    Explanation.UPSIDE_DOWN: "Flip the boxes with the photo: y1, y2 = 1 - y2, 1 - y1; or neither.",
    Explanation.TRANSPOSED: "Save the boxes as x1 y1 x2 y2, or feed the network photos that are not transposed.",
    Explanation.SCALED: "Scale boxes and photo alike: divide by the size of the very photo that they are written for.",
}


@PREDICTIONS.check(11, "boxes and photos do not agree", Severity.ERROR, Predicted, WRONG_INPUTS)
def other_geometry(predicted: Predicted) -> Iterator[Case]:
    """The objects are where the network sees them only after a mirror, an exchange of x and y, or a scale.

    What it means:
        The network was shown, or has learnt from, photos on which the objects lie elsewhere than these boxes say. An
        augmentation has flipped the photo and not its boxes, or the boxes are (y1, x1, y2, x2), or they are divided by
        the size of another image than they are written for.

    Why it matters:
        If the training itself does so, it trains on wrong boxes. A network learns through a fault that hits some of its
        photos; one that hit all of them would have been learnt along with them, so then this batch was made otherwise
        than the network's training data.

    How to tell:
        The boxes, changed in that way, are matched again, and what is predicted at the new positives is held against
        them. It is so if over at least 20 positives the mean IoU is at least 0.2 higher than as given and 0.1 higher
        than that of the bare priors. Asked only where the network tells background from objects, and no order of the
        rows, values or images explains them. The scale is the one by which most boxes fall on boxes that are surely
        seen.

    How to fix:
        Transform photo and boxes together, with the same draw of chance. Draw the boxes on what the network is fed.

    Where people met it:
        Own augmentations in forks of amdegroot/ssd.pytorch; boxes in (y1, x1, y2, x2) after reading TensorFlow's files.
    """
    for best, message in _explained(predicted, *FIXES):
        yield Case(predicted.where(), message, best.as_given, best.mean_iou, FIXES[best.explanation])


@PREDICTIONS.check(12, "other variances than were learnt", Severity.ERROR, Predicted, WRONG_INPUTS)
def other_variances(predicted: Predicted) -> Iterator[Case]:
    """The predicted offsets meet the objects better if they are decoded with other variances.

    What it means:
        The network has learnt offsets that were divided by other constants than the dialect multiplies by.

    Why it matters:
        Detected boxes are shifted and scaled too little or too much, and the loss compares offsets of two kinds.

    How to tell:
        Decoded with usual variances, and with those that make the offsets as large as the targets, the boxes of at
        least 20 positives gain at least 0.05 in mean IoU on the dialect's, and 0.1 on the bare priors. Noise makes
        learnt offsets larger than they are to be, and little training makes them smaller: only variances between 0.001
        and 20 are named, and none that either could explain.

    How to fix:
        Use the same variances in the encoder, the decoder and the dialect (`variances` under `[codec]`).

    Where people met it:
        pierluigiferrari/ssd_keras#330; rykov8/ssd_keras#53.
    """
    for best, message in _explained(predicted, Explanation.VARIANCES):
        fix = f"Encode and decode with one set: state variances = [{best.detail[1:-1]}] in a dialect of your own, or"
        learnt = [float(value) for value in best.detail[1:-1].split(",")]
        if (
            all(a >= b for a, b in zip(learnt, predicted.rules.codec.variances, strict=True))
            and best.detail not in USUAL
        ):
            message += "; or the network predicts too little of each offset, as before it has trained long"
        yield Case(predicted.where(), message, best.as_given, best.mean_iou, f"{fix} train with the dialect's.")


@PREDICTIONS.check(13, "priors other than were learnt", Severity.ERROR, Predicted, WRONG_INPUTS)
def other_preset(predicted: Predicted) -> Iterator[Case]:
    """The predictions meet the objects better with the priors of another preset.

    What it means:
        The network has learnt offsets from other priors than they are decoded with here: as many, but of other sizes.

    Why it matters:
        Every box is decoded from a wrong size, and the loss compares it with targets of other priors.

    How to tell:
        Each shipped preset of as many priors is tried: matched anew and decoded with, the mean IoU of at least 20
        positives is at least 0.1 higher than as given, and than that of the bare priors.

    How to fix:
        Name those priors with --config, or save them with the predictions. ssd.pytorch takes its COCO priors for any
        number of classes but 21.

    Where people met it:
        amdegroot/ssd.pytorch's ssd.py:32; weights for Pascal VOC used with COCO's priors.
    """
    for best, message in _explained(predicted, Explanation.PRESET):
        fix = f"Say --config {best.detail} if the network was trained with those priors; else find out which it has."
        yield Case(predicted.where(), message, best.as_given, best.mean_iou, fix)


@PREDICTIONS.check(14, "localisation says the same everywhere", Severity.WARNING, Predicted)
def frozen_offsets(predicted: Predicted) -> Iterator[Case]:
    """The offsets of a shape are the very same in all cells and images, though the classes are learnt.

    What it means:
        The localisation head gives its biases, or zeros, whatever the photo shows: its weights are 0, its input is, or
        it is not connected.

    Why it matters:
        Every detection is a bare prior, moved alike everywhere. The localisation loss stays where it is.

    How to tell:
        No offset of any shape differs at all between the cells of its level and between images, though there are at
        least 20 positives, of which half have their own class on top, or most negatives cost less than a quarter of
        what guessing costs. A network that has learnt nothing yet is not spoken of.

    How to fix:
        Check that the localisation head's parameters are in the optimiser and require a gradient, that the
        localisation loss reaches the sum that is back-propagated, and print its gradient.

    Where people met it:
        Heads that were frozen with the backbone, or left out of the optimiser's parameter groups.
    """
    answers = predicted.answers
    if answers is None or answers.positives < FEWEST_POSITIVES:
        return
    if predicted.frozen and (answers.right >= LEARNT or predicted.knows_background):
        learnt = (
            f"{answers.right:.0%} of the positives have the right class"
            if answers.right >= LEARNT
            else "the logits tell the background already"
        )
        message = (
            "the offsets of a shape are the same, to the last digit, in all cells of its level and in all images, yet "
            f"{learnt}"
        )
        fix = "Check that the localisation head is trained: in the optimiser, requires_grad, and its loss in the sum."
        yield Case(predicted.where(), message, 0.0, 0.0, fix)
