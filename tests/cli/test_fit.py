"""`ssdlossdbg anchors --fit`: report, JSON, the file, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.api.fitting import fit
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.prior_configs import load_prior_config

Refused = Callable[..., str]
Run = Callable[..., Any]
# Said on stderr where it takes long.
PATIENCE = "Fitting the priors ..."


@pytest.fixture
def small(annotation: Callable[..., Path]) -> str:
    """A dataset of 12 x 12 pixel objects in photos of the network's size."""
    draw = np.random.default_rng(0)
    for image in range(10):
        corners = draw.integers(1, 288, (8, 2)).tolist()
        annotation([("cell", (x, y, x + 12, y + 12)) for x, y in corners], (300, 300), f"{image}.xml")
    return "."


@pytest.fixture
def report(run: Run) -> Callable[..., str]:
    """Run a command that must succeed, however long it takes; its report."""

    def invoke(*words: object) -> str:
        outcome = run(*words)
        assert (outcome.code, outcome.err.strip()) in {(0, ""), (0, PATIENCE)}
        return str(outcome.out)

    return invoke


def test_the_config_is_printed_or_written(report: Callable[..., str], small: str, folder: Path) -> None:
    printed = report("anchors", "--fit", small)
    assert "Best possible recall 0% -> " in printed
    said = report("anchors", "--fit", small, "-o", "own.toml")
    assert "Wrote own.toml" in said
    assert "levels = [" not in said
    config = (folder / "own.toml").read_text()
    assert printed.endswith(config + "\n")
    (folder / "printed.toml").write_text(config)
    priors = json.loads(report("anchors", "--config", "own.toml", "--format", "json", "--fail-on", "never"))["priors"]
    assert priors == 8732


def test_the_file_reaches_what_was_promised(report: Callable[..., str], small: str) -> None:
    found = json.loads(report("anchors", "--fit", small, "-o", "own.toml", "--format", "json"))
    assert found["files"] == ["own.toml"]
    reached = json.loads(report("anchors", "--fit", small, "--config", "own.toml", "--format", "json"))
    assert reached["recall"]["total"]["reached_before"] == found["recall"]["total"]["reached_after"]
    assert found["recall"]["total"]["ground_truth"] == 80
    assert sum(group["reached_after"] for group in found["sizes"]) == found["recall"]["total"]["reached_after"]


def test_other_levels_within_a_budget(report: Callable[..., str], small: str) -> None:
    words = ("--levels", "75, 19", "--budget", "12000", "--seed", "1", "--format", "json")
    found = json.loads(report("anchors", "--fit", small, *words))
    assert [level["feature_map"] for level in found["after"]["levels"]] == [[75, 75], [19, 19]]
    assert found["after"]["priors"] <= found["budget"] == 12000
    assert found["config"]["levels"][0]["stride"] == 4


def test_a_saved_tensor_that_is_a_preset(report: Callable[..., str], small: str) -> None:
    report("anchors", "--config", "ssd300", "--dump", "saved.npy")
    found = json.loads(report("anchors", "--fit", small, "--config", "saved.npy", "--format", "json"))
    assert found["base"]["name"] == "ssd300-voc"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fit", ".", "--dump", "a.npy"), "error: --dump: says how to show priors, and --fit proposes some."),
        (("--fit", ".", "--image", "a.jpg"), "error: --image: says how to show priors, and --fit proposes some."),
        (("--levels", "38"), "error: --levels: says how to fit priors, and nothing is to be fitted. Add --fit"),
        (("--budget", "100"), "error: --budget: says how to fit priors, and nothing is to be fitted. Add --fit"),
        (("--fit", ".", "-o", "a.png"), "error: a.png: ends in .png. End it in .toml."),
        (("--fit", ".", "--levels", "38,x"), "error: --levels: is '38,x', and 'x' is no feature map."),
        (("--fit", ".", "--levels", ""), "error: --levels: is '', and '' is no feature map."),
        (("--fit", ".", "--levels", "0"), "error: --levels: is '0', and '0' is no feature map."),
        (("--fit", ".", "--levels", "3x4x5"), "error: --levels: is '3x4x5', and '3x4x5' is no feature map."),
        (("--fit", ".", "--levels", "38,38x38"), "error: --levels: is '38,38x38', which names a feature map twice."),
        (("--fit", ".", "--levels", "400"), "error: --levels: asks for 400 x 400 cells, more than the 300 x 300"),
        (("--fit", ".", "--budget", "10"), "error: --budget: one prior a cell makes 1,940, and there may be 10."),
        (("--fit", "away"), "error: away: "),
        (("--fit", ".", "--config", "ssd31"), "error: --config: unknown prior config 'ssd31'."),
        (("--fit", ".", "--dialect", "caff"), "error: --dialect: unknown dialect 'caff'."),
    ],
)
def test_what_is_refused(refused: Refused, words: tuple[str, ...], said: str) -> None:
    assert refused("anchors", *words).startswith(said)


@pytest.mark.parametrize("words", [("--budget", "0"), ("--budget", "x"), ("--seed", "-1"), ("--seed", str(2**64))])
def test_options_out_of_range(run: Run, small: str, words: tuple[str, ...]) -> None:
    assert run("anchors", "--fit", small, *words).code == 2


def test_a_dataset_without_an_object(refused: Refused, annotation: Callable[..., Path]) -> None:
    annotation([("flat", (10, 10, 20, 10))])
    said = refused("anchors", "--fit", ".")
    assert said.startswith("error: .: holds no object with an area, so there is nothing to fit to. ")


def test_priors_of_which_nothing_is_known(refused: Refused, small: str, folder: Path) -> None:
    np.save(folder / "free.npy", np.random.default_rng(0).random((30, 4)).astype(np.float32) * 0.5 + 0.1)
    said = refused("anchors", "--fit", small, "--config", "free.npy")
    assert said.startswith("error: free.npy: holds priors that are no preset, so what they are made of is not known. ")


def test_the_file_is_an_input(refused: Refused, small: str, folder: Path) -> None:
    (folder / "own.toml").write_text('base = "ssd300"')
    assert "own.toml: is an input" in refused("anchors", "--fit", small, "--config", "own.toml", "-o", "./own.toml")


def test_the_function_takes_what_is_loaded(small: str) -> None:
    loaded = fit(load_dataset(Path(small)), load_prior_config("ssd300-coco"), load_dialect("ssd.pytorch"))
    assert loaded == fit(small)


def test_rules_and_formats_are_those_that_audit_takes(report: Callable[..., str], folder: Path) -> None:
    (folder / "labels").mkdir()
    for image in range(5):
        (folder / "labels" / f"{image}.txt").write_text("0 0.5 0.5 0.04 0.04\n1 0.2 0.3 0.04 0.05\n")
    named = ("--classes", "cell,clot", "--dataset-format", "yolo")
    usual = json.loads(report("anchors", "--fit", "labels", *named, "--format", "json"))
    lower = json.loads(report("anchors", "--fit", "labels", *named, "--threshold", "0.1", "--format", "json"))
    assert (usual["threshold"], lower["threshold"]) == (0.5, 0.1)
    audited = json.loads(report("audit", "labels", *named, "--threshold", "0.1", "--format", "json"))
    assert lower["recall"]["total"]["reached_before"] == round(audited["totals"]["best_possible_recall"] * 10)


def test_smallest_objects_at_another_threshold(report: Callable[..., str]) -> None:
    usual, lower = (json.loads(report("anchors", *words, "--format", "json")) for words in ((), ("--threshold", "0.3")))
    assert lower["threshold"] == 0.3
    assert lower["smallest_best"] < usual["smallest_best"]
