"""No output of any command replaces an input of it: each output option is tried on each file that the command reads.

The options are those that the commands have, so that one that is added is tried, too.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import typer.main

import ssdlossdbg.report.audit.charts
import ssdlossdbg.report.history.charts
from ssdlossdbg.cli.app import app
from ssdlossdbg.cli.options import OUTPUTS, Role
from ssdlossdbg.cli.pages import is_page
from ssdlossdbg.readers.files import open_file
from tests.fuzz.headers import history_file
from tests.fuzz.kinds import HISTORY

Run = Callable[..., Any]
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
# What each parameter that takes a file is given; after it the files that it leads to.
FILES: dict[str, tuple[str, ...]] = {
    "image": ("photo.png",),
    "annotation": ("photo.xml",),
    "config": ("config.toml", "base_config.toml"),
    "preset": ("config.toml", "base_config.toml"),
    "dialect": ("dialect.toml", "base_dialect.toml"),
    "dialects": ("other.toml",),
    "reference": ("dialect.toml", "base_dialect.toml"),
    "classes": ("names.txt",),
    "predictions": ("preds.pt",),
    "targets": ("targets.pt",),
    "more": ("more.pt",),
    "photos": ("photos", "photos/own.png"),
    "weights": ("weights.pt",),
    "descriptions": ("names.csv",),
    "files": ("voc/Annotations/a.xml",),
    "baseline": ("known.json",),
    "run": ("hist", *HISTORY),
    "dataset": (
        "voc/Annotations",
        "voc/Annotations/a.xml",
        "voc/Annotations/broken.xml",
        "voc/Annotations/empty.xml",
        "voc/JPEGImages/a.png",
        "voc/JPEGImages/lonely.jpg",
    ),
}
# What takes text and no file.
TEXT = {
    "per_file_ignores",
    "device",
    "image_size",
    "levels",
    "select",
    "ignore",
    "printed",
    "printed_loc",
    "printed_conf",
    "wandb",
}


@dataclass(frozen=True)
class Use:
    """A way to use a command: with every parameter that names a file, but for those left out.

    Attributes:
        command: its name.
        without: parameters to leave out.
        dataset: what is given as the dataset, and the files of it.
        ending: of outputs that the command takes.
    """

    command: str
    without: frozenset[str] = frozenset()
    dataset: tuple[str, ...] = FILES["dataset"]
    ending: str = ".toml"

    @property
    def inputs(self) -> dict[str, tuple[str, ...]]:
        """The files of each parameter that takes one."""
        parameters = COMMANDS[self.command].params
        takers = {each.name for each in parameters if takes_file(each)}
        return {
            name: self.dataset if name == "dataset" else FILES[name]
            for name in sorted(takers - self.without)
            if roles(self.command).get(name) not in OUTPUTS
        }

    @property
    def victims(self) -> Iterator[str]:
        """Every file that is read."""
        yield "pyproject.toml"
        for files in self.inputs.values():
            yield from (file for file in files if Path(file).suffix)

    def words(self, outputs: dict[str, str]) -> list[str]:
        """The command line."""
        given = {name: files[0] for name, files in self.inputs.items()} | outputs
        if self.command == "anchors" and "image" in given and "output" not in given:
            given["output"] = "picture.png"  # which the photo is the ground of
        words = [self.command, "--fail-on", "never"]
        if self.command == "check" and "output" in outputs:
            words += ["--fix"]
        if self.command == "history":
            words += [
                "--format",
                "html",
                *["--charts"] * ("output" in outputs and not is_page(Path(outputs["output"]))),
            ]
        if "output" in outputs and (self.command == "audit" or "more" in self.inputs):
            words += ["--gallery", "1"]
        for parameter in COMMANDS[self.command].params:
            if parameter.name in given:
                words += [] if parameter.param_type_name == "argument" else [parameter.opts[-1]]
                words.append(given[parameter.name])
        return words


def takes_file(parameter: Any) -> bool:
    """Whether a parameter may name a file."""
    return parameter.type.name in ("path", "str", "text") and parameter.name not in TEXT


def roles(command: str) -> dict[str, Role]:
    """Of the parameters of a command that have one."""
    return getattr(COMMANDS[command].callback, "roles", {})


# Of the inputs, so many-th ones are tried in a folder of pictures.
EACH = 3
ONE_BATCH = frozenset({"more", "photos", "csv", "csv_images"})
FIT = frozenset({"image", "dump", "preset"})
USES = (
    Use("match"),
    Use("loss", ONE_BATCH),
    Use("loss", frozenset({"image", "weights"})),
    Use("detect", frozenset({"weights"})),
    Use("compare", ending=".html"),
    Use("anchors", frozenset({"dataset", "levels", "preset"})),
    Use("anchors", frozenset({"dataset", "levels", "config"})),
    Use("anchors", FIT),
    Use("check", ending=".json"),
    Use("history", frozenset({"tensorboard"}), ending=".html"),
    Use("audit", frozenset({"descriptions"})),
    Use("audit", frozenset({"classes"}), ("images.csv", "0a.jpg")),
    Use(
        "audit",
        frozenset({"descriptions", "classes"}),
        ("yolo/data.yaml", "yolo/train.txt", "yolo/labels/a.txt", "yolo/images/a.png"),
    ),
)
OUTPUT_OPTIONS = [
    pytest.param(use, name, id=f"{use.command}-{name}-{number}")
    for number, use in enumerate(USES)
    for name, role in roles(use.command).items()
    if role in OUTPUTS and name not in use.without
]


@pytest.fixture
def files(folder: Path, photo: Callable[..., Path], annotation: Callable[..., Path]) -> None:
    """Everything that a command can read, in the working folder."""
    annotation([("cat", (40, 20, 160, 90))])
    for name in (
        "photo.png",
        "voc/JPEGImages/a.png",
        "voc/JPEGImages/lonely.jpg",
        "photos/own.png",
        "yolo/images/a.png",
        "0a.jpg",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        photo(name)
    (folder / "voc/Annotations").mkdir()
    texts = {
        "pyproject.toml": "[project]\nname = 'x'\n",
        "config.toml": 'base = "base_config.toml"\n',
        "base_config.toml": 'base = "ssd300"\nlevels = [{ feature_map = 4, stride = 75, shapes = [[60, 60]] }]\n',
        "dialect.toml": 'base = "base_dialect.toml"\n',
        "base_dialect.toml": 'base = "ssd.pytorch"\n[weight_decay]\nrate = 0.0005\n',
        "other.toml": 'base = "caffe"\n',
        "names.txt": "cat\ndog\n",
        "names.csv": "/m/0c,cat\n",
        "known.json": '{"ssdlossdbg_baseline": 1, "known": []}',
        "images.csv": "ImageID,LabelName,XMin,XMax,YMin,YMax\n0a,/m/0c,0.2,0.6,0.2,0.6\n",
        "voc/Annotations/a.xml": (folder / "photo.xml").read_text(),
        "voc/Annotations/broken.xml": "<annotation><object>",
        "voc/Annotations/empty.xml": "",
        "yolo/data.yaml": "train: train.txt\nnames: [cat]\n",
        "yolo/train.txt": "images/a.png\n",
        "yolo/labels/a.txt": "0 0.5 0.5 0.4 0.4\n",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in HISTORY:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(history_file(Path(name).stem))
    generator = torch.Generator().manual_seed(0)
    loc, conf = torch.randn(1, 16, 4, generator=generator), torch.randn(1, 16, 3, generator=generator)
    torch.save((loc, conf), folder / "preds.pt")
    torch.save([torch.tensor([[0.2, 0.2, 0.5, 0.5, 1.0]])], folder / "targets.pt")
    named = {"boxes": torch.tensor([[0.2, 0.2, 0.5, 0.5]]), "labels": torch.tensor([1]), "file_name": "own.png"}
    torch.save({"loc": loc, "conf": conf, "targets": [named]}, folder / "more.pt")
    torch.save({"conv.weight": torch.ones(3)}, folder / "weights.pt")


Opened = contextlib.AbstractContextManager[list[str]]
_watched: list[tuple[str, list[str]]] = []


def _watch(event: str, values: tuple[Any, ...]) -> None:
    """See every file that Python opens to read, and whether `readers.files` opened it, or only looked what it is."""
    if not _watched or event != "open" or not str(values[1]).startswith("r") or not isinstance(values[0], str):
        return
    folder, unnoted = _watched[-1]
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_name not in ("open_file", "beginning"):
        frame = frame.f_back
    if frame is None and Path(values[0]).absolute().is_relative_to(folder):
        unnoted.append(values[0])


sys.addaudithook(_watch)


@pytest.fixture
def opened(folder: Path) -> Opened:
    """While it lasts, the files of the working folder that are read without being noted."""

    @contextlib.contextmanager
    def watching() -> Iterator[list[str]]:
        _watched.append((str(folder), []))
        try:
            yield _watched[-1][1]
        finally:
            _watched.pop()

    return watching()


def test_what_is_opened_elsewhere_is_seen(folder: Path, opened: Opened) -> None:
    (folder / "a.txt").touch()
    with opened as unnoted:
        Path("a.txt").read_text()
        open_file(Path("a.txt")).close()
    assert unnoted == ["a.txt"]


def test_every_output_and_every_input_is_tried() -> None:
    tried = {(use.command, name) for use in USES for name in (*use.inputs, *roles(use.command))}
    writing = [name for name in COMMANDS if set(OUTPUTS) & set(roles(name).values())]
    takers = {(name, each.name) for name in writing for each in COMMANDS[name].params if takes_file(each)}
    assert takers <= tried


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("use", USES, ids=lambda use: use.command)
def test_the_command_works_on_another_file_and_all_that_it_opens_is_noted(use: Use, run: Run, opened: Opened) -> None:
    fitting = use.command == "anchors" and "dataset" in use.inputs
    file = use.ending if use.command in ("compare", "check", "history") else ".toml" if fitting else ".png"
    endings = {Role.OUTPUT_FOLDER: "", Role.OUTPUT_FILE: file}
    outputs = {name: f"new-{name}{endings[role]}" for name, role in roles(use.command).items() if role in OUTPUTS}
    with opened as unnoted:
        outcome = run(*use.words({name: path for name, path in outputs.items() if name not in use.without}))
    assert outcome.code == 0, outcome.err
    assert unnoted == []


@pytest.fixture
def quick_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts under the same names, with nothing in them."""
    for charts in (ssdlossdbg.report.audit.charts.CHARTS, ssdlossdbg.report.history.charts.CHARTS):
        for name in charts:
            monkeypatch.setitem(charts, name, lambda *_: b"")


@pytest.mark.usefixtures("files", "quick_charts")
@pytest.mark.parametrize(("use", "name"), OUTPUT_OPTIONS)
def test_no_input_is_replaced(use: Use, name: str, run: Run, folder: Path) -> None:
    if roles(use.command)[name] is Role.OUTPUT_FILE:
        # Each file under one of its names in turn, the first one under all: the two have nothing to do with each other.
        names = [(victim, spellings(folder, Path(victim), use.ending)) for victim in use.victims]
        tries = [({name: paths[place % len(paths)]}, victim) for place, (victim, paths) in enumerate(names)]
        tries += [({name: path}, names[0][0]) for path in names[0][1]]
    else:
        # Each way to be known, in turn over the uses: what is written into a folder goes by the same piece of code.
        tries = list(inside(use, name, run, folder, USES.index(use)))
    assert tries
    for outputs, victim in tries:
        before = (folder / victim).read_bytes()
        outcome = run(*use.words(outputs), "--overwrite")
        assert (folder / victim).read_bytes() == before, (outputs, victim)
        assert outcome.code == 2, (outputs, victim)
        if is_page(Path(next(iter(outputs.values())))) or use.ending != ".html":  # else refused for its ending
            assert "is an input and would be overwritten. Choose another" in outcome.err, (outputs, victim)


def spellings(folder: Path, victim: Path, ending: str = ".toml") -> list[str]:
    """Names of the same file: its own, one through another folder, a symbolic and a hard link."""
    (folder / "sub").mkdir(exist_ok=True)
    symbolic = folder / f"link-{victim.as_posix().replace('/', '-')}{ending}"
    hard = victim.with_name(f"hard-{victim.name}")
    symbolic.symlink_to(victim)
    hard.hardlink_to(victim)
    return [str(victim), f"sub/../{victim}", str(symbolic), str(hard)]


def inside(use: Use, name: str, run: Run, folder: Path, place: int) -> Iterator[tuple[dict[str, str], str]]:
    """A folder in which one of the pictures that are to be drawn is a link to an input."""
    assert run(*use.words({name: "pictures"})).code == 0
    picture = next((folder / "pictures").iterdir()).name
    for number, victim in enumerate([*use.victims][place % EACH :: EACH]):
        home = folder / f"pictures-{number}"
        home.mkdir()
        (home / picture).symlink_to(folder / victim)
        yield {name: str(home)}, victim
