"""What a user asks of a capture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from ssdlossdbg.errors import InputError

ON_ERROR = ("save", "ignore")
# Of a training's time, what its history takes at most where nobody says how much it may.
SHARE = 0.02
# A network that predicts for 81 classes fills 100 MB with a batch of 32.
MOST_BYTES = 4_000_000_000


@dataclass(frozen=True)
class Options:
    """The arguments of `capture`, which says what they mean."""

    loader: Any = None
    names: Sequence[str] | Callable[[int], str] | None = None
    spike: float = 2.0
    every: int = 0
    ring: int = 3
    on_error: str = "save"
    adapter: Callable[..., Mapping[str, Any]] | None = None
    copy: bool = False
    validation: bool | None = None
    most_bytes: int = MOST_BYTES
    identify: bool | None = None
    history: bool | float = False

    def __post_init__(self) -> None:
        """Refuse what means nothing, before training begins.

        Raises:
            InputError: an option out of its range.
        """
        if self.spike and not self.spike > 1:
            raise InputError(
                "spike", f"is {self.spike}", "Say how many times the usual loss is too much, or 0 for never."
            )
        if self.ring < 1:
            raise InputError("ring", f"is {self.ring}", "Say how many batches to hold, 1 at least.")
        if self.every < 0:
            raise InputError("every", f"is {self.every}", "Say every how many steps to save one, or 0 for never.")
        if self.on_error not in ON_ERROR:
            raise InputError("on_error", f"is {self.on_error!r}", f"Say {' or '.join(ON_ERROR)}.")
        if not 0 <= self.history <= 1:
            raise InputError("history", f"is {self.history}", "Say True, or what share of the time it may take.")

    @property
    def share(self) -> float:
        """Of the training's time, what its history may take; 0 where none is kept."""
        return SHARE if self.history is True else float(self.history)


class Asked(TypedDict, total=False):
    """The keyword arguments of `capture`."""

    loader: Any
    names: Sequence[str] | Callable[[int], str] | None
    spike: float
    every: int
    ring: int
    on_error: str
    adapter: Callable[..., Mapping[str, Any]] | None
    copy: bool
    validation: bool | None
    most_bytes: int
    identify: bool | None
    history: bool | float
