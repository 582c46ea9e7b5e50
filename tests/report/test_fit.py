"""The reports of `anchors --fit`, and the prior config that it writes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ssdlossdbg.readers.prior_configs import load_prior_config
from ssdlossdbg.report.documents import render_json
from ssdlossdbg.report.fit_text import fit_report
from ssdlossdbg.report.prior_config_toml import prior_config_toml
from ssdlossdbg.report.view import View
from ssdlossdbg.results import ConfigSummary, FitResult, FittedDataset, FittedLevel, FittedPriors, Reach
from ssdlossdbg.rules import Clip, PriorOrder

Render = Callable[..., str]
FINE = FittedLevel((10, 10), (30.0, 30.0), 40.0, 90.0, (2.0,), ("min", "mean", 2.0, "1/2"))
COARSE = FittedLevel((1, 1), (300.0, 300.0), 90.0, None, (), ("min",))
BEFORE = FittedPriors((300, 300), (FINE, COARSE), Clip.CXCYWH, PriorOrder.CELL, 0.5)
FITTED_FINE = replace(FINE, min_size=20.5, max_size=45.0, ratios=(2.35,), words=("min", "mean", 2.35, "20/47"))
AFTER = replace(BEFORE, levels=(FITTED_FINE, replace(COARSE, min_size=80.0)))
RESULT = FitResult(
    dataset=FittedDataset("data/set", "Pascal VOC", 1200, 5000, 2, ()),
    config=ConfigSummary("own", "", (300, 300), True, 401, ((10, 10), (1, 1))),
    dialect="ssd.pytorch",
    threshold=0.5,
    seed=3,
    budget=401,
    searched=4000,
    before=BEFORE,
    after=AFTER,
    total=Reach("all", 5000, 2500, 4500),
    fitted=Reach("fitted", 4000, 2000, 3600),
    held_out=Reach("held out", 1000, 500, 900),
    sizes=(Reach("8 to 16", 4000, 1500, 3600), Reach("16 to 32", 1000, 1000, 900)),
    mean_before=0.45,
    mean_after=0.6254,
)
EXPECTED = """\
dataset    data/set (Pascal VOC): 1,200 images, 5,000 objects with an area, 2
           objects without one
fitted to  4,000 objects, 1,000 held out (seed 3); each counts the same
priors     own, 401 priors on 2 levels, input 300 x 300
dialect    ssd.pytorch, match threshold 0.5

Best possible recall 50.0% -> 90.0% with 401 priors.

! Of these sizes, fewer objects are reached than before: 100 of side 16 to 32.

Best possible recall
objects of  objects  before  after     won
──────────────────────────────────────────
all           5,000   50.0%  90.0%  +2,000
fitted        4,000   50.0%  90.0%  +1,600
held out      1,000   50.0%  90.0%    +400

By size (root of the area, pixels of the network's input)
"""
LEVELS = """\
level  stride  priors  min_size    max_size  aspect ratios
──────────────────────────────────────────────────────────
10x10      30  400     40 -> 20.5  90 -> 45  2 -> 2.35
1x1       300  1       90 -> 80    -         -

Best possible recall: share of the objects whose best IoU with a prior, where it
really stands, reaches 0.5. Mean of the best IoU: 0.450 -> 0.625. A cell has the
square of min_size, that of sqrt(min_size * max_size), and for each ratio a wide
and a tall prior.

For the prior config in your codebase (data/config.py in ssd.pytorch):
  feature_maps  = [10, 1]
  steps         = [30, 300]
  min_sizes     = [20.5, 80]
  max_sizes     = [45, None]
  aspect_ratios = [[2.35], []]

Codebases that take one list of sizes (torchvision, GluonCV, ssd_keras,
TensorFlow object detection) make each max_size the next min_size: their own
lists cannot say this.

A network learns its offsets from the priors it has: train it anew.
"""
TOML = """\
# Fitted by `ssdlossdbg anchors --fit` to data/set,
# from own, by the rules of ssd.pytorch, seed 3.
# Best possible recall at IoU 0.5: 50.0% before, 90.0% with these.
title = "Fitted to data/set"
image_size = 300
clip = "cxcywh"

levels = [
    { feature_map = 10, stride = 30, min_size = 20.5, max_size = 45, shapes = ["min", "mean", 2.35, "20/47"] },
    { feature_map = 1, stride = 300, min_size = 80, shapes = ["min"] },
]
"""


def words(text: str) -> str:
    """A report without its line breaks."""
    return " ".join(text.split())


def test_report(render: Render) -> None:
    text = render(fit_report(RESULT))
    assert text.startswith(EXPECTED)
    assert LEVELS in text
    assert max(map(len, text.splitlines())) <= 80


def test_nothing_gained(render: Render) -> None:
    same = replace(RESULT, after=BEFORE, total=Reach("all", 10, 7, 7), sizes=())
    text = words(render(fit_report(same)))
    assert "Nothing to gain: best possible recall stays 70.0% with 401 priors; no better sizes were found." in text
    assert "train it anew" not in text
    assert "every object has a prior" in words(render(fit_report(replace(same, total=Reach("all", 10, 10, 10)))))


def test_a_gain_on_the_fitted_objects_only(render: Render) -> None:
    text = words(render(fit_report(replace(RESULT, held_out=Reach("held out", 1000, 500, 500)))))
    assert "! The gain is on the objects fitted to only: of those held out, no more are reached than before." in text


def test_less_than_before(render: Render) -> None:
    fewer = replace(AFTER, levels=AFTER.levels[:1])
    text = words(render(fit_report(replace(RESULT, after=fewer, total=Reach("all", 5000, 2500, 2400)))))
    assert "Best possible recall 50.0% -> 48.0% with 401 -> 400 priors." in text
    assert "! This is less than before: with these levels and this budget no better priors were found." in text
    assert "! Levels or shapes a cell differ from before: the network's heads must have as many outputs." in text
    assert "1x1 300 1 -> - 90 -> - - -" in text


def test_images_that_were_not_read_or_not_held_out(render: Render) -> None:
    dataset = replace(RESULT.dataset, invalid=0, refused=("a.xml: is broken. Mend it.", "b.xml: too. Mend it."))
    none = Reach("held out", 0, 0, 0)
    text = words(render(fit_report(replace(RESULT, dataset=dataset, held_out=none))))
    assert "left out a.xml: is broken. Mend it. (and 1 more)" in text
    assert "none held out: there are too few images" in text
    assert "! The gain is on the objects fitted to only: none were held out, so what it does for others is" in text
    assert "without one" not in text


def test_small_objects_that_stay_out_of_reach(render: Render) -> None:
    sizes = Reach("under 8", 1200, 0, 100, low=0), Reach("8 to 16", 10, 9, 9, low=8)
    for after in (AFTER, BEFORE):
        text = words(render(fit_report(replace(RESULT, after=after, sizes=sizes))))
        assert "! Still out of reach: 1,100 of 1,200 of side under 8. For small objects, try --levels with" in text
        assert "a finer map than 10x10, and the --budget that it takes." in text


@pytest.mark.parametrize(("low", "small"), [(64, True), (128, False)])
def test_a_finer_map_is_for_objects_of_few_strides(render: Render, low: float, small: bool) -> None:
    sizes = (Reach("from there on", 1000, 0, 100, low),)
    text = words(render(fit_report(replace(RESULT, sizes=sizes))))
    assert "! Still out of reach: 900 of 1,000 of side from there on." in text
    assert ("finer map" in text) is small


def test_no_gain_is_claimed_where_there_is_none(render: Render) -> None:
    same = Reach("fitted", 5000, 2500, 2500)
    text = words(render(fit_report(replace(RESULT, total=same, fitted=same, held_out=Reach("held out", 0, 0, 0)))))
    assert "The gain" not in text


def test_sizes_that_are_chained_need_no_warning(render: Render) -> None:
    chained = replace(AFTER, levels=(FITTED_FINE, replace(COARSE, min_size=45.0)))
    assert "one list of sizes" not in words(render(fit_report(replace(RESULT, after=chained))))


def test_json() -> None:
    report = json.loads(render_json(replace(RESULT, held_out=Reach("held out", 0, 0, 0)), View(files=("a.toml",))))
    assert (report["schema_version"], report["command"], report["files"]) == (2, "anchors", ["a.toml"])
    assert report["recall"]["total"] == {
        "name": "all",
        "low": None,
        "ground_truth": 5000,
        "reached_before": 2500,
        "reached_after": 4500,
        "recall_before": 0.5,
        "recall_after": 0.9,
    }
    assert report["recall"]["held_out"]["recall_after"] == "NaN"
    assert report["config"] == tomllib.loads(TOML)
    assert (report["before"]["priors"], report["after"]["levels"][0]["aspect_ratios"]) == (401, [2.35])
    assert (report["changed"], report["seed"], report["budget"]) == (True, 3, 401)


def test_toml() -> None:
    assert prior_config_toml(RESULT) == TOML


def test_every_key_comes_back(tmp_path: Path) -> None:
    own = FittedLevel((4, 3), (80.1, 80.0), None, None, (), ((10.0, 16.125), (24.0, 1 / 3)))
    odd = FittedPriors((320, 240), (own, FITTED_FINE), Clip.WH, PriorOrder.SHAPE, 0.25)
    path = tmp_path / "own.toml"
    path.write_text(prior_config_toml(replace(RESULT, after=odd)), encoding="utf-8")
    spec = load_prior_config(str(path)).spec
    assert (spec.image_size, spec.clip, spec.order, spec.offset) == ((320, 240), Clip.WH, PriorOrder.SHAPE, 0.25)
    assert (spec.levels[0].feature_map, spec.levels[0].stride) == ((4, 3), (80.1, 80.0))
    assert spec.levels[0].shapes == own.words


@pytest.mark.parametrize("name", ['a "quoted" \\ name', "two\nlines = 1", "die Katze 猫 😀", "\udcff"])
def test_any_name_can_stand_in_it(name: str, tmp_path: Path) -> None:
    named = replace(RESULT, dataset=replace(RESULT.dataset, path=name), config=replace(RESULT.config, name=name))
    path = tmp_path / "own.toml"
    path.write_bytes(prior_config_toml(named).encode())
    assert load_prior_config(str(path)).spec.count == 401


@pytest.mark.parametrize(("low", "advised"), [(2.73 * 30, False), (2.72 * 30, True), (None, True)])
def test_a_finer_map_is_advised_for_what_is_small_for_the_finest(
    low: float | None, advised: bool, render: Render
) -> None:
    sizes = (replace(RESULT.sizes[0], low=low, after=100), *RESULT.sizes[1:])
    text = " ".join(render(fit_report(replace(RESULT, sizes=sizes))).split())
    assert "Still out of reach: 3,900 of 4,000 of side 8 to 16" in text
    assert ("try --levels with a finer map than 10x10" in text) is advised
