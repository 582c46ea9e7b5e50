"""Tracebacks of a script as they would be without us."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType

# Frames before the script's first one end in the first of these; frames of the second are between its own.
LAUNCHING = str(Path(__file__).with_name("launch.py"))
COVERING = str(Path(__file__).with_name("cover.py"))


def shown_without_ours() -> None:
    """Have the exception that ends this process shown without our frames, by the script's own hook if it has one."""
    hook = sys.excepthook

    def shown(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        sys.excepthook = hook
        del traceback
        for each in _with_its_causes(error):
            each.__traceback__ = without_ours(each.__traceback__)
        hook(kind, error, error.__traceback__)

    sys.excepthook = shown


def without_ours(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without our frames."""
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    files = [frame.tb_frame.f_code.co_filename for frame in frames]
    begin = max((place + 1 for place, file in enumerate(files) if file == LAUNCHING), default=0)
    kept = [frame for frame, file in list(zip(frames, files, strict=True))[begin:] if file != COVERING]
    for frame, following in pairwise([*kept, None]):
        if frame is not None:
            frame.tb_next = following
    return kept[0] if kept else None


def _with_its_causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, those that it came of, and those that it is a group of."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
