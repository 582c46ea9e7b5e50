"""What is given: the images of one batch on the device, whatever dialect is asked; and what was computed from it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ssdlossdbg.analysis.common import class_name, device_words, resolve_device
from ssdlossdbg.analysis.evidence.objects import Stated, state_targets
from ssdlossdbg.multibox.boxes import Corners, PriorBoxes, constants
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.landmarks import Landmarks
from ssdlossdbg.multibox.matching import holds_all_overlaps
from ssdlossdbg.multibox.overlaps import has_crowds
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.multibox.widest import has_float64
from ssdlossdbg.readers.memory import check_room
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import Captured, Said
from ssdlossdbg.rules import Dialect, MatchSpec, Units

T = TypeVar("T")
# What each overlap of an object with a prior takes while an image is matched.
BYTES_OF_OVERLAP = 16


@dataclass(frozen=True, eq=False)
class Loaded:
    """The objects of B images as one dialect's loader hands them to the loss; a `Source` for that dialect alone.

    Attributes:
        gt: in the unit that the dialect computes in, on the CPU.
        stated: what their files say of them, where the checks are to see that.
    """

    gt: GroundTruthBatch
    stated: Stated | None = None

    def settings(self, _: Dialect, /) -> Hashable:
        """None: there is one reading."""
        return None

    def load(self, _: Dialect, __: Priors, /) -> Loaded:
        """That reading."""
        return self


class Source(Protocol):
    """Where the objects of a batch come from."""

    def settings(self, rules: Dialect, /) -> Hashable:
        """The settings of a dialect that make a difference to what `load` returns."""

    def load(self, rules: Dialect, priors: Priors, /) -> Loaded:
        """The objects as that dialect's loader reads them, for an input of the size that the priors are for."""


@dataclass(frozen=True, eq=False)
class SavedObjects:
    """Objects from saved targets.

    Attributes:
        targets: per image boxes and labels.
        classes: what the classes from 1 are called; numbers stand in for those that are missing.
        path: the targets' file.
    """

    targets: Targets
    classes: tuple[str, ...]
    path: str

    def settings(self, rules: Dialect) -> Hashable:
        """The unit is all that a dialect has a say in."""
        return rules.targets.units

    def load(self, rules: Dialect, priors: Priors) -> Loaded:
        """The boxes in the dialect's unit; as they are in the file where that is it, to the last bit."""
        boxes = [image.to(priors.boxes.dtype) for image in self.targets.boxes]
        if self.targets.units is not rules.targets.units:
            size = priors.boxes.new_tensor([*priors.image_size, *priors.image_size]).cpu()
            boxes = [image / size if self.targets.units is Units.PIXELS else image * size for image in boxes]
        stated = state_targets(self.targets, self.classes, priors.image_size, self.path)
        return Loaded(pad_ground_truth(boxes, self.targets.labels), stated)


class Batch:
    """B images on the device: what is known of them, and what was computed from it under any dialect.

    Args:
        named: the P priors.
        device: to compute on: auto, cpu, cuda, cuda:N or mps.
        predictions: `[B, P, 4]` and `[B, P, C]`; None where only objects are known.
        targets: the objects, class ids below C; or what every prior is to learn, already encoded; None where nothing
            is known of either.
        classes: what the user says the classes from 1 are called; numbers stand in for those that are missing.
        paths: of predictions and targets, for places in findings and reports.
        photos: paths of those of the first images, for reports.
        images: what the images are called; none where that is not known, an empty text for one without a name.
        recorded: the loss that the user's own code had of this batch.
        captured: what a capture says of the batch.
        precision: that it is to be computed in, beside that of what is given: on the CPU where the device has no such.

    Raises:
        InputError: no such device.
    """

    def __init__(
        self,
        named: NamedPriors,
        device: str = "auto",
        *,
        predictions: Predictions | None = None,
        targets: Targets | Source | EncodedTargets | None = None,
        classes: tuple[str, ...] = (),
        paths: tuple[str, str] = ("", ""),
        photos: Sequence[str] = (),
        images: Sequence[str] = (),
        recorded: Said | None = None,
        captured: Captured | None = None,
        precision: torch.dtype = torch.float32,
    ) -> None:
        self.named, self.classes, self.paths, self.photos, self.images = named, classes, paths, photos, images
        self.recorded, self.captured = recorded, captured
        self.whose = ""  # rules that give what was recorded, once somebody asked, where it is another loss
        dtypes = () if predictions is None else (predictions.loc.dtype, predictions.conf.dtype)
        self.device = resolve_device(device, precision, named.priors.boxes.dtype, *dtypes)
        self._asked = device
        self.priors = named.priors.to(self.device)
        self.given = predictions and replace(
            predictions,
            loc=predictions.loc.to(self.device),
            conf=predictions.conf.to(self.device),
            landmarks=None if predictions.landmarks is None else predictions.landmarks.to(self.device),
            first=predictions.first and predictions.first.to(self.device),
        )
        self.encoded: EncodedTargets | None = None
        self.source: Source | None = None
        if isinstance(targets, EncodedTargets):
            self.encoded = targets
        else:
            self.source = SavedObjects(targets, classes, paths[1]) if isinstance(targets, Targets) else targets
        self._known: dict[tuple[str, Hashable], Any] = {}

    def once(self, stage: str, settings: Hashable, compute: Callable[[], T]) -> T:
        """What was computed under these settings before, or else what `compute` returns now."""
        key = stage, settings
        if key not in self._known:
            self._known[key] = compute()
        known: T = self._known[key]
        return known

    def has(self, stage: str, settings: Hashable) -> bool:
        """Whether that is at hand."""
        return (stage, settings) in self._known

    def grid_of_crowds(self, gt: GroundTruthBatch, held: PriorBoxes, rules: MatchSpec, unit: Tensor) -> Grid | None:
        """The grid of the priors where an image has very many objects; None where none does, or there is no grid.

        Args:
            gt: the objects, in units.
            held: the priors as the codebase holds them.
            rules: by which they are to be matched.
            unit: `[4]` what normalised boxes are multiplied by.

        Raises:
            InputError: the rules need all overlaps at once, and memory has no room; a device tells of its own.
        """
        if not has_crowds(gt, held):
            return None
        shared = not isinstance(held, Corners) or held.xyxy.ndim == 2
        grid = self.priors.grid_in(unit) if shared else None
        if self.device.type == "cpu" and holds_all_overlaps(gt, held, rules, grid):
            objects, priors = gt.boxes.shape[1], len(held)
            what = f"has up to {objects:,} objects in an image, for {priors:,} priors"
            check_room(BYTES_OF_OVERLAP * objects * priors, self.paths[1], what)
        return grid

    def forget(self, *stages: str) -> None:
        """Compute these stages anew when they are next asked for: what is known of them takes memory."""
        for key in [key for key in self._known if key[0] in stages]:
            del self._known[key]

    def trim(self, most: int) -> None:
        """Let go of what was computed, where that may be more numbers than `most`, each stage taken for as large."""
        if len(self._known) * self.loc.numel() > most:
            self._known.clear()

    @property
    def where(self) -> str:
        """The device in words, with the reason where it is not the one that was asked for."""
        return device_words(self._asked, self.device)

    @cached_property
    def in_float64(self) -> Batch:
        """The same images where float64 can be computed: on the CPU, if their own device has none."""
        if has_float64(self.device):
            return self
        made = Batch(
            self.named, self._asked, predictions=self.given, targets=self.encoded or self.source, classes=self.classes,
            paths=self.paths, photos=self.photos, images=self.images, recorded=self.recorded, captured=self.captured,
            precision=torch.float64,
        )  # fmt: skip
        made.whose = self.whose
        return made

    def image_name(self, index: int) -> str | None:
        """What an image is called; None where that is not known."""
        return (self.images[index] or None) if index < len(self.images) else None

    @property
    def targets_layout(self) -> str:
        """What was recognised in the targets' file, in words; empty where they come from no such file."""
        if self.encoded:
            return self.encoded.layout
        return self.source.targets.layout if isinstance(self.source, SavedObjects) else ""

    @cached_property
    def landmarks(self) -> Landmarks | None:
        """Those of the objects, normalised, and what was predicted of them; None where either is not known."""
        saved = self.source.targets if isinstance(self.source, SavedObjects) else None
        if saved is None or saved.landmarks is None or self.given is None or self.given.landmarks is None:
            return None
        points, known = (pad_sequence(list(each), batch_first=True) for each in zip(*saved.landmarks, strict=True))
        if not points.shape[1]:  # as objects, they need a slot to be gathered from
            points, known = points.new_zeros((len(points), 1, points.shape[-1])), known.new_zeros((len(known), 1))
        points, size = points.to(self.device), self.priors.image_size
        if saved.units is Units.PIXELS:
            points = points / constants(size * (points.shape[-1] // 2), points)
        return Landmarks(self.given.landmarks, points, known.to(self.device))

    @property
    def landmarks_missing(self) -> str:
        """Why there are none, in words."""
        if self.given is None or self.given.landmarks is None:
            return "the predictions hold none (landm [B, P, 10])"
        if self.encoded is not None:
            return "the targets are encoded, without them"
        return "the rows of the targets hold none ([n, 15])"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the C output columns, background first."""
        return tuple(class_name(index, self.classes) for index in range(self.conf.shape[-1]))

    @property
    def predictions(self) -> Predictions:
        """Those that are given, on the device; `given` is None where only objects are known."""
        assert self.given is not None
        return self.given

    @property
    def loc(self) -> Tensor:
        """`[B, P, 4]` predicted offsets, on the device."""
        return self.predictions.loc

    @property
    def conf(self) -> Tensor:
        """`[B, P, C]` logits, on the device."""
        return self.predictions.conf
