"""How findings about a run name events, groups and objects, and what to do about them."""

from __future__ import annotations

import math

from ssdlossdbg.results import Event, GroupHistory, HistoryResult, ObjectHistory, Where
from ssdlossdbg.results.history import RATE

# Overlap with the best prior from which an object is well matched.
WELL_MATCHED = 0.5
# Shares of samples, or of objects, from which something is so as a rule.
MOSTLY = 0.5


def place_of_event(result: HistoryResult, event: Event) -> Where:
    """The step of an event, with its epoch and process."""
    epoch = f", epoch {event.epoch}" if event.epoch else ""
    rank = f", rank {event.rank}" if result.ranks > 1 else ""
    return Where(event.file or result.run, image=f"step {event.step}{epoch}{rank}")


def place_of_object(result: HistoryResult, each: ObjectHistory) -> Where:
    """An object, by its image, class and size."""
    side = "" if each.side is None else f", {each.side:.0f} px"
    name = each.name or f"image {each.image}"
    return Where(result.run, image=f"{name}, {each.label_name}{side}")


def against_usual(event: Event) -> str:
    """What the loss of an event is to be held against, in words."""
    return "" if event.usual is None else f" against a median of {event.usual:.4g}"


def cause_of(event: Event) -> str:
    """What is wrong in the batch of an event, or else the images of it, in words."""
    images = f"; images {', '.join(name or 'not known' for name in event.images)}" if any(event.images) else ""
    return f"; {event.cause}" if event.cause else images


def how_to_look(event: Event) -> str:
    """How to see the batch of an event."""
    if event.file is None:
        return "Its batch was not saved: say spike=1.5 or every=N of capture, to have it."
    return f"ssdlossdbg loss {event.file} shows where its loss is."


def after_rate(result: HistoryResult, event: Event) -> bool:
    """Whether a jump of the learning rate, which is told by itself, came just before."""
    return any(each.kind == RATE and 0 <= event.step - each.step <= 3 for each in result.events)


def told(values: tuple[float, ...]) -> list[float]:
    """The values that are known."""
    return [value for value in values if not math.isnan(value)]


def reach_of(group: GroupHistory) -> str:
    """What matching made of the objects of a group, in words."""
    return f"{group.unmatched:.0%} of them unmatched, {group.forced_only:.0%} forced only"


def remedy_of_group(group: GroupHistory) -> str:
    """What to do for a group that is not learnt."""
    if group.unmatched + group.forced_only > MOSTLY:
        return "Give priors of their size: ssdlossdbg anchors --fit proposes them."
    return "They are matched: look at their labels, and whether there are enough examples."


def remedy_of_object(each: ObjectHistory) -> str:
    """What to do for an object that is not learnt."""
    if each.positives and each.forced_only <= MOSTLY:
        return "Look at it in the photo: it is matched well enough to be learnt."
    if not each.positives and each.best_iou >= WELL_MATCHED:
        return "Two objects want one prior: more priors a cell, or a finer grid, have room for both."
    return "Give priors of its size: ssdlossdbg anchors --fit proposes them."


def how_matched(each: ObjectHistory) -> str:
    """What matching made of an object, in words."""
    if not each.positives and each.best_iou >= WELL_MATCHED:
        return f"no positive prior: its best one, IoU {each.best_iou:.2f}, is another object's"
    if not each.positives:
        return f"no positive prior, best IoU {each.best_iou:.2f}"
    if each.forced_only > MOSTLY:
        return f"forced only, best IoU {each.best_iou:.2f}"
    number = f"{each.positives:.0f} positive prior{'s' if each.positives != 1 else ''}"
    return f"{number}, best IoU {each.best_iou:.2f}"
