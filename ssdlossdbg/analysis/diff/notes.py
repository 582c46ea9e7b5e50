"""What is another in what stands beside the tensors of two batches: names, the loss that was recorded, the rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.results.diff import Difference

# Of a capture's header: what a batch is, or how it was trained. When and why it was saved is no difference.
KEPT = {"lr": "learning rate", "criterion": "criterion", "validation": "validation", "error": "error"}


def noted(first: Batch, second: Batch) -> Iterator[Difference]:
    """Notes that differ; no loss that is computed here depends on them."""
    one, two = first.recorded, second.recorded
    here, there = (said.recorded.words(".7g") if said else "none" for said in (one, two))
    if here != there:
        yield Difference("recorded loss", f"{here} in A, {there} in B", measured=False)
    if list(first.images) != list(second.images) and first.images and second.images:
        pairs = [(a, b) for a, b in zip(first.images, second.images, strict=False) if a != b]
        if sorted(first.images) != sorted(second.images):
            places = tuple(f"{a} -> {b}" for a, b in pairs[:8])
            what = f"{len(pairs)} of {len(first.images)} have another name"
            yield Difference(
                "names of images", what, changed=len(pairs), of=len(first.images), places=places, measured=False
            )
    if first.captured and second.captured:
        for field, name in KEPT.items():
            here, there = getattr(first.captured, field), getattr(second.captured, field)
            if here != there:
                yield Difference(name, f"{_shown(here)} in A, {_shown(there)} in B", measured=False)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value)) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value) or "-"
