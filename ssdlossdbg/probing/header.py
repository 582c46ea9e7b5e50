"""What a capture writes into its files of the rules that a criterion was found to follow."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from ssdlossdbg.analysis.identity.changes import changed
from ssdlossdbg.analysis.identity.search import Explanation
from ssdlossdbg.errors import InputError
from ssdlossdbg.live.recipes import is_torchvision_ssd
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.probing.copies import whole_copy_of
from ssdlossdbg.probing.identify import begun
from ssdlossdbg.readers.dialects import dialect_names, load_dialect


def fields_of(criterion: Any, dialect: str, seconds: float, insisted: bool) -> dict[str, Any]:
    """The fields of a captured file's header that say whose rules a criterion follows; none where that is not clear.

    Args:
        criterion: a module.
        dialect: whose it is called like; of several that have the same loss, it is that one. Empty for any.
        seconds: that it may take.
        insisted: whether it is asked although it cannot be copied whole.
    """
    if not insisted and not is_torchvision_ssd(criterion) and whole_copy_of(criterion) is None:
        return {}
    try:
        with one_thread():
            among = [load_dialect(each) for each in dialect_names(of_one_step=True)]
            _, __, search = begun(criterion, None, None, among, time.monotonic() + seconds)
            result = search.run(most_changes=1)
    except InputError:
        return {}
    found = [each for each in result.explanations if not each.changes and dialect in each.names] or result.explanations
    return _fields(found[0], dialect) if len(found) == 1 and result.complete else {}


def _fields(found: Explanation, dialect: str) -> dict[str, Any]:
    name = dialect if dialect in found.names else found.names[0]
    own = load_dialect(name)
    for change in found.changes:
        own = changed(own, change)
    # What its attributes say of single rules is either the same, or something that it does not follow.
    rules = asdict(own) if found.changes else {}
    return {"dialect": name, "rules": rules, "threshold": None, "neg_pos": None, "alpha": None}
