"""What the checks of encoded targets share."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.registry import Family
from ssdlossdbg.checks.rows import lowest_first
from ssdlossdbg.results import EncodedTable, Where
from ssdlossdbg.results.encoded import PriorsByImage
from ssdlossdbg.rules import ForcedRule

ENCODING = Family("ENC", "encoding")

OFFSET_NAMES = ("dx", "dy", "dw", "dh")
SIDES = ("width", "height")
# Other formulas, and boxes in another unit, explain whatever else the boxes decoded by the dialect's would look like.
OTHER_FORMULAS = ("ENC007", "ENC008", "ENC009", "ENC012", "ENC016", "ENC017")
DROP = "Drop boxes with xmax <= xmin or ymax <= ymin after the last transform, before they are encoded."


def twins(table: EncodedTable) -> int:
    """How many positives a repeated annotation may add to one box.

    Forcing one object after the other gives each copy its own prior; the other rules give all copies the same one.
    """
    one_by_one = table.rules.match.forced is not ForcedRule.BEST_PRIOR
    return 3 if one_by_one else 1


def worst_first(table: EncodedTable, priors: PriorsByImage) -> Iterator[tuple[Where, int]]:
    """Place and count of each image, the highest count first."""
    for at in lowest_first(priors.count > 0, -priors.count).tolist():
        yield Where(table.file, int(priors.image[at]), prior=int(priors.prior[at])), int(priors.count[at])


def priors_in_words(count: int) -> str:
    """How many priors, with their noun."""
    return "1 prior" if count == 1 else f"{count} priors"


def is_or_are(count: int) -> str:
    """The verb that follows such a number."""
    return "is" if count == 1 else "are"
