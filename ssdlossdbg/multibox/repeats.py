"""Non-maximum suppression by a threshold near 1, as hard example mining has it: only near repetitions drop."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssdlossdbg.multibox.ascending import ascending
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.multibox.nms import LONGEST, SHORTEST, WINDOW_SLACK, hits_of, suppress_in_blocks, without
from ssdlossdbg.rules import IouRule, Suppression

# Strips of widths are so many times as broad as two repetitions differ: few boxes of one stand in the next one, too.
BREADTH = 8
# More than rounding takes from the logarithm of a width.
LOG_SLACK = 1e-4


def suppress_repeats(boxes: Tensor, threshold: float) -> Tensor:
    """Which boxes greedy suppression keeps, where it compares the plain IoU: as `suppress_in_blocks` has it.

    Boxes that overlap so much are nearly as wide as each other, and begin at nearly the same place. So only boxes of a
    strip of widths that begin near each other are compared.

    Args:
        boxes: `[R, N, 4]` xyxy, each row in falling order of its scores.
        threshold: above 0; a box goes that overlaps a kept one before it by more.

    Returns:
        `[R, N]` bool.
    """
    everything = torch.ones(boxes.shape[:2], dtype=torch.bool, device=boxes.device)
    if not boxes.numel():
        return everything
    columns = boxes.reshape(-1, 4).T.contiguous()
    width, height = columns[2:] - columns[:2]
    # What is no number, or no box, overlaps nothing.
    sized = (width > 0) & (width < torch.inf) & (height > 0) & (height < torch.inf)
    usual = (width > SHORTEST) & (width < LONGEST) & (height > SHORTEST) & (height < LONGEST)
    alike = _alike(columns[0], width, usual, boxes.shape[1], threshold)
    kept = without(everything, hits_of(columns, *alike, threshold, lambda a, b: iou(a, b) > threshold))
    # Areas that float32 does not have make overlaps which no windows hold.
    unusual = (sized & ~usual).view(everything.shape).any(1)
    if bool(unusual.any()):
        given = boxes[unusual], threshold, IouRule.PLAIN, 0.0, everything[unusual], Suppression.MORE_THAN
        kept[unusual] = suppress_in_blocks(*given)
    return kept


def _alike(left: Tensor, width: Tensor, valid: Tensor, count: int, least: float) -> tuple[Tensor, Tensor]:
    """Boxes that may overlap by `least`.

    Args:
        left: `[R * N]` where they begin.
        width: `[R * N]` of them.
        valid: `[R * N]` bool, those that are looked at; their widths are between `SHORTEST` and `LONGEST`.
        count: N, of each row.
        least: of the overlap.

    Returns:
        `[M]` int64 flat places of boxes, and `[M]` int64, of how many behind each this is to be looked at. Boxes near
        the upper end of a strip of widths stand in the next one, too.
    """
    width = torch.where(valid, width, 1.0)
    apart = -math.log(least) * WINDOW_SLACK + LOG_SLACK
    level = width.float().log().div_(BREADTH * apart)
    strip = level.floor()
    again = (level.sub_(strip) >= 1 - 1 / BREADTH - LOG_SLACK).nonzero().flatten()
    strips = 2 * math.ceil(math.log(LONGEST) / (BREADTH * apart)) + 2
    lane = strip.int().view(-1, count) + strips * torch.arange(len(left) // count, device=left.device)[:, None]
    lane = (lane << 32).view(-1)
    begins = lane + ascending(left)
    # None begins before those that are not looked at end.
    ends = torch.where(valid, lane + ascending(width.mul_((1 - least) * WINDOW_SLACK).add_(left)), -(2**62))
    begins, order = torch.cat((begins, begins.index_select(0, again) + (1 << 32))).sort()
    ends = torch.cat((ends, ends.index_select(0, again) + (1 << 32))).index_select(0, order)
    place = torch.cat((torch.arange(len(left), device=left.device), again)).index_select(0, order)
    followed = (begins[1:] <= ends[:-1]).nonzero().flatten()
    last = torch.searchsorted(begins, ends.index_select(0, followed), right=True)
    return place, torch.zeros_like(place).index_copy_(0, followed, last - followed - 1)
