"""Which files hold the batches of a data set: those that are named, and those in folders."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.folders import is_folder
from ssdlossdbg.readers.saved.captured import is_captured
from ssdlossdbg.readers.saved.pairing import role_word
from ssdlossdbg.readers.saved.tensor_files import TENSOR_ENDINGS
from ssdlossdbg.results.captured import CAPTURED_NAME, EVERY

OF_BATCHES = "Name files of saved batches, or the folder that ssdlossdbg.capture writes to."
SUMMARY = re.compile(r"run(\.rank\d+)?\.json")


def batch_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The files of saved tensors that are named, and those in folders that are named, in the order of their numbers.

    Of a folder, captured files and those called predictions or targets; where there is none, all of tensors. What
    lies in folders below is another run's.

    Args:
        paths: files and folders.

    Raises:
        InputError: a folder holds none, or cannot be listed.
    """
    found: list[Path] = []
    for path in paths:
        found += _in_folder(path) if is_folder(path) else [path]
    return tuple(dict.fromkeys(found))


def _in_folder(folder: Path) -> list[Path]:
    try:
        files = [file for file in folder.iterdir() if file.suffix.lower() in TENSOR_ENDINGS and file.name[0] != "."]
    except OSError as error:
        raise InputError(folder, f"cannot be listed ({error.strerror})", "Check its permissions.") from None
    told = [file for file in files if is_captured(file) or role_word(file)] or files
    if not told:
        raise InputError(
            folder,
            "is a folder without captured batches (step0000341.safetensors) or saved ones (preds.pt)",
            OF_BATCHES,
        )
    return sorted(told, key=_place)


def _place(file: Path) -> tuple[list[tuple[int, str]], str]:
    """What sorts step 10 behind step 9."""
    parts = re.split(r"(\d+)", file.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], file.name


def step_file(folder: Path, step: int) -> Path:
    """The captured file of a step of a run; of several ranks, that of the first.

    Raises:
        InputError: there is none.
    """
    told = [(re.fullmatch(CAPTURED_NAME, file.name), file) for file in reversed(_in_folder(folder))]
    steps = {int(found[1]): file for found, file in told if found}
    if step not in steps:
        near = sorted(sorted(steps, key=lambda other: abs(other - step))[:3])
        kept = f"Those nearest to it: {', '.join(map(str, near))}." if near else OF_BATCHES
        raise InputError("--step", f"is {step}, and {folder} holds no batch of that step", kept)
    return steps[step]


def absent_steps(folder: Path) -> str:
    """What a run that was to keep each batch did not, because its folder was full, in words; empty where nothing.

    Args:
        folder: of the run.
    """
    seen, kept, spacing = 0, 0, 1
    for file in sorted(folder.iterdir()):
        said = _summary(file) if SUMMARY.fullmatch(file.name) else {}
        batches, steps, every = said.get("batches"), said.get("steps"), said.get("every")
        if isinstance(batches, list) and isinstance(steps, int) and isinstance(every, int) and every > 1:
            regular = [each for each in batches if isinstance(each, dict) and each.get("reason") == EVERY]
            if regular:
                seen, kept, spacing = seen + steps, kept + len(batches), max(spacing, every)
    if not seen:
        return ""
    return (
        f"{kept} of {seen} batches are here, one in {spacing}: most_bytes of capture says how much a folder may hold."
    )


def _summary(file: Path) -> dict[str, Any]:
    """What run.json says; nothing where it is none."""
    try:
        said = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
