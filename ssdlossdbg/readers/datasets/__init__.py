"""Whole datasets, read into one table of columns: a file a format."""

from __future__ import annotations

from ssdlossdbg.readers.datasets.annotation import annotation_of
from ssdlossdbg.readers.datasets.load import load_dataset
from ssdlossdbg.readers.datasets.recognise import DatasetFormat
from ssdlossdbg.readers.datasets.share import Share, Track
from ssdlossdbg.readers.datasets.table import Dataset, Refused, Table

__all__ = ["Dataset", "DatasetFormat", "Refused", "Share", "Table", "Track", "annotation_of", "load_dataset"]
