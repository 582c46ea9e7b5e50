"""Cases that tell how objects get their priors."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ssdlossdbg.analysis.identity.makers import GRID, Boxes, Case, Maker, box, grid

# IoU of a graded prior and its object: half a hundredth off every round threshold.
GRADES = [(step + 0.5) / 100 for step in range(5, 95)]
# Fractions that a threshold may be and float32 holds.
EXACT = (0.25, 0.375, 0.5, 0.625, 0.75)
# Areas from 1e-13 to 1e-2, as sides, a fifth of a decade of area apart, none near a power of ten or half of one.
SMALL_SIDES = [10 ** (-6.47 + step / 10) for step in range(54)]


def graded(make: Maker) -> Case:
    """One object, and priors that overlap it by 0.055, 0.065, ... 0.945."""
    low, side = 0.125, 0.5
    priors = [[0.375, 0.375, side, side]] + [[low + side * part / 2, 0.375, side * part, side] for part in GRADES]
    return make.case("overlaps of every size", priors, [[box(0.375, 0.375, side, side)]])


def exactly(make: Maker) -> Case:
    """Overlaps that a threshold may equal."""
    low, side = 0.25, 0.5
    priors = [[0.5, 0.5, side, side]] + [[low + side * part / 2, 0.5, side * part, side] for part in EXACT]
    return make.case("overlaps of exactly a half, a quarter, ...", priors, [[box(0.5, 0.5, side, side)]])


def contested(make: Maker) -> Case:
    """Objects that share their best prior, which is not the first of all, in every order."""
    priors = [[0.75, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25], [0.40625, 0.25, 0.25, 0.25], *grid(4, 0.2)[8:]]
    good, fair, weak = box(0.26, 0.25, 0.25, 0.24), box(0.29, 0.25, 0.27, 0.25), box(0.23, 0.21, 0.2, 0.2)
    return make.case(
        "objects that contest a prior", priors, [[good, fair], [fair, good], [fair, good, weak], [weak, fair, good]]
    )


def shared_weakly(make: Maker) -> Case:
    """Two objects below every usual threshold whose best prior is one, alone and beside one above it."""
    priors = [[0.75, 0.25, 0.3, 0.3], [0.25, 0.25, 0.3, 0.3], [0.25, 0.75, 0.3, 0.3], [0.75, 0.75, 0.4, 0.4]]
    priors += [[0.5, 0.5, 0.1, 0.1], [0.47, 0.25, 0.12, 0.3]]
    small, tall, own = box(0.25, 0.25, 0.14, 0.14), box(0.25, 0.29, 0.1, 0.24), box(0.25, 0.26, 0.3, 0.3)
    images = [[own, small], [small, own], [small, tall, own], [small, tall], [tall, small]]
    return make.case("weak objects on the prior of another", priors, images)


def equal(make: Maker) -> Case:
    """Twin objects over triplets of priors."""
    priors = [each for each in grid(3, 0.25) for _ in range(3)]
    twin = box(0.5, 0.5, 0.25, 0.25)
    moved = box(1 / 6 + 0.02, 1 / 6, 0.25, 0.24)
    return make.case("equal overlaps", priors, [[twin, twin], [moved, twin]])


def apart(make: Maker) -> Case:
    """An object far from all priors, first and last in its image."""
    priors = [[0.25, 0.25, 0.25, 0.25], [0.5, 0.25, 0.25, 0.25], [0.25, 0.625, 0.25, 0.25], [0.5, 0.625, 0.25, 0.25]]
    priors += [[0.375, 0.4, 0.5, 0.5], [0.3, 0.3, 0.1, 0.1]]
    far, near, first = box(0.9, 0.9, 0.1, 0.1), box(0.5, 0.62, 0.24, 0.26), box(0.25, 0.25, 0.26, 0.24)
    return make.case("an object that overlaps no prior", priors, [[far, near], [near, far], [first, far], [far, first]])


def hardly(make: Maker) -> Case:
    """Objects whose best overlap is 0.4, 0.3, ... and next to nothing."""
    shares = (0.44, 0.37, 0.33, 0.28, 0.23, 0.18, 0.13, 0.08, 0.03, 3e-3, 3e-4, 3e-5, 3e-6, 3e-7, 3e-8, 3e-10, 3e-12)
    priors = [[0.1 + 0.2 * (each % 5), 0.1 + 0.2 * (each // 5), 0.16, 0.16] for each in range(len(shares))]
    sides = [0.16 * share**0.5 for share in shares]
    objects = [box(x, y, side, side) for (x, y, *_), side in zip(priors, sides, strict=True)]
    spare = [[0.9, 0.9, 0.1, 0.05], [0.9, 0.9, 0.05, 0.1], [0.7, 0.9, 0.1, 0.1]]
    return make.case("best overlaps of every size", priors + spare, [objects])


def second_choices(make: Maker) -> Case:
    """Objects whose best prior another has, and which overlap their next one by 0.33, 0.28, ... and next to nothing."""
    shares = (0.33, 0.28, 0.23, 0.18, 0.13, 0.08, 0.03, 3e-3, 3e-4, 3e-5, 3e-6, 3e-7, 3e-8)
    priors, objects = [], []
    for place, share in enumerate(shares):
        x, y, side = 0.125 + 0.25 * (place % 4), 0.125 + 0.25 * (place // 4), 0.16 * share**0.5
        priors += [[x, y, 0.16, 0.16], [x + 0.02, y + 0.01, side, side]]
        objects += [box(x, y, 0.16, 0.16), box(x + 0.005, y, 0.16, 0.16)]
    return make.case("objects left with their second best prior", priors, [objects])


def banded(make: Maker) -> Case:
    """A prior that is positive, others that an ignore band may hold, and many that are negatives."""
    parts = (0.57, 0.52, 0.47, 0.42, 0.37, 0.32, 0.27, 0.22)
    priors = [[0.375, 0.375, 0.25, 0.25], *([0.25 + 0.125 * part, 0.375, 0.25 * part, 0.25] for part in parts)]
    return make.case("priors near a threshold among many", [*priors, *grid(5, 0.09)], [[box(0.375, 0.376, 0.25, 0.25)]])


def small(make: Maker) -> Case:
    """Two priors at objects of every size: the first is forced, of the second the overlap decides, 0.76 in truth."""
    priors, objects = [], []
    for side in SMALL_SIDES:
        middle = 4 * side
        priors += [[middle, middle, side, side], [middle, middle, 0.95 * side, side]]
        objects.append(box(middle, middle, 1.25 * side, side))
    return make.case("objects of every size", priors, [objects])


def background(make: Maker, label: int) -> Case:
    """An image whose only object has such a label."""
    made = make.case(
        f"an object labelled {label}",
        GRID,
        [[box(0.37, 0.39, 0.22, 0.27), box(0.71, 0.76, 0.47, 0.44)], [box(0.27, 0.71, 0.41, 0.52)]],
    )
    first, second = made.labels
    return replace(made, labels=(first, torch.full_like(second, label)))


def flat(make: Maker) -> Case:
    """A box without width whose best prior has a part of its height, beside ordinary ones."""
    made = make.case("a box without width", GRID, [[box(0.37, 0.39, 0.0, 0.27), box(0.71, 0.76, 0.47, 0.44)]])
    return replace(made, sound=False)


def flat_last(make: Maker) -> Case:
    """The same box as the last of its image, which priors without an object are encoded to by an index of -1."""
    made = make.case("a last box without width", GRID, [[box(0.71, 0.76, 0.47, 0.44), box(0.37, 0.39, 0.0, 0.27)]])
    return replace(made, sound=False)


def flat_priors(make: Maker) -> Case:
    """Nothing over nothing: a prior without area on an object without area."""
    priors = [*grid(3, 0.3), [0.8125, 0.5, 0.0, 0.25]]
    made = make.case("a prior without width on a box without width", priors, [[box(0.8125, 0.5, 0, 0.25)]])
    return replace(made, sound=False)


def inverted(make: Maker) -> Case:
    """A box whose right side is left of its left side."""
    made = make.case("an inverted box", GRID, [[[0.6, 0.2, 0.4, 0.45], box(0.71, 0.76, 0.47, 0.44)]])
    return replace(made, sound=False)


def barely(make: Maker) -> Case:
    """Overlaps that float32 and float64 have on different sides of a half."""
    return replace(make.case("overlaps that rounding decides", *_rounded_pairs()), delicate=True)


def _rounded_pairs() -> tuple[list[list[float]], list[Boxes]]:
    random = torch.Generator().manual_seed(11)
    width = torch.rand(4096, generator=random) * 0.2 + 0.1
    centre = torch.rand(4096, generator=random) * 0.2 + 0.3
    half = width / 2
    single, double = _half_overlap(centre, width, half), _half_overlap(centre.double(), width.double(), half.double())
    differing = ((single < 0.5) != (double < 0.5)).nonzero().flatten()[:4]
    priors, objects = [], []
    for row, index in enumerate(differing.tolist()):
        middle, side, other = float(centre[index]), float(width[index]), float(half[index])
        priors += [[middle, 0.125 + 0.25 * row, side, 0.125], [middle, 0.125 + 0.25 * row, other, 0.125]]
        objects.append([middle - side / 2, 0.0625 + 0.25 * row, middle + side / 2, 0.1875 + 0.25 * row])
    return priors, [objects]


def _half_overlap(centre: Tensor, width: Tensor, half: Tensor) -> Tensor:
    """IoU along one axis of a box and one of half its width, in the order of operations of every codebase."""
    low, high = (centre.float() - width.float() / 2), (centre.float() + width.float() / 2)
    low, high = low.to(centre.dtype), high.to(centre.dtype)
    inner = torch.minimum(high, centre + half / 2) - torch.maximum(low, centre - half / 2)
    areas = (high - low) * 0.125 + (centre + half / 2 - (centre - half / 2)) * 0.125
    shared = inner * 0.125
    return shared / (areas - shared)
