"""`ssdlossdbg compare`: its report, its JSON, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from ssdlossdbg.readers.dialects import dialect_names

Good = Callable[..., str]
Refused = Callable[..., str]
Save = Callable[[str, object], Path]
TOTAL = 0.249255627 + 1.4152149


def parse(text: str) -> dict[str, Any]:
    """Strict JSON: none of Python's own NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    report: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return report


@pytest.fixture
def batch(sample: Path) -> tuple[object, ...]:
    """The arguments for the sample batch."""
    return ("compare", sample / "preds.pt", sample / "targets.pt", "--device", "cpu")


@pytest.fixture
def few_priors(save: Save, saved_parts: tuple[Tensor, ...], saved_targets: list[Tensor]) -> tuple[Path, Path]:
    """The first image of the sample, on some of its priors, which is quick."""
    loc, conf, priors = saved_parts
    return save("few.pt", (loc[:1, ::40], conf[:1, ::40], priors[::40])), save("one.pt", saved_targets[:1])


def test_json_holds_the_contract(good: Good, batch: tuple[object, ...]) -> None:
    report = parse(good(*batch, "--format", "json"))
    assert (report["schema_version"], report["command"], report["reference"]) == (2, "compare", "ssd.pytorch")
    assert [item["name"] for item in report["dialects"]] == dialect_names(of_one_step=True)
    keys = "name localization confidence total normalizer positives negatives raises causes"
    for item in report["dialects"]:
        assert set(keys.split()) <= item.keys()
        assert item["total"] == pytest.approx(item["localization"] + item["confidence"], rel=1e-12)
        assert len(item["positives"]) == len(item["negatives"]) == 3
        assert item["raises"] is None
        assert all({"rule", "delta"} <= cause.keys() for cause in item["causes"])
        worth = sum(cause["delta"] for cause in item["causes"])
        assert worth == pytest.approx(item["total"] - report["reference_total"], rel=1e-9, abs=1e-9)
    own = next(item for item in report["dialects"] if item["name"] == "ssd.pytorch")
    assert own["total"] == pytest.approx(TOTAL, rel=1e-6)
    assert (own["positives"], own["negatives"], own["normalizer"]) == ([7, 15, 143], [21, 45, 429], 165)
    assert own["causes"] == []


def test_agrees_with_loss(good: Good, batch: tuple[object, ...]) -> None:
    report = parse(good(*batch, "--dialects", "nvidia,ssd-keras", "--format", "json"))
    assert [item["name"] for item in report["dialects"]] == ["nvidia", "ssd-keras"]
    for item in report["dialects"]:
        words = ("loss", *batch[1:], "--dialect", item["name"], "--label-offset", 1, "--config", "ssd300-coco")
        words = (*words, "--target-units", "normalized")
        loss = parse(good(*words, "--format", "json"))
        assert item["total"] == pytest.approx(loss["loss"]["total"], rel=1e-5)
        assert item["positives"] == [image["positives"] for image in loss["images"]]
        assert item["negatives"] == [image["negatives"] for image in loss["images"]]


def test_the_report(good: Good, batch: tuple[object, ...]) -> None:
    text = good(*batch)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert all(name in text for name in dialect_names())
    assert "reference    ssd.pytorch, loss 1.6645, on cpu" in text
    flat = " ".join(text.split())
    assert "mining scope: batch instead of image (mined +0.4834 367+13+115 instead of 21+45+429)" in flat
    assert "The same loss to float32 rounding: caffe, chainercv, dusty-nv, gluoncv, " in flat


def test_names_aliases_all_and_another_reference(
    good: Good, batch: tuple[object, ...], few_priors: tuple[Path, Path]
) -> None:
    words = ("--reference", "weiliu89", "--label-offset", 1, "--format", "json")
    report = parse(good(*batch, "--dialects", " dali , ssd.pytorch ", *words))
    assert report["reference"] == "caffe"
    assert [item["name"] for item in report["dialects"]] == ["nvidia-dali", "ssd.pytorch"]
    few = (*batch[:1], *few_priors, *batch[3:], "--image-size", 300)
    everybody = parse(good(*few, "--dialects", "all", *words))
    assert [item["name"] for item in everybody["dialects"]] == dialect_names(of_one_step=True)
    why = "two steps, and these predictions hold one"
    assert everybody["not_asked"] == [{"dialect": "refinedet", "why": why}]


def test_a_fork_is_asked_by_its_path(good: Good, batch: tuple[object, ...], folder: Path) -> None:
    (folder / "forks").mkdir()
    (folder / "forks/mine.toml").write_text('base = "ssd.pytorch"\n[loss]\nlocalization_weight = 3\n')
    (folder / "forks/next.toml").write_text('base = "mine.toml"\n[mining]\nratio = 1\n')
    words = ("--dialects", "forks/mine.toml,forks/next.toml", "--format", "json")
    mine, following = parse(good(*batch, *words))["dialects"]
    assert (mine["name"], following["name"]) == ("mine", "next")
    assert mine["total"] == pytest.approx(3 * 0.249255627 + 1.4152149, rel=1e-6)
    said = ("rule", "reference", "dialect", "delta")
    assert [{key: cause[key] for key in said} for cause in mine["causes"]] == [
        {
            "rule": "localisation loss",
            "reference": "1",
            "dialect": "3",
            "delta": pytest.approx(2 * 0.249255627, rel=1e-5),
        }
    ]
    assert [cause["rule"] for cause in following["causes"]] == ["mining quota", "localisation loss"]
    report = parse(good(*batch, "--reference", "forks/mine.toml", "--dialects", "caffe", "--format", "json"))
    assert report["reference"] == "mine"


def test_where_the_real_code_raises(
    broken: Good, save: Save, saved_parts: tuple[Tensor, ...], saved_targets: list[Tensor]
) -> None:
    saved_targets[1] = saved_targets[1][:0]
    loc, conf, priors = saved_parts
    few = save("few.pt", (loc[:, ::40], conf[:, ::40], priors[::40]))
    words = ("compare", few, save("some.pt", saved_targets), "--image-size", 300, "--device", "cpu", "--dialects")
    report = parse(broken(*words, "all", "--format", "json"))
    raising = {item["name"]: item["raises"] for item in report["dialects"] if item["raises"]}
    assert raising["ssd.pytorch"].startswith("IndexError in match, layers/box_utils.py:97")
    assert all(reason.endswith("(image 1)") for reason in raising.values())
    some = sorted(raising.keys() - {"ssd.pytorch"})[:3]
    assert not {"caffe", "torchvision", "mmdetection", "nvidia-dali"} & raising.keys()
    text = broken(*words, ",".join(["ssd.pytorch", "caffe", *some]))
    assert max(map(len, text.splitlines())) <= 80
    flat = " ".join(text.split())
    assert flat.count("The real code raises here: ") == 1 + len(some), "the reference's own too"


def test_values_that_are_not_finite(
    broken: Good, batch: tuple[object, ...], save: Save, saved_targets: list[Tensor]
) -> None:
    saved_targets[1][0, 2:4] = saved_targets[1][0, :2]
    words = ("compare", batch[1], save("flat.pt", saved_targets), "--dialects", "ssd.pytorch,ssd-keras,nvidia,caffe")
    report = parse(broken(*words, "--format", "json"))
    by_name = {item["name"]: item for item in report["dialects"]}
    assert report["reference_total"] == by_name["ssd.pytorch"]["total"] == "Infinity"
    assert max(map(len, broken(*words).splitlines())) <= 80
    nothing = save("none.pt", [target[:0] for target in saved_targets])
    report = parse(broken("compare", batch[1], nothing, *words[3:], "--format", "json"))
    assert report["reference_total"] == "NaN"
    assert "NaN" in {cause["delta"] for item in report["dialects"] for cause in item["causes"]}


# What cannot be used.


@pytest.mark.parametrize("text", ["", ",", "caffe,", "caffe,,nvidia", " "])
def test_an_empty_name(refused: Refused, batch: tuple[object, ...], text: str) -> None:
    said = refused(*batch, "--dialects", text)
    assert said == (f"error: --dialects: is {text!r}, which holds an empty name. Write names separated by commas.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dialects", "cafe"), "--dialects: unknown dialect 'cafe'. Did you mean 'caffe'?"),
        (("--dialects", "caffe,torchvison"), "--dialects: unknown dialect 'torchvison'. Did you mean 'torchvision'?"),
        (("--dialects", "all,caffe"), "--dialects: unknown dialect 'all'. "),
        (("--reference", "ssd.pytorhc"), "--reference: unknown dialect 'ssd.pytorhc'. Did you mean 'ssd.pytorch'?"),
        (("--reference", ""), "--reference: unknown dialect ''. "),
        (("--dialects", "away.toml"), "away.toml: no such file. "),
        (("--reference", "away.toml"), "away.toml: no such file. "),
        (("--device", "tpu"), "unknown device 'tpu'"),
        (("--image-size", "x"), "--image-size: is 'x'. "),
    ],
)
def test_bad_options(refused: Refused, batch: tuple[object, ...], words: tuple[str, ...], said: str) -> None:
    assert said in refused(*batch, *words)


@pytest.mark.parametrize("option", ["--dialects", "--reference"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('base = "ssd.pytorch"\n[mining]\nratoi = 2\n', "unknown key 'mining.ratoi'. Did you mean 'mining.ratio'?"),
        ('base = "cafe"\n', "unknown dialect 'cafe'. Did you mean 'caffe'?"),
        ('[loss]\nnormalizer = "none"\n', "key loss.normalizer: invalid enum value 'none'. "),
        ('base = "bad.toml"\n', "is its own base: "),
        ("[match\n", "cannot be parsed: "),
    ],
)
def test_a_bad_fork(
    refused: Refused, batch: tuple[object, ...], folder: Path, option: str, text: str, said: str
) -> None:
    (folder / "bad.toml").write_text(text)
    assert f"error: bad.toml: {said}" in refused(*batch, option, "bad.toml")


def test_bad_batches(refused: Refused, batch: tuple[object, ...], save: Save, saved_targets: list[Tensor]) -> None:
    _, predictions, targets, *_ = batch
    assert "error: away.pt: no such file. " in refused("compare", "away.pt", targets)
    assert "error: away.pt: no such file. " in refused("compare", predictions, "away.pt")
    said = refused("compare", predictions, save("two.pt", saved_targets[:2]))
    assert "two.pt: has 2 images, but the predictions have 3. " in said
    assert "--config lufficc-ssd512-voc: has 24564 priors" in refused(*batch, "--config", "ssd512")


def test_priors_of_no_known_size(
    run: Callable[..., Any], save: Save, saved_parts: tuple[Tensor, Tensor, Tensor], sample: Path
) -> None:
    """A dialect that counts in pixels cannot be asked before the size is said, unless it does not matter to it."""
    loc, conf, priors = saved_parts
    odd = save("odd.pt", (loc[:, :500], conf[:, :500], priors[:500]))
    words = ("compare", odd, sample / "targets.pt", "--device", "cpu", "--fail-on", "never", "--dialects")
    outcome = run(*words, "tf-object-detection,caffe,torchvision")
    assert outcome.code == 0
    assert max(map(len, outcome.out.splitlines())) <= 80
    fork = 'base = "torchvision"\n[codec]\nsize_epsilon = 0.5\n'
    Path("pixels.toml").write_text(fork)
    outcome = run(*words, "pixels.toml")
    assert (outcome.code, outcome.out) == (2, "")
    assert "pixels has codec.size_epsilon in pixels. Say of what input: --image-size 300." in outcome.err
    assert run(*words, "pixels.toml", "--image-size", 300).code == 0
