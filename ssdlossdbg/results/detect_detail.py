"""All that enters non-maximum suppression: for pages, which detect anew at other thresholds."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.common import FloatArray, IntArray


@dataclass(frozen=True)
class DetectDetail:
    """The candidates of a batch, image by image, class by class, each in falling order of scores.

    Attributes:
        image, class_id, prior: `[N]`.
        score: `[N]`.
        boxes: `[N, 4]` xyxy, as suppression takes them.
        unit: what `boxes` are divided by to be normalised, for x and for y.
        least_score: above which all candidates are here; the rule's threshold, unless there were too many.
        left_out: how many are not.
    """

    image: IntArray
    class_id: IntArray
    prior: IntArray
    score: FloatArray
    boxes: FloatArray
    unit: tuple[float, float]
    least_score: float
    left_out: int
