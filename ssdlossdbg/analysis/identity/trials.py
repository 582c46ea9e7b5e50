"""What rules give for a batch: the scenes of it, which share the stages that do not differ."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from hashlib import blake2b

import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.evidence.raising import why_raises
from ssdlossdbg.analysis.identity.changes import with_values
from ssdlossdbg.analysis.identity.idle import Facts
from ssdlossdbg.analysis.identity.makers import Case
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.codec import encode
from ssdlossdbg.multibox.forcing import FORCING
from ssdlossdbg.multibox.localization import AtPriors
from ssdlossdbg.multibox.matching import Matching, assign
from ssdlossdbg.multibox.overlaps import Tied, all_overlaps
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.rules import Background, Dialect, ForcedRule, MiningScope, MiningSelection, Units

# Pixels a side of the input, for criteria that compute in them; a power of two, so that scaling rounds nothing.
SIDE = 512
# Numbers of stages that are kept of a batch: of a shipped case all, of one that was saved some.
MOST_HELD = 2**27
# Overlaps of a batch up to which they are kept: of a shipped case, not of one that was saved.
MOST_OVERLAPS = 2**14
# (localisation, that of landmarks included, confidence)
Losses = tuple[float, float]


class RolesScene(Scene):
    """A scene whose later stages are kept by what the matching came to, rather than by the rules that it came by.

    Of a small batch, most thresholds give the same roles.
    """

    @property
    def _matched(self) -> tuple[Matching, Tied | None]:
        return self.batch.once("matched", (self._loading, self.rules.match), self._match)

    def _match(self) -> tuple[Matching, Tied | None]:
        rules, gt = self.rules.match, None if self.batch.encoded else self.gt_in_units
        if gt is None or gt.boxes.shape[:2].numel() * len(self.batch.priors.boxes) > MOST_OVERLAPS:
            return super()._match()
        settings = self._loading, rules.iou, rules.iou_epsilon, rules.precision, rules.ties
        known = self.batch.once("overlaps", settings, lambda: all_overlaps(gt, self.held_in_units, rules))
        # Mostly thresholds are tried, and few rules ask them who is forced.
        asked = (rules.threshold, rules.comparison) if rules.forced is ForcedRule.IF_NONE_REACHES else None
        claiming = *settings, rules.forced, rules.conflict, rules.minimum_iou, asked
        claims = self.batch.once("claims", claiming, lambda: FORCING[rules.forced](known, rules))
        return assign(known, gt, rules, claims), None

    @property
    def roles(self) -> Hashable:
        """All of the matching that a loss depends on."""
        if self.batch.encoded:
            return None
        return self.batch.once("roles", (self._loading, self.rules.match), lambda: _roles(self.matching))

    @property
    def of_matching(self) -> Hashable:
        """What the later stages are kept by; the objects, too, in the unit of the rules, since sizes are encoded."""
        return None if self.batch.encoded else (self._loading, self.roles)


def _roles(matching: Matching) -> Hashable:
    owners = matching.gt_index.masked_fill(~matching.positive, -1)
    digest = blake2b(digest_size=16)
    for part in (owners, matching.labels):
        digest.update(part.cpu().numpy().tobytes())
    return digest.digest(), matching.prior_iou.dtype


def _defined(batch: Batch, rules: Dialect) -> bool:
    """Whether the rules say what becomes of a batch: not where boxes to be suppressed, or scores, are no numbers."""
    mining = rules.mining
    if mining.selection is MiningSelection.NON_MAXIMUM_SUPPRESSION and not bool(batch.loc.isfinite().all()):
        return False
    ranked = bool(mining.minimum) or mining.scope is MiningScope.BATCH
    return not (ranked and bool(batch.conf.isnan().any()))


class Trial:
    """One batch, and the losses of it under any rules.

    Args:
        batch_of: the batch with so much added to its labels and the background in that column of its logits; None where
            that makes no sense.
        units: what the criterion is given boxes in; None where every codebase has its own.
        kind: of scene.
        is_unmistakable: whether any usual rules give every object the same prior, and no other.
    """

    def __init__(
        self,
        batch_of: Callable[[int, Background], Batch | None],
        units: Units | None = None,
        kind: type[RolesScene] = RolesScene,
        is_unmistakable: bool = False,
    ) -> None:
        self._batch_of, self._units, self._kind = batch_of, units, kind
        self.is_unmistakable = is_unmistakable
        self._batches: dict[Hashable, Batch | None] = {}
        self._known: dict[Hashable, Losses] = {}

    def losses(self, rules: Dialect) -> Losses | None:
        """Both losses under rules; None where those mean nothing here."""
        scene = self.scene(rules)
        if scene is None:
            return None
        own = scene.rules
        reading = own.targets.units, own.targets.label_offset, own.native.background
        key = reading, scene.roles, own.codec, own.mining, own.loss
        if key not in self._known:
            loss = scene.loss
            landmarks = 0.0 if loss.landmarks is None else float(loss.landmarks.loss)
            self._known[key] = float(loss.localization) + landmarks, float(loss.confidence)
            scene.batch.trim(MOST_HELD)
        return self._known[key]

    def facts(self, rules: Dialect) -> Facts:
        """What of the batch makes changes to rules idle; nothing of a batch whose objects do not decide that."""
        scene = self.scene(rules) if self.is_unmistakable else None
        if scene is None:
            return Facts()
        matching = scene.matching
        return Facts(
            unmistakable=True,
            first_is_negative=not (rules.match.first_prior_background or bool(matching.positive[:, 0].any())),
            none_to_mine=not bool(matching.negative.any()),
            none_labelled_background=bool((matching.positive == matching.foreground).all()),
            finite=True,
        )

    def raises(self, rules: Dialect) -> str | None:
        """Why the codebase of the rules refuses such a batch; None where it does not."""
        scene = self.scene(rules)
        if scene is None:
            return None
        return why_raises(scene.gt_in_units if scene.objects_known else None, scene.loss, rules)

    def scene(self, rules: Dialect) -> RolesScene | None:
        """The batch under rules; None where those mean nothing here."""
        reading = rules.targets.label_offset, rules.native.background
        if reading not in self._batches:
            self._batches[reading] = self._batch_of(*reading)
        batch = self._batches[reading]
        if batch is None or not _defined(batch, rules):
            return None
        if self._units not in (None, rules.targets.units):
            rules = with_values(rules, targets=with_values(rules.targets, units=self._units))
        return self._kind(batch, rules, one_of_many=True)


@dataclass(frozen=True)
class Assigned:
    """What every prior of a batch is to learn, for criteria that match nothing themselves.

    Attributes:
        labels: `[B, P]` int64, 0 for negatives.
        values: `[B, P, 4]` offsets from the priors; or boxes, xyxy, normalised, at negatives the prior itself.
        encoded: whether they are offsets.
    """

    labels: Tensor
    values: Tensor
    encoded: bool


def trial_of(case: Case, units: Units, assigned: Assigned | None = None) -> Trial:
    """The trial of a shipped case.

    Args:
        case: it.
        units: what the criterion is given boxes in.
        assigned: what it is given instead of objects.
    """

    def batch_of(offset: int, background: Background) -> Batch | None:
        labels = tuple(image + offset for image in case.labels)
        columns = case.conf.shape[-1]
        if assigned is None and any(bool(((image < 0) | (image >= columns)).any()) for image in labels):
            return None
        conf = case.conf if background is Background.FIRST else case.conf.roll(1, -1)
        given = Predictions(case.loc, conf, None, "", "float32")
        targets: Targets | EncodedTargets
        if assigned is None:
            targets = Targets(case.boxes, labels, Units.NORMALIZED, 0, "")
        else:
            targets = EncodedTargets(assigned.labels, assigned.values, "")
        named = NamedPriors(case.name, "", Priors(case.priors, (SIDE, SIDE), ()))
        return Batch(named, "cpu", predictions=given, targets=targets)

    kind = RolesScene if assigned is None or assigned.encoded else _OfBoxes
    return Trial(batch_of, units, kind, assigned is None and case.is_unmistakable)


class _OfBoxes(RolesScene):
    """Of a criterion that is given a box for every prior, and encodes that."""

    @property
    def encoded(self) -> AtPriors:
        """The offsets to those boxes."""
        given = self.batch.encoded
        assert given is not None
        boxes, rules = given.offsets, self.rules

        def compute() -> AtPriors:
            return AtPriors.everywhere(encode(boxes * self.unit, self.priors_in_units, rules.codec))

        return self.batch.once("encoded", (rules.targets.units, rules.codec), compute)


def assigned_of(case: Case, rules: Dialect, encoded: bool) -> Assigned:
    """What the matching of some rules gives the priors of a case.

    Args:
        case: whose objects; each counts as one of a class, whatever its label.
        rules: that match and encode.
        encoded: whether boxes are to be offsets.
    """
    clean = replace(case, labels=tuple(image.clamp(min=1) for image in case.labels))
    usual = replace(
        rules,
        targets=replace(rules.targets, label_offset=0),
        native=replace(rules.native, background=Background.FIRST),
    )
    scene = trial_of(clean, Units.NORMALIZED).scene(usual)
    assert scene is not None
    matching, gt = scene.matching, scene.gt_in_units
    if encoded:
        return Assigned(matching.labels, scene.encoded.dense, encoded=True)
    own = gt.boxes.gather(1, matching.gt_index[..., None].expand(-1, -1, 4))
    low = case.priors[:, :2] - case.priors[:, 2:] / 2
    corners = torch.cat((low, low + case.priors[:, 2:]), 1).expand_as(own)
    return Assigned(matching.labels, torch.where(matching.positive[..., None], own, corners), encoded=False)
