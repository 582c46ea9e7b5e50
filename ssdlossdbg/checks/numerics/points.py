"""Landmarks that are no numbers, in the targets or in the predictions."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.numerics.family import NUMERICS
from ssdlossdbg.results import Case, Costs, Severity, Where

AXES = ("x", "y")


@NUMERICS.check(8, "landmark that is no number", Severity.ERROR, Costs, follows_from=("BOX003", "NUM001"))
def landmark_not_finite(result: Costs) -> Iterator[Case]:
    """A point of an object, or what is predicted for it, is inf or nan.

    What it means:
        RetinaFace learns five points of each face. Of this one a coordinate is no number, in the targets or in the
        network's own output.

    Why it matters:
        The term of the landmarks is a sum over all positives, so one such number makes the loss inf or nan, and after
        the next step every weight.

    How to tell:
        The offset to learn, or that predicted, is not finite at a positive whose label is above 0. Points of objects
        that are labelled -1 count nowhere, whatever stands there.

    How to fix:
        In the targets: give the face the label -1, which says that its landmarks are not known, where a file has no
        number for them. In the predictions: go back to a checkpoint whose weights are finite.

    Where people met it:
        biubug6/Pytorch_Retinaface#60, of boxes without area; of points, no thread.
    """
    for found in result.non_finite:
        if found.term not in ("landmarks", "landm"):
            continue
        point, axis = divmod(int(found.place or 0), 2)
        own = found.term == "landmarks"
        which = f"{AXES[axis]} of landmark {point}"
        what = f"has no number for {which}" if own else f"is predicted no number for {which}"
        more = f", and {found.count - 1} more like it" if found.count > 1 else ""
        message = f"{what}{more}, so the loss of the batch is {abs(found.value):g}"
        fix = "Label it -1 where its landmarks are not known." if own else "Go back to a finite checkpoint."
        path = result.targets_path if own else result.predictions_path
        yield Case(Where(path, found.image, found.ground_truth), message, found.value, "finite", fix, share=1.0)
