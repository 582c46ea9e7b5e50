"""A batch held by reference, and values that come from a device without waiting for it."""

from __future__ import annotations

import copy
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ssdlossdbg.live.rates import NOTHING_STEPPED, Rates

if TYPE_CHECKING:
    from torch import Tensor

    from ssdlossdbg.live.losses import Returned


class Readout:
    """Numbers of a device: at once on a CPU; from CUDA through pinned memory, behind an event, when they are there.

    Args:
        values: tensors of one number each, on one device.
    """

    def __init__(self, values: Sequence[Tensor]) -> None:
        self._values = list(values)
        self._event: Any = None
        self._pinned: Tensor | None = None
        self._numbers: list[float] | None = None
        if values and values[0].is_cuda:
            self._leave_device()

    def _leave_device(self) -> None:
        import torch

        stacked = torch.stack([value.detach().reshape(()).double() for value in self._values])
        self._pinned = torch.empty(stacked.shape, dtype=stacked.dtype, pin_memory=True)
        self._pinned.copy_(stacked, non_blocking=True)
        self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._event.record(torch.cuda.current_stream(stacked.device))
        self._values = []

    @property
    def ready(self) -> bool:
        """Whether the numbers can be read without waiting."""
        return self._event is None or bool(self._event.query())

    def read(self) -> list[float]:
        """The numbers; waits for them where they are not there yet."""
        if self._numbers is None:  # once: a loss may be changed in place after that, as `loss /= 4` does
            if self._event is not None:
                self._event.synchronize()
            values = self._values if self._pinned is None else self._pinned
            self._numbers = [float(value.detach()) for value in values]
        return self._numbers


@dataclass
class Held:
    """One call of the criterion.

    Attributes:
        step: how many came before it.
        tensors: by the keys that they have in the file, detached; never copied, unless that was asked for.
        given: the tensors as the criterion got them, not kept alive.
        versions: of each tensor when it was taken; another one later means that it was changed in place.
        overwritten: whether a later step was seen to write to the same memory.
        called: what the images are called by their targets, one an image; read only when it is saved, since that may
            wait for a device.
        indices: of the images in their dataset, None where they are not known.
        validation: whether it is no training step.
        returned: the criterion's losses, None until it returned.
        readout: their values, on their way.
        rates: of the optimiser's steps that made the weights it was computed with.
        saved: the reason that it was saved for; empty if it was not.
        attributes, rules: of the criterion, what is plain, and what of it sets rules. The criterion itself is not held:
            it may be made anew at each step.
    """

    step: int
    tensors: dict[str, Tensor]
    called: Sequence[Any] = ()
    indices: tuple[int, ...] | None = None
    validation: bool = False
    returned: Returned | None = None
    readout: Readout | None = None
    rates: Rates = NOTHING_STEPPED
    error: str = ""
    saved: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    recipe: Any = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, float] = field(default_factory=dict)
    time: float = field(default_factory=time.time)
    versions: dict[str, int] = field(default_factory=dict)
    given: Mapping[str, weakref.ref[Tensor]] = field(default_factory=dict)
    overwritten: bool = False

    def __post_init__(self) -> None:
        self.versions = {key: tensor._version for key, tensor in self.tensors.items()}

    def without_tensors(self) -> Held:
        """The same call, for whoever asks later and must not keep its memory."""
        made = copy.copy(self)
        made.tensors, made.versions, made.given, made.called, made.recipe = {}, {}, {}, (), None
        return made

    @property
    def spoilt(self) -> list[str]:
        """The tensors that were changed in place since they were taken."""
        changed = [key for key, tensor in self.tensors.items() if tensor._version != self.versions[key]]
        return changed or (list(self.given)[:1] if self.overwritten else [])

    @property
    def images(self) -> int:
        """How many there are."""
        first = next(iter(self.tensors.values()), None)
        return 0 if first is None else len(first)


class Holder:
    """Holds tensors off the graph, on the memory that they have, or copies where the next step writes to that.

    CUDA graphs write each step's outputs to the same place, and nothing tells so of the tensors: neither are they the
    same objects, nor do their versions count it. But while a batch is held its memory cannot be given out again, so a
    later prediction that stands there was written over it.

    Args:
        copy: whether to copy from the first step on.
        warn: called once with a line where copies turn out to be needed.
    """

    def __init__(self, copy: bool, warn: Callable[[str], object]) -> None:
        self._copy, self._warn = copy, warn

    def hold(self, tensors: Mapping[str, Tensor], earlier: Iterable[Held]) -> dict[str, Tensor]:
        """The tensors of a step, detached.

        Args:
            tensors: as the criterion got them.
            earlier: the batches that are held; those that these tensors have overwritten are marked.
        """
        if not self._copy:
            computed = [(key, each) for key, each in tensors.items() if each.grad_fn is not None and each.numel()]
            lost = [held for held in earlier if any(_is_over(*each, held) for each in computed)]
            for held in lost:
                held.overwritten = True
            if lost:
                self._copy = True
                self._warn(
                    f"predictions are written to the memory of those of step {lost[-1].step}, as by CUDA graphs: "
                    "copies are held from here on; copy=True, or --copy of run, holds them from the first step"
                )
        if self._copy:
            return {key: tensor.detach().clone() for key, tensor in tensors.items()}
        return {key: tensor.detach() for key, tensor in tensors.items()}


def _is_over(key: str, tensor: Tensor, held: Held) -> bool:
    """Whether what a network computed stands where an earlier step's did, and is not that tensor itself."""
    other = held.tensors.get(key)
    if other is None or held.given[key]() is tensor:
        return False
    return tensor.data_ptr() == other.data_ptr()
