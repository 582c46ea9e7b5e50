"""A network that is made to know its objects, broken in one way each: what is said of it first, and of its neighbour.

The scenes, the offsets and the formulas that break them are written out here, from the papers' and not from ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import LossResult, Severity
from ssdlossdbg.rules import Units

CLASSES, IMAGES = 7, 4
PRIORS = load_priors("ssd300-voc").priors.boxes.float()
Split = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Scene:
    """Objects of some images and what a network says of them, which is nearly right."""

    boxes: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    loc: Tensor
    conf: Tensor

    def loss(self, dialect: str = "ssd.pytorch") -> LossResult:
        """What `loss` says of it, boxes in fractions and labels as they are."""
        predictions = {"loc": self.loc, "conf": self.conf, "priors": PRIORS}
        targets = [{"boxes": b, "labels": n} for b, n in zip(self.boxes, self.labels, strict=True)]
        layout = SavedLayout(label_offset=0, target_units=Units.NORMALIZED)
        return api.loss(predictions, targets, dialect=dialect, device="cpu", layout=layout)


def scene(seed: int, *, noise: float = 0.3, sure: float = 6.0, objects: int = 4) -> Scene:
    """Objects of a sixth to half of an image, and offsets and logits that are right but for some noise."""
    draw = torch.Generator().manual_seed(seed)
    boxes, labels = [], []
    for _ in range(IMAGES):
        size = torch.rand(objects, 2, generator=draw) * 0.35 + 0.15
        corner = torch.rand(objects, 2, generator=draw) * (1 - size)
        boxes.append(torch.cat((corner, corner + size), 1))
        labels.append(torch.randint(1, CLASSES, (objects,), generator=draw))
    return learnt(Scene(tuple(boxes), tuple(labels), torch.zeros(0), torch.zeros(0)), draw, noise, sure)


def learnt(of: Scene, draw: torch.Generator, noise: float, sure: float) -> Scene:
    """The same objects, and what a network says that has learnt them."""
    loc = torch.randn(IMAGES, len(PRIORS), 4, generator=draw) * noise
    conf = torch.randn(IMAGES, len(PRIORS), CLASSES, generator=draw)
    conf[..., 0] += sure
    for image, (boxes, labels) in enumerate(zip(of.boxes, of.labels, strict=True)):
        overlap = iou(cxcywh_to_xyxy(PRIORS)[:, None], boxes[None])
        best, owner = overlap.max(1)
        owner[overlap.argmax(0)] = torch.arange(len(boxes))
        near = best > 0.2
        loc[image, near] += encoded(boxes[owner[near]], PRIORS[near], plain)
        found = best > 0.45
        found[overlap.argmax(0)] = True
        conf[image, found, 0] -= sure
        conf[image, found, labels[owner[found]]] += sure
    return replace(of, loc=loc, conf=conf)


def encoded(boxes: Tensor, priors: Tensor, formula: Split) -> Tensor:
    """`[N, 4]` offsets of boxes, xyxy, from priors, (cx, cy, w, h), by a formula for the centre and the size."""
    centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return torch.cat(formula(centre, size, priors[:, :2], priors[:, 2:]), 1)


def plain(c: Tensor, s: Tensor, pc: Tensor, ps: Tensor) -> tuple[Tensor, Tensor]:
    """The paper's own, with SSD's variances."""
    return (c - pc) / ps / 0.1, (s / ps).log() / 0.2


def grave(result: LossResult) -> list[str]:
    return [found.code for found in result.findings if found.severity is not Severity.NOTE]


def first(result: LossResult) -> str:
    return result.findings[0].worst.message


@pytest.mark.parametrize("noise", [0.3, 0.8, 1.2])
def test_sound_batches_say_nothing(noise: float) -> None:
    """However inexact: noise makes offsets larger than they are to be, which is no sign of other variances."""
    assert grave(scene(3, noise=noise).loss()) == []


def divided(boxes: Sequence[Tensor], by: float) -> tuple[Tensor, ...]:
    return (boxes[0], boxes[1], boxes[2] / by, boxes[3])


def test_one_image_of_several_in_another_unit() -> None:
    sound = scene(5)
    twice = replace(sound, boxes=divided(sound.boxes, 300)).loss()
    assert grave(twice) == ["BOX006"]
    assert "4 boxes in 1 of 4 images (2)" in first(twice)
    pixels = replace(sound, boxes=divided(sound.boxes, 1 / 300)).loss()
    assert grave(pixels) == ["BOX005"]
    assert pixels.findings[0].worst.fix == "Divide them by the photo's width and height, as the others are."


def test_a_box_of_zeros_beside_others_is_no_empty_list() -> None:
    sound = scene(5)
    sound.boxes[1][2] = 0
    result = sound.loss()
    assert grave(result) == ["BOX003"]
    assert first(result).startswith("the box is 0, 0, 0, 0, beside 3 other objects; ")
    assert result.findings[0].worst.fix == "Drop it or redraw it; rows of padding are no objects."


def test_logarithms_of_probabilities() -> None:
    """A softmax gives its own logarithms once more, so that the loss is the same; a sigmoid does not."""
    sound = scene(7)
    plain_loss = sound.loss()
    logs = replace(sound, conf=sound.conf.log_softmax(-1))
    again = logs.loss()
    assert {found.code for found in again.findings} - {found.code for found in plain_loss.findings} == {"PRE017"}
    assert grave(again) == []
    assert again.loss.total == pytest.approx(plain_loss.loss.total, rel=1e-5)
    assert grave(logs.loss("tf-object-detection"))[0] == "PRE007"
    squashed = replace(sound, conf=torch.nn.functional.logsigmoid(sound.conf)).loss()
    assert grave(squashed) == ["PRE007"]
    assert "a log sigmoid was applied" in first(squashed)
    negative = replace(sound, conf=sound.conf - sound.conf.max() - 1)
    assert grave(negative.loss()) == [], "logits may all be negative"


@pytest.mark.parametrize(
    ("dialect", "sure", "noise"), [("ssd.pytorch", 6, 0.3), ("ssd.pytorch", 2, 0.8), ("tf-object-detection", 6, 0.3)]
)
def test_background_in_the_last_column(dialect: str, sure: float, noise: float) -> None:
    """Of a network that is not yet sure, too: its labels are not one off."""
    sound = scene(9, sure=sure, noise=noise)
    rolled = replace(sound, conf=sound.conf.roll(-1, -1)).loss(dialect)
    assert grave(rolled)[0] == "PRE008"
    assert "PRE009" not in grave(rolled)


def test_offsets_times_a_million_are_no_variances() -> None:
    sound = scene(11)
    result = replace(sound, loc=sound.loc * 1e6).loss()
    assert grave(result)[0] == "NUM002"
    assert "PRE012" not in grave(result)
    assert "or its offsets were multiplied by something: divided by 1e+06, they meet their objects" in first(result)
    noise = torch.randn(sound.loc.shape, generator=torch.Generator().manual_seed(1))
    assert "multiplied" not in first(replace(sound, loc=noise * 1e6).loss())


def test_other_variances_of_half_of_the_offset() -> None:
    sound = scene(13)
    loc = sound.loc * torch.tensor([1.0, 1.0, 2.0, 2.0])
    result = replace(sound, loc=loc).loss()
    assert grave(result) == ["PRE012"]
    small = replace(sound, loc=sound.loc / 2).loss()
    assert "or the network predicts too little of each offset, as before it has trained long" in first(small)


@pytest.mark.parametrize("seed", range(3))
def test_objects_of_other_photos(seed: int) -> None:
    """Objects are large: some boxes meet one by chance, and no more of their own image's than of any other's."""
    sound, other = scene(20 + seed), scene(40 + seed)
    assert grave(replace(sound, boxes=other.boxes, labels=other.labels).loss()) == ["PRE015"]


def test_labels_of_a_list_that_was_not_filtered() -> None:
    """Four objects are few, but each is taken for what the next one is labelled."""
    sound, draw = scene(15), torch.Generator().manual_seed(2)
    sound.labels[1][:] = torch.tensor([1, 2, 3, 4])
    sound = learnt(sound, draw, 0.3, 6.0)
    assert grave(sound.loss()) == []
    sound.labels[1][:] = torch.tensor([5, 1, 2, 3])
    result = sound.loss()
    assert grave(result) == ["PRE009"]
    assert "all 3 that have one after them in the list for the class of that one's label" in first(result)
    sound.labels[1][:] = torch.tensor([2, 1, 3, 4])
    assert grave(sound.loss()) == [], "two that are mistaken for each other are no sign"


FORMULAS: dict[str, tuple[Split, str]] = {
    "log1p": (lambda c, s, pc, ps: ((c - pc) / ps / 0.1, (s / ps).log1p() / 0.2), "log1p"),
    "half size": (lambda c, s, pc, ps: ((c - pc) / ps / 0.1, (s / 2 / ps).log() / 0.2), "half the box's size"),
    "dh by width": (lambda c, s, pc, ps: ((c - pc) / ps / 0.1, (s / ps[:, :1]).log() / 0.2), "over the prior's width"),
    "exchanged": (lambda c, s, pc, ps: ((c - pc) / ps / 0.1, (s.flip(1) / ps).log() / 0.2), "box exchanged"),
    "root": (lambda c, s, pc, ps: ((c - pc) / ps / 0.1, (s / ps).sqrt() / 0.2), "the root of box size"),
    "pixel more": (
        lambda c, s, pc, ps: ((c - pc) / ps / 0.1, ((s + 1 / 300) / (ps + 1 / 300)).log() / 0.2),
        "x2 - x1 + 1",
    ),
    "root of area": (
        lambda c, s, pc, ps: ((c - pc) / ps.prod(1, keepdim=True).sqrt() / 0.1, (s / ps).log() / 0.2),
        "the root of the prior's area",
    ),
    "pixels, no variance": (
        lambda c, s, pc, ps: ((c - pc) * 300, (s / ps).log()),
        "difference in pixels, not divided by a variance, and with the logarithm",
    ),
    "longer side": (
        lambda c, s, pc, ps: ((c - pc) / ps.amax(1, True) / 0.1, (s / ps.amax(1, True)).log() / 0.2),
        "the centre over the prior's longer side, and with the logarithm of the sizes over the prior's longer side",
    ),
}


def by_formula(formula: Split) -> LossResult:
    """What is said of targets that were encoded by a formula, and matched as SSD matches."""
    sound = scene(17)
    offsets, labels = torch.zeros(IMAGES, len(PRIORS), 4), torch.zeros(IMAGES, len(PRIORS), dtype=torch.long)
    for image, boxes in enumerate(sound.boxes):
        overlap = iou(cxcywh_to_xyxy(PRIORS)[:, None], boxes[None])
        best, owner = overlap.max(1)
        best[overlap.argmax(0)], owner[overlap.argmax(0)] = 2.0, torch.arange(len(boxes))
        found = best >= 0.5
        offsets[image, found] = encoded(boxes[owner[found]], PRIORS[found], formula)
        labels[image, found] = sound.labels[image][owner[found]]
    predictions = {"loc": sound.loc, "conf": sound.conf, "priors": PRIORS}
    return api.loss(predictions, {"labels": labels, "gt_locations": offsets}, device="cpu")


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_of_centre_and_size(name: str) -> None:
    formula, words = FORMULAS[name]
    result = by_formula(formula)
    assert grave(result) == ["ENC009"]
    assert words in first(result)
    assert "positives stand for 16 boxes" in first(result) or "so the 16 boxes" in first(result)


def test_a_formula_that_is_only_like_another_is_not_named() -> None:
    """Steps of 8 px in place of the priors' sizes: plain differences in pixels bring some boxes together."""
    result = by_formula(lambda c, s, pc, ps: ((c - pc) * 300 / 8, (s / ps).log()))
    assert grave(result) == ["ENC015"]
    assert grave(by_formula(plain)) == []
