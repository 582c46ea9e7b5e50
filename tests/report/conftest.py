"""Fixed results of the sample data and of scenes made up, and the means to render them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console, RenderableType

from ssdlossdbg import api
from ssdlossdbg.analysis.results import AnchorsResult, LossResult, MatchResult
from ssdlossdbg.report.theme import TERMINAL

SAMPLE = Path(__file__).parents[2] / "sample_data"
CLASSES = (SAMPLE / "classes.txt").read_text().split()
# A 2 x 2 grid of priors of 80 x 80 pixels in a 200-pixel input (0), and one of 150 x 150 in its middle (4).
CONFIG = """
image_size = 200
levels = [{ feature_map = 2, shapes = [[80, 80]] }, { feature_map = 1, shapes = [[150, 150]] }]
"""
GREY = (100, 100, 100)
Box = tuple[float, float, float, float]
Render = Callable[..., str]


@dataclass(frozen=True)
class Scene:
    """A plain photo with made-up objects, matched."""

    result: MatchResult
    photo: Image.Image


MakeScene = Callable[..., Scene]


@pytest.fixture(scope="session")
def render() -> Render:
    """A renderable as the lines of a terminal."""

    def write(renderable: RenderableType, width: int = 80) -> str:
        stream = io.StringIO()
        console = Console(file=stream, width=width, theme=TERMINAL, highlight=False, color_system=None)
        console.print(renderable)
        return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"

    return write


@pytest.fixture(scope="session")
def astronaut() -> MatchResult:
    """Six objects, four of them troublesome."""
    return api.match(SAMPLE / "astronaut.jpg", SAMPLE / "astronaut.xml", classes=CLASSES, device="cpu")


@pytest.fixture(scope="session")
def coins() -> MatchResult:
    """24 objects, none in trouble."""
    return api.match(SAMPLE / "coins.jpg", SAMPLE / "coins.xml", classes=CLASSES, device="cpu")


@pytest.fixture(scope="session")
def batch() -> LossResult:
    """The saved batch of cat, coffee and coins."""
    photos = [SAMPLE / f"{name}.jpg" for name in ("cat", "coffee")]
    return api.loss(SAMPLE / "preds.pt", SAMPLE / "targets.pt", classes=CLASSES, device="cpu", images=photos)


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> LossResult:
    """The same with a box of no size, an image without objects, and a nan among the predictions."""
    folder = tmp_path_factory.mktemp("broken")
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    targets = torch.load(SAMPLE / "targets.pt", weights_only=True)
    targets[1] = targets[1][:0]
    targets[2][3, 2:4] = targets[2][3, :2]
    loc[0, 8729, 0], conf[0, 0, 1] = float("nan"), float("nan")
    torch.save((loc, conf, priors), folder / "preds.pt")
    torch.save(targets, folder / "targets.pt")
    return api.loss(folder / "preds.pt", folder / "targets.pt", device="cpu")


@pytest.fixture(scope="session")
def ssd300() -> AnchorsResult:
    """The priors of SSD300."""
    return api.anchors("ssd300")


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A config of two levels, small enough to know every prior."""
    path = tmp_path / "own.toml"
    path.write_text(CONFIG)
    return str(path)


@pytest.fixture
def scene(tmp_path: Path, config: str) -> MakeScene:
    """Match made-up objects, their corners in pixels from 0, on a plain photo."""

    def make(boxes: Sequence[Box], size: tuple[int, int] = (200, 200), priors: str = config) -> Scene:
        items = "".join(
            "<object><name>thing</name><bndbox>"
            + "".join(f"<{tag}>{v + 1}</{tag}>" for tag, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
            + "</bndbox></object>"
            for box in boxes
        )
        sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
        (tmp_path / "a.xml").write_text(f"<annotation>{sides}{items}</annotation>")
        photo = Image.new("RGB", size, GREY)
        photo.save(tmp_path / "a.png")
        return Scene(api.match(tmp_path / "a.png", tmp_path / "a.xml", priors, device="cpu"), photo)

    return make
