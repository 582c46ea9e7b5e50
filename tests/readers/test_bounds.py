"""What is too large, too deep or too far off is refused before anything is made of it, with the figure."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ssdlossdbg
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox import priors
from ssdlossdbg.readers import files, memory
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.files import read_bytes, read_table, read_text
from ssdlossdbg.readers.named_priors import recognise_priors
from ssdlossdbg.readers.prior_configs import load_prior_config
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.targets import recognise_targets
from ssdlossdbg.readers.saved.tensor_files import Saved, load
from ssdlossdbg.readers.saved_batches import recognise_batch

Refused = Callable[[Callable[[], object]], InputError]
SavedFile = Callable[..., Path]
SSD_PYTORCH = load_dialect("ssd.pytorch")
ONE = torch.zeros(1)


# Files


def test_file_larger_than_memory(tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(3000))
    monkeypatch.setattr(memory, "MOST", 2048)
    error = refused(lambda: read_bytes(path))
    assert error.what == "cannot be read (it has 2.9 KiB, and may have 2.0 KiB)"
    assert error.fix == "Split it, or name the right file."
    monkeypatch.setattr(memory, "MOST", 3000)
    assert len(read_bytes(path)) == 3000


def test_no_more_than_half_of_what_the_process_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_memory", lambda: 1000.0)
    assert memory.most_bytes() == 500
    monkeypatch.setattr(memory, "_memory", lambda: float("inf"))
    assert memory.most_bytes() == memory.MOST


def test_a_sparse_file_takes_nothing(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.toml"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert "it has 1,024.0 GiB" in refused(lambda: read_text(path)).what
    assert "may have 976.6 KiB" in refused(lambda: read_table(path)).what


@pytest.mark.parametrize(("name", "text"), [("a.xml", "<annotation/>"), ("a.txt", "0 0.5 0.5 0.1 0.1")])
def test_annotation_of_one_image(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "labels" / name
    path.parent.mkdir()
    with path.open("w") as file:
        file.write(text)
        file.truncate(files.LARGEST_OF_IMAGE + 1)
    dataset = load_dataset(path, ("cat",))
    assert [str(each.error) for each in dataset.refused] == [
        f"{path}: cannot be read (it has 64.0 MiB, and may have 64.0 MiB). Split it, or name the right file."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x = {" + ".".join("a" * 201) + " = 1}",
        "x = {b = 1, " + '"a" . ' * 200 + "c = 1}",
        "'a'\t.'b'." * 101 + "c = 1",
        "[" + '"a\\"".' * 201 + "b]",
        "[[" + "a-1." * 201 + "b]]",
    ],
)
def test_a_key_of_very_many_parts_however_it_is_written(text: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    assert refused(lambda: read_table(path)).what == "has a key of more than 200 parts"


def test_many_numbers_with_a_point_are_no_key(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(f"a = {[0.5] * 1000}\nb = '{'x.' * 150}'")
    assert len(read_table(path)["a"]) == 1000


@pytest.mark.parametrize(("name", "text"), [("a.toml", "a = " + "[" * 5000), ("a.json", '{"a":' * 100_000)])
def test_deep_nesting(name: str, text: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert refused(lambda: read_table(path)).what == "is nested too deeply"


# Tensors


@pytest.mark.parametrize(
    "value",
    [
        ONE.expand(10**6, 8732, 4),
        {"loc": ONE, "conf": ONE.expand(10**10)},
        [ONE.expand(10**5, 5)] * 10**4,
        [[ONE.expand(10**9)], (ONE,)],
    ],
    ids=["tensor", "mapping", "list", "nested"],
)
def test_numbers_that_are_repeated(value: Any, saved: SavedFile, refused: Refused) -> None:
    path = saved(value)
    error = refused(lambda: load(path))
    assert error.where == str(path)
    assert error.what.startswith("holds tensors that would take ")
    assert error.what.endswith("are there: packed, or repeated (`expand`)")


def test_lists_of_lists_that_double(saved: SavedFile, refused: Refused) -> None:
    doubled: Any = [torch.zeros(1000)]
    for _ in range(100):
        doubled = [doubled, doubled]
    assert "would take" in refused(lambda: load(saved(doubled))).what


def test_more_tensors_than_memory(saved: SavedFile, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved([torch.zeros(1000), torch.zeros(1000)])
    monkeypatch.setattr(memory, "MOST", 2 * path.stat().st_size)
    assert len(load(path).value) == 2
    monkeypatch.setattr(memory, "MOST", path.stat().st_size)  # holds the file, but not the priors given beside it
    shared = torch.zeros(1000)
    assert refused(lambda: load(saved([shared] * 9))).what == "holds tensors that would take 35.2 KiB"


@pytest.mark.parametrize("name", ["a.npz", "a.pt"])
def test_packed_zeros(name: str, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("loc.npy" if name == "a.npz" else "a/data/0", bytes(2**22))
    monkeypatch.setattr(memory, "LARGEST_UNPACKED", 2**21)
    assert refused(lambda: load(path)).what.startswith("holds tensors that would take 4.0 MiB, of which 4.")


def test_tensors_as_large_as_may_be_packed(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LARGEST_UNPACKED", 2**21)
    memory.check_unpacked(2**21, 1, "a.pt")
    assert refused(lambda: memory.check_unpacked(2**21 + 1, 1, "a.pt")).what.endswith("packed, or repeated (`expand`)")


def test_archive_of_very_many_arrays(tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, *(np.zeros(1) for _ in range(4)))
    monkeypatch.setattr("ssdlossdbg.readers.saved.tensor_files.MOST_ARRAYS", 3)
    assert refused(lambda: load(path)).what == "holds 4 arrays, and at most 3 are looked at"


@pytest.mark.parametrize("dtype", ["F8_E8M0", "F4", "F6_E2M3"])
def test_dtypes_of_safetensors_that_torch_has_not(dtype: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.safetensors"
    size = {"F8_E8M0": 8, "F4": 4, "F6_E2M3": 6}[dtype]
    header = json.dumps({"loc": {"dtype": dtype, "shape": [8], "data_offsets": [0, size]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))
    assert refused(lambda: load(path)).what == f"holds a {dtype} tensor"


def test_torchscript(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a/data.pkl", "a/constants.pkl", "a/version"):
            archive.writestr(name, b"3\n")
        archive.writestr("a/code/__torch__.py", b"")
    error = refused(lambda: load(path))
    assert error.what == "is a TorchScript program, which is never executed"
    assert "Re-save plain tensors" in error.fix


# Classes


@pytest.mark.parametrize("label", [1e9, 1e30, -1e9, float(2**62)])
def test_a_class_id_beyond_every_list(label: float, refused: Refused) -> None:
    rows = Saved([torch.tensor([[0.1, 0.1, 0.5, 0.5, 1.0], [0.1, 0.1, 0.5, 0.5, label]])], "t.pt")
    error = refused(lambda: recognise_batch(None, rows, "ssd300", SSD_PYTORCH, SavedLayout()))
    assert (error.where, error.code) == ("t.pt, image 0, object 1", "LBL001")
    assert error.what == f"has the label {label:g}, and no network has as many classes"


def test_a_class_id_of_int64(refused: Refused) -> None:
    saved = Saved([{"boxes": torch.tensor([[1.0, 1, 50, 50]]), "labels": torch.tensor([2**63 - 1])}], "t.pt")
    assert "no network" in refused(lambda: recognise_targets(saved, SSD_PYTORCH, shape=(1, 8732, 21))).what


@pytest.mark.parametrize("label", [10**9, float("nan"), float("inf")])
def test_encoded_labels(label: float, refused: Refused) -> None:
    labels = torch.zeros(1, 8732, dtype=torch.float64)
    labels[0, 5] = label
    saved = Saved({"labels": labels, "locations": torch.zeros(1, 8732, 4)}, "t.pt")
    error = refused(lambda: recognise_batch(None, saved, "ssd300", SSD_PYTORCH, SavedLayout()))
    assert error.where == "t.pt, image 0, prior 5"


@pytest.mark.parametrize("offset", [100_001, -(10**30), 2**63])
def test_offset_of_labels(offset: int, refused: Refused) -> None:
    assert refused(lambda: SavedLayout(label_offset=offset)).where == "label_offset"


# Priors


def config(folder: Path, text: str, shapes: str = "[[30, 30]]") -> str:
    """The path of a config of one level of one cell."""
    path = folder / "c.toml"
    path.write_text(f"image_size = 300\n{text}\n[[levels]]\nfeature_map = 1\nshapes = {shapes}\n")
    return str(path)


@pytest.mark.parametrize(
    ("text", "shapes", "what"),
    [
        ("offset = 1e308", "[[1, 1]]", "key offset: must be from -100 to 100"),
        ("offset = nan", "[[1, 1]]", "key offset: must be from -100 to 100"),
        ("", str([[1, 1]] * 1001), "key levels: must hold at most 1,000 shapes, not 1,001"),
        ("[[levels]]\nfeature_map = 1\nshapes = [[1, 1]]\n" * 200, "[[1, 1]]", "must hold at most 200 levels, not 201"),
        ("[[levels]]\nfeature_map = 1500\nshapes = [[1, 1]]", "[[1, 1]]", "at most 2,000,000 priors, not 2,250,001"),
    ],
    ids=["offset", "no offset", "shapes", "levels", "priors"],
)
def test_configs(text: str, shapes: str, what: str, tmp_path: Path, refused: Refused) -> None:
    assert what in refused(lambda: load_prior_config(config(tmp_path, text, shapes))).what


def grid_of(rows: int) -> Tensor:
    """`[rows, 4]` priors below each other, each in a column of its own, so that no two make a grid."""
    step = torch.arange(rows) / rows
    return torch.stack((step.flip(0), step.flip(0), torch.full_like(step, 0.1), torch.full_like(step, 0.1)), 1)


def test_levels_of_no_grid_are_not_looked_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, whole = list[int](), priors._leading_grid

    def counted(centres: Tensor) -> tuple[int, int, int]:
        looked.append(len(centres))
        return whole(centres)

    monkeypatch.setattr(priors, "_leading_grid", counted)
    assert priors.infer_levels(grid_of(1000), (300, 300))[0] == ()
    assert len(looked) == 201


@pytest.mark.parametrize(("value", "where"), [(1e38, "priors[3]"), (-2e6, "priors[3]")])
def test_saved_priors_far_off(value: float, where: str, refused: Refused) -> None:
    boxes = grid_of(10)
    boxes[3, 2] = value
    error = refused(lambda: recognise_priors(boxes, "p.pt", SavedLayout(image_size=300)))
    assert error.where == f"p.pt, {where}"
    assert error.fix == "No prior lies so far off; save them again."


def test_saved_priors_too_many(refused: Refused) -> None:
    boxes = torch.zeros(1, 4).expand(2_000_001, 4)
    assert refused(lambda: recognise_priors(boxes, "p.pt")).what.startswith("holds 2,000,001 priors")


def test_the_coordinate_that_is_in_pixels_is_said(refused: Refused) -> None:
    boxes = grid_of(10)
    boxes[3, 0] = -700
    assert refused(lambda: recognise_priors(boxes, "p.pt")).what == "reach -700, so they are in pixels"


# Folders


def test_folder_that_may_not_be_listed(tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    shut, listed = tmp_path / "shut", os.scandir
    shut.mkdir()
    (tmp_path / "a.xml").write_text("<annotation/>")

    def scan(folder: str) -> Any:
        if str(folder) == str(shut):
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(os, "scandir", scan)
    error = refused(lambda: load_dataset(tmp_path))
    assert error.where == str(shut)
    assert error.what == "is a folder that cannot be listed (Permission denied)"
    shut.rename(tmp_path / "lost+found")
    shut = tmp_path / "lost+found"
    assert load_dataset(tmp_path).names == ("a",)


# Memory of the work


def test_work_that_memory_has_no_room_for(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_memory", lambda: 1000.0)
    memory.check_room(800, "a.pt", "has 8 images")
    error = refused(lambda: memory.check_room(801, "a.pt", "has 8 images"))
    assert error.what == "has 8 images, which would take about 801 bytes of memory, and there are 800 bytes"


def test_overlaps_of_very_many_objects(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only rules that match greedily hold them, and only of priors that stand on no grid."""
    monkeypatch.setattr(memory, "_memory", lambda: float(2**24))
    boxes = torch.tensor([[0.1, 0.1, 0.5, 0.5]]).repeat(200, 1)
    targets = [{"boxes": boxes, "labels": torch.ones(200, dtype=torch.int64)}]
    preds = {"loc": torch.zeros(1, 8732, 4), "conf": torch.zeros(1, 8732, 3)}
    made = priors.generate_priors(load_prior_config("ssd300").spec).boxes
    anywhere = made[torch.randperm(len(made), generator=torch.Generator().manual_seed(0))]
    error = refused(lambda: ssdlossdbg.loss(preds, targets, priors=anywhere, dialect="caffe", device="cpu"))
    assert error.what.startswith("has up to 200 objects in an image, for 8,732 priors, which would take")
    ssdlossdbg.loss(preds, targets, priors=anywhere, dialect="ssd.pytorch", device="cpu")
    ssdlossdbg.loss(preds, targets, priors="ssd300", dialect="caffe", device="cpu")
    monkeypatch.setattr(memory, "_memory", lambda: float(2**20))
    few = [{name: column[:1] for name, column in targets[0].items()}]
    error = refused(lambda: ssdlossdbg.compare(preds, few, priors="ssd300", device="cpu"))
    assert error.what.startswith("has 1 images of 8,732 priors and 3 classes, which would take")
