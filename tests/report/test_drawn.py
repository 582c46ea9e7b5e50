"""What the pictures draw, line by line, as data/drawn/ has it: places, colours and widths, whatever a font looks like.

After a wanted change, look at the pictures, and then let `OVERWRITE_GOLDEN=1 pytest tests/report` write the lines.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.report import match_picture as match_picture_module
from ssdlossdbg.report.anchors_picture import anchors_picture
from ssdlossdbg.report.canvas import Canvas
from ssdlossdbg.report.detect_picture import detect_picture
from ssdlossdbg.report.loss_picture import loss_picture
from ssdlossdbg.report.match_picture import match_picture
from ssdlossdbg.report.view import View
from ssdlossdbg.results import Finding, LossResult, Severity
from ssdlossdbg.results.findings import Case, Where

GOLDEN = Path(__file__).parent / "data/drawn"
SAMPLE = Path(__file__).parents[2] / "sample_data"
MakeScene = Callable[..., Any]
Hold = Callable[[str, Image.Image], None]


class Letters:
    """A font in which every letter is half as wide as the font is high."""

    def __init__(self, size: int, _: str = "") -> None:
        self.size = size

    def getlength(self, words: str) -> float:
        """In pixels."""
        return len(words) * self.size / 2


def told(value: Any) -> str:
    """A number, a point, a box or a colour in a few letters."""
    if isinstance(value, bool | str):
        return repr(value)
    if isinstance(value, Sequence | np.ndarray):
        return ",".join(map(told, value))
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, int | float) else str(value)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is drawn from here on, a line a stroke; nothing is drawn really but photos."""
    drawn: list[str] = []

    def record(name: str) -> Callable[..., None]:
        def method(_self: Any, *words: Any, **options: Any) -> None:
            drawn.append(" ".join((name, *map(told, words), *(f"{key}={told(v)}" for key, v in options.items()))))

        return method

    class Draw:
        def __init__(self, image: Image.Image, mode: str) -> None:
            drawn.append(f"canvas {told(image.size)} {mode}")

        def text(self, at: Any, words: str, fill: Any, font: Letters) -> None:
            drawn.append(f"text {told(at)} {words!r} {told(fill)} {font.size}")

    def dots(_self: Any, points: Sequence[Any], colour: Any, units: float) -> None:
        drawn.append(f"dots {len(points)} {told(points[0])} {told(points[-1])} {told(colour)} {told(units)}")

    monkeypatch.setattr("ssdlossdbg.report.fonts.font", Letters)
    monkeypatch.setattr("ssdlossdbg.report.fonts.runs", lambda words: ((words, ""),))
    monkeypatch.setattr("ssdlossdbg.report.canvas.ImageDraw.Draw", Draw)
    monkeypatch.setattr(Canvas, "dots", dots)
    for name in ("rectangle", "fill", "line", "hatch"):
        monkeypatch.setattr(Canvas, name, record(name))
    return drawn


@pytest.fixture
def hold(lines: list[str]) -> Hold:
    """Hold what was drawn against its file, and the grounds that it was drawn on, at 12 x 8 places."""

    def compare(name: str, picture: Image.Image) -> None:
        width, height = picture.size
        for row in range(8):
            places = [(round((x + 0.5) * width / 12), round((row + 0.5) * height / 8)) for x in range(12)]
            lines.append("ground " + " ".join("{:02x}{:02x}{:02x}".format(*picture.getpixel(at)) for at in places))  # type: ignore[misc]
        text, path = "\n".join(lines) + "\n", GOLDEN / f"{name}.txt"
        if os.environ.get("OVERWRITE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert text == path.read_text()

    return compare


TWINS = [(5, 105, 95, 195), (150, 150, 158, 158), (150, 150, 158, 158), (150, 40, 150, 60)]


def test_objects_in_trouble(scene: MakeScene, hold: Hold) -> None:
    """One by IoU, one forced, one that lost its prior, one without width; two levels beside a square photo."""
    made = scene(TWINS)
    assert [item.status for item in made.result.ground_truth] == ["matched", "unmatched", "forced-only", "invalid"]
    hold("match", match_picture(made.result, made.photo))


def test_a_wide_photo_with_many_objects(scene: MakeScene, hold: Hold) -> None:
    """The levels stand below; names are left out, and the legend has columns."""
    boxes = [(10 + 36 * place, 20, 44 + 36 * place, 90) for place in range(14)]
    made = scene(boxes, (600, 120))
    hold("match-wide", match_picture(made.result, made.photo))


def _noted(draw: Callable[..., Any], calls: list[Any]) -> Callable[..., Any]:
    def noting(self: Canvas, *given: Any, **more: Any) -> Any:
        calls.append(given)
        return draw(self, *given, **more)

    return noting


def test_of_very_many_objects_the_worst_are_drawn(scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And of very many positives as many as there is room for, from the first to the last; the legend says so."""
    seen: dict[str, list[Any]] = {"text": [], "chip": [], "rectangle": []}
    for name, calls in seen.items():
        monkeypatch.setattr(Canvas, name, _noted(getattr(Canvas, name), calls))
    boxes = [(10 + 36 * place, 20, 44 + 36 * place, 90) for place in range(14)]
    made = scene([*boxes, (300, 50, 304, 52)], (600, 120))
    match_picture(made.result, made.photo)
    assert not any(given[1].startswith("drawn") for given in seen["text"])
    every, positives = len(seen["rectangle"]), len(made.result.positives.prior)
    monkeypatch.setattr(match_picture_module, "MOST_DRAWN", 3)
    monkeypatch.setattr(match_picture_module, "MOST_PRIORS", 1)
    for calls in seen.values():
        calls.clear()
    match_picture(made.result, made.photo)
    order = ["invalid", "unmatched", "forced-only", "matched"]
    worst = sorted(made.result.ground_truth, key=lambda item: (order.index(item.status), item.best_iou))[:3]
    assert any(given[1] == f"drawn: the 3 worst objects, 1 of {positives} priors" for given in seen["text"])
    assert len(seen["rectangle"]) < every / 2
    assert {given[1] for given in seen["chip"]} == {str(item.index) for item in worst}


@pytest.mark.parametrize("photo", [None, (300, 240)], ids=["bare", "photo"])
def test_a_batch(batch: LossResult, photo: tuple[int, int] | None, hold: Hold) -> None:
    """Two objects, one of them no box; three positives; seven mined negatives, of which one costs inf."""
    scene = batch.scenes[2]
    objects = scene.objects[:2].copy()
    objects[1, 2:] = objects[1, :2]
    few = replace(
        scene,
        objects=objects,
        decoded=scene.decoded[:3],
        owner=np.array([0, 0, 1]),
        probability=np.array([0.5, 0.75, 0.25]),
        mined=scene.mined[:7],
        mined_loss=np.array([0.5, 0.1, 0.9, 0.2, 0.05, 0.0, 0.3 if photo else np.inf]),
    )
    flat = Case(Where("t.pt", 2, 1), "flat", 0.0, 0.0, "drop")
    result = replace(
        batch,
        scenes=(*batch.scenes[:2], few),
        findings=(Finding("BOX001", "flat", Severity.ERROR, (flat,)),),
        images=(*batch.images[:2], replace(batch.images[2], path="a/b.png" if photo else None)),
    )
    ground = Image.new("RGB", photo, (200, 150, 100)) if photo else None
    hold("loss-photo" if photo else "loss", loss_picture(result, ground, 2))


def test_detections(hold: Hold) -> None:
    """The highest of an image whose object is missed; and of one with many."""
    classes = (SAMPLE / "classes.txt").read_text().split()
    found = api.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", classes=classes, device="cpu", score_threshold=0.75)
    coins = replace(found.images[2], ground_truth=found.images[2].ground_truth[:5], path="x/coins.jpg")
    result = replace(found, images=(*found.images[:2], coins))
    hold("detect", detect_picture(result, Image.new("RGB", (500, 400), (200, 150, 100)), 2, View(7)))


def test_detections_of_an_image_without_a_photo(hold: Hold) -> None:
    found = api.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", device="cpu", score_threshold=0.75)
    hold("detect-missed", detect_picture(found))


def test_priors(config: str, hold: Hold) -> None:
    hold("anchors", anchors_picture(api.anchors(config)))


def test_an_input_that_is_wider_than_high(lines: list[str]) -> None:
    anchors_picture(api.anchors("linzaer-face-320"))
    assert "'linzaer-face-320: 4420 priors, input 320x240 pixels'" in " ".join(lines)


def test_priors_of_many_shapes(hold: Hold) -> None:
    """Six levels, shapes that reach beyond the input, too many cells for dots on none, on a photo."""
    hold("anchors-ssd300", anchors_picture(api.anchors("ssd300"), Image.new("RGB", (90, 60), (200, 150, 100))))
