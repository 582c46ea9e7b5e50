"""What the page of `compare` needs beyond its document."""

from __future__ import annotations

from typing import Any

from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import CompareResult


def compare_extra(result: CompareResult, view: View = USUAL) -> dict[str, Any]:
    """Nothing: the document says it all.

    Args:
        result: what `analyse_compare` returned.
        view: changes nothing.
    """
    return {}
