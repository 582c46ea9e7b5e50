"""The text of a history, line by line, where it has one or several of a thing, or none."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from ssdlossdbg.report.history_text import history_report, sparkline
from ssdlossdbg.report.theme import TERMINAL
from ssdlossdbg.report.view import View
from ssdlossdbg.results import Event, HistoryResult
from ssdlossdbg.results.history import GroupHistory, ObjectHistory

OBJECT = ObjectHistory(
    image=7, name="photos/a.jpg", label=1, label_name="cat", box=(0, 0, 1, 1), side=31.6, unsure=False, seen=3,
    first_step=0, last_step=9, best_iou=0.456, shape_iou=0.5, positives=2.0, forced_only=0.5,
    probability=(0.1, 0.25, 0.125), taken=0, taken_name="background", sure=0.9, cost=0.123, rival=2,
    rival_name="dog", against=2, judged=3, state="never learnt",
)  # fmt: skip
GROUP = GroupHistory(
    "class", 1, "cat", 1234, 0.1, 0.25, (math.nan, 0.0, 0.5, 1.0), (math.nan, 0.5, 0.123, math.nan), 9, positives=(1.0,)
)
EVENT = Event(12, 2, 0, "spike", 9.87654, 1.23456, 0.01, 3.0, 1.0, 2.0)
RESULT = HistoryResult(
    run="runs/a", criterion="Loss", dialect="caffe", ranks=1, steps=36, first_step=7, last_step=42, epochs=0,
    seconds=59.4, sampled=1, loss=(4.0, 2.0, math.nan, 1.0), rate=(0.01, 0.001), norm=(math.nan,), right=(0.25, 0.5),
    part_steps=(7, 20), events=(), groups=(), states=(0, 0, 0, 0, 0), objects=(), easiest=0,
)  # fmt: skip


def text(top: int | None = None, **changes: Any) -> str:
    console = Console(width=120, theme=TERMINAL, file=io.StringIO(), color_system=None)
    view = View(top=top) if top else View()
    console.print(history_report(replace(RESULT, **changes), view), highlight=False)
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "".join(f"{row.rstrip()}\n" for row in printed.splitlines())


def line(words: str, made: str) -> list[str]:
    """The cells of the line that begins with some words."""
    found = next(each for each in made.splitlines() if each.strip().startswith(words))
    return found.split()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (59.4, "59 s"),
        (60.0, "1 min"),
        (89.0, "1 min"),
        (91.0, "2 min"),
        (7100.0, "118 min"),
        (7200.0, "2.0 h"),
        (9000.0, "2.5 h"),
    ],
)
def test_how_long_it_took(seconds: float, words: str) -> None:
    assert f"runs/a: steps 7 to 42, {words}\n" in text(seconds=seconds)


def test_whether_samples_are_exact_and_that_there_are_none() -> None:
    assert "not exact" not in text(off=0.004)
    off = text(off=0.031)
    assert "samples are 3.1% off the loss that the criterion returned: it does not follow caffe in all\n" in off
    assert line("not exact", off)[2:4] == ["samples", "are"]
    assert line("sampled", text(sampled=0))[1:3] == ["no", "batch:"]


def test_what_it_was() -> None:
    made = text(epochs=1, ranks=2, sampled=2000, states=(1, 0, 0, 0, 0), easiest=1)
    assert "steps 7 to 42, 1 epoch, 2 processes, 59 s" in made
    assert "Loss, as caffe\n" in made
    assert "2,000 batches, 1 object told apart" in made
    assert "Objects: 1 learnt." in made
    assert "The easiest, 1 object, cost a hundredth of all together" in made
    assert "not exact" not in made
    made = text(criterion="", dialect="", states=(0, 1200, 0, 3, 0))
    assert "not known\n" in made
    assert "1 batch, 1,203 objects told apart" in made
    assert "Objects: 1,200 never learnt, 3 taken for another." in made
    assert "Objects:" not in text()


@pytest.mark.parametrize(
    ("values", "low", "high", "blocks"),
    [
        ((0, 1, 2, 3, 4, 5, 6, 7, 8), None, None, "▁▂▃▄▅▆▇██"),
        ((0, 0.124, 0.126, 0.99, 1), 0.0, 1.0, "▁▁▂██"),
        ((-1, 2), 0.0, 1.0, "▁█"),
        ((math.nan, math.inf, 1, 2, -math.inf), None, None, " x▁█x"),
        ((3, 3), None, None, "▁▁"),
        ((0.5,), 0.0, None, "█"),
        ((0.5,), None, 1.0, "▁"),
        ((math.nan,), None, None, " "),
        ((), None, None, ""),
    ],
)
def test_a_line_of_blocks(values: Any, low: Any, high: Any, blocks: str) -> None:
    assert sparkline(values, low, high) == blocks


def test_the_course() -> None:
    made = text()
    assert line("loss", made) == ["loss", "█▃", "▁", "4", "1", "1", "4"]
    assert line("learning rate", made)[2:] == ["█▁", "0.01", "0.001", "0.001", "0.01"]
    assert line("right", made)[1:] == ["▃▅", "25%", "50%", "25%", "50%"]
    assert "gradient norm" not in made
    assert "What stands out" not in made
    assert line("loss", text(loss=(1234.5, math.nan, 2345.6)))[-4:] == ["1.23e+03", "2.35e+03", "1.23e+03", "2.35e+03"]


def test_the_headline_has_the_first_and_the_last_loss_that_is_known() -> None:
    nan = math.nan
    assert replace(RESULT, loss=(nan, 4.0, 2.0, 1.0, nan)).headline == "36 steps, loss 4 to 1, 0 events"
    assert replace(RESULT, loss=(nan, 4.0, nan)).headline == "36 steps, loss 4 to 4, 0 events"
    assert replace(RESULT, loss=(3.0, 2.0), events=(EVENT,)).headline == "36 steps, loss 3 to 2, 1 events"
    assert replace(RESULT, loss=(nan,)).headline == "36 steps, loss nan to nan, 0 events"


def test_what_stands_out() -> None:
    many = tuple(replace(EVENT, step=step) for step in range(12))
    made = text(events=many)
    assert "What stands out (the first 10; 2 more)" in made
    assert "What stands out (the first 11; 1 more)" in text(11, events=many)
    assert "What stands out\n" in text(events=many[:10])
    assert line("9 ", made) == ["9", "2", "spike", "9.877", "1.235", "3", "not", "saved"]
    assert "rank" not in made
    told = replace(EVENT, usual=None, norm=None, rank=3, file="a/step12.safetensors", images=("p/1.jpg", "", "q/2.jpg"))
    assert line("12 ", text(events=(told,), ranks=2))[-3:] == ["step12.safetensors:", "1.jpg,", "2.jpg"]
    assert line("12 ", text(events=(told,), ranks=2))[2] == "3"
    several = replace(told, images=tuple(f"{number}.jpg" for number in range(4)))
    assert "step12.safetensors: 0.jpg, 1.jpg, 2.jpg and 1 more" in " ".join(text(events=(several,)).split())
    assert "more" not in text(events=(replace(several, images=several.images[:3]),))


def test_groups_in_their_order_with_one_legend() -> None:
    groups = (GROUP, replace(GROUP, by="level", name="level 0"), replace(GROUP, by="size", name="up to 16 px"))
    made = text(groups=(*groups, replace(GROUP, name="gone", objects=0)))
    assert [made.index(title) for title in ("By class", "By size", "By level")] == sorted(
        made.index(title) for title in ("By class", "By size", "By level")
    )
    assert made.count("loss per positive, at the end") == 1
    assert made.index("loss per positive, at the end") > made.index("By level")
    assert line("cat", made) == ["cat", "1,234", "10.0%", "25.0%", "▁▅█", "0%", "100%", "0.12"]
    assert "gone" not in made
    never = replace(GROUP, right=(math.nan,), cost=(math.nan,), unmatched=math.nan)
    assert line("cat", text(groups=(never,))) == ["cat", "1,234", "25.0%", "-", "-", "-"]
    assert "By level" not in text(groups=(GROUP,))


def test_objects() -> None:
    made = text(objects=(OBJECT,))
    assert line("a.jpg", made) == [
        "a.jpg",
        "cat",
        "32",
        "0.46",
        "2",
        "0.25",
        "0.12",
        "background",
        "0.12",
        "never",
        "learnt",
    ]
    other = replace(OBJECT, name="", unsure=True, side=None, forced_only=0.51, state="taken for another")
    cells = line("image 7?", text(objects=(other,)))
    assert "2f" in cells
    assert cells[cells.index("0.12") + 1] == "dog"
    assert "32" not in cells
    many = tuple(replace(OBJECT, name=f"{number}.jpg") for number in range(12))
    assert "9.jpg" in text(objects=many)
    assert "10.jpg" not in text(objects=many)
    assert "10.jpg" in text(11, objects=many)
