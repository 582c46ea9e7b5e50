"""Documents cut to the room that a page has: the longest lists lose their ends, and it is said which."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

# A list so short is not what makes a document large; what is in it is.
SHORT = 16


def text_of(value: Any) -> str:
    """JSON without a blank."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def cut_to(document: dict[str, Any], room: int) -> tuple[dict[str, Any], list[str]]:
    """A document of at most so many bytes, and what it lost, as `the last 900 of 1,000 negatives`.

    Args:
        document: what `document_of` returned; it stays as it is.
        room: bytes that it may take as JSON.
    """
    size = len(text_of(document))
    if size <= room:
        return document, []
    document = json.loads(text_of(document))
    lengths: dict[str, int] = {}
    while size > room:
        lists = [(len(text_of(parent[key])), name, parent, key) for name, parent, key in _lists(document, "")]
        if not lists:
            break
        taken, name, parent, key = max(lists, key=lambda each: each[0])
        whole = parent[key]
        lengths.setdefault(name, len(whole))
        share = max(0.1, 1 - (size - room) / taken)  # of what it takes, what may stay
        parent[key] = whole[: min(len(whole) - 1, int(len(whole) * share))]
        size = len(text_of(document))
    return document, [f"some of the {count:,} {name}" for name, count in lengths.items()]


def _lists(value: Any, name: str) -> Iterator[tuple[str, Any, str]]:
    """Long lists: what they are called, and where they stand; not those within another."""
    items = value.items() if isinstance(value, dict) else ()
    for key, item in items:
        called = key.replace("_", " ")
        if isinstance(item, list) and len(item) > SHORT:
            yield called, value, key
        elif isinstance(item, list):
            for each in item:
                yield from _lists(each, f"{called}: {name}" if name else called)
        else:
            yield from _lists(item, name)
