"""The page of `loss`: its numbers are the document's, its slider mines as another ratio would."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ssdlossdbg import api
from ssdlossdbg.results import LossResult

SAMPLE = Path(__file__).parents[2] / "sample_data"
CLASSES = tuple((SAMPLE / "classes.txt").read_text().split())
COINS = 2
PageOf = Callable[..., str]


def loss(**more: Any) -> LossResult:
    """Of the saved batch of cat, coffee and coins."""
    return api.loss(SAMPLE / "preds.pt", SAMPLE / "targets.pt", classes=CLASSES, device="cpu", **more)


@pytest.fixture(scope="module")
def batch() -> LossResult:
    """With what its page needs."""
    return loss(detail=True)


@pytest.fixture
def page(batch: LossResult, page_of: PageOf, open_page: Any) -> Any:
    """The page; the coins, which cost most, are shown."""
    return open_page(page_of(batch, "cat", "coffee", "coins"))


def test_numbers_are_the_documents(page: Any, batch: LossResult) -> None:
    said = json.loads(batch.to_json())
    assert page.evaluate("report.document") == {**said, "files": []}
    parts = said["loss"]
    assert page.figures() == {
        "loss": parts["total"],
        "localisation": parts["localization"],
        "confidence, positives": parts["confidence_positive"],
        "confidence, negatives": parts["confidence_negative"],
    }
    for column, key in (("total", "total"), ("neg", "negatives"), ("objects", "ground_truth")):
        assert page.column("Images", column) == [item[key] for item in said["images"]]
    own = [item for item in said["ground_truth"] if item["image"] == COINS]
    shown = page.column("Objects", "total")
    assert shown == [item["total"] for item in own][: len(shown)]
    mined = sorted((item for item in said["negatives"] if item["image"] == COINS), key=lambda item: item["rank"])
    for column, key in (
        ("rank", "rank"),
        ("prior", "prior"),
        ("loss", "loss"),
        ("prob", "probability"),
        ("IoU", "best_iou"),
    ):
        shown = page.column("Negatives", column)
        assert shown == pytest.approx([item[key] for item in mined][: len(shown)], rel=1e-12)
    assert page.column("By level", "total") == [item["total"] for item in said["levels"]]


def test_positives_add_up(page: Any) -> None:
    for _ in range(3):
        page.locator("section", has_text="Its positives").last.get_by_role("button", name="Show more").click()
        if page.locator('table[aria-label="Positives"] tbody tr').count() == 143:
            break
    document = page.evaluate("report.document.images[2]")
    assert sum(page.column("Positives", "loc")) == pytest.approx(document["localization"])
    assert sum(page.column("Positives", "conf")) == pytest.approx(document["confidence_positive"])


@pytest.mark.parametrize("ratio", [1.0, 5.5])
def test_the_slider_mines_as_that_ratio_would(ratio: float, page: Any) -> None:
    page.get_by_label("Negatives per positive, exactly").fill(str(ratio))
    expected = json.loads(loss(neg_pos=ratio).to_json())
    figures = page.figures()
    assert figures["loss"] == pytest.approx(expected["loss"]["total"])
    assert figures["confidence, negatives"] == pytest.approx(expected["loss"]["confidence_negative"])
    counting = page.evaluate("report.page.allNegatives.filter((row) => report.page.isIn(row)).map((row) => row.prior)")
    assert sorted(counting) == sorted(item["prior"] for item in expected["negatives"] if item["image"] == COINS)


def test_around_the_cut_off_it_shows_what_comes_and_goes(page: Any, batch: LossResult) -> None:
    page.get_by_role("button", name="around the cut-off only").click()
    ranks = page.column("Negatives", "rank")
    assert ranks == list(range(420, 450))
    assert page.locator('table[aria-label="Negatives"] tr.past').count() == 20
    assert page.column("Negatives", "score")[9] == json.loads(batch.to_json())["images"][COINS]["last_mined"]["score"]
    page.get_by_label("Negatives per positive, exactly").fill("3.1")  # not one of those that were reckoned
    assert page.locator('table[aria-label="Negatives"] tr.past').count() == 20
    page.get_by_label("Negatives per positive, exactly").fill("2.5")
    assert page.locator('table[aria-label="Negatives"] tr.goes').count() == 20
    page.get_by_label("Negatives per positive, exactly").fill("4")
    assert page.locator('table[aria-label="Negatives"] tr.comes').count() == 10


def test_the_score_slider_leaves_out_what_scores_less(page: Any) -> None:
    page.get_by_label("Shown from probability, exactly").fill("0.7")
    assert min(page.column("Negatives", "prob")) >= 0.7
    assert min(page.column("Positives", "prob")) >= 0.7


def test_choosing_an_image_shows_it(page: Any) -> None:
    row = page.locator('table[aria-label="Images"] tbody tr').first
    row.focus()
    page.keyboard.press("Enter")
    assert "Image 0: 0.2277 of the loss, 7 positives, 21 mined negatives" in page.locator("h2").all_text_contents()
    assert len(page.column("Positives", "prior")) == 7
    row = page.locator('table[aria-label="Negatives"] tbody tr').first
    row.click()
    said = page.locator(".about").inner_text()
    assert f"negative, prior {page.column('Negatives', 'prior')[0]}" in said
    assert "rank\n1, score" in said
    row.click()
    assert "Point at a box" in page.locator(".about").inner_text()


def test_it_asks_for_nothing_and_complains_of_nothing(page: Any) -> None:
    page.get_by_role("button", name="just past the cut-off").click()
    page.locator("canvas").hover()
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_timeout(50)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.asked_elsewhere == []
    assert page.said == []


def test_names_are_text(batch: LossResult, page_of: PageOf, open_page: Any) -> None:
    bad = "<img src=x onerror=alert(1)></script>"
    classes = tuple(replace(item, label=bad) for item in batch.classes)
    objects = tuple(replace(item, label=bad) for item in batch.ground_truth)
    images = tuple(replace(item, name=bad) for item in batch.images)
    page = open_page(page_of(replace(batch, classes=classes, ground_truth=objects, images=images)))
    assert page.locator("img").count() == 0
    assert page.said == []
    assert set(page.column("Positives", "class")) == {bad}


def test_an_infinite_loss_and_an_image_without_objects(page_of: PageOf, open_page: Any) -> None:
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    targets = torch.load(SAMPLE / "targets.pt", weights_only=True)
    targets[1] = targets[1][:0]
    targets[2][3, 2:4] = targets[2][3, :2]
    conf[0, 0, 1] = float("nan")
    result = api.loss((loc, conf, priors), targets, device="cpu", detail=True)
    page = open_page(page_of(result))
    figures = page.figures()
    assert figures["loss"] in ("NaN", "Infinity")
    assert page.locator(".tile.bad .figure").first.inner_text() in ("nan", "inf")
    page.locator('table[aria-label="Images"] tbody tr').nth(1).click()
    assert page.column("Objects", "#") == []
    assert page.said == []


def test_where_every_negative_counts_there_is_no_slider(page_of: PageOf, open_page: Any) -> None:
    page = open_page(page_of(loss(dialect="d2l", detail=True)))
    assert page.get_by_label("Negatives per positive").count() == 0
    assert "every negative counts, so there is no ratio to move" in page.locator(".controls").inner_text()
    assert page.said == []


def test_a_result_read_from_json_has_a_page(batch: LossResult, page_of: PageOf, open_page: Any) -> None:
    page = open_page(page_of(LossResult.from_json(batch.to_json()), "cat"))
    assert page.figures()["loss"] == batch.loss.total
    assert "no ratio to move" in page.locator(".controls").inner_text()
    assert page.said == []
