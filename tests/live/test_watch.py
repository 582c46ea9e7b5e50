"""Losses that nobody told of: stubs that are called as the codebases call theirs, recognised as they are defined."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

import ssdlossdbg
from ssdlossdbg.live import cover
from ssdlossdbg.live.closing import closing
from ssdlossdbg.live.options import Options
from ssdlossdbg.live.summaries import summaries
from ssdlossdbg.live.watch import Watch
from tests.live import conftest
from tests.live.conftest import Batches, grid, header, matched, reasons, steps, terms


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A watch that every class defined from here on is covered for; afterwards all is as before."""
    monkeypatch.setattr(nn.Module, "__init_subclass__", nn.Module.__init_subclass__, raising=False)
    monkeypatch.setattr(DataLoader, "_get_iterator", DataLoader._get_iterator)
    monkeypatch.setattr(conftest.MultiBoxLoss, "forward", conftest.MultiBoxLoss.forward)
    made = Watch(Options(every=1), tmp_path / "run")
    cover.install(made)
    yield made
    made.finish()
    cover._watches.clear()


def encoded(batches: Batches) -> tuple[Tensor, Tensor]:
    """(labels, offsets) of a batch."""
    pairs = [matched(rows[:, :4], rows[:, 4].long() + 1, batches.priors) for rows in batches.targets()]
    return torch.stack([labels for labels, _ in pairs]), torch.stack([offsets for _, offsets in pairs])


def said(watch: Watch) -> str:
    """The closing paragraph, of files without their folder."""
    watch.finish()
    return closing(watch, summaries(watch.path), Path("run"), watch.path)


# --- a stub of each codebase: its name of the class and of the parameters, and how its training calls it ---


def ssd_pytorch(batches: Batches) -> None:
    class MultiBoxLoss(nn.Module):
        def __init__(self, num_classes: int) -> None:
            super().__init__()
            self.num_classes, self.negpos_ratio, self.variance = num_classes, 3, [0.1, 0.2]

        def forward(self, predictions: Any, targets: Any) -> Any:
            loc, conf, _ = predictions
            return terms(loc, conf, *pairs) if targets else None

    criterion, targets = MultiBoxLoss(4), batches.targets()
    found = [matched(rows[:, :4], rows[:, 4].long() + 1, batches.priors) for rows in targets]
    pairs = [torch.stack(part) for part in zip(*found, strict=True)]
    criterion(batches.predictions(), targets)


def pytorch_ssd(batches: Batches) -> None:
    class MultiboxLoss(nn.Module):
        def __init__(self, priors: Any) -> None:
            super().__init__()
            self.priors, self.neg_pos_ratio = priors, 3

        def forward(self, confidence: Any, predicted_locations: Any, labels: Any, gt_locations: Any) -> Any:
            return terms(predicted_locations, confidence, labels, gt_locations)

    loc, conf, priors = batches.predictions()
    MultiboxLoss(priors)(conf, loc, *encoded(batches))


def lufficc(batches: Batches) -> None:
    class MultiBoxLoss(nn.Module):
        def forward(self, confidence: Any, predicted_locations: Any, labels: Any, gt_locations: Any) -> Any:
            return terms(predicted_locations, confidence, labels, gt_locations)

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loss_evaluator = MultiBoxLoss()

        def forward(self, features: Any, targets: Any) -> Any:
            return self.loss_evaluator(features[1], features[0], *targets)

    loc, conf, _ = batches.predictions()
    Head()((loc, conf), encoded(batches))


def nvidia(batches: Batches) -> None:
    class Loss(nn.Module):
        def __init__(self, dboxes: Any) -> None:
            super().__init__()
            self.dboxes = nn.Parameter(dboxes.mT[None], requires_grad=False)

        def _loc_vec(self, loc: Any) -> Any:
            centre = (loc[:, :2] - self.dboxes[:, :2]) / self.dboxes[:, 2:] / 0.1
            return torch.cat((centre, (loc[:, 2:] / self.dboxes[:, 2:]).log() / 0.2), 1)

        def forward(self, ploc: Any, plabel: Any, gloc: Any, glabel: Any) -> Any:
            offsets = self._loc_vec(gloc)
            each = zip(ploc.mT[:, None], plabel.mT[:, None], glabel[:, None], offsets.mT[:, None], strict=True)
            return torch.stack([torch.stack(terms(*parts)).sum() for parts in each]).mean()

    loc, conf, priors = batches.predictions()
    labels, offsets = encoded(batches)
    centre, side = offsets[..., :2] * 0.1 * priors[:, 2:] + priors[:, :2], (offsets[..., 2:] * 0.2).exp()
    Loss(priors)(loc.mT, conf.mT, torch.cat((centre, side * priors[:, 2:]), -1).mT, labels)


def wzmiaomiao(batches: Batches) -> None:
    class Loss(nn.Module):
        def __init__(self, dboxes: Any) -> None:
            super().__init__()
            self.dboxes = nn.Parameter(dboxes.mT[None], requires_grad=False)

        def _location_vec(self, loc: Any) -> Any:
            return (loc - self.dboxes) / 0.1

        def forward(self, ploc: Any, plabel: Any, gloc: Any, glabel: Any) -> Any:
            return ploc.mean() + plabel.mean() + 0 * (gloc.sum() + glabel.sum())

    loc, conf, priors = batches.predictions()
    Loss(priors)(loc.mT, conf.mT, priors.expand_as(loc).mT, encoded(batches)[0])


def sgrvinod(batches: Batches) -> None:
    class MultiBoxLoss(nn.Module):
        def __init__(self, priors_cxcy: Any) -> None:
            super().__init__()
            self.priors_cxcy, self.threshold, self.alpha = priors_cxcy, 0.5, 1.0

        def forward(self, predicted_locs: Any, predicted_scores: Any, boxes: Any, labels: Any) -> Any:
            return predicted_locs.abs().mean() + predicted_scores.mean() + 0 * (boxes[0].sum() + labels[0].sum())

    loc, conf, priors = batches.predictions()
    targets = batches.targets()
    MultiBoxLoss(priors)(loc, conf, [rows[:, :4] for rows in targets], [rows[:, 4].long() + 1 for rows in targets])


def bubbliiiing(batches: Batches) -> None:
    class MultiboxLoss(nn.Module):
        def __init__(self, num_classes: int) -> None:
            self.num_classes, self.alpha = num_classes, 1.0  # and no call of the __init__ of modules

        def forward(self, y_true: Any, y_pred: Any) -> Any:
            return y_true.mean() + y_pred[0].mean() + y_pred[1].mean()

    class SSDDataset(torch.utils.data.Dataset[int]):
        def __init__(self, anchors: Any) -> None:
            self.anchors = anchors.numpy()

    loc, conf, priors = batches.predictions()
    kept = SSDDataset(torch.cat((priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2), 1))
    labels, offsets = encoded(batches)
    y_true = torch.cat((offsets, F.one_hot(labels, 4).float(), (labels > 0)[..., None].float()), -1)
    MultiboxLoss(4).forward(y_true, (loc, conf))
    assert len(kept.anchors) == len(priors)


def torchvision(batches: Batches) -> None:
    def compute_loss(_: Any, targets: Any, head_outputs: Any, anchors: Any, matched_idxs: Any) -> Any:
        del targets, anchors, matched_idxs
        return {"bbox_regression": head_outputs["bbox_regression"].mean(), "classification": torch.ones(())}

    names = {"__module__": "torchvision.models.detection.ssd", "compute_loss": compute_loss}
    network: Any = type("SSD", (nn.Module,), names)()
    network.transform = SimpleNamespace(fixed_size=(300, 300))
    loc, conf, priors = batches.predictions()
    objects = [{"boxes": rows[:, :4] * 300, "labels": rows[:, 4].long() + 1} for rows in batches.targets()]
    outputs = {"bbox_regression": loc, "cls_logits": conf}
    network.compute_loss(objects, outputs, [priors * 300] * 2, [])


def mmdetection(batches: Batches) -> None:
    class AnchorHead(nn.Module):
        cls_out_channels = 4
        prior_generator = SimpleNamespace(grid_priors=lambda _, device: [grid().to(device) * 300])

        def loss_by_feat(self, cls_scores: Any, bbox_preds: Any, batch_gt_instances: Any, batch_img_metas: Any) -> Any:
            del batch_gt_instances, batch_img_metas
            return {"loss_cls": [each.mean() for each in cls_scores[0]], "loss_bbox": [bbox_preds[0].mean()[None]]}

    class SSDHead(AnchorHead):
        pass

    loc, conf, _ = batches.predictions()
    levels = [each.reshape(2, 6, 6, 8).permute(0, 3, 1, 2) for each in (loc, conf)]
    objects = [SimpleNamespace(bboxes=rows[:, :4] * 300, labels=rows[:, 4].long()) for rows in batches.targets()]
    metas = [{"img_path": f"{name}.jpg", "img_shape": (300, 300)} for name in "ab"]
    for kind in (AnchorHead, SSDHead):  # RetinaNet's is called alike, and is no SSD
        kind().loss_by_feat([levels[1]], [levels[0]], objects, metas)


def rfbnet(batches: Batches) -> None:
    class MultiBoxLoss(nn.Module):
        def forward(self, predictions: Any, priors: Any, targets: Any) -> Any:
            return predictions[0].abs().mean() + 0 * (priors.sum() + targets[0].sum()), predictions[1].abs().mean()

    loc, conf, priors = batches.predictions()
    MultiBoxLoss()((loc, conf), priors, batches.targets())


def other_names(batches: Batches) -> None:
    class SSDLoss(nn.Module):
        def forward(self, loc_preds: Any, loc_targets: Any, cls_preds: Any, cls_targets: Any) -> Any:
            return (loc_preds - loc_targets).abs().mean() + cls_preds.mean() + 0 * cls_targets.sum()

    loc, conf, _ = batches.predictions()
    labels, offsets = encoded(batches)
    SSDLoss()(loc, offsets, conf, labels)


def own(batches: Batches) -> None:
    loc, conf, priors = batches.predictions()
    objects = [{"boxes": rows[:, :4], "labels": rows[:, 4].long() + 1} for rows in batches.targets()]
    ssdlossdbg.MultiBoxLoss("ssd.pytorch", priors=priors)(loc, conf, objects)


STUBS: dict[Callable[[Batches], None], str] = {
    ssd_pytorch: "ssd.pytorch",
    pytorch_ssd: "pytorch-ssd",
    lufficc: "lufficc",
    nvidia: "nvidia-dali",
    sgrvinod: "sgrvinod",
    bubbliiiing: "bubbliiiing",
    torchvision: "torchvision",
    mmdetection: "mmdetection",
    rfbnet: "rfbnet",
    wzmiaomiao: "wzmiaomiao",
    other_names: "",
    own: "ssd.pytorch",
}


@pytest.mark.parametrize("stub", STUBS)
def test_each_codebase_is_recognised(stub: Callable[[Batches], None], watch: Watch, batches: Batches) -> None:
    cover._cover(ssdlossdbg.MultiBoxLoss)  # which other tests may have had imported
    stub(batches)
    assert watch.warnings == []
    file = watch.path / "step0000000.safetensors"
    assert {each.name for each in watch.path.iterdir()} == {file.name, "run.json"}  # and no folder of another criterion
    assert header(file)["dialect"] == STUBS[stub]
    assert ("priors" in load_file(file)) is (stub not in (lufficc, other_names))
    if stub in (ssd_pytorch, pytorch_ssd, nvidia, own):  # whose stubs compute what the codebase does
        result = ssdlossdbg.loss(file)
        assert result.recorded_error is not None
        assert result.recorded_error < 2e-6


# --- what is no loss of an SSD ---


def segmentation(_: Batches) -> None:
    class DiceLoss(nn.Module):
        def forward(self, predictions: Any, targets: Any) -> Any:
            return (predictions - targets).mean()

    DiceLoss()(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8))


def yolo(_: Batches) -> None:
    class YoloLoss(nn.Module):
        def forward(self, predictions: Any, targets: Any) -> Any:
            return sum(each.mean() for each in predictions) + 0 * targets[0].sum()

    YoloLoss()([torch.rand(2, 3, size, size, 9) for size in (4, 2, 1)], [torch.rand(1, 5)] * 2)


def detr(_: Batches) -> None:
    class SetCriterion(nn.Module):
        def forward(self, outputs: Any, targets: Any) -> Any:
            del targets
            return {"loss_ce": outputs["pred_logits"].mean()}

    outputs = {"pred_logits": torch.rand(2, 100, 5), "pred_boxes": torch.rand(2, 100, 4)}
    SetCriterion()(outputs, [{"boxes": torch.rand(1, 4), "labels": torch.ones(1, dtype=torch.long)}] * 2)


@pytest.mark.parametrize("stub", [segmentation, yolo, detr])
def test_other_losses_are_left_alone_and_told_of(
    stub: Callable[[Batches], None], watch: Watch, batches: Batches
) -> None:
    stub(batches)
    assert watch.warnings == []
    assert not watch.path.exists()
    text = said(watch)
    assert text.startswith(
        f"no SSD loss was seen, and nothing is saved. Looked at: {__name__}.{stub.__name__}.<locals>."
    )
    assert " (called with " in text
    assert "`loss_fn = ssdlossdbg.capture(loss_fn, 'run')` sees any" in text


def test_a_function_cannot_be_seen(watch: Watch, batches: Batches) -> None:
    def calc_loss(cls_preds: Any, bbox_preds: Any) -> Any:
        return cls_preds.mean() + bbox_preds.mean()

    loc, conf, _ = batches.predictions()
    calc_loss(conf, loc)
    watch.looks.clear()  # of classes that other tests defined
    assert said(watch).startswith("no SSD loss was seen, and nothing is saved. A loss that is a plain function")


# --- several criteria, and several of one class ---


def test_two_criteria_have_a_folder_each(watch: Watch, batches: Batches) -> None:
    first, second = conftest.MultiBoxLoss(), conftest.MultiBoxLoss()
    second.threshold = 0.4
    for _ in range(3):
        predictions, targets = batches.predictions(), batches.targets()
        first(predictions, targets)
        second(predictions, targets)
        with torch.no_grad():
            second(predictions, targets)
    assert steps(watch.path) == steps(watch.path / "2-MultiBoxLoss") == [0, 1, 2]
    assert header(watch.path / "2-MultiBoxLoss/step0000000.safetensors")["attributes"]["threshold"] == 0.4
    text = said(watch)
    assert text.count("3 steps, no loss inf, nan or far above the usual") == 2
    assert text.endswith("ssdlossdbg loss run says which images and objects cost most.")


def test_a_criterion_made_anew_at_each_step_is_one(watch: Watch, batches: Batches) -> None:
    for _ in range(3):
        conftest.MultiBoxLoss()(batches.predictions(), batches.targets())
    assert steps(watch.path) == [0, 1, 2]
    kept = [conftest.MultiBoxLoss() for _ in range(9)]
    for criterion in kept:
        criterion(batches.predictions(), batches.targets())
    assert len([*watch.path.glob("*-MultiBoxLoss")]) == 3


def test_of_losses_that_call_each_other_the_innermost_is_taken(watch: Watch, batches: Batches) -> None:
    class Weighted(conftest.MultiBoxLoss):
        def forward(self, predictions: Any, targets: Any) -> Any:
            loc, conf = super().forward(predictions, targets)
            return 2 * loc, conf

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loss = Weighted()

        def forward(self, predictions: Any, targets: Any) -> Any:
            return sum(self.loss(predictions, targets))

    criterion = Whole()
    for _ in range(2):
        criterion(batches.predictions(), batches.targets())
    assert steps(watch.path) == [0, 1]
    assert [file.name for file in watch.path.iterdir() if file.is_dir()] == []
    result = ssdlossdbg.loss(watch.path / "step0000001.safetensors")
    assert result.recorded_error is not None
    assert result.recorded_error < 2e-6


def test_replicas_of_data_parallel_are_one(watch: Watch, batches: Batches) -> None:
    criterion: Any = conftest.MultiBoxLoss()
    for _ in range(2):
        for replica in [criterion._replicate_for_data_parallel() for _ in range(2)]:
            replica(batches.predictions(), batches.targets())
    assert steps(watch.path) == [0, 1, 2, 3]


def test_what_the_script_captures_itself_is_left_to_that(watch: Watch, batches: Batches, tmp_path: Path) -> None:
    criterion = conftest.MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "own", every=1):
        criterion(batches.predictions(), batches.targets())
    assert steps(tmp_path / "own") == [0]
    assert not watch.path.exists()


def test_a_criterion_only_of_validation_is_told_of(watch: Watch, batches: Batches) -> None:
    with torch.no_grad():
        conftest.MultiBoxLoss()(batches.predictions(), batches.targets())
    assert "MultiBoxLoss (called 1 times, never with gradients: --validation looks at that, too)" in said(watch)


# --- a covered class is the class in all else ---


def test_a_loss_that_raises_is_saved_and_raises(watch: Watch, batches: Batches) -> None:
    criterion = conftest.MultiBoxLoss()
    criterion(batches.predictions(), batches.targets())
    with pytest.raises(IndexError):
        criterion(batches.predictions(), [torch.zeros((0, 5))] * 2)
    assert reasons(watch.path) == {0: "every", 1: "raised"}
    assert "step 1, where the loss raised IndexError" in said(watch)
    with pytest.raises(TypeError, match="missing 1 required"):
        criterion(batches.predictions())
    with pytest.raises(TypeError, match="missing 3 required"):
        conftest.MultiBoxLoss.forward()  # type: ignore[call-arg]


@pytest.mark.filterwarnings("ignore")  # of torch's own
def test_a_covered_class_can_be_copied_pickled_scripted_and_compiled(watch: Watch) -> None:
    class SmoothLoss(nn.Module):
        def forward(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
            return F.smooth_l1_loss(y_pred, y_true)

    criterion, pair = SmoothLoss(), (torch.rand(2, 3), torch.rand(2, 3))
    assert SmoothLoss.forward.__code__ is cover.COVER
    assert list(inspect.signature(SmoothLoss.forward).parameters) == ["self", "y_true", "y_pred"]
    wanted = F.smooth_l1_loss(pair[1], pair[0])
    assert torch.jit.script(criterion)(*pair) == wanted
    assert torch.compile(criterion, backend="eager", fullgraph=True)(*pair) == wanted
    assert copy.deepcopy(criterion)(*pair) == wanted
    assert pickle.loads(pickle.dumps(conftest.MultiBoxLoss())).negpos_ratio == 3
    assert watch.warnings == []


def test_classes_are_defined_as_before(watch: Watch) -> None:
    class Mixin:
        names: ClassVar[dict[str, str]] = {}

        def __init_subclass__(cls, called: str = "", **more: Any) -> None:
            super().__init_subclass__(**more)
            cls.names[cls.__name__] = called

    class Loss(nn.Module, Mixin, called="mine"):
        def forward(self, y_true: Any, y_pred: Any) -> Any:
            return y_true, y_pred

    assert Mixin.names == {"Loss": "mine"}
    with pytest.raises(TypeError):

        class Other(nn.Module, unknown=1):  # type: ignore[call-arg]
            pass

    assert watch.warnings == []


def test_the_images_are_those_of_the_loader_that_yielded_last(watch: Watch, batches: Batches) -> None:
    class Photos(torch.utils.data.Dataset[int]):
        ids = tuple(f"photo{index}.jpg" for index in range(6))

        def __len__(self) -> int:
            return len(self.ids)

        def __getitem__(self, index: int) -> int:
            return index

    loader, other = (DataLoader(Photos(), 2, shuffle=True) for _ in range(2))
    criterion, seen = conftest.MultiBoxLoss(), []
    for _ in range(2):
        for batch in loader:
            seen.append([f"photo{index}.jpg" for index in batch.tolist()])
            criterion(batches.predictions(), batches.targets())
            list(other)
    assert [header(file)["names"] for file in sorted(watch.path.glob("step*"))] == seen
    assert len(seen) == 6


def test_batches_that_are_lost_are_told_of_once_at_the_end(watch: Watch) -> None:
    """A training that overwrites its predictions after each step, until the loss is nan, and then goes on."""
    watch.options = Options()
    criterion, batches = conftest.MultiBoxLoss(), Batches()
    for scale in (1, 1, 1, math.nan, 1):
        loc, conf, priors = batches.predictions(scale)
        criterion((loc, conf, priors), batches.targets())
        if scale == 1:
            with torch.no_grad():
                loc.zero_()
    closed = said(watch)
    assert closed.count("lost") == 1
    assert "3 batches of steps 1 to 4 are lost: loc changed in place" in closed
