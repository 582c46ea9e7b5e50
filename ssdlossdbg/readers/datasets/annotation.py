"""One image of a dataset as its own annotation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssdlossdbg.readers.annotated import AnnotatedObject, Annotation
from ssdlossdbg.readers.datasets.table import Dataset


def annotation_of(dataset: Dataset, place: int, photo_size: tuple[int, int]) -> Annotation:
    """The objects of an image, those of unknown classes left out.

    Args:
        dataset: what was read.
        place: of the image.
        photo_size: (width, height) in pixels, which boxes in fractions are of.
    """
    width, height = dataset.sizes[place].tolist()
    scale = np.tile(photo_size, 2) if dataset.fractions else 1
    first, end = np.searchsorted(dataset.image, (place, place + 1))
    rows = [row for row in range(first, end) if dataset.class_index[row] >= 0]
    return Annotation(
        path=Path(dataset.files[place]),
        format=dataset.format,
        size=(width, height) if width and height else None,
        objects=tuple(
            AnnotatedObject(
                index=int(dataset.index[row]),
                label=dataset.class_names[dataset.class_index[row]],
                box=tuple((dataset.boxes[row] * scale).tolist()),
                difficult=bool(dataset.difficult[row]),
            )
            for row in rows
        ),
        one_based=dataset.one_based,
        class_names=dataset.class_names,
        photo=dataset.names[place],
    )
