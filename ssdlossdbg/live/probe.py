"""Whose rules a criterion follows, asked of a copy of itself, where nobody can notice."""

from __future__ import annotations

import dis
import math
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ssdlossdbg.live.above import from_above, uncollected
from ssdlossdbg.live.recipes import is_torchvision_ssd
from ssdlossdbg.live.say import say

# Seconds that it takes at most to know whose loss a training has: where nobody asked, and where that was asked for.
UNASKED_SECONDS, ASKED_SECONDS = 3.0, 10.0
# What a criterion must not call or name to be run unasked: others would see, hear or wait for it.
SPEAKS = (
    "print",
    "input",
    "open",
    "exit",
    "quit",
    "breakpoint",
    "set_trace",
    "system",
    "popen",
    "Popen",
    "run",
    "urlopen",
    "request",
    "sleep",
    "__class__",
    "globals",
)
LOGS = (
    "logging",
    "logger",
    "warn",
    "wandb",
    "mlflow",
    "neptune",
    "comet_ml",
    "tqdm",
    "log_metric",
    "log_dict",
    "add_scalar",
    "add_scalars",
    "add_histogram",
)
WRITES = ("write", "writelines", "save", "dump", "savefig", "imwrite")
WAITS = ("all_reduce", "all_gather", "all_gather_object", "reduce_scatter", "broadcast", "barrier", "gather_object")
TELLING = frozenset((*SPEAKS, *LOGS, *WRITES, *WAITS))
# What changes a container that a function finds outside of itself.
CHANGING = frozenset(
    (
        "append",
        "extend",
        "insert",
        "add",
        "update",
        "pop",
        "popitem",
        "setdefault",
        "clear",
        "remove",
        "discard",
        "appendleft",
    )
)
CONTAINERS = (list, dict, set, bytearray)
MOST_FUNCTIONS = 200
_own = threading.local()


def under_way() -> bool:
    """Whether this thread's calls of criteria are those of a probe, and none of a training."""
    return bool(getattr(_own, "probing", False))


class Probe:
    """A criterion that is asked whose rules it follows, as a copy, a piece at a time.

    Args:
        owner: the criterion.
        dialect: whose it is taken for by the way in which it is called; empty if that is not known.
        insisted: whether the user asked for it.

    Attributes:
        found: what a header says of the rules; nothing where that is not clear, or cannot be asked. None until then.
    """

    def __init__(self, owner: Any, dialect: str, insisted: bool) -> None:
        self.found: dict[str, Any] | None = None
        self._insisted = insisted
        if insisted or (dialect and is_quiet(owner)):
            seconds = ASKED_SECONDS if insisted else UNASKED_SECONDS
            self._go_on(lambda: self._begin(owner, dialect, seconds))
        else:
            self.found = {}

    def go_on(self, seconds: float = math.inf) -> None:
        """Go on for about so long; the first time at least until it is clear whether it is a dialect as that is."""
        if self.found is None:
            self._go_on(lambda: self._asking.go_on(seconds))

    def _begin(self, owner: Any, dialect: str, seconds: float) -> None:
        kind = from_above("ssdlossdbg.probing.header:Asking")  # which knows dialects, as nothing else here does
        self._asking = kind(owner, dialect, self._insisted, seconds)

    def _go_on(self, work: Callable[[], dict[str, Any] | None]) -> None:
        _own.probing = True
        try:
            with uncollected():
                self.found = work()
        except Exception as error:  # nothing may keep a training from going on
            if self._insisted:
                say(f"could not be told whose loss this is: {type(error).__name__}: {error}")
            self.found = {}
        finally:
            _own.probing = False


def is_quiet(owner: Any) -> bool:
    """Whether a copy of a module may be called unasked: neither it nor what it calls changes or tells anything else.

    What cannot be read, as of compiled code, is torch's or NumPy's own; the rest is read as far as it goes.
    """
    if getattr(owner, "_is_replica", False) or hasattr(owner, "loss_by_feat"):  # a head of a network, with its own call
        return False
    if is_torchvision_ssd(owner):  # its loss is a method that computes, of a network that is not to be copied
        return type(owner).__module__.startswith("torchvision.")
    asked: list[FunctionType] = [_plain(type(owner).forward)]
    seen: set[CodeType] = set()
    while asked:
        function = asked.pop()
        if function is None or len(seen) > MOST_FUNCTIONS:
            return False
        for code in _codes(function.__code__):
            if code in seen:
                continue
            seen.add(code)
            if not _is_quiet_code(code, function.__globals__):
                return False
            asked.extend(_called(code, function.__globals__, owner))
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function, and of those defined in it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _is_quiet_code(code: CodeType, names: dict[str, Any]) -> bool:
    if not TELLING.isdisjoint(code.co_names):
        return False
    operations = {each.opname for each in dis.get_instructions(code)}
    if operations & {"STORE_GLOBAL", "DELETE_GLOBAL"}:
        return False
    changes = "STORE_SUBSCR" in operations or not CHANGING.isdisjoint(code.co_names)
    return not (changes and any(isinstance(names.get(name), CONTAINERS) for name in code.co_names))


def _called(code: CodeType, names: dict[str, Any], owner: Any) -> Iterator[FunctionType]:
    """The functions and methods of the user's own that a code may call: by their names, of whatever it may have."""
    own = vars(owner)
    held = [owner, *own.values(), *own.get("_modules", {}).values()]
    globally = [names.get(name) for name in code.co_names]
    modules = [each for each in globally if isinstance(each, ModuleType) and not _is_library(each.__name__)]
    found = [*globally, *(getattr(module, name, None) for module in modules for name in code.co_names)]
    found += [getattr(type(each), name, None) for each in held for name in (*code.co_names, "forward", "__call__")]
    for each in found:
        function = _plain(each)
        if function is not None and not _is_library(function.__module__):
            yield function


def _plain(found: Callable[..., Any] | None) -> Any:
    """The function of a method or of what a decorator returned; None of anything else."""
    found = getattr(found, "__wrapped__", found)
    if isinstance(found, MethodType):
        found = found.__func__
    return found if isinstance(found, FunctionType) else None


def _is_library(module: str | None) -> bool:
    return (module or "").split(".")[0] in ("torch", "numpy", "torchvision", "ssdlossdbg", "math", "functools")
