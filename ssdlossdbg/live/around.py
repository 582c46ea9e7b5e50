"""Where a recorder runs: in a script that asked for it, or under one that knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ssdlossdbg.live.names import Drawn
from ssdlossdbg.live.say import say


@dataclass(frozen=True)
class Around:
    """Where a recorder runs.

    Attributes:
        tell: takes what goes as it should, a line at a time.
        warn: takes what does not.
        last_loader: the loader that yielded last, where the user names none.
        at_once: whether a warning is seen before the training ends.
    """

    tell: Callable[[str], None] = say
    warn: Callable[[str], None] = say
    last_loader: Callable[[], Drawn | None] = lambda: None
    at_once: bool = True


SPEAKING = Around()
