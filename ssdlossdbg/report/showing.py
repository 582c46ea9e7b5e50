"""Results shown from Python: in a notebook or a terminal, as a picture, and written to files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.errors import InputError
from ssdlossdbg.report.outputs import PICTURES, PIXELS, draw, saved
from ssdlossdbg.whole_files import replace_whole

if TYPE_CHECKING:
    from PIL.Image import Image

    from ssdlossdbg.results import Reported


def show(result: Reported) -> None:
    """Show a result as a notebook's cell, where there is one, or else print the whole report."""
    if _in_notebook():
        from IPython.display import display  # type: ignore[import-not-found, unused-ignore]

        display(result)  # type: ignore[no-untyped-call, unused-ignore]
        return
    import rich

    rich.print(result)


def _in_notebook() -> bool:
    """Whether cells are shown: IPython runs, and not in a terminal."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def picture(result: Reported, photo: Image | None, index: int) -> Image:
    """The picture of a result; errors as of `check_drawable`."""
    check_drawable(result, index)
    return draw(result, photo, index)


def check_drawable(result: Reported, index: int) -> None:
    """Make sure that there is a picture of a result.

    Raises:
        InputError: there is none of such a result, or no such image in it.
    """
    kind = type(result).__name__
    if kind not in PICTURES:
        known = ", ".join(PICTURES)
        raise InputError(kind, "has no picture", f"There are pictures of {known}. Try .save('report.md').")
    images = len(getattr(result, "images", (None,)))
    if not 0 <= index < images:
        raise InputError(f"index={index}", f"is none of its {images} images", "Count from 0.")
    if kind == "LossResult" and len(getattr(result, "scenes", ())) <= index:
        raise InputError(kind, "was read from JSON, which keeps no boxes to draw", "Compute it again.")


def save(result: Reported, path: Path, photos: Sequence[Image | None], index: int, table: str) -> None:
    """Write a result to a file, whole or not at all; errors as of `Reported.save`."""
    ending = path.suffix.lower()
    if ending in PIXELS:
        check_drawable(result, index)
    data = saved(result, ending, photos, index, table)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, [data])
    except OSError as error:
        raise InputError(path, f"cannot be written ({error.strerror or error})", "Choose another place.") from None
