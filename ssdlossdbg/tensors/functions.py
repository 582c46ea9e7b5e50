"""Matching, loss, codec and detections of tensors, under rules that may be named.

All take the same last arguments:

- `rules`: dialects, their names or files ("ssd.pytorch"), and specs (`MiningSpec(ratio=2)`), in order, each in the
  place of what it says; `ssd.pytorch` if there are none. Specs without a dialect stand on the defaults of the others.
- `units`: what boxes, and priors that are a bare tensor, are measured in: "normalized" or "pixels"; if None, what the
  rules compute in (`targets.units`). `Priors` and presets are normalised always, and converted. Boxes that are returned
  are in the unit that the rules compute in.
- `image_size`: (width, height) of the network's input in pixels, or one number for a square; for priors that are a bare
  tensor, where a unit has to be converted.
- `validate`: whether to look at values: labels without a column, units that cannot be. On a GPU that waits for it once;
  leave it out where the inputs are known to be good. Shapes and types are always looked at.

Half precision is widened to float32, and objects and priors follow the predictions to their device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox import codec, detect, loss, matching
from ssdlossdbg.multibox.detect import Detections
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.rules import Dialect, PriorSpec, Units
from ssdlossdbg.tensors import inputs
from ssdlossdbg.tensors.inputs import AnyPriors, Objects, PlacedPriors
from ssdlossdbg.tensors.rules import Rules, combined, of_one_step

Size = int | tuple[int, int]


@on_cpu_by_default
def multibox_loss(
    loc: Tensor,
    conf: Tensor,
    priors: AnyPriors,
    gt: Objects,
    *rules: Rules,
    units: Units | str | None = None,
    image_size: Size | None = None,
    validate: bool = True,
) -> LossTerms:
    """Match, mine and sum as a codebase does, keeping each term (paper, equations 1 to 3).

    Args:
        loc: `[B, P, 4]` predicted offsets (dx, dy, dw, dh).
        conf: `[B, P, C]` logits, background in column 0.
        priors: the P priors: `Priors`, a preset or config, or `[P, 4]` cxcywh.
        gt: the objects of B images: a `GroundTruthBatch`; or for each image rows `[n, 5]` (x1, y1, x2, y2, label) whose
            labels are counted as the dialect's loader counts them, or a mapping with boxes `[n, 4]` and labels `[n]`, 0
            being background.
        rules: whose loss; see above.
        units: of `gt`, and of a bare tensor of priors.
        image_size: of a bare tensor of priors, where units are converted.
        validate: whether to look at values.

    Returns:
        The terms on the device of the predictions, differentiable in loc and conf. Non-finite values are carried.

    Raises:
        InputError: unknown rules, or tensors that do not fit together; with the place and what to do.
    """
    dialect, measured, placed = _setting(rules, units, priors, image_size, loc)
    loc, conf, batch = inputs.batch(loc, conf, gt, of_one_step(dialect), measured, placed, validate)
    specs = dialect.match, dialect.codec, dialect.mining, dialect.loss
    return loss.multibox_loss(loc, conf, placed.measured, batch, *specs)


@on_cpu_by_default
def match_priors(
    gt: Objects,
    priors: AnyPriors,
    *rules: Rules,
    units: Units | str | None = None,
    image_size: Size | None = None,
    validate: bool = True,
) -> Matching:
    """Assign every prior of every image to a ground truth or to the background, as a codebase does.

    Args:
        gt: the objects, as `multibox_loss` takes them.
        priors: `Priors`, a preset or config, or `[P, 4]` cxcywh.
        rules: whose matching; see above.
        units: of `gt`, and of a bare tensor of priors.
        image_size: of a bare tensor of priors, where units are converted.
        validate: whether to look at values.

    Returns:
        The roles of all `[B, P]` priors, on their device.

    Raises:
        InputError: unknown rules, or tensors that do not fit together.
    """
    dialect, measured, placed = _setting(rules, units, priors, image_size)
    batch = inputs.objects(gt, dialect, measured, placed)
    if validate:
        inputs.check_values(batch, placed)
    return matching.match(batch, placed.measured, dialect.match)


@on_cpu_by_default
def encode(
    boxes: Tensor,
    priors: AnyPriors,
    *rules: Rules,
    units: Units | str | None = None,
    image_size: Size | None = None,
) -> Tensor:
    """Offsets that lead from each prior to its box, as a codebase writes them.

    Args:
        boxes: `[..., P, 4]` xyxy.
        priors: `Priors`, a preset or config, or `[P, 4]` cxcywh.
        rules: whose codec; see above.
        units: of `boxes`, and of a bare tensor of priors.
        image_size: of a bare tensor of priors, where units are converted.

    Returns:
        `[..., P, 4]` offsets (dx, dy, dw, dh). A box of zero width or height gives -inf, an inverted one NaN.

    Raises:
        InputError: unknown rules, or other shapes.
    """
    dialect, measured, placed = _setting(rules, units, priors, image_size, boxes)
    _check_rows("boxes", boxes, placed.boxes)
    return codec.encode(inputs.scaled(inputs.wide(boxes), placed.factor(measured)), placed.boxes, dialect.codec)


@on_cpu_by_default
def decode(
    offsets: Tensor,
    priors: AnyPriors,
    *rules: Rules,
    units: Units | str | None = None,
    image_size: Size | None = None,
) -> Tensor:
    """Boxes that the offsets stand for: the inverse of `encode`.

    Args:
        offsets: `[..., P, 4]` predictions or encoded targets (dx, dy, dw, dh).
        priors: `Priors`, a preset or config, or `[P, 4]` cxcywh.
        rules: whose codec; see above.
        units: of a bare tensor of priors.
        image_size: of a bare tensor of priors, where units are converted.

    Returns:
        `[..., P, 4]` xyxy, in the unit that the rules compute in.

    Raises:
        InputError: unknown rules, or other shapes.
    """
    dialect, _, placed = _setting(rules, units, priors, image_size, offsets)
    _check_rows("offsets", offsets, placed.boxes)
    return codec.decode(inputs.wide(offsets), placed.boxes, dialect.codec)


@on_cpu_by_default
def detect_boxes(
    loc: Tensor,
    conf: Tensor,
    priors: AnyPriors,
    *rules: Rules,
    units: Units | str | None = None,
    image_size: Size | None = None,
) -> Detections:
    """What a codebase's post-processing makes of a batch of predictions.

    Args:
        loc: `[B, P, 4]` predicted offsets (dx, dy, dw, dh).
        conf: `[B, P, C]` logits, background in column 0.
        priors: `Priors`, a preset or config, or `[P, 4]` cxcywh.
        rules: whose post-processing; see above.
        units: of a bare tensor of priors.
        image_size: of a bare tensor of priors.

    Returns:
        The detections, image by image in falling order of scores; boxes in the unit that the rules compute in.

    Raises:
        InputError: unknown rules, or tensors that do not fit together.
    """
    dialect, _, placed = _setting(rules, units, priors, image_size, loc)
    loc, conf = inputs.predictions(loc, conf, placed)
    with torch.no_grad():
        own = of_one_step(dialect)
        return detect.detect(loc, conf, placed.boxes, placed.extent, own.codec, own.detect, placed.levels)


def generate_priors(spec: PriorSpec | str, dtype: torch.dtype = torch.float32) -> Priors:
    """The priors of a grid, computed in float64 and rounded once.

    Args:
        spec: the grid, or the name or file of a prior config ("ssd300").
        dtype: of the result.

    Raises:
        InputError: an unknown name or an unusable file.
    """
    return inputs.generated(spec, dtype)


def _setting(
    rules: tuple[Rules, ...], units: Units | str | None, priors: AnyPriors, image_size: Size | None, like: object = None
) -> tuple[Dialect, Units, PlacedPriors]:
    """The rules, what boxes are measured in, and the priors, on the device of another tensor."""
    dialect = combined(rules)
    measured = inputs.units_of(units, dialect)
    return dialect, measured, inputs.placed(priors, dialect, measured, image_size).like(like)


def _check_rows(name: str, given: Tensor, priors: Tensor) -> None:
    if not isinstance(given, Tensor) or given.ndim < 2 or given.shape[-2:] != priors.shape:
        found = list(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise InputError(name, f"found {found} for {len(priors)} priors", f"Expected [..., {len(priors)}, 4].")
