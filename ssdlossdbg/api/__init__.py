"""The commands as functions: files in, results out. `cli/` parses and prints; `import ssdlossdbg` offers them.

May use every room but `report` and `cli`. A file for what is asked of photos and priors, of saved batches, of any
number of files of both kinds, and of whole datasets.
"""

from __future__ import annotations

from ssdlossdbg.analysis.audit import together
from ssdlossdbg.api.batches import compare, detect, loss
from ssdlossdbg.api.common import override
from ssdlossdbg.api.datasets import audit, load_dataset, match_image
from ssdlossdbg.api.files import check
from ssdlossdbg.api.fitting import fit
from ssdlossdbg.api.photos import anchors, match, match_roles

__all__ = [
    "anchors",
    "audit",
    "check",
    "compare",
    "detect",
    "fit",
    "load_dataset",
    "loss",
    "match",
    "match_image",
    "match_roles",
    "override",
    "together",
]
