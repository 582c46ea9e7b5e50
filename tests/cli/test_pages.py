"""`-o FILE.html` and `--format html`: where pages go, what they replace, and what they must not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Good = Callable[..., str]
Refused = Callable[..., str]
Write = Callable[..., Path]


def document(html: str) -> dict[str, Any]:
    """The JSON that a page holds."""
    found = re.search(r'<script type="application/json" id="document">(.*?)</script>', html)
    assert found is not None
    held: dict[str, Any] = json.loads(found[1])
    return held


@pytest.fixture
def command(sample: Path) -> tuple[object, ...]:
    """A `match` of the sample with mistakes."""
    files = (sample / "astronaut.jpg", sample / "astronaut.xml")
    return ("match", *files, "--config", "ssd300-voc", "--fail-on", "never", "--device", "cpu")


def test_a_page_is_written_in_the_place_of_the_picture(good: Good, command: Any, folder: Path) -> None:
    text = good(*command, "-o", "report.HTML")
    assert text.rstrip().endswith("Wrote report.HTML")
    assert [file.name for file in folder.iterdir()] == ["report.HTML"]
    said = json.loads(good(*command, "--no-overlay", "--format", "json"))
    assert document((folder / "report.HTML").read_text()) == said


def test_a_page_goes_to_stdout(good: Good, command: Any, folder: Path) -> None:
    html = good(*command, "--no-overlay", "--format", "html")
    assert html.startswith("<!doctype html>")
    assert document(html)["totals"]["positives"] == 20
    assert "data:image/jpeg;base64," in html
    assert list(folder.iterdir()) == []


def test_a_page_of_ours_is_replaced_and_no_other(good: Good, refused: Refused, command: Any, folder: Path) -> None:
    good(*command, "-o", "report.html")
    good(*command, "-o", "report.html", "--threshold", "0.4")
    assert document((folder / "report.html").read_text())["threshold"] == 0.4
    (folder / "mine.html").write_text("<!doctype html><title>mine</title>")
    said = refused(*command, "-o", "mine.html")
    assert "mine.html: exists and is no file of ssdlossdbg's" in said
    good(*command, "-o", "mine.html", "--overwrite")


def test_a_photo_that_is_called_a_page_is_not_replaced(refused: Refused, photo: Write, annotation: Write) -> None:
    photo("photo.png").rename("photo.html")
    annotation([("cat", (10, 10, 60, 60))], name="photo.xml")
    said = refused("match", "photo.html", "photo.xml", "-o", "photo.html", "--overwrite")
    assert "is an input and would be overwritten" in said
