"""What `analyse_history` returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from ssdlossdbg.results.common import Box
from ssdlossdbg.results.contract import Hidden, Written
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.history_course import Course, Samples
from ssdlossdbg.results.report import Reported

# What happened at a step.
NOT_FINITE, SPIKE, RATE, RAISED = "not finite", "spike", "learning rate", "raised"
# What became of an object.
LEARNT, NEVER, FORGOTTEN, MISTAKEN, OPEN = "learnt", "never learnt", "forgotten", "taken for another", "open"
STATES = (LEARNT, NEVER, FORGOTTEN, MISTAKEN, OPEN)
# What matching made of an object that is not learnt.
NO_POSITIVE, LOST_PRIOR, ONLY_FORCED, POSITIVE = "no positive", "prior lost", "forced only", "matched"
REASONS = (NO_POSITIVE, LOST_PRIOR, ONLY_FORCED, POSITIVE)
# Overlap with the best prior from which an object without a positive lost it to another.
WELL_MATCHED = 0.5
BY_LEVEL, BY_CLASS, BY_SIZE = "level", "class", "size"


@dataclass(frozen=True)
class Event:
    """A step that stands out.

    Attributes:
        step: counted over the whole run.
        epoch: of the loader, from 1; None if not known.
        rank: of the process.
        kind: one of NOT_FINITE, SPIKE, RATE, RAISED.
        value, usual: the loss, or of RATE the rate; and the running median of those before.
        rate: highest learning rate at the optimiser's step before; None if not known.
        norm: of the gradients of that step; None where it was not taken.
        before, after: median loss of the twenty steps on either side; None where there are none.
        file: its captured batch; None where none was saved.
        images: what those of that batch are called; none where that is not known.
        cause: what sets its objects apart from those of the same images at other steps, and what `ssdlossdbg loss` says
            first of that batch, with its code; empty where neither says anything.
        lasted: of RATE, for how many steps it was so; None where it stayed.
        planned: of RATE, whether a schedule may have meant it: it stayed, and was as high before.
    """

    step: int
    epoch: int | None
    rank: int
    kind: str
    value: float
    usual: float | None
    rate: float | None
    norm: float | None
    before: float | None
    after: float | None
    file: str | None = None
    images: tuple[str, ...] = ()
    cause: str = ""
    lasted: int | None = None
    planned: bool = False


@dataclass(frozen=True)
class GroupHistory:
    """A level, a class or a size over the sampled batches.

    Attributes:
        by: what it is a group by.
        key: which.
        name: in words.
        objects: how many there were in all.
        unmatched, forced_only: shares of them, over all; nan of none.
        right: of its objects, the share whose best positive prior thinks their class the likeliest, in each part of the
            run; nan where there were none in that.
        cost: loss of its positives per positive, in each part.
        positives: how many it had per sampled batch, in each part; nan where none was sampled.
        last_step: the last sampled one with an object of it; None without any.
        lost_at: the first step from which it is gone, where that is no chance; None otherwise.
        forgotten_at: from where its objects are no longer found, though they were; None otherwise.
        images: of a class that is gone, how many images held one, of those that are known; 0 of others.
        again: how many of those are shown after it.
        shown_again: what the first of those are called.
    """

    by: str
    key: int
    name: str
    objects: int
    unmatched: float
    forced_only: float
    right: tuple[float, ...]
    cost: tuple[float, ...]
    last_step: int | None
    lost_at: int | None = None
    forgotten_at: int | None = None
    images: int = 0
    again: int = 0
    shown_again: tuple[str, ...] = ()
    positives: tuple[float, ...] = ()


@dataclass(frozen=True)
class ObjectHistory:
    """An object over the batches in which it was sampled.

    Attributes:
        image: number that stands for its image.
        name: of that image; empty where it is not known.
        label: class, from 1; `label_name` in words.
        box: xyxy, 0 to 1, of the input, where it was last.
        side: of a square of its area, in pixels of the input; None where the size of that is not known.
        unsure: whether objects of its class in the image could be told apart only by a place that moved.
        seen: in how many samples.
        first_step, last_step: of them.
        best_iou, shape_iou: median, with its best prior, and with one of the best shape centred on it.
        positives: median of positive priors.
        forced_only: share of the samples in which all of them were forced.
        probability: of its class, first, highest and last.
        taken: the class that its best prior last thought likeliest, 0 background; `taken_name` in words.
        sure: how likely that was.
        cost: its mean loss.
        rival: the other class that speaks against its label, 0 where none does; `rival_name` in words, or empty.
        against: in how many samples that was far likelier than its own.
        judged: of how many in which the network knew both classes.
        state: one of STATES.
        samples: each of them.
    """

    image: int
    name: str
    label: int
    label_name: str
    box: Box
    side: float | None
    unsure: bool
    seen: int
    first_step: int
    last_step: int
    best_iou: float
    shape_iou: float
    positives: float
    forced_only: float
    probability: tuple[float, float, float]
    taken: int
    taken_name: str
    sure: float
    cost: float
    rival: int
    rival_name: str
    against: int
    judged: int
    state: str
    samples: Hidden[Samples | None] = field(default=None, compare=False, repr=False)

    @property
    def reason(self) -> Written[str]:
        """What matching made of it, one of REASONS: LOST_PRIOR where its best prior overlaps it well enough."""
        if not self.positives:
            return LOST_PRIOR if self.best_iou >= WELL_MATCHED else NO_POSITIVE
        return ONLY_FORCED if self.forced_only > 0.5 else POSITIVE


@dataclass(frozen=True, repr=False)
class HistoryResult(Reported):
    """What happened in a run.

    Attributes:
        run: its folder.
        criterion, dialect: whose loss it is; empty where that is not known.
        ranks: of how many processes.
        steps: of training.
        first_step, last_step: of those that are kept.
        epochs: of the loader; 0 if not known.
        seconds: from the first step to the last.
        sampled: at how many steps the batch was looked at.
        loss: median loss in each part of the run, nan where it is not known; `rate` and `norm` likewise.
        right: of all objects, the share whose best positive prior thinks their class the likeliest, in each part.
        part_steps: the first step of each part.
        events: in the order of steps.
        groups: levels, classes, then sizes.
        states: how many objects are in each of STATES, in their order.
        objects: those that are not learnt, the dearest first.
        easiest: how many objects cost the least that together cost a hundredth of all.
        findings: what is wrong.
        all_objects: those that are learnt, too.
        course: its rows; of sampled batches those of the training alone.
        off: by what share of the loss that the criterion returned the samples are off, the median: the dialect's rules
            are not quite its own where that is more than rounding. None where nothing tells.
    """

    run: str
    criterion: str
    dialect: str
    ranks: int
    steps: int
    first_step: int
    last_step: int
    epochs: int
    seconds: float
    sampled: int
    loss: tuple[float, ...]
    rate: tuple[float, ...]
    norm: tuple[float, ...]
    right: tuple[float, ...]
    part_steps: tuple[int, ...]
    events: tuple[Event, ...]
    groups: tuple[GroupHistory, ...]
    states: tuple[int, ...]
    objects: tuple[ObjectHistory, ...]
    easiest: int
    findings: tuple[Finding, ...] = ()
    all_objects: Hidden[tuple[ObjectHistory, ...]] = ()
    course: Hidden[Course | None] = field(default=None, compare=False)
    off: float | None = None

    @property
    def known_objects(self) -> Written[int]:
        """How many objects were told apart."""
        return sum(self.states)

    @property
    def learnt(self) -> float:
        """Of the objects in the last samples, the share that is right; nan without any."""
        known = [share for share in self.right if share == share]
        return known[-1] if known else float("nan")

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        first, last = (
            next((each for each in part if each == each), float("nan")) for part in (self.loss, self.loss[::-1])
        )
        return f"{self.steps} steps, loss {first:.3g} to {last:.3g}, {len(self.events)} events"
