"""RefineDet's two steps, against its own figures, and wherever predictions of one or of two steps do not apply.

`data/two_steps_cases.json` holds what luuuyi/RefineDet.PyTorch returned for cases of `data/dialect_cases.json`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ssdlossdbg
from ssdlossdbg import LossResult, SavedLayout
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.two_steps import SecondScene, scene_of
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.steps import FirstStep
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import Recorded, Said
from ssdlossdbg.rules import Units

DATA = Path(__file__).parent / "data"
CASES: dict[str, Any] = json.loads((DATA / "dialect_cases.json").read_text())
EXPECTED: dict[str, Any] = json.loads((DATA / "two_steps_cases.json").read_text())
SHARED = Path(__file__).parents[2] / "shared" / "golden"
RULES = load_dialect("refinedet")
# Whose sort takes others of equal scores.
TIED = ("mining_ties", "global_max_underflow")
LAYOUT = SavedLayout(image_size=300, label_offset=0)
Steps = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


@pytest.fixture(params=["picked out", "all priors"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to compute: that of a CPU, and that of a GPU."""
    if request.param == "all priors":
        monkeypatch.setattr(tiles, "on_host", lambda _: False)


def with_first(loc: Tensor, conf: Tensor, priors: Tensor) -> Steps:
    """Both steps, the first drawn as where the codebase's figures were taken."""
    drawn = np.random.RandomState(777)
    moves = drawn.standard_normal(tuple(loc.shape)) * 0.3
    objectness = drawn.standard_normal((*loc.shape[:2], 2)) * 3
    first = [torch.tensor(each, dtype=torch.float32) for each in (moves, objectness)]
    return first[0], first[1], loc, conf, priors


def of_case(name: str) -> tuple[Steps, list[dict[str, Tensor]]]:
    data = CASES[name]
    loc, conf, priors = (torch.tensor(data[key]) for key in ("loc", "conf", "priors"))
    objects = zip(data["boxes"], data["labels"], strict=True)
    targets = [
        {"boxes": torch.tensor(boxes).reshape(-1, 4), "labels": torch.tensor(labels, dtype=torch.long)}
        for boxes, labels in objects
    ]
    return with_first(loc, conf, priors), targets


def scene(steps: Steps, targets: list[dict[str, Tensor]]) -> SecondScene:
    first, (loc, conf, priors) = FirstStep(*steps[:2]), steps[2:]
    given = Predictions(loc, conf, None, "", "float32", first=first)
    boxes, labels = (tuple(each[key] for each in targets) for key in ("boxes", "labels"))
    wanted = Targets(boxes, labels, Units.NORMALIZED, 0, "")
    found = scene_of(
        Batch(NamedPriors("case", "", Priors(priors, (300, 300), ())), "cpu", predictions=given, targets=wanted), RULES
    )
    assert isinstance(found, SecondScene)
    return found


def loss(steps: Any, targets: Any, **options: Any) -> LossResult:
    return ssdlossdbg.loss(steps, targets, **{"device": "cpu", "layout": LAYOUT, **options})


def check(name: str, steps: Steps, targets: list[dict[str, Tensor]], expected: dict[str, Any]) -> None:
    """Hold both steps, prior by prior, against what the codebase returned."""
    both = scene(steps, targets)
    for step, own in (("arm", both.first), ("odm", both)):
        wanted, terms = expected[step], own.loss
        assert terms.matching.labels.tolist() == wanted["labels"]
        assert [row.nonzero().flatten().tolist() for row in terms.matching.positive] == wanted["positives"]
        if name not in TIED:
            assert [row.nonzero().flatten().tolist() for row in terms.mining.mined] == wanted["negatives"]
        assert float(terms.normalizer) == wanted["normalizer"]
        for found, value in ((terms.localization, wanted["localization"]), (terms.confidence, wanted["confidence"])):
            assert float(found) == pytest.approx(float(value), rel=2e-6, nan_ok=True)
        for image, rows in enumerate(wanted["targets"]):  # of the positives before any is taken out
            matched = (terms.matching.labels[image] > 0).nonzero().flatten().tolist()
            kept = [row for prior, row in zip(matched, rows, strict=True) if terms.matching.positive[image, prior]]
            theirs = torch.tensor([[float(value) for value in row] for row in kept]).reshape(-1, 4)
            ours = terms.targets[image, terms.matching.positive[image]]
            torch.testing.assert_close(ours, theirs, rtol=4e-6, atol=2e-6)
    result = loss(steps, targets)
    assert result.whole == pytest.approx(float(expected["total"]), rel=2e-6, nan_ok=True)
    written = json.loads(result.to_json())["loss"]["total_with_first_step"]
    assert written == "NaN" if math.isnan(result.whole) else written == result.whole


@pytest.mark.parametrize("name", [name for name in EXPECTED if "raises" not in EXPECTED[name]])
@pytest.mark.usefixtures("way")
def test_agrees_with_the_codebase(name: str) -> None:
    check(name, *of_case(name), EXPECTED[name])


@pytest.mark.parametrize("name", [name for name in EXPECTED if "raises" in EXPECTED[name]])
def test_raises_where_the_codebase_does(name: str) -> None:
    raises = loss(*of_case(name)).raises
    assert raises is not None
    assert raises.startswith(EXPECTED[name]["raises"])


@pytest.mark.parametrize("name", ["random_200", "random_many"])
def test_agrees_on_large_cases(name: str) -> None:
    files = [folder / f"{name}.npz" for folder in (SHARED / "cases", SHARED / "dialects2" / "cases")]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        pytest.skip(f"no recordings of the real code in {SHARED}")
    recorded = json.loads((SHARED / "dialects2" / "golden2.json").read_text())["cases"][name]["results"]["refinedet"]
    keys = {"pos_loc_targets": "targets", "N": "normalizer", "loc_loss": "localization", "conf_loss": "confidence"}
    expected = {step: {keys.get(key, key): each for key, each in recorded[step].items()} for step in ("arm", "odm")}
    with np.load(path) as saved:
        arrays = {key: torch.from_numpy(saved[key]) for key in saved.files}
    targets = [
        {"boxes": arrays[f"gt_boxes_{i}"].reshape(-1, 4), "labels": arrays[f"gt_labels_{i}"].long()}
        for i in range(len(arrays["loc"]))
    ]
    steps = with_first(arrays["loc"], arrays["conf"], arrays["priors"])
    check(name, steps, targets, {**expected, "total": recorded["total"]})


def test_one_taken_out_is_mined_towards_its_class() -> None:
    """Prior 3 of the second image is no positive, and yet its cost is that of its own class, by the definition."""
    steps, targets = of_case("batch_norm_1_4")
    result, both = loss(steps, targets), scene(steps, targets)
    label = int(both.loss.matching.labels[1, 3])
    assert label > 0
    assert not both.loss.matching.positive[1, 3]
    assert both.loss.mining.mined[1, 3]
    probability = steps[3][1, 3].softmax(0)[label]
    (mined,) = (each for each in result.negatives if (each.image, each.prior) == (1, 3))
    assert mined.loss == pytest.approx(-math.log(probability) / result.normalizer, rel=1e-5)
    owner = int(both.loss.matching.gt_index[1, 3])
    (taken,) = (each for each in result.taken_out if (each.image, each.index) == (1, owner))
    assert (taken.taken, taken.left) == (1, result_of(result, 1, owner).positives)
    assert taken.probability == pytest.approx(float(steps[1][1, 3].softmax(0)[1]), rel=1e-5)
    assert taken.probability <= 0.01
    # Its box is the moved prior, as the formula moves it.
    cx, cy, w, h = steps[4][3].tolist()
    dx, dy, dw, dh = steps[0][1, 3].tolist()
    width, height = w * math.exp(0.2 * dw), h * math.exp(0.2 * dh)
    left, top = cx + 0.1 * dx * w - width / 2, cy + 0.1 * dy * h - height / 2
    wanted = [300 * side for side in (left, top, left + width, top + height)]
    assert list(mined.box) == pytest.approx(wanted, rel=1e-4)


def result_of(result: LossResult, image: int, index: int) -> Any:
    """What an object costs in the second step."""
    (found,) = (each for each in result.ground_truth if (each.image, each.index) == (image, index))
    return found


def test_parts_add_up() -> None:
    result = loss(*of_case("batch_norm_1_4"))
    assert result.first_step is not None
    for step in (result, result.first_step):
        for split in (step.images, step.levels):
            assert sum(each.parts.total for each in split) == pytest.approx(step.loss.total, rel=1e-6)
    assert result.whole == result.loss.total + result.first_step.loss.total
    steps = f"first step {result.first_step.loss.total:.4f} + second step {result.loss.total:.4f}"
    assert f"{result.whole:.4f} = {steps}" in result.headline
    again = ssdlossdbg.from_json(result.to_json())
    assert (again.first_step, again.taken_out) == (result.first_step, result.taken_out)


def test_gradients_are_those_of_autograd() -> None:
    steps, targets = of_case("batch_norm_1_4")
    result = loss(steps, targets)
    loc, conf = (each.clone().requires_grad_() for each in steps[2:4])
    terms = scene((*steps[:2], loc, conf, steps[4]), targets).loss
    gradients = torch.autograd.grad(terms.total, (loc, conf))
    assert result.gradient_localization == pytest.approx(float(gradients[0].norm()), rel=1e-5)
    assert result.gradient_confidence == pytest.approx(float(gradients[1].norm()), rel=1e-5)


def test_what_training_printed_is_held_against_both_steps() -> None:
    steps, targets = of_case("batch_norm_1_4")
    keys = ("arm_loc", "arm_conf", "odm_loc", "odm_conf", "priors")
    saved: dict[str, Any] = dict(zip(keys, steps, strict=True))
    whole = EXPECTED["batch_norm_1_4"]["total"]
    assert loss({**saved, "loss": torch.tensor(whole)}, targets).recorded_error == pytest.approx(0, abs=1e-5)
    second = EXPECTED["batch_norm_1_4"]["odm"]["localization"] + EXPECTED["batch_norm_1_4"]["odm"]["confidence"]
    other = loss({**saved, "loss": torch.tensor(second)}, targets)
    (finding,) = (finding for finding in other.findings if finding.code == "REC001")
    assert f"give {whole:.5g}"[:10] in finding.message
    assert other.whose == ""


@pytest.mark.parametrize("form", ["tuple", "list without priors", "mapping", "npz", "one file", "float16"])
def test_how_they_are_saved_makes_no_difference(form: str, tmp_path: Path) -> None:
    steps, targets = of_case("saturated_one_image")
    usual = loss(steps, targets)
    keys = ("arm_loc", "arm_conf", "odm_loc", "odm_conf", "priors")
    named = dict(zip(keys, steps, strict=True))
    if form == "one file":
        path = tmp_path / "both.pt"
        rows = [torch.cat((each["boxes"], each["labels"][:, None]), 1) for each in targets]
        torch.save({**named, "targets": torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)}, path)
        found = loss(path, None)
    elif form == "npz":
        arrays: dict[str, Any] = {key: part.numpy() for key, part in named.items()}
        np.savez(tmp_path / "preds.npz", **arrays)
        found = loss(tmp_path / "preds.npz", targets)
    elif form == "list without priors":
        found = loss(list(steps[:4]), targets, priors=steps[4])
    elif form == "float16":
        found = loss(tuple(each.half() for each in steps[:4]) + steps[4:], targets)
        assert found.dtype == "float16"
        assert found.whole == pytest.approx(usual.whole, rel=1e-2)
        return
    else:
        found = loss(named if form == "mapping" else steps, targets)
    assert (found.loss, found.first_step, found.dialect) == (usual.loss, usual.first_step, "refinedet")
    assert "arm_loc, arm_conf, odm_loc, odm_conf" in found.predictions_layout


def test_four_and_ten_classes_are_no_other_tensors() -> None:
    """Logits of as many columns as offsets or landmarks have are the second step's all the same."""
    (moves, objectness, loc, _, priors), targets = of_case("saturated_one_image")
    for columns in (4, 10):
        conf = torch.zeros((*loc.shape[:2], columns))
        result = loss((moves, objectness, loc, conf, priors), targets)
        assert (result.classes_count, result.predictions_layout.count("landm")) == (columns, 0)


BAD: dict[str, tuple[str, Any]] = {
    "a key is missing": ("has arm_loc, arm_conf, odm_loc, but not odm_conf", None),
    "objectness of three": (r"arm_conf: holds torch.float32 of shape \[2, 5, 3\]", torch.zeros(2, 5, 3)),
    "other priors": (r"arm_conf: holds torch.float32 of shape \[2, 4, 2\]", torch.zeros(2, 4, 2)),
    "whole numbers": (r"arm_conf: holds torch.int64", torch.zeros(2, 5, 2, dtype=torch.long)),
    "a word": (r"arm_conf: is a str", "none"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_steps(name: str) -> None:
    steps, targets = of_case("saturated_one_image")
    keys = ("arm_loc", "arm_conf", "odm_loc", "odm_conf", "priors")
    saved: dict[str, Any] = dict(zip(keys, steps, strict=True))
    words, bad = BAD[name]
    if bad is None:
        del saved["odm_conf"]
    else:
        saved["arm_conf"] = bad
    with pytest.raises(InputError, match=words):
        loss(saved, targets)


def test_one_step_and_two_do_not_mix() -> None:
    steps, targets = of_case("saturated_one_image")
    one = (*steps[2:],)
    with pytest.raises(InputError, match=r"caffe has one step, and these predictions hold two\. Say refinedet"):
        loss(steps, targets, dialect="caffe")
    for call in (ssdlossdbg.loss, ssdlossdbg.detect):
        with pytest.raises(InputError, match=r"refinedet has two steps, and these predictions hold one\. Save both"):
            call(one, targets, dialect="refinedet", device="cpu", layout=LAYOUT)
    encoded = (torch.zeros(2, 5, dtype=torch.long), torch.zeros(2, 5, 4))
    with pytest.raises(InputError, match="already encoded, and two steps match twice"):
        loss(steps, encoded, layout=SavedLayout(image_size=300))
    with pytest.raises(InputError, match="whose the loss of two is cannot be told"):
        ssdlossdbg.identify_batch(steps, targets, printed=Said(Recorded(1.0)), layout=LAYOUT)
    with pytest.raises(InputError, match="name none of one step"):
        ssdlossdbg.identify_batch(one, targets, dialects=["refinedet"], printed=Said(Recorded(1.0)), layout=LAYOUT)
    with pytest.raises(InputError, match="shows the priors of one step, and these predictions hold two"):
        loss(steps, targets, detail=True)
    gt = [torch.zeros(0, 5)] * 2
    with pytest.raises(InputError, match="refinedet, which has two steps"):
        ssdlossdbg.multibox_loss(*one, gt, "refinedet")
    with pytest.raises(InputError, match="refinedet, which has two steps"):
        ssdlossdbg.detect_boxes(*one, "refinedet")
    with pytest.raises(InputError, match="refinedet, which has two steps"):
        ssdlossdbg.MultiBoxLoss("refinedet")
    with pytest.raises(InputError, match="refinedet, which has two steps"):
        ssdlossdbg.identify(torch.nn.Identity(), dialects=["refinedet"])
    with pytest.raises(InputError, match="refinedet, which has two steps"):
        ssdlossdbg.assert_same_loss(torch.nn.Identity(), "refinedet")


def test_compare_asks_those_that_apply(tmp_path: Path) -> None:
    steps, targets = of_case("batch_norm_1_4")
    fork = tmp_path / "fork.toml"
    fork.write_text('base = "refinedet"\n[refine]\nobject_probability = 0.0\n[mining]\nratio = 2\n')
    result = ssdlossdbg.compare(steps, targets, dialects=["refinedet", "caffe", str(fork)], device="cpu", layout=LAYOUT)
    assert [each.name for each in result.dialects] == ["refinedet", "fork"]
    assert [(each.dialect, each.why) for each in result.not_asked] == [
        ("caffe", "one step, and these predictions hold two")
    ]
    own, other = result.dialects
    assert own.total == pytest.approx(EXPECTED["batch_norm_1_4"]["total"], rel=2e-6)
    assert own.first_step == pytest.approx(
        sum(EXPECTED["batch_norm_1_4"]["arm"][k] for k in ("localization", "confidence"))
    )
    assert [cause.rule for cause in other.causes] == ["mining quota", "first step"]
    assert sum(cause.delta for cause in other.causes) == pytest.approx(other.total - own.total, abs=1e-5)
    assert sum(other.roles.positives) == sum(own.roles.positives) + len(result_taken(steps, targets))
    one = ssdlossdbg.compare(steps[2:], targets, dialects=["refinedet", "caffe"], device="cpu", layout=LAYOUT)
    assert [each.name for each in one.dialects] == ["caffe"]
    assert one.not_asked[0].why == "two steps, and these predictions hold one"
    with pytest.raises(InputError, match="names none that applies"):
        ssdlossdbg.compare(steps, targets, dialects=["caffe"], device="cpu", layout=LAYOUT)


def result_taken(steps: Steps, targets: list[dict[str, Tensor]]) -> list[int]:
    """A number for each positive that is taken out."""
    return [1 for each in loss(steps, targets).taken_out for _ in range(each.taken)]


def test_all_dialects_by_default_take_a_batch_of_two_steps() -> None:
    steps, targets = of_case("clamp_small")
    result = ssdlossdbg.compare(steps, targets, device="cpu", layout=LAYOUT)
    assert [each.name for each in result.dialects] == [result.reference] == ["refinedet"]
    assert {each.dialect for each in result.not_asked} == set(dialect_names()) - {"refinedet"}


def move(box: list[float], offsets: list[float]) -> list[float]:
    """A box, cxcywh, moved by offsets."""
    (cx, cy, w, h), (dx, dy, dw, dh) = box, offsets
    return [cx + 0.1 * dx * w, cy + 0.1 * dy * h, w * math.exp(0.2 * dw), h * math.exp(0.2 * dh)]


def test_detections_come_from_the_moved_priors() -> None:
    """Each box by the formula, twice; and none where the first step says background."""
    priors = torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.7, 0.2, 0.3], [0.3, 0.7, 0.2, 0.2]])
    moves, offsets = torch.tensor([[[1.0, -1, 0.5, 0], [0, 2, 0, -0.5], [0, 0, 0, 0]]]), torch.full((1, 3, 4), 0.5)
    objectness = torch.tensor([[[0.0, 2.0], [0.0, -4.5], [5.0, 0.0]]])  # p 0.88, 0.011 and 0.0067
    conf = torch.tensor([[[0.0, 4.0, 1.0]] * 3])
    result = ssdlossdbg.detect((moves, objectness, offsets, conf, priors), device="cpu", layout=LAYOUT)
    found = result.images[0].detections
    assert {each.prior for each in found if each.class_id == 1} == {0, 1}
    assert {each.prior for each in found} == {0, 1}
    for each in found:
        cx, cy, w, h = move(move(priors[each.prior].tolist(), moves[0, each.prior].tolist()), [0.5] * 4)
        assert each.normalized == pytest.approx((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), rel=1e-5)
        assert each.score == pytest.approx(float(conf[0, 0].softmax(0)[each.class_id]), rel=1e-6)
    best = {each.class_id: each.best_score for each in result.classes}
    assert best[1] == pytest.approx(float(conf[0, 0].softmax(0)[1]), rel=1e-6)


def batch_of(objectness: list[float]) -> tuple[Steps, list[Tensor]]:
    """Two objects, each with one prior right on it; what the first step says of an object there, as a logit."""
    near = [[0.25, 0.25, 0.2, 0.2], [0.75, 0.75, 0.2, 0.2]]
    far = [[0.05 + 0.1 * place, 0.5, 0.05, 0.05] for place in range(10)]
    priors, conf = torch.tensor(near + far), torch.tensor([[[4.0, 0, 0]] * 12])
    conf[0, 0, 1] = conf[0, 1, 2] = 6.0
    conf[0, 2:, 1] = torch.linspace(0, 1, 10)
    first = torch.tensor([[[0.0, each] for each in (*objectness, *(-3.0 - 0.1 * place for place in range(10)))]])
    targets = [torch.tensor([[0.15, 0.15, 0.35, 0.35, 0], [0.65, 0.65, 0.85, 0.85, 1]])]
    return (torch.zeros(1, 12, 4), first, torch.zeros(1, 12, 4), conf, priors), targets


def findings(objectness: list[float]) -> dict[str, Any]:
    result = loss(*batch_of(objectness), layout=SavedLayout(image_size=300, label_offset=1))
    return {finding.code: finding for finding in result.findings}


def test_objects_that_the_first_step_takes_for_background_are_found() -> None:
    assert not {"MAT008", "MAT013"} & findings([3.0, -4.5]).keys(), "a probability of 0.011"
    found = findings([3.0, -5.0])
    (case,) = found["MAT013"].cases
    assert (case.where.image, case.where.object, case.where.label) == (0, 1, "class 2")
    assert "takes all 1 of its positives for background" in case.message
    assert case.value == pytest.approx(math.exp(-5) / (1 + math.exp(-5)), rel=1e-4)
    assert "MAT008" not in found
    none = findings([-6.0, -5.0])
    assert "the first step takes all 2 positives for background, so the loss is nan" in none["MAT008"].message
    assert "MAT013" not in none, "which follows from it"


@pytest.mark.parametrize(("part", "first"), [(0, True), (2, False)])
def test_a_nan_is_named_with_its_step(part: int, first: bool) -> None:
    steps, targets = batch_of([3.0, 3.0])
    steps[part][0, 0, 1] = math.nan
    result = loss(steps, targets, layout=SavedLayout(image_size=300, label_offset=1))
    (finding,) = (finding for finding in result.findings if finding.code == "NUM001")
    assert [case.where.file for case in finding.cases] == ["predictions"]
    assert ("in the first step, the network predicts cy = nan" in finding.message) is first
    assert math.isnan(result.whole)


def test_healthy_steps_are_silent() -> None:
    result = loss(*batch_of([4.0, 4.0]), layout=SavedLayout(image_size=300, label_offset=1))
    assert not [finding for finding in result.findings if finding.severity != "note"]
    assert result.taken_out == ()


SAMPLE = Path(__file__).parents[1] / "sample_data"


def test_match_shows_the_first_step() -> None:
    result = ssdlossdbg.match(SAMPLE / "cat.jpg", SAMPLE / "cat.xml", dialect="refinedet", device="cpu")
    usual = ssdlossdbg.match(SAMPLE / "cat.jpg", SAMPLE / "cat.xml", "refinedet-320", "ssd.pytorch", device="cpu")
    assert (result.ground_truth, result.totals) == (usual.ground_truth, usual.totals)
    assert (result.first_step_only, usual.first_step_only) == (True, False)
    assert (result.config.name, result.config.codebase) == ("refinedet-320", "refinedet")
    (change,) = ssdlossdbg.match_roles(usual, SAMPLE / "cat.jpg", SAMPLE / "cat.xml", dialects=["refinedet"])
    assert change.agrees_with == "ssd.pytorch"
