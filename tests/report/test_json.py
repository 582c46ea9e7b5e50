"""JSON: valid everywhere, whatever the numbers and the names are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ssdlossdbg.report.documents import render_json
from ssdlossdbg.report.view import View
from ssdlossdbg.results import (
    AnchorsResult,
    Case,
    Finding,
    LossResult,
    MatchResult,
    Presets,
    PresetSummary,
    Severity,
    Where,
)
from ssdlossdbg.results.contract import SCHEMA_VERSION


def parse(text: str) -> dict[str, Any]:
    """Strict JSON: none of Python's own NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    report: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return report


def test_every_report_says_its_schema(astronaut: MatchResult, batch: LossResult, ssd300: AnchorsResult) -> None:
    texts = {
        "match": render_json(astronaut, View(files=("a.png",))),
        "loss": render_json(batch, View(files=("a.png",))),
        "anchors": render_json(ssd300, View(files=("a.png",))),
    }
    for command, text in texts.items():
        report = parse(text)
        assert (report["schema_version"], report["command"]) == (SCHEMA_VERSION, command)
        assert report["files"] == ["a.png"]


@pytest.mark.parametrize(
    ("value", "text"), [(float("nan"), "NaN"), (float("inf"), "Infinity"), (-float("inf"), "-Infinity")]
)
def test_what_json_has_no_word_for(astronaut: MatchResult, value: float, text: str) -> None:
    odd = replace(astronaut.ground_truth[0], best_iou=value, box=(0.0, value, 1.0, 2.0))
    item = parse(render_json(replace(astronaut, ground_truth=(odd,))))["ground_truth"][0]
    assert (item["best_iou"], item["box"]) == (text, [0.0, text, 1.0, 2.0])


def test_the_loss_of_a_broken_batch(broken: LossResult) -> None:
    report = parse(render_json(broken))
    assert report["loss"]["localization"] == "NaN"
    assert "-Infinity" in {item["value"] for item in report["non_finite"]}


def test_names_survive_any_encoding(astronaut: MatchResult) -> None:
    name = 'naïve 猫 😀 "quoted" \\ [b] \udcff\n'
    odd = replace(astronaut, ground_truth=(replace(astronaut.ground_truth[0], label=name),))
    text = render_json(odd)
    assert text.isascii()
    assert parse(text)["ground_truth"][0]["label"] == name


def test_numbers_are_not_rounded(astronaut: MatchResult) -> None:
    report = parse(render_json(astronaut))
    assert [item["best_iou"] for item in report["ground_truth"]] == [item.best_iou for item in astronaut.ground_truth]
    assert report["totals"]["unmatched"] == sum(item.positives == 0 for item in astronaut.ground_truth)


def test_presets() -> None:
    preset = PresetSummary("own", "Own", "mine", ("o",), (300, 200), 7)
    assert parse(render_json(Presets((preset,))))["presets"] == [
        {"name": "own", "aliases": ["o"], "priors": 7, "codebase": "mine", "title": "Own", "image_size": [300, 200]}
    ]


def test_findings_hold_the_contract(astronaut: MatchResult) -> None:
    findings = parse(render_json(astronaut))["findings"]
    assert [item["code"] for item in findings] == ["BOX001", "BOX002", "BOX008", "MAT004"]
    for item in findings:
        assert {
            "code",
            "name",
            "severity",
            "message",
            "where",
            "value",
            "bound",
            "fix",
            "count",
            "more",
            "share",
            "follows_from",
            "cases",
        } == item.keys()
        assert item["where"].keys() == {"file", "name", "image", "object", "label", "prior", "level", "box", "line"}
        assert item["count"] == len(item["cases"]) == 1
        assert item["cases"][0]["where"] == item["where"]
    first = findings[0]
    assert (first["severity"], first["where"]["object"], first["where"]["label"]) == ("error", 4, "emblem")
    assert first["where"]["box"] == [172, 386, 172, 386]
    assert first["message"].startswith(f"{astronaut.annotation_path}, object 4 (emblem): no width and no height")


def test_a_finding_joins_its_worst_cases(broken: LossResult) -> None:
    cases = tuple(Case(Where("a.xml", None, index), "bad", float("inf"), None, "Drop it.") for index in range(5))
    many = replace(broken, findings=(Finding("BOX001", "name", Severity.ERROR, cases),))
    (item,) = parse(render_json(many))["findings"]
    assert item["message"] == "a.xml, object 0: bad; object 1: bad; object 2: bad; and 2 more"
    assert item["value"] == "Infinity"
    assert [case["where"]["object"] for case in item["cases"]] == [0, 1, 2, 3, 4]
