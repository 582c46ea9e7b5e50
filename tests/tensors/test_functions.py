"""The tensor functions: rules by name, units, and what does not fit together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import ssdlossdbg
from ssdlossdbg import (
    CodecSpec,
    DetectSpec,
    GroundTruthBatch,
    InputError,
    LossSpec,
    MatchSpec,
    MiningSpec,
    Priors,
    TargetSpec,
    UnknownNameError,
    decode,
    detect_boxes,
    encode,
    generate_priors,
    load_dialect,
    match_priors,
    multibox_loss,
)
from ssdlossdbg.multibox import codec, detect, loss, matching
from ssdlossdbg.readers.dialects import dialect_names

# A function, so that any arguments go through a type checker.
LOSS: Any = multibox_loss


@pytest.mark.parametrize("name", dialect_names(of_one_step=True))
def test_a_name_stands_for_the_specs_of_its_dialect(name: str, small: Any) -> None:
    dialect = load_dialect(name)
    unit = torch.tensor([64.0, 32.0, 64.0, 32.0]) if dialect.targets.units == "pixels" else torch.ones(4)
    specs = dialect.match, dialect.codec, dialect.mining, dialect.loss
    expected = loss.multibox_loss(small.loc, small.conf, small.priors.boxes * unit, small.gt(dialect), *specs)
    for rules in (name, dialect):
        found = multibox_loss(small.loc, small.conf, small.priors, small.gt(dialect), rules)
        assert torch.equal(found.total, expected.total)
        assert torch.equal(found.matching.labels, expected.matching.labels)
        assert torch.equal(found.mining.mined, expected.mining.mined)


def test_specs_take_the_place_of_what_a_dialect_says(small: Any) -> None:
    dialect = load_dialect("caffe")
    gt, ratio = small.gt(dialect), replace(dialect.mining, ratio=1.0)
    found = multibox_loss(small.loc, small.conf, small.priors, gt, "caffe", ratio)
    assert torch.equal(
        found.total, multibox_loss(small.loc, small.conf, small.priors, gt, replace(dialect, mining=ratio)).total
    )
    assert found.mining.mined.sum() < multibox_loss(small.loc, small.conf, small.priors, gt, "caffe").mining.mined.sum()


def test_specs_alone_and_no_rules_at_all(small: Any) -> None:
    specs = MatchSpec(), CodecSpec(), MiningSpec(), LossSpec()
    gt = small.gt(load_dialect("ssd.pytorch"))
    expected = loss.multibox_loss(small.loc, small.conf, small.priors.boxes, gt, *specs).total
    assert torch.equal(multibox_loss(small.loc, small.conf, small.priors.boxes, gt, *specs).total, expected)
    by_default = multibox_loss(small.loc, small.conf, small.priors, gt)
    assert torch.equal(by_default.total, multibox_loss(small.loc, small.conf, small.priors, gt, "ssd.pytorch").total)


def test_a_file_of_rules(tmp_path: Path, small: Any) -> None:
    (tmp_path / "own.toml").write_text('base = "ssd.pytorch"\n[loss]\nlocalization_weight = 0\n')
    found = multibox_loss(
        small.loc, small.conf, small.priors, small.gt(load_dialect("ssd.pytorch")), str(tmp_path / "own.toml")
    )
    assert found.localization == 0


@pytest.mark.parametrize(
    ("rules", "kind", "said"),
    [("ssd.pytorhc", UnknownNameError, "Did you mean 'ssd.pytorch'"), (3, InputError, "rules: holds a int")],
)
def test_what_are_no_rules(rules: Any, kind: type[Exception], said: str, small: Any) -> None:
    with pytest.raises(kind, match=said):
        LOSS(small.loc, small.conf, small.priors, small.gt(load_dialect("ssd.pytorch")), rules)


@pytest.mark.parametrize("name", ["ssd.pytorch", "torchvision", "tf-object-detection", "mmdetection"])
def test_units_are_converted_to_those_of_the_rules(name: str, small: Any) -> None:
    pixels = torch.tensor([64.0, 32.0, 64.0, 32.0])
    in_fractions = ssdlossdbg.pad_ground_truth(small.boxes, small.labels)
    in_pixels = ssdlossdbg.pad_ground_truth([boxes * pixels for boxes in small.boxes], small.labels)
    asked = (small.loc, small.conf)
    expected = multibox_loss(*asked, small.priors, small.gt(load_dialect(name)), name).total
    for total in (
        multibox_loss(*asked, small.priors, in_fractions, name, units="normalized").total,
        multibox_loss(*asked, small.priors, in_pixels, name, units="pixels").total,
        multibox_loss(*asked, small.priors.boxes * pixels, in_pixels, name, units="pixels", image_size=(64, 32)).total,
        multibox_loss(*asked, small.priors.boxes, in_fractions, name, units="normalized", image_size=(64, 32)).total,
    ):
        torch.testing.assert_close(total, expected, rtol=2e-5, atol=1e-6)


def test_objects_in_every_form(small: Any) -> None:
    for name, first in (("ssd.pytorch", 1), ("torchvision", 0)):
        dialect = load_dialect(name)
        expected = multibox_loss(small.loc, small.conf, small.priors, small.gt(dialect), name)
        unit = torch.tensor([64.0, 32.0, 64.0, 32.0]) if name == "torchvision" else torch.ones(4)
        boxes = [each * unit for each in small.boxes]
        rows = [torch.cat((b, ids[:, None] - first), 1) for b, ids in zip(boxes, small.labels, strict=True)]
        mappings = [{"boxes": b, "labels": ids} for b, ids in zip(boxes, small.labels, strict=True)]
        for objects in (rows, tuple(rows), mappings):
            found = LOSS(small.loc, small.conf, small.priors, objects, name)
            assert torch.equal(found.total, expected.total)
            assert torch.equal(found.matching.labels, expected.matching.labels)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype: torch.dtype, small: Any) -> None:
    gt = small.gt(load_dialect("ssd.pytorch"))
    half = replace(gt, boxes=gt.boxes.to(dtype))
    priors = small.priors.boxes.to(dtype)
    found = multibox_loss(small.loc.to(dtype), small.conf.to(dtype), priors, half)
    wide = replace(gt, boxes=half.boxes.float())
    expected = multibox_loss(small.loc.to(dtype).float(), small.conf.to(dtype).float(), priors.float(), wide)
    assert found.total.dtype is torch.float32
    assert torch.equal(found.total, expected.total)


def changed(gt: GroundTruthBatch, **parts: Any) -> GroundTruthBatch:
    """The batch with other tensors."""
    return replace(gt, **parts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a | {"loc": a["loc"][0]}, r"predictions: found loc \[38, 4\] and conf \[3, 38, 4\]\. Expected"),
        (lambda a: a | {"loc": a["loc"][..., :3]}, r"predictions: found loc \[3, 38, 3\]"),
        (lambda a: a | {"conf": a["conf"][..., :1]}, "two classes, background being one"),
        (lambda a: a | {"conf": a["conf"].long()}, r"conf: is torch\.int64 of shape \[3, 38, 4\]"),
        (lambda a: a | {"loc": None}, "loc: is nothing"),
        (lambda a: a | {"priors": a["priors"].boxes[:-1]}, "has 37 priors, but the predictions are for 38"),
        (lambda a: a | {"priors": a["priors"].boxes[None]}, r"priors: is torch\.float32 of shape \[1, 38, 4\]"),
        (lambda a: a | {"priors": 3}, "priors: is a int"),
        (lambda a: a | {"priors": a["priors"].boxes * 300}, "priors: reach 275, so they are in pixels"),
        (lambda a: a | {"gt": changed(a["gt"], boxes=a["gt"].boxes * 300)}, "gt: reach 270, so they are in pixels"),
        (
            lambda a: a | {"gt": changed(a["gt"], labels=a["gt"].labels * 10)},
            "object 0: has class id 10, but conf has 4",
        ),
        (lambda a: a | {"gt": changed(a["gt"], labels=-a["gt"].labels)}, r"gt, image 0, object 0: has class id -1"),
        (
            lambda a: a | {"gt": changed(a["gt"], labels=a["gt"].labels[:, :1])},
            r"gt: has boxes \[3, 2, 4\], labels \[3, 1\]",
        ),
        (lambda a: a | {"gt": [torch.zeros(2, 4)] * 3}, r"gt, image 0: has the shape \[2, 4\]"),
        (lambda a: a | {"gt": [{"boxes": torch.zeros(2, 4)}] * 3}, "gt, image 0: is a dict"),
        (
            lambda a: a | {"gt": [{"boxes": torch.zeros(2, 4), "labels": torch.ones(3)}] * 3},
            r"boxes \[2, 4\] and labels \[3\]",
        ),
        (lambda a: a | {"gt": []}, "gt: is a list"),
        (lambda a: a | {"gt": [torch.zeros(0, 5)] * 2}, "gt: has 2 images, but the predictions have 3"),
        (lambda a: a | {"units": "percent"}, r"units: is 'percent'\. Say normalized or pixels"),
        (lambda a: a | {"units": "pixels", "priors": a["priors"].boxes}, "nothing says the input's size"),
        (
            lambda a: a | {"priors": a["priors"].boxes.index_fill(0, torch.tensor(5), math.nan)},
            r"priors\[5\]: is \(nan, nan, nan, nan\)",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(change: Callable[[dict[str, Any]], Any], said: str, small: Any) -> None:
    gt = small.gt(load_dialect("ssd.pytorch"))
    good = {"loc": small.loc, "conf": small.conf, "priors": small.priors, "gt": gt}
    assert LOSS(**good).total.isfinite()
    with pytest.raises(InputError, match=said):
        LOSS(**change(good))


def test_fractions_where_pixels_are_expected(small: Any) -> None:
    with pytest.raises(
        InputError, match=r"gt: reach no more than 0\.9, so they are fractions of the image, but pixels"
    ):
        LOSS(small.loc, small.conf, small.priors, small.gt(load_dialect("ssd.pytorch")), "torchvision")
    with pytest.raises(InputError, match=r"priors: reach no more than"):
        LOSS(small.loc, small.conf, small.priors.boxes, small.gt(load_dialect("torchvision")), "torchvision")


def test_objects_without_any_say_nothing_of_their_unit(small: Any) -> None:
    nothing = [torch.zeros(0, 5)] * 3
    assert LOSS(small.loc, small.conf, small.priors, nothing, "torchvision").localization == 0


def test_padding_is_not_looked_at(small: Any) -> None:
    gt = small.gt(load_dialect("ssd.pytorch"))
    labels, boxes = gt.labels.clone(), gt.boxes.clone()
    labels[~gt.mask], boxes[~gt.mask] = 99, 500.0
    found = multibox_loss(small.loc, small.conf, small.priors, replace(gt, labels=labels, boxes=boxes))
    assert torch.equal(found.total, multibox_loss(small.loc, small.conf, small.priors, gt).total)


def test_values_are_not_looked_at_where_the_caller_says_so(small: Any) -> None:
    gt = small.gt(load_dialect("ssd.pytorch"))
    far = replace(gt, boxes=gt.boxes * 300)
    assert LOSS(small.loc, small.conf, small.priors, far, validate=False).total > 0
    with pytest.raises(InputError, match="gt: reach"):
        LOSS(small.loc, small.conf, small.priors, far)
    with pytest.raises(InputError, match="Expected loc"):
        LOSS(small.loc[0], small.conf, small.priors, gt, validate=False)


def test_matching_by_name(small: Any) -> None:
    gt = small.gt(load_dialect("mmdetection"))
    found = match_priors(gt, small.priors, "mmdetection")
    pixels = small.priors.boxes * torch.tensor([64.0, 32.0, 64.0, 32.0])
    expected = matching.match(gt, pixels, load_dialect("mmdetection").match)
    assert torch.equal(found.labels, expected.labels)
    assert torch.equal(found.prior_iou, expected.prior_iou)
    own = small.gt(load_dialect("ssd.pytorch"))
    assert torch.equal(
        match_priors(own, small.priors, MatchSpec(threshold=0.3)).positive,
        matching.match(own, small.priors.boxes, MatchSpec(threshold=0.3)).positive,
    )
    with pytest.raises(InputError, match="gt: reach 57"):
        match_priors(gt, small.priors, "ssd.pytorch")


@pytest.mark.parametrize("name", dialect_names(of_one_step=True))
def test_encoding_and_decoding_are_inverse(name: str, small: Any) -> None:
    dialect = load_dialect(name)
    pixels = dialect.targets.units == "pixels"
    unit = torch.tensor([64.0, 32.0, 64.0, 32.0]) if pixels else torch.ones(4)
    boxes = codec.decode(small.loc / 8, small.priors.boxes, CodecSpec())
    offsets = encode(boxes, small.priors, name, units="normalized")
    assert torch.equal(offsets, codec.encode(boxes * unit, small.priors.boxes * unit, dialect.codec))
    if dialect.codec.y_by_width:  # which is what they are no inverses by
        boxes = codec.decode(offsets, small.priors.boxes, dialect.codec)
    torch.testing.assert_close(decode(offsets, small.priors, name), boxes * unit, rtol=1e-4, atol=1e-4)
    for call in (encode, decode):
        with pytest.raises(InputError, match=r"found \[3, 37, 4\] for 38 priors\. Expected \[\.\.\., 38, 4\]"):
            call(boxes[:, 1:], small.priors, name)


def test_detections_by_name(small: Any) -> None:
    for name in ("ssd.pytorch", "gluoncv"):
        dialect = load_dialect(name)
        unit = torch.tensor([64.0, 32.0, 64.0, 32.0]) if dialect.targets.units == "pixels" else torch.ones(4)
        found = detect_boxes(small.loc, small.conf, small.priors, name)
        boxes, size = small.priors.boxes * unit, (float(unit[0]), float(unit[1]))
        expected = detect.detect(small.loc, small.conf, boxes, size, dialect.codec, dialect.detect, (36, 2))
        assert len(found.score) > 5
        assert torch.equal(found.boxes, expected.boxes)
        assert torch.equal(found.score, expected.score)
    with pytest.raises(InputError, match="say nothing of the input's size"):
        detect_boxes(small.loc, small.conf, small.priors.boxes * 64, TargetSpec(units="pixels"))  # type: ignore[arg-type]
    assert len(detect_boxes(small.loc, small.conf, small.priors, DetectSpec(score_threshold=1)).score) == 0


def test_priors_by_name_and_of_a_square() -> None:
    assert torch.equal(generate_priors("ssd300").boxes, ssdlossdbg.load_priors("ssd300").priors.boxes)
    size: Any = 320
    assert Priors(torch.rand(3, 4), size).image_size == (320, 320)
    with pytest.raises(UnknownNameError, match="Did you mean"):
        generate_priors("ssd3000")


def test_named_priors_and_presets_are_priors() -> None:
    loc, conf = torch.zeros(1, 8732, 4), torch.zeros(1, 8732, 3)
    objects = [torch.tensor([[0.1, 0.1, 0.6, 0.6, 1.0]])]
    named = ssdlossdbg.load_priors("ssd300")
    totals = [float(LOSS(loc, conf, priors, objects).total) for priors in ("ssd300", named, named.priors)]
    assert totals[0] == totals[1] == totals[2] > 0
