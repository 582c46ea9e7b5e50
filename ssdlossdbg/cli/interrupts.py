"""Whether Ctrl-C came, even where what was being imported at that moment caught it and went on with half a module."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

_came = False


@contextlib.contextmanager
def noting() -> Iterator[None]:
    """Note from here on that it comes, where it would raise `KeyboardInterrupt` as it mostly does."""
    global _came
    _came = False
    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.default_int_handler:
        yield
        return
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, handler)


def came() -> bool:
    """Whether it came: what is raised then is most likely due to it."""
    return _came


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    global _came
    _came = True
    raise KeyboardInterrupt
