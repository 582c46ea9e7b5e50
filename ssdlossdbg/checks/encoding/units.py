"""Encoded boxes that are in another unit than the priors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.boxes.units import HARDLY_A_PIXEL
from ssdlossdbg.checks.encoding.family import ENCODING
from ssdlossdbg.results import Case, EncodedTable, Severity, Where


@ENCODING.check(17, "encoded boxes that all are under a pixel", Severity.ERROR, EncodedTable)
def under_a_pixel(table: EncodedTable) -> Iterator[Case]:
    """The boxes that were encoded are dots in the upper left corner.

    What it means:
        The boxes were divided by the image's size twice before they were matched and encoded, as BOX006 finds it where
        the boxes themselves are saved.

    Why it matters:
        No prior overlaps such a dot, so that each image has hardly a positive: the prior that is forced, nowhere near
        the object. Its offsets are large, and the network learns that all objects are in that corner.

    How to tell:
        More than half of the positives decode to boxes of which no coordinate exceeds 1.5 pixels of the network's
        input, by a formula that is known here.

    How to fix:
        Divide by the photo's width and height once: in the reader, or in a transform (ToPercentCoords), not in both.

    Where people met it:
        In no public report that is known here; of boxes in a wrong unit before they are encoded see BOX006.
    """
    edges = np.abs(table.boxes * np.tile(table.image_size, 2)).max(axis=1, initial=0)
    known = np.isfinite(edges)
    within = known & (edges <= HARDLY_A_PIXEL)
    if 2 * int(within.sum()) > int(known.sum()):
        largest = float(edges[within].max())
        number = f"{int(within.sum())} of {int(known.sum())} positives"
        message = (
            f"no coordinate of the boxes that {number} decode to exceeds {largest:.2g} px of the "
            f"{table.image_size[0]} x {table.image_size[1]} input: they were divided by the image's size twice before "
            "they were encoded"
        )
        fix = "Divide by the photo's width and height once, in the reader or in a transform."
        yield Case(Where(table.file), message, largest, HARDLY_A_PIXEL, fix)
