"""What images, objects and mined negatives cost, and what the checks see of a batch's loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from ssdlossdbg.results.captured import Captured
from ssdlossdbg.results.common import Box
from ssdlossdbg.results.contract import SPREAD, Hidden, Written, at
from ssdlossdbg.results.said import Said


@dataclass(frozen=True)
class Parts:
    """A loss, or a share of one, by what it comes from.

    Attributes:
        landmarks: None where the dialect has no such term, or landmarks are not saved.
    """

    localization: float
    confidence_positive: float
    confidence_negative: float
    landmarks: float | None = None

    @property
    def confidence(self) -> Written[float]:
        """Confidence loss of positives and mined negatives."""
        return self.confidence_positive + self.confidence_negative

    @property
    def total(self) -> Written[float]:
        """All of it."""
        return self.localization + self.confidence + (self.landmarks or 0.0)


@dataclass(frozen=True)
class OfBothSteps:
    """The loss of two steps as training has it, whose parts are those of the second: a `Computed` like `Parts`."""

    localization: float
    confidence: float
    total: float


@dataclass(frozen=True)
class Cutoff:
    """A prior at the edge of what mining took: its index and its mining score."""

    prior: int
    score: float


@dataclass(frozen=True)
class ImageLoss:
    """One image's share.

    Attributes:
        ground_truth: how many objects; None where the targets were already encoded.
        wanted: negatives that the ratio and the cap grant; to the whole batch where that is what is mined.
        last_mined, first_not_mined: the negatives on both sides of the cut-off, where there are such; none where all
            negatives count.
        name: what the loader calls it; None where that is not known.
        any_choice: the least and the greatest that its mined negatives can cost, normalised, whichever of those with
            the score at the cut-off are taken; None where there is no choice.
    """

    index: int
    path: str | None
    ground_truth: int | None
    positives: int
    forced: int
    negatives: int
    wanted: Annotated[float, at("negatives_wanted")]
    parts: Annotated[Parts, SPREAD]
    last_mined: Cutoff | None
    first_not_mined: Cutoff | None
    name: str | None = None
    any_choice: Hidden[tuple[float, float] | None] = None

    @property
    def tied(self) -> Written[bool]:
        """Whether equal scores straddle the cut-off, so that another sort may mine other priors."""
        last, first = self.last_mined, self.first_not_mined
        return last is not None and first is not None and last.score == first.score


def open_choice(images: Sequence[ImageLoss]) -> tuple[float, float]:
    """By how much the loss of a batch may be less and more, for the choice among negatives of equal scores; (0, 0)."""
    tied = [(image.any_choice, image.parts.confidence_negative) for image in images if image.any_choice]
    least, greatest = (sum(choice[end] - cost for choice, cost in tied) for end in (0, 1))
    return (least, greatest) if least <= 0 <= greatest else (0.0, 0.0)


@dataclass(frozen=True)
class GroundTruthLoss:
    """What one ground truth costs.

    `box` is in input pixels; `problem` as in `GroundTruthMatch`, `landmarks` as in `Parts`. `predicted_label` and
    `probability` are of the class of highest probability at its positive of the costliest confidence, and
    `own_probability` that of its own class there; None where it has no positive.
    """

    image: int
    index: int
    class_id: int
    label: str
    box: Box
    positives: int
    forced: int
    best_iou: float
    localization: float
    confidence: float
    problem: str | None
    landmarks: float | None = None
    predicted_label: str | None = None
    probability: float | None = None
    own_probability: Hidden[float | None] = field(default=None, compare=False)

    @property
    def total(self) -> Written[float]:
        """All terms."""
        return self.localization + self.confidence + (self.landmarks or 0.0)


@dataclass(frozen=True)
class MinedNegative:
    """A mined negative and what it costs.

    Attributes:
        rank: place in its image's ranking, 1 for the highest score.
        box: the prior, in input pixels.
        loss: its share of the total, normalised.
        predicted_class, predicted_label, probability: the class of highest probability, by the softmax or by the
            sigmoid, as the dialect's loss has it.
        best_iou: with the nearest object; 0 where the image has none, None where the targets were already encoded.
        ground_truth: that object's index, or None.
    """

    image: int
    prior: int
    rank: int
    level: int
    box: Box
    loss: float
    predicted_class: int
    predicted_label: str
    probability: float
    best_iou: float | None
    ground_truth: int | None


@dataclass(frozen=True)
class TakenOut:
    """An object of which a first step took some positives of the second for background.

    Attributes:
        image, index, label: which object.
        taken: how many positives, which are negatives now that mining may choose.
        left: how many it has left.
        probability: the highest that the first step gives an object at those taken.
    """

    image: int
    index: int
    label: str
    taken: int
    left: int
    probability: float


@dataclass(frozen=True)
class NonFinite:
    """A value that is not finite, where it first shows on the way from the inputs to the loss.

    Attributes:
        term: "target", "loc", "conf", "localization", "confidence" or "normalizer"; "landmarks" of an object's points,
            "landm" of what is predicted for them.
        image, ground_truth, prior: where, as far as it belongs to one.
        place: coordinate (cx, cy, w, h), or the class column of a logit; empty where it is the cost of a whole box.
        value: inf, -inf or nan.
        box: of the ground truth, in input pixels.
        problem: what is wrong with that box, or None.
        count: values of this term and object that are not finite.
    """

    term: str
    image: int | None
    ground_truth: int | None
    prior: int | None
    place: str
    value: float
    box: Box | None
    problem: str | None
    count: int


@dataclass(frozen=True)
class Costs:
    """What the loss of a batch comes to, image by image, object by object and negative by negative.

    Attributes:
        dtype: of the predictions in their file.
        threshold: the match threshold; None where the targets were already encoded.
        priors: how many each image has.
        negatives, all_negatives: as in `LossResult`.
        said: the loss that the user's own code had, None where that is not known.
        captured: what a capture says of the batch; None of what no capture wrote.
        decays: whether the dialect adds weight decay to its total, which is in none of these figures.
        landmarks_left_out: why the landmarks are in none of these figures; empty where they are, or need not be.
        whose: whose rules give what was said, where that is another loss; empty where nobody asked.
        first_step: of the first of two steps, which is in none of the other figures; None where there is one step.
        taken_out: as in `LossResult`.
        others: as in `LossResult`.
    """

    predictions_path: str
    targets_path: str
    dtype: str
    dialect: str
    threshold: float | None
    priors: int
    loss: Parts
    loss_sum: Parts
    normalizer: float
    images: tuple[ImageLoss, ...]
    ground_truth: tuple[GroundTruthLoss, ...]
    negatives: tuple[MinedNegative, ...]
    non_finite: tuple[NonFinite, ...]
    raises: str | None
    said: Said | None = None
    captured: Captured | None = None
    decays: bool = False
    landmarks_left_out: str = ""
    whose: str = ""
    all_negatives: bool = False
    first_step: Parts | None = None
    taken_out: tuple[TakenOut, ...] = ()

    @property
    def computed(self) -> Parts | OfBothSteps:
        """The loss as training has it, of both steps where there are two."""
        first, own = self.first_step, self.loss
        return own if first is None else OfBothSteps(own.localization, own.confidence, own.total + first.total)

    @property
    def recorded_error(self) -> float | None:
        """The largest relative difference between what the user's code said and this; None where nothing compares."""
        if self.said is None:
            return None
        return self.said.error(self.computed, self.decays, open_choice(self.images), bool(self.landmarks_left_out))
