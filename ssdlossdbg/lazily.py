"""Names of a package that are imported when they are first asked for."""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False  # typing's own would import it, before the command can answer Ctrl-C
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def lazily(package: str, names: Mapping[str, str]) -> tuple[list[str], Callable[[str], Any]]:
    """What a package needs to offer names of its modules without importing these.

    Args:
        package: its `__name__`.
        names: per module, relative to the package, the names that are taken from it, apart by spaces.

    Returns:
        Its `__all__` and its `__getattr__`.
    """
    homes = {name: module for module, listed in names.items() for name in listed.split()}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return sorted(homes), get
