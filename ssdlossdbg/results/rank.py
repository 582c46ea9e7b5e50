"""What `audit --rank` returns: every preset on one dataset."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.report import Reported


@dataclass(frozen=True)
class RankedPreset:
    """A preset on the dataset.

    Attributes:
        name, codebase: of the preset.
        image_size: (width, height) of the network's input in pixels.
        priors: how many it has.
        matched: objects with a positive that reaches the threshold.
        best_possible_recall, shape_recall: as of `Tally`; nan without sound objects.
        positives_each: positives of an object, on average.
    """

    name: str
    codebase: str
    image_size: tuple[int, int]
    priors: int
    matched: int
    best_possible_recall: float
    shape_recall: float
    positives_each: float


@dataclass(frozen=True, repr=False)
class RankResult(Reported):
    """All presets on a dataset, the best first.

    Attributes:
        dataset, format: where from, and what it is in words.
        images, objects: how many there are.
        dialect: whose rules match.
        threshold: from which overlap.
        in_use: the priors that the audit would have taken.
        presets: those of the highest best possible recall first; of equals, those of fewer priors.
    """

    dataset: str
    format: str
    images: int
    objects: int
    dialect: str
    threshold: float
    in_use: str
    presets: tuple[RankedPreset, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        best = self.presets[0].name if self.presets else "none"
        return f"{self.dataset}: {self.objects} objects, {len(self.presets)} presets, {best} the best"
