"""Findings about overflow and about losses that one part makes up: each fires on its own cause alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import Finding, LossResult, Objects, Severity

SAMPLES = Path(__file__).parents[2] / "sample_data"
NAN, INF = math.nan, math.inf
Analyse = Callable[..., LossResult]


@pytest.fixture
def parts() -> tuple[Tensor, Tensor, Tensor]:
    """The sample's (loc, conf, priors), to be changed at will."""
    loc, conf, priors = torch.load(SAMPLES / "preds.pt", weights_only=True)
    return loc, conf, priors


@pytest.fixture
def wanted() -> list[Tensor]:
    """The sample's targets, to be changed at will."""
    return list(torch.load(SAMPLES / "targets.pt", weights_only=True))


@pytest.fixture
def analyse(tmp_path: Path) -> Analyse:
    """The loss of a batch, by way of files."""

    def run(saved: Any, targets: list[Tensor], **options: Any) -> LossResult:
        torch.save(saved, tmp_path / "preds.pt")
        torch.save(targets, tmp_path / "targets.pt")
        return api.loss(tmp_path / "preds.pt", tmp_path / "targets.pt", device="cpu", **options)

    return run


def finding(result: LossResult, code: str) -> Finding:
    """That finding, which must be there."""
    return next(found for found in result.findings if found.code == code)


def own(result: LossResult) -> list[str]:
    """The codes of this family that were found."""
    return [found.code for found in result.findings if found.code.startswith("NUM")]


def errors(result: LossResult) -> list[str]:
    """The codes of all errors that were found."""
    return [found.code for found in result.findings if found.severity is Severity.ERROR]


@pytest.fixture(scope="module")
def positives() -> list[int]:
    """A positive of each image of the sample: the best prior of its first object."""
    result = api.loss(SAMPLES / "preds.pt", SAMPLES / "targets.pt", device="cpu")
    objects = next(part for part in result.evidence if isinstance(part, Objects))
    return [int(objects.best_prior[objects.image == image][0]) for image in range(3)]


def test_nan_offset_at_a_positive(
    parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse, positives: list[int]
) -> None:
    loc, conf, priors = parts
    prior = positives[1]
    loc[1, prior, 2:] = NAN
    result = analyse((loc, conf, priors), wanted)
    (case,) = finding(result, "NUM001").cases
    assert (case.where.image, case.where.prior, case.value) == (1, prior, "nan")
    assert "predicts w = nan, and 1 more like it" in case.message
    assert "the other 2 images of the batch are finite, so the weights are" in case.message
    assert math.isnan(result.loss.total)
    assert errors(result) == ["NUM001"]


def test_nan_offset_at_a_negative_is_said_to_do_no_harm(
    parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse
) -> None:
    loc, conf, priors = parts
    loc[0, 0, 0] = -INF
    result = analyse((loc, conf, priors), wanted)
    assert "at no positive" in finding(result, "NUM001").worst.message
    assert math.isfinite(result.loss.total)
    assert errors(result) == ["NUM001"]


@pytest.mark.parametrize(
    ("value", "dialect", "spoils"),
    [(INF, "ssd.pytorch", True), (NAN, "ssd.pytorch", True), (-INF, "ssd.pytorch", False), (INF, "caffe", False)],
)
def test_logit_that_is_not_finite(
    value: float, dialect: str, spoils: bool, parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse
) -> None:
    loc, conf, priors = parts
    conf[2, 100, 4] = value
    result = analyse((loc, conf, priors), wanted, dialect=dialect, layout=SavedLayout(label_offset=1))
    (case,) = finding(result, "NUM001").cases
    assert (case.where.image, case.where.prior) == (2, 100)
    assert f"the logit of class 4 is {value}" in case.message
    assert ("spoils the mining of every image" in case.message) is spoils
    assert errors(result) == ["NUM001"]


def test_bad_box_beside_it_is_not_said_to_be_innocent(
    parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse
) -> None:
    loc, conf, priors = parts
    loc[0, 0, 0] = NAN
    wanted[1][0, 2:4] = wanted[1][0, :2]
    result = analyse((loc, conf, priors), wanted)
    assert result.findings[0].code == "BOX001"
    assert "diverged" not in finding(result, "NUM001").worst.message


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            (NAN, "all"),
            ["all predictions of the batch are so", "by a bad box in its batch or by a model that diverged"],
        ),
        ((NAN, "dw"), ["only dw is so, no logit", "inverted (x2 < x1) in an earlier batch"]),
        ((NAN, "dh"), ["only dh is so, no logit", "inverted (y2 < y1) in an earlier batch"]),
        ((NAN, "dw dh"), ["only dw and dh are so, no logit", "inverted (x2 < x1 and y2 < y1)"]),
        ((NAN, "dx"), ["only dx is so", "by a bad box in its batch or by a model that diverged"]),
        ((NAN, "conf"), ["only logits are so, no offset", "no box does that"]),
        ((INF, "all"), ["growth until it overflows"]),
        ((INF, "dw"), ["growth until it overflows"]),
    ],
)
def test_the_pattern_tells_causes_apart(
    spoil: tuple[float, str], words: list[str], parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse
) -> None:
    (value, which), (loc, conf, priors) = spoil, parts
    for column, name in enumerate(("dx", "dy", "dw", "dh")):
        if which == "all" or name in which.split():
            loc[..., column] = value
    if which in ("all", "conf"):
        conf[:] = value
    result = analyse((loc, conf, priors), wanted)
    first, *_ = finding(result, "NUM001").cases
    assert all(each in first.message for each in words), first.message
    for case in finding(result, "NUM001").cases:
        assert "ssdlossdbg.capture(criterion" in case.fix
        assert "learning rate" not in case.fix
    assert errors(result)[0] == "NUM001"


def test_inf_in_half_precision_is_an_overflow(
    parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse
) -> None:
    loc, conf, priors = parts
    result = analyse((loc.half(), conf.half() * INF, priors), wanted)
    assert "beyond 65504" in finding(result, "NUM001").worst.message


def test_diverged_network_without_targets(tmp_path: Path, parts: tuple[Tensor, ...]) -> None:
    loc, conf, priors = parts
    conf[1] = NAN
    torch.save((loc, conf, priors), tmp_path / "preds.pt")
    (found,) = api.detect(tmp_path / "preds.pt", device="cpu").findings[:1]
    assert found.code == "NUM001"
    assert f"and {8732 * 7 - 1} more like it" in found.worst.message


@pytest.mark.parametrize(
    ("term", "value", "words"),
    [("loc", 101.0, "e^20.2 times"), ("loc", -3e5, "offset w is -3e+05"), ("conf", 1001.0, "logit of class 2")],
)
def test_predictions_that_are_far_too_large(
    term: str, value: float, words: str, parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse
) -> None:
    loc, conf, priors = parts
    (loc if term == "loc" else conf)[1, 3, 2] = value
    result = analyse((loc, conf, priors), wanted)
    (case,) = finding(result, "NUM002").cases
    assert (case.where.image, case.where.prior) == (1, 3)
    assert case.value == pytest.approx(value)
    assert words in case.message


@pytest.mark.parametrize(("term", "value"), [("loc", 99.0), ("conf", -999.0)])
def test_predictions_that_are_merely_large(
    term: str, value: float, parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse
) -> None:
    loc, conf, priors = parts
    (loc if term == "loc" else conf)[1, 3, 2] = value
    assert own(analyse((loc, conf, priors), wanted)) == []


def test_cross_entropy_that_overflows(parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse) -> None:
    loc, conf, priors = parts
    conf[1, 3, 1], conf[1, 3, 0] = 3e38, -3e38
    result = analyse((loc, conf, priors), wanted)
    (case,) = finding(result, "NUM003").cases
    assert (case.where.image, case.where.prior) == (1, 3)
    assert "cross-entropy is inf" in case.message
    assert "NUM003" in errors(result)


def test_localisation_that_overflows(
    parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse, positives: list[int]
) -> None:
    loc, conf, priors = parts
    prior = positives[1]
    loc[1, prior] = 3.4e38
    result = analyse((loc, conf, priors), wanted)
    assert finding(result, "NUM003").worst.bound == pytest.approx(3.4e38, rel=0.01)
    assert "their sum of 1.36e+39" in finding(result, "NUM003").worst.message
    assert errors(result) == ["NUM003"]


def test_box_without_size_is_no_overflow(parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse) -> None:
    wanted[1][0, 2:4] = wanted[1][0, :2]
    result = analyse(parts, wanted)
    assert math.isinf(result.loss.total)
    assert own(result) == []


def test_sum_beyond_float16(parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse) -> None:
    loc, conf, priors = parts
    loc += 99
    half = analyse((loc.half(), conf.half(), priors), wanted)
    assert "NUM004" not in own(half), "165 positives, 4 coordinates, 99 each"
    targets, copies = wanted * 2, (loc.repeat(2, 1, 1), conf.repeat(2, 1, 1), priors)
    result = analyse((copies[0].half(), copies[1].half(), priors), targets)
    (case,) = finding(result, "NUM004").cases
    assert case.value == pytest.approx(2 * 165 * 4 * 98.5, rel=0.05)
    assert "NUM004" not in own(analyse(copies, targets)), "float32 has room enough"
    assert errors(result) == []


@pytest.fixture
def four(parts: tuple[Tensor, ...], wanted: list[Tensor]) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """A batch of four images: cat, coffee, coins, coffee."""
    loc, conf, priors = parts
    images = [0, 1, 2, 1]
    return loc[images].clone(), conf[images].clone(), priors, [wanted[image].clone() for image in images]


def test_image_that_makes_up_the_loss(four: tuple[Any, ...], analyse: Analyse) -> None:
    loc, conf, priors, targets = four
    loc[3] += 20
    result = analyse((loc, conf, priors), targets)
    (case,) = finding(result, "NUM005").cases
    assert case.where.image == 3
    assert case.value == pytest.approx(result.images[3].parts.total / result.loss.total)
    assert errors(result) == []


def test_image_with_most_of_the_objects(four: tuple[Any, ...], analyse: Analyse) -> None:
    loc, conf, priors, targets = four
    result = analyse((loc, conf, priors), targets)
    assert result.images[2].positives > 0.7 * result.normalizer
    assert own(result) == []


def test_batch_too_small_to_compare_images(parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse) -> None:
    loc, conf, priors = parts
    loc[1] += 20
    assert "NUM005" not in own(analyse((loc, conf, priors), wanted))


def test_object_that_makes_up_the_loss(
    parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse, positives: list[int]
) -> None:
    loc, conf, priors = parts
    prior = positives[0]
    loc[0, prior] += 90
    result = analyse((loc, conf, priors), wanted)
    (case,) = finding(result, "NUM006").cases
    assert (case.where.image, case.where.object) == (0, 0)
    assert case.where.file.endswith("targets.pt")
    assert errors(result) == []


def test_costliest_object_of_a_healthy_batch(parts: tuple[Tensor, ...], wanted: list[Tensor], analyse: Analyse) -> None:
    assert own(analyse(parts, wanted)) == []
