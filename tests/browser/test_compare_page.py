"""The page of `compare`: the table of the document, and why a codebase differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg import api
from ssdlossdbg.results import CompareResult

SAMPLE = Path(__file__).parents[2] / "sample_data"
PageOf = Callable[..., str]


@pytest.fixture(scope="module")
def compared() -> CompareResult:
    """Four codebases on the saved batch."""
    dialects = ("ssd.pytorch", "torchvision", "nvidia", "ssd-keras")
    return api.compare(SAMPLE / "preds.pt", SAMPLE / "targets.pt", dialects=dialects, device="cpu")


def test_numbers_are_the_documents(compared: CompareResult, page_of: PageOf, open_page: Any) -> None:
    page, said = open_page(page_of(compared)), json.loads(compared.to_json())
    assert page.evaluate("report.document") == {**said, "files": []}
    for column, key in (("dialect", "name"), ("total", "total"), ("loc", "localization"), ("divided by", "normalizer")):
        assert page.column("Dialects", column) == [item[key] for item in said["dialects"]]
    assert page.column("Dialects", "negatives") == [sum(item["negatives"]) for item in said["dialects"]]
    for place, item in enumerate(said["dialects"]):
        page.locator('table[aria-label="Dialects"] tbody tr').nth(place).press("Enter")
        assert page.column("Causes", "changes the loss by") == [cause["delta"] for cause in item["causes"]]
        assert any(item["name"] in heading for heading in page.locator("h2").all_text_contents())
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.asked_elsewhere == []
    assert page.said == []


def test_names_are_text(compared: CompareResult, page_of: PageOf, open_page: Any) -> None:
    bad = "<img src=x onerror=alert(1)></script>"
    dialects = tuple(replace(item, name=bad, codebase=bad, raises=bad) for item in compared.dialects)
    page = open_page(page_of(replace(compared, dialects=dialects)))
    assert page.locator("img").count() == 0
    assert set(page.column("Dialects", "dialect")) == {bad}
    assert page.said == []
