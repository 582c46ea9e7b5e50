"""Which objects of a dataset no prior suits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssdlossdbg.results.audit import Group, Tally

# A group is spoken of from so many objects on, and where at least this share of them is without.
LEAST_OBJECTS, LEAST_SHARE = 10, 0.1


@dataclass(frozen=True)
class Lacking:
    """A class or a range of sizes that the priors do not suit.

    Attributes:
        kind: "class" or "size".
        name: of the group.
        objects: its sound objects.
        without: those that no prior reaches the threshold with.
        by_shape: whether none would wherever it stood, for most of them; else priors of their size stand too far apart.
    """

    kind: str
    name: str
    objects: int
    without: int
    by_shape: bool

    @classmethod
    def of(cls, kind: str, group: Group, totals: Tally) -> Lacking | None:
        """The group, where a tenth of its objects at least is without; None where not, or where it has too few."""
        tally = group.tally
        sound = tally.ground_truth - tally.invalid
        without, shapeless = sound - tally.reached, sound - tally.shape_reached
        # A handful of objects says little of a class, but that is what a small dataset has.
        if sound < min(LEAST_OBJECTS, totals.ground_truth / 4) or without < LEAST_SHARE * sound or not without:
            return None
        return cls(kind, group.name, sound, without, 2 * shapeless >= without)
