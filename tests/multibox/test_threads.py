"""One thread for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import ssdlossdbg
from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.confidence import confidence_loss
from ssdlossdbg.multibox.threads import WORTH_SHARING, abreast, bookkeeping, one_thread
from ssdlossdbg.readers.dialects import dialect_names
from ssdlossdbg.rules import LossSpec
from tests.kinds_of_dialects import each_value_of


@pytest.fixture(autouse=True)
def three() -> Iterator[None]:
    """Three threads, whatever the machine has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(threads)


def test_one_while_it_lasts() -> None:
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_as_before_after_an_error() -> None:
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize(("numbers", "device", "threads"), [(9, "cpu", 1), (WORTH_SHARING, "cpu", 3), (9, "meta", 3)])
def test_what_is_small_is_done_by_one(numbers: int, device: str, threads: int) -> None:
    with bookkeeping(torch.empty(numbers, device=device)):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("parts", [0, 1, 2, 50])
def test_threads_take_turns_and_what_they_make_stays_in_order(parts: int) -> None:
    met, together = set[int](), threading.Barrier(3, timeout=30)

    def work(part: int) -> int:
        if part < 3 <= parts:
            together.wait()  # so that each of three threads takes one, and none takes all
        met.add(threading.get_ident())
        assert torch.get_num_threads() == (1 if parts > 1 else 3)
        return part**2

    assert abreast([partial(work, part) for part in range(parts)]) == [part**2 for part in range(parts)]
    assert len(met) == 3 or parts < 3
    assert torch.get_num_threads() == 3


def test_an_error_of_a_part_is_raised_wherever_it_was_met() -> None:
    together = threading.Barrier(3, timeout=30)

    def work(part: int) -> None:
        together.wait()
        if threading.current_thread() is not threading.main_thread():
            raise KeyError(part)

    with pytest.raises(KeyError):
        abreast([partial(work, part) for part in range(3)])
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("learns", [True, False])
def test_what_threads_make_of_logits_learns_as_it_does_alone(learns: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "TILE_OF_LOGITS", 60)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((4, 37, 5), generator=generator)
    labels = torch.randint(-1, 5, (4, 37), generator=generator)
    spec = LossSpec()
    found = []
    for conf in (logits, logits.transpose(0, 1).contiguous().transpose(0, 1)):  # by priors, and by images
        for threads in (1, 3):
            torch.set_num_threads(threads)
            leaf = conf.clone(memory_format=torch.preserve_format).requires_grad_()
            with torch.set_grad_enabled(learns):
                cost = confidence_loss(leaf, labels, spec)
            assert cost.requires_grad is learns
            found.append((cost.detach(), torch.autograd.grad(cost.square().sum(), leaf)[0] if learns else cost))
    expected = F.cross_entropy(logits.flatten(0, 1), labels.flatten().clamp(min=0), reduction="none").view_as(labels)
    for cost, gradient in found:
        assert torch.equal(cost, expected)
        assert torch.equal(gradient, found[0][1])


def test_a_loss_leaves_the_number_as_it_is_and_does_not_depend_on_it() -> None:
    logits = torch.randn((2, 8732, 21), generator=torch.Generator().manual_seed(0))
    offsets, gt = logits[..., :4] / 9, {"boxes": torch.tensor([[0.1, 0.2, 0.6, 0.7]]), "labels": torch.tensor([3])}
    criterion = ssdlossdbg.MultiBoxLoss("ssd.pytorch", priors="ssd300-voc")
    shared = criterion(offsets, logits, [gt, gt])
    assert torch.get_num_threads() == 3
    with one_thread():
        assert criterion(offsets, logits, [gt, gt]) == shared


@pytest.mark.parametrize("dialect", each_value_of("loss", "mining", among=dialect_names(of_one_step=True)))
def test_a_loss_that_costs_background_before_anything_is_matched_is_the_one_that_learns(dialect: str) -> None:
    generator = torch.Generator().manual_seed(0)
    logits, offsets = (3 * torch.randn((2, 8732, each), generator=generator) for each in (21, 4))
    objects = {"boxes": torch.tensor([[0.1, 0.2, 0.6, 0.7], [0.4, 0.3, 0.5, 0.9]]), "labels": torch.tensor([3, 7])}
    criterion = ssdlossdbg.MultiBoxLoss(dialect, priors="ssd300", units="normalized", image_size=300)
    learnt = criterion(offsets, logits.requires_grad_(), [objects] * 2)
    with torch.no_grad():
        assert criterion(offsets, logits, [objects] * 2) == tuple(each.detach() for each in learnt)
    with torch.inference_mode():
        assert criterion(offsets, logits, [objects] * 2) == tuple(each.detach() for each in learnt)


class Shared(TorchDispatchMode):
    """Notes each operation on so many numbers that torch's threads would share it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names = set[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every operation of this thread."""
        made = func(*args, **(kwargs or {}))
        largest = max((each.numel() for each in tree_leaves((args, made)) if isinstance(each, torch.Tensor)), default=0)
        if largest >= 2**15 and torch.get_num_threads() > 1:
            self.names.add(func._schema.name.removeprefix("aten::"))
        return made


@pytest.mark.parametrize(
    "dialect", ["ssd.pytorch", "caffe", "torchvision", "mxnet-ssd", "tf-object-detection", "tf2-object-detection"]
)
def test_torch_shares_no_operation_of_a_criterion(dialect: str) -> None:
    logits = torch.randn((4, 8732, 21), generator=torch.Generator().manual_seed(0))
    gt = {"boxes": torch.tensor([[0.1, 0.2, 0.6, 0.7]]), "labels": torch.tensor([3])}
    criterion = ssdlossdbg.MultiBoxLoss(dialect, priors="ssd300", units="normalized", image_size=300)
    offsets, seen = logits[..., :4] / 9, Shared()
    with torch.no_grad(), seen:
        criterion(offsets, logits, [gt] * 4)
    assert seen.names <= {"slice", "select", "unsqueeze", "detach", "split", "view"}  # which only look at others
