"""Objects behind encoded targets: every command says of them what it says of the objects that were encoded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ssdlossdbg
from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import encode_matched
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import FINDS, DetectResult, LossResult

Good = Callable[..., str]
Run = Callable[..., Any]
Save = Callable[[str, object], Path]
PRIORS = load_priors("ssd300-voc").priors
NAME = "pytorch-ssd"
# The codebases whose losses receive targets that are encoded, or that multiply by masks.
DIALECTS = (NAME, "lufficc", "nvidia", "mmdetection", "ssd-keras", "tf-object-detection")


def scene(dialect: str, boxes: list[Tensor], labels: list[Tensor]) -> tuple[Any, Any, Any]:
    """(predictions, the objects, the same encoded as that dialect does) of a network that is mostly right."""
    rules = load_dialect(dialect)
    unit = unit_of(rules, PRIORS)
    gt, priors = pad_ground_truth([each * unit for each in boxes], labels), PRIORS.boxes * unit
    matching = match(gt, priors, rules.match)
    offsets = encode_matched(gt, priors, matching, rules.codec).dense.float()
    wanted = matching.labels.clamp(min=0)
    random = torch.Generator().manual_seed(1)
    noise = torch.randn((*wanted.shape, 4), generator=random)
    loc = torch.where(matching.positive[..., None], offsets, 0.0) + 0.2 * noise
    conf = 6.0 * torch.nn.functional.one_hot(wanted, 4) + noise.flip(1)
    predictions = {"loc": loc, "conf": conf, "priors": PRIORS.boxes}
    objects = [{"boxes": box * 300, "labels": label} for box, label in zip(boxes, labels, strict=True)]
    return predictions, objects, {"labels": matching.labels, "gt_locations": offsets}


BOXES = [
    torch.tensor([[0.1, 0.1, 0.5, 0.6], [0.55, 0.2, 0.9, 0.5], [0.02, 0.7, 0.06, 0.75]]),
    torch.tensor([[0.3, 0.3, 0.7, 0.9]]),
]
LABELS = [torch.tensor([1, 2, 3]), torch.tensor([2])]


def by_box(objects: Any) -> list[tuple[Any, ...]]:
    """Image, class and whole pixels of each object beside all that is said of it, in their order."""
    return sorted(((each.image, each.class_id, *map(round, each.box)), each) for each in objects)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_costs_and_fates_are_those_of_the_objects(dialect: str) -> None:
    predictions, objects, encoded = scene(dialect, BOXES, LABELS)
    layout = ssdlossdbg.SavedLayout(target_units="pixels", label_offset=0)
    known = ssdlossdbg.loss(predictions, objects, dialect=dialect, layout=layout, device="cpu")
    found = ssdlossdbg.loss(predictions, encoded, dialect=dialect, device="cpu")
    assert (known.recovered, found.recovered, found.encoded) == (False, True, True)
    assert found.loss.total == pytest.approx(known.loss.total, rel=1e-6)
    assert [image.ground_truth for image in found.images] == [3, 1]
    assert [image.forced for image in found.images] == [image.forced for image in known.images]
    pairs = list(zip(by_box(found.ground_truth), by_box(known.ground_truth), strict=True))
    assert [one[0] for one, _ in pairs] == [other[0] for _, other in pairs]
    for (_, one), (_, other) in pairs:
        assert (one.positives, one.forced, one.label) == (other.positives, other.forced, other.label)
        assert (one.best_iou, one.total) == pytest.approx((other.best_iou, other.total), rel=1e-4, abs=1e-6)
    nearest = [[(each.prior, round(each.best_iou or 0.0, 3)) for each in result.negatives] for result in (found, known)]
    assert nearest[0] == nearest[1]
    assert [len(scene.decoded) for scene in found.scenes] == [len(scene.decoded) for scene in known.scenes]


@pytest.mark.parametrize("dialect", [NAME, "mmdetection"])
def test_detections_are_held_against_them(dialect: str) -> None:
    predictions, objects, encoded = scene(dialect, BOXES, LABELS)
    layout = ssdlossdbg.SavedLayout(target_units="pixels", label_offset=0)
    known = ssdlossdbg.detect(predictions, objects, dialect=dialect, layout=layout, device="cpu")
    found = ssdlossdbg.detect(predictions, encoded, dialect=dialect, device="cpu")
    assert (found.recovered, known.recovered) == (True, False)
    assert [each.role for each in found.detections] == [each.role for each in known.detections]
    assert FINDS in {each.role for each in found.detections}
    for (place, one), (same, other) in zip(by_box(found.ground_truth), by_box(known.ground_truth), strict=True):
        assert place == same
        assert (one.status, one.positives, one.detections) == (other.status, other.positives, other.detections)


def codes(result: LossResult | DetectResult) -> set[str]:
    return {finding.code for finding in result.findings}


def test_a_box_beyond_the_border_and_one_that_no_prior_fits_are_found() -> None:
    beyond = [torch.tensor([[-0.1, 0.1, 0.5, 0.6], [0.7, 0.7, 0.74, 0.75]])]
    predictions, _, encoded = scene(NAME, beyond, [torch.tensor([1, 2])])
    result = ssdlossdbg.loss(predictions, encoded, dialect=NAME, device="cpu")
    assert {"BOX008", "MAT005"} <= codes(result)
    for code in ("BOX008", "MAT005"):
        finding = next(each for each in result.findings if each.code == code)
        assert finding.where.object is not None
        assert finding.where.box is not None
    assert "BOX008" in codes(ssdlossdbg.detect(predictions, encoded, dialect=NAME, device="cpu"))


def test_an_image_without_a_positive_is_not_said_to_have_no_object() -> None:
    predictions, _, encoded = scene("ssd-keras", BOXES, LABELS)
    encoded["labels"][1] = 0
    result = ssdlossdbg.loss(predictions, encoded, dialect="ssd-keras", device="cpu")
    assert [image.ground_truth for image in result.images] == [3, 0]
    assert not codes(result) & {"MAT009", "MAT010", "BOX012"}


def test_positives_of_a_box_without_a_side_are_in_no_objects_share() -> None:
    predictions, _, encoded = scene(NAME, BOXES, LABELS)
    prior = int(encoded["labels"][1].nonzero()[0])
    encoded["gt_locations"][1, prior, 2] = -torch.inf
    result = ssdlossdbg.loss(predictions, encoded, dialect=NAME, device="cpu")
    assert result.findings[0].code == "ENC001"
    assert [image.ground_truth for image in result.images] == [3, 1]
    positives = int((encoded["labels"] > 0).sum())
    assert sum(each.positives for each in result.ground_truth) == positives - 1
    assert all(torch.isfinite(torch.tensor(each.total)) for each in result.ground_truth)


def test_offsets_that_agree_on_no_box_give_no_objects(refused: Callable[..., str], save: Save, good: Good) -> None:
    predictions, _, encoded = scene(NAME, BOXES, LABELS)
    coarse = slice(-790, None)
    predictions = {key: each[..., coarse, :] for key, each in predictions.items()}
    encoded = {key: each[:, coarse].clone() for key, each in encoded.items()}
    encoded["labels"][:] = 1  # everything is positive, so nothing says which of them share an object
    result = ssdlossdbg.loss(predictions, encoded, dialect=NAME, device="cpu")
    assert (result.recovered, result.ground_truth) == (False, ())
    assert result.images[0].ground_truth is None
    preds, targets = save("p.pt", predictions), save("t.pt", encoded)
    said = refused("detect", preds, targets, "--dialect", NAME)
    assert "do not agree on objects" in said
    assert "Save the objects instead" in said
    assert "their positives agree on no objects" in " ".join(good("loss", preds, targets, "--fail-on", "never").split())


class Encoded(torch.nn.Module):
    """Called as pytorch-ssd's criterion is."""

    def __init__(self) -> None:
        super().__init__()
        self.priors, self.iou_threshold, self.neg_pos_ratio = PRIORS.boxes, 0.5, 3
        self.said = torch.tensor(0.5), torch.tensor(0.5)

    def forward(self, confidence: Any, predicted_locations: Any, labels: Any, gt_locations: Any) -> Any:
        """What it is told to."""
        del confidence, predicted_locations, labels, gt_locations
        return self.said


@pytest.fixture
def captured(folder: Path) -> Path:
    """A captured batch of encoded targets, one object of which reaches out of its image."""
    boxes = [BOXES[0], torch.tensor([[0.3, 0.3, 0.7, 1.2]])]
    predictions, _, encoded = scene(NAME, boxes, LABELS)
    criterion = Encoded()
    own = ssdlossdbg.loss(predictions, encoded, dialect=NAME, device="cpu").loss
    criterion.said = torch.tensor(own.localization), torch.tensor(own.confidence)
    loader: Any = torch.utils.data.DataLoader(range(4), 2)  # type: ignore[arg-type]
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    with ssdlossdbg.capture(criterion, folder / "run", loader=loader, names=names):
        next(iter(loader))
        criterion(predictions["conf"], predictions["loc"], encoded["labels"], encoded["gt_locations"])
    return folder / "run" / "step0000000.safetensors"


def test_a_captured_file_has_objects_pictures_and_names_in_every_command(
    captured: Path, run: Run, folder: Path
) -> None:
    for command in ("loss", "detect", "compare"):
        pictures = () if command == "compare" else ("-o", "pictures")
        report = json.loads(run(command, captured, *pictures, "--format", "json").out)
        finding = next(each for each in report["findings"] if each["code"] == "BOX008")
        assert finding["where"]["name"] == "b.jpg"
        assert (finding["where"]["image"], finding["where"]["object"]) == (1, 0)
        assert "b.jpg (image 1), object 0" in finding["message"]
        if command == "compare":
            assert report["image_names"] == ["a.jpg", "b.jpg"]
        else:
            assert report["targets"]["recovered"]
            assert [image["name"] for image in report["images"]] == ["a.jpg", "b.jpg"]
            assert (folder / "pictures" / f"image-001-b.{command}.png").exists()
    checked = run("check", captured)
    assert f"{captured}: warning BOX008 b.jpg (image 1), object 0" in checked.out
    assert json.loads(run("check", captured, "--format", "json").out)["totals"]["objects"] == 4
    text = " ".join(run("detect", captured).out.split())
    assert "4 of 4 objects found" in text
    assert "objects 4, recovered" in text


def test_a_folder_goes_alone_in_detect_and_compare(captured: Path, run: Run) -> None:
    for command, more in (("loss", ("--worst",)), ("detect", ()), ("compare", ("--dialects", "caffe"))):
        result = run(command, captured.parent, *more)
        assert "The captured batches, the worst first" in result.out
        assert "step0000000  exit" in result.out
        report = json.loads(run(command, captured.parent, *more, "--format", "json").out)
        assert [each["step"] for each in report["batches"]] == [0]
        assert report["predictions"]["path"].endswith("step0000000.safetensors")


def test_corners_of_recovered_objects_are_those_encoded() -> None:
    predictions, _, encoded = scene(NAME, BOXES, LABELS)
    result = ssdlossdbg.loss(predictions, encoded, dialect=NAME, device="cpu")
    for index, boxes in enumerate(BOXES):
        rows = torch.from_numpy(result.scenes[index].objects)
        apart = (rows[:, None] - boxes[None]).abs().amax(-1).amin(1)
        assert float(apart.max()) < 1e-5
