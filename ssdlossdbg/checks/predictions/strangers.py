"""What the network surely sees where the targets have nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ssdlossdbg.checks.predictions.family import FEWEST_POSITIVES, PREDICTIONS, STRANGE, best_fit
from ssdlossdbg.results import Case, Predicted, Severity

# What the network surely sees is not what is annotated: how much of it may meet an object, and has to agree.
MEETS_OBJECTS, AGREES = 0.1, 0.5
# Where objects are large, many boxes meet one of any image; so many errors of that share are no more than that.
ERRORS, MOST_BY_CHANCE = 2, 0.5


@PREDICTIONS.check(15, "targets of other photos", Severity.ERROR, Predicted, STRANGE)
def other_photos(predicted: Predicted) -> Iterator[Case]:
    """The network surely sees objects, and none of them where the targets have one.

    What it means:
        Predictions and targets belong to different photos: another batch, another iteration, or an augmentation that
        has moved photo and boxes apart in a way that nothing tried here undoes.

    Why it matters:
        All that is said of this batch is about boxes that have nothing to do with the predictions. If training itself
        pairs them so, it learns nothing.

    How to tell:
        Most positives are not given their class, though negatives cost far less than by guessing. At least 20 priors
        are surely taken for an object; of their boxes at most a tenth meet an object of their image with an IoU of 0.5,
        or, where objects are large or many, hardly more than meet those of the batch's other images (twice the error of
        such a share, and less than half);
        and most meet another one of these boxes, as those of a real object do. No order, mirror, scale, or other image
        of the batch explains them. A network that is sure of nothing is not spoken of.

    How to fix:
        Save by `ssdlossdbg.capture`, or loc, conf and targets by hand in the same iteration; in training, look at a
        photo with its boxes drawn.

    Where people met it:
        Files saved by two hooks, one of them before the loader's next batch.
    """
    seen = predicted.strangers
    if seen is None or best_fit(predicted) is not None or seen.sure < FEWEST_POSITIVES:
        return
    error = math.sqrt(seen.by_chance * (1 - seen.by_chance) / max(seen.distinct, 1))
    bound = max(MEETS_OBJECTS, min(seen.by_chance + ERRORS * error, MOST_BY_CHANCE))
    if seen.on_objects <= bound and seen.agreeing >= AGREES:
        others = f"; of those of the other images, {seen.by_chance:.0%}" if seen.on_objects > MEETS_OBJECTS else ""
        message = (
            f"{seen.sure} priors in {seen.images} of {predicted.images} images are surely taken for objects, but "
            f"{seen.on_objects:.0%} of their boxes meet an object of their image (mean IoU {seen.best:.2f}{others}): "
            "the targets are of other photos, or their boxes were moved without the photo"
        )
        fix = "Save both in one iteration, as ssdlossdbg.capture does; if they are, draw the boxes on what is fed."
        yield Case(predicted.where(), message, seen.on_objects, bound, fix)
