"""`ssdlossdbg anchors`: what do my priors look like?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.fit import Fit, show_fit
from ssdlossdbg.cli.groups import (
    OUTPUT,
    DatasetOptions,
    Findings,
    Format,
    FormatOption,
    MatchRules,
    Priors,
)
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.streams import say_warning
from ssdlossdbg.cli.writing import Role, Writer
from ssdlossdbg.errors import InputError


@command
def anchors(
    priors: Priors,
    rules: MatchRules,
    fit: Fit,
    naming: DatasetOptions,
    findings: Findings,
    writer: Writer,
    list_presets: Annotated[bool, typer.Option("--list", help="List every preset and exit.")] = False,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="PHOTO", help="Draw the priors on this photo.", rich_help_panel=OUTPUT),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Draw a picture (PNG); of --fit, write the config (TOML).",
            rich_help_panel=OUTPUT,
        ),
        Role.OUTPUT_FILE,
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option(
            "--dump",
            metavar="NPY",
            help="Write the priors: float32 [P, 4], cx cy w h, normalised.",
            rich_help_panel=OUTPUT,
        ),
        Role.OUTPUT_FILE,
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Show the priors of a config, level by level.

    It shows their shapes and reach, and the object sizes they cannot learn. With --fit, it proposes others that more
    objects of a dataset reach.

    Example: ssdlossdbg anchors --config ssd300 -o priors.png
    """
    if list_presets:
        _list(format)
        return
    # Not those that other commands have too, which the project's defaults may set.
    _refuse_together(fit.dataset, {"--image": image, "--dump": dump}, {"--levels": fit.levels, "--budget": fit.budget})
    if fit.dataset is not None:
        show_fit(fit, priors, rules, naming, output, writer, format)
        return
    if image is not None and output is None:
        say_warning("--image: is the ground of a picture, and none is asked for. Add -o PNG.")
    with progress("Generating the priors"):
        with quick_imports():
            from ssdlossdbg import api
        result = findings.choose(api.anchors(priors.load(), rules.dialect, threshold=rules.threshold))
        if output is not None:
            _refuse_same(output, dump)
            from ssdlossdbg.readers.photos import load_photo
            from ssdlossdbg.report.canvas import png
            from ssdlossdbg.report.outputs import draw

            picture = png(draw(result, load_photo(image).image if image else None))
        if dump is not None:
            writer.write(dump, _npy(result.boxes))
        if output is not None:
            writer.write(output, picture)
    deliver(result, format, findings, files=writer.written)


def _refuse_same(output: Path, dump: Path | None) -> None:
    if dump is not None and dump.resolve() == output.resolve():
        raise InputError(output, "is named by both --dump and -o", "Give them two names.")


def _refuse_together(dataset: Path | None, not_fitting: dict[str, object], fitting: dict[str, object]) -> None:
    """Refuse options that only the description of priors has, or only --fit.

    Raises:
        InputError: such an option was given.
    """
    given = [name for name, value in (not_fitting if dataset else fitting).items() if value is not None]
    if given and dataset:
        raise InputError(given[0], "says how to show priors, and --fit proposes some", "Leave one of the two out.")
    if given:
        raise InputError(given[0], "says how to fit priors, and nothing is to be fitted", "Add --fit DATASET.")


def _list(format: Format) -> None:
    from ssdlossdbg.readers.prior_configs import load_prior_config, preset_names
    from ssdlossdbg.results import Presets, PresetSummary

    configs = [load_prior_config(name) for name in preset_names()]
    presets = [PresetSummary(c.name, c.title, c.codebase, c.aliases, c.spec.image_size, c.spec.count) for c in configs]
    deliver(Presets(tuple(presets)), format)


def _npy(array: object) -> bytes:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array, dtype=np.float32))
    return buffer.getvalue()
