"""Which difference explains the change: each is taken from B into A alone, and all of them one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

from ssdlossdbg.results.diff import Explanation

# A loss that is another's to this share of it is the same: what is left is the order of sums in float32.
SAME = 2e-6


def explain(
    names: Sequence[str],
    measure: Callable[[Collection[str]], float | None],
    exact: bool = False,
    groups: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> tuple[Explanation, ...]:
    """What each difference is worth.

    Args:
        names: of the differences, in the order of the computation.
        measure: of A with B's of some of them, which it remembers; None where that cannot be computed.
        exact: whether the measure is counted, and so has no rounding.
        groups: of names that belong together, by what they are called; asked for where none explains alone.
    """
    start, end = measure(()), measure(names)
    found, before = [], start
    for place, name in enumerate(names):
        alone = measure((name,))
        without = measure([each for each in names if each != name])
        after = measure(names[: place + 1])
        delta = after - before if after is not None and before is not None else None
        explains = is_same(alone, end, exact) and not is_same(start, end, exact)
        found.append(Explanation(name, alone, without, _finite(delta), explains))
        before = after
    if not any(each.explains for each in found) and not is_same(start, end, exact):
        for group, members in groups.items():
            own = [name for name in names if name in members]
            if len(own) > 1 and is_same(measure(own), end, exact):
                rest = measure([name for name in names if name not in own])
                found.append(Explanation(group, end, rest, None, explains=True, of=tuple(own)))
                break
    return tuple(found)


def is_same(one: float | None, two: float | None, exact: bool = False) -> bool:
    """Whether two measures are the same but for rounding; nan is nan."""
    if one is None or two is None:
        return False
    if math.isnan(one) or math.isnan(two):
        return math.isnan(one) and math.isnan(two)
    finite = math.isfinite(one) and math.isfinite(two)
    return one == two or (not exact and finite and abs(one - two) <= SAME * max(abs(one), abs(two)))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
