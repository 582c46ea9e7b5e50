"""What users write otherwise than a command has it, and what they are offered while they write."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from ssdlossdbg import shells
from ssdlossdbg.checks.catalogue import CHECKS
from ssdlossdbg.cli import completions, progress, streams
from ssdlossdbg.cli.progress import tracking
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.report.command_line import CommandLine
from tests.cli.conftest import SAMPLE, Run

Refused = Callable[..., str]


def test_swapped_files_are_understood_by_what_they_hold(run: Run) -> None:
    photo, boxes = SAMPLE / "cat.jpg", SAMPLE / "cat.xml"
    swapped = run("match", boxes, photo, "--no-overlay")
    assert swapped.out == run("match", photo, boxes, "--no-overlay").out
    assert f"note: by what they hold, {photo} is the photo and {boxes} its annotation" in swapped.err
    for command in (("loss",), ("detect", "--top", "2"), ("compare", "--dialects", "caffe")):
        files = SAMPLE / "preds.pt", SAMPLE / "targets.pt"
        swapped = run(*command, *reversed(files))
        assert swapped.out.partition("Next:")[0] == run(*command, *files).out.partition("Next:")[0]
        assert "is the predictions and" in swapped.err


def test_what_cannot_be_read_either_way_is_said_of_the_first(refused: Refused, folder: Path) -> None:
    (folder / "a.pt").write_bytes(b"no tensor")
    said = refused("loss", "a.pt", SAMPLE / "targets.pt")
    assert said.startswith("error: a.pt: ")
    assert "note:" not in said


def test_anchors_takes_a_preset_alone(run: Run, refused: Refused) -> None:
    assert (
        run("anchors", "ssd512").out.partition("Next:")[0]
        == run("anchors", "--config", "ssd512").out.partition("Next:")[0]
    )
    assert "--config: names priors, and so does ssd512." in refused("anchors", "ssd512", "--config", "ssd300")


def test_options_mean_the_same_in_compare(run: Run) -> None:
    batch = ("compare", SAMPLE / "preds.pt", SAMPLE / "targets.pt", "--dialects", "ssd.pytorch", "--format", "json")
    one, other = run(*batch, "--dialect", "lufficc"), run(*batch, "--reference", "lufficc")
    assert one.out == other.out
    at = json.loads(run(*batch, "--threshold", "0.4").out)
    alone = ("loss", SAMPLE / "preds.pt", SAMPLE / "targets.pt", "--threshold", "0.4")
    assert at["dialects"][0]["total"] == pytest.approx(json.loads(run(*alone, "--format", "json").out)["loss"]["total"])


@pytest.mark.parametrize(
    ("symptom", "code"), [("loss is nan", "ENC001"), ("inf", "BOX001"), ("boxes outside the image", "BOX007")]
)
def test_pages_are_found_by_symptom(run: Run, symptom: str, code: str) -> None:
    found = json.loads(run("explain", symptom, "--format", "json").out)["checks"]
    assert code in [each["code"] for each in found]
    assert len(found) < len(CHECKS) / 4
    assert run("explain", *symptom.split()).out == run("explain", symptom).out


def test_no_page_and_no_code(refused: Refused) -> None:
    assert "no page speaks of 'zebra crossings'" in refused("explain", "zebra crossings")
    assert "Did you mean 'BOX001'?" in refused("explain", "BXO001")


def test_dialects_as_json(run: Run) -> None:
    listed = json.loads(run("dialects", "--format", "json").out)["dialects"]
    assert [each["name"] for each in listed] == dialect_names()
    one = json.loads(run("dialects", "nvidia", "--format", "json").out)
    assert one["settings"]["match.comparison"] == str(load_dialect("nvidia").match.comparison)
    two = json.loads(run("dialects", "nvidia", "caffe", "--format", "json").out)
    assert two["differences"]["match.comparison"] == [">", ">="]


def test_the_shell_is_offered_values() -> None:
    assert "BOX001,BOX002" in completions.several_codes("BOX001,B")
    typed = {"COMP_WORDS": "ssdlossdbg loss --dialect nvi", "COMP_CWORD": "3"}
    offered = subprocess.run(
        [sys.executable, "-X", "importtime", "-P", "-m", "ssdlossdbg"],
        env={**os.environ, "_SSDLOSSDBG_COMPLETE": "complete_bash", **typed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert offered.stdout.split() == ["nvidia", "nvidia-dali"]
    assert "| torch\n" not in offered.stderr


def test_help_says_what_exit_codes_mean(run: Run) -> None:
    for words in ((), ("loss",), ("check",)):
        assert "Exit codes:\n  0    nothing is wrong\n" in run(*words, "--help").out
    assert "1    something is, unless --no-fail-on-change is given\n" in run("diff", "--help").out
    assert "Exit codes" not in run("run", "--help").out


def test_commands_are_quoted_for_the_shell_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("ssdlossdbg", "audit", "my data", "it's", "a&b", "plain")
    assert shlex.split(shells.joined(words)) == list(words)
    monkeypatch.setattr("ssdlossdbg.shells.os.name", "nt")
    assert shells.joined(words) == 'ssdlossdbg audit "my data" "it\'s" "a&b" plain'
    assert shells.joined(["C:\\my data\\"]) == '"C:\\my data\\\\"'
    made = io.StringIO()
    Console(file=made, width=20).print(CommandLine(("ssdlossdbg", "check", "a", "b", "c")))
    assert "\\\n" not in made.getvalue(), "neither cmd nor PowerShell goes on after it"


def test_an_encoding_without_our_characters_gets_others(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stdout = io.TextIOWrapper(raw, encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stdout)
    streams.show_plain("──── █▒· naïve 猫 → ≥")
    assert raw.getvalue().decode("cp1252").rstrip() == "---- #=· naïve ? > >"


def test_a_bar_ends_at_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    @contextlib.contextmanager
    def counted(*_: object) -> Iterator[Callable[[int], None]]:
        yield told.append

    monkeypatch.setattr("ssdlossdbg.cli.progress.counting", counted)
    for number in (1, 50, 120):
        told.clear()
        with tracking("Reading", "the dataset", "file") as track:
            assert list(track(range(number))) == list(range(number))
        assert sum(told) == number


def test_the_log_of_a_ci_job_holds_no_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    for value, said in (("", "Matching ...\n"), ("true", "")):
        monkeypatch.setenv("CI", value)
        with progress.progress("Matching"):
            time.sleep(0.05)
        assert capsys.readouterr().err == said
