"""`ssdlossdbg loss`: its report, its JSON, its pictures; what it refuses, and what odd batches it takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor
from typer.testing import CliRunner

from ssdlossdbg.cli.app import app

Good = Callable[..., str]
Refused = Callable[..., str]
Save = Callable[[str, object], Path]
Parts = tuple[Tensor, Tensor, Tensor]
SAMPLE = Path(__file__).parents[2] / "sample_data"
PNG = b"\x89PNG\r\n\x1a\n"
# What ssd.pytorch's own MultiBoxLoss returns for the sample, from sample_data/README.md.
LOCALIZATION, CONFIDENCE = 0.249255627, 1.4152149


def parse(text: str) -> dict[str, Any]:
    """Strict JSON: none of Python's own NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    report: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return report


@pytest.fixture
def batch(sample: Path) -> tuple[object, ...]:
    """The arguments for the sample batch."""
    return ("loss", sample / "preds.pt", sample / "targets.pt", "--classes", sample / "classes.txt")


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """Its JSON."""
    words = ["loss", *(str(SAMPLE / name) for name in ("preds.pt", "targets.pt"))]
    words += ["--classes", str(SAMPLE / "classes.txt"), "--device", "cpu", "--format", "json"]
    return parse(CliRunner().invoke(app, words, catch_exceptions=False).stdout)


def test_json_holds_the_contract(report: dict[str, Any]) -> None:
    assert (report["schema_version"], report["command"]) == (2, "loss")
    assert (report["dialect"], report["device"]) == ("ssd.pytorch", "cpu")
    assert [finding["code"] for finding in report["findings"]] == []
    assert report["files"] == []
    assert report["loss"]["localization"] == pytest.approx(LOCALIZATION, rel=1e-6)
    assert report["loss"]["confidence"] == pytest.approx(CONFIDENCE, rel=1e-6)
    assert report["loss"]["normalizer"] == 165
    assert [image["positives"] for image in report["images"]] == [7, 15, 143]
    assert [image["negatives"] for image in report["images"]] == [21, 45, 429]
    assert list(report["coordinates"]) == ["cx", "cy", "w", "h"]
    assert [level["feature_map"] for level in report["levels"]] == [[n, n] for n in (38, 19, 10, 5, 3, 1)]
    assert [item["label"] for item in report["classes"]][:2] == ["background", "cat"]
    negative = report["negatives"][0]
    keys = "image prior rank loss predicted_class probability best_iou"
    assert set(keys.split()) <= negative.keys()
    assert len(report["negatives"]) == 21 + 45 + 429
    assert len(report["ground_truth"]) == 27
    assert {"localization", "confidence"} <= report["gradients"].keys()


@pytest.mark.parametrize("part", ["localization", "confidence", "confidence_positive", "confidence_negative", "total"])
@pytest.mark.parametrize("split", ["images", "levels", "classes"])
def test_every_split_adds_up_to_the_loss(report: dict[str, Any], split: str, part: str) -> None:
    assert sum(item[part] for item in report[split]) == pytest.approx(report["loss"][part], rel=1e-6)


def test_the_smaller_splits_add_up(report: dict[str, Any]) -> None:
    loss = report["loss"]
    assert loss["total"] == pytest.approx(loss["localization"] + loss["confidence"], rel=1e-12)
    assert sum(report["coordinates"].values()) == pytest.approx(loss["localization"], rel=1e-6)
    assert sum(item["loss"] for item in report["negatives"]) == pytest.approx(loss["confidence_negative"], rel=1e-6)
    objects = report["ground_truth"]
    assert sum(item["localization"] for item in objects) == pytest.approx(loss["localization"], rel=1e-6)
    assert sum(item["confidence"] for item in objects) == pytest.approx(loss["confidence_positive"], rel=1e-6)
    assert report["sums"]["localization"] / loss["normalizer"] == pytest.approx(loss["localization"], rel=1e-6)


def test_alpha_and_ratio(good: Good, batch: tuple[object, ...], report: dict[str, Any]) -> None:
    other = parse(good(*batch, "--alpha", 2, "--neg-pos", 1, "--format", "json"))
    assert other["loss"]["localization"] == pytest.approx(2 * report["loss"]["localization"], rel=1e-6)
    assert other["loss"]["confidence_positive"] == report["loss"]["confidence_positive"]
    assert [image["negatives"] for image in other["images"]] == [7, 15, 143]


@pytest.mark.parametrize("option", ["--alpha", "--neg-pos", "--threshold"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "much"])
def test_settings_must_be_sound_numbers(
    run: Callable[..., Any], batch: tuple[object, ...], option: str, value: str
) -> None:
    outcome = run(*batch, option, value)
    assert (outcome.code, outcome.out) == (2, "")
    assert option in outcome.err


def test_the_report_says_the_loss_first(good: Good, batch: tuple[object, ...]) -> None:
    text = good(*batch)
    assert "Loss 1.6645 = localisation 0.2493 + confidence 1.4152" in text
    assert text.index("Loss 1.6645") < text.index("By image") < text.index("Costliest objects")
    assert max(map(len, text.splitlines())) <= 80


def test_top_shortens_the_lists(good: Good, batch: tuple[object, ...]) -> None:
    text = good(*batch, "--top", 2)
    assert "Costliest objects (2 of 27)" in text
    assert "Costliest mined negatives (2 of 495)" in text
    tables = text.partition("Costliest objects")[2]
    assert sum(bool(re.match(r" +\d", line)) for line in tables.splitlines()) == 4


def test_the_pictures(good: Good, batch: tuple[object, ...], sample: Path, folder: Path) -> None:
    text = good(*batch, "-o", "new/deep", "--image", sample / "cat.jpg")
    names = [f"image-00{index}.loss.png" for index in range(3)]
    assert sorted(path.name for path in (folder / "new/deep").iterdir()) == names
    assert all((folder / "new/deep" / name).read_bytes().startswith(PNG) for name in names)
    assert all(f"new/deep/{name}" in text for name in names)


# What cannot be used.


def test_missing_predictions(refused: Refused, sample: Path) -> None:
    assert "error: away.pt: no such file. " in refused("loss", "away.pt", sample / "targets.pt")


@pytest.mark.parametrize("names", [("away.jpg",), ("good.png", "away.jpg"), ("good.png", "cut.jpg")])
def test_a_photo_that_cannot_be_read_leaves_no_picture(
    refused: Refused,
    batch: tuple[object, ...],
    photo: Callable[..., Path],
    folder: Path,
    names: tuple[str, ...],
) -> None:
    photo("good.png")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    images = [word for name in names for word in ("--image", name)]
    assert f"error: {names[-1]}: " in refused(*batch, *images, "-o", "pictures")


def test_more_photos_than_images(refused: Refused, batch: tuple[object, ...], photo: Callable[..., Path]) -> None:
    images = [word for index in range(4) for word in ("--image", photo(f"{index}.png"))]
    assert "--image: given 4 times for 3 images. " in refused(*batch, *images, "-o", "pictures")


class Secret:
    """Something that only pickle can store."""


def test_pickled_objects(refused: Refused, save: Save, sample: Path) -> None:
    said = refused("loss", save("model.pt", {"loc": Secret()}), sample / "targets.pt")
    assert "model.pt: holds a pickled " in said
    assert "never executed" in said
    assert "torch.save(" in said


def test_wrong_shapes(refused: Refused, save: Save, saved_parts: Parts, sample: Path) -> None:
    loc, conf, priors = saved_parts
    said = refused("loss", save("bad.pt", (loc[0], conf[0], priors)), sample / "targets.pt")
    assert "bad.pt: found loc [8732, 4] and conf [8732, 7]. Expected loc [B, P, 4]" in said
    assert "Add the batch dimension" in said


def test_targets_of_another_batch(refused: Refused, save: Save, saved_targets: list[Tensor], sample: Path) -> None:
    said = refused("loss", sample / "preds.pt", save("two.pt", saved_targets[:2]))
    assert "two.pt: has 2 images, but the predictions have 3. " in said


def test_targets_of_the_wrong_shape(refused: Refused, save: Save, saved_targets: list[Tensor], sample: Path) -> None:
    bad = save("four.pt", [target[:, :4] for target in saved_targets])
    assert "four.pt, image 0: has the shape [1, 4]. Expected [n, 5]" in refused("loss", sample / "preds.pt", bad)


def test_priors_that_do_not_fit(refused: Refused, batch: tuple[object, ...]) -> None:
    said = refused(*batch, "--config", "ssd512")
    assert "--config lufficc-ssd512-voc: has 24564 priors, but the predictions are for 8732. " in said
    assert "Presets with 8732 priors: " in said


def test_priors_gathered_by_data_parallel(refused: Refused, save: Save, saved_parts: Parts, sample: Path) -> None:
    loc, conf, priors = saved_parts
    said = refused("loss", save("twice.pt", (loc, conf, priors.repeat(2, 1))), sample / "targets.pt")
    assert "twice.pt, priors: has 17464 priors" in said
    assert "save priors[:8732]" in said


def test_no_priors(refused: Refused, save: Save, saved_parts: Parts, sample: Path) -> None:
    said = refused("loss", save("two.pt", saved_parts[:2]), sample / "targets.pt")
    assert "two.pt: holds no priors. Say which they are: --config" in said


def test_label_out_of_range(refused: Refused, save: Save, saved_targets: list[Tensor], sample: Path) -> None:
    saved_targets[1][1, 4] = 6
    said = refused("loss", sample / "preds.pt", save("high.pt", saved_targets))
    assert "high.pt, image 1, object 1: has class id 7, but conf has 7 columns: 0 (background) to 6. " in said
    assert "--label-offset" in said


@pytest.mark.parametrize(("device", "said"), [("tpu", "unknown device 'tpu'"), ("cuda:7777", "cuda:")])
def test_no_such_device(refused: Refused, batch: tuple[object, ...], device: str, said: str) -> None:
    assert said in refused(*batch, "--device", device).replace("CUDA device", "cuda: device")


def test_cuda_where_there_is_none(refused: Refused, batch: tuple[object, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    said = refused(*batch, "--device", "cuda")
    assert said == "error: --device: torch sees no CUDA device here. Use --device cpu, or auto.\n"


def test_the_output_folder_is_a_file(refused: Refused, batch: tuple[object, ...], folder: Path) -> None:
    (folder / "file").write_text("in the way")
    assert "error: file: cannot be made a folder (" in refused(*batch, "-o", "file")
    assert "error: file/below: cannot be made a folder (" in refused(*batch, "-o", "file/below")


# What is odd, and yet can be used.


def test_a_picture_never_replaces_an_input(run: Callable[..., Any], batch: tuple[object, ...], folder: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 30)).save(folder / "image-001.loss.png")
    before = (folder / "image-001.loss.png").read_bytes()
    outcome = run(*batch, "-o", ".", "--image", "image-001.loss.png")
    assert (outcome.code, outcome.out) == (2, "")
    assert "image-001.loss.png: is an input" in outcome.err
    assert (folder / "image-001.loss.png").read_bytes() == before


def test_values_that_are_not_finite(broken: Good, save: Save, saved_parts: Parts, sample: Path) -> None:
    loc, conf, priors = (part.clone() for part in saved_parts)
    loc[0, 8729, 0], conf[1, 5, 2], conf[2, 7, 1] = float("nan"), float("inf"), -float("inf")
    words = ("loss", save("bad.pt", (loc, conf, priors)), sample / "targets.pt")
    text = " ".join(broken(*words, "-o", "pictures").split())
    assert "Loss nan = " in text
    assert "Image 0, prior 8729: the network predicts cx = nan" in text
    assert "Image 1, prior 5: the logit of class 2 is inf" in text
    assert "Image 2, prior 7: the logit of class 1 is -inf" in text
    report = parse(broken(*words, "--format", "json"))
    assert (report["loss"]["total"], report["coordinates"]["cx"]) == ("NaN", "NaN")
    assert [item["value"] for item in report["non_finite"]] == ["NaN", "Infinity", "-Infinity"]


def test_a_model_that_diverged_everywhere_is_told_in_few_words(
    broken: Good, save: Save, saved_parts: Parts, sample: Path
) -> None:
    loc, conf, priors = saved_parts
    words = ("loss", save("nan.pt", (loc * float("nan"), conf * float("nan"), priors)), sample / "targets.pt")
    before, _, _ = broken(*words).partition("The loss (")
    assert len(before.splitlines()) < 30
    flat = " ".join(before.split())
    assert "the network predicts cx = nan, and 34927 more like it" in flat
    assert "And 3 more like it." in flat
    assert len(parse(broken(*words, "--format", "json"))["non_finite"]) == 27 + 3


def test_a_degenerate_box(broken: Good, save: Save, saved_targets: list[Tensor], sample: Path) -> None:
    saved_targets[1][0, 2:4] = saved_targets[1][0, :2]
    words = ("loss", sample / "preds.pt", save("flat.pt", saved_targets))
    text = " ".join(broken(*words, "-o", "pictures").split())
    assert "Loss inf = localisation inf + confidence" in text
    assert "BOX001 Image 1, object 0 (class 3): no width and no height" in text
    report = parse(broken(*words, "--format", "json"))
    assert report["loss"]["localization"] == "Infinity"
    assert report["ground_truth"][0]["problem"] == "zero width and height"


def test_images_without_objects(broken: Good, save: Save, saved_targets: list[Tensor], sample: Path) -> None:
    saved_targets[1] = saved_targets[1][:0]
    text = " ".join(broken("loss", sample / "preds.pt", save("some.pt", saved_targets), "-o", "pictures").split())
    assert "The real ssd.pytorch raises on this batch: IndexError" in text
    assert "(image 1)" in text
    nothing = save("none.pt", [target[:0] for target in saved_targets])
    text = " ".join(broken("loss", sample / "preds.pt", nothing, "-o", "pictures").split())
    assert "Loss nan" in text
    assert "By target class" not in text


def test_arrays_and_half_precision(good: Good, saved_parts: Parts, saved_targets: list[Tensor], folder: Path) -> None:
    loc, conf, priors = (part.numpy() for part in saved_parts)
    np.savez(folder / "preds.npz", loc=loc.astype(np.float16), conf=conf.astype(np.float16), priors=priors)
    arrays: dict[str, Any] = {f"targets_{index}": target.numpy() for index, target in enumerate(saved_targets)}
    np.savez(folder / "targets.npz", **arrays)
    text = " ".join(good("loss", "preds.npz", "targets.npz").split())
    assert "PRE004 The predictions are float16" in text


def test_more_class_names_than_columns(broken: Good, batch: tuple[object, ...], folder: Path) -> None:
    (folder / "many.txt").write_text("".join(f"[b]thing {index}[/b]\n" for index in range(30)))
    report = parse(broken(*batch, "--classes", "many.txt", "--format", "json"))
    assert [item["label"] for item in report["classes"]] == ["background", *(f"[b]thing {n}[/b]" for n in range(6))]
    assert "[b]thing 0[/b]" in "".join(broken(*batch, "--classes", "many.txt", "--top", 1).split("\n"))
