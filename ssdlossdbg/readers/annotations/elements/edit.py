"""A repaired copy of an annotation file: what was decided is done to the text of its elements, and nothing else.

Numbers are added and compared as decimals, as they are written, so that none is spelt anew that does not change.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ssdlossdbg.readers.annotations.elements.element import Edit, Element, Written
from ssdlossdbg.results import Box, Where
from ssdlossdbg.results.repairs import Action, Mend, NotRepaired, Proposals, Repair, Twins

Numbers = tuple[Decimal, ...]
# Of a number that was read as a float, and is now read as a decimal.
ALIKE = 1e-6
DIGITS = 60
LONGEST = 400
# What marks objects that stay, whatever they look like, by the names that formats have for it.
MARKS = (
    "difficult",
    "attribute difficult",
    "truncated",
    "truncation",
    "iscrowd",
    "isgroupof",
    "istruncated",
    "invalid",
)


class LeftError(Exception):
    """Why an element is left as it is."""


@dataclass
class Mended:
    """A file with what was done to it.

    Attributes:
        data: the copy; None where it is as it was.
        done: the changes.
        left: what stays all the same.
    """

    data: bytes | None = None
    done: list[Repair] = field(default_factory=list)
    left: list[NotRepaired] = field(default_factory=list)


def mend(written: Written, proposals: Proposals) -> Mended:
    """The copy of a file.

    Args:
        written: it.
        proposals: for its objects.
    """
    mended = Mended()
    edits: dict[int, list[Edit]] = {}
    gone: dict[int, Element] = {}
    with decimal.localcontext() as context:
        context.prec = DIGITS
        for each in proposals.mends:
            try:
                element = _found(written, each.where, each.box)
                if Action.DROP in each.why:
                    _refuse_marked(written, element)
                    gone[element.start] = element
                    mended.done.append(_gone(written, element, each.where, each.why[Action.DROP], Action.DROP))
                else:
                    edits[element.start] = _of_numbers(written, element, each, mended.done)
            except (LeftError, decimal.DecimalException) as error:
                why = str(error) if isinstance(error, LeftError) else "its numbers are beyond all measure"
                mended.left += (NotRepaired(code, each.where, why) for code in each.why.values())
        for twins in proposals.twins:
            _dedupe(written, twins, gone, mended)
    kept = [edit for start, own in edits.items() if start not in gone for edit in own]
    if kept or gone:
        mended.data = written.edited([*kept, *written.without(list(gone.values()))])
    return mended


def _found(written: Written, where: Where, box: Box) -> Element:
    """The element of an object, which has the box that was read.

    Raises:
        LeftError: there is none, or one that is not to be changed.
    """
    image = where.image
    element = None if isinstance(image, int) or where.object is None else written.find(image, where.object)
    if element is None:
        raise LeftError("it cannot be told from others in the file")
    if element.fixed:
        raise LeftError(f"it {element.fixed}")
    numbers = _numbers(written, element)
    if not numbers or not all(map(_alike, _corners(written.layout, numbers), box)):
        raise LeftError("its numbers were not found in the file again")
    return element


def _alike(number: Decimal, read: float) -> bool:
    return math.isclose(float(number), read, rel_tol=ALIKE, abs_tol=ALIKE)


def _numbers(written: Written, element: Element) -> Numbers:
    """The numbers of a box; none where they are no numbers."""
    texts = [written.text[start:end] for start, end in written.spans(element)]
    try:
        numbers = tuple(Decimal(text) for text in texts if len(text) <= LONGEST)
    except decimal.InvalidOperation:
        return ()
    points = written.layout == "points"
    sound = all(number.is_finite() for number in numbers) and len(numbers) == len(texts)
    return numbers if sound and (len(numbers) >= 4 if points else len(numbers) == 4) else ()


def _corners(layout: str, numbers: Numbers) -> Numbers:
    """The corners of a box, xyxy."""
    if layout == "points":
        return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])
    x, y, a, b = numbers
    if layout == "xywh":
        return x, y, x + a, y + b
    if layout == "cxcywh":
        return x - a / 2, y - b / 2, x + a / 2, y + b / 2
    return numbers


def _of_corners(layout: str, corners: Numbers) -> Numbers:
    """What a layout has for corners."""
    x1, y1, x2, y2 = corners
    if layout == "xywh":
        return x1, y1, x2 - x1, y2 - y1
    if layout == "cxcywh":
        return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
    return corners


def _of_numbers(written: Written, element: Element, mend: Mend, done: list[Repair]) -> list[Edit]:
    """The numbers of a box that change; what was done is entered, a step an action."""
    spans, old = written.spans(element), _numbers(written, element)
    texts = [written.text[start:end] for start, end in spans]
    first = texts
    numbers = old
    for action, code in mend.why.items():
        numbers = _swapped(written.layout, numbers, mend) if action is Action.SWAP else _clipped(written, numbers, mend)
        new = [_spelt(each, was, text) for each, was, text in zip(numbers, old, first, strict=True)]
        done.append(Repair(code, mend.where, action, _shown(texts), _shown(new)))
        texts = new
    changed = zip(spans, texts, first, strict=True)
    return [(start, end, text) for (start, end), text, was in changed if text != was]


def _swapped(layout: str, numbers: Numbers, mend: Mend) -> Numbers:
    x1, y1, x2, y2 = _corners(layout, numbers)
    across, down = mend.swapped
    return _of_corners(layout, (x2 if across else x1, y2 if down else y1, x1 if across else x2, y1 if down else y2))


def _clipped(written: Written, numbers: Numbers, mend: Mend) -> Numbers:
    assert mend.limits is not None
    low, high = (tuple(Decimal(repr(side)) for side in sides) for sides in (mend.limits.low, mend.limits.high))
    corners = numbers if written.layout == "points" else _corners(written.layout, numbers)
    kept = tuple(min(max(each, low[place % 2]), high[place % 2]) for place, each in enumerate(corners))
    return kept if written.layout == "points" else _of_corners(written.layout, kept)


def _spelt(number: Decimal, old: Decimal, text: str) -> str:
    """A number as the file spells such; the old text where it is the same."""
    if number == old:
        return text
    plain = format(number.normalize(), "f")
    decimals = len(text.partition(".")[2]) if "." in text and "e" not in text.lower() else 0
    whole, _, part = plain.partition(".")
    part = part.ljust(decimals, "0")
    return f"{whole}.{part}" if part else whole


def _shown(numbers: Sequence[str]) -> str:
    return ",".join(numbers)


def _gone(written: Written, element: Element, where: Where, code: str, action: Action) -> Repair:
    texts = [written.text[start:end] for start, end in written.spans(element)]
    return Repair(code, where, action, _shown(texts), "")


def _refuse_marked(written: Written, element: Element) -> None:
    """Refuse to take out what is marked, or belongs to others.

    Raises:
        LeftError: it does.
    """
    if element.bound:
        raise LeftError(f"it {element.bound}")
    said = {name.casefold(): value.casefold() for name, value in written.facts(element).items()}
    marked = next((name for name in MARKS if said.get(name, "0") not in ("0", "false", "-1")), None)
    if marked:
        raise LeftError(f"it is marked {marked.removeprefix('attribute ')}, and such objects stay")


def _dedupe(written: Written, twins: Twins, gone: dict[int, Element], mended: Mended) -> None:
    """Take out those that say nothing but what the richest of them says."""
    found: list[tuple[Where, Element, dict[str, str]]] = []
    for where, box in twins.places:
        try:
            element = _found(written, where, box)
        except LeftError as error:
            mended.left.append(NotRepaired(twins.code, where, str(error)))
        else:
            found.append((where, element, written.facts(element)))
    if len(found) < 2:
        return
    kept = max(found, key=lambda each: len(each[2]))  # the first of several
    for where, element, facts in found:
        if element is kept[1]:
            continue
        differs = next((name for name, value in facts.items() if kept[2].get(name) != value), None)
        if element.bound or differs is not None:
            what = f"it {element.bound}" if element.bound else f"the two differ in {differs}"
            mended.left.append(NotRepaired(twins.code, where, what))
        else:
            gone[element.start] = element
            mended.done.append(_gone(written, element, where, twins.code, Action.DEDUPE))
