"""What of annotations takes no part, as the checks see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

from ssdlossdbg.alike import Names
from ssdlossdbg.analysis.evidence.class_use import describe_classes
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import Dataset, LeftOutError, Refused, Scaled
from ssdlossdbg.results import ClassUse, Refusal

UNKNOWN_CLASS = "LBL003"
# Files with objects that are left out for the same reason, if they are more, are told as one.
MOST_ALONE = 3


def refusal(file: str, error: InputError) -> Refusal:
    """What a reader refused, for the checks."""
    return Refusal(file, error.where, error.what, error.fix, error.code)


def describe_datasets(parts: Sequence[tuple[Dataset, Scaled]]) -> tuple[Refusal | ClassUse, ...]:
    """What of datasets takes no part: what cannot be read, what cannot be scaled, classes that nobody listed.

    Args:
        parts: what was annotated, and the same as the loader sees it; all of one place, with one list of classes.
    """
    use = describe_classes([dataset for dataset, _ in parts])
    return use, *(each for dataset, scaled in parts for each in _of_part(dataset, scaled, use))


def _of_part(dataset: Dataset, scaled: Scaled, use: ClassUse) -> Iterator[Refusal]:
    yield from _together((*dataset.refused, *scaled.refused))
    if use.counted_from_1:
        return
    rows = dataset.strangers
    files = (dataset.files[place] for place in dataset.image[rows].tolist())
    labels = (dataset.labels[place] for place in dataset.label[rows].tolist())
    of_labels: dict[str, Counter[str]] = {}
    for file, label in zip(files, labels, strict=True):
        if label not in use.left_out:
            of_labels.setdefault(label, Counter())[file] += 1
    listed = Names(dataset.class_names)
    for label, counts in of_labels.items():
        close = listed.nearest(label)
        if len(counts) > MOST_ALONE:
            yield _unknown_class(counts, label, use.unlisted[label], close)
        else:
            for file in counts:
                yield _unknown_class(Counter({file: counts[file]}), label, use.unlisted[label], close)


def _together(refused: Iterable[Refused]) -> Iterator[Refusal]:
    """What was refused; objects of many files that are refused for one reason once, at the first of them."""
    alike: dict[tuple[str, str], list[tuple[str, LeftOutError]]] = {}
    for file, error, _ in refused:
        if isinstance(error, LeftOutError):
            alike.setdefault((error.kind, error.code), []).append((file, error))
        else:
            yield refusal(file, error)
    for group in alike.values():
        if len(group) <= MOST_ALONE:
            yield from (refusal(*each) for each in group)
            continue
        file, first = group[0]
        number = sum(error.number for _, error in group)
        told = f"{first.kind} ({number:,} in all, in {_some_files([each for each, _ in group])})"
        fix = first.fix.replace(" It is left", " They are left")
        error = InputError(first.where, told, fix, first.code)
        yield replace(refusal(file, error), also=tuple(each for each, _ in group[1:]))


def _unknown_class(counts: Counter[str], label: str, total: int, close: str | None) -> Refusal:
    """What there is to say of a label in some files, each with the number of its objects, that is like a listed one."""
    guess = f"Did you mean {close!r}? " if close else ""
    first, number = next(iter(counts)), counts.total()
    files = f" in {_some_files(list(counts))}" if len(counts) > 1 else ""
    elsewhere = f", {total:,} in all" if total > number else ""
    objects = f"{number:,} {'object' if number == 1 else 'objects'}{files}{elsewhere}"
    what = f"the class {label!r} ({objects}) is not in the list of classes"
    return Refusal(
        first, first, what, f"{guess}Correct the labels or --classes; they are left out here.", UNKNOWN_CLASS
    )


def _some_files(files: Sequence[str]) -> str:
    """The names of the first of many files, and how many there are besides."""
    left = len(files) - MOST_ALONE
    names = ", ".join(PurePath(each).name for each in files[:MOST_ALONE])
    return f"{names} and {left:,} {'file' if left == 1 else 'files'} more"
