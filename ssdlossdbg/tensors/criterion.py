"""The criterion of a codebase, to train with."""

from __future__ import annotations

from torch import Tensor, nn

from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.rules import Units
from ssdlossdbg.tensors import inputs
from ssdlossdbg.tensors.functions import Size
from ssdlossdbg.tensors.inputs import AnyPriors, Objects
from ssdlossdbg.tensors.rules import Rules, combined, of_one_step


class MultiBoxLoss(nn.Module):
    """What a codebase's criterion returns for a batch, differentiable in the predictions.

        criterion = MultiBoxLoss("ssd.pytorch", priors="ssd300")
        localization, confidence = criterion(loc, conf, targets)
        (localization + confidence).backward()

    Its numbers are those of `multibox_loss`, and it takes half the time where the priors stand on a known grid. It has
    no parameters and an empty state dict; the priors follow the predictions to their device and stay in float32 or
    float64 whatever the module is cast to.

    Args:
        rules: dialects, their names or files, and specs, in order, each in the place of what it says; `ssd.pytorch` if
            there are none.
        priors: `Priors`, a preset or config, or `[P, 4]` cxcywh; the dialect's own preset if None.
        units: of the targets, and of priors that are a bare tensor: "normalized" or "pixels"; what the rules compute in
            if None.
        image_size: (width, height) of the network's input in pixels, or one number for a square; for priors that are a
            bare tensor, where units have to be converted.
        validate: whether to look at the values of every batch: labels without a column, boxes in another unit. On a GPU
            that waits for it once a step. Shapes and types are always looked at.

    Raises:
        InputError: unknown rules or priors.
    """

    @on_cpu_by_default
    def __init__(
        self,
        *rules: Rules,
        priors: AnyPriors | None = None,
        units: Units | str | None = None,
        image_size: Size | None = None,
        validate: bool = True,
    ) -> None:
        super().__init__()
        self.rules = of_one_step(combined(rules))
        self.units = inputs.units_of(units, self.rules)
        wanted = self.rules.prior_config if priors is None else priors
        # A buffer would be cast along with the network, and priors in half precision are other priors.
        self.priors = inputs.placed(wanted, self.rules, self.units, image_size, with_grid=True)
        self.validate = validate

    @on_cpu_by_default
    def forward(self, loc: Tensor, conf: Tensor, targets: Objects) -> tuple[Tensor, Tensor]:
        """The localisation and the confidence loss, weighted and normalised as the codebase reports them.

        Args:
            loc: `[B, P, 4]` predicted offsets (dx, dy, dw, dh).
            conf: `[B, P, C]` logits, background in column 0.
            targets: the objects of B images: rows `[n, 5]` (x1, y1, x2, y2, label) whose labels are counted as the
                dialect's loader counts them; mappings with boxes `[n, 4]` and labels `[n]`, 0 being background; or a
                `GroundTruthBatch`.

        Returns:
            Two scalars, float32 or float64; training minimises their sum.

        Raises:
            InputError: tensors that do not fit together, with the place and what to do.
        """
        self.priors = self.priors.like(loc)
        rules = self.rules
        loc, conf, gt = inputs.batch(loc, conf, targets, rules, self.units, self.priors, self.validate)
        specs = rules.match, rules.codec, rules.mining, rules.loss
        terms = multibox_loss(loc, conf, self.priors.measured, gt, *specs, self.priors.grid)
        return terms.localization, terms.confidence

    def extra_repr(self) -> str:
        """The codebase and the number of priors, as `print(criterion)` shows them."""
        return f"{self.rules.name or 'own rules'}, {len(self.priors.boxes)} priors, targets in {self.units}"
