"""Hypotheses about the logits: what they are, which column is what, whether the labels are those that were learnt."""

from __future__ import annotations

import torch
from torch import Tensor

from ssdlossdbg.analysis.evidence.hypotheses.aims import Aims, Given
from ssdlossdbg.analysis.evidence.hypotheses.strangers import SURE_ENOUGH
from ssdlossdbg.multibox.confidence import probabilities as chances_of
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.results.hypotheses import Heard

# Rows looked at before all are.
FIRST_ROWS = 64
# What half precision makes of a sum of probabilities.
SUM_ERROR = 5e-3
# Fewer numbers may lie between 0 and 1 by chance; and rectified ones are often exactly 0.
FEWEST_NUMBERS, MOST_ZEROS = 1000, 0.2
# Of logarithms of probabilities of a network that has learnt something, so many are those of nearly 1.
PILED_UP = 0.02
# Of the mined negatives, a share this large with one class on top lets all negatives be asked.
SUSPICIOUS = 0.8


def probabilities(conf: Tensor) -> str:
    """What alone can have given the logits, `[B, P, C]`; an empty string where they are logits.

    Returns:
        "softmax" or "sigmoid"; "log-softmax" or "log-sigmoid" for the logarithms of either.
    """
    if _within(conf[:, :FIRST_ROWS]) and _within(conf):
        if conf.shape[-1] > 1 and bool(((conf.sum(-1) - 1).abs() < SUM_ERROR).all()):
            return "softmax"
        return "sigmoid" if _varied(conf) and bool(widest(conf == 0).mean() < MOST_ZEROS) else ""
    if not _are_logarithms(conf[:, :FIRST_ROWS]) or not _are_logarithms(conf):
        return ""
    if conf.shape[-1] > 1 and bool((conf.logsumexp(-1).abs() < SUM_ERROR).all()):
        return "log-softmax"
    # Logits of any origin may all be negative, but only logarithms of what comes near to 1 pile up below 0.
    return "log-sigmoid" if _varied(conf) and bool(widest(conf > -SUM_ERROR).mean() > PILED_UP) else ""


def _varied(values: Tensor) -> bool:
    return values.numel() >= FEWEST_NUMBERS and bool(values.amax() - values.amin() > SUM_ERROR)


def _are_logarithms(values: Tensor) -> bool:
    """Whether no number is above 0 by more than rounding, and none is infinite."""
    low, high = values.aminmax()
    return bool((high <= 0) & low.isfinite())


def _within(values: Tensor) -> bool:
    low, high = values.aminmax()
    return bool((low >= 0) & (high <= 1))


def hear(given: Given, aims: Aims) -> Heard:
    """What the logits say at the positives, and in which column most negatives have their highest one."""
    rows = given.conf[aims.image, aims.prior]
    target = given.loss.matching.labels[aims.image, aims.prior]
    chances = _chances(rows, given)
    highest, column = chances[:, 1:].max(-1)
    sure = (highest > SURE_ENOUGH) & (target > 0)
    if given.known is None:
        owner = torch.full_like(aims.image, -1)
    else:
        owner = aims.image * given.known.gt.boxes.shape[1] + aims.owner
    common, share, mean = _of_negatives(given)
    cost, rolled = _costs(given) if common else (0.0, 0.0)
    at_positives = float(widest(chances[:, common]).mean()) if len(rows) else 0.0
    return Heard(
        target=target[sure].cpu().numpy(),
        predicted=(column[sure] + 1).cpu().numpy(),
        owner=owner[sure].cpu().numpy(),
        image=aims.image[sure].cpu().numpy(),
        labels=tuple(torch.bincount(target.clamp(min=0)).nonzero().flatten().tolist()),
        column=common,
        column_share=share,
        column_probability=mean,
        positives_probability=at_positives,
        cost=cost,
        rolled=rolled,
    )


def _of_negatives(given: Given) -> tuple[int, float, float]:
    """The column most negatives have on top, the share that do, and its mean probability at them.

    The hardest negatives are asked first: where not even they agree on a class, the background is where it should be.
    """
    highest = given.conf[given.loss.mining.mined].argmax(-1)
    counts = torch.bincount(highest, minlength=given.conf.shape[-1])
    column = int(counts.argmax())
    if column == 0 or not len(highest) or int(counts[column]) < SUSPICIOUS * len(highest):
        return 0, 0.0, 0.0
    rows = given.conf[given.loss.matching.negative]
    on_top = widest(rows.argmax(-1) == column).mean()
    return column, float(on_top), float(widest(_chances(rows, given)[:, column]).mean())


def _chances(rows: Tensor, given: Given) -> Tensor:
    return chances_of(rows, given.rules.loss)


def _costs(given: Given) -> tuple[float, float]:
    """Mean cross-entropy of what the loss counts, as it is and with the last column first."""
    selected = given.loss.selected
    rows, labels = given.conf[selected], given.loss.matching.labels[selected]
    costs = [torch.nn.functional.cross_entropy(part, labels) for part in (rows, rows.roll(1, -1))]
    as_given, rolled = torch.stack(costs).tolist()
    return as_given, rolled
