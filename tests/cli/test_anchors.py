"""`ssdlossdbg anchors`: report, JSON, dump, picture and list."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Good = Callable[..., str]
Refused = Callable[..., str]
TINY = """
image_size = [320, 160]
levels = [
    { feature_map = [10, 5], shapes = [[20, 20], [40, 20]] },
    { feature_map = [4, 2], shapes = [[80, 80]] },
    { feature_map = 1, shapes = [[200, 120]] },
]
"""


def test_json_holds_the_contract(good: Good) -> None:
    report = json.loads(good("anchors", "--config", "ssd300", "--format", "json"))
    assert (report["schema_version"], report["command"], report["config"]["name"]) == (2, "anchors", "ssd300-voc")
    assert report["priors"] == report["config"]["priors"] == 8732
    assert [level["priors"] for level in report["levels"]] == [5776, 2166, 600, 150, 36, 4]
    assert (report["findings"], report["files"]) == ([], [])


def test_the_dump_is_the_tensor(good: Good, folder: Path) -> None:
    (folder / "tiny.toml").write_text(TINY)
    assert "Wrote tiny.npy" in good("anchors", "--config", "tiny.toml", "--dump", "tiny.npy")
    boxes = np.load(folder / "tiny.npy")
    assert (boxes.dtype, boxes.shape) == (np.float32, (100 + 8 + 1, 4))
    np.testing.assert_allclose(boxes[0], [16 / 320, 16 / 160, 20 / 320, 20 / 160], rtol=1e-6)
    np.testing.assert_allclose(boxes[1], [16 / 320, 16 / 160, 40 / 320, 20 / 160], rtol=1e-6)
    np.testing.assert_allclose(boxes[-1], [0.5, 0.5, 200 / 320, 120 / 160], rtol=1e-6)


def test_a_dump_can_be_read_back(good: Good) -> None:
    good("anchors", "--config", "ssd512", "--dump", "own.npy")
    report = json.loads(good("anchors", "--config", "own.npy", "--format", "json"))
    assert report["config"]["name"] == "lufficc-ssd512-voc"


def test_picture_and_dump_are_both_told_of(good: Good, folder: Path, photo: Callable[..., Path]) -> None:
    words = ("anchors", "--dump", "a.npy", "-o", "a.png", "--image", photo(), "--format", "json")
    assert json.loads(good(*words))["files"] == ["a.npy", "a.png"]
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_list_as_json(good: Good) -> None:
    presets = json.loads(good("anchors", "--list", "--format", "json"))["presets"]
    by_name = {preset["name"]: preset for preset in presets}
    assert (by_name["ssd300-voc"]["priors"], by_name["ssd300-voc"]["codebase"]) == (8732, "ssd.pytorch")
    assert all({"name", "priors", "codebase"} <= preset.keys() for preset in presets)
    assert len(presets) >= 45


def test_the_list_names_every_preset_whole(good: Good) -> None:
    text = good("anchors", "--list")
    presets = json.loads(good("anchors", "--list", "--format", "json"))["presets"]
    words = text.split()
    for preset in presets:
        row = words.index(preset["name"])
        assert words[row + 1] == str(preset["priors"])
    assert "ssd300 is ssd300-voc" in " ".join(words)
    assert max(map(len, text.splitlines())) <= 80


def test_priors_without_a_grid(good: Good, folder: Path) -> None:
    boxes = np.random.default_rng(0).random((30, 4)).astype(np.float32) * 0.5 + 0.1
    np.save(folder / "free.npy", boxes)
    text = " ".join(good("anchors", "--config", "free.npy", "-o", "free.png").split())
    assert "30 priors on no recognised grid, input 300 x 300, assumed: --image-size says otherwise" in text
    assert json.loads(good("anchors", "--config", "free.npy", "--format", "json"))["levels"] == []


def test_a_missing_photo_leaves_neither_dump_nor_picture(refused: Refused) -> None:
    said = refused("anchors", "--dump", "a.npy", "-o", "a.png", "--image", "away.jpg")
    assert said.startswith("error: away.jpg: no such file. ")


def test_one_name_for_dump_and_picture(refused: Refused) -> None:
    said = refused("anchors", "--dump", "a.png", "-o", "./a.png")
    assert said == "error: a.png: is named for two outputs. Name another for one of them.\n"


def test_the_dump_is_the_config(refused: Refused, folder: Path) -> None:
    np.save(folder / "own.npy", np.full((4, 4), 0.5, np.float32))
    assert "own.npy: is an input" in refused("anchors", "--config", "own.npy", "--dump", "own.npy")


def test_the_dump_cannot_be_written(refused: Refused, folder: Path) -> None:
    (folder / "file").write_text("in the way")
    assert "error: file: cannot be made a folder (" in refused("anchors", "--dump", "file/a.npy")
    (folder / "out").mkdir()
    assert "error: out: is a folder. " in refused("anchors", "--dump", "out")


@pytest.mark.parametrize(("name", "hint"), [("ssd31", "Did you mean"), ("qqqqqq", "Known: ")])
def test_unknown_preset(refused: Refused, name: str, hint: str) -> None:
    said = refused("anchors", "--config", name)
    assert f"--config: unknown prior config '{name}'. {hint}" in said
    assert ".toml or .json" in said


def test_unknown_key_in_a_level(refused: Refused, folder: Path) -> None:
    (folder / "own.toml").write_text(TINY.replace("feature_map = 1", "feature_maps = 1"))
    said = refused("anchors", "--config", "own.toml")
    assert "own.toml: unknown key 'levels[2].feature_maps'. Did you mean 'levels[2].feature_map'?" in said


@pytest.mark.parametrize("size", ["", "0", "-3", "300x", "3x4x5", "big", "²", "70000", "9" * 400])
def test_image_size_that_is_none(refused: Refused, folder: Path, size: str) -> None:
    np.save(folder / "pixels.npy", np.full((4, 4), 50, np.float32))
    said = refused("anchors", "--config", "pixels.npy", "--image-size", size)
    assert said.startswith("error: --image-size: is ")
    assert "320x240" in said


def test_priors_in_pixels_need_an_image_size(good: Good, refused: Refused, folder: Path) -> None:
    np.save(folder / "pixels.npy", np.full((4, 4), 50, np.float32))
    assert "--image-size 300" in refused("anchors", "--config", "pixels.npy")
    report = json.loads(
        good("anchors", "--config", "pixels.npy", "--image-size", "200X100", "--dump", "out.npy", "--format", "json")
    )
    assert report["config"]["image_size"] == [200, 100]
    np.testing.assert_array_equal(np.load(folder / "out.npy")[0], np.array([0.25, 0.5, 0.25, 0.5], np.float32))
