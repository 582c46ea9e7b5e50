"""Priors from wherever the user has them: a preset, a config file, or a saved tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.boxes import xyxy_to_cxcywh
from ssdlossdbg.multibox.priors import Priors, generate_priors, infer_levels
from ssdlossdbg.readers.native import own_priors
from ssdlossdbg.readers.prior_configs import PriorConfig, load_prior_config, preset_names
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.tensors import load_tensors
from ssdlossdbg.rules import Dialect, LevelSpec, NativeSpec

TENSOR_ENDINGS = frozenset({".pt", ".pth", ".npy", ".npz", ".safetensors"})
DEFAULT_IMAGE_SIZE = (300, 300)
# Beyond any prior in units of the image, far below any in pixels.
LARGEST_NORMALIZED = 4.0
SAME_PRIORS = 1e-5
# How many cells a side a feature map may be off for its size to explain a gap: rounding down instead of up, on the
# way from 300 pixels to 38 cells, costs one or two.
CELLS_OFF = 2
# Codes of the findings that explain a refusal.
COUNT, REPEATED, NON_FINITE = "PRI001", "PRI002", "PRI003"


@dataclass(frozen=True)
class NamedPriors:
    """Priors, and how to speak of them.

    Attributes:
        name: the preset's or file's name.
        codebase: whose preset it is; empty for the user's own.
        priors: the boxes with their levels.
        image_size_known: False where the pixels of the network's input had to be assumed.
        overruled: those that the predictions were saved with, where they are others than these.
    """

    name: str
    codebase: str
    priors: Priors
    image_size_known: bool = True
    overruled: NamedPriors | None = None


def load_priors(source: str, layout: SavedLayout = SavedLayout(), dialect: Dialect | None = None) -> NamedPriors:
    """Priors by preset name, config file or saved tensor.

    Args:
        source: a preset ("ssd300"), a `.toml` or `.json` config, or a `.pt`, `.npy`, `.npz` or `.safetensors` tensor
            `[P, 4]` (in an archive: the only array, or the one called priors).
        layout: of a saved tensor; its image size is for one that is no preset.
        dialect: whose own order a saved tensor is in, if the layout says that it is.

    Raises:
        InputError: unknown name, unusable file, or a tensor of another shape.
    """
    path = Path(source)
    if path.suffix.lower() not in TENSOR_ENDINGS:
        config = load_prior_config(source)
        return NamedPriors(config.name, config.codebase, generate_priors(config.spec))
    native = layout.own(dialect)
    boxes = own_priors(_only_tensor(load_tensors(path), path), native.native if native else NativeSpec())
    return recognise_priors(boxes, path, layout)


def recognise_priors(
    boxes: Tensor, where: Path, layout: SavedLayout = SavedLayout(), codebase: str = ""
) -> NamedPriors:
    """A saved prior tensor, with levels from the preset that it equals, else from the spacing of its centres.

    Args:
        boxes: `[P, 4]`, normalised, or in pixels of `image_size`.
        where: the file, for messages and for the name of priors that are no preset.
        layout: how the boxes are written, and of what input.
        codebase: whose preset to prefer where several are equal.

    Raises:
        InputError: another shape, nan or inf, or pixels without an image size.
    """
    if boxes.ndim != 2 or boxes.shape[-1] != 4 or not boxes.is_floating_point() or not len(boxes):
        found = f"holds {boxes.dtype} of shape {list(boxes.shape)}"
        raise InputError(f"{where}, priors", found, "Expected float [P, 4].")
    boxes = boxes.detach().float()
    wrong = (~boxes.isfinite()).any(1).nonzero().flatten()
    if len(wrong):
        found = f"is ({', '.join(f'{value:g}' for value in boxes[wrong[0]].tolist())})"
        fix = "Priors are finite numbers; save them again."
        raise InputError(f"{where}, priors[{int(wrong[0])}]", found, fix, NON_FINITE)
    if float(boxes.abs().max()) > LARGEST_NORMALIZED:
        if layout.image_size is None:
            found = f"reach {float(boxes.max()):g}, so they are in pixels"
            raise InputError(f"{where}, priors", found, "Say of what input: --image-size 300.")
        boxes = boxes / boxes.new_tensor([*layout.image_size, *layout.image_size])
    boxes = xyxy_to_cxcywh(boxes) if layout.prior_format == "xyxy" else boxes
    preset = _equal_preset(boxes, codebase)
    if preset:
        priors = Priors(boxes, preset.spec.image_size, preset.spec.levels, preset.spec.order)
        return NamedPriors(preset.name, preset.codebase, priors)
    size = layout.image_size or DEFAULT_IMAGE_SIZE
    levels, order = infer_levels(boxes, size)
    return NamedPriors(where.name, "", Priors(boxes, size, levels, order), layout.image_size is not None)


def check_prior_count(named: NamedPriors, predicted: int, where: str) -> None:
    """Refuse priors whose number is not that of the predictions, saying what would explain the gap.

    Raises:
        InputError: the numbers differ.
    """
    boxes = named.priors.boxes
    if len(boxes) == predicted:
        return
    what = f"has {len(boxes)} priors, but the predictions are for {predicted}"
    copies, rest = divmod(len(boxes), predicted)
    if not rest and torch.equal(boxes, boxes[:predicted].repeat(copies, 1)):
        fix = f"They are the same ones {copies} times, as DataParallel gathers them: save priors[:{predicted}]."
        raise InputError(where, what, fix, REPEATED)
    fitting = [config.name for config in map(load_prior_config, preset_names()) if config.spec.count == predicted]
    hints = [f"Presets with {predicted} priors: {', '.join(fitting)}."] if fitting else []
    gap = _explain_gap(named.priors.levels, predicted - len(boxes))
    hints += [gap] if gap else []
    if len(torch.unique(boxes, dim=0)) == predicted:
        hints.append("Without repeated rows they are as many: is an aspect ratio of 1 listed beside the square?")
    raise InputError(where, what, " ".join(hints) or "Give the config of this very network: --config.", COUNT)


def _explain_gap(levels: tuple[LevelSpec, ...], gap: int) -> str:
    def named(index: int) -> str:
        return f"level {index} ({levels[index].feature_map[0]} x {levels[index].feature_map[1]})"

    missing = [index for index, level in enumerate(levels) if level.count == -gap]
    if missing:
        return f"The predictions lack as many as {named(missing[0])} has: is that level left out of the head?"
    for index, level in enumerate(levels):
        side = _other_side(level, gap)
        if side is not None:
            return f"A feature map of {side} x {side} cells in {named(index)} would explain it."
    for index, level in enumerate(levels):
        extra, rest = divmod(gap, level.cells)
        if not rest and level.cells > 1 and -len(level.shapes) < extra <= len(level.shapes):
            shapes = len(level.shapes)
            return f"{shapes + extra} instead of {shapes} shapes a cell in {named(index)} would explain it."
    return ""


def _other_side(level: LevelSpec, gap: int) -> int | None:
    """The side of a square feature map that would close the gap, if it is nearly the level's own."""
    columns, rows = level.feature_map
    cells, rest = divmod(level.count + gap, len(level.shapes))
    side = math.isqrt(max(cells, 0))
    closes = columns == rows and not rest and side**2 == cells
    return side if closes and abs(side - columns) <= CELLS_OFF else None


def _equal_preset(boxes: Tensor, codebase: str) -> PriorConfig | None:
    configs = [config for config in _presets() if config.spec.count == len(boxes)]
    # The codebase's own first; then the short names, which are the best known.
    for config in sorted(configs, key=lambda config: (config.codebase != codebase, len(config.name))):
        own = generate_priors(config.spec).boxes
        if torch.allclose(own, boxes, rtol=0, atol=SAME_PRIORS):
            return config
    return None


@cache
def _presets() -> tuple[PriorConfig, ...]:
    return tuple(map(load_prior_config, preset_names()))


def _only_tensor(saved: Any, path: Path) -> Tensor:
    if isinstance(saved, dict):
        saved = saved.get("priors", next(iter(saved.values())) if len(saved) == 1 else saved)
    if isinstance(saved, (list, tuple)) and len(saved) == 3 and isinstance(saved[2], Tensor):
        saved = saved[2]
    if not isinstance(saved, Tensor):
        found = f"holds {type(saved).__name__}, not a prior tensor"
        raise InputError(path, found, "Save one float [P, 4] tensor, in an archive under the key priors.")
    return saved
