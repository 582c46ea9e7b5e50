"""Which images a batch is made of."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

import ssdlossdbg
from ssdlossdbg.live.names import LoaderNames, name_in
from tests.live.conftest import Batches, MultiBoxLoss, header


class Photos(Dataset[int]):
    """A data set whose items are their own indices."""

    def __init__(self, number: int = 10) -> None:
        self.ids = [f"photo{index}" for index in range(number)]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> int:
        return index


@pytest.mark.parametrize("workers", [0, 2])
def test_indices_are_those_of_the_batch_shuffled_and_with_workers(workers: int) -> None:
    loader: Any = DataLoader(Photos(), 3, shuffle=True, num_workers=workers)
    names = LoaderNames(loader, None)
    for _ in range(2):
        for batch in loader:
            assert names.taken(len(batch)) == tuple(batch.tolist())
    names.close()
    assert [len(batch) for batch in loader] == [3, 3, 3, 1]


@pytest.mark.parametrize("stay", [False, True])
def test_a_new_epoch_forgets_what_was_drawn_ahead(stay: bool) -> None:
    loader: Any = DataLoader(Photos(), 3, shuffle=True, num_workers=2, persistent_workers=stay)
    names = LoaderNames(loader, None)
    for _ in range(3):
        batch = next(iter(loader))
        assert names.taken(3) == tuple(batch.tolist())


@pytest.mark.parametrize("stay", [False, True])
def test_a_loop_that_is_left_ends_its_workers_at_once(stay: bool) -> None:
    """Left to the garbage collector, they are waited for, ten seconds a loop."""
    loader: Any = DataLoader(Photos(), 3, num_workers=1, persistent_workers=stay)
    names = LoaderNames(loader, None)
    iterator = iter(loader)
    next(iterator)
    gone = weakref.ref(iterator), weakref.ref(loader)
    gc.disable()
    try:
        del iterator, loader
        assert [each() for each in gone] == [None, None]
    finally:
        gc.enable()
    names.close()


def test_unknown_where_batches_and_calls_do_not_agree() -> None:
    loader: Any = DataLoader(Photos(), 2)
    names = LoaderNames(loader, None)
    iterator = iter(loader)
    assert names.taken(2) is None  # before any batch
    next(iterator)
    assert names.taken(2) == (0, 1)
    assert names.taken(2) is None  # a second call for one batch
    next(iterator)
    assert names.taken(2) is None
    next(iter(loader))
    assert names.taken(1) is None  # half of a batch
    skipped = iter(loader)
    next(skipped)
    next(skipped)
    assert names.taken(2) is None  # the loop went on without a call


def test_the_data_sets_own_names() -> None:
    photos = Photos()
    assert name_in(photos, 4) == "photo4"
    assert name_in(Subset(photos, [7, 2]), 1) == "photo2"
    both: Any = ConcatDataset([Photos(3), photos])
    assert name_in(both, 5) == "photo2"

    class Other:
        pass

    kinds: list[tuple[str, list[Any], str]] = [
        ("ids", [("/voc/VOC2007", "000005")], "000005"),
        ("imgs", [("cat/one.jpg", 3)], "cat/one.jpg"),
        ("data", [{"image_id": "abc", "boxes": 1}], "abc"),
        ("annotation_lines", ["photo.jpg 1,2,3,4,0 5,6,7,8,1"], "photo.jpg"),
        ("images", ["/photos/with blank.jpg"], "/photos/with blank.jpg"),
    ]
    for key, listed, name in kinds:
        dataset = Other()
        setattr(dataset, key, listed)
        assert name_in(dataset, 0) == name
    assert name_in(Other(), 0) == ""
    coco = Other()
    coco.ids, coco.coco = [42], Other()  # type: ignore[attr-defined]
    coco.coco.imgs = {42: {"file_name": "000042.jpg"}}  # type: ignore[attr-defined]
    assert name_in(coco, 0) == "000042.jpg"


def test_names_reach_the_file_and_the_findings(batches: Batches, tmp_path: Path) -> None:
    loader: Any = DataLoader(Photos(), 2, shuffle=True)
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path, loader=loader)
    for step, indices in enumerate(loader):
        targets = batches.targets()
        if step == 2:
            targets[1][0, 2] = targets[1][0, 0]
            odd = f"photo{int(indices[1])}"
        criterion(batches.predictions(), targets)
        if step == 2:
            break
    said = header(tmp_path / "step0000002.safetensors")
    assert said["names"][1] == odd
    result = ssdlossdbg.loss(tmp_path / "step0000002.safetensors")
    assert result.images[1].name == odd
    assert result.findings[0].code == "BOX001"
    assert f"{odd} (image 1), object 0" in result.findings[0].message


def test_targets_that_name_their_images_come_first(batches: Batches, tmp_path: Path) -> None:
    def loss_of(loc: Tensor, conf: Tensor, priors: Tensor, targets: Any) -> Tensor:
        del priors, targets
        return loc.mean() + conf.mean()

    loader: Any = DataLoader(Photos(), 2)
    captured: Any = ssdlossdbg.capture(loss_of, tmp_path, loader=loader, every=1)
    for named in ({"file_name": "a.jpg"}, {"image_id": torch.tensor([7])}, {"path": "b/c.jpg"}):
        next(iter(loader))
        rows = batches.targets()
        targets = [{"boxes": each[:, :4], "labels": each[:, 4].long() + 1, **named} for each in rows]
        captured(*batches.predictions(), targets)
    names = [header(file)["names"] for file in sorted(tmp_path.glob("step*"))]
    assert names == [["a.jpg"] * 2, ["photo0", "photo1"], ["b/c.jpg"] * 2]


def test_names_as_a_list_or_a_function() -> None:
    loader: Any = DataLoader(Photos(), 2)
    assert LoaderNames(loader, ["x", "y"]).named([1, 0]) == ("y", "x")
    assert LoaderNames(loader, lambda index: f"n{index}").named([3]) == ("n3",)


@pytest.mark.parametrize("kind", ["iterated", "pairs", "once"])
def test_what_a_sampler_draws_may_be_no_indices(kind: str) -> None:
    class Stream(torch.utils.data.IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            return iter(range(4))

    class Pairs(torch.utils.data.Dataset[int]):
        def __getitem__(self, index: tuple[int, int]) -> int:
            return index[0]

    class Numbers(torch.utils.data.Dataset[int]):
        def __getitem__(self, index: int) -> int:
            return index

    samplers: dict[str, Any] = {
        "pairs": [[(0, 300), (1, 300)], [(2, 512), (3, 512)]],
        "once": ((each for each in batch) for batch in ([0, 1], [2, 3])),
    }
    if kind == "iterated":
        loader: Any = DataLoader(Stream(), 2)
    else:
        loader = DataLoader(Pairs() if kind == "pairs" else Numbers(), batch_sampler=samplers[kind])
    names = LoaderNames(loader, None)
    for first, batch in zip((0, 2), loader, strict=True):
        assert batch.tolist() == [first, first + 1]
        assert names.taken(2) is None
    names.close()


def test_what_is_set_on_a_sampler_reaches_it() -> None:
    loader: Any = DataLoader(list(range(6)), 2)  # type: ignore[arg-type]
    names = LoaderNames(loader, None)
    loader.batch_sampler.batch_size = 3
    assert [len(batch) for batch in loader] == [3, 3]
    names.close()
