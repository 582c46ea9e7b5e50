"""Inputs for the checks: annotations and batches, healthy but for what a test breaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import Case, ImageFacts, LossResult, MatchResult, Objects, Subject

Boxes = Sequence[Sequence[float]]
# What tests of tables made by hand ask for: a table, what is said of it under a code, and its cases.
Cases = Callable[[Subject, str], tuple[Case, ...]]
TableOf = Callable[..., Objects]
Told = Callable[[Subject, str], list[str]]
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


@pytest.fixture
def table_of() -> Callable[..., Objects]:
    """A table of objects of which nothing is said but for their boxes: quicker than files, and to the last digit."""

    def make(
        images: Sequence[Boxes],
        size: tuple[float, float] = (100, 100),
        *,
        dialect: str = "ssd.pytorch",
        facts: Sequence[dict[str, object]] = (),
        **changes: object,
    ) -> Objects:
        """Boxes as they are read, xyxy, of each image.

        Args:
            images: the boxes of each, which has a file of its own.
            size: of the space that they are written in.
            dialect: whose loader reads them.
            facts: what else is known of each image.
            changes: other columns.
        """
        lengths = [len(boxes) for boxes in images]
        image, count = np.repeat(np.arange(len(images)), lengths), sum(lengths)
        stated = np.array([box for boxes in images for box in boxes], dtype=float).reshape(-1, 4)
        own = [ImageFacts(f"{place:03d}.xml", None, size) for place in range(len(images))]
        known = tuple(replace(fact, **more) for fact, more in zip(own, [*facts, *[{}] * len(own)], strict=False))  # type: ignore[arg-type]
        sizes = np.array([fact.size for fact in known], dtype=float).reshape(-1, 2)[image]
        ones = np.ones(count, dtype=np.int64)
        made = Objects(
            images=known,
            image=image,
            index=np.arange(count) - np.searchsorted(image, image),
            labels=("cat",) * count,
            class_id=ones,
            stated=stated,
            boxes=stated / np.tile(sizes, 2),
            layout="xyxy",
            saved=False,
            one_based=False,
            best_prior=9 * ones,
            best_iou=0.7 * ones,
            shape_iou=0.8 * ones,
            near_ties=ones,
            positives=3 * ones,
            forced=0 * ones,
            lost_to=-ones,
            target=0.0 * ones,
            image_size=(300, 300),
            rules=load_dialect(dialect),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture
def cases() -> Callable[[Subject, str], tuple[Case, ...]]:
    """The cases of what is found of a code in a table or the like; none where it is not found."""
    return lambda subject, code: next((item.cases for item in find([subject]) if item.code == code), ())


@pytest.fixture
def told(cases: Callable[[Subject, str], tuple[Case, ...]]) -> Callable[[Subject, str], list[str]]:
    """Their messages."""
    return lambda subject, code: [case.message for case in cases(subject, code)]
