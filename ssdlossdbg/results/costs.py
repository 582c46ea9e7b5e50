"""What the checks see of a batch's loss."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.loss import GroundTruthLoss, ImageLoss, MinedNegative, NonFinite, Parts


@dataclass(frozen=True)
class Costs:
    """What the loss of a batch comes to, image by image, object by object and negative by negative.

    Attributes:
        dtype: of the predictions in their file.
        threshold: the match threshold; None where the targets were already encoded.
        priors: how many each image has.
        others: as in `LossResult`.
    """

    predictions_path: str
    targets_path: str
    dtype: str
    dialect: str
    threshold: float | None
    priors: int
    loss: Parts
    loss_sum: Parts
    normalizer: float
    images: tuple[ImageLoss, ...]
    ground_truth: tuple[GroundTruthLoss, ...]
    negatives: tuple[MinedNegative, ...]
    non_finite: tuple[NonFinite, ...]
    raises: str | None
