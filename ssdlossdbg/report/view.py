"""What a report shows beside its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

# Columns of what a program reads: more than a line has, so that none is wrapped.
UNLIMITED = 1_000_000


@dataclass(frozen=True)
class View:
    """How a result is to be shown, and what belongs to its report though no analysis found it.

    Attributes:
        top: how many objects, and how many of whatever else is ranked, to list; as many as is usual if None.
        notes: whether `check` lists notes one by one, rather than only counts them; JSON always does.
        files: what was written beside the report.
        version: of this program, for formats that name it.
        photos: of the images that a result is about, for pages: of `match` one, of a batch those of its first images,
            of `audit` those of the images to look at first. None where one is not at hand.
        thumbnails: small photos of more images, for the page of `audit`, by the file that lists their objects and what
            that calls them, None where it is about one image; the more important ones first.
        next: the command to run next, as words; none if empty.
    """

    top: int | None = None
    notes: bool = False
    files: tuple[str, ...] = ()
    version: str = ""
    photos: tuple[Image | None, ...] = ()
    thumbnails: Mapping[tuple[str, str | None], Image] = field(default_factory=dict)
    next: tuple[str, ...] = ()


USUAL = View()
