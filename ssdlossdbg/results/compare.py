"""What `analyse_compare` returns."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.common import ConfigSummary
from ssdlossdbg.results.findings import Finding


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
    old: str
    new: str
    delta: float
    before: BatchRoles
    after: BatchRoles


@dataclass(frozen=True)
class DialectOutcome:
    """What one codebase says of a batch.

    Attributes:
        raises: where the real code raises on it, or None.
        causes: of the difference from the reference; their deltas add up to it.
    """

    name: str
    codebase: str
    localization: float
    confidence: float
    normalizer: float
    roles: BatchRoles
    raises: str | None
    causes: tuple[Cause, ...]

    @property
    def total(self) -> float:
        """Both terms."""
        return self.localization + self.confidence


@dataclass(frozen=True)
class CompareResult:
    """What several codebases say of one batch."""

    predictions_path: str
    targets_path: str
    predictions_layout: str
    targets_layout: str
    dtype: str
    device: str
    config: ConfigSummary
    reference: str
    reference_total: float
    dialects: tuple[DialectOutcome, ...]
    findings: tuple[Finding, ...] = ()
