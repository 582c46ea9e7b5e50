"""B brought into the order of A: which image is which, and which prior."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.diff.given import Given, Take, bits, equal
from ssdlossdbg.analysis.diff.orders import is_identity, order_of, order_words, prior_order_words
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.results.common import FloatArray, IntArray
from ssdlossdbg.results.diff import Difference


@dataclass(frozen=True, eq=False)
class Aligned:
    """Two batches whose images and priors stand in one order, that of A.

    Attributes:
        first, second: A and B, with the images that both have; as they are where they have none in common.
        image: `[B]` the place in A of each image.
        other: `[B]` its place in B.
        changes: in images and in order, which come after all that is another in content.
        others: A and B as they are, where not all of their images are in both.
        apart: whether they have no image in common.
    """

    first: Given
    second: Given
    image: IntArray
    other: IntArray
    changes: tuple[tuple[Difference, Take], ...]
    apart: bool = False
    others: tuple[Given, Given] | None = None


def aligned(first: Given, second: Given, names: tuple[Sequence[str], Sequence[str]]) -> Aligned:
    """Bring B into A's order.

    Args:
        first: A.
        second: likewise, of B.
        names: of the images of both; none where they are not known.
    """
    one, two = _same_images(first, second, names)
    if not len(one):
        every = np.arange(first.shape[0])
        what = f"none of A's {first.shape[0]} images is among B's {second.shape[0]}"
        difference = Difference("images", what, changed=first.shape[0], of=first.shape[0])
        return Aligned(first, second, every, every, ((difference, lambda _, __: second),), apart=True)
    changes: list[tuple[Difference, Take]] = []
    first_of, second_of = first.of_images(one), second.of_images(two)
    by_prior = _order_of_priors(first_of, second_of)
    if by_prior is not None:
        words = prior_order_words(by_prior, first.named.priors.levels)
        what = f"B's {len(by_prior):,} priors are A's {words}, with their predictions"
        difference = Difference("order of priors", what, words, changed=_elsewhere(by_prior), of=len(by_prior))
        named, order = second.named, by_prior
        changes.append((difference, lambda into, _: into.of_priors(order, named)))
        second_of = second_of.of_priors(order.argsort(), first.named)
    if len(one) < first.shape[0] or len(two) < second.shape[0]:
        changes.append((_other_images(first, second, one, two, names), lambda into, _: into))
        return Aligned(first_of, second_of, one, two, tuple(changes), others=(first, second))
    if not is_identity(two):
        back = two.argsort()
        words = order_words(back)
        what = f"B's {len(back)} images are A's {words}"
        difference = Difference("order of images", what, words, changed=_elsewhere(back), of=len(back))
        changes.append((difference, lambda into, _: into.of_images(back)))
    return Aligned(first_of, second_of, one, two, tuple(changes))


def _elsewhere(order: IntArray) -> int:
    return int((order != np.arange(len(order))).sum())


def _same_images(first: Given, second: Given, names: tuple[Sequence[str], Sequence[str]]) -> tuple[IntArray, IntArray]:
    """The places in A and in B of the images that both have, in A's order."""
    images = first.shape[0]
    keys = [
        (_keys_of_predictions(first), _keys_of_predictions(second)),
        (_keys_of_targets(first), _keys_of_targets(second)),
    ]
    by_content = [order for order in (_by_keys(*each) for each in keys) if order is not None]
    by_name = _by_keys(*names) if all(names) else None
    every = np.arange(images)
    alike = images == second.shape[0]
    if by_name is not None and not (alike and any(is_identity(two) and len(two) == images for _, two in by_content)):
        return by_name
    if alike:
        # What only the targets or only the predictions say may be a mistake in B: then the other stands where it stood.
        if len(by_content) == 2 and _same_places(*by_content):
            return by_content[0]
        if len(by_content) == 1 and len(by_content[0][0]) == images and _nearer(first, second, by_content[0][1]):
            return by_content[0]
        return every, every
    return max(by_content, key=lambda each: len(each[0]), default=(every[:0], every[:0]))


def _same_places(one: tuple[IntArray, IntArray], two: tuple[IntArray, IntArray]) -> bool:
    return len(one[0]) == len(two[0]) and bool((one[1] == two[1]).all())


def _nearer(first: Given, second: Given, other: IntArray) -> bool:
    """Whether B's images, in that order, are more like A's than as they stand, in what the order was not told from."""
    return _distance(first, second.of_images(other)) < _distance(first, second)


def _distance(first: Given, second: Given) -> float:
    if first.predictions.conf.shape != second.predictions.conf.shape:
        return 0.0
    return float((first.predictions.conf - second.predictions.conf).abs().nan_to_num(0.0).double().mean())


def _by_keys(first: Sequence[Hashable], second: Sequence[Hashable]) -> tuple[IntArray, IntArray] | None:
    """The places of equal keys in A and B; None where some key stands for several images, or none for both."""
    if len(set(first)) < len(first) or len(set(second)) < len(second):
        return None
    places = {key: place for place, key in enumerate(second)}
    both = [(place, places[key]) for place, key in enumerate(first) if key in places and key != ""]
    if not both:
        return None
    one, two = np.array(both, np.int64).T
    return one, two


def _keys_of_predictions(given: Given) -> list[Hashable]:
    own = given.predictions
    return [(bits(loc).tobytes(), bits(conf).tobytes()) for loc, conf in zip(own.loc, own.conf, strict=True)]


def _keys_of_targets(given: Given) -> list[Hashable]:
    targets = given.targets
    if isinstance(targets, EncodedTargets):
        boxes, labels = list(targets.offsets), list(targets.labels)
    else:
        boxes, labels = list(targets.boxes), list(targets.labels)
    return [_key(*each) for each in zip(boxes, labels, strict=True)]


def _key(boxes: Tensor, labels: Tensor) -> Hashable:
    order = (
        sorted(range(len(labels)), key=lambda row: bits(boxes[row]).tobytes()) if len(labels) < 1000 else slice(None)
    )
    return bits(boxes[order]).tobytes(), bits(labels[order]).tobytes()


def _other_images(
    first: Given, second: Given, one: IntArray, two: IntArray, names: tuple[Sequence[str], Sequence[str]]
) -> Difference:
    gone = sorted(set(range(first.shape[0])) - set(one.tolist()))
    new = sorted(set(range(second.shape[0])) - set(two.tolist()))
    words = [f"{len(gone)} of A's {first.shape[0]} left out"] if gone else []
    words += [f"{len(new)} of B's {second.shape[0]} new"] if new else []
    places = [*(f"A: {_name(names[0], each)}" for each in gone), *(f"B: {_name(names[1], each)}" for each in new)]
    return Difference(
        "images",
        f"{' and '.join(words)}; {len(one)} in both",
        changed=len(gone) + len(new),
        of=first.shape[0],
        places=tuple(places[:12]),
    )


def _name(names: Sequence[str], image: int) -> str:
    return (names[image] if image < len(names) else "") or f"image {image}"


def _order_of_priors(first: Given, second: Given) -> IntArray | None:
    """`[P]` where each of B's priors stands in A, where all that belongs to a prior moved with it; None where not."""
    if first.shape[1] != second.shape[1] or first.encoded != second.encoded:
        return None
    boxes, others = first.named.priors.boxes, second.named.priors.boxes
    if equal(boxes, others) and equal(first.predictions.conf, second.predictions.conf):
        return None
    if first.named.priors.image_size != second.named.priors.image_size:
        return None
    if equal(boxes, others):
        return _of_wide(first, second, boxes, others)
    order = order_of(bits(boxes), bits(others))
    if order is None or is_identity(order):
        return None
    exact = _of_wide(first, second, boxes, others)
    if exact is not None:
        return exact
    # Other predictions too: they moved if they are nearer to A's so than as they stand.
    moved = second.of_priors(order.argsort(), first.named)
    return order if _distance(first, moved) < _distance(first, second) else None


def _of_wide(first: Given, second: Given, boxes: Tensor, others: Tensor) -> IntArray | None:
    wide = [_wide(given, own) for given, own in ((first, boxes), (second, others))]
    if wide[0].shape != wide[1].shape:
        return None
    order = order_of(*wide)
    return None if order is None or is_identity(order) else order


def _wide(given: Given, boxes: Tensor) -> FloatArray:
    """`[P, ...]` all that belongs to a prior, in all images."""
    parts = [
        boxes.cpu().double(),
        *(part.transpose(0, 1).flatten(1).double() for part in (given.predictions.loc, given.predictions.conf)),
    ]
    if isinstance(given.targets, EncodedTargets):
        parts += [given.targets.labels.T.double(), given.targets.offsets.transpose(0, 1).flatten(1).double()]
    return bits(torch.cat(parts, 1))
