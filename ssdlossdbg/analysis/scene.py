"""What one photo or batch is under one dialect: every stage of the computation, each run once, when it is asked for.

A question (`match`, `loss`, `detect`, `compare`) takes a `Scene` and puts a result together from its stages. Scenes of
one `Batch` share them: a stage is computed once for each combination of the settings that it depends on, so dialects
that differ in the normaliser alone match once.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import Batch, Loaded
from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.analysis.evidence.costs import ground_truth_losses, image_losses, negative_losses
from ssdlossdbg.analysis.evidence.encoded_table import describe_encoded
from ssdlossdbg.analysis.evidence.fates import NEAR_TIE, Fates, fates_of
from ssdlossdbg.analysis.evidence.nonfinite import find_non_finite
from ssdlossdbg.analysis.evidence.objects import describe_objects, state_recovered
from ssdlossdbg.analysis.evidence.predictions import Outcome, describe_predictions
from ssdlossdbg.analysis.evidence.prior_table import describe_priors
from ssdlossdbg.analysis.evidence.raising import why_raises
from ssdlossdbg.analysis.evidence.recovered import Known, recover_objects
from ssdlossdbg.analysis.splits import LossSums
from ssdlossdbg.multibox.boxes import PriorBoxes, centres_of
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.confidence import confidence_loss, cost_of_background, costs_of, cross_entropy_below
from ssdlossdbg.multibox.detect import Detections, clamps, decode_clamped, detect_boxes
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, no_ground_truth
from ssdlossdbg.multibox.landmarks import LandmarkTerms, landmark_loss
from ssdlossdbg.multibox.localization import AtPriors, Frame
from ssdlossdbg.multibox.loss import LossTerms, combine, encode_matched, needs_boxes
from ssdlossdbg.multibox.matching import Matching, match, match_with_ties, roles_of_labels
from ssdlossdbg.multibox.matching_on_grid import match_on_grid
from ssdlossdbg.multibox.mining import Mining, mine
from ssdlossdbg.multibox.mining_scores import Logits
from ssdlossdbg.multibox.overlaps import Tied
from ssdlossdbg.results import Costs, EncodedTable, Evidence, Objects, Predicted, PriorTable
from ssdlossdbg.rules import Dialect, Precision, Units


class Scene:
    """A batch under one dialect. Boxes are xyxy, normalised, but where a name says that they are in units.

    Attributes:
        batch: what is given.
        rules: the dialect.
        one_of_many: whether the same batch is asked under many dialects, and only for its loss. Then what every
            prior costs as background is kept for all of them, and ties, which only explanations speak of, are not
            counted beforehand.
    """

    def __init__(self, batch: Batch, rules: Dialect, one_of_many: bool = False) -> None:
        self.batch = batch.in_float64 if rules.match.precision is Precision.FLOAT64 else batch
        self.rules, self.one_of_many = rules, one_of_many

    @cached_property
    def unit(self) -> Tensor:
        """`[4]` what normalised boxes are multiplied by to get the unit that the dialect computes in."""
        return unit_of(self.rules, self.batch.priors)

    @property
    def priors_in_units(self) -> Tensor:
        """`[P, 4]` cxcywh."""
        own = self.batch.priors
        return self.batch.once("priors", self.rules.targets.units, lambda: centres_of(own.in_units(self.unit)))

    @property
    def held_in_units(self) -> PriorBoxes:
        """The P priors as the codebase holds them, in the precision that it computes overlaps with."""
        precision = self.rules.match.precision
        settings = self.rules.targets.units, precision
        return self.batch.once("held", settings, lambda: self.batch.priors.in_units(self.unit, precision))

    @property
    def objects_known(self) -> bool:
        """Whether there are objects to speak of, rather than encoded targets or none."""
        return self.batch.source is not None

    @property
    def loaded(self) -> Loaded:
        """The objects as the dialect's loader reads them; nobody where they are not known."""
        return self.batch.once("loaded", self._loading, self._load)

    @property
    def gt_in_units(self) -> GroundTruthBatch:
        """The objects, on the device."""
        return self.batch.once("gt", self._loading, lambda: self.loaded.gt.to(self.batch.device))

    @cached_property
    def gt(self) -> GroundTruthBatch:
        """The objects, on the device."""
        return replace(self.gt_in_units, boxes=self.gt_in_units.boxes / self.unit)

    @property
    def matching(self) -> Matching:
        """The roles of the priors."""
        return self._matched[0]

    @property
    def few_overlaps(self) -> Matching:
        """The roles of the priors, and of overlaps no more than decides about them, as of `match_on_grid`."""
        gt, held, grid = self.gt_in_units, self.held_in_units, self.batch.priors.grid_in(self.unit)
        spec = self.rules.match
        return self.batch.once("few overlaps", self.of_matching, lambda: match_on_grid(gt, held, spec, grid))

    @property
    def ties(self) -> Tied:
        """How many priors are as good as the best one of each object."""
        return self._matched[1] or self._match_with_ties()[1]

    @property
    def encoded(self) -> AtPriors:
        """The offsets to learn; they count only at positives."""
        if self.batch.encoded:
            return AtPriors.everywhere(self.batch.encoded.offsets.to(self.batch.device))
        gt, held, codec = self.gt_in_units, self.held_in_units, self.rules.codec
        settings = (self.of_matching, codec)
        return self.batch.once("encoded", settings, lambda: encode_matched(gt, held, self.matching, codec))

    @property
    def decoded_in_units(self) -> Tensor:
        """`[B, P, 4]` predicted boxes."""
        settings = (self.rules.targets.units, self.rules.codec)
        return self.batch.once(
            "decoded", settings, lambda: decode(self.batch.loc, self.priors_in_units, self.rules.codec)
        )

    @cached_property
    def decoded(self) -> Tensor:
        """`[B, P, 4]` predicted boxes."""
        boxes = self.decoded_in_units
        return boxes if self.rules.targets.units is Units.NORMALIZED else boxes / self.unit

    @cached_property
    def loss(self) -> LossTerms:
        """The loss and all its terms."""
        rules, once, conf = self.rules, self.batch.once, self.batch.conf
        confidence = once(
            "confidence",
            (self.of_matching, costs_of(rules.loss)),
            lambda: confidence_loss(conf, self.matching.labels, rules.loss, self._of_background),
        )

        def choose() -> Mining:
            decoded = self.decoded_in_units if needs_boxes(rules.mining) else None
            below = cross_entropy_below(rules.loss)
            return mine(self._mined_logits, confidence, self.matching, decoded, rules.mining, below)

        mining = once("mining", self.of_mining, choose)
        known = confidence, mining, rules.mining, rules.loss
        loss = combine(self.batch.loc, self.matching, self.encoded, *known, self._frame)
        return loss if self._landmarks is None else replace(loss, landmarks=self._landmarks)

    @property
    def _mined_logits(self) -> Logits:  # column 0 being what a negative is to say
        return self.batch.once("logits", None, lambda: Logits(self.batch.conf))

    @cached_property
    def _landmarks(self) -> LandmarkTerms | None:
        batch, weight = self.batch, self.rules.loss.landmark_weight
        if not weight or batch.landmarks is None:
            return None
        return landmark_loss(batch.landmarks, batch.priors.boxes, self.matching, self.rules.codec, weight)

    @property
    def landmarks_left_out(self) -> str:
        """Why the landmarks are not in the loss, although the dialect has them there; empty where they are or not."""
        wanted = self.rules.loss.landmark_weight and self.batch.landmarks is None
        return self.batch.landmarks_missing if wanted else ""

    @property
    def _frame(self) -> Frame | None:
        if not self.rules.loss.compares_boxes:
            return None
        gt = self.gt_in_units if self.objects_known else None
        return Frame(self.priors_in_units, self.rules.codec, self.matching, gt)

    @cached_property
    def sums(self) -> LossSums:
        """The loss, ready to be split."""
        return LossSums(self.loss)

    @property
    def detected_logits(self) -> Tensor:
        """`[B, P, C]` whence detections have their scores."""
        return self.batch.conf

    @property
    def detections(self) -> Detections:
        """What the dialect's post-processing makes of the predictions; boxes in units. They take much memory."""
        return self.batch.once("detections", self.rules, self.detect)

    def detect(self, watched: Tensor | None = None) -> Detections:
        """The same, of a class of each prior alone; computed whenever it is asked for."""
        (width, height), levels = self.unit[:2].tolist(), [level.count for level in self.batch.priors.levels]
        given = self.boxes_to_detect, self.detected_logits, (width, height), self.rules.detect
        return detect_boxes(*given, levels, watched)

    @property
    def boxes_to_detect(self) -> Tensor:
        """`[B, P, 4]` predicted boxes in units, as post-processing decodes them."""
        rules = self.rules
        if clamps(rules.detect):
            return decode_clamped(self.batch.loc, self.priors_in_units, rules.codec, rules.detect)
        return self.decoded_in_units

    @property
    def fates(self) -> Fates:
        """What became of the objects, image after image."""
        known = self.known
        assert known is not None
        nearly = torch.zeros_like(known.gt.labels) if known.recovered else self.ties.nearly
        return fates_of(known.gt, known.matching, nearly, self.encoded, self.batch.priors.shapes)

    @cached_property
    def objects(self) -> Objects:
        """The objects as the checks see them."""
        batch, known = self.batch, self.known
        assert known is not None
        own = None if known.recovered else self.loaded.stated
        assert known.recovered or own is not None
        stated = own or state_recovered(known.gt, batch.classes, batch.priors.image_size, batch.paths[1])
        return describe_objects(stated, known.gt, self.fates, batch.priors, self.rules)

    @cached_property
    def prior_table(self) -> PriorTable:
        """The priors as the checks see them."""
        classes = None if self.batch.given is None else self.batch.conf.shape[-1]
        return describe_priors(self.batch.named, self.rules, classes)

    @cached_property
    def encoded_table(self) -> EncodedTable:
        """Targets that came encoded, as the checks see them."""
        assert self.batch.encoded is not None
        return describe_encoded(self.batch.encoded, self.batch.named, self.rules, self.batch.paths[1])

    @cached_property
    def predicted(self) -> Predicted:
        """The predictions as the checks see them."""
        batch, gt = self.batch, self.gt if self.objects_known else None
        outcome = Outcome(self.loss, gt, self.known, self.decoded) if self.targets_known else None
        return describe_predictions(batch.predictions, batch.priors, self.rules, batch.paths[0], batch.classes, outcome)

    @cached_property
    def costs(self) -> Costs:
        """The loss as the checks see it."""
        batch, gt, known = self.batch, self.gt if self.objects_known else None, self.known
        all_count = self.rules.mining.takes_all
        return Costs(
            predictions_path=batch.paths[0],
            targets_path=batch.paths[1],
            dtype=batch.predictions.dtype,
            dialect=self.rules.name,
            threshold=self.rules.match.threshold if self.objects_known else None,
            priors=len(batch.priors.boxes),
            loss=self.sums.total(),
            loss_sum=self.sums.unnormalised(),
            normalizer=float(self.loss.normalizer),
            images=image_losses(self.loss, self.sums, known, batch, all_count),
            ground_truth=() if known is None else ground_truth_losses(self.loss, self.sums, known, batch, self.rules),
            negatives=negative_losses(self.loss, batch.conf, known, batch.priors, batch.names, self.rules),
            all_negatives=all_count,
            non_finite=find_non_finite(batch.loc, batch.conf, gt, self.loss, batch.priors),
            raises=why_raises(gt, self.loss, self.rules),
            said=batch.recorded,
            captured=batch.captured,
            decays=bool(self.rules.weight_decay.rate),
            landmarks_left_out=self.landmarks_left_out,
            whose=batch.whose,
        )

    @cached_property
    def known(self) -> Known | None:
        """The objects and which priors stand for them, or what encoded targets let recover of both; else None."""
        if self.objects_known:
            return Known(self.gt, self.matching)
        if self.batch.encoded is None:
            return None
        return recover_objects(self.encoded_table, self.matching, self.held_in_units, self.unit, self.rules.match)

    @property
    def recovered(self) -> bool:
        """Whether the objects are known only by what encoded positives decode to."""
        return self.known is not None and self.known.recovered

    @property
    def targets_known(self) -> bool:
        """Whether it is known what the priors are to learn."""
        return self.objects_known or self.batch.encoded is not None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """All that the checks can look at."""
        about_targets: list[Evidence] = [self.encoded_table] if self.batch.encoded else []
        about_targets += [] if self.known is None else [self.objects]
        if self.batch.given is None:
            return (*about_targets, self.prior_table)
        about_loss = [self.costs] if self.targets_known else []
        return (*about_targets, self.prior_table, self.predicted, *about_loss)

    @property
    def _loading(self) -> Hashable:
        return None if self.batch.source is None else (self.rules.targets.units, self.batch.source.settings(self.rules))

    def _load(self) -> Loaded:
        if self.batch.source is not None:
            return self.batch.source.load(self.rules, self.batch.priors)
        return Loaded(no_ground_truth(len(self.batch.loc), self.batch.priors.boxes.dtype))

    @property
    def of_matching(self) -> Hashable:
        """The settings that decide about the roles of the priors."""
        return None if self.batch.encoded else (self._loading, self.rules.match)

    @property
    def of_mining(self) -> Hashable:
        """The settings that decide about the negatives."""
        boxes = (self.rules.targets.units, self.rules.codec) if needs_boxes(self.rules.mining) else None
        return self.of_matching, costs_of(self.rules.loss), boxes, self.rules.mining

    @property
    def _matched(self) -> tuple[Matching, Tied | None]:
        return self.batch.once("matching", self.of_matching, self._match)

    def _match(self) -> tuple[Matching, Tied | None]:
        if self.batch.encoded:
            dtype = (self.priors_in_units if self.batch.given is None else self.batch.loc).dtype
            return roles_of_labels(self.batch.encoded.labels.to(self.batch.device), dtype), None
        if self.one_of_many:
            return match(self.gt_in_units, self.held_in_units, self.rules.match, self._crowds), None
        return self._match_with_ties()

    def _match_with_ties(self) -> tuple[Matching, Tied]:
        return match_with_ties(self.gt_in_units, self.held_in_units, self.rules.match, NEAR_TIE, self._crowds)

    @property
    def _crowds(self) -> Grid | None:
        return self.batch.grid_of_crowds(self.gt_in_units, self.held_in_units, self.rules.match, self.unit)

    @property
    def _of_background(self) -> Tensor | None:
        spec, conf, once = self.rules.loss, self.batch.conf, self.batch.once
        kind = costs_of(spec) if spec.by_column else None  # what others cost follows from the cross-entropy
        return once("of background", kind, lambda: cost_of_background(conf, spec)) if self.one_of_many else None
