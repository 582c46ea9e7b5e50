"""What every spec does with the values it is given: convert words to enums, check ranges, say which field is wrong."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cache
from math import inf, isnan
from numbers import Integral, Real
from typing import Annotated, Any, get_args, get_origin, get_type_hints

MANY = 100_000  # from which on numbers are hard to read without separators


@dataclass(frozen=True)
class Within:
    """Which numbers a field, or each number in it, may be; stated in the `Annotated` of the field.

    Attributes:
        low: the least.
        high: the greatest; inf for any finite one.
        above: whether `low` itself is none.
    """

    low: float = -inf
    high: float = inf
    above: bool = False

    def holds(self, number: float) -> bool:
        """Whether a number is one of them; nan and infinities never are."""
        return self.low <= number <= self.high and abs(number) < inf and not (self.above and number == self.low)

    def __str__(self) -> str:
        """As in "must be from 0 to 1"."""
        low, high = (f"{bound:,.0f}" if inf > abs(bound) >= MANY else f"{bound:g}" for bound in (self.low, self.high))
        if self.above:
            return f"above {low}" + (f" to {high} at most" if self.high < inf else "")
        if self.high < inf:
            return f"from {low} to {high}"
        return f"{low} or more" if self.low > -inf else "finite"


# Stated of a range: its second number is no less than its first; and of a list: it is not empty.
RISING, AT_LEAST_ONE = "rising", "at least one"
SINGULAR = {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}
PLURAL = {int: "whole numbers", float: "numbers", str: "texts"}

Finite = Annotated[float, Within()]
NotNegative = Annotated[float, Within(0)]
Positive = Annotated[float, Within(0, above=True)]
Probability = Annotated[float, Within(0, 1)]
# Of priors, classes or boxes; beyond, and within what a tensor of numbers can hold, no count means anything.
Count = Annotated[int, Within(0, 10**9)]
# Between two ways of counting classes, of which no network has more.
Offset = Annotated[int, Within(-100_000, 100_000)]


class Spec:
    """Base of the frozen dataclasses of rules: their annotations say what their fields may hold.

    Words become members of enums, whole numbers floats where floats are asked for, and lists tuples.

    Raises:
        ValueError: a value of another type, out of its range, or a word that names no rule; with the field's name.
    """

    def __post_init__(self) -> None:
        """Convert and check every field."""
        kind: Any = type(self)
        for name, hint in _hints(kind).items():
            given = getattr(self, name)
            value = read(given, hint, name)
            if value is not given:
                object.__setattr__(self, name, value)


def read(value: Any, hint: Any, name: str) -> Any:
    """A value as a field's annotation has it.

    Args:
        value: what was given.
        hint: the annotation: a scalar, an enum, a spec, a tuple of such, or one of those or None.
        name: of the field, for the message.

    Raises:
        ValueError: it cannot be that.
    """
    if type(value) is hint and issubclass(hint, (StrEnum, Spec, bool, str)):
        return value  # as most are, of a dialect that differs from another in a rule
    kind, stated = _parts(hint)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _member(value, kind, name)
    if is_dataclass(kind):
        return _checked(value, kind, name)
    try:
        return _fitted(value, kind, stated, name)
    except (_UnfitError, OverflowError):
        raise ValueError(f"{name} must {_demand(kind, stated)}") from None


def known_values(kind: type[StrEnum], word: object) -> str:
    """The values of an enum, the most like a word first, as one line."""
    return ", ".join(sorted(kind, key=lambda known: -SequenceMatcher(None, str(word), known).ratio()))


class _UnfitError(Exception):
    """A value is not what an annotation asks for."""


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type of an annotation, and what is stated beside it."""
    return (get_args(hint)[0], hint.__metadata__) if get_origin(hint) is Annotated else (hint, ())


def _member(value: Any, kind: type[StrEnum], name: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{name} must be one of {known_values(kind, value)}, not {value!r}") from None


def _checked(value: Any, kind: Any, name: str) -> Any:
    """A dataclass that is what it should be. One that is no `Spec` has not looked at its own fields yet."""
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be a {kind.__name__}, not {value!r}")
    if not isinstance(value, Spec):
        for inner, hint in _hints(kind).items():
            read(getattr(value, inner), hint, f"{name}.{inner}")
    return value


def _fitted(value: Any, kind: Any, stated: tuple[Any, ...], name: str) -> Any:
    """A scalar or tuple, or None. What is stated of a tuple holds for all numbers in it."""
    if get_origin(kind) is tuple:
        return _tuple(value, get_args(kind), stated, name)
    if type(None) in get_args(kind):
        return None if value is None else _fitted(value, *_parts(get_args(kind)[0]), name)
    if is_dataclass(kind):
        return _checked(value, kind, name)
    if kind in (int, float):
        return _number(value, kind, stated)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _member(value, kind, name)
    if not isinstance(value, kind):
        raise _UnfitError
    return value


def _number(value: Any, kind: type, stated: tuple[Any, ...]) -> Any:
    if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
        raise _UnfitError
    number = kind(value)
    if isnan(number) or not all(within.holds(number) for within in stated if isinstance(within, Within)):
        raise _UnfitError
    return number


def _tuple(value: Any, items: tuple[Any, ...], stated: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    many = items[1:] == (Ellipsis,)
    if not isinstance(value, (tuple, list)) or (not many and len(value) != len(items)):
        raise _UnfitError
    fitted = tuple(_fitted(item, items[0], stated, f"{name}[{index}]") for index, item in enumerate(value))
    if (AT_LEAST_ONE in stated and not fitted) or (RISING in stated and fitted[0] > fitted[1]):
        raise _UnfitError
    return fitted


def _demand(kind: Any, stated: tuple[Any, ...]) -> str:
    """What a value has to do or be, as in "must rise from 1 or more"."""
    if type(None) in get_args(kind):
        return f"{_demand(*_parts(get_args(kind)[0]))}, or None"
    within = next((str(each) for each in stated if isinstance(each, Within)), "")
    if RISING in stated:
        return f"rise from {within}"
    if get_origin(kind) is tuple:
        words = _plural(kind).removeprefix("a row of ")
        return f"be {words} {within}".rstrip() + (", at least one" if AT_LEAST_ONE in stated else "")
    if kind is int and within:
        return f"be a whole number, {within}"
    return f"be {within or SINGULAR[kind]}"


def _plural(kind: Any) -> str:
    items = get_args(kind)
    if not items:
        return PLURAL.get(kind) or f"{kind.__name__}s"
    if items[1:] == (Ellipsis,):
        return _plural(items[0]).replace("a row of", "rows of")
    return f"a row of {len(items)} {_plural(items[0])}"
