"""Small builders that the readers' tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ssdlossdbg.errors import EXIT_BAD_INPUT, InputError


@pytest.fixture
def refused() -> Callable[[Callable[[], object]], InputError]:
    """Calls something and returns the InputError that it ends in, which must be one paragraph and exit with 2."""

    def call(function: Callable[[], object]) -> InputError:
        with pytest.raises(InputError) as caught:
            function()
        error = caught.value
        assert error.exit_code == EXIT_BAD_INPUT
        assert error.where
        assert error.what
        assert error.fix
        more = f" More: ssdlossdbg explain {error.code}." if error.code else ""
        assert str(error) == f"{error.where}: {error.what}. {error.fix}{more}"
        assert "\n" not in str(error)
        assert len(str(error)) < 1000
        return error

    return call


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Saves something with torch.save and returns the file."""

    def save(value: Any, name: str = "saved.pt", **options: Any) -> Path:
        path = tmp_path / name
        torch.save(value, path, **options)
        return path

    return save
