"""Saved tensors, without ever executing what a file holds."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import read_bytes

RESAVE = "Re-save plain tensors, detached and on the CPU: torch.save(tensor.detach().cpu(), ...)."


def load_tensors(path: Path) -> Any:
    """What a `.pt`/`.pth`, `.safetensors`, `.npz` or `.npy` file holds, every array as a CPU tensor.

    Args:
        path: the file; its ending says the format.

    Returns:
        A tensor, or the tuples, lists and mappings of tensors that were saved.

    Raises:
        InputError: the file cannot be read, is cut short, or holds pickled objects, which are never executed.
    """
    loaders: dict[str, Callable[[Path], Any]] = {
        ".pt": _load_torch,
        ".pth": _load_torch,
        ".safetensors": _load_safetensors,
        ".npz": _load_npz,
        ".npy": _load_npy,
    }
    loader = loaders.get(path.suffix.lower())
    if loader is None:
        known = ", ".join(loaders)
        raise InputError(path, f"has the ending {path.suffix!r}, which says no tensor format", f"Known: {known}.")
    with path.open("rb") if path.is_file() else _missing(path) as file:
        if not file.read(1):
            raise InputError(path, "is empty", "Save the tensors again.")
    return loader(path)


def _missing(path: Path) -> Any:
    read_bytes(path)
    raise InputError(path, "is not a regular file", "Name a file.")


def _load_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"(?:GLOBAL|global|class|function) ([\w.]*\.[\w.]+)", str(error))
        if named:
            what = f"holds a pickled {named[1]}, and pickled objects are never executed"
            raise InputError(path, what, RESAVE) from None
        raise InputError(path, "is not a file that torch.save wrote", RESAVE) from None
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(path, f"cannot be loaded ({reason})", "It may be cut short; save or copy it again.") from None


def _load_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise InputError(path, f"is not a valid safetensors file ({error})", "Save it again.") from None


def _load_npz(path: Path) -> dict[str, torch.Tensor]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: _to_tensor(archive[name], path) for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise _numpy_error(path, error) from None


def _load_npy(path: Path) -> torch.Tensor:
    try:
        return _to_tensor(np.load(path, allow_pickle=False), path)
    except (ValueError, OSError, EOFError) as error:
        raise _numpy_error(path, error) from None


def _to_tensor(array: np.ndarray[Any, Any], path: Path) -> torch.Tensor:
    try:
        return torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    except TypeError:
        what = f"holds an array of {array.dtype}, which is no number type of torch"
        raise InputError(path, what, "Save floats and integers.") from None


def _numpy_error(path: Path, error: Exception) -> InputError:
    if "pickle" in str(error).lower():
        what = "holds pickled objects, which are never executed, or is no NumPy file"
        return InputError(path, what, "Save plain arrays: np.savez(path, loc=loc, conf=conf).")
    return InputError(path, f"cannot be loaded ({error})", "It may be cut short; save or copy it again.")
