"""Mining: negatives that were not to be mined, or cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import Case, Costs, Predicted, Severity, Where
from ssdlossdbg.results.costs import open_choice
from ssdlossdbg.results.predicted import SURE, Quota
from ssdlossdbg.rules import MiningCap

MINING = Family("MIN", "mining")

# So few mined negatives tell nothing.
FEWEST_NEGATIVES = 20
# How far below the match threshold a negative still lies on the object, and how many of those are many.
JUST_BELOW = 0.1
MANY_JUST_BELOW = 0.5
# Largest logit of a row against that of the batch: exp of the difference is 0 in float32 from here on.
UNDERFLOW = 104.0
# Overlaps that are nan, or a matching without a threshold, make most priors positive.
TOO_MANY_POSITIVES = (
    "BOX001",
    "BOX002",
    "BOX003",
    "BOX004",
    "BOX006",
    "BOX012",
    "ENC001",
    "BOX015",
    "ENC005",
    "ENC012",
    "PRI004",
)
# The boxes that predictions stand for lie elsewhere than they are drawn, or the objects do.
MISPLACED = (
    *("PRI007", "PRI008", "PRI009", "PRI013", "PRI015"),
    *("PRE001", "PRE008", "PRE009", "PRE010", "PRE011", "PRE013", "PRE015"),
)
# Share of a loss that the order of adding it up may make a difference of.
ROUNDING = 1e-5
EXPECT_ANOTHER = "Expect another choice on another device; save predictions in float32 if they are in half precision."
EXPECT_A_RANGE = (
    "Hold a loss that training printed against that range; rank by torch.logsumexp(conf, -1) - conf[..., 0], which "
    "leaves no such ties."
)
ALL_THERE_ARE = (MiningCap.NEGATIVES, MiningCap.NONZERO_NEGATIVES)


@MINING.check(1, "mining quota cannot be met", Severity.WARNING, Predicted, TOO_MANY_POSITIVES)
def quota(predicted: Predicted) -> Iterator[Case]:
    """More negatives are to be mined than there are.

    What it means:
        Hard negative mining takes a fixed number of negatives (three, usually) for each positive. Here so many priors
        are positive that fewer negatives than that are left.

    Why it matters:
        What happens then differs between codebases: some take all negatives, some let positives fill the places to no
        effect, and some count those positives twice. In any case a quarter or more of all priors being positive is far
        from what SSD was made for, and mostly means that the matching is broken.

    How to tell:
        ratio * positives > priors - positives, the ignored ones left out, image by image (over the whole batch where
        that is what is mined). With a ratio of 3 that is from a quarter of the priors on: 2183 of SSD300's 8732.

    How to fix:
        Find out why so many priors are positive: a match threshold that is too low, boxes in other units than the
        priors, or encoded labels in which background is not 0. Else lower the ratio.

    Where people met it:
        NVIDIA/DeepLearningExamples#948; rykov8/ssd_keras#5.
    """
    unmet = [found for found in predicted.quotas if found.asked > found.negatives]
    ratio = predicted.rules.mining.ratio
    for found in sorted(unmet, key=lambda found: found.negatives - found.asked):
        yield Case(
            predicted.where(found.image),
            f"{found.asked:g} negatives are to be mined ({ratio:g} for each of {found.positives} positives), but there "
            f"are only {found.negatives}; {_instead(found, predicted)}",
            found.asked,
            found.negatives,
            "Find out why so many priors are positive (threshold, units of the boxes, labels), or lower the ratio.",
        )


def _instead(found: Quota, predicted: Predicted) -> str:
    """What the dialect does where there are not enough negatives."""
    rules = predicted.rules
    if rules.loss.positives_counted_twice:
        return f"{rules.name} fills the places with {found.places_of_positives} positives, which then count twice"
    if rules.mining.cap in ALL_THERE_ARE:
        return f"{rules.name} takes them all"
    return f"{rules.name} takes them all and fills the places with positives, which count once all the same"


@MINING.check(2, "negatives lost in ranking", Severity.ERROR, Predicted, beneath=("NUM002",))
def ranking_underflow(predicted: Predicted) -> Iterator[Case]:
    """Hard negatives are left out, since their mining score underflows to log 0.

    What it means:
        ssd.pytorch ranks negatives by log(sum(exp(z - m))) + m - z[0], with one m for the whole batch: the largest
        logit of all. Where every logit of a row is 104 or more below m, each exp is 0 in float32, and the log of
        their sum is -inf.

    Why it matters:
        A score of -inf comes last, so these negatives are never mined, however wrong they are, and the places go to
        easier ones or to positives. The loss looks fine and the network never learns from them.

    How to tell:
        Only in dialects with that score: negatives whose score is -inf although their own cross-entropy, if it is above
        0.01, would have had them mined. Where only easy ones were lost nothing is said.

    How to fix:
        Subtract each row's own maximum: call torch.logsumexp(batch_conf, 1, keepdim=True) in place of log_sum_exp. And
        find out why logits are so far apart: the learning rate is probably too high.

    Where people met it:
        amdegroot/ssd.pytorch#483; amdegroot/ssd.pytorch#85.
    """
    wrong = [found for found in predicted.underflows if found.missed]
    for found in sorted(wrong, key=lambda found: -found.missed):
        below = found.largest - found.own
        negatives = "negatives have" if found.lost > 1 else "negative has"
        yield Case(
            predicted.where(found.image, found.prior),
            f"all its logits are {below:.1f} or more below the batch's largest ({found.largest:.4g}), so its mining "
            f"score is log 0 = -inf in place of {found.cross_entropy:.3g}; {found.lost} {negatives} such a score in "
            f"this image, and by true cross-entropy {found.missed} of them would have been mined",
            below,
            UNDERFLOW,
            "Rank by torch.logsumexp(conf, -1) - conf[..., 0], which subtracts each row's own maximum, and lower the "
            "learning rate.",
        )


@MINING.check(3, "mined negatives lie on the objects", Severity.NOTE, Costs)
def just_below_threshold(result: Costs) -> Iterator[Case]:
    """Most mined negatives nearly reach the match threshold: they lie on the objects.

    What it means:
        A prior with an IoU just under the threshold shows much the same as one just above it, but is to be called
        background. Mining takes the priors that look most like objects, so it takes these.

    Why it matters:
        The network is asked to tell priors apart by a hair's breadth of IoU, while the true background is hardly
        trained. A few such negatives sharpen the boxes; where they are most of all, they hold the scores down.

    How to tell:
        At least half of the mined negatives, and 20 or more, have a best IoU of less than 0.1 below the threshold. Not
        where nothing is mined and every negative counts.

    How to fix:
        Leave them out: an ignore band below the threshold (ignore_from in a dialect file, as TensorFlow's and Keras's
        matchers have it), or a lower match threshold.

    Where people met it:
        No thread: follows from mining by confidence with one threshold for both roles.
    """
    if result.threshold is None or result.all_negatives:
        return
    overlaps = [item.best_iou for item in result.negatives if item.best_iou is not None]
    near = [value for value in overlaps if result.threshold - JUST_BELOW <= value < result.threshold]
    if len(overlaps) < FEWEST_NEGATIVES or len(near) < MANY_JUST_BELOW * len(overlaps):
        return
    share = len(near) / len(overlaps)
    yield Case(
        Where(result.predictions_path),
        f"{len(near)} of {len(overlaps)} mined negatives ({share:.0%}) have an IoU of "
        f"{result.threshold - JUST_BELOW:g} to {result.threshold:g} with an object, so they lie on it and are to be "
        "called background",
        share,
        MANY_JUST_BELOW,
        "Ignore such priors ([match] ignore_from in a dialect), or lower the match threshold.",
    )


@MINING.check(4, "mined negatives look like unlabelled objects", Severity.NOTE, Predicted, MISPLACED)
def unlabelled_objects(predicted: Predicted) -> Iterator[Case]:
    """A network that knows objects from background is sure of an object where none is labelled.

    What it means:
        Among the mined negatives are priors, away from every labelled object, that the network holds for an object of
        some class. Either it is mistaken, or the annotation left that object out.

    Why it matters:
        Mining takes the most object-like negatives first, so every object that nobody labelled is trained as
        background again and again, with the largest loss of all.

    How to tell:
        The class has a probability above 0.9 at a mined negative whose IoU with every object is under 0.1 and whose
        predicted box has its centre in the image and under a tenth of its area on any object. Only where the network
        can be believed: it has the right class at half of the batch's positives or more, and calls background at least
        90% of all negatives so.

    How to fix:
        Look at the box in the photo. Label the object if it is one; else it is a hard negative, as it should be.

    Where people met it:
        No thread: data sets in which not every object is annotated.
    """
    mined = "" if predicted.rules.mining.takes_all else "mined "
    for found in sorted(predicted.unlabelled, key=lambda found: -found.probability):
        corners = ", ".join(f"{value:.0f}" for value in found.box)
        more = f"; {found.count - 1} more such in this image" if found.count > 1 else ""
        yield Case(
            predicted.where(found.image, found.prior, found.box),
            f"a {mined}negative away from every object is taken for {found.label} with probability "
            f"{found.probability:.3f}, at ({corners}) px{more}",
            found.probability,
            SURE,
            f"Look whether there is an unlabelled {found.label} in the photo, and label it if so.",
        )


@MINING.check(
    5, "equal scores at the mining cut-off", Severity.NOTE, Costs, ("PRE003",), beneath=("NUM002", "MIN002", "PRE003")
)
def tied_cutoff(result: Costs) -> Iterator[Case]:
    """The last negative that was mined and the first that was not have the same score.

    What it means:
        Mining takes the negatives of highest score. Where equal scores lie on both sides of the cut-off, which of them
        are taken depends on the sort alone.

    Why it matters:
        Here the lowest prior is taken. The real code sorts unstably, and differently on a GPU, so it may mine others.
        Mostly equal scores are equal losses: then the loss is the same but for rounding, its gradient is not, and two
        runs differ. Not so where scores were lost to log 0 (MIN002): priors of any loss tie at -inf, and the loss of
        the batch depends on the sort. The message gives the range that it can take.

    How to tell:
        Both scores at the cut-off are equal to the last bit. Where a network says the same everywhere (PRE003), that is
        said only if the loss depends on the choice.

    How to fix:
        Nothing need be done where the loss is the same. Scores that are often equal come from half precision, from
        copies of an image in a batch, or from a network that says the same in many places. Where the loss is not, see
        MIN002: a score that subtracts each row's own maximum has no such ties.

    Where people met it:
        amdegroot/ssd.pytorch#43 (the double sort of its mining is often taken for a bug).
    """
    choice = _loss_of_any_choice(result)
    for image in result.images:
        last, first = image.last_mined, image.first_not_mined
        if not image.tied or last is None or first is None:
            continue
        yield Case(
            Where(result.predictions_path, image.index),
            f"priors {last.prior} and {first.prior} have the same mining score ({last.score:.4g}) on both sides of the "
            f"cut-off; the lower index is mined here, the real code's unstable sort may take another{choice}",
            last.score,
            first.score,
            EXPECT_A_RANGE if choice else EXPECT_ANOTHER,
            firm=bool(choice),
        )


def _loss_of_any_choice(result: Costs) -> str:
    """What the batch's confidence loss can come to, if ties leave that open; whatever is left but rounding is not."""
    here = result.loss.confidence
    least, greatest = (here + apart for apart in open_choice(result.images))
    if not greatest - least > ROUNDING * abs(greatest):
        return ""
    return (
        f", and their losses differ: the confidence loss of the batch is {here:.6g} here, and anything from "
        f"{least:.6g} to {greatest:.6g} in the real code"
    )
