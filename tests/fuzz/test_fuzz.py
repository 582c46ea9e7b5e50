"""What is promised of every command holds of seeded cases; and a promise that is broken is seen.

One case of each kind of input, and each attack that is known; `python -m tests.fuzz` runs as many as one likes.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.fuzz import __main__ as program
from tests.fuzz.attacks import ATTACKS
from tests.fuzz.cases import COMMANDS, Case, make_case
from tests.fuzz.kinds import KINDS, sound_file
from tests.fuzz.oracle import Limits, broken_promises, to_be_replaced
from tests.fuzz.sandbox import ROOT, Outcome, run_here, state, write_files

# The attacks in parts, so that no process of tests has them all to run.
PART = 66
PARTS = range(0, len(ATTACKS), PART)
# MiB; the archive of zeros among the attacks takes 100 by rights.
MEMORY = "180"
FILES = ("voc/JPEGImages/a.jpg", "voc/Annotations/a.xml", "small.toml")
LINE = ["match", *FILES[:2], "--config", "small.toml", "--no-overlay"]


@pytest.mark.parametrize(
    "asked",
    [
        ("--cases", str(len(KINDS)), "--apart", str(len(KINDS))),
        *(
            ("--kinds", "attacks", "--start", str(start), "--cases", str(min(PART, len(ATTACKS) - start)))
            for start in PARTS
        ),
    ],
    ids=["mutations", *(f"attacks from {start}" for start in PARTS)],
)
def test_every_promise_is_kept(asked: tuple[str, ...], tmp_path: Path) -> None:
    limits = ("--memory", MEMORY, "--seconds", "0", "--patience", "60", "--keep", str(tmp_path))
    done = warm.run([sys.executable, "-m", "tests.fuzz", "--worker", *asked, *limits], cwd=ROOT, timeout=600)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, len(said)) == (0, int(asked[asked.index("--cases") + 1])), done.stderr
    assert [each for each in said if each["faults"]] == []


@pytest.mark.parametrize(("fault", "code"), [(None, 0), ("json: NaN is no JSON", 1)])
def test_what_a_run_by_hand_says(
    fault: str | None, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [{"case": 0, "kind": "voc", "faults": [], "code": 2, "command": "ssdlossdbg check voc"}]
    cases += [{**cases[0], "case": 1, "faults": [fault] if fault else [], "code": 0}]
    monkeypatch.setattr(program, "results", lambda *_: iter(cases))
    assert program.main(["--seed", "3", "--cases", "2"]) == code
    out = capsys.readouterr().out
    assert "2 cases of 1 kinds, seed 3, " in out
    assert "exit codes: 0 1 times, 2 1 times\n" in out
    assert ("no promise broken" in out) != bool(fault)
    assert (f"seed 3 case 1 (voc): {fault}\n" in out) == bool(fault)
    assert ("    python -m tests.fuzz --seed 3 --case 1\n" in out) == bool(fault)


def test_cases_are_the_same_whenever_they_are_made() -> None:
    for number in range(0, 100, 7):
        assert make_case(3, number, list(KINDS)) == make_case(3, number, list(KINDS))


def test_every_command_is_tried() -> None:
    # What `run` does is what the script does that it is given.
    assert {line.split()[0] for kind in KINDS.values() for line in kind.lines} == COMMANDS.keys() - {"run"}


Sabotage = Callable[..., Any]


def faults(folder: Path, monkeypatch: pytest.MonkeyPatch, target: str, instead: Sabotage, *options: str) -> str:
    """What the oracle says of a sound case of `match`, with a function of the program replaced."""
    line = [word for word in LINE if word != "--no-overlay" or "-o" not in options]
    case = Case("voc", line, [list(options)] if options else [], {name: sound_file(name) for name in FILES})
    work = write_files(case, folder)
    before = state(work)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(target, instead)
    outcome = run_here(case.line, work)
    return "\n".join(broken_promises(case, outcome, before, state(work), Limits(memory=300)))


def printing(text: str) -> Sabotage:
    return lambda *_, **__: text


def writing(name: str, content: str = "x") -> Sabotage:
    return lambda *_, **__: Path(name).write_text(content) and "report"


def raising(error: Exception) -> Sabotage:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def warning(*_: Any, **__: Any) -> str:
    import warnings

    warnings.warn("of something", RuntimeWarning, stacklevel=1)
    return "report"


def removing(*_: Any, **__: Any) -> str:
    Path(FILES[1]).unlink()
    return "report"


def starting(*_: Any, **__: Any) -> str:
    subprocess.run("true", check=False)
    return "report"


def greedy(*_: Any, **__: Any) -> str:
    return "report"[: len(b"x" * 400 * 2**20)]


RENDER = "ssdlossdbg.report.outputs.render"


@pytest.mark.parametrize(
    ("instead", "options", "seen"),
    [
        (printing("as ever"), (), ""),
        (raising(ValueError("at last")), (), "raised: ValueError: at last at"),
        (printing("a\x1b[31m"), (), "control: stdout has '\\x1b'"),
        (printing("a\u202eb"), (), "control: stdout has '\\u202e'"),
        (printing("<object object at 0x7f0000000000>"), (), "stdout: tells of the inside"),
        (printing(" "), (), "stdout: is empty"),
        (printing('{"a": NaN}'), ("--format", "json"), "json: NaN is no JSON"),
        (printing("{}"), ("--format", "json"), "json: "),
        (warning, (), "stderr: has more than notes, warnings and errors"),
        (writing("left.txt"), (), "files: left.txt was left"),
        (writing(".new.png.x.part"), (), "files: .new.png.x.part was left"),
        (writing(FILES[1]), (), "files: voc/Annotations/a.xml is changed"),
        (writing("executed"), (), "executed: what a file holds was run"),
        (writing("new.png", "a,b\nc"), ("-o", "new.png"), "files: new.png is malformed"),
        (removing, (), "files: voc/Annotations/a.xml is gone"),
        (starting, (), "elsewhere: started"),
        (writing("/tmp/elsewhere.txt"), (), "elsewhere: wrote /tmp/elsewhere.txt"),
        (greedy, (), "memory: "),
    ],
)  # fmt: skip
def test_the_oracle_sees(
    instead: Sabotage, options: tuple[str, ...], seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = faults(tmp_path, monkeypatch, RENDER, instead, *options)
    assert (seen in said) if seen else (said == ""), said


@pytest.mark.parametrize(
    ("words", "options", "replaced"),
    [
        (LINE, ["-o", "yolo/images/a.jpg", "--overwrite"], True),
        (LINE, ["-o", "yolo/images/a.jpg"], False),
        (LINE, ["-o", FILES[1], "--overwrite"], False),
        (["audit", "voc"], ["--csv", FILES[1], "--overwrite"], False),
        (["audit", "."], ["--csv", FILES[1], "--overwrite"], False),
        (["audit", "yolo"], ["--csv", FILES[1], "-o", FILES[1], "--overwrite"], True),
    ],
)
def test_what_may_be_replaced(words: list[str], options: list[str], replaced: bool) -> None:
    """A file that is named as an output, if the user says so, but no input."""
    case = Case("voc", words, [options], {})
    assert to_be_replaced(case, options[1]) is replaced


def test_what_python_keeps_of_modules_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "met_for_the_first_time.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def importing(*_: Any, **__: Any) -> str:
        return importlib.import_module("met_for_the_first_time").__name__

    assert faults(tmp_path / "case", monkeypatch, RENDER, importing) == ""
    assert not sys.dont_write_bytecode


@pytest.mark.parametrize(
    ("code", "out", "err", "seen"),
    [
        (3, "x", "", "exit code: 3"),
        (2, "", "", "stderr: has 0 errors and not one"),
        (2, "", "error: a.\nerror: b.\n", "stderr: has 2 errors and not one"),
        (2, "", "error: a\nand more\n", "stderr: has more than notes, warnings and errors"),
        (0, "x", "error: a.\n", "stderr: has an error, and the exit code is 0"),
        (0, "x", "Traceback (most recent call last):\n", "stderr: tells of the inside"),
    ],
)  # fmt: skip
def test_the_oracle_sees_of_the_end(code: int, out: str, err: str, seen: str) -> None:
    case = Case("voc", ["loss"], [], {})
    said = broken_promises(case, Outcome(code, out.encode(), err.encode()), {}, {}, Limits())
    assert seen in "\n".join(said)


@pytest.mark.parametrize(
    ("form", "out"),
    [("sarif", '{"runs": [{}]}'), ("sarif", "{"), ("github", "::error file=a,b,title=x::y"), ("github", "x")],
)
def test_the_oracle_sees_of_formats(form: str, out: str) -> None:
    case = Case("voc", ["check"], [["--format", form]], {})
    assert broken_promises(case, Outcome(1, out.encode()), {}, {}, Limits())[0].startswith(form)


def test_what_a_pickle_does_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    real = torch.load
    case = Case("predictions", ["check", "preds.pt"], [], make_case(0, next(iter(_of("preds.pt"))), ["attacks"]).files)
    work = write_files(case, tmp_path)
    before = state(work)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(torch, "load", lambda *given, **named: real(*given, **{**named, "weights_only": False}))
    outcome = run_here(case.line, work)
    assert any(fault.startswith("executed") for fault in broken_promises(case, outcome, before, state(work), Limits()))


def _of(name: str) -> list[int]:
    """The attacks by pickles that files of that name hold."""
    return [number for number, (line, make) in enumerate(ATTACKS) if "_pickled" in make.__qualname__ and name in line]
