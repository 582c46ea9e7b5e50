"""What background costs under a softmax, as closely as telling the few that count from the rest asks for."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.confidence import log_softmax_of_background
from ssdlossdbg.multibox.threads import bookkeeping, one_thread

# By how much a cost is off at the most: this share of it, and no more than this.
NEARLY = 1 / 32
# Logits as large, and as far from each other, have an exp in float32, and so have sums of some thousand of them.
LARGE_LOGIT = 80.0
# The bits of exp(x), read as a whole number, if its logarithm to base 2 were a straight line from one whole number to
# the next: an exponent times 2^23, and the constant by which it is as often 3 % too large as it is too small.
BITS_PER_LOGIT = 2**23 / math.log(2)
BITS_OF_ONE = 2**23 * (127 - math.log2(2 / (math.e * math.log(2))) / 2)
# So many priors or more are looked at, to find out if a cut-off at so high a cost leaves one in so many unsure: then a
# second look at these takes as long as the first saves.
LOOKED_AT, HIGH, UNSURE = 1000, 0.95, 12
# Priors of a batch from which on all that saves more than it costs: five images of 8,732.
WORTH_LOOKING = 40_000
# Logits from which on another thread gains more than waiting for the interpreter costs, in so few operations.
WORTH_ANOTHER = 2**24


@dataclass(frozen=True)
class Slack:
    """How far a score that is known nearly may be off.

    It is `share` of it, and no more than `share`, and `rest` besides.
    """

    share: float = 0.0
    rest: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.share or self.rest)

    def of(self, near: Tensor) -> Tensor:
        """By how much some scores may be off, which are not below 0 but for the rest."""
        return self.share * near.clamp(0, 1) + self.rest

    def surely_above(self, near: Tensor) -> Tensor:
        """Above which another score has to be, nearly, that it is surely the higher of both."""
        least = near + self.of(near) + self.rest
        return least + self.share * (least / (1 - self.share)).clamp(0, 1)

    def surely_below(self, near: Tensor) -> Tensor:
        """Below which another score has to be, nearly, that it is surely the lower of both."""
        most = near - self.of(near) - self.rest
        return most - self.share * (most / (1 + self.share)).clamp(0, 1)


@dataclass(frozen=True)
class NearCosts:
    """What background nearly costs.

    Attributes:
        costs: `[B, P]` cross-entropy of the background, off by no more than `NEARLY`.
        lowest: of the logits.
        highest: of the logits.
    """

    costs: Tensor
    lowest: Tensor
    highest: Tensor


def tell_apart(conf: Tensor) -> bool:
    """Whether there are near costs of logits `[B, P, C]` that tell most priors from those at a cut-off.

    A look at a few says so. Of a network whose last layers are freshly drawn, all priors may cost nearly the same.
    """
    if conf.dtype is not torch.float32 or conf.shape[0] * conf.shape[1] < WORTH_LOOKING:
        return False
    few = conf[:, :: conf.shape[0] * conf.shape[1] // LOOKED_AT]
    with bookkeeping(few):
        costs = log_softmax_of_background(few).flatten()
        slack, high = Slack(NEARLY), costs.quantile(HIGH)
        unsure = (costs > slack.surely_below(high)) & (costs < slack.surely_above(high))
        return bool(UNSURE * unsure.sum() < len(costs))


def near_costs(conf: Tensor) -> NearCosts | None:
    """What background nearly costs, in half of the time of `F.cross_entropy`; None where float32 does not hold exp.

    That is taken for straight between powers of 2 (Schraudolph 1999, "A Fast, Compact Approximation of the Exponential
    Function").

    Args:
        conf: `[B, P, C]` float32 logits, background in column 0, on a CPU.
    """
    bits_of_one, others = conf.new_tensor(BITS_OF_ONE), torch.ones_like(conf[0, 0])
    others[0] = 0
    extremes: list[tuple[Tensor, Tensor]] = []

    def cost(part: Tensor) -> Tensor:
        # In place: fresh memory takes as long as the arithmetic.
        extremes.append(torch.aminmax(part))
        numbers = torch.add(bits_of_one, part, alpha=BITS_PER_LOGIT)
        numbers.view(torch.int32).copy_(numbers)
        odds = torch.mv(numbers.flatten(0, -2), others).view(part.shape[:-1])
        # log(1 + the odds against background), which is off by as little where they are next to nothing.
        return odds.div_(part[..., 0].exp()).log1p_()

    with one_thread() if conf.numel() < WORTH_ANOTHER else nullcontext():
        costs = tiles.of_logits(cost, conf)
    with bookkeeping(costs):
        lowest, highest = (torch.stack(each) for each in zip(*extremes, strict=True))
        lowest, highest = lowest.amin(), highest.amax()
        if not (lowest > -LARGE_LOGIT and highest < LARGE_LOGIT and highest - lowest < LARGE_LOGIT):  # or one is nan
            return None
        return NearCosts(costs, lowest, highest)
