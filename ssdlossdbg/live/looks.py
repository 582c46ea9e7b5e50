"""What is said of classes that may be losses, and of what they are called with."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

# Of arguments, in words.
MOST_SHOWN = 4
# Folders of installed packages.
INSTALLED = {"site-packages", "dist-packages"}


@dataclass
class Look:
    """What is known of a class that may be a loss.

    Attributes:
        validation: calls without gradients.
        others: calls of other arguments than an SSD's loss has; `arguments` are the first of them, in words.
        calls: the criterion that it calls in turn, which is recorded in its place.
        is_library: whether it is of an installed package, of which many are defined that nobody calls.
    """

    validation: int = 0
    others: int = 0
    arguments: str = ""
    calls: str = ""
    is_library: bool = False


def look_at(kind: type) -> Look:
    """A first look at a class."""
    file = str(getattr(sys.modules.get(kind.__module__), "__file__", None))
    return Look(is_library=not INSTALLED.isdisjoint(Path(file).parts) or kind.__module__.startswith("torchvision."))


def parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a method's parameters but for its object, without what a signature costs: thousands are defined."""
    code: CodeType = inspect.unwrap(function).__code__
    return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]


def qualified(kind: type) -> str:
    """What a class is called."""
    return f"{kind.__module__}.{kind.__qualname__}"


def shapes_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Arguments in words, a few of them."""
    values = [*args, *kwargs.values()]
    return ", ".join([*map(_shape, values[:MOST_SHOWN]), *(["..."] if len(values) > MOST_SHOWN else [])])


def _shape(value: Any) -> str:
    if hasattr(value, "shape"):
        return str(list(value.shape))
    if isinstance(value, (list, tuple)) and 0 < len(value) <= MOST_SHOWN:
        return f"({', '.join(map(_shape, value))})"
    return f"{len(value)} in a {type(value).__name__}" if hasattr(value, "__len__") else f"a {type(value).__name__}"
