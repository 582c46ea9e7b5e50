"""Whose loss a criterion is, of criteria in plain loops, called as the codebases call theirs."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import ssdlossdbg
from ssdlossdbg.analysis.identity.changes import Change, changed, conforming
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect
from tests.live.conftest import matched, terms
from tests.probing.reference import Reference


@pytest.fixture(autouse=True)
def _not_told_apart(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask what no case tells apart only where that is looked at: it takes three times as long as all the rest."""
    if "told_apart" not in request.fixturenames:
        monkeypatch.setattr("ssdlossdbg.probing.identify.inseparable", lambda *_: ())


@pytest.fixture
def told_apart() -> None:
    """Of a test that looks at it."""


def variant(name: str, *settings: tuple[str, Any]) -> Dialect:
    """A dialect with other rules."""
    return changed(load_dialect(name), Change(tuple((key, conforming(key, value)) for key, value in settings)))


def changes(result: ssdlossdbg.IdentifyResult) -> list[tuple[str, dict[str, Any]]]:
    """What is listed."""
    return [(each.name, {change.rule: change.value for change in each.changes}) for each in result.dialects]


@pytest.mark.parametrize(
    ("name", "key", "value", "parts"),
    [
        ("ssd.pytorch", "match.threshold", 0.35, True),
        ("caffe", "mining.scope", "batch", False),
        ("torchvision", "loss.localization_weight", 1.37, True),
    ],
)
def test_one_rule_that_is_another(name: str, key: str, value: Any, parts: bool) -> None:
    criterion = Reference(variant(name, (key, value)), parts)
    result = ssdlossdbg.identify(criterion, dialects=[name, "ssd.pytorch"], most_changes=1)
    assert changes(result) == [(name, {key: value})]
    section, setting = key.split(".")
    assert load_dialect_text(result.dialects[0].toml, section, setting) == value
    assert name in result.answer
    assert result.probed.cases == result.probed.returned > 20


def load_dialect_text(text: str, section: str, setting: str) -> Any:
    import tomllib

    return tomllib.loads(text)[section][setting]


def test_an_object_labelled_background_and_equal_probabilities() -> None:
    """Two rules that the real codebases' own corner cases do not tell apart."""
    counted = Reference(variant("ssd.pytorch", ("match.background_objects", "counted")))
    assert changes(ssdlossdbg.identify(counted, dialects=["ssd.pytorch"], most_changes=1)) == [
        ("ssd.pytorch", {"match.background_objects": "counted"})
    ]
    by_cost = Reference(variant("ssd.tensorflow", ("mining.score", "confidence-loss")))
    assert changes(ssdlossdbg.identify(by_cost, dialects=["ssd.tensorflow"], most_changes=1)) == [
        ("ssd.tensorflow", {"mining.score": "confidence-loss"})
    ]


def test_two_rules() -> None:
    hidden = variant("ssd.pytorch", ("match.threshold", 0.4), ("mining.ratio", 2.0))
    assert changes(ssdlossdbg.identify(Reference(hidden), dialects=["ssd.pytorch"])) == [
        ("ssd.pytorch", {"match.threshold": 0.4, "mining.ratio": 2.0})
    ]


@pytest.mark.usefixtures("told_apart")
def test_what_no_case_tells_apart_is_said() -> None:
    result = ssdlossdbg.identify(Reference(load_dialect("pytorch-ssd")), dialects=["pytorch-ssd", "lufficc"])
    assert (result.dialects[0].name, *result.dialects[0].same_as) == ("pytorch-ssd", "lufficc")
    apart = {each.rule: each for each in result.inseparable}
    assert set(apart["mining.cap"].values) >= {"none", "negatives"}
    assert "smooth-l1-where" in apart["loss.localization"].values
    assert apart["loss.localization"].needs


class Strange(nn.Module):
    """A loss that no dialect has: a plain L1, and negatives at random."""

    def forward(self, predictions: Any, targets: Any) -> Tensor:
        """The total."""
        loc, conf, priors = predictions
        total: Tensor = (loc.abs() ** 1.5).mean() + conf.square().mean() * len(targets) + priors.sum()
        return total


def test_nothing_explains_it() -> None:
    result = ssdlossdbg.identify(Strange(), dialects=["ssd.pytorch"], most_changes=0)
    assert not result.dialects
    assert result.nearest is not None
    assert result.nearest.cases
    assert result.nearest.yours.total != result.nearest.theirs.total
    assert "none of the dialects" in result.answer


class Encoded(nn.Module):
    """Called as pytorch-ssd's and lufficc's; as many negatives as it is told."""

    def __init__(self, ratio: int = 3) -> None:
        super().__init__()
        self.ratio = ratio

    def forward(self, confidence: Tensor, predicted_locations: Tensor, labels: Tensor, gt_locations: Tensor) -> Any:
        """(regression, classification)."""
        positive = labels > 0
        with torch.no_grad():
            cost = -F.log_softmax(confidence, 2)[..., 0]
            cost[positive] = -math.inf
            ranks = cost.sort(1, descending=True).indices.sort(1).indices
            mask = positive | (ranks < self.ratio * positive.sum(1, keepdim=True))
        classification = F.cross_entropy(confidence[mask], labels[mask], reduction="sum")
        regression = F.smooth_l1_loss(predicted_locations[positive], gt_locations[positive], reduction="sum")
        number = positive.sum()
        return regression / number, classification / number


def test_encoded_targets_say_nothing_of_matching() -> None:
    result = ssdlossdbg.identify(Encoded(), dialects=["caffe", "pytorch-ssd"], most_changes=0)
    assert "pytorch-ssd" in (result.dialects[0].name, *result.dialects[0].same_as)
    assert any("matching" in each for each in result.probed.left_out)
    other = ssdlossdbg.identify(Encoded(2), dialects=["pytorch-ssd"], most_changes=1)
    assert {"mining.ratio": 2.0} in [each for _, each in changes(other)]


class Bound(nn.Module):
    """Called as sgrvinod's, with priors of its own, held twice."""

    def __init__(self, priors: Tensor) -> None:
        super().__init__()
        self.priors_cxcy = priors
        self.priors_xy = torch.cat((priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2), 1)
        self.inner = Reference(variant("torchvision", ("targets.label_offset", 0)), parts=False)

    def forward(self, predicted_locs: Tensor, predicted_scores: Tensor, boxes: Any, labels: Any) -> Any:
        """The total."""
        assert len(self.priors_xy) == len(self.priors_cxcy) == predicted_locs.shape[1]
        rows = [torch.cat((box, label[:, None].float()), 1) for box, label in zip(boxes, labels, strict=True)]
        return self.inner((predicted_locs, predicted_scores, self.priors_cxcy), rows)


def test_a_criterion_with_priors_of_its_own_is_left_as_it_was() -> None:
    priors = torch.rand(30, 4)
    criterion = Bound(priors)
    result = ssdlossdbg.identify(criterion, dialects=["nvidia", "torchvision"], most_changes=0)
    assert [each.name for each in result.dialects] == ["torchvision"]
    assert criterion.priors_cxcy is priors


class NvidiaLike(nn.Module):
    """Called as NVIDIA's, with its masks and its mean."""

    def __init__(self) -> None:
        super().__init__()
        self.dboxes = nn.Parameter(torch.rand(1, 4, 40), requires_grad=False)

    def _loc_vec(self, boxes: Tensor) -> Tensor:
        shift = 10 * (boxes[:, :2] - self.dboxes[:, :2]) / self.dboxes[:, 2:]
        return torch.cat((shift, 5 * (boxes[:, 2:] / self.dboxes[:, 2:]).log()), 1)

    def forward(self, ploc: Tensor, plabel: Tensor, gloc: Tensor, glabel: Tensor) -> Tensor:
        """The total."""
        mask = glabel > 0
        number = mask.sum(1)
        localization = F.smooth_l1_loss(ploc, self._loc_vec(gloc), reduction="none").sum(1)
        costs = F.cross_entropy(plabel, glabel, reduction="none")
        negatives = costs.clone()
        negatives[mask] = 0
        ranks = negatives.sort(1, descending=True).indices.sort(1).indices
        mined = ranks < (3 * number).clamp(max=mask.shape[1])[:, None]
        total = (mask * localization).sum(1) + (costs * (mask.float() + mined.float())).sum(1)
        return (total * (number > 0) / number.float().clamp(min=1e-6)).mean()


def test_a_box_for_every_prior() -> None:
    """The forks whose positives count twice, which NVIDIA's own do not; and variances are the criterion's."""
    result = ssdlossdbg.identify(NvidiaLike(), dialects=["nvidia"], most_changes=1)
    assert ("nvidia", {"loss.positives_counted_twice": True}) in changes(result)
    assert result.probed.called.startswith("NVIDIA")


def test_functions_adapters_and_our_own() -> None:
    def criterion(confidences: Any, locations: Any, anchors: Any, truth: Any) -> Any:
        pairs = [matched(rows[:, :4], rows[:, 4].long() + 1, anchors) for rows in truth]
        labels, offsets = (torch.stack(part) for part in zip(*pairs, strict=True))
        return terms(locations, confidences, labels, offsets)

    def adapter(loc: Any, conf: Any, priors: Any, targets: Any) -> Any:
        return conf, loc, priors, targets

    found = ssdlossdbg.identify(criterion, adapter=adapter, dialects=["pytorch-ssd"], most_changes=0)
    assert found.probed.called == "the adapter's arguments"
    assert found.probed.returned > 20

    def by_name(loc: Any, conf: Any, priors: Any, targets: Any) -> Any:
        return Reference(load_dialect("caffe"))((loc, conf, priors), [row + _one(row) for row in targets])

    assert changes(ssdlossdbg.identify(by_name, dialects=["caffe"], most_changes=1)) == [
        ("caffe", {"targets.label_offset": 1})
    ]
    own = ssdlossdbg.identify(ssdlossdbg.MultiBoxLoss("ssd-keras"), dialects=["ssd-keras"], most_changes=0)
    assert [each.name for each in own.dialects] == ["ssd-keras"]


def _one(rows: Tensor) -> Tensor:
    return torch.tensor([0.0, 0, 0, 0, 1]).expand_as(rows)


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(InputError, match="adapter"):
        ssdlossdbg.identify(lambda this, that: this + that)
    with pytest.raises(InputError, match="no loss"):
        ssdlossdbg.identify(lambda predictions, targets: "nothing" and (predictions, targets))
    with pytest.raises(InputError, match="cannot be called"):
        ssdlossdbg.identify(3)


class Tracked(nn.Module):
    """Counts its calls, draws numbers, and writes into what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.seen: list[Tensor] = []
        self.total: Tensor
        self.register_buffer("total", torch.zeros(1))
        self.inner = Reference(load_dialect("ssd.pytorch"))

    def forward(self, predictions: Any, targets: Any) -> Any:
        """Both losses."""
        self.calls += 1
        self.seen.append(torch.rand(1) + random.random() + np.random.rand())  # noqa: NPY002  as trainings draw
        self.total += 1
        assert not torch.is_grad_enabled()
        result = self.inner(predictions, targets)
        predictions[0].zero_()
        return result


def others_drawn() -> Any:
    """Where Python's and NumPy's random numbers stand."""
    return random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tolist()  # noqa: NPY002


def test_nothing_of_a_training_changes() -> None:
    criterion = Tracked()
    torch.manual_seed(1)
    before, drawn = torch.get_rng_state(), others_drawn()
    called = []
    criterion.register_forward_hook(lambda *_: called.append(1))
    assert ssdlossdbg.identify(criterion, dialects=["ssd.pytorch"], most_changes=0).dialects[0].name == "ssd.pytorch"
    assert torch.equal(torch.get_rng_state(), before)
    assert others_drawn() == drawn
    assert (criterion.calls, criterion.seen, float(criterion.total), called) == (0, [], 0.0, [])


def test_assert_same_loss() -> None:
    ssdlossdbg.assert_same_loss(Reference(load_dialect("ssd.pytorch")), "ssd.pytorch")
    with pytest.raises(AssertionError) as raised:
        ssdlossdbg.assert_same_loss(Reference(variant("ssd.pytorch", ("mining.ratio", 2.0))), "ssd.pytorch")
    text = str(raised.value)
    assert "an ordinary batch" in text
    assert "ssd.pytorch with mining.ratio 2" in text
    assert text.count("loc ") == 2
