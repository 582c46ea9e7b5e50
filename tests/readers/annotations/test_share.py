"""Datasets that several processes read together: each gets what one would have read."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.annotations import Dataset, Share, Table, load_dataset

Refused = Callable[[Callable[[], object]], InputError]


class Ranks:
    """Processes, played by threads, that exchange their tables as processes would: pickled."""

    def __init__(self, ranks: int) -> None:
        self.tables: list[Table] = [None] * ranks  # type: ignore[list-item]
        self._barrier = Barrier(ranks, timeout=30)

    def load(self, path: Path, classes: tuple[str, ...] = ()) -> list[Dataset | InputError]:
        """What each rank gets, or the error that it ends in."""
        ranks = range(len(self.tables))
        with ThreadPoolExecutor(len(ranks)) as pool:
            return list(pool.map(lambda rank: self._load(rank, path, classes), ranks))

    def _load(self, rank: int, path: Path, classes: tuple[str, ...]) -> Dataset | InputError:
        def gather(table: Table) -> list[Table]:
            self.tables[rank] = pickle.loads(pickle.dumps(table))
            self._barrier.wait()
            return self.tables

        try:
            return load_dataset(path, classes, share=Share(rank, len(self.tables), gather))
        except InputError as error:
            return error


def written(folder: Path, files: dict[str, str]) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def voc(*labels: str) -> str:
    """A Pascal VOC file."""
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    objects = "".join(f"<object><name>{label}</name>{box}</object>" for label in labels)
    return f"<annotation><size><width>9</width><height>8</height></size>{objects}</annotation>"


@pytest.fixture
def voc_folder(tmp_path: Path) -> Path:
    """Pascal VOC, with files that are broken, empty, without objects, or something else."""
    files = {
        "Annotations/a b.xml": voc("cat", "dog"),
        "Annotations/broken.xml": "<annotation>",
        "Annotations/empty.xml": "",
        "Annotations/none.xml": voc(),
        "Annotations/pom.xml": "<project/>",
        "Annotations/z/猫.xml": voc("fish", "cat", "猫"),
        "Annotations/zz.xml": voc("dog"),
        "ImageSets/Main/train.txt": "zz\nlost\nbroken\na b\nz/猫\nnone\n",
    }
    return written(tmp_path / "VOC", files)


@pytest.fixture
def yolo_folder(tmp_path: Path) -> Path:
    """YOLO, with files that are broken or empty, and lists that name photos without labels."""
    files = {
        "labels/train/a b.txt": "0 .5 .5 .2 .2\n2 .5 .5 .1 .1",
        "labels/train/broken.txt": "0 .5",
        "labels/train/empty.txt": "",
        "labels/val/猫.txt": "1 .5 .5 .2 .2\n7 .5 .5 .1 .1\n2 .5 .5 .1 .1",
        "classes.txt": "cat\ndog\nfish",
        "data.yaml": "train: images/train\nval: [images/lost, images/val]\nnames: [cat, dog, fish]",
        "train.txt": "images/val/猫.jpg\nimages/train/none.jpg\nimages/train/broken.jpg\nimages/train/a b.jpg\n",
        "lists.yaml": "train: train.txt\nval: images/train\nnames: [cat, dog, fish]",
    }
    return written(tmp_path / "YOLO", files)


def assert_same(dataset: Dataset | InputError, expected: Dataset) -> None:
    assert isinstance(dataset, Dataset)
    for field in fields(Dataset):
        one, other = getattr(dataset, field.name), getattr(expected, field.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        elif field.name == "refused":
            assert [(file, str(error)) for file, error, _ in one] == [(file, str(error)) for file, error, _ in other]
        else:
            assert one == other


@pytest.mark.parametrize(
    ("path", "images", "classes", "ranks"),
    [
        (*of, (), ranks) if turn % 2 else (*of, ("cat", "dog"), ranks + 1)
        for turn, of in enumerate(
            [
                ("VOC", 4),
                ("VOC/ImageSets/Main/train.txt", 4),
                ("VOC/Annotations/zz.xml", 1),
                ("YOLO", 4),
                ("YOLO/data.yaml", 4),
                ("YOLO/train.txt", 4),
                ("YOLO/lists.yaml", 5),
            ]
        )
        for ranks in (1, 8)
    ],
)
def test_all_ranks_get_the_whole(
    path: str, images: int, classes: tuple[str, ...], ranks: int, voc_folder: Path, yolo_folder: Path
) -> None:
    assert voc_folder.parent == yolo_folder.parent
    whole = voc_folder.parent / path
    expected = load_dataset(whole, classes)
    assert len(expected.names) == images
    for dataset in Ranks(ranks).load(whole, classes):
        assert_same(dataset, expected)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_each_rank_reads_its_part(ranks: int, yolo_folder: Path) -> None:
    together = Ranks(ranks)
    together.load(yolo_folder)
    read = [len(table.names) for table in together.tables]
    assert sum(read) == 4
    assert max(read) - min(read) <= 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"images": [{"id": 1, "file_name": "a"}], "annotations": [], "categories": []}'),
        ("a.csv", "ImageID,LabelName,XMin,YMin,XMax,YMax\na,/m/1,0,0,1,1"),
    ],
)
def test_a_single_file_is_read_by_every_rank(name: str, text: str, tmp_path: Path) -> None:
    path = written(tmp_path, {name: text}) / name

    def gather(_: Table) -> list[Table]:
        raise AssertionError("there is nothing to gather")

    assert_same(load_dataset(path, share=Share(1, 2, gather)), load_dataset(path))


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("pom.xml", "<project/>", "."),
        ("README.txt", "words", "."),
        ("labels/a.txt", "0 .5 .5 .2 .2", "."),
        ("data.yaml", "train: lost\nnames: [a]", "data.yaml"),
        ("ImageSets/Main/train.txt", "a", "ImageSets/Main/train.txt"),
        ("train.txt", "images/a.jpg", "train.txt"),
    ],
)
def test_all_ranks_end_in_the_same_error(file: str, text: str, named: str, tmp_path: Path, refused: Refused) -> None:
    path = written(tmp_path, {file: text}) / named
    expected = refused(lambda: load_dataset(path))
    assert [str(error) for error in Ranks(3).load(path)] == [str(expected)] * 3


@pytest.mark.parametrize(
    "error",
    [InputError("a.xml", "is broken", "Mend it.", "BOX001"), UnknownNameError("--classes", "class", "catt", ["cat"])],
)
def test_errors_survive_pickling(error: InputError) -> None:
    copy: Any = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
