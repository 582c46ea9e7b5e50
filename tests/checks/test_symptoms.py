"""The failures that people really had, one at a time: each made from healthy sample data, broken in just that way.

Every case names the code that must fire, and no error but that one may. What the numbers say is tested by family.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.multibox.codec import encode
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.prior_configs import load_prior_config
from ssdlossdbg.results import Finding, Severity

SAMPLE = Path(__file__).parents[2] / "sample_data"
Corners = tuple[int, int, int, int]


def read_coins() -> list[Corners]:
    text = (SAMPLE / "coins.xml").read_text()
    values = [re.findall(rf"<{tag}>(\d+)<", text) for tag in ("xmin", "ymin", "xmax", "ymax")]
    return [(int(a), int(b), int(c), int(d)) for a, b, c, d in zip(*values, strict=True)]


def write_coins(folder: Path, boxes: list[tuple[float, ...]]) -> Path:
    """coins.xml with other boxes; too few leave objects away."""
    parts = re.split(r"(?=<object>)", (SAMPLE / "coins.xml").read_text().replace("</annotation>", ""))
    objects = []
    for part, box in zip(parts[1:], boxes, strict=False):
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            part = re.sub(rf"<{tag}>.*?<", f"<{tag}>{value}<", part)
        objects.append(part)
    path = folder / "coins.xml"
    path.write_text("".join((parts[0], *objects, "</annotation>")))
    return path


def first(box: Callable[[Corners], tuple[float, ...]]) -> Callable[[list[Corners]], list[tuple[float, ...]]]:
    """What breaks just the first object."""
    return lambda boxes: [box(boxes[0]), *boxes[1:]]


def every(box: Callable[[Corners], tuple[float, ...]]) -> Callable[[list[Corners]], list[tuple[float, ...]]]:
    """What breaks all of them alike."""
    return lambda boxes: [box(each) for each in boxes]


ANNOTATIONS = {
    "1 zero width": ("BOX001", first(lambda b: (b[0], b[1], b[0], b[3]))),
    "1 zero height": ("BOX001", first(lambda b: (b[0], b[3], b[2], b[3]))),
    "2 inverted": ("BOX002", first(lambda b: (b[2], b[1], b[0], b[3]))),
    "3 x y w h": ("BOX004", every(lambda b: (b[0], b[1], b[2] - b[0], b[3] - b[1]))),
    "3 xmin xmax ymin ymax": ("BOX004", every(lambda b: (b[0], b[2], b[1], b[3]))),
    "3 ymin xmin ymax xmax": ("BOX004", every(lambda b: (b[1], b[0], b[3], b[2]))),
    "5 fractions": ("BOX006", every(lambda b: (b[0] / 384, b[1] / 303, b[2] / 384, b[3] / 303))),
    "5 fractions cut off": ("BOX006", every(lambda b: (b[0] // 384, b[1] // 303, b[2] // 384, b[3] // 303))),
    "6 counted from 0": ("BOX009", first(lambda b: (0, b[1], b[2], b[3]))),
    "7 partly outside": ("BOX008", first(lambda b: (-20, b[1], b[2], b[3]))),
    "7 wholly outside": ("BOX007", first(lambda b: (b[0] + 500, b[1], b[2] + 500, b[3]))),
    "14 too small": ("MAT005", first(lambda b: (b[0], b[1], b[0] + 20, b[1] + 16))),
    "21 annotated twice": ("BOX010", lambda boxes: [boxes[1], *boxes[1:]]),
    "35 no object": ("MAT009", lambda _: []),
    "36 placeholder": ("BOX003", first(lambda _: (0, 0, 0, 0))),
}


@pytest.mark.parametrize("row", ANNOTATIONS)
def test_annotation(row: str, tmp_path: Path) -> None:
    code, breaks = ANNOTATIONS[row]
    annotation = write_coins(tmp_path, breaks(read_coins()))
    holds_only(api.match(SAMPLE / "coins.jpg", annotation, device="cpu").findings, code)
    holds_only(api.check([annotation], device="cpu").findings, code)


def test_healthy_annotation_and_batch(tmp_path: Path) -> None:
    annotation = write_coins(tmp_path, list(read_coins()))
    assert not [item for item in api.check([annotation]).findings if item.severity is not Severity.NOTE]
    assert api.check([SAMPLE / "preds.pt", SAMPLE / "targets.pt"]).findings == ()


class Batch:
    """The sample batch, to be broken: ssd.pytorch's SSD300 with seven classes."""

    def __init__(self) -> None:
        self.loc, self.conf, self.priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
        self.targets: list[Tensor] = torch.load(SAMPLE / "targets.pt", weights_only=True)

    def check(self, folder: Path, dialect: str = "ssd.pytorch", config: str | None = None) -> tuple[Finding, ...]:
        """What `check` finds in it, and `loss` where it computes one."""
        torch.save((self.loc, self.conf, self.priors), folder / "preds.pt")
        torch.save(self.targets, folder / "targets.pt")
        files = (folder / "preds.pt", folder / "targets.pt")
        return api.check(files, config, dialect, device="cpu").findings


def holds_only(findings: tuple[Finding, ...], code: str) -> None:
    """That code is among the findings, and no error but that one."""
    assert code in [item.code for item in findings]
    assert {item.code for item in findings if item.severity is Severity.ERROR} <= {code}


def zero_width(batch: Batch) -> None:
    batch.targets[2][3, 2] = batch.targets[2][3, 0]


def inverted(batch: Batch) -> None:
    batch.targets[2][3, :4] = batch.targets[2][3, [2, 1, 0, 3]]


def corners_and_size(batch: Batch) -> None:
    for rows in batch.targets:
        rows[:, 2:4] -= rows[:, :2].clone()


def centres_and_size(batch: Batch) -> None:
    for rows in batch.targets:
        rows[:, 2:4] -= rows[:, :2].clone()
        rows[:, :2] += rows[:, 2:4] / 2


def pixels(batch: Batch) -> None:
    for rows in batch.targets:
        rows[:, :4] *= 300


def minus_one_pixel(batch: Batch) -> None:
    batch.targets[2][:2, 0] = -1 / 384


def outside(batch: Batch) -> None:
    batch.targets[2][3, [0, 2]] += 1.5


def one_label_too_many(batch: Batch) -> None:
    for rows in batch.targets:
        rows[:, 4] += 1


def background(batch: Batch) -> None:
    for rows in batch.targets:
        rows[:, 4] = -1


def same_box_other_class(batch: Batch) -> None:
    batch.targets[2][4, :4], batch.targets[2][4, 4] = batch.targets[2][3, :4], 3


def fewer_priors(batch: Batch) -> None:
    batch.priors = batch.priors[:-4]


def gathered(batch: Batch) -> None:
    batch.priors = batch.priors.repeat(2, 1)


def nan_prior(batch: Batch) -> None:
    batch.priors[8731] = float("nan")


def flat_prior(batch: Batch) -> None:
    batch.priors[8731, 3] = 0


def flat_priors(batch: Batch) -> None:
    batch.priors[:, 2:] = 0


def columns_first(batch: Batch) -> None:
    batch.priors = batch.priors[:, [1, 0, 3, 2]]


def huge_priors(batch: Batch) -> None:
    batch.priors[:, 2:] *= 3.5


def predictions_by_shape(batch: Batch) -> None:
    """What the head says, a shape after the other, instead of a cell after the other."""
    spec = load_prior_config("ssd300-coco").spec
    loc: list[Tensor] = []
    conf: list[Tensor] = []
    start = 0
    for level in spec.levels:
        shapes = len(level.shapes)
        for rows, kept in ((batch.loc, loc), (batch.conf, conf)):
            part = rows[:, start : start + level.count].unflatten(1, (-1, shapes))
            kept.append(part.transpose(1, 2).flatten(1, 2))
        start += level.count
    batch.loc, batch.conf = torch.cat(loc, 1), torch.cat(conf, 1)


def image_without_objects(batch: Batch) -> None:
    batch.targets[1] = batch.targets[1][:0]


def placeholder(batch: Batch) -> None:
    batch.targets[1] = torch.tensor([[0.0, 0, 0, 0, 2]])


def one_huge_logit(batch: Batch) -> None:
    """The batch's maximum is so far above all other rows that their exponentials are 0."""
    batch.conf[0, 100, 0] = 300


def diverged(batch: Batch) -> None:
    batch.loc[1], batch.conf[1] = float("nan"), float("nan")


BATCHES = {
    "1 zero width": ("BOX001", zero_width),
    "2 inverted": ("BOX002", inverted),
    "3 x y w h": ("BOX004", corners_and_size),
    "3 cx cy w h": ("BOX004", centres_and_size),
    "4 pixels": ("BOX005", pixels),
    "6 minus one pixel": ("BOX009", minus_one_pixel),
    "7 outside": ("BOX007", outside),
    "9 labels too high": ("LBL001", one_label_too_many),
    "10 background": ("LBL002", background),
    "21 one box, two classes": ("BOX011", same_box_other_class),
    "22 number of priors": ("PRI001", fewer_priors),
    "23 gathered priors": ("PRI002", gathered),
    "24 nan prior": ("PRI003", nan_prior),
    "24 flat prior": ("PRI004", flat_prior),
    "24 flat priors": ("PRI004", flat_priors),
    "26 y before x": ("PRI008", columns_first),
    "28 huge priors": ("PRI009", huge_priors),
    "29 order of the head": ("PRE001", predictions_by_shape),
    "35 image without objects": ("MAT009", image_without_objects),
    "36 placeholder": ("BOX003", placeholder),
    "38 underflow in ranking": ("MIN002", one_huge_logit),
    "40 diverged": ("NUM001", diverged),
}


@pytest.mark.parametrize("row", BATCHES)
def test_batch(row: str, tmp_path: Path) -> None:
    code, breaks = BATCHES[row]
    batch = Batch()
    breaks(batch)
    holds_only(batch.check(tmp_path), code)


def test_labels_too_high_for_the_network(tmp_path: Path) -> None:
    """Row 9, where 1 is added to labels that count from 1 already and one of them has the last class."""
    batch = Batch()
    batch.targets[0][0, 4] = 6
    holds_only(batch.check(tmp_path), "LBL001")


def test_quota_that_cannot_be_met(tmp_path: Path) -> None:
    """Row 37: three times as many negatives as positives do not exist."""
    batch = Batch()
    batch.priors = batch.priors[:40]
    batch.loc, batch.conf = batch.loc[:, :40], batch.conf[:, :40]
    x, y, w, h = batch.priors[:12].T
    objects = torch.stack((x - w / 2, y - h / 2, x + w / 2, y + h / 2, torch.zeros_like(x)), 1)
    batch.targets = [objects] * 3
    holds_only(batch.check(tmp_path), "MIN001")


class Encoded:
    """The sample batch's targets as pytorch-ssd's loss receives them: labels and offsets of every prior."""

    def __init__(self) -> None:
        batch = Batch()
        dialect = load_dialect("pytorch-ssd")
        self.predictions = (batch.loc, batch.conf, batch.priors)
        self.priors = load_priors("ssd300-coco").priors.boxes
        self.gt = pad_ground_truth([rows[:, :4] for rows in batch.targets], [rows[:, 4] + 1 for rows in batch.targets])
        self.matching = match(self.gt, self.priors, dialect.match)
        self.labels = self.matching.labels.clone()
        self.variances = dialect.codec.variances
        self.codec = dialect.codec
        self.offsets = encode(self.assigned, self.priors, self.codec)  # of every prior, as pytorch-ssd does

    @property
    def positive(self) -> Tensor:
        """`[B, P]` bool."""
        return self.labels > 0

    @property
    def assigned(self) -> Tensor:
        """`[B, P, 4]` the box of every prior, xyxy."""
        return self.gt.boxes.gather(1, self.matching.gt_index[..., None].expand(-1, -1, 4))

    def check(self, folder: Path, dialect: str = "pytorch-ssd") -> tuple[Finding, ...]:
        """What `check` finds in it."""
        torch.save(self.predictions, folder / "preds.pt")
        torch.save({"labels": self.labels, "gt_locations": self.offsets}, folder / "targets.pt")
        return api.check((folder / "preds.pt", folder / "targets.pt"), None, dialect, device="cpu").findings


def log_of_zero(encoded: Encoded) -> None:
    image, prior = encoded.positive.nonzero()[0].tolist()
    encoded.offsets[image, prior, 2] = -torch.inf


def log_of_a_negative(encoded: Encoded) -> None:
    image, prior = encoded.positive.nonzero()[0].tolist()
    encoded.offsets[image, prior, 2] = torch.nan


def epsilon_in_the_log(encoded: Encoded) -> None:
    """A box without width, whose ratio to the prior is floored at 1e-5: ln(1e-5) / 0.2 = -57.56."""
    image, prior = encoded.positive.nonzero()[0].tolist()
    encoded.offsets[image, prior, 2] = torch.log(torch.tensor(1e-5)) / 0.2


def ignore_label(encoded: Encoded) -> None:
    encoded.labels[0, (encoded.labels[0] == 0).nonzero()[:50, 0]] = -1


def no_threshold(encoded: Encoded) -> None:
    """Every prior that overlaps an object at all is a positive."""
    own = encoded.gt.labels.gather(1, encoded.matching.gt_index)
    encoded.labels = torch.where(encoded.matching.prior_iou > 0, own, 0)


def other_variances(encoded: Encoded) -> None:
    encoded.offsets *= torch.tensor(encoded.variances)


def not_encoded(encoded: Encoded) -> None:
    encoded.offsets = encoded.assigned.clone()


def other_priors(encoded: Encoded) -> None:
    """Matched and encoded with ssd.pytorch's VOC priors, though the network has those for COCO."""
    priors = load_priors("ssd300-voc").priors.boxes
    encoded.matching = match(encoded.gt, priors, load_dialect("pytorch-ssd").match)
    encoded.labels, encoded.offsets = encoded.matching.labels, encode(encoded.assigned, priors, encoded.codec)


def centre_by_width(encoded: Encoded) -> None:
    encoded.offsets[..., 1] *= encoded.priors[:, 3] / encoded.priors[:, 2]


def off_the_positives(encoded: Encoded) -> None:
    image, prior = (encoded.labels == 0).nonzero()[5].tolist()
    encoded.offsets[image, prior] = torch.nan


def labels_shifted(encoded: Encoded) -> None:
    """The ids of the objects point one further in the list of labels, as after a filter."""
    shifted = encoded.gt.labels.roll(1, 1)
    image = torch.arange(3)[:, None]
    encoded.labels = torch.where(encoded.positive, shifted[image, encoded.matching.gt_index], 0)


def forced_for_another(encoded: Encoded) -> None:
    """The best prior of an object keeps the flag, and learns the object that it overlaps next best."""
    best = int(encoded.matching.best_prior[1, 0])
    encoded.offsets[1, best] = encode(encoded.gt.boxes[1, 1], encoded.priors[best], encoded.codec)
    encoded.labels[1, best] = encoded.gt.labels[1, 1]


def nothing_positive(encoded: Encoded) -> None:
    encoded.labels = torch.zeros_like(encoded.labels)


ENCODINGS = {
    "1 log of zero": ("ENC001", log_of_zero),
    "2 log of a negative": ("ENC001", log_of_a_negative),
    "8 epsilon in the log": ("ENC003", epsilon_in_the_log),
    "22 priors of another preset": ("ENC016", other_priors),
    "13 ignore label": ("ENC010", ignore_label),
    "16 forced for another": ("ENC006", forced_for_another),
    "19 no threshold": ("ENC005", no_threshold),
    "31 other variances": ("ENC007", other_variances),
    "32 centre by width": ("ENC009", centre_by_width),
    "33 not encoded": ("ENC008", not_encoded),
    "34 nothing positive": ("MAT008", nothing_positive),
    "39 nan off the positives": ("ENC014", off_the_positives),
}


def test_healthy_encoding(tmp_path: Path) -> None:
    assert [item.code for item in Encoded().check(tmp_path) if item.severity is not Severity.NOTE] == []


@pytest.mark.parametrize("row", ENCODINGS)
def test_encoding(row: str, tmp_path: Path) -> None:
    code, breaks = ENCODINGS[row]
    encoded = Encoded()
    breaks(encoded)
    holds_only(encoded.check(tmp_path), code)
