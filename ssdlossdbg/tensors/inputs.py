"""Tensors that callers give: brought to one unit and type, and refused where they do not fit together.

Shapes are always looked at. Looking at values makes a GPU wait, so all of them are fetched at once, and not at all
where the caller says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.boxes import Corners, PriorBoxes, centres_of, constants
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.priors import Priors, generate_priors
from ssdlossdbg.multibox.threads import bookkeeping
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.prior_configs import load_prior_config
from ssdlossdbg.rules import Dialect, PriorSpec, Units, both_sides

# What may say which priors: themselves, as tensor or with their levels, or the preset or config that generates them.
AnyPriors = Priors | NamedPriors | PriorSpec | Tensor | str
# The objects of a batch: padded, or image by image as rows (x1, y1, x2, y2, label) or as boxes beside labels.
Objects = GroundTruthBatch | Sequence[Tensor] | Sequence[Mapping[str, Tensor]]
# The furthest that fractions of the image reach; pixels are far above.
LARGEST_OBJECT, LARGEST_PRIOR = 2.0, 4.0
EXPECTED_OBJECTS = (
    "Expected a GroundTruthBatch, or for each image rows [n, 5] (x1, y1, x2, y2, label) or a mapping with boxes [n, 4] "
    "and labels [n]."
)


@dataclass(frozen=True)
class PlacedPriors:
    """Priors in the unit that the rules compute in.

    Attributes:
        boxes: `[P, 4]` cxcywh, float32 or float64.
        units: what they are measured in.
        image_size: (width, height) of the network's input in pixels; None where nobody said it.
        levels: priors of each level; empty where none are known.
        grid: the regular grid that they stand on, in that unit; None for none, or if it was not asked for.
        held: the priors as the codebase holds them; None where those are `boxes`.
    """

    boxes: Tensor
    units: Units
    image_size: tuple[int, int] | None
    levels: tuple[int, ...] = ()
    grid: Grid | None = None
    held: PriorBoxes | None = None

    @property
    def measured(self) -> PriorBoxes:
        """The priors as overlaps and targets are computed from them."""
        return self.boxes if self.held is None else self.held

    @property
    def extent(self) -> tuple[float, float]:
        """(width, height) of the image in the unit of the priors.

        Raises:
            InputError: it is not known.
        """
        if self.units is Units.NORMALIZED:
            return 1.0, 1.0
        if self.image_size is None:
            raise InputError("priors", "say nothing of the input's size", "Say it: image_size=300.")
        return self.image_size

    def like(self, other: object) -> PlacedPriors:
        """The same priors on the device of another tensor; themselves if it is none."""
        if not isinstance(other, Tensor) or other.device == self.boxes.device:
            return self
        held = Corners(self.held.xyxy.to(other.device)) if isinstance(self.held, Corners) else self.held
        held = held.to(other.device) if isinstance(held, Tensor) else held
        return replace(self, boxes=self.boxes.to(other.device), held=held)

    def factor(self, units: Units) -> tuple[float, float, float, float] | None:
        """What boxes in other units are multiplied by to be in that of the priors; None for nothing.

        Raises:
            InputError: the size of the image is not known.
        """
        if units is self.units:
            return None
        if self.image_size is None:
            what = f"are in {self.units}, but units are {units}, and nothing says the input's size"
            raise InputError("priors", what, "Say it: image_size=300.")
        width, height = self.image_size
        if self.units is Units.NORMALIZED:
            return 1 / width, 1 / height, 1 / width, 1 / height
        return width, height, width, height


def generated(spec: PriorSpec | str, dtype: torch.dtype = torch.float32) -> Priors:
    """The priors of a grid, or of a preset or config file.

    Raises:
        InputError: an unknown name or an unusable file.
    """
    return generate_priors(load_prior_config(spec).spec if isinstance(spec, str) else spec, dtype)


def units_of(word: Units | str | None, rules: Dialect) -> Units:
    """The units that a word names; those that the rules compute in if None.

    Raises:
        InputError: it names none.
    """
    if word is not None and word not in list(Units):
        raise InputError("units", f"is {word!r}", f"Say {' or '.join(Units)}.")
    return rules.targets.units if word is None else Units(word)


def placed(
    priors: AnyPriors,
    rules: Dialect,
    units: Units,
    image_size: Any = None,
    *,
    with_grid: bool = False,
) -> PlacedPriors:
    """Priors in the unit that the rules compute in.

    Args:
        priors: `[P, 4]` cxcywh in `units`, or whatever says which they are.
        rules: whose unit is wanted.
        units: of a bare tensor; all others are normalised.
        image_size: (width, height) in pixels, or one number for both; of a bare tensor.
        with_grid: whether to look for the grid that they stand on, which looks at values.

    Raises:
        InputError: another shape or type, or the size of the image is needed and not known.
    """
    own = rules.targets.units
    if isinstance(priors, (str, PriorSpec)):
        priors = generated(priors)
    priors = priors.priors if isinstance(priors, NamedPriors) else priors
    known = priors if isinstance(priors, Priors) else None
    boxes = priors.boxes if isinstance(priors, Priors) else priors
    if not isinstance(boxes, Tensor) or boxes.ndim != 2 or boxes.shape[-1] != 4 or not boxes.is_floating_point():
        raise InputError("priors", f"is {_shown(boxes)}", "Expected float [P, 4].")
    size = known.image_size if known else both_sides(image_size)
    boxes = wide(boxes.detach())
    result = PlacedPriors(boxes, own, size)
    boxes = scaled(boxes, result.factor(Units.NORMALIZED if known else units))
    if known is None:
        return replace(result, boxes=boxes)
    counts = tuple(level.count for level in known.levels)
    grid = Grid.of(boxes, known.levels, known.order) if with_grid else None
    held = known.in_units(unit_of(rules, known), rules.match.precision) if known.held else None
    boxes = boxes if held is None else centres_of(held).to(boxes.dtype)
    return replace(result, boxes=boxes, levels=counts, grid=grid, held=held)


def wide(tensor: Tensor) -> Tensor:
    """The tensor in float32 at least: half precision is widened, as a saved batch's is."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def scaled(boxes: Tensor, factor: tuple[float, float, float, float] | None) -> Tensor:
    """Boxes `[..., 4]` in another unit."""
    return boxes if factor is None else boxes * constants(factor, boxes)


def predictions(loc: Tensor, conf: Tensor, priors: PlacedPriors) -> tuple[Tensor, Tensor]:
    """Predictions in one dtype, float32 at least, that fit the priors.

    Args:
        loc: `[B, P, 4]` predicted offsets.
        conf: `[B, P, C]` logits.
        priors: P of them.

    Raises:
        InputError: other shapes or types.
    """
    for name, tensor in (("loc", loc), ("conf", conf)):
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            raise InputError(name, f"is {_shown(tensor)}", "Give the network's float output.")
    found = f"found loc {list(loc.shape)} and conf {list(conf.shape)}"
    if loc.ndim != 3 or loc.shape[-1] != 4 or conf.ndim != 3 or conf.shape[:2] != loc.shape[:2]:
        raise InputError("predictions", found, "Expected loc [B, P, 4] and conf [B, P, C].")
    if conf.shape[-1] < 2 or not loc.numel():
        raise InputError(
            "predictions", found, "A batch needs an image, a prior, and two classes, background being one."
        )
    if len(priors.boxes) != loc.shape[1]:
        what = f"has {len(priors.boxes)} priors, but the predictions are for {loc.shape[1]}"
        raise InputError("priors", what, "Give those of this very network.", "PRI001")
    dtype = torch.promote_types(torch.promote_types(loc.dtype, conf.dtype), torch.float32)
    return loc.to(dtype), conf.to(dtype)


def batch(
    loc: Tensor, conf: Tensor, targets: Objects, rules: Dialect, units: Units, priors: PlacedPriors, validate: bool
) -> tuple[Tensor, Tensor, GroundTruthBatch]:
    """Predictions and the objects of the same images, as `predictions` and `objects` return them.

    Args:
        loc: `[B, P, 4]`.
        conf: `[B, P, C]`.
        targets: the objects of B images.
        rules: the dialect.
        units: that the boxes are in.
        priors: the P priors.
        validate: whether to look at values.

    Raises:
        InputError: what does not fit together, or a value that cannot be.
    """
    loc, conf = predictions(loc, conf, priors)
    gt = objects(targets, rules, units, priors)
    if len(gt.boxes) != len(loc):
        what = f"has {len(gt.boxes)} images, but the predictions have {len(loc)}"
        raise InputError("gt", what, "Give both of the same iteration.")
    if validate:
        check_values(gt, priors, conf.shape[-1])
    return loc, conf, gt


def objects(given: Objects, rules: Dialect, units: Units, priors: PlacedPriors) -> GroundTruthBatch:
    """The objects of a batch, in the unit, on the device and in the precision of the priors.

    Args:
        given: padded, or image by image. Labels of rows of five are counted as the dialect's loader counts them
            (`targets.label_offset`); elsewhere 0 is background.
        rules: the dialect.
        units: that the boxes are in.
        priors: those that the boxes are to be matched with.

    Raises:
        InputError: other shapes or types, or the size of the image is needed and not known.
    """
    gt = given if isinstance(given, GroundTruthBatch) else _padded(given, rules)
    shape, labels = gt.boxes.shape, gt.labels.shape
    if len(shape) != 3 or shape[2] != 4 or labels != shape[:2] or gt.counts.shape != shape[:1] or not shape[1]:
        found = f"has boxes {list(shape)}, labels {list(labels)} and counts {list(gt.counts.shape)}"
        raise InputError("gt", found, "Expected [B, G, 4], [B, G] and [B], with G of 1 or more.")
    boxes = scaled(wide(gt.boxes.detach()), priors.factor(units))
    dtype = torch.promote_types(boxes.dtype, priors.boxes.dtype)
    return GroundTruthBatch(boxes.to(dtype), gt.labels.long(), gt.counts).to(priors.boxes.device)


def check_values(gt: GroundTruthBatch, priors: PlacedPriors, classes: int | None = None) -> None:
    """Refuse labels that have no column, and boxes or priors that are in another unit than they are said to be.

    Args:
        gt: the objects, in the unit of the priors.
        priors: with their unit.
        classes: columns of conf; None where there is none to hold labels against.

    Raises:
        InputError: such a value, with its place.
    """
    with bookkeeping(priors.boxes):
        mask = gt.mask
        reach = torch.where(mask[..., None], gt.boxes, 0.0).nan_to_num(0.0, 0.0, 0.0).max()
        finite = priors.boxes.isfinite().all()
        wrong = mask & ((gt.labels < 0) if classes is None else (gt.labels < 0) | (gt.labels >= classes))
        seen = [reach, priors.boxes.abs().max(), finite, wrong.any()]
        of_objects, of_priors, all_finite, any_wrong = torch.stack([widest(each) for each in seen]).tolist()
    if not all_finite:
        index = int((~priors.boxes.isfinite()).any(1).nonzero()[0])
        shown = ", ".join(f"{value:g}" for value in priors.boxes[index].tolist())
        raise InputError(f"priors[{index}]", f"is ({shown})", "Priors are finite numbers.", "PRI003")
    _check_unit("priors", of_priors, LARGEST_PRIOR, priors.units)
    _check_unit("gt", of_objects, LARGEST_OBJECT, priors.units)
    if any_wrong:
        image, slot = wrong.nonzero()[0].tolist()
        columns = "" if classes is None else f", but conf has {classes} columns: 0 (background) to {classes - 1}"
        what = f"has class id {int(gt.labels[image, slot])}{columns}"
        fix = "Check the number of classes of the network, and what the labels count from."
        raise InputError(f"gt, image {image}, object {slot}", what, fix, "LBL001")


def _check_unit(where: str, reach: float, largest: float, units: Units) -> None:
    if units is Units.NORMALIZED and reach > largest:
        what = f"reach {reach:g}, so they are in pixels, but normalized ones are expected"
        raise InputError(where, what, 'Say units="pixels" and image_size, or divide them by the size of the input.')
    if units is Units.PIXELS and 0 < reach <= largest:
        what = f"reach no more than {reach:g}, so they are fractions of the image, but pixels are expected"
        raise InputError(where, what, 'Say units="normalized" and image_size, or multiply them by the input\'s size.')


def _padded(given: Any, rules: Dialect) -> GroundTruthBatch:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise InputError("gt", f"is {_shown(given)}", EXPECTED_OBJECTS)
    pairs = [_image(image, f"gt, image {index}", rules) for index, image in enumerate(given)]
    return pad_ground_truth([boxes for boxes, _ in pairs], [labels for _, labels in pairs])


def _image(image: Any, where: str, rules: Dialect) -> tuple[Tensor, Tensor]:
    if isinstance(image, Tensor):
        rows = image.reshape(0, 5) if image.numel() == 0 else image
        if rows.ndim != 2 or rows.shape[1] != 5:
            raise InputError(where, f"has the shape {list(image.shape)}", EXPECTED_OBJECTS)
        return wide(rows[:, :4]), rows[:, 4].long() + rules.targets.label_offset
    boxes, labels = (image.get("boxes"), image.get("labels")) if isinstance(image, Mapping) else (None, None)
    if not isinstance(boxes, Tensor) or not isinstance(labels, Tensor):
        raise InputError(where, f"is {_shown(image)}", EXPECTED_OBJECTS)
    boxes = boxes.reshape(0, 4) if boxes.numel() == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4 or labels.shape != boxes.shape[:1]:
        found = f"has boxes {list(boxes.shape)} and labels {list(labels.shape)}"
        raise InputError(where, found, "Expected boxes [n, 4] and labels [n].")
    return wide(boxes), labels


def _shown(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} of shape {list(value.shape)}"
    return "nothing" if value is None else f"a {type(value).__name__}"
