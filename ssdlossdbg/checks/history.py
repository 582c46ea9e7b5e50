"""What a run tells over time: when it went wrong, and what it never learnt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.history_words import (
    against_usual,
    batch_of,
    follows_rate,
    how_to_look,
    hurt,
    images_of_lost,
    place_of_event,
    reach_of,
    remedy_of_group,
    remedy_of_lost,
    spoilt,
    told,
)
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import Case, HistoryResult, Severity, Where
from ssdlossdbg.results.history import BY_CLASS, BY_SIZE, NOT_FINITE, RATE, SPIKE

HISTORY = Family("HIS", "history of a run")
# Of all objects so large a share is right that the network has learnt, if it has been so for half of the run; of those
# of a group so small a one is that it has not learnt them.
LEARNT, FOR_LONG, NOT_LEARNT = 0.6, 0.5, 0.1
RATE_FIX = "Look at the schedule at that step, and go on from a checkpoint of before it."
# Objects of a group in all samples from which that is said, and so many times as many as each was seen.
ENOUGH, SEVERAL = 12, 5


@HISTORY.check(1, "loss not finite", Severity.ERROR, HistoryResult)
def not_finite(result: HistoryResult) -> Iterator[Case]:
    """From a step of the run on the loss was no number any more.

    What it means:
        The step is the first whose loss was inf or nan. Its batch was saved, where there was room, and what stands out
        in it is said with it.

    Why it matters:
        A gradient that is not finite spoils every weight that it reaches, and nothing that is trained after it counts.

    How to tell:
        Where the batch itself holds the cause (a box without width, an inverted one, a label out of range), `ssdlossdbg
        loss` on its file names it, and the photo. Where it does not, the weights were spoilt before: look at the
        gradients' norm and the learning rate of the steps before.

    How to fix:
        As the page of the finding in the batch says; then go on from a checkpoint of before that step.

    Where people met it:
        amdegroot/ssd.pytorch#275; pierluigiferrari/ssd_keras#118; qfgaohao/pytorch-ssd#79.
    """
    for event in result.events:
        if event.kind == NOT_FINITE:
            message = f"the loss became {event.value}{against_usual(event)}{batch_of(event)}"
            yield Case(place_of_event(result, event), message, event.value, event.usual, how_to_look(event))


@HISTORY.check(2, "batch that stands out", Severity.WARNING, HistoryResult, follows_from=("HIS003",))
def spike(result: HistoryResult) -> Iterator[Case]:
    """The loss of one batch was far above those before it.

    What it means:
        It was more than twice the running median of the hundred steps before, and more than six median absolute
        deviations above it; or more than 1.6 times what was usual in the ten steps on either side, and above that by
        more than six times what the loss mostly changes by from a step to the next.

    Why it matters:
        One batch of wrong targets moves the weights as far as many right ones, and comes again each epoch.

    How to tell:
        Where the batch was saved, the finding names what is wrong in it, and its images. Where these were seen at other
        steps, too, and boxes of the batch are the same there but for x and y, or the class, or the image, it says so:
        no network has a say in that. Where nothing is found in it, it may merely be hard: many objects, or one that is
        very large. Look at it with `ssdlossdbg loss FILE`.

    How to fix:
        Correct the annotations of those images. If spikes come without such a cause, lower the learning rate or clip
        the norm of the gradients.

    Where people met it:
        amdegroot/ssd.pytorch#410; AlexeyAB/darknet#2873.
    """
    for event in result.events:
        if event.kind == SPIKE and not follows_rate(result, event):
            message = f"loss {event.value:.4g}{against_usual(event)}{batch_of(event)}"
            yield Case(place_of_event(result, event), message, event.value, event.usual, how_to_look(event))


@HISTORY.check(3, "learning rate jumped", Severity.ERROR, HistoryResult)
def rate_jumped(result: HistoryResult) -> Iterator[Case]:
    """The learning rate rose at once to many times what it was, and no schedule means that.

    What it means:
        The optimiser stepped with more than five times the highest rate of the five steps before. Either that was over
        within twenty steps, or it stayed and the losses after it are higher than those before, by a quarter or more.

    Why it matters:
        One such step can undo all that was learnt, and the loss may never come back.

    How to tell:
        The data are innocent where the same batch had a usual loss in another epoch. A schedule that restarts jumps on
        purpose, to a rate that it had before, and stays there for long: that is left out, unless the loss became nan,
        or a process was begun again at that step.

    How to fix:
        Look at the schedule at that step: a resumed run whose scheduler began anew, milestones counted in epochs where
        steps are meant, a rate scaled by the number of devices twice. Go on from a checkpoint of before it.

    Where people met it:
        amdegroot/ssd.pytorch#599; AlexeyAB/darknet#6057.
    """
    for event in result.events:
        if event.kind != RATE:
            continue
        if hurt(result, event):
            times = f", {event.value / event.usual:.4g} times the usual {event.usual:.3g}" if event.usual else ""
            long = "" if event.lasted is None else f" for {event.lasted} step{'s' if event.lasted > 1 else ''}"
            what = f"the optimiser's step {event.step - 1} had a learning rate of {event.value:.3g}{long}{times}"
            if spoilt(result, event):
                what += ", and no loss after it is finite"
            elif event.before and event.after:
                what += f", and the loss went from {event.before:.3g} to {event.after:.3g}"
            yield Case(place_of_event(result, event), what, event.value, event.usual, RATE_FIX)


@HISTORY.check(4, "class gone", Severity.WARNING, HistoryResult)
def class_gone(result: HistoryResult) -> Iterator[Case]:
    """From a step on, no batch holds an object of a class any more.

    What it means:
        Of the sampled batches before, so many held one that none in all of those after cannot be chance.

    Why it matters:
        What is no longer shown is forgotten, and its recall falls to nothing.

    How to tell:
        Compare what the loader yields before and after: a filter, a class list that was changed or reordered, a data
        set that was exchanged or concatenated at that epoch, a sampler that ran dry.

    How to fix:
        Mend what the loader does from that step on. `ssdlossdbg check` on the annotations says whether they still hold
        the class.

    Where people met it:
        pierluigiferrari/ssd_keras#279; AlexeyAB/darknet#6337.
    """
    for group in result.groups:
        if group.lost_at is not None:
            message = (
                f"no object of {group.name} from step {group.lost_at} on, after {group.objects} in the sampled batches "
                f"up to step {group.last_step}{images_of_lost(group)}"
            )
            yield Case(Where(result.run), message, group.lost_at, None, remedy_of_lost(group), share=1.0)


@HISTORY.check(5, "forgotten", Severity.WARNING, HistoryResult)
def group_forgotten(result: HistoryResult) -> Iterator[Case]:
    """A class whose objects were found is not found any more, though it is still shown.

    What it means:
        In a part of the run half of its objects or more were right, and in the last one no more than a tenth is.

    Why it matters:
        Its recall is gone, while the total loss may look as ever.

    How to tell:
        Where all classes fell at once, the weights were hurt (see HIS003, HIS001). Where one fell alone, its labels
        changed: objects of it are probably labelled as another class, or as background.

    How to fix:
        Look at objects of it after that step: `ssdlossdbg.capture(every=...)` saves batches to look at.

    Where people met it:
        ultralytics/ultralytics#6933.
    """
    for group in result.groups:
        if group.by == BY_CLASS and group.forgotten_at is not None and group.lost_at is None:
            best, last = max(told(group.right)), told(group.right)[-1]
            since = f"{last:.0%} are from step {group.forgotten_at} on"
            message = f"{group.name}: {best:.0%} of its objects were right, and {since}"
            fix = "Look at its labels from that step on, and at what hurt the weights then."
            yield Case(Where(result.run), message, last, NOT_LEARNT, fix, share=1.0)


@HISTORY.check(6, "group never learnt", Severity.WARNING, HistoryResult)
def group_never_learnt(result: HistoryResult) -> Iterator[Case]:
    """Objects of one class or size are not learnt, while most others are.

    What it means:
        For half of the run at least three fifths of all objects are right (their best prior thinks their class the
        likeliest), and of this group no more than a tenth is, nor ever was.

    Why it matters:
        The mean over all hides it: the total loss falls, and these objects are never found.

    How to tell:
        Matching says why, beside it. Objects that no prior reaches, or only by force at a low overlap, have too few
        positives for their size; objects that are well matched and not learnt have too few examples or wrong labels.

    How to fix:
        Give priors of their size, by `ssdlossdbg anchors --fit`, or a larger input; of a class, more examples.

    Where people met it:
        amdegroot/ssd.pytorch#599; AlexeyAB/darknet#2873.
    """
    course = told(result.right)
    if not course or np.mean([share >= LEARNT for share in course]) < FOR_LONG or not result.learnt >= LEARNT:
        return
    seen = sum(each.seen for each in result.all_objects) / max(1, result.known_objects)
    enough = max(ENOUGH, SEVERAL * seen)
    for group in result.groups:
        known = told(group.right)
        if group.by in (BY_CLASS, BY_SIZE) and group.objects >= enough and known and max(known) <= NOT_LEARNT:
            message = (
                f"{group.name}: {known[-1]:.0%} of its objects are right at the end, of all {result.learnt:.0%}; "
                f"{reach_of(group)}"
            )
            yield Case(Where(result.run), message, known[-1], NOT_LEARNT, remedy_of_group(group), share=1.0)
