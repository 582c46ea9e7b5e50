"""Whether priors are as many as the predictions are for, and if not, what would explain it."""

from __future__ import annotations

import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.prior_configs import presets_with
from ssdlossdbg.readers.prior_gap import explain_count

# Codes of the findings that explain a refusal.
COUNT, REPEATED = "PRI001", "PRI002"


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
    hints = [f"Presets with {predicted} priors: {', '.join(fitting)}."] if fitting else []
    hints += [] if fitting else explain_count(named.priors.levels, named.priors.image_size, predicted)
    if len(torch.unique(boxes, dim=0)) == predicted:
        hints.append("Without repeated rows they are as many: is an aspect ratio of 1 listed beside the square?")
    raise InputError(where, what, " ".join(hints) or "Give the config of this very network: --config.", COUNT)
