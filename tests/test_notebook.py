"""Results in notebooks, as pictures, files and data frames; and the notebook of sample_data, cell by cell."""

from __future__ import annotations

import ast
import csv
import html.parser
import io
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ssdlossdbg
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.outputs import render
from ssdlossdbg.report.records import tables
from ssdlossdbg.results.report import Reported

ROOT = Path(__file__).parent.parent
DATA = ROOT / "sample_data"
# A cell may print no more: browsers and reviews of notebooks choke on it.
MOST = 150_000


@pytest.fixture(scope="module")
def results() -> dict[str, Reported]:
    loc, conf, priors = torch.load(DATA / "preds.pt", weights_only=True)
    batch = (loc[:1], conf[:1], priors), torch.load(DATA / "targets.pt", weights_only=True)[:1]
    return {
        "match": ssdlossdbg.match(DATA / "coins.jpg", DATA / "coins.xml", device="cpu"),
        "loss": ssdlossdbg.loss(*batch, device="cpu", images=[DATA / "astronaut.jpg"]),
        "detect": ssdlossdbg.detect(*batch, device="cpu"),
        "compare": ssdlossdbg.compare(*batch, device="cpu", dialects=["caffe"]),
        "anchors": ssdlossdbg.anchors(),
        "audit": ssdlossdbg.audit(DATA, device="cpu"),
        "check": ssdlossdbg.check([DATA], device="cpu"),
        "fit": ssdlossdbg.fit(DATA / "cat.xml"),
    }


PICTURED = ("match", "loss", "detect", "anchors")
ALL = (*PICTURED, "compare", "audit", "check", "fit")


class Page(html.parser.HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.said += data


@pytest.mark.parametrize("name", ALL)
def test_a_cell_shows_a_result_and_stays_small(name: str, results: dict[str, Reported]) -> None:
    result = results[name]
    text = result._repr_html_()
    page = Page(text)
    assert len(text) < MOST
    assert len(repr(result)) < 300
    assert result.headline in page.said
    assert page.tags.count("table") == 1
    assert page.tags.count("img") == (name in PICTURED)
    for finding in getattr(result, "findings", ()):
        assert finding.code in page.said


def test_a_large_result_stays_small() -> None:
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 900, (200, 2))
    rows = np.concatenate([corners, corners + generator.uniform(5, 90, (200, 2)), np.zeros((200, 1))], 1)
    noise = generator.integers(0, 255, (600, 900, 3), dtype=np.uint8)
    result = ssdlossdbg.match(noise, rows, "ssd300", classes=["猫" * 50], device="cpu")
    assert len(result._repr_html_()) < MOST


HOSTILE = "<script>alert(1)</script>|`**x**`\x1b[31m\n# y"


def hostile() -> ssdlossdbg.MatchResult:
    return ssdlossdbg.match(
        np.zeros((60, 80, 3), np.uint8), {"boxes": [[8, 6, 40, 30]], "labels": [HOSTILE]}, "ssd300", device="cpu"
    )


def test_names_stay_text_in_a_cell() -> None:
    page = Page(hostile()._repr_html_())
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.said
    assert "\x1b" not in page.said


def test_names_stay_text_in_markdown() -> None:
    text = str(render(hostile(), "md"))
    outside = text.split("```")[0]
    assert "\\<script\\>" in outside
    assert "<script>" not in outside
    assert "\n# y" not in text
    [row] = [line for line in outside.splitlines() if "script" in line]
    assert row.replace("\\|", "").count("|") == 9, "eight columns, whatever is in them"


@pytest.mark.parametrize("name", ALL)
def test_files_by_their_endings(name: str, results: dict[str, Reported], tmp_path: Path) -> None:
    result = results[name]
    endings = ["json", "md", "csv", *(["png", "jpg", "webp"] if name in PICTURED else [])]
    size = result.draw().size if name in PICTURED else None
    for ending in endings:
        path = tmp_path / "new" / f"a.{ending}"
        for _ in range(1 + (ending in ("json", "png"))):  # the second replaces the first
            assert result.save(path) == path
        data = path.read_bytes()
        if ending == "json":
            assert data.decode() == result.to_json()
        elif ending == "csv":
            rows = list(csv.reader(io.StringIO(data.decode())))
            assert len(rows) > 1
            assert len({len(row) for row in rows}) == 1
        elif ending != "md":
            with Image.open(path) as image:
                assert image.format == {"jpg": "JPEG"}.get(ending, ending.upper())
                assert image.size == size
        assert [each.name for each in path.parent.iterdir() if each.name.startswith(".")] == []
    if name not in PICTURED:
        with pytest.raises(InputError, match="picture"):
            result.save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"save: writes no \.xyz of a"):
        result.save(tmp_path / "a.xyz")


def test_a_page(results: dict[str, Reported], tmp_path: Path) -> None:
    text = results["match"].save(tmp_path / "a.html").read_text()
    assert text.lower().startswith("<!doctype html>")
    assert "data:image" in text


def test_tables_are_those_of_the_document(results: dict[str, Reported]) -> None:
    document = results["detect"].to_dict()
    assert document == json.loads(results["detect"].to_json())
    found = tables(results["detect"])
    rows = [(image["index"], item["prior"]) for image in document["images"] for item in image["detections"]]
    assert [(row["image"], row["prior"]) for row in found["images.detections"]] == rows
    assert next(iter(found)) == "images.detections"


class Frame:
    """What of a data frame is needed here."""

    def __init__(self, columns: dict[str, list[Any]], **_: Any) -> None:
        self.columns = columns


@pytest.mark.parametrize(("installed", "library"), [("pandas", ""), ("polars", ""), ("polars", "polars")])
def test_frames(installed: str, library: str, results: dict[str, Reported], monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("pandas", "polars"):
        module = types.SimpleNamespace(DataFrame=Frame) if each == installed else None
        monkeypatch.setitem(sys.modules, each, module)
    audited = results["audit"]
    assert isinstance(audited, ssdlossdbg.AuditResult)
    frame = audited.to_frame("objects", library)
    assert frame.columns["class"] == list(audited.objects.labels)
    assert len(frame.columns["status"]) == len(audited.objects.image)
    assert results["match"].to_frame().columns["label"] == ["coin"] * 24
    with pytest.raises(ssdlossdbg.UnknownNameError, match=r"unknown table 'level'\. Did you mean 'levels'"):
        audited.to_frame("level")
    with pytest.raises(ssdlossdbg.UnknownNameError, match=r"unknown library 'panda'\. Did you mean 'pandas'"):
        audited.to_frame("levels", "panda")


def test_without_a_library_of_frames(results: dict[str, Reported], monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, each, None)
    with pytest.raises(InputError, match="needs pandas or polars, which are not installed"):
        results["match"].to_frame()


def test_numbers_that_are_not_finite_stay_numbers_in_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=Frame))
    inf = ssdlossdbg.loss(
        (torch.full((1, 8732, 4), float("inf")), torch.zeros(1, 8732, 3)),
        [torch.tensor([[0.1, 0.1, 0.5, 0.5, 0]])], "ssd300", classes=["NaN", "b"], device="cpu",
    )  # fmt: skip
    frame = inf.to_frame("images")
    assert frame.columns["total"] == [float("inf")]
    assert inf.to_frame("ground_truth").columns["label"] == ["NaN"], "a name is no number"


PHOTO = np.asarray(Image.open(DATA / "cat.jpg").convert("RGB"))
BOX = [10.0, 20.0, 300.0, 280.0]


CHANNELS_FIRST = torch.from_numpy(PHOTO.copy()).permute(2, 0, 1)
PHOTOS = {
    "array": PHOTO,
    "pil": Image.fromarray(PHOTO),
    "tensor": CHANNELS_FIRST,
    "floats": CHANNELS_FIRST / 255,
    "rgba": np.dstack([PHOTO, PHOTO[:, :, :1]]),
}
BOXES = {
    "array": np.array([[*BOX, 0]]),
    "pil": torch.tensor([[*BOX, 0]]),
    "tensor": {"boxes": torch.tensor([BOX]), "labels": torch.tensor([0])},
    "floats": {"boxes": [BOX], "labels": ["cat"]},
    "rgba": (np.array([BOX]), ["cat"]),
}


@pytest.mark.parametrize("kind", PHOTOS)
def test_photos_and_boxes_in_memory(kind: str) -> None:
    result = ssdlossdbg.match(PHOTOS[kind], BOXES[kind], "ssd300", classes=["cat"], device="cpu")
    assert result.image_size == (451, 300)
    [item] = result.ground_truth
    assert (item.label, item.box) == ("cat", tuple(BOX))
    [drawn_on] = result.photos
    np.testing.assert_array_equal(np.asarray(drawn_on), PHOTO)


def test_a_dataset_that_was_read_is_one_of_a_photo() -> None:
    dataset = ssdlossdbg.load_dataset(DATA)
    assert ssdlossdbg.match(DATA / "cat.jpg", dataset, "ssd300", device="cpu").ground_truth[0].label == "cat"


@pytest.mark.parametrize(
    ("photo", "boxes", "what"),
    [
        (np.zeros((3, 4, 5, 3)), [[*BOX, 0]], r"image: is no photo: float64 of shape \(3, 4, 5, 3\)"),
        (np.full((9, 9, 3), 255.0), [[*BOX, 0]], "image: is an array of floats that do not all lie between 0 and 1"),
        (np.zeros((9, 9, 3), np.int64), [[*BOX, 0]], "image: is no photo: int64 of shape"),
        (7, [[*BOX, 0]], "image: is no photo: a int"),
        (PHOTO, [[1, 2, 3]], r"annotation: has the shape \[1, 3\]"),
        (PHOTO, {"boxes": [BOX], "labels": [1, 2]}, "annotation: has 1 boxes and 2 labels"),
        (PHOTO, [[*BOX, np.nan]], "annotation: holds numbers that are not finite"),
        (PHOTO, {"box": 1}, "annotation: has the shape|annotation: is no boxes"),
    ],
)
def test_what_is_no_photo_or_box(photo: Any, boxes: Any, what: str) -> None:
    with pytest.raises(InputError, match=what):
        ssdlossdbg.match(photo, boxes, "ssd300", device="cpu")


def test_pictures_are_drawn_on_the_photo_that_was_given(results: dict[str, Reported]) -> None:
    red, blue = (np.zeros((300, 300, 3), np.uint8) for _ in range(2))
    red[:, :, 0], blue[:, :, 2] = 250, 250
    batch = (DATA / "preds.pt", DATA / "targets.pt")
    for function in (ssdlossdbg.loss, ssdlossdbg.detect):
        result = function(*batch, device="cpu", images=[red])
        mean = np.asarray(result.draw()).reshape(-1, 3).mean(0)
        assert mean[0] > mean[2] + 20
        other = np.asarray(result.draw(photo=blue)).reshape(-1, 3).mean(0)
        assert other[2] > other[0] + 20
    with pytest.raises(InputError, match="index=1: is none of its 1 image"):
        results["loss"].draw(index=1)
    with pytest.raises(InputError, match="keeps no boxes to draw"):
        ssdlossdbg.LossResult.from_json(results["loss"].to_json()).draw()
    with pytest.raises(InputError, match="CompareResult: has no picture"):
        results["compare"].draw()


def test_show_prints_the_report(results: dict[str, Reported], capsys: pytest.CaptureFixture[str]) -> None:
    results["anchors"].show()
    assert "8732 priors" in capsys.readouterr().out


def test_show_displays_in_a_notebook(results: dict[str, Reported], monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=shown.append))
    results["match"].show()
    assert shown == [results["match"]]


def test_the_notebook_of_sample_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(DATA)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(each.name for each in DATA.iterdir())
    notebook = json.loads((DATA / "notebook.ipynb").read_text())
    assert notebook["nbformat"] == 4
    space: dict[str, Any] = {}
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == []
        body = ast.parse("".join(cell["source"]))
        *_, last = body.body
        if isinstance(last, ast.Expr):
            body.body.pop()
        exec(compile(body, "cell", "exec"), space)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), space)
            text = value._repr_html_() if isinstance(value, Reported) else repr(value)
            assert 0 < len(text) < MOST
            shown.append(value)
    assert [type(each).__name__ for each in shown][:4] == ["MatchResult", "list", "Image", "LossResult"]
    assert shown[-1] == ["coins.png", "coins.html", "coins.json", "coins.csv", "coins.md"]
    assert sorted(each.name for each in DATA.iterdir()) == before
