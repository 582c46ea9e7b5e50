"""Results as JSON: the contract that other programs script against.

Keys are only ever added within a schema version. NaN and infinities are the strings "NaN", "Infinity" and
"-Infinity", and what is not ASCII is escaped, so that the text is valid JSON everywhere and no terminal's encoding
changes a name.
"""

from __future__ import annotations

import json
from typing import Any

from ssdlossdbg.report.finding_json import finding_dict, valid_json
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import (
    COORDINATES,
    FINDS,
    FOUND,
    FOUND_AS_OTHER,
    MISSED,
    NOTHING,
    OTHER_CLASS,
    REPEATS,
    AnchorsResult,
    CompareResult,
    ConfigSummary,
    Cutoff,
    Detection,
    DetectResult,
    GroundTruthDetect,
    GroundTruthMatch,
    GroupLoss,
    ImageLoss,
    LossResult,
    MatchResult,
    MinedNegative,
    NonFinite,
    Parts,
    Presets,
    RoundTrip,
)

SCHEMA_VERSION = 1


def match_json(result: MatchResult, view: View = USUAL) -> str:
    """The JSON report of `match`."""
    totals = result.totals
    return dump(
        {
            "schema_version": SCHEMA_VERSION,
            "command": "match",
            "image": {"path": result.image_path, "width": result.image_size[0], "height": result.image_size[1]},
            "annotation": {
                "path": result.annotation_path,
                "format": result.annotation_format,
                "size": result.annotation_size,
                "left_out": [{"index": index, "label": label} for index, label in result.left_out],
            },
            "config": config_dict(result.config),
            "dialect": result.dialect,
            "device": result.device,
            "threshold": result.threshold,
            "raises": result.raises,
            "ground_truth": [_ground_truth_match(item) for item in result.ground_truth],
            "levels": [
                {
                    "level": index,
                    "feature_map": level.feature_map,
                    "stride": level.stride,
                    "priors": level.priors,
                    "positives": level.positives,
                    "forced": level.forced,
                    "ground_truth": level.ground_truth,
                }
                for index, level in enumerate(result.levels)
            ],
            "totals": {
                "ground_truth": totals.ground_truth,
                "matched": totals.matched,
                "forced_only": totals.forced_only,
                "unmatched": totals.unmatched,
                "invalid": totals.invalid,
                "positives": totals.positives,
                "forced": totals.forced,
                "negatives": totals.negatives,
                "near_misses": totals.near_misses,
                "tied": totals.tied,
            },
            "thresholds": [
                {"threshold": item.threshold, "positives": item.positives, "ground_truth_reached": item.reached}
                for item in result.thresholds
            ],
            "round_trip": {**_round_trip(result.round_trip), "float16": _round_trip(result.round_trip_half)},
            "dialects": [
                {
                    "name": change.dialect,
                    "positives": change.positives,
                    "negatives": change.negatives,
                    "gained": change.gained,
                    "lost": change.lost,
                    "moved": change.moved,
                    "raises": change.raises,
                    "ground_truth": [
                        {"index": item.index, "label": item.label, "positives": item.positives, "status": item.status}
                        for item in change.objects
                    ],
                }
                for change in result.changes
            ],
            "findings": [finding_dict(finding) for finding in result.findings],
            "files": view.files,
        }
    )


def loss_json(result: LossResult, view: View = USUAL) -> str:
    """The JSON report of `loss`."""
    loss, sums = result.loss, result.loss_sum
    return dump(
        {
            "schema_version": SCHEMA_VERSION,
            "command": "loss",
            "predictions": {
                "path": result.predictions_path,
                "layout": result.predictions_layout,
                "dtype": result.dtype,
                "classes": result.classes_count,
            },
            "targets": {
                "path": result.targets_path,
                "layout": result.targets_layout,
                "encoded": result.encoded,
            },
            "config": config_dict(result.config),
            "dialect": result.dialect,
            "device": result.device,
            "threshold": result.threshold,
            "raises": result.raises,
            "loss": {
                "total": loss.total,
                "localization": loss.localization,
                "confidence": loss.confidence,
                "confidence_positive": loss.confidence_positive,
                "confidence_negative": loss.confidence_negative,
                "normalizer": result.normalizer,
                "localization_weight": result.localization_weight,
                "weight_decay_rate": result.decay.rate,
                "weight_decay": result.weight_decay,
                "total_with_weight_decay": result.total_with_weight_decay,
            },
            "sums": _parts(sums),
            "images": [_image(image) for image in result.images],
            "levels": [
                {"level": group.index, "feature_map": result.config.levels[group.index], **_group(group)}
                for group in result.levels
            ],
            "classes": [{"class_id": group.index, "label": group.name, **_group(group)} for group in result.classes],
            "coordinates": dict(zip(COORDINATES, result.coordinates, strict=True)),
            "ground_truth": [
                {
                    "image": item.image,
                    "index": item.index,
                    "class_id": item.class_id,
                    "label": item.label,
                    "box": item.box,
                    "positives": item.positives,
                    "forced": item.forced,
                    "best_iou": item.best_iou,
                    "localization": item.localization,
                    "confidence": item.confidence,
                    "total": item.total,
                    "problem": item.problem,
                }
                for item in result.ground_truth
            ],
            "negatives": [_negative(item) for item in result.negatives],
            "gradients": {
                "localization": result.gradient_localization,
                "confidence": result.gradient_confidence,
                "levels": [_gradient("level", group) for group in result.levels],
                "classes": [_gradient("class_id", group) for group in result.classes],
            },
            "non_finite": [_non_finite(item) for item in result.non_finite],
            "findings": [finding_dict(finding) for finding in result.findings],
            "files": view.files,
        }
    )


def anchors_json(result: AnchorsResult, view: View = USUAL) -> str:
    """The JSON report of `anchors`."""
    return dump(
        {
            "schema_version": SCHEMA_VERSION,
            "command": "anchors",
            "config": config_dict(result.config),
            "dialect": result.dialect,
            "threshold": result.threshold,
            "priors": result.config.priors,
            "levels": [
                {
                    "level": index,
                    "feature_map": level.feature_map,
                    "stride": level.stride,
                    "priors": level.priors,
                    "shapes": level.shapes,
                    "centres": level.reach,
                    "crossing": level.crossing,
                    "smallest_best": level.smallest_best,
                    "smallest_anywhere": level.smallest_anywhere,
                }
                for index, level in enumerate(result.levels)
            ],
            "smallest_best": result.smallest_best,
            "smallest_anywhere": result.smallest_anywhere,
            "findings": [finding_dict(finding) for finding in result.findings],
            "files": view.files,
        }
    )


def compare_json(result: CompareResult, view: View = USUAL) -> str:
    """The JSON report of `compare`."""
    return dump(
        {
            "schema_version": SCHEMA_VERSION,
            "command": "compare",
            "predictions": {
                "path": result.predictions_path,
                "layout": result.predictions_layout,
                "dtype": result.dtype,
            },
            "targets": {"path": result.targets_path, "layout": result.targets_layout},
            "config": config_dict(result.config),
            "device": result.device,
            "reference": result.reference,
            "reference_total": result.reference_total,
            "dialects": [
                {
                    "name": outcome.name,
                    "codebase": outcome.codebase,
                    "localization": outcome.localization,
                    "confidence": outcome.confidence,
                    "total": outcome.total,
                    "normalizer": outcome.normalizer,
                    "positives": outcome.roles.positives,
                    "negatives": outcome.roles.negatives,
                    "raises": outcome.raises,
                    "causes": [
                        {"rule": cause.rule, "reference": cause.old, "dialect": cause.new, "delta": cause.delta}
                        for cause in outcome.causes
                    ],
                }
                for outcome in result.dialects
            ],
            "findings": [finding_dict(finding) for finding in result.findings],
            "files": view.files,
        }
    )


def detect_json(result: DetectResult, view: View = USUAL) -> str:
    """The JSON report of `detect`."""
    rules = result.rules
    objects, roles = result.ground_truth, [item.role for item in result.detections]
    status = [item.status for item in objects]
    return dump(
        {
            "schema_version": SCHEMA_VERSION,
            "command": "detect",
            "predictions": {
                "path": result.predictions_path,
                "layout": result.predictions_layout,
                "dtype": result.dtype,
            },
            "targets": None
            if result.targets_path is None
            else {"path": result.targets_path, "layout": result.targets_layout},
            "config": config_dict(result.config),
            "dialect": result.dialect,
            "device": result.device,
            "rules": {
                "scores": rules.scores,
                "score_threshold": rules.score_threshold,
                "candidates": rules.candidates,
                "candidates_of": rules.candidates_of,
                "nms_iou": rules.nms_iou,
                "keep_per_class": rules.keep_per_class,
                "keep_per_image": rules.keep_per_image,
            },
            "images": [
                {
                    "index": image.index,
                    "path": image.path,
                    "detections": [_detection(item) for item in image.detections],
                    "ground_truth": [_ground_truth_detect(item) for item in image.ground_truth],
                    "above_threshold": image.above_threshold,
                    "candidates": image.candidates,
                    "survivors": image.survivors,
                    "non_finite": image.non_finite,
                }
                for image in result.images
            ],
            "classes": [
                {
                    "class_id": item.class_id,
                    "label": item.label,
                    "above_threshold": item.above_threshold,
                    "candidates": item.candidates,
                    "survivors": item.survivors,
                    "detections": item.detections,
                    "best_score": item.best_score,
                    "ground_truth": item.ground_truth,
                    "found": item.found,
                    "found_as_other": item.as_other,
                    "missed": item.missed,
                }
                for item in result.classes
            ],
            "totals": {
                "detections": len(roles),
                "finds": roles.count(FINDS),
                "repeats": roles.count(REPEATS),
                "other_class": roles.count(OTHER_CLASS),
                "nothing": roles.count(NOTHING),
                "ground_truth": len(objects),
                "found": status.count(FOUND),
                "found_as_other": status.count(FOUND_AS_OTHER),
                "missed": status.count(MISSED),
                "positives": sum(item.positives for item in objects),
                "positives_above_threshold": sum(item.above_threshold for item in objects),
                "positives_candidates": sum(item.candidates for item in objects),
                "positives_survivors": sum(item.survivors for item in objects),
                "positives_detections": sum(item.detections for item in objects),
            },
            "findings": [finding_dict(finding) for finding in result.findings],
            "files": view.files,
        }
    )


def presets_json(result: Presets, view: View = USUAL) -> str:
    """The JSON report of `anchors --list`."""
    return dump(
        {
            "schema_version": SCHEMA_VERSION,
            "command": "anchors",
            "presets": [
                {
                    "name": preset.name,
                    "aliases": preset.aliases,
                    "priors": preset.priors,
                    "codebase": preset.codebase,
                    "title": preset.title,
                    "image_size": preset.image_size,
                }
                for preset in result.presets
            ],
        }
    )


def config_dict(config: ConfigSummary) -> dict[str, Any]:
    """The priors in use."""
    return {
        "name": config.name,
        "codebase": config.codebase,
        "priors": config.priors,
        "levels": 0 if config.levels == ((0, 0),) else len(config.levels),
        "image_size": config.image_size,
        "image_size_known": config.image_size_known,
    }


def _ground_truth_match(item: GroundTruthMatch) -> dict[str, Any]:
    return {
        "index": item.index,
        "label": item.label,
        "class_id": item.class_id,
        "box": item.box,
        "input_box": item.input_box,
        "difficult": item.difficult,
        "best_prior": item.best_prior,
        "best_iou": item.best_iou,
        "level": item.level,
        "shape": item.shape,
        "positives": item.positives,
        "forced": item.forced,
        "lost_to": item.lost_to,
        "status": item.status,
        "problem": item.problem,
        "non_finite_target": item.non_finite_target,
        "outside": item.outside,
    }


def _round_trip(trip: RoundTrip) -> dict[str, Any]:
    return {"max_px": trip.max_px, "mean_px": trip.mean_px, "worst_ground_truth": trip.worst}


def _parts(parts: Parts) -> dict[str, float]:
    return {
        "localization": parts.localization,
        "confidence": parts.confidence,
        "confidence_positive": parts.confidence_positive,
        "confidence_negative": parts.confidence_negative,
        "total": parts.total,
    }


def _image(image: ImageLoss) -> dict[str, Any]:
    return {
        "index": image.index,
        "path": image.path,
        "ground_truth": image.ground_truth,
        "positives": image.positives,
        "forced": image.forced,
        "negatives": image.negatives,
        "negatives_wanted": image.wanted,
        **_parts(image.parts),
        "last_mined": _cutoff(image.last_mined),
        "first_not_mined": _cutoff(image.first_not_mined),
        "tied": image.tied,
    }


def _cutoff(cutoff: Cutoff | None) -> dict[str, Any] | None:
    return None if cutoff is None else {"prior": cutoff.prior, "score": cutoff.score}


def _group(group: GroupLoss) -> dict[str, Any]:
    return {"positives": group.positives, "negatives": group.negatives, **_parts(group.parts)}


def _gradient(key: str, group: GroupLoss) -> dict[str, Any]:
    return {
        key: group.index,
        "localization": group.gradient_localization,
        "confidence": group.gradient_confidence,
    }


def _negative(item: MinedNegative) -> dict[str, Any]:
    return {
        "image": item.image,
        "prior": item.prior,
        "rank": item.rank,
        "level": item.level,
        "box": item.box,
        "loss": item.loss,
        "predicted_class": item.predicted_class,
        "predicted_label": item.predicted_label,
        "probability": item.probability,
        "best_iou": item.best_iou,
        "ground_truth": item.ground_truth,
    }


def _non_finite(item: NonFinite) -> dict[str, Any]:
    return {
        "term": item.term,
        "image": item.image,
        "ground_truth": item.ground_truth,
        "prior": item.prior,
        "place": item.place,
        "value": item.value,
        "box": item.box,
        "problem": item.problem,
        "count": item.count,
    }


def _detection(item: Detection) -> dict[str, Any]:
    return {
        "class_id": item.class_id,
        "label": item.label,
        "score": item.score,
        "box": item.box,
        "box_normalized": item.normalized,
        "prior": item.prior,
        "level": item.level,
        "best_iou": item.best_iou,
        "ground_truth": item.ground_truth,
        "best_iou_of_class": item.best_iou_of_class,
        "ground_truth_of_class": item.ground_truth_of_class,
        "role": item.role,
    }


def _ground_truth_detect(item: GroundTruthDetect) -> dict[str, Any]:
    return {
        "index": item.index,
        "class_id": item.class_id,
        "label": item.label,
        "box": item.box,
        "status": item.status,
        "detection": None if item.detection is None else item.detection - 1,
        "score": item.score,
        "iou": item.iou,
        "taken_for": item.taken_for,
        "explained_by": item.explained_by,
        "best_iou": item.best_iou,
        "positives": item.positives,
        "above_threshold": item.above_threshold,
        "candidates": item.candidates,
        "survivors": item.survivors,
        "detections": item.detections,
        "problem": item.problem,
    }


def dump(report: dict[str, Any]) -> str:
    """The text of a report, with what JSON has no word for as strings."""
    return json.dumps(valid_json(report), indent=2, allow_nan=False)
