"""Findings under a focal loss in which no column says background: a sound network is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import LossResult
from ssdlossdbg.rules import LevelSpec, PriorSpec

# A 10 x 10 grid of priors of 60 x 60 pixels in a 300-pixel input.
GRID = generate_priors(PriorSpec((300, 300), (LevelSpec((10, 10), (30.0, 30.0), ((60.0, 60.0),)),)))
IMAGES, PRIORS, CLASSES = 3, 100, 4
RULES = """
base = "ssd.pytorch"
[mining]
selection = "none"
[loss]
confidence = "sigmoid-focal"
background_target = "zeros"
normalizer = "positives-or-one"
"""
Analyse = Callable[..., LossResult]
# What the head of a network starts from: a probability of 0.01 for each class.
BIAS = -4.6


@pytest.fixture
def analyse(tmp_path: Path) -> Analyse:
    """The loss of such logits, where 9 priors of each image are objects of class 1, 2 and 3 in turn."""
    (tmp_path / "focal.toml").write_text(RULES)

    def run(conf: Tensor, loc: Tensor | None = None) -> LossResult:
        boxes = GRID.boxes[torch.tensor(OBJECTS)]
        corners = torch.cat((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), dim=1)
        labels = torch.arange(len(OBJECTS)) % 3
        objects = [torch.cat((corners, labels[:, None].float()), dim=1)] * IMAGES
        offsets = 0.01 * noise(4, seed=9) if loc is None else loc
        layout = SavedLayout(image_size=300, label_offset=1)
        rules = str(tmp_path / "focal.toml")
        return api.loss((offsets, conf, GRID.boxes), objects, dialect=rules, device="cpu", layout=layout)

    return run


OBJECTS = [11, 14, 17, 41, 44, 47, 71, 74, 77]


def noise(columns: int, seed: int = 0) -> Tensor:
    """`[B, P, C]` of a few tenths."""
    return 0.3 * torch.randn((IMAGES, PRIORS, columns), generator=torch.Generator().manual_seed(seed))


def starting() -> Tensor:
    """A head that has learnt nothing yet."""
    return BIAS + noise(CLASSES)


def learnt() -> Tensor:
    """A network that knows its objects; its first column says 0 everywhere, as it was trained to."""
    conf = BIAS - 3 + noise(CLASSES)
    conf[..., 0] -= 8
    for place, prior in enumerate(OBJECTS):
        conf[:, prior, 1 + place % 3] += 12
    return conf


def codes(result: LossResult) -> set[str]:
    """What is said of predictions, mining and numbers."""
    return {found.code for found in result.findings if found.code[:3] in ("PRE", "MIN", "NUM")}


def test_a_sound_network_is_left_alone(analyse: Analyse) -> None:
    result = analyse(learnt())
    assert codes(result) == set()
    assert result.loss.total < 0.2


def test_what_is_no_class_is_taken_for_background(analyse: Analyse) -> None:
    result = analyse(learnt())
    assert {item.predicted_label for item in result.negatives} == {"background"}
    assert min(item.probability for item in result.negatives) > 0.99


def test_a_head_that_starts_is_no_collapse(analyse: Analyse) -> None:
    assert codes(analyse(starting())) == set()


def test_a_head_that_starts_and_moves_no_box_has_not_learnt(analyse: Analyse) -> None:
    assert codes(analyse(starting(), torch.zeros(IMAGES, PRIORS, 4))) == set()


def test_one_that_knows_objects_and_moves_no_box_has_a_frozen_head(analyse: Analyse) -> None:
    assert "PRE014" in codes(analyse(learnt(), torch.zeros(IMAGES, PRIORS, 4)))


def test_a_collapse_is_told_by_probabilities_far_below_the_bias(analyse: Analyse) -> None:
    result = analyse(starting() - 4)
    (finding,) = (found for found in result.findings if found.code == "PRE003")
    assert "the network has collapsed to background" in finding.cases[0].message
    assert "the focal loss's alpha and gamma" in finding.cases[0].fix


def test_priors_that_are_sure_and_wrong_cost_their_weight_at_least(analyse: Analyse) -> None:
    conf = BIAS + noise(CLASSES)
    conf[..., 3] += 25
    result = analyse(conf)
    (finding,) = (found for found in result.findings if found.code == "PRE002")
    # The smaller of alpha and 1 - alpha, 0.25, times -log 1e-6.
    assert "so each of them costs 3.45 or more" in finding.cases[0].message


def test_a_sure_negative_off_every_object_may_be_one_that_nobody_labelled(analyse: Analyse) -> None:
    conf = learnt()
    conf[1, 29, 2] += 12
    (finding,) = (found for found in analyse(conf).findings if found.code == "MIN004")
    assert finding.cases[0].message.startswith("a negative away from every object is taken for class 2")
    assert finding.cases[0].where.prior == 29


def test_one_infinite_logit_spoils_no_mining(analyse: Analyse) -> None:
    conf = learnt()
    conf[0, 0, 1] = float("inf")
    messages = [case.message for found in analyse(conf).findings for case in found.cases]
    assert not [text for text in messages if "before it ranks the negatives" in text]
