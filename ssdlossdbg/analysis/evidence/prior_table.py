"""The priors in use, as the checks see them."""

from __future__ import annotations

from torch import Tensor

from ssdlossdbg.analysis.common import summarise
from ssdlossdbg.multibox.boxes import xyxy_to_cxcywh
from ssdlossdbg.multibox.priors import infer_levels
from ssdlossdbg.readers.named_priors import SAME_PRIORS, NamedPriors
from ssdlossdbg.results import PriorTable
from ssdlossdbg.rules import Dialect


def describe_priors(named: NamedPriors, dialect: Dialect, classes: int | None = None) -> PriorTable:
    """The priors in use.

    Args:
        named: the priors.
        dialect: the rules.
        classes: columns of the predictions, background included; None where there are none.
    """
    priors = named.priors
    return PriorTable(
        config=summarise(named),
        boxes=priors.boxes.cpu().double().numpy(),
        levels=priors.levels,
        order=priors.order,
        classes=classes,
        rules=dialect,
        grid_of_corners=not priors.levels and _is_grid_of_corners(priors.boxes),
        overruled=named.overruled.name if named.overruled else None,
        differing=_differing(priors.boxes, named.overruled.priors.boxes) if named.overruled else 0,
    )


def _differing(boxes: Tensor, others: Tensor) -> int:
    """How many of `[P, 4]` rows are others than those of another tensor, all if there are more or fewer of them."""
    if len(boxes) != len(others):
        return len(boxes)
    return int(((boxes - others.to(boxes.device)).abs() > SAME_PRIORS).any(1).sum())


def _is_grid_of_corners(boxes: Tensor) -> bool:
    """Whether boxes that are no grid as centre and size are one as corners."""
    read = xyxy_to_cxcywh(boxes)
    if bool((read[:, 2:] <= 0).any()):
        return False
    levels, _ = infer_levels(read, (1, 1))
    # Any list of boxes is a "grid" of single cells.
    return any(min(level.feature_map) > 1 for level in levels) or _are_clipped_corners(boxes)


def _are_clipped_corners(boxes: Tensor) -> bool:
    """Whether boxes, whose third and fourth numbers exceed the first and second, reach no border but exactly.

    As centre and size, those in the right and lower half would all be larger than half the image.
    """
    within = bool(((boxes >= 0) & (boxes <= 1)).all())
    low, high = (boxes[:, :2] > 0.5).all(1), (boxes == 1).any(1)
    return within and bool(low.any()) and bool(high.any()) and bool((boxes == 0).any())
