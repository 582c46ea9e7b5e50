"""The JSON report of `audit`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ssdlossdbg.report.as_json import SCHEMA_VERSION, config_dict, dump
from ssdlossdbg.report.audit.match_command import can_match, match_command
from ssdlossdbg.report.finding_json import finding_dict
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import (
    AuditedDataset,
    AuditResult,
    Augmented,
    Contested,
    Group,
    LevelAudit,
    Tally,
    WorstImage,
)


def audit_json(result: AuditResult, view: View = USUAL) -> str:
    """The JSON report of `audit`.

    Args:
        result: what `audit` returned.
        view: says what was written, and what makes `match` use the same priors and rules.
    """
    recalls = result.recalls
    return dump(
        {
            "schema_version": SCHEMA_VERSION,
            "command": "audit",
            "dataset": asdict(result.dataset),
            "config": config_dict(result.config),
            "dialect": result.dialect,
            "device": result.device,
            "threshold": result.threshold,
            "complete": result.complete,
            "totals": {"images": result.done, **_tally(result.totals)},
            "classes": [{"label": group.name, **_group(group)} for group in result.classes],
            "sizes": _ranges(result.sizes),
            "aspects": _ranges(result.aspects),
            "levels": [_level(index, level) for index, level in enumerate(result.levels)],
            "positives_each": result.positives_each,
            "recalls": [
                {"threshold": threshold, "best_possible_recall": grid, "shape_recall": shape}
                for threshold, grid, shape in zip(recalls.thresholds, recalls.grid, recalls.shape, strict=True)
            ],
            "contested": _contested(result.contested),
            "images_first": [_worst(image, result.dataset, view.match_options) for image in result.images_first],
            "augmented": None if result.augmented is None else _augmented(result.augmented),
            "findings": [finding_dict(finding) for finding in result.findings],
            "files": view.files,
        }
    )


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "ground_truth": tally.ground_truth,
        "matched": tally.matched,
        "forced_only": tally.forced_only,
        "unmatched": tally.unmatched,
        "without_positive": tally.without_positive,
        "invalid": tally.invalid,
        "positives": tally.positives,
        "forced": tally.forced,
        "best_possible_recall": tally.recall,
        "shape_recall": tally.shape_recall,
    }


def _group(group: Group) -> dict[str, Any]:
    return {**_tally(group.tally), "recalls": group.recalls}


def _ranges(groups: Sequence[Group]) -> list[dict[str, Any]]:
    return [{"name": group.name, "low": group.low, "high": group.high, **_group(group)} for group in groups]


def _level(index: int, level: LevelAudit) -> dict[str, Any]:
    return {"level": index, **asdict(level)}


def _contested(contested: Contested) -> dict[str, Any]:
    return {
        "lost": contested.lost,
        "without_positive": contested.without_positive,
        "pairs": [{"loser": loser, "winner": winner, "times": times} for loser, winner, times in contested.pairs],
    }


def _worst(image: WorstImage, dataset: AuditedDataset, options: Sequence[str]) -> dict[str, Any]:
    """An image with the command that shows it, null where none can."""
    known = image.photo is not None and can_match(dataset)
    return {**asdict(image), "command": shlex.join(match_command(image, options)) if known else None}


def _augmented(augmented: Augmented) -> dict[str, Any]:
    return {
        "draws": augmented.draws,
        "images": augmented.done,
        "seed": augmented.seed,
        "kept": augmented.kept,
        "taken_for_square": augmented.square,
        "totals": _tally(augmented.totals),
        "sizes": _ranges(augmented.sizes),
    }
