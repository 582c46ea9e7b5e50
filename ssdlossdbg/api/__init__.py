"""The commands as functions: files in, results out. `cli/` parses and prints; `import ssdlossdbg` offers them.

May use every room but `report` and `cli`. One file for what is asked of photos and priors, one for saved batches, one
for any number of files of both kinds.
"""

from __future__ import annotations

from ssdlossdbg.api.batches import compare, detect, loss
from ssdlossdbg.api.common import override
from ssdlossdbg.api.files import check
from ssdlossdbg.api.photos import anchors, match, match_roles

__all__ = ["anchors", "check", "compare", "detect", "loss", "match", "match_roles", "override"]
