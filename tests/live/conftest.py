"""A small training: criteria that are called as the codebases call theirs, and the files that a capture leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor, nn

from ssdlossdbg.live import capture as capturing

CLASSES = 4  # as many logits as offsets, so that shapes do not tell them apart
CELLS = 6


def grid() -> Tensor:
    """`[P, 4]` priors, cxcywh: two squares in each cell."""
    centre = (torch.arange(CELLS) + 0.5) / CELLS
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    cells = torch.stack((x, y), -1).reshape(-1, 1, 2).expand(-1, 2, 2)
    sides = torch.tensor([[0.2, 0.2], [0.4, 0.4]]).expand(len(cells), 2, 2)
    return torch.cat((cells, sides), -1).reshape(-1, 4)


def matched(boxes: Tensor, labels: Tensor, priors: Tensor) -> tuple[Tensor, Tensor]:
    """(`[P]` class ids, `[P, 4]` offsets) of one image: from IoU 0.5 on, and the best prior of each object."""
    corners = torch.cat((priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2), 1)
    low = torch.maximum(boxes[:, None, :2], corners[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], corners[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(each[:, 2:] - each[:, :2]).prod(-1) for each in (boxes, corners)]
    overlap = shared / (areas[0][:, None] + areas[1] - shared)
    best, owner = overlap.max(0)
    for index, prior in enumerate(overlap.argmax(1).tolist()):
        best[prior], owner[prior] = 2.0, index
    own = boxes[owner]
    centre, side = (own[:, :2] + own[:, 2:]) / 2, own[:, 2:] - own[:, :2]
    offsets = torch.cat(((centre - priors[:, :2]) / priors[:, 2:] / 0.1, (side / priors[:, 2:]).log() / 0.2), 1)
    return torch.where(best >= 0.5, labels[owner], 0), offsets


def terms(loc: Tensor, conf: Tensor, labels: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """(localisation, confidence), three negatives mined a positive in each image, divided by all positives."""
    positive = labels > 0
    localization = F.smooth_l1_loss(loc[positive], offsets[positive], reduction="sum")
    costs = F.cross_entropy(conf.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)
    ranks = costs.detach().masked_fill(positive, -1).argsort(1, descending=True).argsort(1)
    chosen = positive | (ranks < (3 * positive.sum(1, keepdim=True)).clamp(max=labels.shape[1] - 1))
    return localization / positive.sum(), costs[chosen].sum() / positive.sum()


class MultiBoxLoss(nn.Module):
    """Called as ssd.pytorch's is; labels of targets count from 0."""

    def __init__(self) -> None:
        super().__init__()
        self.threshold, self.negpos_ratio, self.variance = 0.5, 3, [0.1, 0.2]

    def forward(self, predictions: Any, targets: Any) -> tuple[Tensor, Tensor]:
        """Both parts."""
        loc, conf, priors = predictions
        pairs = [matched(rows[:, :4], rows[:, 4].long() + 1, priors[: loc.shape[1]]) for rows in targets]
        labels, offsets = (torch.stack(part) for part in zip(*pairs, strict=True))
        return terms(loc, conf, labels, offsets)


class Batches:
    """Predictions of a network of one weight, and two images of one or two objects each."""

    def __init__(self) -> None:
        self.random = torch.Generator().manual_seed(3)
        self.weight = nn.Parameter(torch.ones(1))
        self.priors = grid()

    def predictions(self, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
        """(loc, conf, priors)."""
        shape = (2, len(self.priors), CLASSES)
        loc, conf = (torch.randn(shape, generator=self.random) * self.weight for _ in range(2))
        return loc * scale, conf * scale, self.priors

    def targets(self) -> list[Tensor]:
        """Rows of five."""
        low = torch.rand((3, 2), generator=self.random) * 0.5
        boxes = torch.cat((low, low + 0.15 + 0.3 * torch.rand((3, 2), generator=self.random)), 1)
        rows = torch.cat((boxes, torch.tensor([[0.0], [1.0], [2.0]])), 1)
        return [rows[:1], rows[1:]]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The criteria here are nobody's: do not look for whose."""
    monkeypatch.setattr("ssdlossdbg.api.batches.whose_rules", lambda _batch: "")


@pytest.fixture
def batches() -> Batches:
    return Batches()


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Close what a test leaves open, so that no other test's loss is seen."""
    yield
    while capturing._open:
        capturing._open[-1].close()


def header(file: Path) -> Any:
    """The header of a captured file."""
    with safe_open(file, "pt") as opened:
        return json.loads(opened.metadata()["ssdlossdbg"])


def steps(folder: Path) -> list[int]:
    """The steps that were saved."""
    return sorted(int(file.name[4:11]) for file in folder.glob("step*.safetensors"))


def reasons(folder: Path) -> dict[int, str]:
    """Why each was."""
    return {int(file.name[4:11]): header(file)["reason"] for file in folder.glob("step*.safetensors")}
