"""What predictions that are no numbers, at priors that do not count, do to the loss: as each codebase masks."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
import torch

import ssdlossdbg
from ssdlossdbg import LossResult, Masking, Units, load_dialect
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import multibox_loss

SAMPLE = Path(__file__).parents[2] / "sample_data"
MULTIPLYING = ("nvidia", "nvidia-dali", "mmdetection", "gluoncv", "ssd-keras")
INDEXING = ("ssd.pytorch", "pytorch-ssd", "lufficc", "torchvision", "caffe")


def _spoilt(dialect: str, value: float) -> LossResult:
    """The sample batch with one offset spoilt, at a prior that is no positive of any dialect."""
    predictions = dict(zip(("loc", "conf", "priors"), torch.load(SAMPLE / "preds.pt"), strict=True))
    side = 300.0 if load_dialect(dialect).targets.units is Units.PIXELS else 1.0
    scale = torch.tensor([side, side, side, side, 1.0])
    targets = [rows * scale for rows in torch.load(SAMPLE / "targets.pt")]
    loc = predictions["loc"].clone()
    loc[0, 0, 2] = value
    predictions["loc"] = loc
    return ssdlossdbg.loss(predictions, targets, dialect=dialect)


def _message(result: LossResult) -> str:
    return next(finding.message for finding in result.findings if finding.code == "NUM001")


@pytest.mark.parametrize(
    ("dialect", "value"), [*zip(MULTIPLYING, cycle([math.nan, math.inf, -math.inf]), strict=False)]
)
def test_codebases_that_multiply_by_masks_have_nan(dialect: str, value: float) -> None:
    result = _spoilt(dialect, value)
    assert math.isnan(result.loss.localization)
    assert math.isnan(result.loss.total)
    assert "multiplies it by 0 there, which makes the loss nan" in _message(result)
    assert "NUM003" not in {finding.code for finding in result.findings}
    first = result.non_finite[0]
    assert (first.term, first.prior, first.place, first.ground_truth) == ("loc", 0, "w", None)


@pytest.mark.parametrize(
    ("dialect", "value"),
    [
        ("nvidia-dali", math.nan), ("mmdetection", -math.inf), ("gluoncv", math.nan), ("ssd-keras", -math.inf),
        ("pytorch-ssd", math.nan), ("lufficc", -math.inf),
    ],
)  # fmt: skip
def test_encoded_targets_that_are_no_numbers_off_the_positives(dialect: str, value: float) -> None:
    loc, conf, priors = torch.load(SAMPLE / "preds.pt")
    labels, offsets = torch.zeros(loc.shape[:2], dtype=torch.int64), torch.zeros_like(loc)
    labels[:, 4000:4006] = 1
    predictions = {"loc": loc, "conf": conf, "priors": priors}
    sound = {"labels": labels, "locations": offsets.clone()}
    offsets[0, 0, 2] = value
    result = ssdlossdbg.loss(predictions, {"labels": labels, "locations": offsets}, dialect=dialect)
    told = {finding.code for finding in result.findings}
    if dialect in MULTIPLYING:
        assert math.isnan(result.loss.localization)
        assert "ENC002" in told
        assert "NUM003" not in told
    else:
        assert result.loss == ssdlossdbg.loss(predictions, sound, dialect=dialect).loss
        assert "ENC014" in told


@pytest.mark.parametrize("dialect", INDEXING)
def test_codebases_that_pick_out_have_the_loss_of_the_rest(dialect: str) -> None:
    result = _spoilt(dialect, math.nan)
    assert math.isfinite(result.loss.total)
    assert "so the loss does not count it" in _message(result)


@pytest.mark.parametrize("dialect", [*MULTIPLYING, "tf-object-detection"])
def test_large_offsets_off_the_positives_change_nothing(dialect: str) -> None:
    assert _spoilt(dialect, 3e38).loss == _spoilt(dialect, 0.0).loss


@pytest.mark.parametrize(("prior", "is_nan"), [(1, True), (3, False)])
def test_tensorflow_picks_out_the_mined_negatives_too(prior: int, is_nan: bool) -> None:
    priors = torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1], [0.9, 0.9, 0.1, 0.1], [0.9, 0.1, 0.1, 0.1]])
    rules = load_dialect("ssd.pytorch")
    loc, conf = torch.zeros(1, 4, 4), torch.zeros(1, 4, 3)
    loc[0, prior, 1] = math.nan
    conf[0, 3, 0] = 9.0  # so easy that it is not mined
    terms = multibox_loss(
        loc,
        conf,
        priors,
        pad_ground_truth([torch.tensor([[0.4, 0.4, 0.6, 0.6]])], [torch.tensor([1])]),
        rules.match,
        rules.codec,
        replace(rules.mining, ratio=2),
        replace(rules.loss, masking=Masking.LOCALIZATION_OF_SELECTED),
    )
    assert bool(terms.localization.isnan()) == is_nan


def test_a_confidence_that_is_multiplied_spoils_an_image_without_positives() -> None:
    priors = torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]])
    rules = load_dialect("nvidia-dali")
    conf = torch.zeros(2, 2, 3)
    conf[1, 0, 0] = math.nan
    gt = pad_ground_truth(
        [torch.tensor([[0.4, 0.4, 0.6, 0.6]]), torch.zeros(0, 4)],
        [torch.tensor([1]), torch.zeros(0, dtype=torch.int64)],
    )
    for masking, is_nan in ((Masking.MULTIPLIED, True), (Masking.INDEXED, False)):
        spec = replace(rules.loss, masking=masking)
        terms = multibox_loss(torch.zeros(2, 2, 4), conf, priors, gt, rules.match, rules.codec, rules.mining, spec)
        assert bool(terms.total.isnan()) == is_nan


@pytest.mark.parametrize(("masking", "is_nan"), [(Masking.MULTIPLIED, True), (Masking.INDEXED, False)])
def test_only_what_is_multiplied_sends_nan_back_to_logits_that_do_not_count(masking: Masking, is_nan: bool) -> None:
    """Prior 1 overlaps the object by 0.39: too much for a negative, and too little for a positive."""
    priors = torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.125, 0.125], [0.1, 0.1, 0.1, 0.1], [0.9, 0.1, 0.1, 0.1]])
    rules = load_dialect("ssd.pytorch")
    conf = torch.zeros((1, 4, 3))
    conf[0, 1] = math.nan
    conf.requires_grad_()
    gt = pad_ground_truth([torch.tensor([[0.4, 0.4, 0.6, 0.6]])], [torch.tensor([1])])
    match, loss = replace(rules.match, ignore_from=0.3), replace(rules.loss, masking=masking)
    terms = multibox_loss(torch.zeros(1, 4, 4), conf, priors, gt, match, rules.codec, rules.mining, loss)
    assert terms.matching.ignored.tolist() == [[False, True, False, False]]
    assert bool(terms.total.isnan()) is is_nan
    terms.confidence.backward()  # type: ignore[no-untyped-call]
    assert conf.grad is not None
    assert conf.grad.isnan().all(-1).tolist() == [[False, is_nan, False, False]]
    # One positive and, of three that are wanted, the two negatives that there are, each unsure of three classes.
    unsure = torch.tensor([1.0, 1.0, 1.0]) / 3
    expected = torch.stack([unsure - torch.eye(3)[label] for label in (1, 0, 0)])
    torch.testing.assert_close(conf.grad[0, [0, 2, 3]], expected)
