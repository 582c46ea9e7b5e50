"""Data sets of Hugging Face as Parquet; and what is said where pyarrow is not there.

What a row means is tested on rows that a stand-in for pyarrow hands out, so that it is tested without it, too.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ssdlossdbg
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.annotations.parquet import _label

Refused = Callable[[Callable[[], object]], InputError]


def test_without_pyarrow(tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "train.parquet"
    path.write_bytes(b"PAR1" + bytes(20) + b"PAR1")
    error = refused(lambda: load_dataset(path))
    assert error.what == "is Parquet, which takes pyarrow to read, and that is not installed"
    assert error.fix == "Run: pip install 'ssdlossdbg[parquet]'. Or export its boxes as COCO JSON."


def photo() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (80, 60)).save(buffer, "JPEG")
    return buffer.getvalue()


ROW = {
    "image": {"bytes": photo(), "path": "a.jpg"},
    "image_id": 7,
    "objects": {"id": [1, 2], "bbox": [[8.0, 6.0, 32.0, 24.0], [30.0, 20.0, 40.0, 35.0]], "category": [0, 1]},
}
FEATURES = {"objects": {"feature": {"category": {"names": ["cat", "dog"], "_type": "ClassLabel"}}, "_type": "Sequence"}}


def write(folder: Path, rows: list[dict[str, Any]], features: Any = FEATURES) -> Path:
    arrow = pytest.importorskip("pyarrow", reason="needs the extra `parquet`")
    from pyarrow import parquet

    table = arrow.Table.from_pylist(rows)
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, folder / "train-00000-of-00001.parquet")
    return folder / "train-00000-of-00001.parquet"


@pytest.mark.parametrize("sized", [False, True])
@pytest.mark.parametrize("listed", [False, True])
def test_objects(sized: bool, listed: bool, tmp_path: Path) -> None:
    row: dict[str, Any] = {**ROW, **({"width": 80, "height": 60} if sized else {})}
    if listed:
        objects = row["objects"]
        row["objects"] = [{"bbox": b, "category": c} for b, c in zip(objects["bbox"], objects["category"], strict=True)]
    path = write(tmp_path, [row])
    for dataset in (load_dataset(path), load_dataset(tmp_path)):
        assert (dataset.names, dataset.sizes.tolist(), dataset.labels) == (("a.jpg",), [[80, 60]], ("cat", "dog"))
        np.testing.assert_allclose(dataset.boxes, [(8, 6, 40, 30), (30, 20, 70, 55)])
    assert ssdlossdbg.audit(path, "ssd300", device="cpu").totals.ground_truth == 2


def test_what_is_wrong_with_a_row(tmp_path: Path, refused: Refused) -> None:
    objects = {**ROW["objects"], "bbox": [[8.0, 6.0, 32.0], [30.0, 20.0, 40.0, 35.0]]}  # type: ignore[dict-item]
    path = write(tmp_path, [{**ROW, "objects": objects}])
    [told] = load_dataset(path).refused
    assert told.error.where == f"{path}, row 0, object 0"
    assert refused(lambda: load_dataset(write(tmp_path, [ROW], None))).what == "names its classes by number only"
    assert "has no column `objects`" in refused(lambda: load_dataset(write(tmp_path, [{"text": "a"}]))).what
    path.write_bytes(path.read_bytes()[:-20])
    assert refused(lambda: load_dataset(path)).what.startswith("is Parquet that cannot be read")


# rows, from a stand-in


@pytest.fixture
def rows_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """The path of a file of rows, which a stand-in for pyarrow hands out in batches of the size asked for."""

    def stand_in(*rows: dict[str, Any], features: Any = FEATURES) -> Path:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        told = {b"huggingface": json.dumps({"info": {"features": features}}).encode()} if features else None

        class ParquetFile:
            schema_arrow = SimpleNamespace(names=columns, metadata=told)

            def __init__(self, file: object) -> None: ...

            def iter_batches(self, size: int, columns: list[str]) -> Iterator[Any]:
                every = [{key: row.get(key) for key in columns} for row in rows]
                for start in range(0, len(every), size):
                    yield SimpleNamespace(to_pylist=lambda part=every[start : start + size]: part)

        arrow, parquet = ModuleType("pyarrow"), ModuleType("pyarrow.parquet")
        vars(arrow).update(ArrowException=type("ArrowException", (Exception,), {}), parquet=parquet)
        vars(parquet).update(ParquetFile=ParquetFile)
        monkeypatch.setitem(sys.modules, "pyarrow", arrow)
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", parquet)
        path = tmp_path / "train.parquet"
        path.write_bytes(b"PAR1" + bytes(20) + b"PAR1")
        return path

    return stand_in


BOX = [8.0, 6.0, 32.0, 24.0]


@pytest.mark.parametrize(
    "objects",
    [
        {"objects": {"bbox": [BOX], "category": [1]}},
        {"objects": None, "annotations": {"bboxes": [BOX], "labels": [1]}},
        {"objects": [{"boxes": BOX, "category_id": 1}]},
        {"bbox": [BOX], "label": [1]},
        {"bboxes": [BOX], "categories": ["dog"]},
    ],
)
def test_where_the_objects_of_a_row_stand(objects: dict[str, Any], rows_of: Callable[..., Path]) -> None:
    dataset = load_dataset(rows_of({"image_id": 7, **objects}))
    assert [dataset.labels[label] for label in dataset.label] == ["dog"]
    assert dataset.boxes.tolist() == [[8, 6, 40, 30]]
    assert dataset.names == ("7",)


@pytest.mark.parametrize(
    ("row", "size"),
    [
        ({"width": 81, "height": 62}, [81, 62]),
        ({"width": 81.0, "height": 1}, [81, 1]),
        ({"width": 2**31, "height": 62, "image": ROW["image"]}, [2**31, 62]),
        ({"width": 81, "height": 2**31 + 1, "image": ROW["image"]}, [80, 60]),
        ({"width": 0, "height": 62, "image": ROW["image"]}, [80, 60]),
        ({"width": 81, "image": ROW["image"]}, [80, 60]),
        ({"image": {"bytes": b"no photo", "path": "a.jpg"}}, [0, 0]),
        ({"image": {"bytes": None, "path": "a.jpg"}}, [0, 0]),
        ({"image": "a.jpg"}, [0, 0]),
    ],
)
def test_size_of_a_row(row: dict[str, Any], size: list[int], rows_of: Callable[..., Path]) -> None:
    dataset = load_dataset(rows_of({**row, "objects": {"bbox": [BOX], "category": [0]}}))
    assert dataset.sizes.tolist() == [size]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"image": {"path": "a.jpg"}, "file_name": "b.jpg"}, "a.jpg"),
        ({"image": {"path": None}, "file_name": "b.jpg", "id": 3}, "b.jpg"),
        ({"image": "a.jpg", "image_id": 0, "id": 3}, "0"),
        ({"image": None}, "row 1"),
    ],
)
def test_name_of_a_row(row: dict[str, Any], name: str, rows_of: Callable[..., Path]) -> None:
    objects = {"bbox": [BOX], "category": [0]}
    assert load_dataset(rows_of({"id": 1, "objects": objects}, {**row, "objects": objects})).names == ("1", name)


def test_objects_that_lack_something_are_named_by_row_and_place(rows_of: Callable[..., Path]) -> None:
    """Of rows in several batches, each beside an object that is sound."""
    wrong: list[dict[str, Any]] = [
        {"bbox": [BOX, BOX], "category": [0]},
        {"bbox": [BOX], "category": [0, 1]},
        {"bbox": [BOX, BOX], "category": [0, True]},
        {"bbox": [BOX, [1.0, 2.0, 3.0, float("nan")]], "category": [0, 1]},
        {"bbox": [BOX, None], "category": [0, 1]},
    ]
    sound = [{"bbox": [BOX], "category": [0]}] * 255
    path = rows_of(*({"objects": objects} for objects in [*sound, *wrong, {"bbox": None, "category": None}]))
    dataset = load_dataset(path)
    assert len(dataset.boxes) == 260
    [told] = dataset.refused
    assert told.error.where == f"{path}, row 255, object 1"
    assert told.error.what.endswith("(4 more like it)")
    assert told.images == frozenset(range(255, 260))
    assert dataset.names[255:] == tuple(f"row {255 + n}" for n in range(6))
    assert dataset.unread is not None
    assert dataset.unread.tolist() == [0] * 255 + [1] * 5 + [0]


def test_columns_that_nobody_knows_are_named(rows_of: Callable[..., Path], refused: Refused) -> None:
    error = refused(lambda: load_dataset(rows_of(dict.fromkeys("abcdefghi", 1))))
    assert error.what == "has no column `objects`; its columns are a, b, c, d, e, f, g, h"


def test_classes_given_count_before_those_of_the_file(rows_of: Callable[..., Path], refused: Refused) -> None:
    row = {"objects": {"bbox": [BOX], "category": [1]}}
    assert load_dataset(rows_of(row), ("cup", "tea")).labels == ("tea",)
    assert refused(lambda: load_dataset(rows_of(row, features=None))).what == "names its classes by number only"
    assert load_dataset(rows_of({"objects": {"bbox": [BOX], "category": ["b"]}}, features=None)).labels == ("b",)


@pytest.mark.parametrize(
    ("label", "name"),
    [(0, "cat"), (1, "dog"), (2, "class 2"), (-1, "class -1"), ("eel", "eel")],
)
def test_a_number_is_a_place_among_the_names(label: object, name: str) -> None:
    assert _label(label, ("cat", "dog")) == name
