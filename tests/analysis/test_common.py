"""Devices, the summary of priors, and what is said of a box."""

from __future__ import annotations

import math

import pytest
import torch

from ssdlossdbg.analysis.common import box_problem, resolve_device, summarise, to_pixels
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors

NAN, INF = math.nan, math.inf


def pretend(monkeypatch: pytest.MonkeyPatch, cuda: int = 0, *, mps: bool = False) -> None:
    """A machine with so many CUDA devices, and with MPS or without."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("name", "cuda", "mps", "device"),
    [
        ("auto", 0, False, "cpu"),
        ("auto", 2, False, "cuda"),
        ("cpu", 2, True, "cpu"),
        ("cuda", 1, False, "cuda"),
        ("cuda:0", 1, False, "cuda:0"),
        ("cuda:1", 2, False, "cuda:1"),
        ("mps", 0, True, "mps"),
    ],
)
def test_device(name: str, cuda: int, mps: bool, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda, mps=mps)
    assert resolve_device(name) == torch.device(device)


@pytest.mark.parametrize(
    ("name", "cuda", "message"),
    [
        ("gpu", 1, "unknown device 'gpu'"),
        ("", 1, "unknown device ''"),
        ("cpu:0", 1, "unknown device 'cpu:0'"),
        ("mps:0", 1, "unknown device 'mps:0'"),
        ("cuda:x", 1, "unknown device 'cuda:x'"),
        ("cuda:-1", 1, "unknown device 'cuda:-1'"),
        ("CUDA", 1, "unknown device 'CUDA'"),
        ("cuda", 0, "torch sees no CUDA device"),
        ("cuda:0", 0, "torch sees no CUDA device"),
        ("cuda:2", 2, "there is no cuda:2"),
        ("mps", 0, "torch sees no MPS device"),
    ],
)
def test_device_that_is_not_there(name: str, cuda: int, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda)
    with pytest.raises(InputError, match=message) as caught:
        resolve_device(name)
    assert caught.value.where == "--device"
    assert caught.value.fix


@pytest.mark.parametrize(
    ("name", "cuda", "fix"), [("cuda:2", 2, "cuda:0 to cuda:1."), ("cuda:1", 1, "cuda:0 to cuda:0.")]
)
def test_devices_that_are_there_are_told(name: str, cuda: int, fix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda)
    with pytest.raises(InputError) as caught:
        resolve_device(name)
    assert caught.value.fix == f"torch sees {cuda}: {fix}"


def test_summary_of_a_preset() -> None:
    summary = summarise(load_priors("ssd300"))
    assert (summary.name, summary.codebase) == ("ssd300-voc", "ssd.pytorch")
    assert (summary.image_size, summary.image_size_known, summary.priors) == ((300, 300), True, 8732)
    assert summary.levels == ((38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (1, 1))


def test_summary_without_a_grid() -> None:
    named = NamedPriors(
        name="mine.pt", codebase="", priors=Priors(torch.rand(7, 4), (320, 240), ()), image_size_known=False
    )
    summary = summarise(named)
    assert (summary.image_size, summary.image_size_known) == ((320, 240), False)
    assert (summary.priors, summary.levels) == (7, ((0, 0),))


def test_to_pixels() -> None:
    assert to_pixels([0.25, 0.5, 0.75, 1.0], (200, 100)) == (50.0, 50.0, 150.0, 100.0)


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((0.0, 0.0, 1.0, 1.0), None),
        ((-5.0, -5.0, 900.0, 900.0), None),
        ((0.0, 0.0, 1e-30, 1e-30), None),
        ((3.0, 0.0, 3.0, 1.0), "zero width"),
        ((0.0, 3.0, 1.0, 3.0), "zero height"),
        ((0.0, 0.0, 0.0, 0.0), "zero width and height"),
        ((2.0, 0.0, 1.0, 1.0), "inverted, xmin > xmax"),
        ((0.0, 2.0, 1.0, 1.0), "inverted, ymin > ymax"),
        ((2.0, 2.0, 1.0, 1.0), "inverted, xmin > xmax and ymin > ymax"),
        ((2.0, 1.0, 1.0, 1.0), "inverted, xmin > xmax"),
        ((NAN, 0.0, 1.0, 1.0), "not finite"),
        ((0.0, 0.0, 1.0, INF), "not finite"),
        ((0.0, -INF, 0.0, 1.0), "not finite"),
    ],
)
def test_box_problem(box: tuple[float, float, float, float], problem: str | None) -> None:
    assert box_problem(box) == problem
