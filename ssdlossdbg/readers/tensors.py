"""Saved tensors, without ever executing what a file holds."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import read_bytes

RESAVE = "Re-save plain tensors, detached and on the CPU: torch.save(tensor.detach().cpu(), ...)."
CUT_SHORT = "It may be cut short: copy it again, or save plain tensors again."
NUMBERS = (
    "float16", "bfloat16", "float32", "float64", "bool",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
)  # fmt: skip


def load_tensors(path: Path) -> Any:
    """What a `.pt`/`.pth`, `.safetensors`, `.npz` or `.npy` file holds, every array as a CPU tensor.

    Args:
        path: the file; its ending says the format.

    Returns:
        A tensor, or the tuples, lists and mappings of tensors that were saved.

    Raises:
        InputError: the file cannot be read, is cut short, holds pickled objects, which are never executed, or
            tensors of another kind than dense real numbers.
    """
    loaders: dict[str, Callable[[bytes, Path], Any]] = {
        ".pt": _load_torch,
        ".pth": _load_torch,
        ".safetensors": _load_safetensors,
        ".npz": _load_numpy,
        ".npy": _load_numpy,
    }
    loader = loaders.get(path.suffix.lower())
    if loader is None:
        known = ", ".join(loaders)
        raise InputError(path, f"has the ending {path.suffix!r}, which says no tensor format", f"Known: {known}.")
    data = read_bytes(path)
    if not data:
        raise InputError(path, "is empty", "Save the tensors again.")
    saved = loader(data, path)
    for tensor in _tensors(saved):
        kind = _unusual(tensor)
        if kind:
            raise InputError(path, f"holds a {kind} tensor", "Save dense tensors of real numbers, such as float32.")
    return saved


def keys_of(saved: Mapping[Any, Any]) -> str:
    """The keys of a mapping, for messages; a checkpoint has hundreds."""
    shown = [str(key)[:60] for key in list(saved)[:12]] + (["..."] if len(saved) > 12 else [])
    return ", ".join(shown) or "none"


def _tensors(saved: Any) -> Iterator[torch.Tensor]:
    """Every tensor in what was saved, which may even hold itself."""
    queue, seen = [saved], set()
    while queue:
        item = queue.pop()
        if isinstance(item, torch.Tensor):
            yield item
        elif isinstance(item, (Mapping, list, tuple)) and id(item) not in seen:
            seen.add(id(item))
            queue.extend(item.values() if isinstance(item, Mapping) else item)


def _unusual(tensor: torch.Tensor) -> str | None:
    """What keeps a tensor from being computed with like any other, or None."""
    number = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_nested or tensor.is_meta:
        return "nested" if tensor.is_nested else "meta"
    if tensor.layout is not torch.strided:
        return str(tensor.layout).removeprefix("torch.")
    return None if number in NUMBERS else number


def _load_torch(data: bytes, path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of beta layouts and pickle protocols: what was loaded is looked at
            return torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"(?:GLOBAL|global|class|function) ([\w.]*\.[\w.]+)", str(error))
        if named:
            what = f"holds a pickled {named[1]}, and pickled objects are never executed"
            raise InputError(path, what, RESAVE) from None
        raise InputError(path, "is not a file that torch.save wrote with its default protocol", RESAVE) from None
    except RuntimeError as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise InputError(path, f"cannot be loaded ({reason})", CUT_SHORT) from None
    except Exception:  # the unpickler raises whatever it stumbles over in a damaged file
        raise InputError(path, "is damaged, or is not a file that torch.save wrote", CUT_SHORT) from None


def _load_safetensors(data: bytes, path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(data)
    except SafetensorError as error:
        raise InputError(path, f"is not a valid safetensors file ({error})", "Save it again.") from None


def _load_numpy(data: bytes, path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = np.load(BytesIO(data), allow_pickle=False)
            arrays = dict(loaded) if isinstance(loaded, Mapping) else loaded
    except Exception as error:  # NumPy raises whatever it stumbles over in a damaged file
        raise _numpy_error(path, error) from None
    if isinstance(arrays, dict):
        return {name: _to_tensor(array, f"{path}, {name}") for name, array in arrays.items()}
    return _to_tensor(arrays, str(path))


def _to_tensor(array: Any, where: str) -> torch.Tensor:
    if not isinstance(array, np.ndarray):
        raise InputError(where, "is no NumPy array", "Save plain arrays: np.savez(path, loc=loc, conf=conf).")
    try:
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C", copy=False))
    except TypeError:
        what = f"holds an array of {array.dtype}, which is no number type of torch"
        raise InputError(where, what, "Save floats and integers.") from None


def _numpy_error(path: Path, error: Exception) -> InputError:
    if "pickle" in str(error).lower():
        what = "holds pickled objects, which are never executed, or is no NumPy file"
        return InputError(path, what, "Save plain arrays: np.savez(path, loc=loc, conf=conf).")
    return InputError(path, f"cannot be loaded ({error or type(error).__name__})", CUT_SHORT)
