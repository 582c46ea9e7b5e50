"""What a summary says of objects that both batches have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ssdlossdbg.analysis.diff.batches import _learnt

TAKEN = "taken for what they are at their costliest prior"


@pytest.mark.parametrize(
    ("changes", "found", "words"),
    [
        ([-1, 2, 3, 0, None], ("a", "a"), " Of the objects, 1 cost less and 2 cost more."),
        ([-1, -1, 0], ("b", "b"), " Of the objects, 2 cost less and 0 cost more."),
        ([-1, 0], ("a", "a"), ""),
        (
            [1, 1, -1],
            ("b", "a"),
            f" Of the objects, 1 cost less and 2 cost more; {TAKEN}: 3 in B alone.",
        ),
        (
            [0],
            ("a", "b"),
            f" Of the objects, 0 cost less and 0 cost more; {TAKEN}: 1 in A alone.",
        ),
    ],
)
def test_how_many_cost_less_and_more(changes: list[float | None], found: tuple[str, str], words: str) -> None:
    """Those that cost the same are neither; those that became others are left out."""
    objects = [SimpleNamespace(became=(), change=change, label="a", found=found) for change in changes]
    other = SimpleNamespace(became=("moved",), change=5.0, label="a", found=("a", ""))
    assert _learnt(cast(Any, [*objects, other])) == words
