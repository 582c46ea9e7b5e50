"""Lists of classes: what they leave out, what nothing uses, and names that stand for another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ssdlossdbg.alike import Names
from ssdlossdbg.checks.cases import some
from ssdlossdbg.checks.labels import LABELS
from ssdlossdbg.checks.registry import refusal_case
from ssdlossdbg.checks.slips import Slip, in_words, slip
from ssdlossdbg.errors import one_slip_apart
from ssdlossdbg.results import Case, ClassUse, Refusal, Severity, Where

__all__ = ["LABELS"]
# A class without objects is worth a word once there are so many images, and so many objects for each class.
LEAST_IMAGES, LEAST_OBJECTS = 3, 3
# A name that so few objects have for each of the name it is like may be a slip; so few are never a class of their own.
RARE, SLIPS = 1 / 20, 3


@LABELS.check(6, "categories of one name", Severity.WARNING, Refusal)
def one_name(refusal: Refusal) -> Iterator[Case]:
    """Two categories of a COCO file have the same name.

    What it means:
        Two ids are called by one name. To whoever goes by names they are one class, to whoever goes by ids two.

    Why it matters:
        Loaders that number the categories by their ids (torchvision, lufficc, NVIDIA) train two outputs for one thing,
        each with a part of its objects and each as the other's mistake. This tool goes by names, so its count of
        classes is smaller than theirs.

    How to tell:
        The name comes up under several ids in `categories`.

    How to fix:
        Give all objects of the name one id and drop the others, or give each its own name if they are two things.

    Where people met it:
        Files merged from several exports, each of which numbered its categories anew.
    """
    yield from refusal_case(refusal, "LBL006")


@LABELS.check(7, "objects left out by the list of classes", Severity.WARNING, ClassUse)
def subset(use: ClassUse) -> Iterator[Case]:
    """The list of classes that you gave leaves out classes of the dataset.

    What it means:
        --classes names some of the classes that the objects have. It acts as a filter: objects of the others take no
        part, and an image that has no others is left without any.

    Why it matters:
        The network is trained to see background where the objects are that were left out. Images that the filter
        empties are what MAT009 and MAT010 speak of: some codebases raise, or return nan, on an image without objects.
        And a codebase that looks names up in its list (ssd.pytorch, TensorFlow's) raises a KeyError at the first
        object of another class, unless its annotations are filtered, too.

    How to tell:
        Classes of the list have objects, and the labels that are not in it are no misspellings of one: none of the
        list is like them, or the one that is has objects of its own and not many times as many.

    How to fix:
        Nothing, if that is what you want and your loader filters as well: drop the images that it empties. Otherwise
        name all classes.

    Where people met it:
        Trainings on a few classes of VOC or COCO; amdegroot/ssd.pytorch's data/voc0712.py:72 raises KeyError.
    """
    if use.left_out:
        counts = sorted(((use.unlisted[label], label) for label in use.left_out), reverse=True)
        which = some([f"{label!r} ({number:,})" for number, label in counts])
        total = sum(number for number, _ in counts)
        emptied = f"which empties {len(use.emptied):,} of {use.images:,} images ({some(use.emptied)})"
        known = int((use.counts > 0).sum())
        message = (
            f"--classes names {known} of the {known + len(counts)} classes that have objects: {_objects(total)} of the "
            f"others are left out, {which}, {emptied if use.emptied else 'which empties no image'}"
        )
        fix = "Nothing, if your loader filters them, too, and drops what that empties; otherwise name all classes."
        share = total / max(total + int(use.counts.sum()), 1)
        yield Case(Where(use.file), message, total, 0, fix, share=share)


@LABELS.check(8, "class numbers that count from 1", Severity.ERROR, ClassUse)
def counted_from_1(use: ClassUse) -> Iterator[Case]:
    """The class numbers of YOLO labels count from 1, their names from 0.

    What it means:
        There are n names, for the numbers 0 to n - 1. The labels have n, and never 0.

    Why it matters:
        Every object is taken for one of the class after its own, and those of the last class for none: a KeyError, an
        index out of range, or objects that silently are left out. The loss falls all the same, and the network learns
        the wrong names.

    How to tell:
        n is the only number without a name, 0 does not come up, and most of the others do. Were only the list too
        short, 0 would be there.

    How to fix:
        Take 1 off every number. If 0 means the background in your files, it must not have a name in the list.

    Where people met it:
        Labels converted from VOC or COCO with ids that count the background as 0.
    """
    if use.counted_from_1:
        last = len(use.names)
        message = (
            f"numbers of classes go up to {last} and none is 0, but the {last} "
            f"{'name is' if last == 1 else 'names are'} for 0 to {last - 1}: they count from 1, so that every object "
            f"has the name of the class after its own, and {_objects(use.unlisted[f'class {last}'])} none"
        )
        yield Case(Where(use.file), message, last, last - 1, "Take 1 off the number of every object.")


@LABELS.check(9, "class without objects", Severity.WARNING, ClassUse)
def unused(use: ClassUse) -> Iterator[Case]:
    """A class of the list has not one object.

    What it means:
        The list of classes, which you or the dataset gave, names a class that no object has.

    Why it matters:
        The network gets an output for it that learns nothing but "no": its weights are driven down by every prior, and
        the class counts as 0 in a mean over classes. Often it is a sign of something else: a class under another
        name, a list that belongs to other data, or numbers that are off by one.

    How to tell:
        The class has no object though there are three images and three objects a class at the least, and no label that
        is not in the list is like it. In a sample of a dataset a rare class may be missing by chance.

    How to fix:
        Nothing, if this is a part of the data and the rest has the class. Otherwise correct the list, or the labels.

    Where people met it:
        Fine-tuning with the 80 names of COCO on three classes; categories that a labelling tool writes though nobody
        used them, Roboflow's first one for example.
    """
    few = use.images < LEAST_IMAGES or int(use.counts.sum()) < LEAST_OBJECTS * len(use.names)
    if few or not (use.given or use.listed) or use.counted_from_1:
        return
    wrong = [label for label in use.unlisted if label not in use.left_out]
    missing = [name for name, count in zip(use.names, use.counts.tolist(), strict=True) if not count]
    mistaken = Names(wrong)
    missing = [
        name for name in missing if not any(one_slip_apart(name, label) for label in mistaken.one_letter_apart(name))
    ]
    if missing:
        which = f"class {missing[0]!r} has" if len(missing) == 1 else f"classes {some(list(map(repr, missing)))} have"
        first = " The numbers may count from 1." if use.names[0] in missing and not use.given else ""
        message = f"{which} no object in {use.images:,} images; the list names {len(use.names)} classes"
        fix = f"Correct the list or the labels, unless this is a part of the data only.{first}"
        yield Case(Where(use.file), message, len(missing), 0, fix, share=len(missing) / len(use.names))


@LABELS.check(10, "class name that may be misspelt", Severity.WARNING, ClassUse)
def misspelt(use: ClassUse) -> Iterator[Case]:
    """A class name that few objects have is spelt nearly as one that many have.

    What it means:
        "RCB" twelve times beside "RBC" four thousand times: without a list of classes both are classes.

    Why it matters:
        The network gets an output for a slip of the keyboard, trained by few objects, and those objects are trained as
        the other's mistake. With a list the name is a KeyError, or is left out.

    How to tell:
        You gave no list, and the other name has twenty times as many objects. Two letters that stand in each other's
        place, or one of two alike left out, are enough beside that. A letter more or less in a longer word, a plural
        say, counts only where other classes mostly have twenty times as many objects, too; one letter instead of
        another, or one more or less in a short word, also only up to three objects, as horse and house are both
        words. Names that differ in a digit are taken for two, as are "type a" and "type b". Names that differ in
        capitals or spaces alone are LBL004.

    How to fix:
        Correct the labels, if it is a slip; else nothing. With --classes such labels are named one by one (LBL003).

    Where people met it:
        Labelling tools that take a class name as typed, labelImg for example.
    """
    if use.given:
        return
    counts = {name: many for name, many in zip(use.names, use.counts.tolist(), strict=True) if many}
    often = {name: many * RARE for name, many in counts.items() if many * RARE >= 1}
    usually = Names(sorted(often, key=often.__getitem__, reverse=True), in_words)
    most = max(often.values(), default=0)
    for name, number in ((name, number) for name, number in counts.items() if number <= most):
        near = (other for other in usually.one_letter_apart(name) if number <= often[other])
        usual = next((other for other in near if slip(name, other)), None)
        if usual is None or not _is_evident(name, usual, counts):
            continue
        message = f"{name!r} ({_objects(number)}) may be a misspelt {usual!r} ({_objects(counts[usual])})"
        share = number / int(use.counts.sum())
        yield Case(Where(use.file), message, number, counts[usual], f"If so, rename it to {usual!r}.", share=share)


def _is_evident(name: str, usual: str, counts: Mapping[str, int]) -> bool:
    """Whether a name that is like a far more frequent one is a slip rather than a rare class, as far as that shows."""
    kind = slip(name, usual)
    if kind is Slip.TYPING:
        return True
    # Where many classes are rare, one of them may be like a frequent one by chance.
    usually = np.median([many for other, many in counts.items() if other != name])
    return bool(counts[name] <= usually * RARE) and (kind is Slip.LIKELY or counts[name] <= SLIPS)


@LABELS.check(11, "number of classes that is not that of the names", Severity.ERROR, Refusal)
def other_number(refusal: Refusal) -> Iterator[Case]:
    """The `nc` of a data.yaml is not the number of its names.

    What it means:
        A data.yaml says twice how many classes there are, once as a number and once by their names.

    Why it matters:
        One of the two is wrong. Whoever builds the network by `nc` gets an output too few or too many: labels of the
        last classes have no column, an index out of range, or every name is one off where one was added in front.

    How to tell:
        `nc` is a number, and `names` has more or fewer.

    How to fix:
        Look at the largest class number in the labels: the number of classes is one more than it, or greater if the
        last classes have no object.

    Where people met it:
        A class added to the names by hand; ultralytics' data.py refuses such a file.
    """
    yield from refusal_case(refusal, "LBL011")


def _objects(number: int) -> str:
    return f"{number:,} object" if number == 1 else f"{number:,} objects"
