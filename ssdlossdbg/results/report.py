"""What every result can do with its reports."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console, ConsoleOptions, RenderResult


class Reported:
    """Base of the results that have reports: short in a prompt, whole with `rich.print`, in notebooks and in files."""

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        raise NotImplementedError

    def __repr__(self) -> str:
        codes = ", ".join(finding.code for finding in getattr(self, "findings", ()))
        return f"<{type(self).__name__} {self.headline}{f'; findings {codes}' if codes else ''}>"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _outputs("on_console")(self, console, options)

    def _repr_html_(self) -> str:
        """What a notebook shows: headline, findings, picture, main table, and the whole report folded."""
        text: str = _outputs("notebook")(self, _photo(self, None, 0))
        return text

    def show(self) -> None:
        """Show it where the cursor is: in a notebook as a cell's last line would, in a terminal as the whole report."""
        _named("ssdlossdbg.report.showing:show")(self)

    def draw(self, photo: Any = None, index: int = 0) -> Image:
        """Its picture, for results that have one: of `match`, `loss`, `detect` and `anchors`.

        Args:
            photo: what it is drawn on: a path, a PIL image, or an array (height, width, 3) of uint8. If None, the one
                that the result is about, where that can still be read, or else a neutral ground.
            index: which image, of a result about a batch.

        Returns:
            An RGB image of Pillow.

        Raises:
            InputError: there is no picture of such a result, no such image, or an unusable photo.
        """
        image: Image = _named("ssdlossdbg.report.showing:picture")(self, _photo(self, photo, index), index)
        return image

    def save(self, path: str | PathLike[str], *, photo: Any = None, index: int = 0, table: str = "") -> Path:
        """Write it to a file, whose ending says as what; folders are made, and a file of that name is replaced.

        Args:
            path: .png, .jpg or .webp for its picture, .html for a page, .json, .md, or .csv for one of its tables.
            photo: as of `draw`.
            index: as of `draw`.
            table: as of `to_frame`.

        Returns:
            The path.

        Raises:
            InputError: nothing of that ending is written of such a result, or the file cannot be written.
        """
        name = Path(path)
        images = getattr(self, "images", None)
        number = len(images) if isinstance(images, tuple) and name.suffix.lower() in DRAWN else 1
        seen = [_photo(self, photo if place == index else None, place) for place in range(number)]
        _named("ssdlossdbg.report.showing:save")(self, name, seen, index, table)
        return name

    def to_dict(self) -> dict[str, Any]:
        """The document that `to_json` has as text; numbers that are not finite are "NaN", "Infinity", "-Infinity"."""
        document: dict[str, Any] = _outputs("to_dict")(self)
        return document

    def to_frame(self, table: str = "", library: str = "") -> Any:
        """One of its tables as a data frame.

        Args:
            table: a list of its document by the path of its key, as "levels" or "images.detections"; of an audit,
                "objects", too. The main one if empty.
            library: "pandas" or "polars"; whichever is installed if empty, pandas first.

        Raises:
            InputError: neither is installed.
            UnknownNameError: there is no such table.
        """
        return _outputs("to_frame")(self, table, library)

    def to_json(self, files: Sequence[str] = ()) -> str:
        """The document that `--format json` prints.

        Args:
            files: what was written beside it.
        """
        text: str = _outputs("to_json")(self, files)
        return text

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Such a result from its document; what is no part of that is empty.

        Args:
            text: what `to_json` returned.

        Raises:
            InputError: it is none, or that of another kind of result.
        """
        result: Self = _outputs("read_json")(text, cls)
        return result


# Endings of what has a photo in it.
DRAWN = (".png", ".jpg", ".jpeg", ".webp", ".html", ".htm")


def _photo(result: Reported, photo: Any, index: int) -> Image | None:
    """The photo to draw on; see `api.photos_of`."""
    found: Image | None = _named("ssdlossdbg.api.photos_of:photo_of")(result, photo, index)
    return found


def _outputs(name: str) -> Callable[..., Any]:
    # By name, as entry points are: reports know results, and an import here would make that a circle. What knows how
    # a result is shown stays in one place all the same, so that a new format needs no line here.
    return _named(f"ssdlossdbg.report.outputs:{name}")


def _named(function: str) -> Callable[..., Any]:
    found: Callable[..., Any] = pkgutil.resolve_name(function)
    return found
