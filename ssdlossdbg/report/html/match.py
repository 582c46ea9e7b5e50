"""What the page of `match` needs beyond its document: every prior, and what decides its role."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ssdlossdbg.report.html.arrays import packed
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import MatchResult


def match_extra(result: MatchResult, view: View = USUAL) -> dict[str, Any]:
    """The priors, and the rule by which they are matched.

    Args:
        result: what `analyse_match` returned; without its priors, one that was read from JSON.
        view: changes nothing.
    """
    roles = result.roles
    if roles is None:
        return {"rule": None, "arrays": {}}
    arrays = {
        "boxes": roles.boxes,
        "level": roles.level,
        "iou": roles.iou,
        "nearest": roles.nearest,
        "owner": roles.owner,
        "ownerIou": roles.owner_iou,
        "bestPrior": roles.best_prior,
        "bestIou": roles.best_iou,
    }
    return {"rule": asdict(roles.rule), "arrays": {name: packed(array) for name, array in arrays.items()}}
