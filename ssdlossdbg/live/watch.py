"""Losses that nobody told of: classes are recognised as they are defined, and their calls recorded.

`cover` lays itself over the methods of classes that may be losses, and calls this.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

from ssdlossdbg.live.around import Around
from ssdlossdbg.live.folder import RunFolder
from ssdlossdbg.live.held import Held
from ssdlossdbg.live.looks import Look, look_at, parameters_of, qualified, shapes_of
from ssdlossdbg.live.names import Drawn
from ssdlossdbg.live.options import Options
from ssdlossdbg.live.probe import under_way
from ssdlossdbg.live.ranks import rank_and_world
from ssdlossdbg.live.recognise import IS_LOSS, METHODS, is_loss_call, may_be_loss
from ssdlossdbg.live.recorder import Recorder
from ssdlossdbg.results.captured import EXIT

# A criterion that is made anew at each step goes on with the recorder of the one before; where there are more than so
# many at a time, the last share one.
MOST_AT_A_TIME = 4
# Calls of other arguments than a loss's before an object is taken for none.
MOST_TRIES = 5
MOST_FAILURES = 3

# The number of an object, and its method.
Key = tuple[int, FunctionType]


@dataclass(eq=False)
class Slot:
    """The recorder of one criterion, or of several of a class one after the other.

    Attributes:
        function: the method that is recorded.
        owner: gives the criterion, while there is one.
        placed: whether its folder is decided, which the end of its first call does.
    """

    function: FunctionType
    kind: type
    owner: Callable[[], Any]
    recorder: Recorder
    placed: bool = False


@dataclass
class _Call:
    """A call under way."""

    slot: Slot
    held: Held
    key: Key
    superseded: str = ""


@dataclass
class Watch:
    """All losses of a process.

    Attributes:
        options: as of `capture`.
        path: the folder of the run.
        is_child: whether this is a process that the script started.
        looks: by qualified names of classes.
        warnings: what went wrong, in words.
        slots: of criteria that were called.
    """

    options: Options
    path: Path
    is_child: bool = False
    looks: dict[str, Look] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    _known: dict[Key, tuple[Any, Slot | None, int]] = field(default_factory=dict)
    _failures: int = 0
    _yielded: Drawn | None = None

    def __post_init__(self) -> None:
        """Be the one of the processes, too, that this one forks."""
        self._lock = threading.RLock()
        self._own = threading.local()
        os.register_at_fork(after_in_child=self._forked)

    def define(self, kind: type) -> list[tuple[str, FunctionType]]:
        """The methods of a class, by their names, that are to have their calls looked at."""
        found = []
        for name in METHODS:
            function = vars(kind).get(name)
            if isinstance(function, FunctionType) and may_be_loss(kind, name, parameters_of(function)):
                found.append((name, function))
        if found and any(IS_LOSS.search(text) for text in (kind.__name__, *(name for name, _ in found))):
            self.looks.setdefault(qualified(kind), look_at(kind))
        return found

    def note_loader(self, drawn: Drawn) -> None:
        """Take the loader that has just yielded."""
        self._yielded = drawn

    def begin(self, function: FunctionType, args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Call | None:
        """Hold the arguments of a call; None where it is no training step of an SSD."""
        if self._failures >= MOST_FAILURES or not args or under_way():
            return None
        try:
            return self._begin(function, args[0], args[1:], kwargs)
        except Exception as error:
            self._failed(error)
            return None

    def end(self, call: _Call, output: Any) -> None:
        """Take what it returned."""
        if self._is_over(call):
            call.slot.recorder.end(call.held, output)

    def raised(self, call: _Call, error: BaseException) -> None:
        """Take what it raised."""
        if self._is_over(call):
            call.slot.recorder.raised(call.held, error)

    def finish(self, reason: str = EXIT, detail: str = "") -> None:
        """Save the last batch of each criterion, and look no more; again, it does nothing."""
        with self._lock:
            for slot in self.slots:
                if slot.placed:
                    slot.recorder.finish(reason, detail)
                else:
                    slot.recorder.stop()
            self._failures = MOST_FAILURES

    @property
    def _stack(self) -> list[_Call]:
        if not hasattr(self._own, "stack"):
            self._own.stack = []
        stack: list[_Call] = self._own.stack
        return stack

    def _begin(
        self, function: FunctionType, owner: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> _Call | None:
        import torch

        if (not torch.is_grad_enabled() or getattr(owner, "training", True) is False) and not self.options.validation:
            if (look := self.looks.get(qualified(type(owner)))) is not None:
                look.validation += 1
            return None
        is_replica = getattr(owner, "_is_replica", False)  # DataParallel makes new ones at each step
        key = (id(type(owner) if is_replica else owner), function)
        with self._lock:
            slot = self._slot(key, owner, args, kwargs)
            held = None if slot is None else slot.recorder.begin(owner, args, kwargs)
        if slot is None or held is None:
            return None
        for outer in self._stack:
            outer.superseded = slot.recorder.criterion
        call = _Call(slot, held, key)
        self._stack.append(call)
        return call

    def _slot(self, key: Key, owner: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Slot | None:
        """The slot of a criterion; None where it is none of an SSD, or is captured by the script itself."""
        function = key[1]
        reference, slot, tries = self._known.get(key, (None, None, 0))
        if slot is not None or tries >= MOST_TRIES:
            return slot
        parameters = parameters_of(function)
        if _is_captured(owner):
            tries = MOST_TRIES
        elif is_loss_call(owner, parameters, args, kwargs):
            slot = self._slot_for(function, owner, parameters)
        else:
            tries += 1
            look = self.looks.setdefault(qualified(type(owner)), Look())
            look.others += 1
            look.arguments = look.arguments or shapes_of(args, kwargs)
        kept = self._known
        # The same number may be another object's once this one is gone.
        reference = reference or weakref.ref(owner, lambda _: kept.pop(key, None))
        self._known[key] = reference, slot, tries
        return slot

    def _slot_for(self, function: FunctionType, owner: Any, parameters: Sequence[str]) -> Slot:
        kind = type(owner)
        same = [slot for slot in self.slots if slot.function is function and slot.kind is kind]
        for slot in same:
            if slot.owner() is None:
                slot.owner = weakref.ref(owner)
                return slot
        if len(same) == MOST_AT_A_TIME:
            return same[-1]
        name = qualified(kind) + (f".{function.__name__}" if function.__name__ != "forward" else "")
        around = Around(_unheard, self.warnings.append, lambda: self._yielded, at_once=False)
        rank, world = rank_and_world()
        folder = RunFolder(self.path, self.options.most_bytes, rank, world, self.options.every)
        slot = Slot(function, kind, weakref.ref(owner), Recorder(self.options, folder, name, parameters, around))
        self.slots.append(slot)
        return slot

    def _is_over(self, call: _Call) -> bool:
        """Take a call off; whether it is to be recorded, because none was within it that is the loss itself."""
        with self._lock:
            stack = self._stack
            while stack and stack.pop() is not call:
                pass
            if call.superseded and not call.slot.placed:
                self._leave(call)
                return False
            if not call.slot.placed:
                self._place(call.slot)
            return True

    def _leave(self, call: _Call) -> None:
        """Leave a module alone that calls another criterion, which is the loss itself."""
        kind = call.slot.kind
        self.looks.setdefault(qualified(kind), Look()).calls = call.superseded
        self._known[call.key] = (self._known.get(call.key, (None,))[0], None, MOST_TRIES)
        if call.slot in self.slots:
            self.slots.remove(call.slot)
            call.slot.recorder.stop()

    def _place(self, slot: Slot) -> None:
        """Decide on the folder: the run's own for the first criterion, one in it for each other."""
        number = sum(other.placed for other in self.slots)
        folder, path = slot.recorder.folder, self.path
        if self.is_child and folder.world == 1:
            path = path / f"process-{os.getpid()}"
        folder.path = path / f"{number + 1}-{slot.kind.__name__}" if number else path
        slot.placed = True
        if number == 0 and self.is_child:
            self._finish_with_process()

    def _finish_with_process(self) -> None:
        """See to it that the last batch of a process of multiprocessing is saved: forked ones end without atexit."""
        with contextlib.suppress(Exception):
            from multiprocessing.util import Finalize

            Finalize(None, self.finish, exitpriority=100)

    def _forked(self) -> None:
        """Begin anew in a process that was forked: what the other one held is its own."""
        self._lock, self._own = threading.RLock(), threading.local()
        self.slots, self._known, self.warnings, self._yielded = [], {}, [], None
        self.is_child = True

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        more = "; it looks no more" if self._failures == MOST_FAILURES else ""
        self.warnings.append(f"run failed to look at a call ({type(error).__name__}: {error}){more}")


def _unheard(_: str) -> None:
    """Take what goes as it should: the closing paragraph says it."""


def _is_captured(owner: Any) -> bool:
    """Whether the script captures it by a line of its own."""
    from ssdlossdbg.live import capture

    return any(each.target is owner for each in capture._open)
