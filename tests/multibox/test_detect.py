"""Detections against a plain loop of ssd.pytorch's Detect, against what real codebases kept, and rule by rule."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox import detect as detecting
from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.detect import Detections, Stage, clip_to, decode_clamped, detect, detect_boxes, highest
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import (
    BoxClip,
    CandidateScope,
    CodecSpec,
    DetectSpec,
    IouRule,
    Scores,
    SmallBoxes,
)

ROOT = Path(__file__).parents[2]
SAMPLE, DATA = ROOT / "sample_data", ROOT / "tests/data/detect_sample.json"
GOLDEN = ROOT.parent / "shared/golden/real"
CODEC = CodecSpec()
Parts = tuple[Tensor, Tensor, Tensor]
Row = tuple[float, float, float, float, float]
EVERYTHING = DetectSpec(score_threshold=0.0, candidates=0, nms_iou=1.0)


def saved(path: Path) -> Parts:
    """(loc, conf, priors)."""
    loc, conf, priors = torch.load(path, weights_only=True)
    return loc, conf, priors


def overlap(a: list[float], b: list[float], epsilon: float) -> float:
    """In Python floats."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height + epsilon)


def by_loop(loc: Tensor, conf: Tensor, priors: Tensor, epsilon: float, top: int = 200) -> list[dict[int, list[Row]]]:
    """What ssd.pytorch's Detect(C, 0, 200, 0.01, 0.45) does, a box at a time; the scores of each class fall."""
    images = []
    for offsets, logits in zip(loc, conf, strict=True):
        centre = priors[:, :2] + offsets[:, :2] * 0.1 * priors[:, 2:]
        size = priors[:, 2:] * torch.exp(offsets[:, 2:] * 0.2)
        low = centre - size / 2
        boxes = torch.cat((low, low + size), dim=1).tolist()
        columns = logits.softmax(-1).T.tolist()
        classes: dict[int, list[Row]] = {}
        for class_id, scores in enumerate(columns[1:], start=1):
            able = [index for index, score in enumerate(scores) if score > 0.01]
            left = sorted(able, key=lambda index: -scores[index])[:top]
            kept = []
            while left:
                best, *left = left
                kept.append((scores[best], *boxes[best]))
                left = [index for index in left if overlap(boxes[best], boxes[index], epsilon) <= 0.45]
            classes[class_id] = kept
        images.append(classes)
    return images


def of(found: Detections, image: int, class_id: int) -> list[Row]:
    """The detections of a class of an image as (score, x1, y1, x2, y2)."""
    chosen = (found.image == image) & (found.class_id == class_id)
    rows = torch.cat((found.score[chosen, None], found.boxes[chosen]), dim=1).tolist()
    return [tuple(row) for row in rows]


def check_figures(found: Detections, figures: list[dict[str, Any]]) -> None:
    """Hold detections against counts, sums and the best three of each class of each image."""
    for image, classes in enumerate(figures):
        for class_id, expected in classes.items():
            rows = of(found, image, int(class_id))
            assert len(rows) == expected["count"]
            # Rounded to so many digits in the file; a float32 rounding in each of a few hundred terms besides.
            assert sum(row[0] for row in rows) == pytest.approx(expected["score_sum"], abs=1e-4)
            assert sum(sum(row[1:]) for row in rows) == pytest.approx(expected["box_sum"], abs=3e-4)
            for row, top in zip(rows, expected["top3"], strict=False):
                assert row == pytest.approx(top, abs=2e-6)
    total = sum(expected["count"] for classes in figures for expected in classes.values())
    assert len(found.image) == total


@pytest.mark.parametrize("name", ["ssd.pytorch", "pytorch-ssd"])
def test_the_sample_batch_against_a_loop(name: str) -> None:
    loc, conf, priors = saved(SAMPLE / "preds.pt")
    dialect = load_dialect(name)
    expected = by_loop(loc, conf, priors, dialect.detect.iou_epsilon)
    found = detect(loc, conf, priors, (1, 1), dialect.codec, dialect.detect)
    for image, classes in enumerate(expected):
        for class_id, rows in classes.items():
            mine = of(found, image, class_id)
            assert len(mine) == len(rows)
            assert torch.allclose(torch.tensor(mine), torch.tensor(rows), rtol=1e-5, atol=1e-6)
    figures = [
        {
            str(class_id): {
                "count": len(rows),
                "score_sum": round(sum(row[0] for row in rows), 5),
                "box_sum": round(sum(sum(row[1:]) for row in rows), 4),
                "top3": [[round(value, 6) for value in row] for row in rows[:3]],
            }
            for class_id, rows in classes.items()
        }
        for classes in expected
    ]
    stored = json.loads(DATA.read_text())[name]
    assert [{key: item["count"] for key, item in image.items()} for image in figures] == [
        {key: item["count"] for key, item in image.items()} for image in stored
    ]
    check_figures(found, stored)


def test_what_the_real_torchvision_keeps_of_the_sample_batch() -> None:
    loc, conf, priors = saved(SAMPLE / "preds.pt")
    dialect = load_dialect("torchvision")
    found = detect(loc, conf, priors * 300, (300, 300), dialect.codec, dialect.detect)
    check_figures(dataclasses.replace(found, boxes=found.boxes / 300), json.loads(DATA.read_text())["torchvision"])


@pytest.mark.parametrize("name", ["ssd.pytorch", "pytorch-ssd"])
def test_what_the_real_post_processing_keeps(name: str) -> None:
    if not (GOLDEN / "detect.json").exists():
        pytest.skip("no shared/golden/real/detect.json beside the repository")
    loc, conf, priors = saved(GOLDEN / "step000_preds.pt")
    dialect = load_dialect(name)
    found = detect(loc, conf, priors, (1, 1), dialect.codec, dialect.detect)
    check_figures(found, json.loads((GOLDEN / "detect.json").read_text())["step000"][name])


def test_the_real_ones_differ_by_one_box() -> None:
    if not (GOLDEN / "detect.json").exists():
        pytest.skip("no shared/golden/real/detect.json beside the repository")
    loc, conf, priors = saved(GOLDEN / "step000_preds.pt")
    counts = []
    for name in ("ssd.pytorch", "pytorch-ssd"):
        dialect = load_dialect(name)
        counts.append(len(detect(loc, conf, priors, (1, 1), dialect.codec, dialect.detect).image))
    assert counts == [1718, 1719]


# Rule by rule, on priors side by side that do not overlap.


def row_of_priors(count: int) -> Tensor:
    """`[count, 4]` cxcywh, touching each other."""
    centre = (torch.arange(count) + 0.5) / count
    return torch.stack(
        (centre, torch.full((count,), 0.5), torch.full((count,), 1 / count), torch.full((count,), 0.5)), dim=1
    )


def logits_of(scores: list[list[float]]) -> Tensor:
    """`[1, P, C]` logits whose softmax gives each prior these class scores, background the rest."""
    classes = torch.tensor(scores)
    return torch.cat((1 - classes.sum(1, keepdim=True), classes), dim=1).log()[None]


def run(scores: list[list[float]], spec: DetectSpec, levels: tuple[int, ...] = (), **more: Any) -> Detections:
    """Detect on a row of priors, predicted as they are."""
    conf = more["conf"] if "conf" in more else logits_of(scores)
    count = conf.shape[1]
    priors = more.get("priors", row_of_priors(count))
    return detect(more.get("loc", torch.zeros((1, count, 4))), conf, priors, (1, 1), CODEC, spec, levels)


def pairs(found: Detections) -> list[tuple[int, int]]:
    """(class, prior) in order."""
    return list(zip(found.class_id.tolist(), found.prior.tolist(), strict=True))


def test_all_classes_but_background_in_falling_order_of_scores() -> None:
    found = run([[0.2, 0.5], [0.6, 0.1], [0.3, 0.3]], EVERYTHING)
    assert pairs(found) == [(1, 1), (2, 0), (1, 2), (2, 2), (1, 0), (2, 1)]
    assert found.score.tolist() == pytest.approx([0.6, 0.5, 0.3, 0.3, 0.2, 0.1])
    assert torch.allclose(found.boxes, cxcywh_to_xyxy(row_of_priors(3))[found.prior])


def test_a_score_must_exceed_the_threshold() -> None:
    conf = torch.zeros((1, 3, 2))
    conf[0, 1, 1], conf[0, 2, 1] = 1e-3, -1e-3
    found = run([], dataclasses.replace(EVERYTHING, score_threshold=0.5), conf=conf)
    assert pairs(found) == [(1, 1)]


def test_no_candidates() -> None:
    spec = DetectSpec(score_threshold=1.0)
    found = run([[0.5, 0.2]] * 4, spec)
    assert found.boxes.shape == (0, 4)
    assert found.image.tolist() == []
    assert int(found.stage.max()) == Stage.PREDICTED


def test_equal_scores_go_to_the_lowest_prior() -> None:
    tied = [[0.5, 0.2]] * 40
    found = run(tied, dataclasses.replace(EVERYTHING, candidates=3))
    assert pairs(found) == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    kept = run(tied, dataclasses.replace(EVERYTHING, keep_per_image=4, keep_per_class=3))
    assert pairs(kept) == [(1, 0), (1, 1), (1, 2), (2, 0)]


SCORES = [[0.50, 0.40], [0.45, 0.30], [0.40, 0.01], [0.05, 0.35]]


@pytest.mark.parametrize(
    ("scope", "limit", "expected"),
    [
        (CandidateScope.CLASS, 1, [(1, 0), (2, 0)]),
        (CandidateScope.IMAGE, 3, [(1, 0), (1, 1), (1, 2)]),
        # Two levels of two priors: the best two pairs of each.
        (CandidateScope.LEVEL, 2, [(1, 0), (1, 1), (1, 2), (2, 3)]),
        (CandidateScope.LEVEL, 1, [(1, 0), (1, 2)]),
    ],
)
def test_whom_candidates_are_ranked_among(scope: CandidateScope, limit: int, expected: list[tuple[int, int]]) -> None:
    spec = dataclasses.replace(EVERYTHING, candidates=limit, candidates_of=scope)
    assert pairs(run(SCORES, spec, levels=(2, 2))) == expected


def test_what_is_kept() -> None:
    assert pairs(run(SCORES, dataclasses.replace(EVERYTHING, keep_per_class=1))) == [(1, 0), (2, 0)]
    assert pairs(run(SCORES, dataclasses.replace(EVERYTHING, keep_per_image=2))) == [(1, 0), (1, 1)]


def test_suppression_stays_within_a_class_and_an_image() -> None:
    same = torch.tensor([[0.5, 0.5, 0.4, 0.4]] * 3)
    conf = logits_of([[0.3, 0.5], [0.4, 0.4], [0.2, 0.1]]).repeat(2, 1, 1)
    spec = dataclasses.replace(EVERYTHING, nms_iou=0.45)
    found = detect(torch.zeros((2, 3, 4)), conf, same, (1, 1), CODEC, spec)
    assert pairs(found) == [(2, 0), (1, 1)] * 2
    assert found.image.tolist() == [0, 0, 1, 1]


def test_stages_say_how_far_each_pair_got() -> None:
    spec = DetectSpec(score_threshold=0.02, candidates=3, keep_per_image=2)
    priors = row_of_priors(5)
    priors[1] = priors[0]
    found = run([[0.9], [0.8], [0.7], [0.5], [0.01]], spec, priors=priors)
    detection, above = Stage.DETECTION, Stage.ABOVE_THRESHOLD
    assert found.stage.tolist() == [[[detection, Stage.CANDIDATE, detection, above, Stage.PREDICTED]]]
    fewer = run([[0.9], [0.8], [0.7], [0.5], [0.01]], dataclasses.replace(spec, keep_per_image=1), priors=priors)
    assert fewer.stage[0, 0, 2] == Stage.SURVIVOR


def test_sigmoid_scores_each_column_by_itself() -> None:
    conf = torch.tensor([[[9.0, 0.0, 2.0]]])
    found = run([], dataclasses.replace(EVERYTHING, scores=Scores.SIGMOID), conf=conf)
    assert pairs(found) == [(2, 0), (1, 0)]
    assert found.score.tolist() == pytest.approx([0.8807971, 0.5])


def test_clipping_before_suppression_changes_overlaps() -> None:
    """Two boxes that are the same inside the image, and far apart with what lies outside."""
    priors = torch.tensor([[0.0, 0.5, 0.4, 0.4], [-0.8, 0.5, 2.0, 0.4]])
    scores = [[0.9], [0.8]]
    clip = dataclasses.replace(EVERYTHING, nms_iou=0.45)
    never = run(scores, clip, priors=priors)
    assert never.boxes[1].tolist() == pytest.approx([-1.8, 0.3, 0.2, 0.7])
    output = run(scores, dataclasses.replace(clip, clip=BoxClip.OUTPUT), priors=priors)
    assert [row.tolist() for row in output.boxes] == [pytest.approx([0.0, 0.3, 0.2, 0.7])] * 2
    assert pairs(run(scores, dataclasses.replace(clip, clip=BoxClip.BEFORE_NMS), priors=priors)) == [(1, 0)]


def test_small_boxes_take_up_places_or_do_not() -> None:
    priors = torch.tensor([[0.2, 0.5, 0.02, 0.4], [0.5, 0.5, 0.1, 0.4], [0.8, 0.5, 0.1, 0.4]])
    spec = dataclasses.replace(EVERYTHING, candidates=2, minimum_size=0.03)
    drawn = {
        when: pairs(run([[0.9], [0.8], [0.7]], dataclasses.replace(spec, small_boxes=when), priors=priors))
        for when in SmallBoxes
    }
    assert drawn == {
        SmallBoxes.NEVER: [(1, 0), (1, 1)],
        SmallBoxes.BEFORE_RANKING: [(1, 1), (1, 2)],
        SmallBoxes.AFTER_RANKING: [(1, 1)],
    }


def test_scales_are_clamped_in_the_logarithm() -> None:
    loc = torch.tensor([[[0.0, 0.0, 50.0, -50.0], [0.0, 0.0, float("nan"), 1.0]]])
    priors = torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2)
    spec = DetectSpec(smallest_scale=-1.0, largest_scale=2.0)
    sizes = (lambda boxes: boxes[..., 2:] - boxes[..., :2])(decode_clamped(loc, priors, CODEC, spec))
    assert sizes[0, 0].tolist() == pytest.approx([7.389056, 0.3678794])
    assert sizes[0, 1].isnan().tolist() == [True, False]
    free = decode_clamped(loc, priors, CODEC, DetectSpec())
    assert float(free[0, 0, 2] - free[0, 0, 0]) == pytest.approx(22026.47, rel=1e-5)


def test_clipping_carries_nan() -> None:
    boxes = torch.tensor([[-1.0, 0.5, 400.0, float("nan")]])
    assert clip_to(boxes, (300, 200)).nan_to_num(-7.0).tolist() == [[0.0, 0.5, 300.0, -7.0]]


def test_values_that_are_not_finite_are_not_detected_or_carried() -> None:
    conf = logits_of([[0.5], [0.5], [0.5]])
    conf[0, 0, 1] = float("nan")
    loc = torch.zeros((1, 3, 4))
    loc[0, 1, 0] = float("inf")
    found = run([], dataclasses.replace(EVERYTHING, nms_iou=0.45), conf=conf, loc=loc)
    # ssd.pytorch keeps IoU <= threshold: the box at infinity comes first, and its overlap with the next is NaN.
    assert pairs(found) == [(1, 1)]
    assert found.boxes.isinf().any()


@pytest.mark.parametrize("limit", [0, 1, 3, 7, 40, 99])
def test_highest_is_a_stable_sort(limit: int) -> None:
    generator = torch.Generator().manual_seed(limit)
    scores = torch.randint(0, 6, (5, 40), generator=generator).float()
    eligible = torch.rand((5, 40), generator=generator) > 0.4
    ranked = scores.masked_fill(~eligible, -1.0).argsort(dim=1, descending=True, stable=True)
    places = torch.empty_like(ranked).scatter_(1, ranked, torch.arange(40).expand(5, 40))
    assert torch.equal(highest(scores, eligible, limit), eligible & (places < (limit or 40)))


def test_pixels_give_what_normalised_units_give() -> None:
    loc, conf, priors = saved(SAMPLE / "preds.pt")
    spec = load_dialect("torchvision").detect
    small = detect(loc, conf, priors, (1, 1), CODEC, spec)
    large = detect(loc, conf, priors * 512, (512, 512), CODEC, spec)
    assert pairs(small) == pairs(large)
    assert torch.allclose(small.boxes * 512, large.boxes, atol=1e-3)


def test_the_epsilon_of_pytorch_ssd_spares_tiny_boxes() -> None:
    priors = torch.tensor([[0.5, 0.5, 0.002, 0.002]] * 2)
    plain = DetectSpec(score_threshold=0.0)
    assert len(run([[0.9], [0.8]], plain, priors=priors).image) == 1
    spared = dataclasses.replace(plain, iou=IouRule.EPSILON_ADDED, iou_epsilon=1e-5)
    assert len(run([[0.9], [0.8]], spared, priors=priors).image) == 2


@pytest.mark.gpu
def test_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    loc, conf, priors = saved(SAMPLE / "preds.pt")
    spec = load_dialect("ssd.pytorch").detect
    here = detect(loc, conf, priors, (1, 1), CODEC, spec)
    there = detect(loc.cuda(), conf.cuda(), priors.cuda(), (1, 1), CODEC, spec)
    assert len(here.image) == len(there.image)
    assert torch.allclose(here.score.sum(), there.score.sum().cpu(), rtol=1e-5)


@pytest.mark.parametrize("name", ["ssd.pytorch", "gluoncv", "mmdetection", "ssd.tensorflow", "tf-object-detection"])
def test_how_many_images_are_looked_at_together_does_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it how coarsely the highest scores are sought, where many are equal or nan."""
    loc, conf, priors = saved(SAMPLE / "preds.pt")
    conf = (conf * 4).round() / 4
    conf[1, 40, 2], conf[2, 50:60] = torch.nan, torch.inf
    spec, codec = dataclasses.replace(load_dialect(name).detect, candidates=20), load_dialect(name).codec
    found = detect(loc, conf, priors * 300, (300, 300), codec, spec)
    assert len(found.image)
    monkeypatch.setattr(tiles, "TILE_ON_CPU", 10**9)
    monkeypatch.setattr(detecting, "GROUPS", 1000)
    together = detect(loc, conf, priors * 300, (300, 300), codec, spec)
    for each in dataclasses.fields(Detections):
        one, other = getattr(found, each.name), getattr(together, each.name)
        assert torch.equal(one.nan_to_num(-1), other.nan_to_num(-1)), each.name


def test_the_highest_of_a_class_against_a_ranking() -> None:
    """In falling order of scores, equal ones by prior, of those above the threshold alone."""
    generator = torch.Generator().manual_seed(3)
    conf = (torch.randn((2, 400, 4), generator=generator) * 3).round()
    low = torch.arange(400)[None, :, None] * 2.0
    boxes = torch.cat((low, low, low + 1, low + 1), dim=-1).expand(2, -1, -1)  # none overlaps another
    for candidates in (1, 7, 60, 99, 100, 101, 399, 400):
        spec = DetectSpec(score_threshold=0.1, candidates=candidates)
        found = detecting.detect_boxes(boxes, conf, (1, 1), spec)
        scores = conf.softmax(-1)
        for image, class_id in itertools.product(range(2), range(1, 4)):
            able = [prior for prior in range(400) if scores[image, prior, class_id] > 0.1]
            ranked = sorted(able, key=lambda prior: (-float(scores[image, prior, class_id]), prior))[:candidates]
            own = (found.image == image) & (found.class_id == class_id)
            assert found.prior[own].tolist() == ranked
            reached = found.reached[image, class_id - 1].tolist()
            assert reached == [400, len(able), len(ranked), len(ranked), len(ranked)]


@pytest.mark.parametrize("classes", [2, 6])
def test_of_one_class_a_prior_the_stage_is_that_of_all_classes(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image at a time, and all together."""
    generator = torch.Generator().manual_seed(classes)
    conf = 3 * torch.randn((3, 50, classes), generator=generator)
    boxes = torch.rand((3, 50, 2), generator=generator).repeat(1, 1, 2) + torch.tensor([0.0, 0.0, 0.5, 0.5])
    watched = torch.randint(1, classes, (3, 50), generator=generator)
    spec = DetectSpec(score_threshold=0.1, candidates=20, keep_per_image=9, nms_iou=0.5)
    for tile in (1, 2**20):
        monkeypatch.setattr(tiles, "TILE_ON_CPU", tile)
        every = detect_boxes(boxes, conf, (1, 1), spec)
        one = detect_boxes(boxes, conf, (1, 1), spec, watched=watched)
        assert one.stage.shape == (3, 1, 50)
        assert len(set(one.stage.flatten().tolist())) > 2
        assert torch.equal(one.stage, every.stage.gather(1, watched[:, None] - 1))
        for name in ("image", "class_id", "prior", "score", "boxes", "reached", "highest"):
            assert torch.equal(getattr(one, name), getattr(every, name))
