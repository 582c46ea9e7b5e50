"""A dialect that mines nothing: every negative counts, and is ranked by what it costs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ssdlossdbg import api
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.documents import render_json
from ssdlossdbg.report.loss_picture import loss_picture
from ssdlossdbg.report.loss_text import loss_report
from ssdlossdbg.report.match_text import match_report
from ssdlossdbg.results import LossResult

SAMPLES = Path(__file__).parents[2] / "sample_data"
BATCH = SAMPLES / "preds.pt", SAMPLES / "targets.pt"
ALL = 'base = "ssd.pytorch"\n[mining]\nselection = "none"\n'


@pytest.fixture
def rules(tmp_path: Path) -> str:
    """A file of ssd.pytorch's rules without mining."""
    (tmp_path / "all.toml").write_text(ALL)
    return str(tmp_path / "all.toml")


@pytest.fixture
def found(rules: str) -> LossResult:
    """The sample under it."""
    return api.loss(*BATCH, dialect=rules, device="cpu")


def test_the_loss_is_the_cross_entropy_of_all_priors_over_the_positives(found: LossResult) -> None:
    conf = torch.load(BATCH[0])[1]
    background = torch.nn.functional.cross_entropy(
        conf.double().flatten(0, 1), torch.zeros(conf.shape[0] * conf.shape[1], dtype=torch.int64), reduction="none"
    ).view(conf.shape[:2])
    usual = api.loss(*BATCH, dialect="ssd.pytorch", device="cpu")
    assert found.loss.localization == usual.loss.localization
    assert found.loss.confidence_positive == usual.loss.confidence_positive
    assert sum(image.negatives + image.positives for image in found.images) == conf.shape[0] * conf.shape[1]
    # All priors as background, less the positives, which the batch without mining counts by their classes.
    costs = {(item.image, item.prior): item.loss for item in found.negatives}
    dearest = background.flatten().argsort(descending=True, stable=True)
    expected = [divmod(index, conf.shape[1]) for index in dearest.tolist()]
    assert [key for key in expected if key in costs] == list(costs)
    for (image, prior), cost in list(costs.items())[:50]:
        assert cost == pytest.approx(float(background[image, prior]) / found.normalizer, rel=1e-5)


def test_so_many_of_the_costliest_are_listed_and_every_split_is_of_all(found: LossResult) -> None:
    assert found.all_negatives
    assert len(found.negatives) == 1000
    assert all(first.loss >= second.loss for first, second in zip(found.negatives, found.negatives[1:], strict=False))
    for image in found.images:
        ranks = [item.rank for item in found.negatives if item.image == image.index]
        assert ranks == list(range(1, len(ranks) + 1))
        assert image.wanted == image.negatives
        assert image.last_mined is None
        assert image.first_not_mined is None
    for split in (found.images, found.levels, found.classes):
        negatives = math.fsum(item.parts.confidence_negative for item in split)
        assert negatives == pytest.approx(found.loss.confidence_negative, rel=1e-9)
    assert math.fsum(item.loss for item in found.negatives) < found.loss.confidence_negative


def test_the_report_says_that_all_count(found: LossResult, render: Callable[..., str]) -> None:
    text = render(loss_report(found), 200)
    every = sum(image.negatives for image in found.images)
    assert f"Costliest negatives (10 of {every:,}, which all count)" in text
    assert "positives and negatives, which all count" in text
    assert "confidence, all negatives" in text
    assert "mined negatives" not in text
    assert "cut-off" not in text
    assert json.loads(render_json(found))["all_negatives"] is True


def test_the_picture_draws_the_costliest_of_an_image(found: LossResult) -> None:
    scene = found.scenes[0]
    costs = [item.loss for item in found.negatives if item.image == 0]
    assert len(scene.mined) == 200
    assert sorted(scene.mined_loss.tolist(), reverse=True)[:100] == pytest.approx(costs[:100], rel=1e-5)
    assert loss_picture(found).size[0] > 100


def test_no_finding_about_mining_speaks(found: LossResult) -> None:
    assert not [item.code for item in found.findings if item.code in ("MIN001", "MIN002", "MIN003", "MIN005")]


def test_an_image_without_objects_is_trained_on(rules: str) -> None:
    conf, loc = torch.zeros(1, 8732, 21), torch.zeros(1, 8732, 4)
    empty = [torch.zeros(0, 5)]
    codes = [item.code for item in api.loss((loc, conf), empty, priors="ssd300", dialect=rules, device="cpu").findings]
    assert "MAT010" not in codes


def test_match_says_that_all_count(rules: str, render: Callable[..., str]) -> None:
    result = api.match(SAMPLES / "cat.jpg", SAMPLES / "cat.xml", dialect=rules)
    assert result.totals.negatives == 8732 - result.totals.positives
    assert f"{result.totals.negatives} negatives, which all count." in render(match_report(result))


def test_a_ratio_has_nothing_to_say(rules: str) -> None:
    with pytest.raises(InputError, match="--neg-pos: has no effect: all mines nothing, every negative counts"):
        api.loss(*BATCH, dialect=rules, neg_pos=2.0, device="cpu")


def test_compare_names_it_as_a_cause(rules: str) -> None:
    (outcome,) = api.compare(*BATCH, dialects=[rules], device="cpu").dialects
    assert [cause.rule for cause in outcome.causes] == ["mining selection"]
    assert sum(outcome.roles.negatives) == sum(outcome.causes[0].after.negatives) > 10_000
