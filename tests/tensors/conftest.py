"""What the tests of the tensor API share: a small batch on a small grid, and the plain loops of ssd.pytorch."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from ssdlossdbg import GroundTruthBatch, LevelSpec, Priors, PriorSpec, generate_priors, pad_ground_truth
from ssdlossdbg.rules import Dialect, Units

SIZE = (64, 32)
CLASSES = 4


@dataclass(frozen=True)
class Small:
    """Predictions and objects of three images, one of them empty.

    Attributes:
        loc, conf: `[3, P, 4]` and `[3, P, C]`.
        priors: P of two levels, on an input that is no square.
        boxes, labels: of each image, normalised, 0 being background.
    """

    loc: Tensor
    conf: Tensor
    priors: Priors
    boxes: list[Tensor]
    labels: list[Tensor]

    def gt(self, dialect: Dialect) -> GroundTruthBatch:
        """The objects in the unit that a dialect computes in."""
        return pad_ground_truth([boxes * unit(dialect) for boxes in self.boxes], self.labels)


def unit(dialect: Dialect) -> Tensor:
    """`[4]` what normalised boxes are multiplied by under a dialect."""
    return torch.tensor([*SIZE, *SIZE] if dialect.targets.units is Units.PIXELS else [1.0] * 4)


@pytest.fixture
def small() -> Small:
    """The batch."""
    generator = torch.Generator().manual_seed(3)
    shapes = ((12.0, 12.0), (20.0, 9.0))
    levels = (LevelSpec((6, 3), (64 / 6, 32 / 3), shapes), LevelSpec((2, 1), (32.0, 32.0), ((30.0, 24.0),)))
    priors = generate_priors(PriorSpec(SIZE, levels))
    boxes = [
        torch.tensor([[0.05, 0.1, 0.3, 0.55], [0.5, 0.2, 0.9, 0.9]]),
        torch.empty(0, 4),
        torch.tensor([[0.4, 0.4, 0.65, 0.8]]),
    ]
    labels = [torch.tensor([1, 3]), torch.empty(0, dtype=torch.long), torch.tensor([2])]
    count = len(priors.boxes)
    loc = torch.randn((3, count, 4), generator=generator)
    return Small(loc, torch.randn((3, count, CLASSES), generator=generator) * 2, priors, boxes, labels)


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """The plain loops, which live beside the tests of the maths."""
    path = Path(__file__).parents[1] / "multibox" / "reference.py"
    spec = importlib.util.spec_from_file_location("multibox_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
