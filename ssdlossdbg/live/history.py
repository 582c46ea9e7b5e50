"""The history of a training: a row a step, and of sampled batches their objects, within a share of its time."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.live.above import from_above
from ssdlossdbg.live.budget import Budget
from ssdlossdbg.live.headers import Headers, recorded_of
from ssdlossdbg.live.rows import RowFile, last_step_before
from ssdlossdbg.results.captured import EVERY, is_name
from ssdlossdbg.results.history_rows import (
    FIRST,
    FOLDER,
    GROUPS,
    OBJECTS,
    PARTS_KNOWN,
    SAMPLED,
    SAVED,
    STEPS,
    TABLES,
    TOTAL_KNOWN,
    VALIDATION,
    Table,
    image_numbers,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ssdlossdbg.live.held import Held, Readout
    from ssdlossdbg.live.optimisers import Optimisers

# What the rows of one rank may take on the disk, by table.
MOST_BYTES = {"steps": 64_000_000, "groups": 64_000_000, "objects": 256_000_000}
NAMES = "images"
# So many batches in a row that cannot be sampled, and none is tried any more.
MOST_FAILURES = 3
# Rows of steps that wait for a disk that is full.
MOST_WAITING = 100_000


@dataclass
class _Waiting:
    """A step whose row is not complete yet.

    Attributes:
        held: its batch; its tensors are not kept.
        epoch: of the loader; 0 if not known.
        steps: how many steps any optimiser had made by then.
    """

    held: Held
    epoch: int
    steps: int
    marks: int
    norm: Readout | None = None


class History:
    """The files of a run's history, of one rank.

    Args:
        folder: of the run.
        suffix: what tells this rank's files from those of the others.
        budget: of what looking on may cost, and the norms of the gradients beside it.
        warn: called once with a line where batches cannot be sampled.
    """

    def __init__(self, folder: Path, suffix: str, budget: tuple[Budget, Budget], warn: Callable[[str], object]) -> None:
        self._folder, self._suffix, self._warn = folder / FOLDER, suffix, warn
        self._files: dict[str, RowFile] = {}
        self._start = 0  # of the steps of this process among those of the run
        self._waiting: deque[_Waiting] = deque()
        self._budget, self._norms = budget
        self._sampler: Any = None
        self._failures, self._said = 0, False  # one after the other
        self._rows: list[tuple[Any, ...]] = []
        self._begun, self._process = time.time(), os.getpid()
        self._named: set[int] = set()

    def open(self, about: Mapping[str, Any]) -> bool:
        """Begin, or go on where an earlier process ended; whether that can be done.

        Args:
            about: what the heads of the files say of the run.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for each in TABLES:
                self._files[each.name] = RowFile(self._path(each), each, about, MOST_BYTES[each.name])
            own = [file.last_step() for file in self._files.values()]
            # Of all ranks, of which one may have been killed before the others.
            others = [last_step_before(file, self._begun) for file in self._folder.glob(f"{STEPS.name}*.rows")]
            for file in self._files.values():
                file.claim()
        except OSError as error:
            self._warn(f"no history is kept: {error}")
            self.close()
            return False
        self._start = 1 + max([*own, *others])
        return True

    def describe(self, about: Mapping[str, Any]) -> None:
        """Have the heads of the files say something else of the run.

        Args:
            about: as of `open`.
        """
        try:
            for file in self._files.values():
                file.describe(about)
        except OSError as error:
            self._say(f"its files say less of the criterion than is known: {error}")

    def take(
        self,
        held: Held,
        optimisers: Optimisers,
        epoch: int,
        headers: Headers,
    ) -> None:
        """Note a step, and sample its batch if there is time for that.

        Args:
            held: its batch, whose criterion has returned.
            optimisers: of the training.
            epoch: of the loader; 0 if not known.
            headers: makes the header that the batch's file would have.
        """
        if os.getpid() != self._process:
            return  # that of whoever was forked
        if optimisers.told is None:  # a row is written as soon as all of it is known: a kill may come any time
            optimisers.told = lambda: self._stepped(optimisers)
        with self._budget.spending(counts=False):
            self.flush(optimisers)
            marks = (FIRST if not held.step else 0) | (VALIDATION if held.validation else 0)
        # Under rules that are found out later a sample would be of another loss.
        due = (self._sampler is None or self._budget.due) and not headers.whose.open
        if due and self._failures < MOST_FAILURES and not held.spoilt:
            marks |= SAMPLED if self._sampled(held, headers) else 0
        self._waiting.append(_Waiting(held.without_tensors(), epoch, optimisers.steps, marks))
        if not held.validation and self._norms.due:
            optimisers.want_norm()

    def _stepped(self, optimisers: Optimisers) -> None:
        if os.getpid() == self._process:
            with self._budget.spending(counts=False):
                self.flush(optimisers)

    def flush(self, optimisers: Optimisers, wait: bool = False) -> None:
        """Write the rows of steps whose numbers are there.

        Args:
            optimisers: of the training.
            wait: whether to wait for them.
        """
        while self._waiting:
            first = self._waiting[0]
            if first.norm is None and first.steps < optimisers.steps:
                first.norm = optimisers.norm_from(first.steps)
                if first.norm is not None:
                    self._norms.add(optimisers.took)
            there = [each.ready for each in (first.held.readout, first.norm) if each is not None]
            if not wait and not all(there):
                break
            self._rows.append(self._row(self._waiting.popleft()))
        if self._rows:
            self._write()

    def _write(self) -> None:
        """Write the rows of steps; those that a full disk refuses wait for the next time."""
        try:
            self._files[STEPS.name].append(np.array(self._rows, STEPS.dtype))
            self._rows = []
        except OSError as error:
            self._rows = self._rows[-MOST_WAITING:]
            self._say(f"its steps wait to be written: {error}")

    def _say(self, what: str) -> None:
        """Warn of what goes wrong here, once."""
        if not self._said:
            self._said = True
            self._warn(f"the history goes on, but {what}")

    def close(self) -> None:
        """Write no more."""
        for file in self._files.values():
            file.close()
        self._files = {}

    def _row(self, waiting: _Waiting) -> tuple[Any, ...]:
        held = waiting.held
        recorded = recorded_of(held)
        parts = recorded.localization is not None and recorded.confidence is not None
        known = (TOTAL_KNOWN if recorded.total is not None else 0) | (PARTS_KNOWN if parts else 0)
        return (
            self._start + held.step,
            held.time,
            waiting.epoch,
            waiting.marks | known | (SAVED if held.saved else 0),
            recorded.total or 0.0,
            recorded.localization or 0.0,
            recorded.confidence or 0.0,
            max(held.rates.last, default=float("nan")),
            float("nan") if waiting.norm is None else waiting.norm.read()[0],
        )

    @on_cpu_by_default
    def _sampled(self, held: Held, headers: Headers) -> bool:
        try:
            if self._sampler is None:
                with self._budget.spending(counts=False):
                    # It reads batches as every command does, and nothing else here does.
                    self._sampler = from_above("ssdlossdbg.api.sampling:Sampler")()
            with self._budget.spending():
                header = headers.of(held, EVERY)
                images = self._images(held, header.names)
                tensors: Mapping[str, Tensor] = dict(held.tensors)
                if held.recipe is not None:
                    tensors = held.recipe.finish(dict(tensors))
                groups, objects = self._sampler(tensors, header, images)
                for table, rows in ((GROUPS, groups), (OBJECTS, objects)):
                    rows["step"] = self._start + held.step
                    self._files[table.name].append(rows)
        except Exception as error:  # a batch that no command could read either, or a full disk
            self._failures += 1
            if self._failures == MOST_FAILURES:
                self._warn(f"step {held.step}: the history goes on without samples: {type(error).__name__}: {error}")
            else:
                self._say(f"step {held.step} could not be sampled: {type(error).__name__}: {error}")
            return False
        self._failures = 0
        return True

    def _images(self, held: Held, names: Sequence[str]) -> list[int]:
        """What numbers stand for the images of a batch; those that are new are named in a file of their own."""
        numbers = image_numbers(held.indices or (), names)
        told = dict(zip(numbers, names, strict=True)) if names and any(map(is_name, names)) else {}
        file = self._folder / f"{NAMES}{self._suffix}.jsonl"
        if self._named and not file.exists():  # somebody has taken it away
            self._named.clear()
        new = [(number, name) for number, name in told.items() if name and number not in self._named]
        if new:
            lines = "".join(json.dumps({"image": number, "name": name}) + "\n" for number, name in new)
            apart = "" if self._named else "\n"  # from a line that was torn when the run was killed
            with file.open("ab", buffering=0) as opened:
                opened.write((apart + lines).encode())
            self._named.update(number for number, _ in new)
        return numbers

    def _path(self, table: Table) -> Path:
        return self._folder / f"{table.name}{self._suffix}.rows"
