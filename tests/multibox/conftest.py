"""What the tests of the maths share: the plain-loop reference, and the rules of ssd.pytorch."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ssdlossdbg.readers.dialects import Dialect, load_dialect


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """The module reference.py beside this file."""
    spec = importlib.util.spec_from_file_location("multibox_reference", Path(__file__).with_name("reference.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rules() -> Dialect:
    """The dialect whose numbers the reference gives."""
    return load_dialect("ssd.pytorch")
