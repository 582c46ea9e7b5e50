"""What looking on may cost a training: a share of its time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Budget:
    """Time that was spent, held against time that went by.

    Args:
        share: of the time of the training, what may be spent.
        beside: another budget, whose time counts as spent here, too.
    """

    def __init__(self, share: float, beside: Budget | None = None) -> None:
        self._share, self._start, self._beside = share, time.perf_counter(), beside
        self._spent = self._last = 0.0

    @property
    def due(self) -> bool:
        """Whether there is time for another as dear as the last one."""
        spent = self._spent + (0.0 if self._beside is None else self._beside.spent)
        return spent + self._last <= self._share * (time.perf_counter() - self._start)

    @property
    def spent(self) -> float:
        """Seconds."""
        return self._spent

    @contextmanager
    def spending(self, counts: bool = True) -> Iterator[None]:
        """Count what is done inside.

        Args:
            counts: whether another may be expected to cost as much: not so of what is imported once.
        """
        begun = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - begun
            self._spent += took
            if counts:
                self._last = took

    def add(self, seconds: float) -> None:
        """Count what was spent elsewhere, and expect the next to cost as much."""
        self._spent += seconds
        self._last = seconds
