"""The roles of all priors of a batch from those of the few that may overlap an object enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import PriorBoxes
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.kept import kept
from ssdlossdbg.multibox.matching import Matching, Roles, match, on_grid, sparse_roles
from ssdlossdbg.multibox.overlaps import measured
from ssdlossdbg.multibox.sparse_matching import SparseMatching, match_sparsely
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.rules import MatchSpec


def match_on_grid(gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec, grid: Grid | None) -> Matching:
    """The same roles as `match` gives, looking only at priors that may overlap an object enough.

    Args:
        gt: B images with up to G objects.
        priors: `[P, 4]` cxcywh, or corners, in the unit of the ground truths.
        spec: threshold and rules.
        grid: that those priors stand on; None where they stand on none.

    Returns:
        What `match` returns, bit for bit, but that nothing is known of priors that are neither positive nor ignored:
        their `prior_iou` is 0 and their `gt_index` 0. The `prior_iou` and `nearest` of one that an object owns are that
        object's.

    On a CPU, and for rules that ask for few overlaps; elsewhere this is `match` itself, as for objects that are no
    boxes.
    """
    if grid is None or not on_grid(gt, spec, grid):
        return match(gt, priors, spec)
    with one_thread():
        image, slot = gt.mask.nonzero(as_tuple=True)
        boxes, corners = measured(gt.boxes[image, slot], priors, spec)
        found = match_sparsely(boxes, image, corners, spec, grid)
        roles = sparse_roles(found, gt.labels[image, slot], spec)
        return MatchingOnGrid(Few(found, roles, image, slot, gt.boxes.shape[:2], len(priors)))


@dataclass(frozen=True)
class Few:
    """What is known of N objects, and of the M priors that are anybody's.

    Attributes:
        found: what the objects get.
        roles: of those priors.
        image, slot: `[N]` of each object.
        slots: (B, G).
        priors: P.
    """

    found: SparseMatching
    roles: Roles
    image: Tensor
    slot: Tensor
    slots: tuple[int, ...]
    priors: int

    def of_priors(self, values: Tensor, elsewhere: float = 0) -> Tensor:
        """`[B, P]` of `[M]`, and what all others have."""
        return self.scattered(values, self.found.object, self.found.prior, elsewhere)

    def of_objects(self, values: Tensor, elsewhere: float) -> Tensor:
        """`[B, G]` of `[N]`, and what padding has."""
        return values.new_full(self.slots, elsewhere).index_put_((self.image, self.slot), values)

    def scattered(self, values: Tensor, objects: Tensor, priors: Tensor, elsewhere: float) -> Tensor:
        """`[B, P]` of `[K]` values at that many priors of the images of objects."""
        with one_thread():
            everywhere = values.new_full((self.slots[0], self.priors), elsewhere)
            return everywhere.index_put_((self.image[objects], priors), values)


def _nearest(few: Few) -> Tensor:
    return few.of_priors(few.slot[few.found.object])


def _owner(few: Few) -> Tensor:
    claims = few.found.claims
    return few.scattered(few.slot[claims.row], claims.row, claims.prior, -1)


WRITTEN_OUT: dict[str, Callable[[Few], Tensor]] = {
    "gt_index": _nearest,
    "positive": lambda few: few.of_priors(few.roles.positive),
    "forced": lambda few: few.of_priors(few.roles.forced),
    "ignored": lambda few: few.of_priors(few.roles.ignored),
    "labels": lambda few: few.of_priors(few.roles.label),
    "prior_iou": lambda few: few.of_priors(few.found.iou),
    "best_prior": lambda few: few.of_objects(few.found.best_prior, 0),
    "best_iou": lambda few: few.of_objects(few.found.best_iou, -1.0),
    "owner": _owner,
    "nearest": _nearest,
}


class MatchingOnGrid(Matching):
    """Roles that are written out for all priors of all images when they are asked for.

    A loss asks for two of the ten tensors, and finding what is in them takes no longer than to fill them all.
    """

    def __init__(self, few: Few) -> None:
        self.__dict__["few"] = few  # a frozen class has no other way

    def __getattr__(self, name: str) -> Tensor:
        """What nobody has asked for so far."""
        if name not in WRITTEN_OUT:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        made = self.__dict__[name] = WRITTEN_OUT[name](self.__dict__["few"])
        return made

    @kept
    def learnt(self) -> tuple[Tensor, Tensor, Tensor]:
        """As of any matching."""
        few: Few = self.__dict__["few"]
        some = few.roles.positive.nonzero().flatten()
        objects, prior = few.found.object[some], few.found.prior[some]
        image = few.image[objects]
        order = (image * few.priors + prior).argsort()
        return image[order], prior[order], few.slot[objects][order]

    @kept
    def foreground(self) -> Tensor:
        """As of any matching."""
        few: Few = self.__dict__["few"]
        return few.of_priors(few.roles.label > 0)

    @kept
    def negative(self) -> Tensor:
        """As of any matching."""
        few: Few = self.__dict__["few"]
        return few.of_priors(few.roles.label == 0, elsewhere=True)

    @kept
    def positives(self) -> Tensor:
        """As of any matching."""
        return torch.bincount(self.learnt[0], minlength=self.__dict__["few"].slots[0])

    @property
    def dtype(self) -> torch.dtype:
        """Of the overlaps."""
        return self.__dict__["few"].found.iou.dtype  # type: ignore[no-any-return]
