"""Imported before the package, this finds it in the tree around the benchmark, where none is installed."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
