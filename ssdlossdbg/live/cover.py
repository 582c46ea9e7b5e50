"""Covers over the methods of classes that may be losses, laid as the classes are defined.

A cover in the class sees criteria whose `forward` is called as it is, and those that never called the `__init__` of
modules; hooks on modules see neither, and would cost at each call of each module.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

from ssdlossdbg.live.names import Drawn
from ssdlossdbg.live.watch import Watch

# What the covers call: one a process. They hold nothing of it themselves, so that a class can be pickled by value.
_watches: list[Watch] = []


def install(watch: Watch) -> None:
    """Look at every class of modules, those that exist and those to come, and at every loader; torch is imported."""
    from torch import nn
    from torch.utils.data import DataLoader

    _watches[:] = [watch]
    for kind in _below(nn.Module):
        _cover(kind)
    module: Any = nn.Module
    module.__init_subclass__ = classmethod(_defined)
    make = DataLoader._get_iterator

    def get_iterator(loader: Any) -> Any:
        if "_get_iterator" not in vars(loader):
            with contextlib.suppress(Exception):
                Drawn(loader, watch.note_loader)
            if "_get_iterator" in vars(loader):
                return loader._get_iterator()  # which comes back here
        return make(loader)

    loaders: Any = DataLoader
    loaders._get_iterator = get_iterator


def _defined(kind: Any, /, **more: Any) -> None:
    from torch import nn

    super(nn.Module, kind).__init_subclass__(**more)
    _cover(kind)


def _cover(kind: type) -> None:
    with contextlib.suppress(Exception):  # a class is defined, whatever we think of it
        for name, function in _watches[0].define(kind):
            if function.__code__ is not COVER:
                setattr(kind, name, covered(function))


def covered(function: FunctionType) -> FunctionType:
    """A method that has its calls looked at, and is the method in all else.

    It has the names of the other's module: torch.jit.script looks them up there.
    """
    seen = watched  # of the cover's own: its globals are not ours

    def cover(*args: Any, **kwargs: Any) -> Any:
        return seen(function, args, kwargs)

    made = FunctionType(cover.__code__, function.__globals__, function.__name__, None, cover.__closure__)
    functools.update_wrapper(made, function)
    return made


def watched(function: FunctionType, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a method as if nobody looked on, and have the call recorded."""
    import torch

    if torch.compiler.is_compiling() or not _watches:
        return function(*args, **kwargs)
    watch = _watches[0]
    call = watch.begin(function, args, kwargs)
    if call is None:
        return function(*args, **kwargs)
    try:
        output = function(*args, **kwargs)
    except Exception as error:
        watch.raised(call, error)
        raise
    watch.end(call, output)
    return output


def _below(kind: type) -> Iterator[type]:
    kinds: list[type] = kind.__subclasses__()
    for each in kinds:
        yield each
        yield from _below(each)


def _nothing() -> None:
    """Have a cover, whose code tells all others."""


_made: Callable[[], Any] = covered(_nothing)  # type: ignore[arg-type]  # functions that are written are FunctionType
COVER = _made.__code__
