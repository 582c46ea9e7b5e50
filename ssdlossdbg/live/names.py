"""Which images a batch is made of: the indices that the loader's sampler drew, and what the dataset calls them."""

from __future__ import annotations

import contextlib
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# Where datasets keep the names of their images: a list of texts, numbers, or tuples that end or begin in a name.
LISTS = (
    "ids", "images", "image_files", "img_files", "im_files", "image_paths", "img_paths", "file_names", "filenames",
    "imgs", "samples", "annotation_lines", "img_list", "image_list", "data",
)  # fmt: skip


class Drawn:
    """The batches that one loader yields, in order, and the images in each.

    A batch of indices is queued when the sampler draws it, which workers do ahead of time, and leaves the queue when
    the loader yields that batch.

    Args:
        loader: a torch DataLoader.
        told: is called with this whenever the loader yields.

    Attributes:
        dataset: the loader's.
        epoch: how many times the loader was begun.
        yielded: how many batches of this epoch were.
        current: the indices of the last of them; None before the first, and where the loader draws no batches.
    """

    def __init__(self, loader: Any, told: Callable[[Drawn], None] | None = None) -> None:
        self.dataset = getattr(loader, "dataset", None)
        self.epoch = self.yielded = 0
        self.current: list[int] | None = None
        self._told = told
        self._queue: deque[list[int] | None] = deque()
        self._undo: list[Callable[[], None]] = []
        self._attach(loader)

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
                self._yield()
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
        self._queue.clear()
        if self.yielded or not self.epoch:  # a new iterator begins the sampler, too
            self.epoch += 1
        self.yielded, self.current = 0, None

    def _draw(self, batch: Any) -> None:
        self._queue.append(_indices(batch))

    def _yield(self) -> None:
        self.current = self._queue.popleft() if self._queue else None
        self.yielded += 1
        if self._told is not None:
            self._told(self)


@dataclass
class _Calls:
    """How often a criterion was called in an epoch of a loader, and whether once a batch so far."""

    epoch: int
    called: int = 0
    sure: bool = True


class LoaderNames:
    """Which images a criterion is called with.

    It must be called once for each batch that the loader yields; where it is not, the images are unknown until the next
    epoch, rather than perhaps another batch's.

    Args:
        loader: a torch DataLoader; None where nothing is known of it.
        names: of the images of its dataset, in order, or a function from an index; the dataset's own if None.
        last: where no loader is known, gives the one that yielded last, if any did.
    """

    def __init__(
        self,
        loader: Any,
        names: Sequence[str] | Callable[[int], str] | None,
        last: Callable[[], Drawn | None] = lambda: None,
    ) -> None:
        self._own = None if loader is None else Drawn(loader)
        self._last, self._names = last, names
        self._dataset = getattr(loader, "dataset", None)
        self._calls: weakref.WeakKeyDictionary[Drawn, _Calls] = weakref.WeakKeyDictionary()

    def taken(self, images: int) -> tuple[int, ...] | None:
        """The indices of the batch that the criterion is called with; None where they are not known.

        Args:
            images: how many it has.
        """
        drawn = self._own or self._last()
        if drawn is None or drawn.current is None:
            return None
        calls = self._calls.get(drawn)
        if calls is None or calls.epoch != drawn.epoch:
            calls = self._calls[drawn] = _Calls(drawn.epoch)
        calls.called += 1
        calls.sure = calls.sure and calls.called == drawn.yielded
        self._dataset = drawn.dataset
        return tuple(drawn.current) if calls.sure and len(drawn.current) == images else None

    @property
    def epoch(self) -> int:
        """How many times the loader was begun; 0 where none is known."""
        drawn = self._own or self._last()
        return 0 if drawn is None else drawn.epoch

    def named(self, indices: Sequence[int]) -> tuple[str, ...]:
        """What images are called, given their indices; empty where nobody says."""
        if self._names is not None:
            get = self._names if callable(self._names) else self._names.__getitem__
            return tuple(str(get(index)) for index in indices)
        names = tuple(name_in(self._dataset, index) for index in indices)
        return names if any(names) else ()

    def close(self) -> None:
        """Leave the loader as it was."""
        if self._own is not None:
            self._own.close()


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
        if name in OWN:  # asked for while it is unpickled, before it has any
            raise AttributeError(name)
        return getattr(self._sampler, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in OWN:
            object.__setattr__(self, name, value)
        else:  # a batch size, say, that a schedule changes
            setattr(self._sampler, name, value)


OWN = ("_sampler", "_begin", "_tell")


def _indices(batch: Any) -> list[int] | None:
    """What a sampler drew, as indices; None where it is no list of numbers, as of a data set that is only iterated."""
    if not hasattr(batch, "__len__"):  # it may be read only once
        return None
    try:
        return [int(index) for index in batch]
    except (TypeError, ValueError):
        return None


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
