"""What would every other codebase say of this batch, and why?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import targets_in_units, why_raises
from ssdlossdbg.analysis.common import resolve_device, summarise, unit_of
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.loss import AtPriors, MultiBoxLoss, combine, confidence_loss, encode_matched, needs_boxes
from ssdlossdbg.multibox.matching import Matching, match, roles_of_labels
from ssdlossdbg.multibox.mining import mine
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import BatchRoles, Cause, CompareResult, DialectOutcome
from ssdlossdbg.rules import Dialect

# What is turned from one dialect's into another's at a time, in the order of the computation: the rule's name, and
# the settings that make it up, as section.key of a dialect file. Every setting of the maths is in exactly one.
RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("units", ("targets.units",)),
    # Before the matching, so that a box that one rule forces and another can encode does not pass through inf.
    ("encoding", ("codec.variances", "codec.size_epsilon")),
    ("overlap", ("match.iou", "match.iou_epsilon", "match.precision")),
    ("threshold", ("match.threshold", "match.comparison")),
    ("forced match", ("match.forced", "match.conflict", "match.ties", "match.minimum_iou")),
    ("ignore band", ("match.ignore_from",)),
    ("background objects", ("match.background_objects",)),
    ("confidence loss", ("loss.confidence", "loss.probability_floor")),
    ("mining score", ("mining.score", "mining.positives")),
    ("mining scope", ("mining.scope",)),
    ("mining quota", ("mining.ratio", "mining.minimum", "mining.whole", "mining.count_ignored", "mining.cap")),
    ("mining selection", ("mining.selection", "mining.nms_iou", "mining.nms_limit")),
    ("positives counted twice", ("loss.positives_counted_twice",)),
    ("localisation loss", ("loss.localization", "loss.smooth_l1_beta", "loss.localization_weight")),
    ("normaliser", ("loss.normalizer",)),
)
MATCHING_LEFT_OUT = "; so matching and encoding are not compared: for that, save the objects"


def analyse_compare(
    predictions: Predictions,
    targets: Targets | EncodedTargets,
    named: NamedPriors,
    dialects: Sequence[Dialect],
    reference: Dialect,
    device: str = "auto",
    paths: tuple[str, str] = ("", ""),
) -> CompareResult:
    """Run one batch through several dialects on the same priors, and trace each difference to rules.

    The causes of a difference are found by turning the reference into the other dialect one rule at a time, in the
    order of `RULES`; what each step changes is that rule's share, and the shares add up to the whole. Where two rules
    act on each other, the later one gets the joint effect.

    Targets that are already encoded say nothing of objects, so no dialect can match them its own way: all start from
    the given roles and offsets, and differ only in what comes after, which the layout of the targets then says.

    Args:
        predictions: `[B, P, 4]` and `[B, P, C]`.
        targets: the objects of the B images, class ids below C; or what every prior is to learn, already encoded.
        named: the P priors.
        dialects: whom to ask.
        reference: whom to compare with.
        device: auto, cpu, cuda, cuda:N or mps.
        paths: of predictions and targets, for the report only.

    Raises:
        InputError: no such device.
    """
    target = resolve_device(device)
    batch = _Stages(predictions, targets, named.priors.to(target), target)
    base = batch.loss(reference)
    outcomes = tuple(_outcome(batch, dialect, reference, base) for dialect in dialects)
    return CompareResult(
        predictions_path=paths[0],
        targets_path=paths[1],
        predictions_layout=predictions.layout,
        targets_layout=targets.layout + (MATCHING_LEFT_OUT if isinstance(targets, EncodedTargets) else ""),
        dtype=predictions.dtype,
        device=str(target),
        config=summarise(named),
        reference=reference.name,
        reference_total=_total(base),
        dialects=outcomes,
    )


@dataclass(frozen=True)
class _Given:
    """What every prior is to learn, where the targets are already encoded."""

    matching: Matching
    offsets: Tensor


@dataclass(frozen=True)
class _InUnits:
    """What is to be learnt, and the priors, in what a dialect computes in."""

    wanted: GroundTruthBatch | _Given
    priors: Tensor

    @property
    def gt(self) -> GroundTruthBatch | None:
        """The objects, if they are known."""
        return self.wanted if isinstance(self.wanted, GroundTruthBatch) else None


class _Stages:
    """The stages of the loss, each computed once for each combination of the settings it depends on."""

    def __init__(
        self, predictions: Predictions, targets: Targets | EncodedTargets, priors: Priors, device: torch.device
    ) -> None:
        self._loc, self._conf = predictions.loc.to(device), predictions.conf.to(device)
        self._targets, self._priors, self._device = targets, priors, device
        self._known: dict[Any, Any] = {}

    def in_units(self, dialect: Dialect) -> _InUnits:
        """The batch in the dialect's units."""
        converted: _InUnits = self._once(("units", dialect.targets.units), lambda: self._convert(dialect))
        return converted

    def matching(self, dialect: Dialect) -> Matching:
        """The roles of the priors."""
        batch, key = self.in_units(dialect), ("matching", dialect.targets.units, dialect.match)
        matching: Matching = self._once(key, lambda: _match(batch, dialect))
        return matching

    def loss(self, dialect: Dialect) -> MultiBoxLoss:
        """The loss and all its terms."""
        units, codec = dialect.targets.units, dialect.codec
        batch, matching = self.in_units(dialect), self.matching(dialect)
        matched = (units, dialect.match)
        encoded = self._once(("encoded", matched, codec), lambda: _encode(batch, matching, dialect))
        kind = (dialect.loss.confidence, dialect.loss.probability_floor)
        confidence = self._once(
            ("confidence", matched, kind), lambda: confidence_loss(self._conf, matching.labels, dialect.loss)
        )
        boxes = (units, codec) if needs_boxes(dialect.mining) else None
        decoded = self._once(("decoded", boxes), lambda: decode(self._loc, batch.priors, codec)) if boxes else None
        mining = self._once(
            ("mining", matched, kind, boxes, dialect.mining),
            lambda: mine(self._conf, confidence, matching, decoded, dialect.mining),
        )
        return combine(self._loc, matching, encoded, confidence, mining, dialect.mining, dialect.loss)

    def _convert(self, dialect: Dialect) -> _InUnits:
        priors = self._priors.boxes * unit_of(dialect, self._priors)
        if isinstance(self._targets, EncodedTargets):
            labels, offsets = self._targets.labels.to(self._device), self._targets.offsets.to(self._device)
            return _InUnits(_Given(roles_of_labels(labels, self._loc.dtype), offsets), priors)
        boxes = targets_in_units(self._targets, self._priors, dialect)
        return _InUnits(pad_ground_truth(boxes, self._targets.labels).to(self._device), priors)

    def _once(self, key: Any, compute: Any) -> Any:
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]


def _match(batch: _InUnits, dialect: Dialect) -> Matching:
    wanted = batch.wanted
    return wanted.matching if isinstance(wanted, _Given) else match(wanted, batch.priors, dialect.match)


def _encode(batch: _InUnits, matching: Matching, dialect: Dialect) -> AtPriors:
    wanted = batch.wanted
    if isinstance(wanted, _Given):
        return AtPriors.everywhere(wanted.offsets)
    return encode_matched(wanted, batch.priors, matching, dialect.codec)


def _outcome(batch: _Stages, dialect: Dialect, reference: Dialect, base: MultiBoxLoss) -> DialectOutcome:
    loss = batch.loss(dialect)
    gt = batch.in_units(dialect).gt
    roles = _roles(loss)
    return DialectOutcome(
        name=dialect.name,
        codebase=dialect.codebase,
        localization=float(loss.localization.double()),
        confidence=float(loss.confidence.double()),
        normalizer=float(loss.normalizer),
        roles=roles,
        raises=why_raises(gt, loss, dialect),
        causes=_causes(batch, dialect, reference, base),
    )


def _causes(batch: _Stages, dialect: Dialect, reference: Dialect, base: MultiBoxLoss) -> tuple[Cause, ...]:
    causes, before, current = [], base, reference
    for rule, settings in RULES:
        changed = [key for key in settings if _setting(current, key) != _setting(dialect, key)]
        if not changed:
            continue
        turned = _with_settings(current, dialect, changed)
        after = batch.loss(turned)
        old_total, new_total = _total(before), _total(after)
        if old_total != new_total and not (math.isnan(old_total) and math.isnan(new_total)):
            old, new = _shown(current, changed), _shown(dialect, changed)
            causes.append(Cause(rule, old, new, new_total - old_total, _roles(before), _roles(after)))
        current, before = turned, after
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


def _total(loss: MultiBoxLoss) -> float:
    return float(loss.localization.double() + loss.confidence.double())


def _roles(loss: MultiBoxLoss) -> BatchRoles:
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
