"""The commands as functions: files in, results out. `cli/` parses and prints; `import ssdlossdbg` offers them.

May use every room but `report` and `cli`. A file for what is asked of photos and priors, of saved batches, of any
number of files of both kinds, and of whole datasets; a command imports the one that it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdlossdbg.lazily import lazily

if TYPE_CHECKING:
    from ssdlossdbg.api.batches import compare as compare
    from ssdlossdbg.api.batches import detect as detect
    from ssdlossdbg.api.batches import loss as loss
    from ssdlossdbg.api.common import override as override
    from ssdlossdbg.api.datasets import audit as audit
    from ssdlossdbg.api.datasets import load_dataset as load_dataset
    from ssdlossdbg.api.datasets import match_image as match_image
    from ssdlossdbg.api.diffs import diff as diff
    from ssdlossdbg.api.files import check as check
    from ssdlossdbg.api.fitting import fit as fit
    from ssdlossdbg.api.histories import history as history
    from ssdlossdbg.api.identities import identify_batch as identify_batch
    from ssdlossdbg.api.loss_sets import losses as losses
    from ssdlossdbg.api.photos import anchors as anchors
    from ssdlossdbg.api.photos import match as match
    from ssdlossdbg.api.photos import match_roles as match_roles

_NAMES = {
    "batches": "compare detect loss",
    "common": "override",
    "datasets": "audit load_dataset match_image",
    "diffs": "diff",
    "files": "check",
    "fitting": "fit",
    "histories": "history",
    "identities": "identify_batch",
    "loss_sets": "losses",
    "photos": "anchors match match_roles",
}
__all__, __getattr__ = lazily(__name__, _NAMES)
