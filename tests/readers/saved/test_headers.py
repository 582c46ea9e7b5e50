"""The header of captured batches: numbers that JSON has no word for, and what is said of damage."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.captured import header_of
from ssdlossdbg.results.captured import HEADER_KEY, HEADER_VERSION, Captured

Refused = Callable[[Callable[[], object]], InputError]
FILE = Path("step.safetensors")


def saved(metadata: dict[str, str] | None) -> BinaryIO:
    """A safetensors file without tensors."""
    text = json.dumps({} if metadata is None else {"__metadata__": metadata}).encode()
    return io.BytesIO(len(text).to_bytes(8, "little") + text)


def read(**document: Any) -> Captured:
    """The header of a file with these keys."""
    stated = {"step": 3, "reason": "asked", "version": HEADER_VERSION, **document}
    header = header_of(saved({HEADER_KEY: json.dumps(stated)}), FILE)
    assert header is not None
    return header


def test_a_file_that_no_capture_wrote_has_none() -> None:
    assert header_of(saved(None), FILE) is None
    assert header_of(saved({"format": "pt"}), FILE) is None


def test_numbers_that_are_not_finite() -> None:
    header = read(
        recorded={"total": "NaN", "localization": "-Infinity", "confidence": 2.5},
        lr=[0.1, "Infinity"],
        gradient_norm="Infinity",
    )
    assert math.isnan(header.recorded.total or 0.0)
    assert (header.recorded.localization, header.recorded.confidence) == (-math.inf, 2.5)
    assert tuple(header.lr) == (0.1, math.inf)
    assert header.gradient_norm == math.inf


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_where_words_belong_they_are_words(word: str) -> None:
    header = read(names=[word, "b"], detail=word, error=word, criterion=word, attributes={"alpha": word, "of": [word]})
    assert (tuple(header.names), header.detail, header.error, header.criterion) == ((word, "b"), word, word, word)
    assert header.attributes == {"alpha": word, "of": [word]}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "has a damaged header ("),
        ("[]", "has a damaged header ("),
        ('{"step": 3, "reason": "asked"}', "has a damaged header ('version')"),
        (f'{{"step": "x", "reason": "asked", "version": {HEADER_VERSION}}}', "has a damaged header (Expected `int`"),
        (f'{{"reason": "asked", "version": {HEADER_VERSION}}}', "has a damaged header (Object missing required field"),
        (f'{{"version": {HEADER_VERSION + 1}}}', f"has a header of version {HEADER_VERSION + 1}"),
    ],
)
def test_damage(text: str, what: str, refused: Refused) -> None:
    error = refused(lambda: header_of(saved({HEADER_KEY: text}), FILE))
    assert error.where == str(FILE)
    assert error.what.startswith(what)


@pytest.mark.parametrize(
    ("name", "threshold", "changed"),
    [
        ("ssd.pytorch", 0.5, ()),
        ("ssd.pytorch", 0.4, ("match.threshold 0.4 instead of 0.5",)),
        ("mine", 0.4, ()),
    ],
)
def test_rules_that_are_others_than_those_of_the_name(name: str, threshold: float, changed: tuple[str, ...]) -> None:
    """Of a dialect of one's own nobody knows what it was."""
    rules = msgspec.to_builtins(load_dialect("ssd.pytorch"))
    rules["match"]["threshold"] = threshold
    assert read(dialect=name, rules=rules).changed == changed
