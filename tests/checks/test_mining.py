"""Findings about hard negative mining: each fires on its own cause alone, and not on the nearest innocent batch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import Finding, LossResult, Severity
from ssdlossdbg.rules import LevelSpec, PriorSpec

SAMPLES = Path(__file__).parents[2] / "sample_data"
# A 10 x 10 grid of priors of 60 x 60 pixels in a 300-pixel input; prior 10 * row + column.
GRID = generate_priors(PriorSpec((300, 300), (LevelSpec((10, 10), (30.0, 30.0), ((60.0, 60.0),)),)))
PRIORS = 100
# On prior 55 exactly; its neighbours reach an IoU of 1/3, those across a corner 1/7.
OBJECT = (135 / 300, 135 / 300, 195 / 300, 195 / 300, 0.0)
Analyse = Callable[..., LossResult]


@pytest.fixture
def analyse(tmp_path: Path) -> Analyse:
    """The loss of such logits on the small grid, by way of files."""

    def run(conf: Tensor, targets: Sequence[Sequence[Sequence[float]]], **options: Any) -> LossResult:
        layout = {name: options.pop(name) for name in ("target_units", "label_offset") if name in options}
        loc = options.pop("loc", torch.zeros(*conf.shape[:2], 4))
        torch.save((loc, conf, GRID.boxes), tmp_path / "preds.pt")
        torch.save([torch.tensor(rows).reshape(-1, 5) for rows in targets], tmp_path / "targets.pt")
        paths = (tmp_path / "preds.pt", tmp_path / "targets.pt")
        return api.loss(*paths, device="cpu", layout=SavedLayout(image_size=300, **layout), **options)

    return run


def finding(result: LossResult, code: str) -> Finding:
    """That finding, which must be there."""
    return next(found for found in result.findings if found.code == code)


def own(result: LossResult) -> list[str]:
    """The codes of this family that were found."""
    return [found.code for found in result.findings if found.code.startswith("MIN")]


def errors(result: LossResult) -> list[str]:
    """The codes of all errors that were found."""
    return [found.code for found in result.findings if found.severity is Severity.ERROR]


def logits(images: int = 1, classes: int = 3) -> Tensor:
    """Logits of a fresh network."""
    return torch.randn(images, PRIORS, classes, generator=torch.Generator().manual_seed(0))


def objects_on(count: int) -> list[tuple[float, ...]]:
    """Objects on the first priors of the grid exactly, a row of them after the other."""
    half = 30 / 300
    centres = GRID.boxes[:count, :2].tolist()
    return [(x - half, y - half, x + half, y + half, 0.0) for x, y in centres]


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        ("ssd.pytorch", "count once all the same"),
        ("torchvision", "with 4 positives, which then count twice"),
        ("caffe", "takes them all"),
    ],
)
def test_quota_beyond_the_negatives(dialect: str, words: str, analyse: Analyse) -> None:
    units = {"target_units": "normalized"} if dialect == "torchvision" else {}
    result = analyse(logits(), [objects_on(26)], dialect=dialect, label_offset=1, **units)
    (case,) = finding(result, "MIN001").cases
    assert (case.where.image, case.value, case.bound) == (0, 78, 74)
    assert words in case.message
    assert errors(result) == []


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "ssd-keras", "tf-object-detection"])
def test_quota_that_takes_every_negative(dialect: str, analyse: Analyse) -> None:
    units = {"target_units": "normalized"} if dialect == "ssd-keras" else {}
    result = analyse(logits(), [objects_on(25)], dialect=dialect, label_offset=1, **units)
    assert "MIN001" not in own(result)


def test_quota_names_the_worst_image_first(analyse: Analyse) -> None:
    result = analyse(logits(3), [objects_on(26), objects_on(1), objects_on(40)])
    assert [case.where.image for case in finding(result, "MIN001").cases] == [2, 0]


def test_quota_of_a_whole_batch(analyse: Analyse) -> None:
    settings = {"dialect": "ssd-keras", "target_units": "normalized", "label_offset": 1}
    shared = analyse(logits(2), [objects_on(40), objects_on(1)], **settings)
    assert "MIN001" not in own(shared), "the other image has negatives enough"
    both = analyse(logits(2), [objects_on(40), objects_on(20)], **settings)
    (case,) = finding(both, "MIN001").cases
    assert (case.where.image, case.value, case.bound) == (None, 180, 140)


def underflowing(own_logit: float) -> Tensor:
    """Prior 7 is surely mistaken, but far below prior 0's logit; all other negatives are nearly right."""
    conf = torch.zeros(1, PRIORS, 3)
    conf[..., 0] = 90 + torch.linspace(0, 1, PRIORS)
    conf[0, 55] = torch.tensor([80.0, 90.0, 80.0])
    conf[0, 0, 0] = 110.0
    conf[0, 7] = torch.tensor([own_logit - 9, own_logit, own_logit - 9])
    return conf


def test_hard_negative_lost_in_ranking(analyse: Analyse) -> None:
    result = analyse(underflowing(0.0), [[OBJECT]])
    (case,) = finding(result, "MIN002").cases
    assert (case.where.image, case.where.prior, case.value) == (0, 7, 110.0)
    assert "1 negative has such a score" in case.message
    assert 7 not in [item.prior for item in result.negatives]
    assert errors(result) == ["MIN002"]


def test_hard_negative_that_ranking_keeps(analyse: Analyse) -> None:
    result = analyse(underflowing(20.0), [[OBJECT]])
    assert result.negatives[0].prior == 7
    assert "MIN002" not in own(result)


def test_easy_negative_lost_in_ranking_does_no_harm(analyse: Analyse) -> None:
    conf = underflowing(0.0)
    conf[0, 7] = torch.tensor([0.0, -60.0, -60.0])
    result = analyse(conf, [[OBJECT]])
    assert "MIN002" not in own(result)


def test_other_dialects_lose_nothing(analyse: Analyse) -> None:
    result = analyse(underflowing(0.0), [[OBJECT]], dialect="pytorch-ssd", label_offset=1)
    assert "MIN002" not in own(result)
    assert 7 in [item.prior for item in result.negatives]


def on_their_neighbours() -> tuple[Tensor, list[list[tuple[float, ...]]]]:
    """Nine objects, each on a prior exactly, and logits that call the four neighbours of each an object."""
    places = [11, 14, 17, 41, 44, 47, 71, 74, 77]
    conf = logits()
    conf[..., 0] += 5
    conf[0, [place + step for place in places for step in (-10, -1, 1, 10)], 1] += 20
    every = objects_on(PRIORS)
    return conf, [[every[place] for place in places]]


def test_mined_negatives_on_the_objects(analyse: Analyse) -> None:
    result = analyse(*on_their_neighbours(), threshold=0.4)
    (case,) = finding(result, "MIN003").cases
    assert case.value == 1.0, "all 27 have an IoU of 1/3, between 0.3 and the threshold"
    assert errors(result) == []


def test_mined_negatives_further_off_the_objects(analyse: Analyse) -> None:
    assert "MIN003" not in own(analyse(*on_their_neighbours(), threshold=0.5))


def test_mined_negatives_of_chance(analyse: Analyse) -> None:
    assert "MIN003" not in own(analyse(logits(), on_their_neighbours()[1], threshold=0.4))


def test_few_mined_negatives_tell_nothing(analyse: Analyse) -> None:
    conf, ((first, *_),) = on_their_neighbours()
    assert "MIN003" not in own(analyse(conf, [[first]], threshold=0.4))


@pytest.fixture
def coins() -> tuple[tuple[Tensor, ...], list[Tensor]]:
    """The sample's predictions, of a network that has learnt its coins, and its targets."""
    return torch.load(SAMPLES / "preds.pt", weights_only=True), torch.load(SAMPLES / "targets.pt", weights_only=True)


def sample_loss(folder: Path, predictions: object, targets: list[Tensor]) -> LossResult:
    """The loss of such a batch, by way of files."""
    torch.save(predictions, folder / "preds.pt")
    torch.save(targets, folder / "targets.pt")
    names = (SAMPLES / "classes.txt").read_text().split()
    return api.loss(folder / "preds.pt", folder / "targets.pt", device="cpu", classes=names)


def test_object_that_nobody_labelled(tmp_path: Path, coins: tuple[tuple[Tensor, ...], list[Tensor]]) -> None:
    predictions, targets = coins
    dropped = targets[2][7, :4] * 300
    targets[2] = torch.cat((targets[2][:7], targets[2][8:]))
    result = sample_loss(tmp_path, predictions, targets)
    (case,) = finding(result, "MIN004").cases
    assert case.where.image == 2
    assert case.where.box == pytest.approx(dropped.tolist(), abs=2), "the box of the coin that was left out"
    assert "coin" in case.message
    assert isinstance(case.value, float)
    assert case.value > 0.9
    assert errors(result) == []


def test_nothing_to_label_beyond_the_photo(tmp_path: Path, coins: tuple[tuple[Tensor, ...], list[Tensor]]) -> None:
    """A mined negative, the very coin that nobody labelled above, whose offsets lead out of the image."""
    (loc, conf, priors), targets = coins
    targets[2] = torch.cat((targets[2][:7], targets[2][8:]))
    moved = loc.clone()
    sure = conf[2].softmax(-1)[:, 1:].amax(-1) > 0.5
    moved[2, sure, 0] += 10 * 1.5 / priors[sure, 2]
    assert "MIN004" not in own(sample_loss(tmp_path, (moved, conf, priors), targets))


def test_fresh_network_sees_no_object(tmp_path: Path, coins: tuple[tuple[Tensor, ...], list[Tensor]]) -> None:
    (loc, conf, priors), targets = coins
    sure = 8 * torch.randn(conf.shape, generator=torch.Generator().manual_seed(0))
    result = sample_loss(tmp_path, (loc, sure, priors), targets)
    assert max(item.probability for item in result.negatives) > 0.9
    assert "MIN004" not in own(result)


def test_equal_scores_at_the_cutoff(analyse: Analyse) -> None:
    conf = torch.zeros(1, PRIORS, 3)
    conf[0, 55, 1] = 3
    result = analyse(conf, [[OBJECT]])
    (case,) = finding(result, "MIN005").cases
    assert "priors 2 and 3" in case.message
    assert errors(result) == []


def tied_at_log_zero(images: int = 1) -> Tensor:
    """All negatives are so far below the positive's logit that each scores -inf, and no two of them cost the same."""
    conf = torch.zeros(images, PRIORS, 3)
    conf[..., 1] = torch.linspace(-6, 6, images * PRIORS).reshape(images, PRIORS)
    conf[:, 55] = torch.tensor([0.0, 400.0, 0.0])
    return conf


def range_of(conf: Tensor, images: Sequence[int]) -> list[float]:
    """The batch's confidence loss with the least and the greatest negatives of some images, worked out in full.

    An object's prior is 55, and it takes one of the three places, having a score of 0: two negatives are left.
    """
    cost = [[math.log(2 + math.exp(value)) for value in row] for row in conf[..., 1].tolist()]
    ends = []
    for greatest in (False, True):
        total = 0.0
        for image, row in enumerate(cost):
            others = row[:55] + row[56:]
            total += sum(sorted(others, reverse=greatest)[:2]) if image in images else sum(others[:2])
        ends.append(total / len(cost))
    return ends


@pytest.mark.parametrize("images", [1, 2])
def test_loss_that_depends_on_the_sort(images: int, analyse: Analyse) -> None:
    conf = tied_at_log_zero(images)
    result = analyse(conf, [[OBJECT]] * images)
    cases = finding(result, "MIN005").cases
    assert [case.where.image for case in cases] == list(range(images))
    said = re.search(r"is ([\d.]+) here, and anything from ([\d.]+) to ([\d.]+) in", cases[0].message)
    assert said
    here, least, greatest = map(float, said.groups())
    assert here == pytest.approx(result.loss.confidence, rel=1e-5)
    assert [least, greatest] == pytest.approx(range_of(conf, range(images)), rel=1e-5)
    assert least <= here < greatest
    assert "MIN002" in own(result), "it hides no tie that the loss depends on"


def test_a_tie_of_equal_losses_has_no_range(analyse: Analyse) -> None:
    conf = tied_at_log_zero()
    conf[0, :, 1] = 2
    conf[0, 55, 1] = 400
    (case,) = finding(analyse(conf, [[OBJECT]]), "MIN005").cases
    assert case.message.endswith("may take another")


def test_scores_that_differ_at_the_cutoff(analyse: Analyse) -> None:
    assert own(analyse(logits(), [[OBJECT]])) == []
