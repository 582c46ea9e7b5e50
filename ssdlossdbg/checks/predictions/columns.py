"""As many logit columns as there are classes, and one for the background."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.predictions.family import PREDICTIONS
from ssdlossdbg.results import Case, Predicted, Severity

NAMES_OF_BACKGROUND = frozenset({"background", "__background__", "bg"})


@PREDICTIONS.check(5, "no logit column for background", Severity.ERROR, Predicted)
def too_few_columns(predicted: Predicted) -> Iterator[Case]:
    """The logits have too few columns for all classes and the background.

    What it means:
        SSD's softmax has a column for the background beside those of the classes. A network built with as many columns
        as there are classes has none left for one of them.

    Why it matters:
        The last class has no column: its label is out of range, which raises on the CPU and is a "device-side assert"
        on a GPU. Where labels are not shifted by one, the first class is learnt as background instead.

    How to tell:
        C is at most the number of class names given; it should be one more.

    How to fix:
        Build the network with len(classes) + 1 columns, or correct the class list given here.

    Where people met it:
        pytorch/vision#4106; open-mmlab/mmdetection#3123; amdegroot/ssd.pytorch#17.
    """
    names, columns = predicted.class_names, predicted.classes
    if not names or _background_named(predicted) or columns > len(names):
        return
    missing = len(names) + 1 - columns
    without = ", ".join(names[-missing:])
    yield Case(
        predicted.where(),
        f"{columns} logit columns for {len(names)} classes and the background: none is left for {without}",
        columns,
        len(names) + 1,
        f"Build the network with {len(names) + 1} classes, background included, or correct --classes.",
    )


@PREDICTIONS.check(6, "logit columns do not fit the class list", Severity.WARNING, Predicted)
def columns_without_class(predicted: Predicted) -> Iterator[Case]:
    """Some logit columns stand for no class of the list, or the list counts the background.

    What it means:
        Column 0 is background and column i the i-th class of the list. More columns than that are outputs that no
        label can ever reach. A list that names the background itself shifts every other name by one.

    Why it matters:
        Unreachable columns are trained to be never right: harmless in number of one or two, but they show that the
        network was built for another data set than the list is of, and then the names do not belong to the columns.

    How to tell:
        C is more than the number of class names plus one, or a name is "background".

    How to fix:
        Build the network with len(classes) + 1 columns; give --classes without background, in the order of the ids.

    Where people met it:
        pytorch/vision#4106; open-mmlab/mmdetection#3123.
    """
    names, columns = predicted.class_names, predicted.classes
    if not names:
        return
    if _background_named(predicted):
        yield Case(
            predicted.where(),
            "the class list names the background, which has column 0 anyway, so the names after it are one column off",
            len(names),
            columns - 1,
            "Give --classes without background.",
        )
    elif columns > len(names) + 1:
        first, last = len(names) + 1, columns - 1
        which = f"columns {first} to {last}" if last > first else f"column {last}"
        yield Case(
            predicted.where(),
            f"{columns} logit columns for {len(names)} classes and the background: no label reaches {which}",
            columns,
            len(names) + 1,
            f"Build the network with {len(names) + 1} classes, background included, or correct --classes.",
        )


def _background_named(predicted: Predicted) -> bool:
    return any(name.casefold() in NAMES_OF_BACKGROUND for name in predicted.class_names)
