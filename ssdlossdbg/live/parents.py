"""Priors that the criterion alone does not know: lufficc/SSD's box head and bubbliiiing's dataset have them."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

PRIOR_BOX = "ssd.modeling.anchors.prior_box"


def lufficc_priors(criterion: Any) -> Tensor | None:
    """The priors that the configuration of lufficc's box head asks for; None where there is no such head.

    Asked once, at the first step: it looks through all objects for the module that the criterion is part of.
    """
    maker = getattr(sys.modules.get(PRIOR_BOX), "PriorBox", None)
    if maker is None or criterion is None:
        return None
    head = next((each for each in _parents(criterion) if hasattr(each, "cfg")), None)
    if head is None:
        return None
    priors: Tensor = maker(head.cfg)()
    return priors


def dataset_anchors(number: int) -> Tensor | None:
    """The anchors, corners in shares of the photo, that a dataset encodes its targets by; None where none has as many.

    Asked once, at the first step: it looks through all objects for the dataset.

    Args:
        number: of the priors.
    """
    import torch

    for each in gc.get_objects():
        if issubclass(type(each), torch.utils.data.Dataset) and hasattr(each, "__dict__"):
            anchors = vars(each).get("anchors")
            if getattr(anchors, "shape", None) == (number, 4):
                return torch.as_tensor(anchors).float().clone()
    return None


def _parents(module: Any) -> list[Any]:
    import torch

    return [
        each
        for each in gc.get_objects()
        if issubclass(type(each), torch.nn.Module)
        and any(child is module for child in vars(each).get("_modules", {}).values())
    ]
