"""Labels of priors that no matching gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.encoding.family import ENCODING, OTHER_FORMULAS, is_or_are, priors_in_words, twins, worst_first
from ssdlossdbg.checks.rows import lowest_first
from ssdlossdbg.results import Case, EncodedTable, IntArray, Severity, Where


@ENCODING.check(10, "ignore label without a rule for it", Severity.ERROR, EncodedTable)
def ignore_label(table: EncodedTable) -> Iterator[Case]:
    """Priors are labelled -1, which this dialect's loss does not know as "ignore".

    What it means:
        Some codebases label priors that are neither object nor background -1, and leave them out of the loss. Others
        have no such priors, and their loss takes -1 for a class like any other.

    Why it matters:
        Picking column -1 raises, takes the last class, or is clipped to the background, depending on the library. Such
        priors can be mined as hard negatives.

    How to tell:
        Labels below 0, in a dialect without an ignore band (`ignore_from` under `[match]`).

    How to fix:
        Label those priors 0, or leave them out of mining and of both sums before the class is picked.

    Where people met it:
        dmlc/gluon-cv#226.
    """
    if table.rules.match.ignore_from is not None:
        return
    if table.rules.codebase.startswith("dmlc/gluon-cv"):
        after = "its loss clips -1 to 0 and so trains them as background"
    else:
        after = "its loss takes -1 for a class, which raises in PyTorch and picks another column elsewhere"
    for place, count in worst_first(table, table.ignored):
        message = (
            f"{priors_in_words(count)} {is_or_are(count)} labelled -1, but {table.rules.name} ignores none: {after}"
        )
        yield Case(place, message, count, 0, "Label them 0, or leave them out of the loss before the class is picked.")


@ENCODING.check(11, "one box under several labels", Severity.ERROR, EncodedTable, follows_from=OTHER_FORMULAS)
def several_labels(table: EncodedTable) -> Iterator[Case]:
    """Positives of one object are to learn different classes.

    What it means:
        These priors decode to the same box, but their labels differ. Box and label of a prior are looked up with the
        same index; here the two lookups went to different objects.

    Why it matters:
        Part of the object's priors learn a wrong class.

    How to tell:
        Two labels each have at least two positives on one box; at least four where best priors are forced one object
        after the other. Annotating an object twice, under two labels, does not lead there: one label then gets no more
        than the forced priors. Offsets in half precision are too coarse for this and are not asked.

    How to fix:
        Take box and label from the same list with the same index. If objects are filtered before matching, filter
        their labels too.

    Where people met it:
        zisianw/FaceBoxes.PyTorch#22.
    """
    known = (table.object >= 0).nonzero()[0]
    if not table.exact or not len(known):
        return
    pairs = np.column_stack((table.object, table.label))[known]
    kinds, first, counts = np.unique(pairs, axis=0, return_index=True, return_counts=True)
    usual = _most_frequent(kinds[:, 0], counts)
    for kind in lowest_first((counts > twins(table)) & (usual != np.arange(len(kinds))), -counts).tolist():
        rival = usual[kind]
        message = (
            f"{counts[kind]} positives of this box are labelled {kinds[kind, 1]}, and {counts[rival]} "
            f"{kinds[rival, 1]}: boxes and labels were looked up with different indices"
        )
        fix = "Take the box and the label of a prior from the same list with the same index."
        yield Case(table.where(int(known[first[kind]])), message, int(counts[kind]), twins(table), fix)


def _most_frequent(group: IntArray, counts: IntArray) -> IntArray:
    """`[K]` for each row, the row of its group (`[K]`) that has the highest count (`[K]`), the first of equals."""
    order = np.lexsort((-counts, group))
    _, first, which = np.unique(group[order], return_index=True, return_inverse=True)
    best = np.empty_like(group)
    best[order] = order[first][which]
    return best


@ENCODING.check(12, "background labelled as a class", Severity.ERROR, EncodedTable, follows_from=("ENC001",))
def background_last(table: EncodedTable) -> Iterator[Case]:
    """More than half of all priors are positives, and most of these have nothing to learn.

    What it means:
        An image has thousands of priors, and its objects match some dozens. Where most priors have a label above 0,
        the label of the background is another one.

    Why it matters:
        Background is trained as a class, there are no negatives to mine, and the loss says nothing.

    How to tell:
        Labels above 0 at more than half of the priors of the batch. Most of them stand beside offsets of four zeros, as
        they are written where a prior has no object; or nine tenths of those that overlap their object too little to
        match have one label, which less than a tenth of the others have. Else the threshold is missing: ENC005.

    How to fix:
        Where the codebase puts the background last (MMDetection), read the file with --native. Else label the
        background 0.

    Where people met it:
        In files saved from open-mmlab/mmdetection, whose background is the last column.
    """
    bare = (table.offsets == 0).all(1).mean() > 0.5 if table.crowded else False
    if table.crowded and (bare or _one_label_is_background(table)):
        share = len(table.image) / (table.images * table.priors)
        message = f"{share:.0%} of all priors are positive, which no matching comes to: background has a label above 0"
        fix = "Say --native if the labels are in the codebase's own order (background last); else label it 0."
        yield Case(Where(table.file), message, share, 0.5, fix)


def _one_label_is_background(table: EncodedTable) -> bool:
    """Whether the priors that overlap their object too little share a label that the others do not have."""
    near = table.iou >= table.rules.match.threshold
    far = table.iou < table.rules.match.threshold
    if not near.any() or not far.any():
        return False
    label = np.bincount(table.label[far]).argmax()
    return bool((table.label[far] == label).mean() > 0.9 and (table.label[near] == label).mean() < 0.1)
