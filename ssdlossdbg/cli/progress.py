"""How far a long command is, on stderr; and what makes it shorter."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ssdlossdbg.cli.streams import say_line

T = TypeVar("T")
WAIT_POLICY = "OMP_WAIT_POLICY"
PATIENCE_SECONDS = 1.0
# Moving a bar takes as long as reading a small file does.
FILES_AT_ONCE = 50


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Import heavy modules with the garbage collector off, then exempt what they made from later collections.

    Importing torch makes hundreds of thousands of objects that live as long as the process; looking through them
    again and again takes a seventh of the import's time.

    OpenMP, which torch brings along, is told that threads are to sleep while they wait for each other: where another
    program wants a core, those that go round and round take it twice as long, and burn twice the processor's time. A
    training that `run` starts imports torch by itself, and waits as it would without us.
    """
    gc.disable()
    told = WAIT_POLICY not in os.environ
    if told:
        os.environ[WAIT_POLICY] = "PASSIVE"  # read once, when the library is loaded
    try:
        yield
    finally:
        if told:
            os.environ.pop(WAIT_POLICY, None)
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def progress(doing: str, silent: bool = False) -> Iterator[None]:
    """Say on stderr what is going on, once it has taken longer than a second, unless it is to be silent.

    Nothing where nobody watches: in the log of a CI job, whose systems set `CI`.
    """
    if silent or (os.environ.get("CI") and not sys.stderr.isatty()):
        yield
        return
    timer = threading.Timer(PATIENCE_SECONDS, say_line, [f"{doing} ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def counting(doing: str, total: int, noun: str, silent: bool = False) -> Iterator[Callable[[int], None]]:
    """A bar with rate and time left where stderr is a terminal; elsewhere a line, once it takes longer.

    Args:
        doing: what is going on, as "Matching".
        total: how many there are to do.
        noun: what each of them is.
        silent: say nothing.

    Yields:
        A function to be told how many more were done.
    """
    nouns = f"{noun}s"
    if silent or not sys.stderr.isatty():
        with progress(f"{doing} {total:,} {noun if total == 1 else nouns}", silent):
            yield lambda done: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f} {nouns}/s" if task.speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.advance(task, done)


@contextlib.contextmanager
def tracking(doing: str, what: str, noun: str, silent: bool = False) -> Iterator[Callable[[Sequence[T]], Iterator[T]]]:
    """As `counting`, of what is not known yet.

    Args:
        doing: what is going on, as "Reading".
        what: is done, as a whole, as long as nobody knows how many parts it has.
        noun: what each part is.
        silent: say nothing.

    Yields:
        A function to be given the parts, which returns them one by one and takes each as done when asked for the next.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(progress(f"{doing} {what}", silent))

        def track(parts: Sequence[T]) -> Iterator[T]:
            stack.close()  # from now on there is more to say
            advance = stack.enter_context(counting(doing, len(parts), noun, silent))
            for number, part in enumerate(parts, start=1):
                yield part
                if number % FILES_AT_ONCE == 0 or number == len(parts):
                    advance((number - 1) % FILES_AT_ONCE + 1)

        yield track
