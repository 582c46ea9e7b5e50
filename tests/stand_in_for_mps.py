"""A device named mps that any machine has: tensors that claim to lie there, and compute on the CPU.

It refuses what Apple's refuses: float64, and tensors of two devices in one operation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("mps:0")
# What brings values off the device; what may meet tensors of the CPU; what only tells of a tensor.
LEAVING = ("tolist", "cpu", "item", "__float__", "__bool__", "__int__", "__index__", "__nonzero__", "__contains__")
MEETING = ("copy_", "__getitem__", "__setitem__", "to")
NUMPY = ("numpy", "__array__")


class OnMps(torch.Tensor):
    """A tensor that says it is on the device; `held` is what it holds, on the CPU."""

    held: torch.Tensor

    def __new__(cls, held: torch.Tensor) -> OnMps:
        """Of no float64."""
        if held.dtype in (torch.float64, torch.complex128):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework does not support it.")
        made: OnMps = torch.Tensor._make_subclass(cls, torch.empty(0, device="meta"))
        made.held = held
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        """What it holds."""
        return f"OnMps({self.held!r})"


def names_mps(value: Any) -> bool:
    """Whether an argument says where to."""
    return isinstance(value, (str, torch.device)) and str(value).startswith("mps")


class StandIn(TorchFunctionMode):
    """While it is entered, what is made on or sent to mps is an `OnMps`, and torch sees what that holds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every function and method of torch that is called."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        lying = [each for each in tensors if isinstance(each, OnMps)]
        if lying and name == "__get__" and func.__self__.__name__ == "device":
            return DEVICE
        if lying and name in NUMPY:
            raise TypeError("can't convert mps:0 device type tensor to numpy. Use Tensor.cpu() first.")
        said = [each for each in (*args, *kwargs.values()) if isinstance(each, torch.device) or names_mps(each)]
        sent = any(names_mps(each) for each in said)
        if func is torch.device or (not lying and not sent):
            return func(*args, **kwargs)
        apart = [each for each in tensors if not isinstance(each, OnMps) and each.dim()]
        if lying and apart and name not in MEETING:
            raise RuntimeError(f"Expected all tensors to be on the same device, found mps:0 and cpu: {name}")
        wrappers = {id(each.held): each for each in lying}

        def inside(value: Any) -> Any:
            if isinstance(value, OnMps):
                return value.held
            return "cpu" if names_mps(value) else value

        # A copy, as a device's would be: what is written to it later is no change of the first.
        given = func(*tree_map(inside, tuple(args)), **tree_map(inside, kwargs))
        away = name == "to" and len(args) > 1 and isinstance(args[1], torch.Tensor) and not isinstance(args[1], OnMps)
        if name == "cpu" or away or (name == "to" and said and not sent):
            return given.clone()
        if name in LEAVING or (said and not sent) or isinstance(given, torch.Size):
            return given
        return tree_map(lambda value: _wrapped(value, wrappers) if isinstance(value, torch.Tensor) else value, given)


def _wrapped(value: torch.Tensor, wrappers: dict[int, OnMps]) -> torch.Tensor:
    own = wrappers.get(id(value))
    return OnMps(value) if own is None else own
