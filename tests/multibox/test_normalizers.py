"""What the sums of the loss are divided by, each rule on three images by hand; and what mining ranks by."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from ssdlossdbg.multibox.confidence import with_background
from ssdlossdbg.multibox.matching import roles_of_labels
from ssdlossdbg.multibox.mining import mine
from ssdlossdbg.multibox.normalizers import NORMALIZERS, Counted
from ssdlossdbg.rules import (
    BackgroundTarget,
    ConfidenceLoss,
    LossSpec,
    MiningPositives,
    MiningScore,
    MiningSpec,
    Normalizer,
)

# Three positives in one image, one in the next, none in the last; of those whose confidence counts 4, 2 and 1, one of
# them twice.
LABELS = torch.tensor([[1, 2, 1, 0, 0], [0, 3, 0, -1, 0], [0, 0, 0, 0, -1]])
WEIGHTS = torch.tensor([[1.0, 1, 2, 1, 0], [0, 1, 1, 0, 0], [0, 0, 1, 0, 0]], dtype=torch.float64)
OFFSETS = torch.tensor([[0.5, 0, 0, 0], [0, 0, 0.25, 1], [2, 0, 0, 3]], dtype=torch.float64)
RATIO = 3.0
NOTHING = torch.zeros_like(LABELS)


def over(*numbers: int | Fraction) -> list[float]:
    return [float(1 / Fraction(number)) for number in numbers]


def scales(rule: Normalizer, labels: Any = LABELS, weights: Any = WEIGHTS, offsets: Any = OFFSETS) -> Any:
    return NORMALIZERS[rule](Counted(roles_of_labels(labels, torch.float64), weights > 0, weights > 1, offsets, RATIO))


@pytest.mark.parametrize(
    ("rule", "normalizer", "localization", "confidence"),
    [
        (Normalizer.POSITIVES, 4, over(4, 4, 4), over(4, 4, 4)),
        (Normalizer.POSITIVES_OR_ONE, 4, over(4, 4, 4), over(4, 4, 4)),
        (Normalizer.IMAGE_POSITIVES_OR_ONE, 5, over(5, 5, 5), over(5, 5, 5)),
        (Normalizer.IMAGES, 3, over(3, 3, 3), over(3, 3, 3)),
        (Normalizer.PRIORS, 15, over(15, 15, 15), over(15, 15, 15)),
        (Normalizer.MEAN_OF_IMAGES, 4, [*over(9, 3), 0], [*over(9, 3), 0]),
        (Normalizer.MEAN_OF_SELECTED, 4, over(4, 4, 4), over(*[Fraction(7, 4)] * 3)),
        (Normalizer.SELECTED_AND_NONZERO, 7, over(5, 5, 5), over(7, 7, 7)),
        (Normalizer.MEAN_OF_SELECTED_IMAGES, 4, over(9, 3, 3), over(15, 6, 3)),
    ],
)
def test_each_rule(rule: Normalizer, normalizer: int, localization: list[float], confidence: list[float]) -> None:
    found = scales(rule)
    assert int(found.normalizer) == normalizer
    torch.testing.assert_close(found.localization, torch.tensor(localization, dtype=torch.float64))
    torch.testing.assert_close(found.confidence, torch.tensor(confidence, dtype=torch.float64))


@pytest.mark.parametrize(
    ("rule", "normalizer", "localization", "confidence"),
    [
        (Normalizer.POSITIVES_OR_ONE, 1, 1, 1),
        (Normalizer.IMAGE_POSITIVES_OR_ONE, 3, 1 / 3, 1 / 3),
        (Normalizer.MEAN_OF_IMAGES, 0, 0, 0),
        (Normalizer.SELECTED_AND_NONZERO, 1, 1, 1),
        (Normalizer.MEAN_OF_SELECTED_IMAGES, 0, 1 / 3, 1 / 3),
    ],
)
def test_a_batch_without_any(rule: Normalizer, normalizer: int, localization: float, confidence: float) -> None:
    found = scales(rule, NOTHING, WEIGHTS * 0, OFFSETS * 0)
    assert int(found.normalizer) == normalizer
    for factor, wanted in ((found.localization, localization), (found.confidence, confidence)):
        torch.testing.assert_close(factor, torch.full((3,), wanted, dtype=torch.float64))


def test_every_rule_has_one() -> None:
    assert set(NORMALIZERS) == set(Normalizer)


def test_background_that_is_not_said_is_what_no_class_is() -> None:
    spec = LossSpec(confidence=ConfidenceLoss.SIGMOID_FOCAL, background_target=BackgroundTarget.ZEROS)
    conf = torch.tensor([[[9.0, 1, 2], [9, -3, -4]], [[9, 0, 5], [9, 7, 6]]])
    wanted = [[[-2, 1, 2], [3, -3, -4]], [[-5, 0, 5], [-7, 7, 6]]]
    assert with_background(conf, spec).tolist() == wanted
    assert with_background(conf[0], spec).tolist() == wanted[0]
    assert with_background(conf, LossSpec()) is conf


# softmax of the two negatives: (0.5, 0.25, 0.25) and (0.25, 0.5, 0.25), but for the positive and the ignored prior.
LOGITS = torch.tensor([[[9, 1, 1], [2, 1, 1], [1, 2, 1], [5, 1, 1]]], dtype=torch.float64).log()
COSTS = torch.tensor([[7.0, 3.0, 5.0, 6.0]], dtype=torch.float64)
ROLES = roles_of_labels(torch.tensor([[1, 0, 0, -1]]), torch.float64)


@pytest.mark.parametrize(
    ("score", "values"),
    [
        (MiningScore.CONFIDENCE_LOSS, (3.0, 5.0)),
        (MiningScore.GLOBAL_MAX_CROSS_ENTROPY, (0.6931471805599453, 1.3862943611198906)),
        (MiningScore.BACKGROUND_PROBABILITY, (-0.5, -0.25)),
        (MiningScore.FOREGROUND_PROBABILITY, (0.5, 0.75)),
        (MiningScore.HIGHEST_PROBABILITY, (0.25, 0.5)),
    ],
)
@pytest.mark.parametrize(("positives", "others"), [(MiningPositives.AS_ZERO, 0.0), (MiningPositives.LAST, -torch.inf)])
def test_what_is_ranked(score: MiningScore, values: Any, positives: MiningPositives, others: float) -> None:
    spec = MiningSpec(score=score, positives=positives)
    for softmax in (False, True):
        costs = LOGITS.logsumexp(-1) - LOGITS[..., 0] if softmax else COSTS
        if softmax and score is not MiningScore.GLOBAL_MAX_CROSS_ENTROPY:
            continue
        found = mine(LOGITS, costs, ROLES, None, spec, torch.inf if softmax else 0.0)
        wanted = torch.tensor([[others, *values, others]], dtype=torch.float64)
        torch.testing.assert_close(found.score, wanted)
        assert found.rank[0].tolist() == sorted(range(4), key=(-wanted[0]).argsort(stable=True).tolist().index)
