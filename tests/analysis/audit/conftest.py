"""Datasets of random objects, among them the awkward ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ssdlossdbg.readers.annotations import FORMATS, Dataset

NAMES = ("ball", "cup", "dog")
SIZE = (400, 300)
# Twice the same box, one of no width, one beyond the border, one that overlaps no prior at all, and one whose width
# float32 does not have.
AWKWARD = (
    *((10, 10, 60, 60), (10, 10, 60, 60), (30, 30, 30, 80), (350, 250, 430, 320), (900, 900, 950, 950)),
    (100, 100, 100 + 1e-7, 150),
)


def make_dataset(images: Sequence[Any], size: tuple[int, int] = SIZE, **changes: Any) -> Dataset:
    """A dataset of the boxes of each image, in pixels, whose classes take turns; a file an image."""
    counts = [len(boxes) for boxes in images]
    boxes = np.concatenate([np.asarray(boxes, dtype=np.float64).reshape(-1, 4) for boxes in images])
    values: dict[str, Any] = {
        "path": Path("made"),
        "format": replace(FORMATS["voc"], one_based=False),
        "names": tuple(f"{place}.jpg" for place in range(len(images))),
        "files": tuple(f"made/{place}.xml" for place in range(len(images))),
        "sizes": np.tile(np.asarray(size, dtype=np.int64), (len(images), 1)),
        "class_names": NAMES,
        "image": np.repeat(np.arange(len(images)), counts),
        "index": np.concatenate([np.arange(count) for count in counts]).astype(np.int64),
        "label": np.arange(len(boxes)) % len(NAMES),
        "labels": NAMES,
        "boxes": boxes,
        "difficult": np.zeros(len(boxes), dtype=bool),
    }
    return Dataset(**values | changes)


def random_boxes(seed: int, count: int) -> NDArray[np.float64]:
    """Boxes of all sizes inside the photo."""
    generator = np.random.default_rng(seed)
    sides = 4 + generator.random((count, 2)) ** 2 * (np.asarray(SIZE) - 8)
    low = generator.random((count, 2)) * (np.asarray(SIZE) - sides)
    return np.concatenate((low, low + sides), axis=1)


@pytest.fixture(scope="session")
def varied() -> Dataset:
    """24 images of 0 to 11 objects, the awkward boxes among them."""
    images: list[Any] = [random_boxes(seed, seed % 12) for seed in range(24)]
    images[5] = np.concatenate((images[5], AWKWARD[:2]))
    images[7] = np.concatenate((AWKWARD[2:3], images[7]))
    images[9] = np.concatenate((images[9], AWKWARD[3:4]))
    images[11] = np.concatenate((images[11], AWKWARD[4:5]))
    images[13] = np.concatenate((images[13], AWKWARD[5:]))
    return make_dataset(images)


@pytest.fixture(scope="session")
def few(varied: Dataset) -> Dataset:
    """The first 14 of them, which are those with an awkward box, and one of each number of objects."""
    kept = varied.image < 14
    columns = ("image", "index", "label", "boxes", "difficult")
    cut = {name: getattr(varied, name)[:14] for name in ("names", "files", "sizes")}
    return replace(varied, **cut, **{name: getattr(varied, name)[kept] for name in columns})


@pytest.fixture(scope="session")
def make() -> Callable[..., Dataset]:
    """What makes a dataset of the boxes of each image."""
    return make_dataset
