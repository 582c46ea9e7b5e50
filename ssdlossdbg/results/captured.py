"""What a capture says of a batch beside its tensors: the header of a captured file, and of what was saved by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# The key of a safetensors file's metadata under which the header stands, as JSON.
HEADER_KEY = "ssdlossdbg"
# Raised where a reader of an older header would misread a newer one.
HEADER_VERSION = 1
# The name of rules that are no shipped dialect's, and have no name of their own.
OWN_RULES = "own rules"
CAPTURED_NAME = r"step(\d{7,})(?:\.rank(\d+))?\.safetensors"

# Under which keys loaders say which image a mapping of targets is about, the plainest first.
NAME_KEYS = ("file_name", "filename", "path", "img_path", "image_path", "image_id")

# Why a batch was saved, the gravest first.
RAISED, NOT_FINITE, SPIKE, OTHER_RANK, BEFORE = "raised", "not finite", "spike", "another rank", "before"
EVERY, ASKED, INTERRUPTED, EXIT = "every", "asked", "interrupted", "exit"
REASONS = (RAISED, NOT_FINITE, SPIKE, OTHER_RANK, ASKED, INTERRUPTED, EXIT, EVERY, BEFORE)


@dataclass(frozen=True)
class Recorded:
    """The loss that the user's own code returned, normalised as that code does.

    Attributes:
        total, localization, confidence: None what is not known; the total is both parts, where only those are known.
    """

    total: float | None = None
    localization: float | None = None
    confidence: float | None = None

    @property
    def known(self) -> bool:
        """Whether there is any value."""
        return any(value is not None for value in (self.total, self.localization, self.confidence))

    def words(self, form: str) -> str:
        """What is known, in words: the total, then the parts in brackets.

        Args:
            form: how each value is written, as in `format`.
        """
        parts = [("loc", self.localization), ("conf", self.confidence)]
        known = ", ".join(f"{name} {value:{form}}" for name, value in parts if value is not None)
        if self.total is None:
            return known
        return f"{self.total:{form}} ({known})" if known else f"{self.total:{form}}"


@dataclass(frozen=True)
class Captured:
    """The header of a captured batch.

    Attributes:
        step: how many batches the loss had seen before, from 0.
        reason: why it was saved, one of `REASONS`; `detail` says more of it, in words.
        because: the step that it was saved for, of a batch before that, or of another rank.
        recorded: what the criterion returned; nothing where it raised.
        precision: by what share of themselves those may be off, because they were computed in half precision.
        error: what it raised, in words; empty if nothing.
        dialect: whose loss it was taken for; empty if not known.
        native: whether the tensors are in that codebase's own order.
        prior_format: how the priors are written: cxcywh or xyxy.
        image_size: (width, height) of the network's input in pixels, where it is known.
        threshold, neg_pos, alpha: what the criterion has for the dialect's own; None where it does not say.
        rules: by section, all that the criterion follows, where it can say so; empty where only the dialect is known.
        changed: in which rules those are others than the dialect's of that name, in words; told where it is read.
        target_units: what boxes of targets are measured in; empty where that is to be recognised.
        indices: of the images in their dataset; empty if not known.
        names: of the images; empty text for one without, and no name at all where none is known.
        criterion: its qualified class or function name.
        attributes: plain attributes of the criterion.
        epoch_time: seconds since 1970 in UTC.
        lr: of each parameter group of the optimiser that stepped last, at that step.
        usual_lr: the median of its highest rate over its last steps; None where there are too few.
        peak_lr: the highest rate of the few steps before the batch; None where that is not known.
        peak_lr_steps_ago: how many of the optimiser's steps came between that one and the batch.
        gradient_norm: L2 norm of all gradients at the optimiser's step number `gradient_norm_step`, from 0.
        median: of the losses before; None while there are too few.
        validation: whether it was no training step.
        rank, world: of the process, in distributed training.
        version: of this header.
    """

    step: int
    reason: str
    detail: str = ""
    because: int | None = None
    recorded: Recorded = Recorded()
    precision: float = 0.0
    error: str = ""
    dialect: str = ""
    native: bool = False
    prior_format: str = "cxcywh"
    image_size: tuple[int, int] | None = None
    threshold: float | None = None
    neg_pos: float | None = None
    alpha: float | None = None
    rules: Mapping[str, Any] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    target_units: str = ""
    indices: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    criterion: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    epoch_time: float = 0.0
    lr: tuple[float, ...] = ()
    usual_lr: float | None = None
    peak_lr: float | None = None
    peak_lr_steps_ago: int = 0
    gradient_norm: float | None = None
    gradient_norm_step: int | None = None
    median: float | None = None
    validation: bool = False
    rank: int = 0
    world: int = 1
    version: int = HEADER_VERSION

    def to_json(self) -> str:
        """The header as it stands in the file."""
        return plain_json(asdict(self))


def plain_json(document: object) -> str:
    """Valid JSON of plain data: nan and infinities are strings, as in every document of this package."""
    return json.dumps(_finite(document), allow_nan=False, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def named_in(target: Any) -> str:
    """What a mapping of an image's targets calls that image; empty where it does not.

    Args:
        target: values may be texts, numbers, or tensors of one number.
    """
    if not isinstance(target, Mapping):
        return ""
    for key in NAME_KEYS:
        value: Any = target.get(key)
        if hasattr(value, "numel") and value.numel() == 1:
            value = value.item()
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        if isinstance(value, str) and value:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return f"{key} {value:.15g}"
    return ""


def is_name(text: str) -> bool:
    """Whether what `named_in` returned is a name, and not merely a number under a key."""
    return bool(text) and not text.startswith(tuple(f"{key} " for key in NAME_KEYS))
