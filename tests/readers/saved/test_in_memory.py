"""Tensors and arrays in memory are taken for what a file of them would hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ssdlossdbg
from ssdlossdbg import api
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.tensor_files import as_saved, load
from ssdlossdbg.results import LossResult

Refused = Callable[[Callable[[], object]], InputError]
SAMPLES = Path(__file__).parents[3] / "sample_data"
PREDICTIONS, TARGETS = (load(SAMPLES / name).value for name in ("preds.pt", "targets.pt"))


def arrays(value: Any) -> Any:
    """The same in NumPy arrays."""
    if isinstance(value, torch.Tensor):
        return value.numpy()
    if isinstance(value, Mapping):
        return {key: arrays(item) for key, item in value.items()}
    return [arrays(item) for item in value]


def with_gradients(value: Any) -> Any:
    """The same as a training loop holds it."""
    return tuple(item.clone().requires_grad_() for item in value)


@pytest.fixture(scope="module")
def expected() -> LossResult:
    """That of the files."""
    return api.loss(SAMPLES / "preds.pt", SAMPLES / "targets.pt", device="cpu")


@pytest.mark.parametrize(
    ("predictions", "targets"),
    [
        (PREDICTIONS, TARGETS),
        (arrays(PREDICTIONS), tuple(TARGETS)),
        (with_gradients(PREDICTIONS), arrays(TARGETS)),
        (dict(zip(("loc", "conf", "priors"), PREDICTIONS, strict=True)), TARGETS),
    ],
    ids=["tuple, list", "arrays, tuple", "gradients, arrays", "mapping, list"],
)
def test_loss_is_that_of_the_files(predictions: Any, targets: Any, expected: LossResult) -> None:
    found = api.loss(predictions, targets, device="cpu")
    assert found.loss == expected.loss
    assert (found.config, found.ground_truth) == (expected.config, expected.ground_truth)
    assert (found.predictions_path, found.targets_path) == ("predictions", "targets")
    assert [item.code for item in found.findings] == [item.code for item in expected.findings]


def test_compare_and_detect() -> None:
    by_file = (SAMPLES / "preds.pt", SAMPLES / "targets.pt")
    found, expected = (
        api.compare(*batch, dialects=["caffe"], device="cpu") for batch in ((PREDICTIONS, TARGETS), by_file)
    )
    assert found.dialects == expected.dialects
    for targets, file in ((TARGETS, by_file[1]), (None, None)):
        ours, theirs = (api.detect(*pair, device="cpu") for pair in ((PREDICTIONS, targets), (by_file[0], file)))
        assert ours.images == theirs.images
        assert (ours.predictions_path, ours.targets_path) == ("predictions", targets and "targets")


def test_priors_and_weights() -> None:
    loc, conf, priors = PREDICTIONS
    assert load_priors(priors.numpy()).name == load_priors(PREDICTIONS).name == "ssd300-coco"
    apart = api.loss((loc, conf), TARGETS, priors, device="cpu", layout=SavedLayout(image_size=300))
    assert apart.loss == api.loss(PREDICTIONS, TARGETS, "ssd300-coco", device="cpu").loss
    parameters = {"kernel": torch.nn.Parameter(torch.ones(3, 2))}
    decayed = api.loss(PREDICTIONS, TARGETS, dialect="ssd-keras", device="cpu", weights=parameters)
    rate = ssdlossdbg.load_dialect("ssd-keras").weight_decay.rate
    assert decayed.weight_decay == pytest.approx(rate * 6)


@pytest.mark.parametrize(
    ("predictions", "targets", "where"),
    [
        (torch.zeros(3), TARGETS, "predictions"),
        (PREDICTIONS, [torch.zeros(1, 6)], "targets, image 0"),
        ((np.array(["a"]), np.zeros(3)), TARGETS, "predictions"),
        (PREDICTIONS, [torch.zeros(1, 5).to_sparse()], "targets"),
        (PREDICTIONS, 3, "targets"),
        (PREDICTIONS, TARGETS[:1] * 40, "targets"),
    ],
)
def test_errors_name_the_argument(predictions: Any, targets: Any, where: str, refused: Refused) -> None:
    assert refused(lambda: api.loss(predictions, targets, device="cpu")).where == where


@pytest.mark.parametrize("made", [list, tuple])
def test_lists_stay_lists_and_tuples_tuples(made: Callable[..., Any]) -> None:
    """They may mean different things, as those of a file do."""
    assert type(as_saved(made([torch.zeros(1), np.zeros(1)]), "targets").value) is made


def test_arrays_of_any_make() -> None:
    readonly = np.arange(8, dtype=">f4").reshape(2, 4)[:, ::-1]
    readonly.flags.writeable = False
    found = as_saved({"a": [readonly], "b": 3}, "x").value
    assert found["a"][0].tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]
    assert found["b"] == 3
