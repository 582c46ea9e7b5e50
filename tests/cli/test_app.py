"""The command as its user starts it: exit codes, streams, pipes, signals, encodings; and what never imports torch."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ssdlossdbg
from ssdlossdbg.cli.app import app
from ssdlossdbg.cli.process import run as run_here
from tests import warm
from tests.cli.test_explain import completing, in_a_process

COMMANDS = ("match", "loss", "anchors", "detect", "run")
START = (sys.executable, "-W", "error", "-m", "ssdlossdbg")
Ended = subprocess.CompletedProcess[str]
ROOT = str(Path(ssdlossdbg.__file__).parents[1])


def environment(**more: str) -> dict[str, str]:
    """This one's, with nothing in it about terminals, and this package first."""
    dropped = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "PYTHONIOENCODING", "_TYPER_COMPLETE_ARGS")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PYTHONPATH": ROOT, "PYTHONUTF8": "0", "LC_ALL": "C.UTF-8", **more}


def start(words: Sequence[object], **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, its output read by no terminal."""
    return warm.run([*START, *map(str, words)], env=environment(**more))


def here(words: Sequence[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ended:
    """Run the command in this process, as its own would; for what is the same in both."""
    monkeypatch.setattr(sys, "argv", ["ssdlossdbg", *words])
    code = run_here()
    assert isinstance(code, int)
    return Ended([], code, *capfd.readouterr())


@pytest.fixture
def cat(sample: Path) -> tuple[object, ...]:
    """The arguments for one match."""
    return ("match", sample / "cat.jpg", sample / "cat.xml", "--device", "cpu")


def imported(code: str, **more: str) -> tuple[str, set[str]]:
    """What a program prints, and which heavy packages it has imported by its end."""
    program = f"import sys\ntry:\n    {code}\nfinally:\n    print('|', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    out, _, modules = done.stdout.rpartition("|")
    return out, {"torch", "numpy", "PIL", "msgspec"} & set(modules.split())


MAIN = "sys.argv[1:] = {}; from ssdlossdbg.cli.app import app; app(prog_name='ssdlossdbg')"
EVERY_HELP = """
    from typer.testing import CliRunner
    from ssdlossdbg.cli.app import app
    for words in {}: print(CliRunner().invoke(app, words).output, end="\\0")
"""


def test_help_imports_nothing_heavy() -> None:
    words = [["--help"], ["-h"], *([name, "--help"] for name in COMMANDS)]
    out, heavy = imported(EVERY_HELP.format(words).strip())
    pages = out.split("\0")[:-1]
    assert len(pages) == len(words)
    assert all(page.startswith("Usage: ssdlossdbg ") for page in pages)
    assert heavy == set()


def test_version_imports_nothing_heavy() -> None:
    out, heavy = imported(MAIN.format(["--version"]))
    assert out == f"ssdlossdbg {ssdlossdbg.__version__}\n"
    assert heavy == set()


def test_completion_imports_nothing_heavy() -> None:
    offered = {"ma": "match", "match --conf": "--config", "run --sp": "--spike"}
    for name, (out, heavy) in zip(offered.values(), in_a_process(*map(completing, offered)), strict=True):
        assert name in out
        assert heavy == set()


def test_the_guard_sees_what_is_heavy() -> None:
    assert "numpy" in imported("import ssdlossdbg.results.audit")[1]


def test_importing_the_package_is_light() -> None:
    assert imported("import ssdlossdbg")[1] == set()


def test_every_command_is_listed_with_a_whole_sentence() -> None:
    text = CliRunner().invoke(app, ["--help"]).stdout
    for command in COMMANDS:
        line = next(line for line in text.splitlines() if line.split()[:1] == [command])
        assert line.endswith(".")
        assert not line.endswith("...")


@pytest.mark.parametrize("words", [[], ["--help"], ["frob"], ["match"], ["match", "--frob"]])
def test_help_and_usage_fit_80_columns_without_colour(
    words: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = start(words, COLUMNS="80") if words == ["match", "--frob"] else here(words, capfd, monkeypatch)
    text = done.stdout + done.stderr
    assert done.returncode == (0 if "--help" in words else 2)
    assert text.strip()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    "words", [["match", "one"], ["frob"], ["anchors", "--format", "yaml"], ["detect", "a", "b", "c"]]
)
def test_bad_usage_goes_to_stderr(
    words: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = start(words) if words == ["frob"] else here(words, capfd, monkeypatch)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: ssdlossdbg" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_clean_run(cat: tuple[object, ...]) -> None:
    command = [*START, *map(str, cat)]
    more = environment(COLUMNS="80")
    done = subprocess.run(command, env=more, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0
    assert set(done.stderr.splitlines()) <= {"Matching ..."}
    assert done.stdout.partition("Next:")[0].endswith("Wrote cat.match.png\n")
    assert "\x1b" not in done.stdout, "no colours where nobody sees them"
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_bad_input(folder: Path) -> None:
    done = start(["explain", "BOX000"])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "BOX000" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []


def test_traceback_on_demand() -> None:
    done = start(["dialects", "away.toml", "--traceback"])
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback (most recent call last):" in done.stderr
    assert "read_bytes" in done.stderr
    assert "away.toml: no such file" in done.stderr


def test_forced_colour_and_no_colour() -> None:
    codes, colour = re.compile(r"\x1b\[[0-9;]*m"), re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    words, terminal = ["explain"], {"COLUMNS": "80", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    plain, coloured = start(words, COLUMNS="80"), start(words, **terminal)
    assert not codes.search(plain.stdout)
    assert colour.search(coloured.stdout), "a red severity"
    assert codes.sub("", coloured.stdout) == plain.stdout
    assert not colour.search(start(words, **terminal, NO_COLOR="1").stdout)


@pytest.mark.parametrize("width", [60, 200])
def test_the_width_of_the_terminal_is_kept(width: int) -> None:
    text = CliRunner().invoke(app, ["anchors", "--list"], env={"COLUMNS": str(width)}).stdout
    assert max(map(len, text.splitlines())) <= width


def test_a_terminal_that_knows_only_ascii(photo: Callable[..., Path], annotation: Callable[..., Path]) -> None:
    image, boxes = photo("ü.png"), annotation([("naïve 猫", (1, 1, 50, 50))])
    Path("mine.toml").write_text('base = "caffe"\ncodebase = "naïve 猫"\n', encoding="utf-8")
    done = start(["dialects", "mine.toml"], PYTHONIOENCODING="ascii", COLUMNS="80")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "na?ve" in done.stdout
    words = ["match", str(image), str(boxes), "--no-overlay", "--format", "json"]
    assert r"na\u00efve \u732b" in CliRunner("ascii").invoke(app, words).stdout, "JSON loses nothing"
    done = start(["explain", "nö"], PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert r"n\xf6" in done.stderr


needs_posix = pytest.mark.skipif(os.name != "posix", reason="pipes, signals and devices of POSIX")


# A file that takes for ever, and says when it has begun to.
SLOW = """
import time
from ssdlossdbg.__main__ import main
from ssdlossdbg.readers import files

def open_file(*_words):
    print("opened", flush=True)
    time.sleep(120)

files.open_file = open_file
main()
"""


@needs_posix
def test_interrupted(folder: Path) -> None:
    words = [sys.executable, "-c", SLOW, "dialects", "caffe"]
    child = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "opened\n"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (child.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in err
    assert not list(folder.iterdir())


@needs_posix
@pytest.mark.parametrize(("words", "code"), [(["explain"], 0), (["check", "a.xml", "--format", "json"], 1)])
def test_a_reader_that_goes_away(annotation: Callable[..., Path], words: list[str], code: int) -> None:
    annotation([("cat", [1, 1, 1, 50])]).rename("a.xml")
    read, write = os.pipe()
    os.close(read)  # as `| head` does once it has seen enough
    with os.fdopen(write, "wb") as pipe:
        done = warm.run([*START, *words], env=environment(), stdout=pipe)
    assert done.returncode == code, "what was found decides"
    assert all(line.startswith(("Loading torch", "Checking")) for line in done.stderr.splitlines())


@needs_posix
def test_head() -> None:
    command = " ".join([*map(str, START), "anchors", "--list", "|", "head", "-1"])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env=environment(COLUMNS="80"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("preset ")
    assert done.stdout.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("format", ["text", "json"])
def test_a_full_disk(format: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = warm.run([*START, "explain", "--format", format], env=environment(), stdout=full)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: the system says: No space left on device.")
    assert "Exception ignored" not in done.stderr
    assert "Traceback" not in done.stderr
