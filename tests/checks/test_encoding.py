"""Checks of targets that were already encoded: each fires on its own fault alone, and sound targets pass."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.analysis.evidence.encoded_table import describe_encoded
from ssdlossdbg.analysis.evidence.grids import row_orders
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import encode_matched
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.results import Finding, Severity
from ssdlossdbg.results.hypotheses import Explanation
from ssdlossdbg.rules import Dialect
from tests.kinds_of_dialects import each_value_of, one_of_each

SAMPLE = Path(__file__).parents[2] / "sample_data"
SSD300 = load_priors("ssd300-coco")
PRIORS = SSD300.priors.boxes
NAME = "pytorch-ssd"


@dataclass
class Batch:
    """Encoded targets that a test may break.

    Attributes:
        labels: `[B, P]`.
        offsets: `[B, P, 4]`.
        index: `[B, P]` which object of its image each prior is assigned to.
        boxes: `[B, P, 4]` xyxy of that object, normalised.
    """

    labels: Tensor
    offsets: Tensor
    index: Tensor
    boxes: Tensor

    @property
    def positive(self) -> Tensor:
        """`[B, P]` bool."""
        return self.labels > 0

    def first(self, image: int = 0) -> tuple[int, int]:
        """The first positive of an image."""
        return image, int(self.positive[image].nonzero()[0])


def encode(boxes: list[Tensor], labels: list[Tensor], rules: Dialect) -> Batch:
    unit = unit_of(rules, SSD300.priors)
    gt, priors = pad_ground_truth([part * unit for part in boxes], labels), PRIORS * unit
    matching = match(gt, priors, rules.match)
    assigned = gt.boxes.gather(1, matching.gt_index[..., None].expand(-1, -1, 4)) / unit
    offsets = encode_matched(gt, priors, matching, rules.codec).dense.float()
    return Batch(matching.labels, offsets, matching.gt_index, assigned)


def offsets_to(boxes: Tensor) -> Tensor:
    """`[P, 4]` offsets from every prior to its box `[P, 4]` or to the only one `[1, 4]`, written out."""
    goal = xyxy_to_cxcywh(boxes)
    shift = (goal[:, :2] - PRIORS[:, :2]) / PRIORS[:, 2:] / 0.1
    return torch.cat((shift, (goal[:, 2:] / PRIORS[:, 2:]).log() / 0.2), 1)


def sample(rules: Dialect) -> Batch:
    """The sample's objects as a dialect encodes them."""
    return Batch(*(each.clone() for each in vars(encoded_sample(rules)).values()))


@cache
def encoded_sample(rules: Dialect) -> Batch:
    saved = torch.load(SAMPLE / "targets.pt", weights_only=True)
    return encode([rows[:, :4] for rows in saved], [rows[:, 4].long() + 1 for rows in saved], rules)


@pytest.fixture
def batch() -> Batch:
    """The sample's objects, as pytorch-ssd encodes them."""
    return sample(load_dialect(NAME))


def findings(batch: Batch, dialect: str | Dialect = NAME) -> tuple[Finding, ...]:
    """What the checks of the targets alone say."""
    rules = load_dialect(dialect) if isinstance(dialect, str) else dialect
    return find([describe_encoded(EncodedTargets(batch.labels, batch.offsets, "encoded"), SSD300, rules, "t.pt")])


def only(batch: Batch, dialect: str | Dialect = NAME) -> Finding:
    (finding,) = findings(batch, dialect)
    return finding


def grave(batch: Batch, dialect: str | Dialect = NAME) -> list[str]:
    return [finding.code for finding in findings(batch, dialect) if finding.severity is not Severity.NOTE]


# Sound targets.


@pytest.mark.parametrize("name", each_value_of("match", "codec", "targets"))
def test_targets_of_every_dialect_are_sound(name: str) -> None:
    assert findings(sample(load_dialect(name)), name) == ()


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*zip(one_of_each("match.forced", "codec", "targets.units"), cycle([torch.float16, torch.bfloat16]), strict=False)],
)
def test_targets_of_few_digits_are_sound(name: str, dtype: torch.dtype) -> None:
    sound = sample(load_dialect(name))
    sound.offsets = sound.offsets.to(dtype).float()
    assert findings(sound, name) == ()


def scene(sides: tuple[float, float], number: int, seed: int) -> tuple[Tensor, Tensor]:
    """Objects of those sides, as fractions of the image, anywhere in it."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.empty(number, 2).uniform_(*sides, generator=generator)
    low = torch.rand(number, 2, generator=generator) * (1 - size)
    return torch.cat((low, low + size), 1), torch.randint(1, 4, (number,), generator=generator)


@pytest.mark.parametrize(
    ("sides", "number", "name"),
    [
        *(((0.1, 0.5), number, name) for number, name in ((1, NAME), (1, "ssd-keras"), (2, "caffe"), (2, "gluoncv"))),
        *(((0.02, 0.3), 60, name) for name in (NAME, "gluoncv", "nvidia-dali")),
        *(((0.003, 0.02), 40, name) for name in (NAME, "caffe", "ssd-keras", "nvidia-dali")),
    ],
)
def test_few_many_and_tiny_objects_are_sound(sides: tuple[float, float], number: int, name: str) -> None:
    boxes, labels = scene(sides, number, 5)
    assert findings(encode([boxes], [labels], load_dialect(name)), name) == ()


@pytest.mark.parametrize(
    ("sides", "relabel", "name"),
    [
        *(((0.1, 0.5), relabel, name) for relabel in (0, 1) for name in (NAME, "ssd-keras")),
        *(((0.01, 0.02), relabel, name) for relabel in (0, 1) for name in ("caffe", "gluoncv")),
    ],
)
def test_an_object_annotated_twice_is_no_fault_of_the_encoding(
    sides: tuple[float, float], relabel: int, name: str
) -> None:
    boxes, labels = scene(sides, 5, 1)
    twice = torch.cat((boxes, boxes[:2])), torch.cat((labels, (labels[:2] + relabel - 1) % 3 + 1))
    assert findings(encode([twice[0]], [twice[1]], load_dialect(name)), name) == ()


def test_images_without_positives_are_sound(batch: Batch) -> None:
    batch.labels[0], batch.offsets[0] = 0, 0.0
    assert findings(batch) == ()
    batch.labels[:] = 0
    assert findings(batch) == ()


# Values that are not finite.


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({2: -math.inf}, "dw is -inf: the logarithm of 0, so the box has no width"),
        ({3: -math.inf}, "dh is -inf: the logarithm of 0, so the box has no height"),
        ({2: math.nan}, "dw is nan: the logarithm of a negative width, so the box is inverted (xmax < xmin)"),
        ({3: math.nan}, "(ymax < ymin)"),
        ({0: math.nan, 2: math.nan}, "dx is nan: the box that was encoded is itself not finite"),
        ({2: math.inf}, "dw is inf: the box has an infinite width"),
    ],
)
def test_value_that_is_not_finite(values: dict[int, float], words: str, batch: Batch) -> None:
    image, prior = batch.first(1)
    for axis, value in values.items():
        batch.offsets[image, prior, axis] = value
    finding = only(batch)
    assert (finding.code, finding.severity) == ("ENC001", Severity.ERROR)
    assert words in finding.worst.message
    assert (finding.worst.where.image, finding.worst.where.prior) == (image, prior)


def test_priors_of_one_bad_box_are_one_case(batch: Batch) -> None:
    where = batch.positive[1] & (batch.labels[1] == batch.labels[1].max())
    batch.offsets[1, where, 2] = -math.inf
    (case,) = only(batch).cases
    assert f"({int(where.sum())} such priors of its label in this image)" in case.message


@pytest.mark.parametrize(("corner", "value"), [((0, 2), 0.0), ((0, 2), -0.1)], ids=["no width", "inverted"])
def test_bad_box_through_the_whole_way(corner: tuple[int, int], value: float) -> None:
    boxes, labels = scene((0.2, 0.5), 3, 2)
    boxes[0, corner[1]] = boxes[0, corner[0]] + value
    rules = load_dialect(NAME)
    broken = encode([boxes], [labels], rules)
    assert grave(broken) == ["ENC001"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nvidia", "ENC002"), ("nvidia-dali", "ENC002"), ("gluoncv", "ENC002"), ("ssd-keras", "ENC002"),
        ("mmdetection", "ENC002"), ("tf-object-detection", "ENC002"),
        (NAME, "ENC014"), ("torchvision", "ENC014"), ("ssd.tensorflow", "ENC014"),
    ],
)  # fmt: skip
def test_value_that_is_not_finite_off_the_positives(name: str, code: str) -> None:
    broken = sample(load_dialect(name))
    prior = int((broken.labels[2] <= 0).nonzero()[0])
    broken.offsets[2, prior, 3] = -math.inf
    finding = only(broken, name)
    assert (finding.code, finding.worst.where.image, finding.worst.where.prior) == (code, 2, prior)
    assert "1 prior that is no positive" in finding.worst.message


@pytest.mark.parametrize(
    ("added", "offset", "words"),
    [
        (lambda side, prior, eps: (side + eps) / prior, None, "an epsilon of 1e-5 hides"),
        (lambda side, prior, eps: side / prior + eps, -57.56, "1e-5 added to the ratio hides"),
    ],
)
def test_epsilon_in_the_logarithm(
    added: Callable[[float, float, float], float], offset: float | None, words: str, batch: Batch
) -> None:
    image, prior = batch.first(1)
    batch.offsets[image, prior, 2] = math.log(added(0.0, float(PRIORS[prior, 2]), 1e-5)) / 0.2
    finding = only(batch)
    assert (finding.code, finding.severity) == ("ENC003", Severity.ERROR)
    assert words in finding.worst.message
    assert offset is None or finding.worst.value == pytest.approx(offset, abs=0.01)
    assert finding.worst.bound == pytest.approx(math.log(0.01 / 300 / float(PRIORS[prior, 2])) / 0.2)


def test_offset_that_leaves_nothing_of_a_side(batch: Batch) -> None:
    batch.offsets[(*batch.first(1), 3)] = -1e4
    finding = only(batch)
    assert finding.code == "ENC003"
    assert "dh = -10000.00 stands for a height of 0 pixels: a small number hides" in finding.worst.message


def test_inverted_boxes_that_were_not_encoded_either(batch: Batch) -> None:
    batch.offsets = batch.boxes.clone()
    where = batch.first(1)
    batch.offsets[where] = batch.offsets[where][[2, 1, 0, 3]]
    assert only(batch).code == "ENC008"


def test_object_of_a_thirtieth_of_a_pixel_is_one() -> None:
    side = 1 / 9000
    tiny = torch.tensor([[0.5, 0.5, 0.5 + side, 0.5 + side]])
    assert findings(encode([tiny], [torch.tensor([1])], load_dialect(NAME))) == ()


# Positives that no matching gives.


def test_offsets_beyond_the_invariant(batch: Batch) -> None:
    image, prior = batch.first()
    batch.offsets[image, prior] = torch.tensor([0.0, 0.0, -8.0, 0.0])
    finding = only(batch)
    assert (finding.code, finding.severity) == ("ENC004", Severity.ERROR)
    assert "dw = -8.00, beyond 3.47" in finding.worst.message
    assert finding.worst.value == pytest.approx(math.exp(-1.6), abs=2e-3)


def test_forced_prior_may_exceed_the_invariant() -> None:
    tiny = torch.tensor([[0.5, 0.5, 0.51, 0.51]])
    sound = encode([tiny], [torch.tensor([1])], load_dialect(NAME))
    assert float(sound.offsets[sound.positive].abs().max()) > 3.47
    assert findings(sound) == ()


@pytest.mark.parametrize("name", ["pytorch-ssd", "lufficc"])
@pytest.mark.parametrize("images", [1, 3])
def test_boxes_divided_twice(name: str, images: int) -> None:
    """27 objects under a pixel: the one best prior of all is forced, and no prior overlaps them."""
    saved = torch.load(SAMPLE / "targets.pt", weights_only=True)[:images]
    rules = load_dialect(name)
    twice = encode([rows[:, :4] / 300 for rows in saved], [rows[:, 4].long() + 1 for rows in saved], rules)
    finding = only(twice, rules)
    assert finding.code == "ENC017"
    assert "divided by the image's size twice" in finding.worst.message


def test_a_dot_beside_an_object_was_not_divided_twice() -> None:
    boxes = torch.tensor([[0.0, 0.0, 0.003, 0.003], [0.1, 0.2, 0.5, 0.6]])
    assert "ENC017" not in [
        found.code for found in findings(encode([boxes], [torch.tensor([1, 2])], load_dialect(NAME)))
    ]


def test_a_box_of_nan_is_not_dropped_by_its_width() -> None:
    """A comparison with nan is false."""
    boxes = torch.tensor([[0.1, torch.nan, 0.5, 0.6], [0.1, 0.2, 0.5, 0.6]])
    finding = findings(encode([boxes], [torch.tensor([1, 2])], load_dialect(NAME)))[0]
    assert finding.code == "ENC001"
    assert "isfinite" in finding.worst.fix
    assert "xmax" not in finding.worst.fix


def test_boxes_in_pixels_against_normalised_priors() -> None:
    boxes, labels = scene((0.2, 0.5), 3, 2)
    finding = only(encode([boxes * 300], [labels], load_dialect(NAME)))
    assert finding.code == "ENC004"
    assert "lies outside the image" in finding.worst.message


def every(threshold: float, boxes: Tensor, labels: Tensor) -> Batch:
    """All priors above so much overlap are positives; nothing is forced."""
    rules = load_dialect(NAME)
    return encode([boxes], [labels], replace(rules, match=replace(rules.match, threshold=threshold)))


@pytest.mark.parametrize(
    ("threshold", "code", "severity"),
    [(0.01, "ENC005", Severity.ERROR), (0.35, "ENC013", Severity.NOTE)],
)
def test_threshold(threshold: float, code: str, severity: Severity) -> None:
    boxes, labels = scene((0.2, 0.4), 3, 3)
    finding = only(every(threshold, boxes, labels))
    assert (finding.code, finding.severity, finding.worst.bound) == (code, severity, 0.5)
    assert isinstance(finding.worst.value, float)
    assert threshold <= finding.worst.value < threshold + 0.05
    assert 1 <= len(finding.cases) <= 3


def test_forced_prior_that_keeps_the_object_it_overlaps_most() -> None:
    # Two objects that are far too small for any prior.
    boxes = torch.tensor([[0.1, 0.1, 0.6, 0.6], [0.7, 0.7, 0.72, 0.72], [0.3, 0.8, 0.32, 0.82]])
    rules = load_dialect(NAME)
    broken = encode([boxes], [torch.tensor([1, 2, 3])], rules)
    forced = broken.positive & (broken.labels != 1)
    assert int(forced.sum()) == 2
    broken.labels[forced] = 1
    broken.offsets[forced] = offsets_to(boxes[:1])[forced[0]]
    finding = only(broken)
    assert (finding.code, finding.severity, len(finding.cases)) == ("ENC006", Severity.ERROR, 2)
    assert {case.where.prior for case in finding.cases} == set(forced[0].nonzero()[:, 0].tolist())


def test_indices_into_a_list_that_was_filtered() -> None:
    boxes = torch.tensor([[0.05, 0.05, 0.3, 0.35], [0.4, 0.1, 0.7, 0.5], [0.2, 0.6, 0.5, 0.95], [0.6, 0.6, 0.9, 0.9]])
    labels = torch.tensor([1, 2, 3, 1])
    rules = load_dialect(NAME)
    kept = encode([boxes[1:]], [labels[1:]], rules)
    stale, positive = kept.index[0], kept.positive[0]
    offsets = offsets_to(boxes[stale])[None]
    broken = replace(kept, labels=torch.where(positive, labels[stale], 0)[None], offsets=offsets)
    assert only(broken).code == "ENC006"


def test_two_labels_on_one_box(batch: Batch) -> None:
    image = 1
    rows = (batch.positive[image] & (batch.index[image] == batch.index[batch.first(image)])).nonzero()[:, 0]
    assert len(rows) >= 5
    usual = int(batch.labels[image, rows[0]])
    batch.labels[image, rows[:2]] = usual % 2 + 1
    finding = only(batch)
    assert (finding.code, finding.severity, finding.worst.value) == ("ENC011", Severity.ERROR, 2)
    assert f"labelled {usual % 2 + 1}, and {len(rows) - 2} {usual}" in finding.worst.message


# Other formulas.


@pytest.mark.parametrize("variances", [(1.0, 1.0, 1.0, 1.0), (0.1, 0.1, 1.0, 1.0), (0.15, 0.15, 0.3, 0.3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_other_variances(variances: tuple[float, ...], dtype: torch.dtype, batch: Batch) -> None:
    batch.offsets = (batch.offsets * torch.tensor([0.1, 0.1, 0.2, 0.2]) / torch.tensor(variances)).to(dtype).float()
    finding = only(batch)
    assert (finding.code, finding.severity) == ("ENC007", Severity.ERROR)
    assert finding.worst.value == "({:g}, {:g}, {:g}, {:g})".format(*variances)
    assert finding.worst.bound == "(0.1, 0.1, 0.2, 0.2)"


def test_other_variances_show_in_one_object_of_three_positives() -> None:
    rules = load_dialect(NAME)
    box = PRIORS[4000]
    one = encode([cxcywh_to_xyxy(box)[None] + 0.003], [torch.tensor([1])], rules)
    assert int(one.positive.sum()) >= 3
    one.offsets *= torch.tensor([0.1, 0.1, 0.2, 0.2])
    assert only(one).code == "ENC007"


@pytest.mark.parametrize("scale", [1.0, 300.0], ids=["fractions", "pixels"])
@pytest.mark.parametrize("form", ["x1, y1, x2, y2", "cx, cy, w, h", "x1, y1, w, h", "y1, x1, y2, x2"])
def test_boxes_that_were_not_encoded(form: str, scale: float, batch: Batch) -> None:
    columns = dict(zip(("x1", "y1", "x2", "y2"), batch.boxes.unbind(-1), strict=True))
    columns |= zip(("cx", "cy", "w", "h"), xyxy_to_cxcywh(batch.boxes).unbind(-1), strict=True)
    batch.offsets = torch.stack([columns[name] for name in form.split(", ")], -1) * scale
    finding = only(batch)
    assert (finding.code, finding.severity) == ("ENC008", Severity.ERROR)
    assert f"({form}) in {'pixels' if scale > 1 else 'fractions'}" in finding.worst.message


def cy_by_width(offsets: Tensor) -> Tensor:
    return offsets * torch.stack((torch.ones(len(PRIORS)), PRIORS[:, 3] / PRIORS[:, 2], *torch.ones(2, len(PRIORS))), 1)


@pytest.mark.parametrize(
    ("spoil", "value"),
    [
        (cy_by_width, "cy by width"),
        (lambda offsets: offsets[..., [1, 0, 3, 2]], "y first"),
        (lambda offsets: torch.cat((offsets[..., :2], (offsets[..., 2:] * 0.2).exp() / 0.2), -1), "no logarithm"),
        (lambda offsets: torch.cat((offsets[..., :2], (offsets[..., 2:] * 0.2).exp()), -1), "no logarithm"),
    ],
)
def test_other_formula(spoil: Callable[[Tensor], Tensor], value: str, batch: Batch) -> None:
    batch.offsets = spoil(batch.offsets)
    finding = only(batch)
    assert (finding.code, finding.severity, finding.worst.value) == ("ENC009", Severity.ERROR, value)


def decoded_from(batch: Batch, named: NamedPriors) -> tuple[Finding, ...]:
    """What is found where other priors are given than the targets were made from."""
    table = describe_encoded(EncodedTargets(batch.labels, batch.offsets, "encoded"), named, load_dialect(NAME), "t.pt")
    return find([table])


def test_priors_that_nobody_knows(batch: Batch) -> None:
    batch.offsets += torch.tensor([0, 0, 0.2, 0.35]) * batch.positive[..., None]
    batch.offsets *= torch.tensor([1.04, 1.07, 1, 1])
    (finding,) = findings(batch)
    assert (finding.code, finding.severity) == ("ENC015", Severity.WARNING)
    assert "its 165 positives decode to" in finding.worst.message


@pytest.mark.parametrize("preset", ["ssd300-voc", "ssd-tensorflow-ssd300"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_priors_of_another_preset_are_named(preset: str, dtype: torch.dtype, batch: Batch) -> None:
    batch.offsets = batch.offsets.to(dtype).float()
    (finding,) = decoded_from(batch, load_priors(preset))
    assert (finding.code, finding.severity) == ("ENC016", Severity.ERROR)
    assert "from the priors of ssd300-coco: so the 165 positives stand for" in finding.worst.message
    assert "--config ssd300-coco" in finding.worst.fix


@pytest.mark.parametrize("order", [Explanation.SHAPE, Explanation.COLUMN, Explanation.SECOND_LAST, Explanation.TURNED])
def test_targets_in_another_order_than_the_priors(order: Explanation, batch: Batch) -> None:
    rows = row_orders(SSD300.priors)[order]
    batch.labels, batch.offsets = batch.labels[:, rows], batch.offsets[:, rows]
    (finding,) = findings(batch)
    assert (finding.code, finding.worst.value) == ("ENC016", order.value)


def test_two_annotators_whose_boxes_nearly_agree() -> None:
    boxes, labels = scene((0.15, 0.4), 4, 6)
    sound = encode([torch.cat((boxes, boxes + 0.004))], [torch.cat((labels, labels))], load_dialect(NAME))
    assert findings(sound) == ()


# Labels.


@pytest.mark.parametrize(("name", "words"), [(NAME, "raises in PyTorch"), ("gluoncv", "trains them as background")])
def test_ignore_label_that_the_dialect_does_not_know(name: str, words: str) -> None:
    broken = sample(load_dialect(name))
    free = (broken.labels[1] == 0).nonzero()[:3, 0]
    broken.labels[1, free] = -1
    finding = only(broken, name)
    assert (finding.code, finding.worst.value) == ("ENC010", 3)
    assert (finding.worst.where.image, finding.worst.where.prior) == (1, int(free[0]))
    assert "3 priors are labelled -1" in finding.worst.message
    assert words in finding.worst.message


@pytest.mark.parametrize("name", ["ssd-keras", "ssd.tensorflow"])
def test_ignore_label_of_a_dialect_that_has_one(name: str) -> None:
    sound = sample(load_dialect(name))
    sound.labels[1, (sound.labels[1] == 0).nonzero()[:3, 0]] = -1
    assert findings(sound, name) == ()


def test_background_that_is_labelled_as_a_class(batch: Batch) -> None:
    # As MMDetection has them: classes from 0, background last, offsets 0 off the positives.
    batch.offsets[~batch.positive] = 0.0
    batch.labels = torch.where(batch.positive, batch.labels - 1, 3)
    finding = only(batch)
    assert (finding.code, finding.severity, finding.worst.bound) == ("ENC012", Severity.ERROR, 0.5)


def test_background_last_beside_real_offsets(batch: Batch) -> None:
    """The same labels, but every prior with offsets to the object that it overlaps most."""
    batch.offsets = torch.stack([offsets_to(boxes) for boxes in batch.boxes])
    batch.labels = torch.where(batch.positive, batch.labels - 1, 3)
    assert only(batch).code == "ENC012"


# The whole way.


@pytest.mark.parametrize(
    ("value", "codes"), [(None, []), (-math.inf, ["ENC001"]), (-80.0, ["ENC003"])], ids=["sound", "no width", "epsilon"]
)
def test_loss_reports_it(value: float | None, codes: list[str], batch: Batch, tmp_path: Path) -> None:
    if value is not None:
        batch.offsets[(*batch.first(), 2)] = value
    torch.save({"labels": batch.labels, "locations": batch.offsets}, tmp_path / "t.pt")
    found = api.loss(SAMPLE / "preds.pt", tmp_path / "t.pt", dialect=NAME).findings
    assert [finding.code for finding in found if finding.severity is Severity.ERROR] == codes
    assert all(str(tmp_path / "t.pt") == case.where.file for finding in found for case in finding.cases
               if finding.code.startswith("ENC"))  # fmt: skip


# Formulas that other people and slips encode by.


def centre_and_size(batch: Batch) -> Tensor:
    return xyxy_to_cxcywh(batch.boxes)


def by_own_formula(goal: Tensor, priors: Tensor) -> Tensor:
    shift = (goal[..., :2] - priors[:, :2]) / priors[:, 2:] / 0.1
    return torch.cat((shift, (goal[..., 2:] / priors[:, 2:]).log() / 0.2), -1)


def sizes_replaced(batch: Batch, sizes: Tensor) -> Tensor:
    return torch.cat((batch.offsets[..., :2], sizes), -1)


CORNERS = cxcywh_to_xyxy(PRIORS)
SIDES = torch.cat((PRIORS[:, 2:], PRIORS[:, 2:]), 1)
VARIANCES = torch.tensor([0.1, 0.1, 0.2, 0.2])
SLIPS: dict[str, tuple[Callable[[Batch], Tensor], str]] = {
    "sizes first": (lambda b: b.offsets[..., [2, 3, 0, 1]], "in the order (dw, dh, dx, dy)"),
    "x then y": (lambda b: b.offsets[..., [0, 2, 1, 3]], "in the order (dx, dw, dy, dh)"),
    "backwards": (lambda b: b.offsets[..., [3, 2, 1, 0]], "in the order (dh, dw, dy, dx)"),
    "not divided": (
        lambda b: torch.cat(((centre_and_size(b) - PRIORS)[..., :2] / 0.1, b.offsets[..., 2:]), -1),
        "without dividing the centre by the prior's size",
    ),
    "divided by the box": (
        lambda b: torch.cat((b.offsets[..., :2] * PRIORS[:, 2:] / centre_and_size(b)[..., 2:], b.offsets[..., 2:]), -1),
        "divided by the box's size",
    ),
    "from corners": (lambda b: (b.boxes - CORNERS) / SIDES / 0.1, "from corner to corner"),
    "from corners, two variances": (lambda b: (b.boxes - CORNERS) / SIDES / VARIANCES, "from corner to corner"),
    "corners less corners": (lambda b: b.boxes - CORNERS, "plain differences of the corners in fractions"),
    "in pixels": (lambda b: (b.boxes - CORNERS) * 300, "plain differences of the corners in pixels"),
    "box less prior": (lambda b: centre_and_size(b) - PRIORS, "plain differences of (cx, cy, w, h) in fractions"),
    "by variances": (lambda b: (centre_and_size(b) - PRIORS) / VARIANCES, "plain differences of (cx, cy, w, h), div"),
    "prior corners": (lambda b: by_own_formula(centre_and_size(b), CORNERS), "from the priors' corners"),
    "box corners": (lambda b: by_own_formula(b.boxes, PRIORS), "from the boxes' corners"),
    "boxes in pixels": (lambda b: by_own_formula(centre_and_size(b) * 300, PRIORS), "from boxes in pixels"),
    "no logarithm": (
        lambda b: sizes_replaced(b, (centre_and_size(b) - PRIORS)[..., 2:] / PRIORS[:, 2:] / 0.2),
        "plain difference over the prior's size",
    ),
    "no logarithm, no variances": (
        lambda b: torch.cat(((centre_and_size(b) - PRIORS)[..., :2], centre_and_size(b)[..., 2:]), -1) / SIDES,
        "without the logarithm of the sizes, and without variances",
    ),
    "dx over the height": (
        lambda b: torch.cat((b.offsets[..., :1] * PRIORS[:, 2:3] / PRIORS[:, 3:], b.offsets[..., 1:]), -1),
        "with dx divided by the prior's height",
    ),
    "prior less box": (lambda b: b.offsets * torch.tensor([-1, -1, 1, 1]), "dx and dy from the box to the prior"),
    "prior over box": (lambda b: b.offsets * torch.tensor([1, 1, -1, -1]), "logarithm of prior size over box size"),
    "all signs": (lambda b: -b.offsets, "with all four signs wrong"),
    "exchanged": (
        lambda b: torch.cat(
            (-b.offsets[..., :2] * PRIORS[:, 2:] / centre_and_size(b)[..., 2:], -b.offsets[..., 2:]), -1
        ),
        "the two were exchanged",
    ),
    "corner to corner": (
        lambda b: torch.cat(((b.boxes - CORNERS)[..., :2] / PRIORS[:, 2:] / 0.1, b.offsets[..., 2:]), -1),
        "from the prior's top left corner to the box's top left corner",
    ),
    "centre to corner": (
        lambda b: torch.cat(((b.boxes - PRIORS)[..., :2] / PRIORS[:, 2:] / 0.1, b.offsets[..., 2:]), -1),
        "from the prior's centre to the box's top left corner",
    ),
    "corners less centre and size": (lambda b: b.boxes - PRIORS, "the box's corners and the prior's (cx, cy, w, h)"),
    "log10": (lambda b: sizes_replaced(b, b.offsets[..., 2:] / math.log(10)), "the logarithm to the base 10"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_the_formula_that_fits_is_named(slip: str, batch: Batch) -> None:
    encodes, words = SLIPS[slip]
    batch.offsets = torch.where(batch.positive[..., None], encodes(batch), 0.0)
    found = only(batch)
    assert found.code == "ENC009"
    assert words in found.worst.message
    compared = re.search(r"stand for (\d+) boxes, by .* for (\d+)$", found.worst.message)
    assert compared is None or int(compared[1]) < int(compared[2])
    assert compared or found.worst.message.endswith("by pytorch-ssd's formula they are not")


@pytest.mark.parametrize("unknown", [torch.tanh, torch.sign, lambda offsets: offsets.sign() * offsets.abs().sqrt()])
def test_no_cause_is_a_fact_under_an_unknown_formula(unknown: Callable[[Tensor], Tensor], batch: Batch) -> None:
    batch.offsets = unknown(batch.offsets)
    for found in findings(batch):
        assert found.code in ("ENC004", "ENC006", "ENC013", "ENC015")
        assert found.code != "ENC006" or "formula not known here" in found.worst.message
        assert found.code != "ENC015" or "by a formula not known here" in found.worst.message
