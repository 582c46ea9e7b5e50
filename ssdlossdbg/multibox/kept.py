"""A property that is computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class kept(Generic[Value]):  # noqa: N801  # a decorator
    """As `functools.cached_property`, which up to Python 3.11 takes a lock that torch.compile cannot follow."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, _: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, _: type | None = None) -> Value:
        """What is computed of an instance, which then has it by that name; of a class, the property itself."""
        if instance is None:
            return self  # type: ignore[return-value]  # for those who look for its words
        value = instance.__dict__[self.name] = self.compute(instance)
        return value
