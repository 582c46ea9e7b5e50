"""What a network surely sees, and how it lies to the objects: against a few lines that go through the boxes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from ssdlossdbg.analysis.evidence.encoded_table import describe_encoded
from ssdlossdbg.analysis.evidence.hypotheses.aims import Given
from ssdlossdbg.analysis.evidence.hypotheses.scenes import _factor
from ssdlossdbg.analysis.evidence.hypotheses.strangers import Sure, meet, sure_priors
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.rules import LevelSpec, PriorSpec

RULES = load_dialect("ssd.pytorch")
SPEC = PriorSpec((300, 300), (LevelSpec((6, 6), (50, 50), ((60, 60), (120, 50))),))
PRIORS = generate_priors(SPEC)


def overlap(a: list[float], b: list[float]) -> float:
    width, height = (min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis]) for axis in (0, 1))
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / (sum(areas) - shared)


def objects(*images: list[list[float]]) -> GroundTruthBatch:
    """Padded to as many as the image of the most has."""
    most = max(map(len, images))
    boxes = torch.tensor([[*image, *[[0.0, 0.0, 1.0, 1.0]] * (most - len(image))] for image in images])
    return GroundTruthBatch(
        boxes, torch.ones(boxes.shape[:2], dtype=torch.long), torch.tensor([len(i) for i in images])
    )


def given(loc: Tensor, conf: Tensor, gt: GroundTruthBatch | None = None) -> Given:
    known = None if gt is None else SimpleNamespace(gt=gt)
    return Given(loc, conf, PRIORS, cast(Any, None), cast(Any, known), RULES)


def test_priors_that_are_surely_taken_for_an_object() -> None:
    """One class more likely than not, whichever; and only where the box predicted is one."""
    conf = torch.zeros(2, 72, 3)
    conf[..., 0] = 5
    loc = torch.zeros(2, 72, 4)
    # A little less than half, and a little more; two classes that only together are; and boxes without numbers.
    conf[0, 4] = torch.tensor([0.0, -0.01, -9.0])
    conf[0, 9] = torch.tensor([0.0, -9.0, 0.01])
    conf[0, 10] = torch.tensor([0.0, 0.0, 0.0])
    conf[1, 3] = conf[1, 7] = conf[1, 8] = torch.tensor([0.0, 9.0, 0.0])
    loc[1, 7, 2] = float("nan")
    loc[1, 8, 0] = float("inf")
    found = sure_priors(given(loc, conf))
    assert found.image.tolist() == [0, 1]
    x, y, w, h = PRIORS.boxes[9].tolist()
    assert found.boxes[0].tolist() == pytest.approx([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


def test_the_surest_of_an_image_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssdlossdbg.analysis.evidence.hypotheses.strangers.MOST_AN_IMAGE", 3)
    conf = torch.zeros(2, 72, 2)
    conf[0, :, 1], conf[1, :, 1] = torch.arange(72) / 9 + 1, (72 - torch.arange(72)) / 9
    found = sure_priors(given(torch.zeros(2, 72, 4), conf))
    assert found.image.tolist() == [0, 0, 0, 1, 1, 1]
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    torch.testing.assert_close(centres, PRIORS.boxes[[71, 70, 69, 0, 1, 2], :2])


@pytest.mark.parametrize("seed", range(3))
def test_how_what_is_seen_lies_to_the_objects(seed: int) -> None:
    random = np.random.default_rng(seed)

    def some(number: int) -> list[list[float]]:
        low = random.choice([0.1, 0.15, 0.5], (number, 2))
        return np.concatenate((low, low + random.choice([0.2, 0.25, 0.3], (number, 2))), axis=1).tolist()  # type: ignore[no-any-return]

    gt = objects(some(3), some(1), some(2))
    image = np.sort(random.integers(0, 3, 9))
    boxes = some(9)
    found = meet(
        given(torch.zeros(3, 72, 4), torch.zeros(3, 72, 2), gt), Sure(torch.from_numpy(image), torch.tensor(boxes))
    )
    own = [gt.boxes[place, : int(gt.counts[place])].tolist() for place in image]
    nearest = [max(overlap(box, each) for each in near) for box, near in zip(boxes, own, strict=True)]
    agreeing = [
        any(overlap(box, other) > 0.5 for k, other in enumerate(boxes) if k != place and image[k] == image[place])
        for place, box in enumerate(boxes)
    ]
    assert found.sure == 9
    assert found.on_objects == pytest.approx(np.mean(np.array(nearest) > 0.5))
    assert found.agreeing == pytest.approx(np.mean(agreeing))
    assert found.best == pytest.approx(np.mean(nearest), abs=1e-6)
    assert found.images == len(set(image.tolist()))


@pytest.mark.parametrize(
    ("factors", "found"),
    [((1.5, 0.75), True), ((1.2, 1.0), True), ((1.08, 1.0), False), ((1.0, 1.0), False)],
)
def test_the_factor_that_brings_objects_onto_what_is_seen(factors: tuple[float, float], found: bool) -> None:
    own = [[0.1, 0.2, 0.3, 0.5], [0.4, 0.1, 0.6, 0.3], [0.2, 0.6, 0.5, 0.9]]
    seen = torch.tensor(own) * torch.tensor([*factors, *factors])
    stray = torch.tensor([[0.7, 0.1, 0.9, 0.15]])
    factor = _factor(objects(own), Sure(torch.zeros(4, dtype=torch.long), torch.cat((seen, stray))))
    assert (factor is not None) is found
    if factor:
        assert factor == pytest.approx(factors, rel=1e-3)
    assert _factor(objects(own), Sure(torch.zeros(1, dtype=torch.long), stray)) is None


# Encoded targets


def test_overlaps_of_what_positives_decode_to() -> None:
    """Each positive with its own box, with the best of its object's positives, and with the best prior that is free."""
    labels = torch.zeros(2, 72, dtype=torch.long)
    labels[0, [10, 11, 20]], labels[1, [11, 40]] = 1, 2
    labels[1, 5] = -1
    target = {(0, 10): 0, (0, 11): 0, (0, 20): 1, (1, 11): 2, (1, 40): 3}
    boxes = [[0.3, 0.1, 0.5, 0.35], [0.6, 0.2, 0.8, 0.4], [0.3, 0.1, 0.5, 0.3], [0.4, 0.5, 0.65, 0.7]]
    offsets = torch.zeros(2, 72, 4)
    for (image, prior), box in target.items():
        (x1, y1, x2, y2), (px, py, pw, ph) = boxes[box], PRIORS.boxes[prior].tolist()
        centre = [((x1 + x2) / 2 - px) / pw / 0.1, ((y1 + y2) / 2 - py) / ph / 0.1]
        offsets[image, prior] = torch.tensor([*centre, np.log((x2 - x1) / pw) / 0.2, np.log((y2 - y1) / ph) / 0.2])
    offsets[1, 50, 2] = float("inf")
    offsets[0, [60, 61], 3] = float("nan")
    named = NamedPriors("own", "", PRIORS)
    table = describe_encoded(EncodedTargets(labels, offsets, "encoded"), named, RULES, "t.pt")
    corners = [[x - w / 2, y - h / 2, x + w / 2, y + h / 2] for x, y, w, h in PRIORS.boxes.tolist()]
    assert list(zip(table.image.tolist(), table.prior.tolist(), strict=True)) == list(target)
    np.testing.assert_allclose(table.boxes, [boxes[place] for place in target.values()], atol=1e-5)
    own = [overlap(corners[prior], boxes[box]) for (_, prior), box in target.items()]
    np.testing.assert_allclose(table.iou, own, atol=1e-4)
    best = [max(each for each, of in zip(own, target.values(), strict=True) if of == box) for box in target.values()]
    np.testing.assert_allclose(table.best_own, best, atol=1e-4)
    weak = [each < 0.5 for each in own]
    assert any(weak)
    for (image, _), box, asked, free in zip(target, target.values(), weak, table.best_free, strict=True):
        others = [overlap(corners[prior], boxes[box]) for prior in range(72) if labels[image, prior] <= 0]
        assert (free == pytest.approx(max(others), abs=1e-4)) if asked else np.isnan(free)
    assert (table.ignored.image.tolist(), table.ignored.prior.tolist(), table.ignored.count.tolist()) == ([1], [5], [1])
    bad = table.bad_negatives
    assert (bad.image.tolist(), bad.prior.tolist(), bad.count.tolist()) == ([0, 1], [60, 50], [2, 1])
    assert len(set(table.object.tolist())) == 4
    assert table.object[0] == table.object[1]
    assert table.exact
    half = describe_encoded(EncodedTargets(labels, offsets.half().float(), "encoded"), named, RULES, "t.pt")
    assert not half.exact
    assert replace(table, exact=False).exact is False
