"""What a run tells of objects: which it never learnt or forgot, which no prior reaches, and which labels are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ssdlossdbg.checks.history import HISTORY
from ssdlossdbg.checks.history_words import (
    how_all_matched,
    in_range,
    of_files,
    of_sides,
    place_of_object,
    remedy_of_objects,
    told,
)
from ssdlossdbg.results import Case, HistoryResult, ObjectHistory, Severity, Where
from ssdlossdbg.results.history import BY_CLASS, FORGOTTEN, MISTAKEN, NEVER

# Overlap with the best prior below which none reaches an object, and below which it can only be forced.
OUT_OF_REACH, UNMATCHED = 0.2, 0.5
# Matching is why objects are not learnt where so large a share of those that it gives little is not, and so many times
# as large a one as of those that are matched well: else the network merely has not learnt all yet.
MANY, MANY_TIMES, HALF = 0.1, 5.0, 0.5
# Where so large a share of all objects is right, and of those of its class, one that is taken for background, so surely
# and in so many samples, is not merely still to be learnt.
NEARLY_ALL, MOST_OF_CLASS, SURELY, OFTEN = 0.95, 0.8, 0.9, 5
# So few objects, or so small a share of those that were known, are forgotten in every run.
FEW_FORGOTTEN, SHARE_FORGOTTEN = 5, 0.1
# Files that are named for each pair of classes that are confused: each of them is to be looked at.
MOST_DOUBTED = 10

Words = Callable[[Sequence[ObjectHistory]], str]

__all__ = ["HISTORY"]


@HISTORY.check(7, "objects never learnt", Severity.WARNING, HistoryResult)
def never_learnt(result: HistoryResult) -> Iterator[Case]:
    """Objects that were shown again and again never got the better half of a probability, and it is told why.

    What it means:
        In none of at least three samples of it did an object's best prior give its class half of the probability, while
        most objects of the run are right by now.

    Why it matters:
        They are what recall lacks, and what they cost is paid in each epoch.

    How to tell:
        The cause stands beside each. Objects that are forced only, at a low overlap, or have no positive prior, are
        named where a tenth of such objects or more is not learnt, and five times the share of those that are matched
        well: then matching is what keeps them back. Objects that are matched well are named where nearly all others are
        right, four fifths of their class too, and the network is sure that there is nothing: they are hard to see, or
        labels on nothing.

    How to fix:
        Priors of their size where matching is the cause; a look at the photo where it is not.

    Where people met it:
        amdegroot/ssd.pytorch#599; AlexeyAB/darknet#6337.
    """
    lost = _lost(result)
    never = [
        each
        for each in result.all_objects
        if each.state == NEVER and not _out_of_reach(each) and each.label not in lost
    ]
    hard = [each for each in never if _is_hard(each)]
    groups = [hard if _are_kept_back(result, len(hard)) else []]
    if result.learnt >= NEARLY_ALL:
        known = _known(result)
        groups.append([each for each in never if each.label in known and not _is_hard(each) and _is_nothing(each)])
    for group in groups:
        group.sort(key=lambda each: -each.cost)
        yield from _cases(result, group, _never_in_words)


@HISTORY.check(8, "objects forgotten", Severity.NOTE, HistoryResult, follows_from=("HIS003", "HIS001"))
def forgotten(result: HistoryResult) -> Iterator[Case]:
    """Many objects that were known are not any more.

    What it means:
        An object's class had more than half of the probability at its best prior once, and has less than a fifth in its
        last samples; and so it is of a tenth of all objects that were ever known.

    Why it matters:
        A few are usual. Many, all since one step, say that something changed there.

    How to tell:
        Compare with the events of the run: a jump of the learning rate, a class that is gone.

    How to fix:
        Mend what happened at that step; see the events.

    Where people met it:
        ultralytics/ultralytics#6933.
    """
    lost = _lost(result)
    found = [each for each in result.objects if each.state == FORGOTTEN and each.label not in lost]
    known = sum(each.probability[1] >= HALF for each in result.all_objects)
    if len(found) >= max(FEW_FORGOTTEN, SHARE_FORGOTTEN * known):
        message = f"{len(found)} of {known} objects that were known have less than a fifth now: {of_files(found)}"
        yield Case(Where(result.run), message, len(found), known, "See what changed since: the events of the run.")


@HISTORY.check(9, "probable label errors", Severity.WARNING, HistoryResult)
def mislabelled(result: HistoryResult) -> Iterator[Case]:
    """Objects that the network takes for another class than their label says, while it tells both classes apart.

    What it means:
        In at least two samples, and half of those that count, another class was at least five times as likely at an
        object's best prior as its own, and as surely so as at objects of that other class, but for 3 % of them. Where
        three fifths of all objects were right once, three times, in 35 % of the samples, will do. A sample
        counts where the network tells at least four fifths of the objects of both classes from all others, background
        left out of account. An object that is the only one is told where all of at least five samples say so. Nothing
        is said where fewer than half of the objects are right in the end, nor where the network is wrong of other
        objects of that class so often that one of all would be among these by chance.

    Why it matters:
        Wrong labels cost most of all, since the network must unlearn for them what all others teach. A network that is
        trained for long learns them by heart, and then believes them: what it thought before counts, too.

    How to tell:
        Look at the photo. Two classes that look alike may be confused without a wrong label: then objects of both are
        among these.

    How to fix:
        Correct the label where it is wrong; leave it where the photo shows that it is right.

    Where people met it:
        amdegroot/ssd.pytorch#410; pierluigiferrari/ssd_keras#118.
    """
    found = [each for each in result.all_objects if each.state == MISTAKEN]
    found.sort(key=lambda each: -each.against / each.judged)
    fix = "Look at the photo, and correct the label if it is wrong."
    if len(found) == 1 and found[0].against == found[0].judged >= OFTEN:
        each = found[0]
        message = f"taken for {each.rival_name} in {each.against} of {each.judged} samples; IoU {each.best_iou:.2f}"
        yield Case(place_of_object(result, each), message, each.against, each.judged, fix)
    elif len(found) > 1:
        pairs: dict[tuple[str, str], list[ObjectHistory]] = {}
        for each in found:
            pairs.setdefault((each.label_name, each.rival_name), []).append(each)
        told = "; ".join(
            f"{label} taken for {rival}: {of_files(those, MOST_DOUBTED)}" for (label, rival), those in pairs.items()
        )
        share = len(found) / max(1, result.known_objects)
        message = f"{len(found)} objects are taken for another class than their label's. {told}"
        yield Case(Where(result.run), message, len(found), result.known_objects, fix, share=share)


@HISTORY.check(10, "objects out of reach", Severity.WARNING, HistoryResult)
def out_of_reach(result: HistoryResult) -> Iterator[Case]:
    """No prior overlaps these objects by a fifth, not even one centred on them.

    What it means:
        As the network sees them, after resizing and crops, they are far smaller or larger than every prior, or of a
        shape that none has. The medians of all samples say so.

    Why it matters:
        Where a dialect forces a prior on each object, theirs has offsets that are far beyond all others', which cost
        most of the loss of boxes; where it does not, they are background. Either way they are hardly ever found again.

    How to tell:
        `ssdlossdbg match` on such a photo shows its best prior.

    How to fix:
        Give priors of their size, by `ssdlossdbg anchors --fit`, or a larger input; leave objects out that are too
        small to be seen.

    Where people met it:
        amdegroot/ssd.pytorch#599; AlexeyAB/darknet#2873.
    """
    found = [each for each in result.all_objects if _out_of_reach(each)]
    found.sort(key=lambda each: each.shape_iou)
    yield from _cases(result, found, _reach_in_words)


def _lost(result: HistoryResult) -> set[int]:
    """The classes that are shown no more: their objects had no chance to be learnt since, or to be kept in mind."""
    return {group.key for group in result.groups if group.by == BY_CLASS and group.lost_at is not None}


def _known(result: HistoryResult) -> set[int]:
    """The classes of which most objects are right in the end."""
    of_classes = ((group.key, told(group.right)) for group in result.groups if group.by == BY_CLASS)
    return {key for key, right in of_classes if right and right[-1] >= MOST_OF_CLASS}


def _out_of_reach(each: ObjectHistory) -> bool:
    return max(each.best_iou, each.shape_iou) < OUT_OF_REACH


def _is_hard(each: ObjectHistory) -> bool:
    """Whether matching gives an object too little to be learnt by."""
    return each.positives < 1 or (each.forced_only > HALF and each.best_iou < UNMATCHED)


def _is_nothing(each: ObjectHistory) -> bool:
    return each.seen >= OFTEN and each.taken == 0 and each.sure >= SURELY


def _are_kept_back(result: HistoryResult, number: int) -> bool:
    """Whether it is matching that so many objects are never learnt for, and not that the network learns so little."""
    seen = [each for each in result.all_objects if each.seen > 2 and not _out_of_reach(each)]
    hard = sum(map(_is_hard, seen))
    never = sum(each.state == NEVER and not _is_hard(each) for each in seen)
    usual = never / max(1, len(seen) - hard)
    share = number / max(1, hard)
    return share >= max(MANY, MANY_TIMES * usual)


def _cases(result: HistoryResult, found: Sequence[ObjectHistory], words: Words) -> Iterator[Case]:
    """One object by itself; of several all in one sentence, since they have one cause."""
    if len(found) == 1:
        each = found[0]
        yield Case(place_of_object(result, each), words(found), each.best_iou, UNMATCHED, remedy_of_objects(found))
    elif found:
        classes = " and ".join(sorted({each.label_name for each in found})[:3])
        message = f"{len(found)} objects of {classes}{of_sides(found)}: {words(found)}; {of_files(found)}"
        share = len(found) / max(1, result.known_objects)
        yield Case(Where(result.run), message, len(found), result.known_objects, remedy_of_objects(found), share=share)


def _never_in_words(found: Sequence[ObjectHistory]) -> str:
    samples = f" in {found[0].seen} samples" if len(found) == 1 else ""
    highest = max(each.probability[1] for each in found)
    return f"never above {highest:.0%}{samples}; {how_all_matched(found)}"


def _reach_in_words(found: Sequence[ObjectHistory]) -> str:
    best = in_range([each.shape_iou for each in found], "{:.2f}")
    return (
        f"no prior is of {'its' if len(found) == 1 else 'their'} size, IoU {best} with the best one if it were centred"
    )
