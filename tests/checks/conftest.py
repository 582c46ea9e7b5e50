"""Inputs for the checks: annotations and batches, healthy but for what a test breaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import LossResult, MatchResult

Boxes = Sequence[Sequence[float]]
# Six sound boxes of a 640 x 480 photo, each in reach of SSD300's priors, one at every border.
HEALTHY = (
    (1, 1, 120, 110),
    (200, 150, 330, 300),
    (400, 60, 560, 200),
    (500, 330, 640, 480),
    (30, 300, 200, 470),
    (350, 250, 470, 400),
)


@pytest.fixture
def healthy() -> list[Sequence[float]]:
    """Six sound boxes of a 640 x 480 photo."""
    return list(HEALTHY)


@pytest.fixture
def match_voc(tmp_path: Path) -> Callable[..., MatchResult]:
    """Matches a Pascal VOC file that holds the given boxes of a 640 x 480 photo."""

    def run(
        boxes: Boxes = HEALTHY,
        names: Sequence[str] = (),
        *,
        size: tuple[int, int] = (640, 480),
        difficult: Sequence[int] = (),
        **options: object,
    ) -> MatchResult:
        photo, annotation = tmp_path / "photo.png", tmp_path / "photo.xml"
        Image.new("RGB", (640, 480)).save(photo)
        corners = ("xmin", "ymin", "xmax", "ymax")
        objects = "".join(
            f"<object><name>{name}</name><difficult>{int(index in difficult)}</difficult><bndbox>"
            + "".join(f"<{corner}>{value}</{corner}>" for corner, value in zip(corners, box, strict=True))
            + "</bndbox></object>"
            for index, (box, name) in enumerate(zip(boxes, names or ["cell"] * len(boxes), strict=True))
        )
        width, height = size
        annotation.write_text(
            f"<annotation><size><width>{width}</width><height>{height}</height></size>{objects}</annotation>"
        )
        return api.match(photo, annotation, device="cpu", **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def lose(tmp_path: Path) -> Callable[..., LossResult]:
    """The loss of a batch with SSD300's priors, a fresh network's predictions and the given objects."""

    def run(boxes: Sequence[Tensor], labels: Sequence[Tensor], *, classes: int = 21, **options: object) -> LossResult:
        torch.manual_seed(0)
        priors = load_priors("ssd300-voc").priors.boxes
        loc = torch.randn(len(boxes), len(priors), 4) * 0.1
        conf = torch.randn(len(boxes), len(priors), classes) * 0.5
        rows = [torch.cat((box, label[:, None].float()), 1) for box, label in zip(boxes, labels, strict=True)]
        torch.save((loc, conf, priors), tmp_path / "preds.pt")
        torch.save(rows, tmp_path / "targets.pt")
        return api.loss(tmp_path / "preds.pt", tmp_path / "targets.pt", device="cpu", **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def healthy_batch() -> tuple[list[Tensor], list[Tensor]]:
    """The boxes, as fractions, and the labels of two images."""
    boxes = torch.tensor(HEALTHY, dtype=torch.float32) / torch.tensor([640.0, 480, 640, 480])
    return [boxes[:4].clone(), boxes[2:].clone()], [torch.zeros(4), torch.tensor([0.0, 1, 1, 2])]
