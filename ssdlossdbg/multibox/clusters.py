"""Clusters of object shapes, as anchor tools make them: k-means under 1 - IoU, wherever the objects lie."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import sides_iou
from ssdlossdbg.multibox.designs import Bounds, LevelDesign, scaled

ROUNDS = 50


def cluster_shapes(sizes: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """The centres of k-means of shapes, which are compared as if they had one corner in common (YOLOv2, section 2).

    Args:
        sizes: `[N, 2]` widths and heights, above 0.
        clusters: how many are wanted.
        generator: picks the shapes to start from.

    Returns:
        `[K, 2]` widths and heights, by area; fewer than wanted where there are fewer shapes.
    """
    centres = sizes[torch.randperm(len(sizes), generator=generator)[:clusters]]
    member = torch.full((len(sizes),), -1)
    for _ in range(ROUNDS):
        nearest = sides_iou(sizes[:, None], centres).argmax(1)
        if torch.equal(nearest, member):
            break
        member = nearest
        counts = torch.bincount(member, minlength=len(centres)).to(sizes.dtype)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, member, sizes)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres[centres.prod(1).argsort(stable=True)]


def clustered(
    designs: Sequence[LevelDesign], sizes: Tensor, bounds: Bounds, generator: torch.Generator
) -> tuple[LevelDesign, ...]:
    """The designs with sizes and ratios after clusters of objects, the smallest clusters on the finest level.

    Args:
        designs: a design for each level, finest first.
        sizes: `[N, 2]` widths and heights of objects, in pixels of the network's input.
        bounds: of the sizes.
        generator: picks the objects to start from.
    """
    ends = list(accumulate((len(design.order) for design in designs), initial=0))
    centres = cluster_shapes(sizes, ends[-1], generator)
    # Where there are fewer clusters than shapes, each stands for several.
    centres = centres[torch.arange(ends[-1]) * len(centres) // ends[-1]]
    groups = [centres[first:last] for first, last in pairwise(ends)]
    return tuple(_like_group(design, group, bounds) for design, group in zip(designs, groups, strict=True))


def _like_group(design: LevelDesign, group: Tensor, bounds: Bounds) -> LevelDesign:
    """The design with the sizes and aspects of `[S, 2]` shapes, the smallest first."""
    sides = group.prod(1).sqrt()
    squares = sides if design.max_size is None else sides[:-1]
    least, largest = float(squares.log().mean().exp()), float(sides[-1])
    grown = 1.0 if design.max_size is None else largest**2 / least / design.max_size
    aspects = (group[:, 0] / group[:, 1]).log().abs().exp().sort(descending=True).values
    spread = aspects[:: max(1, len(aspects) // max(1, len(design.ratios)))].tolist()
    ratios = [wanted / ratio for wanted, ratio in zip(spread, design.ratios, strict=False)]
    return scaled(design, least / design.min_size, grown, ratios, bounds)
