"""What the checks of matching share."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.boxes.family import WHOLE_SETS
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import BoolArray, Objects

MATCHING = Family("MAT", "matching")

BROKEN_BOXES = (
    "FIL002",
    "LDR002",
    "LDR003",
    "LDR011",
    "BOX001",
    "BOX002",
    "BOX003",
    "BOX007",
    "BOX012",
    "BOX015",
    *WHOLE_SETS,
)
# Priors that may be meant so, but are seldom, or that the network does not have: what they do to objects is worth
# saying, after them.
UNLIKELY_PRIORS = ("PRI007", "PRI009", "PRI010", "PRI014", "PRI016", "PRE013")
# Encoded targets that decode to boxes of no object.
BROKEN_TARGETS = ("ENC003", "ENC004", "ENC006", "ENC015")
BROKEN_INPUTS = (*BROKEN_BOXES, *BROKEN_TARGETS, "PRI004", "PRI008", "PRI013", "PRI015")


def sound_objects(objects: Objects) -> BoolArray:
    """`[N]` whether an object is one of the classes, in a box that is one."""
    return np.asarray(objects.valid & (objects.class_id > 0))
