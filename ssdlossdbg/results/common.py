"""What several results are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ssdlossdbg.results.contract import at

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]
Box = tuple[float, float, float, float]
COORDINATES = ("cx", "cy", "w", "h")


@dataclass(frozen=True)
class ConfigSummary:
    """The priors in use.

    Attributes:
        name: preset or file.
        codebase: whose preset it is; empty for the user's own.
        image_size: (width, height) of the network's input in pixels.
        image_size_known: False where that size had to be assumed.
        priors: how many.
        levels: (columns, rows) of each feature map; one (0, 0) where no grid could be recognised.
        choice: why these, where nobody named or saved any and the number of classes decides; else empty.
        chosen_for: that number, background included; None where it is not known, or decides nothing.
    """

    name: str
    codebase: str
    image_size: tuple[int, int]
    image_size_known: bool
    priors: int
    levels: Annotated[tuple[tuple[int, int], ...], at("feature_maps")]
    choice: str = ""
    chosen_for: int | None = None

    @property
    def level_count(self) -> Annotated[int, at("levels")]:
        """How many feature maps there are; 0 where no grid could be recognised."""
        return 0 if self.levels == ((0, 0),) else len(self.levels)
