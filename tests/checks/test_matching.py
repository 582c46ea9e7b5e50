"""Objects that no prior learns, or the wrong one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.results import Finding, LossResult, MatchResult, Severity

Match = Callable[..., MatchResult]
Lose = Callable[..., LossResult]
Boxes = list[Sequence[float]]
Batch = tuple[list[Tensor], list[Tensor]]

# One level of four priors of 100 px that leave holes between them.
HOLES = """
image_size = 300
[[levels]]
feature_map = 2
stride = 150
shapes = [[100, 100]]
"""


def by_code(result: MatchResult | LossResult) -> dict[str, Finding]:
    return {item.code: item for item in result.findings}


def errors(result: MatchResult | LossResult) -> list[str]:
    return [item.code for item in result.findings if item.severity is Severity.ERROR]


@pytest.fixture
def holes(tmp_path: Path) -> str:
    path = tmp_path / "holes.toml"
    path.write_text(HOLES)
    return str(path)


def test_object_that_overlaps_no_prior(match_voc: Match, holes: str) -> None:
    """Priors lie at 25 to 125 and 175 to 275 of 300: an object between 125 and 175 overlaps none."""
    hole = (278, 208, 362, 272)
    result = match_voc([hole], priors=holes)
    assert errors(result) == ["MAT001"]
    assert "prior 0 is trained on it" in result.findings[0].worst.message
    touching = (235, 176, 362, 272)
    assert errors(match_voc([touching], priors=holes)) == []


def test_object_that_lost_its_prior(match_voc: Match, holes: str) -> None:
    """Both overlap only the first prior, the second one more; ssd.pytorch lets the last one have it."""
    first, second = (60, 45, 190, 150), (60, 45, 240, 190)
    result = match_voc([first, second], priors=holes)
    assert list(by_code(result)) == ["MAT002"]
    (case,) = result.findings[0].cases
    assert case.where.object == 0
    assert "object 1 (cell) took its best one, 0" in case.message
    assert case.value == pytest.approx(result.ground_truth[0].best_iou)
    # One that shares its best prior and has another that reaches the threshold lost nothing that matters.
    assert "MAT002" not in by_code(match_voc([second, (300, 45, 560, 190)], priors=holes))


def test_object_without_a_prior(match_voc: Match, tmp_path: Path, holes: str) -> None:
    """A dialect whose forcing passes over what overlaps little."""
    dialect = tmp_path / "own.toml"
    dialect.write_text('base = "caffe"\n[match]\nminimum_iou = 0.2\n')
    faint, sound = (60, 45, 100, 75), (380, 285, 590, 440)
    result = match_voc([faint, sound], priors=holes, dialect=str(dialect))
    assert [item.code for item in result.findings if item.severity is not Severity.NOTE] == ["MAT003"]
    assert result.findings[0].worst.where.object == 0
    assert "MAT003" not in by_code(match_voc([faint, sound], priors=holes, dialect="caffe"))


def test_object_that_hardly_overlaps_its_prior(match_voc: Match, healthy: Boxes) -> None:
    """4 x 3 px of 640 x 480 are 1.9 x 1.9 px of 300, a 250th of the smallest prior of 30 x 30 px."""
    (case,) = by_code(match_voc([*healthy, (620, 20, 624, 23)]))["MAT004"].cases
    assert case.where.object == 6
    assert case.value == pytest.approx(1.875**2 / 900, rel=0.5)
    assert "MAT004" not in by_code(match_voc([*healthy, (600, 20, 630, 43)]))


def test_small_object_is_noted(match_voc: Match, healthy: Boxes) -> None:
    """16 x 16 px of the input, where the smallest prior is 30 x 30: IoU at most 256 / 900."""
    side_x, side_y = 16 * 640 / 300, 16 * 480 / 300
    (case,) = by_code(match_voc([*healthy, (600, 20, 600 + side_x, 20 + side_y)]))["MAT005"].cases
    assert case.where.object == 6
    assert case.value == pytest.approx(256 / 900, rel=1e-3)
    assert case.bound == 0.5


def test_object_between_the_cells_is_noted(match_voc: Match, tmp_path: Path) -> None:
    """Priors of 60 px every 50 px: an object of that very size half-way in x and y reaches (35 / 60)^2 shared only."""
    config = tmp_path / "coarse.toml"
    config.write_text("image_size = 300\n[[levels]]\nfeature_map = 6\nstride = 50\nshapes = [[60, 60]]\n")

    def placed(centre: float) -> list[float]:
        low, high = centre - 30, centre + 30
        return [1 + low * 640 / 300, 1 + low * 480 / 300, 1 + high * 640 / 300, 1 + high * 480 / 300]

    (case,) = by_code(match_voc([placed(150)], priors=str(config)))["MAT006"].cases
    shared = 35**2
    assert case.value == pytest.approx(shared / (2 * 3600 - shared), rel=1e-4)
    assert "would have 1.00" in case.message
    assert "MAT006" not in by_code(match_voc([placed(175)], priors=str(config)))


def test_equally_good_priors_are_noted(match_voc: Match, tmp_path: Path) -> None:
    config = tmp_path / "coarse.toml"
    config.write_text("image_size = 300\n[[levels]]\nfeature_map = 6\nstride = 50\nshapes = [[60, 60]]\n")
    low, high = 120.0, 180.0  # half-way between four cells
    box = [1 + low * 640 / 300, 1 + low * 480 / 300, 1 + high * 640 / 300, 1 + high * 480 / 300]
    assert by_code(match_voc([box], priors=str(config)))["MAT007"].worst.value == 4
    box[0] += 8
    assert by_code(match_voc([box], priors=str(config)))["MAT007"].worst.value == 2


def test_no_positive_in_the_batch(tmp_path: Path) -> None:
    """Encoded targets without a positive; objects always force one."""
    torch.manual_seed(0)
    predictions = {"loc": torch.zeros(2, 8732, 4), "conf": torch.randn(2, 8732, 4)}
    labels = torch.zeros(2, 8732, dtype=torch.long)
    torch.save(predictions, tmp_path / "preds.pt")

    def run(dialect: str) -> LossResult:
        torch.save({"labels": labels, "gt_locations": torch.zeros(2, 8732, 4)}, tmp_path / "targets.pt")
        return api.loss(tmp_path / "preds.pt", tmp_path / "targets.pt", "ssd300-voc", dialect, device="cpu")

    result = run("pytorch-ssd")
    assert errors(result) == ["MAT008"]
    assert "so the loss is nan" in result.findings[0].worst.message
    assert "so the loss is 0" in by_code(run("torchvision"))["MAT008"].worst.message
    labels[1, 5000] = 1
    assert "MAT008" not in by_code(run("pytorch-ssd"))


def test_image_without_objects(match_voc: Match, lose: Lose, healthy_batch: Batch) -> None:
    empty = match_voc([])
    assert errors(empty) == ["MAT009"]
    assert "IndexError" in empty.findings[0].worst.message
    assert list(by_code(match_voc([], dialect="torchvision"))) == ["MAT010"]
    boxes, labels = healthy_batch
    result = lose([boxes[0], boxes[1][:0]], [labels[0], labels[1][:0]])
    assert errors(result) == ["MAT009"]
    assert result.findings[0].worst.where.image == 1


def test_batch_without_objects(lose: Lose) -> None:
    """The loss is nan as well, but that an image has no object is the cause."""
    assert errors(lose([torch.zeros(0, 4)] * 2, [torch.zeros(0)] * 2)) == ["MAT009"]


def test_class_without_a_positive(match_voc: Match, holes: str) -> None:
    """Two of a class, on whose prior a third object of another class lies better."""
    boxes = [(60, 45, 190, 150), (60, 45, 200, 160), (60, 45, 240, 190)]
    found = by_code(match_voc(boxes, ["cell", "cell", "dust"], priors=holes))
    (case,) = found["MAT011"].cases
    assert (case.where.label, case.where.object) == ("cell", None)
    assert "none of the 2 objects of class cell" in case.message
    assert "MAT011" not in by_code(match_voc(boxes, ["cell", "dust", "dust"], priors=holes))


def test_class_that_only_forcing_trains(match_voc: Match, healthy: Boxes) -> None:
    dots = [(40 + 60 * step, 440, 64 + 60 * step, 458) for step in range(10)]
    names = ["cell"] * 6 + ["dot"] * 10
    (case,) = by_code(match_voc([*healthy, *dots], names))["MAT012"].cases
    assert case.where.label == "dot"
    assert case.value == 1
    assert "11.2 x 11.3 px in the median" in case.message
    assert "MAT012" not in by_code(match_voc([*healthy, *dots[1:]], names[:-1]))


def test_many_images_without_objects_are_one_case(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    none = [torch.zeros(0, 4)] * 2, [torch.zeros(0)] * 2
    few = by_code(lose([*boxes[:1], *none[0]], [*labels[:1], *none[1]]))["MAT009"]
    assert [case.where.image for case in few.cases] == [1, 2], "each for itself"
    (case,) = by_code(lose([*boxes[:1], *none[0], *none[0]], [*labels[:1], *none[1], *none[1]]))["MAT009"].cases
    assert case.message.startswith("4 of 5 images; in image 1: no object, and the real ssd.pytorch raises on such")
    assert case.message.endswith("likewise image 2, image 3, image 4")
    assert case.fix == "Leave the images out of training, or annotate them."
