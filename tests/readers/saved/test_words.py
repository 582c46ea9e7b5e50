"""Every layout of saved tensors that is taken, and every one that is refused: what is read, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, ones, tensor, zeros

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.predictions import recognise_predictions
from ssdlossdbg.readers.saved.targets import Targets, check_batch, recognise_targets
from ssdlossdbg.readers.saved.tensor_files import Saved
from ssdlossdbg.rules import Units

# Two images, six priors, three or four columns.
LOC, CONF, PRIORS = zeros(2, 6, 4), zeros(2, 6, 3), zeros(6, 4)
KEYS = "Expected loc [B, P, 4] and conf [B, P, C], as (loc, conf, priors) or under the keys loc, conf, priors."
MOVED = (
    " Move the priors to the middle: loc.transpose(1, 2), conf.transpose(1, 2). Or say --native, if the dialect has "
    "them so."
)
EMPTY = "A batch needs an image, a prior, and two classes, background being one."
OTHER_AXES = "Expected loc [B, 4, P] and conf [B, C, P], as nvidia has them; if they are not, leave --native out."


@pytest.mark.parametrize(
    ("saved", "layout"),
    [
        ((LOC, CONF), "(loc, conf)"),
        ((LOC, CONF, PRIORS), "(loc, conf, priors)"),
        ([LOC, CONF, PRIORS[None]], "(loc, conf, priors)"),
        ((CONF, LOC), "(conf, loc)"),
        ((CONF, LOC, PRIORS), "(conf, loc, priors)"),
        ({"loc": LOC, "conf": CONF}, "a mapping with loc, conf"),
        ({"conf": CONF, "priors": PRIORS, "loc": LOC}, "a mapping with loc, conf, priors"),
        ({"bbox_regression": LOC, "cls_logits": CONF}, "a mapping with bbox_regression, cls_logits"),
    ],
)
def test_predictions(saved: Any, layout: str) -> None:
    found = recognise_predictions(Saved(saved, "p.pt"))
    assert (found.layout, found.dtype) == (layout, "float32")
    assert (found.loc.shape, found.conf.shape) == (LOC.shape, CONF.shape)
    assert (None if found.priors is None else found.priors.shape) == (PRIORS.shape if "priors" in layout else None)


@pytest.mark.parametrize(
    ("loc", "conf", "named", "computed"),
    [
        ("float16", "float16", "float16", "float32"),
        ("float64", "float32", "float32", "float64"),
        ("float32", "float64", "float64", "float64"),
        ("bfloat16", "float16", "float16", "float32"),
    ],
)
def test_dtypes_of_predictions(loc: str, conf: str, named: str, computed: str) -> None:
    found = recognise_predictions(Saved((LOC.to(getattr(torch, loc)), CONF.to(getattr(torch, conf))), "p.pt"))
    assert found.dtype == named
    assert (found.loc.dtype, found.conf.dtype) == (getattr(torch, computed),) * 2


@pytest.mark.parametrize(
    ("saved", "what", "fix"),
    [
        ({"loc": LOC}, "has the keys loc", KEYS),
        ({"conf": CONF}, "has the keys conf", KEYS),
        (LOC, "holds one tensor of shape [2, 6, 4]", KEYS),
        (
            zeros(2, 6, 3, 5),
            "holds one tensor of shape [2, 6, 3, 5]",
            f"{KEYS} It looks like Detect's output: call the network in its train phase.",
        ),
        (zeros(2, 6, 3, 4), "holds one tensor of shape [2, 6, 3, 4]", KEYS),
        (zeros(6, 3, 5), "holds one tensor of shape [6, 3, 5]", KEYS),
        ("x", "holds str", KEYS),
        ((LOC,), "holds 1 parts: [2, 6, 4]", KEYS),
        ((LOC, CONF, PRIORS, PRIORS), "holds 4 parts: [2, 6, 4], [2, 6, 3], [6, 4], [6, 4]", KEYS),
        ((LOC, 3), "holds 2 parts: [2, 6, 4], int", KEYS),
        (
            (zeros(6, 4), zeros(6, 3)),
            "found loc [6, 4] and conf [6, 3]",
            f"{KEYS} Add the batch dimension: loc[None], conf[None].",
        ),
        (
            (zeros(2, 24), zeros(2, 18)),
            "found loc [2, 24] and conf [2, 18]",
            f"{KEYS} Split the last dimension: loc.view(B, -1, 4), conf.view(B, -1, C).",
        ),
        ((zeros(2, 4, 6), zeros(2, 3, 6)), "found loc [2, 4, 6] and conf [2, 3, 6]", KEYS + MOVED),
        ((LOC, zeros(2, 5, 3)), "found loc [2, 6, 4] and conf [2, 5, 3]", KEYS),
        ((LOC, zeros(1, 6, 3)), "found loc [2, 6, 4] and conf [1, 6, 3]", KEYS),
        ((LOC, zeros(12, 3)), "found loc [2, 6, 4] and conf [12, 3]", KEYS),
        ((zeros(2, 6, 5), CONF), "found loc [2, 6, 5] and conf [2, 6, 3]", KEYS),
        ((LOC, zeros(2, 6, 1)), "found loc [2, 6, 4] and conf [2, 6, 1]", EMPTY),
        ((zeros(0, 6, 4), zeros(0, 6, 3)), "found loc [0, 6, 4] and conf [0, 6, 3]", EMPTY),
        ((zeros(2, 0, 4), zeros(2, 0, 3)), "found loc [2, 0, 4] and conf [2, 0, 3]", EMPTY),
    ],
)
def test_predictions_of_other_shapes(saved: Any, what: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        recognise_predictions(Saved(saved, "p.pt"))
    assert (caught.value.where, caught.value.what, caught.value.fix) == ("p.pt", what, fix)


@pytest.mark.parametrize(
    ("saved", "part", "what"),
    [
        ((LOC.long(), CONF), "loc", "holds torch.int64"),
        ((LOC, CONF.long()), "conf", "holds torch.int64"),
        ((LOC, CONF, PRIORS.long()), "priors", "holds torch.int64 of shape [6, 4]"),
        ((LOC, CONF, zeros(6, 3)), "priors", "holds torch.float32 of shape [6, 3]"),
        ((LOC, CONF, zeros(2, 6, 4)), "priors", "holds torch.float32 of shape [2, 6, 4]"),
        ((LOC, CONF, zeros(4)), "priors", "holds torch.float32 of shape [4]"),
    ],
)
def test_parts_that_are_none(saved: Any, part: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        recognise_predictions(Saved(saved, "p.pt"))
    assert (caught.value.where, caught.value.what) == (f"p.pt, {part}", what)


@pytest.mark.parametrize(
    ("name", "saved", "layout"),
    [
        ("nvidia", (zeros(2, 4, 6), zeros(2, 3, 6)), "(loc, conf), nvidia's own: [B, 4, P] and [B, C, P]"),
        ("mmdetection", (LOC, CONF), "(loc, conf), mmdetection's own: background last"),
        ("torchvision", (LOC, CONF), "(loc, conf), torchvision's own: the canonical order"),
        ("tf-object-detection", (LOC, CONF), "(loc, conf), tf-object-detection's own: dy, dx, dh, dw"),
    ],
)
def test_predictions_in_an_own_order(name: str, saved: Any, layout: str) -> None:
    found = recognise_predictions(Saved(saved, "p.pt"), load_dialect(name))
    assert found.layout == layout
    assert (found.loc.shape, found.conf.shape) == (LOC.shape, CONF.shape)


@pytest.mark.parametrize(
    ("name", "saved", "fix"),
    [
        ("nvidia", (LOC, CONF), OTHER_AXES),
        ("nvidia", (zeros(2, 4, 6), zeros(2, 3, 5)), OTHER_AXES),
        ("mmdetection", (zeros(2, 4, 6), zeros(2, 3, 6)), KEYS + MOVED),
    ],
)
def test_predictions_in_another_than_the_own_order(name: str, saved: Any, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        recognise_predictions(Saved(saved, "p.pt"), load_dialect(name))
    assert caught.value.fix == fix


def test_numbers_in_an_own_order() -> None:
    """With y before x, the background first where it is last, and both axes in their places."""
    loc, conf = torch.arange(48.0).reshape(2, 6, 4), torch.arange(36.0).reshape(2, 6, 3)
    by_name = {
        name: recognise_predictions(Saved((loc, conf), "p.pt"), load_dialect(name))
        for name in ("mmdetection", "tf-object-detection")
    }
    assert torch.equal(by_name["mmdetection"].conf, conf[..., [2, 0, 1]])
    assert torch.equal(by_name["mmdetection"].loc, loc)
    assert torch.equal(by_name["tf-object-detection"].loc, loc[..., [1, 0, 3, 2]])
    nvidia = recognise_predictions(Saved((loc.mT, conf.mT), "p.pt"), load_dialect("nvidia"))
    assert torch.equal(nvidia.loc, loc)
    assert torch.equal(nvidia.conf, conf)


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("ssd.pytorch", "(loc, conf), in the order of ssd.pytorch"),
        ("pytorch-ssd", "(conf, loc), in the order of pytorch-ssd"),
        (None, ""),
    ],
)
def test_four_classes_leave_the_order_to_the_dialect(name: str | None, layout: str) -> None:
    first, second = zeros(2, 6, 4), ones(2, 6, 4)
    dialect = load_dialect(name) if name else None
    if dialect:
        found = recognise_predictions(Saved((first, second), "p.pt"), None, dialect)
        assert found.layout == layout
        assert torch.equal(found.loc, second if layout.startswith("(conf") else first)
        return
    with pytest.raises(InputError) as caught:
        recognise_predictions(Saved((first, second), "p.pt"), None, dialect)
    assert caught.value.what == ("holds a tuple of [2, 6, 4] and [2, 6, 4], whose shapes do not tell loc from conf")
    assert caught.value.fix.startswith("Save a dict: ")


# Targets

ROWS = tensor([[0.1, 0.2, 0.3, 0.4, 2.0], [0.5, 0.5, 0.9, 0.8, 0.0]])
EXPECTED = (
    "Expected a list of [n, 5] tensors (x1, y1, x2, y2, label), a list of mappings with boxes [n, 4] and labels [n], "
    "or one padded [B, N, 5] tensor."
)
IN_ARCHIVE = f"{EXPECTED} In an archive: targets, or boxes_0, labels_0, ..."
OF_ROWS = "a list of 2 images with rows (x1, y1, x2, y2, label), "
OF_PAIRS = "a list of 2 images with boxes and labels, "
IN_PIXELS = "; yet they reach 270: if those are pixels, --target-units pixels"
ONE_EACH = (
    "Save both in the same iteration, as ssdlossdbg.capture does. If they are, save a list of mappings, one an image, "
    "with boxes [1, 4] and labels [1]."
)


def pair(rows: Tensor) -> dict[str, Tensor]:
    return {"boxes": rows[:, :4], "labels": rows[:, 4]}


def one(x2: float) -> dict[str, Tensor]:
    return {"boxes": tensor([[0.1, 0.2, x2, 0.4]]), "labels": tensor([1])}


def read(saved: Any, dialect: str = "ssd.pytorch", shape: tuple[int, int, int] = (2, 6, 4), **layout: Any) -> Any:
    """Targets, found to belong to the predictions."""
    found = recognise_targets(Saved(saved, "t.pt"), load_dialect(dialect), SavedLayout(**layout), shape=shape)
    if isinstance(found, Targets):
        check_batch(found, shape[0], shape[2], "t.pt")
    return found


@pytest.mark.parametrize(
    ("saved", "options", "layout", "labels"),
    [
        ([ROWS, ROWS[:1]], {}, f"{OF_ROWS}normalized, labels counted from 0", [[3, 1], [3]]),
        ((ROWS, ROWS[:1]), {}, f"{OF_ROWS}normalized, labels counted from 0", [[3, 1], [3]]),
        ([ROWS, ROWS[:0]], {"label_offset": 0}, f"{OF_ROWS}normalized, labels counted from 1", [[2, 0], []]),
        ([ROWS, ROWS], {"target_units": Units.PIXELS}, f"{OF_ROWS}pixels, labels counted from 0", [[3, 1], [3, 1]]),
        (
            [ROWS * tensor([300, 300, 300, 300, 1]), ROWS[:0]],
            {},
            f"{OF_ROWS}normalized, labels counted from 0{IN_PIXELS}",
            [[3, 1], []],
        ),
        ([pair(ROWS), pair(ROWS[:1])], {}, f"{OF_PAIRS}normalized, labels counted from 1", [[2, 0], [2]]),
        ([one(2.0), one(0.3)], {}, f"{OF_PAIRS}normalized, labels counted from 1", [[1], [1]]),
        ([one(2.1), one(0.3)], {}, f"{OF_PAIRS}pixels, labels counted from 1", [[1], [1]]),
        ([one(0.3), one(40.0)], {}, f"{OF_PAIRS}pixels, labels counted from 1", [[1], [1]]),
        ({"targets": [ROWS, ROWS]}, {}, f"{OF_ROWS}normalized, labels counted from 0", [[3, 1], [3, 1]]),
        (
            {"boxes_0": ROWS[:, :4], "labels_0": ROWS[:, 4], "gt_boxes_1": ROWS[:1, :4], "gt_labels_1": ROWS[:1, 4]},
            {},
            f"{OF_PAIRS}normalized, labels counted from 1",
            [[2, 0], [2]],
        ),
        (
            {"targets_1": ROWS[:1], "gt_targets_0": ROWS},
            {},
            f"{OF_ROWS}normalized, labels counted from 0",
            [[3, 1], [3]],
        ),
        (
            torch.stack((ROWS, torch.cat((zeros(1, 5), ROWS[:1])))),
            {},
            "a padded tensor [2, 2, 5] with rows (x1, y1, x2, y2, label), normalized, labels counted from 0",
            [[3, 1], [3]],
        ),
        (
            torch.stack((ROWS, torch.cat((ROWS[:1], tensor([[0.1, 0.1, 0.2, 0.2, -1]]))))),
            {},
            "a padded tensor [2, 2, 5] with rows (x1, y1, x2, y2, label), normalized, labels counted from 0",
            [[3, 1], [3]],
        ),
    ],
)
def test_targets(saved: Any, options: dict[str, Any], layout: str, labels: list[list[int]]) -> None:
    found = read(saved, **options)
    assert found.layout == layout
    assert [each.tolist() for each in found.labels] == labels
    assert [len(each) for each in found.boxes] == [len(each) for each in labels]
    assert found.label_offset == (0 if "from 1" in layout else 1)
    assert str(found.units) in layout


def test_the_boxes_of_one_image() -> None:
    found = read({"boxes": ROWS[:, :4], "labels": ROWS[:, 4]}, shape=(1, 6, 4))
    assert torch.equal(found.boxes[0], ROWS[:, :4])
    assert found.layout.startswith("a list of 1 images with boxes and labels")
    assert read([ROWS.half()], shape=(1, 6, 4)).boxes[0].dtype == torch.float32
    assert read([ROWS.double()], shape=(1, 6, 4)).boxes[0].dtype == torch.float64


@pytest.mark.parametrize(
    ("dialect", "saved", "ends"),
    [
        ("tf-object-detection", [ROWS, ROWS], "normalized, labels counted from 1"),
        (
            "mmdetection",
            [ROWS, ROWS],
            "pixels, labels counted from 0; yet none exceeds 0.9: if those are fractions, --target-units normalized",
        ),
        (
            "torchvision",
            [one(0.3), one(0.3)],
            "pixels, labels counted from 1; yet none exceeds 0.4: if those are fractions, --target-units normalized",
        ),
        ("torchvision", [one(2.5), one(0.3)], "pixels, labels counted from 1"),
    ],
)
def test_units_of_a_dialect(dialect: str, saved: Any, ends: str) -> None:
    assert read(saved, dialect).layout.endswith(f", {ends}")


@pytest.mark.parametrize(
    ("saved", "where", "what", "fix"),
    [
        ({"boxes_1": ROWS[:, :4], "labels_1": ROWS[:, 4]}, "t.pt", "has the keys boxes_1, labels_1", IN_ARCHIVE),
        ({"x": 1}, "t.pt", "has the keys x", IN_ARCHIVE),
        ([], "t.pt", "holds an empty list", EXPECTED),
        (3, "t.pt", "holds a int", EXPECTED),
        (ROWS, "t.pt", "holds a tensor of shape [2, 5]", EXPECTED),
        ([ROWS[:, :4], ROWS], "t.pt, image 0", "has the shape [2, 4]", "Expected [n, 5]: x1, y1, x2, y2, label."),
        ([ROWS, ROWS[0]], "t.pt, image 1", "has the shape [5]", "Expected [n, 5]: x1, y1, x2, y2, label."),
        ([ROWS, "x"], "t.pt, image 1", "is a str", EXPECTED),
        ([pair(ROWS), ROWS], "t.pt, image 0", "is a dict", EXPECTED),
        (zeros(2, 2, 6), "t.pt, image 0", "has the shape [2, 6]", "Expected [n, 5]: x1, y1, x2, y2, label."),
        (
            [pair(ROWS), {"boxes": ROWS[:, :4], "labels": ROWS[:1, 4]}],
            "t.pt, image 1",
            "has boxes [2, 4] and labels [1]",
            "Expected boxes [n, 4] and labels [n].",
        ),
        (
            [{"boxes": ROWS, "labels": ROWS[:, 4]}, pair(ROWS)],
            "t.pt, image 0",
            "has boxes [2, 5] and labels [2]",
            "Expected boxes [n, 4] and labels [n].",
        ),
        ([{"boxes": 1, "labels": ROWS[:, 4]}, pair(ROWS)], "t.pt, image 0", "has the keys boxes, labels", EXPECTED),
        ([{"boxes": ROWS[:, :4], "labels": 1}, pair(ROWS)], "t.pt, image 0", "has the keys boxes, labels", EXPECTED),
        (
            [ROWS, ROWS + tensor([0, 0, 0, 0, 0.5])],
            "t.pt, image 1, object 0",
            "has the label 2.5",
            "Labels are whole numbers; check the columns.",
        ),
        (
            [ROWS, torch.cat((ROWS, ROWS + tensor([0, 0, 0, 0, 1.0])))],
            "t.pt, image 1, object 2",
            "has class id 4, but conf has 4 columns: 0 (background) to 3",
            "Check the number of classes of the network, and what the labels count from (--label-offset).",
        ),
        (
            [ROWS + tensor([0, 0, 0, 0, 1.0]), ROWS[:1]],
            "t.pt, image 0, object 0",
            "has class id 4, but conf has 4 columns: 0 (background) to 3",
            "With --label-offset 0 all labels would fit.",
        ),
        (
            [ROWS - tensor([0, 0, 0, 0, 2.0]), ROWS[1:]],
            "t.pt, image 0, object 1",
            "has class id -1, but conf has 4 columns: 0 (background) to 3",
            "Check the number of classes of the network, and what the labels count from (--label-offset).",
        ),
        (
            [ROWS[1:] - tensor([0, 0, 0, 0, 2.0]), ROWS[1:] - tensor([0, 0, 0, 0, 1.0])],
            "t.pt, image 0, object 0",
            "has class id -1, but conf has 4 columns: 0 (background) to 3",
            "Check the number of classes of the network, and what the labels count from (--label-offset).",
        ),
        (
            [ROWS, ROWS, ROWS],
            "t.pt",
            "has 3 images, but the predictions have 2",
            "Save both in the same iteration, as ssdlossdbg.capture does.",
        ),
        (
            [ROWS],
            "t.pt",
            "has 1 image, but the predictions have 2; its 2 boxes may be one of each image",
            ONE_EACH,
        ),
        (
            [ROWS[:1]],
            "t.pt",
            "has 1 image, but the predictions have 2",
            "Save both in the same iteration, as ssdlossdbg.capture does.",
        ),
    ],
)
def test_targets_of_other_shapes(saved: Any, where: str, what: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        read(saved)
    assert (caught.value.where, caught.value.what, caught.value.fix) == (where, what, fix)


# Encoded targets

LABELS = tensor([[0, 1, 2, 0, -1, 3], [0, 0, 0, 0, 0, 1]])
ASKED = "The predictions ask for labels [2, 6] and locations [2, 6, 4]: save both in the same iteration, as "
ASKED += "ssdlossdbg.capture does."


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        ((LABELS, LOC), "(labels, locations)"),
        ([LOC, LABELS], "(locations, labels)"),
        ({"labels": LABELS, "locations": LOC}, "a mapping with labels, locations"),
        ({"cls_targets": LABELS, "box_targets": LOC}, "a mapping with cls_targets, box_targets"),
        ({"labels": LABELS, "gt_locations": LOC}, "a mapping with labels, gt_locations"),
        ({"labels": LABELS, "loc_targets": LOC}, "a mapping with labels, loc_targets"),
        ({"labels": LABELS, "boxes": LOC}, "a mapping with labels, boxes"),
        ((LABELS[..., None], LOC), "(labels, locations)"),
        ((LABELS.double(), LOC.half()), "(labels, locations)"),
    ],
)
def test_encoded(saved: Any, words: str) -> None:
    found = read(saved)
    assert isinstance(found, EncodedTargets)
    assert found.layout == f"already encoded, {words}: labels [2, 6] with 4 positives and 1 ignored"
    assert torch.equal(found.labels, LABELS)
    assert found.offsets.shape == LOC.shape
    assert found.offsets.dtype == torch.float32


def test_encoded_of_one_image() -> None:
    for saved in ((LABELS[0], LOC[0]), (LABELS[:1], LOC[:1])):
        found = read(saved, shape=(1, 6, 4))
        assert found.labels.tolist() == LABELS[:1].tolist()
        assert found.layout.endswith("labels [1, 6] with 3 positives and 1 ignored")
    assert read((LABELS[1:], LOC[:1]), shape=(1, 6, 4)).layout.endswith("labels [1, 6] with 1 positives")


def test_encoded_in_an_own_order() -> None:
    """NVIDIA has values before priors, MMDetection the background last."""
    offsets = torch.arange(48.0).reshape(2, 6, 4)
    nvidia = read((LABELS, offsets.mT), "nvidia", native=True)
    assert torch.equal(nvidia.offsets, offsets)
    assert nvidia.layout.startswith("already encoded, (labels, locations), nvidia's own: ")
    last = read((tensor([[3, 0, 1, 3, -1, 2]] * 2), offsets), "mmdetection", native=True)
    assert last.labels[0].tolist() == [0, 1, 2, 0, -1, 3]


@pytest.mark.parametrize(
    ("saved", "options", "where", "what", "fix"),
    [
        (
            (LABELS, LOC.long()),
            {},
            "t.pt, locations",
            "holds torch.int64",
            "Save the encoded offsets, which are floats.",
        ),
        (
            (LABELS + 1, LOC),
            {},
            "t.pt, image 0, prior 5",
            "has label 4, but conf has 4 columns: 0 to 3",
            "Check the number of classes of the network.",
        ),
        ((LABELS + 0.5, LOC), {}, "t.pt, image 0, prior 0", "has label 0.5", "Labels are whole numbers."),
        (
            (LABELS, LOC),
            {"label_offset": 1},
            "--label-offset",
            "says nothing about t.pt, whose targets are already encoded",
            "Leave it out.",
        ),
        (
            (LABELS, LOC),
            {"target_units": Units.PIXELS},
            "--target-units",
            "says nothing about t.pt, whose targets are already encoded",
            "Leave it out.",
        ),
        (
            (LABELS[:, :5], LOC[:, :5]),
            {},
            "t.pt",
            "holds encoded targets: labels [2, 5] and locations [2, 5, 4]",
            ASKED,
        ),
        (
            (LABELS, zeros(2, 4, 6)),
            {},
            "t.pt",
            "holds encoded targets: labels [2, 6] and locations [2, 4, 6]",
            f"{ASKED} They are [B, 4, P]: say --native.",
        ),
        ((LABELS[:1], LOC[:1]), {}, "t.pt", "holds encoded targets: labels [1, 6] and locations [1, 6, 4]", ASKED),
        (
            {"labels": LABELS[:, :5], "boxes": LOC[:, :5]},
            {},
            "t.pt",
            "holds encoded targets: labels [2, 5] and locations [2, 5, 4]",
            f"{ASKED} Save objects as a list of mappings with boxes [n, 4] and labels [n].",
        ),
        (
            (torch.where(LABELS == 3, 10**7, LABELS), LOC),
            {},
            "t.pt, image 0, prior 5",
            "has label 1e+07, and no network has as many classes",
            "Number the classes from 0.",
        ),
    ],
)
def test_encoded_of_other_shapes(saved: Any, options: dict[str, Any], where: str, what: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        read(saved, **options)
    assert (caught.value.where, caught.value.what, caught.value.fix) == (where, what, fix)


BOXES = tensor([0.1, 0.2, 0.3, 0.4]).expand(2, 10, 4)
INVERTED = tensor([0.3, 0.4, 0.1, 0.2]).expand(2, 10, 4)


@pytest.mark.parametrize(
    ("labels", "boxes", "objects"),
    [
        (ones(2, 1), zeros(2, 1, 4), "1 object"),
        (ones(2, 24), zeros(2, 24, 4), "24 objects"),
        # A quarter of the priors, or half of all background.
        (ones(2, 25), zeros(2, 25, 4), ""),
        (tensor([[1.0] * 6 + [0.0] * 4] * 2), INVERTED, "10 objects"),
        (tensor([[1.0] * 5 + [0.0] * 5] * 2), INVERTED, ""),
        # But boxes, of those that have a class, end after they begin.
        (tensor([[1.0] * 5 + [0.0] * 5] * 2), BOXES, "10 objects"),
        (tensor([[1.0] + [0.0] * 9] * 2), torch.cat((BOXES[:, :1], INVERTED[:, 1:]), 1), "10 objects"),
        (zeros(2, 10), BOXES, "10 objects"),
        (zeros(2, 10), INVERTED, ""),
        (zeros(2, 10), torch.cat((BOXES[:, :5], INVERTED[:, 5:]), 1), ""),
        (zeros(2, 10), torch.cat((BOXES[:, :6], INVERTED[:, 6:]), 1), "10 objects"),
        (zeros(2, 10), zeros(2, 9, 4), ""),
    ],
)
def test_objects_that_are_not_matched_yet(labels: Tensor, boxes: Tensor, objects: str) -> None:
    """A label an object, of a hundred priors."""
    with pytest.raises(InputError) as caught:
        read((labels, boxes), shape=(2, 100, 4))
    sizes = f"labels {list(labels.shape)}"
    if objects:
        assert caught.value.what == (
            f"holds (labels, locations): {sizes} beside {list(boxes.shape)}, so {objects} an image and not 100 priors: "
            "these are not matched yet"
        )
        assert caught.value.fix.startswith("Save what the loss receives, matched and encoded (labels [B, P], loc")
    else:
        assert caught.value.what == f"holds encoded targets: {sizes} and locations {list(boxes.shape)}"
