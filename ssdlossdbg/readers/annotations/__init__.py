"""Annotated objects of photos, read into one table of columns: a file a format, and a row for each in `FORMATS`.

A photo is a dataset of one image: all commands read through `load`, and see the objects through `scale_like` as a
codebase's own loader would hand them on.
"""

from __future__ import annotations

from ssdlossdbg.readers.annotations.class_filter import class_counts
from ssdlossdbg.readers.annotations.contract import class_lists_beside
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.load import Part, load_dataset, load_parts, parts_of
from ssdlossdbg.readers.annotations.photo_files import Photos, find_photos, photo_sizes, sizes_seen
from ssdlossdbg.readers.annotations.photo_set import photo_set
from ssdlossdbg.readers.annotations.recognise import FORMATS
from ssdlossdbg.readers.annotations.resizing import resized
from ssdlossdbg.readers.annotations.scale import Scaled, scale_like
from ssdlossdbg.readers.annotations.share import Share, Track
from ssdlossdbg.readers.annotations.table import Dataset, LeftOutError, Refused, Rows, Table, taken

__all__ = [
    "FORMATS",
    "Dataset",
    "Format",
    "LeftOutError",
    "Part",
    "Photos",
    "Refused",
    "Rows",
    "Scaled",
    "Share",
    "Source",
    "Table",
    "Track",
    "class_counts",
    "class_lists_beside",
    "find_photos",
    "load_dataset",
    "load_parts",
    "parts_of",
    "photo_set",
    "photo_sizes",
    "resized",
    "scale_like",
    "sizes_seen",
    "taken",
]
