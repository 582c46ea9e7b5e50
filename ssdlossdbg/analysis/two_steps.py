"""A batch under a dialect of two steps: the first moves the priors of each image, the second matches those."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import Batch, Loaded, Source
from ssdlossdbg.analysis.common import rows, to_pixels
from ssdlossdbg.analysis.evidence.predictions import Outcome, describe_predictions
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.boxes import Corners, PriorBoxes, centres_of
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.multibox.mining_scores import Logits
from ssdlossdbg.multibox.overlaps import Tied
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.multibox.refining import FilteredMatching, as_mined, moved, taken_for_background, undetected, without
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.results import Costs, Evidence, Objects, Predicted, TakenOut
from ssdlossdbg.results.findings import OF_FIRST_STEP
from ssdlossdbg.rules import Dialect, RefineSpec

OBJECT = "object"


@dataclass(frozen=True, eq=False)
class _OneClass:
    """Objects that are all of one class, as the first step sees them.

    Attributes:
        source: of the objects.
    """

    source: Source

    def settings(self, rules: Dialect) -> Hashable:
        """Those of the source."""
        return self.source.settings(rules)

    def load(self, rules: Dialect, priors: Priors) -> Loaded:
        """Its objects, the class of each being 1, but where it is background."""
        loaded = self.source.load(rules, priors)
        return replace(loaded, gt=replace(loaded.gt, labels=loaded.gt.labels.sign()))


class SecondScene(Scene):
    """The second of two steps; its loss, costs and detections are those of the second alone.

    Attributes:
        first: the first step, which is a scene like those of one step.
    """

    def __init__(self, batch: Batch, rules: Dialect, one_of_many: bool = False) -> None:
        super().__init__(batch, rules, one_of_many)
        self.first = Scene(self.batch.once("first step", None, self._first_batch), _of_one_step(rules), one_of_many)

    @property
    def moved_in_units(self) -> Corners:
        """The P priors of each image as the first step moved them, `[B, P, 4]`."""
        first = self.first
        settings = self.rules.targets.units, self.rules.codec
        return self.batch.once(
            "moved", settings, lambda: moved(first.batch.loc, first.priors_in_units, first.rules.codec)
        )

    @cached_property
    def moved(self) -> Tensor:
        """`[B, P, 4]` the same, xyxy, normalised."""
        return self.moved_in_units.xyxy / self.unit

    @property
    def priors_in_units(self) -> Tensor:
        """`[B, P, 4]` cxcywh."""
        return centres_of(self.moved_in_units)

    @property
    def held_in_units(self) -> PriorBoxes:
        """The moved priors as the codebase holds them."""
        return self.moved_in_units

    @property
    def decoded_in_units(self) -> Tensor:
        """`[B, P, 4]` boxes that the second step predicts."""
        settings, loc = (self.rules.targets.units, self.rules.codec), self.batch.loc
        return self.batch.once("twice decoded", settings, lambda: decode(loc, self.priors_in_units, self.rules.codec))

    @property
    def detected_logits(self) -> Tensor:
        """`[B, P, C]` logits that say background where the first step does."""
        return undetected(self.batch.conf, self._background)

    @cached_property
    def objects(self) -> Objects:
        """The objects as the checks see them: held against the priors before they are moved, which can be chosen."""
        return Scene(self.batch, self.rules).objects

    @cached_property
    def predicted(self) -> Predicted:
        """What the second step predicts, as the checks see it."""
        batch = self.batch
        outcome = Outcome(self.loss, self.gt, self.known, self.decoded) if self.targets_known else None
        return describe_predictions(
            batch.predictions, batch.priors, self.rules, batch.paths[0], batch.classes, outcome, moved=True
        )

    @cached_property
    def costs(self) -> Costs:
        """The loss of the second step as the checks see it."""
        costs, size = super().costs, self.batch.priors.image_size
        boxes = [self.moved[each.image, each.prior].tolist() for each in costs.negatives]
        negatives = [replace(each, box=to_pixels(box, size)) for each, box in zip(costs.negatives, boxes, strict=True)]
        return replace(
            costs, negatives=tuple(negatives), first_step=self.first.sums.total(), taken_out=self._taken_out()
        )

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """All that the checks can look at, of both steps."""
        own = super().evidence
        return (*own, self.first.predicted, *([self.first.costs] if self.targets_known else []))

    @property
    def of_matching(self) -> Hashable:
        """The settings that decide about the roles of the priors."""
        return super().of_matching, self.rules.codec, self.rules.refine

    def _taken_out(self) -> tuple[TakenOut, ...]:
        """The objects that lost positives, those with the fewest left first."""
        matching, gt, names = self._filtered, self.gt, self.batch.names
        taken = torch.zeros_like(matching.best_prior).scatter_add_(1, matching.gt_index, matching.filtered.long())
        left = matching.positives_per_gt()
        probability = torch.where(matching.filtered, self.first.batch.conf.softmax(-1)[..., 1], -1.0)
        highest = torch.zeros_like(taken, dtype=probability.dtype)
        highest.scatter_reduce_(1, matching.gt_index, probability, "amax")
        image, index = (taken * gt.mask > 0).nonzero(as_tuple=True)
        columns = rows(
            image=image,
            index=index,
            label=[names[column] for column in gt.labels[image, index].tolist()],
            taken=taken[image, index],
            left=left[image, index],
            probability=highest[image, index],
        )
        return tuple(sorted((TakenOut(**row) for row in columns), key=lambda each: (each.left, -each.taken)))

    @property
    def _filtered(self) -> FilteredMatching:
        assert isinstance(self.matching, FilteredMatching)
        return self.matching

    @property
    def _background(self) -> Tensor:
        return taken_for_background(self.first.batch.conf, self.rules.refine.object_probability)

    @property
    def _mined_logits(self) -> Logits:
        return Logits(as_mined(self.batch.conf, self._filtered))

    @property
    def _matched(self) -> tuple[Matching, Tied | None]:
        return self.batch.once("taken out", self.of_matching, self._take_out)

    def _take_out(self) -> tuple[Matching, Tied | None]:
        matching, tied = super()._matched
        return without(matching, self._background), tied

    def _first_batch(self) -> Batch:
        batch, given = self.batch, self.batch.predictions
        assert given.first is not None
        return Batch(
            batch.named,
            str(batch.device),
            predictions=Predictions(given.first.loc, given.first.conf, None, given.layout, given.dtype),
            targets=batch.source and _OneClass(batch.source),
            classes=(OBJECT,),
            paths=(batch.paths[0] + OF_FIRST_STEP, batch.paths[1] + OF_FIRST_STEP),
            photos=batch.photos,
            images=batch.images,
        )


def scene_of(batch: Batch, rules: Dialect, one_of_many: bool = False, kind: type[Scene] = Scene) -> Scene:
    """A batch under a dialect of one step or two; arguments as of `Scene`, `kind` being that of one step.

    Of photos and their objects alone there are no predictions, and only the first step can be looked at: its matching
    is that of an SSD.
    """
    two = rules.refine.first_step and batch.given is not None
    return (SecondScene if two else kind)(batch, rules, one_of_many)


def _of_one_step(rules: Dialect) -> Dialect:
    """The rules of the first step."""
    return replace(rules, refine=RefineSpec())
