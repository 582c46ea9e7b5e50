"""Memory is handed back where the C library can, and nothing happens where it cannot."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from ssdlossdbg.memory import give_back


@pytest.mark.parametrize("error", [OSError, TypeError, AttributeError])
def test_another_c_library_is_left_alone(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: Any) -> Any:
        raise error(name)

    give_back()
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    give_back()


def test_the_library_is_asked_to_trim_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[int]()

    class Library:
        def malloc_trim(self, pad: int) -> int:
            asked.append(pad)
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())  # noqa: ARG005
    give_back()
    assert asked == [0]
