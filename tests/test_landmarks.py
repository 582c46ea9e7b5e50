"""The term of the landmarks, against RetinaFace's own figures and against plain loops, and what is said without it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ssdlossdbg
from ssdlossdbg import LossResult, SavedLayout
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox import tiles

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "data/dialect_cases.json").read_text())
# Where the points of the cases stand in their boxes, as shares of width and height.
PLACES = torch.tensor([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]])


def rows_of(boxes: Tensor, labels: Tensor) -> Tensor:
    """`[n, 15]` with the points at those places."""
    points = boxes[:, None, :2] + (boxes[:, None, 2:] - boxes[:, None, :2]) * PLACES
    return torch.cat((boxes, points.flatten(1), labels[:, None].float()), 1)


def of_case(name: str) -> tuple[tuple[Tensor, ...], list[Tensor]]:
    """(loc, conf, landm, priors) and targets, landmarks drawn as where the codebase's figures were taken."""
    data = CASES[name]
    loc, conf, priors = (torch.tensor(data[key]) for key in ("loc", "conf", "priors"))
    drawn = np.random.RandomState(4242).standard_normal((*loc.shape[:2], 10)) * 0.5
    boxes = [torch.tensor(image).reshape(-1, 4) for image in data["boxes"]]
    targets = [rows_of(image, torch.tensor(ids)) for image, ids in zip(boxes, data["labels"], strict=True)]
    return (loc, conf, torch.tensor(drawn, dtype=torch.float32), priors), targets


def loss(predictions: Any, targets: Any, dialect: str = "retinaface", **options: Any) -> LossResult:
    return ssdlossdbg.loss(predictions, targets, dialect=dialect, device="cpu", **options)


@pytest.fixture(params=["picked out", "all priors"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to compute the term: that of a CPU, and that of a GPU."""
    if request.param == "all priors":
        monkeypatch.setattr(tiles, "on_host", lambda _: False)
    return str(request.param)


OF_RETINAFACE = [name for name, data in CASES.items() if "landmarks" in data["results"].get("retinaface", {})]


@pytest.mark.parametrize("name", OF_RETINAFACE)
@pytest.mark.usefixtures("way")
def test_agrees_with_the_codebase(name: str) -> None:
    expected = CASES[name]["results"]["retinaface"]
    result = loss(*of_case(name))
    assert result.loss.landmarks == pytest.approx(expected["landmarks"], rel=2e-6)
    whole = expected["localization"] + expected["confidence"] + expected["landmarks"]
    assert result.loss.total == pytest.approx(whole, rel=2e-6)
    assert f"+ landmarks {expected['landmarks']:.4f}" in result.headline


def test_all_cases_of_the_codebase_have_the_term() -> None:
    assert len(OF_RETINAFACE) == sum("retinaface" in data["results"] for data in CASES.values()) >= 15


LABELS: list[list[int]] = CASES["batch_norm_1_4"]["results"]["retinaface"]["labels"]


def overlap(prior: list[float], box: list[float]) -> float:
    """Of a prior, cxcywh, with a box, xyxy."""
    cx, cy, w, h = prior
    wide = min(cx + w / 2, box[2]) - max(cx - w / 2, box[0])
    high = min(cy + h / 2, box[3]) - max(cy - h / 2, box[1])
    shared = max(wide, 0) * max(high, 0)
    return shared / (w * h + (box[2] - box[0]) * (box[3] - box[1]) - shared)


def by_loops(predictions: tuple[Tensor, ...], targets: list[Tensor]) -> tuple[list[float], int]:
    """What the landmarks of each image of batch_norm_1_4 cost before they are divided, and by what; number by number.

    There, the positives that the codebase's figures name learn the object that they overlap most.
    """
    _, _, landm, priors = predictions
    costs, count = [], 0
    for image, rows in enumerate(targets):
        cost = 0.0
        for prior in [prior for prior, label in enumerate(LABELS[image]) if label]:
            cx, cy, w, h = priors[prior].tolist()
            overlaps = [overlap([cx, cy, w, h], row[:4].tolist()) for row in rows]
            owner = overlaps.index(max(overlaps))
            if rows[owner, 14] <= 0:
                continue
            count += 1
            for point in range(5):
                x, y = rows[owner, 4 + 2 * point].item(), rows[owner, 5 + 2 * point].item()
                for axis, aim in enumerate(((x - cx) / (0.1 * w), (y - cy) / (0.1 * h))):
                    apart = abs(landm[image, prior, 2 * point + axis].item() - aim)
                    cost += 0.5 * apart * apart if apart < 1 else apart - 0.5
        costs.append(cost)
    return costs, max(1, count)


@pytest.mark.parametrize("unknown", [[], [(0, 0)], [(1, 1), (1, 3)], [(0, 0), (1, 0), (1, 1), (1, 2), (1, 3)]])
@pytest.mark.usefixtures("way")
def test_objects_without_landmarks(unknown: list[tuple[int, int]]) -> None:
    predictions, targets = of_case("batch_norm_1_4")
    whole = loss(predictions, [rows.clone() for rows in targets])
    for image, index in unknown:
        targets[image][index, 4:] = -1
    result = loss(predictions, targets)
    costs, normalizer = by_loops(predictions, targets)
    assert normalizer == result.landmark_normalizer == max(1, 5 - len(unknown))
    assert result.loss.landmarks == pytest.approx(sum(costs) / normalizer, rel=1e-5)
    assert result.loss_sum.landmarks == pytest.approx(sum(costs), rel=1e-5)
    assert [image.parts.landmarks for image in result.images] == pytest.approx(
        [c / normalizer for c in costs], rel=1e-5
    )
    # They are faces like others: positives of class 1.
    assert (result.loss.localization, result.loss.confidence) == (whole.loss.localization, whole.loss.confidence)
    assert result.normalizer == whole.normalizer == 5


def test_splits_add_up() -> None:
    result = loss(*of_case("batch_norm_1_4"))
    for parts in ([each.parts for each in split] for split in (result.images, result.levels, result.classes)):
        assert sum(part.landmarks or 0 for part in parts) == pytest.approx(result.loss.landmarks, rel=1e-6)
        assert sum(part.total for part in parts) == pytest.approx(result.loss.total, rel=1e-6)
    positives = result.loss.localization + result.loss.confidence_positive + (result.loss.landmarks or 0)
    assert sum(item.total for item in result.ground_truth) == pytest.approx(positives, rel=1e-6)
    assert all(item.landmarks for item in result.ground_truth)


def test_its_weight_is_a_rule(tmp_path: Path) -> None:
    predictions, targets = of_case("clamp_small")
    fork = tmp_path / "half.toml"
    fork.write_text('base = "retinaface"\n[loss]\nlandmark_weight = 0.5\n')
    usual, half = loss(predictions, targets), loss(predictions, targets, str(fork))
    assert half.loss.landmarks == pytest.approx(0.5 * (usual.loss.landmarks or math.nan))
    without = loss(predictions, targets, "faceboxes")
    assert (without.loss.landmarks, without.landmark_normalizer, without.landmarks_left_out) == (None, None, "")
    compared = ssdlossdbg.compare(
        predictions, targets, reference="retinaface", dialects=["retinaface", "faceboxes"], device="cpu"
    )
    retinaface, faceboxes = compared.dialects
    assert retinaface.total == pytest.approx(usual.loss.total)
    assert retinaface.landmarks == pytest.approx(usual.loss.landmarks)
    assert faceboxes.landmarks is None
    (cause,) = (cause for cause in faceboxes.causes if cause.rule == "landmarks")
    assert cause.delta == pytest.approx(-(usual.loss.landmarks or 0), rel=1e-5)
    assert sum(each.delta for each in faceboxes.causes) == pytest.approx(faceboxes.total - retinaface.total, abs=1e-5)


LEFT_OUT: dict[str, tuple[str, Callable[..., Any], Callable[[list[Tensor]], Any]]] = {
    "no predictions": (
        "the predictions hold none",
        lambda loc, conf, _, priors: (loc, conf, priors),
        lambda rows: rows,
    ),
    "no points": (
        "the rows of the targets hold none",
        lambda *parts: parts,
        lambda rows: [torch.cat((image[:, :4], image[:, 14:]), 1) for image in rows],
    ),
}


@pytest.mark.parametrize("why", LEFT_OUT)
def test_what_is_not_saved_is_said(why: str) -> None:
    predictions, targets = of_case("batch_norm_1_4")
    targets[1][0, 14] = -1
    whole = loss(predictions, targets)
    words, given, wanted = LEFT_OUT[why]
    result = loss(given(*predictions), wanted(targets))
    assert result.landmarks_left_out.startswith(words)
    assert result.loss.landmarks is result.landmark_normalizer is result.images[0].parts.landmarks is None
    assert result.loss.total == result.loss.localization + result.loss.confidence
    assert (result.loss.localization, result.loss.confidence) == (whole.loss.localization, whole.loss.confidence)
    assert whole.landmarks_left_out == ""


def test_a_total_with_the_landmarks_is_not_held_against_one_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssdlossdbg.api.batches.whose_rules", lambda _batch: "")  # which has tests of its own
    predictions, targets = of_case("batch_norm_1_4")
    loc, conf, landm, priors = predictions
    total = loss(predictions, targets).loss.total
    saved = {"loc": loc, "conf": conf, "priors": priors, "loss": torch.tensor(total)}
    without = loss(saved, targets)
    assert without.recorded_error is None
    assert not [finding for finding in without.findings if finding.code == "REC001"]
    whole = loss({**saved, "landm": landm}, targets)
    assert whole.recorded_error == pytest.approx(0, abs=1e-6)
    other = loss({**saved, "landm": landm + 1}, targets)
    assert [finding.code for finding in other.findings if finding.code == "REC001"]
    compared = ssdlossdbg.compare(
        saved, targets, reference="retinaface", dialects=["retinaface", "faceboxes"], device="cpu"
    )
    assert [each.is_yours for each in compared.dialects] == [None, False]


def test_where_the_parts_stand_makes_no_difference(tmp_path: Path) -> None:
    predictions, targets = of_case("batch_norm_1_4")
    loc, conf, landm, priors = predictions
    usual = loss(predictions, targets).loss
    padded = torch.zeros((2, 6, 15))
    for image, rows in enumerate(targets):
        padded[image, : len(rows)] = rows
    padded[0, 3] = -1  # as padding is marked elsewhere
    arrays: dict[str, Any] = {"loc": loc, "conf": conf, "landm": landm, "priors": priors}
    path = tmp_path / "batch.npz"
    numbers: dict[str, Any] = {name: part.numpy() for name, part in (*arrays.items(), ("targets", padded))}
    np.savez(path, **numbers)
    together, folder = ssdlossdbg.loss(path, dialect="retinaface", device="cpu"), tmp_path / "two"
    folder.mkdir()
    torch.save((loc, conf, landm, priors), folder / "preds.pt")
    torch.save(targets, folder / "targets.pt")
    apart = loss(folder / "preds.pt", folder / "targets.pt")
    assert usual == together.loss == apart.loss == loss((loc, conf, priors, landm), padded).loss
    assert "with landm" in apart.predictions_layout
    assert "ten of landmarks" in apart.targets_layout


def test_pixels() -> None:
    predictions, targets = of_case("batch_norm_1_4")
    usual = loss(predictions, targets).loss
    sides = torch.tensor([512.0, 256.0] * 7 + [1.0])
    layout = SavedLayout(target_units="pixels", image_size=(512, 256))
    found = loss(predictions, [rows * sides for rows in targets], layout=layout).loss
    assert found.landmarks == pytest.approx(usual.landmarks, rel=1e-5)


def test_an_image_without_objects() -> None:
    predictions, targets = of_case("batch_norm_1_4")
    assert loss(predictions, [targets[0], torch.zeros(0)]).landmark_normalizer == 1
    none = loss(predictions, [torch.zeros(0, 15), torch.zeros(0, 15)])
    assert (none.loss.landmarks, none.landmark_normalizer, none.landmarks_left_out) == (0, 1, "")


@pytest.mark.parametrize("bad", ["another width", "another batch", "whole numbers", "five and fifteen", "a word"])
def test_bad_landmarks(bad: str) -> None:
    (loc, conf, landm, priors), targets = of_case("batch_norm_1_4")
    if bad == "five and fifteen":
        with pytest.raises(InputError, match=r"image 0: has \[1, 5\], where image 1 has rows of 15.*ten of landmarks"):
            loss((loc, conf, landm, priors), [targets[0][:, :5], targets[1]])
        return
    wrong: Any = {
        "another width": landm[..., :8],
        "another batch": landm[:1],
        "whole numbers": landm.long(),
        "a word": "none",
    }[bad]
    with pytest.raises(InputError, match=r"landm") as caught:
        loss({"loc": loc, "conf": conf, "landm": wrong, "priors": priors}, targets)
    if bad != "a word":
        expected = [*loc.shape[:2], 10]
        assert caught.value.what == f"holds {wrong.dtype} of shape {list(wrong.shape)}"
        assert caught.value.fix.startswith(f"Expected float {expected}, as the network returned them")


def test_a_point_that_is_no_number_is_traced() -> None:
    predictions, targets = of_case("batch_norm_1_4")
    targets[1][2, 6] = math.nan
    result = loss(predictions, targets)
    assert math.isnan(result.loss.total)
    (found,) = (item for item in result.non_finite if item.term == "landmarks")
    assert (found.image, found.ground_truth, found.place) == (1, 2, "2")


def named(result: LossResult) -> list[Any]:
    return [case for finding in result.findings if finding.code == "NUM008" for case in finding.cases]


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_a_point_that_is_no_number_is_found(value: float) -> None:
    predictions, targets = of_case("batch_norm_1_4")
    assert named(loss(predictions, targets)) == []
    targets[1][2, 4 + 7] = value  # y of the fourth point
    (case,) = named(loss(predictions, targets))
    assert (case.where.file, case.where.image, case.where.object) == ("targets", 1, 2)
    told = "has no number for y of landmark 3, so the loss of the batch is " + ("nan" if math.isnan(value) else "inf")
    assert case.message == told
    targets[1][2, 14] = -1
    assert named(loss(predictions, targets)) == [], "it counts nowhere then"


@pytest.mark.usefixtures("way")
def test_a_point_that_is_predicted_no_number_is_found() -> None:
    predictions, targets = of_case("batch_norm_1_4")
    landm = predictions[2].clone()
    prior = LABELS[1].index(1)
    landm[1, prior, 0] = landm[1, prior, 3] = math.nan
    found = named(loss((*predictions[:2], landm, predictions[3]), targets))
    assert [case.where.file for case in found] == ["predictions"]
    assert "is predicted no number for x of landmark 0, and 1 more like it" in found[0].message
    elsewhere = predictions[2].clone()
    elsewhere[1, LABELS[1].index(0)] = math.nan
    assert named(loss((*predictions[:2], elsewhere, predictions[3]), targets)) == [], "no positive learns it"


def test_its_gradient_reaches_the_predictions() -> None:
    from ssdlossdbg.multibox.landmarks import Landmarks, landmark_loss
    from ssdlossdbg.multibox.matching import roles_of_labels
    from ssdlossdbg.rules import CodecSpec

    predicted = torch.zeros((1, 2, 10), requires_grad=True)
    given = Landmarks(predicted, torch.full((1, 1, 10), 0.5), torch.ones((1, 1), dtype=torch.bool))
    matching = roles_of_labels(torch.tensor([[1, 0]]), torch.float32)
    terms = landmark_loss(given, torch.tensor([[0.5, 0.4, 0.5, 0.4]] * 2), matching, CodecSpec(), 2.0)
    (gradient,) = torch.autograd.grad(terms.loss, predicted)
    assert gradient[0].tolist() == [[0.0, -2.0] * 5, [0.0] * 10]
