"""What is another in what stands beside the tensors of two batches: names, the loss that was recorded, the rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.results.diff import Difference

# Of a capture's header: what a batch is, or how it was trained. When and why it was saved is no difference.
KEPT = {"lr": "learning rate", "criterion": "criterion", "validation": "validation", "error": "error",
        "image_size": "size of the input"}  # fmt: skip


def noted(first: Batch, second: Batch, names: Sequence[tuple[str, str]]) -> Iterator[Difference]:
    """Notes that differ; no loss that is computed here depends on them.

    Args:
        first: A.
        second: B.
        names: of each image that both have, in A and in B.
    """
    one, two = first.recorded, second.recorded
    here, there = (said.recorded.words(".7g") if said else "none" for said in (one, two))
    if here != there:
        yield Difference("recorded loss", f"{here} in A, {there} in B", measured=False)
    apart = [(a, b) for a, b in names if a != b]
    if apart:
        again = sorted(a for a, _ in names) == sorted(b for _, b in names)
        words = (
            "have another name" if not again else "have the name of another image; their tensors stay where they were"
        )
        places = tuple(f"{a} -> {b}" for a, b in apart[:8])
        what = f"{len(apart)} of {len(names)} {words}"
        yield Difference("names of images", what, changed=len(apart), of=len(names), places=places, measured=False)
    if first.captured and second.captured:
        for field, name in KEPT.items():
            here, there = getattr(first.captured, field), getattr(second.captured, field)
            if here != there:
                yield Difference(name, f"{_shown(here)} in A, {_shown(there)} in B", measured=False)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value)) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value) or "-"
