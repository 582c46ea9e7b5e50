"""What `fit` returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

from ssdlossdbg.results.common import ConfigSummary
from ssdlossdbg.results.contract import Key, Written, at
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.report import Reported
from ssdlossdbg.rules import Clip, PriorOrder, PriorRounding, PriorSpec


@dataclass(frozen=True)
class FittedDataset:
    """What was fitted to.

    Attributes:
        path: where from.
        format: in words.
        images: how many it holds, those without objects too.
        ground_truth: objects that training sees, and whose box has an area.
        invalid: those whose box has none.
        refused: what could not be read, a sentence each.
    """

    path: str
    format: str
    images: int
    ground_truth: int
    invalid: int
    refused: tuple[str, ...]


@dataclass(frozen=True)
class FittedLevel:
    """The shapes of a level, in pixels of the network's input.

    Attributes:
        feature_map: (columns, rows).
        stride: (x, y) between centres.
        min_size, max_size: what the shapes are made of; None where they are made otherwise, or have no such square.
        ratios: aspect ratios above 1, each also inverted.
        words: the shapes of a cell, in order, as a prior config names them: "min", "mean", an aspect ratio as a number
            or a fraction, or (width, height).
    """

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    min_size: float | None
    max_size: float | None
    ratios: Annotated[tuple[float, ...], at("aspect_ratios")]
    words: Annotated[tuple[float | str | tuple[float, float], ...], at("shapes")]

    @property
    def priors(self) -> Written[int]:
        """How many there are."""
        return self.feature_map[0] * self.feature_map[1] * len(self.words)


@dataclass(frozen=True)
class FittedPriors:
    """A whole grid; attributes as of `PriorSpec`."""

    image_size: tuple[int, int]
    levels: Annotated[tuple[FittedLevel, ...], Key(numbered="level")]
    clip: Clip
    order: PriorOrder
    offset: float
    rounding: PriorRounding = PriorRounding.CENTRES

    @property
    def count(self) -> Annotated[int, at("priors")]:
        """Number of priors of all levels."""
        return sum(level.priors for level in self.levels)


@dataclass(frozen=True)
class Reach:
    """How many objects of a group the priors can reach.

    Attributes:
        name: of the group.
        ground_truth: how many there are.
        before, after: those whose best IoU with a prior, where it really stands, reaches the threshold.
        low: where the range of its sides begins, in pixels of the network's input; None where it is not by size.
    """

    name: str
    ground_truth: int
    before: Annotated[int, at("reached_before")]
    after: Annotated[int, at("reached_after")]
    low: float | None = None

    @property
    def won(self) -> int:
        """How many more are reached than before; below 0 if fewer."""
        return self.after - self.before

    @property
    def recall_before(self) -> Written[float]:
        """Best possible recall; nan where there are no objects."""
        return self.before / self.ground_truth if self.ground_truth else math.nan

    @property
    def recall_after(self) -> Written[float]:
        """Best possible recall; nan where there are no objects."""
        return self.after / self.ground_truth if self.ground_truth else math.nan


@dataclass(frozen=True, repr=False)
class FitResult(Reported):
    """Priors proposed for a dataset, beside those that it started from.

    Attributes:
        config: what it started from.
        threshold: the dialect's match threshold.
        seed: of the split and of the search.
        budget: priors that there might be.
        searched: objects that the search looked at.
        before, after: the priors; the same where nothing better was found.
        total: all objects.
        fitted: those of the images that the search could look at.
        held_out: those of the other images.
        sizes: by the root of the area in pixels of the network's input, ascending, ranges without objects left out.
        mean_before, mean_after: mean of the best IoU of all objects.
        findings: none: no check looks at a proposal yet.
    """

    dataset: FittedDataset
    config: Annotated[ConfigSummary, at("base")]
    dialect: str
    threshold: float
    seed: int
    budget: int
    searched: int
    before: FittedPriors
    after: FittedPriors
    total: Annotated[Reach, at("recall.total")]
    fitted: Annotated[Reach, at("recall.fitted")]
    held_out: Annotated[Reach, at("recall.held_out")]
    sizes: tuple[Reach, ...]
    mean_before: Annotated[float, at("mean_best_iou.before")]
    mean_after: Annotated[float, at("mean_best_iou.after")]
    findings: tuple[Finding, ...] = ()

    @property
    def changed(self) -> Written[bool]:
        """Whether other priors are proposed than those that it started from."""
        return self.after != self.before

    @property
    def prior_config(self) -> Annotated[dict[str, Any], at("config")]:
        """The proposed priors as a prior config file has them; keys that have their default are left out."""
        priors = self.after
        table: dict[str, Any] = {
            "title": f"Fitted to {one_line(self.dataset.path)}",
            "image_size": _pair(priors.image_size),
        }
        if priors.clip is not Clip.NONE:
            table["clip"] = str(priors.clip)
        if priors.order is not PriorOrder.CELL:
            table["order"] = str(priors.order)
        if priors.offset != PriorSpec.offset:
            table["offset"] = priors.offset
        if priors.rounding is not PriorRounding.CENTRES:
            table["rounding"] = str(priors.rounding)
        return {**table, "levels": [_level(level) for level in priors.levels]}

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        recall = f"best possible recall {self.total.recall_before:.1%} -> {self.total.recall_after:.1%}"
        return f"{self.dataset.path} from {self.config.name}: {recall} with {self.after.count} priors"


def _level(level: FittedLevel) -> dict[str, Any]:
    sizes = {"min_size": level.min_size, "max_size": level.max_size}
    return {
        "feature_map": _pair(level.feature_map),
        "stride": _pair(level.stride),
        **{name: _plain(size) for name, size in sizes.items() if size is not None},
        "shapes": [_shape(word) for word in level.words],
    }


def _shape(word: float | str | tuple[float, float]) -> float | str | list[float]:
    if isinstance(word, tuple):
        return [_plain(side) for side in word]
    return word if isinstance(word, str) else _plain(word)


def _pair(pair: tuple[float, float]) -> float | list[float]:
    """One number where both are the same."""
    both = [_plain(value) for value in pair]
    return both[0] if both[0] == both[1] else both


def _plain(value: float) -> float:
    """A whole number without its decimal point."""
    return int(value) if float(value).is_integer() else value


def one_line(text: str) -> str:
    """Text without control characters, which TOML allows neither in comments nor in strings."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
