"""The learning rate and the norm of the gradients, seen where any optimiser steps: the user passes neither."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ssdlossdbg.live.held import Readout
from ssdlossdbg.live.rates import Rates
from ssdlossdbg.live.spikes import WINDOW

if TYPE_CHECKING:
    from torch import Tensor

# The norm reads every parameter, which takes longer than all else: once in so many steps, and where a batch is saved.
NORM_EVERY = 100


class Optimisers:
    """A look at every step of every optimiser of the process, until it is closed."""

    def __init__(self) -> None:
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        self._handle: Any = register_optimizer_step_pre_hook(self._before_step)
        self._last: tuple[float, ...] = ()
        self._highest: dict[int, deque[float]] = {}
        self._stepped = 0  # the id of the optimiser that did so last
        self._steps = 0
        self._wanted = True
        self._norm: tuple[int, Readout] | None = None
        self.took = 0.0  # seconds, for the last norm
        self.told: Callable[[], None] | None = None  # called at each step, when what is to be known of it is

    @property
    def rates(self) -> Rates:
        """Those of the steps until now."""
        return Rates.of(self._last, list(self._highest.get(self._stepped, ())))

    def norm(self) -> tuple[int | None, float | None]:
        """(step, L2 norm of all gradients) of the last step at which it was taken."""
        if self._norm is None:
            return None, None
        step, readout = self._norm
        return step, readout.read()[0]

    @property
    def steps(self) -> int:
        """How many steps there were."""
        return self._steps

    def norm_from(self, step: int) -> Readout | None:
        """The norm at a step of the optimiser, or one after it; None where it was last taken before."""
        return self._norm[1] if self._norm is not None and self._norm[0] >= step else None

    def want_norm(self) -> None:
        """Take the norm at the next step, whichever that is."""
        self._wanted = True

    def close(self) -> None:
        """Look no more."""
        self._handle.remove()
        self.told = None

    def _before_step(self, optimiser: Any, *_: Any) -> None:
        try:
            self._note_rates(optimiser)
            if self._wanted or self._steps % NORM_EVERY == 0:
                self._wanted = False
                begun = time.perf_counter()
                total = _total_norm(optimiser)
                self.took = time.perf_counter() - begun
                if total is not None:
                    self._norm = self._steps, Readout([total])
            self._steps += 1
            if self.told is not None:
                self.told()
        except Exception:  # an optimiser of another kind: nothing here is worth a step of training
            self._last, self._stepped = (), 0

    def _note_rates(self, optimiser: Any) -> None:
        rates = [group["lr"] for group in optimiser.param_groups if "lr" in group]
        if any(getattr(rate, "is_cuda", False) for rate in rates):  # to read one waits for the device
            rates = []
        self._last, self._stepped = tuple(map(float, rates)), id(optimiser)
        if rates:
            self._highest.setdefault(self._stepped, deque(maxlen=WINDOW)).append(max(self._last))


def _total_norm(optimiser: Any) -> Tensor | None:
    import torch

    with torch.no_grad():
        norms = [
            torch.linalg.vector_norm(parameter.grad)
            for group in optimiser.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and not parameter.grad.is_sparse
        ]
        return torch.linalg.vector_norm(torch.stack([norm.to(norms[0].device) for norm in norms])) if norms else None
