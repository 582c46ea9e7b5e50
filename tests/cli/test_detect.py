"""`ssdlossdbg detect`: its report, its JSON, its pictures; what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect

Run = Callable[..., Any]
Good = Callable[..., str]
Refused = Callable[..., str]
Save = Callable[[str, object], Path]
Parts = tuple[Tensor, Tensor, Tensor]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def batch(sample: Path) -> tuple[object, ...]:
    """The arguments for the sample batch."""
    names = ("--classes", sample / "classes.txt", "--device", "cpu")
    return ("detect", sample / "preds.pt", sample / "targets.pt", *names)


def report_of(text: str) -> dict[str, Any]:
    """The JSON."""
    report: dict[str, Any] = json.loads(text)
    return report


def test_the_report(good: Good, batch: tuple[object, ...]) -> None:
    text = good(*batch, "--top", 2)
    assert "27 of 27 objects found" in text
    assert "Objects, the worst first (2 of 27)" in text
    assert "Detections, the highest scores first (2 of 937)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_json(good: Good, batch: tuple[object, ...]) -> None:
    report = report_of(good(*batch, "--format", "json"))
    assert report["command"] == "detect"
    assert [len(image["detections"]) for image in report["images"]] == [452, 314, 171]
    assert (report["totals"]["found"], report["rules"]["candidates"]) == (27, 200)


def test_targets_are_optional(good: Good, batch: tuple[object, ...]) -> None:
    command, predictions, _, *names = batch
    report = report_of(good(command, predictions, *names, "--format", "json"))
    assert report["targets"] is None
    assert len(report["images"][0]["detections"]) == 452


def test_thresholds_overrule_the_dialect(good: Good, batch: tuple[object, ...]) -> None:
    report = report_of(good(*batch, "--score-threshold", 0.3, "--nms", 0.2, "--format", "json"))
    assert (report["rules"]["score_threshold"], report["rules"]["nms_iou"]) == (0.3, 0.2)
    assert min(item["score"] for image in report["images"] for item in image["detections"]) > 0.3
    assert report["totals"]["missed"] > 0


def test_a_dialect_of_ones_own(good: Good, batch: tuple[object, ...], folder: Path) -> None:
    (folder / "fork.toml").write_text('base = "ssd.pytorch"\n[detect]\nkeep_per_image = 5\n')
    report = report_of(good(*batch, "--dialect", "fork.toml", "--format", "json"))
    assert [len(image["detections"]) for image in report["images"]] == [5, 5, 5]


def test_a_dialect_without_base_is_said_to_be_laid_over_one(run: Run, batch: tuple[object, ...], folder: Path) -> None:
    (folder / "bare.toml").write_text("[detect]\nkeep_per_image = 5\n")
    (folder / "next.toml").write_text('base = "bare.toml"\n')
    (folder / "fork.toml").write_text('base = "caffe"\n')
    for name in ("bare.toml", "next.toml"):
        outcome = run(*batch, "--dialect", name)
        assert (outcome.code, outcome.err.count("warning: ")) == (0, 1)
        assert "bare.toml: names no base, so the rules of matching, mining and loss" in outcome.err
        assert 'Say base = "ssd.pytorch"' in outcome.err
    assert run(*batch, "--dialect", "fork.toml").err == ""


def test_what_a_dialect_without_base_leaves_out_is_of_ssd_pytorch() -> None:
    """Which is what the warning says."""
    bare, whole = Dialect(), load_dialect("ssd.pytorch")
    for section in ("match", "codec", "mining", "loss"):
        assert getattr(bare, section) == getattr(whole, section)


def test_pictures(good: Good, batch: tuple[object, ...], sample: Path, folder: Path) -> None:
    text = good(*batch, "-o", "new/deep", "--image", sample / "cat.jpg")
    names = [f"image-00{index}.detect.png" for index in range(3)]
    assert sorted(path.name for path in (folder / "new/deep").iterdir()) == names
    assert all((folder / "new/deep" / name).read_bytes().startswith(PNG) for name in names)
    assert all(name in text for name in names)


def test_missing_predictions(refused: Refused) -> None:
    assert "error: away.pt: no such file. " in refused("detect", "away.pt")


def test_no_priors(refused: Refused, save: Save, saved_parts: Parts) -> None:
    said = refused("detect", save("two.pt", saved_parts[:2]))
    assert "two.pt: holds no priors. Say which they are: --config" in said


def test_targets_of_another_batch(
    refused: Refused, batch: tuple[object, ...], save: Save, saved_targets: list[Tensor]
) -> None:
    said = refused(*batch[:2], save("two.pt", saved_targets[:2]))
    assert "two.pt: has 2 images, but the predictions have 3. " in said


@pytest.mark.parametrize("targets", [True, False])
def test_more_photos_than_images(
    refused: Refused, batch: tuple[object, ...], photo: Callable[..., Path], targets: bool
) -> None:
    images = [word for index in range(4) for word in ("--image", photo(f"{index}.png"))]
    words = batch if targets else (*batch[:2], *batch[3:])
    assert "--image: given 4 times for 3 images. " in refused(*words, *images, "-o", "pictures")


def test_a_photo_that_cannot_be_read(refused: Refused, batch: tuple[object, ...]) -> None:
    assert "error: away.jpg: " in refused(*batch, "--image", "away.jpg", "-o", "pictures")


@pytest.mark.parametrize("words", [("--nms", "nan"), ("--nms", "1.5"), ("--score-threshold", "-1"), ("--top", "0")])
def test_bad_numbers(run: Callable[..., Any], batch: tuple[object, ...], words: tuple[str, ...]) -> None:
    outcome = run(*batch, *words)
    assert (outcome.code, outcome.out) == (2, "")


def test_a_picture_never_replaces_an_input(run: Callable[..., Any], batch: tuple[object, ...], folder: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 30)).save(folder / "image-001.detect.png")
    before = (folder / "image-001.detect.png").read_bytes()
    outcome = run(*batch, "-o", ".", "--image", "image-001.detect.png")
    assert (outcome.code, outcome.out) == (2, "")
    assert (folder / "image-001.detect.png").read_bytes() == before
