"""What a run tells over time: when it went wrong, and what it never learnt."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.history_words import (
    after_rate,
    against_usual,
    cause_of,
    how_matched,
    how_to_look,
    place_of_event,
    place_of_object,
    reach_of,
    remedy_of_group,
    remedy_of_object,
    told,
)
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import Case, HistoryResult, Severity, Where
from ssdlossdbg.results.history import BY_CLASS, BY_SIZE, FORGOTTEN, MISTAKEN, NEVER, NOT_FINITE, RATE, SPIKE

HISTORY = Family("HIS", "history of a run")
# Of the other objects so large a share is right that the network has learnt; of those of a group so small a one is that
# it has not learnt them.
LEARNT, NOT_LEARNT = 0.5, 0.1
# Objects of a group from which that is said.
ENOUGH = 12
# A loss that so many times exceeds what it was before did not take a jump of the learning rate well.
WORSE = 1.5


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
            message = f"the loss became {event.value}{against_usual(event)}{cause_of(event)}"
            yield Case(place_of_event(result, event), message, event.value, event.usual, how_to_look(event))


@HISTORY.check(2, "batch that stands out", Severity.WARNING, HistoryResult, follows_from=("HIS003",))
def spike(result: HistoryResult) -> Iterator[Case]:
    """The loss of one batch was far above those before it.

    What it means:
        It was more than twice the running median of the hundred steps before, and more than six median absolute
        deviations above it.

    Why it matters:
        One batch of wrong targets moves the weights as far as many right ones, and comes again each epoch.

    How to tell:
        Where the batch was saved, the finding names what is wrong in it, and its images. Where nothing is found in it,
        it may merely be hard: many objects, or one that is very large. Look at it with `ssdlossdbg loss FILE`.

    How to fix:
        Correct the annotations of those images. If spikes come without such a cause, lower the learning rate or clip
        the norm of the gradients.

    Where people met it:
        amdegroot/ssd.pytorch#410; AlexeyAB/darknet#2873.
    """
    for event in result.events:
        if event.kind == SPIKE and not after_rate(result, event):
            message = f"loss {event.value:.4g}{against_usual(event)}{cause_of(event)}"
            yield Case(place_of_event(result, event), message, event.value, event.usual, how_to_look(event))


@HISTORY.check(3, "learning rate jumped", Severity.ERROR, HistoryResult)
def rate_jumped(result: HistoryResult) -> Iterator[Case]:
    """The learning rate rose at once to many times what it was, and the loss rose with it.

    What it means:
        The optimiser stepped with more than five times the median rate of the hundred steps before, and the losses
        after it are higher than those before.

    Why it matters:
        One such step can undo all that was learnt, and the loss may never come back.

    How to tell:
        The data are innocent where the same batch had a usual loss in another epoch. A schedule that restarts (cosine
        with restarts, one cycle) jumps on purpose, and the loss recovers within a few steps.

    How to fix:
        Look at the schedule at that step: a resumed run whose scheduler began anew, milestones counted in epochs where
        steps are meant, a rate scaled by the number of devices twice. Go on from a checkpoint of before it.

    Where people met it:
        amdegroot/ssd.pytorch#599; AlexeyAB/darknet#6057.
    """
    for event in result.events:
        if event.kind != RATE:
            continue
        spoilt = event.after is None and any(
            each.kind == NOT_FINITE and each.step >= event.step for each in result.events
        )
        if spoilt or (event.before and event.after and event.after > WORSE * event.before):
            then = (
                "no loss after it is finite"
                if spoilt
                else f"the loss went from {event.before:.3g} to {event.after:.3g}"
            )
            times = f", {event.value / event.usual:.4g} times the usual {event.usual:.3g}" if event.usual else ""
            message = f"the optimiser's step before had a learning rate of {event.value:.3g}{times}, and {then}"
            fix = "Look at the schedule at that step, and go on from a checkpoint of before it."
            yield Case(place_of_event(result, event), message, event.value, event.usual, fix)


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
                f"up to step {group.last_step}"
            )
            fix = "See what the loader yields from that step on: a filter, another class list, another data set."
            yield Case(Where(result.run), message, group.lost_at, None, fix, share=1.0)


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
        In the last part of the run at least half of all objects are right (their best prior thinks their class the
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
    if not result.learnt >= LEARNT:
        return
    for group in result.groups:
        known = told(group.right)
        if group.by in (BY_CLASS, BY_SIZE) and group.objects >= ENOUGH and known and max(known) <= NOT_LEARNT:
            message = (
                f"{group.name}: {known[-1]:.0%} of its objects are right at the end, of all {result.learnt:.0%}; "
                f"{reach_of(group)}"
            )
            yield Case(Where(result.run), message, known[-1], NOT_LEARNT, remedy_of_group(group), share=1.0)


@HISTORY.check(7, "objects never learnt", Severity.WARNING, HistoryResult)
def never_learnt(result: HistoryResult) -> Iterator[Case]:
    """Objects that were shown again and again never got the better half of a probability.

    What it means:
        In none of at least three samples of it did an object's best prior give its class half of the probability, while
        most objects of the run are right by now.

    Why it matters:
        They are what recall lacks, and what they cost is paid in each epoch.

    How to tell:
        The cause stands beside each: no prior reaches it, or it is forced only; or it is well matched, and then it is
        hard to see, or labelled wrongly.

    How to fix:
        Priors of their size where matching is the cause; a look at the photo where it is not.

    Where people met it:
        amdegroot/ssd.pytorch#599; AlexeyAB/darknet#6337.
    """
    for each in result.objects:
        if each.state == NEVER:
            highest = each.probability[1]
            message = f"never above {highest:.0%} in {each.seen} samples; {how_matched(each)}"
            yield Case(place_of_object(result, each), message, highest, 0.5, remedy_of_object(each))


@HISTORY.check(8, "objects forgotten", Severity.NOTE, HistoryResult, follows_from=("HIS007",))
def forgotten(result: HistoryResult) -> Iterator[Case]:
    """Objects that were known are not any more.

    What it means:
        An object's class had more than half of the probability at its best prior once, and has less than a fifth in its
        last samples.

    Why it matters:
        A few are usual. Many, all since one step, say that something changed there.

    How to tell:
        Compare with the events of the run: a jump of the learning rate, a class that is gone.

    How to fix:
        Mend what happened at that step; see the events.

    Where people met it:
        ultralytics/ultralytics#6933.
    """
    for each in result.objects:
        if each.state == FORGOTTEN:
            message = f"{each.probability[1]:.0%} once, {each.probability[2]:.0%} at step {each.last_step}"
            yield Case(
                place_of_object(result, each),
                message,
                each.probability[2],
                0.2,
                "See what changed since: the events of the run.",
            )


@HISTORY.check(9, "probable label errors", Severity.WARNING, HistoryResult)
def mislabelled(result: HistoryResult) -> Iterator[Case]:
    """Objects that are matched well, and that the network is sure are of another class.

    What it means:
        In all of its last samples an object's best prior overlaps it by half or more, gives one other class more than
        0.7 of the probability, and its own less than 0.2, while most objects of the run are right.

    Why it matters:
        Wrong labels cost most of all, since the network must unlearn for them what all others teach.

    How to tell:
        Look at the photo. Two classes that look alike may be confused without a wrong label: then objects of both are
        among these, and few of either are sure.

    How to fix:
        Correct the label where it is wrong; leave it where the photo shows that it is right.

    Where people met it:
        amdegroot/ssd.pytorch#410; pierluigiferrari/ssd_keras#118.
    """
    for each in result.objects:
        if each.state == MISTAKEN:
            own = each.probability[2]
            taken = f"taken for {each.taken_name} ({each.sure:.0%})"
            message = f"{taken}, its label {each.label_name} gets {own:.0%}; IoU {each.best_iou:.2f}"
            yield Case(
                place_of_object(result, each),
                message,
                own,
                0.2,
                "Look at the photo, and correct the label if it is wrong.",
            )
