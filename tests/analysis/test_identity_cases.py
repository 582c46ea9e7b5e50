"""The batches that tell rules apart have the overlaps that they are made for, by plain arithmetic on their boxes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ssdlossdbg.analysis.identity import loss_cases, matching_cases
from ssdlossdbg.analysis.identity.cases import MAKERS
from ssdlossdbg.analysis.identity.makers import Case, Maker

Numbers = NDArray[np.float64]


def make() -> Maker:
    return Maker(5, 1, 3, 0)


def overlaps(case: Case, image: int = 0) -> Numbers:
    """`[n, P]` IoU of an image's objects with the priors, in float64."""
    centre, size = np.split(case.priors.double().numpy(), 2, axis=1)
    low, high = centre - size / 2, centre + size / 2
    boxes = case.boxes[image].double().numpy()[:, None]
    shared = (np.minimum(high, boxes[..., 2:]) - np.maximum(low, boxes[..., :2])).clip(0).prod(-1)
    areas = size.prod(-1) + (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    found: Numbers = np.divide(shared, areas - shared, out=np.zeros_like(shared), where=areas > shared)
    return found


def test_overlaps_half_a_hundredth_off_every_threshold() -> None:
    [found] = overlaps(matching_cases.graded(make()))
    assert sorted(found) == pytest.approx([*(np.arange(5, 95) / 100 + 0.005), 1.0], abs=1e-6)


def test_overlaps_that_float32_holds() -> None:
    [found] = overlaps(matching_cases.exactly(make()))
    assert sorted(found) == [0.25, 0.375, 0.5, 0.625, 0.75, 1.0]


BEST = [
    0.44,
    0.37,
    0.33,
    0.28,
    0.23,
    0.18,
    0.13,
    0.08,
    0.03,
    *(3 * 10.0**-power for power in (3, 4, 5, 6, 7, 8, 10, 12)),
]


def test_best_overlaps_of_every_size() -> None:
    """Each on a prior of its own, and on no other."""
    found = overlaps(matching_cases.hardly(make()))
    assert found.argmax(1).tolist() == list(range(17))
    assert found.max(1) == pytest.approx(BEST, rel=0.05)
    assert (found > 0).sum(1).tolist() == [1] * 17


def test_second_choices() -> None:
    """Of each pair both want one prior, whose first has it; what the other gets overlaps it the less, the later."""
    found = overlaps(matching_cases.second_choices(make()))
    owners, seconds = found[::2], found[1::2]
    places = 2 * np.arange(13)
    assert owners.argmax(1).tolist() == seconds.argmax(1).tolist() == places.tolist()
    assert owners.max(1) == pytest.approx(np.ones(13), abs=1e-5)
    assert seconds.max(1) == pytest.approx(np.full(13, (0.16 - 0.005) / (0.16 + 0.005)), abs=1e-4)
    shares = [0.33, 0.28, 0.23, 0.18, 0.13, 0.08, 0.03, *(3 * 10.0**-power for power in range(3, 9))]
    assert seconds[np.arange(13), places + 1] == pytest.approx(shares, rel=0.12)
    assert (seconds > 0).sum(1).tolist() == [2] * 13


def test_a_band_of_priors_among_many() -> None:
    [found] = overlaps(matching_cases.banded(make()))
    one, *band = found[:9]
    assert one == pytest.approx(0.992, abs=1e-3)
    assert band == pytest.approx([0.57, 0.52, 0.47, 0.42, 0.37, 0.32, 0.27, 0.22], rel=0.01)
    assert len(found) == 34
    assert found[9:].max() < 0.15


def test_objects_of_every_size() -> None:
    case = matching_cases.small(make())
    found, boxes = overlaps(case), case.boxes[0].double().numpy()
    firsts = 2 * np.arange(54)
    assert found[np.arange(54), firsts] == pytest.approx(np.full(54, 0.8), rel=1e-3)
    assert found[np.arange(54), firsts + 1] == pytest.approx(np.full(54, 0.76), rel=1e-3)
    areas = np.log10((boxes[:, 2:] - boxes[:, :2]).prod(1) / 1.25)
    assert areas == pytest.approx(-12.94 + np.arange(54) / 5, abs=1e-3)
    assert min(abs(area - round(area)) for area in areas) > 0.05, "none near a power of ten"


def test_objects_that_contest_a_prior() -> None:
    """Which is not the first; each but the best has another choice."""
    case = matching_cases.contested(make())
    orders = []
    for image in range(4):
        found = overlaps(case, image)
        assert set(found.argmax(1).tolist()) == {1}
        orders.append([round(float(best), 2) for best in found.max(1)])
    good, fair, weak = sorted({best for order in orders for best in order}, reverse=True)
    assert orders == [[good, fair], [fair, good], [fair, good, weak], [weak, fair, good]]
    assert (good, fair, weak) == (0.89, 0.73, 0.56)
    second = np.sort(overlaps(case)[1])[-2]
    assert 0.3 < second < 0.5


def test_weak_objects_on_the_prior_of_another() -> None:
    case = matching_cases.shared_weakly(make())
    found = overlaps(case, 2)
    small, tall, own = found
    assert found.argmax(1).tolist() == [1, 1, 1]
    assert 0.2 < small[1] < 0.25
    assert 0.25 < tall[1] < 0.3
    assert own[1] > 0.9
    assert all(np.sort(each)[-2] < each[1] - 0.05 for each in (small, tall))
    sizes = [len(boxes) for boxes in case.boxes]
    assert sizes == [2, 2, 3, 2, 2]
    assert overlaps(case, 0)[::-1].tolist() == overlaps(case, 1).tolist()
    assert overlaps(case, 3)[::-1].tolist() == overlaps(case, 4).tolist() == found[[1, 0]].tolist()


def test_equal_overlaps() -> None:
    """Each prior is there three times, and the second image's last object is the twin of the first's."""
    case = matching_cases.equal(make())
    first, second = overlaps(case), overlaps(case, 1)
    assert (first[0] == first[1]).all()
    assert (second[1] == first[0]).all()
    for each in (first[0], *second):
        assert np.flatnonzero(each == each.max()).tolist() in ([0, 1, 2], [12, 13, 14])
    assert second[0].argmax() == 0
    assert 0.7 < second[0].max() < 0.95


def test_an_object_far_from_all_priors() -> None:
    case = matching_cases.apart(make())
    for image, far in ((0, 0), (1, 1), (2, 1), (3, 0)):
        found = overlaps(case, image)
        assert found[far].max() == 0
        assert found[1 - far].max() > 0.8
    assert overlaps(case)[1].argmax() == 3
    assert overlaps(case, 2)[0].argmax() == 0


@pytest.mark.parametrize(
    ("case", "place", "side"),
    [
        (matching_cases.flat, 0, 0.0),
        (matching_cases.flat_last, 1, 0.0),
        (matching_cases.flat_priors, 0, 0.0),
        (matching_cases.inverted, 0, -0.2),
    ],
)
def test_boxes_that_are_none(case: Callable[[Maker], Case], place: int, side: float) -> None:
    made = case(make())
    x1, y1, x2, y2 = made.boxes[0][place].tolist()
    assert x2 - x1 == pytest.approx(side, abs=1e-6)
    assert 0.2 < y2 - y1 < 0.3
    assert not made.sound
    if len(made.boxes[0]) > 1:
        assert overlaps(made)[1 - place].max() > 0.5
    if case is matching_cases.flat_priors:
        assert made.priors[-1].tolist() == [0.8125, 0.5, 0.0, 0.25]


def test_half_to_the_last_bit() -> None:
    """Four overlaps that are a half but for what either precision makes of them."""
    case = matching_cases.barely(make())
    assert case.delicate
    found = overlaps(case)
    assert found.shape == (4, 8)
    assert np.sort(found, axis=1)[:, -2:] == pytest.approx(np.array([[0.5, 1.0]] * 4), abs=1e-6)


@pytest.mark.parametrize("label", [0, -1])
def test_an_object_of_the_background(label: int) -> None:
    case = matching_cases.background(make(), label)
    assert case.labels[1].tolist() == [label]
    assert min(case.labels[0].tolist()) >= 1


def test_grounds_of_the_losses() -> None:
    """Logits of any size at both columns that may be the background's, and where they are not numbers."""
    asked = make()
    saturated = loss_cases.saturated(asked).conf[0]
    assert saturated[:, 0].tolist() == saturated[:, -1].tolist() == [-150.0 - 5 * row for row in range(20)]
    assert set(loss_cases.certain(asked).conf[:, 1::2, 0].flatten().tolist()) == {150.0}
    assert loss_cases.far_logits(asked).conf[0, 5, 1] == loss_cases.far_and_few(asked).conf[0, 0, 1] == 200
    unseen, mined = loss_cases.unseen_infinity(asked), loss_cases.mined_infinity(asked)
    for case, logit in ((unseen, 30.0), (mined, -30.0)):
        assert case.loc[1, 3].isinf().tolist() == [True, False, False, False]
        assert case.conf[1, 3, [0, -1]].tolist() == [logit, logit]
        assert overlaps(case, 1)[:, 3].max() < 0.3, "no object is near to it"
        assert int(case.loc.isinf().sum()) == 1
    lost = loss_cases.unseen_nan(asked)
    assert lost.conf.isnan().all(-1).nonzero().tolist() == [[1, 3]]
    assert [len(boxes) for boxes in lost.boxes] == [1, 0, 1]
    priors = len(loss_cases.all_empty(asked).priors)
    assert priors > 100
    assert math.floor(priors / 100) == 1


@pytest.mark.parametrize("maker", [loss_cases.plain, loss_cases.unmistakable, loss_cases.far_logits])
def test_nothing_of_matching_decides(maker: Callable[[Maker], Case]) -> None:
    """Each object all but wholly on a prior of its own, and off all others: this makes rules idle."""
    case = maker(make())
    assert case.is_unmistakable
    for image in range(len(case.boxes)):
        found = overlaps(case, image)
        near = found > 0.96
        assert near.sum(1).tolist() == [1] * len(found)
        assert near.sum(0).max() == 1
        assert found[~near].max(initial=0.0) < 1e-12
    assert case.loc.isfinite().all()
    assert case.conf.isfinite().all()


def test_nothing_is_left_to_mine() -> None:
    case = loss_cases.plain(make())
    assert [len(boxes) for boxes in case.boxes] == [len(case.priors)] * 2


def test_how_many_positives_and_negatives_there_are() -> None:
    few, crowded = loss_cases.few_priors(make()), loss_cases.crowded(make())
    positives = sum(int((overlaps(few, image).max(0) > 0.5).sum()) for image in range(1))
    assert 3 * positives > len(few.priors) - positives
    many, one = (int((overlaps(crowded, image).max(0) > 0.5).sum()) for image in range(2))
    assert (many, one) == (10, 1)
    left = len(crowded.priors) - many
    assert 3 * many > left
    assert 3 * (many + one) > left


def test_predicted_boxes_that_repeat_each_other() -> None:
    case = loss_cases.repeated(make())
    assert case.loc[0, :14].abs().max() == 0
    rows = case.priors[:14].double().numpy()
    for start in (0, 7):
        moved = rows[start : start + 7, 0] - rows[start, 0]
        assert moved == pytest.approx([0, 0.0005, 0.004, 0.012, 0.03, 0.05, 0.08], abs=1e-6)
        repeats = [(0.25 - step) / (0.25 + step) for step in moved[1:]]
        assert repeats == pytest.approx([0.996, 0.9685, 0.9084, 0.7857, 0.6667, 0.5152], abs=1e-3)
    found = overlaps(case)[0]
    assert found[:3] == pytest.approx([0.24 * 0.25 / (0.0624 + 0.0625 - 0.06)] * 3, abs=1e-4), "three are as good"
    assert (np.diff(found[2:8]) < 0).all()
    assert found[7:].max() < 0.7


PINNED = {
    "a prior for every object, and none beside": 952.7718,
    "objects that are each near a prior of their own": 884.8146,
    "an ordinary batch": 1529.07,
    "more negatives wanted than there are": 200.42,
    "objects that are priors, predicted without a fault": 1480.75,
    "overlaps of every size": 24691.65,
    "objects that contest a prior": 471.8063,
    "background probabilities of exactly 0": 1529.07,
    "overlaps of exactly a half, a quarter, ...": 132.875,
    "equal overlaps": 2516.487,
    "an object that overlaps no prior": 195.175,
    "best overlaps of every size": 2236.606,
    "objects of every size": 3651.131,
    "objects left with their second best prior": 4473.169,
    "priors near a threshold among many": 2941.326,
    "equal logits": 1529.07,
    "costs of every size": 1480.75,
    "one logit far above the others": 884.8146,
    "one logit far above the others, and few negatives": 200.42,
    "background probabilities of exactly 1": 200.42,
    "predicted boxes that repeat each other": 1603.687,
    "an image full of objects beside one with one": 1865.05,
    "an object labelled 0": 1488.65,
    "an object labelled -1": 1488.65,
    "weak objects on the prior of another": 168.13,
    "an image without objects": 1470.21,
    "no object at all": 38668,
    "an infinite offset that does not count": 1529.07,
    "an infinite offset at a mined negative": 1529.07,
    "logits that are no numbers and do not count": 1470.21,
    "overlaps that rounding decides": 254.0336,
    "a box without width": 1482.16,
    "a last box without width": 1476.48,
    "a prior without width on a box without width": 360.3625,
    "an inverted box": 1482.07,
}


@pytest.mark.parametrize("maker", [maker for maker, _ in MAKERS])
def test_they_are_the_same_everywhere(maker: Callable[[Maker], Case]) -> None:
    """Priors and boxes, each weighed by its place: what a criterion was told apart by is to be told by again."""
    case = maker(make())
    rows = [table.double() for table in (case.priors, *case.boxes) if len(table)]
    weighed = sum(float((each * torch.arange(1, each.numel() + 1).view_as(each)).sum()) for each in rows)
    assert weighed == pytest.approx(PINNED[case.name], rel=1e-6)
