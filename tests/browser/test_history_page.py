"""The page of `history`: its course is the rows of the run, its tables are the document, and lists can be narrowed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import HistoryResult
from tests.analysis.test_history import of_steps
from tests.report.test_history_outputs import eventful

PageOf = Callable[..., str]
ABOUT = ".panel .about"


@pytest.fixture(scope="module")
def result() -> HistoryResult:
    """A run in which much goes wrong, with its findings."""
    made = eventful()
    return replace(made, findings=find((made,)))


@pytest.fixture
def page(result: HistoryResult, page_of: PageOf, open_page: Any) -> Any:
    """Its page, with a photo of the first image whose object is not learnt."""
    return open_page(page_of(result, "cat"))


def facts(page: Any, place: int) -> dict[str, Any]:
    """What a panel says of the cursor's step, as its numbers are."""
    panel = page.locator(ABOUT).nth(place)
    names, values = panel.locator("dt").all_text_contents(), panel.locator("dd").all()
    return {name: json.loads(value.get_attribute("data-value")) for name, value in zip(names, values, strict=True)}


def test_numbers_are_the_documents(page: Any, result: HistoryResult) -> None:
    said = json.loads(result.to_json())
    assert page.evaluate("report.document") == {**said, "files": []}
    states = ("learnt", "never learnt", "forgotten", "taken for another", "open")
    assert page.figures() == dict(zip(states, said["states"], strict=True))
    assert page.column("Events", "step") == [event["step"] for event in said["events"]]
    assert page.column("Events", "value") == [event["value"] for event in said["events"]]
    assert page.column("Groups", "objects") == [each["objects"] for each in said["groups"] if each["by"] == "class"]
    assert page.column("Groups", "gone from") == [None, 160]
    for title, key in (("px", "side"), ("status", "state"), ("reason", "reason"), ("mean loss", "cost")):
        assert page.column("Objects", title) == [each[key] for each in said["objects"]]
    assert page.column("Objects", "last p") == [each["probability"][2] for each in said["objects"]]
    assert page.asked_elsewhere == []
    assert page.said == []


def test_the_cursor_reads_each_step_and_goes_to_what_stands_out(page: Any, result: HistoryResult) -> None:
    plot = page.locator(".plot > svg").first
    plot.focus()
    assert result.course is not None
    for key, step in (("Home", 0), ("ArrowRight", 1), ("Shift+ArrowRight", 11), ("n", 100), ("n", 150), ("p", 100)):
        plot.press(key)
        assert page.locator(ABOUT).first.locator("h3").inner_text() == f"Step {step}"
        row = result.course.steps[step]
        told = facts(page, 0)
        assert told["loss"] == pytest.approx(float(row["total"]))
        assert told["boxes"] == pytest.approx(float(row["localization"]))
        assert told["learning rate"] == pytest.approx(float(row["rate"]))
    assert "spike: 40" in page.locator(ABOUT).first.inner_text()
    plot.press("Escape")
    assert "Point at a step" in page.locator(ABOUT).first.inner_text()
    page.locator('table[aria-label="Events"] tbody tr').last.press("Enter")
    assert page.locator(ABOUT).first.locator("h3").inner_text() == "Step 200"
    assert page.locator(".line .odd").count() == 1
    assert page.said == []


def test_dragging_zooms_and_a_key_shows_all_again(page: Any) -> None:
    plot = page.locator(".plot > svg").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    whole = page.evaluate("report.page.course.plot.range")
    places = page.evaluate("[report.page.course.plot.x(60), report.page.course.plot.x(120)]")
    page.mouse.move(box["x"] + places[0], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + places[1], box["y"] + 70, steps=4)
    page.mouse.up()
    assert page.evaluate("report.page.course.plot.range") == pytest.approx([60, 120], abs=1.5)
    assert page.get_by_role("button", name="Show the whole run").first.is_visible()
    plot.focus()
    plot.press("Home")  # out of sight
    low, high = page.evaluate("report.page.course.plot.range")
    assert low == 0
    assert high == pytest.approx(60, abs=2)
    plot.press("0")
    assert page.evaluate("report.page.course.plot.range") == whole


def test_hovering_reads_the_nearest_step(page: Any) -> None:
    plot = page.locator(".plot > svg").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + page.evaluate("report.page.course.plot.x(42.3)"), box["y"] + 100)
    assert page.locator(ABOUT).first.locator("h3").inner_text() == "Step 42"


def test_groups_by_each_measure_are_the_documents(page: Any, result: HistoryResult) -> None:
    said = json.loads(result.to_json())
    classes = [group for group in said["groups"] if group["by"] == "class"]
    for measure, key in (("right", "right"), ("cost", "cost"), ("positives", "positives")):
        page.get_by_label("what", exact=True).select_option(measure)
        plot = page.locator(".plot > svg").nth(1)
        plot.focus()
        plot.press("Home")
        assert facts(page, 1) == {group["name"]: group[key][0] for group in classes}
    assert classes[0]["positives"][0] == 20
    dog = page.get_by_role("button", name="dog")
    assert dog.get_attribute("aria-pressed") == "true"
    page.locator('table[aria-label="Groups"] tbody tr').nth(1).press("Enter")
    assert dog.get_attribute("aria-pressed") == "false"
    dog.press("Enter")
    assert dog.get_attribute("aria-pressed") == "true"
    assert dog.evaluate("(button) => button === document.activeElement")
    page.get_by_label("by", exact=True).select_option("size")
    assert page.column("Groups", "size") == ["32 to 64 px"]
    assert page.said == []


def test_objects_are_narrowed_and_shown_with_their_course(page: Any, result: HistoryResult) -> None:
    rows = page.locator('table[aria-label="Objects"] tbody tr')
    assert rows.count() == 3
    page.get_by_label("state", exact=True).select_option("never learnt")
    assert page.column("Objects", "status") == ["never learnt"]
    page.get_by_label("state", exact=True).select_option("taken for another")
    assert page.column("Objects", "taken for") == ["dog"]
    rows.first.press("Enter")
    assert "dog, far likelier in 9 of 10 samples" in page.locator(ABOUT).nth(2).inner_text()
    page.get_by_label("state", exact=True).select_option("")
    page.get_by_label("reason", exact=True).select_option("matched")
    assert rows.count() == 3
    first = result.objects[0]
    rows.first.press("Enter")
    panel = page.locator(ABOUT).nth(2)
    assert panel.locator("canvas.thumbnail").count() == 1
    plot = panel.locator(".plot > svg")
    plot.focus()
    assert first.samples is not None
    for key, place in (("Home", 0), ("End", -1)):
        plot.press(key)
        words = panel.locator("p.words").last.inner_text()
        assert f"Step {first.samples.step[place]}: {100 * first.samples.probability[place]:.1f}%" in words
    rows.nth(1).hover()
    assert result.objects[1].name in panel.locator("h3").inner_text()
    assert "photo is not part of this page" in panel.inner_text()
    assert page.said == []


def test_names_are_text(result: HistoryResult, page_of: PageOf, open_page: Any) -> None:
    bad = "<img src=x onerror=alert(1)></script>"
    page = open_page(
        page_of(
            replace(
                result,
                run=bad,
                events=tuple(replace(event, images=(bad,), cause=bad, file=bad) for event in result.events),
                groups=tuple(replace(group, name=bad) for group in result.groups),
                objects=tuple(replace(each, name=bad, label_name=bad, taken_name=bad) for each in result.objects),
            )
        )
    )
    page.locator('table[aria-label="Objects"] tbody tr').first.press("Enter")
    page.locator('table[aria-label="Events"] tbody tr').first.press("Enter")
    assert page.locator("img").count() == 0
    assert set(page.column("Objects", "class")) == {bad}
    assert page.said == []


def test_paper_is_light(page: Any) -> None:
    theme = "document.documentElement.dataset.theme"
    page.locator("button.theme").click()
    assert page.evaluate(theme) == "dark"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(theme) == "light"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(theme) == "dark"


def test_it_is_narrow_where_the_window_is(page: Any) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_result_read_from_json_has_a_page_of_its_parts(
    result: HistoryResult, page_of: PageOf, open_page: Any
) -> None:
    page = open_page(page_of(HistoryResult.from_json(result.to_json())))
    plot = page.locator(".plot > svg").first
    plot.focus()
    plot.press("Home")
    assert page.locator(ABOUT).first.locator("h3").inner_text() == "From step 0 on"
    assert facts(page, 0)["loss"] == pytest.approx(float(np.median(of_steps()["total"][:20])))
    page.locator('table[aria-label="Objects"] tbody tr').first.press("Enter")
    assert "not part of this page" in page.locator(ABOUT).nth(2).inner_text()
    assert page.said == []


def test_a_run_of_one_step_and_of_nothing_known_has_a_page(page_of: PageOf, open_page: Any) -> None:
    made = eventful()
    assert made.course is not None
    course = replace(made.course, steps=made.course.steps[200:201], rank=made.course.rank[:1])
    nothing = replace(made, course=course, events=(), groups=(), objects=(), states=(), loss=(math.nan,),
                      rate=(math.nan,), norm=(math.nan,), part_steps=(200,), first_step=200, last_step=200)  # fmt: skip
    page = open_page(page_of(nothing))
    assert "Nothing does" in page.locator("main").inner_text()
    assert page.said == []
