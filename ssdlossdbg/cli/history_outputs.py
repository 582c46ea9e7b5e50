"""What `history` writes beside its report: a page, charts, tables, and the files of trackers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.audit_outputs import small_photo
from ssdlossdbg.cli.groups import DEFAULT_DIALECT, PageReport
from ssdlossdbg.cli.options import Group, Role, option
from ssdlossdbg.cli.pages import is_page, write_page
from ssdlossdbg.cli.places import is_folder
from ssdlossdbg.cli.writing import Writer, check_folder
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.outputs import PAGE
from ssdlossdbg.report.view import View

if TYPE_CHECKING:
    from PIL.Image import Image

    from ssdlossdbg.results import HistoryResult

# Photos in a page, and their longest side in pixels.
MOST_PHOTOS, LARGEST_PHOTO = 40, 640
# As `report.history.tables` has them, which is not imported for a command's help.
TABLES = ("all_objects", "objects", "object_samples", "events", "groups", "group_samples", "steps")


class HistoryReport(PageReport):
    """How the report is written, how long it is, and the files beside it."""

    title = PageReport.title
    top: int | None = option("--top N", "How many events and objects to list.  [default: 10]", min=1)
    output: Path | None = option(
        "-o --output DIR", "Where to draw  [default: history, here]; or a page, to FILE.html.", Role.OUTPUT_FOLDER
    )
    photos: Path | None = option(
        "--photos DIR", "Where the photos lie, for a page, if their names are no paths from here.", Role.DATASET
    )
    charts: bool = option("--charts/--no-charts", "Draw charts; this needs matplotlib.", default=False)
    csv: Path | None = option("--csv FILE", "Write a table, for a notebook: a row for each object.", Role.OUTPUT_FILE)
    table: str | None = option("--table", f"Which table --csv writes.  [default: {TABLES[0]}]", choices=TABLES)


class Trackers(Group):
    """Programs that show trainings, which take the history, too."""

    title = "Trackers"
    tensorboard: Path | None = option(
        "--tensorboard DIR", "Write what TensorBoard shows, into a folder; this needs tensorboard.", Role.OUTPUT_FOLDER
    )
    wandb: str | None = option(
        "--wandb PROJECT", "Log a run to Weights & Biases: to ./wandb, unless WANDB_MODE says otherwise."
    )

    def check(self) -> None:
        """Refuse trackers that cannot be written to, before anything is read."""
        from ssdlossdbg.cli.trackers import check_library

        for name in ("tensorboard", "wandb"):
            if getattr(self, name) is not None:
                check_library(f"--{name}", name)
        if self.tensorboard is not None:
            check_folder(self.tensorboard)


def check_outputs(report: HistoryReport) -> None:
    """Refuse now what would fail, or do nothing, once all is read.

    Raises:
        InputError: a folder that cannot be written to, no matplotlib, or an option that needs another.
    """
    shows_page = is_page(report.output) or report.format == PAGE
    if report.photos and not shows_page:
        raise InputError("--photos", "is for a page, and there is none", "Add -o FILE.html, or leave it out.")
    if report.photos and not report.photos.is_dir():
        raise InputError(report.photos, "is no folder", "Name the one that the photos lie in.")
    if report.table and not report.csv:
        raise InputError("--table", "says what --csv writes, and there is none", "Add --csv FILE.")
    if report.charts:
        from ssdlossdbg.report.chart_canvas import check_matplotlib

        check_matplotlib()
    if report.output is None or is_page(report.output):
        return
    if not is_folder(report.output):
        fix = "Name a folder, or a page that ends in .html; tables go to --csv FILE."
        raise InputError(report.output, "is one file, and --charts draws several", fix)
    if not report.charts:
        raise InputError("-o", "is where charts go, and there is none to draw", "Add --charts.")
    check_folder(report.output)


def write_outputs(result: HistoryResult, report: HistoryReport, trackers: Trackers, view: View, writer: Writer) -> None:
    """Write what was asked for beside the report.

    Args:
        result: with the findings that are to be shown.
        report: says which page, charts and table.
        trackers: says which of them to write for.
        view: how to show the page.
        writer: of the files.

    Raises:
        InputError: a file cannot be written, or is an input.
    """
    if report.csv:
        from ssdlossdbg.report.history.tables import TABLES as MADE
        from ssdlossdbg.report.records import csv_lines

        lines = csv_lines(MADE[report.table or TABLES[0]](result))
        writer.write(report.csv, (line.encode("utf-8", "backslashreplace") for line in lines))
    if report.charts:
        from ssdlossdbg.report.history.charts import history_charts

        charts = history_charts(result)
        named = None if is_page(report.output) else report.output
        folder = writer.folder(named) if named else writer.folder(Path("history"), new=True)
        for name, chart in charts.items():
            writer.write(folder / name, chart)
    if trackers.tensorboard:
        from ssdlossdbg.cli.trackers import to_tensorboard

        to_tensorboard(result, trackers.tensorboard, writer)
    if trackers.wandb:
        from ssdlossdbg.cli.trackers import to_wandb

        to_wandb(result, trackers.wandb, writer)
    if is_page(report.output):
        write_page(result, report.output, view, writer)


def photos_of(result: HistoryResult, folder: Path | None) -> tuple[Image | None, ...]:
    """The photos of the objects that the page lists first, small; None of one that is not there or cannot be read.

    Args:
        result: whose objects they are.
        folder: where their names are looked for; they are paths from here if None.
    """
    from ssdlossdbg.readers.annotations.photo_files import Photos
    from ssdlossdbg.readers.dialects import load_dialect
    from ssdlossdbg.report.html.history import photographed

    orientation = load_dialect(result.dialect or DEFAULT_DIALECT).loader.orientation
    places = Photos(many_in_file=True)
    made: list[Image | None] = []
    for name in photographed(result)[:MOST_PHOTOS]:
        path = Path(name) if folder is None else places.find(str(folder / "photos"), name)
        made.append(None if path is None else small_photo(path, orientation, LARGEST_PHOTO))
    return tuple(made)
