"""The page of a result, for the commands whose `-o` takes a file that ends in .html."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from ssdlossdbg import __version__
from ssdlossdbg.cli.places import ENDINGS
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.report.view import View

if TYPE_CHECKING:
    from ssdlossdbg.results import Reported


def is_page(path: Path | None) -> TypeGuard[Path]:
    """Whether an output, by its name, is to be a page."""
    return path is not None and path.suffix.lower() in ENDINGS


def write_page(result: Reported, path: Path, view: View, writer: Writer) -> None:
    """Write the page of a result.

    Args:
        result: with the findings that are to be shown.
        path: where to.
        view: how to show it, with the photos to show.
        writer: of the file.

    Raises:
        InputError: the file is an input, or cannot be written.
    """
    from ssdlossdbg.report.outputs import PAGE, render

    page = render(result, PAGE, replace(view, version=__version__))
    writer.write(path, str(page).encode("ascii"))
