"""Baselines as files: what is written is what is read, a line each, and what is none is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.baselines import BEGINNING, baseline_of, names_beside, read_baseline
from ssdlossdbg.results import Known

Refused = Callable[[Callable[[], object]], InputError]
KNOWN = (
    Known("a.xml", "BOX001", 3, "x", (1.5, 2.0, 3.0, 4.0), 2),
    Known("b.xml", "LBL001", "photo", None, None, 1),
    Known("c.xml", "SET001", None, None, None, 1),
)


def test_a_line_each_of_what_is_not_usual(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_bytes(baseline_of(KNOWN))
    assert path.read_text() == (
        '{\n  "ssdlossdbg_baseline": 1,\n  "known": [\n'
        '    {"file": "a.xml", "code": "BOX001", "image": 3, "label": "x", "box": [1.5, 2.0, 3.0, 4.0], "count": 2},\n'
        '    {"file": "b.xml", "code": "LBL001", "image": "photo"},\n'
        '    {"file": "c.xml", "code": "SET001"}\n'
        "  ]\n}\n"
    )
    assert path.read_text().startswith(BEGINNING)
    assert read_baseline(path) == KNOWN


def test_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_bytes(baseline_of(()))
    assert path.read_text() == '{\n  "ssdlossdbg_baseline": 1,\n  "known": []\n}\n'
    assert read_baseline(path) == ()


def test_a_count_below_nothing_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    entries = [{"file": "a", "code": "BOX001", "count": count} for count in (-1, 0, 1)]
    path.write_text(json.dumps({"ssdlossdbg_baseline": 1, "known": entries}))
    assert [each.count for each in read_baseline(path)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[]", "is no baseline of ssdlossdbg's"),
        ('["ssdlossdbg_baseline"]', "is no baseline of ssdlossdbg's"),
        ('{"known": []}', "is no baseline of ssdlossdbg's"),
        ('{"ssdlossdbg_baseline": 2, "known": []}', "is a baseline of version 2, and this reads 1"),
        ('{"ssdlossdbg_baseline": 1}', "is a damaged baseline (Object missing required field `known`)"),
        (
            '{"ssdlossdbg_baseline": 1, "known": [{"file": "a", "code": "b", "x": 1}]}',
            "is a damaged baseline (Object contains unknown field `x` - at `$.known[0]`)",
        ),
        (
            '{"ssdlossdbg_baseline": 1, "known": [], "x": 1}',
            "is a damaged baseline (Object contains unknown field `x`)",
        ),
        ('{"ssdlossdbg_baseline": 1', "is no JSON (Expecting ',' delimiter: line 1 column 26 (char 25))"),
    ],
)
def test_no_baseline(text: str, what: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    assert refused(lambda: read_baseline(path)).what == what
    path.write_text("[" * 100_000)
    assert refused(lambda: read_baseline(path)).what.startswith("is no JSON (")


def test_files_are_named_from_the_folder_of_the_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = names_beside(Path("set") / "known.json")
    assert name(str(tmp_path / "set" / "labels" / "a.xml")) == "labels/a.xml"
    assert name("photos/a.jpg") == "../photos/a.jpg"
    monkeypatch.chdir(tmp_path.parent)
    assert name(str(tmp_path / "set" / "a.xml")) == "a.xml", "wherever it is used"

    def elsewhere(*_: object) -> str:
        raise ValueError

    monkeypatch.setattr(os.path, "relpath", elsewhere)
    assert name("photos/a.jpg") == "photos/a.jpg", "as it is, on another drive"
