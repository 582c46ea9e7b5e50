"""Labels: classes that do not fit the network, or each other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.cases import TableCases, of_images, of_rows
from ssdlossdbg.checks.registry import Family, refusal_case
from ssdlossdbg.results import Case, Objects, Refusal, Severity
from ssdlossdbg.rules import BackgroundObjects, NameLookup

LABELS = Family("LBL", "labels")
BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])[\s_-]+(?=\w)|(?<=\w)[\s_-]+(?=[^\W\d_])")
# What marks objects that loaders leave out, in words.
MARKS = {"difficult": "difficult", "crowd": "as a crowd", "group": "as a group", "ignored": "to be ignored"}


@LABELS.check(1, "label without a column", Severity.ERROR, Refusal)
def out_of_range(refusal: Refusal) -> Iterator[Case]:
    """An object's class has no column among the logits.

    What it means:
        The network has C outputs a prior: column 0 for the background and C - 1 for classes. This label, turned into a
        column, is below 0 or not below C. Mostly 1 was added to labels that count from 1 already, or the network was
        built for fewer classes than the data has.

    Why it matters:
        On a GPU training stops with "device-side assert triggered", on a CPU with an index out of range. Codebases that
        do not check read another element of memory, or another prior's loss.

    How to tell:
        The class id is below 0, or is C or more, after the dialect's offset is added. Offsets -1, 0 and +1 are tried,
        and the one with which all labels fit is named.

    How to fix:
        Set the number of classes to the classes of the data plus one for the background, or correct what the labels
        count from. For this tool: --label-offset.

    Where people met it:
        amdegroot/ssd.pytorch#17 and #231; VDIGPKU/M2Det#37.
    """
    yield from refusal_case(refusal, "LBL001")


@LABELS.check(2, "object labelled background", Severity.ERROR, Objects, ("BOX003",))
def background(objects: Objects) -> TableCases:
    """An object has the label of the background.

    What it means:
        Column 0 means "nothing here". An object labelled 0 (or -1 where the codebase adds 1) says that there is nothing
        where it is.

    Why it matters:
        Its priors are trained as background, so the network learns not to see that class. With one class of which all
        labels are 0 it never detects anything. Some codebases count such priors as positives all the same.

    How to tell:
        The class id is 0, after what is added to the labels if anything is, and the box has an area: one of four zeros
        is padding.

    How to fix:
        Count classes from 1 where the dialect expects that, or let it add 1 (`ssdlossdbg dialects NAME` shows
        targets.label_offset). For this tool: --label-offset.

    Where people met it:
        qfgaohao/pytorch-ssd#122; weiliu89/caffe#612; pytorch/vision#1952.
    """
    offset = objects.label_offset
    counted = objects.rules.match.background_objects is BackgroundObjects.COUNTED
    boxes = ", and yet to predict its box, as positives" if counted else ""

    def describe(row: int) -> Case:
        added = f" once {offset} is added" if offset else ""
        message = (
            f"its label means background{added}: the priors that match it are trained to see nothing{boxes} "
            f"(best IoU {objects.best_iou[row]:.2f})"
        )
        fix = "Count classes from 1, or add 1 when the targets are made; for saved targets try --label-offset."
        return Case(objects.where(row), message, 0, 1, fix)

    return of_rows(objects, np.flatnonzero((objects.class_id == 0) & objects.valid), describe)


@LABELS.check(3, "class that is not in the list", Severity.ERROR, Refusal)
def unknown_class(refusal: Refusal) -> Iterator[Case]:
    """An object's class name is not among the classes.

    What it means:
        The annotation names a class that the list of classes does not have: a spelling mistake, a class that somebody
        added, or a list that belongs to other data.

    Why it matters:
        Some loaders raise a KeyError, others drop the object without a word: then it is in no loss, and the network is
        punished for detecting it.

    How to tell:
        The name, in whatever case, is not in --classes, nor in the file's own list. Without a list nothing is unknown.

    How to fix:
        Correct the name in the annotation, or add the class to the list, at its end, so that the other ids stay.

    Where people met it:
        qfgaohao/pytorch-ssd's voc_dataset.py:101 drops such objects silently; amdegroot/ssd.pytorch raises a KeyError.
    """
    yield from refusal_case(refusal, "LBL003")


@LABELS.check(4, "classes that differ in case or spaces", Severity.WARNING, Objects)
def names_alike(objects: Objects) -> Iterator[Case]:
    """Two class names differ only in capitals or spaces.

    What it means:
        "RBC" and "rbc" are meant to be one class, but are two strings.

    Why it matters:
        Loaders that fold names (ssd.pytorch does) see one class; others see two, split the examples between them and
        train each as the other's mistake. The network then has a column more than there are things to tell apart.

    How to tell:
        Two names are the same once capitals, spaces, - and _ between letters are left out. Names of a single letter,
        as of signs and characters, and what stands between digits or before them, are taken as they are. In Pascal VOC
        files capitals count only where the dialect's loader looks names up as they are spelt.

    How to fix:
        Rename the rarer one.

    Where people met it:
        amdegroot/ssd.pytorch's data/voc0712.py:62 lowers names before it looks them up, and so do lufficc/SSD,
        pytorch-ssd and GluonCV; the others do not.
    """
    if objects.saved:  # their names come from the list of classes, not from the data
        return
    # Where the loader folds names, those that differ in capitals alone are one to it.
    one_case = objects.one_based and objects.rules.loader.class_names is not NameLookup.EXACT
    counts = Counter(objects.labels)
    common: dict[str, str] = {}
    for name, number in counts.most_common():
        usual = common.setdefault(_folded(name), name)
        if usual != name and not (one_case and usual.casefold() == name.casefold()):
            message = f"is called {name!r} ({_times(number)}), beside {usual!r} ({_times(counts[usual])})"
            row = objects.labels.index(name)
            fix, share = f"Rename {name!r} to {usual!r}.", number / len(objects.labels)
            yield Case(objects.where(row), message, name, usual, fix, share)


@LABELS.check(5, "marked objects that the loader leaves out", Severity.NOTE, Objects)
def left_out(objects: Objects) -> TableCases:
    """Objects marked difficult, crowds or groups take no part in training.

    What it means:
        Pascal VOC marks objects that are hard to recognise as difficult, COCO marks crowds, Open Images groups, and
        this dialect's loader drops them. KITTI's DontCare, what VisDrone gives a score of 0 and WIDER FACE's invalid
        faces are to be ignored, and no loader trains on them.

    Why it matters:
        The network is trained to see background where they are: their priors are negatives, and good ones at that, so
        hard negative mining picks them. If many of your objects are marked so, that is a lot of contradiction.

    How to tell:
        <difficult>1</difficult> in the annotation, and `difficult = "drop"` in the dialect; "iscrowd": 1 and `crowds =
        "drop"`; IsGroupOf 1 and `groups = "drop"`. What is to be ignored is, under every dialect.

    How to fix:
        Nothing, if the mark is deserved. Otherwise set it to 0, or train with difficult objects kept.

    Where people met it:
        amdegroot/ssd.pytorch's voc0712.py:59-61 drops them; weiliu89/caffe and dmlc/gluon-cv keep them for VOC.
    """
    images = [position for position, image in enumerate(objects.images) if image.left_out]

    def describe(position: int) -> Case:
        image = objects.images[position]
        names = ", ".join(f"{index} ({label})" for index, label in image.left_out)
        mark = objects.reading.mark
        message = f"{objects.rules.name} leaves out what is marked {MARKS[mark]}: object {names}"
        fix = "Nothing, if they are; else set <difficult> to 0." if mark == "difficult" else "Nothing."
        return Case(objects.place(position), message, len(image.left_out), 0, fix)

    return of_images(objects, np.array(images, dtype=np.int64), describe)


def _folded(name: str) -> str:
    """A name as it is compared: -1 and 1 are two, and so are A and a, but R-BC, r bc and RBC are one."""
    bare = name.strip()
    return bare if len(bare) == 1 else BETWEEN_LETTERS.sub("", bare.casefold())


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
