"""What `losses` returns: the loss of each image and object of many batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Annotated

from ssdlossdbg.results.captured import NOT_FINITE, RAISED, SPIKE
from ssdlossdbg.results.common import Box, ConfigSummary
from ssdlossdbg.results.contract import SPREAD, Written, at
from ssdlossdbg.results.costs import Parts
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.loss import RunBatch
from ssdlossdbg.results.report import Reported


@dataclass(frozen=True, slots=True)
class WholeLoss:
    """The loss of a batch or an image, or a mean of such, with all that training adds up but weight decay.

    Attributes:
        localization, confidence_positive, confidence_negative, landmarks: as of `Parts`; of two steps the second's.
        first_step: of two steps, the first's; None where there is one.
    """

    localization: float
    confidence_positive: float
    confidence_negative: float
    landmarks: float | None = None
    first_step: float | None = None

    @property
    def confidence(self) -> Written[float]:
        """Confidence loss of positives and mined negatives."""
        return self.confidence_positive + self.confidence_negative

    @property
    def total(self) -> Written[float]:
        """All of it."""
        return self.localization + self.confidence + (self.landmarks or 0.0) + (self.first_step or 0.0)


@dataclass(frozen=True, slots=True)
class DearNegative:
    """The mined negative of an image that costs most.

    Attributes:
        box: the prior, in input pixels.
        level: of it.
        loss: normalised as the image's.
        taken_for, probability: the likeliest class there.
        best_iou: with the nearest object; None where that is not known.
    """

    box: Box
    level: int
    loss: float
    taken_for: str
    probability: float
    best_iou: float | None


@dataclass(frozen=True, slots=True)
class SeenImage:
    """An image, as it was seen last.

    Attributes:
        name: what the loader calls it; empty where that is not known.
        dataset_index: its place in the loader's data set; None where that is not known.
        file, targets_path: of its batch; the same where one file holds both halves.
        index: its place in that batch.
        step: of the training or evaluation; None where that is not known.
        seen: in how many batches.
        ground_truth: how many objects; None where they are not known.
        unmatched: how many of these have no positive.
        loss: as a batch of its own; None where it has none: no positive to divide by.
        mean: of its total over all times that it was seen; None likewise.
        share: of its batch's loss as training has it; nan where that is not finite.
        negative: the mined negative that costs most; None where there is none.
        photo: its file; None where it was not looked for, or not found.
    """

    name: str
    dataset_index: int | None
    file: str
    targets_path: str
    index: int
    step: int | None
    seen: int
    ground_truth: int | None
    unmatched: int | None
    positives: int
    forced: int
    negatives: int
    loss: WholeLoss | None
    mean: float | None
    share: float
    negative: DearNegative | None
    photo: str | None = None

    @property
    def title(self) -> str:
        """What to call it in a table: its name, its place in the data set, or that in its file."""
        if self.name or self.dataset_index is not None:
            return self.name or f"image {self.dataset_index}"
        return f"{PurePath(self.file).name} #{self.index}"


@dataclass(frozen=True, slots=True)
class SeenObject:
    """An object, as it was seen last.

    Attributes:
        image: what its image is called, as of `SeenImage.title`.
        file, image_index, index: its batch, its image there, and its place in that.
        class_id, label: what it is.
        box: in input pixels.
        photo_box: in pixels of the photo; None where the photo was not looked for or found, or training cropped it.
        best_iou: with a prior.
        positives, forced: priors trained on it, and those of them that are so only as its best one.
        localization, confidence, total: its part of its image's loss.
        probability: of its class, at its positive of the costliest confidence; None without a positive.
        taken_for, taken_for_probability: the likeliest class there.
        problem: what is wrong with its box.
    """

    image: str
    file: str
    image_index: int
    index: int
    class_id: int
    label: str
    box: Box
    photo_box: Box | None
    best_iou: float
    positives: int
    forced: int
    localization: float
    confidence: float
    total: float
    probability: float | None
    taken_for: str | None
    taken_for_probability: float | None
    problem: str | None


@dataclass(frozen=True)
class LossGroup:
    """The share of a class, a level or a size.

    Attributes:
        name: of it.
        objects: as they were seen last; None of what objects are no part of.
        unmatched, forced_only: those of them without a positive, and with forced ones alone; None likewise.
        right: those of them whose class is the likeliest at their costliest positive; None likewise.
        positives, negatives: priors over all batches.
        parts: of the mean of the batches whose loss is finite, which all groups of a kind add up to; of sizes, what
            positives cost.
    """

    name: str
    objects: int | None
    unmatched: int | None
    forced_only: int | None
    right: int | None
    positives: int
    negatives: int
    parts: Annotated[Parts, SPREAD]


@dataclass(frozen=True)
class Unread:
    """A file that could not be used, and why."""

    file: str
    why: str


@dataclass(frozen=True, repr=False)
class LossesResult(Reported):
    """The loss of a data set, image by image and object by object.

    Attributes:
        source: what was given: a folder, or the first of several files and how many there are.
        device: where it was computed.
        dialects: whose rules the batches follow; several where the files are of several codebases.
        configs: the priors, likewise.
        image_count, empty: images told apart, and those without objects.
        with_loss: images that have a loss of their own.
        sightings: images over all batches; more than there are where some were seen several times.
        mean_of_batches: as a training loop averages what its criterion returns: each batch counts once.
        mean_of_images: of each image's loss as a batch of its own, as it was seen last; None where none has one.
        finite_batches, finite_images: how many of them are neither inf nor nan, and the means of these; None without.
        recorded: the mean of what the user's code returned; None where that is not known of every batch.
        recorded_error: the largest relative difference between the two of a batch; None where nothing compares.
        validation: whether all batches were saved without gradients; None where nobody knows.
        mixed: in what the files do not belong together, in words.
        absent: what is not among the files though it was seen, in words; empty where nothing is.
        images: the dearest first, those without a loss of their own last.
        seen_objects: likewise.
        classes, levels, sizes: the shares of each.
        batches: a line each, the worst first, those that cannot be read last.
        unread: files that could not be used.
        findings: of all batches, each code once.
        finding_files: by code, in how many files it is so.
    """

    source: str
    device: str
    dialects: tuple[str, ...]
    configs: tuple[ConfigSummary, ...]
    image_count: int
    empty: int
    with_loss: int
    sightings: int
    mean_of_batches: WholeLoss
    mean_of_images: WholeLoss | None
    finite_batches: Annotated[tuple[int, WholeLoss | None], at("finite_batches.count", "finite_batches.mean")]
    finite_images: Annotated[tuple[int, WholeLoss | None], at("finite_images.count", "finite_images.mean")]
    recorded: float | None
    recorded_error: float | None
    validation: bool | None
    mixed: tuple[str, ...]
    absent: str
    images: tuple[SeenImage, ...]
    seen_objects: Annotated[tuple[SeenObject, ...], at("objects")]
    classes: tuple[LossGroup, ...]
    levels: tuple[LossGroup, ...]
    sizes: tuple[LossGroup, ...]
    batches: tuple[RunBatch, ...]
    unread: tuple[Unread, ...]
    findings: tuple[Finding, ...] = ()
    finding_files: dict[str, int] = field(default_factory=dict)

    @property
    def read(self) -> tuple[RunBatch, ...]:
        """The batches that could be used."""
        return tuple(batch for batch in self.batches if not batch.unreadable)

    @property
    def guilty(self) -> RunBatch | None:
        """The batch that the training itself was hit by first; None where it says so of none."""
        return next((batch for batch in self.batches[:1] if batch.reason in (RAISED, NOT_FINITE, SPIKE)), None)

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        read = len(self.read)
        of_images = "" if self.mean_of_images is None else f", {self.mean_of_images.total:.4f} an image"
        counted = f"{read} batches, {self.image_count} images, {len(self.seen_objects)} objects"
        return f"{self.source}: {counted}; loss {self.mean_of_batches.total:.4f} a batch{of_images}"
