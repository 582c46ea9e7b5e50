"""One process's part of a dataset that several processes read together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any, TypeVar

import numpy as np

from ssdlossdbg.readers.annotations.table import Refused, Table
from ssdlossdbg.results import IntArray

T = TypeVar("T")
# Is given what there is to read, and returns that one by one, so that it knows how far the reading is.
Track = Callable[[Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Share:
    """Which files a process reads, and how it gets what the others read.

    Attributes:
        rank: the number of this process, from 0.
        ranks: how many processes there are.
        gather: takes this process's table and returns those of all processes, in the order of their ranks. Readers
            call it once in every process or in none, whatever the files hold, so that nobody waits in vain.
    """

    rank: int
    ranks: int
    gather: Callable[[Table], Sequence[Table]]

    def part(self, files: Sequence[T]) -> Sequence[T]:
        """This process's files; neighbours, so that the parts of all processes follow each other as the files do."""
        first, end = (len(files) * rank // self.ranks for rank in (self.rank, self.rank + 1))
        return files[first:end]

    def whole(self, table: Table) -> Table:
        """The table of all files, from that of this process's part; the same in every process."""
        return join(self.gather(table))


ALONE = Share(0, 1, lambda table: [table])


def join(tables: Sequence[Table]) -> Table:
    """One table of several whose images follow each other.

    Args:
        tables: at least one, all of one format.
    """
    labels = tuple(dict.fromkeys(chain.from_iterable(table.labels for table in tables)))
    place = {label: number for number, label in enumerate(labels)}
    first_image = accumulate((len(table.names) for table in tables), initial=0)
    return replace(
        tables[0],
        listed=tuple(dict.fromkeys(chain.from_iterable(table.listed for table in tables))),
        names=tuple(chain.from_iterable(table.names for table in tables)),
        files=tuple(chain.from_iterable(table.files for table in tables)),
        sizes=np.concatenate([table.sizes for table in tables]),
        image=np.concatenate([table.image + first for table, first in zip(tables, first_image, strict=False)]),
        index=np.concatenate([table.index for table in tables]),
        label=np.concatenate([_relabelled(table, place) for table in tables]),
        labels=labels,
        boxes=np.concatenate([table.boxes for table in tables]),
        difficult=np.concatenate([table.difficult for table in tables]),
        traits=_flags([(table.traits, len(table.image)) for table in tables]),
        image_traits=_flags([(table.image_traits, len(table.names)) for table in tables]),
        category_ids=dict(chain.from_iterable(table.category_ids.items() for table in tables)),
        refused=tuple(_moved(tables)),
        unread=_unread(tables),
    )


def _moved(tables: Sequence[Table]) -> Iterable[Refused]:
    """What was refused in all tables, the places of images being those in the joined one."""
    first = 0
    for table in tables:
        for each in table.refused:
            yield each if each.images is None else each._replace(images=frozenset(first + of for of in each.images))
        first += len(table.names)


def _unread(tables: Sequence[Table]) -> IntArray | None:
    if all(table.unread is None for table in tables):
        return None
    none = (np.zeros(len(table.names), dtype=np.int64) if table.unread is None else table.unread for table in tables)
    return np.concatenate(list(none))


def _flags(columns: Sequence[tuple[IntArray | None, int]]) -> IntArray | None:
    """Columns of flags, each with its length, as one; None where all are."""
    if all(flags is None for flags, _ in columns):
        return None
    filled = (np.zeros(length, dtype=np.uint16) if flags is None else flags for flags, length in columns)
    return np.concatenate(list(filled))


def _relabelled(table: Table, place: dict[str, int]) -> IntArray:
    places = np.array([place[label] for label in table.labels], dtype=np.int64)
    return places[table.label]
