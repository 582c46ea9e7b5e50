"""The bounds of the findings about a loss's size, on costs made by hand: each asked just at it and just beyond."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import Costs, Finding, GroundTruthLoss, ImageLoss, NonFinite, Parts

NOTHING = Parts(0.0, 0.0, 0.0)
FLOAT16, INF = 65504.0, math.inf


def image(index: int, cost: float, positives: int = 10) -> ImageLoss:
    return ImageLoss(index, None, 2, positives, 0, 30, 30.0, Parts(cost / 2, cost / 4, cost / 4), None, None)


def an_object(index: int, cost: float, positives: int = 5) -> GroundTruthLoss:
    box = (10.0, 10.0, 90.0, 90.0)
    return GroundTruthLoss(0, index, 1, "cat", box, positives, 0, 0.7, cost * 0.75, cost * 0.25, None)


def costs(loss: Parts = NOTHING, **more: object) -> Costs:
    """Of a batch with nothing in it but what is given."""
    none = Costs("p.pt", "t.pt", "float32", "ssd.pytorch", 0.5, 8732, loss, loss, 4.0, (), (), (), (), None)
    return replace(none, **more)  # type: ignore[arg-type]


def found(of: Costs, code: str) -> Finding | None:
    return next((finding for finding in find([of]) if finding.code == code), None)


@pytest.mark.parametrize(
    ("dtype", "localization", "fires"),
    [
        ("float16", FLOAT16, False),
        ("float16", FLOAT16 + 1, True),
        ("float16", INF, False),  # which NUM003 says, or NUM001
        ("float32", FLOAT16 + 1, False),
        ("bfloat16", FLOAT16 + 1, False),
    ],
)
def test_a_sum_beyond_float16(dtype: str, localization: float, fires: bool) -> None:
    summed = Parts(localization, 7.0, 8.0)
    finding = found(costs(dtype=dtype, loss_sum=summed), "NUM004")
    assert (finding is not None) is fires
    if finding:
        assert (finding.worst.value, finding.worst.bound) == (localization, FLOAT16)
        assert finding.worst.message.startswith("the sum of the localisation terms is 65505, beyond")
        assert "divided by 4" in finding.worst.message


def test_the_larger_sum_is_named() -> None:
    """Positives and mined negatives together."""
    finding = found(costs(dtype="float16", loss_sum=Parts(66000.0, 40000.0, 30000.0)), "NUM004")
    assert finding is not None
    assert finding.worst.message.startswith("the sum of the confidence terms is 70000")


@pytest.mark.parametrize(
    ("total", "dtype", "fires"),
    [
        (3.39e38, "float32", False),
        (3.41e38, "float32", True),
        (3.41e38, "float64", False),
        (math.inf, "float32", False),
    ],
)
def test_a_sum_beyond_float32(total: float, dtype: str, fires: bool) -> None:
    finding = found(costs(dtype=dtype, loss_sum=Parts(total, 0.0, 0.0)), "NUM003")
    assert (finding is not None) is fires


@pytest.mark.parametrize(
    ("term", "count", "said"),
    [
        ("localization", 1, "the loss of w overflows to inf, from finite inputs"),
        ("localization", 3, "the loss of w overflows to inf, and 2 more like it, from finite inputs"),
        ("confidence", 2, "its cross-entropy is inf, and 1 more like it, from finite logits"),
        ("loc", 1, ""),
        ("target", 1, ""),
    ],
)
def test_a_term_that_overflows(term: str, count: int, said: str) -> None:
    where = NonFinite(term, 1, 2, 77, "w", math.inf, (1.0, 2.0, 3.0, 4.0), None, count)
    finding = found(costs(non_finite=(where,)), "NUM003")
    if not said:
        assert finding is None
        return
    assert finding is not None
    case = finding.worst
    assert case.message == said
    assert (case.where.image, case.where.object, case.where.prior, case.where.box) == (1, 2, 77, (1.0, 2.0, 3.0, 4.0))


@pytest.mark.parametrize(
    ("share", "positives", "others", "fires"),
    [
        (0.705, 12, (20, 20, 20), True),
        (0.695, 12, (20, 20, 20), False),
        (0.705, 12, (20, 20), False),  # three images are too few
        (0.75, 12, (10, 10, 0), True),  # 6 / 12 is 5 times 2 / 20
        (0.75, 12, (10, 9, 0), False),
        (0.95, 0, (20, 20, 20), False),
        (0.95, 12, (0, 0, 0), False),
        (1.0, 12, (20, 20, 20), True),
    ],
)
def test_one_image_makes_up_the_loss(share: float, positives: int, others: tuple[int, ...], fires: bool) -> None:
    """Over 70% of it, at 5 times as much a positive, of four images; the others cost the same."""
    rest = [image(place, (8 - share * 8) / len(others), number) for place, number in enumerate(others, 1)]
    finding = found(costs(Parts(4.0, 2.0, 2.0), images=(image(0, share * 8, positives), *rest)), "NUM005")
    assert (finding is not None) is fires
    if finding:
        assert finding.worst.where.image == 0
        assert finding.worst.value == pytest.approx(share)
        assert finding.worst.bound == 0.7
        assert f"of the loss of 4 images; one of its {positives} positives costs" in finding.worst.message


@pytest.mark.parametrize(
    ("cost", "number", "positives", "fires"),
    [(0.51, 8, 1, True), (0.49, 8, 1, False), (0.51, 7, 1, False), (0.51, 8, 0, False), (0.51, 8, 18, False)],
)
def test_one_object_makes_up_the_loss(cost: float, number: int, positives: int, fires: bool) -> None:
    """Over half of all, negatives too; of eight objects, the others with five positives each."""
    others = [an_object(place + 1, 0.2 / (number - 1)) for place in range(number - 1)]
    finding = found(costs(Parts(0.5, 0.25, 0.25), ground_truth=(an_object(0, cost, positives), *others)), "NUM006")
    assert (finding is not None) is fires
    if finding:
        where = finding.worst.where
        assert (where.file, where.image, where.object, where.label) == ("t.pt", 0, 0, "cat")
        assert finding.worst.value == pytest.approx(cost)
        assert finding.worst.bound == 0.5
        times = cost / (0.2 / 35)
        assert f"51% of the batch's loss; one of its 1 positives costs {times:.3g} times" in finding.worst.message
        assert "one of the 7 other objects'" in finding.worst.message


@pytest.mark.parametrize(("cost", "fires"), [(0.51, True), (0.49, False)])
@pytest.mark.parametrize("total", [0.02, 50.0])
def test_shares_are_of_a_loss_of_any_size(total: float, cost: float, fires: bool) -> None:
    """Of an object over half, of an image over seven tenths."""
    others = [an_object(place + 1, 0.02 * total) for place in range(7)]
    objects = (an_object(0, cost * total, 1), *others)
    own = image(0, (cost + 0.2) * total, 1)
    images = (own, *(image(place, (0.8 - cost) / 3 * total) for place in range(1, 4)))
    of = costs(Parts(0.5 * total, 0.25 * total, 0.25 * total), images=images, ground_truth=objects)
    assert (found(of, "NUM005") is not None) is fires
    finding = found(of, "NUM006")
    assert (finding is not None) is fires
    if finding:
        assert finding.worst.value == pytest.approx(cost)


@pytest.mark.parametrize("total", [0.0, math.inf, math.nan])
def test_a_loss_without_a_size_is_made_up_by_nobody(total: float) -> None:
    images = tuple(image(place, 8.0 if place == 0 else 0.1) for place in range(4))
    objects = tuple(an_object(place, 8.0 if place == 0 else 0.1) for place in range(8))
    of = costs(Parts(total, 0.0, 0.0), images=images, ground_truth=objects)
    assert found(of, "NUM005") is None
    assert found(of, "NUM006") is None
