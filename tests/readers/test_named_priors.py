"""Saved prior tensors: which preset they equal, which levels they have, and which counts do not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors, recognise_priors
from ssdlossdbg.readers.prior_configs import load_prior_config
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.rules import PriorOrder

Refused = Callable[[Callable[[], object]], InputError]
Saved = Callable[..., Path]
WHERE = "saved.pt"
Level = tuple[int, int, Sequence[tuple[float, float]]]
# Columns, rows, and the shapes in pixels of a 300 x 300 input.
CUSTOM: list[Level] = [(4, 3, [(30, 30), (60, 15)]), (2, 2, [(90, 90), (120, 60), (60, 120)]), (1, 1, [(270, 270)])]


def grid(levels: list[Level], by_shape: bool = False) -> Tensor:
    """The priors of such levels, by plain loops: normalised (cx, cy, w, h), level by level."""
    boxes = []
    for columns, rows, shapes in levels:
        cells = [((x + 0.5) / columns, (y + 0.5) / rows) for y in range(rows) for x in range(columns)]
        pairs = [(c, s) for s in shapes for c in cells] if by_shape else [(c, s) for c in cells for s in shapes]
        boxes += [[*cell, width / 300, height / 300] for cell, (width, height) in pairs]
    return torch.tensor(boxes)


def preset(name: str) -> Tensor:
    """The priors of a preset."""
    return generate_priors(load_prior_config(name).spec).boxes


def named(boxes: Tensor) -> NamedPriors:
    """Recognised priors of a 300 x 300 input."""
    return recognise_priors(boxes, WHERE, SavedLayout(image_size=(300, 300)))


# Sources


@pytest.mark.parametrize(
    ("source", "name", "count"), [("ssd300", "ssd300-voc", 8732), ("ssd512", "lufficc-ssd512-voc", 24564)]
)
def test_preset_by_name(source: str, name: str, count: int) -> None:
    found = load_priors(source)
    assert (found.name, len(found.priors.boxes), found.image_size_known) == (name, count, True)


def test_config_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("image_size = 300\nlevels = [{ feature_map = 2, shapes = [[30, 60]] }]\n")
    found = load_priors(str(path))
    assert (found.name, found.codebase) == ("own", "")
    expected = [[x, y, 0.1, 0.2] for y in (0.25, 0.75) for x in (0.25, 0.75)]
    assert found.priors.boxes.flatten().tolist() == pytest.approx([side for box in expected for side in box])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda boxes: boxes,
        lambda boxes: boxes.double(),
        lambda boxes: torch.nn.Parameter(boxes),
        lambda boxes: {"priors": boxes, "loc": torch.zeros(1)},
        lambda boxes: {"anything": boxes},
        lambda boxes: (torch.zeros(1, 17, 4), torch.zeros(1, 17, 2), boxes),
    ],
    ids=["bare", "float64", "parameter", "priors-key", "only-key", "predictions"],
)
def test_saved_tensor(wrap: Callable[[Tensor], Any], saved: Saved) -> None:
    path = saved(wrap(preset("ssd300-voc")), "own.pth")
    found = load_priors(str(path))
    assert (found.name, found.codebase) == ("ssd300-voc", "ssd.pytorch")
    assert found.priors.boxes.dtype is torch.float32
    assert not found.priors.boxes.requires_grad


@pytest.mark.parametrize("ending", ["npy", "npz", "safetensors"])
def test_other_formats(ending: str, tmp_path: Path) -> None:
    path, boxes = tmp_path / f"own.{ending}", grid(CUSTOM)
    if ending == "npy":
        np.save(path, boxes.numpy())
    elif ending == "npz":
        np.savez(path, boxes.numpy())
    else:
        save_file({"priors": boxes}, path)
    found = load_priors(str(path), SavedLayout(image_size=(300, 300)))
    assert found.name == path.name
    assert torch.equal(found.priors.boxes, boxes)


# Presets by value


@pytest.mark.parametrize(
    ("saved_as", "codebase", "expected"),
    [
        ("ssd300-voc", "", "ssd300-voc"),
        ("ssd300-coco", "", "ssd300-coco"),
        ("pytorch-ssd-vgg300", "", "ssd300-voc"),
        ("ssd300-voc", "pytorch-ssd", "pytorch-ssd-vgg300"),
        ("ssd300-voc", "lufficc", "lufficc-ssd300-voc"),
        ("caffe-ssd300-voc", "mmdetection", "mmdet-ssd300-voc"),
        ("nvidia-ssd300-coco", "", "nvidia-ssd300-coco"),
        ("torchvision-ssdlite320", "", "torchvision-ssdlite320"),
    ],
)
def test_preset_is_recognised_by_value(saved_as: str, codebase: str, expected: str) -> None:
    found = recognise_priors(preset(saved_as), WHERE, codebase=codebase)
    spec = load_prior_config(expected).spec
    assert (found.name, found.image_size_known) == (expected, True)
    assert (found.priors.image_size, found.priors.levels, found.priors.order) == (
        spec.image_size,
        spec.levels,
        spec.order,
    )


def test_preset_in_corner_form() -> None:
    assert recognise_priors(cxcywh_to_xyxy(preset("ssd300-voc")), WHERE, SavedLayout("xyxy")).name == "ssd300-voc"


@pytest.mark.parametrize(
    ("corners", "dtype", "kept"),
    [
        (True, torch.float32, True),
        (True, torch.float64, True),
        (False, torch.float64, True),
        (False, torch.float32, False),
    ],
)
def test_what_centre_and_size_in_float32_would_lose_is_kept(corners: bool, dtype: torch.dtype, kept: bool) -> None:
    boxes = preset("ssd300-voc").to(dtype)
    saved = cxcywh_to_xyxy(boxes) if corners else boxes
    held = recognise_priors(saved, WHERE, SavedLayout("xyxy" if corners else "cxcywh")).priors.held
    assert (held is not None) is kept
    assert held is None or torch.equal(held.values, saved.double())


def test_preset_in_pixels() -> None:
    assert recognise_priors(preset("ssd300-voc") * 300, WHERE, SavedLayout(image_size=(300, 300))).name == "ssd300-voc"


@pytest.mark.parametrize(("shift", "same"), [(5e-6, True), (5e-5, False)])
def test_rounding_does_not_matter_but_other_numbers_do(shift: float, same: bool) -> None:
    boxes = preset("ssd300-voc")
    boxes[4000, 2] += shift
    found = named(boxes)
    assert (found.name == "ssd300-voc") is same
    assert torch.equal(found.priors.boxes, boxes), "the saved numbers are kept"


def test_same_count_is_not_enough() -> None:
    assert named(preset("ssd300-voc").flip(0)).name == "saved.pt"


# Levels of custom grids


def assert_levels(found: NamedPriors) -> None:
    """The levels are those of `CUSTOM`."""
    levels = found.priors.levels
    assert [level.feature_map for level in levels] == [(4, 3), (2, 2), (1, 1)]
    assert [level.stride for level in levels] == [(75, 100), (150, 150), (300, 300)]
    for level, (_, _, shapes) in zip(levels, CUSTOM, strict=True):
        assert [side for shape in level.shapes for side in shape] == pytest.approx([s for pair in shapes for s in pair])
    counts = torch.bincount(found.priors.level_index).tolist()
    assert counts == [4 * 3 * 2, 2 * 2 * 3, 1]


def test_levels_are_inferred() -> None:
    found = named(grid(CUSTOM))
    assert (found.name, found.codebase, found.image_size_known) == ("saved.pt", "", True)
    assert found.priors.order is PriorOrder.CELL
    assert_levels(found)


def test_levels_in_shape_order() -> None:
    found = named(grid(CUSTOM, by_shape=True))
    assert found.priors.order is PriorOrder.SHAPE
    assert_levels(found)


def test_levels_of_corners() -> None:
    found = recognise_priors(cxcywh_to_xyxy(grid(CUSTOM)), WHERE, SavedLayout("xyxy", 300))
    torch.testing.assert_close(found.priors.boxes, grid(CUSTOM), rtol=0, atol=1e-6)
    assert_levels(found)


@pytest.mark.parametrize("form", ["cxcywh", "xyxy"])
def test_levels_of_pixels(form: Any) -> None:
    boxes = grid(CUSTOM) if form == "cxcywh" else cxcywh_to_xyxy(grid(CUSTOM))
    found = recognise_priors(boxes * torch.tensor([300.0, 300, 300, 300]), WHERE, SavedLayout(form, (300, 300)))
    torch.testing.assert_close(found.priors.boxes, grid(CUSTOM), rtol=0, atol=1e-6)
    assert_levels(found)


def test_pixels_of_an_oblong_input() -> None:
    boxes = grid(CUSTOM)
    found = recognise_priors(boxes * torch.tensor([600.0, 200, 600, 200]), WHERE, SavedLayout(image_size=(600, 200)))
    torch.testing.assert_close(found.priors.boxes, boxes, rtol=0, atol=1e-6)
    assert list(found.priors.levels[0].stride) == pytest.approx([150, 200 / 3], abs=1e-3)


def test_image_size_is_assumed_where_nothing_says_it() -> None:
    found = recognise_priors(grid(CUSTOM), WHERE)
    assert (found.priors.image_size, found.image_size_known) == ((300, 300), False)


@pytest.mark.parametrize("seed", range(5))
def test_no_grid_at_all(seed: int) -> None:
    boxes = torch.rand(50, 4, generator=torch.Generator().manual_seed(seed))
    found = named(boxes)
    assert torch.equal(found.priors.boxes, boxes)
    assert found.priors.levels == ()
    assert found.priors.level_index.tolist() == [0] * 50


# Bad tensors

FLOAT = "Expected float [P, 4]."
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("centre", [(4.0, 0.5), (0.5, -4.0)])
def test_centres_up_to_four_inputs_away_are_fractions(centre: tuple[float, float], saved: Saved) -> None:
    boxes = torch.tensor([[*centre, 60.0, 1.0]])
    assert torch.equal(load_priors(str(saved(boxes))).priors.boxes, boxes)


@pytest.mark.parametrize(
    ("boxes", "place", "what", "fix"),
    [
        (torch.zeros(3, 5), "", "holds torch.float32 of shape [3, 5]", FLOAT),
        (torch.zeros(2, 3, 4), "", "holds torch.float32 of shape [2, 3, 4]", FLOAT),
        (torch.zeros(0, 4), "", "holds torch.float32 of shape [0, 4]", FLOAT),
        (torch.zeros(4), "", "holds torch.float32 of shape [4]", FLOAT),
        (torch.tensor(1.0), "", "holds torch.float32 of shape []", FLOAT),
        (torch.ones(3, 4).long(), "", "holds torch.int64 of shape [3, 4]", FLOAT),
        (torch.tensor([[150.0, 150, 30, 30]]), "", "reach 150, so they are in pixels", "Say of what input: --image-s"),
        (torch.tensor([[4.125, 0.5, 1, 1]]), "", "reach 4.125, so they are in pixels", "Say of what input: --image-s"),
        (torch.tensor([[0.5, -4.125, 1, 1]]), "", "reach -4.125, so they are in pixels", "Say of what input: --im"),
        (torch.tensor([[0.5, 0.5, 1, 1], [0.5, NAN, 1, 1]]), "[1]", "is (0.5, nan, 1, 1)", "Priors are finite"),
        (torch.tensor([[0.5, 0.5, INF, 1]]), "[0]", "is (0.5, 0.5, inf, 1)", "Priors are finite numbers"),
        (torch.tensor([[0.5, 0.5, 1e300, 1]], dtype=torch.float64), "[0]", "is (0.5, 0.5, inf, 1)", "Priors are"),
    ],
)
def test_bad_tensor(boxes: Tensor, place: str, what: str, fix: str, saved: Saved, refused: Refused) -> None:
    path = saved(boxes)
    error = refused(lambda: load_priors(str(path)))
    assert (error.where, error.what) == (f"{path}, priors{place}", what)
    assert error.fix.startswith(fix)
    assert error.code == ("PRI003" if fix.startswith("Priors are") else "")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "NoneType"),
        ({}, "dict"),
        ({"a": torch.zeros(1, 4), "b": torch.zeros(1, 4)}, "dict"),
        ({"priors": [[0.5, 0.5, 1, 1]]}, "list"),
        ([torch.zeros(1, 4)], "list"),
        ((torch.zeros(1, 1, 4), torch.zeros(1, 1, 2)), "tuple"),
    ],
)
def test_no_tensor(value: Any, found: str, saved: Saved, refused: Refused) -> None:
    path = saved(value)
    error = refused(lambda: load_priors(str(path)))
    assert (error.where, error.what) == (str(path), f"holds {found}, not a prior tensor")
    assert error.fix == "Save one float [P, 4] tensor, in an archive under the key priors."


@pytest.mark.parametrize(
    ("name", "where", "what"),
    [
        ("ssd30", "--config", "unknown prior config 'ssd30'"),
        ("none.pt", "none.pt", "no such file"),
        ("none.toml", "none.toml", "no such file"),
        ("x" * 300, "--config", "unknown prior config 'xxx"),
        ("a\0.npz", "a\0.npz", "cannot be a path"),
    ],
)
def test_no_such_source(name: str, where: str, what: str, refused: Refused) -> None:
    error = refused(lambda: load_priors(name))
    assert error.where == where
    assert error.what.startswith(what)
