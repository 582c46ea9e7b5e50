"""The reports of `compare`, `dialects` and `match --dialects`: sentences, counts, widths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg import api
from ssdlossdbg.report.compare_text import (
    compare_report,
    dialects_report,
    differences_report,
    explain,
    roles_report,
)
from ssdlossdbg.results import BatchRoles, Cause, CompareResult, DialectOutcome, ObjectChange, RoleChanges

Render = Callable[..., str]
SAMPLE = Path(__file__).parents[2] / "sample_data"
ROLES = BatchRoles(
    positives=(3, 1), negatives=(9, 3), ignored=0, counted_twice=0, wanted=12, available=50, dropped=0, normalizer=4
)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def result() -> CompareResult:
    """The sample batch through every dialect."""
    return api.compare(SAMPLE / "preds.pt", SAMPLE / "targets.pt", device="cpu")


def outcome(name: str, loss: float, *causes: Cause, raises: str | None = None) -> DialectOutcome:
    return DialectOutcome(name, "codebase", 0.0, loss, 4.0, ROLES, raises, causes)


def of(result: CompareResult, reference: float, *outcomes: DialectOutcome) -> CompareResult:
    return replace(result, reference="ssd.pytorch", reference_total=reference, dialects=outcomes)


def cause(rule: str, delta: float = 1.0, old: str = "a", new: str = "b", **after: Any) -> Cause:
    return Cause(rule, old, new, delta, ROLES, replace(ROLES, **after))


# Causes in words.


def test_positives_counted_twice() -> None:
    found = cause("positives counted twice", counted_twice=3, wanted=9, available=5)
    assert explain(found) == "counts 3 positives twice, because 9 negatives are wanted and 5 exist"
    half = cause("positives counted twice", counted_twice=3, wanted=7.5, available=5)
    assert explain(half) == "counts 3 positives twice, because 7.5 negatives are wanted and 5 exist"


def test_positives_no_longer_counted_twice() -> None:
    found = cause("positives counted twice", old="True", new="False")
    assert explain(found) == "positives counted twice: False instead of True"


def test_normaliser() -> None:
    new, old = "mean-of-images", "positives"
    assert explain(cause("normaliser", old=old, new=new)) == "normaliser: mean-of-images instead of positives"
    assert explain(cause("normaliser", old=old, new=new, normalizer=2.0)) == "divides by 2 instead of 4: mean-of-images"


@pytest.mark.parametrize(
    ("after", "seen"),
    [
        ({}, ""),
        ({"positives": (3, 2)}, " (positives 3+2 instead of 3+1)"),
        ({"negatives": (9, 6)}, " (mined 9+6 instead of 9+3)"),
        (
            {"positives": (3, 2), "negatives": (9, 6), "ignored": 4},
            " (positives 3+2 instead of 3+1; mined 9+6 instead of 9+3; 4 ignored)",
        ),
        ({"dropped": 2}, " (2 positives dropped)"),
    ],
)
def test_the_counts_that_show_a_cause(after: dict[str, Any], seen: str) -> None:
    assert explain(cause("mining scope", **after)) == f"mining scope: b instead of a{seen}"


def test_many_images_are_summed() -> None:
    before, after = replace(ROLES, negatives=(1,) * 7), replace(ROLES, negatives=(2,) * 7)
    assert explain(Cause("mining scope", "a", "b", 1.0, before, after)).endswith("(mined 14 instead of 7)")


# The whole report.


def test_the_sample(render: Render, result: CompareResult) -> None:
    text = render(compare_report(result))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    wide = render(compare_report(result), 100)  # where no name takes two lines
    table = wide.partition("through every dialect")[2].partition("Why they differ")[0]
    rows = [line.split() for line in table.partition("N: ")[0].splitlines()[3:] if line.strip()]
    assert [row[0] for row in rows] == [item.name for item in result.dialects]
    for row, item in zip(rows, result.dialects, strict=True):
        counts = [sum(item.positives), sum(item.negatives), int(item.normalizer)]
        assert [int(cell) for cell in row[1:4]] == counts
        figures = [item.localization, item.confidence, item.total]
        assert [float(cell) for cell in row[4:7]] == pytest.approx(figures, abs=6e-5)
        ratio = item.total / result.reference_total
        assert float(row[7]) == pytest.approx(ratio, abs=6e-4 if ratio < 100 else 6e-2)
    assert "The same batch and priors through every dialect" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_is_no_wider_than_the_terminal(render: Render, result: CompareResult, width: int) -> None:
    assert max(map(len, render(compare_report(result), width).splitlines())) <= width


def test_large_numbers_and_names_fit_80_columns(render: Render, result: CompareResult) -> None:
    roles = replace(ROLES, positives=(123456,), negatives=(370368,))
    long = "my-fork-of-a-fork-of-ssd.pytorch"
    wide = DialectOutcome(long, "", 12345.6789, 98765.4321, 123456.0, roles, "IndexError in x.py:1", (cause("units"),))
    text = render(compare_report(of(result, 1.0, wide)))
    assert max(map(len, text.splitlines())) <= 80
    for figure in ("123456", "370368", "12345.6789", "98765.4321", "111111.1110"):
        assert figure in text


def test_the_same_loss(render: Render, result: CompareResult) -> None:
    rounding = cause("overlap", 1e-9)
    text = render(
        compare_report(
            of(result, 2.0, outcome("ssd.pytorch", 2.0), outcome("caffe", 2.0), outcome("nvidia", 2.0, rounding))
        )
    )
    assert "The same loss to float32 rounding: caffe, nvidia.\n" in text
    assert "overlap" not in text
    text = render(compare_report(of(result, 2.0, outcome("caffe", 3.0, cause("overlap")))))
    assert "The same loss" not in text
    assert "overlap: b instead of a" in text
    assert "+1.0000" in text


def test_where_the_real_code_raises(render: Render, result: CompareResult) -> None:
    reason = "IndexError in match, layers/box_utils.py:97: overlaps.max(0) over no object (image 1)"
    raising = [outcome(name, 2.0, raises=reason) for name in ("ssd.pytorch", "lufficc")]
    text = flat(render(compare_report(of(result, 2.0, *raising, outcome("caffe", 2.0)))))
    assert text.count("The real code raises here: IndexError in match,") == 2, "the reference's own too"
    assert "The figures are its formula's." in text
    assert "The same loss to float32 rounding: caffe." in text
    assert text.count(" raises ") == 2 + 2


@pytest.mark.parametrize(("delta", "shown"), [(float("inf"), "+inf"), (-float("inf"), "-inf"), (float("nan"), "+nan")])
def test_what_is_not_finite_is_said(render: Render, result: CompareResult, delta: float, shown: str) -> None:
    for reference in (2.0, float("nan"), float("inf"), 0.0):
        text = render(compare_report(of(result, reference, outcome("caffe", delta, cause("encoding", delta)))))
        assert shown in text
        assert "encoding: b instead of a" in text
        assert "The same loss" not in text


# The other tables.


def test_dialects(render: Render) -> None:
    text = render(dialects_report([("a (b, c)", "someone/a", "ssd300-voc"), ("x" * 90, "y" * 90, "z" * 90)]))
    assert max(map(len, text.splitlines())) <= 80
    assert "a (b, c)" in text
    assert [text.count(letter) for letter in "xyz"] == [90, 90, 90], "folded, but whole"


def test_differences(render: Render) -> None:
    assert render(differences_report("a", "b", [])) == "a and b have the same rules.\n"
    text = render(differences_report("a", "b", [("match.threshold", "0.5", "0.4")]))
    assert text.split() == ["setting", "a", "b", text.splitlines()[1], "match.threshold", "0.5", "0.4"]


def change(**more: object) -> RoleChanges:
    given = {"dialect": "caffe", "positives": 18, "negatives": 54, "gained": 1, "lost": 2, "moved": 3}
    return RoleChanges(**{**given, "objects": (), "raises": None, **more})  # type: ignore[arg-type]


def test_roles(render: Render) -> None:
    objects = (
        ObjectChange(1, "cat", (9, 8), ("matched", "matched")),
        ObjectChange(4, "[b]dog", (1, 0), ("forced-only", "unmatched")),
        ObjectChange(5, "cow", (None, 2), ("left out", "matched")),
        ObjectChange(6, "emu", (2, None), ("matched", "left out")),
    )
    text = flat(render(roles_report("ssd.pytorch", [change(objects=objects), change(dialect="lufficc")]), 200))
    assert "(+ and -: positives gained and lost against ssd.pytorch)" in text
    assert (
        "caffe 18 54 1 2 3 1 cat 9 -> 8; 4 [b]dog 1 -> 0, unmatched; 5 cow - -> 2, matched; 6 emu 2 -> -, left out"
    ) in text
    assert "lufficc 18 54 1 2 3 none" in text


def test_roles_that_agree_share_a_row(render: Render) -> None:
    reasons = ("threshold: 0.35 instead of 0.5",)
    changes = [
        change(dialect="a", agrees_with="a", raises="IndexError in x"),
        change(dialect="b", agrees_with="b", positives=30, reasons=reasons),
        change(dialect="c", agrees_with="a"),
        change(dialect="d", agrees_with="b", positives=30, reasons=reasons),
    ]
    text = flat(render(roles_report("ssd.pytorch", changes), 200))
    assert "a, c 18 54 1 2 3 a: raises IndexError b, d 30 54 1 2 3 none" in text
    assert text.endswith("Why they differ from ssd.pytorch b, d threshold: 0.35 instead of 0.5")


def test_roles_of_many_objects(render: Render) -> None:
    objects = tuple(ObjectChange(index, "coin", (2, 1), ("matched", "matched")) for index in range(9))
    text = render(roles_report("ssd.pytorch", [change(objects=objects, raises="AssertionError in x")]))
    assert max(map(len, text.splitlines())) <= 80
    assert flat(text).count("coin") == 6
    assert "and 3 more; raises AssertionError" in flat(text)
