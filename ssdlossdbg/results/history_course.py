"""A run step by step: what its pages, charts and tables show beyond its document."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.common import BoolArray, FloatArray, IntArray
from ssdlossdbg.results.history_rows import VALIDATION, Rows, losses


@dataclass(frozen=True, eq=False)
class Course:
    """The rows of a run.

    Attributes:
        steps: of `STEPS`, in the order of steps, of one step in that of ranks.
        rank: int64 `[N]` of each of those.
        groups: of `GROUPS`, in the order of steps.
    """

    steps: Rows
    rank: IntArray
    groups: Rows

    @property
    def validation(self) -> BoolArray:
        """`[N]` which steps are none of the training's."""
        marked: BoolArray = (self.steps["marks"] & VALIDATION) > 0
        return marked

    @property
    def loss(self) -> FloatArray:
        """float64 `[N]` of each step; nan where it is not known."""
        return losses(self.steps)


@dataclass(frozen=True, eq=False)
class Samples:
    """An object in each of the n batches in which it was sampled, in their order.

    Attributes:
        step: int64 `[n]`.
        probability, cost: float32 `[n]` of its class, and its loss.
        best_iou: float32 `[n]` with its best prior.
        positives, taken: int32 `[n]` positive priors, and the class that it was taken for.
        moved: whether its box was not always at one place, as under random crops and flips.
    """

    step: IntArray
    probability: FloatArray
    cost: FloatArray
    best_iou: FloatArray
    positives: IntArray
    taken: IntArray
    moved: bool
