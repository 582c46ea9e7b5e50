"""A training's batches while it trains, as its history keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from ssdlossdbg.analysis.history.sample import sample
from ssdlossdbg.analysis.quick_scene import QuickScene
from ssdlossdbg.api.common import as_batch, rules_for
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.tensor_files import Saved
from ssdlossdbg.results import Captured
from ssdlossdbg.results.history_rows import Rows
from ssdlossdbg.rules import Dialect


class Sampler:
    """Makes rows of batches that a capture holds; what they have in common is recognised once."""

    def __init__(self) -> None:
        self._priors: NamedPriors | None = None
        self._given: Tensor | None = None
        self._rules: Dialect | None = None

    def __call__(self, tensors: Mapping[str, Tensor], header: Captured, images: Sequence[int]) -> tuple[Rows, Rows]:
        """The rows of a batch.

        Args:
            tensors: what its file would hold.
            header: likewise.
            images: what numbers stand for its images; none where that is not known.

        Returns:
            Rows of groups and of objects.

        Raises:
            InputError: the batch is none that its file could be read as.
        """
        given = tensors.get("priors")
        known = self._priors
        if given is not None and known is not None:
            if self._given is not None and given.equal(self._given):
                tensors = {key: tensor for key, tensor in tensors.items() if key != "priors"}
            else:
                known = None  # those of another size of photos, say
        saved = Saved(tensors, f"step {header.step}", header)
        if self._rules is None:
            self._rules = rules_for(None, saved)
        batch = as_batch(saved, saved, known, self._rules, SavedLayout(), device="cpu")
        self._priors, self._given = batch.named, given
        return sample(QuickScene(batch, self._rules, one_of_many=True), header.step, images)
