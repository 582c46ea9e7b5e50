"""The history of a run handed to programs that show trainings, by their own libraries."""

from __future__ import annotations

import contextlib
import importlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from ssdlossdbg.results import HistoryResult

# TensorBoard knows its files by the middle of the name; ours has one name, so that it is replaced.
EVENTS = "events.out.tfevents.0.ssdlossdbg"
# The first text in that file, by which it is known for ours.
FINDINGS = "ssdlossdbg/findings"
# Objects that are listed.
MOST_OBJECTS = 1000
# What of the objects goes into a table.
COLUMNS = ("name", "label_name", "side", "state", "reason", "seen", "best_iou", "shape_iou", "positives", "taken_name",
           "sure", "cost")  # fmt: skip


def check_library(option: str, name: str) -> None:
    """Make sure that the library of a tracker is there.

    Raises:
        InputError: it is not installed.
    """
    try:
        found = getattr(importlib.import_module(name), "__file__", None)
    except ImportError:
        found = None
    if found is None:  # a mere folder of that name, as wandb makes one, is taken for a package, too
        raise InputError(option, f"needs {name}, which is not installed", f"pip install 'ssdlossdbg[{name}]'")


def to_tensorboard(result: HistoryResult, folder: Path, writer: Writer) -> None:
    """Write the file of events that TensorBoard shows, in place of an earlier one of ours.

    Args:
        result: what `history` found.
        folder: that TensorBoard is given; it is made where it is not there.
        writer: of the file.

    Raises:
        InputError: the file is an input.
    """
    from torch.utils.tensorboard import SummaryWriter

    from ssdlossdbg.report.history.scalars import scalars
    from ssdlossdbg.report.outputs import render
    from ssdlossdbg.report.view import View

    with TemporaryDirectory() as scratch:
        # Its own thread writes: what was written is known once it is closed.
        with contextlib.closing(SummaryWriter(scratch)) as events:
            start = None if result.course is None else float(result.course.steps["time"][0])
            text = str(render(result, "md", View(top=MOST_OBJECTS)))
            events.add_text(FINDINGS, text, result.last_step, start)
            for line in scalars(result):
                tag = _tag(line.tag)
                for step, value, time in zip(line.step.tolist(), line.value.tolist(), line.time.tolist(), strict=True):
                    events.add_scalar(tag, value, step, time)
        [made] = Path(scratch).iterdir()
        writer.write(folder / EVENTS, made.read_bytes())


def to_wandb(result: HistoryResult, project: str, writer: Writer) -> None:
    """Log the history as a run of Weights & Biases: into a folder, unless the user's environment says otherwise.

    Args:
        result: what `history` found.
        project: that the run belongs to.
        writer: hears of the folder.

    Raises:
        InputError: the library refuses.
    """
    asked = bool(os.environ.get("WANDB_MODE"))
    if not asked:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its own faults it tells its makers over the network
    import wandb

    about = {name: getattr(result, name) for name in ("run", "criterion", "dialect", "steps", "epochs", "sampled")}
    try:
        run = wandb.init(
            project=project,
            name=Path(result.run).resolve().name,
            job_type="ssdlossdbg history",
            config=about,
            mode=None if asked else "offline",
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
        )
        with run:
            _log(result, run, wandb)
            if asked and run.settings.mode == "online":
                writer.written.append(str(run.url))
            else:
                writer.written.append(os.path.relpath(Path(run.dir).parent))
    except (wandb.Error, ValueError) as error:
        what = f"cannot be logged: {' '.join(str(error).split())}"
        raise InputError("--wandb", what.rstrip("."), "Say WANDB_MODE=offline, or mend what it says.") from None


def _log(result: HistoryResult, run: Any, wandb: Any) -> None:
    """Scalars in the order of steps, then the tables, and what was found in short."""
    from ssdlossdbg.report.history.scalars import scalars
    from ssdlossdbg.report.visible import shown

    result = shown(result)
    of_step: dict[int, dict[str, float]] = {}
    for line in scalars(result):
        for step, value in zip(line.step.tolist(), line.value.tolist(), strict=True):
            of_step.setdefault(step, {})[line.tag] = value
    for step in sorted(of_step):
        run.log(of_step[step], step=step)
    objects = [[getattr(each, name) for name in COLUMNS] for each in result.objects[:MOST_OBJECTS]]
    found = [
        [each.code, each.severity.value, case.where.place, case.message, case.fix]
        for each in result.findings
        for case in each.cases
    ]
    tables = {
        "objects": wandb.Table(columns=list(COLUMNS), data=objects),
        "findings": wandb.Table(columns=["code", "severity", "where", "message", "fix"], data=found),
    }
    run.log({name: table for name, table in tables.items() if table.data})
    run.summary["findings"] = ", ".join(each.code for each in result.findings) or "none"


def _tag(tag: str) -> str:
    """A tag of signs that TensorBoard keeps."""
    return "".join(sign if sign.isalnum() or sign in "-_./" else "_" for sign in tag)
