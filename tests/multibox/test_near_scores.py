"""Negatives chosen by scores that are known only nearly, against those chosen by the scores themselves."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg.multibox.confidence import nearly_cost_of_background
from ssdlossdbg.multibox.matching import Matching, roles_of_labels
from ssdlossdbg.multibox.mining import Mining, mine
from ssdlossdbg.multibox.mining_scores import Logits
from ssdlossdbg.multibox.near_scores import NEAR, scores_of
from ssdlossdbg.rules import MiningCap, MiningPositives, MiningScope, MiningScore, MiningSelection, MiningSpec

SELECTIONS = (MiningSelection.RANKED, MiningSelection.WITH_TIES, MiningSelection.ABOVE_LAST)
NEARLY = sorted(NEAR)


def batch(seed: int, scale: float, classes: int) -> tuple[Tensor, Matching, Tensor]:
    """Logits of which a third tie, and a third are apart by less than rounding, roles, and the cross-entropy."""
    generator = torch.Generator().manual_seed(seed)
    conf = scale * torch.randn((4, 600, classes), generator=generator)
    conf[:, 100:300] = conf[:, :1] + 1e-6 * torch.randn((4, 200, classes), generator=generator)
    conf[:, 300:500] = conf[:, 1:2]
    labels = torch.where(torch.rand((4, 600), generator=generator) < 0.05, 1, 0)
    return conf, roles_of_labels(labels, torch.float32), cross_entropy(conf, labels)


def cross_entropy(conf: Tensor, labels: Tensor) -> Tensor:
    """`[B, P]`."""
    return F.cross_entropy(conf.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)


def cross_entropy_nearly(conf: Tensor, labels: Tensor) -> Tensor:
    """The same, as the loss core has it of few classes: another rounding of what a negative costs."""
    return torch.where(labels > 0, cross_entropy(conf, labels), nearly_cost_of_background(conf))


def mined(nearly: bool, conf: Tensor, matching: Matching, spec: MiningSpec) -> Mining:
    """What is mined if scores are known nearly, or of costs that are themselves known nearly."""
    costs = (cross_entropy_nearly if nearly else cross_entropy)(conf, matching.labels)
    return mine(Logits(conf, nearly), costs, matching, None, spec, math.inf)


def check_alike(first: Mining, second: Mining) -> None:
    """The same negatives, places and scores."""
    for name in ("mined", "places_of_positives", "wanted", "score"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("kind", NEARLY)
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("scope", MiningScope)
@pytest.mark.parametrize(("classes", "scale"), [(2, 1.0), (5, 1e-3), (21, 1.0), (21, 6.0)])
def test_the_same_negatives(
    kind: MiningScore, selection: MiningSelection, scope: MiningScope, classes: int, scale: float
) -> None:
    for positives in MiningPositives:
        for ratio in (0.0, 3.0, 9.5):
            conf, matching, costs = batch(int(10 * ratio), scale, classes)
            spec = MiningSpec(ratio=ratio, score=kind, selection=selection, scope=scope, positives=positives)
            every = mine(conf, costs, matching, None, spec)
            check_alike(mined(False, conf, matching, spec), every)
            check_alike(mined(True, conf, matching, spec), every)


@pytest.mark.parametrize("kind", NEARLY)
@pytest.mark.parametrize("classes", [5, 21])
def test_they_are_no_farther_off_than_the_slack_says(kind: MiningScore, classes: int) -> None:
    for scale in (0.1, 1.0, 5.0):
        conf, matching, _ = batch(1, scale, classes)
        spec = MiningSpec(score=kind)
        costs = cross_entropy_nearly(conf, matching.labels)
        found = scores_of(Logits(conf, nearly=True), costs, matching, spec, math.inf)
        assert 0 < found.slack < 1e-3
        assert float((found.near - found.exact()).abs().max()) <= found.slack
        image, prior = matching.negative.nonzero(as_tuple=True)
        assert torch.equal(found.exact_at(image, prior), found.exact()[image, prior])


@pytest.mark.parametrize("kind", NEARLY)
@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan, 200.0, -200.0])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_what_is_not_finite_or_far_from_the_rest(kind: MiningScore, odd: float, selection: MiningSelection) -> None:
    conf, matching, _ = batch(2, 1.0, 5)
    conf[0, 7, 0] = conf[1, 9, 3] = odd
    spec = MiningSpec(score=kind, selection=selection)
    every = mine(conf, cross_entropy(conf, matching.labels), matching, None, spec)
    check_alike(mined(False, conf, matching, spec), every)
    check_alike(mined(True, conf, matching, spec), every)


@pytest.mark.parametrize("kind", NEARLY)
def test_costs_that_a_floor_caps_say_nothing_of_the_likeliest_class(kind: MiningScore) -> None:
    conf, matching, costs = batch(3, 4.0, 21)
    capped = costs.clamp(max=9.0)
    assert bool((costs > 9).any())
    every, few = (mine(conf, capped, matching, None, MiningSpec(score=kind), below) for below in (0.0, 9.0))
    check_alike(few, every)


def test_negatives_whose_score_is_nearly_0_are_none_of_those_whose_score_is_not() -> None:
    """Beside a large logit of the batch a negative costs 0, where its own cross-entropy is a little more."""
    rows = torch.linspace(0, 1, 100)
    conf = torch.stack((rows, rows - 14), -1)[None]
    conf[0, -1] = torch.tensor([0.0, 30])
    labels = torch.zeros((1, 100), dtype=torch.long)
    labels[0, :40] = 1
    matching, costs = roles_of_labels(labels, torch.float32), cross_entropy(conf, labels)
    spec = MiningSpec(score=MiningScore.GLOBAL_MAX_CROSS_ENTROPY, cap=MiningCap.NONZERO_NEGATIVES)
    every, few = (mine(conf, costs, matching, None, spec, below) for below in (0.0, math.inf))
    assert bool((costs[0, 40:] > 0).all())
    assert 0 < int((every.score[0, 40:] != 0).sum()) < 60
    check_alike(few, every)


def test_no_more_scores_are_computed_than_the_cut_off_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 8,732 priors only those are computed exactly that the slack does not tell from the last one."""
    computed: list[int] = []
    softmax = Tensor.softmax

    def counting(self: Tensor, dim: int) -> Tensor:
        computed.append(self.shape[:-1].numel())
        return softmax(self, dim)

    monkeypatch.setattr(Tensor, "softmax", counting)
    conf = torch.randn((2, 8732, 5), generator=torch.Generator().manual_seed(0))
    labels = torch.zeros((2, 8732), dtype=torch.long)
    labels[:, ::100] = 1
    for selection in SELECTIONS:
        spec = MiningSpec(score=MiningScore.BACKGROUND_PROBABILITY, selection=selection)
        mine(conf, cross_entropy(conf, labels), roles_of_labels(labels, torch.float32), None, spec, math.inf)
    assert 0 < sum(computed) < 100
