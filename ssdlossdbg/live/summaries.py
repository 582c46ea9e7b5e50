"""What the folder of a run says of itself: its run.json, one a criterion and rank."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# A folder of another run, in that of this one.
EARLIER = re.compile(r"earlier-\d+")

Summaries = Mapping[Path, tuple[int, Any]]


def summaries(path: Path) -> Summaries:
    """(When it was written, what it says) of each run.json of a folder and those in it."""
    found = {}
    for file in [*path.glob("run*.json"), *path.glob("*/run*.json"), *path.glob("*/*/run*.json")]:
        if any(EARLIER.fullmatch(part) for part in file.relative_to(path).parts):
            continue
        try:
            found[file] = file.stat().st_mtime_ns, json.loads(file.read_bytes())
        except (OSError, ValueError):
            continue
    return found
