"""Files that are mapped rather than read, and how often commands load each."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.cli.swapped import either_way
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.saved import pairing, tensor_files
from ssdlossdbg.readers.saved.tensor_files import Saved, load

SAMPLE = Path(__file__).parents[3] / "sample_data"
VALUE = torch.arange(5000.0).reshape(50, 100)
WRITERS: dict[str, Callable[[Path], object]] = {
    "a.pt": lambda path: torch.save({"loc": VALUE, "conf": [VALUE + 1]}, path),
    "a.safetensors": lambda path: save_file({"loc": VALUE}, path),
    "a.npy": lambda path: np.save(path, VALUE.numpy()),
    "fortran.npy": lambda path: np.save(path, np.asfortranarray(VALUE.numpy())),
    "big_endian.npy": lambda path: np.save(path, VALUE.numpy().astype(">f4")),
    "a.npz": lambda path: np.savez(path, loc=VALUE.numpy()),
    "legacy.pt": lambda path: torch.save({"loc": VALUE}, path, _use_new_zipfile_serialization=False),
}
MAPPED = {"a.pt", "a.safetensors", "a.npy"}


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Map files of any size."""
    monkeypatch.setattr(tensor_files, "LEAST_MAPPED", 1)


def is_mapped(path: Path) -> bool:
    """Whether some of this process's memory is that file."""
    return str(path) in Path("/proc/self/maps").read_text()


def first_of(value: Any) -> Tensor:
    """The tensor called loc, or the only one."""
    found: Tensor = value["loc"] if isinstance(value, dict) else value
    return found


@pytest.mark.usefixtures("everything_is_large")
@pytest.mark.parametrize("name", WRITERS)
def test_a_large_file_is_mapped_and_holds_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    before = path.read_bytes()
    saved = load(path)
    assert torch.equal(first_of(saved.value), VALUE)
    if Path("/proc/self/maps").exists():
        assert is_mapped(path) is (name in MAPPED)
    first_of(saved.value).add_(1)
    assert path.read_bytes() == before, "whatever is done to its numbers"


def test_a_small_file_is_read(tmp_path: Path) -> None:
    """So that it may be saved anew while what came of it is still looked at."""
    for name, write in WRITERS.items():
        write(tmp_path / name)
        saved = load(tmp_path / name)
        with (tmp_path / name).open("wb"):
            pass
        assert torch.equal(first_of(saved.value), VALUE)


@pytest.mark.usefixtures("everything_is_large")
def test_priors_are_no_part_of_a_mapped_file(tmp_path: Path) -> None:
    boxes = torch.load(SAMPLE / "preds.pt", weights_only=True)[2]
    for dtype in (torch.float32, torch.float64):
        torch.save(boxes.to(dtype), tmp_path / "priors.pt")
        named = load_priors(str(tmp_path / "priors.pt"))
        with (tmp_path / "priors.pt").open("wb"):
            pass
        assert torch.equal(named.priors.boxes, boxes)


@pytest.mark.usefixtures("everything_is_large")
def test_an_archive_that_somebody_packed_is_read(tmp_path: Path) -> None:
    torch.save({"loc": VALUE}, tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for part in plain.infolist():
            packed.writestr(part.filename, plain.read(part))
    assert torch.equal(first_of(load(tmp_path / "packed.pt").value), VALUE)


@pytest.mark.usefixtures("everything_is_large")
@pytest.mark.parametrize("name", WRITERS)
def test_what_is_cut_short_is_refused_mapped_or_not(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for length in (len(whole) // 2, len(whole) - 100, 100, 5):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(InputError) as caught:
            load(tmp_path / name)
        assert caught.value.where.startswith(str(tmp_path / name))


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was loaded."""
    counts = Counter[str]()

    def counting(path: Path) -> Saved:
        counts[Path(path).name] += 1
        return load(path)

    for module in (tensor_files, pairing):
        monkeypatch.setattr(module, "load", counting)
    return counts


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions and targets, whose names say so."""
    made = tmp_path / "a_preds.pt", tmp_path / "a_targets.pt"
    for path in made:
        shutil.copy(SAMPLE / path.name.partition("_")[2], path)
    return made


@pytest.mark.parametrize("command", ["loss", "detect", "compare"])
def test_each_file_is_loaded_once_whichever_way_round(
    command: str, files: tuple[Path, Path], loaded: Counter[str]
) -> None:
    for given in (files, files[::-1]):
        either_way(getattr(api, command), *given)
        assert loaded == {"a_preds.pt": 1, "a_targets.pt": 1}
        loaded.clear()


def test_each_file_is_loaded_once_where_neither_way_holds(files: tuple[Path, Path], loaded: Counter[str]) -> None:
    def refuse(*given: object) -> None:
        raise InputError("a", f"refused {len(given)}", "Give up.")

    with pytest.raises(InputError, match="refused 2"):
        either_way(refuse, *files)
    assert loaded == {"a_preds.pt": 1, "a_targets.pt": 1}


def test_check_loads_each_file_once(files: tuple[Path, Path], loaded: Counter[str]) -> None:
    for given in ([*files], [files[0].parent], [files[1], files[0]]):
        assert api.check(given).files.tensors == 2
        assert loaded == {"a_preds.pt": 1, "a_targets.pt": 1}
        loaded.clear()
