"""The page of `match`: its slider matches as the package does, its numbers are the document's, names are only text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.match import AnnotatedObjects, analyse_match
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.photos import load_photo
from ssdlossdbg.report.documents import document_of
from ssdlossdbg.report.html.match import match_extra
from ssdlossdbg.report.outputs import render
from ssdlossdbg.report.view import View
from ssdlossdbg.results import MatchResult
from ssdlossdbg.rules import Comparison, ConflictRule, Dialect, ForcedRule

SAMPLE = Path(__file__).parents[2] / "sample_data"
CLASSES = tuple((SAMPLE / "classes.txt").read_text().split())
# As `matching.js` numbers roles.
NEGATIVE, POSITIVE, FORCED, IGNORED = range(4)
# Rules that no codebase combines so, but a dialect file of the user's may.
ODD = {
    "highest-if-none": {"forced": ForcedRule.IF_NONE_REACHES, "conflict": ConflictRule.HIGHEST_IOU},
    "first-if-none": {"forced": ForcedRule.IF_NONE_REACHES, "conflict": ConflictRule.FIRST, "minimum_iou": 0.3},
    "highest-taken": {"forced": ForcedRule.TAKEN_OVER, "conflict": ConflictRule.HIGHEST_IOU, "minimum_iou": 0.2},
    "first-background": {"forced": ForcedRule.TAKEN_OVER, "first_prior_background": True},
    "more-ignored": {"comparison": Comparison.MORE_THAN, "ignore_from": 0.25},
}


def html(result: Any, photo: Path = SAMPLE / "astronaut.jpg") -> str:
    """The page of a result."""
    return str(render(result, "html", View(photos=(load_photo(photo).image,), version="1")))


def scene(name: str, dialect: Dialect) -> Scene:
    """A sample under a dialect, on SSD300's priors."""
    photo = load_photo(SAMPLE / f"{name}.jpg")
    objects = load_dataset(SAMPLE / f"{name}.xml", CLASSES).only(photo.path)
    batch = Batch(load_priors("ssd300-voc"), "cpu", targets=AnnotatedObjects(objects, photo.stored))
    return Scene(batch, dialect)


def at(whole: Scene, threshold: float) -> Scene:
    """The same at another threshold."""
    return Scene(whole.batch, replace(whole.rules, match=replace(whole.rules.match, threshold=threshold)))


def roles(whole: Scene) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`[P]` roles as the page numbers them, and `[P]` whose the positives are."""
    matching = whole.matching
    role = torch.where(matching.forced, FORCED, torch.where(matching.positive, POSITIVE, NEGATIVE))
    return torch.where(matching.ignored, IGNORED, role)[0].numpy(), matching.gt_index[0].numpy()


def thresholds(whole: Scene) -> list[float]:
    """Round ones, and overlaps that there are, which decide between at least and more than, and their neighbours."""
    overlaps = np.unique(whole.matching.prior_iou[0].numpy())
    some = overlaps[overlaps > 0.05][:: max(1, len(overlaps) // 4)]
    near = [np.nextafter(some, 1), np.nextafter(some, 0)]
    return [0.0, 1.0, *np.arange(0.1, 1, 0.1).tolist(), *(float(each) for each in np.concatenate([some, *near]))]


# Role and object of each prior at each threshold, a byte each: numbers one by one would take long to hand over.
ROLES_IN_PAGE = """async ([extra, objects, thresholds]) => {
    const matcher = new report.Matcher(extra.rule, objects, await report.unpackAll(extra.arrays));
    const bytes = (numbers) => Array.from(numbers, (number) => String.fromCharCode(number)).join("");
    return thresholds.map((threshold) => {
        const { role, object } = matcher.roles(threshold);
        return bytes(role) + bytes(object);
    }).join("");
}"""
CASES = [*((name, None) for name in dialect_names()), *(("ssd.pytorch", odd) for odd in ODD.values())]


@pytest.mark.parametrize(("dialect", "odd"), CASES, ids=[*dialect_names(), *ODD])
def test_any_threshold_is_matched_to_the_last_bit(dialect: str, odd: Any, shared_page: Any) -> None:
    rules = load_dialect(dialect)
    rules = replace(rules, match=replace(rules.match, **(odd or {})))
    for sample in ("astronaut", "coins"):
        whole = scene(sample, rules)
        result = analyse_match(whole, sample)
        objects = document_of(result)["ground_truth"]
        asked = thresholds(whole)
        text = shared_page.evaluate(ROLES_IN_PAGE, [json.loads(json.dumps(match_extra(result))), objects, asked])
        given = np.frombuffer(text.encode("latin-1"), np.uint8).reshape(len(asked), 2, -1)
        for threshold, (role, owner) in zip(asked, given, strict=True):
            expected, whose = roles(at(whole, threshold))
            assert (role == expected).all(), threshold
            positive = (expected == POSITIVE) | (expected == FORCED)
            assert (owner[positive] == whose[positive]).all(), threshold


@pytest.fixture(scope="module")
def shared_page(chromium: Any, astronaut: MatchResult, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A page of `match` whose scripts are borrowed."""
    file = tmp_path_factory.mktemp("page") / "match.html"
    file.write_text(html(astronaut))
    context = chromium.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    page.wait_for_selector("main[data-ready]")
    yield page
    context.close()


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "retinaface", "bubbliiiing", "caffe", "yolact"])
def test_counts_at_another_threshold_are_those_of_its_own_report(dialect: str, open_page: Any) -> None:
    whole = scene("astronaut", load_dialect(dialect))
    page = open_page(html(analyse_match(whole, "astronaut.jpg")))
    for threshold in (0.1, 0.35, 0.62):
        said = document_of(analyse_match(at(whole, threshold), "astronaut.jpg"))
        page.get_by_label("Match threshold, exactly").fill(str(threshold))
        moved = page.evaluate("threshold => report.matchAt(threshold)", threshold)
        for key, number in moved["totals"].items():
            assert number == said["totals"][key], key
        for mine, theirs in zip(moved["levels"], said["levels"], strict=True):
            assert mine == theirs
        for mine, theirs in zip(moved["objects"], said["ground_truth"], strict=True):
            assert {**mine, "non_finite_target": 0} == {**theirs, "non_finite_target": 0}
        assert page.column("Objects", "positives") == [item["positives"] for item in said["ground_truth"]]
        assert page.column("Levels", "objects") == [item["ground_truth"] for item in said["levels"]]
        assert page.figures()["positive priors"] == said["totals"]["positives"]
        assert page.figures()["forced only"] == said["totals"]["forced_only"]


def test_numbers_are_the_documents(astronaut: MatchResult, open_page: Any) -> None:
    page, said = open_page(html(astronaut)), json.loads(astronaut.to_json())
    assert page.evaluate("report.document") == {**said, "files": []}
    for column, key in (("positives", "positives"), ("best IoU", "best_iou"), ("lost to", "lost_to"), ("#", "index")):
        assert page.column("Objects", column) == [item[key] for item in said["ground_truth"]]
    assert page.column("Levels", "priors") == [item["priors"] for item in said["levels"]]
    assert page.column("Other thresholds", "positives") == [item["positives"] for item in said["thresholds"]]
    totals = said["totals"]
    assert page.figures() == {
        "matched": totals["matched"],
        "forced only": totals["forced_only"],
        "unmatched": totals["without_positive"],
        "invalid": totals["invalid"],
        "positive priors": totals["positives"],
        "near misses": totals["near_misses"],
    }
    assert page.locator(".finding code").all_text_contents() == [finding["code"] for finding in said["findings"]]


def test_it_asks_for_nothing_and_complains_of_nothing(astronaut: MatchResult, open_page: Any) -> None:
    page = open_page(html(astronaut))
    for name in ("near misses", "other negatives", "38x38"):
        page.get_by_role("button", name=name).click()
    page.mouse.move(300, 600)
    page.get_by_role("button", name="Show it dark").click()
    page.get_by_text("What this means").first.click()
    assert page.locator("details[open]").count() == 1
    assert page.asked_elsewhere == []
    assert page.said == []


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>document.title='taken'</script>",
    "<!--<script>",
    "&lt;b&gt;",
    "\u202egnp.exe",
    "\N{CJK UNIFIED IDEOGRAPH-8C93}",
)


def test_names_are_text_whatever_they_hold(astronaut: MatchResult, open_page: Any) -> None:
    objects = tuple(replace(item, label=HOSTILE[item.index]) for item in astronaut.ground_truth)
    findings = []
    for finding in astronaut.findings:
        cases = tuple(replace(case, message=HOSTILE[1], fix=HOSTILE[2]) for case in finding.cases)
        findings.append(replace(finding, name=HOSTILE[0], cases=cases))
    path = f"{HOSTILE[0]}{HOSTILE[1]}.jpg"
    taken = replace(astronaut, ground_truth=objects, findings=tuple(findings), image_path=path)
    page = open_page(html(taken))
    assert "taken" not in page.title().split("<")[0]
    assert page.locator("img, script:not([type])").count() == 1
    assert page.said == []
    cells = page.locator('table[aria-label="Objects"] tbody td:nth-child(2)').all_text_contents()
    assert cells == [name.replace("\u202e", "\N{REPLACEMENT CHARACTER}") for name in HOSTILE]


def test_a_script_that_is_slipped_in_does_not_run(astronaut: MatchResult, open_page: Any) -> None:
    slipped = '<script>document.documentElement.dataset.taken = "yes"</script>'
    page = open_page(html(astronaut).replace("<main", f"{slipped}<main"))
    assert page.evaluate("document.documentElement.dataset.taken") is None
    assert any("Content Security Policy" in message for message in page.said)


def test_keys_do_what_the_mouse_does(astronaut: MatchResult, open_page: Any) -> None:
    page = open_page(html(astronaut))
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_label("Match threshold, exactly").input_value() == "0.51"
    page.get_by_role("button", name="reset").press("Enter")
    assert page.get_by_label("Match threshold, exactly").input_value() == "0.5"
    row = page.locator('table[aria-label="Objects"] tbody tr').nth(1)
    row.focus()
    page.keyboard.press("Enter")
    assert row.get_attribute("aria-selected") == "true"
    assert "object 1: emblem" in page.locator(".about").inner_text()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.key") == "2"
    canvas = page.locator("canvas")
    canvas.focus()
    page.keyboard.press("Escape")
    assert row.get_attribute("aria-selected") == "false"
    before = page.evaluate("document.querySelector('canvas').toDataURL()")
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(50)
    assert page.evaluate("document.querySelector('canvas').toDataURL()") != before
    page.keyboard.press("0")
    page.locator('table[aria-label="Objects"] thead button', has_text="best IoU").press("Enter")
    best = page.column("Objects", "best IoU")
    assert best == sorted(best, reverse=True)


def test_pointing_at_a_prior_tells_of_it(astronaut: MatchResult, open_page: Any) -> None:
    page = open_page(html(astronaut))
    positives = astronaut.positives
    row = int(np.flatnonzero(positives.forced)[-1])
    x1, y1, x2, _ = positives.boxes[row].tolist()
    page.locator("canvas").scroll_into_view_if_needed()
    bounds = page.locator("canvas").bounding_box()
    page.mouse.move(bounds["x"] + (x1 + x2) / 2 * bounds["width"], bounds["y"] + y1 * bounds["height"])
    said = page.locator(".about").inner_text()
    item = astronaut.ground_truth[int(positives.ground_truth[row])]
    assert f"prior {positives.prior[row]}" in said
    assert "forced positive" in said
    assert f"object {item.index} ({item.label})" in said
    assert f"{item.best_iou:.3f}" in said


def test_without_scripts_it_holds_the_text(astronaut: MatchResult, open_page: Any) -> None:
    page = open_page(html(astronaut), java_script_enabled=False)
    text = page.locator("noscript pre").inner_text()
    assert "6 objects: 3 matched" in text
    assert "BOX001" in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_it_fits_its_window(scheme: str, width: int, astronaut: MatchResult, open_page: Any) -> None:
    page = open_page(html(astronaut), color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(50)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) > 380) == (scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_button_and_the_printer_have_the_same_colours(scheme: str, astronaut: MatchResult, open_page: Any) -> None:
    page = open_page(html(astronaut), color_scheme=scheme)
    other, colours = (
        {"light": "dark", "dark": "light"}[scheme],
        "getComputedStyle(document.querySelector('.tile .more')).color",
    )
    theirs = open_page(html(astronaut), color_scheme=other).evaluate(colours)
    own = page.evaluate(colours)
    page.get_by_role("button", name=f"Show it {other}").click()
    assert page.evaluate(colours) == theirs != own
    page.get_by_role("button", name=f"Show it {scheme}").click()
    assert page.evaluate(colours) == own
    page.emulate_media(media="print")
    assert page.evaluate(colours) == (own if scheme == "light" else theirs), "ink on paper"


def test_paper_has_the_photo_with_its_boxes(astronaut: MatchResult, open_page: Any) -> None:
    page = open_page(html(astronaut))
    seen = "[...document.querySelector('.picture canvas').getContext('2d').getImageData(200, 200, 99, 99).data].join()"
    painted = page.evaluate(seen)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 990})
    page.pdf(width="18cm")
    assert page.evaluate(seen) == painted
    assert page.evaluate("document.querySelector('.picture canvas').getBoundingClientRect().right <= innerWidth")


def test_a_result_read_from_json_has_a_page(astronaut: MatchResult, open_page: Any) -> None:
    page = open_page(html(MatchResult.from_json(astronaut.to_json())))
    assert page.get_by_role("slider").count() == 0
    assert "cannot match at another threshold" in page.locator(".controls").inner_text()
    assert page.column("Objects", "positives") == [item.positives for item in astronaut.ground_truth]


def test_a_photo_without_objects(tmp_path: Path, open_page: Any) -> None:
    Image.new("RGB", (200, 100)).save(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text(
        "<annotation><filename>a.png</filename><size><width>200</width><height>100</height><depth>3</depth></size>"
        "</annotation>"
    )
    result = api.match(tmp_path / "a.png", tmp_path / "a.xml", "ssd300-voc", device="cpu")
    page = open_page(html(result, tmp_path / "a.png"))
    page.get_by_label("Match threshold, exactly").fill("0")
    assert page.figures()["positive priors"] == 0
    assert page.said == []
