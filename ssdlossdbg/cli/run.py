"""`ssdlossdbg run`: a training script, untouched, whose batch that goes wrong is saved."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.groups import FailOn
from ssdlossdbg.cli.options import Group, argument, option
from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from ssdlossdbg.live.launch import Program

OnError = StrEnum("OnError", ["SAVE", "IGNORE"])
DEFAULT_RUN = Path("ssdlossdbg-run")
INTERPRETER = ("python", "python3", "pypy")
LAUNCHING = {"torchrun": "torch.distributed.run"}


class Script(Group):
    """What to run."""

    words: list[str] = argument("SCRIPT [ARGS]...", "The script, or with -m the module, and its own arguments.")
    module: bool = option("-m", "SCRIPT is the name of a module, as in `python -m`.", default=False)


class Captured(Group):
    """What is saved of its training."""

    title = "What is saved"
    run: Path = option("-o --output RUN", "The folder to write to.", default=DEFAULT_RUN)
    spike: float = option(
        "--spike TIMES",
        "Save a batch whose loss is so many times the running median; 0 for never.",
        default=2.0,
        min=0.0,
    )
    every: int = option("--every N", "Save each Nth step, too; 0 for none.", default=0, min=0)
    ring: int = option(
        "--ring N", "How many batches are held, to save those before one that goes wrong.", default=3, min=1
    )
    on_error: OnError = option("--on-error", "What to do with a batch on which the loss raises.", default=OnError.SAVE)
    copy: bool = option(
        "--copy/--no-copy", "Hold copies, for code that changes predictions in place after the loss.", default=False
    )
    validation: bool = option("--validation/--no-validation", "Look at calls without gradients, too.", default=False)
    history: bool = option(
        "--history/--no-history", "Keep a history of the training, for `ssdlossdbg history RUN`.", default=False
    )
    most_bytes: int = option(
        "--most-bytes N", "How much the files of the folder may hold together.", default=4_000_000_000, min=1
    )
    identify: bool = option(
        "--identify/--no-identify",
        "Run a copy of the loss on small cases at its first step, where nobody can notice, to see whose it is.",
        default=True,
    )

    fail_on: FailOn = option(
        "--fail-on", "Exit with 1 where a finding in what was seen is as grave as this.", default=FailOn.NEVER
    )
    worker: bool = option(
        "--worker", "One of several, started by a launcher that speaks for all.", default=False, hidden=True
    )

    @property
    def words(self) -> list[str]:
        """The same as the command line of a worker says it."""
        switches = [("--copy", self.copy), ("--validation", self.validation), ("--no-identify", not self.identify)]
        switches += [("--history", self.history), ("--worker", True)]
        values = [("-o", self.run.resolve()), ("--spike", self.spike), ("--every", self.every), ("--ring", self.ring)]
        values += [("--on-error", self.on_error.value), ("--most-bytes", self.most_bytes)]
        return [text for name, value in values for text in (name, str(value))] + [name for name, on in switches if on]


@command
def run(script: Script, captured: Captured) -> Callable[[], None]:
    """Run a training script, and save the batch that goes wrong.

    Nothing in the script is changed: its loss is recognised as its class is defined, and saved is what
    `ssdlossdbg.capture` would save. Options come before SCRIPT; what follows it is the script's own. The exit code is
    the script's; where that is 0, --fail-on may make it 1, or 2 where there is nothing to judge.

    Example: ssdlossdbg run -o runs/a -- train.py --epochs 3
    """
    from ssdlossdbg.live.children import LAUNCHERS, behind_launcher
    from ssdlossdbg.live.launch import Launch, Program, Says
    from ssdlossdbg.live.options import Options
    from ssdlossdbg.live.verdict import Gate

    program = _program(script)
    speaks = not captured.worker and os.environ.get("RANK", "0") == "0"
    gated = speaks and captured.fail_on is not FailOn.NEVER
    gate = Gate(captured.fail_on.value, captured.history) if gated else None
    if captured.run.exists() and not captured.run.is_dir():
        raise InputError(captured.run, "is no folder", "Give -o the name of a folder, which need not exist.")
    if program.is_module and program.name in LAUNCHERS:
        args = behind_launcher(program.name, program.args, captured.words)
        if args is not None:
            return Launch(Program(program.name, tuple(args), True), Options(), captured.run, Says.IF_SAVED, gate)
    options = Options(
        spike=captured.spike,
        every=captured.every,
        ring=captured.ring,
        on_error=captured.on_error.value,
        copy=captured.copy,
        validation=captured.validation,
        most_bytes=captured.most_bytes,
        identify=None if captured.identify else False,
        history=captured.history,
    )
    says = Says.IF_NOT_SAVED if captured.worker else Says.ALWAYS
    rank = os.environ.get("RANK", "0")
    return Launch(program, options, captured.run, says if rank == "0" else Says.NEVER, gate)


def _program(script: Script) -> Program:
    """What the words name.

    Raises:
        InputError: nothing that can be run.
    """
    from ssdlossdbg.live.launch import Program

    name, *args = script.words
    if name == "-m" and not script.module and args:  # behind `--`
        return Program(args[0], tuple(args[1:]), True)
    if script.module:
        return Program(name, tuple(args), True)
    if Path(name).exists():
        return Program(name, tuple(args))
    stem = Path(name).name
    if stem in LAUNCHING:
        return Program(LAUNCHING[stem], tuple(args), True)
    if stem.rstrip("0123456789.") in INTERPRETER:
        raise InputError(
            name, "is no script but an interpreter", "Leave it out: ssdlossdbg run -- train.py, or -m MODULE."
        )
    if shutil.which(name):
        raise InputError(
            name, "is a program, not a script in this folder", "Give a file of Python, or a module by -m MODULE."
        )
    raise InputError(name, "there is no such file", "Give the script as you give it to python, or a module by -m.")
