"""How findings about a run name events, groups and objects, and what to do about them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from ssdlossdbg.results import Event, GroupHistory, HistoryResult, ObjectHistory, Where
from ssdlossdbg.results.history import NOT_FINITE, RATE

# Overlap with the best prior from which an object is well matched.
WELL_MATCHED = 0.5
# Shares of samples, or of objects, from which something is so as a rule.
MOSTLY = 0.5
# A loss that so many times exceeds what it was before did not take a jump of the learning rate well.
WORSE = 1.25
# Steps for which losses of the batches after a jump of the learning rate are its, but of those whose cause begins so:
# that is of what the batch holds, and not of what weights that are hurt make of it.
AFTERMATH, OF_BATCH = 60, ("unlike", "BOX", "LBL", "LDR", "ENC", "PRE009", "PRE011")
# Files that a finding names at most, of the objects that it is about.
MOST_FILES = 6

# What to do for an object that is not learnt, and for several.
LOOK = (
    "Look at it in the photo: it is matched well enough to be learnt.",
    "Look at them in their photos: they are matched well enough to be learnt.",
)
FINER = (
    "Two objects want one prior: more priors a cell, or a finer grid, have room for both.",
    "They want priors that others have: more priors a cell, or a finer grid, have room for all.",
)
FIT = (
    "Give priors of its size: ssdlossdbg anchors --fit proposes them.",
    "Give priors of their size: ssdlossdbg anchors --fit proposes them.",
)


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


def batch_of(event: Event) -> str:
    """What is wrong in the batch of an event, its file and its images, in words."""
    cause = f"; {event.cause}" if event.cause else ""
    file = PurePath(event.file).name if event.file else ""
    images = of_images(event.images)
    what = f"{file} of {images}" if file and images else file or images
    return f"{cause}; {what}" if what else cause


def of_images(names: Sequence[str], most: int = 3) -> str:
    """The names of images, in words; each once, and of many the first."""
    known = list(dict.fromkeys(PurePath(name).name for name in names if name))
    left = len(known) - most
    return ", ".join(known[:most]) + (f" and {left} more" if left > 0 else "")


def how_to_look(event: Event) -> str:
    """How to see the batch of an event."""
    if event.file is None:
        return "Its batch was not saved: say spike=1.5 or every=N of capture, to have it."
    return "Look into its file with ssdlossdbg loss, then at its annotations and at what the loader makes of them."


def follows_rate(result: HistoryResult, event: Event) -> bool:
    """Whether a jump of the learning rate, which is told by itself, came just before, and its batch has no fault."""
    if event.cause.startswith(OF_BATCH):
        return False
    jumps = [each for each in result.events if each.kind == RATE and hurt(result, each)]
    return any(-1 <= event.step - each.step <= AFTERMATH + (each.lasted or 0) for each in jumps)


def hurt(result: HistoryResult, event: Event) -> bool:
    """Whether a jump of the learning rate was an accident: it was brief, or the loss was higher after it."""
    if event.planned:
        return spoilt(result, event)
    return event.lasted is not None or spoilt(result, event) or _is_higher(event)


def spoilt(result: HistoryResult, event: Event) -> bool:
    """Whether no loss after it is finite."""
    return event.after is None and any(each.kind == NOT_FINITE and each.step >= event.step for each in result.events)


def _is_higher(event: Event) -> bool:
    return bool(event.before and event.after and event.after > WORSE * event.before)


def told(values: tuple[float, ...]) -> list[float]:
    """The values that are known."""
    return [value for value in values if not math.isnan(value)]


def images_of_lost(group: GroupHistory) -> str:
    """Whether the images that held objects of a group that is gone are shown still, in words."""
    if not group.images:
        return ""
    named = f", as {of_images(group.shown_again)}" if group.shown_again else ""
    if not group.again:
        return f"; none of the {group.images} images that held one is shown any more"
    which = "the image" if group.images == 1 else f"{group.again} of the {group.images} images"
    return f"; {which} that held one {'is' if group.again == 1 else 'are'} shown still{named}"


def remedy_of_lost(group: GroupHistory) -> str:
    """What to do where a class is gone."""
    if group.again:
        return "Their labels change at that step: see what the loader and its class list do from there on."
    return "See what the loader yields from that step on: another data set, or a sampler that leaves them out."


def reach_of(group: GroupHistory) -> str:
    """What matching made of the objects of a group, in words."""
    return f"{group.unmatched:.0%} of them unmatched, {group.forced_only:.0%} forced only"


def remedy_of_group(group: GroupHistory) -> str:
    """What to do for a group that is not learnt."""
    if group.unmatched + group.forced_only > MOSTLY:
        return "Give priors of their size: ssdlossdbg anchors --fit proposes them."
    return "They are matched: look at their labels, and whether there are enough examples."


def remedy_of_objects(found: Sequence[ObjectHistory]) -> str:
    """What to do for objects that are not learnt: of each kind among them, the most common first."""
    several = len(found) > 1
    kinds = Counter(map(_remedy, found))
    return " ".join(remedy[several] for remedy, _ in kinds.most_common())


def _remedy(each: ObjectHistory) -> tuple[str, str]:
    """For one object, and for several."""
    if each.positives and (each.forced_only <= MOSTLY or each.best_iou >= WELL_MATCHED):
        return LOOK
    return FINER if not each.positives and each.best_iou >= WELL_MATCHED else FIT


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


def how_all_matched(found: Sequence[ObjectHistory]) -> str:
    """What matching made of several objects, in words."""
    if len(found) == 1:
        return how_matched(found[0])
    without = sum(not each.positives for each in found)
    forced = sum(each.positives > 0 and each.forced_only > MOSTLY for each in found)
    best = in_range([each.best_iou for each in found], "{:.2f}")
    parts = [f"{without} without a positive prior"] * (without > 0) + [f"{forced} forced only"] * (forced > 0)
    return f"{' and '.join(parts) or 'matched'}, best IoU {best}"


def of_sides(found: Sequence[ObjectHistory]) -> str:
    """How large objects are, in words; empty where that is not known."""
    sides = [each.side for each in found if each.side is not None]
    return f", {in_range(sides, '{:.0f}')} px" if sides else ""


def in_range(values: Sequence[float], form: str) -> str:
    """The least and the largest of values; one where they read the same."""
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"


def of_files(found: Sequence[ObjectHistory], most: int = MOST_FILES) -> str:
    """The images of objects, each with how many there are in it if there are several, in words."""
    numbers = Counter(PurePath(each.name).name or f"image {each.image}" for each in found)
    listed = [name + (f" ({number})" if number > 1 else "") for name, number in list(numbers.items())[:most]]
    left = len(numbers) - most
    return ", ".join(listed) + (f" and {left} more" if left > 0 else "")
