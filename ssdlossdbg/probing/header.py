"""What a capture writes into its files of the rules that a criterion was found to follow."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ssdlossdbg.analysis.identity.changes import Change, changed, conforming
from ssdlossdbg.errors import InputError
from ssdlossdbg.probing.identify import identify
from ssdlossdbg.readers.dialects import load_dialect


def fields_of(criterion: Any, seconds: float) -> dict[str, Any]:
    """The fields of a captured file's header that say whose rules a criterion follows; none where that is not clear.

    Args:
        criterion: a module.
        seconds: that it may take.
    """
    try:
        result = identify(criterion, most_changes=1, seconds=seconds)
    except InputError:
        return {}
    if len(result.dialects) != 1:
        return {}
    found = result.dialects[0]
    settings = tuple((each.rule, conforming(each.rule, each.value)) for each in found.changes)
    rules = asdict(changed(load_dialect(found.name), Change(settings))) if settings else {}
    # What its attributes say of single rules is either the same, or something that it does not follow.
    return {"dialect": found.name, "rules": rules, "threshold": None, "neg_pos": None, "alpha": None}
