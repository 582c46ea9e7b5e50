"""The recipe of this package's own criterion, which knows its rules and its priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ssdlossdbg.live.recipe import Recipe, Taken
from ssdlossdbg.live.targets import flat_targets
from ssdlossdbg.results.captured import OWN_RULES
from ssdlossdbg.rules import Dialect

if TYPE_CHECKING:
    from torch import Tensor


def own_recipe(owner: Any, _: Mapping[str, Any]) -> Recipe | None:
    """How `ssdlossdbg.MultiBoxLoss` is called; None of another criterion.

    Args:
        owner: the criterion. It is known by what it has, since this room knows nothing of the one that it is from.
    """
    rules: Any = getattr(owner, "rules", None)
    placed: Any = getattr(owner, "priors", None)
    if not isinstance(rules, Dialect) or not hasattr(placed, "measured"):
        return None

    def take(owner: Any, given: Mapping[str, Any]) -> Taken:
        targets, called = _targets(given["targets"])
        measured = owner.priors.measured
        tensors = {"loc": given["loc"], "conf": given["conf"], "priors": getattr(measured, "xyxy", measured)}
        return Taken({**tensors, **targets}, called)

    header = {
        "prior_format": "xyxy" if hasattr(placed.measured, "xyxy") else "cxcywh",
        "image_size": placed.image_size,
        "target_units": str(owner.units),
        "rules": asdict(rules),
    }
    return Recipe(rules.name or OWN_RULES, take, _finished, header)


def _targets(targets: Any) -> tuple[dict[str, Tensor], Any]:
    if hasattr(targets, "counts"):  # a GroundTruthBatch, which is cut only when it is saved: that waits for a device
        return {"boxes": targets.boxes, "labels": targets.labels, "counts": targets.counts}, ()
    return flat_targets(targets)


def _finished(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if "counts" not in tensors:
        return tensors
    boxes, labels, counts = (tensors.pop(key) for key in ("boxes", "labels", "counts"))
    for index, count in enumerate(counts.tolist()):
        tensors[f"boxes_{index}"], tensors[f"labels_{index}"] = boxes[index, :count], labels[index, :count]
    return tensors
