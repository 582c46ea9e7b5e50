"""Each formula that offsets may follow: boxes that are encoded by it here come back, to the last digit."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from ssdlossdbg.analysis.evidence.formulas import formulas, offsets_of
from ssdlossdbg.analysis.evidence.readings import (
    Hypothesis,
    Positives,
    Trial,
    attempt,
    explains,
    recover_variances,
    stored_precision,
)
from ssdlossdbg.analysis.evidence.same_boxes import same_boxes, same_boxes_by_each
from ssdlossdbg.results import FloatArray, IntArray
from ssdlossdbg.results.encoded import Formula

VARIANCES = (0.1, 0.15, 0.2, 0.25)
X, Y, W, H = VARIANCES
SIZE = (400, 200)
ASPECT = 2.0
RANDOM = np.random.default_rng(0)
PRIORS = np.concatenate((RANDOM.uniform(0.2, 0.8, (9, 2)), RANDOM.uniform(0.1, 0.3, (9, 2))), axis=1)
BOXES = np.concatenate((RANDOM.uniform(0.2, 0.8, (9, 2)), RANDOM.uniform(0.1, 0.3, (9, 2))), axis=1)
Encode = Callable[[tuple[float, ...], tuple[float, ...]], tuple[float, ...]]
NAMES = ("dx", "dy", "dw", "dh")


def usual(box: tuple[float, ...], prior: tuple[float, ...]) -> tuple[float, ...]:
    """SSD's own, without variances."""
    (cx, cy, w, h), (px, py, pw, ph) = box, prior
    return (cx - px) / pw, (cy - py) / ph, math.log(w / pw), math.log(h / ph)


def divided(values: tuple[float, ...], variances: tuple[float, ...] = VARIANCES) -> tuple[float, ...]:
    return tuple(value / variance for value, variance in zip(values, variances, strict=True))


def corners(box: tuple[float, ...]) -> tuple[float, ...]:
    cx, cy, w, h = box
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def sizes(change: Callable[[float, float], float], variances: tuple[float, ...] = VARIANCES) -> Encode:
    """The usual centre, and of both sizes something else."""

    def encode(box: tuple[float, ...], prior: tuple[float, ...]) -> tuple[float, ...]:
        dx, dy, _, _ = usual(box, prior)
        return divided((dx, dy, change(box[2], prior[2]), change(box[3], prior[3])), variances)

    return encode


def centre(
    change: Callable[[tuple[float, ...], tuple[float, ...], int], float], variances: tuple[float, ...] = VARIANCES
) -> Encode:
    """The usual sizes, and of both centres something else, by axis."""

    def encode(box: tuple[float, ...], prior: tuple[float, ...]) -> tuple[float, ...]:
        return (
            change(box, prior, 0) / variances[0],
            change(box, prior, 1) / variances[1],
            *divided(usual(box, prior), variances)[2:],
        )

    return encode


def between(divide: bool, variances: tuple[float, ...]) -> Encode:
    """Corner by corner."""

    def encode(box: tuple[float, ...], prior: tuple[float, ...]) -> tuple[float, ...]:
        apart = [one - other for one, other in zip(corners(box), corners(prior), strict=True)]
        by = (prior[2], prior[3], prior[2], prior[3]) if divide else (1,) * 4
        return divided(tuple(each / side for each, side in zip(apart, by, strict=True)), variances)

    return encode


def signs(*of: int) -> Encode:
    return lambda box, prior: tuple(sign * value for sign, value in zip(of, divided(usual(box, prior)), strict=True))


def in_order(read: tuple[int, ...]) -> Encode:
    """`read` says where each of dx, dy, dw, dh stands."""

    def encode(box: tuple[float, ...], prior: tuple[float, ...]) -> tuple[float, ...]:
        values, found = divided(usual(box, prior)), [0.0] * 4
        for name, place in enumerate(read):
            found[place] = values[name]
        return tuple(found)

    return encode


def by_other_side(axis: int) -> Encode:
    """The centre of an axis divided by the prior's other side, both measured in pixels."""

    def encode(box: tuple[float, ...], prior: tuple[float, ...]) -> tuple[float, ...]:
        values = list(divided(usual(box, prior)))
        pixels = [box[axis] * SIZE[axis] - prior[axis] * SIZE[axis], prior[3 - axis] * SIZE[1 - axis]]
        values[axis] = pixels[0] / pixels[1] / VARIANCES[axis]
        return tuple(values)

    return encode


def raw(form: Callable[[tuple[float, ...]], tuple[float, ...]], scale: tuple[float, ...]) -> Encode:
    return lambda box, _: tuple(value * by for value, by in zip(form(box), scale, strict=True))


FORMS: dict[str, Callable[[tuple[float, ...]], tuple[float, ...]]] = {
    "(x1, y1, x2, y2)": corners,
    "(cx, cy, w, h)": tuple,
    "(x1, y1, w, h)": lambda box: (box[0] - box[2] / 2, box[1] - box[3] / 2, box[2], box[3]),
    "(y1, x1, y2, x2)": lambda box: tuple(corners(box)[place] for place in (1, 0, 3, 2)),
}
ONES, SIDES = (1.0,) * 4, (400.0, 200.0, 400.0, 200.0)
ENCODERS: dict[str, Encode] = {
    "encoded with dy divided by the prior's width": by_other_side(1),
    "encoded with dx divided by the prior's height": by_other_side(0),
    "in the order (dy, dx, dh, dw)": in_order((1, 0, 3, 2)),
    "encoded without the logarithm of the sizes": sizes(lambda side, prior: side / prior),
    "encoded without logarithm and variance of the sizes": sizes(lambda side, prior: side / prior, (X, Y, 1, 1)),
    "encoded without the logarithm of the sizes, and without variances": sizes(lambda side, prior: side / prior, ONES),
    "encoded with the sizes' plain difference over the prior's size in place of the logarithm": sizes(
        lambda side, prior: (side - prior) / prior
    ),
    "encoded with the logarithm to the base 10": sizes(lambda side, prior: math.log10(side / prior)),
    "encoded with the logarithm to the base 2": sizes(lambda side, prior: math.log2(side / prior)),
    "encoded without dividing the centre by the prior's size": centre(lambda box, prior, axis: box[axis] - prior[axis]),
    "encoded without dividing the centre by the prior's size nor by the variances": centre(
        lambda box, prior, axis: box[axis] - prior[axis], ONES
    ),
    "encoded with the centre divided by the box's size and not by the prior's": centre(
        lambda box, prior, axis: (box[axis] - prior[axis]) / box[2 + axis]
    ),
    "encoded with dx and dy from the box to the prior: their signs are wrong": signs(-1, -1, 1, 1),
    "encoded with the logarithm of prior size over box size: the signs of dw and dh are wrong": signs(1, 1, -1, -1),
    "encoded with all four signs wrong": signs(-1, -1, -1, -1),
    "those of the prior as seen from the box: the two were exchanged": lambda box, prior: divided(usual(prior, box)),
    "encoded from the prior's top left corner to the box's top left corner, not from centre to centre": centre(
        lambda box, prior, axis: (corners(box)[axis] - corners(prior)[axis]) / prior[2 + axis]
    ),
    "encoded from the prior's centre to the box's top left corner, not from centre to centre": centre(
        lambda box, prior, axis: (corners(box)[axis] - prior[axis]) / prior[2 + axis]
    ),
    "from corner to corner, divided by the prior's size and by the variances (0.1, 0.15, 0.2, 0.25)": between(
        True, VARIANCES
    ),
    "from corner to corner, divided by the prior's size and by the variance 0.1": between(True, (X, Y, X, Y)),
    "from corner to corner, divided by the prior's size, not by variances": between(True, ONES),
    "plain differences of the corners, divided by the variances (0.1, 0.15, 0.2, 0.25)": between(False, VARIANCES),
    "plain differences of the corners, divided by the variance 0.1": between(False, (X, Y, X, Y)),
    "plain differences of (cx, cy, w, h), divided by the variances (0.1, 0.15, 0.2, 0.25)": lambda box, prior: divided(
        tuple(one - other for one, other in zip(box, prior, strict=True))
    ),
    "plain differences of (cx, cy, w, h), divided by the variance 0.1": lambda box, prior: divided(
        tuple(one - other for one, other in zip(box, prior, strict=True)), (X, Y, X, Y)
    ),
    "plain differences of the box's corners and the prior's (cx, cy, w, h)": lambda box, prior: tuple(
        one - other for one, other in zip(corners(box), prior, strict=True)
    ),
    "encoded from the priors' corners, as if those were centre and size": lambda box, prior: divided(
        usual(box, corners(prior))
    ),
    "encoded from the boxes' corners, as if those were centre and size": lambda box, prior: divided(
        usual(corners(box), prior)
    ),
    "encoded from boxes in pixels, while the priors are fractions": lambda box, prior: divided(
        usual(tuple(side * value for side, value in zip(SIDES, box, strict=True)), prior)
    ),
}
for read in permutations(range(4)):
    if read not in ((0, 1, 2, 3), (1, 0, 3, 2)):
        order = ", ".join(NAMES[read.index(place)] for place in range(4))
        ENCODERS[f"in the order ({order})"] = in_order(read)
for unit, scale in (("pixels", SIDES), ("fractions of the image", ONES)):
    for form, write in FORMS.items():
        ENCODERS[f"the boxes themselves, {form} in {unit}"] = raw(write, scale)
    ENCODERS[f"plain differences of the corners in {unit}"] = between(False, tuple(1 / side for side in scale))
    ENCODERS[f"plain differences of (cx, cy, w, h) in {unit}"] = lambda box, prior, scale=scale: tuple(  # type: ignore[misc]
        (one - other) * side for one, other, side in zip(box, prior, scale, strict=True)
    )


@pytest.mark.parametrize("pixels", [True, False])
def test_each_formula_is_undone(pixels: bool) -> None:
    found = list(formulas(VARIANCES, SIZE, pixels, ASPECT))
    assert len(found) == len({words for _, words, _ in found})
    for _, words, decode in found:
        encode = ENCODERS[words]
        rows = zip(BOXES.tolist(), PRIORS.tolist(), strict=True)
        offsets = np.array([encode(tuple(box), tuple(prior)) for box, prior in rows])
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(decode(offsets, PRIORS), BOXES, rtol=1e-6, atol=1e-9, err_msg=words)


def test_every_formula_is_tried() -> None:
    tried = {words for pixels in (True, False) for _, words, _ in formulas(VARIANCES, SIZE, pixels, ASPECT)}
    assert tried == set(ENCODERS)


def test_ssds_own_formula() -> None:
    offsets = np.array(
        [divided(usual(tuple(b), tuple(p))) for b, p in zip(BOXES.tolist(), PRIORS.tolist(), strict=True)]
    )
    np.testing.assert_allclose(offsets_of(offsets, PRIORS, VARIANCES), BOXES)


# Which of them fits


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([0.5, 1.0, np.nan], 2.0**-8),
        ([1 + 2.0**-7], 2.0**-8),
        ([1 + 2.0**-8], 2.0**-11),
        ([1 + 2.0**-10], 2.0**-11),
        ([1 + 2.0**-11], 2.0**-24),
        ([1e6, 0.1], 2.0**-24),
        ([70000.0 + 2**-7], 2.0**-24),
    ],
)
def test_the_precision_that_numbers_were_stored_in(values: list[float], error: float) -> None:
    """Half the distance of neighbours next to 1, of the least precise type that holds them."""
    assert stored_precision(np.array(values)) == error


@pytest.mark.parametrize("numbers", [2, 4])
def test_boxes_that_are_the_same(numbers: int) -> None:
    """Against comparing every two: groups that lie apart in one coordinate at least, and in one image."""
    random = np.random.default_rng(1)
    for _ in range(20):
        truth = random.integers(0, 6, 30)
        places = random.choice([0.1, 0.2, 0.3], (6, numbers))
        image = random.integers(0, 2, 30)
        boxes = places[truth] + random.uniform(-1e-4, 1e-4, (30, numbers))
        group = same_boxes(image, boxes, np.full((30, numbers), 1e-3))
        alike = (places[truth][:, None] == places[truth]).all(-1) & (image[:, None] == image)
        assert ((group[:, None] == group) == alike).all()


def test_boxes_that_only_others_held_together() -> None:
    """Two are near in every coordinate by way of a third, which the last coordinate tells from both."""
    boxes = np.array([[0.1, 0.5, 0.5, 0.5], [0.1015, 0.5, 0.5, 0.9], [0.103, 0.5, 0.5, 0.5]])
    assert len(set(same_boxes(np.zeros(3, dtype=int), boxes, np.full((3, 4), 1e-3)).tolist())) == 3


@pytest.mark.parametrize(("gap", "same"), [(1.9e-3, True), (2.1e-3, False)])
def test_boxes_as_far_apart_as_both_may_be_off(gap: float, same: bool) -> None:
    for axis in range(4):
        boxes = np.full((2, 4), 0.5)
        boxes[1, axis] += gap
        first, second = same_boxes(np.zeros(2, dtype=int), boxes, np.full((2, 4), 1e-3)).tolist()
        assert (first == second) is same


def test_boxes_that_are_the_same_by_each_of_several_formulas() -> None:
    """As by one of them alone; what is no box is alone, too."""
    random = np.random.default_rng(2)
    image, usable = random.integers(0, 3, 40), random.random((5, 40)) > 0.2
    boxes = random.choice([0.1, 0.2, 0.3], (5, 40, 4)) + random.uniform(-1e-4, 1e-4, (5, 40, 4))
    usable[3], boxes[~usable] = False, np.nan
    tolerance = np.full_like(boxes, 1e-3)
    for number, group in enumerate(same_boxes_by_each(image, boxes, tolerance, usable)):
        known = usable[number]
        alone = same_boxes(image[known], boxes[number][known], tolerance[number][known])
        alike = np.eye(40, dtype=bool)
        alike[np.ix_(known, known)] = alone[:, None] == alone
        assert ((group[:, None] == group) == alike).all()
        assert group.min() >= 0


def trial(groups: list[int], overlaps: list[float] | float = 0.9) -> Trial:
    group: IntArray = np.array(groups)
    overlap: FloatArray = np.broadcast_to(np.array(overlaps, dtype=float), group.shape)
    return Trial(group, lambda: overlap)


TEN = list(range(10))


@pytest.mark.parametrize(
    ("groups", "overlaps", "own", "own_overlaps", "better"),
    [
        # At most 0.7 as many boxes, and two fewer.
        ([0, 0, 0, 0, 1, 2, 3, 4, 5, 6], 0.9, TEN, 0.9, True),
        ([0, 0, 0, 1, 2, 3, 4, 5, 6, 7], 0.9, TEN, 0.9, False),
        ([0, 0], 0.9, [0, 1], 0.9, False),
        ([0, 0, 0], 0.9, [0, 1, 2], 0.9, True),
        # Of those that share a box, 0.8 overlap it by 0.9 of the threshold.
        ([0, 0, 0, 0, 0], [0.46] * 4 + [0.44], [0, 1, 2, 3, 4], 0.9, True),
        ([0, 0, 0, 0, 0], [0.46] * 3 + [0.44] * 2, [0, 1, 2, 3, 4], 0.9, False),
        # As many boxes, where the priors were matched, as those of the dialect's formula are not.
        ([0, 0, 0, 0, 1, 1, 1, 1, 2, 2], 0.9, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2], [0.1] * 9 + [0.9], True),
        ([0, 0, 0, 0, 1, 1, 1, 1, 2, 2], 0.9, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2], [0.1] * 8 + [0.9] * 2, False),
        ([0, 0, 0, 0, 1, 1, 1, 1, 2, 3], 0.9, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2], 0.1, False),
        ([0, 0, 0, 0, 1, 1, 1, 1, 2, 3], 0.9, [0, 0, 0, 0, 1, 1, 1, 1, 2, 3], 0.1, True),
        ([0, 0, 0, 0, 1, 1, 1, 2, 3, 4], 0.9, [0, 0, 0, 0, 1, 1, 1, 2, 3, 4], 0.1, False),
        (TEN, 0.9, TEN, 0.1, False),
        # Or where of a dozen that stand three or more to a box all but one in five are, and by the dialect's are not.
        ([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3], 0.9, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3], [0.9, 0.9, 0.1] * 4, True),
        ([0, 0, 0, *[1] * 4, *[2] * 4], 0.9, [0, 0, 0, *[1] * 4, *[2] * 4], [0.9, 0.1] * 5 + [0.9], False),
        ([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5], 0.9, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5], [0.9, 0.1] * 6, False),
    ],
)
def test_what_explains_offsets_better(
    groups: list[int], overlaps: list[float] | float, own: list[int], own_overlaps: list[float] | float, better: bool
) -> None:
    assert explains(trial(groups, overlaps), trial(own, own_overlaps), 0.5) is better


def test_a_trial_counts_boxes_and_ranks_them() -> None:
    few, close, far = trial([4, 4, 9]), trial([4, 5, 9], 0.9), trial([4, 5, 9], 0.8)
    assert (few.boxes, few.shared.tolist()) == (2, [True, True, False])
    assert few.rank > close.rank > far.rank


@pytest.mark.parametrize(
    ("box", "known"), [((0.5, 0.5, 0.2, 0.3), True), ((0.5, 0.5, 0.0, 0.3), False), ((0.5, 0.5, 0.2, -0.1), False)]
)
def test_what_has_no_sides_overlaps_nothing(box: tuple[float, ...], known: bool) -> None:
    """And stands for no box that another positive has."""
    hypothesis = Hypothesis(Formula.NOT_ENCODED, "", (1.0,) * 4, lambda offsets, _: offsets)
    rows = np.array([box, box])
    positives = Positives(
        np.zeros(2, dtype=int), np.ones(2, dtype=int), rows, np.array([[0.5, 0.5, 0.2, 0.3]] * 2), 0.0
    )
    found = attempt(hypothesis, positives)
    assert found.overlap.tolist() == pytest.approx([float(known)] * 2)
    assert found.boxes == (1 if known else 2)


@pytest.mark.parametrize("made", [(0.1, 0.1, 0.2, 0.2), (0.12, 0.3, 0.5, 0.25)])
def test_variances_are_recovered(made: tuple[float, float, float, float]) -> None:
    """From six positives of each of four objects, in their order."""
    random = np.random.default_rng(2)
    boxes = np.repeat(random.uniform((0.3, 0.3, 0.2, 0.2), (0.7, 0.7, 0.4, 0.4), (4, 4)), 6, axis=0)
    priors = boxes * random.uniform(0.8, 1.25, boxes.shape)
    rows = zip(boxes.tolist(), priors.tolist(), strict=True)
    offsets = np.array([divided(usual(tuple(box), tuple(prior)), made) for box, prior in rows])
    positives = Positives(np.repeat([0, 0, 1, 1], 6), np.repeat([1, 2, 1, 1], 6), offsets, priors, 2.0**-24)
    each, both = recover_variances(positives, (9.0,) * 4)
    assert each == pytest.approx(made)
    if made[0] == made[1]:
        assert both == pytest.approx(made)
    nothing = Positives(np.arange(24), np.ones(24, dtype=int), offsets, priors, 2.0**-24)
    assert recover_variances(nothing, (9.0, 8.0, 7.0, 6.0)) == ((9.0, 8.0, 7.0, 6.0), (9.0, 9.0, 7.0, 7.0))
