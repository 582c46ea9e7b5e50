"""Which of unknown arguments are loc, conf, priors and targets: by their names, else by their shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

LOC_NAMES = re.compile(r"p?loc(s|ations?)?|.*(loc|bbox|box|reg).*(pred|data|reg|out).*|pred.*(loc|box|reg).*")
CONF_NAMES = re.compile(r"p?(conf|label|cls)(s|idences?)?|.*(conf|cls|class|score|logit).*")
# Of targets, which look like predictions: gt_locations, loc_targets, y_true.
TARGET_NAMES = re.compile(r".*(gt|target|true|truth|annot|label).*|g(loc|label)")
PRIOR_NAMES = re.compile(r".*(prior|anchor|default_?box|dbox).*")


@dataclass(frozen=True)
class Guess:
    """What was found; `targets` in any layout that `flat_targets` knows."""

    loc: Tensor
    conf: Tensor
    priors: Tensor | None
    targets: Any


def guess(given: Mapping[str, Any]) -> Guess:
    """The arguments' parts.

    Args:
        given: the arguments by name; they may stand in tuples, lists and mappings.

    Raises:
        LookupError: what could not be found.
    """
    tensors = list(_tensors(given))
    wide = [(name, each) for name, each in tensors if each.ndim == 3 and each.is_floating_point()]
    predicted = [(name, each) for name, each in wide if not TARGET_NAMES.fullmatch(name)] or wide
    loc, conf = _predictions(predicted)
    number = loc.shape[1]
    priors = next(
        (
            each
            for name, each in tensors
            if each.ndim == 2 and each.shape[-1] == 4 and len(each) >= number and each.is_floating_point()
        ),
        None,
    )
    return Guess(loc, conf, priors, _targets(given, tensors, loc, conf))


def _predictions(wide: list[tuple[str, Tensor]]) -> tuple[Tensor, Tensor]:
    pairs = [
        (loc, conf)
        for loc in wide
        for conf in wide
        if loc[1] is not conf[1] and loc[1].shape[-1] == 4 and loc[1].shape[:2] == conf[1].shape[:2]
    ]
    named = [(loc, conf) for loc, conf in pairs if LOC_NAMES.fullmatch(loc[0]) and CONF_NAMES.fullmatch(conf[0])]
    told = named or [(loc, conf) for loc, conf in pairs if conf[1].shape[-1] != 4]
    if len(told) != 1:
        seen = ", ".join(f"{name} {list(each.shape)}" for name, each in wide) or "no float tensor of three dimensions"
        raise LookupError(f"cannot tell loc [B, P, 4] and conf [B, P, C] among {seen}")
    return told[0][0][1], told[0][1][1]


def _targets(given: Mapping[str, Any], tensors: list[tuple[str, Tensor]], loc: Tensor, conf: Tensor) -> Any:
    images, priors = loc.shape[:2]
    labels = [each for _, each in tensors if each.shape == (images, priors) and not each.is_floating_point()]
    offsets = [each for _, each in tensors if each.shape == loc.shape and each is not loc and each is not conf]
    if len(labels) == 1 and len(offsets) == 1:
        return labels[0], offsets[0]
    rest = [value for value in given.values() if isinstance(value, (list, tuple)) and len(value) == images]
    lists = [value for value in rest if not any(each is loc or each is conf for each in value)]
    rows = [value for value in lists if all(_is_row(image) for image in value)]
    if len(rows) == 1:
        return rows[0]
    boxes = [value for value in lists if all(_is_boxes(image) for image in value)]
    ids = [value for value in lists if all(_is_labels(image) for image in value)]
    if len(boxes) == 1 and len(ids) == 1:
        return [{"boxes": box, "labels": label} for box, label in zip(boxes[0], ids[0], strict=True)]
    padded = [each for _, each in tensors if each.ndim == 3 and each.shape[0] == images and each.shape[-1] == 5]
    padded = [each for each in padded if each is not conf]
    if len(padded) == 1:
        return padded[0]
    raise LookupError("cannot tell the targets: no list of an entry an image, and no labels [B, P] beside offsets")


def _is_row(image: Any) -> bool:
    if isinstance(image, Mapping):
        return "boxes" in image and "labels" in image
    return hasattr(image, "ndim") and (image.numel() == 0 or (image.ndim == 2 and image.shape[-1] == 5))


def _is_boxes(image: Any) -> bool:
    return hasattr(image, "ndim") and image.ndim == 2 and image.shape[-1] == 4


def _is_labels(image: Any) -> bool:
    return hasattr(image, "ndim") and image.ndim == 1


def _tensors(given: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Every tensor with the name of its argument or key; a list has as many as images, of which none is all."""
    import torch

    for name, value in given.items():
        if isinstance(value, torch.Tensor):
            yield str(name), value
        elif isinstance(value, Mapping):
            yield from _tensors(value)
        elif isinstance(value, (tuple, list)) and len(value) <= 4:
            yield from ((str(name), each) for each in value if isinstance(each, torch.Tensor))
