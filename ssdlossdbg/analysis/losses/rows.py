"""What a batch leaves behind in the loss of a data set, once its tensors are let go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ssdlossdbg.analysis.common import summarise
from ssdlossdbg.analysis.evidence.costs import ground_truth_losses, negative_losses
from ssdlossdbg.analysis.losses.alone import alone, known_of
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.two_steps import SecondScene
from ssdlossdbg.results import Captured, ConfigSummary, GroundTruthLoss, MinedNegative, Parts, Recorded
from ssdlossdbg.results.costs import Costs
from ssdlossdbg.results.losses import DearNegative, SeenImage, SeenObject, WholeLoss


@dataclass(frozen=True)
class GroupSums:
    """What a class, level or size of one batch costs, over its positives and mined negatives."""

    name: str
    positives: int
    negatives: int
    parts: Parts


@dataclass(frozen=True)
class BatchRows:
    """One batch, as the data set's loss keeps it.

    Attributes:
        files: of predictions and targets.
        captured: what a capture says of it; None of what no capture wrote.
        dialect, config, columns: whose rules it follows, its priors, and how many classes its predictions have.
        loss: of the batch, as training has it.
        recorded, recorded_error: what the user's code said, and the relative difference.
        images: its images, seen once.
        objects: of each image, the dearest first.
        classes, levels: the shares of the batch's loss.
        ground_truth: its objects by their part in the batch's loss, from which `sizes` are.
    """

    files: tuple[str, str]
    captured: Captured | None
    dialect: str
    config: ConfigSummary
    columns: int
    loss: WholeLoss
    recorded: Recorded | None
    recorded_error: float | None
    images: tuple[SeenImage, ...]
    objects: tuple[tuple[SeenObject, ...], ...]
    classes: tuple[GroupSums, ...]
    levels: tuple[GroupSums, ...]
    ground_truth: tuple[GroundTruthLoss, ...]


def batch_rows(scene: Scene) -> BatchRows:
    """What is kept of a batch.

    Args:
        scene: predictions and targets under a dialect.
    """
    batch, costs = scene.batch, scene.costs
    whole = _whole(costs.loss, costs.first_step)
    pairs = [_image(scene, index, whole.total) for index in range(len(batch.loc))]
    labels = scene.loss.matching.labels.clamp(min=0)
    config = summarise(batch.named)
    maps = ["all" if grid == (0, 0) else f"{grid[0]}x{grid[1]}" for grid in config.levels]
    level = batch.priors.level_index.expand_as(labels)
    return BatchRows(
        files=batch.paths,
        captured=batch.captured,
        dialect=scene.rules.name,
        config=config,
        columns=batch.conf.shape[-1],
        loss=whole,
        recorded=None if costs.said is None else costs.said.recorded,
        recorded_error=costs.recorded_error,
        images=tuple(image for image, _ in pairs),
        objects=tuple(objects for _, objects in pairs),
        classes=_groups(scene, labels, batch.names),
        levels=_groups(scene, level, maps),
        ground_truth=costs.ground_truth,
    )


def _whole(parts: Parts, first: Parts | None) -> WholeLoss:
    terms = (parts.localization, parts.confidence_positive, parts.confidence_negative, parts.landmarks)
    return WholeLoss(*terms, first_step=None if first is None else first.total)


def _image(scene: Scene, index: int, of_batch: float) -> tuple[SeenImage, tuple[SeenObject, ...]]:
    """An image and its objects, by their loss as a batch of its own; and by its share of that of its batch."""
    batch, one = scene.batch, alone(scene, index)
    known = known_of(scene.known, index) if batch.encoded is not None else one.known
    own = _whole(one.sums.total(), one.first.sums.total() if isinstance(one, SecondScene) else None)
    objects = () if known is None else ground_truth_losses(one.loss, one.sums, known, one.batch, scene.rules)
    negatives = negative_losses(one.loss, one.batch.conf, known, batch.priors, batch.names, scene.rules, most=1)
    captured, inside = batch.captured, scene.costs.images[index]
    # Where a loss is divided by positives, an image without any has none of its own: 0/0, or what the code raises.
    none = not inside.positives and not math.isfinite(own.total)
    indices = captured.indices if captured is not None else ()
    image = SeenImage(
        name=batch.image_name(index) or "",
        dataset_index=indices[index] if index < len(indices) else None,
        file=batch.paths[0],
        targets_path=batch.paths[1],
        index=index,
        step=None if captured is None else captured.step,
        seen=1,
        ground_truth=inside.ground_truth,
        unmatched=None if inside.ground_truth is None else sum(not each.positives for each in objects),
        positives=inside.positives,
        forced=inside.forced,
        negatives=inside.negatives,
        loss=None if none else own,
        mean=None if none else own.total,
        share=_share(inside.parts.total, scene.costs, of_batch),
        negative=_dearest(negatives),
    )
    return image, tuple(_object(image, each) for each in objects)


def _share(part: float, costs: Costs, of_batch: float) -> float:
    """An image's share of its batch's loss; of two steps, of the second's."""
    whole = of_batch if costs.first_step is None else costs.loss.total
    return part / whole if math.isfinite(whole) and whole else math.nan


def _dearest(negatives: Sequence[MinedNegative]) -> DearNegative | None:
    if not negatives:
        return None
    first = negatives[0]
    return DearNegative(first.box, first.level, first.loss, first.predicted_label, first.probability, first.best_iou)


def _object(image: SeenImage, item: GroundTruthLoss) -> SeenObject:
    return SeenObject(
        image=image.title,
        file=image.file,
        image_index=image.index,
        index=item.index,
        class_id=item.class_id,
        label=item.label,
        box=item.box,
        photo_box=None,
        best_iou=item.best_iou,
        positives=item.positives,
        forced=item.forced,
        localization=item.localization,
        confidence=item.confidence,
        total=item.total,
        probability=item.own_probability,
        taken_for=item.predicted_label,
        taken_for_probability=item.probability,
        problem=item.problem,
    )


def _groups(scene: Scene, group: Tensor, names: Sequence[str]) -> tuple[GroupSums, ...]:
    sums, number = scene.sums, len(names)
    columns = zip(names, sums.counts(group, number), sums.split(group, number), strict=True)
    return tuple(GroupSums(name, *counts, parts) for name, counts, parts in columns)
