"""A dialect whose localisation compares boxes: its reports and causes, and what is said of boxes that are none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ssdlossdbg import LossTerms, api, multibox_loss
from ssdlossdbg.report.documents import from_json, render_json
from ssdlossdbg.report.json_schema import json_schema
from ssdlossdbg.report.loss_text import loss_report
from ssdlossdbg.results import LossResult

SAMPLES = Path(__file__).parents[2] / "sample_data"
BATCH = SAMPLES / "preds.pt", SAMPLES / "targets.pt"


@pytest.fixture(scope="module", params=["giou", "diou", "ciou"])
def rules(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of torchvision's rules with such a loss."""
    return write(tmp_path_factory.mktemp("rules"), request.param)


def write(folder: Path, loss: str, base: str = "torchvision") -> str:
    """A dialect file."""
    path = folder / f"{loss}.toml"
    path.write_text(f'base = "{base}"\n[loss]\nlocalization = "{loss}"\nlargest_scale = 4.135\n')
    return str(path)


@pytest.fixture(scope="module")
def found(rules: str) -> LossResult:
    """The sample under it."""
    return api.loss(*BATCH, dialect=rules, device="cpu")


def test_no_part_of_it_is_a_coordinates(found: LossResult, render: Callable[..., str]) -> None:
    assert found.coordinates is None
    text = render(loss_report(found))
    assert "The localisation loss compares boxes, so no part of it is a coordinate's." in text
    assert "By coordinate" not in text
    written = render_json(found)
    assert json.loads(written)["coordinates"] is None
    assert "coordinates" in json_schema("loss")["required"]
    assert from_json(written).coordinates is None


def test_all_other_splits_add_up(found: LossResult) -> None:
    assert 0 < found.loss.localization < 2
    for split in (found.images, found.levels, found.classes):
        assert math.fsum(item.parts.localization for item in split) == pytest.approx(found.loss.localization, rel=1e-9)
    assert math.fsum(item.localization for item in found.ground_truth) == pytest.approx(
        found.loss.localization, rel=1e-9
    )
    norms = math.fsum(level.gradient_localization**2 for level in found.levels)
    assert math.sqrt(norms) == pytest.approx(found.gradient_localization, rel=1e-9)


def test_compare_names_it_as_a_cause(rules: str, found: LossResult) -> None:
    (outcome,) = api.compare(*BATCH, dialects=[rules], reference="torchvision", device="cpu").dialects
    (cause,) = outcome.causes
    assert cause.rule == "localisation loss"
    assert cause.new.startswith(f"localization {Path(rules).stem}")
    assert outcome.localization == pytest.approx(found.loss.localization, rel=1e-6)


@pytest.mark.parametrize("loss", ["balanced-l1", "giou", "ciou"])
def test_targets_that_came_encoded_give_the_same(loss: str, tmp_path: Path) -> None:
    rules = write(tmp_path, loss, base="ssd.pytorch")
    objects = api.loss(*BATCH, dialect=rules, device="cpu")
    saved = torch.load(BATCH[0])
    terms = _terms(rules)
    encoded = (terms.targets, terms.matching.labels)
    again = api.loss(saved, encoded, dialect=rules, device="cpu")
    assert again.loss.localization == pytest.approx(objects.loss.localization, rel=1e-4)
    assert (again.coordinates is None) is (loss != "balanced-l1")


def _terms(rules: str) -> LossTerms:
    loc, conf, priors = torch.load(BATCH[0])
    targets = torch.load(BATCH[1])
    return multibox_loss(loc, conf, priors, targets, rules)


def of_object(row: list[float], rules: str) -> dict[str, str]:
    """The first messages about a box of one image, by code."""
    loc, conf = torch.zeros(1, 8732, 4), torch.zeros(1, 8732, 21)
    targets = [torch.tensor([row, [0.2, 0.2, 0.6, 0.7, 1]])]
    result = api.loss((loc, conf), targets, priors="ssd300", dialect=rules, device="cpu")
    return {item.code: item.cases[0].message for item in result.findings}


def test_a_box_without_a_side_is_no_infinite_loss(tmp_path: Path) -> None:
    flat = [0.3, 0.4, 0.5, 0.4, 0]
    for loss in ("giou", "ciou"):
        message = of_object(flat, write(tmp_path, loss, base="ssd.pytorch"))["BOX001"]
        assert "the loss compares boxes, and no box overlaps this one: it stays finite" in message
    usual = of_object(flat, "ssd.pytorch")["BOX001"]
    assert "so the loss of the batch is inf" in usual


def test_a_point_has_no_aspect_ratio(tmp_path: Path) -> None:
    point = [0.3, 0.4, 0.3, 0.4, 0]
    giou, ciou = (of_object(point, write(tmp_path, loss, base="ssd.pytorch"))["BOX001"] for loss in ("giou", "ciou"))
    assert "stays finite" in giou
    assert "it has no aspect ratio, 0 / 0, so the loss of the batch is nan" in ciou


def test_an_inverted_box_is_no_nan_either(tmp_path: Path) -> None:
    messages = of_object([0.5, 0.4, 0.3, 0.6, 0], write(tmp_path, "diou", base="ssd.pytorch"))
    assert "it stays finite" in messages["BOX002"]
    assert "NUM001" not in messages


def test_an_inverted_box_is_passed_over_where_nan_targets_are() -> None:
    inverted = [0.5, 0.4, 0.3, 0.6, 1]
    passed, usual = (of_object(inverted, name) for name in ("tf2-object-detection", "ssd.pytorch"))
    assert "tf2-object-detection passes over such offsets" in passed["BOX002"]
    assert "nan, and so is the loss of the batch" in usual["BOX002"]
