"""Ragged images in one padded batch."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg.multibox.ground_truth import pad_ground_truth


def ragged(*counts: int, dtype: torch.dtype = torch.float32) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Boxes and labels of images with so many objects, every number another one."""
    boxes = [10.0 * image + torch.arange(4 * n, dtype=dtype).reshape(n, 4) for image, n in enumerate(counts)]
    return boxes, [10 * image + torch.arange(1, n + 1) for image, n in enumerate(counts)]


@pytest.mark.parametrize("counts", [(1,), (2, 0, 3), (0, 1), (4, 4), (0, 0, 0, 5)])
def test_pad_keeps_each_object_in_its_place(counts: tuple[int, ...]) -> None:
    boxes, labels = ragged(*counts)
    gt = pad_ground_truth(boxes, labels)
    assert gt.boxes.shape == (len(counts), max(counts), 4)
    assert gt.labels.shape == gt.mask.shape == (len(counts), max(counts))
    assert gt.counts.tolist() == list(counts)
    assert gt.counts.dtype == gt.labels.dtype == torch.int64
    for image, count in enumerate(counts):
        assert torch.equal(gt.boxes[image, :count], boxes[image])
        assert torch.equal(gt.labels[image, :count], labels[image])
        assert not gt.boxes[image, count:].any()
        assert not gt.labels[image, count:].any()
        assert gt.mask[image].tolist() == [True] * count + [False] * (max(counts) - count)


@pytest.mark.parametrize("images", [1, 3])
def test_no_object_at_all_leaves_one_empty_row(images: int) -> None:
    gt = pad_ground_truth(*ragged(*[0] * images))
    assert gt.boxes.shape == (images, 1, 4)
    assert gt.labels.shape == (images, 1)
    assert gt.counts.tolist() == [0] * images
    assert not gt.mask.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pad_keeps_the_dtype_of_boxes(dtype: torch.dtype) -> None:
    assert pad_ground_truth(*ragged(2, 0, dtype=dtype)).boxes.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.float32])
def test_labels_become_int64(dtype: torch.dtype) -> None:
    boxes, labels = ragged(2, 1)
    gt = pad_ground_truth(boxes, [label.to(dtype) for label in labels])
    assert gt.labels.dtype == torch.int64
    assert gt.labels.tolist() == [[1, 2], [11, 0]]


@pytest.mark.parametrize(
    ("boxes", "labels"),
    [
        pytest.param((), (), id="no image"),
        pytest.param((2, 1), (2,), id="fewer labels than boxes"),
        pytest.param((2,), (2, 1), id="fewer boxes than labels"),
        pytest.param((2, 1), (1, 2), id="another number in an image"),
    ],
)
def test_pad_refuses_what_does_not_belong_together(boxes: tuple[int, ...], labels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="same objects"):
        pad_ground_truth(ragged(*boxes)[0], ragged(*labels)[1])


def test_to_moves_everything() -> None:
    moved = pad_ground_truth(*ragged(2, 1)).to("meta")
    assert {moved.boxes.device.type, moved.labels.device.type, moved.counts.device.type} == {"meta"}
    assert moved.boxes.shape == (2, 2, 4)
