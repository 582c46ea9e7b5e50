"""How a recorder comes to see the calls of a criterion, and how it leaves no trace afterwards.

Three ways, for what users have: hooks on a module, a method laid over an object's own, a function around a function. A
copy of the criterion, be it deep or pickled, carries none of it along: what would go with it is replaced by functions
of the standard library, so that even a program without this package can load it.
"""

from __future__ import annotations

import copy
import functools
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from ssdlossdbg.live.held import Held
from ssdlossdbg.live.recorder import Recorder


class ModuleHooks:
    """Hooks before and after a module's forward; the second is called where that raises, too."""

    def __init__(self, module: Any, recorder: Recorder) -> None:
        calls = _Calls(recorder)
        self._handles = [
            module.register_forward_pre_hook(_Before(calls), with_kwargs=True),
            module.register_forward_hook(_After(calls), always_call=True),
        ]

    def close(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()


class _Calls:
    """Which calls are under way, by thread: DataParallel runs several at once."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._own = threading.local()

    @property
    def under_way(self) -> list[Held | None]:
        if not hasattr(self._own, "stack"):
            self._own.stack = []
        stack: list[Held | None] = self._own.stack
        return stack


class _Hook:
    """A hook of which no copy does anything: it becomes a method that takes whatever it gets, and returns None."""

    def __init__(self, calls: _Calls) -> None:
        self.calls = calls

    def __deepcopy__(self, _: Any) -> Any:
        return nullcontext().__exit__

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (nullcontext(), "__exit__")


class _Before(_Hook):
    def __call__(self, module: Any, args: Any, kwargs: Any) -> None:
        self.calls.under_way.append(self.calls.recorder.begin(module, args, kwargs))


class _After(_Hook):
    def __call__(self, _: Any, __: Any, output: Any) -> None:
        stack = self.calls.under_way
        held = stack.pop() if stack else None
        if held is None:
            return
        error = sys.exc_info()[1]
        if output is None and error is not None:
            self.calls.recorder.raised(held, error)
        else:
            self.calls.recorder.end(held, output)


class MethodCover:
    """A method of one object, laid over its own by an attribute of the same name.

    Args:
        owner: the object.
        name: of the method.
        recorder: of its calls.
    """

    def __init__(self, owner: Any, name: str, recorder: Recorder) -> None:
        self._owner, self._name = owner, name
        self._before = vars(owner).get(name)
        # A module refuses attributes of the usual way before its own __init__ was called, which some never do.
        object.__setattr__(owner, name, _Cover(owner, name, getattr(owner, name), recorder))

    def close(self) -> None:
        """Uncover it; a method that somebody laid over it in the meantime stays, and calls it, dead."""
        if isinstance(vars(self._owner).get(self._name), _Cover):
            object.__delattr__(self._owner, self._name)
            if self._before is not None:
                object.__setattr__(self._owner, self._name, self._before)


class _Cover:
    """Calls a method and has it seen; a copy of its owner has the method alone."""

    def __init__(self, owner: Any, name: str, method: Callable[..., Any], recorder: Recorder) -> None:
        self._owner, self._name, self._method, self._recorder = owner, name, method, recorder
        self.__wrapped__ = method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return seen(self._recorder, self._owner, self._method, args, kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return functools.partial(getattr(type(self._owner), self._name), copy.deepcopy(self._owner, memo))

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial, (getattr(type(self._owner), self._name), self._owner)


def seen(recorder: Recorder, owner: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function as if nobody looked on, and have the call recorded."""
    held = recorder.begin(owner, args, kwargs)
    try:
        output = function(*args, **kwargs)
    except Exception as error:
        if held is not None:
            recorder.raised(held, error)
        raise
    if held is not None:
        recorder.end(held, output)
    return output
