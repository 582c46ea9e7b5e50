"""`ssdlossdbg diff`: its sentence, its exit codes, its JSON, how inputs are told apart, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

Run = Callable[..., Any]
Good = Callable[..., str]
Save = Callable[[str, object], Path]
Refused = Callable[..., str]


@pytest.fixture
def halves(sample: Path) -> tuple[Path, Path]:
    """The predictions and targets of the sample."""
    return sample / "preds.pt", sample / "targets.pt"


@pytest.fixture
def relabelled(halves: tuple[Path, Path], save: Save) -> Path:
    """The targets with one coin that is a cup."""
    rows = torch.load(halves[1], weights_only=True)
    rows[2][1, 4] += 1
    return save("relabelled.pt", rows)


def test_the_same_batch_is_one_sentence(good: Good, halves: tuple[Path, Path]) -> None:
    out = good("diff", *halves, *halves)
    assert " ".join(out.split()) == (
        "A and B are the same: predictions, targets, priors and rules are equal, and so is the loss, 1.6645."
    )


def test_a_change_ends_with_one_and_is_named_first(run: Run, halves: tuple[Path, Path], relabelled: Path) -> None:
    outcome = run("diff", *halves, halves[0], relabelled, "--classes", "cat,coin,cup")
    assert (outcome.code, outcome.err) == (1, "")
    text = " ".join(outcome.out.split())
    assert text.startswith(
        "The loss rises from 1.6645 to 2.0040 (+20.4 %): labels, 1 of 27 objects: image 2, object 1 (coin -> cup): "
        "relabelled, and all else is equal."
    )
    assert "image 2 1 coin -> cup, 0.019 0.359 +0.34 5" in text
    assert run("diff", *halves, halves[0], relabelled, "--no-fail-on-change").code == 0
    swapped = run("diff", halves[1], relabelled, "--predictions", halves[0])
    assert "labels, 1 of 27 objects" in " ".join(swapped.out.split())


def test_json_holds_what_explains(run: Run, halves: tuple[Path, Path], relabelled: Path) -> None:
    document = json.loads(run("diff", *halves, halves[0], relabelled, "--format", "json").out)
    assert (document["command"], document["compared"], document["same"]) == ("diff", "batches", False)
    [explanation] = document["explanations"]
    assert (explanation["name"], explanation["explains"]) == ("labels", True)
    assert explanation["alone"] == document["second"]["value"]
    assert sum(each["change"] for each in document["groups"] if each["by"] == "part") == pytest.approx(
        document["second"]["value"] - document["first"]["value"]
    )
    assert document["objects"][0]["became"] == "relabelled"
    same = json.loads(run("diff", *halves, *halves, "--format", "json").out)
    assert same["same"] is True
    assert same["differences"] == []


def test_two_checkpoints_share_their_targets(run: Run, halves: tuple[Path, Path], save: Save) -> None:
    loc, conf, priors = torch.load(halves[0], weights_only=True)
    other = save("later.pt", (loc, conf * 1.5, priors))
    outcome = run("diff", halves[0], other, "--targets", halves[1])
    assert outcome.code == 1
    assert "conf, times 1.5 (26,196 of 26,196 rows" in " ".join(outcome.out.split())


def test_folders_of_one_batch_each(run: Run, halves: tuple[Path, Path], relabelled: Path, folder: Path) -> None:
    for name, targets in (("a", halves[1]), ("b", relabelled)):
        (folder / name).mkdir()
        shutil.copy(halves[0], folder / name / "preds.pt")
        shutil.copy(targets, folder / name / "targets.pt")
    assert "labels, 1 of 27" in " ".join(run("diff", "a", "b").out.split())
    assert run("diff", "a", "a").code == 0


def test_presets_and_annotations(run: Run, sample: Path, folder: Path) -> None:
    shutil.copytree(sample, folder / "mine", ignore=shutil.ignore_patterns("*.pt", "*.ipynb", "pictures"))
    text = (folder / "mine" / "cat.xml").read_text()
    (folder / "mine" / "cat.xml").write_text(text.replace("<difficult>0", "<difficult>1"))
    outcome = run("diff", folder / "mine", folder / "mine")
    assert (outcome.code, outcome.out) == (0, "A and B are the same: nothing that is read is different.\n")
    outcome = run("diff", "ssd300-voc", "ssd300-coco", "--on", folder / "mine")
    assert outcome.code == 1
    assert "level 0, shapes" in outcome.out
    assert run("diff", "ssd300-voc", "ssd300-voc").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("preds.pt",), "diff: compares two, and 1 is given. Give A and B, or four files"),
        (("preds.pt", "targets.pt", "preds.pt"), "compares two, and 3 are given"),
        (("preds.pt", "preds.pt"), "holds predictions without targets. Give those of both with --targets"),
        (("targets.pt", "targets.pt"), "holds targets without predictions. Give those of both with --predictions"),
        (("preds.pt", "targets.pt"), "is predictions alone, and targets.pt is targets alone. Give two of a kind"),
        (("preds.pt", "ssd300"), "is predictions alone, and ssd300 is priors. Give two of a kind"),
        (("caffe", "nvidia"), "caffe: is a dialect. Give two prior configs, or see `ssdlossdbg dialects A B`"),
        (("ssd30", "ssd300"), "unknown prior config 'ssd30'"),
        (("nowhere.pt", "preds.pt"), "nowhere.pt: "),
        (("ssd300", "ssd512", "--targets", "targets.pt"), "--targets: belongs to two files of predictions alone"),
        (("cat.xml", "cat.xml", "--on", "."), "--on: belongs to two files of prior configs"),
        (("empty", "empty"), "empty"),
    ],
)
def test_what_does_not_fit_is_refused(
    words: tuple[str, ...], said: str, refused: Refused, sample: Path, folder: Path
) -> None:
    for name in ("preds.pt", "targets.pt", "cat.xml"):
        shutil.copy(sample / name, folder)
    (folder / "empty").mkdir()
    assert said in " ".join(refused("diff", *words).split())


def test_help_imports_no_torch_and_names_an_example(good: Good) -> None:
    assert "Example: ssdlossdbg diff runs/a/step0000340.safetensors" in " ".join(good("diff", "--help").split())


def test_what_shows_b_alone_comes_next(run: Run, halves: tuple[Path, Path], relabelled: Path, sample: Path) -> None:
    def following(*words: object) -> str:
        return " ".join(run("diff", *words, "--width", "400").out.rpartition("Next:\n")[2].split())

    four = (*halves, halves[0], relabelled)
    assert (
        following(*four, "--classes", "a,b,c,d,e,f")
        == f"ssdlossdbg loss {halves[0]} {relabelled} --classes a,b,c,d,e,f"
    )
    assert following(halves[1], relabelled, "--predictions", halves[0]) == f"ssdlossdbg loss {halves[0]} {relabelled}"
    assert following("ssd300-voc", "ssd300-coco") == "ssdlossdbg anchors --config ssd300-coco"
    assert following(sample / "cat.xml", sample / "coins.xml") == f"ssdlossdbg check {sample / 'coins.xml'}"
    assert "Next:" not in run("diff", *halves, *halves).out
