"""What `check` is to look at: the annotation files and saved batches that a list of files and folders amounts to.

A file that is named is checked, whatever it is called. In a folder, and the folders in it that are not hidden, it is:

- `.xml` unless its root is another element than Pascal VOC's <annotation>;
- `.json` that speaks of images, annotations and categories, as COCO does;
- `.csv` that begins with the titles of Open Images;
- `.txt` if there are class names, and if it lies in a folder `labels`, or is empty or begins as a YOLO row does, with
  three columns or more of which the first two are numbers: so lists of classes or photos and READMEs are passed over;
- `.pt`, `.pth`, `.npz`, `.npy` and `.safetensors` with the word preds, predictions or targets in the name.

Predictions and targets are one batch if their names differ in that word alone (a_preds.pt, a_targets.pt), or if they
are named one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import FORMATS
from ssdlossdbg.readers.annotations.folders import is_folder, walk
from ssdlossdbg.readers.encoded import recognise_encoded
from ssdlossdbg.readers.files import is_file, read_bytes
from ssdlossdbg.readers.predictions import CONF_KEYS, LOC_KEYS
from ssdlossdbg.readers.tensors import load_tensors

TENSOR_ENDINGS = frozenset({".pt", ".pth", ".npz", ".npy", ".safetensors"})
ROLE_WORD = re.compile(r"(?<![a-z])(?:(pred(?:s|ictions?)?)|(targets?))(?![a-z])", re.IGNORECASE)


class Role(StrEnum):
    """What a file of saved tensors holds."""

    PREDICTIONS = "predictions"
    TARGETS = "targets"


@dataclass(frozen=True)
class SavedBatch:
    """The files of one batch; one of them is None where the other was named alone."""

    predictions: Path | None
    targets: Path | None

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that there are."""
        return tuple(path for path in (self.predictions, self.targets) if path)


@dataclass(frozen=True)
class Inputs:
    """What there is to check.

    Attributes:
        annotations: files of annotated objects.
        batches: saved tensors.
        refused: files of saved tensors that could not be told to be either predictions or targets, and why.
    """

    annotations: tuple[Path, ...]
    batches: tuple[SavedBatch, ...]
    refused: tuple[tuple[Path, InputError], ...]


def find_inputs(paths: Sequence[Path], class_names: bool) -> Inputs:
    """What a list of files and folders amounts to, folders in the order of their names.

    Args:
        paths: files and folders.
        class_names: whether there are names for YOLO's classes; without them a folder's `.txt` files are passed over.

    Raises:
        InputError: a path does not exist, or a folder holds nothing to check.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files(path, class_names)))
    roles: dict[Path, Role] = {}
    refused = []
    for file in (file for file in files if file.suffix.lower() in TENSOR_ENDINGS):
        try:
            roles[file] = _role(file)
        except InputError as error:
            refused.append((file, error))
    annotations = tuple(file for file in files if file.suffix.lower() not in TENSOR_ENDINGS)
    return Inputs(annotations, tuple(_pair(roles, paths)), tuple(refused))


def _files(path: Path, class_names: bool) -> list[Path]:
    if is_file(path):
        return [path]
    if not is_folder(path):
        read_bytes(path)  # says what is wrong with the path
    found = sorted(file for file in walk(path) if _belongs(file, class_names))
    if not found:
        fix = "Name a folder with VOC .xml, COCO .json or saved tensors (preds.pt, targets.pt), or the files."
        fix += "" if class_names else " YOLO .txt need --classes."
        raise InputError(path, "holds nothing to check", fix)
    return found


def _belongs(file: Path, class_names: bool) -> bool:
    """Whether a file that was not itself named is one to check."""
    ending = file.suffix.lower()
    if ending in TENSOR_ENDINGS:
        return _word(file) is not None
    formats = [each for each in FORMATS.values() if ending in each.endings]
    if not any(class_names or not each.numbered for each in formats):
        return False
    try:
        data = read_bytes(file)
    except InputError:
        return True  # to be named as one that cannot be read
    return any(each.may_be(file, data) for each in formats)


def _role(file: Path) -> Role:
    """What a file of saved tensors holds, by its content, or by its name where the content does not tell.

    Raises:
        InputError: it cannot be loaded, or neither tells.
    """
    role = _role_of(load_tensors(file)) or _word(file)
    if role is None:
        fix = "Save loc and conf [B, P, ...], or boxes and labels of each image; or put preds or targets into its name."
        raise InputError(file, "holds neither predictions nor targets that can be recognised", fix)
    return role


def _role_of(saved: Any) -> Role | None:
    if recognise_encoded(saved):
        return Role.TARGETS
    if isinstance(saved, Mapping):
        predicted = any(key in saved for key in LOC_KEYS) and any(key in saved for key in CONF_KEYS)
        return Role.PREDICTIONS if predicted else _role_of_keys(saved)
    if isinstance(saved, Tensor):
        return Role.TARGETS if saved.ndim == 3 and saved.shape[-1] == 5 else None
    if not isinstance(saved, (list, tuple)) or not saved:
        return None
    if all(isinstance(image, Mapping) or _are_rows(image) for image in saved):
        return Role.TARGETS
    batched = len(saved) in (2, 3) and all(isinstance(part, Tensor) and part.ndim == 3 for part in saved[:2])
    return Role.PREDICTIONS if batched else None


def _role_of_keys(saved: Mapping[Any, Any]) -> Role | None:
    names = re.compile(r"(gt_)?(boxes|labels|targets)(_\d+)?")
    return Role.TARGETS if any(names.fullmatch(str(key)) for key in saved) else None


def _are_rows(image: Any) -> bool:
    """Whether something is one image's rows of five; without objects it may have any shape."""
    return isinstance(image, Tensor) and (image.numel() == 0 or (image.ndim == 2 and image.shape[-1] == 5))


def _word(file: Path) -> Role | None:
    """What a file's name says it holds."""
    found = ROLE_WORD.search(file.stem)
    if not found:
        return None
    return Role.PREDICTIONS if found[1] else Role.TARGETS


def _pair(roles: Mapping[Path, Role], named: Sequence[Path]) -> Iterator[SavedBatch]:
    """Batches in the order of their first files: by name where names agree, then those named one after the other."""
    partner = _partners_by_name(roles)
    for first, second in pairwise(named):
        free = first not in partner and second not in partner
        if free and {roles.get(first), roles.get(second)} == set(Role):
            partner |= {first: second, second: first}
    done: set[Path] = set()
    for file in (file for file in roles if file not in done):
        files = {roles[each]: each for each in (file, partner.get(file, file))}
        done |= set(files.values())
        yield SavedBatch(files.get(Role.PREDICTIONS), files.get(Role.TARGETS))


def _partners_by_name(roles: Mapping[Path, Role]) -> dict[Path, Path]:
    groups: dict[tuple[Path, str], list[Path]] = {}
    for file in roles:
        if _word(file):
            groups.setdefault((file.parent, ROLE_WORD.sub("", file.stem, count=1)), []).append(file)
    partners: dict[Path, Path] = {}
    for group in groups.values():
        if len(group) == 2 and {roles[file] for file in group} == set(Role):
            partners |= {group[0]: group[1], group[1]: group[0]}
    return partners
