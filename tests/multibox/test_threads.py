"""One thread for a while."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import ssdlossdbg
from ssdlossdbg.multibox.threads import WORTH_SHARING, bookkeeping, one_thread


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


def test_a_loss_leaves_the_number_as_it_is_and_does_not_depend_on_it() -> None:
    logits = torch.randn((2, 8732, 21), generator=torch.Generator().manual_seed(0))
    offsets, gt = logits[..., :4] / 9, {"boxes": torch.tensor([[0.1, 0.2, 0.6, 0.7]]), "labels": torch.tensor([3])}
    criterion = ssdlossdbg.MultiBoxLoss("ssd.pytorch", priors="ssd300-voc")
    shared = criterion(offsets, logits, [gt, gt])
    assert torch.get_num_threads() == 3
    with one_thread():
        assert criterion(offsets, logits, [gt, gt]) == shared
