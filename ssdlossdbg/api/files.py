"""Of any number of annotations and saved batches: what `ssdlossdbg check` lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssdlossdbg.analysis.check import analyse_datasets, by_file
from ssdlossdbg.analysis.common import resolve_device
from ssdlossdbg.analysis.evidence.dataset import refusal
from ssdlossdbg.analysis.evidence.prior_table import describe_priors
from ssdlossdbg.analysis.two_steps import scene_of
from ssdlossdbg.api.common import DEFAULT_DIALECT, File, as_batch, as_dialect, priors_or_default, rules_for
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import Dataset, Part, Source, load_parts
from ssdlossdbg.readers.annotations.lines import with_lines
from ssdlossdbg.readers.annotations.share import Track
from ssdlossdbg.readers.inputs import find_inputs
from ssdlossdbg.readers.named_priors import NamedPriors, PriorSource, as_named, check_image_size
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.pairing import SavedBatch, SavedBatches
from ssdlossdbg.results import (
    CheckedFiles,
    CheckResult,
    ConfigSummary,
    Finding,
    Objects,
    Predicted,
    PriorTable,
    Refusal,
    Subject,
    with_names,
)
from ssdlossdbg.rules import Dialect


@on_cpu_by_default
def check(
    files: Sequence[File],
    priors: NamedPriors | PriorSource | None = None,
    dialect: Dialect | str | None = None,
    *,
    classes: Sequence[str] = (),
    device: str = "auto",
    layout: SavedLayout = SavedLayout(),
) -> CheckResult:
    """What is wrong with annotations and saved batches, as `ssdlossdbg check` says.

    A file that cannot be read stops nothing: that is a finding, too.

    Args:
        files: annotations (in any format that is read), saved predictions and targets, or
            folders of them; see `readers.inputs` for what is taken for what.
        priors: what `load_priors` returned or takes; if None, those in a batch's predictions, else the dialect's own.
        dialect: what `load_dialect` returned, or its name or file; if None, that of each captured batch, and
            ssd.pytorch for all else.
        classes: class names in the order of their ids, background left out; guessed from all annotations if empty.
        device: auto, cpu, cuda, cuda:N or mps.
        layout: how the tensors were saved, over what is recognised.

    Raises:
        InputError: a path that does not exist, a folder with nothing to check, an unknown name, or no such device.
    """
    return checked(files, priors, dialect, classes=classes, device=device, layout=layout).result


@dataclass(frozen=True)
class Checked:
    """What `check` looked at, and what it says.

    Attributes:
        result: what it returns.
        datasets: the annotations that could be read, one for each format.
        objects: of each of these, as the checks see them.
        refused: files of annotations that cannot be read at all.
        files: all that were looked at, and the paths that were named.
    """

    result: CheckResult
    datasets: tuple[Dataset, ...] = ()
    objects: tuple[Objects, ...] = ()
    refused: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()


def checked(
    files: Sequence[File],
    priors: NamedPriors | PriorSource | None = None,
    dialect: Dialect | str | None = None,
    *,
    classes: Sequence[str] = (),
    device: str = "auto",
    layout: SavedLayout = SavedLayout(),
    track: Track = iter,
) -> Checked:
    """What `check` returns, and what it looked at; `track` watches files being read, all else is as of `check`."""
    rules = as_dialect(DEFAULT_DIALECT if dialect is None else dialect)
    named = priors if priors is None else as_named(priors, layout, rules)
    job = _Job(rules, named, tuple(classes), device, layout, dialect is not None, track)
    target = resolve_device(device)
    paths = [Path(file) for file in files]
    inputs = find_inputs(paths, bool(classes))
    batches = SavedBatches(inputs.tensors, paths)
    annotations = _of_annotations(inputs.annotations, paths, job) if inputs.annotations else _Annotations()
    parts = [_Part(annotations.evidence)] if annotations.evidence else []
    parts += [_of_batch(batch, job) for batch in batches]
    parts += [_Part([refusal(str(file), error)]) for file, error in batches.refused]
    findings = with_lines(by_file([finding for part in parts for finding in part.findings]), annotations.formats)
    refused = [subject for part in parts for subject in part.evidence if isinstance(subject, Refusal)]
    unreadable = {file for each in refused if not each.code for file in (each.file, *each.also)}
    used = next((part.priors for part in parts if part.priors), None)
    result = CheckResult(
        files=CheckedFiles(len(annotations.files), len(inputs.tensors), len(unreadable)),
        images=sum(part.images for part in parts),
        objects=sum(len(subject.labels) for part in parts for subject in part.evidence if isinstance(subject, Objects)),
        dialect=rules.name,
        device=str(target),
        findings=findings,
        priors=used.name if used else "",
        choice=used.choice if used and used.chosen_for else "",
    )
    objects = tuple(each for each in annotations.evidence if isinstance(each, Objects))
    looked_at = annotations.files.union(map(str, paths), map(str, inputs.tensors))
    return Checked(result, annotations.datasets, objects, annotations.refused, looked_at)


@dataclass(frozen=True)
class _Job:
    """How the files are to be read and judged; the fields are arguments of `check`.

    Attributes:
        stated: whether the user said whose rules they are.
        track: watches annotations being read.
    """

    rules: Dialect
    priors: NamedPriors | None
    classes: tuple[str, ...]
    device: str
    layout: SavedLayout
    stated: bool
    track: Track


@dataclass(frozen=True)
class _Part:
    """What the checks see of all annotations, or of one batch, whose files then belong together.

    Attributes:
        evidence: what they look at.
        together: whether it is one batch.
        names: of its images, where they are known.
    """

    evidence: list[Subject]
    together: bool = False
    names: Sequence[str] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What they find."""
        return with_names(find(self.evidence, self.together), self.names)

    @property
    def priors(self) -> ConfigSummary | None:
        """What annotations were held against; None of a batch, which mostly has its own."""
        tables = (subject for subject in self.evidence if isinstance(subject, PriorTable))
        return None if self.together else next((table.config for table in tables), None)

    @property
    def images(self) -> int:
        """How many images it is about; predictions and targets are about the same ones."""
        annotated = sum(len(subject.images) for subject in self.evidence if isinstance(subject, Objects))
        predicted = (subject.images for subject in self.evidence if isinstance(subject, Predicted))
        return annotated or max(predicted, default=0)


@dataclass(frozen=True)
class _Annotations:
    """All annotations.

    Attributes:
        evidence: what the checks see of them, and of those that cannot be read.
        datasets: those that can be, one for each format.
        refused: files that cannot be read at all.
    """

    evidence: list[Subject] = field(default_factory=list)
    datasets: tuple[Dataset, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def formats(self) -> dict[str, str]:
        """What options call the format of each file that can be read."""
        return {file: dataset.format.name for dataset in self.datasets for file in dataset.files}

    @property
    def files(self) -> frozenset[str]:
        """All files that were looked at."""
        own = (file for each in self.datasets for file in (*each.files, *(refused.file for refused in each.refused)))
        return frozenset((*own, *self.refused))


def _of_annotations(parts: Sequence[Part], paths: Sequence[Path], job: _Job) -> _Annotations:
    """Read and check annotations."""
    path = paths[0] if len(paths) == 1 else parts[0].path
    datasets, refused = load_parts(parts, Source(path, job.classes, track=job.track))
    named = priors_or_default(job.priors, job.rules, datasets, job.classes)
    check_image_size(named, [job.rules])
    found = analyse_datasets(datasets, named, job.rules, job.device) if datasets else ()
    evidence: list[Subject] = [
        *found,
        describe_priors(named, job.rules),
        *(refusal(each.file, each.error) for each in refused),
    ]
    return _Annotations(evidence, datasets, tuple(each.file for each in refused))


def _of_batch(batch: SavedBatch, job: _Job) -> _Part:
    """What the checks see of a saved batch or of one half of it, or why it cannot be read."""
    try:
        halves = (batch.predictions, batch.targets)
        rules = job.rules if job.stated else rules_for(None, batch.predictions or batch.targets)
        given = as_batch(*halves, job.priors, rules, job.layout, device=job.device, classes=job.classes)
        return _Part(list(scene_of(given, rules).evidence), together=True, names=given.images)
    except InputError as error:
        files = batch.files
        refused = refusal(next((file for file in files if error.where.startswith(file)), files[0]), error)
        return _Part([refused], together=True)
