"""What a capture writes into its files of the rules that a criterion was found to follow."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import asdict, replace
from typing import Any

import torch

from ssdlossdbg.analysis.identity.changes import changed
from ssdlossdbg.analysis.identity.search import Explanation
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.live.recipes import is_torchvision_ssd
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.probing.copies import whole_copy_of
from ssdlossdbg.probing.identify import begun
from ssdlossdbg.readers.dialects import dialect_names, load_dialect


class Asking:
    """A criterion that is asked whose rules it follows, a piece at a time.

    Args:
        criterion: a module.
        dialect: whose it is called like; of several that have the same loss, it is that one. Empty for any.
        insisted: whether it is asked although it cannot be copied whole.
        seconds: of a processor that it may take.
    """

    def __init__(self, criterion: Any, dialect: str, insisted: bool, seconds: float) -> None:
        self._work, self._left = _work(criterion, dialect, insisted, seconds), seconds

    @on_cpu_by_default
    def go_on(self, seconds: float) -> dict[str, Any] | None:
        """Go on for about so long, one piece at least: the first runs the criterion, and asks if it is the dialect's.

        Returns:
            The fields of a captured file's header that say whose rules it follows, none where that is not clear. None
            while more is to be tried.
        """
        start, begun_at = time.thread_time(), time.perf_counter()
        with one_thread(), torch.no_grad():
            while True:
                try:
                    next(self._work)
                except StopIteration as ended:
                    fields: dict[str, Any] = ended.value
                    return fields
                took = time.thread_time() - start
                if took >= self._left:
                    return {}
                if time.perf_counter() - begun_at >= seconds:
                    self._left -= took
                    return None


def _work(criterion: Any, dialect: str, insisted: bool, seconds: float) -> Generator[None, None, dict[str, Any]]:
    if not insisted and not is_torchvision_ssd(criterion) and whole_copy_of(criterion) is None:
        return {}
    own = [load_dialect(each) for each in ([dialect] if dialect else dialect_names(of_one_step=True))]
    try:
        _, runs, search = begun(criterion, None, None, own, time.monotonic() + seconds)
    except InputError:
        return {}
    if not runs.all_tried:
        return {}
    result = search.run(most_changes=0)
    if not result.explanations:
        every = []
        for name in dialect_names():
            yield
            every += [each for each in [load_dialect(name)] if not each.refine.first_step]
        # How long to go on is the business of whoever asks.
        search = replace(search, dialects=every, seconds=math.inf)
        result = yield from search.gradually(most_changes=1, likeliest=dialect)
    found = [each for each in result.explanations if not each.changes and dialect in each.names] or result.explanations
    return _fields(found[0], dialect) if len(found) == 1 else {}


def _fields(found: Explanation, dialect: str) -> dict[str, Any]:
    name = dialect if dialect in found.names else found.names[0]
    own = load_dialect(name)
    for change in found.changes:
        own = changed(own, change)
    # What its attributes say of single rules is either the same, or something that it does not follow.
    rules = asdict(own) if found.changes else {}
    return {"dialect": name, "rules": rules, "threshold": None, "neg_pos": None, "alpha": None}
