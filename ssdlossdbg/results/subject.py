"""All that the checks look at: evidence, and the one result whose own figures tell what is wrong."""

from __future__ import annotations

from ssdlossdbg.results.anchors import AnchorsResult
from ssdlossdbg.results.evidence import Evidence

Subject = Evidence | AnchorsResult
