"""What `audit` writes beside its report, and the options that make `match` show an image as it was audited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.options import BoxFormOption
from ssdlossdbg.cli.session import check_output, make_folder, say_warning
from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from ssdlossdbg.readers.annotations import Dataset
    from ssdlossdbg.readers.photos import Photo
    from ssdlossdbg.results import AuditResult, MatchResult, WorstImage

DEFAULT_DIALECT = "ssd.pytorch"
# Bytes of a photo's name in that of its picture: file systems take 255, and what comes before and after needs some.
LONGEST_NAME = 150


def check_outputs(
    csv: Path | None, output: Path | None, charts: bool, gallery: int, letterbox: bool, inputs: Iterable[Path]
) -> None:
    """Refuse now what would fail once all is matched.

    Raises:
        InputError: a file or folder that cannot be written, no matplotlib, or pictures that nothing can draw.
    """
    if gallery and letterbox:
        fix = "Leave one of them out: pictures show photos stretched, as every dialect does."
        raise InputError("--gallery", "cannot be combined with --letterbox", fix)
    if csv:
        check_output(csv, inputs)
    if charts:
        from ssdlossdbg.report.audit.chart_canvas import check_matplotlib

        check_matplotlib()
    if output and (charts or gallery):
        make_folder(output)
    elif output:
        say_warning("-o: is where pictures go, and there is none to draw. Add --charts or --gallery N.")


def read_files(read: Dataset, csv: Path | None) -> tuple[Path, ...]:
    """What was read and could be written to: the list of classes, and annotations that are called as the CSV is."""
    classes = () if read.class_file is None else (read.class_file,)
    return (*classes, *{Path(file) for file in read.files if csv and Path(file).name == csv.name})


def match_options(
    read: Dataset,
    config: str | None,
    prior_format: BoxFormOption,
    image_size: str | None,
    dialect: str,
    threshold: float | None,
    classes: str | None,
) -> tuple[str, ...]:
    """What makes `match` show an image as it was audited."""
    numbered = read.format.numbered and read.class_file  # and `match` looks for no names
    given = {
        "--config": config,
        "--prior-format": prior_format.value if prior_format is not BoxFormOption.CXCYWH else None,
        "--image-size": image_size,
        "--dialect": dialect if dialect != DEFAULT_DIALECT else None,
        "--threshold": None if threshold is None else str(threshold),
        "--classes": classes or (str(read.class_file) if numbered else None),
    }
    return tuple(word for option, value in given.items() if value is not None for word in (option, value))


def pictures(
    result: AuditResult, charts: bool, gallery: int, match_image: Callable[[WorstImage], tuple[MatchResult, Photo]]
) -> Iterator[tuple[str, bytes]]:
    """The charts, and overlays of those of the worst images whose photos are there; each with a name for its file."""
    if charts:
        from ssdlossdbg.report.audit.charts import audit_charts

        yield from audit_charts(result).items()
    worst = result.images_first[:gallery]
    absent = sum(image.photo is None for image in worst)
    if absent:
        where = "Photos belong beside the annotations, or into their images folder."
        say_warning(f"--gallery: photos not found: {absent:,} of the {len(worst):,} worst. {where}")
    for rank, image in enumerate(worst, start=1):
        if image.photo is None:
            continue
        from ssdlossdbg.report.canvas import png
        from ssdlossdbg.report.match_picture import match_picture

        try:
            matched, photo = match_image(image)
        except InputError as error:
            say_warning(f"--gallery: {error}")
            continue
        stem = Path(image.name).stem.encode(errors="replace")[:LONGEST_NAME].decode(errors="ignore")
        yield f"worst-{rank:02d}-{stem}.png", png(match_picture(matched, photo.image))
