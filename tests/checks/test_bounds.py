"""The bounds that a check's page states, each asked just below and just above."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.analysis.evidence.encoded_table import describe_encoded
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.checks.predictions.family import best_fit, rivals
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.results import (
    Costs,
    EncodedTable,
    FloatArray,
    LossResult,
    MatchResult,
    Objects,
    Predicted,
    PriorTable,
    Subject,
)
from ssdlossdbg.results.hypotheses import Explanation, Fit
from ssdlossdbg.rules import ForcedRule, LevelSpec, PriorSpec

Match = Callable[..., MatchResult]
Lose = Callable[..., LossResult]
Boxes = list[Sequence[float]]
Batch = tuple[list[Tensor], list[Tensor]]
T = TypeVar("T", bound=Subject)
SSD300 = load_priors("ssd300-voc")


def codes(result: MatchResult | LossResult | Subject) -> list[str]:
    """What is found in a result, or in a table."""
    findings = result.findings if isinstance(result, MatchResult | LossResult) else find([result])
    return [finding.code for finding in findings]


def the(kind: type[T], evidence: Iterable[Subject]) -> T:
    """The one table of a kind."""
    (found,) = (seen for seen in evidence if isinstance(seen, kind))
    return found


# Boxes


@pytest.mark.parametrize(
    ("box", "fires"),
    [
        ((560, 150, 641.4, 300), False),
        ((560, 150, 641.6, 300), True),
        ((560, 330, 630, 481.4), False),
        ((560, 330, 630, 481.6), True),
        ((-1.4, 150, 90, 300), False),
        ((-1.6, 150, 90, 300), True),
        ((200, -1.6, 330, 90), True),
    ],
)
def test_border_in_pixels(box: Sequence[float], fires: bool, healthy: Boxes, match_voc: Match) -> None:
    """Torchvision's loader takes the numbers as they are."""
    assert ("BOX008" in codes(match_voc([healthy[3], box], dialect="torchvision"))) is fires


@pytest.mark.parametrize(("reach", "fires"), [(0.0049, False), (0.0051, True)])
def test_border_in_fractions(reach: float, fires: bool, lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    boxes[0][3, 2] = 1 + reach
    assert ("BOX008" in codes(lose(boxes, labels))) is fires
    boxes[0][3, 2], boxes[0][0, 0] = 1, -reach
    assert ("BOX008" in codes(lose(boxes, labels))) is fires


@pytest.mark.parametrize(
    ("height", "names", "code", "fires"),
    [
        (179.8, ("cell", "cell"), "BOX010", False),
        (180.2, ("cell", "cell"), "BOX010", True),
        (197.8, ("cell", "dust"), "BOX011", False),
        (198.2, ("cell", "dust"), "BOX011", True),
    ],
)
def test_doubles(height: float, names: tuple[str, str], code: str, fires: bool, match_voc: Match) -> None:
    """One box inside the other: their IoU is the ratio of their heights, of 200 pixels."""
    boxes = [(100, 100, 300, 300), (100, 100, 300, 100 + height)]
    assert (code in codes(match_voc(boxes, names, dialect="torchvision"))) is fires


def test_a_box_without_width_that_is_inverted_is_only_inverted(healthy: Boxes, match_voc: Match) -> None:
    found = codes(match_voc([*healthy, (300, 300, 300, 150)]))
    assert "BOX002" in found
    assert "BOX001" not in found


@pytest.mark.parametrize(("positives", "fires"), [(0, False), (1, True)])
def test_background_without_width_counts_as_a_positive(
    positives: int, fires: bool, healthy: Boxes, match_voc: Match
) -> None:
    objects = the(Objects, match_voc([*healthy, (300, 150, 300, 300)]).evidence)
    last = np.arange(7) == 6
    objects = replace(
        objects,
        class_id=np.where(last, 0, objects.class_id),
        positives=np.where(last, positives, objects.positives),
    )
    assert ("BOX001" in codes(objects)) is fires


# Priors


def table(*levels: LevelSpec) -> PriorTable:
    """The priors of a 300 x 300 input with these levels."""
    spec = PriorSpec((300, 300), levels)
    found = the(PriorTable, api.anchors(SSD300).evidence)
    boxes = generate_priors(spec).boxes.double().numpy()
    maps = tuple(level.feature_map for level in levels)
    config = replace(found.config, codebase="", name="own", priors=len(boxes), levels=maps)
    return replace(found, config=config, boxes=boxes, levels=levels)


def squares(cells: int, *sizes: float) -> LevelSpec:
    return LevelSpec((cells, cells), (300 / cells, 300 / cells), tuple((size, size) for size in sizes))


@pytest.mark.parametrize(
    ("shape", "fires"),
    [((423, 423), False), ((426, 426), True), ((598, 300), False), ((602, 300), True), ((300, 602), True)],
)
def test_too_large(shape: tuple[float, float], fires: bool) -> None:
    """A square of 1.41 images, 424 pixels, or 2 images in one direction."""
    level = LevelSpec((5, 5), (60, 60), ((180, 180), shape))
    assert ("PRI009" in codes(table(level))) is fires


@pytest.mark.parametrize("size", [0.0, -0.1])
def test_a_prior_without_size_is_not_too_large(size: float) -> None:
    broken = table(squares(5, 180, 90))
    broken.boxes[3, 2] = size
    assert codes(broken) == ["PRI004"]


@pytest.mark.parametrize(("sizes", "fires"), [((44.4, 63.2), True), ((44.6, 63.2), False), ((44.4, 63.6), False)])
def test_shrinking_by_more_than_a_hundredth(sizes: tuple[float, float], fires: bool) -> None:
    assert ("PRI010" in codes(table(squares(10, 45, 64), squares(5, *sizes)))) is fires


def test_levels_of_as_many_cells_may_come_in_any_order() -> None:
    assert "PRI010" not in codes(table(squares(10, 90, 120), squares(10, 45, 64)))


# Encoded targets


@pytest.fixture
def encoded() -> EncodedTable:
    """Three positives to each of two objects, all sound, as the checks see them."""
    labels = torch.zeros(1, 8732, dtype=torch.long)
    labels[0, [4000, 4001, 4002, 8000, 8001, 8002]] = 1
    targets = EncodedTargets(labels, torch.zeros(1, 8732, 4), "encoded")
    found = describe_encoded(targets, SSD300, load_dialect("pytorch-ssd"), "t.pt")
    six = np.ones(6)
    found = replace(found, object=np.array([0, 0, 0, 1, 1, 1]), iou=0.7 * six, slack=0 * six, best_own=0.7 * six)
    return replace(found, best_free=0.3 * six, split=np.zeros(6, dtype=bool))


def first(column: FloatArray, value: float) -> FloatArray:
    """The column with another value in its first row."""
    return np.concatenate(([value], column[1:]))


@pytest.mark.parametrize(("ahead", "fires"), [(0.049, False), (0.051, True)])
@pytest.mark.parametrize("siblings", [1, 3])
def test_free_prior_that_overlaps_the_box_more(siblings: int, ahead: float, fires: bool, encoded: EncodedTable) -> None:
    """ENC004 where nobody else decodes to that box; ENC006 where others do."""
    owner = encoded.object if siblings == 3 else np.array([2, 0, 0, 1, 1, 1])
    broken = replace(
        encoded,
        object=owner,
        iou=first(encoded.iou, 0.3),
        best_own=first(encoded.best_own, 0.3),
        best_free=first(encoded.best_free, 0.3 + ahead),
    )
    assert codes(broken) == ([{1: "ENC004", 3: "ENC006"}[siblings]] if fires else [])


@pytest.mark.parametrize(("ahead", "fires"), [(0.049, False), (0.051, True)])
@pytest.mark.parametrize(("overlap", "code"), [(0.09, "ENC005"), (0.11, "ENC013"), (0.49, "ENC013")])
def test_positive_far_below_its_siblings(
    overlap: float, code: str, ahead: float, fires: bool, encoded: EncodedTable
) -> None:
    """Two of three positives of an object, which no free prior overlaps more."""
    iou = np.array([overlap, overlap, overlap + ahead, 0.7, 0.7, 0.7])
    own = np.array([*[overlap + ahead] * 3, 0.7, 0.7, 0.7])
    assert codes(replace(encoded, iou=iou, best_own=own, best_free=0 * iou)) == ([code] if fires else [])


@pytest.mark.parametrize(
    ("forced", "positives", "fires"),
    [
        (ForcedRule.BEST_PRIOR, 1, False),
        (ForcedRule.BEST_PRIOR, 2, True),
        (ForcedRule.BIPARTITE, 3, False),
        (ForcedRule.BIPARTITE, 4, True),
    ],
)
def test_two_labels_on_one_box(forced: ForcedRule, positives: int, fires: bool) -> None:
    """At least two positives each, or four where best priors are forced one object after the other."""
    labels = torch.zeros(1, 8732, dtype=torch.long)
    labels[0, : 2 * positives] = torch.tensor([1, 2]).repeat(positives)
    dialect = load_dialect("pytorch-ssd")
    dialect = replace(dialect, match=replace(dialect.match, forced=forced))
    made = describe_encoded(EncodedTargets(labels, torch.zeros(1, 8732, 4), "encoded"), SSD300, dialect, "t.pt")
    made = replace(made, object=np.zeros(2 * positives, dtype=np.int64), exact=True)
    assert ("ENC011" in codes(made)) is fires


# Predictions


@pytest.fixture
def predicted() -> Predicted:
    """What a network says that has learnt."""
    sample = Path(__file__).parents[2] / "sample_data"
    return the(Predicted, api.loss(sample / "preds.pt", sample / "targets.pt", device="cpu").evidence)


@pytest.mark.parametrize(
    ("positives", "mean_iou", "as_given", "of_priors", "fires"),
    [
        (20, 0.61, 0.40, 0.40, True),
        (19, 0.61, 0.40, 0.40, False),
        (20, 0.59, 0.40, 0.40, False),
        (20, 0.61, 0.30, 0.50, True),
        # An untrained network predicts its priors, more or less: another order that is no better says nothing.
        (20, 0.61, 0.30, 0.52, False),
    ],
)
def test_another_order(
    positives: int, mean_iou: float, as_given: float, of_priors: float, fires: bool, predicted: Predicted
) -> None:
    fit = Fit(Explanation.SHAPE, positives, mean_iou, as_given, of_priors)
    assert ("PRE001" in codes(replace(predicted, fits=(fit,)))) is fires


def fit(explanation: Explanation, mean_iou: float, as_given: float = 0.4, of_priors: float = 0.4) -> Fit:
    return Fit(explanation, 100, mean_iou, as_given, of_priors)


def test_the_best_fit_gains_most_on_what_is_given(predicted: Predicted) -> None:
    better, worse = fit(Explanation.SHAPE, 0.75, 0.3, 0.5), fit(Explanation.CELL, 0.8, 0.5, 0.3)
    assert best_fit(replace(predicted, fits=(worse, better))) is better


def test_rivals_are_of_another_kind_and_nearly_as_good(predicted: Predicted) -> None:
    best, same, near, far = (
        fit(Explanation.MIRRORED, 0.8),
        fit(Explanation.MIRRORED, 0.79),
        fit(Explanation.SHAPE, 0.78),
        fit(Explanation.CELL, 0.765),
    )
    told = replace(predicted, fits=(best, same, near, far))
    assert rivals(told, best) == [near]
    words = "; as well explained if they go shape by shape, each over all cells of its level 0.78"
    assert [item.worst.message.endswith(words) for item in find([told])] == [True]


# Mined negatives


@pytest.fixture(scope="module")
def costs() -> Costs:
    """Those of the sample batch."""
    sample = Path(__file__).parents[2] / "sample_data"
    return the(Costs, api.loss(sample / "preds.pt", sample / "targets.pt", device="cpu").evidence)


@pytest.mark.parametrize(
    ("overlaps", "fires"),
    [
        ([0.49] * 10 + [0.1] * 10, True),
        ([0.49] * 9 + [0.1] * 11, False),
        ([0.49] * 10 + [0.1] * 9, False),
        ([0.405] * 20, True),
        ([0.395] * 20, False),
        ([0.5] * 20, False),
    ],
)
def test_mined_negatives_just_below_the_threshold(overlaps: list[float], fires: bool, costs: Costs) -> None:
    """Half of them, 20 or more, less than 0.1 below it."""
    negatives = tuple(replace(costs.negatives[0], best_iou=overlap) for overlap in overlaps)
    assert ("MIN003" in codes(replace(costs, negatives=negatives))) is fires


# Files, units and classes


@pytest.mark.parametrize(("width", "fires"), [(647, True), (633, True), (646, False), (634, False)])
def test_photo_of_another_width(width: int, fires: bool, match_voc: Match) -> None:
    """A photo 640 pixels wide, which is more or less than the annotation says by a hundredth of that."""
    boxes = [(100, 100, 300, 300)]
    assert ("FIL002" in codes(match_voc(boxes, size=(width, 480)))) is fires


@pytest.mark.parametrize(("reach", "fires"), [(1.98, False), (2.02, True)])
def test_boxes_that_end_beyond_two_images(reach: float, fires: bool, lose: Lose) -> None:
    boxes = torch.tensor([[1.5, 1.5, reach, reach]]).repeat(2, 1) + torch.tensor([[0.0], [-0.01]])
    assert ("BOX005" in codes(lose([boxes], [torch.zeros(2)]))) is fires


@pytest.mark.parametrize(("largest", "fires"), [(1.48, True), (1.52, False)])
def test_boxes_of_hardly_a_pixel(largest: float, fires: bool, match_voc: Match) -> None:
    boxes = [(0.2, 0.2, largest, largest), (0.1, 0.3, largest, largest)]
    assert ("BOX006" in codes(match_voc(boxes, dialect="torchvision"))) is fires


def test_a_single_box_of_hardly_a_pixel(match_voc: Match) -> None:
    assert "BOX006" in codes(match_voc([(0.2, 0.2, 0.9, 0.9)], dialect="torchvision"))


@pytest.mark.parametrize(("number", "short", "fires"), [(10, 5, True), (10, 4, False), (9, 9, False)])
def test_class_that_only_forcing_trains(number: int, short: int, fires: bool, match_voc: Match) -> None:
    boxes = [(60 * place + 1, 100, 60 * place + 50, 150) for place in range(number)]
    objects = the(Objects, match_voc(boxes).evidence)
    reached = np.where(np.arange(number) < short, 0.4, 0.6)
    made = replace(objects, best_iou=reached, positives=np.ones(number, dtype=int))
    assert ("MAT012" in codes(made)) is fires
    one = np.eye(number, dtype=int)[0]
    assert ("MAT012" in codes(replace(made, positives=one))) is fires, "one that is trained is enough"
    assert "MAT012" not in codes(replace(made, positives=0 * one)), "none is another matter"


def test_forced_priors_are_told_from_none(match_voc: Match) -> None:
    boxes = [(60 * place + 1, 100, 60 * place + 50, 150) for place in range(10)]
    objects = the(Objects, match_voc(boxes).evidence)
    positives = np.where(np.arange(10) < 4, 0, 1)
    made = replace(objects, best_iou=np.full(10, 0.4), positives=positives, forced=positives)
    (told,) = (item for item in find([made]) if item.code == "MAT012")
    assert told.worst.message.endswith("forced priors alone are trained on 6 of them, and no prior on 4")
