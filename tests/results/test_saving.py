"""Which photos a result looks for when it is saved, and what it hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg.results import report
from ssdlossdbg.results.report import Reported


@pytest.mark.parametrize(
    ("images", "ending", "photos"),
    [
        (None, ".html", ["own"]),
        (None, ".png", ["own"]),
        (3, ".html", [0, "own", 2]),
        (3, ".JPG", [0, "own", 2]),
        (3, ".csv", [0]),
        (3, ".json", [0]),
        (0, ".html", []),
    ],
)
def test_photos_of_all_images_for_what_is_drawn_alone(
    images: int | None, ending: str, photos: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by its place, but for the one that was given; of a result about one image its own."""
    asked: list[tuple[str, tuple[Any, ...]]] = []

    def named(name: str) -> Any:
        def call(*given: Any) -> Any:
            asked.append((name, given))
            _, photo, place = given[:3]
            return place if photo is None else photo

        return call

    monkeypatch.setattr(report, "_named", named)
    result = Reported()
    if images is not None:
        result.images = tuple(range(images))  # type: ignore[attr-defined]
    place = 0 if images is None else 1
    assert result.save(f"a{ending}", photo="own", index=place, table="rows") == Path(f"a{ending}")
    assert [given[1] for name, given in asked[:-1]] == ["own" if each == "own" else None for each in photos]
    assert asked[-1] == ("ssdlossdbg.report.showing:save", (result, Path(f"a{ending}"), photos, place, "rows"))
