"""Predictions: what a network returned for a batch, in the layouts that the codebases save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.saved.landmarks import LANDMARK_KEY, check_predicted, split_off
from ssdlossdbg.readers.saved.native import background_first, own_order, own_priors, values_last, x_first
from ssdlossdbg.readers.saved.steps import FirstStep, recognise_first, split_steps
from ssdlossdbg.readers.saved.tensor_files import Saved, keys_of
from ssdlossdbg.rules import Axes, Dialect, NativeSpec, Pair

LOC_KEYS = ("loc", "bbox_regression")
CONF_KEYS = ("conf", "cls_logits")
EXPECTED = "Expected loc [B, P, 4] and conf [B, P, C], as (loc, conf, priors) or under the keys loc, conf, priors."
SAVE_A_DICT = (
    'Save a dict: torch.save({"loc": loc, "conf": conf, "priors": priors}, "preds.pt"). Or say in a dialect file of '
    'your own: pair = "loc-conf" or "conf-loc" under [native].'
)
EXPECTED_OTHER_AXES = (
    "Expected loc [B, 4, P] and conf [B, C, P], as {name} has them; if they are not, leave --native out."
)


@dataclass(frozen=True)
class Predictions:
    """One batch of predictions.

    Attributes:
        loc: `[B, P, 4]` offsets (dx, dy, dw, dh), float32 or float64.
        conf: `[B, P, C]` logits, background in column 0, in the dtype of `loc`.
        priors: `[R, 4]` float, as saved with them; None where there are none.
        layout: what was recognised, in words.
        dtype: the dtype they were saved in, before half precision was widened to float32.
        landmarks: `[B, P, 10]` offsets of five points, in the dtype of `loc`; None where there are none.
        first: what a first step predicts, in that dtype; None of predictions of one step.
    """

    loc: Tensor
    conf: Tensor
    priors: Tensor | None
    layout: str
    dtype: str
    landmarks: Tensor | None = None
    first: FirstStep | None = None


def recognise_predictions(saved: Saved, native: Dialect | None = None, dialect: Dialect | None = None) -> Predictions:
    """Predictions, their layout recognised.

    Args:
        saved: `(loc, conf, priors)`, `(loc, conf)` or `(conf, loc)`, or a mapping with the keys loc/conf/priors or
            torchvision's bbox_regression/cls_logits. Landmarks stand after conf, or under landm. Of two steps,
            `(arm_loc, arm_conf, odm_loc, odm_conf, priors)`, or a mapping with those keys.
        native: the dialect whose own order they are in, priors included; the canonical one if None.
        dialect: whose order a tuple is in where the shapes do not tell loc from conf; `native` if None.

    Raises:
        InputError: other shapes or types, or a tuple that neither shapes nor dialect can tell the order of.
    """
    spec, where = native.native if native else NativeSpec(), saved.where
    second, saved_first, of_steps = split_steps(saved.value, where)
    value, landmarks = split_off(second)
    saved_loc, saved_conf, priors, layout = _parts(value, where, spec, dialect or native)
    layout = of_steps or layout
    loc, conf = values_last(saved_loc, spec), values_last(saved_conf, spec)
    for name, tensor in (("loc", loc), ("conf", conf)):
        if not tensor.is_floating_point():
            raise InputError(f"{where}, {name}", f"holds {tensor.dtype}", "Save the network's float output.")
    if loc.ndim != 3 or loc.shape[-1] != 4 or conf.ndim != 3 or conf.shape[:2] != loc.shape[:2]:
        found = f"found loc {list(saved_loc.shape)} and conf {list(saved_conf.shape)}"
        if native and spec.axes is Axes.VALUES_PRIORS:
            raise InputError(where, found, EXPECTED_OTHER_AXES.format(name=native.name))
        raise InputError(where, found, EXPECTED + _shape_hint(loc, conf))
    if conf.shape[-1] < 2 or not loc.numel():
        found = f"found loc {list(saved_loc.shape)} and conf {list(saved_conf.shape)}"
        raise InputError(where, found, "A batch needs an image, a prior, and two classes, background being one.")
    if priors is not None:
        priors = own_priors(priors[0] if priors.ndim == 3 and priors.shape[0] == 1 else priors, spec)
        if priors.ndim != 2 or priors.shape[-1] != 4 or not priors.is_floating_point():
            found = f"holds {priors.dtype} of shape {list(priors.shape)}"
            raise InputError(f"{where}, priors", found, "Expected float [P, 4].")
    if landmarks is not None:
        check_predicted(landmarks, loc, where)
        layout += f", with {LANDMARK_KEY}"
    dtype = str(conf.dtype).removeprefix("torch.")
    first = None if saved_first is None else recognise_first(saved_first, loc, where, spec)
    wide = torch.promote_types(torch.promote_types(loc.dtype, conf.dtype), torch.float32)
    loc, conf = x_first(loc, spec), background_first(conf, spec)
    layout += f", {own_order(native)}" if native else ""
    points = None if landmarks is None else landmarks.detach().to(wide)
    first = first and FirstStep(first.loc.to(wide), first.conf.to(wide))
    return Predictions(loc.detach().to(wide), conf.detach().to(wide), priors, layout, dtype, points, first)


def _parts(
    saved: Any, where: str, spec: NativeSpec, dialect: Dialect | None
) -> tuple[Tensor, Tensor, Tensor | None, str]:
    if isinstance(saved, Mapping):
        loc_key = next((key for key in LOC_KEYS if key in saved), None)
        conf_key = next((key for key in CONF_KEYS if key in saved), None)
        if loc_key is None or conf_key is None:
            raise InputError(where, f"has the keys {keys_of(saved)}", EXPECTED)
        parts = [saved[loc_key], saved[conf_key], *([saved["priors"]] if "priors" in saved else [])]
        layout = "a mapping with " + ", ".join((loc_key, conf_key, *(["priors"] if len(parts) == 3 else [])))
    elif isinstance(saved, (tuple, list)):
        parts = list(saved)
        layout = "(loc, conf, priors)" if len(parts) == 3 else "(loc, conf)"
    else:
        found = f"one tensor of shape {list(saved.shape)}" if isinstance(saved, Tensor) else type(saved).__name__
        hint = " It looks like Detect's output: call the network in its train phase." if _is_detection(saved) else ""
        raise InputError(where, f"holds {found}", EXPECTED + hint)
    if len(parts) not in (2, 3) or not all(isinstance(part, Tensor) for part in parts):
        found = ", ".join(str(list(p.shape)) if isinstance(p, Tensor) else type(p).__name__ for p in parts)
        raise InputError(where, f"holds {len(parts)} parts: {found}", EXPECTED)
    loc, conf, *priors = parts
    pair = Pair.LOC_CONF
    if not isinstance(saved, Mapping):
        pair, source = _pair(loc, conf, where, spec, dialect)
        layout += source
    if pair is Pair.CONF_LOC:
        loc, conf, layout = conf, loc, layout.replace("loc, conf", "conf, loc")
    return loc, conf, priors[0] if priors else None, layout


def _pair(first: Tensor, second: Tensor, where: str, spec: NativeSpec, dialect: Dialect | None) -> tuple[Pair, str]:
    """In which order two tensors are, and who says so, for the report: nobody has to where the shapes do."""
    offsets = [values_last(part, spec).shape[-1:] == (4,) for part in (first, second)]
    if offsets != [True, True]:
        return (Pair.CONF_LOC if offsets == [False, True] else Pair.LOC_CONF), ""
    stated = dialect.native.pair if dialect else Pair.UNSTATED
    if dialect is None or stated is Pair.UNSTATED:
        what = f"holds a tuple of {list(first.shape)} and {list(second.shape)}, whose shapes do not tell loc from conf"
        what += f", and {dialect.name} does not say which comes first" if dialect else ""
        raise InputError(where, what, SAVE_A_DICT)
    return stated, f", in the order of {dialect.name}"


def _is_detection(saved: Any) -> bool:
    return isinstance(saved, Tensor) and saved.ndim == 4 and saved.shape[-1] == 5


def _shape_hint(loc: Tensor, conf: Tensor) -> str:
    if loc.ndim == 2 and conf.ndim == 2:
        if loc.shape[-1] == 4:
            return " Add the batch dimension: loc[None], conf[None]."
        return " Split the last dimension: loc.view(B, -1, 4), conf.view(B, -1, C)."
    if loc.ndim == 3 and loc.shape[1] == 4:
        middle = " Move the priors to the middle: loc.transpose(1, 2), conf.transpose(1, 2)."
        return middle + " Or say --native, if the dialect has them so."
    return ""
