"""Runs a criterion on every case, and takes down what it returned or raised."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.identity.cases import cases
from ssdlossdbg.analysis.identity.makers import Case
from ssdlossdbg.analysis.identity.observed import Returned
from ssdlossdbg.analysis.identity.trials import Assigned, Trial, assigned_of, trial_of
from ssdlossdbg.default_device import by_users_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.live.losses import returned
from ssdlossdbg.probing.calls import Call, Given, Targets, calls_for
from ssdlossdbg.probing.copies import class_count, copy_of, give_priors, in_pixels, own_priors
from ssdlossdbg.results import RaisedOn, Recorded
from ssdlossdbg.rules import Dialect, Units

# Classes of the cases where a criterion takes any number, and the fewest that tell labels apart.
USUAL_CLASSES, FEWEST_CLASSES = 5, 4
# What a part of the loss is, of the whole, where it is nothing.
NOTHING = 1e-3
MOST_WORDS = 300
NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Runs:
    """What a criterion did with every case.

    Attributes:
        call: how it was called.
        cases: the inputs.
        trials: the same for any rules.
        returned: what it returned for each.
    """

    call: Call
    cases: tuple[Case, ...]
    trials: tuple[Trial, ...]
    returned: tuple[Returned, ...]

    @property
    def all_tried(self) -> bool:
        """Whether there was time for all cases."""
        return all(each.error != NOT_TRIED for each in self.returned)

    @property
    def raised(self) -> tuple[RaisedOn, ...]:
        """The cases that it refused."""
        pairs = zip(self.cases, self.returned, strict=True)
        return tuple(RaisedOn(case.name, each.error) for case, each in pairs if each.error)


@dataclass(frozen=True)
class Criterion:
    """A user's criterion, and how to run it.

    Attributes:
        function: what is called, of a copy.
        owner: the copy; None of a function.
        names: of its parameters.
        like: rules to match by, where the criterion is given encoded targets.
        classes: that the cases must have; None where any number will do.
        device: of the cases.
    """

    function: Callable[..., Any]
    owner: Any
    names: tuple[str, ...]
    like: Dialect
    classes: int | None
    device: torch.device

    def run(self, adapter: Callable[..., Any] | None, until: float) -> Runs:
        """Call it with every case.

        Args:
            adapter: of the user.
            until: when to stop, in the time of `time.monotonic`.

        Raises:
            InputError: no way to call it is known, or it raises on everything.
        """
        own = own_priors(self.owner)
        first_error = ""
        with quiet(self.device):
            for call in calls_for(self.owner, self.names, adapter):
                units = call.units or (Units.PIXELS if own is not None and in_pixels(own) else Units.NORMALIZED)
                asked = [case for case in self._cases(call) if call.targets is Targets.OBJECTS or not case.with_objects]
                if call.own_priors and own is None:
                    first_error = first_error or "it holds no priors that cases could have others in the place of"
                    continue
                pairs = [self._called(call, units, asked[0], own)]
                if pairs[0][1].error:
                    first_error = first_error or pairs[0][1].error
                    continue
                for case in asked[1:]:
                    late = time.monotonic() > until
                    pairs.append((None, Returned(error=NOT_TRIED)) if late else self._called(call, units, case, own))
                results = _in_order(asked, [result for _, result in pairs])
                trials = tuple(
                    trial_of(case, units, assigned) for case, (assigned, _) in zip(asked, pairs, strict=True)
                )
                return Runs(call, tuple(asked), trials, tuple(results))
        raise InputError(
            "criterion", f"could not be called: {first_error or 'nothing is known of its parameters'}", HOW
        )

    def _cases(self, call: Call) -> Sequence[Case]:
        classes = self.classes or USUAL_CLASSES
        lowest, highest = 1, classes - 2
        if classes < FEWEST_CLASSES:
            lowest, highest = 1 - call.label_offset, classes - 1 - call.label_offset
        return cases(classes, lowest, highest)

    def _called(self, call: Call, units: Units, case: Case, own: Tensor | None) -> tuple[Assigned | None, Returned]:
        assigned = None
        if call.targets is not Targets.OBJECTS:
            assigned = assigned_of(case, self.like, call.targets is Targets.OFFSETS)
        given = Given.of(case, units, self.device, assigned)
        owner = self.owner
        try:
            if own is not None:
                owner = copy_of(owner)
                give_priors(owner, own, given.priors.to(own))
            function = self.function if owner is self.owner else _same_method(self.function, owner)
            with by_users_default():
                output = function(**call.arguments(owner, given))
            return assigned, Returned(_recorded(output, len(case.loc)))
        except Exception as error:  # whatever a user's code raises is what is to be told
            return assigned, Returned(error=f"{type(error).__name__}: {error}".strip()[:MOST_WORDS])


HOW = (
    "Give it as adapter=f: f(loc, conf, priors, targets) returns the arguments that the criterion takes, as a tuple or "
    "by name; or wrap it in a function of exactly these parameters."
)


def _same_method(function: Callable[..., Any], owner: Any) -> Callable[..., Any]:
    """The same method of a copy of its owner."""
    method: Callable[..., Any] = getattr(owner, getattr(function, "__name__", "forward"))
    return method


def _recorded(output: Any, images: int) -> Recorded:
    if isinstance(output, Tensor) and output.numel() == images > 1:
        output = output.mean()  # a loss an image, of which training takes the mean
    found = returned(output)
    return found.recorded([float(value.detach()) for value in found.values])


def _in_order(asked: Sequence[Case], results: Sequence[Returned]) -> Sequence[Returned]:
    """The losses with localisation first: where nothing is to be moved, the smaller part is localisation."""
    for case, each in zip(asked, results, strict=True):
        said = each.recorded
        if not case.loc.any() and said.localization is not None and said.confidence is not None:
            if abs(said.confidence) < NOTHING * abs(said.localization):
                return [Returned(_turned(result.recorded), result.error) for result in results]
            break
    return results


def _turned(said: Recorded) -> Recorded:
    return Recorded(said.total, said.confidence, said.localization)


class quiet(ExitStack):  # noqa: N801  it is used as a function
    """No gradients, no lower precision, no warnings, and the random numbers of the training as they were.

    Args:
        device: that the criterion works on.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.enter_context(torch.no_grad())
        self.enter_context(torch.autocast(device.type, enabled=False))
        self.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
        self.callback(random.setstate, random.getstate())
        self.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002  what trainings use
        self.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")


def criterion_of(target: Any, method: str, names: tuple[str, ...], like: Dialect, classes: int | None) -> Criterion:
    """A criterion ready to be run, as a copy.

    Args:
        target: a module or a function.
        method: that is called in the place of the object itself; empty where it is the object.
        names: of the parameters.
        like: rules to match by, where the criterion is given encoded targets.
        classes: that the cases must have; None where the criterion says it, or takes any number.
    """
    inner = getattr(target, "_orig_mod", target)  # of what torch.compile returns
    is_module = hasattr(inner, "register_forward_pre_hook")
    owner = copy_of(inner)
    function = getattr(owner, method or "forward") if is_module else inner
    return Criterion(
        function=function,
        owner=owner if is_module else None,
        names=names,
        like=like,
        classes=classes or class_count(owner),
        device=_device(owner),
    )


def _device(owner: Any) -> torch.device:
    """Where a criterion works: where its tensors are; or on the GPU, where it says that it uses one."""
    for value in vars(owner).values() if hasattr(owner, "__dict__") else ():
        if isinstance(value, Tensor):
            return value.device
    if "_parameters" in getattr(owner, "__dict__", {}):
        for tensor in (*owner.buffers(), *owner.parameters()):
            return torch.device(tensor.device)
    if getattr(owner, "use_gpu", False) and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.get_default_device()
