"""Where two tensors of one shape differ, how much, and by which step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.diff.given import bits
from ssdlossdbg.analysis.diff.orders import is_identity, order_of, order_words, prior_order_words
from ssdlossdbg.analysis.diff.transforms import Kind, Step, step_between
from ssdlossdbg.results.common import IntArray
from ssdlossdbg.results.diff import Difference
from ssdlossdbg.rules import LevelSpec

# So many rows tell a step.
ENOUGH = 20_000
MOST_PLACES = 8


@dataclass(frozen=True)
class Axes:
    """What the places of a tensor `[B, P, C]` are called.

    Attributes:
        images: names; none where they are not known.
        levels: of the priors.
        columns: names of the last axis.
    """

    images: Sequence[str]
    levels: Sequence[LevelSpec]
    columns: Sequence[str]

    def image(self, index: int) -> str:
        """What an image is called."""
        return (self.images[index] if index < len(self.images) else "") or f"image {index}"

    def level(self, priors: IntArray) -> IntArray:
        """The level of each of some priors."""
        found: IntArray = np.searchsorted(np.cumsum([each.count for each in self.levels]), priors, side="right")
        return found


def tensor_difference(name: str, first: Tensor, second: Tensor, kind: Kind, axes: Axes) -> Difference:
    """What is another in B's tensor.

    Args:
        name: of the tensor.
        first: `[B, P, C]` floats that are not all equal.
        second: likewise, of B.
        kind: what a row is.
        axes: what its places are called.
    """
    apart = ~((first == second) | (first.isnan() & second.isnan()))
    rows = apart.any(-1)
    images, priors = rows.any(1).nonzero().flatten().tolist(), rows.any(0).nonzero().flatten()
    columns = apart.flatten(0, 1).any(0).nonzero().flatten().tolist()
    changed, of = int(rows.sum()), rows.numel()
    where = []
    if len(images) < len(first):
        where.append(f"in {len(images)} of {len(first)} images")
    levels = sorted(set(axes.level(priors.numpy()).tolist())) if axes.levels else []
    if levels and len(levels) < len(axes.levels):
        where.append(f"on level{'s' * (len(levels) > 1)} {', '.join(map(str, levels))} of {len(axes.levels)}")
    if len(columns) < first.shape[-1]:
        named = [axes.columns[column] for column in columns[:6]]
        where.append(f"in {', '.join(named)}{' ...' if len(columns) > 6 else ''} alone")
    size = (second - first).abs()[apart].double()
    bad = int((~size.isfinite()).sum())
    finite = size[size.isfinite()]
    by = f"by up to {float(finite.max()):.3g}" if len(finite) else ""
    by += f"{', ' if by else ''}{bad:,} no longer or not before finite" if bad else ""
    step = _step(first, second, rows, columns, kind) or _order(first, second, axes)
    what = f"{changed:,} of {of:,} rows {' '.join(where)}".strip() + (f", {by}" if by else "")
    places = tuple(axes.image(image) for image in images[:MOST_PLACES]) if len(images) < len(first) else ()
    return Difference(name, what, step.words if step else "", step.figure if step else None, changed, of, places)


def _step(first: Tensor, second: Tensor, rows: Tensor, columns: Sequence[int], kind: Kind) -> Step | None:
    here, there = bits(first[rows]), bits(second[rows])
    if len(here) > ENOUGH:
        some = np.linspace(0, len(here) - 1, ENOUGH).astype(np.int64)
        here, there = here[some], there[some]
    found = step_between(here, there, kind)
    if found is None and len(columns) < here.shape[1]:
        found = step_between(here[:, columns].reshape(-1, 1), there[:, columns].reshape(-1, 1), Kind.OFFSETS)
    return found


def _order(first: Tensor, second: Tensor, axes: Axes) -> Step | None:
    """The same rows at other images, or at other priors."""
    if len(first) > 1:
        order = order_of(bits(first), bits(second))
        if order is not None and not is_identity(order):
            return Step(f"those of A's images {order_words(order)}")
    one, two = (bits(each.transpose(0, 1).contiguous()) for each in (first, second))
    order = order_of(one, two)
    if order is not None and not is_identity(order):
        return Step(f"those of A's priors {prior_order_words(order, axes.levels)}")
    flipped = torch.equal(first.flip(1), second)
    return Step("those of A's priors in reverse order") if flipped else None
