"""Names and numbers of classes that the loader does not find, or takes for the background."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import numpy as np

from ssdlossdbg.alike import Names
from ssdlossdbg.checks.loader.family import COCO, LOADER, VOC, written
from ssdlossdbg.results import Case, Objects, Severity, Trait, Where
from ssdlossdbg.rules import CategoryIds, ClassList, NameLookup, Unlisted

# What lists of classes call what is no class, in any case.
BACKGROUND = ("background", "__background__")


@LOADER.check(6, "class name that the loader does not find", Severity.ERROR, Objects)
def unfound_name(objects: Objects) -> Iterator[Case]:
    """The list of classes has the class, and this codebase's loader does not find it there: case or spaces differ.

    What it means:
        Some loaders put the name in the XML in lower case, and not the list; others take it as it is, with the spaces
        around it. "RBC" is looked up as "rbc", which a list with RBC does not have.

    Why it matters:
        Some raise a KeyError, with the name alone; others drop the object without a word, and the class is never
        learnt.

    How to tell:
        The name as the dialect looks it up (`class_names` under [loader]) is not in --classes, or in the labels.txt
        that the loader reads, as they are spelt. Without a list nothing is said.

    How to fix:
        Write the list as the loader looks names up: in lower case for ssd.pytorch, lufficc/SSD, pytorch-ssd, GluonCV,
        exactly as in the files for the others.

    Where people met it:
        amdegroot/ssd.pytorch#381. data/voc0712.py:62 there, voc_dataset.py:99 in pytorch-ssd, voc.py:73 in lufficc/SSD.
    """
    loader = objects.rules.loader
    if objects.reading.format != VOC or loader.class_names is NameLookup.ANY_CASE:
        return
    exact = loader.class_names is NameLookup.EXACT
    padded = written(objects, Trait.PADDED_NAME)
    spaced = {objects.labels[row] for row in np.flatnonzero(padded).tolist()} if exact else set()
    for names, rows in _by_list(objects):
        labels = Counter(objects.labels[row] for row in rows) if names else Counter[str]()
        first = {objects.labels[row]: row for row in reversed(rows)}
        known, listed = Names(names), set(names)
        for label, number in labels.items():
            sought = f" {label} " if label in spaced else label if exact else label.lower()
            if sought in listed:
                continue
            does = "drops such objects without a word" if loader.unlisted is Unlisted.SKIP else "raises on it"
            close = known.nearest(label)
            has = f", which has {close!r}" if close else ""
            message = (
                f"{objects.rules.name} looks it up as {sought!r} in the list of classes{has}, does not find it, and "
                f"{does} ({_number(number)})"
            )
            fix = "Spell both alike." if exact else f"Write {sought!r} in the list of classes."
            yield Case(objects.where(first[label]), message, sought, close, fix)


@LOADER.check(7, "list of classes read as one name", Severity.ERROR, Objects)
def joined_names(objects: Objects) -> Iterator[Case]:
    """The file labels.txt has a name a line, and this codebase's loader cuts all lines together at commas.

    What it means:
        cat, dog and bird on three lines without commas are one class, "catdogbird".

    Why it matters:
        No object is of that class. The loader drops what it does not find in the list, so that every image is without
        objects, and training crashes, or learns nothing.

    How to tell:
        A labels.txt lies where the loader looks for it, above a folder Annotations; a line of it is followed by another
        and has no comma at its end; and the dialect says `class_list = "joined-then-commas"` under [loader].

    How to fix:
        Write all names on one line, with commas between them.

    Where people met it:
        qfgaohao/pytorch-ssd's vision/datasets/voc_dataset.py:31-42. dusty-nv's fork reads a name a line.
    """
    if objects.rules.loader.class_list is not ClassList.JOINED or objects.reading.format != VOC:
        return
    found = dict.fromkeys(each for each in objects.reading.lists.values() if _runs_together(each.lines))
    for file, lines in ((each.file, each.lines) for each in found):
        names = ", ".join(map(repr, _joined(lines)[:3]))
        message = f"{objects.rules.name} puts its {len(lines)} lines together and cuts them at commas: it reads {names}"
        fix = "Write the names on one line, with commas between them."
        yield Case(Where(file), message, len(_joined(lines)), len(lines), fix)


@LOADER.check(8, "object of the background's name", Severity.ERROR, Objects)
def background_name(objects: Objects) -> Iterator[Case]:
    """An object has the name by which this codebase's list of classes calls the background.

    What it means:
        The loader finds the name in its list, with the number 0.

    Why it matters:
        The object's priors are trained as background, or counted as positives of class 0: the network learns to see
        nothing there.

    How to tell:
        The object's class is among `background_names` under the dialect's [loader].

    How to fix:
        Remove such objects. An image without any needs none: see MAT009 and MAT010.

    Where people met it:
        "background" in ssd_keras's list, "__background__" in lufficc/SSD's, "none" in SSD.TensorFlow's,
        "none_of_the_above" in Caffe's label maps.
    """
    for label in objects.rules.loader.background_names:
        if not objects.saved and label in objects.labels:
            row, number = _found(objects, label)
            message = f"{objects.rules.name} reads {label!r} as class 0, the background ({number})"
            yield Case(objects.where(row), message, 0, 1, "Remove such objects.")


@LOADER.check(9, "class that is called background", Severity.WARNING, Objects, ("LDR008", "LDR010"))
def called_background(objects: Objects) -> Iterator[Case]:
    """Objects are annotated as "background", which is a class like any other to this codebase.

    What it means:
        Somebody drew boxes around nothing, to have something in an image without objects, or exported a list of classes
        with the background in it.

    Why it matters:
        SSD has a column for the background already. The network is asked to tell "background" from background, and
        every other class may be a column off.

    How to tell:
        An object's class is called background or __background__, in any case.

    How to fix:
        Remove these objects, and the name from the list of classes. An image without objects needs none.

    Where people met it:
        TensorFlow's object detection API reserves 0 and the name for it (label_map_util.py:36); pytorch-ssd puts
        BACKGROUND in front of its list.
    """
    for label in () if objects.saved else sorted(set(objects.labels)):
        if label.casefold() in BACKGROUND:
            row, number = _found(objects, label)
            message = f"is annotated as {label!r} ({number}), beside the background that SSD has in column 0"
            yield Case(objects.where(row), message, label, None, "Remove these objects, and the name from the list.")


@LOADER.check(10, "category whose number is the background's", Severity.ERROR, Objects)
def category_zero(objects: Objects) -> Iterator[Case]:
    """A COCO category has the id 0, and this codebase takes ids for labels, of which 0 is the background.

    What it means:
        COCO counts categories from 1. Many tools count from 0; loaders that number the categories anew do not mind.

    Why it matters:
        The objects of that category are trained as background: the network never sees the class.

    How to tell:
        An object's category has the id 0, and the dialect says `category_ids = "labels"` under [loader].

    How to fix:
        Count the categories of the file from 1, or number them anew in the loader.

    Where people met it:
        torchvision's reference scripts take category_id for the label (coco_utils.py), and so does
        create_coco_tf_record.py of the TensorFlow object detection API.
    """
    if objects.reading.format != COCO or objects.rules.loader.category_ids is not CategoryIds.LABELS:
        return
    for label, category in objects.reading.category_ids.items():
        if category == 0 and label in objects.labels:
            row, number = _found(objects, label)
            message = f"its category has the id 0, which {objects.rules.name} takes for the background ({number})"
            fix = "Count the categories from 1, or number them anew in the loader."
            yield Case(objects.where(row), message, 0, 1, fix)


def _by_list(objects: Objects) -> Iterator[tuple[tuple[str, ...], list[int]]]:
    """A list of classes as the loader has it, and the rows of the objects that are looked up in it.

    The list is empty where it is not known, or is no list at all (LDR007).
    """
    reading = objects.reading
    if objects.rules.loader.class_list is not ClassList.JOINED or not reading.lists:
        yield reading.names, list(range(len(objects.labels)))
        return
    files: dict[tuple[str, ...], list[int]] = {}
    for number, file in enumerate(objects.files):
        beside = reading.lists.get(os.path.split(file)[0])
        lines = () if beside is None else beside.lines
        names = _joined(lines) if lines and not _runs_together(lines) else () if lines else reading.names
        files.setdefault(names, []).append(number)
    for names, numbers in files.items():
        yield names, np.flatnonzero(np.isin(objects.file[objects.image], numbers)).tolist()


def _runs_together(lines: tuple[str, ...]) -> bool:
    """Whether a line ends in a name that goes on with the next one's, once they are put together."""
    return any(not line.rstrip().endswith(",") for line in lines[:-1])


def _joined(lines: tuple[str, ...]) -> tuple[str, ...]:
    """As pytorch-ssd reads labels.txt, vision/datasets/voc_dataset.py:31-42."""
    return tuple(name.replace(" ", "") for name in "".join(line.rstrip() for line in lines).split(","))


def _found(objects: Objects, label: str) -> tuple[int, str]:
    """The first object with a label, and how many there are; of a million objects few labels are asked for."""
    return objects.labels.index(label), _number(objects.labels.count(label))


def _number(count: int) -> str:
    return f"{count:,} {'object' if count == 1 else 'objects'}"
