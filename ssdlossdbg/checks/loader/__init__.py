"""What a codebase's data loader refuses in annotation files and photos, or takes for something else."""

from __future__ import annotations

# Each of these files enters its checks into the family.
from ssdlossdbg.checks.loader import left_out, names, numbers, photos, tags
from ssdlossdbg.checks.loader.family import LOADER

__all__ = ["LOADER", "left_out", "names", "numbers", "photos", "tags"]
