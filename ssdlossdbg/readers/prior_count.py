"""Whether priors are as many as the predictions are for, and if not, what would explain it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import SAME_PRIORS, NamedPriors, presets_of
from ssdlossdbg.readers.prior_configs import presets_with
from ssdlossdbg.readers.prior_gap import explain_count

# Codes of the findings that explain a refusal.
COUNT, REPEATED = "PRI001", "PRI002"
# The most effort of an explanation that changes one level of a config, which is named beside a preset.
ONE_LEVEL = 1.4


def check_prior_count(named: NamedPriors, predicted: int, where: str) -> None:
    """Refuse priors whose number is not that of the predictions, saying what would explain the gap.

    Raises:
        InputError: the numbers differ.
    """
    boxes = named.priors.boxes
    if len(boxes) == predicted:
        return
    what = f"has {len(boxes)} priors, but the predictions are for {predicted}"
    copies, rest = divmod(len(boxes), predicted)
    if not rest and torch.equal(boxes, boxes[:predicted].repeat(copies, 1)):
        fix = f"They are the same ones {copies} times, as DataParallel gathers them: save priors[:{predicted}]."
        raise InputError(where, what, fix, REPEATED)
    fitting = presets_with(predicted)
    hints = list(islice(_preset_less_levels(boxes, predicted), 1)) or list(_of_a_batch(len(boxes), predicted))
    hints += [f"Presets with {predicted} priors: {', '.join(fitting)}."] if fitting else []
    most = ONE_LEVEL if hints else math.inf  # a preset explains it, too
    hints += explain_count(named.priors.levels, named.priors.image_size, predicted, most)
    if len(torch.unique(boxes, dim=0)) == predicted:
        hints.append("Without repeated rows they are as many: is an aspect ratio of 1 listed beside the square?")
    raise InputError(where, what, " ".join(hints) or "Give the config of this very network: --config.", COUNT)


def _of_a_batch(own: int, predicted: int) -> Iterator[str]:
    """That the predictions are several times as many."""
    times, rest = divmod(predicted, own)
    if not rest and own > 1:
        yield (
            f"They are {times} times as many: were those of {times} images made one list? Save loc as [B, {own}, 4] "
            f"and conf as [B, {own}, C]."
        )


def _preset_less_levels(boxes: Tensor, predicted: int) -> Iterator[str]:
    """That the priors, `[P, 4]`, are those of a preset of the right number, but for a level or some at an end."""
    for preset in presets_of(predicted):
        levels, parts = (
            preset.priors.levels,
            torch.split(preset.priors.boxes, [each.count for each in preset.priors.levels]),
        )
        total = len(parts)
        runs = {(first, last) for first in range(total) for last in range(first, total)}
        ends = {(first, last) for first, last in runs if first == last or first == 0 or last == total - 1}
        for first, last in sorted(ends, key=lambda run: run[1] - run[0]):
            kept = [*parts[:first], *parts[last + 1 :]]
            if sum(map(len, kept)) == len(boxes) and torch.allclose(torch.cat(kept), boxes, rtol=0, atol=SAME_PRIORS):
                cells = " and ".join("{} x {}".format(*each.feature_map) for each in levels[first : last + 1])
                which = f"level {first}" if first == last else f"levels {first} to {last}"
                yield f"They are those of {preset.name} without {which} ({cells}): generate all levels."
