"""A first step, before the one that says classes."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.rules.spec import Probability, Spec


@dataclass(frozen=True)
class RefineSpec(Spec):
    """Two steps, as RefineDet has them: the first tells objects from background and moves the priors of each image.

    The loss is that of both. The first is as that of an SSD of one class; the second matches anew, with the moved
    priors of each image, and encodes and decodes from them.

    Attributes:
        first_step: whether there is one.
        object_probability: a positive of the second step in whose object the first believes no more than this is none:
            mining may choose it as it does negatives, but what it is to say is its object's class still
            (RefineDet.PyTorch refinedet_multibox_loss.py:102-106). Nor is it detected as anything.
    """

    first_step: bool = False
    object_probability: Probability = 0.01
