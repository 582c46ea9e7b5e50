"""Saved tensors: every format, nothing of it executed, every damaged or odd file refused."""

from __future__ import annotations

import contextlib
import pickle
import struct
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.saved.tensor_files import load

Refused = Callable[[Callable[[], object]], InputError]
Saved = Callable[..., Path]
LOC = torch.arange(8.0).reshape(1, 2, 4)
CUT_SHORT = "It may be cut short: copy it again, or save plain tensors again."
RESAVE = "Re-save plain tensors, detached and on the CPU: torch.save(tensor.detach().cpu(), ...)."
DENSE = "Save dense tensors of real numbers, such as float32."


class Touch:
    """Creates a file when it is unpickled by anything that executes what a pickle says."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.path, "w")


def held(path: Path) -> Any:
    """What a file holds."""
    return load(path).value


def assert_same(found: Any, expected: Tensor) -> None:
    """Same dtype, shape and values."""
    assert isinstance(found, Tensor)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


# What is read


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.PT"])
def test_torch_file(name: str, legacy: bool, saved: Saved) -> None:
    found = held(saved((LOC, {"conf": LOC + 1}), name, _use_new_zipfile_serialization=not legacy))
    assert isinstance(found, tuple)
    assert_same(found[0], LOC)
    assert_same(found[1]["conf"], LOC + 1)


@pytest.mark.parametrize(
    "dtype",
    [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8, torch.int64, torch.uint8, torch.bool],
    ids=str,
)
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_dtype_is_kept(dtype: torch.dtype, ending: str, tmp_path: Path, saved: Saved) -> None:
    value = torch.tensor([0, 1, 1]).to(dtype)
    path = tmp_path / f"a.{ending}"
    if ending == "pt":
        saved({"loc": value}, path.name)
    else:
        save_file({"loc": value}, path)
    assert_same(held(path)["loc"], value)


@pytest.mark.parametrize(
    "value",
    [
        torch.nn.Parameter(LOC),
        LOC.expand(3, 2, 4),
        LOC.transpose(1, 2),
        torch.tensor(1.5),
        torch.zeros(0, 5),
        torch.tensor([float("nan"), float("inf")]),
    ],
    ids=["parameter", "expanded", "transposed", "zero-dim", "empty", "non-finite"],
)
def test_any_dense_tensor(value: Tensor, saved: Saved) -> None:
    found = held(saved(value))
    torch.testing.assert_close(found.detach(), value.detach(), rtol=0, atol=0, equal_nan=True)


def test_list_that_holds_itself(saved: Saved) -> None:
    endless: list[Any] = [LOC]
    endless.append(endless)
    assert_same(held(saved(endless))[0], LOC)


@pytest.mark.parametrize("value", [None, 3, "text", [], {}, (1, 2), {1, 2}], ids=str)
def test_what_is_no_tensor_is_left_to_the_caller(value: Any, saved: Saved) -> None:
    assert held(saved(value)) == value


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.arange(6, dtype=np.float16),
        np.arange(6, dtype=">f4"),
        np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        np.array(1.5),
        np.zeros((0, 5), dtype=np.int64),
    ],
    ids=["float32", "float16", "big-endian", "fortran", "zero-dim", "empty"],
)
@pytest.mark.parametrize("ending", ["npz", "npy"])
def test_numpy_file(array: np.ndarray[Any, Any], ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    if ending == "npz":
        np.savez_compressed(path, loc=array)
    else:
        np.save(path, array)
    found = held(path)
    tensor = found["loc"] if ending == "npz" else found
    assert tensor.shape == array.shape
    assert tensor.tolist() == array.tolist()


def test_safetensors_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"loc": LOC}, path)
    found = held(path)
    assert list(found) == ["loc"]
    assert_same(found["loc"], LOC)


# Trust


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("wrap", [lambda evil: evil, lambda evil: {"loc": LOC, "conf": [evil]}], ids=["bare", "nested"])
def test_pickled_object_is_never_executed(
    wrap: Callable[[Any], Any], legacy: bool, tmp_path: Path, saved: Saved, refused: Refused
) -> None:
    proof = tmp_path / "executed"
    path = saved(wrap(Touch(proof)), _use_new_zipfile_serialization=not legacy)
    error = refused(lambda: held(path))
    assert (error.where, error.fix) == (str(path), RESAVE)
    assert error.what in {
        "holds a pickled io.open, and pickled objects are never executed",
        "holds a pickled _io.open, and pickled objects are never executed",
    }
    assert not proof.exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("ending", ["pt", "npz", "npy", "safetensors"])
def test_bare_pickle_is_never_executed(ending: str, protocol: int, tmp_path: Path, refused: Refused) -> None:
    path, proof = tmp_path / f"a.{ending}", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Touch(proof), protocol))
    assert refused(lambda: held(path)).where == str(path)
    assert not proof.exists()


@pytest.mark.parametrize("ending", ["npz", "npy"])
def test_object_array_is_never_executed(ending: str, tmp_path: Path, refused: Refused) -> None:
    path, proof = tmp_path / f"a.{ending}", tmp_path / "executed"
    array = np.array([Touch(proof), None], dtype=object)
    if ending == "npz":
        np.savez(path, loc=array, allow_pickle=True)
    else:
        np.save(path, array, allow_pickle=True)
    error = refused(lambda: held(path))
    assert error.what.startswith("holds pickled objects, which are never executed")
    assert error.fix == "Save plain arrays: np.savez(path, loc=loc, conf=conf)."
    assert not proof.exists()


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    ("value", "named"),
    [
        (torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
        (Path("a"), "pathlib."),
        ({"loc": np.zeros(3)}, "numpy."),
    ],
    ids=["module", "path", "array"],
)
def test_refusal_names_the_class(value: Any, named: str, legacy: bool, saved: Saved, refused: Refused) -> None:
    error = refused(lambda: held(saved(value, _use_new_zipfile_serialization=not legacy)))
    assert error.what.startswith(f"holds a pickled {named}")
    assert error.what.endswith(", and pickled objects are never executed")
    assert error.fix == RESAVE


def test_newer_pickle_protocol(saved: Saved, refused: Refused) -> None:
    error = refused(lambda: held(saved(LOC, pickle_protocol=4)))
    assert (error.what, error.fix) == ("is not a file that torch.save wrote with its default protocol", RESAVE)


def test_plain_containers_are_trusted(saved: Saved) -> None:
    assert list(held(saved(OrderedDict(loc=LOC, epoch=3)))) == ["loc", "epoch"]
    assert list(held(saved(torch.nn.Linear(2, 2).state_dict()))) == ["weight", "bias"]


# Tensors that are none to compute with


def odd_tensors() -> dict[str, Tensor]:
    """Tensors by the word that the refusal has for them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "sparse_coo": LOC.to_sparse(),
            "sparse_csr": LOC[0].to_sparse_csr(),
            "complex64": LOC.to(torch.complex64),
            "float8_e4m3fn": LOC.to(torch.float8_e4m3fn),
            "meta": LOC.to("meta"),
            "quint8": torch.quantize_per_tensor(LOC, 0.1, 0, torch.quint8),
            "nested": torch.nested.nested_tensor([LOC[0], LOC[0, :1]]),
        }


@pytest.mark.parametrize(("kind", "tensor"), odd_tensors().items(), ids=str)
@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: [{"boxes": t, "labels": 1}]], ids=["bare", "nested"])
def test_odd_tensor(kind: str, tensor: Tensor, wrap: Callable[[Tensor], Any], saved: Saved, refused: Refused) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = saved(wrap(tensor))
    error = refused(lambda: held(path))
    assert (error.where, error.what, error.fix) == (str(path), f"holds a {kind} tensor", DENSE)


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros(2, complex), "holds a complex128 tensor"),
        (np.array(["cat"]), "holds an array of <U3, which is no number type of torch"),
        (np.array(["2020-01-01"], "M8[D]"), "holds an array of datetime64[D], which is no number type of torch"),
        (np.zeros(2, [("a", "f4")]), "holds an array of [('a', '<f4')], which is no number type of torch"),
    ],
    ids=["complex", "text", "date", "record"],
)
def test_odd_array(array: np.ndarray[Any, Any], what: str, tmp_path: Path, refused: Refused) -> None:
    np.save(tmp_path / "a.npy", array)
    assert refused(lambda: held(tmp_path / "a.npy")).what == what


def test_archive_with_another_file_in_it(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    error = refused(lambda: held(path))
    assert (error.where, error.what) == (f"{path}, readme.txt", "is no NumPy array")


# Damaged files


def whole_files() -> dict[str, bytes]:
    """One good file of each format."""
    files: dict[str, bytes] = {}
    for name, legacy in (("zip.pt", False), ("legacy.pt", True)):
        file = BytesIO()
        torch.save((LOC, LOC), file, _use_new_zipfile_serialization=not legacy)
        files[name] = file.getvalue()
    file = BytesIO()
    np.savez(file, loc=LOC.numpy(), conf=LOC.numpy())
    files["a.npz"] = file.getvalue()
    file = BytesIO()
    np.save(file, LOC.numpy())
    files["a.npy"] = file.getvalue()
    return files


WHOLE = whole_files()


@pytest.mark.parametrize("name", WHOLE)
def test_file_cut_short_anywhere(name: str, tmp_path: Path, refused: Refused) -> None:
    data, path = WHOLE[name], tmp_path / name
    for length in range(1, len(data), max(1, len(data) // 40)):
        path.write_bytes(data[:length])
        assert refused(lambda: held(path)).where.startswith(str(path)), length


@pytest.mark.parametrize("name", WHOLE)
def test_flipped_bytes_never_escape_as_another_exception(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    random = np.random.default_rng(0)
    for _ in range(100):
        data = bytearray(WHOLE[name])
        for place in random.integers(0, len(data), random.integers(1, 6)):
            data[place] = random.integers(0, 256)
        path.write_bytes(data)
        with contextlib.suppress(InputError):
            held(path)


def test_truncated_zip_says_so(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(WHOLE["zip.pt"][:-20])
    error = refused(lambda: held(path))
    assert error.what == (
        "cannot be loaded (PytorchStreamReader failed reading zip archive: failed finding central directory)"
    )
    assert error.fix == CUT_SHORT


@pytest.mark.parametrize("ending", ["pt", "pth", "npz", "npy", "safetensors"])
@pytest.mark.parametrize(
    "data",
    [b"hello\n", b"\0" * 100, b"\x80", b"\xff\xd8\xff\xe0JFIF", b"PK\3\4", b"version https://git-lfs.github.com/spec/v1"],
    ids=["text", "zeros", "start", "jpeg", "zip-start", "lfs"],
)  # fmt: skip
def test_something_else(data: bytes, ending: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(data)
    assert refused(lambda: held(path)).where == str(path)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}",
        "(" * 5000,
    ],
    ids=["petabytes", "overflow", "negative", "more-than-there-is", "deep"],
)
def test_absurd_array_header(header: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n")
    error = refused(lambda: held(path))
    assert error.what.startswith("cannot be loaded (")
    assert error.fix == CUT_SHORT


# No file


@pytest.mark.parametrize("name", ["a.bin", "a", "a.pt.zip", "a.onnx"])
def test_unknown_ending(name: str, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / name).write_bytes(b"x")
    error = refused(lambda: held(tmp_path / name))
    assert error.what == f"has the ending {Path(name).suffix!r}, which says no tensor format"
    assert error.fix == "Known: .pt, .pth, .safetensors, .npz, .npy."


@pytest.mark.parametrize("ending", ["pt", "pth", "npz", "npy", "safetensors"])
def test_no_file(ending: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / f"a.{ending}"
    assert refused(lambda: held(path)).what == "no such file"
    assert refused(lambda: held(tmp_path / f"a\0.{ending}")).what.startswith("cannot be a path")
    assert refused(lambda: held(tmp_path / f"{'x' * 300}.{ending}")).what.startswith("cannot be read")
    path.touch()
    error = refused(lambda: held(path))
    assert (error.where, error.what, error.fix) == (str(path), "is empty", "Save the tensors again.")
    path.unlink()
    path.mkdir()
    assert refused(lambda: held(path)).what == "is a folder, not a file"


def test_reasons_of_libraries_tell_of_no_addresses(tmp_path: Path, refused: Refused) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 4), np.float32))
    damaged = (tmp_path / "a.npy").read_bytes().replace(b"'descr': '<f4'", b"'descr': x<f4  ")
    (tmp_path / "a.npy").write_bytes(damaged)
    what = refused(lambda: held(tmp_path / "a.npy")).what
    assert what.startswith("cannot be loaded (")
    assert " at 0x" not in what
