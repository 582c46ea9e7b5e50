"""The JSON of `audit`: every number of the result, in valid JSON."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest

from ssdlossdbg.report.documents import render_json
from ssdlossdbg.report.view import View
from ssdlossdbg.results import AuditResult
from ssdlossdbg.results.contract import SCHEMA_VERSION

COUNTS = ("ground_truth", "matched", "forced_only", "unmatched", "without_positive", "invalid", "positives", "forced")


def parse(text: str) -> dict[str, Any]:
    """Strict JSON: none of Python's own NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    report: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return report


def test_head(audited: AuditResult) -> None:
    report = parse(render_json(audited, View(files=("a.png",))))
    assert (report["schema_version"], report["command"], report["files"]) == (SCHEMA_VERSION, "audit", ["a.png"])
    assert report["dataset"]["path"] == "my data"
    assert report["dataset"]["unknown"] == {"fish": 2}
    assert (report["complete"], report["threshold"]) == (True, 0.5)


def test_totals(audited: AuditResult) -> None:
    totals = parse(render_json(audited))["totals"]
    assert totals == {
        "images": 3,
        "ground_truth": 6,
        "matched": 2,
        "forced_only": 2,
        "unmatched": 2,
        "without_positive": 1,
        "invalid": 1,
        "ignored": 0,
        "positives": 6,
        "forced": 2,
        "reached": 2,
        "shape_reached": 3,
        "best_possible_recall": 0.4,
        "shape_recall": 0.6,
    }


def test_parts_add_up_to_the_totals(audited: AuditResult) -> None:
    report = parse(render_json(audited))
    totals = report["totals"]
    for key in COUNTS:
        assert sum(item[key] for item in report["classes"]) == totals[key]
        assert sum(item[key] for item in report["sizes"]) == sum(item[key] for item in report["aspects"])
    assert sum(item["ground_truth"] for item in report["sizes"]) == totals["ground_truth"] - totals["invalid"]
    for key in ("positives", "forced", "ground_truth"):
        assert sum(item[key] for item in report["levels"]) == totals[key]
    assert sum(count * number for number, count in enumerate(report["positives_each"])) == totals["positives"]


def test_groups_without_a_sound_object_have_no_recall(audited: AuditResult) -> None:
    bird = parse(render_json(audited))["classes"][2]
    assert (bird["best_possible_recall"], bird["shape_recall"], bird["recalls"]) == ("NaN", "NaN", ["NaN"] * 4)


def test_recalls_and_rivals(audited: AuditResult) -> None:
    report = parse(render_json(audited))
    assert report["recalls"][2] == {"threshold": 0.5, "best_possible_recall": 0.4, "shape_recall": 0.6}
    assert report["contested"]["pairs"][0] == {"loser": "cat", "winner": "cat", "times": 1}


@pytest.mark.parametrize("options", [(), ("--config", "my own.toml")])
def test_commands(audited: AuditResult, options: tuple[str, ...]) -> None:
    without, found = parse(render_json(audited.with_match_options(options)))["images_first"]
    assert shlex.split(found["command"]) == ["ssdlossdbg", "match", "x/a.jpg", "x/a.xml", *options]
    assert (without["photo"], without["command"], found["hardly"]) == (None, None, 1)


@pytest.mark.parametrize("changes", [{"format": "Open Images"}, {"letterbox": True}])
def test_no_command_where_match_shows_something_else(audited: AuditResult, changes: dict[str, Any]) -> None:
    images = parse(render_json(replace(audited, dataset=replace(audited.dataset, **changes)).with_match_options(())))[
        "images_first"
    ]
    assert [image["command"] for image in images] == [None, None]


def test_augmentation(audited: AuditResult) -> None:
    augmented = parse(render_json(audited))["augmented"]
    assert (augmented["draws"], augmented["images"], augmented["seed"], augmented["kept"]) == (1, 3, 7, 0.75)
    assert augmented["totals"]["ground_truth"] == 6
    assert parse(render_json(replace(audited, augmented=None)))["augmented"] is None
