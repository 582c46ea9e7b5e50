"""Batches put together, one after the other: images told apart, means, groups, and what does not belong together."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePath

from ssdlossdbg.analysis.losses.rows import BatchRows, GroupSums
from ssdlossdbg.analysis.size_ranges import size_edges, size_names
from ssdlossdbg.results import Box, ConfigSummary, Parts
from ssdlossdbg.results.losses import LossGroup, SeenImage, SeenObject, WholeLoss

# What priors are called that were saved with the predictions, in whichever file that is.
OWN = "saved with the predictions"
# Objects of a group; without a positive, with forced ones alone, right. None where objects are no part of it.
Fates = tuple[int | None, int | None, int | None, int | None]
TERMS = ("localization", "confidence_positive", "confidence_negative", "landmarks")


@dataclass
class MeanOf:
    """A mean of losses that come one by one, and that of those which are finite."""

    number: int = 0
    finite: int = 0
    _sums: dict[bool, dict[str, float]] = field(default_factory=lambda: {True: {}, False: {}})

    def add(self, loss: WholeLoss) -> None:
        """Take one more."""
        is_finite = math.isfinite(loss.total)
        self.number += 1
        self.finite += is_finite
        for each in fields(loss):
            value = getattr(loss, each.name)
            if value is not None:
                sums = self._sums[is_finite]
                sums[each.name] = sums.get(each.name, 0.0) + value

    @property
    def mean(self) -> WholeLoss | None:
        """Of all; None where there is none."""
        finite, others = self._sums[True], self._sums[False]
        names = dict.fromkeys((*finite, *others))
        return _mean({name: finite.get(name, 0.0) + others.get(name, 0.0) for name in names}, self.number)

    @property
    def of_finite(self) -> tuple[int, WholeLoss | None]:
        """How many are finite, and their mean; None where none is."""
        return self.finite, _mean(self._sums[True], self.finite)


def _mean(sums: dict[str, float], number: int) -> WholeLoss | None:
    return WholeLoss(**{name: value / number for name, value in sums.items()}) if number else None


@dataclass
class _Group:
    """The priors of a group over all batches, and what it costs in those with a finite loss."""

    positives: int = 0
    negatives: int = 0
    parts: dict[str, float] = field(default_factory=dict)

    def add(self, parts: Parts) -> None:
        for name in TERMS:
            if (value := getattr(parts, name)) is not None:
                self.parts[name] = self.parts.get(name, 0.0) + value


@dataclass
class _Image:
    """An image as it was seen last, and all its losses so far."""

    row: SeenImage
    objects: tuple[SeenObject, ...]
    seen: int = 0
    total: float = 0.0
    lossless: int = 0


class Collected:
    """The batches of a data set so far.

    Attributes:
        batches: the mean of their losses.
        sightings: images over all of them.
    """

    def __init__(self) -> None:
        self.batches, self.sightings = MeanOf(), 0
        self._images: dict[Hashable, _Image] = {}
        self._groups: dict[str, dict[str, _Group]] = {"class": {}, "level": {}, "size": {}}
        self._dialects, self._columns = Counter[str](), Counter[int]()
        self._configs = dict[ConfigSummary, int]()
        self._validation = Counter[bool | None]()
        self._edges: tuple[float, ...] = ()
        self._said = list[float | None]()
        self.worst_error: float | None = None

    def add(self, rows: BatchRows) -> None:
        """Take a batch."""
        self.batches.add(rows.loss)
        self._dialects[rows.dialect] += 1
        self._columns[rows.columns] += 1
        config = replace(rows.config, name=OWN) if rows.config.name in map(_file_name, rows.files) else rows.config
        self._configs[config] = self._configs.get(config, 0) + 1
        self._validation[None if rows.captured is None else rows.captured.validation] += 1
        self._said.append(None if rows.recorded is None else rows.recorded.total)
        if rows.recorded_error is not None:
            self.worst_error = max(self.worst_error or 0.0, rows.recorded_error)
        self._add_images(rows)
        for kind, groups in (("class", rows.classes), ("level", rows.levels), ("size", self._sizes(rows))):
            for group in groups:
                kept = self._groups[kind].setdefault(group.name, _Group())
                kept.positives += group.positives
                kept.negatives += group.negatives
                if math.isfinite(rows.loss.total):
                    kept.add(group.parts)

    def _add_images(self, rows: BatchRows) -> None:
        self.sightings += len(rows.images)
        names = Counter((image.name, image.dataset_index) for image in rows.images)
        for image, objects in zip(rows.images, rows.objects, strict=True):
            known = image.name or image.dataset_index is not None
            alone = known and names[image.name, image.dataset_index] == 1
            key: Hashable = (image.name, image.dataset_index, _is_validation(rows))
            # Of a name that stands for several images of one batch nobody can tell which came again.
            kept = self._images.setdefault(key if alone else (*rows.files, image.index), _Image(image, objects))
            kept.row, kept.objects = image, objects
            kept.seen += 1
            kept.total += 0.0 if image.loss is None else image.loss.total
            kept.lossless += image.loss is None

    def _sizes(self, rows: BatchRows) -> Iterable[GroupSums]:
        """What the positives of objects of each size cost."""
        self._edges = self._edges or size_edges(rows.config.image_size)
        names = size_names(self._edges)
        for item in rows.ground_truth:
            name = names[size_of(item.box, self._edges)]
            yield GroupSums(name, item.positives, 0, Parts(item.localization, item.confidence, 0.0, item.landmarks))

    @property
    def images(self) -> list[SeenImage]:
        """Each once, the dearest first, nan among these; those without a loss of their own last."""
        rows = [
            replace(each.row, seen=each.seen, mean=each.total / seen if (seen := each.seen - each.lossless) else None)
            for each in self._images.values()
        ]
        return sorted(rows, key=lambda row: -math.inf if row.loss is None else _dearness(row.loss.total), reverse=True)

    @property
    def images_mean(self) -> MeanOf:
        """The mean of the losses that they have alone."""
        mean = MeanOf()
        for each in self._images.values():
            if each.row.loss is not None:
                mean.add(each.row.loss)
        return mean

    @property
    def objects(self) -> list[SeenObject]:
        """Those of the images as they were seen last, the dearest first."""
        rows = [each for image in self._images.values() for each in image.objects]
        return sorted(rows, key=lambda row: _dearness(row.total), reverse=True)

    @property
    def recorded(self) -> float | None:
        """The mean of what the user's code said; None where that is not known of every batch."""
        said = [value for value in self._said if value is not None]
        return sum(said) / len(said) if said and len(said) == len(self._said) else None

    @property
    def validation(self) -> bool | None:
        """Whether all batches were seen without gradients; None where nobody knows, or some were."""
        return next(iter(self._validation)) if len(self._validation) == 1 else None

    @property
    def dialects(self) -> tuple[str, ...]:
        """Whose rules the batches follow, the most frequent first."""
        return tuple(name for name, _ in self._dialects.most_common())

    @property
    def configs(self) -> tuple[ConfigSummary, ...]:
        """The priors of the batches, the most frequent first."""
        return tuple(sorted(self._configs, key=lambda config: -self._configs[config]))

    @property
    def mixed(self) -> tuple[str, ...]:
        """In what the files do not belong together, in words."""
        sizes, counts = Counter[str](), Counter[int]()
        for config, number in self._configs.items():
            sizes["{} x {}".format(*config.image_size)] += number
            counts[config.priors] += number
        known = {True: "without gradients", False: "training steps", None: "saved by hand"}
        kinds = Counter({known[kind]: number for kind, number in self._validation.items()})
        told = (
            ("follow the rules of different dialects", self._dialects),
            ("have different numbers of priors", counts),
            ("have different numbers of classes", self._columns),
            ("are of inputs of different sizes", sizes),
            ("are partly of a training, partly not", kinds),
        )
        return tuple(
            f"The batches {what}: {_counted(kinds)}. Their means add up what cannot be compared."
            for what, kinds in told
            if len(kinds) > 1
        )

    def groups(self, kind: str) -> tuple[LossGroup, ...]:
        """The shares of each class, level or size of the mean of finite batches; in their order of sizes or outputs.

        Args:
            kind: "class", "level" or "size".
        """
        objects = {"class": self._by_class, "size": self._by_size}.get(kind)
        told = objects() if objects else {}
        names: Iterable[str] = self._groups[kind]
        if kind == "size" and self._edges:
            names = [name for name in size_names(self._edges) if name in self._groups[kind]]
        made = []
        for name in names:
            group, own = self._groups[kind][name], told.get(name, ())
            if not (group.positives or group.negatives or own):
                continue
            terms = dict.fromkeys(TERMS[:3], 0.0) | group.parts
            parts = Parts(**{term: value / max(1, self.batches.finite) for term, value in terms.items()})
            fates: Fates = _fates(own) if objects and name != "background" else (None, None, None, None)
            made.append(LossGroup(name, *fates, group.positives, group.negatives, parts))
        return tuple(made)

    def _by_class(self) -> dict[str, list[SeenObject]]:
        found: dict[str, list[SeenObject]] = {}
        for each in self.objects:
            found.setdefault(each.label, []).append(each)
        return found

    def _by_size(self) -> dict[str, list[SeenObject]]:
        found: dict[str, list[SeenObject]] = {}
        names = size_names(self._edges) if self._edges else []
        for each in self.objects:
            found.setdefault(names[size_of(each.box, self._edges)], []).append(each)
        return found


def _is_validation(rows: BatchRows) -> bool | None:
    return None if rows.captured is None else rows.captured.validation


def _file_name(path: str) -> str:
    return PurePath(path).name


def _counted(kinds: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{kind} ({number})" for kind, number in kinds.most_common())


def _dearness(total: float) -> float:
    """What to sort by: nan, which compares with nothing, is as dear as inf."""
    return math.inf if math.isnan(total) else total


def size_of(box: Box, edges: Sequence[float]) -> int:
    """Which range the side of a square of a box's area is in; the first for a box that is none."""
    side = math.sqrt(max(0.0, (box[2] - box[0]) * (box[3] - box[1])))
    return min(max(bisect_right(edges, side) - 1, 0), len(edges) - 2)


def _fates(objects: Sequence[SeenObject]) -> Fates:
    """How many there are, without a positive, with forced ones alone, and right."""
    return (
        len(objects),
        sum(not each.positives for each in objects),
        sum(each.positives == each.forced > 0 for each in objects),
        sum(each.taken_for == each.label for each in objects),
    )
