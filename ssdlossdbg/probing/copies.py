"""A copy of a criterion to run cases on, so that the training's own never notices."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy

# A criterion with more numbers in it is a network, which is not worth copying.
MOST_NUMBERS = 4_000_000
CLASS_NAMES = ("num_classes", "n_classes", "num_class", "class_num", "nclasses", "classes", "C")
PRIOR_NAMES = ("priors", "priors_cxcy", "default_boxes", "dboxes", "prior_boxes", "anchors", "prior", "priors_center")
# Fractions of the image reach no further; pixels do.
LARGEST_FRACTION = 4.0
CLOSE = 1e-5


def copy_of(owner: Any) -> Any:
    """A copy that shares nothing that a call could change; of a whole network, one whose own attributes are its own.

    Args:
        owner: a module or another object; a function is returned as it is.
    """
    if not hasattr(owner, "__dict__") or not hasattr(owner, "forward"):
        return owner
    whole = whole_copy_of(owner)
    return _without_hooks(_shallow(owner)) if whole is None else whole


def whole_copy_of(owner: Any) -> Any | None:
    """A copy of a module that shares nothing with it; None of a whole network, and of what cannot be copied."""
    if sum(tensor.numel() for tensor in _all_tensors(owner)) <= MOST_NUMBERS:
        with suppress(Exception):  # whatever a user's object holds that cannot be copied
            return _without_hooks(copy.deepcopy(owner))
    return None


def _all_tensors(owner: Any) -> Iterator[Tensor]:
    yield from (value for value in vars(owner).values() if isinstance(value, Tensor))
    for name in ("parameters", "buffers"):
        if "_parameters" in vars(owner):
            yield from getattr(owner, name)()


def _shallow(owner: Any) -> Any:
    made = object.__new__(type(owner))
    vars(made).update(vars(owner))
    for name in ("_parameters", "_buffers", "_modules"):
        if name in vars(made):
            vars(made)[name] = dict(vars(made)[name])
    return made


def _without_hooks(made: Any) -> Any:
    for name in ("_forward_hooks", "_forward_pre_hooks"):
        if name in vars(made):
            vars(made)[name] = type(vars(made)[name])()
    for name in [name for name, value in vars(made).items() if hasattr(value, "__wrapped__")]:
        del vars(made)[name]  # a capture's cover over a method
    return made


def class_count(owner: Any) -> int | None:
    """The number of classes that a criterion has in an attribute, background included; None where none says it."""
    values = [getattr(owner, name, None) for name in CLASS_NAMES]
    return next((value for value in values if type(value) is int and value >= 2), None)


def own_priors(owner: Any) -> Tensor | None:
    """`[P, 4]` the priors that a criterion holds, cxcywh; None where it holds none."""
    for name in PRIOR_NAMES:
        value = getattr(owner, name, None)
        if isinstance(value, Tensor) and value.is_floating_point():
            table = _as_table(value.detach())
            if table is not None:
                return table
    return None


def _as_table(value: Tensor) -> Tensor | None:
    table = value[0] if value.ndim == 3 and len(value) == 1 else value
    if table.ndim != 2 or 4 not in table.shape:
        return None
    return table if table.shape[1] == 4 else table.T


def in_pixels(priors: Tensor) -> bool:
    """Whether priors are measured in pixels."""
    return bool(priors.abs().max() > LARGEST_FRACTION)


def give_priors(owner: Any, own: Tensor, other: Tensor) -> None:
    """Put other priors in the place of every tensor that holds the criterion's own, as centres or as corners.

    Args:
        owner: a copy of the criterion.
        own: `[P, 4]` what `own_priors` said.
        other: `[R, 4]` cxcywh.
    """
    forms = [(own, other), (cxcywh_to_xyxy(own), cxcywh_to_xyxy(other))]
    holders = [vars(owner), *(vars(owner).get(name, {}) for name in ("_parameters", "_buffers"))]
    for holder in holders:
        for name, value in list(holder.items()):
            if not isinstance(value, Tensor) or not value.is_floating_point():
                continue
            table = _as_table(value.detach())
            if table is None or table.shape != own.shape:
                continue
            for old, new in forms:
                if torch.allclose(table, old.to(table.dtype), rtol=CLOSE, atol=CLOSE):
                    holder[name] = _shaped_like(new.to(value), value)
                    break


def _shaped_like(table: Tensor, value: Tensor) -> Tensor:
    """`[R, 4]` in the axes of another table, and a parameter where that is one."""
    turned = table if value.shape[-1] == 4 else table.T.contiguous()
    shaped = turned[None] if value.ndim == 3 else turned
    return torch.nn.Parameter(shaped, requires_grad=False) if isinstance(value, torch.nn.Parameter) else shaped
