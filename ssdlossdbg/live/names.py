"""Which images a batch is made of: the indices that the loader's sampler drew, and what the dataset calls them."""

from __future__ import annotations

import contextlib
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

# Where datasets keep the names of their images: a list of texts, numbers, or tuples that end or begin in a name.
LISTS = (
    "ids", "images", "image_files", "img_files", "im_files", "image_paths", "img_paths", "file_names", "filenames",
    "imgs", "samples", "annotation_lines", "img_list", "image_list", "data",
)  # fmt: skip


class LoaderNames:
    """The batches that a loader yields, in order, and the images in each.

    A batch of indices is queued when the sampler draws it, which workers do ahead of time, and leaves the queue when
    the loader yields that batch. The criterion must then be called once before the next one; where it is not, the
    images are unknown until the next epoch, rather than perhaps another batch's.

    Args:
        loader: a torch DataLoader; None where nothing is known of it.
        names: of the images of its dataset, in order, or a function from an index; the dataset's own if None.
    """

    def __init__(self, loader: Any, names: Sequence[str] | Callable[[int], str] | None) -> None:
        self._dataset, self._names = getattr(loader, "dataset", None), names
        self._drawn: deque[list[int]] = deque()
        self._yielded = self._called = 0
        self._current: list[int] | None = None
        self._sure = True
        self._undo: list[Callable[[], None]] = []
        if loader is not None:
            self._attach(loader)

    def taken(self, images: int) -> tuple[int, ...] | None:
        """The indices of the batch that the criterion is called with; None where they are not known.

        Args:
            images: how many it has.
        """
        if self._current is None:
            return None
        self._called += 1
        self._sure = self._sure and self._called == self._yielded
        return tuple(self._current) if self._sure and len(self._current) == images else None

    def named(self, indices: Sequence[int]) -> tuple[str, ...]:
        """What images are called, given their indices; empty where nobody says."""
        if self._names is not None:
            get = self._names if callable(self._names) else self._names.__getitem__
            return tuple(str(get(index)) for index in indices)
        names = tuple(name_in(self._dataset, index) for index in indices)
        return names if any(names) else ()

    def close(self) -> None:
        """Leave the loader as it was."""
        while self._undo:
            self._undo.pop()()

    def _attach(self, loader: Any) -> None:
        sampler = getattr(loader, "batch_sampler", None)
        make = getattr(type(loader), "_get_iterator", None)
        if sampler is None or make is None or not getattr(loader, "in_order", True):
            return
        # Nothing laid over a loader or its iterator may hold it: what waits for the garbage collector, rather than
        # going when a loop is left, then waits ten seconds for its workers.
        known = weakref.ref(loader)
        # A loader refuses to have its sampler replaced in the usual way once it is made.
        object.__setattr__(loader, "batch_sampler", _Noting(sampler, self._begin, self._draw))

        def get_iterator() -> Any:
            self._begin()
            iterator = make(known())
            step, of = type(iterator)._next_data, weakref.ref(iterator)

            def next_data() -> Any:
                data = step(of())
                self._current = self._drawn.popleft() if self._drawn else None
                self._yielded += 1
                return data

            iterator._next_data = next_data
            return iterator

        def undo() -> None:
            if (still := known()) is not None:
                object.__setattr__(still, "batch_sampler", sampler)
                vars(still).pop("_get_iterator", None)

        loader._get_iterator = get_iterator
        self._undo.append(undo)

    def _begin(self) -> None:
        """Begin an epoch: what was drawn ahead of the last one, and never yielded, is nobody's."""
        self._drawn.clear()
        self._yielded = self._called = 0
        self._current, self._sure = None, True

    def _draw(self, batch: Any) -> None:
        self._drawn.append([int(index) for index in batch])


class _Noting:
    """A batch sampler that tells of each batch that it draws, and is the wrapped one in all else."""

    def __init__(self, sampler: Any, begin: Callable[[], None], tell: Callable[[Any], None]) -> None:
        self._sampler, self._begin, self._tell = sampler, begin, tell

    def __iter__(self) -> Iterator[Any]:
        self._begin()  # workers that stay draw a new epoch without a new iterator of the loader
        for batch in self._sampler:
            self._tell(batch)
            yield batch

    def __len__(self) -> int:
        return len(self._sampler)

    def __getattr__(self, name: str) -> Any:
        if name in ("_sampler", "_begin", "_tell"):  # asked for while it is unpickled, before it has any
            raise AttributeError(name)
        return getattr(self._sampler, name)


def name_in(dataset: Any, index: int) -> str:
    """What a dataset calls the image at an index; empty where it has no list that says so."""
    if dataset is None:
        return ""
    if hasattr(dataset, "indices") and hasattr(dataset, "dataset"):  # torch's Subset
        return name_in(dataset.dataset, int(dataset.indices[index]))
    if hasattr(dataset, "cumulative_sizes") and hasattr(dataset, "datasets"):  # torch's ConcatDataset
        for part, end in zip(dataset.datasets, dataset.cumulative_sizes, strict=True):
            if index < end:
                return name_in(part, index - (end - len(part)))
    for key in LISTS:
        names = getattr(dataset, key, None)
        if isinstance(names, (list, tuple)) and index < len(names):
            name = _named(names[index], dataset)
            if name:
                return name
    inner = getattr(dataset, "dataset", None)
    # pytorch-ssd concatenates what wraps nothing; a wrapper has as many images as what it wraps.
    with contextlib.suppress(TypeError):
        return name_in(inner, index) if inner is not None and len(inner) == len(dataset) else ""
    return ""


def _named(entry: Any, dataset: Any) -> str:
    """The name in an entry of a dataset's list."""
    if isinstance(entry, str):
        return entry.split()[0] if " " in entry and "," in entry else entry  # "photo.jpg 1,2,3,4,0", as YOLO forks do
    if isinstance(entry, dict):
        value = next((entry[key] for key in ("file_name", "path", "image_id", "img_path") if key in entry), "")
        return str(value)
    if isinstance(entry, (tuple, list)) and entry:
        texts = [each for each in entry if isinstance(each, str)]
        return texts[-1] if texts else ""
    if isinstance(entry, int):
        known = getattr(getattr(dataset, "coco", None), "imgs", {}).get(entry, {})
        return str(known.get("file_name", entry)) if isinstance(known, dict) else str(entry)
    return ""
