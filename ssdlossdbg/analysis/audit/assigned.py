"""Any number of objects, matched in blocks: on the grid where that gives the same, with all priors elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import Batch, Loaded
from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.analysis.evidence.fates import NEAR_TIE, Fates, fill_in, no_fates, shape_iou
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.boxes import corners_of, sound_boxes
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.matching import sparse_roles
from ssdlossdbg.multibox.sparse_matching import SparseMatching, can_match_sparsely, match_sparsely
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.rules import Dialect

# Objects of a block: some megabytes of pairs with priors, which a cache still holds in part.
OBJECTS_AT_ONCE = 2**14
# Images that are matched with all priors at once, whose roles are `[images, P]`.
IMAGES_AT_ONCE = 32


@dataclass(frozen=True)
class Flat:
    """N objects, image after image.

    Attributes:
        boxes: float64 `[N, 4]`, xyxy, normalised.
        image: int64 `[N]`, ascending.
        class_id: int64 `[N]`, 0 being background.
    """

    boxes: Tensor
    image: Tensor
    class_id: Tensor

    def __getitem__(self, rows: Tensor | slice) -> Flat:
        """Some of them."""
        return Flat(self.boxes[rows], self.image[rows], self.class_id[rows])


@dataclass(frozen=True)
class Assigned:
    """What became of N objects.

    Attributes:
        fates: `[N]` each; rows of `lost_to` count from the first of the N.
        levels: `[2, L]` positives, and those of them that are forced, over all images, by level.
    """

    fates: Fates
    levels: Tensor


def blocks(image: np.ndarray, images: int) -> list[tuple[range, slice]]:
    """How to cut a dataset: runs of images with some thousands of objects, and the rows of those.

    The cuts depend on the dataset alone, so that every process cuts alike.

    Args:
        image: int64 `[N]` the image of each object, ascending.
        images: how many there are.
    """
    counts = np.bincount(image, minlength=images)
    starts = np.concatenate(([0], counts.cumsum()))
    block = starts[:-1] // OBJECTS_AT_ONCE
    cuts = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), images] if images else [0]
    return [(range(first, last), slice(int(starts[first]), int(starts[last]))) for first, last in pairwise(cuts)]


class Matcher:
    """Priors and rules, ready for any number of objects.

    Args:
        named: the priors.
        device: that all priors are to be looked at on where the sparse way does not do.
        dialect: the rules.
    """

    def __init__(self, named: NamedPriors, device: torch.device, dialect: Dialect) -> None:
        self._named, self._device, self.priors, self.dialect = named, str(device), named.priors.to(device), dialect
        priors = self.priors
        self._unit = unit_of(dialect, priors).cpu()
        self._level = priors.level_index.cpu()
        self._shapes = priors.shapes.cpu()
        self.levels = len(priors.levels) or 1
        held = named.priors.in_units(self._unit, dialect.match.precision)
        self._corners = corners_of(held)
        self._grid = named.priors.grid_in(self._unit) if can_match_sparsely(dialect.match) else None

    @one_thread()
    def assign(self, objects: Flat) -> Assigned:
        """Match N objects as `match` does, image by image; all objects of their images must be there."""
        boxes = self._in_units(objects.boxes)
        # In images with a box that is none, and where the rules ask for more than the sparse way.
        dense = torch.isin(objects.image, objects.image[~sound_boxes(boxes)]) | (self._grid is None)
        parts = []
        found = self._search(objects, boxes, ~dense)
        if found:
            parts.append(((~dense).nonzero().flatten(), self._described(objects[~dense], boxes[~dense], found)))
        parts += [(rows, self._densely(objects[rows], boxes[rows])) for rows in _some_images(objects.image, dense)]
        return _joined(parts, len(boxes), self.levels)

    def seen(self, boxes: Tensor) -> Tensor:
        """Boxes as the loss sees them, float64 `[N, 4]`, normalised: rounded to the float type that it computes in."""
        return (self._in_units(boxes) / self._unit).double()

    def _in_units(self, boxes: Tensor) -> Tensor:
        return (boxes * self._unit).to(self._unit.dtype)

    def _search(self, objects: Flat, boxes: Tensor, chosen: Tensor) -> SparseMatching | None:
        """What chosen objects, `[N]`, get, found on the grid; None of no objects."""
        if self._grid is None or not bool(chosen.any()):
            return None
        return match_sparsely(
            boxes[chosen], objects.image[chosen], self._corners, self.dialect.match, self._grid, NEAR_TIE
        )

    def _described(self, objects: Flat, boxes: Tensor, found: SparseMatching) -> Assigned:
        roles = sparse_roles(found, objects.class_id, self.dialect.match)
        number, level = len(objects.image), self._level[found.prior]
        fates = Fates(
            best_prior=found.best_prior,
            best_iou=found.best_iou,
            shape_iou=shape_iou(boxes / self._unit, self._shapes),
            near_ties=found.ties,
            positives=torch.bincount(found.object[roles.positive], minlength=number),
            forced=torch.bincount(found.object[roles.forced], minlength=number),
            lost_to=found.lost_to,
            target=torch.zeros(number),  # of a box with an area
        )
        return Assigned(fates, self._by_level(level[roles.positive], level[roles.forced]))

    def _densely(self, objects: Flat, boxes: Tensor) -> Assigned:
        counts = torch.unique_consecutive(objects.image, return_counts=True)[1].tolist()
        gt = pad_ground_truth(torch.split(boxes, counts), torch.split(objects.class_id, counts))
        scene = Scene(Batch(self._named, self._device, targets=Loaded(gt)), self.dialect)
        matching = scene.matching
        roles = (matching.positive, matching.forced)
        return Assigned(scene.fates, self._by_level(*(self._level[role.nonzero()[:, 1].cpu()] for role in roles)))

    def _by_level(self, positive: Tensor, forced: Tensor) -> Tensor:
        """`[2, L]` given the level of each positive, and of each that is forced."""
        return torch.stack([torch.bincount(level, minlength=self.levels) for level in (positive, forced)])


def _some_images(image: Tensor, chosen: Tensor) -> Iterator[Tensor]:
    """The rows of chosen images, a few images at a time."""
    rows = chosen.nonzero().flatten()
    _, place = torch.unique_consecutive(image[rows], return_inverse=True)
    groups = torch.div(place, IMAGES_AT_ONCE, rounding_mode="floor")
    sizes = torch.bincount(groups).tolist()
    return iter(torch.split(rows, sizes)) if sizes else iter(())


def _joined(parts: Iterable[tuple[Tensor, Assigned]], number: int, levels: int) -> Assigned:
    """What became of all objects, from parts that are given with their rows."""
    columns, by_level = no_fates(number), torch.zeros((2, levels), dtype=torch.long)
    for rows, part in parts:
        fill_in(columns, rows, part.fates)
        by_level += part.levels
    return Assigned(Fates(**columns), by_level)
