"""Priors from wherever the user has them: a preset, a config file, or a tensor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.boxes import xyxy_to_cxcywh
from ssdlossdbg.multibox.priors import Priors, generate_priors, infer_levels
from ssdlossdbg.multibox.rounding import Held
from ssdlossdbg.readers.prior_configs import load_prior_config, preset_codebase, preset_names, presets_with
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.native import own_priors
from ssdlossdbg.readers.saved.tensor_files import TENSOR_ENDINGS, Saved, Tensors, as_saved
from ssdlossdbg.rules import MOST_PRIORS, Dialect, NativeSpec, settings_in_pixels

PriorSource = str | PathLike[str] | Tensors
DEFAULT_IMAGE_SIZE = (300, 300)
SAY_IMAGE_SIZE = "Say of what input: --image-size 300."
# Beyond any prior in units of the image, far below any in pixels.
LARGEST_NORMALIZED = 4.0
# Beyond any input in pixels; float32 overflows in areas of what lies further.
FARTHEST = 1e6
SAME_PRIORS = 1e-5
# Code of the finding that explains a refusal.
NON_FINITE = "PRI003"


@dataclass(frozen=True)
class NamedPriors:
    """Priors, and how to speak of them.

    Attributes:
        name: the preset's or file's name.
        codebase: whose preset it is; empty for the user's own.
        priors: the boxes with their levels.
        image_size_known: False where the pixels of the network's input had to be assumed.
        choice: why these, where nobody named or saved any and the number of classes decides; else empty.
        chosen_for: that number, background included; None where it is not known, or decides nothing.
        overruled: those that the predictions were saved with, where they are others than these.
        assumed: whether they are merely those that the codebase takes, and as many.
    """

    name: str
    codebase: str
    priors: Priors
    image_size_known: bool = True
    overruled: NamedPriors | None = None
    choice: str = ""
    chosen_for: int | None = None
    assumed: bool = False


@on_cpu_by_default
def load_priors(
    source: PriorSource, layout: SavedLayout = SavedLayout(), dialect: Dialect | None = None
) -> NamedPriors:
    """Priors by preset name, config file or saved tensor.

    Args:
        source: a preset ("ssd300"), a `.toml` or `.json` config, a `.pt`, `.npy`, `.npz` or `.safetensors` tensor
            `[P, 4]` (in an archive: the only array, or the one called priors), or such a tensor itself.
        layout: of a tensor; its image size is for one that is no preset.
        dialect: whose own order a tensor is in, if the layout says that it is.

    Raises:
        InputError: unknown name, unusable file, or a tensor of another shape.
    """
    if isinstance(source, (str, PathLike)) and Path(source).suffix.lower() not in TENSOR_ENDINGS:
        return _of_config(str(source))
    saved, native = as_saved(source, "priors"), layout.own(dialect)
    boxes = own_priors(_only_tensor(saved), native.native if native else NativeSpec())
    # A copy: priors may be kept for long, and their file be saved anew.
    return recognise_priors(boxes.clone(), saved.where, layout)


def recognise_priors(boxes: Tensor, where: str, layout: SavedLayout = SavedLayout(), codebase: str = "") -> NamedPriors:
    """A saved prior tensor, with levels from the preset that it equals, else from the spacing of its centres.

    Args:
        boxes: `[P, 4]`, normalised, or in pixels of `image_size`.
        where: the file, for messages and for the name of priors that are no preset.
        layout: how the boxes are written, and of what input.
        codebase: whose preset to prefer where several are equal.

    Raises:
        InputError: another shape, nan or inf, or pixels without an image size.
    """
    saved = boxes
    boxes = normalised_priors(saved, where, layout)
    held = _held(saved, layout)
    preset = _equal_preset(boxes, codebase)
    if preset:
        return replace(preset, priors=replace(preset.priors, boxes=boxes, held=held))
    size = layout.image_size or DEFAULT_IMAGE_SIZE
    levels, order = infer_levels(boxes, size)
    return NamedPriors(Path(where).name, "", Priors(boxes, size, levels, order, held), layout.image_size is not None)


def as_named(priors: NamedPriors | PriorSource, layout: SavedLayout, dialect: Dialect) -> NamedPriors:
    """What `load_priors` returned, or returns now; arguments and errors as of that."""
    return priors if isinstance(priors, NamedPriors) else load_priors(priors, layout, dialect)


def normalised_priors(boxes: Tensor, where: str, layout: SavedLayout) -> Tensor:
    """`[P, 4]` float32 cxcywh of a saved prior tensor; arguments and errors as of `recognise_priors`."""
    if boxes.ndim != 2 or boxes.shape[-1] != 4 or not boxes.is_floating_point() or not len(boxes):
        found = f"holds {boxes.dtype} of shape {list(boxes.shape)}"
        raise InputError(f"{where}, priors", found, "Expected float [P, 4].")
    if len(boxes) > MOST_PRIORS:
        found = f"holds {len(boxes):,} priors, and at most {MOST_PRIORS:,} are looked at"
        raise InputError(f"{where}, priors", found, "Save those of one network, once.")
    boxes = boxes.detach().float()
    wrong = (~boxes.isfinite()).any(1).nonzero().flatten()
    if len(wrong):
        found = f"is ({', '.join(f'{value:g}' for value in boxes[wrong[0]].tolist())})"
        fix = "Priors are finite numbers; save them again."
        raise InputError(f"{where}, priors[{int(wrong[0])}]", found, fix, NON_FINITE)
    wrong = (boxes.abs() > FARTHEST).any(1).nonzero().flatten()
    if len(wrong):
        found = f"is ({', '.join(f'{value:g}' for value in boxes[wrong[0]].tolist())})"
        raise InputError(f"{where}, priors[{int(wrong[0])}]", found, "No prior lies so far off; save them again.")
    if _in_pixels(boxes, layout):
        if layout.image_size is None:
            lowest, highest = float(boxes.min()), float(boxes.max())
            found = f"reach {lowest if -lowest > highest else highest:g}, so they are in pixels"
            raise InputError(f"{where}, priors", found, SAY_IMAGE_SIZE)
        boxes = boxes / boxes.new_tensor([*layout.image_size, *layout.image_size])
    return xyxy_to_cxcywh(boxes) if layout.prior_format == "xyxy" else boxes


def _in_pixels(boxes: Tensor, layout: SavedLayout) -> bool:
    """Whether centres are in pixels; sizes do not tell, since they may be wrong (PRI009)."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 if layout.prior_format == "xyxy" else boxes[:, :2]
    return float(centres.abs().max()) > LARGEST_NORMALIZED


def _held(boxes: Tensor, layout: SavedLayout) -> Held | None:
    """Sound priors as they were saved, to the last bit; None where that is float32 centre and size as fractions."""
    boxes, corners, factor = boxes.detach().cpu(), layout.prior_format == "xyxy", layout.image_size
    if _in_pixels(boxes.float(), layout):
        assert factor is not None
        return Held(boxes.double() / torch.tensor((*factor, *factor)), corners)
    return Held(boxes.double(), corners) if corners or boxes.dtype is torch.float64 else None


def default_priors(dialect: Dialect, classes: int | None) -> NamedPriors:
    """The priors that a dialect's codebase trains on.

    Args:
        dialect: whose.
        classes: how many, background included; None if that is not known.
    """
    usual = dialect.priors_for(classes)
    named = _preset(usual) if usual in preset_names() else load_priors(usual)
    rule = dialect.class_priors
    if not rule.otherwise or rule.preset != dialect.prior_config:
        return named
    known = f"as {dialect.name} takes for {classes} classes, background included"
    unknown = f"for {rule.classes} classes, assumed: --classes says otherwise"
    return replace(named, choice=known if classes else unknown, chosen_for=classes)


def check_image_size(named: NamedPriors, dialects: Iterable[Dialect]) -> None:
    """Refuse to assume the size of the input where figures depend on it.

    Raises:
        InputError: the size is not known, and a dialect has a setting in pixels.
    """
    for dialect in dialects:
        settings = settings_in_pixels(dialect)
        if settings and not named.image_size_known:
            what = f"say nothing of the input's size, but {dialect.name} has {' and '.join(settings)} in pixels"
            raise InputError(f"the priors of {named.name}", what, SAY_IMAGE_SIZE)


def _of_config(name: str) -> NamedPriors:
    config = load_prior_config(name)
    return NamedPriors(config.name, config.codebase, generate_priors(config.spec))


def _equal_preset(boxes: Tensor, codebase: str) -> NamedPriors | None:
    # The codebase's own first; then the short names, which are the best known.
    for name in sorted(presets_with(len(boxes)), key=lambda name: (preset_codebase(name) != codebase, len(name))):
        preset = _preset(name)
        if torch.allclose(preset.priors.boxes, boxes, rtol=0, atol=SAME_PRIORS):
            return preset
    return None


def presets_of(count: int) -> tuple[NamedPriors, ...]:
    """The shipped presets of so many priors, the short names first."""
    return tuple(_preset(name) for name in sorted(presets_with(count), key=len))


# Of a file that is not the user's, so that it stays the same, and for nobody to change: `check` compares each batch of
# a folder with it, and a training loop takes it in every iteration.
_preset = cache(_of_config)


def _only_tensor(saved: Saved) -> Tensor:
    value: Any = saved.value
    if isinstance(value, dict):
        value = value.get("priors", next(iter(value.values())) if len(value) == 1 else value)
    if isinstance(value, (list, tuple)) and len(value) in (3, 5) and isinstance(value[-1], Tensor):
        value = value[-1]  # of predictions, of one step or two
    if not isinstance(value, Tensor):
        found = f"holds {type(value).__name__}, not a prior tensor"
        raise InputError(saved.where, found, "Save one float [P, 4] tensor, in an archive under the key priors.")
    return value
