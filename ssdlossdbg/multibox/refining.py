"""What a first step does to the second: it moves the priors of each image, and takes some of them for background.

RefineDet (Zhang et al.), by luuuyi/RefineDet.PyTorch at commit 0e4b24c: its anchor refinement module (ARM) is the first
step, its object detection module (ODM) the second.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import Corners
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.kept import kept
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.rules import CodecSpec


@dataclass(frozen=True)
class FilteredMatching(Matching):
    """The roles of priors of which a first step took some positives out.

    Attributes:
        filtered: `[B, P]` bool: no positives any more, but negatives, whose label is their object's class all the same.
    """

    filtered: Tensor

    @kept
    def foreground(self) -> Tensor:
        """`[B, P]` bool: priors whose target is a class, and that mining need not choose."""
        return (self.labels > 0) & ~self.filtered

    @kept
    def negative(self) -> Tensor:
        """`[B, P]` bool: priors that mining may choose from."""
        return (self.labels == 0) | self.filtered


def moved(loc: Tensor, priors: Tensor, spec: CodecSpec) -> Corners:
    """The priors of each image, `[B, P, 4]`, where the first step moved them; no gradient (box_utils.py:137).

    Args:
        loc: `[B, P, 4]` offsets that the first step predicts.
        priors: `[P, 4]` cxcywh, in any unit, which is that of the moved ones.
        spec: how offsets are written.
    """
    return Corners(decode(loc.detach(), priors.detach(), spec))


def taken_for_background(conf: Tensor, least: float) -> Tensor:
    """`[B, P]` bool: where the first step gives an object no more probability than that; not where it gives a nan.

    Args:
        conf: `[B, P, 2]` its logits, background in column 0.
        least: the probability.
    """
    return conf.detach().softmax(-1)[..., 1] <= least


def without(matching: Matching, background: Tensor) -> FilteredMatching:
    """A matching without the positives that a first step took for background (refinedet_multibox_loss.py:102-106).

    Args:
        matching: of the second step.
        background: what `taken_for_background` returned.
    """
    roles = {each.name: getattr(matching, each.name) for each in fields(Matching)}
    roles |= {name: roles[name] & ~background for name in ("positive", "forced")}
    return FilteredMatching(**roles, filtered=(matching.labels > 0) & background)


def as_mined(conf: Tensor, matching: FilteredMatching) -> Tensor:
    """`[B, P, C]` logits with what a negative is to say in column 0, which mining looks at.

    That is the background of most; of one that the first step took out, its object's class (:117-121).
    """
    target = torch.where(matching.filtered, matching.labels, 0)[..., None]
    swapped = conf.scatter(-1, target, conf[..., :1])
    swapped[..., :1] = conf.gather(-1, target)
    return swapped


def undetected(conf: Tensor, background: Tensor) -> Tensor:
    """`[B, P, C]` logits that say background, and nothing else, where a first step does (detection_refinedet.py:46)."""
    nothing = torch.full_like(conf[:1, :1], -torch.inf)
    nothing[..., 0] = 0.0
    return torch.where(background[..., None], nothing, conf)
