"""The two steps of RefineDet: (arm_loc, arm_conf, odm_loc, odm_conf, priors), or a mapping with those keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.saved.native import background_first, values_last, x_first
from ssdlossdbg.rules import NativeSpec

FIRST_KEYS, SECOND_KEYS = ("arm_loc", "arm_conf"), ("odm_loc", "odm_conf")
STEP_KEYS = (*FIRST_KEYS, *SECOND_KEYS)
SAVE_BOTH = f"Save both steps: ({', '.join(STEP_KEYS)}, priors), or a dict with those keys."


@dataclass(frozen=True)
class FirstStep:
    """What the first step predicts.

    Attributes:
        loc: `[B, P, 4]` offsets that move the priors, in the dtype of the second step's.
        conf: `[B, P, 2]` logits of background and object.
    """

    loc: Tensor
    conf: Tensor

    def to(self, device: torch.device) -> FirstStep:
        """The same on a device."""
        return FirstStep(self.loc.to(device), self.conf.to(device))


def holds_steps(saved: Any) -> bool:
    """Whether both steps were saved, or something that is meant so."""
    if isinstance(saved, Mapping):
        return any(key in saved for key in STEP_KEYS)
    if not isinstance(saved, (tuple, list)) or len(saved) not in (4, 5):
        return False
    parts = saved[:4]
    batched = all(isinstance(part, Tensor) and part.ndim == 3 for part in parts)
    return batched and [part.shape[-1] for part in parts[:3]] == [4, 2, 4]


def split_steps(saved: Any, where: str) -> tuple[Any, tuple[Any, Any] | None, str]:
    """The second step as a mapping with loc, conf and priors; what the first predicts; and what was saved, in words.

    Predictions of one step are returned as they are, with None and an empty text.

    Raises:
        InputError: some of the four are missing.
    """
    if not holds_steps(saved):
        return saved, None, ""
    if isinstance(saved, Mapping):
        missing = [key for key in STEP_KEYS if key not in saved]
        if missing:
            known = [key for key in STEP_KEYS if key in saved]
            raise InputError(where, f"has {', '.join(known)}, but not {', '.join(missing)}", SAVE_BOTH)
        loc, conf, *second = (saved[key] for key in STEP_KEYS)
        priors = [saved["priors"]] if "priors" in saved else []
        words = "a mapping with {}"
    else:
        loc, conf, *second = saved[:4]
        priors, words = list(saved[4:]), "({})"
    names = ("loc", "conf", "priors")
    parts = dict(zip(names, (*second, *priors), strict=False))
    return parts, (loc, conf), words.format(", ".join((*STEP_KEYS, *names[2 : 2 + len(priors)])))


def recognise_first(saved: tuple[Any, Any], loc: Tensor, where: str, spec: NativeSpec) -> FirstStep:
    """The first step in the canonical order.

    Args:
        saved: its loc and conf.
        loc: `[B, P, 4]` of the second step.
        where: the file, for errors.
        spec: the order that both steps are in.

    Raises:
        InputError: other shapes than the second step's, or no floats.
    """
    wanted = ((*loc.shape[:2], 4), (*loc.shape[:2], 2))
    own = []
    for key, part, shape in zip(FIRST_KEYS, saved, wanted, strict=True):
        if not isinstance(part, Tensor):
            raise InputError(f"{where}, {key}", f"is a {type(part).__name__}", "Save the network's output.")
        canonical = values_last(part, spec)
        if canonical.shape != shape or not part.is_floating_point():
            what = f"holds {part.dtype} of shape {list(part.shape)}"
            fix = f"Expected float {list(shape)}, for the priors of {SECOND_KEYS[0]}, as the network returned it."
            raise InputError(f"{where}, {key}", what, fix)
        own.append(canonical.detach())
    return FirstStep(x_first(own[0], spec), background_first(own[1], spec))
