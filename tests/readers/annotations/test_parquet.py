"""Data sets of Hugging Face as Parquet; and what is said where pyarrow is not there."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ssdlossdbg
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_dataset

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
