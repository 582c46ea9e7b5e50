"""Where an inf or a nan first shows: one broken value at a time, on a grid of four cells."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.analysis.evidence.nonfinite import find_non_finite
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.results import NonFinite

RULES = load_dialect("ssd.pytorch")
NAN, INF = math.nan, math.inf
CELLS = [[0.25, 0.25, 0.5, 0.5], [0.75, 0.25, 0.5, 0.5], [0.25, 0.75, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]]
# Image 0: an object on prior 1, another on prior 3. Image 1: one on prior 0.
OBJECTS = [[[0.5, 0.0, 1.0, 0.5], [0.5, 0.5, 1.0, 1.0]], [[0.0, 0.0, 0.5, 0.5]]]
POSITIVES = [(0, 1), (0, 3), (1, 0)]
LARGEST = torch.finfo(torch.float32).max


class Batch:
    """A batch of two images in which all is well, to be broken."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.loc = torch.randn((2, 4, 4), generator=generator)
        self.conf = torch.randn((2, 4, 3), generator=generator)
        self.boxes = [torch.tensor(boxes) for boxes in OBJECTS]
        self.labels = [torch.tensor([1, 2]), torch.tensor([2])]
        self.cells = torch.tensor(CELLS)

    def loss(self) -> tuple[GroundTruthBatch, LossTerms]:
        """The objects and what came of them."""
        gt = pad_ground_truth(self.boxes, self.labels)
        result = multibox_loss(
            loc=self.loc,
            conf=self.conf,
            priors=self.cells,
            gt=gt,
            match_spec=RULES.match,
            codec_spec=RULES.codec,
            mining_spec=RULES.mining,
            loss_spec=RULES.loss,
        )
        return gt, result

    def find(self) -> tuple[NonFinite, ...]:
        """What is found in it."""
        gt, loss = self.loss()
        priors = Priors(self.cells, (200, 100), ())
        return find_non_finite(loc=self.loc, conf=self.conf, gt=gt, loss=loss, priors=priors)


def short(found: tuple[NonFinite, ...]) -> list[tuple[Any, ...]]:
    """Term, image, object, prior, place and count of each entry."""
    return [(item.term, item.image, item.ground_truth, item.prior, item.place, item.count) for item in found]


def same(found: float, expected: float) -> bool:
    """Equal, nan being equal to itself."""
    return found == pytest.approx(expected, nan_ok=True)


def test_nothing_is_found_where_all_is_well() -> None:
    batch = Batch()
    assert batch.find() == ()
    _, loss = batch.loss()
    assert loss.matching.positive.nonzero().tolist() == [list(where) for where in POSITIVES]
    assert math.isfinite(loss.total)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(("coordinate", "place"), list(enumerate(["cx", "cy", "w", "h"])))
def test_loc_of_a_positive(coordinate: int, place: str, value: float) -> None:
    batch = Batch()
    batch.loc[0, 3, coordinate] = value
    (entry,) = batch.find()
    assert short((entry,)) == [("loc", 0, 1, 3, place, 1)]
    assert same(entry.value, value)
    assert entry.box == (100.0, 50.0, 200.0, 100.0)
    assert entry.problem is None


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_loc_of_a_negative_has_no_effect(value: float) -> None:
    batch = Batch()
    batch.loc[0, [0, 2]] = value
    batch.loc[1, 1:] = value
    assert batch.find() == ()
    assert math.isfinite(batch.loss()[1].total)


def test_all_values_of_one_object_are_one_entry() -> None:
    batch = Batch()
    batch.loc[0, 1, 1:] = torch.tensor([INF, NAN, NAN])
    batch.loc[1, 0] = NAN
    found = batch.find()
    assert short(found) == [("loc", 0, 0, 1, "cy", 3), ("loc", 1, 0, 0, "cx", 4)]
    assert found[0].value == INF


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(("image", "prior", "column"), [(0, 1, 0), (0, 2, 2), (1, 3, 1)])
def test_conf_of_any_prior(image: int, prior: int, column: int, value: float) -> None:
    batch = Batch()
    batch.conf[image, prior, column] = value
    (entry,) = batch.find()
    assert short((entry,)) == [("conf", image, None, prior, str(column), 1)]
    assert same(entry.value, value)
    assert entry.box is None


def test_conf_is_one_entry_an_image() -> None:
    batch = Batch()
    batch.conf[0, 2, 1:] = INF
    batch.conf[0, 3, 0] = NAN
    batch.conf[1, 1] = NAN
    assert short(batch.find()) == [("conf", 0, None, 2, "1", 3), ("conf", 1, None, 1, "0", 3)]


@pytest.mark.parametrize(
    ("box", "value", "place", "count", "problem"),
    [
        ([0.75, 0.0, 0.75, 0.5], -INF, "w", 1, "zero width"),
        ([0.5, 0.25, 1.0, 0.25], -INF, "h", 1, "zero height"),
        ([0.75, 0.25, 0.75, 0.25], -INF, "w", 2, "zero width and height"),
        ([0.9, 0.0, 0.6, 0.5], NAN, "w", 1, "inverted, xmin > xmax"),
        ([0.5, 0.4, 1.0, 0.2], NAN, "h", 1, "inverted, ymin > ymax"),
        ([0.5, NAN, 1.0, 0.5], NAN, "cy", 2, "not finite"),
    ],
)
def test_target_of_a_broken_object(box: list[float], value: float, place: str, count: int, problem: str) -> None:
    """Such an object overlaps nothing (or everything, if a coordinate is nan) and ends on prior 0."""
    batch = Batch()
    batch.boxes[0] = torch.cat((torch.tensor([box]), batch.boxes[0][1:]))
    first = batch.find()[0]
    gt, loss = batch.loss()
    own = loss.matching.positive[0] & (loss.matching.gt_index[0] == 0)
    assert (first.term, first.image, first.ground_truth, first.prior, first.place) == ("target", 0, 0, 0, place)
    assert first.count == count * int(own.sum())
    assert same(first.value, value)
    assert first.problem == problem
    scaled = [side * unit for side, unit in zip(gt.boxes[0, 0].tolist(), (200, 100, 200, 100), strict=True)]
    assert first.box == pytest.approx(scaled, nan_ok=True)
    assert len(batch.find()) == 1


def test_broken_object_that_lost_its_prior_is_harmless() -> None:
    batch = Batch()
    batch.boxes[1] = torch.tensor([[0.7, 0.7, 0.7, 0.9], [0.0, 0.0, 0.5, 0.5]])
    batch.labels[1] = torch.tensor([1, 2])
    assert batch.find() == ()
    assert math.isfinite(batch.loss()[1].total)


def test_prior_without_size_makes_the_target_infinite() -> None:
    batch = Batch()
    batch.boxes[1] = torch.tensor([[0.25, 0.25, 0.5, 0.5]])
    batch.cells = torch.cat((torch.tensor([[0.5, 0.5, 0.0, 0.0]]), batch.cells[1:]))
    first = batch.find()[0]
    assert first.term == "target"
    assert first.problem is None


@pytest.mark.parametrize("images", [1, 2])
def test_no_positive(images: int) -> None:
    batch = Batch()
    batch.boxes = [torch.zeros((0, 4))] * images
    batch.labels = [torch.zeros(0, dtype=torch.long)] * images
    batch.loc, batch.conf = batch.loc[:images], batch.conf[:images]
    (entry,) = batch.find()
    assert short((entry,)) == [("normalizer", None, None, None, "", 1)]
    assert math.isnan(entry.value)


def test_localization_that_overflows() -> None:
    """Two finite numbers whose difference float32 cannot hold."""
    batch = Batch()
    far = batch.cells.new_tensor([[-0.2 * LARGEST, 0.0, 0.2 * LARGEST * 0.9, 0.5]])
    batch.boxes[1] = far
    _, loss = batch.loss()
    target = loss.targets[1, loss.matching.positive[1]][0]
    prior = int(loss.matching.positive[1].nonzero()[0])
    assert bool(target.isfinite().all())
    batch.loc[1, prior, 0] = -math.copysign(LARGEST, float(target[0]))
    (entry,) = batch.find()
    assert short((entry,)) == [("localization", 1, 0, prior, "cx", 1)]
    assert entry.value == INF


@pytest.mark.parametrize("prior", [1, 0])
def test_confidence_that_overflows(prior: int) -> None:
    """Logits as far apart as float32 reaches, at a positive or at a mined negative."""
    batch = Batch()
    target = 1 if prior == 1 else 0
    batch.conf[0, prior, target] = -LARGEST
    batch.conf[0, prior, 2] = LARGEST
    _, loss = batch.loss()
    assert bool(loss.selected[0, prior])
    found = batch.find()
    assert short(found) == [("confidence", 0, None, prior, "", 1)]
    assert found[0].value == INF


def test_causes_come_in_the_order_of_the_computation() -> None:
    batch = Batch()
    batch.boxes[0] = torch.tensor([[0.7, 0.2, 0.7, 0.3], [0.5, 0.5, 1.0, 1.0]])
    batch.loc[1, 0, 2] = NAN
    batch.conf[1, 2, 1] = INF
    found = batch.find()
    assert [(item.term, item.image) for item in found] == [("target", 0), ("loc", 1), ("conf", 1)]


def test_a_consequence_is_not_named() -> None:
    """Bad logits make the confidence loss of their prior nan, and a bad target its localisation: one entry each."""
    batch = Batch()
    batch.boxes[0] = torch.tensor([[0.7, 0.2, 0.7, 0.3], [0.5, 0.5, 1.0, 1.0]])
    batch.conf[0, 3] = NAN
    _, loss = batch.loss()
    unsound: list[Tensor] = [loss.localization, loss.confidence]
    assert not any(math.isfinite(value) for value in unsound)
    assert [item.term for item in batch.find()] == ["target", "conf"]
