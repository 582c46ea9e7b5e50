"""What the checks look at beside a result: what an analysis saw of its inputs, handed on in `result.evidence`."""

from __future__ import annotations

from ssdlossdbg.results.class_use import ClassUse
from ssdlossdbg.results.costs import Costs
from ssdlossdbg.results.encoded import EncodedTable
from ssdlossdbg.results.findings import Refusal
from ssdlossdbg.results.objects import Objects
from ssdlossdbg.results.photo_files import PhotoFiles
from ssdlossdbg.results.photo_set import PhotoSet
from ssdlossdbg.results.predicted import Predicted
from ssdlossdbg.results.prior_table import PriorTable

Evidence = Objects | PhotoSet | PriorTable | EncodedTable | Predicted | Costs | ClassUse | PhotoFiles | Refusal
