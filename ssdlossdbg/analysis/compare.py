"""What would every other codebase say of this batch, and why?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.common import summarise
from ssdlossdbg.analysis.evidence.raising import why_raises
from ssdlossdbg.analysis.scene import BYTES_OF_LOGIT, Scene
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.readers.memory import check_room
from ssdlossdbg.results import BatchRoles, Cause, CompareResult, DialectOutcome
from ssdlossdbg.rules import Dialect

Rules = tuple[tuple[str, tuple[str, ...]], ...]
# What is turned from one dialect's into another's at a time, in the order of the computation: the rule's name, and
# the settings that make it up, as section.key of a dialect file. Every setting of the maths is in exactly one.
RULES: Rules = (
    ("units", ("targets.units",)),
    # Before the matching, so that a box that one rule forces and another can encode does not pass through inf.
    ("encoding", ("codec.variances", "codec.size_epsilon", "codec.log_epsilon", "codec.y_by_width", "codec.unmatched")),
    ("overlap", ("match.iou", "match.iou_epsilon", "match.precision")),
    ("threshold", ("match.threshold", "match.comparison")),
    ("forced match", ("match.forced", "match.conflict", "match.ties", "match.minimum_iou")),
    ("first prior", ("match.first_prior_background",)),
    ("ignore band", ("match.ignore_from",)),
    ("background objects", ("match.background_objects", "match.one_class")),
    (
        "confidence loss",
        (
            "loss.confidence",
            "loss.focal_alpha",
            "loss.focal_gamma",
            "loss.background_target",
            "loss.probability_floor",
            "loss.floor_stops_gradient",
        ),
    ),
    ("mining score", ("mining.score", "mining.positives")),
    ("mining scope", ("mining.scope",)),
    (
        "mining quota",
        (
            *("mining.ratio", "mining.minimum", "mining.per_image", "mining.fallback", "mining.fallback_share"),
            *("mining.whole", "mining.count_ignored", "mining.cap", "mining.quota"),
        ),
    ),
    ("mining selection", ("mining.selection", "mining.nms_iou", "mining.nms_limit")),
    ("positives counted twice", ("loss.positives_counted_twice",)),
    ("localisation loss", ("loss.localization", "loss.smooth_l1_beta", "loss.localization_weight", "loss.masking")),
    ("normaliser", ("loss.normalizer",)),
)
# For one dialect that leaves no prior positive under a normaliser that does not divide by positives: on the way to it,
# another normaliser would divide 0 by 0.
NORMALIZER_FIRST: Rules = (RULES[-1], *RULES[:-1])
MATCHING_LEFT_OUT = "; so matching and encoding are not compared: for that, save the objects"


def analyse_compare(batch: Batch, dialects: Sequence[Dialect], reference: Dialect) -> CompareResult:
    """Run one batch through several dialects on the same priors, and trace each difference to rules.

    The causes of a difference are found by turning the reference into the other dialect one rule at a time, in the
    order of `RULES`, or the normaliser first where only that stays finite; what each step changes is that rule's share,
    and the shares add up to the whole. Where two rules act on each other, the later one gets the joint effect.

    Targets that are already encoded say nothing of objects, so no dialect can match them its own way: all start from
    the given roles and offsets, and differ only in what comes after, which the layout of the targets then says.

    Args:
        batch: predictions and targets.
        dialects: whom to ask.
        reference: whom to compare with.
    """
    images, priors, classes = batch.conf.shape
    if batch.device.type == "cpu":
        what = f"has {images:,} images of {priors:,} priors and {classes:,} classes"
        check_room(BYTES_OF_LOGIT * batch.conf.numel(), batch.paths[0], what)
    base = Scene(batch, reference)
    total = _total(base.loss)  # before the others, since only the reference is explained
    outcomes = tuple(_outcome(Scene(batch, dialect, one_of_many=True), base) for dialect in dialects)
    return CompareResult(
        predictions_path=batch.paths[0],
        targets_path=batch.paths[1],
        predictions_layout=batch.predictions.layout,
        targets_layout=batch.targets_layout + (MATCHING_LEFT_OUT if batch.encoded else ""),
        dtype=batch.predictions.dtype,
        device=str(batch.device),
        config=summarise(batch.named),
        reference=reference.name,
        reference_total=total,
        dialects=outcomes,
    )


def _outcome(scene: Scene, reference: Scene) -> DialectOutcome:
    loss, rules = scene.loss, scene.rules
    return DialectOutcome(
        name=rules.name,
        codebase=rules.codebase,
        localization=float(loss.localization.double()),
        confidence=float(loss.confidence.double()),
        normalizer=float(loss.normalizer),
        roles=_roles(loss),
        raises=why_raises(scene.gt_in_units if scene.objects_known else None, loss, rules),
        causes=_causes(scene, reference),
    )


def _causes(scene: Scene, reference: Scene) -> tuple[Cause, ...]:
    causes = _turned(scene, reference, RULES)
    if math.isfinite(sum(cause.delta for cause in causes)) or not math.isfinite(_total(scene.loss)):
        return causes
    first = _turned(scene, reference, NORMALIZER_FIRST)
    return first if math.isfinite(sum(cause.delta for cause in first)) else causes


def _turned(scene: Scene, reference: Scene, rules: Rules) -> tuple[Cause, ...]:
    causes, before, dialect = [], reference, scene.rules
    for rule, settings in rules:
        changed = [key for key in settings if _setting(before.rules, key) != _setting(dialect, key)]
        if not changed:
            continue
        after = Scene(scene.batch, _with_settings(before.rules, dialect, changed), one_of_many=True)
        old_total, new_total = _total(before.loss), _total(after.loss)
        if old_total != new_total and not (math.isnan(old_total) and math.isnan(new_total)):
            old, new = _shown(before.rules, changed), _shown(dialect, changed)
            causes.append(Cause(rule, old, new, new_total - old_total, _roles(before.loss), _roles(after.loss)))
        before = after
    return tuple(causes)


def _setting(dialect: Dialect, key: str) -> Any:
    section, name = key.split(".")
    return getattr(getattr(dialect, section), name)


def _shown(dialect: Dialect, keys: list[str]) -> str:
    values = {key.split(".")[1]: _setting(dialect, key) for key in keys}
    shown = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in values.items()}
    return (
        next(iter(shown.values())) if len(shown) == 1 else ", ".join(f"{name} {text}" for name, text in shown.items())
    )


def _with_settings(dialect: Dialect, other: Dialect, keys: list[str]) -> Dialect:
    for key in keys:
        section, name = key.split(".")
        spec = replace(getattr(dialect, section), **{name: _setting(other, key)})
        dialect = replace(dialect, **{section: spec})
    return dialect


def _total(loss: LossTerms) -> float:
    return float(loss.localization.double() + loss.confidence.double())


def _roles(loss: LossTerms) -> BatchRoles:
    twice = loss.confidence_weights > 1
    wanted, available = loss.mining.wanted.double().flatten(), loss.matching.negative.sum(1)
    if len(wanted) == len(available) and bool(twice.any()):
        wanted, available = wanted[twice.any(1)], available[twice.any(1)]
    return BatchRoles(
        positives=tuple(loss.matching.positive.sum(1).tolist()),
        negatives=tuple(loss.mining.mined.sum(1).tolist()),
        ignored=int(loss.matching.ignored.sum()),
        counted_twice=int(twice.sum()),
        wanted=float(wanted.sum()),
        available=int(available.sum()),
        dropped=int(loss.mining.dropped.sum()),
        normalizer=float(loss.normalizer),
    )
