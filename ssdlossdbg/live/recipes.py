"""Which argument of a criterion is what: by the signatures of the codebases, then by names, then by shapes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ssdlossdbg.live.guess import guess
from ssdlossdbg.live.own import own_recipe
from ssdlossdbg.live.parents import dataset_anchors, lufficc_priors
from ssdlossdbg.live.recipe import Arguments, Recipe, Taken, Tensors
from ssdlossdbg.live.targets import flat_targets
from ssdlossdbg.results.captured import named_in

if TYPE_CHECKING:
    from torch import Tensor


def parameter_names(function: Any) -> tuple[str, ...]:
    """The names of a function's parameters in their order, those after a star left out."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD))


def by_name(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by the names of the parameters; those without a name by their place."""
    padded = [*names, *(f"argument {place}" for place in range(len(names), len(args)))]
    return {**dict(zip(padded, args, strict=False)), **kwargs}


def recipe_for(owner: Any, given: Arguments) -> Recipe:
    """The recipe of a criterion that is called with these arguments.

    Args:
        owner: the module; None of a plain function.
        given: the arguments by name.

    Raises:
        LookupError: nothing in them looks like loc and conf, or like targets.
    """
    for names, recipe in RECIPES:
        if names <= given.keys():
            made = recipe(owner, given)
            if made is not None:
                return made
    return Recipe("", guessed)


def guessed(owner: Any, given: Arguments) -> Taken:
    """What names and shapes alone tell of the arguments.

    Raises:
        LookupError: they do not tell it.
    """
    found = guess(given)
    priors = found.priors if found.priors is not None else _own_priors(owner)
    tensors = {"loc": found.loc, "conf": found.conf, **_priors(priors, found.loc.shape[1])}
    flat, called = flat_targets(found.targets)
    return Taken({**tensors, **flat}, called)


def _own_priors(owner: Any) -> Any:
    for name in ("priors", "priors_cxcy", "default_boxes", "dboxes", "prior_boxes"):
        value = getattr(owner, name, None)
        if hasattr(value, "shape"):
            return value
    return None


def _priors(priors: Any, number: int) -> Tensors:
    """The priors as one table of P, cut where DataParallel gathered one from each device."""
    if priors is None:
        return {}
    table = priors[0] if priors.ndim == 3 else priors
    return {"priors": table[:number] if table.shape[-1] == 4 else table}


def _ssd_pytorch(owner: Any, given: Arguments) -> Recipe | None:
    predictions = given["predictions"]
    if not isinstance(predictions, (tuple, list)) or len(predictions) not in (2, 3, 4, 5):
        return None
    columns = [part.shape[-1] if getattr(part, "ndim", 0) == 3 else 0 for part in predictions]
    if len(columns) == 3 and columns[2] == 10 and "priors" in given:
        return _retinaface()
    if columns[:3] == [4, 2, 4] and len(columns) > 3 and columns[3]:
        return _refinedet(owner)
    if len(columns) > 3:
        return None

    def take(owner: Any, given: Arguments) -> Taken:
        loc, conf, *more = given["predictions"]
        priors = more[0] if more else given.get("priors", _own_priors(owner))  # RFBNet gives them apart
        targets, called = flat_targets(given["targets"])
        return Taken({"loc": loc, "conf": conf, **_priors(priors, loc.shape[1]), **targets}, called)

    return Recipe("rfbnet" if "priors" in given else "ssd.pytorch", take)


def _retinaface() -> Recipe:
    def take(_: Any, given: Arguments) -> Taken:
        loc, conf, landmarks = given["predictions"]
        targets, called = flat_targets(given["targets"])
        tensors = {"loc": loc, "conf": conf, "landm": landmarks, **_priors(given["priors"], loc.shape[1])}
        return Taken({**tensors, **targets}, called)

    def trained(output: Any) -> Any:  # train.py:131, data/config.py
        if not isinstance(output, (tuple, list)) or len(output) != 3:
            return output
        loc, conf, landmarks = (each.detach() for each in output)
        return {"total": 2 * loc + conf + landmarks, "loc": 2 * loc, "conf": conf}

    return Recipe("retinaface", take, loss=trained)


def _refinedet(owner: Any) -> Recipe:
    if getattr(owner, "use_ARM", True) is False:
        raise LookupError("this is the criterion of the first of two steps; give the second's, whose use_ARM is True")

    def take(_: Any, given: Arguments) -> Taken:
        steps = dict(zip(("arm_loc", "arm_conf", "odm_loc", "odm_conf"), given["predictions"], strict=False))
        priors = given["predictions"][4] if len(given["predictions"]) > 4 else _own_priors(owner)
        targets, called = flat_targets(given["targets"])
        return Taken({**steps, **_priors(priors, steps["odm_loc"].shape[1]), **targets}, called)

    def second(output: Any) -> Any:
        if not isinstance(output, (tuple, list)) or len(output) != 2:
            return output
        # What training adds up has a part that this criterion does not know, so no total is made of these.
        return {"loc": output[0], "conf": output[1], "of the first step": output[0].detach() * 0}

    return Recipe("refinedet", take, loss=second)


def _pytorch_ssd(owner: Any, _: Arguments) -> Recipe:
    own = _own_priors(owner)
    priors = lufficc_priors(owner) if own is None else own

    def take(_: Any, given: Arguments) -> Taken:
        conf, loc = given["confidence"], given["predicted_locations"]
        encoded = {"labels": given["labels"], "gt_locations": given["gt_locations"]}
        return Taken({"loc": loc, "conf": conf, **_priors(priors, loc.shape[1]), **encoded})

    return Recipe("pytorch-ssd" if own is not None else "lufficc", take)


def _torchvision(owner: Any, _: Arguments) -> Recipe | None:
    if not is_torchvision_ssd(owner):  # FCOS and RetinaNet have a method with the same parameters
        return None
    size = getattr(owner.transform, "fixed_size", None)

    def take(_: Any, given: Arguments) -> Taken:
        outputs = given["head_outputs"]
        targets, called = flat_targets(given["targets"])
        return Taken(
            {
                "loc": outputs["bbox_regression"],
                "conf": outputs["cls_logits"],
                "priors": given["anchors"][0],
                **targets,
            },
            called,
        )

    header: dict[str, Any] = {"prior_format": "xyxy", "image_size": tuple(map(int, size)) if size else None}
    threshold = getattr(getattr(owner, "proposal_matcher", None), "high_threshold", None)
    header |= {} if threshold is None else {"threshold": float(threshold)}
    return Recipe("torchvision", take, header=header)


def is_torchvision_ssd(owner: Any) -> bool:
    """Whether a network is torchvision's SSD or SSDLite, or a class made of it."""
    return any((kind.__module__, kind.__name__) == TORCHVISION for kind in type(owner).__mro__)


TORCHVISION = ("torchvision.models.detection.ssd", "SSD")


def _nvidia(owner: Any, _: Arguments) -> Recipe | None:
    method = next((name for name in OFFSETS_OF if hasattr(owner, name)), None)
    if method is None:
        return None

    def take(owner: Any, given: Arguments) -> Taken:
        tensors = {"loc": given["ploc"], "conf": given["plabel"], "priors": owner.dboxes[0]}
        return Taken({**tensors, "boxes": given["gloc"], "labels": given["glabel"]})

    def finish(tensors: Tensors) -> Tensors:
        import torch

        with torch.no_grad():
            offsets = getattr(owner, method)(tensors["boxes"])
        kept = {key: tensor for key, tensor in tensors.items() if key != "boxes"}
        return {**kept, "gt_locations": offsets}

    return Recipe(OFFSETS_OF[method], take, finish, {"native": True})


# The method of a criterion that encodes boxes, and whose it is.
OFFSETS_OF = {"_loc_vec": "nvidia-dali", "_location_vec": "wzmiaomiao"}


def _sgrvinod(_: Any, __: Arguments) -> Recipe:
    def take(owner: Any, given: Arguments) -> Taken:
        loc, conf = given["predicted_locs"], given["predicted_scores"]
        pairs = [{"boxes": box, "labels": label} for box, label in zip(given["boxes"], given["labels"], strict=True)]
        targets, called = flat_targets(pairs)
        return Taken({"loc": loc, "conf": conf, **_priors(_own_priors(owner), loc.shape[1]), **targets}, called)

    return Recipe("sgrvinod", take)


def _bubbliiiing(_: Any, given: Arguments) -> Recipe | None:
    if not isinstance(given["y_pred"], (tuple, list)) or getattr(given["y_true"], "ndim", 0) != 3:
        return None

    priors = dataset_anchors(given["y_true"].shape[1])
    known = {} if priors is None else {"priors": priors}

    def take(_: Any, given: Arguments) -> Taken:
        loc, conf = given["y_pred"][:2]
        return Taken({"loc": loc, "conf": conf, **known, "y_true": given["y_true"]})

    def finish(tensors: Tensors) -> Tensors:
        wanted = tensors["y_true"]
        labels = wanted[..., 4:-1].argmax(-1) * (wanted[..., -1] > 0)
        kept = {key: tensor for key, tensor in tensors.items() if key != "y_true"}
        return {**kept, "labels": labels, "gt_locations": wanted[..., :4]}

    return Recipe("bubbliiiing", take, finish, {"prior_format": "xyxy"})


def _d2l(_: Any, given: Arguments) -> Recipe | None:
    if getattr(given["cls_preds"], "ndim", 0) != 3 or getattr(given["bbox_preds"], "ndim", 0) != 2:
        return None

    def take(_: Any, given: Arguments) -> Taken:
        conf, labels = given["cls_preds"], given["cls_labels"]
        loc, offsets = (given[name].reshape(*labels.shape, 4) for name in ("bbox_preds", "bbox_labels"))
        return Taken({"loc": loc, "conf": conf, "labels": labels, "gt_locations": offsets})

    return Recipe("d2l", take, loss=lambda each_image: each_image.detach().mean())  # which it steps by


def _mmdetection(owner: Any, _: Arguments) -> Recipe | None:
    if not hasattr(owner, "prior_generator") or not hasattr(owner, "cls_out_channels"):
        return None

    def take(_: Any, given: Arguments) -> Taken:
        levels = {f"loc_{index}": level for index, level in enumerate(given["bbox_preds"])}
        levels |= {f"conf_{index}": level for index, level in enumerate(given["cls_scores"])}
        images = [{"boxes": each.bboxes, "labels": each.labels} for each in given["batch_gt_instances"]]
        metas = given["batch_img_metas"]
        targets, _called = flat_targets(images)
        sizes = metas[0].get("img_shape", ())[:2]
        header = {"image_size": tuple(map(int, sizes[::-1]))} if sizes else {}
        return Taken({**levels, **targets}, metas, header)

    def finish(tensors: Tensors) -> Tensors:
        import torch

        number = sum(key.startswith("loc_") for key in tensors)
        loc = [_flat_level(tensors[f"loc_{level}"], 4) for level in range(number)]
        columns = int(owner.cls_out_channels)
        conf = [_flat_level(tensors[f"conf_{level}"], columns) for level in range(number)]
        grids = [tuple(tensors[f"loc_{level}"].shape[-2:]) for level in range(number)]
        priors = torch.cat(owner.prior_generator.grid_priors(grids, device=loc[0].device))
        kept = {key: tensor for key, tensor in tensors.items() if not key.startswith(("loc_", "conf_"))}
        return {"loc": torch.cat(loc, 1), "conf": torch.cat(conf, 1), "priors": priors, **kept}

    return Recipe("mmdetection", take, finish, {"native": True, "prior_format": "xyxy"})


def _flat_level(level: Tensor, columns: int) -> Tensor:
    """`[B, H * W * A, K]` of a level's `[B, A * K, H, W]`."""
    return level.permute(0, 2, 3, 1).reshape(len(level), -1, columns)


# By the names of the parameters that tell a codebase; a maker returns None where the objects tell otherwise.
RECIPES: tuple[tuple[frozenset[str], Callable[[Any, Arguments], Recipe | None]], ...] = (
    (frozenset({"confidence", "predicted_locations", "labels", "gt_locations"}), _pytorch_ssd),
    (frozenset({"loc", "conf", "targets"}), own_recipe),
    (frozenset({"targets", "head_outputs", "anchors", "matched_idxs"}), _torchvision),
    (frozenset({"ploc", "plabel", "gloc", "glabel"}), _nvidia),
    (frozenset({"predicted_locs", "predicted_scores", "boxes", "labels"}), _sgrvinod),
    (frozenset({"y_true", "y_pred"}), _bubbliiiing),
    (frozenset({"cls_preds", "cls_labels", "bbox_preds", "bbox_labels", "bbox_masks"}), _d2l),
    (frozenset({"cls_scores", "bbox_preds", "batch_gt_instances", "batch_img_metas"}), _mmdetection),
    (frozenset({"predictions", "targets"}), _ssd_pytorch),
)


def adapted(adapter: Callable[..., Mapping[str, Any]], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Taken:
    """What a user's own adapter makes of the arguments.

    Args:
        adapter: called as the criterion is; returns a mapping with loc, conf and targets, and perhaps priors, names,
            and fields of the header: dialect, prior_format, image_size, native.
        args: of the criterion.
        kwargs: likewise.

    Raises:
        KeyError: it leaves loc, conf or targets out.
    """
    made = adapter(*args, **kwargs)
    priors = made.get("priors")
    targets, called = flat_targets(made["targets"])
    tensors = {"loc": made["loc"], "conf": made["conf"], **_priors(priors, made["loc"].shape[1]), **targets}
    header = {key: made[key] for key in ("dialect", "prior_format", "image_size", "native") if key in made}
    return Taken(tensors, made.get("names", called), header)


def names_of(called: Sequence[Any]) -> tuple[str, ...]:
    """What images are called, given their mappings of targets or their names; empty where none has a name."""
    names = tuple(each if isinstance(each, str) else named_in(each) for each in called)
    return names if any(names) else ()
