"""Negatives chosen by scores that are known only nearly, against those chosen by the scores themselves."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg.multibox.matching import Matching, roles_of_labels
from ssdlossdbg.multibox.mining import Mining, mine
from ssdlossdbg.multibox.mining_scores import Logits
from ssdlossdbg.multibox.near_costs import NEARLY, Slack, near_costs
from ssdlossdbg.multibox.near_scores import AS_COSTS, NEAR, scores_of
from ssdlossdbg.rules import MiningCap, MiningPositives, MiningScope, MiningScore, MiningSelection, MiningSpec

SELECTIONS = (MiningSelection.RANKED, MiningSelection.WITH_TIES, MiningSelection.ABOVE_LAST)
KINDS = sorted(NEAR)


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


def mined(nearly: bool, conf: Tensor, matching: Matching, spec: MiningSpec) -> Mining:
    """What is mined if scores are known nearly, or of costs that are themselves known nearly, where they can be."""
    costs = cross_entropy(conf, matching.labels)
    near = near_costs(conf) if nearly else None
    if near is None:
        return mine(conf, costs, matching, None, spec, math.inf)
    return mine(Logits(conf, lambda: costs, (near.lowest, near.highest)), near.costs, matching, None, spec, math.inf)


def check_alike(first: Mining, second: Mining) -> None:
    """The same negatives, places and scores."""
    for name in ("mined", "places_of_positives", "wanted", "score"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [5, 21])
@pytest.mark.parametrize("nearly", [False, True])
def test_what_is_surely_above_or_below_is_so(kind: MiningScore, classes: int, nearly: bool) -> None:
    for scale in (0.1, 1.0, 5.0):
        conf, matching, costs = batch(1, scale, classes)
        near = near_costs(conf)
        assert near is not None
        logits = Logits(conf, partial(cross_entropy, conf, matching.labels) if nearly else None)
        known = near.costs if nearly else costs
        for positives in MiningPositives:
            found = scores_of(logits, known, matching, MiningSpec(score=kind, positives=positives), math.inf)
            assert found.slack.share == (NEARLY if nearly and kind in AS_COSTS else 0)
            exact, nearly_so = found.exact()[0], found.near[0]
            pairs = nearly_so[:, None], nearly_so[None]
            above = pairs[0] > found.slack.surely_above(pairs[1])
            below = pairs[0] < found.slack.surely_below(pairs[1])
            assert bool((exact[:, None] > exact[None])[above].all())
            assert bool((exact[:, None] < exact[None])[below].all())
            image, prior = matching.negative.nonzero(as_tuple=True)
            assert torch.equal(found.exact_at(image, prior), found.exact()[image, prior])


def test_how_far_off_two_scores_are_that_have_a_slack() -> None:
    slack = Slack(share=1 / 32, rest=0.001)
    near = torch.tensor([-math.inf, 0.0, 0.5, 2.0, math.inf])
    # The higher may be too high and the lower too low: 33/32 of 0.5 and 2/1000 are 31/32 of the least that is above.
    above, below = [(0.5 * 33 / 32 + 0.002) / (31 / 32), 2.0645], [(0.5 * 31 / 32 - 0.002) / (33 / 32), 1.9355]
    assert slack.surely_above(near).tolist() == pytest.approx([-math.inf, 0.002 / (31 / 32), *above, math.inf])
    assert slack.surely_below(near).tolist() == pytest.approx([-math.inf, -0.002, *below, math.inf])
    assert torch.equal(Slack().surely_above(near), near)
    assert torch.equal(Slack().surely_below(near), near)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan, 200.0, -200.0])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_what_is_not_finite_or_far_from_the_rest(kind: MiningScore, odd: float, selection: MiningSelection) -> None:
    conf, matching, _ = batch(2, 1.0, 5)
    conf[0, 7, 0] = conf[1, 9, 3] = odd
    spec = MiningSpec(score=kind, selection=selection)
    every = mine(conf, cross_entropy(conf, matching.labels), matching, None, spec)
    check_alike(mined(False, conf, matching, spec), every)
    check_alike(mined(True, conf, matching, spec), every)


@pytest.mark.parametrize("kind", KINDS)
def test_costs_that_a_floor_caps_say_nothing_of_the_likeliest_class(kind: MiningScore) -> None:
    conf, matching, costs = batch(3, 4.0, 21)
    capped = costs.clamp(max=9.0)
    assert bool((costs > 9).any())
    every, few = (mine(conf, capped, matching, None, MiningSpec(score=kind), below) for below in (0.0, 9.0))
    check_alike(few, every)


def test_near_costs_say_nothing_of_an_order_that_a_floor_makes_a_tie_of() -> None:
    """Both cost 9.01, the second a little more, and nearly 8.98; capped at 9 the first comes first."""
    odds = 13 * math.log(2)
    conf = torch.tensor([[[0.0, odds], [0.0, odds + 1e-4], [0.0, 5.0], *[[0.0, -3.0]] * 20]])
    labels = torch.tensor([[0, 0, 1, *[0] * 20]])
    matching, capped = roles_of_labels(labels, torch.float32), cross_entropy(conf, labels).clamp(max=9.0)
    near = near_costs(conf)
    assert near is not None
    assert float(near.costs[0, 1]) < 9
    spec = MiningSpec(ratio=1.0, score=MiningScore.CONFIDENCE_LOSS, positives=MiningPositives.LAST)
    found = mine(Logits(conf, lambda: capped), near.costs, matching, None, spec, 9.0)
    assert found.mined.nonzero().tolist() == [[0, 0]]


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
