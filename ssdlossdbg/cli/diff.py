"""`ssdlossdbg diff`: what changed between two batches, runs, prior configs or versions of annotations, and why?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli import names
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import DatasetOptions, Device, Layout, Priors, Report, SavedRules
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.errors import EXIT_CLEAN, EXIT_FINDINGS, InputError
from ssdlossdbg.report.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssdlossdbg.api.diffs import Half


class Two(Group):
    """The two that are held against each other."""

    inputs: list[str] = argument(
        "A B",
        "Two captured batches, runs, prior configs (or presets), or versions of annotations; two files of predictions "
        "with --targets; or four files: PREDS_A TARGETS_A PREDS_B TARGETS_B.",
        autocompletion=names.presets,
    )


class Halves(Group):
    """What both have in common."""

    title = "What both go with"
    targets: Path | None = option("--targets FILE", "The targets of two files of predictions: of two checkpoints, say.")
    predictions: Path | None = option("--predictions FILE", "The predictions of two files of targets.")
    on: Path | None = option(
        "--on DATASET", "Of two prior configs, the data set on which to say what each wins and loses.", Role.DATASET
    )


class Ended(Group):
    """Whether a change makes the command fail."""

    title = "Exit code"
    fail_on_change: bool = option(
        "--fail-on-change/--no-fail-on-change", "Exit with 1 where the two differ.", default=True
    )


class DiffReport(Report):
    """How the report is written, and how long it is."""

    title = Report.title
    top: int | None = option("--top N", "How many groups, objects and priors to list.  [default: 10]", min=1)


@command
def diff(
    two: Two,
    halves: Halves,
    priors: Priors,
    rules: SavedRules,
    data: DatasetOptions,
    layout: Layout,
    device: Device,
    ended: Ended,
    report: DiffReport,
) -> None:
    """Say what changed from A to B, and which input or rule explains it.

    Of batches, each difference is taken from B into A alone: the one that gives B's loss explains it. Where nothing
    changed, one sentence says so, and the exit code is 0; else it is 1, as of other programs of this name.

    Example: ssdlossdbg diff runs/a/step0000340.safetensors runs/a/step0000341.safetensors
    """
    first, second = _sides(two.inputs)
    with progress("Comparing"):
        with quick_imports():
            from ssdlossdbg.api.diffs import diff as of_two
        result = of_two(
            first,
            second,
            targets=halves.targets,
            predictions=halves.predictions,
            on=halves.on,
            priors=priors.config,
            dialect=rules.dialect,
            classes=data.names,
            device=device.device,
            layout=layout.saved(priors),
            dataset_format=data.dataset_format,
        )
    then = () if result.same else _next(result.compared, two.inputs, halves, (priors, rules, data, layout, device))
    failed = ended.fail_on_change and not result.same
    deliver(result, report.format, view=View(report.top, next=then), exit_code=EXIT_FINDINGS if failed else EXIT_CLEAN)


def _next(compared: str, inputs: list[str], halves: Halves, groups: Sequence[Group]) -> tuple[str, ...]:
    """What shows B alone."""
    from ssdlossdbg.results.diff import ANNOTATIONS, PRIORS, RUNS

    second = inputs[-1]
    if compared == RUNS:
        return next_command("history", second, groups=groups)
    if compared == ANNOTATIONS:
        return next_command("check", second, groups=groups)
    if compared == PRIORS:
        return next_command(
            "anchors", "--config", second, groups=[each for each in groups if not isinstance(each, Priors)]
        )
    files: list[str | Path] = [*inputs[2:]] or [
        each for each in (halves.predictions, second, halves.targets) if each is not None
    ]
    return () if Path(files[0]).is_dir() else next_command("loss", *files, groups=groups)


def _sides(inputs: list[str]) -> tuple[Half | tuple[Half, Half], Half | tuple[Half, Half]]:
    """A and B.

    Raises:
        InputError: neither two nor four were given.
    """
    if len(inputs) == 2:
        return inputs[0], inputs[1]
    if len(inputs) == 4:
        return (inputs[0], inputs[1]), (inputs[2], inputs[3])
    count = "1 is given" if len(inputs) == 1 else f"{len(inputs)} are given"
    fix = "Give A and B, or four files: PREDS_A TARGETS_A PREDS_B TARGETS_B."
    raise InputError("diff", f"compares two, and {count}", fix)
