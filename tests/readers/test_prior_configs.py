"""Every preset against its codebase's own priors; user files; what is said of a bad one."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers import named_priors, schema
from ssdlossdbg.readers.files import read_table
from ssdlossdbg.readers.prior_configs import (
    PRIOR_CONFIGS,
    load_prior_config,
    preset_codebase,
    preset_names,
    presets_with,
)
from ssdlossdbg.rules import Clip, PriorOrder

Refused = Callable[[Callable[[], object]], InputError]
FIGURES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "priors.json").read_text())
CODEBASES = {
    "balancap",
    "bubbliiiing",
    "caffe",
    "chainercv",
    "d2l",
    "faceboxes",
    "gluoncv",
    "linzaer",
    "lufficc",
    "mmdetection",
    "mxnet-ssd",
    "nvidia",
    "paddledetection",
    "pytorch-ssd",
    "refinedet",
    "retinaface",
    "rfbnet",
    "rykov8",
    "sgrvinod",
    "ssd-keras",
    "ssd.pytorch",
    "ssd.tensorflow",
    "tf-object-detection",
    "tf2-object-detection",
    "torchvision",
    "yolact",
}
ONE_LEVEL = "levels = [{ feature_map = 2, shapes = [[10, 20]] }]\n"


def clipped(cx: float, cy: float, w: float, h: float) -> list[float]:
    """A box after Caffe's clip of its corners."""
    x1, y1, x2, y2 = (min(max(v, 0.0), 1.0) for v in (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
    return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]


R2, R3 = math.sqrt(2), math.sqrt(3)
MEAN, LAST = math.sqrt(30 * 60) / 300, math.sqrt(264 * 315) / 300
BY_HAND: dict[str, tuple[int, list[list[float]], list[list[float]]]] = {
    "bubbliiiing-ssd300": (
        8732,
        [
            clipped(0.5 / 38, 0.5 / 38, 0.1, 0.1),
            clipped(0.5 / 38, 0.5 / 38, MEAN, MEAN),
            clipped(0.5 / 38, 0.5 / 38, 0.1 * R2, 0.1 / R2),
            clipped(0.5 / 38, 0.5 / 38, 0.1 / R2, 0.1 * R2),
            clipped(1.5 / 38, 0.5 / 38, 0.1, 0.1),
        ],
        [
            clipped(0.5, 0.5, *size)
            for size in ((0.88, 0.88), (LAST, LAST), (0.88 * R2, 0.88 / R2), (0.88 / R2, 0.88 * R2))
        ],
    ),
    "mobilenet-ssd-caffe": (
        19 * 19 * 3 + (10 * 10 + 5 * 5 + 3 * 3 + 2 * 2 + 1) * 6,
        [
            [0.5 / 19, 0.5 / 19, 0.2, 0.2],
            [0.5 / 19, 0.5 / 19, 0.2 * R2, 0.2 / R2],
            [0.5 / 19, 0.5 / 19, 0.2 / R2, 0.2 * R2],
            [1.5 / 19, 0.5 / 19, 0.2, 0.2],
        ],
        [
            [0.5, 0.5, 0.95, 0.95],
            [0.5, 0.5, math.sqrt(0.95), math.sqrt(0.95)],
            [0.5, 0.5, 0.95 * R2, 0.95 / R2],
            [0.5, 0.5, 0.95 / R2, 0.95 * R2],
            [0.5, 0.5, 0.95 * R3, 0.95 / R3],
            [0.5, 0.5, 0.95 / R3, 0.95 * R3],
        ],
    ),
    "mxnet-ssd-vgg16-300": (
        8732,
        [
            [4 / 300, 4 / 300, *size]
            for size in ((0.1, 0.1), (0.141, 0.141), (0.1 * R2, 0.1 / R2), (0.1 / R2, 0.1 * R2))
        ],
        [[0.5, 0.5, *size] for size in ((0.88, 0.88), (0.961, 0.961), (0.88 * R2, 0.88 / R2), (0.88 / R2, 0.88 * R2))],
    ),
    "retinaface-640": (
        (80 * 80 + 40 * 40 + 20 * 20) * 2,
        [[cx / 640, 4 / 640, side / 640, side / 640] for cx in (4, 12) for side in (16, 32)],
        [[cx / 640, 624 / 640, side / 640, side / 640] for cx in (592, 624) for side in (256, 512)],
    ),
    "rfbnet-ssd512-coco": (
        32756,
        [
            [4 / 512, 4 / 512, *size]
            for size in (
                (0.04, 0.04),
                (math.sqrt(0.04 * 0.1), math.sqrt(0.04 * 0.1)),
                (0.04 * R2, 0.04 / R2),
                (0.04 / R2, 0.04 * R2),
                (0.04 * R3, 0.04 / R3),
                (0.04 / R3, 0.04 * R3),
            )
        ],
        [
            [0.5, 0.5, *size]
            for size in ((0.9, 0.9), (math.sqrt(0.9 * 1.06), math.sqrt(0.9 * 1.06)), (1, 0.9 / R2), (0.9 / R2, 1))
        ],
    ),
    "rykov8-ssd300": (
        7308,
        [clipped(0.5 / 38, 0.5 / 38, *size) for size in ((0.1, 0.1), (0.1 * R2, 0.1 / R2), (0.1 / R2, 0.1 * R2))],
        [
            [0.5, 0.5, *size]
            for size in ((0.92, 0.92), (1, 1), (1, 0.92 / R2), (0.92 / R2, 1), (1, 0.92 / R3), (0.92 / R3, 1))
        ],
    ),
    "yolact-im400": (
        (50 * 50 + 25 * 25 + 13 * 13 + 7 * 7 + 4 * 4) * 3,
        [[0.5 / 50, 0.5 / 50, side, side] for side in (17 / 400, 17 / 400 / R2, 17 / 400 * R2)],
        [[0.875, 0.875, side, side] for side in (279 / 400, 279 / 400 / R2, 279 / 400 * R2)],
    ),
    "caffe-ssd300-resnet": (
        38 * 38 * 3 + (19 * 19 + 10 * 10 + 5 * 5 + 3 * 3 + 1) * 6,
        [
            clipped(0.5 / 38, 0.5 / 38, 0.1, 0.1),
            clipped(0.5 / 38, 0.5 / 38, 0.1 * R2, 0.1 / R2),
            clipped(0.5 / 38, 0.5 / 38, 0.1 / R2, 0.1 * R2),
            clipped(1.5 / 38, 0.5 / 38, 0.1, 0.1),
        ],
        [
            [0.5, 0.5, *size]
            for size in ((0.92, 0.92), (1, 1), (1, 0.92 / R2), (0.92 / R2, 1), (1, 0.92 / R3), (0.92 / R3, 1))
        ],
    ),
    "tf-object-detection-ssd-mobilenet-v1-320": (
        20 * 20 * 3 + (10 * 10 + 5 * 5 + 3 * 3 + 2 * 2 + 1) * 6,
        [
            [0.025, 0.025, 0.1, 0.1],
            [0.025, 0.025, 0.2 * R2, 0.2 / R2],
            [0.025, 0.025, 0.2 / R2, 0.2 * R2],
            [0.075, 0.025, 0.1, 0.1],
        ],
        [
            [0.5, 0.5, 0.95, 0.95],
            [0.5, 0.5, 0.95 * R2, 0.95 / R2],
            [0.5, 0.5, 0.95 / R2, 0.95 * R2],
            [0.5, 0.5, 0.95 * R3, 0.95 / R3],
            [0.5, 0.5, 0.95 * math.sqrt(0.3333), 0.95 / math.sqrt(0.3333)],
            [0.5, 0.5, math.sqrt(0.95), math.sqrt(0.95)],
        ],
    ),
}


def priors(name: str) -> Tensor:
    """The float32 priors of a config."""
    return generate_priors(load_prior_config(name).spec).boxes


def assert_rows(boxes: Tensor, expected: list[list[float]]) -> None:
    """Every coordinate within 1e-6 of the expected one."""
    torch.testing.assert_close(boxes.double(), torch.tensor(expected).double(), rtol=0, atol=1e-6)


def assert_figures(name: str, figures: dict[str, Any]) -> None:
    """The config generates what the codebase does."""
    boxes = priors(name)
    assert len(boxes) == figures["count"] == load_prior_config(name).spec.count
    rounding = max(5e-4, 1e-8 * len(boxes))
    assert boxes.double().sum(0).tolist() == pytest.approx(figures["columns"], rel=0, abs=rounding)
    assert_rows(boxes[: len(figures["first"])], figures["first"])
    assert_rows(boxes[-len(figures["last"]) :], figures["last"])
    if "sha256" in figures:
        assert hashlib.sha256(boxes.numpy().tobytes()).hexdigest() == figures["sha256"]


def refusal(name: str | Path) -> InputError:
    """The error that loading ends in."""
    with pytest.raises(InputError) as caught:
        load_prior_config(str(name))
    return caught.value


def test_every_preset_has_figures() -> None:
    assert sorted([*FIGURES["presets"], *BY_HAND]) == preset_names()


@pytest.mark.parametrize("name", FIGURES["presets"])
def test_preset_equals_its_codebase(name: str) -> None:
    assert_figures(name, FIGURES["presets"][name])


@pytest.mark.parametrize("name", BY_HAND)
def test_preset_equals_the_formula_by_hand(name: str) -> None:
    count, first, last = BY_HAND[name]
    boxes = priors(name)
    assert len(boxes) == count
    assert_rows(boxes[: len(first)], first)
    assert_rows(boxes[-len(last) :], last)


@pytest.mark.parametrize("figures", FIGURES["overrides"], ids=lambda f: f"{f['base']}-{f['clip']}")
def test_user_file_overrides_the_clip_of_a_preset(figures: dict[str, Any], tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'base = "{figures["base"]}"\nclip = "{figures["clip"]}"\n')
    assert_figures(str(own), figures)


@pytest.mark.parametrize("name", preset_names())
def test_preset_is_described(name: str) -> None:
    config = load_prior_config(name)
    assert config.name == name
    assert 0 < len(config.title) <= 40
    assert config.codebase in CODEBASES
    text = (PRIOR_CONFIGS / f"{name}.toml").read_text()
    assert text.startswith("# ")
    assert "title = " in text, "stated, not inherited from the base"
    assert "codebase = " in text, "stated, not inherited from the base"


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("ssd300", "ssd300-voc"),
        ("ssd512", "lufficc-ssd512-voc"),
        ("ssd512-voc", "lufficc-ssd512-voc"),
        ("ssd512-coco", "lufficc-ssd512-coco"),
        ("ssdlite320", "torchvision-ssdlite320"),
        ("caffe-ssd300-ilsvrc", "caffe-ssd300-voc"),
    ],
)
def test_alias(alias: str, name: str) -> None:
    assert load_prior_config(alias) == load_prior_config(name)


def test_toml_and_json_files_say_the_same(tmp_path: Path) -> None:
    table = {
        "title": "Wide",
        "image_size": [400, 200],
        "clip": "wh",
        "order": "shape",
        "offset": 0.25,
        "levels": [
            {
                "feature_map": [8, 4],
                "min_size": 30,
                "max_size": 60,
                "shapes": ["min", "mean", 2, "1/2", [7, 9]],
            },
            {"feature_map": 2, "stride": [150, 90], "shapes": [[100, 50]]},
        ],
    }
    as_json, as_toml = tmp_path / "wide.json", tmp_path / "wide.toml"
    as_json.write_text(json.dumps(table))
    as_toml.write_text(
        'title = "Wide"\nimage_size = [400, 200]\nclip = "wh"\norder = "shape"\noffset = 0.25\n'
        "[[levels]]\nfeature_map = [8, 4]\nmin_size = 30\nmax_size = 60\n"
        'shapes = ["min", "mean", 2, "1/2", [7, 9]]\n'
        "[[levels]]\nfeature_map = 2\nstride = [150, 90]\nshapes = [[100, 50]]\n"
    )
    config = load_prior_config(str(as_toml))
    assert config == load_prior_config(str(as_json))
    assert (config.name, config.title, config.codebase) == ("wide", "Wide", "")
    spec = config.spec
    assert (spec.image_size, spec.clip, spec.order, spec.offset) == (
        (400, 200),
        Clip.WH,
        PriorOrder.SHAPE,
        0.25,
    )
    first, second = spec.levels
    assert (first.feature_map, first.stride) == ((8, 4), (50, 50))
    sides = [side for shape in first.shapes for side in shape]
    mean = math.sqrt(30 * 60)
    assert sides == pytest.approx([30, 30, mean, mean, 30 * R2, 30 / R2, 30 / R2, 30 * R2, 7, 9])
    assert (second.feature_map, second.stride, second.shapes) == ((2, 2), (150, 90), ((100, 50),))


def test_chain_of_bases(tmp_path: Path) -> None:
    below, above = tmp_path / "below.json", tmp_path / "above.toml"
    below.write_text(json.dumps({"base": "ssd300", "clip": "none", "offset": 0.25}))
    above.write_text(f'base = "{below}"\noffset = 0\n')
    spec = load_prior_config(str(above)).spec
    assert (spec.clip, spec.offset) == (Clip.NONE, 0)
    assert spec.levels == load_prior_config("ssd300-voc").spec.levels


def test_base_beside_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "below.toml").write_text("image_size = 300\n" + ONE_LEVEL)
    above = tmp_path / "above.toml"
    above.write_text('base = "below.toml"\noffset = 0\n')
    assert load_prior_config(str(above)).spec.count == 4


def test_circular_base(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(f'base = "{two}"\n')
    two.write_text(f'base = "{one}"\n')
    error = refusal(one)
    assert "is its own base" in error.what
    assert f"{one} -> {two}" in error.what
    assert error.fix == "Break the circle."


def test_base_of_no_known_name(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('base = "ssd300-vok"\n')
    error = refusal(own)
    assert (error.where, error.what) == (str(own), "unknown prior config 'ssd300-vok'")
    assert "Did you mean 'ssd300-voc'?" in error.fix


def test_unknown_name() -> None:
    error = refusal("torchvision-ssd30")
    assert isinstance(error, UnknownNameError)
    assert (error.where, error.what) == ("--config", "unknown prior config 'torchvision-ssd30'")
    assert error.fix.startswith("Did you mean 'torchvision-ssd300'?")
    assert ".toml or .json" in error.fix


def test_missing_file(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text("{}")
    error = refusal(tmp_path / "own.toml")
    assert (error.where, error.what) == (str(tmp_path / "own.toml"), "no such file")
    assert error.fix == "There is own.json beside it."


def level(keys: str) -> str:
    """A config whose only level has these keys."""
    return f"image_size = 300\nlevels = [{{ {keys} }}]\n"


CORRECT = "Correct the value."


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("image_sise = 300\n" + ONE_LEVEL, "unknown key 'image_sise'", "Did you mean 'image_size'?"),
        (
            level("feature_maps = 2"),
            "unknown key 'levels[0].feature_maps'",
            "Did you mean 'levels[0].feature_map'?",
        ),
        ('image_size = "300"\n' + ONE_LEVEL, "key image_size: expected `int | array`, got `str`", CORRECT),
        ("image_size = true\n" + ONE_LEVEL, "key image_size: expected `int | array`, got `bool`", CORRECT),
        ('clip = "yes"\nimage_size = 300\n' + ONE_LEVEL, "key clip: invalid enum value 'yes'", f"{CORRECT} Known: "),
        ("image_size = 300\nlevels = [7]\n", "key levels[0]: expected `object`, got `int`", CORRECT),
        (
            level("feature_map = [2], shapes = [[1, 1]]"),
            "key levels[0].feature_map: expected `array` of length 2, got 1",
            CORRECT,
        ),
        ("image_size = [300, 0]\n" + ONE_LEVEL, "key image_size: must be above 0, found 300, 0", CORRECT),
        (
            level("feature_map = 0, shapes = [[1, 1]]"),
            "key levels[0].feature_map: must be above 0, found 0, 0",
            CORRECT,
        ),
        (
            level("feature_map = 2, stride = 0, shapes = [[1, 1]]"),
            "key levels[0].stride: must be above 0, found 0, 0",
            CORRECT,
        ),
        (
            level('feature_map = 2, min_size = 0, shapes = ["min"]'),
            "key levels[0].min_size: must be above 0, found 0",
            CORRECT,
        ),
        (
            level("feature_map = 2, shapes = [[1, 1], [1, -1]]"),
            "key levels[0].shapes[1]: must be above 0, found 1, -1",
            CORRECT,
        ),
        (
            level("feature_map = 2, min_size = 9, shapes = [-2]"),
            "key levels[0].shapes[0]: must be above 0, found -2",
            CORRECT,
        ),
        (
            level('feature_map = 2, shapes = ["min"]'),
            "key levels[0].shapes[0]: 'min' needs min_size",
            "Add min_size to the level.",
        ),
        (
            level('feature_map = 2, min_size = 9, shapes = ["min", "mean"]'),
            "key levels[0].shapes[1]: 'mean' needs max_size",
            "Add max_size to the level.",
        ),
        (
            level('feature_map = 2, shapes = ["big"]'),
            "key levels[0].shapes[0]: unknown shape 'big'",
            'Use "min", "mean", an aspect ratio (2 or "1/2") or [width, height].',
        ),
        (level("feature_map = 2, shapes = []"), "key levels[0].shapes: holds no shape", "Name at least one."),
        (
            "image_size = 300\nlevels = []\n",
            "key levels: holds no level",
            "Describe at least one feature map.",
        ),
        ("image_size = 300\n", "object missing required field `levels`", CORRECT),
        ("image_size = \n", "cannot be parsed: Invalid value (at line 1, column 14)", "Correct that place."),
        ("base = 300\n", "key base: ", CORRECT),
        (
            level('feature_map = 2, min_size = -4, max_size = 9, shapes = ["mean"]'),
            "key levels[0].min_size: must be above 0, found -4",
            CORRECT,
        ),
        (
            level('feature_map = 2, min_size = -4, max_size = -9, shapes = ["mean"]'),
            "key levels[0].min_size: must be above 0, found -4",
            CORRECT,
        ),
        (level('feature_map = 2, min_size = 9, shapes = ["1e999"]'), "key levels[0].shapes[0]: ", ""),
        ("offset = nan\nimage_size = 300\n" + ONE_LEVEL, "key offset: ", CORRECT),
        *(
            (
                level(f"feature_map = {cells}, shapes = [[1, 1]]"),
                "key levels[0].feature_map: must be 2 whole numbers from 1 to 65536",
                CORRECT,
            )
            for cells in (100_000, 2**63 - 1, 10**21)
        ),
        (level(f"feature_map = {10**400}, shapes = [[1, 1]]"), "key levels[0].feature_map: must be above 0", CORRECT),
        (
            level("feature_map = 10_000, shapes = [[1, 1]]"),
            "key levels: must hold at most 2,000,000 priors, not 100,000,000",
            CORRECT,
        ),
        (
            level('feature_map = 2, min_size = 1e-320, shapes = ["min"]'),
            "key levels[0].shapes: must be rows of 2 numbers from 1e-06 to 1,000,000, at least one",
            CORRECT,
        ),
        (
            "image_size = 1_000_000_000\n" + ONE_LEVEL,
            "key image_size: must be 2 whole numbers from 1 to 65536",
            CORRECT,
        ),
    ],
)
def test_bad_file_is_refused(text: str, what: str, fix: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    error = refusal(own)
    assert error.where == str(own)
    assert error.what.startswith(what)
    assert error.fix.startswith(fix)
    assert str(error) == f"{own}: {error.what}. {error.fix}"


# How many


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_states_its_count_and_codebase(name: str) -> None:
    config = load_prior_config(name)
    assert name in presets_with(config.spec.count)
    assert preset_codebase(name) == config.codebase != ""


def test_count_that_is_another(tmp_path: Path, refused: Refused) -> None:
    text = "image_size = 300\nlevels = [{ feature_map = 3, stride = 100, shapes = [[9, 9], [9, 18]] }]\n"
    (tmp_path / "right.toml").write_text("priors = 18\n" + text)
    assert load_prior_config(str(tmp_path / "right.toml")).spec.count == 18
    path = tmp_path / "wrong.toml"
    path.write_text("priors = 9\n" + text)
    error = refused(lambda: load_prior_config(str(path)))
    assert (error.where, error.what) == (str(path), "key priors: is 9, but the levels make 18")


def test_count_is_not_inherited(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "ssd300"\nlevels = [{ feature_map = 1, stride = 300, shapes = [[9, 9]] }]\n')
    assert load_prior_config(str(path)).spec.count == 1


@pytest.mark.parametrize("name", ["ssd300", "ssd300-voc"])
def test_one_preset_costs_the_parsing_of_one_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(path: Path) -> dict[str, Any]:
        parsed.append(path.name)
        return read_table(path)

    monkeypatch.setattr(schema, "read_table", counted)
    schema._shipped_table.cache_clear()
    for _ in range(2):
        load_prior_config(name)
    assert parsed == ["ssd300-voc.toml"]
    boxes = named_priors.load_priors("ssd300-voc").priors.boxes
    schema._shipped_table.cache_clear()
    named_priors._preset.cache_clear()
    parsed.clear()
    for _ in range(2):
        assert named_priors.recognise_priors(boxes, "saved.pt", codebase="ssd.pytorch").name == "ssd300-voc"
    assert parsed == ["ssd300-voc.toml"]


def test_priors_shifted_inside_their_cell(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        "image_size = 100\n[[levels]]\nfeature_map = 2\nshapes = [[10, 10], [10, 10], [20, 30]]\n"
        "offsets = [[0, 0], [0.5, 0.25], [0.5, 0.5]]\n[[levels]]\nfeature_map = 1\nshapes = [[50, 50]]\n"
    )
    cells = [(0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5)]
    shapes = [(0, 0, 0.1, 0.1), (0.25, 0.125, 0.1, 0.1), (0.25, 0.25, 0.2, 0.3)]
    expected = [[x + dx, y + dy, w, h] for x, y in cells for dx, dy, w, h in shapes] + [[0.5, 0.5, 0.5, 0.5]]
    assert_rows(priors(str(own)), expected)


def test_offsets_are_one_for_each_shape(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("image_size = 100\n[[levels]]\nfeature_map = 2\nshapes = [[10, 10], [5, 5]]\noffsets = [[0, 0]]\n")
    assert "levels[0].offsets: must be one for each shape, not 1 offsets for 2 shapes" in str(refusal(own))
