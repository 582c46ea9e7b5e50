"""`ssdlossdbg loss` of a run, a folder or many files: the loss of each image and object of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Findings
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, Role, option
from ssdlossdbg.cli.pages import is_page
from ssdlossdbg.cli.places import is_folder
from ssdlossdbg.cli.progress import counting, progress, quick_imports
from ssdlossdbg.cli.streams import say_warning
from ssdlossdbg.cli.writing import Writer, check_folder, safe_stem
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.outputs import PAGE
from ssdlossdbg.report.view import View

if TYPE_CHECKING:
    from PIL.Image import Image

    from ssdlossdbg.results import LossesResult, LossResult, SeenImage

FOLDER = Path("losses")
ONE_BATCH = "Name one batch, as RUN/step0000341.safetensors, or leave it out."


class OfSet(Group):
    """What there is of a data set's loss: of a run, a folder or many files."""

    title = "A run, a folder, or many files"
    worst: bool = option(
        "--worst/--no-worst",
        "Of a run, show the batch in full that went wrong first, or is the dearest.",
        default=False,
    )
    step: int | None = option("--step N", "Of a run, show the batch of this step in full.", min=0)
    photos: Path | None = option("--photos DIR", "Where the photos lie that the images are named after.", Role.DATASET)
    gallery: int = option(
        "--gallery N", "Draw the N images of the highest loss.  [into -o, or losses here]", default=0, min=0
    )
    csv: Path | None = option("--csv FILE", "Write a row for each object.", Role.OUTPUT_FILE)
    csv_images: Path | None = option("--csv-images FILE", "Write a row for each image.", Role.OUTPUT_FILE)

    def check(self) -> None:
        """Refuse two ways to name one batch.

        Raises:
            InputError: both were given.
        """
        if self.worst and self.step is not None:
            raise InputError("--step", "names another batch than --worst", "Leave one of them out.")

    @property
    def asked(self) -> bool:
        """Whether something is asked for that a single batch does not have."""
        return bool(self.photos or self.gallery or self.csv or self.csv_images)

    def one_of(self, run: Path) -> Path | None:
        """The file or folder that is shown as a batch, where one was chosen; None where none was.

        Raises:
            InputError: `run` is no folder, or holds no such batch.
        """
        if not self.worst and self.step is None:
            return None
        given = "--worst" if self.worst else "--step"
        if not run.is_dir():
            raise InputError(given, f"chooses among the batches of a run, and {run} is no folder", "Leave it out.")
        if self.asked:
            raise InputError(given, "shows one batch, and the other options are of all", "Leave one of them out.")
        from ssdlossdbg.readers.saved.batch_files import step_file

        return run if self.step is None else step_file(run, self.step)


def show_losses(
    paths: Sequence[Path],
    settings: Mapping[str, Any],
    of_set: OfSet,
    findings: Findings,
    writer: Writer,
    shown: tuple[str, int, Path | None],
    groups: Sequence[Group],
) -> None:
    """Compute the loss of a data set, and deliver it.

    Args:
        paths: files and folders of batches.
        settings: how they are read and computed, as arguments of `losses`.
        of_set: what is asked of them.
        findings: which to show, and which make the command fail.
        writer: of files.
        shown: the format of the report, how much it lists, and where pictures go.
        groups: of options, for the command that the report ends with.

    Raises:
        InputError: no batch that can be used, or an output that cannot be written.
    """
    with progress("Loading torch"), quick_imports():
        from ssdlossdbg.api.loss_sets import Settings, image_loss, losses
    from ssdlossdbg.readers.saved.batch_files import batch_files

    form, top, output = shown
    _check_output(of_set, form, output)
    writer.inputs += (files := batch_files(paths))
    for path in filter(None, (of_set.csv, of_set.csv_images)):
        writer.check(path)
    with counting("Computing the loss", len(files), "file") as advance:
        result = losses(paths, **settings, photos=of_set.photos, advance=advance)
    result = findings.choose(result)
    for file, table in ((of_set.csv, "objects"), (of_set.csv_images, "images")):
        if file is not None:
            from ssdlossdbg.report.records import to_csv

            writer.write(file, to_csv(result, table).encode("utf-8", "backslashreplace"))
    if of_set.gallery:
        folder = writer.folder(output) if output else writer.folder(FOLDER, new=True)
        with progress("Drawing"):
            for name, picture in _pictures(result, of_set, lambda image: image_loss(image, Settings(**settings))):
                writer.write(folder / name, picture)
    guilty, worst = result.guilty, result.images[0]
    halves = [guilty.file] if guilty else dict.fromkeys((worst.file, worst.targets_path))
    then = next_command("loss", *halves, groups=groups)
    deliver(result, form, findings, files=writer.written, view=View(top, next=then))


def _check_output(of_set: OfSet, form: str, output: Path | None) -> None:
    """Refuse now what would fail once all is computed.

    Raises:
        InputError: a page, of which there is none; a folder that cannot be written to; or no picture for it.
    """
    if is_page(output) or form == PAGE:
        raise InputError("-o" if is_page(output) else "--format html", "is the page of one batch", ONE_BATCH)
    if output is None:
        return
    if not of_set.gallery:
        raise InputError("-o", "is where pictures go, and there is none to draw of several batches", "Add --gallery N.")
    if not is_folder(output):
        raise InputError(output, "is one file, and --gallery draws several", "Name a folder, which need not exist.")
    check_folder(output)


def _pictures(
    result: LossesResult, of_set: OfSet, loss_of: Callable[[SeenImage], LossResult]
) -> Iterator[tuple[str, bytes]]:
    """The images of the highest loss, each with a name for its file; on a neutral ground without a photo."""
    from ssdlossdbg.report.canvas import png
    from ssdlossdbg.report.outputs import draw

    worst = [image for image in result.images if image.loss is not None][: of_set.gallery]
    absent = sum(image.photo is None for image in worst)
    if result.validation is False and absent < len(worst):
        say_warning("--gallery: training may have cropped or turned the photos, which are drawn as they are.")
    elif absent:
        named = any(image.name for image in worst)
        where = "Say --photos DIR." if of_set.photos is None else "They are drawn without."
        where = where if named else "The batches do not say what their images are called."
        say_warning(f"--gallery: photos not found: {absent:,} of the {len(worst):,} worst. {where}")
    for rank, image in enumerate(worst, start=1):
        try:
            photo = _photo(image)
            one = loss_of(image)
        except InputError as error:
            say_warning(f"--gallery: {error}")
            continue
        yield f"worst-{rank:02d}-{safe_stem(image.title)}.png", png(draw(one, photo, 0, View()))


def _photo(image: SeenImage) -> Image | None:
    from ssdlossdbg.readers.photos import load_photo

    return None if image.photo is None else load_photo(Path(image.photo)).image
