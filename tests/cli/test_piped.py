"""What a program reads: each sentence and record in a line of its own, nothing padded, at every command."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch

from ssdlossdbg.cli.app import COMMANDS
from ssdlossdbg.cli.streams import show
from ssdlossdbg.report.text import table
from tests.cli.conftest import SAMPLE, Run
from tests.fuzz.headers import history_file
from tests.fuzz.kinds import HISTORY

BATCH = "preds.pt targets.pt"
PHOTO = f"match {SAMPLE}/astronaut.jpg {SAMPLE}/astronaut.xml --no-overlay"
# Those that print findings; and what else each command can print.
JUDGING = (
    PHOTO,
    "loss preds.pt broken.pt",
    "detect preds.pt broken.pt",
    "compare preds.pt broken.pt --dialects caffe",
    f"audit {SAMPLE}",
    "anchors --config torchvision-ssdlite320",
)
OTHERS = (
    f"{PHOTO} --dialects caffe,nvidia",
    f"loss {BATCH}",
    f"detect {BATCH}",
    f"compare {BATCH} --dialects caffe,nvidia",
    f"identify {BATCH} --printed 1.4304 --changes 0 --dialects caffe,nvidia",
    f"check {SAMPLE}",
    "history hist",
    f"diff {BATCH} preds.pt broken.pt",
    f"anchors --fit {SAMPLE}/cat.xml --levels 10,5",
    "anchors --list",
    "dialects",
    "dialects nvidia",
    "dialects nvidia caffe",
    "explain",
    "explain BOX",
    "manual",
    "manual audit",
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a batch of one image and targets of which one has no width."""
    made = tmp_path_factory.mktemp("piped")
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    torch.save((loc[2:], conf[2:], priors), made / "preds.pt")
    targets = torch.load(SAMPLE / "targets.pt", weights_only=True)[2:]
    torch.save(targets, made / "targets.pt")
    targets[0][3, 2] = targets[0][3, 0]
    torch.save(targets, made / "broken.pt")
    (made / "hist" / "history").mkdir(parents=True)
    for name in HISTORY:
        (made / name).write_bytes(history_file(Path(name).stem))
    return made


@pytest.fixture(autouse=True)
def piped(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the working folder, and nobody says how wide a line may be."""
    monkeypatch.chdir(files)
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_: pytest.fail("asked a terminal that there is none of"))


# What was printed already, by where and of what line: the files stay as they are, so it would be the same again.
PRINTED: dict[tuple[str | None, str], str] = {}


def printed(run: Run, line: str) -> str:
    key = os.environ.get("GITHUB_ACTIONS"), line
    if key not in PRINTED:
        result = run(*shlex.split(line))
        assert result.code in (0, 1), result.err
        assert result.out.strip()
        PRINTED[key] = result.out
    return PRINTED[key]


def test_every_command_is_tried() -> None:
    tried = {line.split()[0] for line in (*JUDGING, *OTHERS)}
    # What a training script prints is its own.
    assert tried | {"run"} == set(COMMANDS)


@pytest.mark.parametrize("line", [*JUDGING, *OTHERS])
def test_no_line_ends_in_blanks_and_no_fact_goes_on_below(run: Run, line: str) -> None:
    lines = printed(run, line).splitlines()
    assert [each for each in lines if each != each.rstrip()] == []
    # What is told of the inputs is a label and its words.
    assert all(each[0] != " " for each in lines[: lines.index("")]) if line in JUDGING else True


@pytest.mark.parametrize("line", [*JUDGING, *OTHERS])
def test_nor_does_a_line_of_any_other_format(run: Run, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = re.findall(r"\w+", run(*shlex.split(line), "--format", "none-such").err.partition("is not one of")[2])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for other in set(known) - {"text", "html"}:  # a page is no text to read in a pipe
        lines = printed(run, f"{line} --format {other}").splitlines()
        assert [each for each in lines if each != each.rstrip()] == [], other
    assert "json" in known or line.split()[0] in ("explain", "manual")


@pytest.mark.parametrize("line", JUDGING)
def test_each_finding_stands_whole_in_a_line_with_its_code(run: Run, line: str) -> None:
    found = json.loads(printed(run, f"{line} --format json"))["findings"]
    lines = printed(run, line).splitlines()
    assert found or "audit" not in line
    for finding in found:
        first = finding["cases"][0]
        for sentence in (first["message"][1:], *([first["fix"]] if finding["severity"] != "note" else ())):
            assert [each for each in lines if sentence in each and each.startswith(finding["code"])], sentence


def test_width_wraps_all_the_same(run: Run) -> None:
    for line in (f"audit {SAMPLE}", "explain BOX001", f"check {SAMPLE}", "manual audit", "dialects"):
        wide, narrow = printed(run, line), printed(run, f"{line} --width 60")
        assert max(map(len, narrow.splitlines())) <= 60 < max(map(len, wide.splitlines())), line
    assert run("audit", SAMPLE, "--width", "5").code == 2


def test_help_has_whole_sentences(run: Run) -> None:
    out = run("--help").out
    assert "Run a saved batch through every codebase's rules, and say why they differ.\n" in out
    assert "..." not in out.replace("[ARGS]...", "")
    assert "TARGETS" in run("loss", "--help").out
    assert "Show where" not in out


def test_a_cell_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show(table(["one", "two"], [("utils.py:100: x", "[bold]b[/bold]")]))
    assert capsys.readouterr().out.splitlines()[-1].split("  ") == ["utils.py:100: x", "[bold]b[/bold]"]
