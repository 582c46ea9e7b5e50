"""Commands run in this process, in an empty folder, at 80 columns; files to run them on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from ssdlossdbg.cli.app import app

SAMPLE = Path(__file__).parents[2] / "sample_data"
Objects = Sequence[tuple[str, tuple[Any, Any, Any, Any]]]
# What a slow machine is told on stderr while it waits.
PATIENCE = (
    "Matching ...",
    "Comparing ...",
    "Trying rules ...",
    "Computing the loss ...",
    "Generating the priors ...",
    "Detecting ...",
    "Loading torch ...",
    "Checking the files ...",
    "Fitting the priors ...",
    "Reading the dataset ...",
    "Drawing ...",
    "Reading the history ...",
    "Writing ...",
)
COUNTING = re.compile(r"(Matching|Reading|Checking|Computing the loss) [\d,]+ (image|file)s? \.\.\.$")


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: empty, and thrown away."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def strip_patience(text: str) -> str:
    """What was said on stderr beside that there is something to wait for."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if line.strip() not in PATIENCE and not COUNTING.match(line))


@pytest.fixture
def run() -> Run:
    """Run a command; an exception that is no exit fails the test."""

    def invoke(*words: object) -> Outcome:
        result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
        return Outcome(result.exit_code, result.stdout, strip_patience(result.stderr))

    return invoke


@pytest.fixture
def good(run: Run) -> Callable[..., str]:
    """Run a command that must succeed in silence; its report."""

    def invoke(*words: object) -> str:
        outcome = run(*words)
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out

    return invoke


@pytest.fixture
def broken(run: Run) -> Callable[..., str]:
    """Run a command that must find an error in its input, and report in silence all the same; its report."""

    def invoke(*words: object) -> str:
        outcome = run(*words)
        assert (outcome.code, outcome.err) == (1, "")
        return outcome.out

    return invoke


@pytest.fixture
def refused(run: Run, folder: Path) -> Callable[..., str]:
    """Run a command that must refuse its input and leave every file as it was; the paragraph it says."""

    def state() -> dict[Path, bytes | None]:
        return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}

    def invoke(*words: object) -> str:
        before = state()
        outcome = run(*words)
        assert outcome.code == 2
        assert outcome.out == ""
        assert outcome.err.startswith("error: ")
        assert len(outcome.err.splitlines()) == 1, "one paragraph, not wrapped where it is not read in a terminal"
        assert "Traceback" not in outcome.err
        assert state() == before
        return outcome.err

    return invoke


@pytest.fixture
def sample() -> Path:
    """The repository's sample data."""
    return SAMPLE


@pytest.fixture
def photo(folder: Path) -> Callable[..., Path]:
    """Write a grey photo."""

    def write(name: str = "photo.png", size: tuple[int, int] = (200, 100)) -> Path:
        path = folder / name
        Image.new("RGB", size, (90, 100, 110)).save(path)
        return path

    return write


def voc(objects: Objects, size: tuple[Any, Any] = (200, 100)) -> str:
    """A Pascal VOC file."""
    items = "".join(
        f"<object><name>{escape(name)}</name><difficult>0</difficult><bndbox>"
        + "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
        + "</bndbox></object>"
        for name, box in objects
    )
    return f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{items}</annotation>"


@pytest.fixture
def annotation(folder: Path) -> Callable[..., Path]:
    """Write a Pascal VOC file."""

    def write(objects: Objects, size: tuple[Any, Any] = (200, 100), name: str = "photo.xml") -> Path:
        path = folder / name
        path.write_text(voc(objects, size), encoding="utf-8")
        return path

    return write


Parts = tuple[Tensor, Tensor, Tensor]


@pytest.fixture(scope="session")
def saved_parts() -> Parts:
    """The sample's (loc, conf, priors)."""
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    return loc, conf, priors


@pytest.fixture
def saved_targets() -> list[Tensor]:
    """The sample's targets, to be changed at will."""
    return [target.clone() for target in torch.load(SAMPLE / "targets.pt", weights_only=True)]


@pytest.fixture
def save(folder: Path) -> Callable[[str, object], Path]:
    """Save an object with torch."""

    def write(name: str, value: object) -> Path:
        torch.save(value, folder / name)
        return folder / name

    return write
