"""`ssdlossdbg run`: a script is run as Python runs it, which is what these tests hold it against."""

from __future__ import annotations

import os
import re
import runpy
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg.cli.worker import rearranged
from ssdlossdbg.live.children import behind_launcher
from tests import warm

ROOT = Path(ssdlossdbg.__file__).parents[1]
CLOSING = re.compile(r"^ssdlossdbg: .*\n", re.MULTILINE)
Ended = subprocess.CompletedProcess[str]

FACTS = """
import atexit, inspect, os, pickle, sys, threading
import multiprocessing as mp
import beside

class Thing:
    pass

def double(number):
    return 2 * number

print("run as", __name__, flush=True)  # a pool ends its processes before they print what they hold
if __name__ == "__main__":
    me = sys.modules["__main__"]
    print(sys.argv, sys.path[0], globals() is vars(me), sorted(vars(me))[:12])
    print(__file__, __package__, __spec__ and (__spec__.name, __spec__.parent), __builtins__.__name__, beside.__file__)
    print(type(pickle.loads(pickle.dumps(Thing()))) is Thing, inspect.getsource(double), sys.stdin.read())
    atexit.register(print, "last")
    atexit.register(print, "before the last")
    threading.Thread(target=lambda: (threading.main_thread().join(), print("a thread"))).start()
    with mp.get_context("spawn").Pool(1) as pool:
        print(pool.map(double, [1, 2]))
"""
ENDINGS = {
    "code": "import sys; sys.exit(3)",
    "text": "import sys; sys.exit('goodbye')",
    "none": "raise SystemExit",
    "raised": "def f():\n    raise ValueError\ntry:\n    f()\nexcept ValueError as e:\n    raise KeyError(1) from e",
    "syntax": "x = (1,\n  2",
    "hook": "import sys\nsys.excepthook = lambda *a: print('mine', a[1], a[2].tb_lineno)\nraise ValueError('wrong')",
    "ctrl-c": "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)",
    "os._exit": "import atexit, os; atexit.register(print, 'never'); os._exit(4)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "main": "import unittest.mock, sys\nassert __import__('__main__').x == 1 if 'x' in globals() else True\nx = 1",
}


def environment() -> dict[str, str]:
    """This one's, with this package first, and nothing that says how a command behaves."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONSAFEPATH", "RANK", "WORLD_SIZE")}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def start(words: Sequence[str], folder: Path, text: str = "") -> Ended:
    """Run Python with these words."""
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=folder, env=environment(), input=text, capture_output=True, text=True, check=False, timeout=120
    )


def run(words: Sequence[str], folder: Path, text: str = "") -> Ended:
    """Run a program by `run`."""
    return start(by_run(words, folder), folder, text)


def by_run(words: Sequence[str], folder: Path) -> list[str]:
    """What Python is given to run a program by `run`."""
    return ["-m", "ssdlossdbg", "run", "--no-identify", "-o", str(folder / "run"), "--", *words]


def start_warm(words: Sequence[str], folder: Path) -> Ended:
    """Run Python with these words, where torch is imported already."""
    return warm.run([sys.executable, *words], cwd=folder, env=environment())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A script beside a module, in a folder; the same as a module of a package."""
    for name in ("here", "here/package"):
        (tmp_path / name).mkdir()
    here = tmp_path / "here"
    for file in ("script.py", "package/train.py"):
        (here / file).write_text(FACTS)
    for file in ("beside.py", "package/__init__.py"):
        (here / file).write_text("")
    (tmp_path / "linked.py").symlink_to(here / "script.py")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["here/script.py", "--help", "-x", "--", "a b"], "."),
        (["./script.py"], "here"),
        (["linked.py"], "."),
        (["-m", "package.train", "-m", "--every"], "here"),
    ],
)
def test_a_program_finds_all_as_python_gives_it(words: list[str], folder: str, project: Path) -> None:
    wanted = start(words, project / folder, "from stdin")
    assert wanted.returncode == 0, wanted.stderr
    got = run(words, project / folder, "from stdin")
    assert got.stdout == wanted.stdout
    assert got.stdout.endswith("a thread\nbefore the last\nlast\n")
    assert got.returncode == 0
    (said,) = CLOSING.findall(got.stderr)
    assert "no SSD loss was seen: torch was not imported, and only" in said
    assert got.stderr.replace(said, "") == wanted.stderr
    assert not (project / folder / "run").exists()


def test_a_program_starts_with_nothing_heavy_imported(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import sys; print({'torch', 'numpy', 'PIL', 'rich'} & set(sys.modules))")
    assert run(["script.py"], tmp_path).stdout == "set()\n"


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_program_ends_as_it_ends_by_python(ending: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(ENDINGS[ending])
    wanted, got = start(["script.py"], tmp_path), run(["script.py"], tmp_path)
    assert got.returncode == wanted.returncode
    assert got.stdout == wanted.stdout
    said = CLOSING.findall(got.stderr)
    assert CLOSING.sub("", got.stderr) == wanted.stderr
    assert len(said) == (ending not in ("os._exit", "killed"))


def test_a_folder_an_archive_and_a_compiled_file(project: Path) -> None:
    (project / "folder").mkdir()
    (project / "folder/__main__.py").write_text("import sys; print(sys.argv, __name__, __spec__.name, sys.path[0])")
    with zipfile.ZipFile(project / "app.zip", "w") as archive:
        archive.writestr("__main__.py", "import sys, beside; print(sys.argv, __name__, beside.__name__)")
        archive.writestr("beside.py", "")
    (project / "plain.py").write_text("print(__name__, 1)")
    start(["-c", "import py_compile; py_compile.compile('plain.py', 'plain.pyc')"], project)
    for words in (["folder", "x"], ["app.zip", "x"], ["plain.pyc"]):
        wanted = start(words, project)
        assert wanted.returncode == 0
        assert run(words, project).stdout == wanted.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["nothing.py"],
            "nothing.py: there is no such file. Give the script as you give it to python, or a module by -m.",
        ),
        (["python", "train.py"], "python: is no script but an interpreter. Leave it out: ssdlossdbg run -- train.py"),
        (["ls", "train.py"], "ls: is a program, not a script in this folder. Give a file of Python, or a module by"),
        (["-o", "file", "script.py"], "file: is no folder. Give -o the name of a folder"),
        (["--spike", "0.5", "script.py"], "spike: is 0.5. Say how many times the usual loss is too much, or 0"),
    ],
)
def test_what_cannot_be_run(words: list[str], said: str, folder: Path, refused: Callable[..., str]) -> None:
    for name in ("script.py", "file"):
        (folder / name).write_text("print('ran')")
    assert refused("run", *words).startswith(f"error: {said}")


@pytest.mark.parametrize(
    ("module", "given", "made"),
    [
        ("torch.distributed.run", "--nproc-per-node 2 train.py --lr 1", "--nproc-per-node 2 -m {} -- train.py --lr 1"),
        ("torch.distributed.launch", "train.py -m 3", "-m {} -- train.py -m 3"),
        ("torch.distributed.run", "--standalone -m a.train x", "--standalone -m {} -m -- a.train x"),
        ("torch.distributed.run", "--no-python ./train.sh", None),
        ("torch.distributed.run", "--nproc-per-node", None),
        ("torch.distributed.run", "--help", None),
    ],
)
def test_a_launcher_starts_us_in_the_place_of_the_script(module: str, given: str, made: str | None) -> None:
    got = behind_launcher(module, given.split(), ["-o", "runs/a"])  # which starts nothing itself
    assert got == (None if made is None else made.format("ssdlossdbg.cli.worker -o runs/a").split())


def test_the_rank_that_a_launcher_puts_first_is_the_scripts() -> None:
    given = ["-o a -- train.py --lr 1", "--local-rank=1 -o a -- t.py x", "--local_rank=1 -m -- a.t"]
    made = ["run -o a -- train.py --lr 1", "run -o a -- t.py --local-rank=1 x", "run -m -- a.t --local_rank=1"]
    assert [" ".join(rearranged(each.split())) for each in given] == made


# The training that the manual's page shows the end of; what it prints tells whether anything in it went another way.
TRAINING = """
import atexit, sys, torch
from torch import nn

class MultiBoxLoss(nn.Module):
    def forward(self, predictions, targets):
        loc, conf, priors = predictions
        if torch.isnan(loc).all() and "--raise" in sys.argv:
            raise ValueError("the network has gone")
        return loc.square().mean() + 0 * targets[0].sum(), conf.square().mean()

def train(number):
    torch.manual_seed(number)
    criterion, weight = MultiBoxLoss(), nn.Parameter(torch.ones(1))
    for step in range(5):
        loc, conf = torch.randn(2, 8, 4) * weight, torch.randn(2, 8, 3) * weight
        scale = float("nan") if step == 3 else 1.0
        loss = sum(criterion((loc * scale, conf, torch.rand(8, 4)), [torch.tensor([[0.1, 0.1, 0.6, 0.6, 0.0]])] * 2))
        loss.backward()
        print(step, loss.item(), flush=True)

if __name__ == "__main__":
    atexit.register(print, "done")
    if "--spawn" in sys.argv:
        import torch.multiprocessing as mp
        mp.spawn(train, nprocs=1)
    else:
        train(0)
"""


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """A folder with a script that trains."""
    (tmp_path / "train.py").write_text(TRAINING)
    return tmp_path


def test_the_end_of_a_training_is_as_the_manual_shows_it(training: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(training / "train.py"))["train"](0)
    got = start_warm(["-m", "ssdlossdbg", "run", "-o", "runs/a", "--", "train.py"], training)
    assert (got.returncode, got.stdout) == (0, capsys.readouterr().out + "done\n")
    assert got.stderr in (ROOT / "ssdlossdbg/manual/run.md").read_text()
    saved = {file.name for file in (training / "runs/a").iterdir()}
    assert saved == {"run.json", *(f"step000000{step}.safetensors" for step in (1, 2, 3, 4))}
    assert ssdlossdbg.loss(training / "runs/a/step0000003.safetensors").step == 3


def test_a_loss_that_raises_leaves_a_traceback_without_our_frames(training: Path) -> None:
    got = start_warm(by_run(["train.py", "--raise"], training), training)
    assert got.returncode == 1
    files = re.findall(r'^  File "(.*)", line', got.stderr, flags=re.MULTILINE)
    assert [file.rpartition("/")[2] for file in files] == ["train.py", "train.py", "module.py", "module.py", "train.py"]
    (said,) = CLOSING.findall(got.stderr)
    assert "step 3, where the loss raised ValueError: the network has gone, and 2 before it" in said


def test_ctrl_c_saves_the_last_batch_and_ends_by_the_signal(training: Path) -> None:
    with (training / "train.py").open("a") as script:
        script.write("    import os, signal; os.kill(os.getpid(), signal.SIGINT); train(0)\n")
    got = start_warm(by_run(["train.py"], training), training)
    assert got.returncode == -signal.SIGINT
    assert got.stderr.count("KeyboardInterrupt") == 1
    (said,) = CLOSING.findall(got.stderr)
    assert "; step 4, the last before Ctrl-C. ssdlossdbg loss " in said


def test_a_process_that_the_script_starts_is_looked_at_too(training: Path) -> None:
    got = start_warm(by_run(["train.py", "--spawn"], training), training)
    assert got.returncode == 0, got.stderr
    (said,) = CLOSING.findall(got.stderr)
    (folder,) = (training / "run").iterdir()
    assert folder.name.startswith("process-")
    assert "(__mp_main__.MultiBoxLoss, as ssd.pytorch, 5 steps) holds step 3, where the loss is nan" in said
    assert f"ssdlossdbg loss {folder}/step0000003.safetensors explains step 3." in said
