"""The last batches of a training, judged by their losses, and saved where one is guilty."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from ssdlossdbg.live.around import SPEAKING, Around
from ssdlossdbg.live.budget import budgets
from ssdlossdbg.live.folder import FolderFullError, RunFolder
from ssdlossdbg.live.headers import Headers, recorded_of
from ssdlossdbg.live.held import Held, Holder, Readout
from ssdlossdbg.live.history import History
from ssdlossdbg.live.losses import returned
from ssdlossdbg.live.lost import Lost
from ssdlossdbg.live.names import LoaderNames
from ssdlossdbg.live.optimisers import Optimisers
from ssdlossdbg.live.options import SHARE, Options
from ssdlossdbg.live.plain import attributes_of, rules_of
from ssdlossdbg.live.probe import under_way
from ssdlossdbg.live.recipe import Recipe, Taken
from ssdlossdbg.live.recipes import adapted, by_name, recipe_for
from ssdlossdbg.live.spikes import Spikes
from ssdlossdbg.live.whose import Whose
from ssdlossdbg.results.captured import (
    ASKED,
    BEFORE,
    EVERY,
    NOT_FINITE,
    OTHER_RANK,
    RAISED,
    REASONS,
    SPIKE,
)

# So many failures of its own, and a capture stands aside.
MOST_FAILURES = 3
# Reasons that the batches before are saved for, too, and that the other ranks are told of.
GUILTY = (RAISED, NOT_FINITE, SPIKE)


class Recorder:
    """What every hook calls, of whatever thread; nothing that goes wrong here reaches the training.

    Args:
        options: what the user asked for.
        folder: where batches go.
        criterion: its qualified name.
        parameters: the names of the parameters that it is called with.
        around: what else it is to know of where it runs.
    """

    def __init__(
        self,
        options: Options,
        folder: RunFolder,
        criterion: str,
        parameters: Sequence[str],
        around: Around = SPEAKING,
    ) -> None:
        self.options, self.folder, self.criterion, self.parameters = options, folder, criterion, parameters
        self.names = LoaderNames(options.loader, options.names, around.last_loader)
        self._tell, self._warn = around.tell, around.warn
        self._holder = Holder(options.copy, self._warn)
        self.optimisers = Optimisers()
        self.spikes = Spikes(options.spike)
        self._budget, norms = budgets(options.share or SHARE)
        self._whose = Whose(self._budget, self._say_whose)
        self._headers = Headers(criterion, folder, self.names, self.optimisers, self.spikes, self._whose)
        self.recipe: Recipe | None = None
        self._first: Taken | None = None
        self.steps, self.failures, self.aside = 0, 0, False
        self.passed_by, self._trained = 0, False
        self._ring: deque[Held] = deque(maxlen=options.ring)
        self._pending: deque[Held] = deque()
        self._lock = threading.RLock()
        self._said_full = self._said_room = False
        self._lost = Lost(around.at_once, self._warn)
        self._history: History | None = None
        if options.share:
            self._history = History(folder.path, folder.suffix, (self._budget, norms), self._warn)

    def begin(self, owner: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Held | None:
        """Hold the arguments of a call of the criterion; None where it is none of a training.

        Args:
            owner: the module that is called, a replica of it in DataParallel's threads; None for a plain function.
            args: as the criterion was called.
            kwargs: likewise.
        """
        import torch

        if self.aside or torch.compiler.is_compiling() or under_way():
            return None
        validation = not torch.is_grad_enabled() or getattr(owner, "training", True) is False
        if validation and not self._looks_at_validation:
            self.passed_by += 1
            return None
        self._trained = self._trained or not validation
        with self._lock:
            try:
                with self._budget.spending(counts=False):
                    return self._hold(owner, args, kwargs, validation)
            except Exception as error:
                self._failed("could not take the batch", error)
                return None
            finally:
                self.steps += 1

    @property
    def _looks_at_validation(self) -> bool:
        """Whether calls without gradients count: where that is said, and of a pass whose batches are all to be kept.

        In a training such calls come after others, and are none of its steps.
        """
        asked = self.options.validation
        return bool(self.options.every) and not self._trained if asked is None else asked

    def end(self, held: Held, output: Any) -> None:
        """Take the losses that a call returned, and judge those that are there."""
        with self._lock:
            try:
                with self._budget.spending(counts=False):
                    self._introduce()
                    held.returned = returned(held.recipe.loss(output))
                    held.readout = Readout([value.detach() for value in held.returned.values])
                self._ring.append(held)  # here goes what a training would let go of itself: that is none of our time
                with self._budget.spending(counts=False):
                    self._pending.append(held)
                    self._judge_what_is_there()
                    self._look_around(held)
                    self._note(held)
                    self._whose.go_on()
            except Exception as error:
                self._failed("could not take the loss", error)

    def raised(self, held: Held, error: BaseException) -> None:
        """Save the batch on which the criterion raised."""
        with self._lock:
            try:
                self._introduce()
                held.error = f"{type(error).__name__}: {error}".strip()[:2000]
                self._ring.append(held)
                if self.options.on_error == "save":
                    self._save_guilty(held, RAISED, held.error)
            except Exception as own:
                self._failed("could not save the batch on which the criterion raised", own)

    def finish(self, reason: str, detail: str = "") -> None:
        """Save the last batch, unless it is saved already, and end.

        Args:
            reason: why the training ended.
            detail: more of it.
        """
        with self._lock:
            if self.aside:
                with contextlib.suppress(OSError):
                    self._say_lost(in_all=True)
                return
            try:
                self._judge_what_is_there(wait=True)
                if self._history is not None:
                    self._history.flush(self.optimisers, wait=True)
                self._save_what_others_ask_for()
                if self._ring:
                    self._save(self._ring[-1], reason, detail)
                self._say_lost(in_all=True)
                if self.folder.written:
                    self.folder.about["steps"] = self.steps
                    self.folder.write_summary()
            except Exception as error:
                self._failed("could not save the last batch", error)
            self.aside = True
            self._let_go()

    def stop(self) -> None:
        """End without saving anything."""
        with self._lock:
            self.aside = True
            self._let_go()

    def _let_go(self) -> None:
        self._ring.clear()
        self._pending.clear()
        if self._history is not None:
            self._history.close()
            self._history = None
        self.names.close()
        self.optimisers.close()

    def _hold(self, owner: Any, args: Sequence[Any], kwargs: Mapping[str, Any], validation: bool) -> Held:
        recipe, taken = self._take(owner, args, kwargs)
        tensors = self._holder.hold(taken.tensors, self._ring)
        held = Held(self.steps, tensors, taken.called, validation=validation, recipe=recipe)
        held.given = {key: weakref.ref(tensor) for key, tensor in taken.tensors.items()}
        held.attributes, held.rules = attributes_of(owner), rules_of(owner)
        held.header = taken.header
        held.rates = self.optimisers.rates
        held.indices = self.names.taken(held.images)
        return held

    def _take(self, owner: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Recipe, Taken]:
        if self.options.adapter is not None:
            taken = adapted(self.options.adapter, args, kwargs)
            recipe = self.recipe or Recipe(str(taken.header.get("dialect", "")), lambda *_: taken)
        else:
            given = by_name(self.parameters, args, kwargs)
            recipe = self.recipe or recipe_for(owner, given)
            taken = recipe.take(owner, given)
        if self.recipe is None:
            self.recipe, self._first = recipe, taken
            self._ask_whose(owner, recipe)
        return recipe, taken

    def _ask_whose(self, owner: Any, recipe: Recipe) -> None:
        """Have the criterion say whose rules it follows, where it may be asked."""
        asked, self._whose.called_as = self.options.identify, recipe.dialect
        alone = self.folder.world == 1 and self.options.adapter is None and hasattr(owner, "register_forward_pre_hook")
        if asked is not False and alone and not hasattr(owner, "_orig_mod"):
            self._whose.ask(owner, insisted=bool(asked))

    def _introduce(self) -> None:
        """Say once, when the first call is over, what was recognised, and put aside what an earlier run left."""
        if self.recipe is None or self._first is None:
            return
        taken, self._first = self._first, None
        if self.folder.rank == 0:
            self.folder.put_earlier_aside()
            whose = self._whose.words
            self._tell(f"capturing {self.criterion}, {whose}: {taken.words}; into {self.folder.path}")
        self.folder.about = {"criterion": self.criterion, "dialect": self._whose.dialect}
        if self._history is not None and not self._history.open(self._about):
            self._history = None

    @property
    def _about(self) -> dict[str, Any]:
        """What the heads of the history's files say of the run."""
        return {**self.folder.about, "rank": self.folder.rank, "world": self.folder.world}

    def _say_whose(self) -> None:
        """Say what was found out of the criterion's rules after the first step, here and in the files."""
        self._tell(f"{self.criterion} {self._whose.words_later}")
        self.folder.about["dialect"] = self._whose.dialect
        if self._history is not None:
            self._history.describe(self._about)

    def _note(self, held: Held) -> None:
        """Let the history have a step."""
        if self._history is not None:
            self._history.take(held, self.optimisers, self.names.epoch, self._headers)

    def _look_around(self, held: Held) -> None:
        """Save what somebody else asks for, or the steps count."""
        self._save_what_others_ask_for()
        if self.folder.requested():
            self._save(held, ASKED, "a file CAPTURE asked for it")
            self.folder.grant()
        every = self.folder.every
        if every and held.step % every == 0 and self._save(held, EVERY, "") and not self._said_room:
            self._said_room = True
            self._say_room(self.folder.written[self.folder.name(held.step)]["bytes"])

    def _say_room(self, size: int) -> None:
        """Say beforehand how much room the batches of the loader take, and where there is less."""
        words, enough = self.folder.room(size, self.options.loader)
        if words:
            (self._tell if enough else self._warn)(words)

    def _save_what_others_ask_for(self) -> None:
        mark = self.folder.mark()
        if mark is None:
            return
        if mark.reason == NOT_FINITE:
            self.spikes.finite = False  # the weights are spoilt from here on, on this rank too
        same = next((each for each in self._ring if each.step == mark.step), None)
        if same is None:
            self.folder.notes.append(f"rank {mark.rank} asked for step {mark.step}, which was not held any more")
        else:
            self._save(same, OTHER_RANK, f"rank {mark.rank}: {mark.reason}", because=mark.step)

    def _judge_what_is_there(self, wait: bool = False) -> None:
        while self._pending and (wait or self._pending[0].readout is None or self._pending[0].readout.ready):
            held = self._pending.popleft()
            reason, detail = ("", "") if held.validation else self.spikes.judge(recorded_of(held))
            if reason:
                self._save_guilty(held, reason, detail)

    def _save_guilty(self, held: Held, reason: str, detail: str) -> None:
        self.optimisers.want_norm()
        saved = self._save(held, reason, detail)
        for other in list(self._ring):
            if other.step < held.step:
                self._save(other, BEFORE, f"before step {held.step}", because=held.step)
        self._say_lost()
        if saved:
            self.folder.leave_mark(held.step, reason)

    def _save(self, held: Held, reason: str, detail: str, because: int | None = None) -> bool:
        """Write a batch, unless it is written already for as grave a reason; whether it was."""
        if held.saved and (reason not in GUILTY or REASONS.index(reason) >= REASONS.index(held.saved)):
            return False
        spoilt = held.spoilt
        if spoilt:
            self.folder.notes += self._lost.note(held.step, reason, spoilt)
            return False
        try:
            tensors = held.recipe.finish(dict(held.tensors)) if held.recipe else held.tensors
            self._whose.know()
            with self._budget.apart():
                self.folder.save(tensors, self._headers.of(held, reason, detail, because))
        except FolderFullError as error:
            if not self._said_full:
                self._warn(f"step {held.step}: not saved: {error}")
                self._said_full = True
            self.folder.notes.append(f"step {held.step} ({reason}) was not saved: the folder is full")
            return False
        held.saved = reason
        if reason in GUILTY:
            file = self.folder.path / self.folder.name(held.step)
            self._tell(f"step {held.step}: {reason} ({detail}): saved {file}; ssdlossdbg loss {file} explains it")
        return True

    def _say_lost(self, in_all: bool = False) -> None:
        """Say of batches that could not be saved when the first of them are, and at the end how many there were."""
        if self._lost.say(in_all):
            self.folder.write_summary()

    def _failed(self, what: str, error: Exception) -> None:
        self.failures += 1
        self.folder.notes.append(f"step {self.steps}: {what}: {type(error).__name__}: {error}")
        more = "; training goes on"
        if self.failures >= MOST_FAILURES:
            self.aside = True
            more = f"; after {MOST_FAILURES} failures the capture stands aside, and training goes on without it"
            self._let_go()
        self._warn(f"step {self.steps}: {what} ({type(error).__name__}: {error}){_hint(error)}{more}")


def _hint(error: Exception) -> str:
    if isinstance(error, LookupError):
        return "; give capture the criterion itself, or adapter=f, which is called alike and returns loc, conf, targets"
    return ""
