"""What the user says of saved tensors, over what is recognised."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from ssdlossdbg.errors import InputError
from ssdlossdbg.rules import Dialect, Units

BoxForm = Literal["cxcywh", "xyxy"]
# Far more than any data set has; every class gets a row and a name in what is found.
MOST_CLASSES = 100_000


@dataclass(frozen=True, init=False)
class SavedLayout:
    """How tensors were saved, where that is not left to be recognised.

    Attributes:
        prior_format: how the boxes of a saved prior tensor are written: cxcywh or xyxy.
        image_size: (width, height) of the network's input in pixels, where the priors do not say it.
        target_units: of the target boxes; recognised if None.
        label_offset: what to add to target labels so that 0 is background; recognised if None.
        native: whether the tensors are in the dialect's own order, where that differs from the canonical one.
    """

    prior_format: BoxForm
    image_size: tuple[int, int] | None
    target_units: Units | None
    label_offset: int | None
    native: bool

    def __init__(
        self,
        prior_format: str = "cxcywh",
        image_size: int | Iterable[int] | None = None,
        target_units: Units | str | None = None,
        label_offset: int | None = None,
        native: bool = False,
    ) -> None:
        """Take words for units and one number for a square input.

        Raises:
            InputError: a value that means nothing; it names the field.
        """
        fields = {
            "prior_format": _word("prior_format", prior_format, get_args(BoxForm)),
            "image_size": None if image_size is None else _size(image_size),
            "target_units": None if target_units is None else Units(_word("target_units", target_units, list(Units))),
            "label_offset": None if label_offset is None else _offset(label_offset),
            "native": native,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)  # as dataclasses do where they are frozen

    def own(self, dialect: Dialect | None) -> Dialect | None:
        """The dialect whose own order the tensors are in; None for the canonical one.

        Raises:
            InputError: it is a dialect's own, and there is no dialect.
        """
        if self.native and dialect is None:
            raise InputError("native", "means a dialect's own order, and no dialect is given", "Give the dialect, too.")
        return dialect if self.native else None


def _word(field: str, value: str, known: Iterable[str]) -> str:
    if value not in list(known):
        raise InputError(field, f"is {value!r}", f"Say {' or '.join(known)}.")
    return str(value)


def _size(value: int | Iterable[int]) -> tuple[int, int]:
    try:
        sides = tuple(map(operator.index, value if isinstance(value, Iterable) else (value, value)))
    except TypeError:
        sides = ()
    if len(sides) != 2 or min(sides) < 1:
        fix = "Give one side or (width, height) in pixels: 300, or (320, 240)."
        raise InputError("image_size", f"is {value!r}", fix)
    return sides[0], sides[1]


def _offset(value: int) -> int:
    try:
        offset = operator.index(value)
    except TypeError:
        raise InputError("label_offset", f"is {value!r}", "Give a whole number, such as 0 or 1.") from None
    if abs(offset) > MOST_CLASSES:
        what = f"is {offset:,}, and no network has as many classes" if abs(offset) < 1e18 else "is far too large"
        raise InputError("label_offset", what, "Give a whole number, such as 0 or 1.")
    return offset
