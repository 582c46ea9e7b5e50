"""`ssdlossdbg loss`: what is my loss made of, and which negatives were mined?"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import (
    Batch,
    Device,
    Findings,
    Layout,
    Names,
    PageReport,
    Pictures,
    Priors,
    SavedRules,
    Threshold,
)
from ssdlossdbg.cli.losses import ONE_BATCH, OfSet, show_losses
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, argument, option
from ssdlossdbg.cli.pages import is_page
from ssdlossdbg.cli.pictures import load_photos, write_pictures
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.streams import say_note
from ssdlossdbg.cli.swapped import either_way
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import InputError, SeveralBatchesError
from ssdlossdbg.report.outputs import PAGE
from ssdlossdbg.report.view import View

if TYPE_CHECKING:
    from ssdlossdbg.results import Said


class Batches(Batch):
    """A saved batch, or several."""

    predictions: Path = argument(
        "PREDS", "Saved loc and conf, with or without priors; a captured batch; or the folder of a run, of all batches."
    )
    more: list[Path] | None = argument("[MORE]...", "More batches: of many files, all are looked at.", default=None)

    @property
    def paths(self) -> list[Path]:
        """All files and folders, in order."""
        return [self.predictions, *([self.targets] if self.targets else []), *(self.more or ())]

    @property
    def several(self) -> bool:
        """Whether they are surely several batches: a folder, or more files than one has."""
        return len(self.paths) > 2 or any(path.is_dir() for path in self.paths)


class LossRules(Threshold, SavedRules):
    """Whose rules to follow, and where to match, mine and weigh otherwise."""

    neg_pos: float | None = option("--neg-pos RATIO", "Negatives mined per positive, over the dialect's.", min=0.0)
    alpha: float | None = option("--alpha WEIGHT", "Weight of the localisation loss, over the dialect's.", min=0.0)
    weights: Path | None = option(
        "--weights FILE", "A state dict, for the weight decay that some dialects add to the loss."
    )


class Printed(Group):
    """What the training printed for this batch, to be held against what is computed."""

    title = "The loss that training printed"
    printed: str | None = option("--printed TOTAL", "The total, with as many digits as were printed.")
    printed_loc: str | None = option("--printed-loc VALUE", "The localisation loss.")
    printed_conf: str | None = option("--printed-conf VALUE", "The confidence loss.")

    @property
    def said(self) -> Said | None:
        """What was printed; None where nothing was given.

        Raises:
            InputError: something that is no number.
        """
        if not (self.printed or self.printed_loc or self.printed_conf):
            return None
        from ssdlossdbg.results import Recorded, Said

        given = [(self.printed, ""), (self.printed_loc, "-loc"), (self.printed_conf, "-conf")]
        total, localization, confidence = (_printed(text, f"--printed{part}") for text, part in given)
        if total[0] is None and localization[0] is not None and confidence[0] is not None:
            total = localization[0] + confidence[0], localization[1] + confidence[1]
        values, roundings = zip(total, localization, confidence, strict=True)
        return Said(Recorded(*values), Recorded(*roundings))


def _printed(text: str | None, where: str) -> tuple[float | None, float]:
    """A printed number, and half a unit of its last digit."""
    if text is None:
        return None, 0.0
    try:
        value = float(text)
    except ValueError:
        raise InputError(where, f"is {text!r}, which is no number", "Write it as it was printed: 14.5329.") from None
    mantissa, _, exponent = text.strip().lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return value, 0.5 * 10.0 ** ((int(exponent) if exponent else 0) - decimals) if math.isfinite(value) else 0.0


class LossReport(PageReport):
    """How the report is written, and how long it is."""

    top: int = option("--top N", "How many objects and negatives to list.", default=10, min=1)


@command
def loss(
    batch: Batches,
    priors: Priors,
    rules: LossRules,
    printed: Printed,
    naming: Names,
    layout: Layout,
    device: Device,
    pictures: Pictures,
    of_set: OfSet,
    findings: Findings,
    report: LossReport,
    writer: Writer,
) -> None:
    """Show what the loss of a saved batch is made of.

    It is split by image, level, class, object and coordinate, and the mined negatives are listed. PREDS may be a
    captured batch, which needs no TARGETS. Of the folder of a run, or of many files, it shows which images and objects
    cost most over all batches.

    Example: ssdlossdbg loss preds.pt targets.pt
    """
    chosen, groups = of_set.one_of(batch.predictions), (priors, rules, naming, layout, device)
    shared: dict[str, Any] = {
        "priors": priors.config,
        "dialect": rules.dialect,
        "classes": naming.names,
        "threshold": rules.threshold,
        "neg_pos": rules.neg_pos,
        "alpha": rules.alpha,
        "device": device.device,
        "layout": layout.saved(priors),
    }
    shown = report.format, report.top, pictures.output
    of_many = partial(show_losses, batch.paths, shared, of_set, findings, writer, shown, groups)
    if of_set.asked and (beside := "--weights" if rules.weights else "--image" if pictures.image else ""):
        what = "is of one batch, and --csv, --csv-images, --gallery and --photos are of a set"
        raise InputError(beside, what, "Leave one of them out.")
    several = chosen is None and (batch.several or of_set.asked)
    if several:
        _refuse_printed(printed, batch.paths)
    of_one = "" if of_set.asked or len(batch.paths) > 1 else _of_one_batch(pictures, rules, report.format)
    if several and of_one:
        say_note(f"{of_one} is of one batch: this is the one that --worst shows.")
    elif several:
        of_many()
        return
    with progress("Computing the loss"):
        with quick_imports():
            from ssdlossdbg.api import batches
        view = View(report.top, photos=load_photos(pictures, report.format))
        run = partial(
            batches.loss,
            **shared,
            images=pictures.image or (),
            weights=rules.weights,
            printed=printed.said,
            detail=report.format == PAGE or is_page(pictures.output),
        )
        result = None
        with contextlib.suppress(SeveralBatchesError):
            result = findings.choose(either_way(run, chosen or batch.predictions, batch.targets))
            write_pictures(result, pictures.output, "loss", view, writer)
    if result is None:
        _refuse_printed(printed, batch.paths)
        of_many()
        return
    files = (chosen or batch.predictions, batch.targets)
    # A loss that is inf or nan detects nothing worth looking at.
    then = next_command("detect" if math.isfinite(result.loss.total) else "check", *files, groups=groups)
    deliver(result, report.format, findings, files=writer.written, view=replace(view, next=then))


def _of_one_batch(pictures: Pictures, rules: LossRules, format: str) -> str:
    """An option that was given and is of one batch alone; empty where none was."""
    told: dict[str, object] = {"--image": pictures.image, "-o": pictures.output, "--weights": rules.weights}
    told["--format html"] = format == PAGE
    return next((name for name, value in told.items() if value), "")


def _refuse_printed(printed: Printed, paths: Sequence[Path]) -> None:
    """Refuse what was printed for one batch.

    Raises:
        InputError: it was given, and there are several.
    """
    given = next((f"--{name.replace('_', '-')}" for name, value in vars(printed).items() if value), None)
    if given is not None:
        why = "a folder has one for each file" if len(paths) == 1 else "several are named"
        raise InputError(given, f"is the loss of one batch, and {why}", ONE_BATCH)
