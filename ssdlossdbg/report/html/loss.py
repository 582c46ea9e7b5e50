"""What the page of `loss` needs beyond its document: each prior's share, and what other ratios would mine."""

from __future__ import annotations

from typing import Any

from ssdlossdbg.report.documents import encode
from ssdlossdbg.report.html.arrays import packed
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import LossDetail, LossResult


def loss_extra(result: LossResult, view: View = USUAL) -> dict[str, Any]:
    """Priors, positives and ranked negatives.

    Args:
        result: what `analyse_loss` returned; without its detail, one that was read from JSON.
        view: changes nothing.
    """
    from ssdlossdbg.report.loss_picture import SHADES

    extra: dict[str, Any] = {"shades": SHADES, "arrays": {}, "ratios": [], "ratio": None}
    detail = result.detail
    if detail is None:
        return extra
    left = detail.negatives_left_out
    return {
        **extra,
        "arrays": _arrays(detail),
        "ratios": encode(detail.ratios),
        "ratio": detail.ratio,
        "left_out": [f"the last {left:,} of the negatives that count"] if left else [],
    }


def _arrays(detail: LossDetail) -> dict[str, Any]:
    """By the names that `loss_data.js` calls them."""
    positives, negatives = detail.positives, detail.negatives
    arrays = {
        "boxes": detail.boxes,
        "level": detail.level,
        "posImage": positives.image,
        "posPrior": positives.prior,
        "posObject": positives.ground_truth,
        "posClass": positives.class_id,
        "posForced": positives.forced,
        "posDecoded": positives.decoded,
        "posLocalization": positives.localization,
        "posConfidence": positives.confidence,
        "posProbability": positives.probability,
        "negImage": negatives.image,
        "negPrior": negatives.prior,
        "negRank": negatives.rank,
        "negScore": negatives.score,
        "negLoss": negatives.loss,
        "negMined": negatives.mined,
        "negClass": negatives.class_id,
        "negProbability": negatives.probability,
        "negIou": negatives.iou,
        "negObject": negatives.ground_truth,
        "negMinedAt": negatives.mined_at,
    }
    if positives.landmarks is not None:
        arrays["posLandmarks"] = positives.landmarks
    return {name: packed(array) for name, array in arrays.items()}
