"""Of any number of annotations and saved batches: what `ssdlossdbg check` lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdlossdbg.analysis.audit.evidence import refusal
from ssdlossdbg.analysis.check import analyse_dataset, analyse_targets, by_file
from ssdlossdbg.analysis.common import resolve_device
from ssdlossdbg.analysis.evidence.encoded import describe_encoded
from ssdlossdbg.analysis.evidence.predicted import describe_predictions
from ssdlossdbg.analysis.evidence.priors import describe_priors
from ssdlossdbg.analysis.loss import analyse_loss
from ssdlossdbg.api.common import DEFAULT_DIALECT, File, as_dialect, priors_or_default
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.checks.files import UNREADABLE
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_files
from ssdlossdbg.readers.batches import SavedLayout, check_image_size, load_batch, load_objects, load_predicted
from ssdlossdbg.readers.encoded import EncodedTargets
from ssdlossdbg.readers.inputs import SavedBatch, find_inputs
from ssdlossdbg.readers.priors import BoxForm, NamedPriors, load_priors
from ssdlossdbg.results import CheckedFiles, CheckResult, Objects, Predicted
from ssdlossdbg.rules import Dialect, Units


def check(
    files: Sequence[File],
    priors: NamedPriors | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    classes: Sequence[str] = (),
    device: str = "auto",
    image_size: tuple[int, int] | None = None,
    prior_format: BoxForm = "cxcywh",
    target_units: Units | str | None = None,
    label_offset: int | None = None,
    native: bool = False,
) -> CheckResult:
    """What is wrong with annotations and saved batches, as `ssdlossdbg check` says.

    A file that cannot be read stops nothing: that is a finding, too.

    Args:
        files: annotations (Pascal VOC XML, COCO JSON, YOLO txt, Open Images CSV), saved predictions and targets, or
            folders of them; see `readers.inputs` for what is taken for what.
        priors: what `load_priors` returned, or a preset, config file or saved tensor; if None, those in a batch's
            predictions, else the dialect's own.
        dialect: what `load_dialect` returned, or its name or file.
        classes: class names in the order of their ids, background left out; guessed from all annotations if empty.
        device: auto, cpu, cuda, cuda:N or mps.
        image_size: (width, height) of the network's input in pixels, where the priors do not say it.
        prior_format: how the boxes of a saved prior tensor are written.
        target_units: normalized or pixels, of the boxes of saved targets, over what is recognised.
        label_offset: what to add to saved labels so that 0 is background, over what is recognised.
        native: whether saved tensors are in the dialect's own order, where that differs from the canonical one.

    Raises:
        InputError: a path that does not exist, a folder with nothing to check, an unknown name, or no such device.
    """
    rules = as_dialect(dialect)
    layout = SavedLayout(prior_format, image_size, SavedLayout.units(target_units), label_offset, native)
    named = load_priors(priors, prior_format, image_size, layout.own(rules)) if isinstance(priors, str) else priors
    job = _Job(rules, named, tuple(classes), device, layout)
    target = resolve_device(device)
    inputs = find_inputs([Path(file) for file in files], bool(classes))
    parts = [_Part(_of_annotations(inputs.annotations, job))] if inputs.annotations else []
    parts += [_Part(_of_batch(batch, job), together=True) for batch in inputs.batches]
    parts += [_Part([refusal(str(file), error)]) for file, error in inputs.refused]
    findings = by_file([finding for part in parts for finding in find(part.evidence, part.together)])
    unreadable = {finding.worst.where.file for finding in findings if finding.code == UNREADABLE}
    tensors = sum(len(batch.files) for batch in inputs.batches) + len(inputs.refused)
    return CheckResult(
        files=CheckedFiles(len(inputs.annotations), tensors, len(unreadable)),
        images=sum(part.images for part in parts),
        objects=sum(len(subject.labels) for part in parts for subject in part.evidence if isinstance(subject, Objects)),
        dialect=rules.name,
        device=str(target),
        findings=findings,
    )


@dataclass(frozen=True)
class _Job:
    """How the files are to be read and judged; the fields are arguments of `check`."""

    rules: Dialect
    priors: NamedPriors | None
    classes: tuple[str, ...]
    device: str
    layout: SavedLayout


@dataclass(frozen=True)
class _Part:
    """What the checks see of all annotations, or of one batch, whose files then belong together."""

    evidence: list[object]
    together: bool = False

    @property
    def images(self) -> int:
        """How many images it is about; predictions and targets are about the same ones."""
        annotated = sum(len(subject.images) for subject in self.evidence if isinstance(subject, Objects))
        predicted = (subject.images for subject in self.evidence if isinstance(subject, Predicted))
        return annotated or max(predicted, default=0)


def _of_annotations(files: Sequence[Path], job: _Job) -> list[object]:
    """What the checks see of annotation files, and of those that cannot be read."""
    named = priors_or_default(job.priors, job.rules)
    check_image_size(named, [job.rules])
    datasets, refused = load_files(files, job.classes)
    found = [part for dataset in datasets for part in analyse_dataset(dataset, named, job.rules, job.device)]
    return [*found, describe_priors(named, job.rules), *(refusal(each.file, each.error) for each in refused)]


def _of_batch(batch: SavedBatch, job: _Job) -> list[object]:
    """What the checks see of a saved batch or of one half of it, or why it cannot be read."""
    try:
        if batch.predictions is None:
            return [] if batch.targets is None else _of_targets(batch.targets, job)
        if batch.targets is None:
            return _of_predictions(batch.predictions, job)
        loaded = load_batch(batch.predictions, batch.targets, job.priors, job.rules, job.layout)
        check_image_size(loaded.priors, [job.rules])
        paths = (str(batch.predictions), str(batch.targets))
        result = analyse_loss(
            loaded.predictions, loaded.targets, loaded.priors, job.rules, job.classes, job.device, paths
        )
        return [*result.evidence, result]
    except InputError as error:
        files = [str(file) for file in batch.files]
        return [refusal(next((file for file in files if error.where.startswith(file)), files[0]), error)]


def _of_predictions(path: Path, job: _Job) -> list[object]:
    predicted, named = load_predicted(path, job.priors, job.rules, job.layout)
    return [
        describe_priors(named, job.rules, predicted.conf.shape[-1]),
        describe_predictions(predicted, named, job.rules, str(path), job.classes),
    ]


def _of_targets(path: Path, job: _Job) -> list[object]:
    rules, named = job.rules, priors_or_default(job.priors, job.rules)
    wanted = load_objects(path, named, rules, job.layout, len(job.classes) + 1 if job.classes else None)
    described = describe_priors(named, rules)
    if isinstance(wanted, EncodedTargets):
        return [describe_encoded(wanted, named, rules, str(path)), described]
    return [analyse_targets(wanted, named, rules, job.classes, job.device, str(path)), described]
