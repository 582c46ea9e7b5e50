"""`ssdlossdbg anchors`: what do my priors look like?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli import names
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.fit import Fit, show_fit
from ssdlossdbg.cli.groups import DatasetOptions, Findings, MatchRules, Priors, Report
from ssdlossdbg.cli.next_command import explained, next_command
from ssdlossdbg.cli.options import Group, Role, argument, option
from ssdlossdbg.cli.places import file_at
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.view import View

if TYPE_CHECKING:
    from ssdlossdbg.results import AnchorsResult


class Listing(Group):
    """Which priors, or whether only the presets are asked for."""

    preset: str | None = argument("[PRESET]", "The same as --config.", default=None, autocompletion=names.presets)

    list_presets: bool = option("--list", "List every preset and exit.", default=False)


class AnchorsReport(Report):
    """How the report is written, and the files beside it."""

    image: Path | None = option("--image PHOTO", "Draw the priors on this photo.")
    output: Path | None = option(
        "-o --output FILE|DIR|-",
        "Draw a picture: a .png, .jpg or .webp, a folder, or - for stdout. Of --fit, write the config (.toml).",
        Role.OUTPUT_FILE,
    )
    dump: Path | None = option(
        "--dump NPY", "Write the priors: float32 [P, 4], cx cy w h, normalised.", Role.OUTPUT_FILE
    )


@command
def anchors(
    listing: Listing,
    priors: Priors,
    rules: MatchRules,
    fit: Fit,
    naming: DatasetOptions,
    findings: Findings,
    report: AnchorsReport,
    writer: Writer,
) -> None:
    """Show the priors of a config, level by level.

    It shows their shapes and reach, and the object sizes they cannot learn. With --fit, it proposes others that more
    objects of a dataset reach.

    Example: ssdlossdbg anchors --config ssd300 -o priors.png
    """
    if listing.preset is not None and priors.config is not None:
        what = f"names priors, and so does {listing.preset}"
        raise InputError("--config", what, "Leave one of the two out.")
    if listing.preset is not None:
        priors = priors.of(listing.preset)
    if listing.list_presets:
        _list(report)
        return
    _refuse_together(fit, report)
    if fit.dataset is not None:
        show_fit(fit, priors, rules, naming, report.format, report.output, writer)
        return
    if report.image is not None and report.output is None:
        what = "is the ground of a picture, and none is asked for"
        raise InputError("--image", what, "Add -o FILE.png, or leave it out.")
    place = file_at(report.output, "priors.png") if report.output else None
    with progress("Generating the priors"):
        with quick_imports():
            from ssdlossdbg.api import photos
        result = findings.choose(photos.anchors(priors.load(), rules.dialect, threshold=rules.threshold))
        for path, content in list(_outputs(result, report, place)):  # all made, before one is written
            writer.write(path, content)
    if report.output is None:
        then = next_command("anchors", "-o", "priors.png", groups=(priors, rules))
    else:
        then = explained(result.findings) or next_command("anchors", "--list")
    deliver(result, report.format, findings, files=writer.written, view=View(next=then))


def _outputs(result: AnchorsResult, report: AnchorsReport, place: Path | None) -> Iterator[tuple[Path, bytes]]:
    """The files asked for, and what is to be in them.

    Raises:
        InputError: both are the same file, or the photo cannot be read.
    """
    if report.dump is not None:
        yield report.dump, _npy(result.boxes)
    if place is not None:
        from ssdlossdbg.readers.photos import load_photo
        from ssdlossdbg.report.canvas import picture_file
        from ssdlossdbg.report.outputs import draw

        picture = draw(result, load_photo(report.image).image if report.image else None)
        yield place, picture_file(picture, place.suffix)


def _refuse_together(fit: Fit, report: AnchorsReport) -> None:
    """Refuse options that only the description of priors has, or only --fit.

    Not those that other commands have too, which the project's defaults may set.

    Raises:
        InputError: such an option was given.
    """
    fitting = {"--levels": fit.levels, "--budget": fit.budget}
    showing = {"--image": report.image, "--dump": report.dump}
    given = [name for name, value in (showing if fit.dataset else fitting).items() if value is not None]
    if given and fit.dataset:
        raise InputError(given[0], "says how to show priors, and --fit proposes some", "Leave one of the two out.")
    if given:
        raise InputError(given[0], "says how to fit priors, and nothing is to be fitted", "Add --fit DATASET.")


def _list(report: AnchorsReport) -> None:
    from ssdlossdbg.readers.prior_configs import load_prior_config, preset_names
    from ssdlossdbg.results import Presets, PresetSummary

    configs = [load_prior_config(name) for name in preset_names()]
    presets = [PresetSummary(c.name, c.title, c.codebase, c.aliases, c.spec.image_size, c.spec.count) for c in configs]
    deliver(
        Presets(tuple(presets)), report.format, view=View(next=next_command("anchors", "--config", configs[0].name))
    )


def _npy(array: object) -> bytes:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array, dtype=np.float32))
    return buffer.getvalue()
