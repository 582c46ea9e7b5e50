"""What `analyse_compare` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ssdlossdbg.results.common import ConfigSummary
from ssdlossdbg.results.contract import Written, at
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.loss import RunBatch
from ssdlossdbg.results.report import Reported


@dataclass(frozen=True)
class BatchRoles:
    """How many priors of a batch play which role.

    Attributes:
        positives, negatives: of each image; negatives are the mined ones.
        ignored: neither.
        counted_twice: positives that mining picked once more.
        wanted: negatives that ratio and cap grant, over the images with positives that are counted twice; over the
            whole batch where there are none.
        available: priors that mining could choose from, over the same images.
        dropped: positives that mining takes out of the loss.
        normalizer: what the sums are divided by.
    """

    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    ignored: int
    counted_twice: int
    wanted: float
    available: int
    dropped: int
    normalizer: float


@dataclass(frozen=True)
class Cause:
    """What one rule is worth in the difference between two dialects.

    Attributes:
        rule: its name.
        old, new: its settings in the reference and in the other dialect.
        delta: what turning it changes in the total.
        before, after: the roles of the priors on both sides of that.
    """

    rule: str
    old: Annotated[str, at("reference")]
    new: Annotated[str, at("dialect")]
    delta: float
    before: BatchRoles
    after: BatchRoles


@dataclass(frozen=True)
class DialectOutcome:
    """What one codebase says of a batch.

    Attributes:
        raises: where the real code raises on it, or None.
        causes: of the difference from the reference; their deltas add up to it.
        landmarks: their share; None where the codebase has no such term, or landmarks are not saved.
        first_step: the loss of the first of two steps; all other figures but the total are the second's. None where
            there is one.
        is_yours: whether its loss is the one that the user's own code had; None where that is not known.
    """

    name: str
    codebase: str
    localization: float
    confidence: float
    normalizer: float
    roles: BatchRoles
    raises: str | None
    causes: tuple[Cause, ...]
    is_yours: bool | None = None
    landmarks: float | None = None
    first_step: float | None = None

    @property
    def total(self) -> Written[float]:
        """All terms."""
        return self.localization + self.confidence + (self.landmarks or 0.0) + (self.first_step or 0.0)

    @property
    def positives(self) -> Written[tuple[int, ...]]:
        """Of each image."""
        return self.roles.positives

    @property
    def negatives(self) -> Written[tuple[int, ...]]:
        """The mined ones of each image."""
        return self.roles.negatives


@dataclass(frozen=True)
class NotAsked:
    """A dialect that does not apply to a batch, and why: how many steps it has, and the predictions hold."""

    dialect: str
    why: str


@dataclass(frozen=True, repr=False)
class CompareResult(Reported):
    """What several codebases say of one batch.

    Attributes:
        image_names: what the loader calls the images; empty where none is known.
        not_asked: dialects of two steps where there is one, or of one where there are two.
        batches: as of `LossResult`.
    """

    predictions_path: Annotated[str, at("predictions.path")]
    targets_path: Annotated[str, at("targets.path")]
    predictions_layout: Annotated[str, at("predictions.layout")]
    targets_layout: Annotated[str, at("targets.layout")]
    dtype: Annotated[str, at("predictions.dtype")]
    device: str
    config: ConfigSummary
    reference: str
    reference_total: float
    dialects: tuple[DialectOutcome, ...]
    image_names: tuple[str, ...] = ()
    not_asked: tuple[NotAsked, ...] = ()
    batches: tuple[RunBatch, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        totals = ", ".join(f"{outcome.name} {outcome.total:.4f}" for outcome in self.dialects)
        return f"{self.predictions_path}: {self.reference} {self.reference_total:.4f}; {totals}"
