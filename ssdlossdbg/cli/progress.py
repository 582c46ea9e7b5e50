"""How far a long command is, on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from ssdlossdbg.cli.session import progress


@contextlib.contextmanager
def counting(doing: str, total: int, noun: str, silent: bool = False) -> Iterator[Callable[[int], None]]:
    """A bar with rate and time left where stderr is a terminal; elsewhere a line, once it takes longer.

    Args:
        doing: what is going on, as "Matching".
        total: how many there are to do.
        noun: what they are, in the plural.
        silent: say nothing.

    Yields:
        A function to be told how many more were done.
    """
    if silent or not sys.stderr.isatty():
        with progress(f"{doing} {total:,} {noun}", silent):
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
            return Text(f"{task.speed:,.0f} {noun}/s" if task.speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.advance(task, done)
