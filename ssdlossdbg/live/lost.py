"""Batches that could not be saved, as the training had changed them in place by then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

SPOILT = "changed in place after the loss had seen it"
MOST_NAMED = 3


class Lost:
    """Which they are, and what was said of them.

    Args:
        at_once: whether to say so of the first ones; else all is said at the end, once.
        warn: called with what is to be said.
    """

    def __init__(self, at_once: bool, warn: Callable[[str], object]) -> None:
        self._at_once, self._warn = at_once, warn
        self._tensors: dict[int, str] = {}
        self._said = 0

    def note(self, step: int, reason: str, spoilt: Sequence[str]) -> tuple[str, ...]:
        """Note one, and say it for the run's notes; nothing where it is noted already.

        Args:
            step: of the batch.
            reason: that it was to be saved for.
            spoilt: the tensors that were changed.
        """
        if step in self._tensors:
            return ()
        self._tensors[step] = ", ".join(spoilt[:MOST_NAMED])
        return (f"step {step} ({reason}) is lost: {self._tensors[step]} {SPOILT}",)

    def say(self, in_all: bool = False) -> bool:
        """Say it when the first of them are, and at the end how many there were; whether anything was said.

        Args:
            in_all: whether this is the end.
        """
        if len(self._tensors) == self._said or (not in_all and (self._said or not self._at_once)):
            return False
        which = sorted(self._tensors)
        many = f"{len(which)} batches of steps {which[0]} to {which[-1]} are lost{' in all' if self._said else ''}"
        what = many if len(which) > 1 else f"step {which[0]} is lost"
        self._warn(f"{what}: {self._tensors[which[0]]} {SPOILT}; copy=True, or --copy of run, keeps copies")
        self._said = len(which)
        return True
