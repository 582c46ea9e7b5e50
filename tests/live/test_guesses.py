"""What is taken for predictions among arguments of any names, which calls are no SSD's, and what is said once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from ssdlossdbg.live.guess import guess
from ssdlossdbg.live.history import History
from ssdlossdbg.live.losses import returned
from ssdlossdbg.live.recipe import Taken
from ssdlossdbg.live.recognise import _is_ssd

ONE, OTHER, CLASSES = torch.zeros(2, 8, 4), torch.ones(2, 8, 4), torch.zeros(2, 8, 3)
LABELS, PRIORS = torch.zeros(2, 8, dtype=torch.long), torch.zeros(8, 4)


def test_what_is_called_a_target_is_no_prediction() -> None:
    found = guess({"a": ONE, "b": CLASSES, "gt_offsets": OTHER, "gt_labels": LABELS, "anchors": PRIORS})
    assert (found.loc is ONE, found.conf is CLASSES, found.priors is PRIORS) == (True, True, True)
    labels, offsets = found.targets
    assert (labels is LABELS, offsets is OTHER) == (True, True)


def test_where_all_are_called_targets_the_shapes_tell() -> None:
    found = guess({"target_a": ONE, "target_b": CLASSES, "rows": [torch.zeros(3, 5), torch.zeros(1, 5)]})
    assert (found.loc is ONE, found.conf is CLASSES) == (True, True)


def test_of_two_that_may_be_offsets_none_is_taken() -> None:
    with pytest.raises(LookupError, match=r"cannot tell loc \[B, P, 4\] and conf \[B, P, C\] among a \[2, 8, 4\]"):
        guess({"a": ONE, "b": CLASSES, "c": OTHER, "labels": LABELS})


@pytest.mark.parametrize(
    ("changed", "is_ssd"),
    [
        ({}, True),
        ({"priors": PRIORS}, True),
        ({"priors": PRIORS.T}, True),
        ({"priors": torch.zeros(4)}, False),
        ({"priors": torch.zeros(8, 5)}, False),
        ({"priors": torch.zeros(1, 8, 4)}, False),
        ({"conf": CLASSES[:1]}, False),
        ({"conf": CLASSES[0]}, False),
        ({"loc": ONE[0]}, False),
        ({"loc": torch.zeros(2, 8, 5)}, False),
        ({"loc": ONE.mT}, False),
        ({"loc": ONE.mT, "conf": CLASSES.mT}, True),
        ({"targets_0": torch.zeros(3, 5)}, True),
        ({"targets_0": torch.zeros(3, 15)}, False),
        ({"targets_0": torch.zeros(3, 15), "landm": torch.zeros(2, 8, 10)}, True),
        ({"targets_0": torch.zeros(3)}, True),
    ],
)
def test_shapes_of_an_ssd(changed: dict[str, Tensor], is_ssd: bool) -> None:
    assert _is_ssd(nn.Identity(), Taken({"loc": ONE, "conf": CLASSES, **changed})) is is_ssd


def test_a_history_warns_once() -> None:
    said: list[str] = []
    of: Any = SimpleNamespace(_said=False, _warn=said.append)
    for what in ("a", "b"):
        History._say(cast(History, of), f"its steps wait: {what}")
    assert said == ["the history goes on, but its steps wait: a"]


def test_each_image_is_named_once_and_again_where_its_file_was_taken_away(tmp_path: Path) -> None:
    of = cast(History, SimpleNamespace(_folder=tmp_path, _suffix="", _named=set()))
    batch = cast(Any, SimpleNamespace(indices=(3, 4)))
    first = History._images(of, batch, ["a.jpg", "b.jpg"])
    History._images(of, batch, ["a.jpg", "b.jpg"])
    (file,) = tmp_path.iterdir()
    assert [json.loads(line) for line in file.read_text().split("\n") if line] == [
        {"image": number, "name": name} for number, name in zip(first, ("a.jpg", "b.jpg"), strict=True)
    ]
    whole = file.read_bytes()
    file.unlink()
    assert History._images(of, batch, ["a.jpg", "b.jpg"]) == first
    assert file.read_bytes() == whole


@pytest.mark.parametrize(
    ("kinds", "precision"),
    [
        ((torch.float16,), 8 / 1024),
        ((torch.bfloat16, torch.float32), 8 / 128),
        ((torch.float16, torch.bfloat16), 8 / 128),
        ((torch.float32, torch.float64), 0.0),
    ],
)
def test_eight_roundings_of_half_precision(kinds: tuple[torch.dtype, ...], precision: float) -> None:
    assert returned(tuple(torch.ones((), dtype=kind) for kind in kinds)).precision == precision


@pytest.mark.parametrize(
    ("numbers", "total"),
    [
        ((3.0, 1.0, 2.0), 3.0),
        ((3.00029, 1.0, 2.0), 3.00029),
        ((2.99971, 1.0, 2.0), 2.99971),
        ((3.00031, 1.0, 2.0), None),
        ((2.99969, 1.0, 2.0), None),
        ((0.0, 0.0, 0.0), 0.0),
        ((math.inf, math.inf, 1.0), math.inf),
        ((math.nan, 1.0, 2.0), None),
    ],
)
def test_a_first_of_three_that_is_the_sum_of_the_others(numbers: tuple[float, ...], total: float | None) -> None:
    """To a ten-thousandth; else nobody knows what the three are."""
    found = returned(tuple(map(torch.tensor, numbers))).recorded(numbers)
    parts = (None, None) if total is None else numbers[1:]
    assert (found.total, found.localization, found.confidence) == (total, *parts)
