"""What ranks priors in hard negative mining, as if each were a negative."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.confidence import highest_of_row, log_softmax_of_background
from ssdlossdbg.multibox.kept import kept
from ssdlossdbg.multibox.threads import bookkeeping
from ssdlossdbg.rules import MiningScore


def _global_max_cross_entropy(conf: Tensor) -> Tensor:
    peak = conf.max()
    return tiles.of_logits(lambda part: cross_entropy_under(peak, part), conf)


def cross_entropy_under(peak: Tensor, logits: Tensor) -> Tensor:
    """`[...]` of logits `[..., C]`, the cross-entropy of the background, computed with that maximum."""
    return logits.sub(peak).exp_().sum(-1).log_().add_(peak).sub_(logits[..., 0])


def _cross_entropy(conf: Tensor) -> Tensor:
    return tiles.of_logits(log_softmax_of_background, conf)


def _background_probability(conf: Tensor) -> Tensor:
    return tiles.of_logits(lambda part: -part.softmax(-1)[..., 0], conf)


def _foreground_probability(conf: Tensor) -> Tensor:
    return tiles.of_logits(lambda part: part.softmax(-1)[..., 1:].sum(-1), conf)


def _highest_probability(conf: Tensor) -> Tensor:
    return tiles.of_logits(lambda part: highest_of_row(part.softmax(-1)[..., 1:]), conf)


# Of the logits alone. The confidence loss is known beforehand; this is what it is of a negative under a softmax.
SCORES: dict[MiningScore, Callable[[Tensor], Tensor]] = {
    MiningScore.CONFIDENCE_LOSS: _cross_entropy,
    MiningScore.GLOBAL_MAX_CROSS_ENTROPY: _global_max_cross_entropy,
    MiningScore.BACKGROUND_PROBABILITY: _background_probability,
    MiningScore.FOREGROUND_PROBABILITY: _foreground_probability,
    MiningScore.HIGHEST_PROBABILITY: _highest_probability,
}


class Logits:
    """Logits `[B, P, C]` that negatives are chosen by under many specs: what does not depend on roles, computed once.

    Args:
        conf: background in column 0.
        exactly: computes the confidence loss `[B, P]`, where what comes with the logits is that of `near_costs`.
        extremes: the lowest and the highest logit, where they are known.
    """

    def __init__(
        self, conf: Tensor, exactly: Callable[[], Tensor] | None = None, extremes: tuple[Tensor, Tensor] | None = None
    ) -> None:
        self.exactly = exactly
        self.conf = conf.detach()  # choosing has no gradient
        self._scores: dict[MiningScore, Tensor] = {}
        self._extremes = extremes

    @kept
    def extremes(self) -> tuple[Tensor, Tensor]:
        """The lowest and the highest."""
        with bookkeeping(self.conf[..., 0]):
            lowest, highest = self._extremes or torch.aminmax(self.conf)
            return lowest, highest

    def score(self, kind: MiningScore, confidence: Tensor) -> Tensor:
        """`[B, P]` what ranks every prior as if it were a negative, not to be written to."""
        if kind is MiningScore.CONFIDENCE_LOSS:
            return confidence if self.exactly is None else self.exactly().detach()
        if kind not in self._scores:
            self._scores[kind] = SCORES[kind](self.conf)
        return self._scores[kind]
