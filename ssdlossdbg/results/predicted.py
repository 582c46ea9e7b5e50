"""What the checks see of the predictions."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.common import Box
from ssdlossdbg.results.findings import Where
from ssdlossdbg.results.hypotheses import Fit, Heard, Strangers
from ssdlossdbg.rules import Dialect

# Offsets and logits beyond these are named one by one.
LARGEST_OFFSET = 100.0
LARGEST_LOGIT = 1000.0
# Logits that differ by no more than this are the same.
SAME_LOGIT = 1e-4
# A class that gets no more than this is denied with all the certainty that float32 has.
NO_PROBABILITY = 1e-6
# A class that gets more than this is predicted surely.
SURE = 0.9


@dataclass(frozen=True)
class OddValue:
    """Predictions of one image that are not finite, or very large.

    Attributes:
        term: "loc" or "conf".
        prior: of the first such value, or of the largest.
        place: its coordinate (cx, cy, w, h), or class column.
        value: that value.
        count: how many there are in the image.
        at_positives: how many of the image's positives have one; None without targets.
    """

    term: str
    image: int
    prior: int
    place: str
    value: float
    count: int
    at_positives: int | None


@dataclass(frozen=True)
class Spoilt:
    """Which predictions of a batch are inf or nan.

    Attributes:
        coordinates: how many offsets, by coordinate.
        logits: how many logits.
        infinite: how many of all those are inf rather than nan.
        images: how many images have one.
        priors: how many priors of all images have one.
        offsets_in_all, logits_in_all: how many offsets of a coordinate, and logits, there are.
    """

    coordinates: tuple[int, ...]
    logits: int
    infinite: int
    images: int
    priors: int
    offsets_in_all: int
    logits_in_all: int

    @property
    def everything(self) -> bool:
        """Whether no prediction is a number."""
        return min(self.coordinates) == self.offsets_in_all and self.logits == self.logits_in_all


@dataclass(frozen=True)
class Answers:
    """What the logits say at the N priors that have something to learn.

    Attributes:
        positives: priors whose target is a class.
        right: share of them whose highest logit is that of their class.
        background: mean background probability there.
        taken_for_background: share of them whose highest logit is that of background.
        counted: priors whose confidence the loss counts: positives and mined negatives.
        denied: share of those whose own class gets a probability of at most `NO_PROBABILITY`.
        elsewhere: priors of any role that are taken for an object more likely than not; counted only where all
            positives are taken for background.
    """

    positives: int
    right: float
    background: float
    taken_for_background: float
    counted: int
    denied: float
    elsewhere: int = 0


@dataclass(frozen=True)
class Quota:
    """What mining was to take in one scope, and what there is to take.

    Attributes:
        image: None where all images are mined together.
        positives: what the ratio is multiplied by.
        negatives: priors that mining may choose from.
        asked: ratio times positives, or the minimum, before any cap.
        places_of_positives: positives among the places granted.
    """

    image: int | None
    positives: int
    negatives: int
    asked: float
    places_of_positives: int


@dataclass(frozen=True)
class Underflow:
    """Negatives of one image whose mining score is log 0.

    Attributes:
        lost: how many there are.
        missed: those of them that their true cross-entropy, if not next to nothing, would have had mined.
        prior: the hardest of those that are lost.
        cross_entropy: its true one.
        own: its highest logit.
        largest: the highest logit of the batch.
    """

    image: int
    lost: int
    missed: int
    prior: int
    cross_entropy: float
    own: float
    largest: float


@dataclass(frozen=True)
class Unlabelled:
    """Mined negatives of one image that a network which tells objects from background holds for objects.

    Attributes:
        prior: of the surest one.
        label: the class that it is taken for.
        probability: how surely.
        box: what is predicted there, in pixels of the network's input.
        count: how many there are.
    """

    image: int
    prior: int
    label: str
    probability: float
    box: Box
    count: int


@dataclass(frozen=True)
class Predicted:
    """What the network predicted for B images.

    Attributes:
        file: the predictions' path.
        images, classes: B, and the columns of the logits, background included.
        class_names: what the user says the classes are called, background left out; empty where nothing was said.
        dtype: of the predictions in their file.
        rules: the dialect.
        probabilities: "softmax", "sigmoid", "log-softmax" or "log-sigmoid" where the logits can only be what that
            gives; else empty.
        spread: how much the logits of one shape differ at most between the cells of its level and between images;
            where that is more than `SAME_LOGIT`, some such difference.
        frozen: whether the offsets of one shape are the very same in all cells of its level and in all images.
        knows_background: whether most negatives cost far less than by guessing; asked only where `frozen`.
        non_finite: where predictions are inf or nan, an entry an image and term.
        spoilt: their pattern; None where all are finite.
        huge: where offsets or logits exceed `LARGEST_OFFSET` or `LARGEST_LOGIT`, the same.
        loss: what the predictions come to; None without targets, as all that follows.
        sound_targets: whether every positive has finite offsets to learn.
        spoiling_targets: whether some of those offsets make the gradient nan under the dialect's loss.
        answers: what the logits say, or None.
        fits: how well the predicted boxes meet their objects under other explanations than that all is as given.
        heard: what the logits say of the targets; None where too few of the priors are surely taken for anything.
        strangers: what the network sees that is not annotated; None where it sees next to nothing, or knows objects.
        quotas: what mining was to take, an entry a scope.
        underflows: images with negatives that were lost in ranking.
        unlabelled: images with mined negatives that look like objects.
    """

    file: str
    images: int
    classes: int
    class_names: tuple[str, ...]
    dtype: str
    rules: Dialect
    spread: float
    non_finite: tuple[OddValue, ...]
    huge: tuple[OddValue, ...]
    probabilities: str = ""
    frozen: bool = False
    knows_background: bool = False
    spoilt: Spoilt | None = None
    loss: float | None = None
    sound_targets: bool | None = None
    spoiling_targets: bool | None = None
    answers: Answers | None = None
    fits: tuple[Fit, ...] = ()
    heard: Heard | None = None
    strangers: Strangers | None = None
    quotas: tuple[Quota, ...] = ()
    underflows: tuple[Underflow, ...] = ()
    unlabelled: tuple[Unlabelled, ...] = ()

    def where(self, image: int | None = None, prior: int | None = None, box: Box | None = None) -> Where:
        """A place in the predictions."""
        return Where(self.file, image, prior=prior, box=box)
