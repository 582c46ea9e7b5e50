"""What the checks are told of predictions, against figures worked out by hand or by other means."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.evidence.predictions import describe_predictions
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import Predicted
from ssdlossdbg.results.hypotheses import Explanation
from ssdlossdbg.results.predicted import OddValue
from ssdlossdbg.rules import Dialect, LevelSpec, PriorOrder, PriorSpec, Units

RULES = load_dialect("ssd.pytorch")
NAN, INF = math.nan, math.inf
# 3 columns and 2 rows of a square, a wide and a tall prior, and one prior for all: 19.
GRID = PriorSpec(
    (300, 200),
    (
        LevelSpec((3, 2), (100.0, 100.0), ((60.0, 60.0), (100.0, 30.0), (30.0, 100.0))),
        LevelSpec((1, 1), (300.0, 200.0), ((200.0, 150.0),)),
    ),
)
NAMED = NamedPriors(name="small", codebase="", priors=generate_priors(GRID, torch.float64))
NUMBER = 19


def saved(loc: Tensor | None = None, conf: Tensor | None = None, images: int = 1) -> Predictions:
    """Predictions of zeros, or these."""
    loc = torch.zeros(images, NUMBER, 4, dtype=torch.float64) if loc is None else loc
    conf = torch.zeros(images, NUMBER, 3, dtype=torch.float64) if conf is None else conf
    return Predictions(loc=loc, conf=conf, priors=None, layout="", dtype="float64")


def alone(predictions: Predictions, named: NamedPriors = NAMED) -> Predicted:
    """What is known of predictions without targets."""
    return describe_predictions(predictions, named.priors, RULES, "preds.pt", ())


def with_objects(
    predictions: Predictions, boxes: list[list[float]], rules: Dialect = RULES, named: NamedPriors = NAMED
) -> Predicted:
    """What is known of predictions for one image with objects of class 1, by their corners in fractions."""
    labels = torch.ones(len(boxes), dtype=torch.long)
    corners = torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4)
    targets = Targets(boxes=(corners,), labels=(labels,), units=Units.NORMALIZED, label_offset=0, layout="")
    return Scene(Batch(named, "cpu", predictions=predictions, targets=targets), rules).predicted


def on_prior(prior: int) -> list[float]:
    """The corners of a prior."""
    x, y, w, h = NAMED.priors.boxes[prior].tolist()
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def test_values_that_are_not_finite_are_found_image_by_image() -> None:
    predictions = saved(images=3)
    predictions.loc[1, 4, 3] = NAN
    predictions.loc[1, 5, 0] = INF
    predictions.conf[2, 0, 2] = -INF
    found = alone(predictions)
    assert [(item.term, item.image, item.prior, item.place, item.count) for item in found.non_finite] == [
        ("loc", 1, 4, "h", 2),
        ("conf", 2, 0, "2", 1),
    ]
    assert found.huge == ()
    assert {item.at_positives for item in found.non_finite} == {None}


def test_huge_values_name_the_largest() -> None:
    predictions = saved()
    predictions.loc[0, 7, 1] = -400.0
    predictions.loc[0, 3, 1] = 300.0
    predictions.conf[0, 2, 1] = 1000.0
    assert alone(predictions).huge == (OddValue("loc", 0, 7, "cy", -400.0, 2, None),)


def test_spread_is_over_cells_and_images_not_over_shapes() -> None:
    conf = torch.zeros(2, NUMBER, 3, dtype=torch.float64)
    conf[:, 0:18:3] = 5.0
    assert alone(saved(conf=conf, images=2)).spread == 0
    conf[1, 4, 2] = 0.5
    assert alone(saved(conf=conf, images=2)).spread == 0.5


def test_spread_of_one_row_alone_is_not_known() -> None:
    one = replace(GRID, levels=GRID.levels[1:])
    named = NamedPriors(name="one", codebase="", priors=generate_priors(one))
    predictions = Predictions(torch.zeros(1, 1, 4), torch.zeros(1, 1, 3), None, "", "float32")
    assert alone(predictions, named).spread == INF


def test_answers_are_counted_at_positives() -> None:
    conf = torch.zeros(1, NUMBER, 3, dtype=torch.float64)
    conf[0, 0, 1], conf[0, 9, 0] = 2.0, 3.0
    found = with_objects(saved(conf=conf), [on_prior(0), on_prior(9)])
    assert found.answers is not None
    assert (found.answers.positives, found.answers.right, found.answers.taken_for_background) == (2, 0.5, 0.5)
    first, second = 1 / (2 + math.exp(2)), math.exp(3) / (2 + math.exp(3))
    assert found.answers.background == pytest.approx((first + second) / 2)
    assert (found.answers.counted, found.answers.denied) == (8, 0)


def test_denied_means_a_millionth() -> None:
    conf = torch.zeros(1, NUMBER, 3, dtype=torch.float64)
    conf[0, 5, 2] = -math.log(1e-6) + 0.1
    found = with_objects(saved(conf=conf), [on_prior(0)])
    assert found.answers is not None
    assert (found.answers.counted, found.answers.denied) == (4, 0.25)


def test_no_object_has_no_answer() -> None:
    found = with_objects(saved(), [])
    assert found.answers is None
    assert found.fits == ()


def test_quota_leaves_ignored_priors_out() -> None:
    band = replace(RULES, match=replace(RULES.match, ignore_from=0.3))
    (plain,) = with_objects(saved(), [on_prior(0)]).quotas
    (banded,) = with_objects(saved(), [on_prior(0)], band).quotas
    assert (plain.positives, plain.negatives, plain.asked) == (1, 18, 3)
    assert banded.negatives == 16, "the wide and the tall prior of the cell overlap the object by 1800 / 4800"


@pytest.mark.parametrize("order", [PriorOrder.CELL, PriorOrder.SHAPE])
def test_orders_fit_where_the_head_has_them(order: PriorOrder) -> None:
    """Each prior has an object of its own, a little aside, and predicts it exactly, in a head of the other order."""
    named = NamedPriors("", "", generate_priors(replace(GRID, order=order), torch.float64))
    boxes = named.priors.boxes
    aside = torch.linspace(-0.1, 0.1, NUMBER, dtype=torch.float64)[
        torch.randperm(NUMBER, generator=torch.Generator().manual_seed(0))
    ]
    centre = boxes[:, :2] + aside[:, None] * boxes[:, 2:]
    objects = torch.cat((centre - boxes[:, 2:] / 2, centre + boxes[:, 2:] / 2), 1)
    meant = torch.zeros(1, NUMBER, 4, dtype=torch.float64)
    meant[0, :, :2] = 10 * aside[:, None]
    places = torch.arange(18).view((6, 3) if order is PriorOrder.CELL else (3, 6))
    head = torch.cat((places.t().flatten(), torch.tensor([18])))
    own, other = Explanation.CELL, Explanation.SHAPE
    if order is PriorOrder.SHAPE:
        own, other = other, own
    fits = {fit.explanation: fit for fit in with_objects(saved(meant[:, head]), objects.tolist(), named=named).fits}
    assert own not in fits, "the given order is no other"
    assert fits[other].positives == 16, "the first and the last of the level stay where they are, and the last level"
    assert fits[other].mean_iou == pytest.approx(1)
    assert fits[other].as_given < 0.99


def test_rows_that_meet_their_objects_are_in_order() -> None:
    """Each prior has an object a third of its size aside, and predicts most of the way."""
    boxes, aside = NAMED.priors.boxes, torch.full((NUMBER, 1), 0.3, dtype=torch.float64)
    centre = boxes[:, :2] + aside * boxes[:, 2:]
    objects = torch.cat((centre - boxes[:, 2:] / 2, centre + boxes[:, 2:] / 2), 1)
    meant = torch.zeros(1, NUMBER, 4, dtype=torch.float64)
    meant[0, :, :2] = 8 * aside
    asked = {fit.explanation for fit in with_objects(saved(meant), objects[:3].tolist()).fits}
    assert Explanation.VARIANCES in asked
    assert asked.isdisjoint({Explanation.SHAPE, Explanation.COLUMN, Explanation.UNPERMUTED, Explanation.PRIORS_LAST})
    astray = {fit.explanation for fit in with_objects(saved(-meant), objects[:3].tolist()).fits}
    assert astray >= {Explanation.SHAPE, Explanation.UNPERMUTED, Explanation.PRIORS_LAST}


def test_a_shape_given_twice_has_no_turned_order() -> None:
    shapes = ((60.0, 60.0), (60.0, 60.0), (100.0, 30.0), (30.0, 100.0), (30.0, 100.0))
    named = NamedPriors("", "", generate_priors(replace(GRID, levels=(replace(GRID.levels[0], shapes=shapes),))))
    predictions = Predictions(torch.zeros(1, 30, 4), torch.zeros(1, 30, 3), None, "", "float32")
    fits = with_objects(predictions, [on_prior(0)], named=named).fits
    assert Explanation.TURNED not in [fit.explanation for fit in fits]


def test_bare_priors_are_the_measure() -> None:
    x1, y1, x2, y2 = on_prior(0)
    found = with_objects(saved(), [[x1, y1, x2, y1 + 0.8 * (y2 - y1)]])
    assert found.fits
    assert all(fit.mean_iou == fit.as_given == fit.of_priors for fit in found.fits)
    assert found.fits[0].of_priors == pytest.approx(0.8)


def test_boxes_that_are_met_need_no_explanation() -> None:
    assert with_objects(saved(), [on_prior(0)]).fits == ()


def test_encoded_targets_tell_no_order() -> None:
    labels = torch.zeros(1, NUMBER, dtype=torch.long)
    labels[0, 3] = 1
    targets = EncodedTargets(labels=labels, offsets=torch.zeros(1, NUMBER, 4, dtype=torch.float64), layout="")
    found = Scene(Batch(NAMED, "cpu", predictions=saved(), targets=targets), RULES).predicted
    assert (found.fits, found.unlabelled, found.sound_targets) == ((), (), True)
    assert found.answers is not None
    assert found.answers.positives == 1
