"""Every example of README.md and of the manual is run, and what it prints is what they show.

After a wanted change, `UPDATE_MANUAL=1 pytest tests/test_manual.py` writes the new output, and the pictures.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import typer
import yaml
from PIL import Image, ImageChops
from typer.testing import CliRunner

from ssdlossdbg import SavedLayout, api, load_priors
from ssdlossdbg.checks.catalogue import CHECKS
from ssdlossdbg.cli.app import app
from ssdlossdbg.errors import EXIT_CLEAN, EXIT_FINDINGS
from ssdlossdbg.readers.dialects import dialect_names
from ssdlossdbg.readers.photos import load_photo
from ssdlossdbg.readers.prior_configs import preset_names
from ssdlossdbg.report.loss_picture import loss_picture
from ssdlossdbg.report.match_picture import match_picture

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
MANUAL = ROOT / "ssdlossdbg/manual"
PAGES = {file.stem: file for file in sorted(MANUAL.glob("*.md"))}
SAVING_PAGE, CONTRIBUTING = PAGES["saving"], PAGES["contributing"]
DOCUMENTS = (README, *PAGES.values())
UPDATE = bool(os.environ.get("UPDATE_MANUAL"))
CONSOLE = re.compile(r"```console\n\$ ssdlossdbg (?P<example>.*)\n(?P<output>(?:.*\n)*?)```\n")
PYTHON = re.compile(r"```python\n(?P<example>(?:.*\n)*?)```\n\n```text\n(?P<output>(?:.*\n)*?)```\n")
EVERY = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
# Where the options are told that many commands share.
SHARED = "".join(PAGES[name].read_text() for name in ("options", "saving"))


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)```", document.read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sample_data and the broken targets that the manual speaks of, as the current one."""
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    targets = torch.load(ROOT / "sample_data/targets.pt", weights_only=True)
    targets[2][3, 2] = targets[2][3, 0]
    torch.save(targets, tmp_path / "broken_targets.pt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return tmp_path


def run(line: str) -> str:
    """What a command prints, and `| head -N` and `| tail -N` keep of it, without the blanks that pad the lines."""
    command, *filters = line.split(" | ")
    result = CliRunner().invoke(app, shlex.split(command))
    assert result.exit_code in (EXIT_CLEAN, EXIT_FINDINGS), result.output
    return filtered(result.stdout, filters)


def filtered(text: str, filters: Iterable[str]) -> str:
    """What `head -N` and `tail -N` keep of a text."""
    lines = text.splitlines()
    for each in filters:
        name, kept = each.split(" -")
        lines = lines[: int(kept)] if name == "head" else lines[-int(kept) :]
    return "".join(line.rstrip() + "\n" for line in lines)


def examples_of(document: Path) -> list[str]:
    """The commands whose output it shows."""
    examples = [match["example"] for match in CONSOLE.finditer(document.read_text())]
    assert len(examples) == len(blocks(document, "console"))
    return examples


def held_against(document: Path, shown: re.Pattern[str], printed: dict[str, str]) -> None:
    """Hold what the examples of a document print against what stands below them, or write it there."""
    text = document.read_text()

    def corrected(match: re.Match[str]) -> str:
        start, end = (place - match.start() for place in match.span("output"))
        return match[0][:start] + printed[match["example"]] + match[0][end:]

    if UPDATE:
        document.write_text(shown.sub(corrected, text))
    assert {match["example"]: match["output"] for match in shown.finditer(document.read_text())} == printed


@EVERY
@pytest.mark.usefixtures("folder")
def test_console_examples(document: Path) -> None:
    if document != CONTRIBUTING:  # which shows what a changed house prints
        held_against(document, CONSOLE, {example: run(example) for example in examples_of(document)})


@EVERY
@pytest.mark.usefixtures("folder")
def test_python_examples(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of a page in turn, each with what the former ones left; two pages show lines to add, which run below."""
    names: dict[str, Any] = {}
    printed = {}
    for match in PYTHON.finditer(document.read_text()):
        exec(compile(match["example"], str(document), "exec"), names)
        printed[match["example"]] = capsys.readouterr().out
    assert len(printed) == (0 if document in (SAVING_PAGE, CONTRIBUTING) else len(blocks(document, "python")))
    held_against(document, PYTHON, printed)


# What the page for contributors says of where lines go: a file of their own, the end of a file, or beside a line of it.
PLACE = re.compile(r"^# (ssdlossdbg/\S+\.py)(?:, at its end|, (above|below|instead of): (.*))?\n", flags=re.MULTILINE)


def built(addition: str, house: Path) -> set[str]:
    """Add lines to a copy of the package, each where the comment above them says; the files they went to."""
    assert PLACE.match(addition)
    _, *parts = PLACE.split(addition)
    for path, beside, text, lines in zip(*(parts[start::4] for start in range(4)), strict=True):
        file = house / path
        before = file.read_text().splitlines(keepends=True) if file.exists() else []
        at = len(before)
        if beside:
            (at,) = (number for number, line in enumerate(before) if line.strip().startswith(text))
        end = at + (beside == "instead of")
        at += beside == "below"
        file.write_text("".join([*before[:at], lines, *before[max(at, end) :]]))
    return set(parts[::4])


def test_the_page_for_contributors_adds_one_of_each_kind(folder: Path) -> None:
    """Its lines, in a copy of the package, print what it shows; each addition is a file and a row elsewhere."""
    house = folder / "house"
    shutil.copytree(ROOT / "ssdlossdbg", house / "ssdlossdbg", ignore=shutil.ignore_patterns("__pycache__"))
    for section in CONTRIBUTING.read_text().split("\n## "):
        touched = [
            built(block, house) for block in re.findall(r"^```python\n(.*?)```", section, re.DOTALL | re.MULTILINE)
        ]
        assert len(set().union(*touched)) <= 3
        for name, block in re.findall(r"`(\w+\.\w+)`:\n\n```\w+\n(.*?)```", section, flags=re.DOTALL):
            (folder / name).write_text(block)
    environment = {**os.environ, "PYTHONPATH": str(house), "CUDA_VISIBLE_DEVICES": ""}
    printed = {}
    for example in examples_of(CONTRIBUTING):
        command, *filters = example.split(" | ")
        words = [sys.executable, "-m", "ssdlossdbg", *shlex.split(command)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode in (EXIT_CLEAN, EXIT_FINDINGS), done.stderr
        printed[example] = filtered(done.stdout, filters)
    assert len(printed) == 4
    held_against(CONTRIBUTING, CONSOLE, printed)


@pytest.mark.usefixtures("folder")
def test_added_lines_save_a_batch() -> None:
    (lines,) = [block for block in blocks(SAVING_PAGE, "python") if "torch.save(out" in block]
    priors = torch.rand((8732, 4), generator=torch.Generator().manual_seed(0))
    out = (torch.zeros((1, 8732, 4), requires_grad=True) * 1, torch.zeros((1, 8732, 21), requires_grad=True), priors)
    targets = [torch.tensor([[0.1, 0.1, 0.5, 0.5, 7], [0.2, 0.3, 0.4, 0.5, 0]])]
    exec(lines.replace("        ", ""), {"torch": torch, "out": out, "targets": targets})
    (image,) = api.loss("preds.pt", "targets.pt").images
    assert image.ground_truth == 2


def batch(priors: int, classes: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """loc, conf, labels and encoded targets of two images."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros((2, priors), dtype=torch.long)
    labels[0, 7], labels[1, 1000] = 1, 2
    loc, conf, targets = (torch.randn((2, priors, size), generator=generator) for size in (4, classes, 4))
    return loc.requires_grad_(), conf.requires_grad_(), labels, torch.where(labels[..., None] > 0, targets, 0.0)


class Device:
    """A tensor as MXNet hands it out."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def asnumpy(self) -> Any:
        """The array."""
        return self.tensor.detach().float().numpy()


LOC, CONF, LABELS, TARGETS = batch(8732, 5)
# What the variables are called where the lines go, and the options that the README names.
SAVING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "(confidence, locations, config.priors)": (
        {"confidence": CONF, "locations": LOC, "labels": LABELS, "boxes": TARGETS},
        {"dialect": "pytorch-ssd"},
    ),
    "gt_boxes": (
        {"cls_logits": CONF, "bbox_pred": LOC, "gt_labels": LABELS, "gt_boxes": TARGETS},
        {"dialect": "lufficc", "priors": "lufficc-ssd300-voc"},
    ),
    "loss_func": (
        {"ploc": LOC.mT, "plabel": CONF.mT, "glabel": LABELS, "gloc": TARGETS.mT},
        {"dialect": "nvidia-dali", "layout": SavedLayout(native=True), "priors": "nvidia-ssd300-coco"},
    ),
    "all_bbox_preds": (
        {
            "all_bbox_preds": LOC,
            "all_cls_scores": CONF.roll(-1, -1),
            "all_labels": (LABELS - 1) % 5,
            "all_bbox_targets": TARGETS,
        },
        {"dialect": "mmdetection", "layout": SavedLayout(native=True), "priors": "mmdet-ssd300-coco"},
    ),
    "asnumpy": (
        {
            "cls_preds": [Device(CONF)],
            "box_preds": [Device(LOC)],
            "cls_targets": [Device(LABELS)],
            "box_targets": [Device(TARGETS)],
        },
        {"dialect": "gluoncv", "priors": "gluoncv-ssd300-vgg16-voc"},
    ),
    "y_true": (
        {
            "y_pred": torch.cat((CONF.softmax(-1), LOC, torch.zeros(2, 8732, 8)), -1).detach().numpy(),
            "y_true": torch.cat((torch.eye(5)[LABELS], TARGETS, torch.zeros(2, 8732, 8)), -1).numpy(),
        },
        {"dialect": "ssd-keras", "priors": "ssd-keras-ssd300-voc"},
    ),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("word", SAVING)
def test_added_lines_of_other_codebases(word: str) -> None:
    (lines,) = [block for block in blocks(SAVING_PAGE, "python") if word in block]
    variables, options = SAVING[word]
    known = SimpleNamespace(priors=load_priors("pytorch-ssd-vgg300").priors.boxes)
    loss_func = SimpleNamespace(_loc_vec=lambda boxes: boxes)
    exec(textwrap.dedent(lines), {"torch": torch, "np": np, "config": known, "loss_func": loss_func, **variables})
    predictions, targets = (next(Path().glob(f"{name}.*")) for name in ("preds", "targets"))
    result = api.loss(predictions, targets, **options, device="cpu")
    assert [image.positives for image in result.images] == [1, 1]
    assert [item.positives for item in result.classes] == [0, 1, 1, 0, 0]
    chosen = LABELS > 0
    smooth_l1 = torch.nn.functional.smooth_l1_loss(LOC[chosen], TARGETS[chosen], reduction="sum")
    assert result.loss.localization == pytest.approx(smooth_l1.item() / 2, rel=1e-6)
    entropy = torch.nn.functional.cross_entropy(CONF[chosen], LABELS[chosen], reduction="sum")
    assert result.loss.confidence_positive == pytest.approx(entropy.item() / 2, rel=1e-5)


@pytest.mark.usefixtures("folder")
def test_added_lines_of_torchvision() -> None:
    """On a stand-in whose compute_loss is called as torchvision's SSD.forward calls it."""
    (lines,) = [block for block in blocks(SAVING_PAGE, "python") if "model.compute_loss" in block]
    model = SimpleNamespace(compute_loss=lambda *inputs: {"given": inputs})
    exec(lines, {"torch": torch, "model": model})
    centres = load_priors("torchvision-ssd300").priors.boxes * 300
    anchors = torch.cat((centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2), 1)
    objects = [{"boxes": torch.tensor([[30.0, 30, 200, 210]]), "labels": torch.tensor([3])}] * 2
    given = (objects, {"bbox_regression": LOC, "cls_logits": CONF}, [anchors] * 2, None)
    assert model.compute_loss(*given) == {"given": given}
    options: dict[str, Any] = {"dialect": "torchvision", "layout": SavedLayout("xyxy", 300)}
    result = api.loss("preds.pt", "targets.pt", **options, device="cpu")
    assert result.config.name == "torchvision-ssd300"
    assert [image.ground_truth for image in result.images] == [1, 1]


@pytest.mark.usefixtures("folder")
def test_toml_examples() -> None:
    dialect, config = blocks(PAGES["dialects"], "toml")
    Path("own.toml").write_text(config)
    Path("fork.toml").write_text(dialect)
    result = api.anchors("own.toml")
    assert [level.shapes[0] for level in result.levels] == [(16.0, 16.0), (32.0, 32.0)]
    assert [level.stride for level in result.levels] == [(8.0, 8.0), pytest.approx((300 / 19, 300 / 19))]
    fork = api.match("sample_data/cat.jpg", "sample_data/cat.xml", dialect="fork.toml")
    wanted = tomllib.loads(dialect)
    assert fork.threshold == wanted["match"]["threshold"]
    assert fork.totals.negatives == wanted["mining"]["ratio"] * fork.totals.positives


@pytest.mark.usefixtures("folder")
def test_pictures_are_what_the_commands_draw() -> None:
    astronaut = load_photo(Path("sample_data/astronaut.jpg"))
    coins = load_photo(Path("sample_data/coins.jpg"))
    batch = api.loss("sample_data/preds.pt", "sample_data/targets.pt", images=["", "", "sample_data/coins.jpg"])
    drawn = {
        "astronaut.match.png": match_picture(api.match(astronaut, "sample_data/astronaut.xml"), astronaut.image),
        "coins.loss.png": loss_picture(batch, coins.image, 2),
    }
    for name, picture in drawn.items():
        path = ROOT / "sample_data/pictures" / name
        if UPDATE:
            path.parent.mkdir(exist_ok=True)
            picture.quantize(160, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)
        with Image.open(path) as stored:
            assert stored.size == picture.size
            # The stored picture has a palette of 160 colours, and JPEG decoders may differ in a shade.
            difference = ImageChops.difference(stored.convert("RGB"), picture).convert("L").resize((64, 64))
            assert np.asarray(difference).max() < 24


@pytest.mark.usefixtures("folder")
def test_project_defaults() -> None:
    dialect_line = 'dialect = "torchvision"'
    (table,) = blocks(PAGES["scripting"], "toml")
    assert dialect_line in table
    Path("pyproject.toml").write_text(table.replace('["RBC", "WBC", "Platelets"]', '"sample_data/classes.txt"'))
    result = CliRunner().invoke(app, ["check", "sample_data/cat.xml", "--format", "json"])
    assert (result.exit_code, json.loads(result.stdout)["dialect"]) == (EXIT_CLEAN, "torchvision")
    result = CliRunner().invoke(app, ["check", "sample_data/astronaut.xml", "--select", "BOX008"])
    assert result.exit_code == EXIT_FINDINGS


def test_every_python_block_for_saving_is_run() -> None:
    run_above = {"torch.save(out", "model.compute_loss", *SAVING}
    unknown = [lines for lines in blocks(SAVING_PAGE, "python") if not any(word in lines for word in run_above)]
    assert unknown == []


def test_yaml_example() -> None:
    (hook,) = yaml.safe_load(blocks(PAGES["check"], "yaml")[0])[0]["hooks"]
    assert re.search(hook["files"], "annotations/train/1.xml")
    assert not re.search(hook["files"], "pom.xml")
    assert list(unknown_options(hook["entry"])) == []


def unknown_options(line: str) -> Iterator[str]:
    """The options in a command line that its command does not have."""
    words = line.partition("ssdlossdbg ")[2].split()
    known = {name for parameter in COMMANDS[words[0]].params for name in parameter.opts + parameter.secondary_opts}
    yield from (word for word in words if re.match(r"--?[a-z]", word) and word not in known | {"--help"})


@EVERY
def test_commands_in_the_text_exist(document: Path) -> None:
    text = document.read_text()
    lines = re.findall(r"`ssdlossdbg ([a-z][^`]*)`", text) + [
        line.rpartition("ssdlossdbg ")[2]
        for block in blocks(document, "sh")
        for line in block.splitlines()
        if "ssdlossdbg " in line
    ]
    for line in lines:
        assert line.split()[0] in COMMANDS, line
        assert list(unknown_options(f"ssdlossdbg {line}")) == [], line


@pytest.mark.parametrize("name", [name for name in COMMANDS if name in PAGES])
def test_every_option_is_on_the_page_of_its_command_or_on_a_shared_one(name: str) -> None:
    text = PAGES[name].read_text() + SHARED
    options = {long for parameter in COMMANDS[name].params for long in parameter.opts if long.startswith("--")}
    assert sorted(option for option in options if not re.search(rf"{option}(?![\w-])", text)) == []


def test_every_command_has_a_page() -> None:
    index = PAGES["index"].read_text() + PAGES["findings"].read_text() + PAGES["dialects"].read_text()
    assert [name for name in COMMANDS if name not in PAGES and f"`ssdlossdbg {name}" not in index] == []


def test_both_tables_of_dialects_have_all() -> None:
    rows = [line.split("|")[1] for line in PAGES["dialects"].read_text().splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    full = ["tf-object-detection-v2" if name == "-v2" else name for name in named]
    assert sorted(full) == sorted([*dialect_names(), *dialect_names()])


def test_preset_count() -> None:
    for page in ("anchors", "dialects"):
        assert f"the {len(preset_names())} presets" in PAGES[page].read_text()


@EVERY
def test_codes_in_the_text_exist(document: Path) -> None:
    families = "|".join({code[:3] for code in CHECKS})
    unknown = set(re.findall(rf"\b(?:{families})\d{{3}}\b", document.read_text())) - set(CHECKS)
    assert unknown == ({"BOX099"} if document == CONTRIBUTING else set())


@EVERY
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        assert (document.parent / target).is_file(), target


def test_the_index_lists_every_page() -> None:
    listed = re.findall(r"^- \[(\w+)\]\((\w+)\.md\): ", PAGES["index"].read_text(), flags=re.MULTILINE)
    assert all(name == target for name, target in listed)
    assert sorted(name for name, _ in listed) == [name for name in PAGES if name != "index"]


def test_the_package_brings_the_manual() -> None:
    brought = {file.name: file.read_text() for file in (files("ssdlossdbg") / "manual").iterdir() if ".md" in file.name}
    assert brought == {file.name: file.read_text() for file in PAGES.values()}


def test_paths_in_the_page_for_contributors_exist() -> None:
    text = CONTRIBUTING.read_text()
    paths = re.findall(r"`((?:ssdlossdbg|tests|\.ci)/[^` ]*)`", text)
    assert len(paths) > 10
    assert [
        path
        for path in paths
        if not (ROOT / path.replace("NAME", "*")).exists() and not [*ROOT.glob(path.replace("NAME", "*"))]
    ] == []


def test_the_readme_is_short_and_stands_alone() -> None:
    text = README.read_text()
    assert text.count("\n") <= 150
    # Where only the text is shown, as on a package's page, nothing else of the repository can be reached.
    assert re.findall(r"\]\(([^)]+)\)", text) == ["sample_data/pictures/astronaut.match.png"]


@pytest.mark.parametrize("name", ["try", "test"])
def test_ci_finds_the_command(name: str) -> None:
    marker = f"<!-- command: {name} -->\n```sh\n"
    command = README.read_text().split(marker)[1].split("```")[0]
    assert command.startswith("pip install -c .ci/constraints.txt ")
    assert command.count("\n") == 1
