"""Cases that tell how negatives are mined, and what the terms of the loss are and are divided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from ssdlossdbg.analysis.identity.makers import GRID, Case, Maker, box, grid

# Logits beyond which a float32 softmax has a probability of exactly 0.
SATURATED = 150.0
# The columns of which one is the background's.
EITHER = [0, -1]


def ordinary(make: Maker) -> Case:
    """Three images of ordinary objects: almost every rule matters."""
    first = [box(0.37, 0.39, 0.22, 0.27), box(0.71, 0.76, 0.47, 0.44), box(0.88, 0.14, 0.21, 0.19)]
    second = [box(0.27, 0.71, 0.41, 0.52)]
    third = [box(0.64, 0.37, 0.29, 0.24), box(0.13, 0.86, 0.2, 0.23)]
    return make.case("an ordinary batch", GRID, [first, second, third])


def plain(make: Maker) -> Case:
    """Nine objects an image, each next to a prior of its own: nothing of how they are matched and mined decides."""
    priors = grid(3, 0.25)
    objects = [_beside(priors), _beside(priors[::-1])]
    return replace(make.case("a prior for every object, and none beside", priors, objects), is_unmistakable=True)


def unmistakable(make: Maker) -> Case:
    """Images of a few such objects, and negatives that no object is near to."""
    priors = grid(4, 0.2)
    picked = [_beside([priors[5], priors[10], priors[3]]), _beside([priors[9]]), _beside([priors[12], priors[6]])]
    made = make.case("objects that are each near a prior of their own", priors, picked)
    return replace(made, is_unmistakable=True)


def _beside(priors: Sequence[Sequence[float]]) -> list[list[float]]:
    """Boxes that overlap a prior each by some 0.97, none like the other."""
    return [
        box(x + 6e-4 + 1e-4 * place, y - 3e-4, width - 1e-3, height + 5e-4 * (1 - 2 * (place % 2)))
        for place, (x, y, width, height) in enumerate(priors)
    ]


def few_priors(make: Maker) -> Case:
    """Three times the positives are more than the negatives."""
    priors = [*grid(2, 0.4), [0.5, 0.5, 0.8, 0.8], [0.5, 0.5, 0.2, 0.3]]
    first = [box(0.26, 0.24, 0.41, 0.38), box(0.75, 0.77, 0.37, 0.42), box(0.5, 0.51, 0.78, 0.83)]
    return make.case("more negatives wanted than there are", priors, [first, [box(0.74, 0.27, 0.36, 0.41)]])


def crowded(make: Maker) -> Case:
    """One image wants far more negatives than it has, and the other, with as many as both want, a few."""
    many = [box(x + 0.01, y, side, 0.9 * side) for x, y, side, _ in GRID[::2]]
    return make.case("an image full of objects beside one with one", GRID, [many, [box(0.74, 0.27, 0.36, 0.41)]])


def on_priors(make: Maker) -> Case:
    """Localisation costs nothing, whatever its rules."""
    picked = [[box(*GRID[5])], [box(*GRID[0]), box(*GRID[10])]]
    made = make.case("objects that are priors, predicted without a fault", GRID, picked)
    return replace(made, loc=torch.zeros_like(made.loc))


def one_empty(make: Maker) -> Case:
    """The second image of three has no object."""
    return make.case("an image without objects", GRID, [[box(0.37, 0.39, 0.22, 0.27)], [], [box(0.7, 0.7, 0.4, 0.5)]])


def all_empty(make: Maker) -> Case:
    """No image has any, of more than a hundred priors, of which one in a hundred may be mined."""
    return make.case("no object at all", [*GRID, *grid(10, 0.1)], [[], []])


def level_logits(make: Maker) -> Case:
    """Most priors cost the same."""
    made = ordinary(make)
    conf = torch.zeros_like(made.conf)
    conf[:, ::5] = made.conf[:, ::5]
    return replace(made, name="equal logits", conf=conf)


def saturated(make: Maker) -> Case:
    """Background probabilities of exactly 0 and 1, whose costs are not equal; the dearest stand last."""
    made = ordinary(make)
    conf = made.conf.clone()
    conf[..., EITHER] = -SATURATED - 5 * torch.arange(conf.shape[1], dtype=conf.dtype)[:, None]
    return replace(made, name="background probabilities of exactly 0", conf=conf)


def certain(make: Maker) -> Case:
    """Negatives that cost exactly nothing."""
    made = few_priors(make)
    conf = made.conf.clone()
    conf[:, 1::2, 0] = SATURATED
    return replace(made, name="background probabilities of exactly 1", conf=conf)


def improbable(make: Maker) -> Case:
    """Costs from 5 to 200, which a floor under probabilities caps."""
    made = on_priors(make)
    conf = made.conf.clone()
    conf[..., EITHER] -= torch.linspace(5, 200, conf.shape[1])[:, None]
    return replace(made, name="costs of every size", conf=conf)


def far_logits(make: Maker) -> Case:
    """Rows that underflow under the maximum of the batch."""
    made = unmistakable(make)
    conf = made.conf.clone()
    conf[0, 5, 1] = 200.0
    return replace(made, name="one logit far above the others", conf=conf)


def far_and_few(make: Maker) -> Case:
    """The same, where all priors but one are wanted."""
    made = few_priors(make)
    conf = made.conf.clone()
    conf[0, 0, 1] = 200.0
    return replace(made, name="one logit far above the others, and few negatives", conf=conf)


def repeated(make: Maker) -> Case:
    """Predicted boxes that repeat each other ever more, at negatives and at a positive."""
    shifts = (0.0, 0.0005, 0.004, 0.012, 0.03, 0.05, 0.08)
    priors = [[0.2 + shift, 0.5, 0.25, 0.25] for shift in shifts] + [[0.7 + shift, 0.5, 0.25, 0.25] for shift in shifts]
    made = make.case(
        "predicted boxes that repeat each other", [*priors, *grid(3, 0.2)], [[box(0.203, 0.504, 0.26, 0.24)]]
    )
    return replace(made, loc=torch.cat((torch.zeros_like(made.loc[:, : len(priors)]), made.loc[:, len(priors) :]), 1))


def unseen_infinity(make: Maker) -> Case:
    """An infinite prediction at a negative that no mining takes, and that no object is near to."""
    made = ordinary(make)
    loc, conf = made.loc.clone(), made.conf.clone()
    loc[1, 3, 0], conf[1, 3, EITHER] = torch.inf, 30.0
    return replace(made, name="an infinite offset that does not count", loc=loc, conf=conf, sound=False)


def mined_infinity(make: Maker) -> Case:
    """An infinite prediction at a negative that mining takes first."""
    made = ordinary(make)
    loc, conf = made.loc.clone(), made.conf.clone()
    loc[1, 3, 0], conf[1, 3, EITHER] = torch.inf, -30.0
    return replace(made, name="an infinite offset at a mined negative", loc=loc, conf=conf, sound=False)


def unseen_nan(make: Maker) -> Case:
    """Logits that are no numbers, in an image that has no positive and wants no negative."""
    made = one_empty(make)
    conf = made.conf.clone()
    conf[1, 3] = torch.nan
    return replace(made, name="logits that are no numbers and do not count", conf=conf, sound=False)
