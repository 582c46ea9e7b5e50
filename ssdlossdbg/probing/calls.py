"""How the criteria of the codebases are called: from a case to their arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.analysis.identity.makers import Case
from ssdlossdbg.analysis.identity.trials import SIDE, Assigned
from ssdlossdbg.live.guess import CONF_NAMES, LOC_NAMES, PRIOR_NAMES, TARGET_NAMES
from ssdlossdbg.live.recipes import is_torchvision_ssd
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from ssdlossdbg.rules import Dialect, Units

Arguments = dict[str, Any]


class Targets(StrEnum):
    """What a criterion is given to learn."""

    OBJECTS = "objects"
    BOXES = "a box for every prior"
    OFFSETS = "encoded targets"


@dataclass(frozen=True)
class Given:
    """A case in the units and on the device of a criterion.

    Attributes:
        loc, conf: predictions.
        priors: `[P, 4]` cxcywh.
        boxes, labels: per image.
        assigned: what every prior is to learn, for criteria that match nothing themselves.
    """

    loc: Tensor
    conf: Tensor
    priors: Tensor
    boxes: list[Tensor]
    labels: list[Tensor]
    assigned: Assigned | None

    @staticmethod
    def of(case: Case, units: Units, device: torch.device, assigned: Assigned | None) -> Given:
        """A case, once for one call: a criterion may write into what it is given."""
        scale = SIDE if units is Units.PIXELS else 1
        if assigned is not None and not assigned.encoded:
            assigned = replace(assigned, values=assigned.values * scale)
        return Given(
            loc=case.loc.to(device, copy=True),
            conf=case.conf.to(device, copy=True),
            priors=(case.priors * scale).to(device, copy=True),
            boxes=[(each * scale).to(device, copy=True) for each in case.boxes],
            labels=[each.to(device, copy=True) for each in case.labels],
            assigned=assigned,
        )

    @property
    def rows(self) -> list[Tensor]:
        """Per image `[n, 5]`."""
        return [torch.cat((box, label[:, None].to(box)), 1) for box, label in zip(self.boxes, self.labels, strict=True)]

    @property
    def learnt(self) -> tuple[Tensor, Tensor]:
        """`[B, P]` labels and `[B, P, 4]` offsets or boxes."""
        assert self.assigned is not None
        return self.assigned.labels.to(self.loc.device), self.assigned.values.to(self.loc)


@dataclass(frozen=True)
class Call:
    """How a criterion is called.

    Attributes:
        like: whose is called so, in words.
        targets: what it is given to learn.
        label_offset: what is usually added to labels there.
        arguments: of a copy of the criterion and a case.
        units: that it must be given boxes in; None where any will do.
        left_out: beginnings of the keys of rules that are none of the criterion's.
        note: what that comes to, in words.
        own_priors: whether the arguments hold no priors, so that the criterion has its own.
    """

    like: str
    targets: Targets
    label_offset: int
    arguments: Callable[[Any, Given], Arguments]
    units: Units | None = None
    left_out: tuple[str, ...] = ()
    note: str = ""
    own_priors: bool = False


def _ssd_pytorch(_: Any, given: Given) -> Arguments:
    return {"predictions": (given.loc, given.conf, given.priors), "targets": given.rows}


def _rfbnet(_: Any, given: Given) -> Arguments:
    return {"predictions": (given.loc, given.conf), "priors": given.priors, "targets": given.rows}


def _pytorch_ssd(_: Any, given: Given) -> Arguments:
    labels, offsets = given.learnt
    return {
        "confidence": given.conf, "predicted_locations": given.loc, "labels": labels, "gt_locations": offsets
    }  # fmt: skip


def _torchvision(owner: Any, given: Given) -> Arguments:
    corners = cxcywh_to_xyxy(given.priors)
    targets = [{"boxes": box, "labels": label} for box, label in zip(given.boxes, given.labels, strict=True)]
    matcher = owner.proposal_matcher
    none = torch.full((len(corners),), -1, dtype=torch.long, device=corners.device)
    matched = [matcher(iou(box[:, None], corners)) if len(box) else none for box in given.boxes]
    outputs = {"bbox_regression": given.loc, "cls_logits": given.conf}
    return {
        "targets": targets,
        "head_outputs": outputs,
        "anchors": [corners] * len(given.boxes),
        "matched_idxs": matched,
    }


def _nvidia(_: Any, given: Given) -> Arguments:
    labels, boxes = given.learnt
    turned = [each.transpose(1, 2).contiguous() for each in (given.loc, given.conf, xyxy_to_cxcywh(boxes))]
    return {"ploc": turned[0], "plabel": turned[1], "gloc": turned[2], "glabel": labels}


def _sgrvinod(_: Any, given: Given) -> Arguments:
    return {
        "predicted_locs": given.loc, "predicted_scores": given.conf, "boxes": given.boxes, "labels": given.labels
    }  # fmt: skip


def _bubbliiiing(_: Any, given: Given) -> Arguments:
    labels, offsets = given.learnt
    columns = torch.nn.functional.one_hot(labels.clamp(min=0), given.conf.shape[-1]).to(offsets)
    return {
        "y_true": torch.cat((offsets, columns, (labels > 0).to(offsets)[..., None]), -1),
        "y_pred": (given.loc, given.conf),
    }


NO_MATCHING = ("match.", "targets.label_offset")
OBJECT_NOTE = "matching and encoding are not part of the criterion, which is given encoded targets: not probed"
BOX_NOTE = "matching is not part of the criterion, which is given a box for every prior: not probed"
SSD_PYTORCH = Call("ssd.pytorch: (loc, conf, priors), targets", Targets.OBJECTS, 1, _ssd_pytorch)
# By the names of the parameters that tell a codebase, and a test of its object.
CALLS: tuple[tuple[frozenset[str], Callable[[Any], bool], Call], ...] = (
    (
        frozenset({"confidence", "predicted_locations", "labels", "gt_locations"}),
        lambda _: True,
        Call(
            "pytorch-ssd: confidence, predicted_locations, labels, gt_locations",
            Targets.OFFSETS,
            0,
            _pytorch_ssd,
            left_out=(*NO_MATCHING, "codec."),
            note=OBJECT_NOTE,
        ),
    ),
    (
        frozenset({"targets", "head_outputs", "anchors", "matched_idxs"}),
        lambda owner: is_torchvision_ssd(owner) and hasattr(owner, "proposal_matcher"),
        Call(
            "torchvision: compute_loss after the network's own proposal_matcher",
            Targets.OBJECTS,
            0,
            _torchvision,
            Units.PIXELS,
            ("match.iou", "match.precision"),
            "overlaps are computed before the criterion: not probed",
        ),
    ),
    (
        frozenset({"ploc", "plabel", "gloc", "glabel"}),
        lambda _: True,
        Call(
            "NVIDIA: ploc, plabel, gloc, glabel",
            Targets.BOXES,
            0,
            _nvidia,
            left_out=NO_MATCHING,
            note=BOX_NOTE,
            own_priors=True,
        ),
    ),
    (
        frozenset({"predicted_locs", "predicted_scores", "boxes", "labels"}),
        lambda _: True,
        Call(
            "sgrvinod: predicted_locs, predicted_scores, boxes, labels",
            Targets.OBJECTS,
            0,
            _sgrvinod,
            own_priors=True,
        ),
    ),
    (
        frozenset({"y_true", "y_pred"}),
        lambda _: True,
        Call(
            "bubbliiiing: y_true, y_pred",
            Targets.OFFSETS,
            0,
            _bubbliiiing,
            left_out=(*NO_MATCHING, "codec."),
            note=OBJECT_NOTE,
        ),
    ),
    (
        frozenset({"predictions", "priors", "targets"}),
        lambda _: True,
        Call("RFBNet: (loc, conf), priors, targets", Targets.OBJECTS, 1, _rfbnet),
    ),
    (frozenset({"predictions", "targets"}), lambda _: True, SSD_PYTORCH),
)


def calls_for(owner: Any, names: Sequence[str], adapter: Callable[..., Any] | None) -> list[Call]:
    """The ways in which a criterion may be called, the likeliest first.

    Args:
        owner: the module or function.
        names: of the parameters.
        adapter: of the user, called with loc, conf, priors, targets; returns the arguments.
    """
    if adapter is not None:
        return [_adapted(adapter, names)]
    rules = getattr(owner, "rules", None)
    if isinstance(rules, Dialect) and hasattr(getattr(owner, "priors", None), "measured"):
        return [_own(rules)]
    known = [call for told, fits, call in CALLS if told <= set(names) and fits(owner)]
    return [*known, *_by_names(names)]


def _adapted(adapter: Callable[..., Any], names: Sequence[str]) -> Call:
    def arguments(_: Any, given: Given) -> Arguments:
        made = adapter(given.loc, given.conf, given.priors, given.rows)
        if isinstance(made, Mapping):
            return dict(made)
        if not isinstance(made, tuple):
            raise TypeError(f"the adapter returned a {type(made).__name__}, and no tuple of arguments nor a mapping")
        return dict(zip(names, made, strict=False))

    return Call("the adapter's arguments", Targets.OBJECTS, 1, arguments)


def _own(rules: Dialect) -> Call:
    def arguments(owner: Any, given: Given) -> Arguments:
        from ssdlossdbg.tensors.inputs import placed

        owner.priors = placed(given.priors, rules, owner.units, SIDE, with_grid=True)
        owner.validate = False
        return {"loc": given.loc, "conf": given.conf, "targets": given.rows}

    units = rules.targets.units
    return Call(
        "ssdlossdbg.MultiBoxLoss: loc, conf, targets", Targets.OBJECTS, rules.targets.label_offset, arguments, units
    )


def _by_names(names: Sequence[str]) -> list[Call]:
    """Ways to fill parameters that only their names tell."""
    if not names:
        return []
    pairs = ("boxes", "labels") if any("box" in name for name in names) else ()
    calls = []
    for rows in (True, False):

        def arguments(_: Any, given: Given, rows: bool = rows) -> Arguments:
            return {name: _value(name, given, rows) for name in names}

        form = "rows of five" if rows else "mappings with boxes and labels"
        told = ", ".join(names)
        has_priors = any(PRIOR_NAMES.fullmatch(name.lower()) or _is_tuple(name) for name in names)
        offset = 0 if pairs or not rows else 1
        calls.append(
            Call(
                f"{told}, by their names; targets as {form}",
                Targets.OBJECTS,
                offset,
                arguments,
                own_priors=not has_priors,
            )
        )
    return calls


def _is_tuple(name: str) -> bool:
    return name.lower() in ("predictions", "preds", "pred", "outputs", "output", "out", "y_pred", "predicted", "inputs")


def _value(name: str, given: Given, rows: bool) -> Any:
    """What a parameter of that name is given."""
    word = name.lower()
    if _is_tuple(word):
        return given.loc, given.conf, given.priors
    if PRIOR_NAMES.fullmatch(word):
        return given.priors
    if word in ("boxes", "gt_boxes", "bboxes", "true_boxes"):
        return given.boxes
    if word in ("labels", "gt_labels", "true_labels", "classes"):
        return given.labels
    if word not in ("loc", "conf") and TARGET_NAMES.fullmatch(word):
        if rows:
            return given.rows
        return [{"boxes": box, "labels": label} for box, label in zip(given.boxes, given.labels, strict=True)]
    if LOC_NAMES.fullmatch(word):
        return given.loc
    if CONF_NAMES.fullmatch(word):
        return given.conf
    raise LookupError(f"nothing tells what {name} is to be")
