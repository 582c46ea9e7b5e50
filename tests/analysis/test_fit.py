"""Fitting priors to a dataset: what is fitted to, what is said of it, what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssdlossdbg.analysis import fit as fit_module
from ssdlossdbg.analysis.fit import analyse_fit
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.fitting import Designs, Problem
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.overlaps import overlaps
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.annotations import FORMATS, Dataset
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.prior_configs import PriorConfig, load_prior_config
from ssdlossdbg.report.prior_config_toml import prior_config_toml
from ssdlossdbg.results import FitResult, FloatArray

SSD300 = load_prior_config("ssd300-voc")
# Every second level of it: 6,412 priors.
THREE = replace(SSD300, spec=replace(SSD300.spec, levels=SSD300.spec.levels[::2]))
DIALECT = load_dialect("ssd.pytorch")


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that starts twice, for what holds of whatever it finds."""
    monkeypatch.setattr("ssdlossdbg.multibox.fitting.RESTARTS", 0)


def dataset(boxes: FloatArray, images: int = 20, **changes: Any) -> Dataset:
    """A dataset of boxes `[N, 4]` in fractions, dealt out to images."""
    image = np.sort(np.arange(len(boxes)) % images)
    made = Dataset(
        path=Path("made"),
        format=FORMATS["yolo"],
        names=tuple(f"{place}.jpg" for place in range(images)),
        files=("made.json",) * images,
        sizes=np.full((images, 2), 300),
        class_names=("thing",),
        image=image,
        index=np.zeros(len(boxes), dtype=np.int64),
        label=np.zeros(len(boxes), dtype=np.int64),
        labels=("thing",),
        boxes=np.asarray(boxes, dtype=np.float64).reshape(-1, 4),
        difficult=np.zeros(len(boxes), dtype=np.bool_),
    )
    return replace(made, **changes)


def squares(side: float, number: int = 200, spread: float = 0.0) -> FloatArray:
    """`[number, 4]` boxes of about that side in pixels of a 300-pixel input, anywhere in it."""
    draw = np.random.default_rng(0)
    sizes = side / 300 * np.exp(spread * draw.standard_normal((number, 2)))
    low = draw.random((number, 2)) * (1 - sizes)
    return np.concatenate((low, low + sizes), axis=1)


def reached(boxes: FloatArray, config: PriorConfig) -> int:
    """Objects that any prior overlaps by 0.5, from the matrix of all overlaps."""
    gt = pad_ground_truth([torch.from_numpy(boxes).float()], [torch.ones(len(boxes), dtype=torch.long)])
    best = overlaps(gt, generate_priors(config.spec).boxes, DIALECT.match)[0].amax(1)
    return int((best >= 0.5).sum())


def written(result: FitResult, folder: Path) -> PriorConfig:
    """The proposal, written and read again."""
    path = folder / "fitted.toml"
    path.write_text(prior_config_toml(result), encoding="utf-8")
    return load_prior_config(str(path))


def test_small_objects_are_reached_in_the_end(tmp_path: Path) -> None:
    boxes = squares(12)
    by_hand = replace(SSD300.spec.levels[0], shapes=((12.0, 12.0), (16.0, 16.0), (17.0, 8.5), (8.5, 17.0)))
    bound = reached(boxes, replace(SSD300, spec=replace(SSD300.spec, levels=(by_hand, *SSD300.spec.levels[1:]))))
    result = analyse_fit(dataset(boxes), SSD300, DIALECT)
    assert result.total.before == reached(boxes, SSD300) == 0 < 100 < bound
    assert result.total.after == reached(boxes, written(result, tmp_path))
    assert result.total.after >= bound
    assert result.held_out.recall_after > 0.5


@pytest.mark.parametrize(
    ("dialect", "side"),
    [("ssd.pytorch", 20), ("torchvision", 90), ("ssd-keras", 20), ("pytorch-ssd", 90), ("nvidia", 20)],
)
@pytest.mark.usefixtures("shallow")
def test_never_worse_than_before(dialect: str, side: float) -> None:
    rules = load_dialect(dialect)
    result = analyse_fit(dataset(squares(side, 60, spread=0.6)), load_prior_config(rules.prior_config), rules)
    assert result.fitted.after >= result.fitted.before
    assert result.after.count <= result.before.count == result.config.priors == result.budget


@pytest.mark.usefixtures("shallow")
def test_the_parts_add_up() -> None:
    boxes = np.concatenate((squares(25, spread=0.7), [[0.5, 0.5, 0.5, 0.9], [0.2, 0.2, np.nan, 0.4]]))
    result = analyse_fit(dataset(boxes), THREE, DIALECT)
    parts = result.fitted, result.held_out
    for name in ("ground_truth", "before", "after"):
        total = getattr(result.total, name)
        assert sum(getattr(part, name) for part in parts) == total
        assert sum(getattr(group, name) for group in result.sizes) == total
    assert (result.dataset.ground_truth, result.dataset.invalid) == (200, 2)
    assert 38 <= result.held_out.ground_truth <= 44  # in 4 of 20 images
    assert result.searched == result.fitted.ground_truth


def test_the_search_never_sees_what_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look(problem: Problem, start: Designs) -> Designs:
        seen.append(problem.sample.boxes)
        return start

    monkeypatch.setattr(fit_module, "fit", look)
    monkeypatch.setattr(fit_module, "MOST_OBJECTS", 50)
    boxes = squares(40)
    result = analyse_fit(dataset(boxes, images=10), SSD300, DIALECT)
    assert (len(seen[0]), result.searched, result.held_out.ground_truth) == (50, 50, 40)
    places = {tuple(row): place for place, row in enumerate(boxes.astype(np.float32).tolist())}
    images = {places[tuple(row)] // 20 for row in seen[0].tolist()}
    assert len(images) <= 8


def test_priors_that_reach_everything_stay(tmp_path: Path) -> None:
    result = analyse_fit(dataset(squares(60)), SSD300, DIALECT)
    assert not result.changed
    assert result.total.recall_before == result.total.recall_after == 1.0
    assert torch.equal(generate_priors(written(result, tmp_path).spec).boxes, generate_priors(SSD300.spec).boxes)


@pytest.mark.parametrize("name", ["linzaer-face-320", "tf-object-detection-ssd-mobilenet-v1-300"])
def test_shapes_of_their_own_stay_to_the_last_digit(name: str, tmp_path: Path) -> None:
    config = load_prior_config(name)
    result = analyse_fit(dataset(np.array([[0.2, 0.2, 0.9, 0.9]]), images=1), config, DIALECT)
    assert not result.changed
    assert torch.equal(generate_priors(written(result, tmp_path).spec).boxes, generate_priors(config.spec).boxes)


@pytest.mark.parametrize("name", ["ssd300-voc", "nvidia-ssd300-coco", "linzaer-face-320", "torchvision-ssdlite320"])
@pytest.mark.usefixtures("shallow")
def test_the_file_generates_what_was_counted(name: str, tmp_path: Path) -> None:
    config, boxes = load_prior_config(name), squares(15, 60, spread=0.5)
    result = analyse_fit(dataset(boxes), config, DIALECT)
    again = written(result, tmp_path)
    assert result.changed
    assert result.total.after == reached(boxes, again)
    assert (again.spec.clip, again.spec.order, again.spec.count) == (
        config.spec.clip,
        config.spec.order,
        result.after.count,
    )


def test_few_images_are_not_split() -> None:
    result = analyse_fit(dataset(squares(20, number=12), images=4), THREE, DIALECT)
    assert (result.held_out.ground_truth, result.fitted.ground_truth) == (0, 12)


@pytest.mark.usefixtures("shallow")
def test_the_seed_decides() -> None:
    made = dataset(squares(25, 60, spread=0.7))
    first, again, other = (analyse_fit(made, THREE, DIALECT, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_other_levels() -> None:
    result = analyse_fit(dataset(squares(12)), SSD300, DIALECT, levels=((19, 19), (75, 75)), budget=20_000)
    assert [level.feature_map for level in result.after.levels] == [(75, 75), (19, 19)]
    assert [level.stride for level in result.after.levels] == [(4.0, 4.0), (16.0, 16.0)]
    assert result.total.recall_after == 1.0
    assert result.after.count <= 20_000


@pytest.mark.usefixtures("shallow")
def test_a_smaller_budget() -> None:
    result = analyse_fit(dataset(squares(30, 60, spread=0.5)), THREE, DIALECT, budget=2_500)
    assert 1_553 <= result.after.count <= result.budget == 2_500


@pytest.mark.parametrize(
    ("levels", "budget", "said"),
    [
        ((), 1939, "--budget: one prior a cell makes 1,940, and there may be 1,939. Allow for them with --budget 1940"),
        (((150, 150),), None, "--levels: one prior a cell makes 22,500, and ssd300-voc has 8,732"),
        (((301, 1),), None, "--levels: asks for 301 x 1 cells, more than the 300 x 300 pixels of the input"),
    ],
)
def test_what_cannot_be(levels: tuple[tuple[int, int], ...], budget: int | None, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        analyse_fit(dataset(squares(30)), SSD300, DIALECT, levels, budget)


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.array([[0.5, 0.5, 0.5, 0.7]]), np.full((1, 4), np.nan)])
def test_nothing_to_fit_to(boxes: FloatArray) -> None:
    with pytest.raises(InputError, match="made: holds no object with an area, so there is nothing to fit to"):
        analyse_fit(dataset(boxes, images=1), SSD300, DIALECT)


@pytest.mark.parametrize("side", [1e20, 1e308, 1e-10, 1e-40])
def test_boxes_of_no_size_that_a_prior_can_have_are_left_out(side: float) -> None:
    boxes = np.tile([0.2, 0.2, 0.5, 0.5], (40, 1))
    boxes[7, 2:] = boxes[7, :2] + side
    result = analyse_fit(dataset(boxes), SSD300, DIALECT)
    assert (result.dataset.ground_truth, result.dataset.invalid) == (39, 1)


def test_a_box_too_far_away_to_have_sides_is_left_out() -> None:
    boxes = np.tile([0.2, 0.2, 0.5, 0.5], (40, 1))
    boxes[7] = [0.2, 2147483647.9, 0.3, 2147483648.1]  # a float of 32 bits steps by 256 there
    result = analyse_fit(dataset(boxes), SSD300, DIALECT)
    assert (result.dataset.ground_truth, result.dataset.invalid) == (39, 1)


def test_a_level_of_the_smallest_shapes(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    level = "feature_map = 5\nmin_size = 1e-5\nmax_size = 60\nshapes = ['min', 'mean', 2, '1/2']"
    path.write_text(f"image_size = 300\n[[levels]]\n{level}")
    result = analyse_fit(dataset(np.tile([0.2, 0.2, 0.5, 0.5], (40, 1))), load_prior_config(str(path)), DIALECT)
    assert result.total.after == 40
