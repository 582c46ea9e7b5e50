"""Objects that are handed over in Python, in each way that codebases hold them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.at_hand import objects_at_hand

Refused = Callable[[Callable[[], object]], InputError]
BOX, OTHER = (1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0)


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        ([BOX, OTHER], ["object", "object"]),
        (torch.tensor([(*BOX, 0), (*OTHER, 1)]), ["cat", "dog"]),
        (np.array([(*BOX, 1), (*OTHER, 7)]), ["dog", "class 7"]),
        (np.array([(*BOX, -1), (*OTHER, 0.5)]), ["class -1", "class 0.5"]),
        ({"boxes": torch.tensor([BOX, OTHER]), "labels": torch.tensor([1, 0])}, ["dog", "cat"]),
        ({"boxes": [BOX, OTHER], "labels": ["dog", "eel"]}, ["dog", "eel"]),
        ((np.array([BOX, OTHER]), [[1], [0]]), ["dog", "cat"]),
        # A tuple of two boxes is no pair of boxes and labels, nor is one of three.
        ((BOX, OTHER), ["object", "object"]),
        (((*BOX, 1.0), (*OTHER, 0.0)), ["dog", "cat"]),
    ],
)
def test_boxes_and_labels(given: Any, labels: list[str]) -> None:
    made = objects_at_hand(given, Path("a.jpg"), (80, 60), ("cat", "dog"))
    assert made.boxes.tolist() == [list(BOX), list(OTHER)]
    assert [made.labels[label] for label in made.label] == labels


@pytest.mark.parametrize("given", [[], torch.zeros(0, 5), {"boxes": np.zeros((0, 4)), "labels": []}])
def test_no_object(given: Any) -> None:
    assert len(objects_at_hand(given, Path("a.jpg"), (80, 60), ()).boxes) == 0


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("a", "is no boxes, but a str"),
        (BOX, "has the shape [4]"),
        ([(1.0, 2.0, 3.0)], "has the shape [1, 3]"),
        ([(*BOX, 1.0, 2.0)], "has the shape [1, 6]"),
        ({"boxes": [(*BOX, 1.0)], "labels": [1]}, "has the shape [1, 5]"),
        ({"boxes": [BOX], "labels": [1, 2]}, "has 1 boxes and 2 labels"),
        ([(1.0, 2.0, 3.0, float("nan"))], "holds numbers that are not finite"),
    ],
)
def test_what_is_none(given: Any, what: str, refused: Refused) -> None:
    error = refused(lambda: objects_at_hand(given, Path("a.jpg"), (80, 60), ()))
    assert (error.where, error.what) == ("annotation", what)
