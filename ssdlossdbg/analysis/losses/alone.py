"""One image of a batch as a batch of its own, whose loss can be held against that of any other image.

An image's share of its batch's loss depends on its neighbours: most codebases divide by the positives of all. Alone, it
has the loss that the codebase would return for it with a batch size of one.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from ssdlossdbg.analysis.batch import Batch, SavedObjects
from ssdlossdbg.analysis.evidence.recovered import Known
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.two_steps import scene_of
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.targets import Targets

T = TypeVar("T")


def alone(scene: Scene, index: int) -> Scene:
    """The scene of one image of a batch, without the others.

    Args:
        scene: of the batch.
        index: of the image.
    """
    batch, given = scene.batch, scene.batch.predictions
    one = slice(index, index + 1)
    predictions = replace(
        given,
        loc=given.loc[one],
        conf=given.conf[one],
        landmarks=None if given.landmarks is None else given.landmarks[one],
        first=given.first and replace(given.first, loc=given.first.loc[one], conf=given.first.conf[one]),
    )
    own = Batch(
        batch.named,
        str(batch.device),
        predictions=predictions,
        targets=_targets(batch, index),
        classes=batch.classes,
        paths=batch.paths,
        photos=batch.photos[one],
        images=batch.images[one],
    )
    return scene_of(own, scene.rules, one_of_many=True)


def known_of(known: Known | None, index: int) -> Known | None:
    """The objects of one image and which priors stand for them; None where they are not known."""
    return known and replace(known, gt=sliced(known.gt, index), matching=sliced(known.matching, index))


def sliced(of_images: T, index: int) -> T:
    """A dataclass of tensors `[B, ...]` with one image of them."""
    tensors: Any = of_images
    own = {each.name: getattr(tensors, each.name)[index : index + 1] for each in fields(tensors)}
    made: T = replace(tensors, **own)
    return made


def _targets(batch: Batch, index: int) -> Targets | EncodedTargets:
    one = slice(index, index + 1)
    if batch.encoded is not None:
        own = batch.encoded
        return EncodedTargets(own.labels[one], own.offsets[one], own.layout)
    assert isinstance(batch.source, SavedObjects)  # of which all saved batches are
    saved = batch.source.targets
    landmarks = None if saved.landmarks is None else saved.landmarks[one]
    return replace(saved, boxes=saved.boxes[one], labels=saved.labels[one], landmarks=landmarks)
