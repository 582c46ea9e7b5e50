"""What `audit` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from ssdlossdbg.results.common import ConfigSummary, FloatArray, IntArray
from ssdlossdbg.results.contract import SPREAD, Hidden, Key, Written, at
from ssdlossdbg.results.evidence import Evidence
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.lacking import Lacking
from ssdlossdbg.results.objects import Objects
from ssdlossdbg.results.report import Reported
from ssdlossdbg.shells import joined


@dataclass(frozen=True)
class AuditedDataset:
    """What was read.

    Attributes:
        path: where from.
        format: in words.
        images: how many it holds, those without objects too.
        empty: images without any object that training would see.
        left_out: objects that the dialect's loader drops (difficult).
        unknown: how many objects have each label that is not among the classes; none of them takes part.
        refused: files, or parts of a file, that could not be read.
        letterbox: whether photos were scaled as a whole and padded, rather than stretched.
    """

    path: str
    format: str
    images: int
    empty: int
    left_out: int
    unknown: dict[str, int]
    refused: int
    letterbox: bool

    @property
    def can_match(self) -> bool:
        """Whether `match` shows its images as they were audited: it reads no CSV, and pads no photos."""
        return "Open Images" not in self.format and not self.letterbox


@dataclass(frozen=True)
class Tally:
    """What became of a group of objects.

    Attributes:
        ground_truth: how many there are; matched, forced_only, without_positive and invalid add up to it.
        matched: those that have a positive which reaches the threshold.
        forced_only: those whose positives all are forced.
        without_positive: sound boxes without any positive.
        invalid: boxes that are none.
        unmatched: objects without any positive, invalid ones included.
        positives, forced: priors assigned to them, and those of them that do not reach the threshold.
        reached: sound boxes whose best IoU with a prior, where it really stands, reaches the threshold.
        shape_reached: the same, were a prior of every shape centred on the object.
    """

    ground_truth: int = 0
    matched: int = 0
    forced_only: int = 0
    without_positive: int = 0
    invalid: int = 0
    unmatched: int = 0
    positives: int = 0
    forced: int = 0
    reached: int = 0
    shape_reached: int = 0

    @property
    def recall(self) -> Annotated[float, at("best_possible_recall")]:
        """Best possible recall: the share of sound objects that a prior overlaps enough; nan where there are none."""
        sound = self.ground_truth - self.invalid
        return self.reached / sound if sound else float("nan")

    @property
    def shape_recall(self) -> Written[float]:
        """What tools that compare shapes alone call best possible recall; nan where there are no sound objects."""
        sound = self.ground_truth - self.invalid
        return self.shape_reached / sound if sound else float("nan")


@dataclass(frozen=True)
class Group:
    """Objects of one class, or of a range of sizes or aspects.

    Attributes:
        name: of the class; or the range in words, as "16 to 32".
        low, high: of the range, the upper end excluded; None where it is open, and for classes.
        tally: what became of them.
        recalls: `[T]` best possible recall at the thresholds of `AuditResult.recalls`; nan without sound objects.
    """

    name: str
    low: float | None
    high: float | None
    tally: Annotated[Tally, SPREAD]
    recalls: tuple[float, ...]


@dataclass(frozen=True)
class LevelAudit:
    """One level.

    Attributes:
        feature_map: (columns, rows); (0, 0) where no grid could be recognised.
        stride: (x, y) between centres, in pixels of the network's input.
        priors: how many it has.
        positives, forced: over all images, and those of them that do not reach the threshold.
        best_of: objects whose best prior is on it.
    """

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    priors: int
    positives: int
    forced: int
    best_of: Annotated[int, at("ground_truth")]


@dataclass(frozen=True)
class RecallAt:
    """Best possible recall at another threshold.

    Attributes:
        threshold: that a best IoU is to reach.
        grid: with the priors where they stand.
        shape: with a prior of every shape centred on the object.
    """

    threshold: float
    grid: Annotated[float, at("best_possible_recall")]
    shape: Annotated[float, at("shape_recall")]


@dataclass(frozen=True)
class IouBySize:
    """How well the priors fit objects of each size.

    Attributes:
        edges: `[S + 1]` sides (the root of the area) in pixels of the network's input, each a tenth more than the last.
        iou_edges: `[K + 1]` from 0 to 1.
        counts: `[S, K]` objects of that size and best IoU.
        best_placed, worst_placed: `[S + 1]` the best IoU of a square of each side where it lies best on the grid, and
            where it lies worst; empty where no grid could be recognised.
    """

    edges: FloatArray
    iou_edges: FloatArray
    counts: IntArray
    best_placed: FloatArray
    worst_placed: FloatArray


@dataclass(frozen=True)
class Rivals:
    """The class of objects that lost their best prior, that of those that won it, and how often."""

    loser: str
    winner: str
    times: int


@dataclass(frozen=True)
class Contested:
    """Objects that compete for a prior.

    Attributes:
        lost: objects whose best prior went to another one.
        without_positive: those of them that have no other.
        pairs: of classes, the most frequent first.
    """

    lost: int
    without_positive: int
    pairs: tuple[Rivals, ...]


@dataclass(frozen=True)
class WorstImage:
    """An image to look at first.

    Attributes:
        name: what the annotations call it.
        annotation: the file that lists its objects.
        photo: where the photo was found, None where it was not.
        ground_truth: its objects.
        invalid, without_positive, forced_only: what became of them.
        hardly: those of the forced that their best prior overlaps by less than 0.1.
        command: that shows it, as a shell takes it; None where none does, or the photo is not there to show.
    """

    name: str
    annotation: str
    photo: str | None
    ground_truth: int
    invalid: int
    without_positive: int
    forced_only: int
    hardly: int
    command: str | None = None

    def match_command(self, options: Sequence[str]) -> tuple[str, ...]:
        """The words of the command that shows what each object gets.

        Where the photo was not found, the user has to put its path in the place of PHOTO. Of an annotation file that
        lists many images, `match` takes the entry with the photo's name.

        Args:
            options: that make `match` use the same priors and rules, as words.
        """
        files = ("PHOTO" if self.photo is None else _no_option(self.photo), _no_option(self.annotation))
        return "ssdlossdbg", "match", *files, *options


def _no_option(path: str) -> str:
    return f"./{path}" if path.startswith("-") else path


@dataclass(frozen=True)
class Augmented:
    """The same objects as the dialect's random crops show them to the network.

    Attributes:
        draws: how often each image was to be drawn.
        done: images drawn, over all draws; draws times the images unless the user interrupted.
        seed: of the draws.
        totals: of the objects in all draws.
        sizes: the same ranges as those of the photos, without recalls at other thresholds.
        kept: share of the sound objects that a draw keeps; nan without any.
        square: images that were taken to be square, since nothing says how large the photo is.
    """

    draws: int
    done: Annotated[int, at("images")]
    seed: int
    totals: Tally
    sizes: tuple[Group, ...]
    kept: float
    square: Annotated[int, at("taken_for_square")] = 0


@dataclass(frozen=True, repr=False)
class AuditResult(Reported):
    """What the priors can learn of a dataset.

    Attributes:
        threshold: the dialect's match threshold, or the one that the user gave.
        done: images looked at: all of them, unless the user interrupted.
        classes: in the order of their ids, without those that have no object.
        sizes: of sound boxes, by the root of the area in pixels of the network's input, ascending, all ranges.
        aspects: of sound boxes, by width over height in pixels of the network's input, tall before wide, all ranges.
        levels: finest first.
        recalls: at other thresholds, ascending.
        positives_each: `[most + 1]` how many sound objects have 0, 1, 2, ... positives.
        images_first: the images to look at first, the worst first; none where nothing is amiss.
        augmented: None where that was not asked for.
        objects: a row an object that was matched, for the checks and for the CSV.
        prior_level: `[P]` the level of each prior.
        ignored: how many cases of findings the user has ignored in their files.
        match_options: that make `match` use the same priors and rules, as words of a command line.
    """

    dataset: AuditedDataset
    config: ConfigSummary
    dialect: str
    device: str
    threshold: float
    done: Annotated[int, at("totals.images")]
    totals: Tally
    classes: Annotated[tuple[Group, ...], Key(renamed={"name": "label", "low": None, "high": None})]
    sizes: tuple[Group, ...]
    aspects: tuple[Group, ...]
    levels: Annotated[tuple[LevelAudit, ...], Key(numbered="level")]
    positives_each: tuple[int, ...]
    recalls: tuple[RecallAt, ...]
    iou_by_size: Hidden[IouBySize]
    contested: Contested
    images_first: tuple[WorstImage, ...]
    augmented: Augmented | None
    objects: Hidden[Objects]
    prior_level: Hidden[IntArray]
    match_options: tuple[str, ...] = ()
    evidence: Hidden[tuple[Evidence, ...]] = ()
    findings: tuple[Finding, ...] = ()
    ignored: Annotated[int, at("totals.ignored")] = 0

    def with_match_options(self, options: tuple[str, ...]) -> AuditResult:
        """The same, with the commands that show the images to look at first.

        Args:
            options: that make `match` use the same priors and rules, as words of a command line.
        """
        images = [
            replace(image, command=joined(image.match_command(options)))
            if image.photo is not None and self.dataset.can_match
            else image
            for image in self.images_first
        ]
        return replace(self, match_options=options, images_first=tuple(images))

    @property
    def lacking(self) -> Lacking | None:
        """Of which class or size the priors suit the fewest, where these are too few; classes before sizes."""
        for kind, groups in (("class", self.classes), ("size", self.sizes)):
            found = [each for group in groups if (each := Lacking.of(kind, group, self.totals))]
            if found:
                return max(found, key=lambda each: each.without / each.objects)
        return None

    @property
    def complete(self) -> Written[bool]:
        """Whether all images were looked at."""
        return self.done == self.dataset.images

    @property
    def interrupted(self) -> bool:
        """Whether something that was asked for was not done to its end."""
        drawn = self.augmented
        return not self.complete or (drawn is not None and drawn.done < drawn.draws * self.dataset.images)

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        totals = self.totals
        objects = f"{totals.ground_truth} objects, {totals.matched} matched, {totals.forced_only} forced only"
        return f"{self.dataset.path} by {self.dialect}: {self.done} images, {objects}, {totals.unmatched} unmatched"
