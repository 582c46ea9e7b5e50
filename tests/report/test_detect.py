"""The table, the JSON and the picture of `detect`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.report.detect_picture import detect_picture
from ssdlossdbg.report.detect_text import detect_report
from ssdlossdbg.report.documents import render_json
from ssdlossdbg.report.theme import RED
from ssdlossdbg.report.view import View
from ssdlossdbg.results import MISSED, DetectResult, GroundTruthDetect

Render = Callable[..., str]
SAMPLE = Path(__file__).parents[2] / "sample_data"
CLASSES = (SAMPLE / "classes.txt").read_text().split()


@pytest.fixture(scope="module")
def detected() -> DetectResult:
    """The saved batch of cat, coffee and coins."""
    photos = [SAMPLE / "cat.jpg", SAMPLE / "coffee.jpg"]
    return api.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", classes=CLASSES, device="cpu", images=photos)


@pytest.fixture(scope="module")
def sure() -> DetectResult:
    """Only what scores above 0.75: the cat is missed, and some coins."""
    return api.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", classes=CLASSES, device="cpu", score_threshold=0.75)


@pytest.fixture(scope="module")
def alone() -> DetectResult:
    """Without targets."""
    return api.detect(SAMPLE / "preds.pt", classes=CLASSES, device="cpu")


def test_the_report(render: Render, detected: DetectResult) -> None:
    text = render(detect_report(detected, View(3)))
    assert "softmax above 0.01, the top 200 of each class" in text
    assert "27 of 27 objects found, 0 missed. 937 detections in 3 images" in text
    assert "Objects, the worst first (3 of 27" in text
    assert "Detections, the highest scores first (3 of 937)" in text
    assert "0 0 cat 0,0,265,299 found 0.17 0.58 119 7>7>7>2" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_nothing_of_the_report_is_cut(render: Render, detected: DetectResult, sure: DetectResult) -> None:
    for result in (detected, sure):
        text = render(detect_report(result, View(40)))
        assert "…" not in text
        assert "finds again wrong none" in " ".join(text.split())


def test_missed_objects_are_explained(render: Render, sure: DetectResult) -> None:
    missed = [item for item in sure.ground_truth if item.status == MISSED]
    assert missed
    text = " ".join(render(detect_report(sure)).split())
    assert f"{27 - len(missed)} of 27 objects found, {len(missed)} missed." in text
    assert "missed objects (image 0 object 0 cat, " in text
    assert "no positive has a score of its class above the threshold" in text
    assert "By class (2 classes without a score above the threshold left out)" in text


@pytest.mark.parametrize(
    ("got_to", "why"),
    [
        ((0, 0, 0, 0, 0), "no positive to learn it from"),
        ((9, 0, 0, 0, 0), "no positive has a score of its class above the threshold"),
        ((9, 8, 0, 0, 0), "positives are above the threshold, but none ranks high enough to enter NMS"),
        ((9, 8, 7, 0, 0), "positives enter NMS, but all are dropped there by higher scores"),
        ((9, 8, 7, 6, 0), "positives leave NMS, but none is among those kept"),
        ((9, 8, 7, 6, 5), "positives are detections, but their boxes are too far off"),
    ],
)
def test_where_a_missed_object_was_lost(render: Render, sure: DetectResult, got_to: tuple[int, ...], why: str) -> None:
    stages = ("positives", "above_threshold", "candidates", "survivors", "detections")
    first = sure.images[0]
    counts: dict[str, Any] = dict(zip(stages, got_to, strict=True))
    cat = dataclasses.replace(first.ground_truth[0], **counts)

    def said(cat: GroundTruthDetect) -> str:
        image = dataclasses.replace(first, ground_truth=(cat,))
        return " ".join(render(detect_report(dataclasses.replace(sure, images=(image,)))).split())

    assert f"1 missed object (image 0 object 0 cat): {why}." in said(cat)
    assert "object 0 cat): its box is none, so nothing overlaps it." in said(dataclasses.replace(cat, problem="zero"))


def test_without_targets(render: Render, alone: DetectResult) -> None:
    text = render(detect_report(alone, View(2)))
    assert "937 detections in 3 images." in text
    assert "objects" not in text
    assert "missed" not in text


def test_nothing_detected(render: Render) -> None:
    result = api.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", device="cpu", score_threshold=1.0)
    text = " ".join(render(detect_report(result)).split())
    assert "0 of 27 objects found, 27 missed. 0 detections in 3 images" in text
    assert "No score is above 1; the highest is 0.97" in text
    assert "Nothing is detected." in text


def test_values_that_are_not_finite_are_told(render: Render, tmp_path: Path) -> None:
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    conf[1] = float("nan")
    torch.save((loc, conf, priors), tmp_path / "nan.pt")
    result = api.detect(tmp_path / "nan.pt", SAMPLE / "targets.pt", device="cpu")
    assert result.findings[0].code == "NUM001"
    assert "NUM001" in render(detect_report(result))
    assert '"best_score": "NaN"' in render_json(result)


def test_json_holds_the_contract(detected: DetectResult) -> None:
    report: dict[str, Any] = json.loads(render_json(detected, View(files=("a.png",))))
    assert (report["schema_version"], report["command"], report["dialect"]) == (2, "detect", "ssd.pytorch")
    assert ([item["code"] for item in report["findings"]], report["files"]) == ([], ["a.png"])
    assert [image["index"] for image in report["images"]] == [0, 1, 2]
    assert [len(image["detections"]) for image in report["images"]] == [452, 314, 171]
    first = report["images"][2]["detections"][0]
    assert {"class_id", "label", "score", "box", "prior", "best_iou", "ground_truth"} <= first.keys()
    assert (first["class_id"], first["label"]) == (CLASSES.index("coin") + 1, "coin")
    assert first["box"] == pytest.approx(list(detected.images[2].detections[0].box))
    cat = report["images"][0]["ground_truth"][0]
    assert report["images"][0]["detections"][cat["detection"] - 1]["score"] == cat["score"]
    totals = report["totals"]
    assert totals["detections"] == sum(totals[role] for role in ("finds", "repeats", "other_class", "nothing"))
    assert totals["ground_truth"] == totals["found"] + totals["found_as_other"] + totals["missed"] == 27
    assert totals["positives"] == 165
    falling = [totals[f"positives_{stage}"] for stage in ("above_threshold", "candidates", "survivors", "detections")]
    assert falling == sorted(falling, reverse=True)


def test_json_without_targets(alone: DetectResult) -> None:
    report = json.loads(render_json(alone))
    assert report["targets"] is None
    assert report["images"][0]["ground_truth"] == []
    assert report["images"][0]["detections"][0]["role"] is None


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    """Every colour in it."""
    counted: Any = picture.getcolors(picture.width * picture.height)
    return {colour for _, colour in counted}


def test_the_picture_marks_what_is_missed(detected: DetectResult, sure: DetectResult) -> None:
    grey = Image.new("RGB", (300, 300), (90, 90, 90))

    def share_of_red(result: DetectResult) -> float:
        pixels = np.asarray(detect_picture(result, grey)).reshape(-1, 3)
        return float((pixels == RED).all(1).mean())

    assert sure.images[0].ground_truth[0].status == MISSED
    assert share_of_red(sure) > 2 * share_of_red(detected)


@pytest.mark.parametrize(
    ("size", "top"),
    [((60, 40), 1), ((60, 40), 10_000), ((640, 480), 3), ((3000, 100), 200), ((90, 1200), 1), ((90, 1200), 200)],
)
def test_pictures_of_every_shape(detected: DetectResult, size: tuple[int, int], top: int) -> None:
    picture = detect_picture(detected, Image.new("RGB", size, (90, 90, 90)), 2, View(top))
    assert len(colours(picture)) > 4


def test_more_detections_draw_more(detected: DetectResult) -> None:
    few, many = (np.asarray(detect_picture(detected, None, 2, View(top))).astype(int) for top in (3, 100))
    height = min(len(few), len(many))
    assert (few[40:height] != many[40:height]).any(-1).mean() > 0.01


def test_a_picture_without_detections_or_targets(alone: DetectResult) -> None:
    empty = dataclasses.replace(alone.images[0], detections=())
    bare = detect_picture(dataclasses.replace(alone, images=(empty,)))
    full = detect_picture(alone, view=View(5))
    assert bare.width == full.width
    assert colours(full) - colours(bare)
