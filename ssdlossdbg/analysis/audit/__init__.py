"""What can the priors learn of a whole dataset? Objects are matched in blocks, by any number of processes."""

from __future__ import annotations

from ssdlossdbg.analysis.audit.analyse import analyse_audit
from ssdlossdbg.analysis.audit.ranks import ALONE, Ranks, together
from ssdlossdbg.analysis.audit.spec import AuditSpec, unheard

__all__ = ["ALONE", "AuditSpec", "Ranks", "analyse_audit", "together", "unheard"]
