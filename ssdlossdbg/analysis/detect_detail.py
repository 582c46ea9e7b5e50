"""What enters non-maximum suppression?"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.detect import SCORES, Stage, clip_to
from ssdlossdbg.results import DetectDetail
from ssdlossdbg.rules import BoxClip

# Of a batch: beyond them a page would be slow.
MOST_CANDIDATES = 60_000


def describe_candidates(scene: Scene) -> DetectDetail:
    """The candidates of a batch, those of the highest scores where there are too many.

    A detection depends on no candidate of a lower score, so that what is left out changes nothing above it.

    Args:
        scene: predictions under a dialect.
    """
    rules, found = scene.rules.detect, scene.detections
    image, row, prior = (found.stage >= Stage.CANDIDATE).nonzero(as_tuple=True)
    score = SCORES[rules.scores](scene.detected_logits)[image, prior, row + 1]
    least, left_out = rules.score_threshold, 0
    if len(score) > MOST_CANDIDATES:
        least = float(score.topk(MOST_CANDIDATES + 1).values[-1])
        kept = score > least
        left_out = int((~kept).sum())
        image, row, prior, score = image[kept], row[kept], prior[kept], score[kept]
    order = score.argsort(descending=True, stable=True)
    order = order[(image * found.stage.shape[1] + row)[order].argsort(stable=True)]
    image, row, prior, score = image[order], row[order], prior[order], score[order]
    width, height = scene.unit[:2].tolist()
    boxes = scene.boxes_to_detect[image, prior]
    if rules.clip is BoxClip.BEFORE_NMS:
        boxes = clip_to(boxes, (width, height))
    return DetectDetail(
        image=_numpy(image),
        class_id=_numpy(row + 1),
        prior=_numpy(prior),
        score=_numpy(score),
        boxes=_numpy(boxes),
        unit=(width, height),
        least_score=least,
        left_out=left_out,
    )


def _numpy(tensor: Tensor) -> Any:
    return tensor.detach().cpu().numpy()
