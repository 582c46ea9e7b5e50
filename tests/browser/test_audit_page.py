"""The page of `audit`: its bars are the document's counts, and narrow the list of its worst objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.readers.photos import load_photo
from ssdlossdbg.report.outputs import render
from ssdlossdbg.report.view import View
from ssdlossdbg.results import AuditResult

SAMPLE = Path(__file__).parents[2] / "sample_data"
PageOf = Callable[..., str]


@pytest.fixture(scope="module")
def audited() -> AuditResult:
    """The sample data: four photos, two invalid boxes among their objects."""
    return api.audit(SAMPLE, "ssd300-voc", device="cpu").with_match_options(())


@pytest.fixture
def page(audited: AuditResult, open_page: Any) -> Any:
    """Its page, with the photos of the images to look at first."""
    photos = tuple(load_photo(Path(str(image.photo))).image for image in audited.images_first)
    return open_page(str(render(audited, "html", View(photos=photos, version="1"))))


def bars(page: Any, title: str) -> dict[str, int]:
    """What the bars of a histogram say, by their names."""
    rows = page.locator(f'.histogram[aria-label="{title}"] .histogram-row')
    names, numbers = rows.locator(".name").all_text_contents(), rows.locator(".number").all()
    return {name: json.loads(number.get_attribute("data-value")) for name, number in zip(names, numbers, strict=True)}


def test_numbers_are_the_documents(page: Any, audited: AuditResult) -> None:
    said = json.loads(audited.to_json())
    assert page.evaluate("report.document") == {**said, "files": []}
    totals = said["totals"]
    assert page.figures() == {
        "matched": totals["matched"],
        "forced only": totals["forced_only"],
        "without a positive": totals["without_positive"],
        "invalid": totals["invalid"],
        "best possible recall": totals["best_possible_recall"],
    }
    assert bars(page, "By class") == {item["label"]: item["ground_truth"] for item in said["classes"]}
    assert bars(page, "By size") == {f"{item['name']} px": item["ground_truth"] for item in said["sizes"]}
    assert list(bars(page, "By level").values()) == [item["ground_truth"] for item in said["levels"]]
    assert page.column("Recalls", "best possible recall") == [item["best_possible_recall"] for item in said["recalls"]]


@pytest.mark.parametrize("title", ["By class", "By size", "By level"])
def test_each_bar_narrows_the_list_to_as_many_objects(title: str, page: Any, audited: AuditResult) -> None:
    everything = page.evaluate("report.page.found")
    assert everything == audited.totals.ground_truth
    for name, number in bars(page, title).items():
        bar = page.locator(f'.histogram[aria-label="{title}"] .histogram-row').filter(has_text=name).first
        bar.press("Enter")
        assert bar.get_attribute("aria-pressed") == "true"
        found = page.evaluate("report.page.found")
        if title == "By level":  # which says nothing of the level of boxes that are none
            invalid = audited.totals.invalid
            assert number <= found <= number + invalid
        else:
            assert found == number
        bar.press("Enter")
    assert page.evaluate("report.page.found") == everything


def test_bars_narrow_together(page: Any, audited: AuditResult) -> None:
    def press(title: str, name: str) -> None:
        page.locator(f'.histogram[aria-label="{title}"] button').filter(has_text=name).first.click()

    press("By class", "emblem")
    press("By size", "32 to 64 px")
    objects = audited.objects
    sides = ((objects.boxes[:, 2:] - objects.boxes[:, :2]) * objects.image_size).prod(1).clip(0) ** 0.5
    wanted = (np.array(objects.labels) == "emblem") & objects.valid & (sides >= 32) & (sides < 64)
    assert 0 < page.evaluate("report.page.found") == wanted.sum() < len(sides)
    assert set(page.column("Worst objects", "class")) == {"emblem"}
    assert all(32 <= side < 64 for side in page.column("Worst objects", "size px"))
    page.get_by_role("button", name="show all").click()
    assert page.locator('[aria-pressed="true"]').count() == 0


def test_the_worst_come_first_and_are_shown_on_their_photo(page: Any, audited: AuditResult) -> None:
    status = page.column("Worst objects", "status")
    assert status[:3] == ["invalid", "invalid", "forced-only"]
    assert page.column("Worst objects", "best IoU")[2] == pytest.approx(
        audited.objects.best_iou[audited.objects.forced_only].min()
    )
    page.locator('table[aria-label="Worst objects"] tbody tr').first.press("Enter")
    assert page.locator(".large h3").inner_text() == audited.images_first[0].name
    assert "ssdlossdbg match" in page.locator(".command").last.inner_text()
    page.locator(".card").first.click()
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_timeout(50)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.asked_elsewhere == []
    assert page.said == []


def test_the_list_shows_the_photos_of_what_it_holds(audited: AuditResult, open_page: Any) -> None:
    small: dict[tuple[str, str | None], Image.Image] = {
        (facts.file, None): load_photo(Path(facts.file).with_suffix(".jpg"), 200).image
        for facts in audited.objects.images[1:]
    }
    page = open_page(str(render(audited, "html", View(thumbnails=small))))
    strip = page.locator(".table + .words + .gallery .card")
    page.wait_for_function("document.querySelectorAll('.table + .words + .gallery .card').length === 3")
    assert "This page has those of 3 of 4 images" in page.locator(".table + .words").inner_text()
    page.locator('.histogram[aria-label="By class"] button').filter(has_text="coin").first.click()
    page.wait_for_function("document.querySelectorAll('.table + .words + .gallery .card').length === 1")
    assert strip.inner_text().strip() == "coins.xml"
    page.locator('table[aria-label="Worst objects"] tbody tr').first.press("Enter")
    page.wait_for_function("!document.querySelector('.large').hidden")
    assert page.locator(".large h3").inner_text().endswith("coins.xml")
    assert page.evaluate("report.page.picture.photo.naturalWidth") == 200
    assert page.asked_elsewhere == []
    assert page.said == []


def test_small_photos_leave_room_for_the_rest(audited: AuditResult) -> None:
    facts = replace(audited.objects.images[0], name=None)
    many = [replace(facts, file=f"{number}.xml") for number in range(900)]
    image = np.arange(len(audited.objects.image)) % 900
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8))
    objects = replace(audited.objects, images=tuple(many), image=np.sort(image))
    small: dict[tuple[str, str | None], Image.Image] = {(each.file, None): noise for each in many[: len(image)]}
    page = str(render(replace(audited, objects=objects), "html", View(thumbnails=small)))
    assert len(page) < 8_000_000


def test_names_are_text(audited: AuditResult, page_of: PageOf, open_page: Any) -> None:
    bad = "<img src=x onerror=alert(1)></script>"
    objects = replace(audited.objects, labels=tuple(bad for _ in audited.objects.labels))
    classes = tuple(replace(group, name=bad) for group in audited.classes)
    first = tuple(replace(image, name=bad, photo=None) for image in audited.images_first)
    page = open_page(page_of(replace(audited, objects=objects, classes=classes, images_first=first)))
    assert page.locator("img").count() == 0
    assert set(page.column("Worst objects", "class")) == {bad}
    assert page.locator(".no-photo").count() == len(first)
    assert page.said == []


def test_a_result_read_from_json_has_a_page(audited: AuditResult, page_of: PageOf, open_page: Any) -> None:
    page = open_page(page_of(AuditResult.from_json(audited.to_json())))
    assert bars(page, "By class") == {group.name: group.tally.ground_truth for group in audited.classes}
    assert "not part of this report" in page.locator("main").inner_text()
    assert page.said == []
