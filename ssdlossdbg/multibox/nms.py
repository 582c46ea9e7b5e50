"""Non-maximum suppression, batched over rows: images, or the classes of each image."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.rules import IouRule, Suppression

# Boxes settled at a time, and the most overlaps held at once: what fits a processor's cache is three times as fast.
BLOCK = 128
MOST_OVERLAPS = 1 << 20
# Float32 rounding must not lose a pair at the edge of its window.
WINDOW_SLACK = 1.001
# Rounds after which a device is asked whether anything changed in the last one; more than most batches need.
ROUNDS_UNASKED = 8
# Of the pairs of an image, about one in so many is near enough to be compared.
PAIRS_NEAR = 100

TorchvisionNms = Callable[[Tensor, Tensor, float], Tensor]

DROPS: dict[Suppression, Callable[[Tensor, float], Tensor]] = {
    Suppression.NOT_AT_MOST: lambda overlap, threshold: ~(overlap <= threshold),
    Suppression.MORE_THAN: lambda overlap, threshold: overlap > threshold,
    Suppression.NOT_BELOW: lambda overlap, threshold: ~(overlap < threshold),
}
# What these rules say of boxes that have an area is the same, and is what torchvision's operator says.
SAME_FOR_PROPER_BOXES = frozenset({IouRule.PLAIN, IouRule.ZERO_WITHOUT_UNION, IouRule.ZERO_WITHOUT_OVERLAP})
SAME_FOR_NUMBERS = frozenset({Suppression.NOT_AT_MOST, Suppression.MORE_THAN})


def suppress(
    boxes: Tensor,
    threshold: float,
    rule: IouRule = IouRule.PLAIN,
    epsilon: float = 0.0,
    valid: Tensor | None = None,
    suppression: Suppression = Suppression.MORE_THAN,
) -> Tensor:
    """Which of the boxes greedy non-maximum suppression keeps.

    torchvision's operator does it where it is installed, works and has the same rule; `suppress_in_blocks` elsewhere.
    The result is the same.

    Args:
        boxes: `[R, N, 4]` xyxy, each row in falling order of its scores.
        threshold: of the overlap with a kept box before it; taken in the dtype of the boxes, as torch compares.
        rule: how overlaps are divided.
        epsilon: for the rule.
        valid: `[R, N]` bool, boxes that take part; all if None.
        suppression: which overlaps drop a box.

    Returns:
        `[R, N]` bool.
    """
    taking_part = torch.ones(boxes.shape[:2], dtype=torch.bool, device=boxes.device) if valid is None else valid
    operator = torchvision_nms() if fits_torchvision(boxes, rule, taking_part, suppression) else None
    if operator is not None:
        return suppress_by(operator, boxes, threshold, taking_part)
    return suppress_in_blocks(boxes, threshold, rule, epsilon, taking_part, suppression)


def suppress_in_blocks(
    boxes: Tensor, threshold: float, rule: IouRule, epsilon: float, valid: Tensor, suppression: Suppression
) -> Tensor:
    """The same in plain torch: `BLOCK` boxes of many rows at a time are settled, then drop what comes after them."""
    count = boxes.shape[1]
    kept = valid.clone()
    if not boxes.numel():
        return kept
    rows_at_once = max(1, MOST_OVERLAPS // (min(BLOCK, count) * count))

    def drops(first: Tensor, second: Tensor) -> Tensor:
        return DROPS[suppression](iou(first[:, :, None], second[:, None], rule, epsilon), threshold)

    for some, alive in zip(torch.split(boxes, rows_at_once), torch.split(kept, rows_at_once), strict=True):
        for start in range(0, count, BLOCK):
            stop = min(start + BLOCK, count)
            block = some[:, start:stop]
            settled = _settle(drops(block, block), alive[:, start:stop])
            alive[:, start:stop] = settled
            if stop == count:
                break
            winners = settled.byte().argsort(dim=1, descending=True, stable=True)[:, : int(settled.sum(1).max())]
            hits = drops(block.gather(1, winners[..., None].expand(-1, -1, 4)), some[:, stop:])
            alive[:, stop:] &= ~(hits & settled.gather(1, winners)[..., None]).any(1)
    return kept


def _settle(hits: Tensor, alive: Tensor) -> Tensor:
    """The greedy result for boxes in order, of which `hits[r, i, j]` says that i would drop j.

    It is the only fixed point of "kept if no kept box before it hits it", and each round settles at least the first
    box that the last one got wrong; in practice two to five rounds do.
    """
    hits = hits.triu(1)
    kept = alive
    for _ in range(alive.shape[1]):
        settled = alive & ~(hits & kept[:, :, None]).any(1)
        if torch.equal(settled, kept):
            break
        kept = settled
    return kept


def suppress_repeats(boxes: Tensor, threshold: float) -> Tensor:
    """The same for a threshold near 1, as hard example mining has it: only near repetitions drop, and few are compared.

    An IoU above t bounds how far apart the left edges are: by (1 - t) / t of either width; and so the top edges, by
    the heights. Only boxes within that window of each other are compared: a hundredth of the pairs at 0.99 by x alone.

    Args:
        boxes: `[R, N, 4]` xyxy, each row in falling order of its scores.
        threshold: above 0; a box goes that overlaps a kept one before it by more.

    Returns:
        `[R, N]` bool.
    """
    rows = tiles.images_at_once(boxes.shape[1] ** 2 // PAIRS_NEAR, boxes.device)
    return torch.cat([_without_repeats(part, threshold) for part in torch.split(boxes, rows)])


def _without_repeats(boxes: Tensor, threshold: float) -> Tensor:
    kept = torch.ones(boxes.shape[0] * boxes.shape[1], dtype=torch.bool, device=boxes.device)
    before, behind = _repeating_pairs(boxes, threshold)
    together = 1 if tiles.on_host(boxes) else ROUNDS_UNASKED
    for _ in range(0, boxes.shape[1], together):
        for _ in range(together):
            settled = kept
            dropped = torch.zeros_like(kept, dtype=torch.uint8)
            kept = dropped.scatter_reduce_(0, behind, settled[before].byte(), "amax") == 0
        if torch.equal(settled, kept):
            break
    return kept.view(boxes.shape[:2])


def _repeating_pairs(boxes: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Flat indices of the pairs of a row whose IoU exceeds the threshold: the one before, the one behind."""
    rows, count = boxes.shape[:2]
    slack = (1 - threshold) / threshold * WINDOW_SLACK
    left, order = boxes[..., 0].sort(1)
    width = (boxes[..., 2] - boxes[..., 0]).gather(1, order)
    # Looking to the right alone, with one's own width, meets every pair once.
    place = torch.arange(count, device=boxes.device)
    near = (torch.searchsorted(left, left + slack * width, right=True) - place - 1).clamp(min=0).reshape(-1)
    first = torch.repeat_interleave(torch.arange(rows * count, device=boxes.device), near)
    second = first + 1 + torch.arange(len(first), device=boxes.device) - (near.cumsum(0) - near)[first]
    by_left = (order + count * torch.arange(rows, device=boxes.device)[:, None]).reshape(-1)
    flat = boxes.reshape(-1, 4)[by_left]
    top, height = flat[:, 1].contiguous(), flat[:, 3] - flat[:, 1]
    close = (top[second] - top[first]).abs() <= slack * height[first]
    first, second = first[close], second[close]
    hit = iou(flat[first], flat[second]) > threshold
    first, second = by_left[first[hit]], by_left[second[hit]]
    return torch.minimum(first, second), torch.maximum(first, second)


@cache
def torchvision_nms() -> TorchvisionNms | None:
    """Torchvision's operator; None where it is not installed, or was built for another torch and cannot run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of image codecs that it misses and nobody asked for
            operator: TorchvisionNms = importlib.import_module("torchvision.ops").nms
            kept = operator(torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2), torch.tensor([0.5, 1.0]), 0.5)
    except Exception:  # whatever a broken installation raises, ours does as well
        return None
    return operator if kept.tolist() == [1] else None


def fits_torchvision(boxes: Tensor, rule: IouRule, valid: Tensor, suppression: Suppression) -> bool:
    """Whether torchvision's operator gives the same result to the last bit.

    It divides plainly, on boxes whose overlap is a number. Its CUDA kernel may fuse a product and a sum into one
    rounding, so it does for the CPU only, where also ours is the slower one.
    """
    if boxes.device.type != "cpu" or rule not in SAME_FOR_PROPER_BOXES or suppression not in SAME_FOR_NUMBERS:
        return False
    chosen = boxes[valid]
    sides = chosen[:, 2:] - chosen[:, :2]
    area = sides.prod(-1)
    return bool(((sides > 0).all(-1) & (area > 0) & (area < torch.finfo(area.dtype).max / 4)).all())


def suppress_by(operator: TorchvisionNms, boxes: Tensor, threshold: float, valid: Tensor) -> Tensor:
    """The same by torchvision's operator, row by row: its own batched one moves the rows apart, which rounds."""
    kept = torch.zeros_like(valid)
    in_dtype = float(boxes.new_tensor(threshold))
    falling = torch.arange(boxes.shape[1], 0, -1, dtype=boxes.dtype)
    for row in valid.any(1).nonzero().flatten().tolist():
        members = valid[row].nonzero().flatten()
        kept[row, members[operator(boxes[row, members], falling[members], in_dtype)]] = True
    return kept
