"""The account of a batch's loss: it agrees with the loss, and every split of it adds up."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.loss import analyse_loss
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.gradients import confidence_gradient, localization_gradient
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import GroupLoss, LossResult, Parts
from ssdlossdbg.rules import LevelSpec, PriorSpec, Units

SAMPLES = Path(__file__).parents[2] / "sample_data"
RULES = load_dialect("ssd.pytorch")
GRID = PriorSpec(
    (160, 80),
    (
        LevelSpec((8, 4), (20.0, 20.0), ((24.0, 24.0), (34.0, 17.0))),
        LevelSpec((4, 2), (40.0, 40.0), ((48.0, 48.0), (68.0, 34.0), (34.0, 68.0))),
        LevelSpec((1, 1), (160.0, 80.0), ((120.0, 60.0),)),
    ),
)
PRIORS = 64 + 24 + 1
NAMED = NamedPriors(name="small", codebase="", priors=generate_priors(GRID, torch.float64))
CLASSES = 5
WEIGHED = replace(RULES, loss=replace(RULES.loss, localization_weight=2.5))


def batch(seed: int, *counts: int, dtype: torch.dtype = torch.float64) -> tuple[Predictions, Targets]:
    """Predictions and normalised targets of images with so many objects each."""
    generator = torch.Generator().manual_seed(seed)
    boxes, labels = [], []
    for count in counts:
        size = 0.15 + 0.35 * torch.rand((count, 2), generator=generator, dtype=torch.float64)
        low = torch.rand((count, 2), generator=generator, dtype=torch.float64) * (1 - size)
        boxes.append(torch.cat((low, low + size), dim=1).to(dtype))
        labels.append(torch.randint(1, CLASSES, (count,), generator=generator))
    loc = torch.randn((len(counts), PRIORS, 4), generator=generator, dtype=torch.float64)
    conf = 2 * torch.randn((len(counts), PRIORS, CLASSES), generator=generator, dtype=torch.float64)
    predictions = Predictions(loc=loc.to(dtype), conf=conf.to(dtype), priors=None, layout="x", dtype="float64")
    targets = Targets(boxes=tuple(boxes), labels=tuple(labels), units=Units.NORMALIZED, label_offset=0, layout="y")
    return predictions, targets


def analyse(predictions: Predictions, targets: Targets, **options: Any) -> LossResult:
    """The account on the CPU, with the small grid and ssd.pytorch's rules unless said otherwise."""
    settings: dict[str, Any] = {
        "named": NAMED,
        "dialect": RULES,
        "device": "cpu",
        "image_paths": (),
        "paths": ("", ""),
        **options,
    }
    batch = Batch(
        settings["named"],
        settings["device"],
        predictions=predictions,
        targets=targets,
        classes=settings.get("classes", ()),
        paths=settings["paths"],
        photos=settings["image_paths"],
    )
    return analyse_loss(Scene(batch, settings["dialect"]))


def compute(predictions: Predictions, targets: Targets, rules: Any = RULES) -> LossTerms:
    """The loss of the same batch."""
    return multibox_loss(
        loc=predictions.loc,
        conf=predictions.conf,
        priors=NAMED.priors.boxes,
        gt=pad_ground_truth(targets.boxes, targets.labels),
        match_spec=rules.match,
        codec_spec=rules.codec,
        mining_spec=rules.mining,
        loss_spec=rules.loss,
    )


BATCHES = [(0, (3,)), (1, (2, 0, 5)), (2, (1, 1, 1, 1)), (3, (0, 6)), (4, (4, 2))]


@pytest.fixture(params=BATCHES, ids=[str(counts) for _, counts in BATCHES])
def inputs(request: pytest.FixtureRequest) -> tuple[Predictions, Targets]:
    """One of several ragged batches."""
    seed, counts = request.param
    return batch(seed, *counts)


def added(parts: list[Parts]) -> tuple[float, float, float]:
    """The sum of several parts."""
    return (
        math.fsum(part.localization for part in parts),
        math.fsum(part.confidence_positive for part in parts),
        math.fsum(part.confidence_negative for part in parts),
    )


def assert_adds_up(result: LossResult, *, rel: float = 1e-9) -> None:
    """Every split of the loss comes to the loss."""
    whole = (result.loss.localization, result.loss.confidence_positive, result.loss.confidence_negative)
    for split in (result.images, result.levels, result.classes):
        assert added([item.parts for item in split]) == pytest.approx(whole, rel=rel)
    assert result.coordinates is not None
    assert math.fsum(result.coordinates) == pytest.approx(whole[0], rel=rel)
    assert math.fsum(item.localization for item in result.ground_truth) == pytest.approx(whole[0], rel=rel)
    assert math.fsum(item.confidence for item in result.ground_truth) == pytest.approx(whole[1], rel=rel)
    assert math.fsum(item.loss for item in result.negatives) == pytest.approx(whole[2], rel=rel)
    everything = [item.total for item in result.ground_truth] + [item.loss for item in result.negatives]
    assert math.fsum(everything) == pytest.approx(result.loss.total, rel=rel)
    weight, sums = result.localization_weight, result.loss_sum
    unweighed = (sums.localization * weight, sums.confidence_positive, sums.confidence_negative)
    assert [value / result.normalizer for value in unweighed] == pytest.approx(whole, rel=max(rel, 1e-6))
    for groups in (result.levels, result.classes):
        for name in ("gradient_localization", "gradient_confidence"):
            norms = [getattr(group, name) for group in groups]
            assert math.sqrt(math.fsum(v * v for v in norms)) == pytest.approx(getattr(result, name), rel=rel)


def assert_counts_add_up(result: LossResult) -> None:
    """So do the numbers of positives and negatives."""
    assert sum(item.positives for item in result.ground_truth) == result.normalizer
    assert sum(item.forced for item in result.ground_truth) == sum(item.forced for item in result.images)
    for split in (result.images, result.levels, result.classes):
        assert sum(item.positives for item in split) == result.normalizer
        assert sum(item.negatives for item in split) == len(result.negatives)
    assert sum(item.ground_truth or 0 for item in result.images) == len(result.ground_truth)


def test_every_split_adds_up(inputs: tuple[Predictions, Targets]) -> None:
    result = analyse(*inputs, dialect=WEIGHED)
    assert min(result.loss.localization, result.loss.confidence_positive, result.loss.confidence_negative) > 0
    assert_adds_up(result)
    assert_counts_add_up(result)


def test_the_account_is_that_of_the_loss(inputs: tuple[Predictions, Targets]) -> None:
    result, loss = analyse(*inputs, dialect=WEIGHED), compute(*inputs, WEIGHED)
    assert result.loss.localization == pytest.approx(float(loss.localization), rel=1e-12)
    assert result.loss.confidence == pytest.approx(float(loss.confidence), rel=1e-12)
    assert result.loss.total == pytest.approx(float(loss.total), rel=1e-12)
    assert result.normalizer == float(loss.normalizer)
    positive = loss.matching.positive
    assert result.loss.confidence_positive == pytest.approx(
        float(loss.confidence_terms[positive].sum() / positive.sum()), rel=1e-12
    )
    for image in result.images:
        own = positive[image.index]
        assert image.positives == int(own.sum())
        assert image.negatives == int(loss.mining.mined[image.index].sum())
        assert image.wanted == float(loss.mining.wanted[image.index])
        terms = loss.confidence_terms[image.index]
        assert image.parts.confidence == pytest.approx(float(terms.sum() * loss.confidence_scale[0]), rel=1e-12)


def group_sum(values: Tensor, group: Tensor, index: int) -> float:
    """Sum of one group's values."""
    return float(values[group == index].sum())


@pytest.mark.parametrize("split", ["levels", "classes"])
def test_groups_hold_their_own_priors(split: str, inputs: tuple[Predictions, Targets]) -> None:
    result, loss = analyse(*inputs, dialect=WEIGHED), compute(*inputs, WEIGHED)
    level = torch.tensor([0] * 64 + [1] * 24 + [2]).expand_as(loss.matching.labels)
    group = level if split == "levels" else loss.matching.labels
    groups: tuple[GroupLoss, ...] = getattr(result, split)
    number, positive = float(loss.normalizer), loss.matching.positive
    by_loc = localization_gradient(loc=inputs[0].loc, result=loss, spec=WEIGHED.loss).dense.square().sum(-1)
    images, priors = loss.selected.nonzero(as_tuple=True)
    rows = (
        confidence_gradient(conf=inputs[0].conf, result=loss, spec=WEIGHED.loss, images=images, priors=priors)
        .square()
        .sum(-1)
    )
    by_conf = torch.zeros_like(by_loc).index_put_((images, priors), rows)
    assert len(groups) == (3 if split == "levels" else CLASSES)
    for index, item in enumerate(groups):
        localization = group_sum(loss.localization_terms.sum(-1), group, index) * 2.5 / number
        assert item.parts.localization == pytest.approx(localization, rel=1e-12, abs=1e-15)
        confidence = group_sum(loss.confidence_terms * positive, group, index) / number
        assert item.parts.confidence_positive == pytest.approx(confidence, rel=1e-12, abs=1e-15)
        negative = group_sum(loss.confidence_terms * ~positive, group, index) / number
        assert item.parts.confidence_negative == pytest.approx(negative, rel=1e-12, abs=1e-15)
        assert item.positives == int((positive & (group == index)).sum())
        assert item.negatives == int((loss.mining.mined & (group == index)).sum())
        assert item.gradient_localization == pytest.approx(group_sum(by_loc, group, index) ** 0.5, rel=1e-12)
        assert item.gradient_confidence == pytest.approx(group_sum(by_conf, group, index) ** 0.5, rel=1e-12)


def test_names_of_levels_and_classes() -> None:
    result = analyse(*batch(0, 3), classes=("cat", "dog"))
    assert [item.feature_map for item in result.levels] == [(8, 4), (4, 2), (1, 1)]
    assert [item.label for item in result.classes] == ["background", "cat", "dog", "class 3", "class 4"]
    assert {item.label for item in result.ground_truth} <= {"cat", "dog", "class 3", "class 4"}
    assert all(item.label == result.classes[item.class_id].label for item in result.ground_truth)


def test_coordinates_are_columns() -> None:
    predictions, targets = batch(1, 2, 3)
    terms = compute(predictions, targets).localization_terms.sum((0, 1))
    result = analyse(predictions, targets)
    assert result.coordinates == pytest.approx((terms / result.normalizer).tolist(), rel=1e-12)


def test_ground_truth_costs_what_its_positives_cost(inputs: tuple[Predictions, Targets]) -> None:
    result, loss = analyse(*inputs), compute(*inputs)
    totals = [item.total for item in result.ground_truth]
    assert totals == sorted(totals, reverse=True)
    assert len({(item.image, item.index) for item in result.ground_truth}) == len(totals)
    for item in result.ground_truth:
        own = loss.matching.positive[item.image] & (loss.matching.gt_index[item.image] == item.index)
        assert item.positives == int(own.sum())
        localization = float(loss.localization_terms[item.image, own].sum()) / result.normalizer
        assert item.localization == pytest.approx(localization, rel=1e-12)
        confidence = float(loss.confidence_terms[item.image, own].sum()) / result.normalizer
        assert item.confidence == pytest.approx(confidence, rel=1e-12)
        assert item.class_id == int(inputs[1].labels[item.image][item.index])
        box = inputs[1].boxes[item.image][item.index].tolist()
        assert item.box == pytest.approx([v * s for v, s in zip(box, (160, 80, 160, 80), strict=True)], rel=1e-12)


def test_mined_negatives(inputs: tuple[Predictions, Targets]) -> None:
    result, loss = analyse(*inputs), compute(*inputs)
    costs = [item.loss for item in result.negatives]
    assert costs == sorted(costs, reverse=True)
    where = {(item.image, item.prior) for item in result.negatives}
    assert sorted(where) == [tuple(row) for row in loss.mining.mined.nonzero().tolist()]
    corners = cxcywh_to_xyxy(NAMED.priors.boxes)
    for item in result.negatives:
        probabilities = inputs[0].conf[item.image, item.prior].softmax(-1)
        assert item.loss == pytest.approx(-math.log(probabilities[0]) / result.normalizer, rel=1e-9)
        assert item.predicted_class == int(probabilities.argmax())
        assert item.probability == pytest.approx(float(probabilities.max()), rel=1e-12)
        assert item.rank == int(loss.mining.rank[item.image, item.prior]) + 1
        overlaps = iou(inputs[1].boxes[item.image], corners[item.prior])
        assert item.best_iou == pytest.approx(float(overlaps.max()), rel=1e-12)
        assert item.ground_truth == (int(overlaps.argmax()) if overlaps.any() else None)
        assert item.level == (0 if item.prior < 64 else 1 if item.prior < 88 else 2)
        assert item.box == pytest.approx((corners[item.prior] * torch.tensor([160, 80, 160, 80])).tolist(), abs=1e-9)


def test_cutoff_is_between_the_last_mined_and_the_first_not_mined(inputs: tuple[Predictions, Targets]) -> None:
    result, loss = analyse(*inputs), compute(*inputs)
    for image in result.images:
        mined, positive = loss.mining.mined[image.index], loss.matching.positive[image.index]
        score = loss.mining.score[image.index]
        assert (image.last_mined is None) is (not mined.any())
        if image.last_mined is not None:
            assert image.last_mined.score == float(score[mined].min()) == float(score[image.last_mined.prior])
            assert mined[image.last_mined.prior]
        assert (image.first_not_mined is None) is bool((mined | positive).all())
        if image.first_not_mined is not None:
            skipped = score[~mined & ~positive]
            assert image.first_not_mined.score == float(skipped.max()) == float(score[image.first_not_mined.prior])
        assert not image.tied


def test_equal_scores_at_the_cutoff_are_a_tie() -> None:
    predictions, targets = batch(0, 1)
    flat = replace(predictions, conf=torch.zeros_like(predictions.conf))
    image = analyse(flat, targets).images[0]
    assert image.tied
    assert image.last_mined is not None
    assert image.first_not_mined is not None
    assert image.last_mined.prior < image.first_not_mined.prior


def test_scenes_hold_what_the_pictures_show(inputs: tuple[Predictions, Targets]) -> None:
    result, loss = analyse(*inputs), compute(*inputs)
    decoded = decode(offsets=inputs[0].loc, priors=NAMED.priors.boxes, spec=RULES.codec)
    corners = cxcywh_to_xyxy(NAMED.priors.boxes)
    assert len(result.scenes) == len(inputs[0].loc)
    for image, scene in enumerate(result.scenes):
        positive, mined = loss.matching.positive[image], loss.mining.mined[image]
        np.testing.assert_array_equal(scene.objects, inputs[1].boxes[image].numpy())
        np.testing.assert_allclose(scene.decoded, decoded[image, positive].numpy())
        np.testing.assert_array_equal(scene.owner, loss.matching.gt_index[image, positive].numpy())
        np.testing.assert_array_equal(scene.mined, corners[mined].numpy())
        parts = result.images[image].parts
        assert float(scene.mined_loss.sum()) == pytest.approx(parts.confidence_negative, rel=1e-9)


def test_targets_in_pixels_are_those_in_fractions() -> None:
    predictions, targets = batch(1, 2, 0, 3)
    scale = torch.tensor([160.0, 80.0, 160.0, 80.0], dtype=torch.float64)
    pixels = replace(targets, boxes=tuple(boxes * scale for boxes in targets.boxes), units=Units.PIXELS)
    expected, found = analyse(predictions, targets), analyse(predictions, pixels)
    assert found.loss.total == pytest.approx(expected.loss.total, rel=1e-9)
    for one, other in zip(found.ground_truth, expected.ground_truth, strict=True):
        assert one.box == pytest.approx(other.box, rel=1e-9)


def test_image_without_objects_is_said_to_raise() -> None:
    assert analyse(*batch(0, 3, 1)).raises is None
    raises = analyse(*batch(0, 3, 0, 2, 0)).raises
    assert raises is not None
    assert "IndexError in match" in raises
    assert raises.endswith("(image 1, 3)")


def test_no_positive_makes_every_share_of_a_prior_nan() -> None:
    result = analyse(*batch(0, 0, 0))
    assert result.normalizer == 0
    # Every prior is background, so the other classes are sums over nothing.
    assert {item.parts for item in result.classes[1:]} == {Parts(0.0, 0.0, 0.0)}
    shares = [result.loss, result.classes[0].parts]
    shares += [item.parts for item in result.images] + [item.parts for item in result.levels]
    values = [v for part in shares for v in (part.localization, part.confidence_positive, part.confidence_negative)]
    assert result.coordinates is not None
    assert all(math.isnan(value) for value in (*values, *result.coordinates, result.loss.total))
    assert result.loss_sum == Parts(0.0, 0.0, 0.0)
    assert (result.ground_truth, result.negatives) == ((), ())
    assert (result.gradient_localization, result.gradient_confidence) == (0.0, 0.0)
    assert [(image.last_mined, image.negatives) for image in result.images] == [(None, 0)] * 2
    assert [finding.term for finding in result.non_finite] == ["normalizer"]


def test_what_costs_nothing_is_counted() -> None:
    """A network that is right about all, to the last bit, has positives and mined negatives as any other has."""
    predictions, targets = batch(5, 3, 2)
    inputs = predictions.loc, predictions.conf, NAMED.priors.boxes, pad_ground_truth(targets.boxes, targets.labels)
    loss = multibox_loss(*inputs, RULES.match, RULES.codec, RULES.mining, RULES.loss)
    sure = 1e4 * torch.nn.functional.one_hot(loss.matching.labels, CLASSES).double()
    right = replace(predictions, loc=loss.targets, conf=sure)
    result = analyse(right, targets)
    assert result.loss == Parts(0.0, 0.0, 0.0)
    positives = loss.matching.positive.sum(1).tolist()
    assert [image.positives for image in result.images] == positives
    assert [image.negatives for image in result.images] == [3 * each for each in positives]
    assert sum(level.positives for level in result.levels) == sum(positives)
    assert {mean for level in result.levels for mean in vars(level.means).values()} == {0.0, None}


def test_an_object_that_costs_nan_or_infinity_comes_first() -> None:
    predictions, targets = batch(4, 4, 2)
    broken = tuple(boxes.clone() for boxes in targets.boxes)
    broken[1][0, 2] = broken[1][0, 0]
    result = analyse(predictions, replace(targets, boxes=broken))
    assert (result.ground_truth[0].image, result.ground_truth[0].index) == (1, 0)
    assert result.ground_truth[0].localization == math.inf
    assert result.ground_truth[0].problem == "zero width"
    assert result.loss.localization == result.levels[0].parts.localization == math.inf
    assert math.isfinite(result.images[0].parts.total)
    broken[1][0] = broken[1][0, [2, 3, 0, 1]] - torch.tensor([0.0, 0.0, 0.1, 0.1])
    result = analyse(predictions, replace(targets, boxes=broken))
    assert (result.ground_truth[0].image, result.ground_truth[0].index) == (1, 0)
    assert math.isnan(result.ground_truth[0].localization)
    assert math.isnan(result.loss.total)


def test_paths_are_handed_on() -> None:
    predictions, targets = batch(0, 1, 1)
    result = analyse(predictions, targets, paths=("p.pt", "t.pt"), image_paths=["a.jpg"])
    assert (result.predictions_path, result.targets_path) == ("p.pt", "t.pt")
    assert [image.path for image in result.images] == ["a.jpg", None]
    assert (result.predictions_layout, result.targets_layout, result.dtype) == ("x", "y", "float64")
    assert (result.classes_count, result.config.priors, result.dialect) == (CLASSES, PRIORS, "ssd.pytorch")


def test_the_saved_sample_batch() -> None:
    """What the real network's own MultiBoxLoss returned for it: sample_data/README.md."""
    result = api.loss(SAMPLES / "preds.pt", SAMPLES / "targets.pt", device="cpu")
    assert result.loss.localization == pytest.approx(0.249255627, rel=1e-6)
    assert result.loss.confidence == pytest.approx(1.4152149, rel=1e-6)
    assert [image.positives for image in result.images] == [7, 15, 143]
    assert (result.normalizer, result.dtype, result.config.name) == (165, "float32", "ssd300-coco")
    assert result.raises is None
    assert result.non_finite == ()
    assert_adds_up(result)
    assert_counts_add_up(result)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_and_named(dtype: torch.dtype, tmp_path: Path) -> None:
    """The figures are those of the same values in float32, not of half-precision arithmetic."""
    predictions, targets = batch(1, 2, 3, dtype=torch.float32)
    loc, conf, priors = predictions.loc.to(dtype), predictions.conf.to(dtype), NAMED.priors.boxes.float()
    rows = [torch.cat((b, n[:, None] - 1.0), dim=1) for b, n in zip(targets.boxes, targets.labels, strict=True)]
    torch.save((loc, conf, priors), tmp_path / "half.pt")
    torch.save((loc.float(), conf.float(), priors), tmp_path / "wide.pt")
    torch.save(rows, tmp_path / "targets.pt")
    half = api.loss(
        tmp_path / "half.pt", tmp_path / "targets.pt", device="cpu", layout=SavedLayout(image_size=(160, 80))
    )
    wide = api.loss(
        tmp_path / "wide.pt", tmp_path / "targets.pt", device="cpu", layout=SavedLayout(image_size=(160, 80))
    )
    assert (half.dtype, wide.dtype) == (str(dtype).removeprefix("torch."), "float32")
    assert half.loss == wide.loss
    assert half.loss.total == pytest.approx(analyse(predictions, targets).loss.total, rel=0.02)
    assert [(item.image, item.prior) for item in half.negatives] == [
        (item.image, item.prior) for item in wide.negatives
    ]
    assert_adds_up(half)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_account_on_a_gpu(inputs: tuple[Predictions, Targets]) -> None:
    expected, found = analyse(*inputs), analyse(*inputs, device="cuda")
    assert found.loss.total == pytest.approx(expected.loss.total, rel=1e-5)
    assert_adds_up(found)
    assert_counts_add_up(found)
    for split in ("images", "levels", "classes"):
        for one, other in zip(getattr(found, split), getattr(expected, split), strict=True):
            assert (one.positives, one.negatives) == (other.positives, other.negatives)
            assert one.parts.total == pytest.approx(other.parts.total, rel=1e-5)
    assert {(item.image, item.prior, item.rank) for item in found.negatives} == {
        (item.image, item.prior, item.rank) for item in expected.negatives
    }
