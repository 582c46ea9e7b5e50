"""Named styles of the terminal reports and colours of the pictures."""

from __future__ import annotations

from rich.theme import Theme

from ssdlossdbg.results import FORCED_ONLY, FOUND, FOUND_AS_OTHER, INVALID, MATCHED, MISSED, UNMATCHED, Severity

# In PNG's own words, who drew a picture; by which a later output knows that it may replace it.
SOFTWARE = ("Software", "ssdlossdbg")

STATUS_STYLES = {
    MATCHED: "gt.matched",
    FORCED_ONLY: "gt.forced",
    UNMATCHED: "gt.unmatched",
    INVALID: "gt.invalid",
}

SEVERITY_STYLES = {
    Severity.ERROR: "finding.error",
    Severity.WARNING: "finding.warning",
    Severity.NOTE: "finding.note",
}

OUTCOME_STYLES = {FOUND: "gt.matched", FOUND_AS_OTHER: "gt.forced", MISSED: "gt.unmatched"}

TERMINAL = Theme(
    {
        "title": "bold",
        "faint": "dim",
        "verdict.good": "bold green",
        "verdict.bad": "bold red",
        "attention": "yellow",
        "finding.error": "bold red",
        "finding.warning": "yellow",
        "finding.note": "cyan",
        "gt.matched": "green",
        "gt.forced": "yellow",
        "gt.unmatched": "bold red",
        "gt.invalid": "bold magenta",
        "number.bad": "bold red",
        "error": "bold red",
    }
)

Colour = tuple[int, int, int]
# Okabe and Ito's colours, which colour-blind people can tell apart, less black, which photos hide.
PALETTE = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
RED = (230, 30, 30)
WHITE = (255, 255, 255)
INK = (24, 26, 30)
PAPER = (246, 246, 244)
MIDDLE_GREY = (120, 122, 126)
NEUTRAL_GROUND = (70, 74, 80)


def colour_of(position: int) -> Colour:
    """The colour of what stands at that place in a list; the words on it tell those of one colour apart."""
    return PALETTE[position % len(PALETTE)]
