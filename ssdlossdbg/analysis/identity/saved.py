"""Whose loss is that of saved batches? Of inputs that nobody chose, the answer is mostly several."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.identity.observed import Told
from ssdlossdbg.analysis.identity.search import Search
from ssdlossdbg.analysis.identity.told import dialects_found, differs, inseparable
from ssdlossdbg.analysis.identity.trials import Trial
from ssdlossdbg.results import IdentifyResult, Probed, nobodys, whose
from ssdlossdbg.rules import Dialect

READING = ("targets.label_offset", "native.background")
READING_NOTE = "how labels are counted and which column is the background's are taken as the files were read"
ONE, TRIES_ON = "one rule changed", "`ssdlossdbg identify` tries on"
# Seconds that a report on a batch may take longer for saying whose loss it is.
ASKING = 5.0
ENCODED_NOTE = "the targets are already encoded: matching and encoding cannot be told"


def identify_saved(
    batches: Sequence[Batch], among: Sequence[Dialect], most_changes: int = 1, seconds: float = 60.0
) -> IdentifyResult:
    """Which rules give the losses that were recorded of batches, and what would tell these rules apart.

    Args:
        batches: each with its recorded loss.
        among: dialects to start from.
        most_changes: rules of a dialect that may be others.
        seconds: that it may take.
    """
    search = _search(batches, among, seconds)
    found = search.run(most_changes)
    names = [batch.paths[0] for batch in batches]
    rest = inseparable(search, found.explanations, singly=most_changes > 0) if found.explanations else ()
    losses = ", ".join(batch.recorded.recorded.words(".6g") for batch in batches[:3] if batch.recorded)
    more = f" and {len(batches) - 3} more" if len(batches) > 3 else ""
    return IdentifyResult(
        subject=names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more",
        dialects=dialects_found(found, among),
        inseparable=rest,
        probed=Probed(
            called="",
            said=f"{losses}{more}",
            cases=len(batches),
            returned=len(batches),
            raised=(),
            left_out=(READING_NOTE, *((ENCODED_NOTE,) if batches[0].encoded else ())),
            complete=found.complete and time.monotonic() < search.until,
        ),
        nearest=None if found.explanations else differs(search, names),
    )


def whose_loss(batch: Batch, among: Sequence[Dialect], seconds: float = ASKING) -> str:
    """Whose rules give the loss that was recorded of a batch, in words.

    Args:
        batch: with that loss.
        among: dialects to start from.
        seconds: that it may take.
    """
    search = _search([batch], among, seconds)
    found = search.run(most_changes=1)
    listed = dialects_found(found, among)
    if listed:
        return whose(listed)
    return nobodys(ONE if found.complete else f"{ONE}, as far as that was tried in {seconds:g} s; {TRIES_ON}")


def _search(batches: Sequence[Batch], among: Sequence[Dialect], seconds: float) -> Search:
    encoded = any(batch.encoded for batch in batches)
    return Search(
        trials=[_trial(batch) for batch in batches],
        observed=[Told(batch.recorded) for batch in batches if batch.recorded],
        dialects=among,
        without=(*READING, *(("match.", "codec.") if encoded else ())),
        seconds=seconds,
    )


def _trial(batch: Batch) -> Trial:
    return Trial(lambda *_: batch)
