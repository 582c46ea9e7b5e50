"""What `check` takes for annotations and saved batches, named or found in folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.inputs import Inputs, SavedBatch, find_inputs

Refused = Callable[[Callable[[], object]], InputError]
VOC = "<annotation><size><width>9</width><height>9</height></size></annotation>"
COCO = '{"images": [], "annotations": [], "categories": []}'
PREDICTIONS = (torch.zeros(1, 8, 4), torch.zeros(1, 8, 3))
TARGETS = [torch.tensor([[0.1, 0.1, 0.5, 0.5, 0.0]])]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, content: object = VOC) -> Path:
    """Write text or save tensors, at a path relative to the working folder."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        torch.save(content, path)
    return path


def found(*names: str, class_names: bool = False) -> Inputs:
    return find_inputs([Path(name) for name in names], class_names)


def annotation_files(*names: str, class_names: bool = False) -> list[str]:
    return [path.as_posix() for path in found(*names, class_names=class_names).annotations]


def batches(*names: str) -> list[tuple[str, ...]]:
    return [tuple(file.as_posix() for file in batch.files) for batch in found(*names).batches]


def test_folder_is_searched_in_the_order_of_names() -> None:
    for name in ("set/b.xml", "set/a ü.xml", "set/deep/c.xml", "set/.git/d.xml", "set/.e.xml"):
        write(name)
    assert annotation_files("set") == ["set/a ü.xml", "set/b.xml", "set/deep/c.xml"]


def test_named_file_is_taken_whatever_it_is_called_and_once() -> None:
    write("notes.dat")
    write("a.xml")
    assert annotation_files("notes.dat", "a.xml", "./a.xml", ".") == ["notes.dat", "a.xml"]


@pytest.mark.parametrize(
    ("name", "content", "taken"),
    [
        ("a.xml", VOC, True),
        ("a.XML", VOC, True),
        ("a.xml", '<?xml version="1.0"?><!-- VOC -->\n' + VOC, True),
        ("a.xml", "", True),
        ("a.xml", "cut sho", True),
        ("pom.xml", '<?xml version="1.0"?><project/>', False),
        ("a.json", COCO, True),
        ("a.json", COCO[:-1], True),
        ("package.json", '{"images": 1}', False),
        ("a.txt", "0 0.5 0.5 0.1 0.1\n", True),
        ("a.txt", "\n0 0.5 0.5 0.1\n", True),
        ("a.txt", "", True),
        ("classes.txt", "cat\ndog\n", False),
        ("classes.txt", "0 hot dog\n", False),
        ("README.txt", "Read me first.", False),
        ("train.txt", "images/a.jpg\n", False),
        ("trainval.txt", "000012 -1\n", False),
        ("a.jpg", "", False),
        ("weights.pt", "", False),
        ("spreds.pt", "", False),
    ],
)
def test_what_belongs_in_a_folder(name: str, content: str, taken: bool) -> None:
    write("set/always.xml")
    write(f"set/{name}", content)
    inputs = found("set", class_names=True)
    assert len(inputs.annotations) + len(inputs.batches) + len(inputs.refused) == 1 + taken


def test_text_files_of_a_folder_need_class_names() -> None:
    write("set/a.txt", "0 0.5 0.5 0.1 0.1")
    assert annotation_files("set", class_names=True) == ["set/a.txt"]
    assert annotation_files("set/a.txt") == ["set/a.txt"]
    with pytest.raises(InputError, match="--classes"):
        found("set")


@pytest.mark.parametrize("name", ["nowhere", "nowhere/a.xml", "x" * 500, "a\0b"])
def test_path_that_does_not_exist(refused: Refused, name: str) -> None:
    write("a.xml")
    assert refused(lambda: found("a.xml", name)).where == name


def test_folder_without_anything_to_check(refused: Refused) -> None:
    write("set/photo.jpg", "")
    assert "nothing to check" in refused(lambda: found("set")).what


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("preds.pt", "targets.pt"),
        ("a_preds.pt", "a_targets.pt"),
        ("a-prediction.pth", "a-target.pt"),
        ("predictions_0007.pt", "targets_0007.pt"),
    ],
)
def test_files_of_a_batch_are_paired_by_name(first: str, second: str) -> None:
    write(f"set/{first}", PREDICTIONS)
    write(f"set/{second}", TARGETS)
    write("set/other_targets.pt", TARGETS)
    assert sorted(batches("set")) == sorted([(f"set/{first}", f"set/{second}"), ("set/other_targets.pt",)])


def test_files_named_one_after_the_other_are_a_batch_and_their_content_says_which_is_which() -> None:
    write("one.pt", TARGETS)
    write("two.pt", PREDICTIONS)
    write("three.pt", PREDICTIONS)
    assert found("one.pt", "two.pt", "three.pt").batches == (
        SavedBatch(Path("two.pt"), Path("one.pt")),
        SavedBatch(Path("three.pt"), None),
    )


def test_names_win_over_neighbourhood() -> None:
    names = ["preds_0.pt", "preds_1.pt", "targets_0.pt", "targets_1.pt"]
    for name in names:
        write(name, PREDICTIONS if "preds" in name else TARGETS)
    assert batches(*names) == [("preds_0.pt", "targets_0.pt"), ("preds_1.pt", "targets_1.pt")]


def test_neighbours_in_a_folder_are_no_batch() -> None:
    write("set/a_preds.pt", PREDICTIONS)
    write("set/b_targets.pt", TARGETS)
    assert batches("set") == [("set/a_preds.pt",), ("set/b_targets.pt",)]


@pytest.mark.parametrize(
    ("content", "predictions"),
    [
        (PREDICTIONS, True),
        (PREDICTIONS[::-1], True),
        ((*PREDICTIONS, torch.zeros(8, 4)), True),
        ({"loc": PREDICTIONS[0], "conf": PREDICTIONS[1]}, True),
        (TARGETS, False),
        (TARGETS * 3, False),
        ([*TARGETS, torch.zeros(0)], False),
        (torch.zeros(2, 3, 5), False),
        ([{"boxes": torch.zeros(1, 4), "labels": torch.ones(1)}], False),
        ({"boxes_0": torch.zeros(1, 4), "labels_0": torch.ones(1)}, False),
        ((torch.zeros(1, 8), torch.zeros(1, 8, 4)), False),
    ],
)
def test_content_says_what_a_file_holds(content: object, predictions: bool) -> None:
    path = write("saved.pt", content)
    (batch,) = found("saved.pt").batches
    assert batch == (SavedBatch(path, None) if predictions else SavedBatch(None, path))


def test_name_says_it_where_the_content_does_not() -> None:
    path = write("preds.pt", torch.zeros(3))
    assert found("preds.pt").batches == (SavedBatch(path, None),)


def test_tensors_that_are_neither_are_refused_alone() -> None:
    write("a.xml")
    write("weights.pt", {"conv.weight": torch.zeros(3)})
    write("cut.pt", "not a tensor")
    inputs = found("a.xml", "weights.pt", "cut.pt")
    assert [path.name for path, _ in inputs.refused] == ["weights.pt", "cut.pt"]
    assert "neither" in inputs.refused[0][1].what
    assert len(inputs.annotations) == 1
