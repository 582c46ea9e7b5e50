"""Checks of priors: each fires on what it is about, and on nothing that training code really uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.prior_configs import load_prior_config, preset_names
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import Finding, Refusal, Severity
from ssdlossdbg.rules import Clip, LevelSpec, PriorOrder, PriorSpec

Found = dict[str, Finding]
Anchors = Callable[..., Found]


def level(cells: int | tuple[int, int], stride: float, *sizes: float) -> LevelSpec:
    """A level with a square of each size, a wide and a high shape of the first."""
    columns, rows = cells if isinstance(cells, tuple) else (cells, cells)
    wide = (sizes[0] * 2**0.5, sizes[0] / 2**0.5)
    return LevelSpec((columns, rows), (stride, stride), (*((size, size) for size in sizes), wide, wide[::-1]))


# No preset, and nothing wrong with it: each step is a third of the smallest square or less, or nearly so.
HEALTHY = PriorSpec((300, 300), (level(20, 15, 45, 64), level(10, 30, 90, 127), level(5, 60, 180, 210)))
WIDE = PriorSpec((480, 270), (level((32, 18), 15, 45, 64), level((16, 9), 30, 90, 127)))


@pytest.fixture
def anchors(tmp_path: Path) -> Anchors:
    """The findings on a grid, or on boxes, that are saved as a tensor of no preset; notes left out."""

    def run(
        priors: PriorSpec | Tensor, size: tuple[int, int] | None = (300, 300), *, notes: bool = False, **options: Any
    ) -> Found:
        path = tmp_path / "own.pt"
        torch.save(generate_priors(priors).boxes if isinstance(priors, PriorSpec) else priors, path)
        found = api.anchors(load_priors(str(path), layout=SavedLayout(image_size=size)), **options).findings
        return {item.code: item for item in found if notes or item.severity is not Severity.NOTE}

    return run


def boxes(spec: PriorSpec = HEALTHY) -> Tensor:
    return generate_priors(spec).boxes


def changed(index: int, new: LevelSpec, spec: PriorSpec = HEALTHY) -> PriorSpec:
    """A grid with one level replaced."""
    return replace(spec, levels=(*spec.levels[:index], new, *spec.levels[index + 1 :]))


def config(tmp_path: Path, text: str) -> tuple[str, ...]:
    """The codes that a prior config file gets."""
    path = tmp_path / "own.toml"
    path.write_text(text)
    return tuple(item.code for item in api.anchors(str(path)).findings)


def only_error(found: Found) -> str:
    (code,) = (code for code, item in found.items() if item.severity is Severity.ERROR)
    return code


def with_priors(path: Path, priors: Tensor, classes: int, **options: Any) -> Found:
    """What is found of the priors saved beside predictions of so many classes."""
    # Background everywhere: nothing to decode or suppress.
    conf = torch.zeros(1, len(priors), classes)
    conf[..., 0] = 20
    torch.save((torch.zeros(1, len(priors), 4), conf, priors), path)
    found = api.detect(path, device="cpu", **options).findings
    return {item.code: item for item in found if item.code.startswith("PRI")}


# What is not wrong

DEFECTS = {
    # The steps of VGG16 for the half as large feature maps of MobileNet: no centre beyond 148 of 300 pixels.
    "gluoncv-ssd300-mobilenet0.25": {"PRI007"},
    # 17 cells at a step of 16: no centre in the last 36 pixels.
    "pytorch-ssd-squeezenet": {"PRI007"},
    # Boxes of 512 px and more at the coarsest level, as for an input of twice the size.
    "tf2-object-detection-fpn-320": {"PRI009"},
}


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_silent_but_for_their_known_defects(name: str) -> None:
    found = api.anchors(name).findings
    assert {item.code for item in found if item.severity is not Severity.NOTE} == DEFECTS.get(name, set())


@pytest.mark.parametrize("name", ["ssd300-voc", "nvidia-ssd300-coco", "lufficc-ssd512-voc", "torchvision-ssdlite320"])
def test_saved_presets_are_silent_too(name: str, anchors: Anchors) -> None:
    assert anchors(boxes(load_prior_config(name).spec), None) == {}


@pytest.mark.parametrize("clip", list(Clip))
@pytest.mark.parametrize("order", list(PriorOrder))
@pytest.mark.parametrize("spec", [HEALTHY, WIDE], ids=["square", "wide"])
def test_healthy_grids_are_silent(spec: PriorSpec, clip: Clip, order: PriorOrder, anchors: Anchors) -> None:
    assert anchors(replace(spec, clip=clip, order=order), spec.image_size) == {}


@pytest.mark.parametrize("clip", ["none", "xyxy", "cxcywh"])
def test_clipped_config_is_silent(clip: str, tmp_path: Path) -> None:
    levels = "levels = [{ feature_map = 38, shapes = [[60, 60]] }, { feature_map = 1, shapes = [[300, 300]] }]"
    assert not {"PRI005", "PRI007", "PRI009"} & set(config(tmp_path, f'image_size = 300\nclip = "{clip}"\n{levels}'))


# Refused inputs


def refusal(path: Path, priors: Tensor, predicted: int) -> Found:
    """The findings on predictions that cannot be used with the priors saved beside them."""
    torch.save((torch.zeros(1, predicted, 4), torch.zeros(1, predicted, 3), priors), path)
    with pytest.raises(InputError) as caught:
        api.detect(path, device="cpu")
    error = caught.value
    return {item.code: item for item in find([Refusal(str(path), error.where, error.what, error.fix, error.code)])}


@pytest.mark.parametrize(
    ("code", "priors", "predicted", "words"),
    [
        ("PRI001", boxes(), len(boxes()) - 10 * 10 * 4, "priors: has 2100 priors, but the predictions are for 1700"),
        ("PRI001", boxes(), 2, "for 2"),
        ("PRI002", boxes().repeat(3, 1), len(boxes()), "has 6300 priors, but the predictions are for 2100"),
        ("PRI003", boxes().where(boxes() > 0.03, torch.nan), len(boxes()), "priors[0]: is (nan, nan, 0.15, 0.15)"),
    ],
    ids=["a level less", "far fewer", "three times", "nan"],
)
def test_refused(code: str, priors: Tensor, predicted: int, words: str, tmp_path: Path) -> None:
    found = refusal(tmp_path / "preds.pt", priors, predicted)
    assert set(found) == {code}
    assert words in found[code].worst.message
    assert found[code].worst.where.file == str(tmp_path / "preds.pt")
    assert found[code].worst.fix


# Single priors


@pytest.mark.parametrize(("side", "shown"), [(2, "0 x 45 px"), (3, "45 x 0 px")])
def test_no_size(side: int, shown: str, anchors: Anchors) -> None:
    broken = boxes()
    broken[8:12, side] = 0
    found = anchors(broken)
    assert only_error(found) == "PRI004"
    (case,) = found["PRI004"].cases
    assert (case.where.prior, case.value) == (8, 0)
    assert shown in case.message
    assert "one of 4 such priors of level 0 (20 x 20)" in case.message


def test_negative_size(tmp_path: Path) -> None:
    found = with_priors(
        tmp_path / "preds.pt", boxes() * torch.tensor([1, 1, -1, 1]), 3, layout=SavedLayout(image_size=(300, 300))
    )
    assert only_error(found) == "PRI004"
    assert [case.value for case in found["PRI004"].cases] == pytest.approx([-0.2133, -0.4243, -0.8485], abs=1e-4)


def test_no_size_is_the_only_error_of_a_batch(tmp_path: Path) -> None:
    priors = boxes(load_prior_config("ssd300-voc").spec)
    priors[[8, 4000], 2:] = 0
    generator = torch.Generator().manual_seed(0)
    loc, conf = (torch.randn(1, len(priors), size, generator=generator) * 0.1 for size in (4, 21))
    torch.save((loc, conf, priors), tmp_path / "preds.pt")
    torch.save([torch.tensor([[0.1, 0.2, 0.3, 0.5, 0], [0.4, 0.4, 0.9, 0.9, 1]])], tmp_path / "targets.pt")
    result = api.loss(
        tmp_path / "preds.pt", tmp_path / "targets.pt", device="cpu", layout=SavedLayout(image_size=(300, 300))
    )
    assert only_error({item.code: item for item in result.findings}) == "PRI004"


def test_repeated_shape(anchors: Anchors) -> None:
    twice = level(10, 30, 90, 90)
    found = anchors(changed(1, twice))
    assert set(found) == {"PRI005"}
    (case,) = found["PRI005"].cases
    assert (case.value, case.where.prior) == (100, 20 * 20 * 4 + 1)
    assert "prior 1600" in case.message
    assert "level 1 (10 x 10)" in case.message


def test_nearly_repeated_shape(anchors: Anchors) -> None:
    assert anchors(changed(1, level(10, 30, 90, 90.1))) == {}


@pytest.mark.parametrize("size", [425, 600])
def test_too_large(size: float, anchors: Anchors) -> None:
    found = anchors(changed(2, LevelSpec((5, 5), (60, 60), ((180, 180), (size, size)))))
    assert set(found) == {"PRI009"}
    # An object that fills the image is all inside the prior.
    assert found["PRI009"].worst.value == pytest.approx((300 / size) ** 2, rel=1e-5)
    assert "25 priors of level 2 (5 x 5)" in found["PRI009"].worst.message


@pytest.mark.parametrize("shape", [(420, 420), (595, 200), (200, 595)])
def test_large_but_of_use(shape: tuple[float, float], anchors: Anchors) -> None:
    assert anchors(changed(2, LevelSpec((5, 5), (60, 60), ((180, 180), shape)))) == {}


def test_too_large_depends_on_the_threshold(anchors: Anchors) -> None:
    spec = changed(2, LevelSpec((5, 5), (60, 60), ((180, 180), (400, 400))))
    strict = api.override(load_dialect("ssd.pytorch"), threshold=0.6)
    assert anchors(spec) == {}
    assert set(anchors(spec, dialect=strict)) == {"PRI009"}


# The grid


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (level(10, 15.1, 90, 127), "run from 8 to 143 of 300 px in x; 157 px at a border are without any"),
        (level(20, 30, 90, 127), "run from 15 to 585 of 300 px in x; the outer ones lie outside"),
        (level((10, 9), 30, 90, 127), "run from 15 to 255 of 300 px in y; 45 px"),
    ],
)
def test_off_grid(broken: LevelSpec, words: str, anchors: Anchors) -> None:
    found = anchors(changed(1, broken))
    assert set(found) == {"PRI007"}
    (case,) = found["PRI007"].cases
    assert case.where.level == 1
    assert words in case.message


def test_single_cell_in_a_corner(anchors: Anchors) -> None:
    found = anchors(torch.cat((boxes(), torch.tensor([[0.2, 0.2, 0.9, 0.9]]))))
    assert set(found) == {"PRI007"}
    assert found["PRI007"].worst.where.level == 3
    assert "a step of 300 px would cover it" in found["PRI007"].worst.message


@pytest.mark.parametrize("stride", [29, 31, 32.9])
def test_steps_that_do_not_quite_divide_the_image(stride: float, anchors: Anchors) -> None:
    assert anchors(changed(1, level(10, stride, 90, 127))) == {}


@pytest.mark.parametrize("offset", [0.0, 0.5, 1.0])
def test_centres_anywhere_in_their_cells(offset: float, anchors: Anchors) -> None:
    assert anchors(replace(HEALTHY, offset=offset)) == {}


def test_centres_of_a_single_shape_moved_by_clipping(tmp_path: Path) -> None:
    text = 'image_size = 300\nclip = "xyxy"\nlevels = [{ feature_map = 38, stride = 8, shapes = [[60, 60]] }]'
    assert "PRI007" not in config(tmp_path, text)


@pytest.mark.parametrize("order", list(PriorOrder))
def test_y_before_x(order: PriorOrder, anchors: Anchors) -> None:
    found = anchors(boxes(replace(HEALTHY, order=order))[:, [1, 0, 3, 2]])
    assert set(found) == {"PRI008"}
    assert "y comes before x" in found["PRI008"].worst.message


def test_one_column_is_not_swapped(anchors: Anchors) -> None:
    column = [LevelSpec((1, rows), (32, 512 / rows), ((32, 512 / rows),)) for rows in (16, 8, 4)]
    assert anchors(PriorSpec((32, 512), tuple(column)), (32, 512)) == {}


def transposed(spec: PriorSpec) -> PriorSpec:
    """The grid with columns and rows swapped, and the steps that cover the image so."""
    width, height = spec.image_size
    levels = [
        LevelSpec((rows, columns), (width / rows, height / columns), each.shapes)
        for each in spec.levels
        for columns, rows in [each.feature_map]
    ]
    return replace(spec, levels=tuple(levels))


def test_feature_map_transposed(anchors: Anchors) -> None:
    found = anchors(transposed(WIDE), WIDE.image_size)
    assert only_error(found) == "PRI008"
    assert "18 x 32 cells fit an input of 270 x 480, and not of 480 x 270" in found["PRI008"].worst.message


def test_feature_map_transposed_on_an_unknown_input(anchors: Anchors) -> None:
    assert "PRI008" not in anchors(transposed(WIDE), None)


def test_feature_map_that_fits_neither_way(anchors: Anchors) -> None:
    """More than columns and rows are wrong there."""
    assert "PRI008" not in anchors(changed(0, LevelSpec((60, 9), (8, 30), ((45, 45),)), WIDE), WIDE.image_size)
    only = PriorSpec((480, 270), (LevelSpec((60, 9), (8, 30), ((45, 45),)),))
    assert "PRI008" not in anchors(only, only.image_size)


@pytest.mark.parametrize(("columns", "rows"), [(32, 18), (31, 17), (33, 17)])
def test_feature_map_off_by_a_rounding(columns: int, rows: int, anchors: Anchors) -> None:
    first = LevelSpec((columns, rows), (480 / columns, 270 / rows), WIDE.levels[0].shapes)
    assert anchors(changed(0, first, WIDE), WIDE.image_size) == {}


def stretched(x: float, y: float) -> Tensor:
    """The wide grid with sizes multiplied."""
    return boxes(WIDE) * torch.tensor([1, 1, x, y])


@pytest.mark.parametrize(("x", "y", "factor"), [(1, 270 / 480, 16 / 9), (16 / 9, 9 / 16, (16 / 9) ** 2)])
def test_stretched_shapes(x: float, y: float, factor: float, anchors: Anchors) -> None:
    found = anchors(stretched(x, y), WIDE.image_size)
    assert set(found) == {"PRI014"}
    assert found["PRI014"].worst.value == pytest.approx(factor, abs=1e-4)


@pytest.mark.parametrize(("size", "cells"), [((480, 240), (32, 16)), ((240, 480), (16, 32))])
def test_shapes_of_a_whole_ratio_are_chosen(size: tuple[int, int], cells: tuple[int, int], anchors: Anchors) -> None:
    """On an input of two squares, one beside the other or above it, sizes of one factor for both are of the ratio 2."""
    spec = PriorSpec(size, (LevelSpec(cells, (15, 15), ((45, 45), (64, 64))),))
    oblong = boxes(spec) * torch.tensor([1, 1, size[0] / size[1], 1])
    assert "PRI014" not in anchors(oblong, size)


def test_shapes_without_a_square_are_not_stretched(anchors: Anchors) -> None:
    wide = [replace(each, shapes=((90, 45), (150, 50))) for each in WIDE.levels]
    assert anchors(replace(WIDE, levels=tuple(wide)), WIDE.image_size) == {}


def test_corners_read_as_centres(anchors: Anchors) -> None:
    found = anchors(cxcywh_to_xyxy(boxes()))
    assert set(found) == {"PRI015"}
    assert "--prior-format xyxy" in found["PRI015"].worst.fix


def test_corners_that_were_clipped_read_as_centres(anchors: Anchors) -> None:
    """Clipping moves the centres at the border, so that they are no grid either."""
    clipped = cxcywh_to_xyxy(boxes()).clamp(0, 1)
    assert set(anchors(clipped, notes=True)) == {"PRI015"}
    assert anchors(clipped[(clipped[:, :2] < 0.5).any(1)]) == {}, "these may be centres and sizes, too"


@pytest.mark.parametrize("seed", range(3))
def test_boxes_that_are_no_grid_are_not_corners_either(seed: int, anchors: Anchors) -> None:
    generator = torch.Generator().manual_seed(seed)
    assert anchors(0.1 + 0.8 * torch.rand(200, 4, generator=generator)) == {}


# Sizes


def test_shrinking_sizes(anchors: Anchors) -> None:
    found = anchors(changed(1, level(10, 30, 9, 40)))
    assert set(found) == {"PRI010"}
    (case,) = found["PRI010"].cases
    assert (case.where.level, case.value, case.bound) == (1, 9, 45)


@pytest.mark.parametrize(
    ("index", "new", "named"),
    [
        (0, level(20, 15, 150, 170), 1),  # then 90 to 127 and 180 to 210: either of the first two may be wrong
        (0, level(20, 15, 190, 220), 0),  # above both others
        (1, level(10, 30, 190, 250), 2),  # above the last, which is above the first: either
        (2, level(5, 60, 40, 50), 2),  # below both others
    ],
)
def test_the_level_that_is_out_of_line_is_named(index: int, new: LevelSpec, named: int, anchors: Anchors) -> None:
    (case,) = anchors(changed(index, new))["PRI010"].cases
    assert case.where.level == named


@pytest.mark.parametrize(("size", "fires"), [(14.9, True), (15.1, False)])
def test_priors_far_smaller_than_their_step(size: float, fires: bool, anchors: Anchors) -> None:
    """Cells of 30 pixels; on the others 15 and 60."""
    found = anchors(changed(1, level(10, 30, size / 2, size), changed(0, level(20, 15, 7.0, 8.0))))
    assert ("PRI016" in found) == fires
    if fires:
        (case,) = found["PRI016"].cases
        assert (case.where.level, case.bound) == (1, 0.5)
        assert case.value == pytest.approx(14.9 / 30, abs=1e-3)
        assert "14.9 px large, and they stand 30 px apart" in case.message


def test_sizes_ten_times_too_small(anchors: Anchors) -> None:
    small = boxes()
    small[:, 2:] /= 10
    assert set(anchors(small)) == {"PRI016"}
    assert len(anchors(small)["PRI016"].cases) == 3


@pytest.mark.parametrize("sizes", [(45, 64), (45, 180), (30, 127)])
def test_sizes_that_overlap_or_stay(sizes: tuple[float, ...], anchors: Anchors) -> None:
    assert anchors(changed(1, level(10, 30, *sizes))) == {}


def test_coarse_levels_may_come_first(anchors: Anchors) -> None:
    assert anchors(replace(HEALTHY, levels=HEALTHY.levels[::-1])) == {}


def test_blind_sizes(anchors: Anchors) -> None:
    # Between four centres a 60 px square shares (1 - 30 / 120)^2 = 0.5625 of its area: IoU 0.5625 / 1.4375 = 0.3913.
    # On a centre one of side s reaches 60^2 / s^2, which is 0.5 at 84.9 px.
    one = PriorSpec((300, 300), (LevelSpec((10, 10), (30, 30), ((60, 60),)),))
    found = anchors(one, notes=True)
    assert set(found) == {"PRI011"}
    case = found["PRI011"].worst
    assert case.value is not None
    assert float(case.value) <= 0.3913 + 1e-4
    assert case.message.startswith("square objects of 60 to 84 px reach IoU 0.5 on a centre")


@pytest.mark.parametrize(("stride", "blind"), [(30, False), (37.5, True)])
def test_blind_sizes_follow_the_bound(stride: float, blind: bool, anchors: Anchors) -> None:
    # 0.367 * 90 = 33.0.
    one = PriorSpec((300, 300), (LevelSpec((round(300 / stride),) * 2, (stride, stride), ((90, 90),)),))
    found = anchors(one, notes=True)
    covered = "PRI011" not in found or not found["PRI011"].worst.message.startswith("square objects of 90 ")
    assert covered is not blind


def test_sizes_that_another_level_covers_are_not_blind(anchors: Anchors) -> None:
    coarse = LevelSpec((5, 5), (60, 60), ((90, 90),))
    fine = LevelSpec((30, 30), (10, 10), ((90, 90), (110, 110)))
    assert "PRI011" in anchors(PriorSpec((300, 300), (coarse,)), notes=True)
    assert "PRI011" not in anchors(PriorSpec((300, 300), (fine, coarse)), notes=True)


# Clamping


@pytest.mark.parametrize(
    "spec",
    [
        replace(changed(1, level(10, 32, 90, 127)), clip=Clip.CXCYWH),
        replace(changed(2, level(5, 60, 230, 250)), clip=Clip.CXCYWH),
    ],
    ids=["centres", "sizes"],
)
def test_clamped_as_centre_and_size(spec: PriorSpec, anchors: Anchors) -> None:
    found = anchors(spec, notes=True)
    assert "PRI006" in found
    value = found["PRI006"].worst.value
    assert value is not None
    assert 0 < float(value) < 1


@pytest.mark.parametrize("clip", [Clip.NONE, Clip.XYXY])
def test_other_clamps(clip: Clip, anchors: Anchors) -> None:
    assert "PRI006" not in anchors(replace(changed(1, level(10, 32, 90, 127)), clip=clip), notes=True)
    assert "PRI006" not in anchors(replace(HEALTHY, clip=clip), notes=True)


def test_one_level_that_is_too_large_tells_of_a_clamp(tmp_path: Path) -> None:
    levels = "{ feature_map = 10, shapes = [[60, 60]] }, { feature_map = 5, shapes = [[330, 100]] }"
    assert "PRI006" in config(tmp_path, f'image_size = 300\nclip = "cxcywh"\nlevels = [{levels}]')


def test_a_grid_from_border_to_border_was_not_clamped(anchors: Anchors) -> None:
    """Its last centre is at 1, where a clamp would have left it, and yet it is where the grid puts it."""
    spec = PriorSpec((300, 300), (level(21, 15, 45, 64), level(11, 30, 90, 127)), offset=0.0)
    assert float(boxes(spec)[:, :2].max()) == 1
    assert "PRI006" not in anchors(spec, notes=True)


def test_a_clamp_that_did_nothing(anchors: Anchors) -> None:
    assert "PRI006" not in anchors(replace(HEALTHY, clip=Clip.CXCYWH), notes=True)


def test_shipped_presets_are_not_told_that_they_clamp() -> None:
    assert all(item.code != "PRI006" for item in api.anchors("ssd300-voc").findings)


def test_clamp_of_a_config(tmp_path: Path) -> None:
    levels = "levels = [{ feature_map = 5, shapes = [[100, 100], [330, 150]] }]"
    assert "PRI006" in config(tmp_path, f'image_size = 300\nclip = "cxcywh"\n{levels}')
    assert "PRI006" not in config(tmp_path, f"image_size = 300\n{levels}")


# Presets of others


# What ssd.pytorch's ssd.py:32 takes for so many classes: (coco, voc)[num_classes == 21].
@pytest.mark.parametrize(
    ("preset", "classes", "usual"),
    [
        ("ssd300-coco", 21, "ssd300-voc"),
        ("ssd300-voc", 4, "ssd300-coco"),
        ("ssd300-voc", 20, "ssd300-coco"),
        ("ssd300-voc", 81, "ssd300-coco"),
    ],
)
def test_priors_of_another_number_of_classes(preset: str, classes: int, usual: str, tmp_path: Path) -> None:
    found = with_priors(tmp_path / "preds.pt", boxes(load_prior_config(preset).spec), classes)
    assert {code: item.severity for code, item in found.items()} == {"PRI012": Severity.NOTE}
    case = found["PRI012"].worst
    assert case.message == f"those of {preset}, though ssd.pytorch itself takes {usual} for {classes} classes"
    assert f"--config {usual}" in case.fix


@pytest.mark.parametrize(
    ("preset", "classes", "dialect"),
    [
        ("ssd300-voc", 21, "ssd.pytorch"),
        ("ssd300-coco", 4, "ssd.pytorch"),
        ("ssd300-coco", 81, "ssd.pytorch"),
        ("torchvision-ssd300", 4, "ssd.pytorch"),
        ("ssd300-voc", 4, "lufficc"),
        ("ssd300-coco", 21, "lufficc"),
        ("caffe-ssd300-coco", 4, "caffe"),
    ],
)
def test_priors_that_were_meant(preset: str, classes: int, dialect: str, tmp_path: Path) -> None:
    priors = boxes(load_prior_config(preset).spec)
    assert with_priors(tmp_path / "preds.pt", priors, classes, dialect=dialect) == {}


@pytest.mark.parametrize(
    ("config", "fires"), [("ssd300-voc", True), ("ssd300-coco", False), ("torchvision-ssd300", True)]
)
def test_other_priors_than_the_saved_ones(config: str, fires: bool) -> None:
    """The sample batch was saved with ssd.pytorch's COCO priors; all three presets have 8732."""
    sample = Path(__file__).parents[2] / "sample_data"
    result = api.loss(sample / "preds.pt", sample / "targets.pt", config, device="cpu")
    found = {item.code: item for item in result.findings}
    assert ("PRI013" in found) == fires
    if fires:
        assert "ssd300-coco" in found["PRI013"].worst.message
        assert [code for code, item in found.items() if item.severity is Severity.ERROR] == ["PRI013"]


def test_saved_priors_as_corners_are_the_same(tmp_path: Path) -> None:
    """As torchvision has them, in pixels; --prior-format need not be said where --config is."""
    priors = load_priors("torchvision-ssd300").priors.boxes
    predictions = {
        "loc": torch.zeros(1, 8732, 4),
        "conf": torch.zeros(1, 8732, 3),
        "priors": cxcywh_to_xyxy(priors) * 300,
    }
    torch.save(predictions, tmp_path / "preds.pt")
    found = api.detect(tmp_path / "preds.pt", priors="torchvision-ssd300", dialect="torchvision", device="cpu").findings
    assert "PRI013" not in [item.code for item in found]
