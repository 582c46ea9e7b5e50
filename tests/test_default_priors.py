"""Which priors are taken where nobody names any: those that the codebase takes for so many classes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from ssdlossdbg import api
from ssdlossdbg.cli.app import app
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.named_priors import default_priors
from ssdlossdbg.report.check_text import check_report
from ssdlossdbg.report.text import priors_line

SAMPLES = Path(__file__).parents[1] / "sample_data"
OBJECT = (
    "<object><name>{name}</name><bndbox><xmin>{x}</xmin><ymin>40</ymin><xmax>150</xmax><ymax>160</ymax></bndbox>"
    "</object>"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photos with an object of each of two classes, which are no classes of VOC."""
    return write(tmp_path, ("cell", "platelet"))


def write(folder: Path, labels: tuple[str, ...]) -> Path:
    """Photos and VOC files: one of each label."""
    for index, name in enumerate(labels):
        Image.new("RGB", (300, 300)).save(folder / f"{index}.jpg")
        size = "<size><width>300</width><height>300</height><depth>3</depth></size>"
        file = f"<filename>{index}.jpg</filename>"
        text = f"<annotation>{file}{size}{OBJECT.format(name=name, x=30 + index)}</annotation>"
        (folder / f"{index}.xml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("classes", "preset"), [(21, "ssd300-voc"), (4, "ssd300-coco"), (81, "ssd300-coco"), (None, "ssd300-voc")]
)
def test_ssd_pytorch_takes_cocos_unless_there_are_21_classes(classes: int | None, preset: str) -> None:
    named = default_priors(load_dialect("ssd.pytorch"), classes)
    assert named.name == preset
    assert f"for {classes or 21} classes" in named.choice
    assert ("assumed" in named.choice) is (classes is None)


@pytest.mark.parametrize("name", [name for name in dialect_names() if name != "ssd.pytorch"])
def test_other_codebases_do_not_ask_how_many_classes_there_are(name: str) -> None:
    rules = load_dialect(name)
    assert rules.priors_for(4) == rules.priors_for(21) == rules.prior_config
    assert default_priors(rules, 4).choice == ""


def test_a_fork_with_priors_of_its_own_keeps_them() -> None:
    fork = replace(load_dialect("ssd.pytorch"), prior_config="pytorch-ssd-mobilenet")
    assert fork.priors_for(4) == "pytorch-ssd-mobilenet"


def test_audit_and_check_count_the_classes_of_the_set(folder: Path) -> None:
    audited, checked = api.audit(folder).config, api.check([folder])
    for name, choice in ((audited.name, audited.choice), (checked.priors, checked.choice)):
        assert (name, choice) == ("ssd300-coco", "as ssd.pytorch takes for 3 classes, background included")
    assert "Priors: ssd300-coco, as ssd.pytorch takes for 3 classes" in check_report(checked).plain
    assert api.audit(folder, "ssd300-voc").config.choice == api.check([folder], "ssd300-voc").choice == ""


def test_audit_shows_how_to_match_with_the_same_priors(folder: Path) -> None:
    outcome = CliRunner().invoke(app, ["audit", str(folder), "--format", "json", "--fail-on", "never"])
    assert json.loads(outcome.stdout)["match_options"] == ["--config", "ssd300-coco"]


def test_labels_of_voc_alone_are_taken_for_its_twenty_classes(tmp_path: Path) -> None:
    assert api.audit(write(tmp_path, ("cat", "dog"))).config.name == "ssd300-voc"


def test_one_photo_says_nothing_of_how_many_classes_there_are(folder: Path) -> None:
    config = api.match(folder / "0.jpg", folder / "0.xml").config
    assert config.name == "ssd300-voc"
    assert "for 21 classes, assumed: --classes says otherwise" in priors_line(config)
    told = api.match(folder / "0.jpg", folder / "0.xml", classes=("cell", "platelet")).config
    assert told.name == "ssd300-coco"
    assert api.audit(folder / "0.xml", classes=("cell", "platelet")).config == told
    assert api.match(folder / "0.jpg", folder).config.name == "ssd300-coco", "the folder says how many there are"


def test_what_was_saved_or_named_is_never_replaced() -> None:
    result = api.loss(SAMPLES / "preds.pt", SAMPLES / "targets.pt", device="cpu")
    assert (result.config.name, result.config.choice) == ("ssd300-coco", "")
    named = api.loss(SAMPLES / "preds.pt", SAMPLES / "targets.pt", "ssd300-voc", device="cpu")
    assert (named.config.name, named.config.choice) == ("ssd300-voc", "")
