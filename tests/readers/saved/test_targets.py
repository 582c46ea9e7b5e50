"""Targets: every layout, its units and labels; and what is said of those that fit nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.targets import EXPECTED, Targets, check_batch, recognise_targets
from ssdlossdbg.readers.saved.tensor_files import Saved, load
from ssdlossdbg.rules import Units

Refused = Callable[[Callable[[], object]], InputError]
SavedFile = Callable[..., Path]
SSD_PYTORCH = load_dialect("ssd.pytorch")
# Two objects, one object, none. Powers of two, exact in every float.
ROWS = [
    torch.tensor([[0.125, 0.25, 0.5, 0.75, 14.0], [0.0, 0.0, 1.0, 1.0, 0.0]]),
    torch.tensor([[0.25, 0.25, 0.5, 0.5, 19.0]]),
    torch.zeros(0, 5),
]
BOXES = [image[:, :4].tolist() for image in ROWS]
PADDED = torch.tensor(
    [
        [[0.125, 0.25, 0.5, 0.75, 14.0], [0.0, 0.0, 1.0, 1.0, 0.0]],
        [[0.25, 0.25, 0.5, 0.5, 19.0], [0.0, 0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0, -1.0], [0.0, 0.0, 0.0, 0.0, 0.0]],
    ]
)


def read(path: Path, units: Units | None = None, label_offset: int | None = None) -> Targets:
    """Read as ssd.pytorch's dialect: normalised rows, 1 added to the label."""
    layout = SavedLayout(target_units=units, label_offset=label_offset)
    targets = recognise_targets(load(path), SSD_PYTORCH, layout, shape=(3, 9, 21))
    assert isinstance(targets, Targets)
    return targets


def plain(targets: Targets) -> tuple[list[Any], list[Any]]:
    """Boxes and labels as lists."""
    return [boxes.tolist() for boxes in targets.boxes], [labels.tolist() for labels in targets.labels]


def detections(scale: float = 1) -> list[dict[str, Tensor]]:
    """The same objects as torchvision has them: 0 is background."""
    return [{"boxes": image[:, :4] * scale, "labels": image[:, 4].long() + 1} for image in ROWS]


@pytest.mark.parametrize(
    ("value", "layout"),
    [
        (ROWS, "a list of 3 images with rows (x1, y1, x2, y2, label)"),
        (tuple(ROWS), "a list of 3 images with rows (x1, y1, x2, y2, label)"),
        ({"targets": ROWS}, "a list of 3 images with rows (x1, y1, x2, y2, label)"),
        ([*ROWS[:2], torch.zeros(0)], "a list of 3 images with rows (x1, y1, x2, y2, label)"),
        ([image.double() for image in ROWS], "a list of 3 images with rows (x1, y1, x2, y2, label)"),
        (PADDED, "a padded tensor [3, 2, 5] with rows (x1, y1, x2, y2, label)"),
        (PADDED.half(), "a padded tensor [3, 2, 5] with rows (x1, y1, x2, y2, label)"),
        ({"targets": PADDED}, "a padded tensor [3, 2, 5] with rows (x1, y1, x2, y2, label)"),
    ],
)
def test_rows_follow_the_dialect(value: Any, layout: str, saved: SavedFile) -> None:
    targets = read(saved(value))
    assert plain(targets) == (BOXES, [[15, 1], [20], []])
    assert (targets.units, targets.label_offset) == (Units.NORMALIZED, 1)
    assert targets.layout == f"{layout}, normalized, labels counted from 0"
    assert all(boxes.shape[1] == 4 and boxes.is_floating_point() for boxes in targets.boxes)
    assert all(labels.dtype is torch.int64 for labels in targets.labels)


@pytest.mark.parametrize(("scale", "units"), [(1, Units.NORMALIZED), (2, Units.NORMALIZED), (300, Units.PIXELS)])
def test_mappings_follow_torchvision(scale: float, units: Units, saved: SavedFile) -> None:
    targets = read(saved(detections(scale)))
    assert plain(targets)[1] == [[15, 1], [20], []]
    assert targets.boxes[0].tolist() == (ROWS[0][:, :4] * scale).tolist()
    assert (targets.units, targets.label_offset) == (units, 0)
    assert targets.layout == f"a list of 3 images with boxes and labels, {units}, labels counted from 1"


@pytest.mark.parametrize(
    "value",
    [
        {"boxes": torch.tensor([[10, 20, 30, 40]]), "labels": torch.tensor([3])},
        [{"boxes": torch.tensor([[10.0, 20, 30, 40]]), "labels": torch.tensor([[3]])}],
        [{"boxes": torch.tensor([[10.0, 20, 30, 40]]), "labels": torch.tensor([3.0]), "image_id": 9}],
        [{"boxes": torch.tensor([[10.0, 20, 30, 40]]).bfloat16(), "labels": torch.tensor([3]).to(torch.uint8)}],
    ],
    ids=["bare-mapping", "column-of-labels", "float-labels", "other-dtypes"],
)
def test_one_image_of_mappings(value: Any, saved: SavedFile) -> None:
    assert plain(read(saved(value))) == ([[[10.0, 20.0, 30.0, 40.0]]], [[3]])


@pytest.mark.parametrize(
    ("units", "offset", "labels", "layout"),
    [
        (Units.PIXELS, None, [[15, 1], [20], []], "pixels, labels counted from 0"),
        (None, 0, [[14, 0], [19], []], "normalized, labels counted from 1"),
        (Units.NORMALIZED, 2, [[16, 2], [21], []], "normalized, labels counted from -1"),
    ],
)
def test_the_user_overrules(
    units: Units | None, offset: int | None, labels: list[list[int]], layout: str, saved: SavedFile
) -> None:
    targets = read(saved(ROWS), units, offset)
    assert plain(targets) == (BOXES, labels)
    assert targets.layout.endswith(layout)
    assert targets.units is (units or Units.NORMALIZED)


def test_images_without_objects(saved: SavedFile) -> None:
    for value in (
        [torch.zeros(0, 5)] * 2,
        torch.zeros(2, 3, 5),
        [{"boxes": torch.zeros(0), "labels": torch.zeros(0)}] * 2,
    ):
        targets = read(saved(value))
        assert plain(targets) == ([[], []], [[], []])
        assert all(boxes.shape == (0, 4) for boxes in targets.boxes)


@pytest.mark.parametrize("name", ["ssd.pytorch", "mmdetection"])
def test_no_image_at_all(name: str, saved: SavedFile) -> None:
    found = recognise_targets(load(saved(torch.zeros(0, 2, 5))), load_dialect(name), SavedLayout(), shape=(2, 9, 5))
    assert isinstance(found, Targets)
    assert found.boxes == ()


def test_degenerate_boxes_are_carried(saved: SavedFile) -> None:
    boxes = [[0.5, 0.5, 0.25, 0.5], [-3.0, 0.0, 9.0, 1.0], [float("inf"), 0.0, 0.0, 0.0]]
    targets = read(saved([torch.tensor([[*box, 0.0] for box in boxes])]))
    assert targets.boxes[0].tolist() == boxes
    kept = read(saved([{"boxes": torch.full((1, 4), float("nan")), "labels": torch.tensor([1])}]))
    assert (kept.units, bool(kept.boxes[0].isnan().all())) == (Units.NORMALIZED, True)


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
@pytest.mark.parametrize(
    ("arrays", "labels"),
    [
        ({"targets": PADDED}, [[15, 1], [20], []]),
        ({f"targets_{index}": image for index, image in enumerate(ROWS)}, [[15, 1], [20], []]),
        (
            {f"{key}_{i}": value for i, image in enumerate(detections()) for key, value in image.items()},
            [[15, 1], [20], []],
        ),
        ({"gt_boxes_0": ROWS[1][:, :4], "gt_labels_0": torch.tensor([7])}, [[7]]),
        ({"boxes": ROWS[1][:, :4], "labels": torch.tensor([7])}, [[7]]),
    ],
    ids=["padded", "rows", "mappings", "prefixed", "one-image"],
)
def test_archive(ending: str, arrays: dict[str, Tensor], labels: list[list[int]], tmp_path: Path) -> None:
    path = tmp_path / f"targets.{ending}"
    arrays = {key: value.contiguous() for key, value in arrays.items()}
    if ending == "npz":
        np.savez(path, **{key: value.numpy() for key, value in arrays.items()})  # type: ignore[arg-type]
    else:
        save_file(arrays, path)
    assert plain(read(path))[1] == labels


def test_eleven_images_of_an_archive_are_in_numeric_order(tmp_path: Path) -> None:
    path = tmp_path / "targets.npz"
    rows = {f"targets_{index}": np.array([[0, 0, 1, 1, index]], np.float32) for index in reversed(range(11))}
    np.savez(path, **rows)  # type: ignore[arg-type]
    assert plain(read(path))[1] == [[index + 1] for index in range(11)]


def test_padded_integers(tmp_path: Path) -> None:
    path = tmp_path / "targets.npy"
    np.save(path, np.array([[[10, 20, 30, 40, 2], [0, 0, 0, 0, 0]]], np.uint16))
    assert plain(read(path)) == ([[[10.0, 20.0, 30.0, 40.0]]], [[3]])


ARCHIVE = EXPECTED + " In an archive: targets, or boxes_0, labels_0, ..."
ROW = "Expected [n, 5]: x1, y1, x2, y2, label."
PAIR = "Expected boxes [n, 4] and labels [n]."
WHOLE = "Labels are whole numbers; check the columns."


def labelled(label: float) -> list[Tensor]:
    """A batch of one image whose second object has this label."""
    return [torch.tensor([[0, 0, 1, 1, 0.0], [0, 0, 1, 1, label]])]


@pytest.mark.parametrize(
    ("value", "place", "what", "fix"),
    [
        (None, "", "holds a NoneType", EXPECTED),
        ("text", "", "holds a str", EXPECTED),
        ([], "", "holds an empty list", EXPECTED),
        (torch.tensor(1.0), "", "holds a tensor of shape []", EXPECTED),
        (torch.zeros(2, 5), "", "holds a tensor of shape [2, 5]", EXPECTED),
        (torch.zeros(1, 2, 3, 5), "", "holds a tensor of shape [1, 2, 3, 5]", EXPECTED),
        ({}, "", "has the keys none", ARCHIVE),
        ({"boxes": torch.zeros(1, 4)}, "", "has the keys boxes", ARCHIVE),
        ({"boxes_1": torch.zeros(1, 4), "labels_1": torch.ones(1)}, "", "has the keys boxes_1, labels_1", ARCHIVE),
        ({"targets": 3}, "", "holds a int", EXPECTED),
        ({f"boxes_{'9' * 5000}": torch.zeros(1, 4)}, "", "has the keys boxes_99", ARCHIVE),
        ({"boxes_0": torch.zeros(1, 4)}, ", image 0", "has the keys boxes", EXPECTED),
        ([torch.zeros(1, 5), torch.zeros(2, 6)], ", image 1", "has the shape [2, 6]", ROW),
        ([torch.zeros(5)], ", image 0", "has the shape [5]", ROW),
        ([torch.tensor(1.0)], ", image 0", "has the shape []", ROW),
        ([[0, 0, 1, 1, 0]], ", image 0", "is a list", EXPECTED),
        ([torch.zeros(1, 5), {"boxes": torch.zeros(1, 4)}], ", image 1", "is a dict", EXPECTED),
        (torch.ones(2, 3, 6), ", image 0", "has the shape [3, 6]", ROW),
        (torch.ones(2, 3, 4), ", image 0", "has the shape [3, 4]", ROW),
        ([{}], ", image 0", "has the keys none", EXPECTED),
        ([{"boxes": torch.zeros(1, 4)}], ", image 0", "has the keys boxes", EXPECTED),
        ([{"boxes": [[0, 0, 1, 1]], "labels": [1]}], ", image 0", "has the keys boxes, labels", EXPECTED),
        (
            [{"boxes": torch.zeros(2, 4), "labels": torch.ones(3)}],
            ", image 0",
            "has boxes [2, 4] and labels [3]",
            PAIR,
        ),
        ([{"boxes": torch.zeros(4), "labels": torch.ones(1)}], ", image 0", "has boxes [4] and labels [1]", PAIR),
        (
            [{"boxes": torch.zeros(0), "labels": torch.ones(1)}],
            ", image 0",
            "has boxes [0, 4] and labels [1]",
            PAIR,
        ),
        (labelled(1.5), ", image 0, object 1", "has the label 1.5", WHOLE),
        (labelled(float("nan")), ", image 0, object 1", "has the label nan", WHOLE),
        (labelled(float("inf")), ", image 0, object 1", "has the label inf", WHOLE),
        (
            [{"boxes": torch.zeros(1, 4), "labels": torch.tensor([0.25])}],
            ", image 0, object 0",
            "has the label 0.25",
            WHOLE,
        ),
    ],
)
def test_bad_targets(value: Any, place: str, what: str, fix: str, saved: SavedFile, refused: Refused) -> None:
    path = saved(value)
    error = refused(lambda: read(path))
    assert error.where == f"{path}{place}"
    assert error.what.startswith(what)
    assert error.fix == fix


# Against the predictions


def batch(labels: list[list[int]], offset: int = 1) -> Targets:
    """Targets of these class ids."""
    ids = tuple(torch.tensor(image, dtype=torch.long) for image in labels)
    return Targets(tuple(torch.zeros(len(image), 4) for image in ids), ids, Units.NORMALIZED, offset, "")


@pytest.mark.parametrize("labels", [[[1, 20], []], [[0], [5]], [[], []]])
def test_fitting_batch(labels: list[list[int]]) -> None:
    check_batch(batch(labels), 2, 21, "t.pt")


@pytest.mark.parametrize("images", [1, 3])
def test_another_number_of_images(images: int, refused: Refused) -> None:
    error = refused(lambda: check_batch(batch([[1], [1]]), images, 21, "t.pt"))
    assert (error.where, error.what) == ("t.pt", f"has 2 images, but the predictions have {images}")
    assert error.fix == "Save both in the same iteration, as ssdlossdbg.capture does."


def test_one_object_of_each_image_in_one_mapping(refused: Refused) -> None:
    error = refused(lambda: check_batch(batch([[1, 2, 3]]), 3, 21, "t.pt"))
    assert error.what.startswith("has 1 image, but the predictions have 3; its 3 boxes may be one of each image")
    assert "one an image, with boxes [1, 4] and labels [1]" in error.fix


@pytest.mark.parametrize(
    ("labels", "offset", "place", "found", "fix"),
    [
        # Labels 1..20 that the dialect took for 0..19.
        ([[2], [3, 21]], 1, "image 1, object 1", 21, "With --label-offset 0 all labels would fit."),
        ([[-1, 19]], -1, "image 0, object 0", -1, "Check the number of classes"),
        ([[0, 21]], 1, "image 0, object 1", 21, "Check the number of classes"),
        ([[1, 90]], 0, "image 0, object 1", 90, "Check the number of classes"),
        ([[-3]], 0, "image 0, object 0", -3, "Check the number of classes"),
    ],
)
def test_label_out_of_range(
    labels: list[list[int]], offset: int, place: str, found: int, fix: str, refused: Refused
) -> None:
    error = refused(lambda: check_batch(batch(labels, offset), len(labels), 21, "t.pt"))
    assert error.where == f"t.pt, {place}"
    assert error.what == f"has class id {found}, but conf has 21 columns: 0 (background) to 20"
    assert error.fix.startswith(fix)


@pytest.mark.parametrize(
    ("labels", "offset", "counted"),
    [([[2, 21]], 1, 0), ([[4, 21]], 0, -1), ([[-1, 3]], -1, None), ([[0, 3], [-1]], 0, None)],
)
def test_hinted_offset_really_makes_all_labels_fit(
    labels: list[list[int]], offset: int, counted: int | None, refused: Refused
) -> None:
    error = refused(lambda: check_batch(batch(labels, offset), len(labels), 21, "t.pt"))
    hint = re.search(r"--label-offset (-?\d+) all", error.fix)
    assert (int(hint[1]) if hint else None) == counted
    if counted is not None:
        ids = [[label - offset + counted for label in image] for image in labels]
        check_batch(batch(ids, counted), len(labels), 21, "t.pt")


@pytest.mark.parametrize(
    ("box", "units", "doubt"),
    [
        ((0.1, 0.2, 0.5, 0.9), Units.NORMALIZED, ""),
        ((0.1, 0.2, 1.2, 0.9), Units.NORMALIZED, ""),
        (
            (10.0, 20.0, 290.0, 90.0),
            Units.NORMALIZED,
            "; yet they reach 290: if those are pixels,",
        ),
        ((10.0, 20.0, 290.0, 90.0), Units.PIXELS, ""),
        (
            (0.1, 0.2, 0.5, 0.75),
            Units.PIXELS,
            "; yet none exceeds 0.75: if those are fractions,",
        ),
    ],
)
def test_units_that_the_boxes_speak_against(box: tuple[float, ...], units: Units, doubt: str) -> None:
    dialect = replace(SSD_PYTORCH, targets=replace(SSD_PYTORCH.targets, units=units))
    rows = [torch.tensor([[*box, 0.0]]), torch.zeros((0, 5))]
    targets = recognise_targets(Saved(rows, "targets"), dialect, shape=(2, 9, 3))
    assert isinstance(targets, Targets)
    assert f", {units}, labels counted from 0{doubt}" in targets.layout
    assert ("--target-units" in targets.layout) == bool(doubt)
