"""The command that each report ends with: it runs, and on what was asked for."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import SAMPLE, Run

BATCH = f"{SAMPLE}/preds.pt {SAMPLE}/targets.pt"


def following(text: str) -> str:
    """The command that a report ends with, on one line."""
    return " ".join(text.rpartition("Next:\n")[2].replace("\\\n", " ").split())


@pytest.mark.parametrize(
    ("asked", "then"),
    [
        (
            f"match {SAMPLE}/cat.jpg {SAMPLE}/cat.xml --config ssd512 --threshold 0.4 --no-overlay",
            f"audit {SAMPLE} --config ssd512 --threshold 0.4",
        ),
        (
            f"loss {BATCH} --dialect caffe --classes a,b,c,d,e,f",
            f"detect {BATCH} --dialect caffe --classes a,b,c,d,e,f",
        ),
        (f"detect {BATCH} --nms 0.3", f"detect {BATCH} -o pictures --nms 0.3"),
        (f"detect {BATCH} -o p --nms 0.3", f"loss {BATCH}"),
        (f"compare {BATCH} --dialects nvidia", "dialects ssd.pytorch nvidia"),
        (f"compare {BATCH} --dialects nvidia --printed 2.9885", f"loss {BATCH} --dialect nvidia --printed 2.9885"),
        (f"identify {BATCH} --printed 2.9885 --changes 0", f"loss {BATCH} --dialect nvidia --printed 2.9885"),
        ("anchors --config ssd512", "anchors -o priors.png --config ssd512"),
        ("anchors --config ssd512 -o a.png", "anchors --list"),
        (f"audit {SAMPLE} --threshold 0.7", f"anchors --fit {SAMPLE} -o priors.toml --threshold 0.7"),
        (f"audit {SAMPLE}", f"check {SAMPLE}"),
    ],
)
def test_the_next_command_has_the_files_and_options(run: Run, asked: str, then: str) -> None:
    result = run(*shlex.split(asked), "--fail-on", "never") if "identify" not in asked else run(*shlex.split(asked))
    assert result.code == 0, result.err
    assert following(result.out) == f"ssdlossdbg {then}"


def test_a_name_with_a_blank_is_quoted(run: Run, folder: Path) -> None:
    (folder / "my data").mkdir()
    (folder / "my data" / "a.xml").write_bytes((SAMPLE / "cat.xml").read_bytes())
    assert following(run("audit", "my data").out) == "ssdlossdbg check 'my data'"


def test_audit_ends_in_a_verdict(run: Run) -> None:
    assert "The priors suit the dataset: 96.8% of its objects have one of their size." in run("audit", SAMPLE).out
    text = run("audit", SAMPLE, "--threshold", "0.75", "--width", "200").out
    said = re.search(
        r"^(.*) of coin get (no prior of their size|a prior of their size, but none where they are): (\d+) of 24",
        text,
        re.M,
    )
    assert said, text[-400:]
    words = {"All": 24, "Half": 12, "A third": 8, "A quarter": 6, "Two thirds": 16, "Three quarters": 18}
    share = float(said[1][:-1]) / 100 if said[1].endswith("%") else words[said[1]] / 24
    assert share == pytest.approx(int(said[3]) / 24, abs=0.03)


def test_all_presets_are_ranked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["torchvision-ssdlite320", "ssd300-voc", "ssd300-coco"]
    for place in ("ssdlossdbg.api.datasets.preset_names", "ssdlossdbg.readers.prior_configs.preset_names"):
        monkeypatch.setattr(place, lambda: names)
    report = json.loads(run("audit", SAMPLE, "--rank", "--format", "json").out)
    found = {each["name"]: each for each in report["presets"]}
    assert sorted(found) == sorted(names)
    for name in names:
        alone = json.loads(run("audit", SAMPLE, "--config", name, "--format", "json").out)["totals"]
        assert found[name]["best_possible_recall"] == alone["best_possible_recall"]
        assert found[name]["matched"] == alone["matched"]
        assert found[name]["positives_each"] == pytest.approx(alone["positives"] / alone["ground_truth"])
    recalls = [each["best_possible_recall"] for each in report["presets"]]
    assert recalls == sorted(recalls, reverse=True)
    text = run("audit", SAMPLE, "--rank")
    assert "ssd300-coco" in text.out
    assert "in use" in text.out
    assert following(text.out).startswith(f"ssdlossdbg audit {SAMPLE} --config ")
    assert "--csv: is of one set of priors" in run("audit", SAMPLE, "--rank", "--csv", "a.csv").err
