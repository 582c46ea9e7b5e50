"""The lines that the manual's page on saving adds to each codebase save a batch that `loss` reads as it was."""

from __future__ import annotations

import math
import os
import re
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import ssdlossdbg
from ssdlossdbg import SavedLayout, api, load_priors

PAGE = Path(__file__).parents[1] / "ssdlossdbg/manual/saving.md"
BLOCKS = re.findall(r"^```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)


def run(lines: str, variables: dict[str, Any]) -> None:
    """Run added lines, which stop the training: not before the loss is no number any more, where they look at it."""
    names = {"torch": torch, "np": np, "os": os, **variables}
    if "isfinite" in lines:
        with pytest.raises(SystemExit, match="not finite"):
            exec(textwrap.dedent(lines), names)
    else:
        exec(textwrap.dedent(lines), names)


def test_added_lines_save_a_batch() -> None:
    (lines,) = [block for block in BLOCKS if "out[2]" in block and "landm" not in block]
    priors = torch.rand((8732, 4), generator=torch.Generator().manual_seed(0))
    loc = torch.full((1, 8732, 4), math.nan, requires_grad=True) * 1
    out = (loc, torch.zeros((1, 8732, 21), requires_grad=True) * 1, priors)
    targets = [torch.tensor([[0.1, 0.1, 0.5, 0.5, 7], [0.2, 0.3, 0.4, 0.5, 0]])]
    loss_l, loss_c = torch.tensor(2.0), torch.tensor(3.0)
    variables = {"out": out, "targets": targets, "loss_l": loss_l, "loss_c": loss_c}
    exec(textwrap.dedent(lines), {"torch": torch, "loss": loss_l + loss_c, **variables})
    assert not any(Path().iterdir())
    run(lines, {"loss": torch.tensor(math.nan), **variables, "loss_l": torch.tensor(math.nan)})
    result = api.loss("batch.pt", device="cpu", whose=False)
    assert result.images[0].ground_truth == 2
    assert result.recorded is not None
    assert math.isnan(result.recorded.localization or 0)
    assert result.recorded.confidence == 3.0


def test_added_lines_of_retinaface() -> None:
    (lines,) = [block for block in BLOCKS if "landm" in block]
    generator = torch.Generator().manual_seed(1)
    priors = torch.rand((50, 4), generator=generator)
    loc, conf, landm = (torch.randn((1, 50, size), generator=generator).requires_grad_() for size in (4, 2, 10))
    targets = [torch.tensor([[0.1, 0.1, 0.5, 0.5, *[0.3] * 10, 1], [0.2, 0.3, 0.4, 0.5, *[-1] * 10, -1]])]
    run(lines, {"out": (loc, conf, landm), "priors": priors, "targets": targets, "loss": torch.tensor(math.nan)})
    result = api.loss("batch.pt", dialect="retinaface", device="cpu", whose=False)
    assert "`ssdlossdbg loss batch.pt --dialect retinaface`" in PAGE.read_text()
    assert result.recorded is not None
    assert math.isnan(result.recorded.total or 0)
    assert result.images[0].ground_truth == 2
    assert result.loss.landmarks


# Labels of the two objects as each loader counts them.
ROWS = {"rfbnet": (8.0, 1.0), "faceboxes": (1.0, 1.0)}


@pytest.mark.parametrize("dialect", ROWS)
def test_added_lines_with_priors_apart(dialect: str) -> None:
    (lines,) = [block for block in BLOCKS if '"priors": priors, "targets": targets, "loss": loss' in block]
    generator = torch.Generator().manual_seed(3)
    priors = torch.rand((50, 4), generator=generator)
    out = tuple(torch.randn((1, 50, size), generator=generator).requires_grad_() for size in (4, 21))
    targets = [torch.tensor([[0.1, 0.1, 0.5, 0.5, ROWS[dialect][0]], [0.2, 0.3, 0.4, 0.5, ROWS[dialect][1]]])]
    run(lines, {"out": out, "priors": priors, "targets": targets, "loss": NAN})
    result = api.loss("batch.pt", dialect=dialect, device="cpu", whose=False)
    assert f"--dialect {dialect}`" in PAGE.read_text()
    assert (result.images[0].ground_truth, result.classes_count) == (2, 21)
    assert [item.class_id for item in sorted(result.ground_truth, key=lambda item: item.index)] == list(ROWS[dialect])
    assert result.recorded is not None
    assert math.isnan(result.recorded.total or 0)


def test_added_lines_of_sgrvinod() -> None:
    (lines,) = [block for block in BLOCKS if "priors_cxcy" in block]
    generator = torch.Generator().manual_seed(4)
    criterion = SimpleNamespace(priors_cxcy=torch.rand((50, 4), generator=generator))
    loc, conf = (torch.randn((2, 50, size), generator=generator).requires_grad_() for size in (4, 21))
    boxes = [torch.tensor([[0.1, 0.1, 0.5, 0.5]]), torch.tensor([[0.2, 0.3, 0.4, 0.5], [0.6, 0.6, 0.9, 0.8]])]
    labels = [torch.tensor([20]), torch.tensor([1, 7])]
    run(
        lines,
        {"predicted_locs": loc, "predicted_scores": conf, "criterion": criterion, "boxes": boxes, "labels": labels}
        | {"loss": NAN},
    )
    result = api.loss("batch.pt", dialect="sgrvinod", device="cpu", whose=False)
    assert "`ssdlossdbg loss batch.pt --dialect sgrvinod`" in PAGE.read_text()
    assert [image.ground_truth for image in result.images] == [1, 2]
    assert sorted(item.class_id for item in result.ground_truth) == [1, 7, 20]
    assert result.recorded is not None
    assert math.isnan(result.recorded.total or 0)


def test_added_lines_of_refinedet() -> None:
    (lines,) = [block for block in BLOCKS if "arm_loc" in block]
    priors = load_priors("refinedet-320").priors.boxes
    generator = torch.Generator().manual_seed(2)
    shape = (1, len(priors))
    out = [torch.randn((*shape, size), generator=generator).requires_grad_() for size in (4, 2, 4, 21)]
    targets = [torch.tensor([[0.1, 0.1, 0.5, 0.5, 7], [0.2, 0.3, 0.4, 0.5, 0]])]
    run(lines, {"out": (*out, priors), "targets": targets, "loss": torch.tensor(math.nan)})
    assert "Then: `ssdlossdbg loss batch.pt`. Of two steps" in PAGE.read_text()
    result = api.loss("batch.pt", device="cpu")
    assert (result.dialect, result.config.name) == ("refinedet", "refinedet-320")
    assert result.recorded is not None
    assert math.isnan(result.recorded.total or 0)
    assert result.images[0].ground_truth == 2
    assert result.first_step is not None


def batch(priors: int, classes: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """loc, conf, labels and encoded targets of two images."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros((2, priors), dtype=torch.long)
    labels[0, 7], labels[1, 1000] = 1, 2
    loc, conf, targets = (torch.randn((2, priors, size), generator=generator) for size in (4, classes, 4))
    return loc.requires_grad_(), conf.requires_grad_(), labels, torch.where(labels[..., None] > 0, targets, 0.0)


class Device:
    """A tensor as MXNet hands it out."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def asnumpy(self) -> Any:
        """The array."""
        return self.tensor.detach().float().numpy()


LOC, CONF, LABELS, TARGETS = batch(8732, 5)
NAN = torch.tensor(math.nan)
# What the variables are called where the lines go, and the options that the README names.
SAVING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "regression_loss": (
        {
            "confidence": CONF,
            "locations": LOC,
            "labels": LABELS,
            "boxes": TARGETS,
            "loss": NAN,
            "regression_loss": NAN,
            "classification_loss": torch.tensor(2.0),
        },
        {"dialect": "pytorch-ssd"},
    ),
    "gt_boxes": (
        {"cls_logits": CONF, "bbox_pred": LOC, "gt_labels": LABELS, "gt_boxes": TARGETS}
        | {"reg_loss": NAN, "cls_loss": torch.tensor(2.0)},
        {"dialect": "lufficc", "priors": "lufficc-ssd300-voc"},
    ),
    "loss_func": (
        {"ploc": LOC.mT, "plabel": CONF.mT, "glabel": LABELS, "gloc": TARGETS.mT, "loss": NAN},
        {"dialect": "nvidia-dali", "layout": SavedLayout(native=True), "priors": "nvidia-ssd300-coco"},
    ),
    "all_bbox_preds": (
        {
            "all_bbox_preds": LOC,
            "all_cls_scores": CONF.roll(-1, -1),
            "all_labels": (LABELS - 1) % 5,
            "all_bbox_targets": TARGETS,
            "losses_bbox": [NAN, torch.tensor(1.0)],
            "losses_cls": [torch.tensor([1.5]), torch.tensor([0.5])],
        },
        {"dialect": "mmdetection", "layout": SavedLayout(native=True), "priors": "mmdet-ssd300-coco"},
    ),
    "asnumpy": (
        {
            "cls_preds": [Device(CONF)],
            "box_preds": [Device(LOC)],
            "cls_targets": [Device(LABELS)],
            "box_targets": [Device(TARGETS)],
            "sum_loss": [Device(torch.tensor([1.0, math.nan]))],
        },
        {"dialect": "gluoncv", "priors": "gluoncv-ssd300-vgg16-voc"},
    ),
    "y_true": (
        {
            "y_pred": torch.cat((CONF.softmax(-1), LOC, torch.zeros(2, 8732, 8)), -1).detach().numpy(),
            "y_true": torch.cat((torch.eye(5)[LABELS], TARGETS, torch.zeros(2, 8732, 8)), -1).numpy(),
        },
        {"dialect": "ssd-keras", "priors": "ssd-keras-ssd300-voc"},
    ),
}


@pytest.mark.parametrize("word", SAVING)
def test_added_lines_of_other_codebases(word: str) -> None:
    (lines,) = [block for block in BLOCKS if word in block]
    variables, options = SAVING[word]
    known = SimpleNamespace(priors=load_priors("pytorch-ssd-vgg300").priors.boxes)
    loss_func = SimpleNamespace(_loc_vec=lambda boxes: boxes)
    run(lines, {"criterion": known, "loss_func": loss_func, **variables})
    (file,) = Path().iterdir()
    assert f"ssdlossdbg loss {file} " in PAGE.read_text()
    result = api.loss(file, **options, device="cpu", whose=False)
    assert (result.recorded is None) == ("isfinite" not in lines)
    assert result.recorded is None or math.isnan(result.recorded.total or 0)
    confidence = result.recorded and result.recorded.confidence
    assert confidence in (None, 2.0)
    assert [image.positives for image in result.images] == [1, 1]
    assert [item.positives for item in result.classes] == [0, 1, 1, 0, 0]
    chosen = LABELS > 0
    smooth_l1 = torch.nn.functional.smooth_l1_loss(LOC[chosen], TARGETS[chosen], reduction="sum")
    assert result.loss.localization == pytest.approx(smooth_l1.item() / 2, rel=1e-6)
    entropy = torch.nn.functional.cross_entropy(CONF[chosen], LABELS[chosen], reduction="sum")
    assert result.loss.confidence_positive == pytest.approx(entropy.item() / 2, rel=1e-5)


def test_added_lines_of_torchvision() -> None:
    """On a stand-in whose compute_loss is called as torchvision's SSD.forward calls it."""
    (lines,) = [block for block in BLOCKS if "model.compute_loss" in block]
    losses = {"bbox_regression": torch.tensor(1.0), "classification": torch.tensor(2.0)}
    model = SimpleNamespace(compute_loss=lambda *_: losses)
    exec(lines, {"torch": torch, "os": os, "model": model})
    centres = load_priors("torchvision-ssd300").priors.boxes * 300
    anchors = torch.cat((centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2), 1)
    objects = [{"boxes": torch.tensor([[30.0, 30, 200, 210]]), "labels": torch.tensor([3])}] * 2
    given = (objects, {"bbox_regression": LOC, "cls_logits": CONF}, [anchors] * 2, None)
    assert model.compute_loss(*given) is losses
    assert not any(Path().iterdir())
    losses["bbox_regression"] = NAN
    with pytest.raises(SystemExit, match="not finite"):
        model.compute_loss(*given)
    options: dict[str, Any] = {"dialect": "torchvision", "layout": SavedLayout("xyxy", 300)}
    result = api.loss("batch.rank0.pt", **options, device="cpu", whose=False)
    assert result.recorded is not None
    assert result.recorded.confidence == 2.0
    assert result.config.name == "torchvision-ssd300"
    assert [image.ground_truth for image in result.images] == [1, 1]


def test_the_one_line_saves_a_batch() -> None:
    (line,) = [block for block in BLOCKS if "ssdlossdbg.capture" in block]
    loader: Any = torch.utils.data.DataLoader(range(2), 2)  # type: ignore[arg-type]

    def criterion(predictions: Any, targets: Any) -> tuple[torch.Tensor, ...]:
        del targets
        return tuple(each.mean() for each in predictions[:2])

    names: dict[str, Any] = {"ssdlossdbg": ssdlossdbg, "criterion": criterion, "data_loader": loader}
    exec(line, names)
    next(iter(loader))
    names["run"]((LOC, CONF, torch.rand((8732, 4))), [torch.tensor([[0.1, 0.1, 0.5, 0.5, 1]])] * 2)
    names["run"].close()
    result = api.loss("runs/a/step0000000.safetensors", device="cpu", whose=False)
    assert result.recorded is not None
    assert result.recorded.localization == pytest.approx(float(LOC.mean().detach()))


def test_every_python_block_for_saving_is_run() -> None:
    run_above = {"out[0]", "landm", "arm_loc", "priors_cxcy", "ssdlossdbg.capture", "model.compute_loss", *SAVING}
    unknown = [lines for lines in BLOCKS if not any(word in lines for word in run_above)]
    assert unknown == []
