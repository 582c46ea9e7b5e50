"""What is taken of the arguments of each codebase's criterion, by stubs that are called as theirs are."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

import ssdlossdbg
from tests.live.conftest import Batches, MultiBoxLoss, grid, header, matched, steps, terms

CLOSE = 2e-6
pytestmark = pytest.mark.usefixtures("hasty")


def encoded(batches: Batches) -> tuple[Tensor, Tensor]:
    """(labels, offsets) of a batch."""
    pairs = [matched(rows[:, :4], rows[:, 4].long() + 1, batches.priors) for rows in batches.targets()]
    return torch.stack([labels for labels, _ in pairs]), torch.stack([offsets for _, offsets in pairs])


def proof(folder: Path, dialect: str) -> None:
    """Every saved batch says whose it is, and its loss is the one that is recomputed."""
    assert steps(folder)
    for file in folder.glob("step*"):
        result = ssdlossdbg.loss(file)
        assert result.dialect == dialect
        assert result.recorded is not None
        assert result.recorded.total is not None
        assert result.recorded_error is not None
        assert result.recorded_error < CLOSE
    file = next(folder.glob("step*"))
    assert ssdlossdbg.compare(file, dialects=["caffe"]).dialects
    assert ssdlossdbg.detect(file).dialect == dialect
    assert all(finding.code not in ("REC001", "FILE001") for finding in ssdlossdbg.check([file]).findings)


def test_ssd_pytorch(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path, every=1)
    for _ in range(3):
        loc, conf, priors = batches.predictions()
        criterion((loc, conf, torch.cat((priors, priors))), batches.targets())  # as DataParallel gathers them
    proof(tmp_path, "ssd.pytorch")


def test_rfbnet_gives_the_priors_apart(batches: Batches, tmp_path: Path) -> None:
    ones = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0])  # its labels count from 1

    def criterion(predictions: Any, priors: Any, targets: Any) -> Any:
        return MultiBoxLoss()((*predictions, priors), [rows - ones for rows in targets])

    captured: Any = ssdlossdbg.capture(criterion, tmp_path, every=1)
    loc, conf, priors = batches.predictions()
    captured((loc, conf), priors, [rows + ones for rows in batches.targets()])
    proof(tmp_path, "rfbnet")


class Encoded(nn.Module):
    """Called as pytorch-ssd's and lufficc's."""

    def forward(self, confidence: Any, predicted_locations: Any, labels: Any, gt_locations: Any) -> Any:
        """(regression, classification)."""
        return terms(predicted_locations, confidence, labels, gt_locations)


def test_pytorch_ssd(batches: Batches, tmp_path: Path) -> None:
    criterion = Encoded()
    criterion.priors = batches.priors
    ssdlossdbg.capture(criterion, tmp_path, every=1)
    loc, conf, _ = batches.predictions()
    labels, offsets = encoded(batches)
    criterion(conf, loc, labels, offsets)
    criterion(confidence=conf, predicted_locations=loc, labels=labels, gt_locations=offsets)
    proof(tmp_path, "pytorch-ssd")
    saved = load_file(tmp_path / "step0000001.safetensors")
    assert torch.equal(saved["conf"], conf)
    assert torch.equal(saved["loc"], loc)


def test_lufficc_takes_the_priors_from_the_box_head(
    batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = ModuleType("ssd.modeling.anchors.prior_box")
    module.PriorBox = lambda cfg: lambda: grid() if cfg == "its configuration" else None
    monkeypatch.setitem(sys.modules, module.__name__, module)
    head: Any = nn.Module()
    head.cfg, head.loss_evaluator = "its configuration", Encoded()
    ssdlossdbg.capture(head.loss_evaluator, tmp_path, every=1)
    loc, conf, _ = batches.predictions()
    head.loss_evaluator(conf, loc, *encoded(batches))
    proof(tmp_path, "lufficc")


def torchvision_ssd(module_name: str, class_name: str) -> Any:
    """A network whose class says that it is torchvision's."""

    def compute_loss(_: Any, targets: Any, head_outputs: Any, anchors: Any, matched_idxs: Any) -> Any:
        del anchors, matched_idxs
        loc, conf = head_outputs["bbox_regression"], head_outputs["cls_logits"]
        priors = grid()
        pairs = [matched(each["boxes"] / 300, each["labels"], priors) for each in targets]
        labels, offsets = (torch.stack(part) for part in zip(*pairs, strict=True))
        positive = labels > 0
        localization = F.smooth_l1_loss(loc[positive], offsets[positive], reduction="sum") / positive.sum()
        costs = F.cross_entropy(conf.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)
        ranks = costs.detach().masked_fill(positive, -1).argsort(1, descending=True).argsort(1)
        mined = ranks < 3 * positive.sum(1, keepdim=True)
        return {
            "bbox_regression": localization,
            "classification": (costs[positive].sum() + costs[mined].sum()) / positive.sum(),
        }

    kind = type(class_name, (nn.Module,), {"compute_loss": compute_loss})
    kind.__module__ = module_name
    network: Any = kind()
    network.transform = SimpleNamespace(fixed_size=(300, 300))
    network.proposal_matcher = SimpleNamespace(high_threshold=0.5)
    network.neg_to_pos_ratio = 3.0
    return network


def anchors(batches: Batches) -> Tensor:
    """The priors as corners in pixels."""
    centre, side = batches.priors[:, :2], batches.priors[:, 2:]
    return torch.cat((centre - side / 2, centre + side / 2), 1) * 300


@pytest.mark.parametrize("parallel", [False, True])
def test_torchvision(batches: Batches, tmp_path: Path, parallel: bool) -> None:
    network = torchvision_ssd("torchvision.models.detection.ssd", "SSD")
    run = ssdlossdbg.capture(nn.DataParallel(network) if parallel else network, tmp_path, every=1)
    loc, conf, _ = batches.predictions()
    targets = [
        {"boxes": rows[:, :4] * 300, "labels": rows[:, 4].long() + 1, "image_id": torch.tensor([index])}
        for index, rows in enumerate(batches.targets())
    ]
    outputs = {"bbox_regression": loc, "cls_logits": conf}
    network.compute_loss(targets, outputs, [anchors(batches)] * 2, [])
    run.close()
    assert "compute_loss" not in vars(network)
    proof(tmp_path, "torchvision")
    assert header(tmp_path / "step0000000.safetensors")["names"] == ["image_id 0", "image_id 1"]


def test_retinanet_is_no_ssd_though_its_parameters_have_the_same_names(tmp_path: Path) -> None:
    network = torchvision_ssd("torchvision.models.detection.retinanet", "RetinaNet")
    run = ssdlossdbg.capture(network, tmp_path)
    assert "compute_loss" not in vars(network)
    run.close()


class NvidiaLoss(nn.Module):
    """Called as NVIDIA's: values before priors, boxes not yet encoded."""

    def __init__(self, priors: Tensor) -> None:
        super().__init__()
        self.dboxes = nn.Parameter(priors.mT[None], requires_grad=False)

    def _loc_vec(self, loc: Tensor) -> Tensor:
        centre = (loc[:, :2] - self.dboxes[:, :2]) / self.dboxes[:, 2:] / 0.1
        return torch.cat((centre, (loc[:, 2:] / self.dboxes[:, 2:]).log() / 0.2), 1)

    def forward(self, ploc: Any, plabel: Any, gloc: Any, glabel: Any) -> Any:
        """The mean of the images' own losses."""
        offsets = self._loc_vec(gloc)
        pairs = zip(ploc.mT[:, None], plabel.mT[:, None], glabel[:, None], offsets.mT[:, None], strict=True)
        return torch.stack([torch.stack(terms(*each)).sum() for each in pairs]).mean()


def test_nvidia(batches: Batches, tmp_path: Path) -> None:
    criterion = NvidiaLoss(batches.priors)
    ssdlossdbg.capture(criterion, tmp_path, every=1)
    loc, conf, _ = batches.predictions()
    labels, offsets = encoded(batches)
    boxes = torch.cat(
        (
            offsets[..., :2] * 0.1 * batches.priors[:, 2:] + batches.priors[:, :2],
            (offsets[..., 2:] * 0.2).exp() * batches.priors[:, 2:],
        ),
        -1,
    )
    criterion(loc.mT.contiguous(), conf.mT.contiguous(), boxes.mT.contiguous(), labels)
    proof(tmp_path, "nvidia-dali")
    assert ssdlossdbg.loss(tmp_path / "step0000000.safetensors", dialect="pytorch-ssd").images[0].positives > 0


def test_sgrvinod_and_bubbliiiing(batches: Batches, tmp_path: Path) -> None:
    class Tutorial(nn.Module):
        def forward(self, predicted_locs: Any, predicted_scores: Any, boxes: Any, labels: Any) -> Any:
            del boxes, labels
            return predicted_locs.abs().mean() + predicted_scores.mean()

    class Keras(nn.Module):
        def __init__(self) -> None:
            pass

        def forward(self, y_true: Any, y_pred: Any) -> Any:
            return y_true.mean() + y_pred[0].mean()

    tutorial, keras = Tutorial(), Keras()
    tutorial.priors_cxcy = batches.priors
    ssdlossdbg.capture(tutorial, tmp_path / "tutorial", every=1)
    ssdlossdbg.capture(keras, tmp_path / "keras", every=1)
    (loc, conf, priors), targets = batches.predictions(), batches.targets()
    tutorial(loc, conf, [rows[:, :4] for rows in targets], [rows[:, 4].long() + 1 for rows in targets])
    labels, offsets = encoded(batches)
    one_hot = F.one_hot(labels, conf.shape[-1]).float()
    keras.forward(torch.cat((offsets, one_hot, (labels > 0)[..., None].float()), -1), (loc, conf))
    saved = load_file(tmp_path / "tutorial/step0000000.safetensors")
    assert torch.equal(saved["priors"], priors)
    assert torch.equal(saved["boxes_1"], targets[1][:, :4])
    saved = load_file(tmp_path / "keras/step0000000.safetensors")
    assert torch.equal(saved["labels"], labels)
    assert torch.equal(saved["gt_locations"], offsets)
    for name, dialect in (("tutorial", "sgrvinod"), ("keras", "bubbliiiing")):
        assert header(tmp_path / name / "step0000000.safetensors")["dialect"] == dialect
    assert ssdlossdbg.loss(tmp_path / "tutorial/step0000000.safetensors").findings[0].code == "REC001"


def test_d2l(batches: Batches, tmp_path: Path) -> None:
    def calc_loss(cls_preds: Any, cls_labels: Any, bbox_preds: Any, bbox_labels: Any, bbox_masks: Any) -> Any:
        costs = F.cross_entropy(cls_preds.flatten(0, 1), cls_labels.flatten(), reduction="none")
        return costs.view_as(cls_labels).mean(1) + ((bbox_preds - bbox_labels) * bbox_masks).abs().mean(1)

    captured: Any = ssdlossdbg.capture(calc_loss, tmp_path, every=1)
    loc, conf, _ = batches.predictions()
    labels, offsets = encoded(batches)
    masks = (labels > 0).float()[..., None].expand_as(offsets)
    returned = captured(conf, labels, loc.flatten(1), offsets.flatten(1), masks.flatten(1))
    assert returned.shape == (2,)
    saved = load_file(tmp_path / "step0000000.safetensors")
    assert torch.equal(saved["loc"], loc)
    assert torch.equal(saved["gt_locations"], offsets)
    assert header(tmp_path / "step0000000.safetensors")["recorded"]["total"] == float(returned.detach().mean())
    result = ssdlossdbg.loss(tmp_path / "step0000000.safetensors", priors=batches.priors)
    assert result.dialect == "d2l"
    assert result.recorded_error is not None
    assert result.recorded_error < CLOSE


def test_mmdetection(batches: Batches, tmp_path: Path) -> None:
    class SSDHead(nn.Module):
        cls_out_channels = 4
        prior_generator = SimpleNamespace(grid_priors=lambda _, device: [anchors(batches).to(device)])

        def loss_by_feat(
            self, cls_scores: Any, bbox_preds: Any, batch_gt_instances: Any, batch_img_metas: Any, extra: Any = None
        ) -> Any:
            """Parts of each image."""
            del batch_img_metas, extra, batch_gt_instances
            return {"loss_cls": [each.mean() for each in cls_scores[0]], "loss_bbox": [bbox_preds[0].mean()[None]]}

    head = SSDHead()
    ssdlossdbg.capture(head, tmp_path, every=1)
    loc, conf, _ = batches.predictions()
    levels = [each.reshape(2, 6, 6, 8).permute(0, 3, 1, 2) for each in (loc, conf)]
    objects = [SimpleNamespace(bboxes=rows[:, :4] * 300, labels=rows[:, 4].long()) for rows in batches.targets()]
    metas = [{"img_path": f"{name}.jpg", "img_shape": (300, 300)} for name in "ab"]
    head.loss_by_feat([levels[1]], [levels[0]], objects, metas)
    saved = load_file(tmp_path / "step0000000.safetensors")
    assert torch.equal(saved["loc"], loc)
    assert torch.equal(saved["conf"], conf)
    result = ssdlossdbg.loss(tmp_path / "step0000000.safetensors")
    assert result.dialect == "mmdetection"
    assert [image.name for image in result.images] == ["a.jpg", "b.jpg"]
    assert {item.class_id for item in result.ground_truth} == {1, 2, 3}
    assert result.config.image_size == (300, 300)
    assert result.recorded is not None
    assert result.recorded.confidence == pytest.approx(float(conf.detach().mean(dim=(1, 2)).sum()), abs=1e-6)


def test_anything_else_by_names_then_by_shapes(batches: Batches, tmp_path: Path) -> None:
    def by_names(cls_preds: Any, bbox_preds: Any, anchors: Any, gt: Any) -> Any:
        del anchors
        return cls_preds.mean() + bbox_preds.mean() + 0 * gt[0].sum()

    def by_shapes(*args: Any) -> Any:
        return sum(each.mean() for each in args[:2])

    loc, conf, priors = batches.predictions()
    named: Any = ssdlossdbg.capture(by_names, tmp_path / "names", every=1)
    named(conf, loc, priors, batches.targets())
    shaped: Any = ssdlossdbg.capture(by_shapes, tmp_path / "shapes", every=1)
    shaped(conf[..., :3], loc, batches.targets(), priors)
    for name, columns in (("names", 4), ("shapes", 3)):
        saved = load_file(tmp_path / name / "step0000000.safetensors")
        assert torch.equal(saved["conf"], conf[..., :columns])
        assert torch.equal(saved["loc"], loc)
        assert torch.equal(saved["priors"], priors)


def test_what_cannot_be_told_is_refused_with_the_way_out(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def unclear(*args: Any) -> Any:
        return sum(each.mean() for each in args[:2])

    loc, conf, _ = batches.predictions()
    captured: Any = ssdlossdbg.capture(unclear, tmp_path / "run", every=1)
    captured(loc, conf, batches.targets())
    assert "adapter=" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_adapter(batches: Batches, tmp_path: Path) -> None:
    def criterion(everything: dict[str, Any]) -> Any:
        loss: Any = sum(MultiBoxLoss()(everything["network"], everything["objects"]))
        return loss

    def adapter(everything: dict[str, Any]) -> dict[str, Any]:
        loc, conf, priors = everything["network"]
        return {
            "loc": loc, "conf": conf, "priors": priors, "targets": everything["objects"], "dialect": "ssd.pytorch",
            "names": ["a", "b"],
        }  # fmt: skip

    captured: Any = ssdlossdbg.capture(criterion, tmp_path, every=1, adapter=adapter)
    captured({"network": batches.predictions(), "objects": batches.targets()})
    proof(tmp_path, "ssd.pytorch")
    assert header(tmp_path / "step0000000.safetensors")["names"] == ["a", "b"]
