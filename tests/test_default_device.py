"""With a default device of the user's own, of which nothing here makes tensors; "meta" stands for a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ssdlossdbg
from ssdlossdbg.default_device import by_users_default, on_cpu_by_default

SAMPLE = Path(__file__).parents[1] / "sample_data"
PHOTO, ANNOTATION = SAMPLE / "astronaut.jpg", SAMPLE / "astronaut.xml"
SAVED = SAMPLE / "preds.pt", SAMPLE / "targets.pt"


@contextmanager
def elsewhere() -> Iterator[None]:
    """As `torch.set_default_device` has it."""
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


def tensors() -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    loc, conf, priors = torch.load(SAVED[0])
    return loc, conf, priors, torch.load(SAVED[1])


def criterion_of(rules: str) -> Any:
    loc, conf, priors, targets = tensors()
    return ssdlossdbg.MultiBoxLoss(rules, priors=priors)(loc, conf, targets)


ASKED: dict[str, Callable[[], Any]] = {
    "match": lambda: ssdlossdbg.match(PHOTO, ANNOTATION).to_dict(),
    "match_roles": lambda: ssdlossdbg.match_roles(
        ssdlossdbg.match(PHOTO, ANNOTATION), PHOTO, ANNOTATION, dialects=["caffe", "retinaface"]
    ),
    "loss": lambda: ssdlossdbg.loss(*SAVED).to_dict(),
    "detect": lambda: ssdlossdbg.detect(*SAVED).to_dict(),
    "compare": lambda: ssdlossdbg.compare(*SAVED).to_dict(),
    "anchors": lambda: ssdlossdbg.anchors("ssd300").to_dict(),
    "audit": lambda: ssdlossdbg.audit(SAMPLE).to_dict(),
    "check": lambda: ssdlossdbg.check([SAMPLE]).to_dict(),
    "fit": lambda: ssdlossdbg.fit(SAMPLE).to_dict(),
    "load_priors": lambda: ssdlossdbg.load_priors("ssd300").priors.boxes,
    "criterion": lambda: torch.stack(criterion_of("ssd.pytorch")),
    "criterion by greedy rules": lambda: torch.stack(criterion_of("caffe")),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_is_the_same(name: str) -> None:
    expected = ASKED[name]()
    with elsewhere():
        found = ASKED[name]()
        assert torch.empty(0).device.type == "meta"
    with torch.device("meta"):
        again = ASKED[name]()
    for each in (found, again):
        if isinstance(expected, Tensor):
            assert torch.equal(each, expected)
        else:
            assert each == expected


def test_priors_that_a_user_makes_are_where_they_say() -> None:
    with elsewhere():
        assert ssdlossdbg.generate_priors("ssd300").boxes.device.type == "meta"


def test_objects_are_padded_where_they_are() -> None:
    boxes, labels = [torch.rand(2, 4), torch.rand(1, 4)], [torch.tensor([1, 2]), torch.tensor([3])]
    with elsewhere():
        found = ssdlossdbg.pad_ground_truth(boxes, labels)
    assert found.counts.tolist() == [2, 1]


def test_a_criterion_that_is_identified_makes_its_tensors_where_its_user_says() -> None:
    made = set()

    def criterion(loc: Tensor, conf: Tensor, priors: Tensor, targets: list[Tensor]) -> tuple[Tensor, Tensor]:
        made.add(torch.empty(0).device.type)
        with torch.device("cpu"):
            localization, confidence = ssdlossdbg.MultiBoxLoss("caffe", priors=priors)(loc, conf, targets)
        return localization, confidence

    def adapter(loc: Tensor, conf: Tensor, priors: Tensor, targets: list[Tensor]) -> tuple[Any, ...]:
        return loc, conf, priors, targets

    with elsewhere():
        found = ssdlossdbg.identify(criterion, adapter=adapter, dialects=["caffe", "ssd.pytorch"], classes=21)
    assert made == {"meta"}
    assert "caffe" in (found.dialects[0].name, *found.dialects[0].same_as)


class Criterion(torch.nn.Module):
    """Called as ssd.pytorch's is, with its rules."""

    def forward(self, predictions: tuple[Tensor, Tensor, Tensor], targets: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Both losses."""
        loc, conf, priors = predictions
        with torch.device("cpu"):
            found = ssdlossdbg.multibox_loss(loc, conf, priors, targets, "ssd.pytorch", validate=False)
        return found.localization, found.confidence


def test_a_training_is_looked_at_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loc, conf, priors, targets = tensors()
    criterion = Criterion()
    with elsewhere():
        with ssdlossdbg.capture(criterion, tmp_path, every=2, history=True, identify=True):
            for _ in range(4):
                sum(
                    criterion((loc.clone().requires_grad_(), conf.clone().requires_grad_(), priors), targets)
                ).backward()
        assert torch.empty(0).device.type == "meta"
    said = capsys.readouterr().err
    assert "could not" not in said
    assert ssdlossdbg.loss(tmp_path).to_dict()["dialect"] == "ssd.pytorch"
    assert ssdlossdbg.history(tmp_path).sampled > 0


def test_errors_leave_the_default_as_it_was() -> None:
    @on_cpu_by_default
    def failing() -> None:
        assert torch.empty(0).device.type == "cpu"
        with by_users_default():
            assert torch.empty(0).device.type == "meta"
        raise ValueError("on purpose")

    with elsewhere():
        with pytest.raises(ValueError, match="on purpose"):
            failing()
        assert torch.empty(0).device.type == "meta"
        with by_users_default():
            assert torch.empty(0).device.type == "meta"
    with by_users_default():
        assert torch.empty(0).device.type == "cpu"
