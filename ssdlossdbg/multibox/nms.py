"""Non-maximum suppression, batched over rows: images, or the classes of each image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import flat_places, iou
from ssdlossdbg.rules import IouRule, Suppression

# Boxes settled at a time, and the most overlaps held at once: what fits a processor's cache is three times as fast.
BLOCK = 128
MOST_OVERLAPS = 1 << 20
# Float32 rounding must not lose a pair at the edge of its window.
WINDOW_SLACK = 1.001
# Rounds after which a device is asked whether anything changed in the last one; more than most batches need.
ROUNDS_UNASKED = 8
# Below such an overlap most boxes of a row are near each other, and to tell which costs more than to compare all; so it
# does where more than this share of the pairs of a row are near.
LEAST_IOU = 0.1
CROWDED = 0.2
# Numbers that are held of each pair while it is looked at.
NUMBERS_OF_PAIR = 8
# Sides between which no area, nor a sum of two, leaves what float32 has.
SHORTEST, LONGEST = 2.0**-60, 2.0**60

Drops = Callable[[Tensor, Tensor], Tensor]

DROPS: dict[Suppression, Callable[[Tensor, float], Tensor]] = {
    Suppression.NOT_AT_MOST: lambda overlap, threshold: ~(overlap <= threshold),
    Suppression.MORE_THAN: lambda overlap, threshold: overlap > threshold,
    Suppression.NOT_BELOW: lambda overlap, threshold: ~(overlap < threshold),
}


def suppress(
    boxes: Tensor,
    threshold: float,
    rule: IouRule = IouRule.PLAIN,
    epsilon: float = 0.0,
    valid: Tensor | None = None,
    suppression: Suppression = Suppression.MORE_THAN,
) -> Tensor:
    """Which of the boxes greedy non-maximum suppression keeps.

    In most rows few boxes are near enough to drop each other, and only those are compared; in others, and where boxes
    are none, all are (`suppress_in_blocks`). The result is the same.

    Args:
        boxes: `[R, N, 4]` xyxy, each row in falling order of its scores.
        threshold: of the overlap with a kept box before it; taken in the dtype of the boxes, as torch compares.
        rule: how overlaps are divided.
        epsilon: for the rule; not below 0.
        valid: `[R, N]` bool, boxes that take part; all if None.
        suppression: which overlaps drop a box.

    Returns:
        `[R, N]` bool.
    """
    taking_part = torch.ones(boxes.shape[:2], dtype=torch.bool, device=boxes.device) if valid is None else valid
    if not boxes.numel():
        return taking_part.clone()
    if threshold < LEAST_IOU:
        return suppress_in_blocks(boxes, threshold, rule, epsilon, taking_part, suppression)

    def drops(first: Tensor, second: Tensor) -> Tensor:
        return DROPS[suppression](iou(first, second, rule, epsilon), threshold)

    near = _near(boxes, taking_part, threshold)
    sides = boxes[..., 2:] - boxes[..., :2]
    proper = ((sides > SHORTEST) & (sides < LONGEST)).all(-1) & boxes.isfinite().all(-1) | ~taking_part
    sparse = proper.all(1) & (near.counts.sum(1) <= CROWDED * taking_part.sum(1) ** 2)
    kept = taking_part.clone()
    if bool(sparse.any()):
        columns = boxes[sparse].reshape(-1, 4).T.contiguous()
        kept[sparse] = without(taking_part[sparse], hits_of(columns, *near.of(sparse), threshold, drops))
    if not bool(sparse.all()):
        rest = boxes[~sparse], threshold, rule, epsilon, taking_part[~sparse], suppression
        kept[~sparse] = suppress_in_blocks(*rest)
    return kept


def suppress_in_blocks(
    boxes: Tensor, threshold: float, rule: IouRule, epsilon: float, valid: Tensor, suppression: Suppression
) -> Tensor:
    """The same, all compared: `BLOCK` boxes of many rows at a time are settled, then drop what comes after them."""
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


@dataclass(frozen=True)
class _Near:
    """The boxes of each row from left to right, and how many right of each begin near enough to overlap it enough.

    Attributes:
        order: `[R, N]` int64 their places.
        counts: `[R, N]` int64, of the boxes in that order.
    """

    order: Tensor
    counts: Tensor

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Those of some rows, a mask `[R]`: flat places among the boxes of these, and how many behind each."""
        order = self.order[rows]
        return flat_places(order, order.shape[1]), self.counts[rows].reshape(-1)


def _near(boxes: Tensor, valid: Tensor, least: float) -> _Near:
    """Which boxes `[R, N, 4]` that take part `[R, N]` may overlap each other by `least`.

    What two boxes share is as wide as `least` of the wider one, and as high as that of the higher one, or more: for it
    is neither higher nor wider than either, and `least` of their union or more. So the left edge of the right one lies
    in the first 1 - `least` of the other.
    """
    left, order = boxes[..., 0].masked_fill(~valid, torch.inf).sort(1)
    width = (boxes[..., 2] - boxes[..., 0]).gather(1, order)
    place = torch.arange(boxes.shape[1], device=boxes.device)
    # Looking to the right alone, with one's own width, meets every pair once.
    behind = torch.searchsorted(left, left + (1 - least) * WINDOW_SLACK * width, right=True) - place - 1
    return _Near(order, behind.clamp_(min=0).masked_fill_(~valid.gather(1, order), 0))


def hits_of(columns: Tensor, by_left: Tensor, counts: Tensor, least: float, drops: Drops) -> tuple[Tensor, Tensor]:
    """The pairs of which one drops the other.

    Args:
        columns: `[4, R * N]` xyxy, each row of N boxes in falling order of its scores.
        by_left: `[M]` int64 places of boxes, from left to right.
        counts: `[M]` int64 how many behind each of these begin near enough to overlap it by `least`.
        least: no pair drops that overlaps less.
        drops: of boxes `[K, 4]` and as many others, which pairs do.

    Returns:
        Places of the one before, and of the one behind.
    """
    columns = columns.index_select(1, by_left)
    height = (columns[3] - columns[1]) * (least / WINDOW_SLACK)
    before, behind = [by_left[:0]], [by_left[:0]]
    for first, second in _pairs(counts):
        tops, bottoms, heights = (
            (each.index_select(0, first), each.index_select(0, second)) for each in (columns[1], columns[3], height)
        )
        shared = torch.minimum(*bottoms).sub_(torch.maximum(*tops))
        close = (shared >= torch.maximum(*heights)).nonzero().flatten()
        first, second = first.index_select(0, close), second.index_select(0, close)
        # Columns of coordinates, as they are compared.
        hit = drops(*(columns.index_select(1, each).T for each in (first, second))).nonzero().flatten()
        first, second = (by_left.index_select(0, each.index_select(0, hit)) for each in (first, second))
        before.append(torch.minimum(first, second))
        behind.append(torch.maximum(first, second))
    return torch.cat(before), torch.cat(behind)


def _pairs(counts: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Each of N boxes with so many behind it, `[N]`: so many pairs at a time as are worth holding."""
    ends = counts.cumsum(0)
    starts = ends - counts
    at_once = tiles.images_at_once(NUMBERS_OF_PAIR, counts.device)
    begin, device = 0, counts.device
    while begin < len(counts):
        most = starts[begin] + at_once
        end = max(begin + 1, int(torch.searchsorted(ends, most, right=True)))
        first = torch.repeat_interleave(torch.arange(begin, end, device=device), counts[begin:end])
        step = torch.arange(len(first), device=device) + (1 + starts[begin])
        yield first, step.add_(first).sub_(starts.index_select(0, first))
        begin = end


def without(valid: Tensor, hits: tuple[Tensor, Tensor]) -> Tensor:
    """`[R, N]` bool: the boxes that take part, less those that a kept one before them hits."""
    before, behind = hits
    kept = everything = valid.reshape(-1)
    together = 1 if tiles.on_host(valid) else ROUNDS_UNASKED
    for _ in range(0, valid.shape[1], together):
        for _ in range(together):
            settled = kept
            dropped = torch.zeros_like(kept, dtype=torch.uint8)
            kept = everything & (dropped.scatter_reduce_(0, behind, settled[before].byte(), "amax") == 0)
        if torch.equal(settled, kept):
            break
    return kept.view(valid.shape)
