"""Which classes may be the loss of an SSD, by their definition, and which calls are one, by their arguments."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ssdlossdbg.live.recipe import Recipe, Taken
from ssdlossdbg.live.recipes import RECIPES, by_name, guessed

# The methods that codebases compute their loss in.
METHODS = ("forward", "compute_loss", "loss_by_feat")
IS_LOSS = re.compile(r"loss|criterion", re.IGNORECASE)
# Of a class, the module that defines it, or a parameter: its loss is an SSD's, if its arguments are shaped so, too, as
# those of DETR and RetinaNet are.
IS_SSD = re.compile(r"ssd|multi_?box|mbox|default_?box|prior", re.IGNORECASE)
MMDETECTION_HEAD = "SSDHead"


def may_be_loss(kind: type, method: str, parameters: Sequence[str]) -> bool:
    """Whether a class is to be looked at when it is called.

    Args:
        kind: that defines the method itself.
        method: its name.
        parameters: of the method, without its object.
    """
    if kind.__module__.partition(".")[0] == "torch":
        return False
    if any(names <= set(parameters) for names, _ in RECIPES):
        return True
    return method == "forward" and IS_LOSS.search(kind.__name__) is not None


def is_loss_call(owner: Any, parameters: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a call is one of an SSD's loss.

    Args:
        owner: the module.
        parameters: of its method, without the module.
        args: of the call, without the module.
        kwargs: likewise.
    """
    given = by_name(parameters, args, kwargs)
    for names, make in RECIPES:
        if names <= given.keys():
            with contextlib.suppress(Exception):  # arguments of another kind, under the same names
                recipe: Recipe | None = make(owner, given)
                if recipe is not None:
                    return _is_ssd(owner, recipe.take(owner, given))
    hints = (type(owner).__qualname__, type(owner).__module__, *given)
    if not (any(map(IS_SSD.search, hints)) or {"loc", "conf"} <= given.keys()):
        return False
    try:
        return _is_ssd(owner, guessed(owner, given))
    except LookupError:
        return False


def _is_ssd(owner: Any, taken: Taken) -> bool:
    """Whether what was taken are predictions of an SSD: anchor heads of MMDetection are called alike."""
    tensors = taken.tensors
    loc, conf = (tensors.get(name, tensors.get(f"odm_{name}")) for name in ("loc", "conf"))
    if loc is None or conf is None:
        return any(each.__name__ == MMDETECTION_HEAD for each in type(owner).__mro__)
    if loc.ndim != 3 or conf.ndim != 3 or len(loc) != len(conf):
        return False
    priors = tensors.get("priors")
    if priors is not None and (priors.ndim != 2 or 4 not in priors.shape):
        return False
    rows = [each for key, each in tensors.items() if key.startswith("targets_")]
    columns = 15 if "landm" in tensors else 5
    if any(each.ndim == 2 and each.shape[1] != columns for each in rows):  # landmarks of which nothing is predicted
        return False
    rows_of_priors = loc.shape[2] == 4 and loc.shape[1] == conf.shape[1]
    return rows_of_priors or (loc.shape[1] == 4 and loc.shape[2] == conf.shape[2])
