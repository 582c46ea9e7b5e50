"""What the checks of loaders share."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import BoolArray, Objects

LOADER = Family("LDR", "loader")
VOC, COCO = "voc", "coco"


def written(objects: Objects, trait: int) -> BoolArray:
    """`[N]` whether an object is written with any of some traits, flags of `Trait`."""
    if objects.traits is None:
        return np.zeros(len(objects.image), dtype=np.bool_)
    return np.asarray(objects.traits & trait > 0)


def some(number: int, of: int, what: str) -> str:
    """As in "3 of 4 objects"; "the object" where there is but one."""
    return f"the {what}" if of == 1 else f"{number:,} of {of:,} {what}s"
