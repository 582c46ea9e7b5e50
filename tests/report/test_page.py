"""Pages: one file of ASCII that runs nothing but its own script, within its size, with the document's figures."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg.report.html.arrays import packed
from ssdlossdbg.report.html.page import KINDS, MOST, MOST_OF_DOCUMENT
from ssdlossdbg.report.html.photos import encoded_photos
from ssdlossdbg.report.html.room import cut_to, text_of
from ssdlossdbg.report.outputs import PAGED, formats, render
from ssdlossdbg.report.view import View
from ssdlossdbg.results import MatchResult


def page(result: Any, *photos: Image.Image) -> str:
    """Its page."""
    return str(render(result, "html", View(photos=photos, version="1.2")))


def held(html: str, name: str) -> Any:
    """The JSON in a page."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_every_kind_that_is_offered_has_a_page() -> None:
    assert set(PAGED) == KINDS.keys()
    assert all("html" in formats(kind) for kind in PAGED)
    assert "html" not in formats("AnchorsResult")


def test_it_is_ascii_and_holds_the_document(astronaut: MatchResult) -> None:
    objects = (replace(astronaut.ground_truth[0], label="\N{CJK UNIFIED IDEOGRAPH-8C93}"), *astronaut.ground_truth[1:])
    named = replace(astronaut, ground_truth=objects, image_path="<script>\N{LATIN SMALL LETTER E WITH ACUTE}.jpg")
    html = page(named)
    assert html.isascii()
    assert held(html, "document") == {**json.loads(named.to_json()), "files": []}
    assert html.count("<script") == 3
    assert "<title>&lt;script&gt;&#233;.jpg" in html


def test_only_its_own_script_and_style_are_let_through(astronaut: MatchResult) -> None:
    html = page(astronaut)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; img-src data:; ")
    for tag in ("script", "style"):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert inside is not None
        digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]
    assert not re.search(r"""(src|href)=["'](?!data:,")""", html)
    assert "http:" not in html.replace(re.escape("http://"), "")
    assert "https:" not in html


def test_priors_keep_their_bits(astronaut: MatchResult) -> None:
    arrays = held(page(astronaut), "extra")["arrays"]
    assert astronaut.roles is not None
    boxes = np.frombuffer(zlib.decompress(base64.b64decode(arrays["boxes"]["data"])), "<f4").reshape(4, -1).T
    assert (boxes == astronaut.roles.boxes).all()
    assert len(arrays["boxes"]["data"]) < 5_000


@pytest.mark.parametrize(
    ("given", "kept"),
    [("float16", "float32"), ("float32", "float32"), ("float64", "float64"), ("int64", "int32"), ("bool", "uint8")],
)
def test_arrays_of_each_kind(given: str, kept: str) -> None:
    array = np.array([0, 1, 1], given)
    made = packed(array)
    assert made["dtype"] == kept
    bytes_of = zlib.decompress(base64.b64decode(made["data"]))
    assert np.frombuffer(bytes_of, np.dtype(kept).newbyteorder("<")).tolist() == [0, 1, 1]


def noise(side: int) -> Image.Image:
    """A photo that no JPEG makes small."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


def test_photos_shrink_to_the_room_that_there_is() -> None:
    whole, lost = encoded_photos([noise(300), None], 1_000_000)
    small, also_lost = encoded_photos([noise(300), None], 40_000)
    assert lost == also_lost == ""
    assert whole[1] is small[1] is None
    assert len(whole[0] or "") > 40_000 >= len(small[0] or "") > 0


def test_photos_that_do_not_fit_are_counted() -> None:
    made, lost = encoded_photos([noise(300)] * 3, 45_000)
    assert [uri is not None for uri in made] == [True, False, False]
    assert lost == "2 of 3 photos, which would make it too large"


def test_long_lists_are_cut_to_the_room_that_there_is() -> None:
    document = {"totals": {"objects": 5000}, "objects": [{"name": "x" * 50}] * 5000, "few": [1] * 10}
    cut, lost = cut_to(document, 50_000)
    assert len(text_of(cut)) <= 50_000
    assert 500 < len(cut["objects"]) < 5000
    assert (cut["totals"], cut["few"]) == (document["totals"], document["few"])
    assert lost == ["some of the 5,000 objects"]
    assert len(document["objects"]) == 5000
    assert cut_to(document, 1_000_000) == (document, [])


def test_lists_inside_short_ones_are_cut_too() -> None:
    cut, lost = cut_to({"images": [{"detections": [1.25] * 9000}, {"detections": [1.25] * 20}]}, 20_000)
    assert len(text_of(cut)) <= 20_000
    assert len(cut["images"][1]["detections"]) == 20
    assert lost == ["some of the 9,000 detections"]


def test_a_page_stays_under_its_size_and_says_what_it_lost(
    astronaut: MatchResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "ssdlossdbg.report.html.page"
    for name, value in (("MOST", MOST // 10), ("MOST_OF_DOCUMENT", MOST_OF_DOCUMENT // 10)):
        monkeypatch.setattr(f"{module}.{name}", value)
    many = replace(astronaut, ground_truth=astronaut.ground_truth * 150)
    html = page(many, noise(1000))
    assert len(html) <= MOST // 10
    assert held(html, "extra")["left_out"] == ["some of the 900 ground truth"]
