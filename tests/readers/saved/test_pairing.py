"""Which saved files are the two halves of a batch, and that each is loaded once, and not before its turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from ssdlossdbg.readers.inputs import find_inputs
from ssdlossdbg.readers.saved import pairing
from ssdlossdbg.readers.saved.pairing import Role, SavedBatches, _role_of
from ssdlossdbg.readers.saved.tensor_files import Saved, load

PREDICTIONS = (torch.zeros(1, 8, 4), torch.zeros(1, 8, 3))
TARGETS = [torch.tensor([[0.1, 0.1, 0.5, 0.5, 0.0]])]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, content: object) -> None:
    """Save tensors, at a path relative to the working folder."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, name)


def write_cut(name: str) -> None:
    """Write a file that cannot be loaded."""
    Path(name).write_text("not a tensor", encoding="utf-8")


def saved_batches(*names: str) -> SavedBatches:
    """Of files and folders that were named so."""
    paths = [Path(name) for name in names]
    return SavedBatches(find_inputs(paths, class_names=False).tensors, paths)


def batches(*names: str) -> list[tuple[str | None, str | None]]:
    """Their predictions and targets."""
    return [
        (batch.predictions.where if batch.predictions else None, batch.targets.where if batch.targets else None)
        for batch in saved_batches(*names)
    ]


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
    found = [tuple(half and Path(half).as_posix() for half in batch) for batch in batches("set")]
    assert set(found) == {(f"set/{first}", f"set/{second}"), (None, "set/other_targets.pt")}
    assert len(found) == 2


def test_files_named_one_after_the_other_are_a_batch_and_their_content_says_which_is_which() -> None:
    write("one.pt", TARGETS)
    write("two.pt", PREDICTIONS)
    write("three.pt", PREDICTIONS)
    assert batches("one.pt", "two.pt", "three.pt") == [("two.pt", "one.pt"), ("three.pt", None)]


def test_a_file_is_paired_with_the_next_that_is_free() -> None:
    for name, content in (("a.pt", PREDICTIONS), ("preds.pt", PREDICTIONS), ("targets.pt", TARGETS), ("b.pt", TARGETS)):
        write(name, content)
    # a.pt and b.pt stand beside one that its name has paired already; of three in a row the first two belong together.
    assert batches("a.pt", "targets.pt", "preds.pt", "b.pt") == [
        ("a.pt", None),
        ("preds.pt", "targets.pt"),
        (None, "b.pt"),
    ]
    write("c.pt", PREDICTIONS)
    assert batches("a.pt", "b.pt", "c.pt") == [("a.pt", "b.pt"), ("c.pt", None)]
    assert batches("a.pt", "c.pt", "b.pt") == [("a.pt", None), ("c.pt", "b.pt")]


def test_same_name_with_another_ending_leaves_the_partner_open() -> None:
    for name in ("preds.pt", "preds.pth", "targets.pt"):
        write(name, PREDICTIONS if "preds" in name else TARGETS)
    write_cut("targets.pth")
    assert batches("preds.pt", "preds.pth") == [("preds.pt", None), ("preds.pth", None)]
    # One that cannot be read leaves two that can.
    assert batches("preds.pt", "targets.pth", "targets.pt") == [("preds.pt", "targets.pt")]


def test_names_win_over_neighbourhood() -> None:
    names = ["preds_0.pt", "preds_1.pt", "targets_0.pt", "targets_1.pt"]
    for name in names:
        write(name, PREDICTIONS if "preds" in name else TARGETS)
    assert batches(*names) == [("preds_0.pt", "targets_0.pt"), ("preds_1.pt", "targets_1.pt")]


def test_neighbours_in_a_folder_are_no_batch() -> None:
    write("set/a_preds.pt", PREDICTIONS)
    write("set/b_targets.pt", TARGETS)
    assert [None in batch for batch in batches("set")] == [True, True]


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
    write("saved.pt", content)
    assert batches("saved.pt") == [("saved.pt", None) if predictions else (None, "saved.pt")]


@pytest.mark.parametrize(
    "content",
    [
        PREDICTIONS[:1],
        (PREDICTIONS[0], torch.zeros(8, 3)),
        (torch.zeros(8, 4), PREDICTIONS[1]),
        (PREDICTIONS[0], "conf"),
        (*PREDICTIONS, 1, 2, 3),
    ],
)
def test_predictions_are_two_tensors_of_a_batch_and_a_little_more(content: object) -> None:
    write("saved.pt", content)
    assert [predictions for predictions, _ in batches("saved.pt")] in ([], [None])


def test_name_says_it_where_the_content_does_not() -> None:
    write("preds.pt", torch.zeros(3))
    assert batches("preds.pt") == [("preds.pt", None)]


def test_tensors_that_are_neither_are_refused_alone() -> None:
    write("preds.pt", PREDICTIONS)
    write("weights.pt", {"conv.weight": torch.zeros(3)})
    write_cut("cut.pt")
    found = saved_batches("preds.pt", "weights.pt", "cut.pt")
    assert len(list(found)) == 1
    assert [path.name for path, _ in found.refused] == ["weights.pt", "cut.pt"]
    assert "neither" in found.refused[0][1].what


@pytest.mark.parametrize(
    "names", [["set"], ["set/preds_0.pt", "set/targets_0.pt", "set/preds_1.pt", "set/targets_1.pt"]]
)
def test_each_file_is_loaded_once_and_not_before_its_turn(
    names: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(2):
        write(f"set/preds_{index}.pt", PREDICTIONS)
        write(f"set/targets_{index}.pt", TARGETS)
    loads: list[str] = []

    def counted(path: Path) -> Saved:
        loads.append(path.name)
        return load(path)

    monkeypatch.setattr(pairing, "load", counted)
    found = iter(saved_batches(*names))
    next(found)
    assert sorted(loads) == ["preds_0.pt", "targets_0.pt"]
    assert len(list(found)) == 1
    assert sorted(loads) == ["preds_0.pt", "preds_1.pt", "targets_0.pt", "targets_1.pt"]


LOC, CONF = torch.zeros(1, 8, 4), torch.zeros(1, 8, 3)
ROW = torch.zeros(1, 5)


@pytest.mark.parametrize(
    ("value", "role"),
    [
        ({"loc": LOC, "conf": CONF}, Role.PREDICTIONS),
        ({"loc": LOC, "other": CONF}, None),
        ({"conf": CONF}, None),
        ({"loc": LOC, "conf": CONF, "boxes": [ROW]}, Role.BOTH),
        ({"loc": LOC, "boxes": [ROW]}, Role.TARGETS),
        ({"gt_labels_3": [ROW]}, Role.TARGETS),
        ({"labelled": [ROW]}, None),
        ({"arm_loc": LOC}, Role.PREDICTIONS),
        (torch.zeros(2, 3, 5), Role.TARGETS),
        (torch.zeros(2, 3, 15), Role.TARGETS),
        (torch.zeros(2, 3, 6), None),
        (torch.zeros(3, 5), None),
        ([], None),
        ([ROW, {"boxes": ROW}], Role.TARGETS),
        ([torch.zeros(0), ROW], Role.TARGETS),
        ([torch.zeros(1, 6)], None),
        ([LOC], None),
        ([LOC, CONF], Role.PREDICTIONS),
        ([LOC, CONF, ROW, "more"], Role.PREDICTIONS),
        ([LOC, CONF, ROW, ROW, ROW], None),
        ((LOC, torch.zeros(1, 8, 2), LOC, CONF, ROW), Role.PREDICTIONS),
        ("loc", None),
    ],
)
def test_what_a_file_holds_by_its_content(value: object, role: Role | None) -> None:
    assert _role_of(value) is role
