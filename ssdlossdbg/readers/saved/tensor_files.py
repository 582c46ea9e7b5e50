"""What files of tensors hold, without ever executing it, and what is handed over in memory instead."""

from __future__ import annotations

import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import explained, is_file, open_file
from ssdlossdbg.readers.memory import check_unpacked
from ssdlossdbg.readers.saved.captured import header_of
from ssdlossdbg.readers.what_it_is import what_it_is
from ssdlossdbg.results.captured import Captured

# A tensor or array, or the tuples, lists and mappings of them that a file could hold.
Tensors = torch.Tensor | np.ndarray[Any, Any] | Mapping[Any, Any] | Sequence[Any]
RESAVE = "Re-save plain tensors, detached and on the CPU: torch.save(tensor.detach().cpu(), ...)."
CUT_SHORT = "It may be cut short: copy it again, or save plain tensors again."
# NumPy looks for each in a list of all.
MOST_ARRAYS = 10_000
# From so many bytes on a file is mapped, not read: its numbers then take their place in memory once, as they are looked
# at. Smaller ones are read, so that nothing that is kept of them hangs on a file that somebody saves anew.
LEAST_MAPPED = 2**24
NUMBERS = (
    "float16", "bfloat16", "float32", "float64", "bool",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
)  # fmt: skip


@dataclass(frozen=True)
class Saved:
    """What a file holds, or what was handed over as if from one.

    Attributes:
        value: a tensor, or tuples, lists and mappings of tensors; every tensor dense, real and on the CPU.
        where: the file, or what the value was handed over as; errors begin with it.
        captured: what a capture says of the batch; None of what no capture wrote.
    """

    value: Any
    where: str
    captured: Captured | None = None


def load(path: Path) -> Saved:
    """What a `.pt`/`.pth`, `.safetensors`, `.npz` or `.npy` file holds.

    Args:
        path: the file; its ending says the format.

    Raises:
        InputError: the file cannot be read, is cut short, holds pickled objects, which are never executed, or
            tensors of another kind than dense real numbers or of more than memory has room for.
    """
    loader = LOADERS.get(path.suffix.lower())
    if loader is None and not is_file(path):
        with explained(path):
            open_file(path).close()  # which says what is wrong with it
    if loader is None:
        known = ", ".join(LOADERS)
        raise InputError(path, f"has the ending {path.suffix!r}, which says no tensor format", f"Known: {known}.")
    with explained(path):
        file = open_file(path)
    # Read as it is loaded, or mapped: its bytes beside the tensors would take as much again.
    with file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise InputError(path, "is empty", "Save the tensors again.")
        check_unpacked(_in_archive(file), size, path)
        file.seek(0)
        try:
            saved = _usual(loader(file, path), str(path))
        except InputError as error:
            file.seek(0)
            raise what_it_is(path, file.read(4096), OWN[loader]) or error from None
        check_unpacked(_needed(saved.value), size, path)
        captured = None
        if loader is _load_safetensors:
            file.seek(0)
            captured = header_of(file, path)
    return Saved(saved.value, saved.where, captured)


def as_saved(given: str | PathLike[str] | Tensors | Saved, where: str) -> Saved:
    """What a file holds that a user named, or the tensors that a user gave in its place.

    Args:
        given: a path, or tensors on any device and NumPy arrays, bare or in tuples, lists and mappings; or what was
            made of such before.
        where: what to call tensors in errors.

    Raises:
        InputError: as of `load`, or tensors or arrays that no file could have held.
    """
    if isinstance(given, Saved):
        return given
    if isinstance(given, (str, PathLike)):
        return load(Path(given))
    return _usual(_at_hand(given, where), where)


def _at_hand(value: Any, where: str) -> Any:
    """The same as if it had been loaded."""
    if isinstance(value, torch.Tensor):
        return value if _unusual(value) else value.detach().cpu()
    if isinstance(value, np.ndarray):
        return _to_tensor(value, where)
    if isinstance(value, Mapping):
        return {key: _at_hand(item, where) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        items = [_at_hand(item, where) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def _usual(value: Any, where: str) -> Saved:
    """The value, every tensor of which can be computed with."""
    for tensor in _tensors(value):
        kind = _unusual(tensor)
        if kind:
            raise _unusual_error(where, kind)
    return Saved(value, where)


def _in_archive(file: BinaryIO) -> int:
    """Bytes that the parts of an archive say they have, unpacked; 0 where it is none that can be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            return sum(part.file_size for part in archive.infolist())
    except Exception:  # as of NumPy: whatever it stumbles over, which the loader will say
        return 0


def _worth_mapping(file: BinaryIO) -> bool:
    return os.fstat(file.fileno()).st_size >= LEAST_MAPPED


def _is_stored(file: BinaryIO) -> bool:
    """Whether a file of torch.save's holds its tensors as they are, as it does unless somebody packed it again."""
    begins, _ = file.read(4), file.seek(0)
    if begins != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return all(part.compress_type == zipfile.ZIP_STORED for part in archive.infolist())
    except Exception:  # as of NumPy: whatever it stumbles over, which the loader will say
        return False
    finally:
        file.seek(0)


def _needed(saved: Any) -> int:
    """Bytes that the tensors in what was saved take once each has its own, however often one comes up.

    Numbers that are repeated (`expand`) and lists that are there many times take none in a file.
    """
    total: dict[int, int] = {}
    queue = [(saved, False)]
    while queue:
        item, seen = queue.pop()
        if isinstance(item, torch.Tensor):
            total[id(item)] = item.numel() * item.element_size()
        elif seen:
            total[id(item)] = sum(total[id(each)] for each in _inside(item))
        elif id(item) not in total:
            total[id(item)] = 0  # which is also what it adds to itself, where it holds itself
            queue.append((item, True))
            queue.extend((each, False) for each in _inside(item))
    return total[id(saved)]


def _inside(item: Any) -> Iterable[Any]:
    """What a container holds; nothing of what is none."""
    return item.values() if isinstance(item, Mapping) else item if isinstance(item, (list, tuple)) else ()


def keys_of(saved: Mapping[Any, Any]) -> str:
    """The keys of a mapping, for messages; a checkpoint has hundreds."""
    shown = [str(key)[:60] for key in list(saved)[:12]] + (["..."] if len(saved) > 12 else [])
    return ", ".join(shown) or "none"


def _tensors(saved: Any) -> Iterator[torch.Tensor]:
    """Every tensor in what was saved, which may even hold itself."""
    queue, seen = [saved], set()
    while queue:
        item = queue.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, torch.Tensor):
            yield item
        queue.extend(_inside(item))


def _unusual_error(where: object, kind: str) -> InputError:
    return InputError(where, f"holds a {kind} tensor", "Save dense tensors of real numbers, such as float32.")


def _unusual(tensor: torch.Tensor) -> str | None:
    """What keeps a tensor from being computed with like any other, or None."""
    number = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_nested or tensor.is_meta:
        return "nested" if tensor.is_nested else "meta"
    if tensor.layout is not torch.strided:
        return str(tensor.layout).removeprefix("torch.")
    return None if number in NUMBERS else number


def _load_torch(file: BinaryIO, path: Path) -> Any:
    mapped = _worth_mapping(file) and _is_stored(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of beta layouts and pickle protocols: what was loaded is looked at
            return torch.load(path if mapped else file, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        named = re.search(r"(?:GLOBAL|global|class|function) ([\w.]*\.[\w.]+)", str(error))
        if named:
            what = f"holds a pickled {named[1]}, and pickled objects are never executed"
            raise InputError(path, what, RESAVE) from None
        raise InputError(path, "is not a file that torch.save wrote with its default protocol", RESAVE) from None
    except RuntimeError as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        if "TorchScript" in reason:
            raise InputError(path, "is a TorchScript program, which is never executed", RESAVE) from None
        raise InputError(path, f"cannot be loaded ({reason})", CUT_SHORT) from None
    except Exception:  # the unpickler raises whatever it stumbles over in a damaged file
        raise InputError(path, "is damaged, or is not a file that torch.save wrote", CUT_SHORT) from None


def _load_safetensors(file: BinaryIO, path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load, load_file

    try:
        return load_file(path) if _worth_mapping(file) else load(file.read())
    except SafetensorError as error:
        raise InputError(path, f"is not a valid safetensors file ({error})", "Save it again.") from None
    except KeyError as error:  # of the table of dtypes
        raise _unusual_error(path, error.args[0]) from None


def _load_numpy(file: BinaryIO, path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mapped = path.suffix.lower() == ".npy" and _worth_mapping(file)
            # Copied as soon as it is written to, which nobody here does.
            loaded = np.load(path if mapped else file, mmap_mode="c" if mapped else None, allow_pickle=False)
            if isinstance(loaded, Mapping) and len(loaded) > MOST_ARRAYS:
                what = f"holds {len(loaded):,} arrays, and at most {MOST_ARRAYS:,} are looked at"
                raise InputError(path, what, "Save a batch a file.")
            arrays = dict(loaded) if isinstance(loaded, Mapping) else loaded
    except InputError:
        raise
    except Exception as error:  # NumPy raises whatever it stumbles over in a damaged file
        raise _numpy_error(path, error) from None
    if isinstance(arrays, dict):
        return {name: _to_tensor(array, f"{path}, {name}") for name, array in arrays.items()}
    return _to_tensor(arrays, str(path))


def _to_tensor(array: Any, where: str) -> torch.Tensor:
    if not isinstance(array, np.ndarray):
        raise InputError(where, "is no NumPy array", "Save plain arrays: np.savez(path, loc=loc, conf=conf).")
    try:
        native = array.astype(array.dtype.newbyteorder("="), order="C", copy=not array.flags.writeable)
        return torch.from_numpy(native)
    except TypeError:
        what = f"holds an array of {array.dtype}, which is no number type of torch"
        raise InputError(where, what, "Save floats and integers.") from None


def _numpy_error(path: Path, error: Exception) -> InputError:
    if "pickle" in str(error).lower():
        what = "holds pickled objects, which are never executed, or is no NumPy file"
        return InputError(path, what, "Save plain arrays: np.savez(path, loc=loc, conf=conf).")
    return InputError(path, f"cannot be loaded ({error or type(error).__name__})", CUT_SHORT)


LOADERS: dict[str, Callable[[BinaryIO, Path], Any]] = {
    ".pt": _load_torch,
    ".pth": _load_torch,
    ".safetensors": _load_safetensors,
    ".npz": _load_numpy,
    ".npy": _load_numpy,
}
TENSOR_ENDINGS = frozenset(LOADERS)
# What a file of such an ending is by rights, and whose loader says best what is wrong with it.
OWN: dict[Callable[[BinaryIO, Path], Any], tuple[str, ...]] = {
    _load_torch: ("tensors that torch", "pickled", "an archive (zip)", "an archive (tar)"),
    _load_safetensors: ("tensors of safetensors",),
    _load_numpy: ("an array", "arrays of NumPy", "an archive (zip)", "pickled"),
}
