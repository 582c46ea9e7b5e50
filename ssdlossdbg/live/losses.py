"""What a criterion returned: a total, its two parts, or a mapping of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ssdlossdbg.results.captured import Recorded

if TYPE_CHECKING:
    from torch import Tensor

LOCALIZATION_WORDS = ("bbox", "box", "loc", "reg")
CONFIDENCE_WORDS = ("cls", "class", "conf")
TOTAL_WORDS = ("loss", "total", "total_loss", "loss_total")
# A sum of many terms in half precision is off by more than one rounding.
HALF_ROUNDINGS = 8
# A first of three that is the sum of the others up to this is their total.
SAME_SUM = 1e-4


@dataclass(frozen=True)
class Returned:
    """Losses as tensors.

    Attributes:
        names: of each: total, localization or confidence; empty where that is not known.
        values: tensors of one number each.
    """

    names: tuple[str, ...]
    values: tuple[Tensor, ...]

    @property
    def precision(self) -> float:
        """How far off losses of half precision may be, as a share of themselves; 0 of others."""
        import torch

        half = [torch.finfo(each.dtype).eps for each in self.values if each.dtype in (torch.float16, torch.bfloat16)]
        return HALF_ROUNDINGS * max(half, default=0.0)

    def recorded(self, numbers: Sequence[float]) -> Recorded:
        """The losses by their names, given the numbers of `values`."""
        if len(numbers) == 3 and not any(self.names):
            return _of_three(*numbers)
        known: dict[str, float] = dict(zip(self.names, numbers, strict=True))
        known.pop("", None)
        if {"localization", "confidence"} <= known.keys() and "total" not in known and "" not in self.names:
            known["total"] = known["localization"] + known["confidence"]
        return Recorded(**known)


def _of_three(first: float, second: float, third: float) -> Recorded:
    both = second + third
    if first == both or abs(first - both) <= SAME_SUM * abs(both):
        return Recorded(first, second, third)
    return Recorded()


def returned(output: Any) -> Returned:
    """The losses in what a criterion returned; nothing where it returned none.

    A pair is localisation before confidence, as every codebase of the table returns it.
    """
    if _is_loss(output):
        return Returned(("total",), (output,))
    if isinstance(output, Mapping):
        return _of_mapping(output)
    if isinstance(output, (tuple, list)) and all(_is_loss(value) for value in output):
        if len(output) == 1:
            return returned(output[0])
        if len(output) == 2:
            return Returned(("localization", "confidence"), tuple(output))
        return Returned(("",) * len(output), tuple(output))
    return Returned((), ())


def _of_mapping(output: Mapping[Any, Any]) -> Returned:
    names, values = [], []
    for key, value in output.items():
        number = _summed(value)
        if number is not None:
            names.append(_name(str(key).lower()))
            values.append(number)
    if any(names.count(name) > 1 for name in ("total", "localization", "confidence")):
        names = [""] * len(names)
    return Returned(tuple(names), tuple(values))


def _name(key: str) -> str:
    if key in TOTAL_WORDS:
        return "total"
    localization = any(word in key for word in LOCALIZATION_WORDS)
    confidence = any(word in key for word in CONFIDENCE_WORDS)
    if localization == confidence:
        return ""
    return "localization" if localization else "confidence"


def _summed(value: Any) -> Tensor | None:
    """One number of a loss, or of its parts image by image, which are added up as MMDetection does."""
    if _is_loss(value):
        loss: Tensor = value
        return loss
    if isinstance(value, (list, tuple)) and value and all(_is_tensor(part) for part in value):
        import torch

        return torch.stack([part.detach().float().mean() for part in value]).sum()
    return None


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _is_loss(value: Any) -> bool:
    return _is_tensor(value) and value.numel() == 1
