"""What the checks see of the photos that belong to annotations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PhotoFiles:
    """The photos of a dataset, of which some are where datasets have them.

    Attributes:
        file: the dataset.
        dialect: whose loader opens them.
        names: B photos as they are called there; "" for those that are not there.
        opened: B names that the loader opens; "" where it may open any.
        images: B names of images, as the annotations have them.
        folder: one that photos are in.
    """

    file: str
    dialect: str
    names: tuple[str, ...]
    opened: tuple[str, ...]
    images: tuple[str, ...]
    folder: str
