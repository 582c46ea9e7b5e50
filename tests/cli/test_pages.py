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
    assert "\nWrote report.HTML\n" in text
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


@pytest.mark.parametrize("name", ["loss", "detect", "compare"])
def test_batches_have_pages(name: str, good: Good, sample: Path, folder: Path) -> None:
    files = (sample / "preds.pt", sample / "targets.pt", "--device", "cpu")
    some = ("--dialects", "ssd.pytorch,nvidia") if name == "compare" else ("--image", sample / "cat.jpg")
    text = good(name, *files, *some, "-o", "batch.html")
    assert "\nWrote batch.html\n" in text
    assert [file.name for file in folder.iterdir()] == ["batch.html"]
    page = (folder / "batch.html").read_text()
    said = json.loads(good(name, *files, *some, "--format", "json", "-o", "batch.html"))
    assert document(page) == {**said, "files": []}
    assert page.count("data:image/jpeg") == (name != "compare")


def test_an_audit_has_a_page_with_the_photos_that_it_finds(good: Good, sample: Path, folder: Path) -> None:
    command = ("audit", sample, "--fail-on", "never", "--device", "cpu")
    assert "Wrote audit.html" in good(*command, "-o", "audit.html")
    page = (folder / "audit.html").read_text()
    small = json.loads(page.split('id="extra">')[1].split("</script>")[0])["small"]
    assert [str(uri).partition(",")[0] for uri in small] == ["data:image/jpeg;base64"] * 4
    said = json.loads(good(*command, "--format", "json"))
    assert document(page) == said
    first = sum(image["photo"] is not None for image in said["images_first"])
    assert page.count("data:image/jpeg") - len(small) == first > 0
    assert document(good(*command, "--format", "html"))["totals"] == said["totals"]


def test_of_a_comparison_there_is_no_picture(refused: Refused, sample: Path) -> None:
    said = refused("compare", sample / "preds.pt", sample / "targets.pt", "-o", "c.png")
    assert "c.png: ends in .png. End it in .html or .htm." in said


def test_ranked_presets_have_no_page(refused: Refused, sample: Path) -> None:
    for more in (("-o", "rank.html"), ("--format", "html")):
        said = refused("audit", sample, "--rank", *more)
        assert "is of one set of priors, and --rank compares all. Leave one of the two out." in said


def test_the_folder_of_a_page_is_made(good: Good, sample: Path, folder: Path) -> None:
    good("loss", sample / "preds.pt", sample / "targets.pt", "--device", "cpu", "-o", "new/page.html")
    assert (folder / "new/page.html").is_file()


def test_a_photo_that_is_called_a_page_is_not_replaced(refused: Refused, photo: Write, annotation: Write) -> None:
    photo("photo.png").rename("photo.html")
    annotation([("cat", (10, 10, 60, 60))], name="photo.xml")
    said = refused("match", "photo.html", "photo.xml", "-o", "photo.html", "--overwrite")
    assert "is an input and would be overwritten" in said
