"""A real Chromium, driven by playwright; where either is not, what is tested in it is skipped, and said so."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg import api
from ssdlossdbg.readers.photos import load_photo
from ssdlossdbg.report.outputs import render
from ssdlossdbg.report.view import View

SAMPLE = Path(__file__).parents[2] / "sample_data"
CLASSES = tuple((SAMPLE / "classes.txt").read_text().split())
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# What the cells of a column hold, as the document has it; and so the large numbers.
VALUES = """([caption, title]) => {
    const table = document.querySelector(`table[aria-label="${caption}"]`);
    const place = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === title);
    return [...table.tBodies[0].rows].map((row) => row.cells[place].dataset.value);
}"""
FIGURES = """[...document.querySelectorAll(".tile")].map((tile) =>
    [tile.querySelector(".label").textContent, tile.querySelector(".figure").dataset.value])"""


class Opened:
    """A page in the browser, and what it said and asked for while it was looked at."""

    def __init__(self, page: Any) -> None:
        self.page, self.said, self.asked = page, list[str](), list[str]()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def __getattr__(self, name: str) -> Any:
        """What playwright's page has."""
        return getattr(self.page, name)

    @property
    def asked_elsewhere(self) -> list[str]:
        """Requests for anything but the file itself and what is written in it."""
        return [url for url in self.asked[1:] if not url.startswith(("data:", "blob:"))]

    def column(self, table: str, title: str) -> list[Any]:
        """What the document has for a column of a table, as its cells say, down as far as it is shown."""
        return [json.loads(value) for value in self.page.evaluate(VALUES, [table, title])]

    def figures(self) -> dict[str, Any]:
        """The large numbers by what they count."""
        return {label: json.loads(value) for label, value in self.page.evaluate(FIGURES)}


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser for all tests."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra `browser`)")
    with playwright.sync_playwright() as driver:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium has none for root
        browser = driver.chromium.launch(executable_path=found, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Open HTML from a file of its own; options are those of a context of playwright's."""
    contexts = list[Any]()

    def open_html(html: str | Path, **options: Any) -> Opened:
        file = html if isinstance(html, Path) else tmp_path / f"page-{len(contexts)}.html"
        if isinstance(html, str):
            file.write_text(html, encoding="ascii")
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 900}, **options))
        opened = Opened(contexts[-1].new_page())
        opened.page.goto(file.as_uri())
        if options.get("java_script_enabled", True):
            opened.page.wait_for_selector("main[data-ready]", timeout=20_000)
        return opened

    yield open_html
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def page_of() -> Callable[..., str]:
    """The page of a result, with sample photos by their names."""

    def render_page(result: Any, *names: str) -> str:
        photos = tuple(load_photo(SAMPLE / f"{name}.jpg").image for name in names)
        return str(render(result, "html", View(photos=photos, version="1")))

    return render_page


@pytest.fixture(scope="session")
def astronaut() -> Any:
    """Six objects, four of them in trouble."""
    return api.match(SAMPLE / "astronaut.jpg", SAMPLE / "astronaut.xml", "ssd300-voc", classes=CLASSES, device="cpu")
