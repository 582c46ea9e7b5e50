"""Which files of saved tensors are the predictions and targets of one batch.

Predictions and targets are one batch if their names differ in that word alone (a_preds.pt, a_targets.pt), if they are
the only two with the same numbers in their names (out_007.pt, gt_7.pt), or if they are named one after the other. Which
is which their content says, or their names where the content does not tell.
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
from ssdlossdbg.readers.saved.encoded_targets import recognise_encoded
from ssdlossdbg.readers.saved.landmarks import COLUMNS
from ssdlossdbg.readers.saved.predictions import CONF_KEYS, LOC_KEYS
from ssdlossdbg.readers.saved.steps import holds_steps
from ssdlossdbg.readers.saved.tensor_files import Saved, load

# Columns of targets: of a box and a label, with landmarks between them or without.
ROWS = (5, COLUMNS)
ROLE_WORD = re.compile(r"(?<![a-z])(?:(pred(?:s|ictions?)?)|(targets?))(?![a-z])", re.IGNORECASE)


class Role(StrEnum):
    """What a file of saved tensors holds."""

    PREDICTIONS = "predictions"
    TARGETS = "targets"
    BOTH = "both"


HALVES = {Role.PREDICTIONS, Role.TARGETS}


@dataclass(frozen=True)
class SavedBatch:
    """What was saved of one batch; one of them is None where the other was named alone."""

    predictions: Saved | None
    targets: Saved | None

    @property
    def files(self) -> tuple[str, ...]:
        """Where those are from that there are."""
        return tuple(dict.fromkeys(saved.where for saved in (self.predictions, self.targets) if saved))


class SavedBatches:
    """Batches in the order of their first files, each file loaded once, and let go with its batch.

    Args:
        files: of saved tensors.
        named: the files and folders that the user named, in order.

    Attributes:
        refused: files that could not be told to be either predictions or targets, and why; known after iteration.
    """

    def __init__(self, files: Sequence[Path], named: Sequence[Path]) -> None:
        self.refused: list[tuple[Path, InputError]] = []
        self._files, self._known = files, set(files)
        self._next = dict(pairwise(dict.fromkeys(named)))
        self._alike: dict[tuple[Path, str], list[Path]] = {}
        self._of_number: dict[tuple[Path, tuple[int, ...]], list[Path]] = {}
        for file in files:
            self._alike.setdefault(_key(file), []).append(file)
            self._of_number.setdefault(_numbers(file), []).append(file)
        self._roles: dict[Path, Role | None] = {}
        self._loaded: dict[Path, Saved] = {}

    def __iter__(self) -> Iterator[SavedBatch]:
        done: set[Path] = set()
        for file in self._files:
            if file in done or self._role(file) is None:
                continue
            if self._role(file) is Role.BOTH:
                done.add(file)
                both = self._loaded.pop(file)
                yield SavedBatch(both, both)
                continue
            partner = self._namesake(file) or self._of_same_number(file, done) or self._follower(file, done)
            done |= {file} if partner is None else {file, partner}
            halves = {self._roles[each]: self._loaded.pop(each) for each in (file, partner) if each}
            yield SavedBatch(halves.get(Role.PREDICTIONS), halves.get(Role.TARGETS))

    def _role(self, file: Path) -> Role | None:
        """What a file holds, which is then loaded; None if it is refused."""
        if file not in self._roles:
            try:
                saved = load(file)
                self._roles[file] = _role(saved, file)
                self._loaded[file] = saved
            except InputError as error:
                self._roles[file] = None
                self.refused.append((file, error))
        return self._roles[file]

    def _namesake(self, file: Path) -> Path | None:
        """The other half of the same batch by name."""
        if not role_word(file):
            return None
        alike = [each for each in self._alike[_key(file)] if role_word(each) and self._role(each)]
        others = [each for each in alike if {self._role(each), self._role(file)} == HALVES]
        return others[0] if len(alike) == 2 and others else None

    def _of_same_number(self, file: Path, done: set[Path]) -> Path | None:
        """The other half of the same batch by the numbers in its name."""
        same = self._of_number[_numbers(file)]
        if not _numbers(file)[1] or len(same) != 2:
            return None
        other = same[0] if same[1] == file else same[1]
        if other in done or self._namesake(other):
            return None
        return other if {self._role(file), self._role(other)} == HALVES else None

    def _follower(self, file: Path, done: set[Path]) -> Path | None:
        """The other half of the same batch by neighbourhood."""
        second = self._next.get(file)
        if second not in self._known or second in done or self._namesake(second):
            return None
        return second if {self._role(file), self._role(second)} == HALVES else None


def holds_both(saved: Saved) -> bool:
    """Whether one file holds the predictions of a batch and its targets, as captured ones do."""
    return _role_of(saved.value) is Role.BOTH


def role_of(saved: Saved, file: Path) -> Role | None:
    """What a file holds, by its content or else by its name; None where neither tells."""
    return _role_of(saved.value) or role_word(file)


def role_word(file: Path) -> Role | None:
    """What a file's name says it holds."""
    found = ROLE_WORD.search(file.stem)
    if not found:
        return None
    return Role.PREDICTIONS if found[1] else Role.TARGETS


def _key(file: Path) -> tuple[Path, str]:
    """What the files of one batch have in common."""
    return file.parent, ROLE_WORD.sub("", file.stem, count=1)


def _numbers(file: Path) -> tuple[Path, tuple[int, ...]]:
    """The numbers in a file's name, by which those of a batch may be told."""
    return file.parent, tuple(map(int, re.findall(r"[0-9]+", file.stem)))


def _role(saved: Saved, file: Path) -> Role:
    role = role_of(saved, file)
    if role is None:
        fix = "Save loc and conf [B, P, ...], or boxes and labels of each image; or put preds or targets into its name."
        raise InputError(file, "holds neither predictions nor targets that can be recognised", fix)
    return role


def _role_of(value: Any) -> Role | None:
    """What a file holds by its content."""
    if isinstance(value, Mapping):
        predicted = any(key in value for key in LOC_KEYS) and any(key in value for key in CONF_KEYS)
        predicted = predicted or holds_steps(value)
        wanted = Role.TARGETS if recognise_encoded(value) else _role_of_keys(value)
        return Role.BOTH if predicted and wanted else Role.PREDICTIONS if predicted else wanted
    if recognise_encoded(value):
        return Role.TARGETS
    if isinstance(value, Tensor):
        return Role.TARGETS if value.ndim == 3 and value.shape[-1] in ROWS else None
    if not isinstance(value, (list, tuple)) or not value:
        return None
    if all(isinstance(image, Mapping) or _are_rows(image) for image in value):
        return Role.TARGETS
    batched = 2 <= len(value) <= 4 and all(isinstance(part, Tensor) and part.ndim == 3 for part in value[:2])
    return Role.PREDICTIONS if batched or holds_steps(value) else None


def _role_of_keys(value: Mapping[Any, Any]) -> Role | None:
    names = re.compile(r"(gt_)?(boxes|labels|targets)(_\d+)?")
    return Role.TARGETS if any(names.fullmatch(str(key)) for key in value) else None


def _are_rows(image: Any) -> bool:
    """Whether something is one image's rows; without objects it may have any shape."""
    return isinstance(image, Tensor) and (image.numel() == 0 or (image.ndim == 2 and image.shape[-1] in ROWS))
