"""Every golden case saved as each codebase has it, objects or encoded targets: the losses are those of the codebase."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.multibox.matching import roles_of_labels
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.results import LossResult
from ssdlossdbg.rules import Axes, Background, Coordinates, Dialect, Rows, Units
from tests.kinds_of_dialects import one_of_each

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "data/dialect_cases.json").read_text())
SIDE = 512
WHOLE = "batch_norm_1_4"
PAIRS = [
    (case, name)
    for case, data in CASES.items()
    for name, expected in data["results"].items()
    if "raises" not in expected and "," not in name
]


def scale_of(dialect: Dialect) -> int:
    return SIDE if dialect.targets.units is Units.PIXELS else 1


def loss_of(case: str, dialect: Dialect) -> LossTerms:
    """From tensors, for its labels and encoded targets."""
    data, scale = CASES[case], scale_of(dialect)
    gt = pad_ground_truth(
        [torch.tensor(boxes).reshape(-1, 4) * scale for boxes in data["boxes"]],
        [torch.tensor(labels, dtype=torch.long) for labels in data["labels"]],
    )
    loc, conf, priors = (torch.tensor(data[key]) for key in ("loc", "conf", "priors"))
    return multibox_loss(loc, conf, priors * scale, gt, dialect.match, dialect.codec, dialect.mining, dialect.loss)


def swap(tensor: Tensor, dialect: Dialect) -> Tensor:
    return tensor[..., [1, 0, 3, 2]] if dialect.native.coordinates is Coordinates.Y_FIRST else tensor


def turn(tensor: Tensor, dialect: Dialect) -> Tensor:
    return tensor.transpose(1, 2) if dialect.native.axes is Axes.VALUES_PRIORS else tensor


class Files:
    """A case's files, canonical or as the codebase has them."""

    def __init__(self, folder: Path, case: str, dialect: Dialect) -> None:
        self.folder, self.data, self.dialect, self.case = folder, CASES[case], dialect, case
        self.last = dialect.native.background is Background.LAST

    def predictions(self, native: bool) -> Path:
        """loc, conf and priors."""
        loc, conf, priors = (torch.tensor(self.data[key]) for key in ("loc", "conf", "priors"))
        if native:
            conf = torch.cat((conf[..., 1:], conf[..., :1]), -1) if self.last else conf
            loc, priors = turn(swap(loc, self.dialect), self.dialect), swap(priors, self.dialect)
            conf = turn(conf, self.dialect)
        return self.save("preds.pt", {"loc": loc, "conf": conf, "priors": priors})

    def objects(self) -> Path:
        """As the codebase has them; SSD.TensorFlow and MMDetection keep boxes and labels apart."""
        images: list[Any] = []
        for corners, ids in zip(self.data["boxes"], self.data["labels"], strict=True):
            boxes = swap(torch.tensor(corners).reshape(-1, 4), self.dialect) * scale_of(self.dialect)
            labels = torch.tensor(ids, dtype=torch.long) - self.dialect.targets.label_offset
            if self.dialect.native.rows is Rows.LABEL_BOX:
                images.append(torch.cat((labels[:, None], boxes), 1))
            else:
                images.append({"boxes": boxes, "labels": labels})
        return self.save("targets.pt", images)

    def encoded(self, native: bool) -> Path:
        """What the dialect encodes the objects into."""
        loss = loss_of(self.case, self.dialect)
        labels, offsets = loss.matching.labels, loss.targets
        if native:
            classes = len(self.data["conf"][0][0])
            labels = torch.where(labels < 0, labels, (labels - 1) % classes) if self.last else labels
            offsets = turn(swap(offsets, self.dialect), self.dialect)
        return self.save("encoded.pt", {"labels": labels, "gt_locations": offsets})

    def save(self, name: str, value: Any) -> Path:
        """The file."""
        torch.save(value, self.folder / name)
        return self.folder / name

    def loss(self, predictions: Path, targets: Path, native: bool) -> LossResult:
        """Of both files; their priors are no preset's."""
        return api.loss(
            predictions, targets, dialect=self.dialect, layout=SavedLayout(native=native, image_size=SIDE), device="cpu"
        )


# A third of the cases in each layout, in turn, and one case of each dialect: that the numbers of all of both are those
# of the codebase, whatever file they are from, is for `test_dialect_cases.py` to say.
GOLDEN = sorted({name for _, name in PAIRS})
LAYOUTS = one_of_each(
    *(f"native.{key}" for key in ("axes", "coordinates", "background", "rows")), "targets.units", among=GOLDEN
)
IN_FILES = [
    (case, name)
    for case, name in PAIRS
    if case == WHOLE or (name in LAYOUTS and (list(CASES).index(case) + LAYOUTS.index(name)) % 3 == 0)
]


@pytest.fixture(params=IN_FILES, ids=["-".join(pair) for pair in IN_FILES])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    case, name = request.param
    return Files(tmp_path, case, load_dialect(name))


def assert_golden(result: LossResult, files: Files) -> None:
    expected = files.data["results"][files.dialect.name]
    tolerance = 1e-5 if files.dialect.name == "gluoncv" else 2e-6
    for found, wanted in (
        (result.loss.localization, expected["localization"]),
        (result.loss.confidence, expected["confidence"]),
    ):
        assert found == pytest.approx(float(wanted), rel=tolerance, nan_ok=True)
    positives = [sum(label > 0 for label in labels) for labels in expected["labels"]]
    assert [image.positives for image in result.images] == positives
    assert [image.negatives for image in result.images] == [len(mined) for mined in expected["negatives"]]


def test_own_order(files: Files) -> None:
    result = files.loss(files.predictions(native=True), files.objects(), native=True)
    assert_golden(result, files)
    assert f"{files.dialect.name}'s own" in result.predictions_layout


def test_encoded(files: Files) -> None:
    """In its own order, which undoes everything; canonical for one case of each."""
    for native in (True, False) if files.case == WHOLE else (True,):
        assert_encoded(files, native)


def assert_encoded(files: Files, native: bool) -> None:
    result = files.loss(files.predictions(native), files.encoded(native), native)
    assert_golden(result, files)
    assert (result.encoded, result.threshold) == (True, None)
    if any(image.ground_truth for image in result.images):  # the positives agree on objects
        assert sum(image.ground_truth or 0 for image in result.images) == len(result.ground_truth)
        assert sum(item.positives for item in result.ground_truth) <= sum(image.positives for image in result.images)
    else:
        assert result.ground_truth == ()
        assert {(item.best_iou, item.ground_truth) for item in result.negatives} <= {(None, None)}
    whole = result.loss
    for split in (result.images, result.levels, result.classes):
        assert sum(item.parts.localization for item in split) == pytest.approx(whole.localization, nan_ok=True)
        assert sum(item.parts.confidence for item in split) == pytest.approx(whole.confidence, nan_ok=True)


@pytest.mark.parametrize("name", GOLDEN)
def test_encoded_loss_is_the_loss(name: str) -> None:
    cases = [case for case, other in PAIRS if other == name]
    assert WHOLE in cases
    for case in cases:
        assert_encoded_loss_is_the_loss(case, load_dialect(name))


def assert_encoded_loss_is_the_loss(case: str, dialect: Dialect) -> None:
    """Exactly: the same roles, offsets and mining to the last bit."""
    data, whole = CASES[case], loss_of(case, dialect)
    loc, conf, priors = (torch.tensor(data[key]) for key in ("loc", "conf", "priors"))
    batch = Batch(
        NamedPriors("golden", "", Priors(priors, (SIDE, SIDE), ())),
        "cpu",
        predictions=Predictions(loc, conf, None, "", "float32"),
        targets=EncodedTargets(whole.matching.labels, whole.targets, ""),
    )
    again = Scene(batch, dialect).loss
    assert torch.equal(again.mining.mined, whole.mining.mined)
    assert torch.equal(again.matching.positive, whole.matching.positive)
    torch.testing.assert_close(again.localization, whole.localization, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(again.confidence, whole.confidence, rtol=0, atol=0, equal_nan=True)


def test_targets_that_pytorch_ssd_itself_encoded(tmp_path: Path) -> None:
    """Its labels and locations as it returned them, not as we compute them: the loss is what it returned."""
    dialect = load_dialect("pytorch-ssd")
    for case, data in CASES.items():
        expected = data["results"].get("pytorch-ssd", {"raises": "not recorded"})
        if "raises" in expected:
            continue
        files = Files(tmp_path, case, dialect)
        labels = torch.tensor(expected["labels"])
        locations = torch.zeros((*labels.shape, 4))
        rows = [[float(value) for value in row] for image in expected["targets"] for row in image]
        locations[labels > 0] = torch.tensor(rows).reshape(-1, 4)
        encoded = files.save("own.pt", {"labels": labels, "gt_locations": locations})
        assert_golden(files.loss(files.predictions(native=False), encoded, native=False), files)


def test_a_target_that_is_not_finite_is_traced_to_its_prior(tmp_path: Path) -> None:
    files = Files(tmp_path, "degenerate_gt", load_dialect("pytorch-ssd"))
    result = files.loss(files.predictions(native=False), files.encoded(native=False), native=False)
    (found,) = result.non_finite
    assert (found.term, found.image, found.prior, found.place) == ("target", 0, 0, "w")
    assert (found.value, found.ground_truth, found.box, found.problem) == (-math.inf, None, None, None)


def test_compare_starts_from_the_given_roles(tmp_path: Path) -> None:
    files = Files(tmp_path, "batch_norm_1_4", load_dialect("pytorch-ssd"))
    predictions, encoded = files.predictions(native=False), files.encoded(native=False)
    result = api.compare(
        predictions, encoded, reference="pytorch-ssd", layout=SavedLayout(image_size=SIDE), device="cpu"
    )
    assert result.targets_layout.endswith("so matching and encoding are not compared: for that, save the objects")
    totals = {outcome.name: outcome.total for outcome in result.dialects}
    # Those that match and encode this case alike are led to their own figure by the encoded targets.
    recorded = files.data["results"] | {"dusty-nv": files.data["results"]["pytorch-ssd"]}
    own = recorded["pytorch-ssd"]
    alike = {
        name: total
        for name, total in totals.items()
        if recorded[name]["labels"] == own["labels"]
        and np.allclose(np.double(recorded[name]["targets"][0]), np.double(own["targets"][0]), atol=1e-4)
    }
    assert len(alike) > 20
    for name, total in alike.items():
        expected = recorded[name]
        assert total == pytest.approx(expected["localization"] + expected["confidence"], rel=1e-5)
    rules = {cause.rule for outcome in result.dialects for cause in outcome.causes}
    assert not rules & {"overlap", "threshold", "forced match", "ignore band", "encoding", "units"}
    assert {outcome.raises for outcome in result.dialects} == {None}
    for outcome in result.dialects:
        worth = sum(cause.delta for cause in outcome.causes)
        assert worth == pytest.approx(outcome.total - result.reference_total, abs=1e-6)


def test_compare_in_the_references_own_order(tmp_path: Path) -> None:
    results, names = [], ("mmdetection", "nvidia", "ssd.tensorflow", "caffe")
    for name in names:
        files = Files(tmp_path, "batch_norm_1_4", load_dialect(name))
        predictions, objects = files.predictions(native=True), files.objects()
        compared = api.compare(
            predictions,
            objects,
            dialects=names,
            reference=name,
            layout=SavedLayout(native=True, image_size=SIDE),
            device="cpu",
        )
        results.append({outcome.name: outcome.total for outcome in compared.dialects})
    for other in results[1:]:
        assert other == pytest.approx(results[0], rel=1e-6)


def test_no_positive_is_where_some_codebases_raise(tmp_path: Path) -> None:
    files = Files(tmp_path, "batch_norm_1_4", load_dialect("ssd.tensorflow"))
    labels = torch.zeros((2, 18), dtype=torch.long)
    encoded = files.save("none.pt", (labels, torch.zeros((2, 18, 4))))
    result = files.loss(files.predictions(native=False), encoded, native=False)
    assert result.raises
    assert result.raises == f"{files.dialect.raises.nothing_to_mine} (image 0, 1)"
    # Nothing is known of objects, so an image without any is no reason.
    assert files.loss(files.predictions(native=False), encoded, native=False).images[0].ground_truth is None
    other = Files(tmp_path, "batch_norm_1_4", load_dialect("pytorch-ssd"))
    assert other.loss(other.predictions(native=False), encoded, native=False).raises is None


@pytest.mark.parametrize(
    ("labels", "images"),
    [
        ([[1] * 18, [1] * 17 + [0]], "0"),  # nothing but positives
        ([[-1] * 17 + [1], [1] + [0] * 17], "0"),  # no negative beside a positive and ignored priors
        ([[1] + [0] * 17, [0] * 18], "1"),  # no positive, though the batch has one
        ([[1] + [0] * 17, [-1] + [0] * 17], ""),  # it counts an ignored prior as if it were positive
        ([[1] * 17 + [0], [1] + [0] * 17], ""),
    ],
)
def test_an_image_with_nothing_to_mine_is_where_ssd_tensorflow_raises(
    labels: list[list[int]], images: str, tmp_path: Path
) -> None:
    """It looks up the score at place k - 1 of each image, k = min(int(3 * count_nonzero(labels)), negatives)."""
    files = Files(tmp_path, "batch_norm_1_4", load_dialect("ssd.tensorflow"))
    encoded = files.save("t.pt", (torch.tensor(labels), torch.zeros((2, 18, 4))))
    raises = files.loss(files.predictions(native=False), encoded, native=False).raises
    assert raises == (
        f"InvalidArgumentError in train_ssd.py:319: gather_nd of index -1 (image {images})" if images else None
    )


def test_roles_of_labels() -> None:
    matching = roles_of_labels(torch.tensor([[0, 2, -1, -7, 1]]), torch.float64)
    assert matching.positive.tolist() == [[False, True, False, False, True]]
    assert matching.negative.tolist() == [[True, False, False, False, False]]
    assert matching.ignored.tolist() == [[False, False, True, True, False]]
    assert matching.labels.tolist() == [[0, 2, -1, -1, 1]]
    assert not matching.forced.any()
    assert matching.prior_iou.dtype is torch.float64
    assert matching.lost_to.tolist() == [[-1]]
    assert matching.positives_per_gt().shape == (1, 1)


def test_an_assumed_size_is_refused_where_it_matters(tmp_path: Path) -> None:
    files = Files(tmp_path, "clamp_small", load_dialect("torchvision"))
    predictions, objects = files.predictions(native=False), files.encoded(native=False)
    fork = tmp_path / "fork.toml"
    fork.write_text('base = "torchvision"\n[match]\niou = "epsilon-added"\niou_epsilon = 0.5\n')
    assert not api.loss(predictions, objects, dialect="torchvision", device="cpu").config.image_size_known
    with pytest.raises(InputError, match=r"fork has match\.iou_epsilon in pixels\. .*--image-size"):
        api.loss(predictions, objects, dialect=str(fork), device="cpu")
    with pytest.raises(InputError, match="fork has"):
        api.compare(predictions, objects, dialects=["caffe", str(fork)], device="cpu")
    api.loss(predictions, objects, dialect=str(fork), layout=SavedLayout(image_size=SIDE), device="cpu")
