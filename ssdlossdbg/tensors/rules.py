"""The rules that a caller names, gives, or puts together."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import Any, get_type_hints

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect, Spec

# A dialect, its name or file, or one of the specs that a dialect consists of.
Rules = Dialect | Spec | str
DEFAULT_DIALECT = "ssd.pytorch"
SECTIONS: dict[Any, str] = {kind: name for name, kind in get_type_hints(Dialect).items() if is_dataclass(kind)}


def combined(rules: tuple[Rules, ...]) -> Dialect:
    """One dialect from all that was given, in order: each takes the place of what it says, and no more.

    Args:
        rules: dialects, their names or files, and specs. Specs without a dialect before them stand on the defaults of
            all others; nothing at all is ssd.pytorch.

    Raises:
        InputError: an unknown name, an unusable file, or something else than rules.
    """
    result = Dialect() if rules else load_dialect(DEFAULT_DIALECT, "rules")
    for given in rules:
        if isinstance(given, str):
            result = load_dialect(given, "rules")
        elif isinstance(given, Dialect):
            result = given
        elif type(given) in SECTIONS:
            section: dict[str, Any] = {SECTIONS[type(given)]: given}
            result = replace(result, **section)
        else:
            expected = "Give a dialect, its name or file, or specs such as MatchSpec and MiningSpec."
            raise InputError("rules", f"holds a {type(given).__name__}", expected)
    return result


def of_one_step(dialect: Dialect) -> Dialect:
    """The dialect, of one step.

    Raises:
        InputError: it has two.
    """
    if dialect.refine.first_step:
        what = f"name {dialect.name or 'a dialect'}, which has two steps, and these are predictions of one"
        fix = "Give ssdlossdbg.loss or .detect what both steps predict; or a dialect of one step, such as ssd.pytorch."
        raise InputError("rules", what, fix)
    return dialect
