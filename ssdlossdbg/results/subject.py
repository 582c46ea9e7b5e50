"""All that the checks look at: evidence, and the results whose own figures tell what is wrong."""

from __future__ import annotations

from ssdlossdbg.results.anchors import AnchorsResult
from ssdlossdbg.results.evidence import Evidence
from ssdlossdbg.results.loss import LossResult

Subject = Evidence | AnchorsResult | LossResult
