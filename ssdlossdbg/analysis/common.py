"""What several analyses share: the device, the summary of the priors, what is wrong with a box."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.multibox.widest import has_float64
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.results import Box, ConfigSummary
from ssdlossdbg.rules import Dialect, Precision, Units


def resolve_device(name: str, *dtypes: torch.dtype) -> torch.device:
    """The device that `auto`, `cpu`, `cuda`, `cuda:N` or `mps` means here.

    Args:
        name: one of these.
        dtypes: what it is to compute in; the CPU does where that device has no such floats.

    Raises:
        InputError: no such device, or torch has no access to it.
    """
    found = _named_device(name)
    return found if has_float64(found) or torch.float64 not in dtypes else torch.device("cpu")


def matching_device(name: str, named: NamedPriors, rules: Dialect) -> torch.device:
    """The device to match on under those rules; `name` as of `resolve_device`."""
    float64 = rules.match.precision is Precision.FLOAT64
    return resolve_device(name, named.priors.boxes.dtype, *([torch.float64] if float64 else []))


def device_words(name: str, device: torch.device) -> str:
    """The device that is computed on, and why it is not the one that `name` means, where it is not."""
    wanted = _named_device(name)
    return str(device) if wanted.type == device.type else f"{device}, as {wanted.type} has no float64"


def _named_device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in {"cpu", "cuda", "mps"} or (
        number and not (kind == "cuda" and number.isdecimal() and number.isascii())
    ):
        raise InputError("--device", f"unknown device {name!r}", "Use auto, cpu, cuda, cuda:N or mps.")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            raise InputError("--device", "torch sees no CUDA device here", "Use --device cpu, or auto.")
        if number and int(number) >= count:
            raise InputError("--device", f"there is no {name}", f"torch sees {count}: cuda:0 to cuda:{count - 1}.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("--device", "torch sees no MPS device here", "Use --device cpu, or auto.")
    return torch.device(name)


def unit_of(dialect: Dialect, priors: Priors) -> Tensor:
    """`[4]` what normalised xyxy or cxcywh boxes are multiplied by to get the units that the dialect computes in."""
    width, height = priors.image_size if dialect.targets.units is Units.PIXELS else (1, 1)
    return priors.boxes.new_tensor([width, height, width, height])


def summarise(named: NamedPriors) -> ConfigSummary:
    """The priors in use, as plain data."""
    priors = named.priors
    maps = tuple(level.feature_map for level in priors.levels) or ((0, 0),)
    size_known = named.image_size_known
    fields = named.name, named.codebase, priors.image_size, size_known, len(priors.boxes), maps
    return ConfigSummary(*fields, named.choice, named.chosen_for)


def to_pixels(box: list[float], size: tuple[int, int]) -> Box:
    """A normalised box in pixels of an image of that (width, height)."""
    return (box[0] * size[0], box[1] * size[1], box[2] * size[0], box[3] * size[1])


def rows(**columns: Tensor | NDArray[Any] | Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a table as plain numbers under the names of its columns, which are all of one length."""
    plain = [column.tolist() if isinstance(column, Tensor | np.ndarray) else column for column in columns.values()]
    return (dict(zip(columns, row, strict=True)) for row in zip(*plain, strict=True))


def box_problem(box: Box) -> str | None:
    """What makes a corner box useless as a target, in words, or None if nothing does."""
    x1, y1, x2, y2 = box
    if not all(map(math.isfinite, box)):
        return "not finite"
    inverted = [f"{axis}min > {axis}max" for axis, low, high in (("x", x1, x2), ("y", y1, y2)) if low > high]
    if inverted:
        return "inverted, " + " and ".join(inverted)
    empty = [side for side, low, high in (("width", x1, x2), ("height", y1, y2)) if low == high]
    return "zero " + " and ".join(empty) if empty else None


def class_name(index: int, classes: tuple[str, ...]) -> str:
    """The name of an output column, 0 being background; its number stands in for a name that is missing."""
    if index == 0:
        return "background"
    return classes[index - 1] if index <= len(classes) else f"class {index}"
