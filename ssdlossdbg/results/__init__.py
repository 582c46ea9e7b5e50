"""What the analyses return: frozen, plain numbers and NumPy arrays. No torch.

Boxes are xyxy. "Input pixels" are pixels of the network's input; "photo pixels" are those of the photo.
Losses are normalised as the dialect does, unless a name ends in `_sum`.
"""

# ruff: noqa: F403  # every name of these files is one of this folder's

from __future__ import annotations

from ssdlossdbg.results.anchors import *
from ssdlossdbg.results.audit import *
from ssdlossdbg.results.check import *
from ssdlossdbg.results.common import *
from ssdlossdbg.results.compare import *
from ssdlossdbg.results.costs import *
from ssdlossdbg.results.detect import *
from ssdlossdbg.results.encoded import *
from ssdlossdbg.results.evidence import *
from ssdlossdbg.results.explain import *
from ssdlossdbg.results.findings import *
from ssdlossdbg.results.fit import *
from ssdlossdbg.results.geometry import *
from ssdlossdbg.results.loss import *
from ssdlossdbg.results.match import *
from ssdlossdbg.results.objects import *
from ssdlossdbg.results.predicted import *
from ssdlossdbg.results.prior_table import *
from ssdlossdbg.results.report import *
