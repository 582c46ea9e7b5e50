"""Priors that are not as many as the predictions, and what is said to explain it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.priors import Priors, generate_priors
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors, recognise_priors
from ssdlossdbg.readers.prior_count import check_prior_count
from ssdlossdbg.rules import LevelSpec, PriorSpec

Refused = Callable[[Callable[[], object]], InputError]


def own(*levels: tuple[int, int, tuple[tuple[float, float], ...]]) -> NamedPriors:
    """Priors of a 300 x 300 input on such levels: columns, rows and shapes in pixels."""
    specs = tuple(LevelSpec((columns, rows), (300 / columns, 300 / rows), shapes) for columns, rows, shapes in levels)
    return NamedPriors("own", "", generate_priors(PriorSpec((300, 300), specs)))


def test_fitting_count() -> None:
    check_prior_count(load_priors("ssd300"), 8732, "--config ssd300")


@pytest.mark.parametrize(
    ("priors", "predicted", "hints"),
    [
        # SSD300 has 38*38*4 + 19*19*6 + 10*10*6 + 5*5*6 + 3*3*4 + 1*1*4 = 8732 priors.
        ("ssd300", 24564, ["Presets with 24564 priors: ", "lufficc-ssd512-voc"]),
        ("ssd512", 8732, ["Presets with 8732 priors: ", "ssd300-voc"]),
        ("ssd300", 3234, ["Presets with 3234 priors: ", "torchvision-ssdlite320"]),
        ("ssd300", 8732 - 38 * 38 * 4, ["lack as many as level 0 (38 x 38) has: is that level left out of the head?"]),
        ("ssd300", 8732 - 4, ["lack as many as level 5 (1 x 1) has"]),
        ("ssd300", 8732 - 5 * 5 * 6, ["lack as many as level 3 (5 x 5) has"]),
        ("ssd300", 8732 + 38 * 38 * 2, ["6 instead of 4 shapes a cell in level 0 (38 x 38) would explain it."]),
        ("ssd300", 8732 - 10 * 10, ["5 instead of 6 shapes a cell in level 2 (10 x 10) would explain it."]),
        ("ssd300", 8732 + 3 * 3 * 2, ["6 instead of 4 shapes a cell in level 4 (3 x 3) would explain it."]),
        # 37 x 37 x 4 instead of 38 x 38 x 4, as without ceil_mode; 18 x 18 x 6 instead of 19 x 19 x 6.
        ("ssd300", 8732 - 300, ["A feature map of 37 x 37 cells in level 0 (38 x 38) would explain it."]),
        ("ssd300", 8732 - 222, ["A feature map of 18 x 18 cells in level 1 (19 x 19) would explain it."]),
        ("ssd300", 8732 + 7, ["Give the config of this very network: --config."]),
        ("ssd300", 1, ["Give the config of this very network: --config."]),
    ],
)
def test_count_mismatch(priors: str, predicted: int, hints: list[str], refused: Refused) -> None:
    found = load_priors(priors)
    error = refused(lambda: check_prior_count(found, predicted, f"--config {priors}"))
    assert error.where == f"--config {priors}"
    assert error.what == f"has {len(found.priors.boxes)} priors, but the predictions are for {predicted}"
    assert error.code == "PRI001"
    assert [hint for hint in hints if hint not in error.fix] == []


def test_level_of_a_custom_grid_is_missed(refused: Refused) -> None:
    custom = own((4, 3, ((30, 30), (60, 15))), (2, 2, ((90, 90), (120, 60), (60, 120))), (1, 1, ((270, 270),)))
    error = refused(lambda: check_prior_count(custom, 24 + 1, "saved.pt, priors"))
    assert "lack as many as level 1 (2 x 2) has" in error.fix


@pytest.mark.parametrize("copies", [2, 4])
def test_priors_gathered_by_data_parallel(copies: int, refused: Refused) -> None:
    boxes = load_priors("ssd300-voc").priors.boxes.repeat(copies, 1)
    found = recognise_priors(boxes, "preds.pt")
    error = refused(lambda: check_prior_count(found, 8732, "preds.pt, priors"))
    assert error.what == f"has {8732 * copies} priors, but the predictions are for 8732"
    assert error.fix == f"They are the same ones {copies} times, as DataParallel gathers them: save priors[:8732]."
    assert error.code == "PRI002"


def test_twice_as_many_but_others(refused: Refused) -> None:
    boxes = torch.cat((load_priors("ssd300-voc").priors.boxes, load_priors("ssd300-coco").priors.boxes))
    error = refused(lambda: check_prior_count(recognise_priors(boxes, "preds.pt"), 8732, "preds.pt, priors"))
    assert "DataParallel" not in error.fix
    assert "Presets with 8732 priors: " in error.fix


def test_a_shape_that_is_there_twice(refused: Refused) -> None:
    twice = own((4, 3, ((30, 30), (30, 30), (60, 15))), (2, 2, ((90, 90),)))
    error = refused(lambda: check_prior_count(twice, 4 * 3 * 2 + 2 * 2, "preds.pt, priors"))
    assert "Without repeated rows they are as many: is an aspect ratio of 1 listed" in error.fix
    assert "2 instead of 3 shapes a cell in level 0 (4 x 3)" in error.fix


def test_priors_without_levels(refused: Refused) -> None:
    found = NamedPriors("own", "", Priors(torch.rand(10, 4), (300, 300), ()))
    error = refused(lambda: check_prior_count(found, 11, "own.pt"))
    assert error.fix == "Give the config of this very network: --config."
