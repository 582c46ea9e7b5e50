"""Hypotheses about which boxes the predictions are of: those of another image, of other priors, mirrored, scaled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ssdlossdbg.analysis.evidence.hypotheses.aims import Aims, Given
from ssdlossdbg.analysis.evidence.hypotheses.strangers import Sure
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.readers.named_priors import presets_of
from ssdlossdbg.results.hypotheses import Explanation, Fit

# Pairs of a positive and an image that are decoded at a time; positives beyond it are passed over evenly.
MOST_PAIRS = 2**20
# An image belongs to other objects only if it meets them by this much better than its own.
CLEARLY_BETTER = 0.1
# Presets of which this share of the priors is nearly the same, being clipped or rounded otherwise, are one here.
SAME_PRIOR, MOSTLY_EQUAL = 0.01, 0.8
# Sizes of one factor agree within this, as differences of logarithms.
SAME_FACTOR = 0.05
# A scale nearer to 1 than this is none.
NO_SCALE = 0.1
# Images named one by one.
MOST_NAMED = 6


def image_fit(given: Given, aims: Aims) -> Iterator[Fit]:
    """The order of the images in which their predictions meet the objects best, if that is another one."""
    images = len(given.loc)
    if images < 2:
        return
    step = max(1, len(aims.prior) * images // MOST_PAIRS)
    part = Aims(aims.image[::step], aims.prior[::step], aims.owner[::step], aims.boxes[::step], given)
    # [B, B]: how well the predictions of an image, the row, meet the objects of an image, the column.
    means = part.by_image(part.of_rows(given.loc[:, part.prior])).cpu()
    source = _assign(means)
    moved = [image for image, other in enumerate(source) if other != image]
    if not moved:
        return
    here = torch.isin(aims.image, torch.tensor(moved, device=aims.image.device))
    at = torch.tensor(source, device=aims.image.device)[aims.image]
    better = aims.of_rows(given.loc[at, aims.prior])
    yield _fit(Explanation.IMAGES, _moves(source, moved), better[here], aims.as_given[here], aims.of_priors[here])


def _assign(means: Tensor) -> list[int]:
    """For the objects of each image the image whose predictions they are; itself where none is clearly better.

    Args:
        means: `[B, B]` mean overlap of the predictions of an image, the row, with the objects of one, the column;
            nan for images without objects.
    """
    images = len(means)
    worth = means.nan_to_num(-1.0)
    worth = worth + CLEARLY_BETTER * torch.eye(images, dtype=worth.dtype)
    source, free = list(range(images)), set(range(images))
    taken: set[int] = set()
    for place in worth.flatten().argsort(descending=True).tolist():
        row, column = divmod(place, images)
        if row in free and column not in taken and worth[row, column] > 0:
            source[column] = row
            free.remove(row)
            taken.add(column)
    # Images without objects keep their own predictions, or what is left.
    for column in range(images):
        if column not in taken:
            source[column] = column if column in free else min(free)
            free.remove(source[column])
    known = set((~means.isnan()).any(0).nonzero().flatten().tolist())
    return [row if column in known else column for column, row in enumerate(source)]


def _moves(source: list[int], moved: list[int]) -> str:
    """Which images would have to change places, in words."""
    if len(moved) == 2 and source[moved[0]] == moved[1] and source[moved[1]] == moved[0]:
        return f"images {moved[0]} and {moved[1]} exchanged"
    named = ", ".join(f"{source[image]} for {image}" for image in moved[:MOST_NAMED])
    more = f" and {len(moved) - MOST_NAMED} more" if len(moved) > MOST_NAMED else ""
    return f"the predictions of image {named}{more}"


def preset_fits(given: Given, aims: Aims) -> Iterator[Fit]:
    """The other presets of as many priors; of those that are nearly equal, the first."""
    assert given.known is not None
    tried = [given.priors.boxes]
    for named in presets_of(len(given.priors.boxes)):
        boxes = named.priors.boxes.to(given.priors.boxes)
        if any(bool(widest(((boxes - other).abs() < SAME_PRIOR).all(1)).mean() > MOSTLY_EQUAL) for other in tried):
            continue
        tried.append(boxes)
        found = _matched(replace(given, priors=replace(given.priors, boxes=boxes)), given.known.gt)
        if len(found.prior):
            yield _fit(Explanation.PRESET, named.name, found.as_given, aims.as_given, found.of_priors)


def scene_fits(given: Given, aims: Aims, sure: Sure) -> Iterator[Fit]:
    """Boxes turned over, with x and y exchanged, or scaled; each in the images where it helps."""
    assert given.known is not None
    gt = given.known.gt
    turns: list[tuple[Explanation, str, Callable[[Tensor], Tensor]]] = [
        (Explanation.MIRRORED, "", _mirrored),
        (Explanation.UPSIDE_DOWN, "", _upside_down),
        (Explanation.TRANSPOSED, "", lambda boxes: boxes[..., [1, 0, 3, 2]]),
    ]
    factor = _factor(gt, sure)
    if factor is not None:
        x, y = factor
        scale = gt.boxes.new_tensor([x, y, x, y])
        turns.append((Explanation.SCALED, f"{x:.3g} in x and {y:.3g} in y", lambda boxes: boxes * scale))
    before = aims.by_image(aims.as_given)
    for explanation, words, turn in turns:
        turned = replace(gt, boxes=torch.where(gt.mask[..., None], turn(gt.boxes), gt.boxes))
        found = _matched(given, turned)
        after = found.by_image(found.as_given)
        gains, loses = after > before + CLEARLY_BETTER, after < before - CLEARLY_BETTER
        here, there = gains[found.image], gains[aims.image]
        if bool(here.any()) and bool(there.any()):
            every = int((gt.counts > 0).sum())
            detail = words or _which(gains.nonzero().flatten().tolist(), every, not bool(loses.any()))
            yield _fit(explanation, detail, found.as_given[here], aims.as_given[there], found.of_priors[here])


def _fit(explanation: Explanation, words: str, found: Tensor, as_given: Tensor, of_priors: Tensor) -> Fit:
    """From the overlaps at positives, those of the explanation and those as given."""
    mean, before, bare = torch.stack([part.mean() for part in (found, as_given, of_priors)]).tolist()
    return Fit(explanation, len(found), mean, before, bare, words)


def _which(images: list[int], number: int, alike: bool) -> str:
    """The images concerned, in words that follow "of".

    Args:
        images: those that gain.
        number: of all that have objects.
        alike: whether in none of the others the change makes a difference.
    """
    if len(images) == number:
        return "all images" if number > 1 else "the image"
    named = ", ".join(map(str, images[:MOST_NAMED]))
    more = f" and {len(images) - MOST_NAMED} more" if len(images) > MOST_NAMED else ""
    if alike:
        return f"all images that tell it ({named}{more})"
    return f"image {named}{more}" if len(images) == 1 else f"images {named}{more}"


def _matched(given: Given, gt: GroundTruthBatch) -> Aims:
    """The positives of other objects, or among other priors."""
    in_units = replace(gt, boxes=gt.boxes * given.unit)
    return Aims.matched(given, gt, match(in_units, given.priors.boxes * given.unit, given.rules.match))


def _mirrored(boxes: Tensor) -> Tensor:
    return torch.stack((1 - boxes[..., 2], boxes[..., 1], 1 - boxes[..., 0], boxes[..., 3]), -1)


def _upside_down(boxes: Tensor) -> Tensor:
    return torch.stack((boxes[..., 0], 1 - boxes[..., 3], boxes[..., 2], 1 - boxes[..., 1]), -1)


def _factor(gt: GroundTruthBatch, sure: Sure) -> tuple[float, float] | None:
    """The factor in x and in y that brings most objects onto boxes that the network surely sees; None without any.

    A pair of an object and a box of its image tells the factor of an axis twice, by its size and by its centre.
    """
    objects = gt.boxes[sure.image]
    logs = [torch.log(part) for part in (_sides(sure.boxes), _centres(sure.boxes))]
    others = [torch.log(part) for part in (_sides(objects), _centres(objects))]
    by_size, by_centre = (own[:, None] - other for own, other in zip(logs, others, strict=True))
    agree = ((by_size - by_centre).abs() < SAME_FACTOR).all(-1) & gt.mask[sure.image]
    found = ((by_size + by_centre) / 2)[agree]
    if len(found) < 2:
        return None
    _, which, counts = torch.unique((found / SAME_FACTOR).round(), dim=0, return_inverse=True, return_counts=True)
    x, y = found[which == counts.argmax()].median(0).values.tolist()
    if max(abs(x), abs(y)) < NO_SCALE:
        return None
    factors = torch.tensor([x, y], dtype=torch.float64).exp().tolist()
    return factors[0], factors[1]


def _sides(boxes: Tensor) -> Tensor:
    return boxes[..., 2:] - boxes[..., :2]


def _centres(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] + boxes[..., :2]) / 2
