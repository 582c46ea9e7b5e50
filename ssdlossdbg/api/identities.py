"""Of saved batches with the loss that the user's code had: whose rules give it."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.identity.saved import identify_saved
from ssdlossdbg.api.batches import SAY_OTHERS, both_halves, computable
from ssdlossdbg.api.common import File, as_batch, as_dialect, rules_for
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import dialect_names
from ssdlossdbg.readers.named_priors import NamedPriors, PriorSource
from ssdlossdbg.readers.saved.captured import captured_files
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.tensor_files import Tensors
from ssdlossdbg.results import IdentifyResult, Said
from ssdlossdbg.rules import Dialect

# Batches of a run that are asked: more tell more, and take longer.
MOST_BATCHES = 4
NO_LOSS = "Say what your code printed for this batch, with --printed; ssdlossdbg.capture records it."


@on_cpu_by_default
def identify_batch(
    predictions: File | Tensors,
    targets: File | Tensors | None = None,
    priors: NamedPriors | PriorSource | None = None,
    *,
    dialects: Sequence[Dialect | str] | None = None,
    printed: Said | None = None,
    most_changes: int = 1,
    seconds: float = 60.0,
    device: str = "auto",
    layout: SavedLayout = SavedLayout(),
) -> IdentifyResult:
    """Whose rules give the loss that your code had of a saved batch, as `ssdlossdbg identify` says.

    Args:
        predictions: loc and conf, with or without priors: a file, or the tensors or arrays that it would hold; a
            captured file, which holds targets and loss, too, or the folder of a run.
        targets: boxes and labels of the same batch, or what they were encoded into; those in `predictions` if None.
        priors: what `load_priors` returned or takes; those in `predictions` if None.
        dialects: whom to ask; all shipped ones if None.
        printed: the loss that training printed for this batch, over what a file says.
        most_changes: rules of a dialect that may be others.
        seconds: that it may take.
        device: auto, cpu, cuda, cuda:N or mps.
        layout: how the tensors were saved, over what is recognised.

    Raises:
        InputError: what cannot be used or does not belong together, no loss of your code, or no such device.
    """
    asked = [as_dialect(each, "--dialects") for each in (dialect_names() if dialects is None else dialects)]
    sources: list[File | Tensors] = [predictions]
    if targets is None and isinstance(predictions, (str, PathLike)) and Path(predictions).is_dir():
        sources = list(captured_files(Path(predictions)))
    batches: list[Batch] = []
    refused: InputError | None = None
    for source in sources:
        try:
            batch = _batch(source, targets, priors, layout, device, printed)
        except InputError as error:
            if len(sources) == 1:
                raise
            refused = refused or error
            continue
        if batch.recorded is not None and len(batches) < MOST_BATCHES:
            batches.append(batch)
    if not batches:
        raise refused or InputError(str(predictions)[:200], "says nothing of the loss that your code had", NO_LOSS)
    among = computable(batches[0], asked)
    if not among:
        two = batches[0].predictions.first is not None
        what = "hold two steps, and whose the loss of two is cannot be told" if two else "name none of one step"
        fix = "For one codebase of two steps, `ssdlossdbg loss` says whether it is its." if two else SAY_OTHERS
        raise InputError("the predictions" if two else "--dialects", what, fix)
    return identify_saved(batches, among, most_changes, seconds)


def _batch(
    source: File | Tensors,
    targets: File | Tensors | None,
    priors: NamedPriors | PriorSource | None,
    layout: SavedLayout,
    device: str,
    printed: Said | None,
) -> Batch:
    saved, wanted = both_halves(source, targets)
    return as_batch(saved, wanted, priors, rules_for(None, saved), layout, device=device, said=printed)
