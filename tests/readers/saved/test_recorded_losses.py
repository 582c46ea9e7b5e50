"""The loss that was saved by hand beside a batch, and the header of a captured one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.captured import captured_files, dialect_of, is_captured, loss_in, names_in
from ssdlossdbg.results import Captured, Recorded

TWO = "is neither a number nor two"
PARTS = "is a mapping of something else than total, loc and conf"


@pytest.mark.parametrize(
    ("loss", "found"),
    [
        (2.5, Recorded(2.5)),
        (3, Recorded(3.0)),
        (tensor(2.5), Recorded(2.5)),
        (tensor([2.5]), Recorded(2.5)),
        ([tensor(2.5)], Recorded(2.5)),
        (tensor([1.0, 2.0]), Recorded(3.0, 1.0, 2.0)),
        (tensor([[1.0], [2.0]]), Recorded(3.0, 1.0, 2.0)),
        ((tensor(1.0), 2.0), Recorded(3.0, 1.0, 2.0)),
        ({"loc": 1.0, "conf": tensor(2.0)}, Recorded(3.0, 1.0, 2.0)),
        ({"total": 9.0, "loc": 1.0, "conf": 2.0}, Recorded(9.0, 1.0, 2.0)),
        ({"conf": 2.0}, Recorded(None, None, 2.0)),
        ({"total": 2.0}, Recorded(2.0)),
        ({"total": 2.0, "loc": 0.5}, Recorded(2.0, 0.5)),
    ],
)
def test_a_loss(loss: Any, found: Recorded) -> None:
    assert loss_in({"loss": loss, "loc": 1}, "p.pt") == found


@pytest.mark.parametrize(
    ("loss", "what"),
    [
        ("2.5", TWO),
        (True, TWO),
        ([], TWO),
        ((1.0, 2.0, 3.0), TWO),
        (tensor([1.0, 2.0, 3.0]), TWO),
        ([1.0, "x"], TWO),
        (None, TWO),
        ({}, PARTS),
        ({"loc": 1.0, "cls": 2.0}, PARTS),
        ({"loc": "x"}, PARTS),
        ({"loc": 1.0, "conf": "x"}, PARTS),
        ({"loc": tensor([1.0, 2.0])}, PARTS),
    ],
)
def test_what_is_no_loss(loss: Any, what: str) -> None:
    with pytest.raises(InputError) as caught:
        loss_in({"loss": loss}, "p.pt")
    assert (caught.value.where, caught.value.what) == ("p.pt, loss", what)


@pytest.mark.parametrize("value", [{"loc": 1}, [1.0], None, tensor(1.0)])
def test_no_loss(value: Any) -> None:
    assert loss_in(value, "p.pt") == Recorded()


def test_names_of_images() -> None:
    images = [{"boxes": 1, "file_name": "a.jpg"}, {"boxes": 1}, {"image_id": 7}]
    assert [*names_in(images)] == ["a.jpg", "", "image_id 7"]
    assert names_in(images[1:2]) == ()
    assert names_in({"file_name": "a.jpg"}) == ()


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"targets": [{"path": "a.jpg"}, {"path": "b.jpg"}]}, ("a.jpg", "b.jpg")),
        ({"image_id": torch.tensor([7, 9]), "labels": torch.zeros(2, 9)}, ("image_id 7", "image_id 9")),
        ({"file_name": ["a.jpg", "b.jpg"]}, ("a.jpg", "b.jpg")),
        ({"paths": ("x/a.jpg", "y/a.jpg")}, ("x/a.jpg", "y/a.jpg")),
        ({"image_ids": [3, 4]}, ("image_id 3", "image_id 4")),
        ({"targets": [{"boxes": 1}, {"boxes": 2}], "filenames": ["a", ""]}, ("a", "")),
        ({"boxes": 1, "labels": 2, "image_id": 5}, ("image_id 5",)),
        ({"path": "runs/a", "targets": [{}]}, ()),
        ({"path": 3, "image_id": torch.zeros(2, 2)}, ()),
    ],
)
def test_names_of_a_batch_in_one_file(more: dict[str, Any], names: tuple[str, ...]) -> None:
    assert names_in({"loc": torch.zeros(2, 9, 4), "conf": torch.zeros(2, 9, 3), **more}) == names


def test_captured_files_in_the_order_of_steps_and_ranks(tmp_path: Path) -> None:
    names = ["step0000012.rank1", "step0000012", "step0000003.rank10", "step0000003.rank9", "step10000000"]
    for name in names:
        (tmp_path / f"{name}.safetensors").touch()
    for name in ("step12.safetensors", "step0000012.rank.safetensors", "x.step0000001.safetensors", "a.json"):
        (tmp_path / name).write_text(json.dumps({}))
    assert [path.stem for path in captured_files(tmp_path)] == [names[place] for place in (3, 2, 1, 0, 4)]
    assert is_captured(tmp_path / "step0000012.rank1.safetensors")
    assert not is_captured(tmp_path / "step000001.safetensors")
    with pytest.raises(InputError) as caught:
        captured_files(tmp_path.parent)
    assert caught.value.what == "is a folder without captured batches (step0000341.safetensors)"


def test_rules_that_a_file_is_too_old_to_know_are_the_dialects_own() -> None:
    shipped = load_dialect("ssd.pytorch")
    rules = {key: value for key, value in msgspec.to_builtins(shipped).items() if key != "codec"}
    rules["mining"] = {"ratio": 5.0}
    rules["match"] = {**rules["match"], "threshold": 0.35}
    found = dialect_of(Captured(0, "asked", dialect="ssd.pytorch", rules=rules))
    assert found is not None
    assert found.codec == shipped.codec
    assert found.mining == replace(shipped.mining, ratio=5.0)
    assert found.match == replace(shipped.match, threshold=0.35)
    assert replace(found, mining=shipped.mining, match=shipped.match) == shipped


@pytest.mark.parametrize("rules", [{"match": 3}, {"match": []}, {"targets": "pixels"}])
def test_rules_that_are_no_table_are_refused(rules: dict[str, object]) -> None:
    """Beside those of the dialect, which are one."""
    with pytest.raises(InputError) as caught:
        dialect_of(Captured(0, "asked", dialect="ssd.pytorch", rules=rules))
    assert next(iter(rules)) in str(caught.value)


def test_whose_rules_a_captured_batch_follows() -> None:
    assert dialect_of(Captured(0, "asked")) is None
    assert dialect_of(Captured(0, "asked", dialect="caffe")) == load_dialect("caffe")
    own = {**msgspec.to_builtins(load_dialect("caffe")), "name": "mine"}
    found = dialect_of(Captured(0, "asked", dialect="mine", rules=own))
    assert found == replace(load_dialect("caffe"), name="mine")
