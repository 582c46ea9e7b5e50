"""Photos by what a loader calls its images: a path, a file's name, or a name without an ending."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from ssdlossdbg.readers.annotations.photo_files import ENDINGS, Photos, photo_size
from ssdlossdbg.readers.exif import SIDEWAYS
from ssdlossdbg.readers.files import is_file


class PhotoNames:
    """Finds photos by name.

    Args:
        folder: where they lie, or the folders `JPEGImages` and `images` in it; None where nobody says.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._photos = Photos(many_in_file=True)

    def find(self, name: str) -> Path | None:
        """The photo of that name; the path that it is, where that is one; None where there is none."""
        path = Path(name)
        if not name:
            return None
        if path.suffix.lower() in ENDINGS and is_file(path):
            return path
        if self._folder is None:
            return None
        tail = PurePath(name.replace("\\", "/"))
        # As if annotations lay in the folder itself, and in one beside the photos.
        for place in (self._folder / "_", self._folder / "Annotations" / "_"):
            for called in dict.fromkeys((tail.name, tail.stem)):
                if found := self._photos.find(str(place), called):
                    return Path(os.path.normpath(found))
        return None

    def size(self, photo: Path) -> tuple[int, int] | None:
        """(width, height) in pixels as it is shown; None where it cannot be read."""
        stored = photo_size(photo)
        if stored is None:
            return None
        return stored[1::-1] if stored[2] in SIDEWAYS else stored[:2]
