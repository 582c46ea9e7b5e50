"""Fitted priors as JSON, by the rules of `as_json`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ssdlossdbg.report.as_json import SCHEMA_VERSION, dump
from ssdlossdbg.report.prior_config_toml import prior_config_table
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import FitResult, FittedPriors, Reach


def fit_json(result: FitResult, view: View = USUAL) -> str:
    """The JSON report of `anchors --fit`; `config` is what a prior config file holds."""
    base = result.config
    report = {
        "schema_version": SCHEMA_VERSION,
        "command": "anchors",
        "dataset": asdict(result.dataset),
        "base": {"name": base.name, "codebase": base.codebase, "image_size": base.image_size, "priors": base.priors},
        "dialect": result.dialect,
        "threshold": result.threshold,
        "seed": result.seed,
        "budget": result.budget,
        "searched": result.searched,
        "changed": result.changed,
        "recall": {
            "total": _reach(result.total),
            "fitted": _reach(result.fitted),
            "held_out": _reach(result.held_out),
        },
        "sizes": [{"name": group.name, **_reach(group)} for group in result.sizes],
        "mean_best_iou": {"before": result.mean_before, "after": result.mean_after},
        "before": _priors(result.before),
        "after": _priors(result.after),
        "config": prior_config_table(result),
        "findings": [],
        "files": view.files,
    }
    return dump(report)


def _reach(group: Reach) -> dict[str, Any]:
    return {
        "ground_truth": group.ground_truth,
        "reached_before": group.before,
        "reached_after": group.after,
        "recall_before": group.recall_before,
        "recall_after": group.recall_after,
    }


def _priors(priors: FittedPriors) -> dict[str, Any]:
    return {
        "priors": priors.count,
        "levels": [
            {
                "level": index,
                "feature_map": level.feature_map,
                "stride": level.stride,
                "priors": level.priors,
                "min_size": level.min_size,
                "max_size": level.max_size,
                "aspect_ratios": level.ratios,
                "shapes": level.words,
            }
            for index, level in enumerate(priors.levels)
        ],
    }
