"""The default device that a user has set, which is for tensors of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")
_users: ContextVar[Any] = ContextVar("_users", default=None)


def on_cpu_by_default(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """A function while which tensors are made on the CPU where no device is said, as all code here takes for granted.

    Elsewhere `torch.set_default_device("cuda")` would mix devices in whatever works on files, or on a host's copies.
    """

    @wraps(function)
    def called(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        torch = sys.modules.get("torch")  # without which nothing can be set, and which not all here has to import
        if torch is None or torch.compiler.is_compiling():
            return function(*args, **kwargs)
        default = torch.empty(0).device  # torch 2.2 has no way to ask
        if default.type == "cpu":
            return function(*args, **kwargs)
        token = _users.set(default)
        try:
            with torch.device("cpu"):
                return function(*args, **kwargs)
        finally:
            _users.reset(token)

    return called


def by_users_default() -> AbstractContextManager[Any]:
    """As the user has it, for code of theirs that such a function calls."""
    return _users.get() or nullcontext()
