"""The prior grid against plain loops, and the levels read back out of every preset's bare tensor."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from ssdlossdbg.multibox.priors import Priors, generate_priors, infer_levels
from ssdlossdbg.readers.prior_configs import load_prior_config, preset_names
from ssdlossdbg.rules import Clip, LevelSpec, PriorOrder, PriorSpec

LEVELS = (
    LevelSpec((5, 3), (64.0, 60.0), ((30.0, 30.0), (42.0, 21.0), (21.0, 42.0))),
    LevelSpec((2, 2), (160.0, 105.0), ((90.0, 90.0),)),
    LevelSpec((1, 1), (320.0, 200.0), ((150.0, 180.0), (400.0, 100.0))),
)


def unit(value: float) -> float:
    """The value, clamped to [0, 1]."""
    return min(max(value, 0.0), 1.0)


def clip(box: list[float], rule: Clip) -> list[float]:
    """One box after one clip, spelled out."""
    cx, cy, w, h = box
    if rule is Clip.CXCYWH:
        return [unit(cx), unit(cy), unit(w), unit(h)]
    if rule is Clip.WH:
        return [cx, cy, unit(w), unit(h)]
    if rule is Clip.XYXY:
        x1, y1, x2, y2 = unit(cx - w / 2), unit(cy - h / 2), unit(cx + w / 2), unit(cy + h / 2)
        return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
    return box


def by_loops(spec: PriorSpec) -> list[list[float]]:
    """The priors of a grid, one at a time."""
    width, height = spec.image_size
    boxes = []
    for level in spec.levels:
        columns, rows = level.feature_map
        cells = [(y, x, shape) for y in range(rows) for x in range(columns) for shape in level.shapes]
        if spec.order is PriorOrder.SHAPE:
            cells = [(y, x, shape) for shape in level.shapes for y in range(rows) for x in range(columns)]
        for y, x, shape in cells:
            cx = (x + spec.offset) * level.stride[0] / width
            cy = (y + spec.offset) * level.stride[1] / height
            boxes.append(clip([cx, cy, shape[0] / width, shape[1] / height], spec.clip))
    return boxes


@pytest.mark.parametrize("offset", [0.5, 0.0, 0.8])
@pytest.mark.parametrize("order", PriorOrder)
@pytest.mark.parametrize("rule", Clip)
def test_generate_priors_equals_plain_loops(rule: Clip, order: PriorOrder, offset: float) -> None:
    spec = PriorSpec((320, 200), LEVELS, rule, order, offset)
    priors = generate_priors(spec, torch.float64)
    torch.testing.assert_close(priors.boxes, torch.tensor(by_loops(spec), dtype=torch.float64), rtol=0, atol=1e-12)
    assert (priors.image_size, priors.levels, priors.order) == ((320, 200), LEVELS, order)
    assert len(priors.boxes) == spec.count == 45 + 4 + 2


def test_generate_priors_rounds_once_to_float32() -> None:
    spec = PriorSpec((320, 200), LEVELS, Clip.XYXY)
    boxes = generate_priors(spec).boxes
    assert boxes.dtype == torch.float32
    assert torch.equal(boxes, generate_priors(spec, torch.float64).boxes.float())


def assert_recovered(boxes: torch.Tensor, spec: PriorSpec) -> None:
    """The levels read from the boxes are those of the spec; a clipped shape reads as clipped."""
    levels, order = infer_levels(boxes, spec.image_size)
    assert order is spec.order
    assert [level.feature_map for level in levels] == [level.feature_map for level in spec.levels]
    for level, wanted in zip(levels, spec.levels, strict=True):
        assert level.stride == pytest.approx(wanted.stride, abs=2e-3)
        sides = [
            side if spec.clip is Clip.NONE else min(side, whole)
            for shape in wanted.shapes
            for side, whole in zip(shape, spec.image_size, strict=True)
        ]
        assert [side for shape in level.shapes for side in shape] == pytest.approx(sides, abs=2e-3)


CORNERS_CLIPPED = [name for name in preset_names() if load_prior_config(name).spec.clip is Clip.XYXY]
SHIFTED = [
    name for name in preset_names() if any(len(set(level.offsets)) > 1 for level in load_prior_config(name).spec.levels)
]
GRIDS = [name for name in preset_names() if name not in (*CORNERS_CLIPPED, *SHIFTED)]


@pytest.mark.parametrize("name", GRIDS)
def test_infer_levels_of_preset(name: str) -> None:
    spec = load_prior_config(name).spec
    assert_recovered(generate_priors(spec).boxes, spec)


@pytest.mark.parametrize("name", GRIDS)
def test_infer_levels_after_corner_form(name: str) -> None:
    spec = load_prior_config(name).spec
    scale = torch.tensor(spec.image_size * 2, dtype=torch.float32)
    corners = cxcywh_to_xyxy(generate_priors(spec).boxes * scale)
    assert_recovered(xyxy_to_cxcywh(corners) / scale, spec)


@pytest.mark.parametrize("name", [*CORNERS_CLIPPED, *SHIFTED])
def test_infer_levels_gives_up_where_centres_of_a_cell_are_apart(name: str) -> None:
    """Clipped corners move the centres of one cell apart, as offsets do, so nothing tells where a cell ends."""
    spec = load_prior_config(name).spec
    assert infer_levels(generate_priors(spec).boxes, spec.image_size) == ((), PriorOrder.CELL)


def test_infer_levels_of_irregular_centres() -> None:
    boxes = torch.rand((200, 4), generator=torch.Generator().manual_seed(0))
    assert infer_levels(boxes, (300, 300)) == ((), PriorOrder.CELL)


def test_infer_levels_of_a_grid_with_a_hole() -> None:
    boxes = generate_priors(load_prior_config("ssd300").spec).boxes
    assert infer_levels(torch.cat((boxes[:5], boxes[6:])), (300, 300)) == ((), PriorOrder.CELL)


def test_infer_levels_of_no_priors() -> None:
    assert infer_levels(torch.zeros((0, 4)), (300, 300)) == ((), PriorOrder.CELL)


@pytest.mark.parametrize("order", PriorOrder)
def test_level_index(order: PriorOrder) -> None:
    priors = generate_priors(PriorSpec((320, 200), LEVELS, order=order))
    assert priors.level_index.dtype == torch.int64
    assert priors.level_index.tolist() == [0] * 45 + [1] * 4 + [2] * 2


def test_level_index_without_levels() -> None:
    assert Priors(torch.rand((7, 4)), (300, 300), ()).level_index.tolist() == [0] * 7


def test_to_keeps_everything_but_the_device() -> None:
    priors = generate_priors(PriorSpec((320, 200), LEVELS, order=PriorOrder.SHAPE))
    moved = priors.to("meta")
    assert moved.boxes.device.type == "meta"
    assert (moved.image_size, moved.levels, moved.order) == (priors.image_size, LEVELS, PriorOrder.SHAPE)
