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
        self._depth, self._since = 0, 0.0  # of those that are within one another, and when the outermost was begun

    @property
    def due(self) -> bool:
        """Whether there is time for another as dear as the last one."""
        return self._last <= self.left

    @property
    def left(self) -> float:
        """Seconds that may be spent now; below 0 where more was spent than there was for it yet."""
        now = time.perf_counter()
        spent = self._spent + (0.0 if self._beside is None else self._beside.spent)
        under_way = now - self._since if self._depth else 0.0
        return self._share * (now - self._start) - spent - under_way

    @property
    def spent(self) -> float:
        """Seconds."""
        return self._spent

    @contextmanager
    def spending(self, counts: bool = True) -> Iterator[None]:
        """Count what is done inside, once where one is within another.

        Args:
            counts: whether another may be expected to cost as much: not so of what is imported once.
        """
        begun = time.perf_counter()
        if not self._depth:
            self._since = begun
        self._depth += 1
        try:
            yield
        finally:
            took = time.perf_counter() - begun
            self._depth -= 1
            if not self._depth:
                self._spent += took
            if counts:
                self._last = took

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Leave out what is done inside, which the user asks for whatever it takes."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            if self._depth:
                self._spent -= time.perf_counter() - begun

    def add(self, seconds: float) -> None:
        """Count what was spent elsewhere, and expect the next to cost as much."""
        self._spent += seconds
        self._last = seconds


# Of what looking on may take of a training's time, what is for the norm of the gradients: of every step, if it can be.
FOR_NORMS = 0.2


def budgets(share: float) -> tuple[Budget, Budget]:
    """All that looking on may take, and within it what the norms may.

    Args:
        share: of the time of the training.
    """
    norms = Budget(share * FOR_NORMS)
    return Budget(share, norms), norms
