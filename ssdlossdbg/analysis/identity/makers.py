"""What a case is, and how one is made.

Priors are cxcywh and boxes xyxy, normalised. Numbers that a comparison hangs on are exact in float32, and all others
are far from what any rule compares with, so that two ways to write the same rule agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Boxes = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Case:
    """One batch.

    Attributes:
        name: what it is, in words that a report can say.
        priors: `[P, 4]`.
        loc: `[B, P, 4]` predicted offsets.
        conf: `[B, P, C]` logits.
        boxes: per image `[n, 4]`.
        labels: per image `[n]` int64, as rows of five have them: what is added to them is a rule.
        with_objects: whether it is about objects, and tells nothing of targets that are already encoded.
        sound: whether every object is a box in the picture; codebases may refuse others.
        delicate: whether the order in which a codebase adds and multiplies decides: then it tells two rules apart
            between which nothing else does, and speaks against none.
        is_unmistakable: whether every object overlaps a prior of its own as well as wholly, and no other at all.
    """

    name: str
    priors: Tensor
    loc: Tensor
    conf: Tensor
    boxes: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    with_objects: bool = False
    sound: bool = True
    delicate: bool = False
    is_unmistakable: bool = False


class Maker:
    """Makes cases for so many classes.

    Args:
        classes: C, background included.
        lowest, highest: the labels that objects may have.
        seed: of all that is drawn.
    """

    def __init__(self, classes: int, lowest: int, highest: int, seed: int) -> None:
        self.classes, self.lowest, self.highest = classes, lowest, highest
        self.random = torch.Generator().manual_seed(seed)

    def case(self, name: str, priors: Boxes | Tensor, objects: Sequence[Boxes]) -> Case:
        """A case with drawn predictions.

        Args:
            name: of it.
            priors: `[P, 4]`.
            objects: of each image.
        """
        table = torch.as_tensor(priors, dtype=torch.float32).reshape(-1, 4)
        shape = len(objects), len(table)
        boxes = tuple(torch.tensor([*image], dtype=torch.float32).reshape(-1, 4) for image in objects)
        span = self.highest - self.lowest + 1
        labels, drawn = [], 0
        for image in boxes:
            labels.append(torch.tensor([self.lowest + (drawn + each) % span for each in range(len(image))]).long())
            drawn += len(image)
        return Case(
            name=name,
            priors=table,
            loc=torch.randn((*shape, 4), generator=self.random) * 1.2,
            conf=torch.randn((*shape, self.classes), generator=self.random) * 1.5,
            boxes=boxes,
            labels=tuple(labels),
        )


def grid(cells: int, side: float) -> list[list[float]]:
    """Square priors on a regular grid."""
    return [[(x + 0.5) / cells, (y + 0.5) / cells, side, side] for y in range(cells) for x in range(cells)]


def box(cx: float, cy: float, width: float, height: float) -> list[float]:
    """Xyxy."""
    return [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2]


GRID = grid(4, 0.25) + grid(2, 0.5)
