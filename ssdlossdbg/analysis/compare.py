"""What would every other codebase say of this batch, and why?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.common import summarise
from ssdlossdbg.analysis.evidence.raising import why_raises
from ssdlossdbg.analysis.quick_scene import QuickScene
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.two_steps import SecondScene, scene_of
from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.readers.memory import check_room
from ssdlossdbg.results import BatchRoles, Cause, CompareResult, DialectOutcome, Said
from ssdlossdbg.results.said import is_another
from ssdlossdbg.rules import Dialect

Rules = tuple[tuple[str, tuple[str, ...]], ...]
# What is turned from one dialect's into another's at a time, in the order of the computation: the rule's name, and
# the settings that make it up, as section.key of a dialect file. Every setting of the maths is in exactly one.
RULES: Rules = (
    ("units", ("targets.units",)),
    # Before the matching, so that a box that one rule forces and another can encode does not pass through inf or nan.
    ("targets that are nan", ("loss.ignore_nan_targets",)),
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
    (
        "localisation loss",
        (
            *("loss.localization", "loss.smooth_l1_beta", "loss.balanced_alpha", "loss.balanced_gamma"),
            *("loss.box_epsilon", "loss.largest_scale", "loss.localization_weight", "loss.masking"),
        ),
    ),
    ("landmarks", ("loss.landmark_weight",)),
    ("first step", ("refine.first_step", "refine.object_probability")),
    ("normaliser", ("loss.normalizer",)),
)
# What is known of a batch under some dialects and not under all, and what a prior takes on the way: with 81 classes 360
# bytes, and with 1,203 as many as this. Logits are looked at some priors at a time, but where a first step takes some
# out: what mining is to look at then is a copy.
STAGES = (
    "matching",
    "few overlaps",
    "encoded",
    "decoded",
    "confidence",
    "mining",
    "moved",
    "taken out",
    "twice decoded",
)
BYTES_OF_PRIOR, BYTES_OF_LOGIT = 1100, 12
# For one dialect that leaves no prior positive under a normaliser that does not divide by positives: on the way to it,
# another normaliser would divide 0 by 0.
NORMALIZER_FIRST: Rules = (RULES[-1], *RULES[:-1])
# Logits from which on sharing each step among threads gains more than waiting for all of them costs.
WORTH_SHARING = 2**22
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
        copied = 0 if batch.predictions.first is None else BYTES_OF_LOGIT * classes
        check_room(images * priors * (BYTES_OF_PRIOR + copied), batch.paths[0], what)
    ways = {dialect: list(_way(reference, dialect, RULES)) for dialect in dialects}
    told = _all_told(batch, [reference, *_steps(ways), *dialects])
    others = {
        dialect: list(_way(reference, dialect, NORMALIZER_FIRST))
        for dialect, way in ways.items()
        if math.isfinite(told[dialect].total - told[reference].total) and not _is_finite(way, told)
    }
    told |= _all_told(batch, [rules for rules in _steps(others) if rules not in told])
    ways |= {dialect: way for dialect, way in others.items() if _is_finite(way, told)}
    return CompareResult(
        predictions_path=batch.paths[0],
        targets_path=batch.paths[1],
        predictions_layout=batch.predictions.layout,
        targets_layout=batch.targets_layout + (MATCHING_LEFT_OUT if batch.encoded else ""),
        dtype=batch.predictions.dtype,
        device=_device_words(batch, dialects),
        config=summarise(batch.named),
        reference=reference.name,
        reference_total=told[reference].total,
        dialects=tuple(
            _outcome(each, told[each], tuple(_causes(ways[each], told)), batch.recorded) for each in dialects
        ),
        image_names=tuple(batch.images),
    )


def _device_words(batch: Batch, dialects: Sequence[Dialect]) -> str:
    """Where it was computed, and where those dialects were that the device has no floats for."""
    apart = [each.name for each in dialects if Scene(batch, each).batch is not batch]
    return f"{batch.where}; {', '.join(apart)} on {batch.in_float64.where}" if apart else batch.where


@dataclass(frozen=True)
class _Step:
    """A rule on the way from the reference to a dialect.

    Attributes:
        rule: its name.
        before: the rules that it is still the reference's among.
        rules: those that it is the dialect's among.
        changed: the settings that are others.
    """

    rule: str
    before: Dialect
    rules: Dialect
    changed: list[str]


@dataclass(frozen=True)
class _Told:
    """What is kept of a loss: numbers."""

    localization: float
    confidence: float
    landmarks: float | None
    first_step: float | None
    total: float
    landmarks_left_out: bool
    roles: BatchRoles
    raises: str | None


def _way(reference: Dialect, dialect: Dialect, rules: Rules) -> Iterator[_Step]:
    """From the reference to a dialect, rule by rule."""
    before = reference
    for rule, settings in rules:
        changed = [key for key in settings if setting(before, key) != setting(dialect, key)]
        if changed:
            after = with_settings(before, dialect, changed)
            yield _Step(rule, before, after, changed)
            before = after


def _steps(ways: Mapping[Dialect, Iterable[_Step]]) -> Iterator[Dialect]:
    return (step.rules for way in ways.values() for step in way)


def _is_finite(way: Iterable[_Step], told: Mapping[Dialect, _Told]) -> bool:
    return all(math.isfinite(told[step.rules].total) for step in way)


def _all_told(batch: Batch, rules: Iterable[Dialect]) -> dict[Dialect, _Told]:
    """The loss under each of many rules; first under those that share stages with the first, and so on.

    Nothing is kept longer than that: of many dialects it would take many times what the batch takes.
    """
    scenes = {each: scene_of(batch, each, one_of_many=True, kind=QuickScene) for each in rules}
    by_matching: dict[Hashable, dict[Hashable, list[Dialect]]] = {}
    for each, scene in scenes.items():
        by_matching.setdefault(scene.of_matching, {}).setdefault(scene.of_mining, []).append(each)
    told = dict[Dialect, _Told]()
    with one_thread() if batch.conf.numel() < WORTH_SHARING else nullcontext():
        for by_mining in by_matching.values():
            for alike in by_mining.values():
                for each in alike:
                    told[each] = _tell(scenes.pop(each))
                batch.forget("mining")
            batch.forget(*STAGES)
    return told


def _tell(scene: Scene) -> _Told:
    loss = scene.loss
    localization, confidence = float(loss.localization), float(loss.confidence)
    landmarks = None if loss.landmarks is None else float(loss.landmarks.loss)
    first_step = float(scene.first.loss.total) if isinstance(scene, SecondScene) else None
    return _Told(
        localization=localization,
        confidence=confidence,
        landmarks=landmarks,
        first_step=first_step,
        total=localization + confidence + (landmarks or 0.0) + (first_step or 0.0),
        landmarks_left_out=bool(scene.landmarks_left_out),
        roles=_roles(loss),
        raises=why_raises(scene.gt_in_units if scene.objects_known else None, loss, scene.rules),
    )


def _is_yours(told: _Told, said: Said, rules: Dialect) -> bool | None:
    """Whether a loss is the one that the user's own code had; None where only a term that is left out could tell."""
    error = said.error(told, bool(rules.weight_decay.rate), left_out=told.landmarks_left_out)
    return None if error is None and told.landmarks_left_out else not is_another(error, said.precision)


def _outcome(rules: Dialect, told: _Told, causes: tuple[Cause, ...], said: Said | None) -> DialectOutcome:
    return DialectOutcome(
        name=rules.name,
        codebase=rules.codebase,
        localization=told.localization,
        confidence=told.confidence,
        landmarks=told.landmarks,
        first_step=told.first_step,
        normalizer=told.roles.normalizer,
        roles=told.roles,
        raises=told.raises,
        causes=causes,
        is_yours=None if said is None else _is_yours(told, said, rules),
    )


def _causes(way: Iterable[_Step], told: Mapping[Dialect, _Told]) -> Iterator[Cause]:
    for step in way:
        before, after = told[step.before], told[step.rules]
        if before.total != after.total and not (math.isnan(before.total) and math.isnan(after.total)):
            old, new = shown(step.before, step.changed), shown(step.rules, step.changed)
            yield Cause(step.rule, old, new, after.total - before.total, before.roles, after.roles)


def setting(dialect: Dialect, key: str) -> Any:
    """What a dialect has at section.key."""
    section, name = key.split(".")
    return getattr(getattr(dialect, section), name)


def shown(dialect: Dialect, keys: list[str]) -> str:
    """What a dialect has at some section.key, in words."""
    values = {key.split(".")[1]: setting(dialect, key) for key in keys}
    words = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in values.items()}
    return (
        next(iter(words.values())) if len(words) == 1 else ", ".join(f"{name} {text}" for name, text in words.items())
    )


def with_settings(dialect: Dialect, other: Dialect, keys: list[str]) -> Dialect:
    """A dialect with what another has at some section.key."""
    for key in keys:
        section, name = key.split(".")
        spec = replace(getattr(dialect, section), **{name: setting(other, key)})
        dialect = replace(dialect, **{section: spec})
    return dialect


def _roles(loss: LossTerms) -> BatchRoles:
    twice = torch.zeros_like(loss.matching.positives)
    if loss.counted_twice is not None:
        twice = tiles.counts(loss.counted_twice)
    wanted, available = widest(loss.mining.wanted).flatten(), loss.matching.negatives
    if len(wanted) == len(available) and bool(twice.any()):
        wanted, available = wanted[twice > 0], available[twice > 0]
    return BatchRoles(
        positives=tuple(loss.matching.positives.tolist()),
        negatives=tuple(tiles.counts(loss.mining.mined).tolist()),
        ignored=int(tiles.counts(loss.matching.ignored).sum()),
        counted_twice=int(twice.sum()),
        wanted=float(wanted.sum()),
        available=int(available.sum()),
        dropped=0 if loss.mining.dropped is None else int(tiles.counts(loss.mining.dropped).sum()),
        normalizer=float(loss.normalizer),
    )
