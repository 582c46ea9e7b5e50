"""What the tests of the maths share: the plain-loop references, and the rules of ssd.pytorch."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect


@pytest.fixture(scope="session")
def module_beside() -> Callable[[str], ModuleType]:
    """Loads a module of this folder, whose files no test can import."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"multibox_{name}", Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def reference(module_beside: Callable[[str], ModuleType]) -> ModuleType:
    """The module reference.py beside this file."""
    return module_beside("reference")


@pytest.fixture(scope="session")
def rules() -> Dialect:
    """The dialect whose numbers the reference gives."""
    return load_dialect("ssd.pytorch")
