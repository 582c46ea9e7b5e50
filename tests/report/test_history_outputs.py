"""What is written of a run beside its report: tables, numbers for trackers, charts; held against its rows."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from ssdlossdbg.report.history.scalars import Scalars, scalars
from ssdlossdbg.report.history.tables import TABLES, headings
from ssdlossdbg.report.history.thinned import thinned
from ssdlossdbg.report.history_text import history_report, sparkline
from ssdlossdbg.report.records import csv_lines, table, to_csv
from ssdlossdbg.report.theme import TERMINAL
from ssdlossdbg.report.visible import shown
from ssdlossdbg.results import HistoryResult
from ssdlossdbg.results.history import FORGOTTEN, MISTAKEN, NEVER, STATES
from ssdlossdbg.results.history_course import Course
from ssdlossdbg.results.history_rows import LEVEL, PARTS_KNOWN, STEPS, TOTAL_KNOWN, VALIDATION
from tests.analysis.test_history import of_groups, of_objects, of_steps, told


def eventful() -> HistoryResult:
    """A spike, a rate that jumps, a nan, a class that goes, and an object of each state but open."""
    steps = of_steps()
    steps["marks"] = TOTAL_KNOWN | PARTS_KNOWN
    steps["localization"], steps["confidence"] = steps["total"] / 3, steps["total"] * 2 / 3
    steps["total"][100], steps["rate"][150], steps["total"][200] = 40.0, 1.0, math.nan
    objects = of_objects()
    objects["probability"][objects["image"] == 1] = 0.1
    objects["taken"][objects["image"] == 1] = 0
    objects["probability"][(objects["image"] == 2) & (objects["step"] >= 120)] = 0.05
    wrong = objects["image"] == 3
    objects["taken"][wrong], objects["sure"][wrong], objects["probability"][wrong] = 2, 0.95, 0.02
    groups = of_groups()
    made = told(steps, groups[~((groups["kind"] == 2) & (groups["key"] == 2) & (groups["step"] >= 160))], objects)
    # Four objects are too few for anybody to doubt the label of one.
    last = replace(made.all_objects[3], state=MISTAKEN, rival=2, rival_name="dog", against=9, judged=10)
    every = (*made.all_objects[:3], last)
    return replace(
        made,
        states=tuple(sum(each.state == state for each in every) for state in STATES),
        objects=tuple(last if each.name == last.name else each for each in made.objects),
        all_objects=every,
    )


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def csv_of(result: HistoryResult, name: str) -> list[dict[str, str]]:
    return rows_of("".join(csv_lines(TABLES[name](result))))


def test_steps_are_the_rows() -> None:
    result = eventful()
    rows = csv_of(result, "steps")
    assert len(rows) == 240
    assert [int(row["step"]) for row in rows] == list(range(240))
    assert float(rows[100]["loss"]) == 40.0
    assert rows[200]["loss"] == "nan"
    assert rows[7]["rate"] == "0.01", "single precision in as few digits as tell it"
    parts = float(rows[7]["localization"]) + float(rows[7]["confidence"])
    assert parts == pytest.approx(float(rows[7]["loss"]), rel=1e-6)


def test_a_table_of_every_object_and_of_each_in_every_sample() -> None:
    result = eventful()
    objects, samples = csv_of(result, "all_objects"), csv_of(result, "object_samples")
    assert [row["state"] for row in objects] == ["learnt", NEVER, FORGOTTEN, MISTAKEN]
    assert len(csv_of(result, "objects")) == 3
    assert len(samples) == 40
    for place, each in enumerate(objects):
        own = [row for row in samples if row["object"] == str(place)]
        assert {row["name"] for row in own} == {each["name"]}
        assert [int(row["step"]) for row in own] == [24 * number for number in range(10)]
        assert max(float(row["probability"]) for row in own) == pytest.approx(eval_list(each["probability"])[1])
        assert np.mean([float(row["cost"]) for row in own]) == pytest.approx(float(each["cost"]))


def eval_list(text: str) -> list[float]:
    return [float(number) for number in text.strip("[]").split(",")]


def test_groups_of_each_sample_are_named_as_groups_are() -> None:
    rows = csv_of(eventful(), "group_samples")
    assert {(row["by"], row["group"]) for row in rows} == {
        ("all", "all"),
        ("class", "cat"),
        ("class", "dog"),
        ("size", "32 to 64 px"),
    }
    assert sum(int(row["objects"]) for row in rows if row["group"] == "dog") == 10 * 40


@pytest.mark.parametrize("name", TABLES)
def test_each_table_begins_as_files_of_ours_do(name: str) -> None:
    first = next(csv_lines(TABLES[name](eventful())))
    assert first.rstrip("\n") in set(headings())
    sound = told()
    assert next(csv_lines(TABLES[name](sound))) == first, "with or without rows"


@pytest.mark.parametrize("name", ["all_objects", "object_samples", "group_samples", "steps"])
def test_frames_take_what_the_document_leaves_out(name: str) -> None:
    result = eventful()
    columns = table(result, name)
    assert rows_of(to_csv(result, name)) == csv_of(result, name)
    assert len({len(column) for column in columns.values()}) == 1


def test_a_result_from_json_has_the_tables_of_its_document() -> None:
    result = eventful()
    read = HistoryResult.from_json(result.to_json())
    assert csv_of(read, "events") == csv_of(result, "events")
    assert csv_of(read, "steps") == []
    assert list(scalars(read)) == []


def test_no_cell_of_a_table_is_a_formula() -> None:
    result = eventful()
    hostile = tuple(replace(each, name="=cmd()", label_name="@SUM(1)") for each in result.all_objects)
    result = replace(result, all_objects=hostile)
    for name in ("all_objects", "object_samples"):
        rows = csv_of(result, name)
        assert {row["name"] for row in rows} == {"'=cmd()"}
        assert {row["label_name"] for row in rows} == {"'@SUM(1)"}
    assert "-" in "".join(csv_lines({"a": np.array([-1.5, 2.0], np.float32)}))
    assert "'" not in "".join(csv_lines({"a": np.array([-1.5, 2.0], np.float32)})), "a number is none"


def test_names_of_objects_are_shown_safely() -> None:
    result = eventful()
    hostile = replace(result, objects=tuple(replace(each, name="a\x1b[31m") for each in result.objects))
    assert {each.name for each in shown(hostile).objects} == {"a\N{SYMBOL FOR ESCAPE}[31m"}


@pytest.mark.parametrize("width", [80, 100])
def test_no_column_of_the_text_is_cut(width: int) -> None:
    result = eventful()
    long = "a/very/long/folder/of/photographs/" + "photo_of_a_blood_smear_00407.jpg"
    objects = tuple(replace(each, name=long, label_name="trombocyte platelets") for each in result.objects)
    groups = tuple(replace(group, objects=1_258_354, name="128 to 256 px") for group in result.groups)
    console = Console(width=width, theme=TERMINAL, file=io.StringIO(), color_system=None)
    console.print(history_report(replace(result, objects=objects, groups=groups)), highlight=False)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    for words in ("cost/pos", "1,258,354", "taken for", "state", "never"):
        assert words in text
    spark = sparkline(result.groups[0].right, 0.0, 1.0)
    assert spark in text, "whole"


def long_course(many: int, ranks: int = 1) -> Course:
    rows = np.zeros(many * ranks, STEPS.dtype)
    rows["step"], rows["marks"] = np.repeat(np.arange(many), ranks), TOTAL_KNOWN
    rows["total"] = 1 + np.random.default_rng(0).random(len(rows))
    return Course(rows, np.tile(np.arange(ranks), many), np.zeros(0))


def test_a_long_run_keeps_what_stands_out() -> None:
    course = long_course(50_000, 2)
    course.steps["total"][31_001], course.steps["total"][60_003] = 90.0, math.nan
    course.steps["rate"][40_002], course.steps["rate"][40_006] = 3.0, math.nan
    kept = thinned(course, 1000, np.array([777]))
    assert np.all(np.diff(kept) > 0)
    assert len(kept) < 2 * 1000 + 10
    assert {31_001, 60_003, 40_002, 2 * 777, 2 * 777 + 1} <= set(kept.tolist())
    loss = course.loss[course.rank == 0]
    assert np.nanmin(course.loss[kept][course.rank[kept] == 0]) == np.nanmin(loss)


def test_an_object_that_moves_is_known_for_it() -> None:
    objects = of_objects()
    second = objects["image"] == 1
    objects["box"][second] += np.linspace(0, 0.1, second.sum())[:, None].astype(np.float32)
    objects["box"][objects["image"] == 2] += np.float32(0.001)  # in all samples
    samples = [each.samples for each in told(objects=objects).all_objects]
    assert [each is not None and each.moved for each in samples] == [False, True, False, False]


def test_a_short_run_is_kept_whole() -> None:
    assert thinned(long_course(1000), 1000, np.zeros(0, np.int64)).tolist() == list(range(1000))


def of_tag(result: HistoryResult) -> dict[str, Scalars]:
    return {line.tag: line for line in scalars(result)}


def test_scalars_are_the_rows_and_what_they_add_up_to() -> None:
    lines = of_tag(eventful())
    assert {tag.split("/")[0] for tag in lines} == {"loss", "optimizer", "all objects", "class", "size"}
    loss = lines["loss/total"]
    assert (len(loss.step), loss.value[100]) == (240, 40.0)
    assert math.isnan(loss.value[200])
    assert loss.time[3] == 1003
    dog = lines["class/2 dog/right"]
    assert dog.step.tolist() == list(range(0, 160, 4))
    assert dog.value.tolist() == pytest.approx([0.2] * 15 + [0.9] * 25)
    assert lines["all objects/positives"].value[0] == 40
    assert "validation/loss" not in lines


def test_a_thousand_classes_have_fewer_points_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssdlossdbg.report.history.scalars.MOST_OF_GROUPS", 4 * 5 * 7)
    monkeypatch.setattr("ssdlossdbg.report.history.scalars.LEAST_POINTS", 1)
    lines = of_tag(eventful())
    assert lines["all objects/right"].step.tolist() == [36 * number for number in range(7)]
    assert lines["class/1 cat/right"].value.tolist() == pytest.approx([0.2] * 2 + [0.9] * 5)
    assert len(lines["loss/total"].step) == 240


def test_what_is_not_known_is_no_scalar() -> None:
    steps = of_steps()
    steps["norm"], steps["rate"][:10] = math.nan, math.nan
    steps["marks"][5:] = 0
    steps["marks"][4] |= VALIDATION
    lines = of_tag(told(steps))
    assert "optimizer/gradient norm" not in lines
    assert lines["optimizer/learning rate"].step[0] == 10
    assert lines["loss/total"].step.tolist() == [0, 1, 2, 3]
    assert lines["validation/loss"].step.tolist() == [4]
    assert "loss/localization" not in lines


def test_a_class_name_makes_no_group_of_its_own() -> None:
    result = eventful()
    named = tuple(replace(group, name="a/b") for group in result.groups)
    assert "class/1 a_b/right" in of_tag(replace(result, groups=named))


def test_a_level_counts_where_it_has_positives_or_objects() -> None:
    """Of the first level objects alone, of the second positives alone, of the third nothing but negatives."""
    groups = of_groups()
    levels = np.repeat(groups[groups["kind"] == 0], 3)
    levels["kind"], levels["key"] = LEVEL, np.tile(np.arange(3), len(levels) // 3)
    levels["objects"] = np.where(levels["key"] == 0, 4, 0)
    levels["positives"] = np.where(levels["key"] == 1, 6, 0)
    levels["right"], levels["unmatched"], levels["forced_only"] = 1, 3, 2
    levels["localization"], levels["positive"] = 1.5, 3.0
    lines = of_tag(told(groups=np.concatenate((groups, levels))))
    first, second = (
        {tag.split("/")[2]: set(lines[tag].value) for tag in lines if tag.startswith(f"level/{key}/")} for key in (0, 1)
    )
    assert first == {"right": {0.25}, "unmatched": {0.75}, "forced only": {0.5}, "positives": {0.0}}
    assert second == {"loss per positive": {0.75}, "positives": {6.0}}
    assert not any(tag.startswith("level/2") for tag in lines)


def chart_texts(result: HistoryResult, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Titles of the charts, once each was drawn."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra `charts`)")
    from ssdlossdbg.report import chart_canvas
    from ssdlossdbg.report.history import chart_course, chart_right_by_class, chart_states_by_size, charts

    titles: list[str] = []

    def noted(title: str, subtitle: str, right: float = 0.97) -> Any:
        titles.append(title)
        return chart_canvas.new_chart(title, subtitle, right)

    for module in (chart_course, chart_right_by_class, chart_states_by_size):
        monkeypatch.setattr(module, "new_chart", noted)
    made = charts.history_charts(result)
    assert all(data.startswith(b"\x89PNG") for data in made.values())
    return dict(zip(made, titles, strict=True))


def test_charts_say_what_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = (f"{np.median(of_steps()['total'][part]):.3g}" for part in (slice(20), slice(220, None)))
    assert chart_texts(eventful(), monkeypatch) == {
        "course.png": (
            f"Loss {first} to {last} in 240 steps: 1 loss that is not finite, 1 spike, 1 jump of the learning rate"
        ),
        "right-by-class.png": "At the end 90% of cat are right, the least; shown no more: dog",
        "not-learnt-by-size.png": "25.0% of the objects of 64 to 128 px are never learnt",
    }


@pytest.mark.parametrize("empty", [False, True])
def test_charts_of_next_to_nothing(empty: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    result = told(of_steps()[:1], of_groups()[:0], of_objects()[:0])
    titles = chart_texts(HistoryResult.from_json(result.to_json()) if empty else result, monkeypatch)
    assert titles["right-by-class.png"] == "No class was sampled"
    assert titles["not-learnt-by-size.png"] == "No object was told apart"


def test_samples_of_validation_are_no_lines_of_the_training() -> None:
    steps = of_steps()
    steps["marks"][80] |= VALIDATION
    rows = csv_of(told(steps), "group_samples")
    assert "80" not in {row["step"] for row in rows}
    assert "84" in {row["step"] for row in rows}
