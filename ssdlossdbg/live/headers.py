"""What a capture says of a batch in the header of its file."""

from __future__ import annotations

from typing import Any

from ssdlossdbg.live.folder import RunFolder
from ssdlossdbg.live.held import Held
from ssdlossdbg.live.names import LoaderNames
from ssdlossdbg.live.optimisers import Optimisers
from ssdlossdbg.live.recipes import names_of
from ssdlossdbg.live.spikes import Spikes
from ssdlossdbg.live.whose import Whose
from ssdlossdbg.results.captured import Captured, Recorded, is_name


class Headers:
    """Makes them from a batch and what is known around it.

    Args:
        criterion: its qualified name.
        folder: where batches go.
        names: of images.
        optimisers: of the training.
        spikes: the losses so far.
        whose: rules are followed.
    """

    def __init__(
        self,
        criterion: str,
        folder: RunFolder,
        names: LoaderNames,
        optimisers: Optimisers,
        spikes: Spikes,
        whose: Whose,
    ) -> None:
        self._criterion, self._folder, self._names = criterion, folder, names
        self._optimisers, self._spikes, self.whose = optimisers, spikes, whose

    def of(self, held: Held, reason: str, detail: str = "", because: int | None = None) -> Captured:
        """The header of a batch.

        Args:
            held: it.
            reason: why it is looked at.
            detail: more of that, in words.
            because: the step that it is saved for, if that is another one.
        """
        step, norm = self._optimisers.norm()
        fields: dict[str, Any] = {
            **(held.recipe.header if held.recipe else {}),
            "dialect": held.recipe.dialect if held.recipe else "",
            **held.rules,
            **self.whose.fields,
            **held.header,
        }
        return Captured(
            step=held.step,
            reason=reason,
            detail=detail,
            because=because,
            recorded=recorded_of(held),
            precision=0.0 if held.returned is None else held.returned.precision,
            error=held.error,
            indices=held.indices or (),
            names=self.named(held),
            criterion=self._criterion,
            attributes=held.attributes,
            epoch_time=held.time,
            lr=held.rates.last or self._optimisers.rates.last,
            usual_lr=held.rates.usual,
            peak_lr=held.rates.peak,
            peak_lr_steps_ago=held.rates.steps_ago,
            gradient_norm=norm,
            gradient_norm_step=step,
            median=self._spikes.median,
            validation=held.validation,
            rank=self._folder.rank,
            world=self._folder.world,
            **fields,
        )

    def named(self, held: Held) -> tuple[str, ...]:
        """What the images of a batch are called; empty where that is not known."""
        names = names_of(held.called)
        if held.indices and not any(map(is_name, names)):  # a number says less than a file
            return self._names.named(held.indices) or names
        return names


def recorded_of(held: Held) -> Recorded:
    """The loss that the criterion returned; waits for it where it is on its way."""
    if held.returned is None or held.readout is None:
        return Recorded()
    return held.returned.recorded(held.readout.read())
