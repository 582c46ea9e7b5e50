"""What is another in the priors of B: in numbers, and in words for levels and shapes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from ssdlossdbg.analysis.diff.given import bits, equal
from ssdlossdbg.analysis.diff.orders import is_identity, order_of, order_words, prior_order_words
from ssdlossdbg.analysis.diff.tensors import Axes, tensor_difference
from ssdlossdbg.analysis.diff.transforms import Kind
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.results.common import BoolArray, FloatArray, IntArray
from ssdlossdbg.results.diff import Difference
from ssdlossdbg.rules import LevelSpec

COLUMNS = ("cx", "cy", "w", "h")
# Sides in pixels, and factors, that are the same but for rounding.
ROUNDING = 2e-3


def prior_differences(first: NamedPriors, second: NamedPriors) -> Iterator[Difference]:
    """What is another in B's priors; a note alone where their boxes are the same."""
    one, two = first.priors, second.priors
    size_of = (one.image_size, two.image_size)
    if size_of[0] != size_of[1]:
        width, height, new_width, new_height = (*size_of[0], *size_of[1])
        what = f"{width}x{height} px in A, {new_width}x{new_height} in B"
        yield Difference("priors", f"input {what}")
    if not equal(one.boxes.cpu(), two.boxes.cpu()):
        if len(one.boxes) != len(two.boxes):
            count = f"{len(one.boxes):,} in A, {len(two.boxes):,} in B"
            yield Difference("priors", count, places=tuple(level_words(one.levels, two.levels)))
        else:
            yield _of_as_many(first, second)
    if first.name != second.name and first.codebase and second.codebase:
        yield Difference("name of priors", f"{first.name} in A, {second.name} in B", measured=False)


def _of_as_many(first: NamedPriors, second: NamedPriors) -> Difference:
    one, two = first.priors.boxes.cpu(), second.priors.boxes.cpu()
    axes = Axes((), first.priors.levels, COLUMNS)
    order = order_of(bits(one), bits(two))
    found = tensor_difference("priors", one[None], two[None], Kind.CENTRES, axes)
    apart = (one != two).any(1).nonzero().flatten().numpy()
    changed = set(axes.level(apart).tolist())
    levels = tuple(level_words(first.priors.levels, second.priors.levels, changed))
    what, how = found.what.replace("rows", "priors"), found.how
    if order is not None and not is_identity(order):
        how = f"the same priors, {prior_order_words(order, first.priors.levels)}; the predictions stay where they were"
        levels = ()
    return Difference("priors", what, how, found.figure, found.changed, found.of, levels)


def level_words(
    first: Sequence[LevelSpec], second: Sequence[LevelSpec], among: Collection[int] | None = None
) -> Iterator[str]:
    """What is another in each level, a level's in a text; of some levels alone, where they are given."""
    if len(first) != len(second):
        yield f"{len(first)} levels in A, {len(second)} in B"
    for index, (one, two) in enumerate(zip(first, second, strict=False)):
        words = list(_of_level(one, two)) if among is None or index in among else []
        if words:
            yield f"level {index}: {', '.join(words)}"


def _of_level(one: LevelSpec, two: LevelSpec) -> Iterator[str]:
    if one.feature_map != two.feature_map:
        yield f"{one.feature_map[0]}x{one.feature_map[1]} cells, now {two.feature_map[0]}x{two.feature_map[1]}"
    if not np.allclose(one.stride, two.stride, ROUNDING, ROUNDING):
        yield f"stride {_pair(one.stride)}, now {_pair(two.stride)}"
    if one.offsets != two.offsets:
        yield "centres at another place of their cells"
    if words := shapes_words(one.shapes, two.shapes):
        yield words


def _pair(pair: tuple[float, float]) -> str:
    return f"{pair[0]:g}" if pair[0] == pair[1] else f"{pair[0]:g}x{pair[1]:g}"


def shapes_words(first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]) -> str:
    """What is another in the shapes of a level; empty where nothing is."""
    one, two = np.array(first, float).reshape(-1, 2), np.array(second, float).reshape(-1, 2)
    if one.shape == two.shape:
        if np.allclose(one, two, ROUNDING, ROUNDING):
            return ""
        factor = two / one
        if len(one) and np.allclose(factor, factor.flat[0], ROUNDING):
            return f"all sides times {factor.flat[0]:.4g}"
        order = _order(one, two)
        if order is not None:
            if np.allclose(one[:, ::-1], two, ROUNDING, ROUNDING):
                return f"the same shapes {order_words(order)}: each ratio stands where its inverse stood"
            return f"the same shapes {order_words(order)}"
        return ", ".join(_changed_shapes(one, two))
    gone, new = _without(one, two), _without(two, one)
    words = [f"{len(one)} shapes, now {len(two)}"]
    words += [f"without {', '.join(map(_shape, gone[:4]))}"] if len(gone) else []
    words += [f"with {', '.join(map(_shape, new[:4]))}"] if len(new) else []
    return " ".join(words)


def _changed_shapes(one: FloatArray, two: FloatArray) -> Iterator[str]:
    """Shapes that are others: those that one factor makes together, the rest one by one."""
    wrong = np.flatnonzero(~np.isclose(one, two, ROUNDING, ROUNDING).all(1)).tolist()
    factors = two / one
    while wrong:
        first = wrong[0]
        alike = [each for each in wrong if np.allclose(factors[each], factors[first, 0], ROUNDING)]
        if len(alike) > 1:
            yield f"shapes {' '.join(map(str, alike))} times {factors[first, 0]:.4g}"
        else:
            alike = [first]
            yield f"shape {first}: {_shape(one[first])} -> {_shape(two[first])}"
        wrong = [each for each in wrong if each not in alike]


def _order(one: FloatArray, two: FloatArray) -> IntArray | None:
    """Where in A each of B's shapes stands; None where they are no exchange of A's."""
    near: BoolArray = np.all(np.isclose(two[:, None], one[None], ROUNDING, ROUNDING), axis=2)
    order: IntArray = near.argmax(1)
    return order if near.any(1).all() and len(set(order.tolist())) == len(order) else None


def _without(one: FloatArray, two: FloatArray) -> FloatArray:
    close: BoolArray = np.all(np.isclose(one[:, None], two[None], ROUNDING, ROUNDING), axis=2)
    rest: FloatArray = one[~close.any(1)]
    return rest


def _shape(shape: FloatArray) -> str:
    width, height = map(float, shape)
    return f"{width:.4g}x{height:.4g} (ratio {width / height:.3g})"
