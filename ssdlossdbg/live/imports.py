"""Something to do as soon as a module was imported, whoever imports it: a script decides itself when torch is."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any


def when_imported(name: str, then: Callable[[], None]) -> None:
    """Call a function once: now, where the module is imported already, or right after it is.

    Args:
        name: of the module.
        then: what it raises, nobody hears.
    """
    if name in sys.modules:
        with contextlib.suppress(Exception):
            then()
    else:
        sys.meta_path.insert(0, _Waiting(name, then))


class _Waiting:
    """Finds a module by asking all other finders, and sees to it that its loader calls back, this once."""

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self._name, self._then = name, then

    def find_spec(self, name: str, _: Any = None, __: Any = None) -> Any:
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        loader: Any = getattr(spec, "loader", None)
        if not hasattr(loader, "exec_module") or not hasattr(loader, "__dict__"):
            return spec
        run = loader.exec_module

        def exec_module(module: Any) -> None:
            vars(loader).pop("exec_module", None)  # the loader stays what it was: others ask it for sources and files
            run(module)
            with contextlib.suppress(Exception):
                self._then()

        loader.exec_module = exec_module
        return spec
