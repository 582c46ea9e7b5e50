"""On which line of an annotation file an object stands, for editors and reviews that open it there."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import read_text
from ssdlossdbg.results import Case, Finding

# An object of VOC from its tag to its name, which stands anywhere in it.
OBJECT = re.compile(r"<object\b.*?</object\s*>", re.DOTALL)
NAME = re.compile(r"<name\b[^>]*>\s*(.*?)\s*</name\s*>", re.DOTALL)
# Between the elements of a list in JSON.
APART = re.compile(r"[\s,]*")
# Bytes; a line of a larger file is of no use, and finding it takes as long as reading the file again.
LARGEST = 64_000_000


@dataclass
class _File:
    """Where the objects of a file stand.

    Attributes:
        at: by image, None in a file about one: the line and the label of each object, in order; an empty label where
            the file has none.
    """

    at: dict[str | None, list[tuple[int, str]]] = field(default_factory=dict)


def with_lines(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings with the lines of their objects, where they can be found; only what the labels agree with."""
    files: dict[str, _File] = {}
    return tuple(
        replace(finding, cases=tuple(_with_line(case, files) for case in finding.cases)) for finding in findings
    )


def _with_line(case: Case, files: dict[str, _File]) -> Case:
    where = case.where
    if where.object is None or isinstance(where.image, int):
        return case
    if where.file not in files:
        files[where.file] = _look(Path(where.file))
    stands = files[where.file].at.get(where.image, [])
    if where.object >= len(stands):
        return case
    line, label = stands[where.object]
    agrees = not label or not where.label or label == where.label
    return replace(case, where=replace(where, line=line)) if agrees else case


def _look(path: Path) -> _File:
    try:
        text = read_text(path, LARGEST).replace("\r\n", "\n").replace("\r", "\n")
        kind = path.suffix.lower()
        return _xml(text) if kind == ".xml" else _rows(text) if kind == ".txt" else _coco(text)
    except (InputError, OSError, ValueError, KeyError, TypeError, RecursionError):  # what is wrong with it, others say
        return _File()


def _xml(text: str) -> _File:
    breaks = _breaks(text)
    found = []
    for match in OBJECT.finditer(text):
        name = NAME.search(match[0])
        found.append((_line(breaks, match.start()), name[1] if name else ""))
    return _File({None: found})


def _rows(text: str) -> _File:
    return _File({None: [(number, "") for number, row in enumerate(text.splitlines(), start=1) if row.strip()]})


def _coco(text: str) -> _File:
    document: Any = json.loads(text)
    images = {each["id"]: each["file_name"] for each in document["images"]}
    names = {each["id"]: each["name"] for each in document["categories"]}
    breaks, decoder, made = _breaks(text), json.JSONDecoder(), _File()
    place = text.index("[", text.index('"annotations"')) + 1
    for each in document["annotations"]:
        matched = APART.match(text, place)
        start = matched.end() if matched else place
        value, place = decoder.raw_decode(text, start)
        if value != each:  # another list has that name, too
            return _File()
        stands = made.at.setdefault(images.get(each["image_id"]), [])
        stands.append((_line(breaks, start), str(names.get(each["category_id"], ""))))
    return made


def _breaks(text: str) -> list[int]:
    return [match.start() for match in re.finditer("\n", text)]


def _line(breaks: list[int], place: int) -> int:
    return bisect_left(breaks, place) + 1
