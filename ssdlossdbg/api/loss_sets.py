"""Of many saved batches: the loss of each image and object, as `ssdlossdbg loss RUN` shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from ssdlossdbg.analysis.common import resolve_device
from ssdlossdbg.analysis.evidence.dataset import refusal
from ssdlossdbg.analysis.loss import analyse_loss
from ssdlossdbg.analysis.losses.alone import alone
from ssdlossdbg.analysis.losses.collect import Collected
from ssdlossdbg.analysis.losses.rows import batch_rows
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.two_steps import scene_of
from ssdlossdbg.api.batches import findings_of, whose_rules
from ssdlossdbg.api.common import File, as_batch, override, rules_for
from ssdlossdbg.api.runs import batch_line, gravity, unread_line
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.checks.merged import Merged
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.folders import is_folder
from ssdlossdbg.readers.named_priors import NamedPriors, PriorSource, as_named
from ssdlossdbg.readers.photo_names import PhotoNames
from ssdlossdbg.readers.saved.batch_files import absent_steps, batch_files
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.pairing import SavedBatch, SavedBatches
from ssdlossdbg.readers.saved.tensor_files import load
from ssdlossdbg.results import Box, Finding, LossesResult, LossResult, RunBatch, SeenImage, SeenObject
from ssdlossdbg.results.losses import Unread
from ssdlossdbg.results.said import is_another
from ssdlossdbg.rules import Dialect

ALONE = "Save the other half of the batch into a file of the same name but for that word, or the same number."


@dataclass(frozen=True)
class Settings:
    """How saved batches are read and computed; the fields are arguments of `losses`."""

    priors: NamedPriors | PriorSource | None = None
    dialect: Dialect | str | None = None
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    neg_pos: float | None = None
    alpha: float | None = None
    device: str = "auto"
    layout: SavedLayout = SavedLayout()

    def scene(self, saved: SavedBatch) -> Scene:
        """A batch under its rules.

        Raises:
            InputError: what cannot be used or does not belong together, or one half of it is not there.
        """
        if saved.predictions is None or saved.targets is None:
            held = "predictions without targets" if saved.targets is None else "targets without predictions"
            raise InputError(saved.files[0], f"holds {held}", ALONE)
        rules = rules_for(self.dialect, saved.predictions)
        rules = override(rules, threshold=self.threshold, neg_pos=self.neg_pos, alpha=self.alpha)
        halves = (saved.predictions, saved.targets)
        batch = as_batch(*halves, self.priors, rules, self.layout, device=self.device, classes=self.classes)
        return scene_of(batch, rules)


@on_cpu_by_default
def losses(
    files: File | Sequence[File],
    priors: NamedPriors | PriorSource | None = None,
    dialect: Dialect | str | None = None,
    *,
    classes: Sequence[str] = (),
    threshold: float | None = None,
    neg_pos: float | None = None,
    alpha: float | None = None,
    device: str = "auto",
    layout: SavedLayout = SavedLayout(),
    photos: File | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> LossesResult:
    """The loss of each image and object of many saved batches, as `ssdlossdbg loss RUN` says.

    One batch is in memory at a time. A file that cannot be used stops nothing: that is a finding, and `unread` has it.

    Args:
        files: of saved batches, or folders of them: what `ssdlossdbg.capture(..., every=1)` wrote, or predictions and
            targets whose names differ in that word alone, or have the same number.
        priors: what `load_priors` returned or takes; those in each file if None.
        dialect: what `load_dialect` returned, or its name or file; if None, that of each captured file, or ssd.pytorch.
        classes: class names in the order of their ids, background left out.
        threshold: match threshold, over the dialect's.
        neg_pos: negatives mined per positive, over the dialect's.
        alpha: weight of the localisation loss, over the dialect's.
        device: auto, cpu, cuda, cuda:N or mps.
        layout: how the tensors were saved, over what is recognised.
        photos: a folder with the photos, by the names that the batches have of their images.
        advance: told how many files were done since it was last called.

    Raises:
        InputError: no batch that can be used, an unknown name, or no such device.
    """
    named = None if priors is None else as_named(priors, layout, rules_for(dialect, None))
    settings = Settings(named, dialect, tuple(classes), threshold, neg_pos, alpha, device, layout)
    target = resolve_device(device)
    paths = [Path(file) for file in ([files] if isinstance(files, (str, PathLike)) else files)]
    found = batch_files(paths)
    batches = SavedBatches(found, paths)
    walk = _Walk(settings, Collected(), Merged(), [], [])
    for saved in batches:
        walk.take(saved)
        advance(len(saved.files))
    for file, error in batches.refused:
        walk.refuse(str(file), error)
        advance(1)
    return walk.result(_source(paths, found), str(target), paths, PhotoNames(None if photos is None else Path(photos)))


def image_loss(image: SeenImage, settings: Settings) -> LossResult:
    """What the loss of one image of a data set is made of, alone.

    Args:
        image: of a result of `losses`.
        settings: as that was asked with.

    Raises:
        InputError: its files cannot be used any more.
    """
    predictions = load(Path(image.file))
    targets = predictions if image.targets_path == image.file else load(Path(image.targets_path))
    scene = settings.scene(SavedBatch(predictions, targets))
    one = alone(scene, image.index)
    return replace(analyse_loss(one), findings=())


@dataclass
class _Walk:
    """Batch after batch, and what is left of each."""

    settings: Settings
    collected: Collected
    merged: Merged
    lines: list[tuple[tuple[float, ...], RunBatch]]
    unread: list[Unread]
    first: InputError | None = None
    _asked_whose: bool = False

    def take(self, saved: SavedBatch) -> None:
        """Compute a batch, and keep its rows and findings."""
        try:
            scene = self.settings.scene(saved)
            rows, findings = batch_rows(scene), self._findings(scene)
        except InputError as error:
            files = saved.files
            self.refuse(next((file for file in files if error.where.startswith(file)), files[0]), error)
            return
        self.collected.add(rows)
        self.merged.add(findings)
        said = rows.recorded, rows.loss.total, rows.recorded_error
        line = batch_line(rows.files[0], rows.captured, said, findings)
        self.lines.append((gravity(rows.captured, findings, rows.loss.total), line))

    def _findings(self, scene: Scene) -> tuple[Finding, ...]:
        """Those of a batch; of the first whose loss is another than recorded also whose that is, which takes long."""
        batch = scene.batch
        precision = batch.recorded.precision if batch.recorded else 0.0
        if not self._asked_whose and is_another(scene.costs.recorded_error, precision):
            self._asked_whose = True
            batch.whose = whose_rules(batch)
            scene = scene_of(batch, scene.rules)  # whose costs say it
        return findings_of(scene)

    def refuse(self, file: str, error: InputError) -> None:
        """Note a file that cannot be used."""
        self.first = self.first or error
        self.lines.append(unread_line(file, error))
        self.unread.append(Unread(file, error.what))
        self.merged.add(find([refusal(file, error)]))

    def result(self, source: str, device: str, paths: Sequence[Path], photos: PhotoNames) -> LossesResult:
        """What all batches came to.

        Raises:
            InputError: none could be used.
        """
        collected = self.collected
        mean = collected.batches.mean
        if mean is None:
            assert self.first is not None  # there are files, and each is a batch or refused
            raise self.first
        images, objects = _with_photos(collected, photos)
        each = collected.images_mean
        return LossesResult(
            source=source,
            device=device,
            dialects=collected.dialects,
            configs=collected.configs,
            image_count=len(images),
            empty=sum(image.ground_truth == 0 for image in images),
            with_loss=each.number,
            sightings=collected.sightings,
            mean_of_batches=mean,
            mean_of_images=each.mean,
            finite_batches=collected.batches.of_finite,
            finite_images=each.of_finite,
            recorded=collected.recorded,
            recorded_error=collected.worst_error,
            validation=collected.validation,
            mixed=collected.mixed,
            absent=absent_steps(paths[0]) if is_folder(paths[0]) else "",
            images=tuple(images),
            seen_objects=tuple(objects),
            classes=collected.groups("class"),
            levels=collected.groups("level"),
            sizes=collected.groups("size"),
            batches=tuple(line for _, line in sorted(self.lines, key=lambda line: line[0])),
            unread=tuple(self.unread),
            findings=self.merged.findings(len(self.lines)),
            finding_files=self.merged.files,
        )


def _source(paths: Sequence[Path], found: Sequence[Path]) -> str:
    return str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(found) - 1} more"


def _with_photos(collected: Collected, photos: PhotoNames) -> tuple[list[SeenImage], list[SeenObject]]:
    """Images with their photos, and objects with their boxes in pixels of these, where no training cropped them."""
    images = collected.images
    found = {id(image): photos.find(image.name) for image in images}
    shown = [replace(image, photo=None if found[id(image)] is None else str(found[id(image)])) for image in images]
    sizes = {}
    for image in shown:
        if image.photo is not None and collected.validation is not False:
            sizes[image.file, image.index] = photos.size(Path(image.photo))
    width, height = collected.configs[0].image_size
    objects = [
        each
        if (size := sizes.get((each.file, each.image_index))) is None
        else replace(each, photo_box=_scaled(each.box, size[0] / width, size[1] / height))
        for each in collected.objects
    ]
    return shown, objects


def _scaled(box: Box, x: float, y: float) -> Box:
    return box[0] * x, box[1] * y, box[2] * x, box[3] * y
