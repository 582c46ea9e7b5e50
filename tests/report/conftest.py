"""Fixed results of the sample data and of scenes made up, and the means to render them."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console, RenderableType

from ssdlossdbg import api
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.report.theme import TERMINAL
from ssdlossdbg.results import (
    AnchorsResult,
    AuditedDataset,
    AuditResult,
    Augmented,
    ConfigSummary,
    Contested,
    FloatArray,
    Group,
    ImageFacts,
    IouBySize,
    LevelAudit,
    LossResult,
    MatchResult,
    Objects,
    RecallAt,
    Rivals,
    Tally,
    WorstImage,
)

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
def make_up() -> ModuleType:
    """The module make_up.py beside this file."""
    spec = importlib.util.spec_from_file_location("report_make_up", Path(__file__).with_name("make_up.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def astronaut() -> MatchResult:
    """Six objects, four of them troublesome."""
    return api.match(SAMPLE / "astronaut.jpg", SAMPLE / "astronaut.xml", "ssd300-voc", classes=CLASSES, device="cpu")


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
            "<object><name>thing</name><difficult>0</difficult><bndbox>"
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


@dataclass(frozen=True)
class Audited:
    """An object of the made-up dataset: its box in pixels of a 200 x 200 input, and what became of it."""

    file: int
    index: int
    label: str
    box: Box
    best_prior: int
    best_iou: float
    shape_iou: float
    positives: int
    forced: int
    lost_to: int = -1

    @property
    def valid(self) -> bool:
        """Whether the box is one."""
        return self.box[0] < self.box[2] and self.box[1] < self.box[3]

    @property
    def side(self) -> float:
        """The root of its area in pixels."""
        x1, y1, x2, y2 = self.box
        return float(((x2 - x1) * (y2 - y1)) ** 0.5)

    @property
    def aspect(self) -> float:
        """Width over height."""
        x1, y1, x2, y2 = self.box
        return (x2 - x1) / (y2 - y1)


ODD_LABEL = 'bird, "naïve"\n猫 [b]'
AUDITED = (
    Audited(0, 0, "cat", (10, 10, 90, 90), 0, 0.9, 1.0, 3, 0),
    Audited(0, 1, "cat", (14, 14, 104, 94), 0, 0.45, 0.9, 1, 1, lost_to=0),
    Audited(0, 3, "dog", (100, 100, 110, 110), 3, 0.0625, 0.0625, 1, 1),
    Audited(0, 4, "dog", (100, 100, 108, 108), 3, 0.01, 0.01, 0, 0, lost_to=2),
    Audited(1, 0, "cat", (20, 20, 180, 180), 4, 0.875, 0.875, 1, 0),
    Audited(1, 1, ODD_LABEL, (50, 50, 40, 40), 0, 0.0, 0.0, 0, 0),
)
AUDITED_CLASSES = ("cat", "dog", ODD_LABEL)
AUDIT_THRESHOLDS = (0.3, 0.4, 0.5, 0.6)
PRIOR_LEVEL = (0, 0, 0, 0, 1)
VOC = "ssd.pytorch"


def tally(rows: Sequence[Audited]) -> Tally:
    """What became of some of the objects."""
    sound = [row for row in rows if row.valid]
    return Tally(
        ground_truth=len(rows),
        matched=sum(row.positives > row.forced for row in sound),
        forced_only=sum(0 < row.positives == row.forced for row in sound),
        without_positive=sum(row.positives == 0 for row in sound),
        invalid=len(rows) - len(sound),
        unmatched=sum(row.positives == 0 for row in rows),
        positives=sum(row.positives for row in rows),
        forced=sum(row.forced for row in rows),
        reached=sum(row.best_iou >= 0.5 for row in sound),
        shape_reached=sum(row.shape_iou >= 0.5 for row in sound),
    )


def group(name: str, rows: Sequence[Audited], low: float | None = None, high: float | None = None) -> Group:
    sound = [row for row in rows if row.valid]
    recalls = tuple(
        sum(row.best_iou >= threshold for row in sound) / len(sound) if sound else float("nan")
        for threshold in AUDIT_THRESHOLDS
    )
    return Group(name, low, high, tally(rows), recalls)


def ranges(measure: Callable[[Audited], float], bounds: Sequence[float]) -> tuple[Group, ...]:
    """The objects by what is measured, in ranges between the bounds, open at both ends."""
    made = []
    for low, high in zip((None, *bounds), (*bounds, None), strict=True):
        inside = [row for row in AUDITED if row.valid and (low or 0) <= measure(row) < (high or np.inf)]
        name = f"below {high}" if low is None else f"from {low}" if high is None else f"{low} to {high}"
        made.append(group(name, inside, low, high))
    return tuple(made)


def iou_by_size() -> IouBySize:
    edges = 4 * 1.1 ** np.arange(50)
    iou_edges = np.linspace(0, 1, 21)
    sound = [row for row in AUDITED if row.valid]
    counts, _, _ = np.histogram2d([r.side for r in sound], [r.best_iou for r in sound], (edges, iou_edges))

    def overlap(side: FloatArray) -> FloatArray:
        return np.minimum(edges / side, side / edges) ** 2

    best = np.maximum(overlap(np.array(80.0)), overlap(np.array(150.0)))
    return IouBySize(edges, iou_edges, counts.astype(int), best, best * 0.7)


def audited_objects() -> Objects:
    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([getattr(row, name) for row in AUDITED])

    boxes = np.array([row.box for row in AUDITED], dtype=float)
    return Objects(
        images=tuple(ImageFacts(file, None, (400, 400)) for file in ("x/a.xml", "x/b, c.xml", "x/none.xml")),
        image=column("file"),
        index=column("index"),
        labels=tuple(row.label for row in AUDITED),
        class_id=np.array([1 + AUDITED_CLASSES.index(row.label) for row in AUDITED]),
        stated=boxes * 2,
        boxes=boxes / 200,
        layout="xyxy",
        saved=False,
        one_based=False,
        best_prior=column("best_prior"),
        best_iou=np.array([row.best_iou for row in AUDITED]),
        shape_iou=np.array([row.shape_iou for row in AUDITED]),
        near_ties=column("positives"),
        positives=column("positives"),
        forced=column("forced"),
        lost_to=column("lost_to"),
        target=np.zeros(len(AUDITED)),
        image_size=(200, 200),
        rules=load_dialect(VOC),
    )


def level_audit(level: int, feature_map: int) -> LevelAudit:
    rows = [row for row in AUDITED if PRIOR_LEVEL[row.best_prior] == level]
    return LevelAudit(
        feature_map=(feature_map, feature_map),
        stride=(200 / feature_map, 200 / feature_map),
        priors=feature_map**2,
        positives=sum(row.positives for row in rows),
        forced=sum(row.forced for row in rows),
        best_of=len(rows),
    )


@pytest.fixture
def audited() -> AuditResult:
    """Six objects in two of three images: two matched, two forced only, one without a positive, one invalid."""
    sound = [row for row in AUDITED if row.valid]
    sizes = ranges(lambda row: row.side, (16, 64, 128))
    return AuditResult(
        dataset=AuditedDataset("my data", "Pascal VOC folder", 3, 1, 1, {"fish": 2}, 1, False),
        config=ConfigSummary("own.toml", "", (200, 200), True, 5, ((2, 2), (1, 1))),
        dialect=VOC,
        device="cpu",
        threshold=0.5,
        done=3,
        totals=tally(AUDITED),
        classes=tuple(group(name, [row for row in AUDITED if row.label == name]) for name in AUDITED_CLASSES),
        sizes=sizes,
        aspects=ranges(lambda row: row.aspect, (0.5, 2)),
        levels=(level_audit(0, 2), level_audit(1, 1)),
        positives_each=tuple(sum(row.positives == each for row in sound) for each in range(4)),
        recalls=tuple(
            RecallAt(
                at,
                sum(row.best_iou >= at for row in sound) / len(sound),
                sum(row.shape_iou >= at for row in sound) / len(sound),
            )
            for at in AUDIT_THRESHOLDS
        ),
        iou_by_size=iou_by_size(),
        contested=Contested(2, 1, (Rivals("cat", "cat", 1), Rivals("dog", "dog", 1))),
        images_first=(
            WorstImage("b, c", "x/b, c.xml", None, 2, 1, 0, 0, 0),
            WorstImage("a", "x/a.xml", "x/a.jpg", 4, 0, 1, 2, 1),
        ),
        augmented=Augmented(1, 3, 7, tally(AUDITED), sizes, 0.75, 1),
        objects=audited_objects(),
        prior_level=np.array(PRIOR_LEVEL),
    )
