"""What a report shows beside its result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """How a result is to be shown, and what belongs to its report though no analysis found it.

    Attributes:
        top: how many objects, and how many of whatever else is ranked, to list; as many as is usual if None.
        notes: whether `check` lists notes one by one, rather than only counts them; JSON always does.
        files: what was written beside the report.
        version: of this program, for formats that name it.
    """

    top: int | None = None
    notes: bool = False
    files: tuple[str, ...] = ()
    version: str = ""


USUAL = View()
