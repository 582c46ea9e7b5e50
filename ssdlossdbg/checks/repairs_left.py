"""Why findings of annotations are left that no repair of a box answers."""

from __future__ import annotations

# The families of what is wrong with annotations; the others are about priors and what is made of the objects.
KINDS = ("BOX", "FIL", "LBL", "LDR")
WHY = {
    "BOX001": "its place in the file is not certain",
    "BOX004": "the numbers fit another layout, and only a drawing of the boxes shows whether all are to be converted",
    "BOX005": "what the numbers are parts of has to be known before all are divided",
    "BOX006": "what the numbers are parts of has to be known before all are multiplied",
    "BOX009": "whether the file is to count from 1, or the loader from 0, is yours to say",
    "BOX011": "which of the two classes is right only the photo tells",
    "BOX012": "nothing tells what the number was",
    "BOX013": "the size is what is wrong, and the boxes are to stay as they are",
    "BOX014": "by what the numbers were multiplied has to be known before all are divided",
    "BOX015": "how far below 0 the coordinate was, and what made it wrap, is not in the file",
    "FIL001": "what cannot be read cannot be repaired",
    "FIL002": "whether the boxes or the photo were changed is not known",
    "FIL003": "which entries refer to which of the two is not known",
}
OTHERWISE = "names, sizes and tags are not repaired, boxes alone are"


def why_left(code: str) -> str:
    """Why a finding of this code is left as it is."""
    return WHY.get(code, OTHERWISE)
