"""Of two things of one kind: what `ssdlossdbg diff` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.diff.batches import diff_batches
from ssdlossdbg.api.batches import both_halves
from ssdlossdbg.api.common import DEFAULT_DIALECT, File, as_batch, as_dialect, rules_for
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import Dataset
from ssdlossdbg.readers.dialects import dialect_names
from ssdlossdbg.readers.files import is_file, read_bytes, read_table
from ssdlossdbg.readers.named_priors import NamedPriors, PriorSource, load_priors
from ssdlossdbg.readers.prior_configs import load_prior_config, preset_names
from ssdlossdbg.readers.saved.captured import captured_files, is_captured
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.pairing import Role, SavedBatches, role_of
from ssdlossdbg.readers.saved.tensor_files import TENSOR_ENDINGS, Tensors, as_saved
from ssdlossdbg.results import AuditResult
from ssdlossdbg.results.diff import DiffResult
from ssdlossdbg.results.history_rows import FOLDER
from ssdlossdbg.rules import Dialect

# One of two batches: a file of both halves, or its predictions and its targets.
Half = File | Tensors
GIVE = "Give two of a kind: captured batches, runs, prior configs, or annotations."


class Kind(Enum):
    """What one of two can be, in words."""

    BATCH = "a batch with its targets"
    PREDICTIONS = "predictions alone"
    TARGETS = "targets alone"
    RUN = "the folder of a run"
    PRIORS = "priors"
    ANNOTATIONS = "annotations"


@dataclass(frozen=True)
class _How:
    """How two are read; the fields are arguments of `diff`."""

    priors: NamedPriors | PriorSource | None
    dialect: Dialect | str | None
    classes: tuple[str, ...]
    device: str
    layout: SavedLayout
    dataset_format: str | None


@on_cpu_by_default
def diff(
    first: Half | tuple[Half, Half],
    second: Half | tuple[Half, Half],
    *,
    targets: Half | None = None,
    predictions: Half | None = None,
    on: File | None = None,
    priors: NamedPriors | PriorSource | None = None,
    dialect: Dialect | str | None = None,
    classes: Sequence[str] = (),
    device: str = "auto",
    layout: SavedLayout = SavedLayout(),
    dataset_format: str | None = None,
) -> DiffResult:
    """What changed from one to the other, and which input or rule explains it, as `ssdlossdbg diff` says.

    Args:
        first: two captured batches, or batches as (predictions, targets), each a file or tensors; two files of
            predictions, or of targets, which go with `targets` or `predictions`; the folders of two runs; two prior
            configs (presets, files or saved tensors); or two versions of annotations, a file or a folder each.
        second: likewise, of B.
        targets: of both batches, where predictions alone are given.
        predictions: of both batches, where targets alone are given.
        on: of two prior configs, the data set on which to say which objects each wins and loses.
        priors: of batches, over those that were saved with them; of annotations, those they are held against.
        dialect: whose rules to follow, over those of captured files; ssd.pytorch else.
        classes: class names in the order of their ids, background left out.
        device: auto, cpu, cuda, cuda:N or mps.
        layout: how tensors were saved, over what is recognised.
        dataset_format: of annotations, where it could be several.

    Raises:
        InputError: what cannot be read, two that are not of one kind, or options that do not belong to it.
    """
    how = _How(priors, dialect, tuple(classes), device, layout, dataset_format)
    kinds = [_kind(each) for each in (first, second)]
    if kinds[0] is not kinds[1]:
        what = f"is {kinds[0].value}, and {_named(second)} is {kinds[1].value}"
        raise InputError(_named(first), what, GIVE)
    kind = kinds[0]
    _refuse_strays(kind, targets, predictions, on)
    if kind is Kind.RUN:
        return _of_runs(Path(str(first)), Path(str(second)), how)
    if kind is Kind.PRIORS:
        return _of_priors(first, second, on, how)
    if kind is Kind.ANNOTATIONS:
        return _of_annotations(Path(str(first)), Path(str(second)), how)
    pairs = [_pair(kind, each, targets, predictions) for each in (first, second)]
    return diff_batches(_batch(*pairs[0], how), _batch(*pairs[1], how))


def _named(given: object) -> str:
    """What a side is called in errors."""
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(each, (str, PathLike)) for each in given):
        return " ".join(map(str, given))
    return str(given) if isinstance(given, (str, PathLike)) else "what is given in memory"


def _refuse_strays(kind: Kind, targets: object, predictions: object, on: object) -> None:
    """Refuse options that say nothing of what is compared.

    Raises:
        InputError: there is one.
    """
    wrong = {
        "--targets": targets is not None and kind is not Kind.PREDICTIONS,
        "--predictions": predictions is not None and kind is not Kind.TARGETS,
        "--on": on is not None and kind is not Kind.PRIORS,
    }
    belongs = {
        "--targets": "predictions alone, which have none",
        "--predictions": "targets alone, which have none",
        "--on": "prior configs, which say nothing of objects",
    }
    for option, is_wrong in wrong.items():
        if is_wrong:
            raise InputError(
                option, f"belongs to two files of {belongs[option]}; these are {kind.value}", "Leave it out."
            )


def _kind(given: Any) -> Kind:
    """What one of two is, by what it holds.

    Raises:
        InputError: nothing that could be compared.
    """
    if _is_pair(given):
        return Kind.BATCH
    if not isinstance(given, (str, PathLike)):
        return _kind_of_tensors(given, "what is given in memory")
    path = Path(given)
    if path.is_dir():
        return _kind_of_folder(path)
    if not is_file(path):
        return _kind_of_name(str(given), path)
    if path.suffix.lower() in TENSOR_ENDINGS:
        return Kind.BATCH if is_captured(path) else _kind_of_tensors(given, str(path))
    if path.suffix.lower() in (".toml", ".json") and _is_config(path):
        return Kind.PRIORS
    return Kind.ANNOTATIONS


def _is_pair(given: Any) -> bool:
    """Whether it is predictions and targets, rather than the two tensors of predictions."""
    two = isinstance(given, tuple) and len(given) == 2
    return two and not all(isinstance(each, Tensor) and each.ndim == 3 for each in given)


def _kind_of_folder(path: Path) -> Kind:
    if (path / FOLDER).is_dir() or any(is_captured(file) for file in path.iterdir()):
        return Kind.RUN
    return Kind.BATCH if _saved_pair(path) else Kind.ANNOTATIONS


def _saved_pair(folder: Path) -> tuple[Path, Path] | None:
    """The two files of the one batch that a folder holds; None where it holds something else."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in TENSOR_ENDINGS)
    if not 1 <= len(files) <= 3:
        return None
    batches = [each for each in SavedBatches(files, [folder]) if each.predictions and each.targets]
    if len(batches) != 1 or batches[0].predictions is None or batches[0].targets is None:
        return None
    return Path(batches[0].predictions.where), Path(batches[0].targets.where)


def _kind_of_name(name: str, path: Path) -> Kind:
    """What a name is that is no file."""
    if name in dialect_names():
        fix = "Give two prior configs, or see `ssdlossdbg dialects A B` for where the rules of two dialects differ."
        raise InputError(name, "is a dialect", fix)
    if name in preset_names() or not (path.suffix or len(path.parts) > 1):
        load_prior_config(name)  # whose error says which names there are
        return Kind.PRIORS
    read_bytes(path)  # says what is wrong with the path
    return Kind.ANNOTATIONS


def _is_config(path: Path) -> bool:
    """Whether a TOML or JSON file generates priors, rather than lists objects."""
    if path.suffix.lower() == ".toml":
        return True
    try:
        table = read_table(path)
    except InputError:
        return False
    return isinstance(table, Mapping) and ("levels" in table or "base" in table)


def _kind_of_tensors(given: Any, where: str) -> Kind:
    saved = as_saved(given, where)
    role = role_of(saved, Path(where))
    if role is not None:
        return {Role.BOTH: Kind.BATCH, Role.PREDICTIONS: Kind.PREDICTIONS, Role.TARGETS: Kind.TARGETS}[role]
    value = saved.value
    tensors = list(value.values()) if isinstance(value, Mapping) else [value]
    if len(tensors) == 1 and isinstance(tensors[0], Tensor) and tensors[0].ndim == 2 and tensors[0].shape[-1] == 4:
        return Kind.PRIORS
    raise InputError(where, "holds neither predictions, targets nor priors that can be recognised", GIVE)


def _pair(kind: Kind, given: Any, targets: Half | None, predictions: Half | None) -> tuple[Half, Half | None]:
    """The predictions and targets of one side.

    Raises:
        InputError: one half is missing.
    """
    if kind is Kind.PREDICTIONS:
        if targets is None:
            raise InputError(
                _named(given),
                "holds predictions without targets",
                "Give those of both with --targets FILE, or four files: PREDS_A TARGETS_A PREDS_B TARGETS_B.",
            )
        return given, targets
    if kind is Kind.TARGETS:
        if predictions is None:
            raise InputError(
                _named(given),
                "holds targets without predictions",
                "Give those of both with --predictions FILE, or four files: PREDS_A TARGETS_A PREDS_B TARGETS_B.",
            )
        return predictions, given
    if _is_pair(given):
        pair: tuple[Half, Half] = given
        return pair
    folder = isinstance(given, (str, PathLike)) and Path(given).is_dir()
    saved = _saved_pair(Path(given)) if folder else None
    return saved if saved else (given, None)


def _batch(predictions: Half, targets: Half | None, how: _How) -> tuple[Batch, Dialect]:
    saved, wanted = both_halves(predictions, targets)
    rules = rules_for(how.dialect, saved)
    batch = as_batch(
        saved, wanted, how.priors, rules, how.layout, device=how.device, classes=how.classes, any_label=True
    )
    return batch, rules


def _of_runs(first: Path, second: Path, how: _How) -> DiffResult:
    from ssdlossdbg.analysis.diff.runs import Training, diff_runs
    from ssdlossdbg.analysis.history.history import analyse_history
    from ssdlossdbg.readers.history import read_history

    kept = [(folder / FOLDER).is_dir() for folder in (first, second)]
    if not all(kept):
        return _of_captured(first, second, how)
    histories = [read_history(folder) for folder in (first, second)]
    trainings = [Training(each, analyse_history(each, how.classes)) for each in histories]
    return diff_runs(*trainings)


def _of_captured(first: Path, second: Path, how: _How) -> DiffResult:
    """The first step that both runs saved and that is another; the last that both saved where none is.

    Raises:
        InputError: no step was saved by both.
    """
    files = [{file.name: file for file in captured_files(folder)} for folder in (first, second)]
    shared = [name for name in files[0] if name in files[1]]
    if not shared:
        what = f"has no captured step that {second} has, too, and not both keep a history"
        raise InputError(first, what, "Keep one with capture(..., history=True), or give two captured files.")
    result = None
    for name in shared:
        result = diff_batches(_batch(files[0][name], None, how), _batch(files[1][name], None, how))
        if not result.same:
            return result
    assert result is not None
    return result


def _of_priors(first: Any, second: Any, on: File | None, how: _How) -> DiffResult:
    from ssdlossdbg.analysis.diff.configs import Config, diff_priors

    rules = as_dialect(DEFAULT_DIALECT if how.dialect is None else how.dialect)
    configs = []
    for each in (first, second):
        named = load_priors(each, how.layout, rules)
        own = isinstance(each, (str, PathLike)) and Path(each).suffix.lower() not in TENSOR_ENDINGS
        configs.append(Config(_named(each), named, load_prior_config(str(each)).spec if own else None))
    if on is None:
        return diff_priors(configs[0], configs[1], None)
    from ssdlossdbg.api.datasets import load_dataset

    data = load_dataset(on, how.classes, format=how.dataset_format)
    return diff_priors(configs[0], configs[1], lambda named: _audit(data, named, rules, how))


def _audit(data: Dataset, named: NamedPriors, rules: Dialect, how: _How) -> AuditResult:
    """An audit without its findings, which nobody asks for here."""
    from ssdlossdbg.analysis.audit import AuditSpec, analyse_audit
    from ssdlossdbg.readers.named_priors import check_image_size

    check_image_size(named, [rules])
    return analyse_audit(data, named, rules, AuditSpec(False, 0, 0, 0, how.device))


def _of_annotations(first: Path, second: Path, how: _How) -> DiffResult:
    from ssdlossdbg.analysis.diff.annotations import diff_annotations
    from ssdlossdbg.api.common import priors_or_default
    from ssdlossdbg.api.datasets import load_dataset

    read = [load_dataset(path, how.classes, format=how.dataset_format) for path in (first, second)]
    for path, data in zip((first, second), read, strict=True):
        if data.beside:
            titles = ", ".join(each.format.title for each in data.parts)
            raise InputError(
                path, f"holds annotations of several formats ({titles})", "Name the folder or file of one."
            )
    rules = as_dialect(DEFAULT_DIALECT if how.dialect is None else how.dialect)
    given = how.priors
    source = given if given is None or isinstance(given, (NamedPriors, str)) else load_priors(given, how.layout, rules)
    named = priors_or_default(source, rules, read[0].parts, how.classes)
    return diff_annotations(read[0], read[1], partial(_audit, named=named, rules=rules, how=how))
