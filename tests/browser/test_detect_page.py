"""The page of `detect`: its numbers are the document's, its sliders detect as other thresholds would."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ssdlossdbg import api
from ssdlossdbg.readers.dialects import dialect_names
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.report.documents import document_of
from ssdlossdbg.report.html.detect import detect_extra
from ssdlossdbg.results import DetectResult

SAMPLE = Path(__file__).parents[2] / "sample_data"
CLASSES = tuple((SAMPLE / "classes.txt").read_text().split())
PageOf = Callable[..., str]
# What the page finds, in the words of the document.
IN_PAGE = """async ([rules, extra, objects, thresholds]) => {
    const detector = new report.Detector(rules, await report.unpackAll(extra.arrays), extra.unit);
    return thresholds.map(([score, nms]) => detector.detect(score, nms, objects.length).map((detections, image) => {
        const own = objects[image].map((item) => ({ ...item, share: item.box_normalized }));
        detector.link(detections, own);
        return [detections, own];
    }));
}"""


def detect(**more: Any) -> DetectResult:
    """Of the saved batch of cat, coffee and coins."""
    return api.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", classes=CLASSES, device="cpu", **more)


def crowd(dialect: str, **more: Any) -> DetectResult:
    """Of two images with many boxes that overlap, equal ones and equal scores among them."""
    draw = torch.Generator().manual_seed(1)
    centres = torch.rand((8, 2), generator=draw).repeat(40, 1) + 0.03 * torch.randn((320, 2), generator=draw)
    priors = torch.cat((centres, 0.15 + 0.1 * torch.rand((320, 2), generator=draw)), 1)
    loc, conf = (0.2 * torch.randn((2, 320, 4), generator=draw), 2 * torch.randn((2, 320, 4), generator=draw))
    loc[:, 1], conf[:, 1], priors[1] = loc[:, 0], conf[:, 0], priors[0]
    boxes = torch.cat((priors[:6, :2] - 0.1, priors[:6, :2] + 0.1), 1)
    rows = torch.cat((boxes, torch.tensor([[1.0], [2.0], [3.0], [1.0], [2.0], [3.0]])), 1)
    saved = {"loc": loc, "conf": conf, "priors": priors}
    layout = SavedLayout(label_offset=0, image_size=(300, 300))
    return api.detect(saved, [rows[:4], rows[4:]], dialect=dialect, device="cpu", layout=layout, **more)


@pytest.fixture(scope="module")
def batch() -> DetectResult:
    """With what its page needs."""
    return detect(detail=True)


@pytest.fixture(scope="module")
def shared(
    chromium: Any, batch: DetectResult, page_of: PageOf, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A page whose scripts are borrowed."""
    file = tmp_path_factory.mktemp("page") / "detect.html"
    file.write_text(page_of(batch))
    context = chromium.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    page.wait_for_selector("main[data-ready]")
    yield page
    context.close()


@pytest.fixture
def page(batch: DetectResult, page_of: PageOf, open_page: Any) -> Any:
    """The page of the samples."""
    return open_page(page_of(batch, "cat", "coffee", "coins"))


@pytest.mark.parametrize("dialect", dialect_names(of_one_step=True))
def test_other_thresholds_detect_to_the_last_bit(dialect: str, shared: Any) -> None:
    result = crowd(dialect, detail=True)
    said = json.loads(result.to_json())
    score = result.rules.score_threshold
    asked = [
        (score, result.rules.nms_iou),
        (max(0.3, score), result.rules.nms_iou),
        (score, 0.2),
        (max(0.2, score), 0.75),
    ]
    objects = [image["ground_truth"] for image in said["images"]]
    given = shared.evaluate(IN_PAGE, [said["rules"], json.loads(json.dumps(detect_extra(result))), objects, asked])
    names = ["background", *(item["label"] for item in said["classes"])]
    for (threshold, nms), images in zip(asked, given, strict=True):
        expected = json.loads(crowd(dialect, score_threshold=threshold, nms=nms).to_json())["images"]
        for (detections, own), image in zip(images, expected, strict=True):
            assert len(detections) == len(image["detections"])
            for mine, theirs in zip(detections, image["detections"], strict=True):
                mine["box_normalized"] = mine.pop("share")
                assert mine == {key: theirs[key] for key in mine}
            for mine, theirs in zip(own, image["ground_truth"], strict=True):
                mine["taken_for"] = None if mine["taken_for"] is None else names[mine["taken_for"]]
                for key in ("status", "detection", "score", "iou", "taken_for", "explained_by", "best_iou"):
                    assert mine[key] == theirs[key], key


def test_numbers_are_the_documents(page: Any, batch: DetectResult) -> None:
    said = document_of(batch)
    assert page.evaluate("report.document") == json.loads(json.dumps({**said, "files": []}))
    totals = said["totals"]
    assert page.figures() == {
        "found": totals["found"],
        "as another class": totals["found_as_other"],
        "missed": totals["missed"],
        "detections": totals["detections"],
        "again": totals["repeats"],
        "wrong class": totals["other_class"],
        "nothing": totals["nothing"],
    }
    assert page.column("Images", "detections") == [len(image["detections"]) for image in said["images"]]
    scores = page.column("Detections", "score")
    assert scores == [item["score"] for item in said["images"][0]["detections"]][: len(scores)]
    assert page.column("Classes", "enter NMS") == [
        item["candidates"] for item in said["classes"] if item["above_threshold"] or item["ground_truth"]
    ]


def test_the_sliders_move_all_that_is_shown(page: Any) -> None:
    page.get_by_label("Score above, exactly").fill("0.4")
    page.get_by_label("NMS drops from IoU, exactly").fill("0.6")
    expected = document_of(detect(score_threshold=0.4, nms=0.6))
    figures, totals = page.figures(), expected["totals"]
    assert (figures["found"], figures["missed"], figures["detections"]) == (
        totals["found"],
        totals["missed"],
        totals["detections"],
    )
    assert page.column("Images", "nothing") == [
        sum(item["role"] == "nothing" for item in image["detections"]) for image in expected["images"]
    ]
    page.get_by_role("button", name="reset").first.click()
    page.get_by_role("button", name="reset").last.click()
    assert page.figures()["detections"] == document_of(detect())["totals"]["detections"]


def test_choosing_and_hiding(page: Any) -> None:
    page.locator('table[aria-label="Images"] tbody tr').last.press("Enter")
    assert "Image 2" in page.locator("h2").all_text_contents()
    assert len(page.column("Objects", "#")) == 24
    page.get_by_role("button", name="nothing", exact=True).click()
    assert set(page.column("Detections", "what it does")) == {"finds", "repeats"}
    page.locator('table[aria-label="Objects"] tbody tr').first.press("Enter")
    assert "object " in page.locator(".about h3").inner_text()
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_timeout(50)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.asked_elsewhere == []
    assert page.said == []


def test_names_are_text(batch: DetectResult, page_of: PageOf, open_page: Any) -> None:
    bad = "<img src=x onerror=alert(1)></script>"
    images = tuple(
        replace(
            image,
            name=bad,
            detections=tuple(replace(item, label=bad) for item in image.detections),
            ground_truth=tuple(replace(item, label=bad) for item in image.ground_truth),
        )
        for image in batch.images
    )
    page = open_page(
        page_of(replace(batch, images=images, classes=tuple(replace(each, label=bad) for each in batch.classes)))
    )
    page.get_by_label("Score above, exactly").fill("0.1")
    assert page.locator("img").count() == 0
    assert page.said == []


def test_without_targets_and_without_candidates(batch: DetectResult, page_of: PageOf, open_page: Any) -> None:
    alone = api.detect(SAMPLE / "preds.pt", classes=CLASSES, device="cpu", detail=True)
    page = open_page(page_of(alone))
    page.get_by_label("Score above, exactly").fill("0.5")
    assert set(page.figures()) == {"detections"}
    read = open_page(page_of(DetectResult.from_json(batch.to_json())))
    assert "no thresholds to move" in read.locator(".controls").inner_text()
    assert page.said == read.said == []
