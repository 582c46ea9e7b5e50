"""One thread for a while."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from ssdlossdbg.multibox.threads import one_thread


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
