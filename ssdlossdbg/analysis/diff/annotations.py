"""What changed from one version of a data set to another, and what that is worth to the priors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ssdlossdbg.analysis.diff.audited import fate_groups
from ssdlossdbg.analysis.diff.objects import MARKED, UNMARKED, Pair
from ssdlossdbg.analysis.diff.substitution import explain
from ssdlossdbg.analysis.diff.transforms import Kind, Step, step_between
from ssdlossdbg.analysis.diff.versions import Both, Version
from ssdlossdbg.analysis.diff.words import summary_of
from ssdlossdbg.readers.annotations import Dataset
from ssdlossdbg.results import AuditResult
from ssdlossdbg.results.common import Box, FloatArray, IntArray
from ssdlossdbg.results.diff import (
    ADDED,
    ANNOTATIONS,
    MOVED,
    RELABELLED,
    REMOVED,
    REORDERED,
    Difference,
    DiffResult,
    ObjectDifference,
    Side,
)

MATCHED = "objects matched"
MOST_PLACES = 12
Audit = Callable[[Dataset], AuditResult]


def diff_annotations(first: Dataset, second: Dataset, audit: Audit) -> DiffResult:
    """Say what is another in B's annotations.

    Args:
        first: A.
        second: likewise, of B.
        audit: of a data set, under the priors and the dialect in use.
    """
    one, two = Version(first, audit(first)), Version(second, audit(second))
    both = Both(one, two)
    differences = list(_differences(both))
    names = [each.name for each in differences if each.measured]
    measures = [None if each.audit is None else each.audit.totals.matched for each in (one, two)]
    explanations = explain(names, _Mixture(both, audit, measures).matched, exact=True) if names and both.alike else ()
    explaining = [each.name for each in explanations if each.explains]
    sides = [
        Side(str(each.data.path), _what(each.data), value) for each, value in zip((one, two), measures, strict=True)
    ]
    audits = (one.audit, two.audit)
    return summary_of(
        DiffResult(
            compared=ANNOTATIONS,
            same=not differences,
            summary="",
            measure=MATCHED,
            first=sides[0],
            second=sides[1],
            differences=tuple(sorted(differences, key=lambda each: (each.name not in explaining, not each.measured))),
            explanations=explanations,
            groups=fate_groups(*audits) if differences and None not in audits else (),  # type: ignore[arg-type]
            objects=tuple(_objects(both)),
        )
    )


def _what(data: Dataset) -> str:
    images, objects = len(data.names), len(data.image)
    refused = f", {len(data.refused)} that cannot be read" if data.refused else ""
    return f"{data.format.title}, {images:,} image{'s' * (images != 1)}, {objects:,} objects{refused}"


def _differences(both: Both) -> Iterator[Difference]:
    one, two = both.one.data, both.two.data
    if not both.alike:
        yield Difference("format", f"{one.format.title} in A, {two.format.title} in B", measured=False)
    number = max(1, len(one.image))
    count = Counter(word for pair in both.pairs for word in pair.became)
    if both.gone or both.new:
        words = [f"{len(both.gone)} removed"] if both.gone else []
        words += [f"{len(both.new)} added"] if both.new else []
        listed = [f"{one.names[each]}: removed" for each in both.gone]
        listed += [f"{two.names[each]}: added" for each in both.new]
        what = f"{len(one.names):,} in A: {' and '.join(words)}"
        changed_images = len(both.gone) + len(both.new)
        yield Difference("images", what, "", None, changed_images, len(one.names), tuple(listed[:MOST_PLACES]))
    if both.renamed:
        places = tuple(f"{one.names[a]} -> {two.names[b]}" for a, b in both.renamed[:MOST_PLACES])
        what = f"{len(both.renamed)} of {len(one.names)} have another name, and the same objects"
        yield Difference("names of images", what, "", None, len(both.renamed), len(one.names), places, measured=False)
    yield from _sizes(both)
    if count[ADDED] or count[REMOVED]:
        changed = [pair for pair in both.pairs if {ADDED, REMOVED} & set(pair.became)]
        said = [f"{count[word]} {word}" for word in (REMOVED, ADDED) if count[word]]
        places = tuple(map(both.place, changed[:MOST_PLACES]))
        yield Difference(
            "objects", f"{len(one.image):,} in A: {' and '.join(said)}", "", None, len(changed), number, places
        )
    moved = [pair for pair in both.pairs if MOVED in pair.became]
    if moved:
        yield _moved(both, moved, number)
    renamed = [pair for pair in both.pairs if RELABELLED in pair.became]
    if renamed:
        yield _relabelled(both, renamed, number)
    for word in (MARKED, UNMARKED):
        marked = [pair for pair in both.pairs if word in pair.became]
        if marked:
            name = (
                f"{one.format.mark} marks"
                if count[MARKED] == 0 or word == MARKED
                else f"{one.format.mark} marks taken off"
            )
            what = f"{len(marked)} of {number:,} objects {word}".replace("difficult", one.format.mark)
            yield Difference(name, what, "", None, len(marked), number, tuple(map(both.place, marked[:MOST_PLACES])))
    if count[REORDERED]:
        images = {pair.image for pair in both.pairs if REORDERED in pair.became}
        what = f"{count[REORDERED]} objects stand in another place, in {len(images)} of {len(both.images)} images"
        yield Difference("order of objects", what, "", None, count[REORDERED], number, measured=False)
    yield from _classes(one, two)
    if len(one.refused) != len(two.refused):
        what = f"{len(one.refused)} in A, {len(two.refused)} in B"
        places = tuple(str(each.error.where) for each in (*one.refused, *two.refused)[:MOST_PLACES])
        yield Difference("what cannot be read", what, places=places, measured=False)


def _sizes(both: Both) -> Iterator[Difference]:
    one, two = both.one.data, both.two.data
    apart = [(a, b) for a, b in both.images if (one.sizes[a] != two.sizes[b]).any()]
    if not both.alike:
        apart = [(a, b) for a, b in apart if one.sizes[a].all() and two.sizes[b].all()]
    if apart:
        here, there = (
            np.array([data.sizes[pair[side]] for pair in apart], float) for side, data in enumerate((one, two))
        )
        swapped = len(apart) and (here[:, ::-1] == there).all() and (here[:, 0] != here[:, 1]).any()
        step = (
            Step("width and height exchanged")
            if swapped
            else step_between(here, there, Kind.LOGITS)
            if len(apart) > 1
            else None
        )
        places = tuple(
            f"{one.names[a]}: {_size(one.sizes[a])} -> {_size(two.sizes[b])}" for a, b in apart[:MOST_PLACES]
        )
        what = f"{len(apart)} of {len(both.images)} images declare another size"
        how, figure = (step.words, step.figure) if step else ("", None)
        yield Difference("sizes of images", what, how, figure, len(apart), len(both.images), places)


def _size(size: IntArray) -> str:
    return f"{size[0]}x{size[1]}" if size.any() else "none"


def _moved(both: Both, moved: Sequence[Pair], number: int) -> Difference:
    rows = both.rows(moved)
    here, there = both.one.data.boxes[rows[0]], both.two.data.boxes[rows[1]]
    unit = "" if both.one.data.format.fractions else " px"
    largest = float(np.abs(there - here).max(initial=0.0)) if both.alike else float("nan")
    by = f", by up to {largest:.4g}{unit}" if np.isfinite(largest) else ""
    step = step_between(here, there, Kind.CORNERS) if both.alike else None
    how, figure = (_of_coordinates(step.words), step.figure) if step else ("", None)
    what = f"{len(moved):,} of {number:,} objects{by}"
    return Difference("boxes", what, how, figure, len(moved), number, tuple(map(both.place, moved[:MOST_PLACES])))


def _of_coordinates(words: str) -> str:
    return words.replace("each ", "each coordinate ", 1) if words.startswith("each ") else words


def _relabelled(both: Both, renamed: Sequence[Pair], number: int) -> Difference:
    """Objects of another class; a class that is merely called otherwise where all of its objects are."""
    rows = both.rows(renamed)
    labels = [(both.one.label(a), both.two.label(b)) for a, b in zip(*(side.tolist() for side in rows), strict=True)]
    pairs = Counter(labels)
    still = {both.two.data.labels[place] for place in np.unique(both.two.data.label).tolist()}
    before = {both.one.data.labels[place] for place in np.unique(both.one.data.label).tolist()}
    whole = [(a, b) for a, b in pairs if a not in still and b not in before]
    how = ""
    if len(whole) == len(pairs):
        how = "renamed: " + ", ".join(f"{a} is called {b}" for a, b in whole[:6])
    elif len({a for a, _ in pairs}) == len(pairs) and len(pairs) > 1 and {a for a, _ in pairs} == {b for _, b in pairs}:
        how = "classes exchanged: " + ", ".join(f"{a} -> {b}" for a, b in list(pairs)[:6])
    elif len(renamed) > 1 and len(pairs) <= 6:
        how = ", ".join(f"{count} {a} -> {b}" for (a, b), count in pairs.most_common())
    if both.one.data.format.numbered and both.alike:
        numbers = both.one.data.class_index[rows[0]], both.two.data.class_index[rows[1]]
        if (numbers[0] == numbers[1]).all() and both.one.data.class_names != both.two.data.class_names:
            how = "the same numbers in the files, of another list of classes" + (f"; {how}" if how else "")
    places = tuple(map(both.place, renamed[:MOST_PLACES]))
    return Difference("labels", f"{len(renamed):,} of {number:,} objects", how, None, len(renamed), number, places)


def _classes(one: Dataset, two: Dataset) -> Iterator[Difference]:
    """The list of classes, where the data set has one of its own."""
    here, there = one.class_names, two.class_names
    if here == there:
        return
    gone, new = [each for each in here if each not in there], [each for each in there if each not in here]
    words = [f"without {', '.join(gone[:6])}"] if gone else []
    words += [f"with {', '.join(new[:6])}"] if new else []
    if not words:
        moved = [
            f"{name} {here.index(name) + 1} -> {there.index(name) + 1}"
            for name in here
            if here.index(name) != there.index(name)
        ]
        words = [f"in another order, so that the numbers of classes are others: {', '.join(moved[:6])}"]
    what = f"{len(here)} classes in A, {len(there)} in B: {' and '.join(words)}"
    yield Difference("list of classes", what, measured=False)


def _objects(both: Both) -> Iterator[ObjectDifference]:
    """The objects that are others, those that moved furthest first."""
    changed = [pair for pair in both.pairs if pair.became and pair.became != (REORDERED,)]
    for pair in changed:
        here, there = both.images[pair.image]
        one = None if pair.first is None else int(both.one.bounds[here]) + pair.first
        two = None if pair.second is None else int(both.two.bounds[there]) + pair.second
        yield ObjectDifference(
            image=both.one.data.names[here],
            index=pair.first,
            other=pair.second,
            label="" if one is None else both.one.label(one),
            new_label="" if two is None else both.two.label(two),
            box=None if one is None else _box(both.one.data.boxes[one]),
            new_box=None if two is None else _box(both.two.data.boxes[two]),
            became=pair.words,
        )


def _box(row: FloatArray) -> Box:
    x1, y1, x2, y2 = row.tolist()
    return x1, y1, x2, y2


class _Mixture:
    """A's data set with some of what is B's, and how many objects are matched then."""

    def __init__(self, both: Both, audit: Audit, ends: Sequence[int | None]) -> None:
        self._both, self._audit = both, audit
        self._pairs = both.rows([pair for pair in both.pairs if pair.first is not None and pair.second is not None])
        self._known: dict[frozenset[str], float | None] = {frozenset(): ends[0]}
        self._last = ends[1]

    def matched(self, names: Collection[str]) -> float | None:
        """How many objects are matched; None where no audit can tell."""
        key = frozenset(names)
        if key not in self._known:
            made = self._mixed(key)
            self._known[key] = None if made is None else self._audit(made).totals.matched
        return self._known[key]

    def _mixed(self, names: frozenset[str]) -> Dataset | None:
        both = self._both
        whole = bool(names & {"images", "objects"})
        base, other = (both.two.data, both.one.data) if whole else (both.one.data, both.two.data)
        into, of = self._pairs[::-1] if whole else self._pairs
        boxes, difficult, sizes = base.boxes.copy(), base.difficult.copy(), base.sizes.copy()
        union = list(dict.fromkeys([*base.labels, *other.labels]))
        label = base.label.copy()
        place = np.array([union.index(each) for each in other.labels], np.int64)
        if ("boxes" in names) != whole:
            boxes[into] = other.boxes[of]
        if any(name.endswith(("marks", "taken off")) for name in names) != whole:
            difficult[into] = other.difficult[of]
        if ("labels" in names) != whole:
            label[into] = place[other.label[of]]
        if ("sizes of images" in names) != whole:
            for here, there in both.images:
                to, come = (there, here) if whole else (here, there)
                sizes[to] = other.sizes[come]
        classes = (both.two if ("labels" in names) else both.one).data.class_names
        return replace(
            base, boxes=boxes, difficult=difficult, sizes=sizes, label=label, labels=tuple(union), class_names=classes
        )
