"""Every example of README.md is run, and what it prints is what the README shows.

After a wanted change, `UPDATE_README=1 pytest tests/test_readme.py` writes the new output into the README.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import textwrap
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops
from typer.testing import CliRunner

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import CHECKS
from ssdlossdbg.cli.app import app
from ssdlossdbg.errors import EXIT_CLEAN, EXIT_FINDINGS
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.photos import load_photo
from ssdlossdbg.readers.prior_configs import preset_names
from ssdlossdbg.report.loss_picture import loss_picture
from ssdlossdbg.report.match_picture import match_picture

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CONSOLE = re.compile(r"```console\n\$ ssdlossdbg (?P<command>.*)\n(?P<output>(?:.*\n)*?)```\n")


def blocks(language: str) -> list[str]:
    """The fenced blocks of that language."""
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), flags=re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sample_data and the broken targets that the README speaks of, as the current one."""
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    targets = torch.load(ROOT / "sample_data/targets.pt", weights_only=True)
    targets[2][3, 2] = targets[2][3, 0]
    torch.save(targets, tmp_path / "broken_targets.pt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return tmp_path


def run(command: str) -> str:
    """What the command prints, up to the number of lines that `| head` keeps, without the blanks that pad them."""
    command, _, head = command.partition(" | head -")
    result = CliRunner().invoke(app, shlex.split(command))
    assert result.exit_code in (EXIT_CLEAN, EXIT_FINDINGS), result.output
    lines = result.stdout.splitlines()[: int(head) if head else None]
    return "".join(line.rstrip() + "\n" for line in lines)


@pytest.mark.usefixtures("folder")
def test_console_examples() -> None:
    text = README.read_text()
    shown = {match["command"]: match["output"] for match in CONSOLE.finditer(text)}
    assert len(shown) == 11
    printed = {command: run(command) for command in shown}
    if os.environ.get("UPDATE_README"):
        README.write_text(
            CONSOLE.sub(lambda m: f"```console\n$ ssdlossdbg {m['command']}\n{printed[m['command']]}```\n", text)
        )
    else:
        assert shown == printed


@pytest.mark.usefixtures("folder")
def test_python_example(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = [block for block in blocks("python") if block.startswith("import ssdlossdbg")]
    exec(compile(example, "README.md", "exec"), {})
    first, second, third, fourth = capsys.readouterr().out.splitlines()
    assert first == "[]"
    assert [float(number) for number in second.split()] == pytest.approx([1.6644705, 0.1853532], rel=1e-6)
    assert third.startswith("[('BOX001', 'sample_data/astronaut.xml'), ")
    assert fourth.startswith("[('cat', 1, 1.0), ('coin', 24, 1.0), ")


@pytest.mark.usefixtures("folder")
def test_added_lines_save_a_batch() -> None:
    (lines,) = [block for block in blocks("python") if "torch.save(out" in block]
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
        {"dialect": "nvidia-dali", "native": True, "priors": "nvidia-ssd300-coco"},
    ),
    "all_bbox_preds": (
        {
            "all_bbox_preds": LOC,
            "all_cls_scores": CONF.roll(-1, -1),
            "all_labels": (LABELS - 1) % 5,
            "all_bbox_targets": TARGETS,
        },
        {"dialect": "mmdetection", "native": True, "priors": "mmdet-ssd300-coco"},
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
    (lines,) = [block for block in blocks("python") if word in block]
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
    (lines,) = [block for block in blocks("python") if "model.compute_loss" in block]
    model = SimpleNamespace(compute_loss=lambda *inputs: {"given": inputs})
    exec(lines, {"torch": torch, "model": model})
    centres = load_priors("torchvision-ssd300").priors.boxes * 300
    anchors = torch.cat((centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2), 1)
    objects = [{"boxes": torch.tensor([[30.0, 30, 200, 210]]), "labels": torch.tensor([3])}] * 2
    given = (objects, {"bbox_regression": LOC, "cls_logits": CONF}, [anchors] * 2, None)
    assert model.compute_loss(*given) == {"given": given}
    options: dict[str, Any] = {"dialect": "torchvision", "prior_format": "xyxy", "image_size": (300, 300)}
    result = api.loss("preds.pt", "targets.pt", **options, device="cpu")
    assert result.config.name == "torchvision-ssd300"
    assert [image.ground_truth for image in result.images] == [1, 1]


@pytest.mark.usefixtures("folder")
def test_toml_examples() -> None:
    dialect, config = [block for block in blocks("toml") if "[tool." not in block]
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
        if os.environ.get("UPDATE_README"):
            path.parent.mkdir(exist_ok=True)
            picture.quantize(160, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)
        with Image.open(path) as stored:
            assert stored.size == picture.size
            # The stored picture has a palette of 160 colours, and JPEG decoders may differ in a shade.
            difference = ImageChops.difference(stored.convert("RGB"), picture).convert("L").resize((64, 64))
            assert np.asarray(difference).max() < 24


def test_findings_are_all_listed() -> None:
    begin, end = "<!-- findings: begin -->\n", "<!-- findings: end -->\n"
    before, _, rest = README.read_text().partition(begin)
    listed, _, after = rest.partition(end)
    rows = [f"| `{check.code}` | {check.severity} | {check.summary} |" for check in CHECKS.values()]
    table = "\n".join(["", "| code | severity | |", "|---|---|---|", *rows, "", ""])
    if os.environ.get("UPDATE_README"):
        README.write_text(f"{before}{begin}{table}{end}{after}")
    else:
        assert listed == table


@pytest.mark.usefixtures("folder")
def test_project_defaults() -> None:
    dialect_line = 'dialect = "torchvision"'
    (table,) = [block for block in blocks("toml") if "[tool.ssdlossdbg]" in block]
    assert dialect_line in table
    Path("pyproject.toml").write_text(table.replace('["RBC", "WBC", "Platelets"]', '"sample_data/classes.txt"'))
    result = CliRunner().invoke(app, ["check", "sample_data/cat.xml", "--format", "json"])
    assert (result.exit_code, json.loads(result.stdout)["dialect"]) == (EXIT_CLEAN, "torchvision")
    result = CliRunner().invoke(app, ["check", "sample_data/astronaut.xml", "--select", "BOX008"])
    assert result.exit_code == EXIT_FINDINGS


def test_preset_count() -> None:
    assert f"shows the {len(preset_names())} presets" in README.read_text()


@pytest.mark.parametrize("name", ["try", "test"])
def test_ci_finds_the_command(name: str) -> None:
    marker = f"<!-- command: {name} -->\n```sh\n"
    command = README.read_text().split(marker)[1].split("```")[0]
    assert command.startswith("pip install -c .ci/constraints.txt ")
    assert command.count("\n") == 1
