"""`ssdlossdbg anchors`: what do my priors look like?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssdlossdbg.cli.fit import check_config_name, parse_levels, show_fit
from ssdlossdbg.cli.options import (
    BoxFormOption,
    BoxFormOptionType,
    ClassesOption,
    ConfigOption,
    DatasetFormatOptionType,
    DialectOption,
    FailOn,
    FailOnOption,
    Format,
    FormatOption,
    IgnoreOption,
    ImageSizeOption,
    SelectOption,
    ThresholdOption,
    TracebackOption,
    existing_inputs,
    parse_classes,
    parse_codes,
    parse_image_size,
)
from ssdlossdbg.cli.session import (
    chosen,
    command,
    finish,
    progress,
    quick_imports,
    say_warning,
    show,
    show_plain,
    write_file,
)
from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from ssdlossdbg.results import AnchorsResult

# What torch's generators take.
LARGEST_SEED = 2**64 - 1


@command
def anchors(
    config: ConfigOption = None,
    dialect: DialectOption = "ssd.pytorch",
    image: Annotated[
        Path | None, typer.Option("--image", metavar="PHOTO", help="Draw the priors on this photo.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Draw a picture (PNG); of --fit, write the config (TOML)."),
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option("--dump", metavar="NPY", help="Write the priors: float32 [P, 4], cx cy w h, normalised."),
    ] = None,
    list_presets: Annotated[bool, typer.Option("--list", help="List every preset and exit.")] = False,
    dataset: Annotated[
        Path | None,
        typer.Option("--fit", metavar="DATASET", help="Propose sizes and ratios that reach more of its objects."),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option("--levels", metavar="N,N,...", help="Feature maps that --fit uses: cells a side, or WxH."),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option("--budget", metavar="N", min=1, help="Priors that --fit may use.  [default: as many as now]"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=LARGEST_SEED, help="Of what --fit draws.")] = 0,
    classes: ClassesOption = None,
    dataset_format: DatasetFormatOptionType = None,
    threshold: ThresholdOption = None,
    prior_format: BoxFormOptionType = BoxFormOption.CXCYWH,
    image_size: ImageSizeOption = None,
    select: SelectOption = None,
    ignore: IgnoreOption = None,
    fail_on: FailOnOption = FailOn.ERROR,
    format: FormatOption = Format.TEXT,
    traceback: TracebackOption = False,
) -> None:
    """Show the priors of a config, level by level.

    It shows their shapes and reach, and the object sizes they cannot learn. With --fit, it proposes others that more
    objects of a dataset reach.

    Example: ssdlossdbg anchors --config ssd300 -o priors.png
    """
    if list_presets:
        _list(format)
        return
    codes, size = parse_codes(select, ignore), parse_image_size(image_size)
    # Not those that other commands have too, which the project's defaults may set.
    _refuse_together(dataset, {"--image": image, "--dump": dump}, {"--levels": levels, "--budget": budget})
    if dataset is not None:
        maps, names = parse_levels(levels), parse_classes(classes)
        check_config_name(output)
        with progress("Fitting the priors"):
            with quick_imports():
                from ssdlossdbg import api
                from ssdlossdbg.readers.saved.layout import SavedLayout
            proposal = api.fit(
                api.load_dataset(dataset, names, format=dataset_format),
                config,
                dialect,
                levels=maps,
                budget=budget,
                seed=seed,
                threshold=threshold,
                layout=SavedLayout(prior_format, size),
            )
        show_fit(proposal, output, existing_inputs(dataset, config), format)
        return
    if image is not None and output is None:
        say_warning("--image: is the ground of a picture, and none is asked for. Add -o PNG.")
    with progress("Generating the priors"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.readers.named_priors import load_priors
            from ssdlossdbg.readers.saved.layout import SavedLayout
        priors = load_priors(config, SavedLayout(prior_format, size)) if config else None
        result = chosen(api.anchors(priors, dialect, threshold=threshold), codes)
        outputs = _outputs(result, dump, output, image)
        for path, data in outputs:
            write_file(path, data, existing_inputs(image, config))
    _show(result, [str(path) for path, _ in outputs], format)
    finish(result.findings, fail_on)


def _outputs(
    result: AnchorsResult, dump: Path | None, picture: Path | None, photo: Path | None
) -> list[tuple[Path, bytes]]:
    """The files asked for, and what is to be in them.

    Raises:
        InputError: both are the same file, or the photo cannot be read.
    """
    outputs: list[tuple[Path, bytes]] = []
    if dump is not None:
        outputs.append((dump, _npy(result.boxes)))
    if picture is not None:
        from ssdlossdbg.readers.photos import load_photo
        from ssdlossdbg.report.anchors_picture import anchors_picture
        from ssdlossdbg.report.canvas import png

        outputs.append((picture, png(anchors_picture(result, load_photo(photo).image if photo else None))))
    if dump is not None and picture is not None and dump.resolve() == picture.resolve():
        raise InputError(picture, "is named by both --dump and -o", "Give them two names.")
    return outputs


def _show(result: AnchorsResult, files: list[str], format: Format) -> None:
    if format is Format.JSON:
        from ssdlossdbg.report.as_json import anchors_json

        show_plain(anchors_json(result, files))
    else:
        from ssdlossdbg.report.anchors_text import anchors_report
        from ssdlossdbg.report.text import with_files

        show(with_files(anchors_report(result), files))


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
    from ssdlossdbg.results import PresetSummary

    configs = [load_prior_config(name) for name in preset_names()]
    presets = [PresetSummary(c.name, c.title, c.codebase, c.aliases, c.spec.image_size, c.spec.count) for c in configs]
    if format is Format.JSON:
        from ssdlossdbg.report.as_json import presets_json

        show_plain(presets_json(presets))
    else:
        from ssdlossdbg.report.anchors_text import presets_report

        show(presets_report(presets))


def _npy(array: object) -> bytes:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array, dtype=np.float32))
    return buffer.getvalue()
