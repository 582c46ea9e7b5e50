"""Already encoded targets: recognised by their shapes, checked against the predictions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets, read_encoded
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.targets import Targets, recognise_targets
from ssdlossdbg.readers.saved.tensor_files import load

Refused = Callable[[Callable[[], object]], InputError]
Saved = Callable[..., Path]
B, P, C = 2, 6, 5
LABELS = torch.tensor([[0, 1, 0, 4, 0, 0], [0, 0, 2, 0, 0, 0]])
OFFSETS = torch.arange(B * P * 4, dtype=torch.float32).reshape(B, P, 4) / 8


def read(path: Path, native: str | None = None, **more: Any) -> EncodedTargets:
    """Encoded targets of predictions with six priors and five classes."""
    layout = SavedLayout(native=native is not None, **more)
    found = recognise_targets(load(path), load_dialect(native or "ssd.pytorch"), layout, shape=(B, P, C))
    assert isinstance(found, EncodedTargets)
    return found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"labels": LABELS, "gt_locations": OFFSETS}, "a mapping with labels, gt_locations"),
        ({"labels": LABELS, "locations": OFFSETS}, "a mapping with labels, locations"),
        ({"labels": LABELS, "boxes": OFFSETS, "images": 3}, "a mapping with labels, boxes"),
        ({"cls_targets": LABELS.float(), "box_targets": OFFSETS}, "a mapping with cls_targets, box_targets"),
        ({"cls_targets": LABELS.int(), "loc_targets": OFFSETS}, "a mapping with cls_targets, loc_targets"),
        ((LABELS, OFFSETS), "(labels, locations)"),
        ([OFFSETS, LABELS], "(locations, labels)"),
    ],
)
def test_forms(value: Any, words: str, saved: Saved) -> None:
    found = read(saved(value))
    assert found.labels.dtype is torch.int64
    assert torch.equal(found.labels, LABELS)
    assert torch.equal(found.offsets, OFFSETS)
    assert found.layout == f"already encoded, {words}: labels [2, 6] with 3 positives"


def test_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "targets.npz", labels=LABELS.numpy(), gt_locations=OFFSETS.numpy())
    assert torch.equal(read(tmp_path / "targets.npz").offsets, OFFSETS)


def test_ignored_priors_and_half_precision(saved: Saved) -> None:
    labels = LABELS.clone()
    labels[0, 0], labels[1, 0] = -1, -2
    found = read(saved((labels, OFFSETS.half())))
    assert found.labels[0, 0] == found.labels[1, 0] == -1
    assert found.offsets.dtype is torch.float32
    assert found.layout.endswith("with 3 positives and 2 ignored")


def test_values_that_are_not_finite_are_carried(saved: Saved) -> None:
    offsets = OFFSETS.clone()
    offsets[0, 1] = torch.tensor([float("inf"), float("-inf"), float("nan"), 0.0])
    torch.testing.assert_close(read(saved((LABELS, offsets))).offsets, offsets, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "labels", "offsets"),
    [
        ("ssd.pytorch", LABELS, OFFSETS),
        ("mmdetection", torch.tensor([[4, 0, 4, 3, 4, 4], [4, 4, 1, 4, 4, 4]]), OFFSETS),
        ("ssd.tensorflow", LABELS, OFFSETS[..., [1, 0, 3, 2]]),
        ("nvidia", LABELS, OFFSETS.transpose(1, 2)),
    ],
)
def test_own_order(name: str, labels: Tensor, offsets: Tensor, saved: Saved) -> None:
    found = read(saved({"labels": labels, "gt_locations": offsets}), name)
    assert torch.equal(found.labels, LABELS)
    assert torch.equal(found.offsets, OFFSETS)
    assert f", {name}'s own: " in found.layout


SAME = (
    "The predictions ask for labels [2, 6] and locations [2, 6, 4]: save both in the same iteration, as "
    "ssdlossdbg.capture does."
)
MIDDLE = f"{SAME} They are [B, 4, P]: say --native."


@pytest.mark.parametrize(
    ("labels", "offsets", "place", "what", "fix"),
    [
        (LABELS[:1], OFFSETS, "", "holds encoded targets: labels [1, 6] and locations [2, 6, 4]", SAME),
        (LABELS, OFFSETS[:, :5], "", "holds encoded targets: labels [2, 6] and locations [2, 5, 4]", SAME),
        (LABELS, OFFSETS[..., :3], "", "holds encoded targets: labels [2, 6] and locations [2, 6, 3]", SAME),
        (LABELS.T, OFFSETS, "", "holds encoded targets: labels [6, 2] and locations [2, 6, 4]", SAME),
        (LABELS, OFFSETS.mT, "", "holds encoded targets: labels [2, 6] and locations [2, 4, 6]", MIDDLE),
        (LABELS, OFFSETS.long(), ", locations", "holds torch.int64", "Save the encoded offsets, which are floats."),
        (LABELS + 1, OFFSETS, ", image 0, prior 3", "has label 5, but conf has 5 columns: 0 to 4", "Check the"),
        (LABELS / 2, OFFSETS, ", image 0, prior 1", "has label 0.5", "Labels are whole numbers."),
        (LABELS * float("nan"), OFFSETS, ", image 0, prior 0", "has label nan", "Labels are whole numbers."),
    ],
)  # fmt: skip
def test_unfit(
    labels: Tensor, offsets: Tensor, place: str, what: str, fix: str, saved: Saved, refused: Refused
) -> None:
    path = saved((labels, offsets))
    error = refused(lambda: read(path))
    assert (error.where, error.what) == (f"{path}{place}", what)
    assert error.fix.startswith(fix)


def test_label_out_of_range_is_named_as_it_is_in_the_file(saved: Saved, refused: Refused) -> None:
    labels = torch.full((B, P), 4)
    labels[1, 2] = 5
    error = refused(lambda: read(saved((labels, OFFSETS)), "mmdetection"))
    assert error.where.endswith("image 1, prior 2")
    assert error.what == "has label 5, but conf has 5 columns: 0 to 4"


def test_padded_boxes_are_told_from_encoded_ones(saved: Saved, refused: Refused) -> None:
    error = refused(lambda: read(saved({"boxes": torch.zeros(B, 3, 4), "labels": torch.ones(B, 3)})))
    assert error.fix.endswith("Save objects as a list of mappings with boxes [n, 4] and labels [n].")


@pytest.mark.parametrize(
    ("option", "more"), [("--target-units", {"target_units": "pixels"}), ("--label-offset", {"label_offset": 0})]
)
def test_options_that_say_nothing_of_them(option: str, more: dict[str, Any], saved: Saved, refused: Refused) -> None:
    error = refused(lambda: read(saved((LABELS, OFFSETS)), **more))
    assert error.where == option
    assert error.fix == "Leave it out."


@pytest.mark.parametrize(
    "value",
    [
        [torch.zeros(2, 5), torch.zeros(3, 5)],
        {"boxes": torch.zeros(2, 4), "labels": torch.ones(2)},
        {"boxes": torch.zeros(2, 4), "labels": torch.ones(2, 1)},
        torch.zeros(2, 3, 5),
    ],
)
def test_objects_are_not_taken_for_encoded(value: Any, saved: Saved) -> None:
    assert isinstance(recognise_targets(load(saved(value)), load_dialect("ssd.pytorch"), shape=(B, P, C)), Targets)


@pytest.mark.parametrize("number", [1, 3])
def test_objects_that_are_not_matched_yet_are_named(number: int) -> None:
    labels, boxes = torch.ones(2, number, dtype=torch.long), torch.tensor([0.1, 0.1, 0.5, 0.6]).expand(2, number, 4)
    with pytest.raises(InputError, match="these are not matched yet"):
        read_encoded(labels, boxes, "(labels, locations)", "t.pt", (2, 100, 4))


def test_objects_of_class_0_are_told_by_their_corners() -> None:
    boxes = torch.tensor([0.1, 0.1, 0.5, 0.6]).expand(2, 3, 4)
    with pytest.raises(InputError, match="these are not matched yet"):
        read_encoded(torch.zeros(2, 3, dtype=torch.long), boxes, "(labels, locations)", "t.pt", (2, 100, 4))


def test_one_label_an_image_is_of_an_object_whatever_it_is() -> None:
    with pytest.raises(InputError, match="so 1 object an image"):
        read_encoded(
            torch.zeros(2, 1, dtype=torch.long), torch.zeros(2, 1, 4), "(labels, locations)", "t.pt", (2, 9, 4)
        )


def test_encoded_targets_of_fewer_priors_are_not_taken_for_objects() -> None:
    labels, offsets = torch.zeros(2, 20, dtype=torch.long), torch.zeros(2, 20, 4)
    labels[0, 3] = 1
    with pytest.raises(InputError, match="save both in the same iteration"):
        read_encoded(labels, offsets, "(labels, locations)", "t.pt", (2, 100, 4))


@pytest.mark.parametrize("padding", [0, -1])
def test_padded_objects_that_are_not_matched_yet_are_named(padding: int) -> None:
    """Images of one object beside one of many: most rows are padding."""
    labels, boxes = torch.full((3, 20), padding), torch.zeros(3, 20, 4)
    labels[:, 0], boxes[:, 0] = 2, torch.tensor([0.1, 0.1, 0.5, 0.6])
    with pytest.raises(InputError, match="20 objects an image and not 100 priors: these are not matched yet"):
        read_encoded(labels, boxes, "a mapping with labels, boxes", "t.pt", (3, 100, 4))


@pytest.mark.parametrize(
    ("labels", "offsets", "images"), [(LABELS[..., None], OFFSETS, B), (LABELS[0], OFFSETS[0], 1)], ids=["more", "less"]
)
@pytest.mark.parametrize("key", ["boxes", "locations"])
def test_dimension_of_one(labels: Tensor, offsets: Tensor, images: int, key: str, saved: Saved) -> None:
    """One more, of the labels; or one less, of a batch of one image."""
    value = load(saved({"labels": labels, key: offsets}))
    found = recognise_targets(value, load_dialect("pytorch-ssd"), shape=(images, P, C))
    assert isinstance(found, EncodedTargets)
    assert torch.equal(found.labels, LABELS[:images])
    assert torch.equal(found.offsets, OFFSETS[:images])
