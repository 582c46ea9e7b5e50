"""Captured batches: the header of their files, the files of a run, and losses and names that were saved by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.schema import build
from ssdlossdbg.results.captured import (
    CAPTURED_NAME,
    HEADER_KEY,
    HEADER_VERSION,
    NAME_KEYS,
    Captured,
    Recorded,
    is_name,
    named_in,
)
from ssdlossdbg.rules import Dialect, differences

AGAIN = "Capture the batch again, or save its tensors by hand."
LOSS_KEY = "loss"
LOSS_IS = 'Save what the criterion returned: the total, or {"loc": ..., "conf": ...}.'
# Of a loss that is a mapping, by the names of `Recorded`.
PART_KEYS = {"total": "total", "loc": "localization", "conf": "confidence"}
NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
# Fields that hold words, in which "NaN" is a word.
TEXTS = frozenset(
    {"names", "detail", "error", "attributes", "criterion", "reason", "dialect", "prior_format", "target_units"}
)


def header_of(file: BinaryIO, path: Path) -> Captured | None:
    """What a capture wrote beside the tensors of a safetensors file; None of a file that no capture wrote.

    Args:
        file: one that is valid, at its start.
        path: of it, for messages.

    Raises:
        InputError: a header that is damaged, or newer than this program.
    """
    size = int.from_bytes(file.read(8), "little")
    text = json.loads(file.read(size)).get("__metadata__", {}).get(HEADER_KEY)
    if text is None:
        return None
    try:
        document = json.loads(text)
        if document["version"] > HEADER_VERSION:
            raise InputError(path, f"has a header of version {document['version']}", "Update ssdlossdbg to read it.")
        known = {key: value if key in TEXTS else _numbers(value) for key, value in document.items()}
        captured = msgspec.convert(known, Captured)
    except (ValueError, TypeError, KeyError, RecursionError, msgspec.ValidationError) as error:
        raise InputError(path, f"has a damaged header ({error})", AGAIN) from None
    return replace(captured, changed=_changed(captured, path)) if captured.rules else captured


def dialect_of(captured: Captured, where: object = "--dialect") -> Dialect | None:
    """The rules that a captured batch was trained under; None where nobody knows.

    Args:
        captured: the header.
        where: the file, or the option that names a dialect, for messages.

    Raises:
        InputError: rules that this program does not know.
    """
    if not captured.rules:
        return load_dialect(captured.dialect, str(where)) if captured.dialect else None
    table = dict(captured.rules)
    if captured.dialect in dialect_names():  # of a rule that the file is too old to know, the dialect's own
        shipped = msgspec.to_builtins(load_dialect(captured.dialect))
        table = {key: _over(value, table.get(key, value)) for key, value in shipped.items()}
    return build(Dialect, {**table, "name": captured.dialect}, where)


def _over(usual: Any, own: Any) -> Any:
    return {**usual, **own} if isinstance(usual, dict) and isinstance(own, dict) else own


def _changed(captured: Captured, path: Path) -> tuple[str, ...]:
    """In which rules a batch's criterion differs from the shipped dialect that it is named after."""
    rules = dialect_of(captured, path)
    if rules is None or captured.dialect not in dialect_names():
        return ()
    shipped = load_dialect(captured.dialect)
    return tuple(f"{name} {own} instead of {usual}" for name, own, usual in differences(rules, shipped))


def _numbers(value: Any) -> Any:
    """The value with numbers for the texts that stand for those that are not finite."""
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return NOT_FINITE.get(value, value) if isinstance(value, str) else value


def captured_files(folder: Path) -> tuple[Path, ...]:
    """The captured files of a run, in the order of their steps, those of one step in the order of ranks.

    Raises:
        InputError: there is none, or the folder cannot be listed.
    """
    try:
        names = [file.name for file in folder.iterdir()]
    except OSError as error:
        raise InputError(folder, f"cannot be listed ({error.strerror})", "Check its permissions.") from None
    found = sorted((int(each[1]), int(each[2] or 0), each[0]) for each in map(_captured, names) if each)
    if not found:
        fix = "Name the two files of a batch, or the folder that ssdlossdbg.capture writes to."
        raise InputError(folder, "is a folder without captured batches (step0000341.safetensors)", fix)
    return tuple(folder / name for _, _, name in found)


def is_captured(path: Path) -> bool:
    """Whether a file is called as captures call theirs."""
    return _captured(path.name) is not None


def _captured(name: str) -> re.Match[str] | None:
    return re.fullmatch(CAPTURED_NAME, name)


def loss_in(value: Any, where: str) -> Recorded:
    """The loss that was saved by hand beside predictions or targets, under `loss`.

    Args:
        value: what was saved.
        where: the file, for messages.

    Raises:
        InputError: under that key is something else.
    """
    if not isinstance(value, Mapping) or LOSS_KEY not in value:
        return Recorded()
    found = value[LOSS_KEY]
    if isinstance(found, Mapping):
        return _by_part(found, where)
    if isinstance(found, Tensor) and found.numel() == 2:
        found = found.flatten().tolist()
    parts = list(found) if isinstance(found, (tuple, list)) else [found]
    if len(parts) not in (1, 2) or not all(map(_is_number, parts)):
        raise InputError(f"{where}, {LOSS_KEY}", "is neither a number nor two", LOSS_IS)
    numbers = [float(part) for part in parts]
    return Recorded(numbers[0]) if len(numbers) == 1 else Recorded(sum(numbers), *numbers)


def _by_part(found: Mapping[Any, Any], where: str) -> Recorded:
    """The loss of a mapping with total, loc or conf; the total of both parts, where it has these."""
    if not found or not found.keys() <= PART_KEYS.keys() or not all(map(_is_number, found.values())):
        raise InputError(f"{where}, {LOSS_KEY}", "is a mapping of something else than total, loc and conf", LOSS_IS)
    numbers = {PART_KEYS[key]: float(part) for key, part in found.items()}
    if {"loc", "conf"} <= found.keys():
        numbers.setdefault("total", numbers["localization"] + numbers["confidence"])
    return Recorded(**numbers)


def _is_number(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.numel() == 1
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def names_in(value: Any) -> tuple[str, ...]:
    """What the images of a saved batch are called, where it says so; empty where it does not.

    Args:
        value: what was saved: a list of mappings, one an image; or a mapping that has such a list as its `targets`, or
            a list of names or a tensor of numbers, one an image, under a key that loaders have for one (`file_name`,
            `path`, `image_id`) or its plural; or the mapping of one image.
    """
    if isinstance(value, Mapping):
        lists = (value.get(f"{key}{plural}") for key in NAME_KEYS for plural in ("", "s"))
        own = {"boxes", "labels"} <= value.keys() and named_in(value)
        listed = (_listed(each) for each in lists)
        return names_in(value.get("targets")) or next(filter(None, listed), ()) or ((own,) if own else ())
    images: Sequence[Any] = value if isinstance(value, (list, tuple)) else ()
    names = tuple(named_in(image) for image in images)
    return names if any(names) else ()


def _listed(names: Any) -> tuple[str, ...]:
    """Names of several images, or their numbers, as names."""
    if isinstance(names, Tensor) and names.ndim == 1:
        names = names.tolist()
    if not isinstance(names, (list, tuple)) or len(names) < 2:
        return ()
    found = tuple(named_in({NAME_KEYS[0]: name}) for name in names)
    if all(found) and not any(map(is_name, found)):  # numbers: of images, whatever they were saved under
        found = tuple(named_in({"image_id": name}) for name in names)
    return found if any(found) else ()
