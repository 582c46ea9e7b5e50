"""The report of `match`: every object, columns that add up, and sentences that say what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ssdlossdbg.report.match_text import match_report
from ssdlossdbg.report.view import View
from ssdlossdbg.results import MatchResult

Render = Callable[..., str]
OBJECTS = """\
Objects
#  class     px of input    IoU  prior  level   its px  pos  lost  status
──────────────────────────────────────────────────────────────────────────────
0  person        201x291  0.681   8729    1x1  288x288    8        matched
1  emblem          43x43  0.886   4305  38x38    42x42    9        matched
2  emblem         -30x23  0.000      0  38x38    30x30    0     4  invalid
3  emblem         56x308  0.563   8607    5x5   94x281    1        matched
4  emblem            0x0  0.000      0  38x38    30x30  0+1        invalid
5  emblem            3x3  0.010   2230  38x38    42x21  0+1        forced-only
"""
LEVELS = """\
Levels
level  stride  priors  positives  forced  objects served
────────────────────────────────────────────────────────
38x38       8    5776         10       2               3
19x19      16    2166          1       0               1
10x10      32     600          0       0               0
5x5        64     150          3       0               2
3x3       100      36          3       0               1
1x1       300       4          3       0               1
"""
THRESHOLDS = """\
Other thresholds (57 negatives have an IoU less than 0.1 under 0.5)
threshold              0.30  0.35  0.40  0.45  0.50  0.55  0.60  0.65  0.70
───────────────────────────────────────────────────────────────────────────
positives               179   115    77    38    20    14    12     8     6
objects that reach it     3     3     3     3     3     3     2     2     1
"""


@pytest.mark.parametrize("expected", [OBJECTS, LEVELS, THRESHOLDS], ids=["objects", "levels", "thresholds"])
def test_tables(render: Render, astronaut: MatchResult, expected: str) -> None:
    assert expected in render(match_report(astronaut))


def test_verdict_and_findings(render: Render, astronaut: MatchResult) -> None:
    text = " ".join(render(match_report(astronaut)).split())
    verdict = (
        "6 objects: 3 matched, 1 forced only, 2 invalid. 20 positives (2 of them forced), 60 negatives to be mined."
    )
    places = [text.index(words) for words in (verdict, "BOX001", "BOX002", "BOX008", "MAT004", "Objects #")]
    assert places == sorted(places)


def numbers(text: str, title: str) -> list[list[str]]:
    """The cells of a table, under its two head lines."""
    lines = text.partition(title)[2].splitlines()[3:]
    return [line.split() for line in lines[: lines.index("")]]


def test_columns_add_up_as_printed(render: Render, coins: MatchResult) -> None:
    text = render(match_report(coins))
    objects, levels = numbers(text, "Objects"), numbers(text, "Levels")
    assert len(objects) == 24
    positives = sum(sum(map(int, row[7].split("+"))) for row in objects)
    assert positives == sum(int(row[3]) for row in levels) == coins.totals.positives
    assert f"{positives} positives, {3 * positives} negatives to be mined." in text
    assert sum(int(row[2]) for row in levels) == 8732


def test_top_shows_the_worst_in_their_order(render: Render, astronaut: MatchResult) -> None:
    def indices(top: int | None) -> list[str]:
        return [row[0] for row in numbers(render(match_report(astronaut, View(top))), "Objects")]

    assert indices(1) == ["2"]
    assert indices(3) == ["2", "4", "5"]
    assert indices(99) == indices(None) == [*"012345"]


def change(result: MatchResult, place: int, **fields: Any) -> MatchResult:
    """The result with one object changed."""
    objects = list(result.ground_truth)
    objects[place] = replace(objects[place], **fields)
    return replace(result, ground_truth=tuple(objects))


def test_of_very_many_objects_the_worst(render: Render, astronaut: MatchResult) -> None:
    """Every fifth of 300 is without a prior: all those are listed, and of the others whichever overlap least."""
    many = tuple(
        replace(
            astronaut.ground_truth[1],
            index=index,
            status="matched" if index % 5 else "unmatched",
            best_iou=0.5 + index / 1000,
        )
        for index in range(300)
    )
    crowded = replace(astronaut, ground_truth=many)

    def indices(top: int | None) -> list[int]:
        return [int(row[0]) for row in numbers(render(match_report(crowded, View(top))), "Objects")]

    worst = [index for index in range(300) if index % 5 == 0 or index < 175]
    assert len(worst) == 200
    assert indices(None) == worst
    assert "Objects, the 200 worst; --top 300 lists all\n" in render(match_report(crowded))
    assert indices(300) == list(range(300))
    assert indices(3) == [0, 5, 10]


def test_no_object(render: Render, astronaut: MatchResult) -> None:
    totals = replace(astronaut.totals, ground_truth=0, tied=0)
    text = render(match_report(replace(astronaut, ground_truth=(), totals=totals)))
    assert "No object: no prior is positive, and so none is mined." in text
    assert "Objects\n" not in text


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_line_is_wider_than_the_terminal(render: Render, astronaut: MatchResult, width: int) -> None:
    wide: dict[str, Any] = {
        "input_box": (0.0, 0.0, 512.0, 1.5),
        "best_prior": 24563,
        "shape": (543.0, 272.0),
        "index": 999,
    }
    long = change(astronaut, 0, label="x" * 40, **wide)
    text = render(match_report(long), width)
    assert max(map(len, text.splitlines())) <= width
    assert "forced-only" in text
    assert "…" not in text, "nothing is cut"
    assert ("x" * 40 in text) == (width > 80)
