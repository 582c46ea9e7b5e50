"""The files of one format of a dataset: matched, as the checks see them, and put together with those of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssdlossdbg.analysis.audit.assigned import Flat, Matcher
from ssdlossdbg.analysis.audit.evidence import audited_objects
from ssdlossdbg.analysis.audit.matched import Matched, flat, match_flat
from ssdlossdbg.analysis.audit.ranks import ALONE, Ranks
from ssdlossdbg.analysis.audit.spec import unheard
from ssdlossdbg.analysis.evidence.dataset import describe_datasets
from ssdlossdbg.analysis.evidence.photo_files import describe_photos
from ssdlossdbg.readers.annotations import Dataset, Scaled, find_photos, photo_set, photo_sizes, resized, scale_like
from ssdlossdbg.results import Evidence, Objects

# Columns of `Objects` that there may be none of.
OPTIONAL = ("traits", "marked")


@dataclass(frozen=True, eq=False)
class Part:
    """The files of one format, matched.

    Attributes:
        dataset: what was annotated.
        found: its photos, as of `find_photos`.
        scaled: the objects as the loader sees them.
        loaded: those that it hands on.
        matched: what became of them.
        objects: the same, as the checks see it.
    """

    dataset: Dataset
    found: Sequence[Path | None]
    scaled: Scaled
    loaded: Flat
    matched: Matched
    objects: Objects

    @property
    def done(self) -> bool:
        """Whether all images were matched."""
        return bool(self.matched.done.all())


def match_parts(
    datasets: Sequence[Dataset],
    matcher: Matcher,
    letterbox: bool = False,
    ranks: Ranks = ALONE,
    advance: Callable[[int], None] = unheard,
) -> list[Part]:
    """Match the objects of datasets; a KeyboardInterrupt ends that early, and those after it are not there.

    Args:
        datasets: of a format each, at least one.
        matcher: priors and rules.
        letterbox: whether photos are scaled as a whole and padded.
        ranks: the processes that share the work; each gets the whole result.
        advance: told how many images were done since it was last called.

    Raises:
        InputError: another process ended.
    """
    parts: list[Part] = []
    for dataset in datasets:
        if not parts or parts[-1].done:
            parts.append(_match(dataset, matcher, letterbox, ranks, advance))
    return parts


def _match(dataset: Dataset, matcher: Matcher, letterbox: bool, ranks: Ranks, advance: Callable[[int], None]) -> Part:
    size, rules = matcher.priors.image_size, matcher.dialect
    found = find_photos(dataset)
    [photos] = ranks.sum([torch.from_numpy(photo_sizes(found, ranks.mine(range(len(found)))))])
    scaled = scale_like(dataset, rules, photos.numpy(), size, size if letterbox else None)
    scaled = scaled if letterbox else resized(scaled, rules.targets, size)
    loaded = flat(dataset, scaled)
    matched = match_flat(loaded, len(dataset.names), matcher, ranks, advance)
    return Part(dataset, found, scaled, loaded, matched, audited_objects(dataset, scaled, matched, matcher))


def evidence_of(parts: Sequence[Part], matcher: Matcher) -> tuple[Evidence, ...]:
    """The objects, their photos and classes, and what of the files takes no part."""
    pairs = [(part.dataset, part.scaled) for part in parts]
    datasets = [part.dataset for part in parts]
    photos = [photo_set(part.dataset, part.found, datasets[:place]) for place, part in enumerate(parts)]
    files = [
        each
        for part, own in zip(parts, photos, strict=True)
        for each in describe_photos(part.dataset, part.scaled, matcher.dialect, part.found, own.copies)
    ]
    return *(part.objects for part in parts), *photos, *describe_datasets(pairs), *files


def joined_objects(parts: Sequence[Part]) -> Objects:
    """The objects of all parts in one table, for what is counted alike whatever the format."""
    tables = [part.objects for part in parts]
    if len(tables) == 1:
        return tables[0]
    images, rows = (_firsts(counts) for counts in zip(*((len(t.images), len(t.image)) for t in tables), strict=True))
    columns: dict[str, Any] = {
        name: None if name in OPTIONAL else np.concatenate([getattr(table, name) for table in tables])
        for name, value in vars(tables[0]).items()
        if isinstance(value, np.ndarray)
    }
    columns["image"] = np.concatenate([table.image + first for table, first in zip(tables, images, strict=True)])
    lost = [np.where(table.lost_to < 0, -1, table.lost_to + first) for table, first in zip(tables, rows, strict=True)]
    columns["lost_to"] = np.concatenate(lost)
    return replace(
        tables[0],
        images=tuple(image for table in tables for image in table.images),
        labels=tuple(label for table in tables for label in table.labels),
        **columns,
    )


def joined_flat(parts: Sequence[Part]) -> Flat:
    """The objects of all parts as the loader hands them on, image after image."""
    if len(parts) == 1:
        return parts[0].loaded
    firsts = _firsts([len(part.dataset.names) for part in parts])
    return Flat(
        torch.cat([part.loaded.boxes for part in parts]),
        torch.cat([part.loaded.image + first for part, first in zip(parts, firsts, strict=True)]),
        torch.cat([part.loaded.class_id for part in parts]),
    )


def _firsts(counts: Sequence[int]) -> list[int]:
    """Where each of some runs begins, if they follow each other."""
    return [0, *accumulate(counts)][:-1]
