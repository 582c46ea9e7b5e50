"""Each prior's share of the loss, and what other ratios would mine, against the loss at those ratios."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssdlossdbg import api
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import LossResult
from ssdlossdbg.rules import Dialect, MiningSelection, MiningSpec
from tests.kinds_of_dialects import each_value_of

PRIORS, CLASSES = 240, 4
LAYOUT = SavedLayout(label_offset=0, image_size=(300, 300))
MINING = each_value_of(
    "mining",
    among=[name for name in dialect_names(of_one_step=True) if not load_dialect(name).mining.takes_all],
)


def loss(dialect: Dialect | str, neg_pos: float | None = None, detail: bool = False) -> LossResult:
    """Of three images, one of them without objects."""
    draw = torch.Generator().manual_seed(3)
    grid = torch.rand((PRIORS, 2), generator=draw)
    priors = torch.cat((grid, 0.1 + 0.3 * torch.rand((PRIORS, 2), generator=draw)), 1)
    loc = 0.3 * torch.randn((3, PRIORS, 4), generator=draw)
    conf = torch.randn((3, PRIORS, CLASSES), generator=draw)
    boxes = torch.cat((priors[:6, :2] - priors[:6, 2:] / 2, priors[:6, :2] + priors[:6, 2:] / 2), 1).clamp(0.01, 0.99)
    labels = torch.tensor([[1.0], [2.0], [3.0], [1.0], [2.0], [3.0]])
    rows = torch.cat((boxes, labels), 1)
    targets = [rows[:4], rows[4:], rows[:0]]
    saved = {"loc": loc, "conf": conf, "priors": priors}
    return api.loss(saved, targets, dialect=dialect, neg_pos=neg_pos, device="cpu", layout=LAYOUT, detail=detail)


@pytest.mark.parametrize("name", MINING)
def test_at_each_ratio_it_is_what_that_ratio_gives(name: str) -> None:
    detail = loss(name, detail=True).detail
    assert detail is not None
    assert detail.ratio in [each.ratio for each in detail.ratios]
    for ratio in (0.0, 1.0, 7.5):
        place = [each.ratio for each in detail.ratios].index(ratio)
        at = detail.ratios[place]
        expected = loss(name, neg_pos=ratio)
        assert at.loss.total == pytest.approx(expected.loss.total, nan_ok=True)
        assert at.negatives == tuple(image.negatives for image in expected.images)
        negatives = detail.negatives
        chosen = (negatives.mined_at >> place) & 1 > 0
        mined = {(item.image, item.prior) for item in expected.negatives}
        assert set(zip(negatives.image[chosen].tolist(), negatives.prior[chosen].tolist(), strict=True)) == mined


@pytest.mark.parametrize("name", ["ssd.pytorch", "torchvision", "tf-object-detection", "ssd-keras", "balancap"])
def test_shares_are_those_of_the_report(name: str) -> None:
    result = loss(name, detail=True)
    detail = result.detail
    assert detail is not None
    positives, negatives = detail.positives, detail.negatives
    assert positives.localization.sum() == pytest.approx(result.loss.localization)
    listed = {(item.image, item.prior): item for item in result.negatives}
    mined = np.flatnonzero(negatives.mined)
    assert len(mined) == len(listed)
    for row in mined.tolist():
        item = listed[int(negatives.image[row]), int(negatives.prior[row])]
        assert (item.loss, item.rank) == (negatives.loss[row], negatives.rank[row])
        assert item.probability == negatives.probability[row]
        assert item.predicted_class == negatives.class_id[row]
    for each in result.ground_truth:
        own = (positives.image == each.image) & (positives.ground_truth == each.index)
        assert (own.sum(), positives.forced[own].sum()) == (each.positives, each.forced)
        assert positives.confidence[own].sum() == pytest.approx(each.confidence)


def test_what_lies_past_the_cut_off_comes_next_and_says_what_it_would_cost() -> None:
    detail = loss("ssd.pytorch", detail=True).detail
    more = loss("ssd.pytorch", neg_pos=10.0)
    assert detail is not None
    negatives = detail.negatives
    for image in range(2):
        own = negatives.image == image
        assert (np.diff(negatives.rank[own]) > 0).all()
        assert (np.diff(negatives.mined[own].astype(int)) <= 0).all()
        assert not negatives.mined[own].all()
    would = {(item.image, item.prior): item.loss for item in more.negatives}
    scale = loss("ssd.pytorch").normalizer / more.normalizer
    rows = np.flatnonzero(~negatives.mined & (negatives.mined_at > 0))
    assert len(rows)
    for row in rows.tolist():
        cost = would[int(negatives.image[row]), int(negatives.prior[row])]
        assert negatives.loss[row] * scale == pytest.approx(cost, rel=1e-5)


def test_where_every_negative_counts_there_is_no_ratio() -> None:
    rules = load_dialect("ssd.pytorch")
    all_count = replace(rules, mining=MiningSpec(selection=MiningSelection.NONE))
    result = loss(all_count, detail=True)
    assert result.detail is not None
    assert (result.detail.ratio, result.detail.ratios) == (None, ())
    assert result.detail.negatives.mined.all()
    assert result.detail.negatives_left_out == 0


def test_nobody_pays_for_it_who_does_not_ask() -> None:
    assert loss("ssd.pytorch").detail is None
