"""What the commands do with findings: choose among them, and end with 1 where one is grave."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from ssdlossdbg.cli.groups import FailOn, Findings
from ssdlossdbg.errors import UnknownNameError
from ssdlossdbg.results import Case, Finding, Severity, Where

Run = Callable[..., Any]
ERROR, WARNING, NOTE = Severity


def chosen(
    select: list[str] | None = None, ignore: list[str] | None = None, fail_on: FailOn = FailOn.ERROR
) -> Findings:
    """What the options about findings say."""
    return Findings(select=select, ignore=ignore, fail_on=fail_on)


def finding(severity: Severity) -> Finding:
    """One of that severity."""
    return Finding("BOX001", "flat", severity, (Case(Where("a.xml"), "is flat", 0.0, 0.0, "Redraw it."),))


@pytest.mark.parametrize(
    ("fail_on", "found", "fails"),
    [
        (FailOn.ERROR, [], False),
        (FailOn.ERROR, [NOTE, WARNING], False),
        (FailOn.ERROR, [NOTE, ERROR], True),
        (FailOn.WARNING, [NOTE], False),
        (FailOn.WARNING, [NOTE, WARNING], True),
        (FailOn.WARNING, [ERROR], True),
        (FailOn.NEVER, [ERROR, WARNING], False),
    ],
)
def test_the_exit_code(fail_on: FailOn, found: list[Severity], fails: bool) -> None:
    assert chosen(fail_on=fail_on).fail(map(finding, found)) is fails


@pytest.mark.parametrize(
    ("values", "prefixes"),
    [(None, ()), ([], ()), (["box001"], ("BOX001",)), (["BOX, lbl", "BOX002"], ("BOX", "LBL", "BOX002"))],
)
def test_codes(values: list[str] | None, prefixes: tuple[str, ...]) -> None:
    assert chosen(select=values).codes == (prefixes, ())
    assert chosen(ignore=values).codes == ((), prefixes)


@pytest.mark.parametrize("value", ["", "BOX,", "BOXX", "BOX0011", "B OX"])
def test_no_codes(value: str) -> None:
    with pytest.raises(UnknownNameError, match="--ignore: unknown code"):
        chosen(ignore=[value])


@pytest.fixture
def commands(
    save: Callable[..., Path],
    photo: Callable[..., Path],
    annotation: Callable[..., Path],
    sample: Path,
    saved_targets: list[Tensor],
) -> dict[str, tuple[object, ...]]:
    """Each command on an input that is wrong in one way: an object without width."""
    saved_targets[0][0, 2] = saved_targets[0][0, 0]
    batch = (sample / "preds.pt", save("targets.pt", saved_targets))
    return {
        "match": ("match", photo(), annotation([("cat", (10, 10, 90, 90)), ("dog", (50, 20, 50, 80))])),
        "loss": ("loss", *batch),
        "detect": ("detect", *batch),
        "compare": ("compare", *batch, "--dialects", "caffe"),
    }


WITH_OBJECTS = pytest.mark.parametrize("name", ["match", "loss", "detect", "compare"])


@WITH_OBJECTS
def test_an_error_makes_the_exit_code_1_after_all_is_printed(
    name: str, commands: dict[str, tuple[object, ...]], run: Run
) -> None:
    outcome = run(*commands[name], "--select", "BOX", "--format", "json")
    assert (outcome.code, outcome.err) == (1, "")
    (found,) = json.loads(outcome.out)["findings"]
    assert (found["code"], found["severity"]) == ("BOX001", "error")


@WITH_OBJECTS
@pytest.mark.parametrize("words", [("--select", "BOX", "--ignore", "box001"), ("--select", "box002,Box003")])
def test_what_is_left_out_is_neither_shown_nor_failed_on(
    name: str, words: tuple[str, ...], commands: dict[str, tuple[object, ...]], run: Run
) -> None:
    outcome = run(*commands[name], *words, "--format", "json")
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out)["findings"] == []


@WITH_OBJECTS
def test_never_fails(name: str, commands: dict[str, tuple[object, ...]], run: Run) -> None:
    outcome = run(*commands[name], "--select", "BOX001", "--fail-on", "never")
    assert (outcome.code, outcome.err) == (0, "")
    assert "BOX001" in outcome.out
