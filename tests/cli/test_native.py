"""Files in the codebase's own order, and targets that are already encoded, on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.readers.dialects import load_dialect

Good = Callable[..., str]
Refused = Callable[..., str]
Save = Callable[[str, object], Path]
Parts = tuple[Tensor, Tensor, Tensor]


@pytest.fixture
def encoded(saved_parts: Parts, saved_targets: list[Tensor]) -> tuple[Tensor, Tensor]:
    """What pytorch-ssd's loader makes of the sample's objects: labels and locations."""
    rules, (loc, conf, priors) = load_dialect("pytorch-ssd"), saved_parts
    gt = pad_ground_truth([rows[:, :4] for rows in saved_targets], [rows[:, 4].long() + 1 for rows in saved_targets])
    loss = multibox_loss(loc, conf, priors, gt, rules.match, rules.codec, rules.mining, rules.loss)
    return loss.matching.labels, loss.targets


def own(name: str, parts: Parts) -> tuple[Tensor, ...]:
    """The sample's predictions as that codebase has them."""
    loc, conf, priors = parts
    if name == "nvidia":
        return loc.mT, conf.mT, priors
    if name == "mmdetection":
        return loc, conf.roll(-1, -1), priors
    return loc[..., [1, 0, 3, 2]], conf, priors[..., [1, 0, 3, 2]]


def total(report: str) -> float:
    """The loss that a JSON report states."""
    loss: dict[str, Any] = json.loads(report)["loss"]
    return float(loss["total"])


@pytest.mark.parametrize("name", ["nvidia", "mmdetection", "ssd.tensorflow"])
def test_loss_of_own_order(
    name: str, good: Good, save: Save, saved_parts: Parts, saved_targets: list[Tensor], sample: Path
) -> None:
    offset, swap = {"mmdetection": 0}.get(name, 1), [1, 0, 3, 2, 4] if name == "ssd.tensorflow" else [0, 1, 2, 3, 4]
    scale = torch.tensor([300.0 if name == "mmdetection" else 1.0] * 4 + [1.0])
    rows = [(rows * scale + torch.tensor([0.0, 0, 0, 0, offset]))[:, swap] for rows in saved_targets]
    ready = good("loss", sample / "preds.pt", sample / "targets.pt", "--dialect", name, "--label-offset", "1",
                 "--target-units", "normalized", "--format", "json")  # fmt: skip
    words = ("loss", save("p.pt", own(name, saved_parts)), save("t.pt", rows), "--dialect", name, "--native")
    assert total(good(*words, "--format", "json")) == pytest.approx(total(ready), rel=1e-6)
    text = " ".join(good(*words).split())
    assert f"(loc, conf, priors), {name}'s own: " in text
    assert f"{name}'s own, {'pixels' if name == 'mmdetection' else 'normalized'}, labels counted from" in text


def test_compare_in_the_references_own_order(
    good: Good, save: Save, saved_parts: Parts, saved_targets: list[Tensor]
) -> None:
    rows = [rows + torch.tensor([0, 0, 0, 0, 1.0]) for rows in saved_targets]
    preds = save("p.pt", own("nvidia", saved_parts))
    words = ("compare", preds, save("t.pt", rows), "--reference", "nvidia", "--native", "--dialects", "ssd.pytorch")
    (outcome,) = json.loads(good(*words, "--format", "json"))["dialects"]
    assert outcome["total"] == pytest.approx(1.6645, abs=1e-4)


def test_encoded_targets(
    good: Good, save: Save, saved_parts: Parts, encoded: tuple[Tensor, Tensor], sample: Path
) -> None:
    loc, conf, priors = saved_parts
    targets = save("t.pt", {"labels": encoded[0], "gt_locations": encoded[1]})
    preds = save("p.pt", (conf, loc, priors))
    words = ("loss", preds, targets, "--dialect", "pytorch-ssd")
    text = " ".join(good(*words, "-o", "pictures").split())
    assert "already encoded, a mapping with labels, gt_locations: labels [3, 8732] with 165 positives" in text
    assert "dialect pytorch-ssd, matched before, on " in text
    assert "objects 27, recovered: what the positives decode to; without a positive none is left" in text
    assert "Costliest mined negatives (10 of 495)" in text
    assert "Costliest objects (10 of 27, recovered)" in text
    report = json.loads(good(*words, "--format", "json"))
    same = ("loss", sample / "preds.pt", sample / "targets.pt", "--dialect", "pytorch-ssd", "--label-offset", "1")
    ready = json.loads(good(*same, "--format", "json"))
    assert report["loss"] == ready["loss"]
    assert report["gradients"] == ready["gradients"]
    assert (report["targets"]["encoded"], ready["targets"]["encoded"]) == (True, False)
    assert (report["targets"]["recovered"], ready["targets"]["recovered"]) == (True, False)
    assert report["threshold"] is None
    assert [item["prior"] for item in report["negatives"]] == [item["prior"] for item in ready["negatives"]]


def test_an_encoded_target_that_is_not_finite(
    broken: Good, save: Save, encoded: tuple[Tensor, Tensor], sample: Path
) -> None:
    labels, offsets = encoded[0], encoded[1].clone()
    prior = int(labels[2].nonzero()[0])
    offsets[2, prior, 2:] = -float("inf")
    words = ("loss", sample / "preds.pt", save("t.pt", (labels, offsets)), "--dialect", "pytorch-ssd")
    text = " ".join(broken(*words).split())
    assert f"ENC001 Image 2, prior {prior}: the encoded target dw is -inf: the logarithm of 0" in text
    offsets[2, prior] = torch.tensor([float("nan"), 0, 0, float("nan")])
    text = " ".join(broken(*words[:2], save("t.pt", (labels, offsets)), *words[3:]).split())
    assert f"ENC001 Image 2, prior {prior}: the encoded target dx is nan: the box that was" in text
    offsets[2, prior, 0] = 0
    text = " ".join(broken(*words[:2], save("t.pt", (labels, offsets)), *words[3:]).split())
    assert f"ENC001 Image 2, prior {prior}: the encoded target dh is nan: the logarithm of a" in text


def test_labels_in_another_order_are_noticed(
    good: Good, broken: Good, save: Save, encoded: tuple[Tensor, Tensor], saved_parts: Parts, sample: Path
) -> None:
    labels, offsets = encoded
    targets = save("t.pt", ((labels - 1) % 7, offsets))
    words = ("loss", sample / "preds.pt", targets, "--dialect", "mmdetection")
    assert "with 26189 positives" in " ".join(broken(*words).split())
    native = save("p.pt", own("mmdetection", saved_parts))
    assert "with 165 positives" in " ".join(good("loss", native, *words[2:], "--native").split())


def test_what_encoded_targets_cannot_do(
    refused: Refused, save: Save, encoded: tuple[Tensor, Tensor], sample: Path
) -> None:
    preds, targets = sample / "preds.pt", save("t.pt", encoded)
    said = refused("loss", preds, targets, "--threshold", "0.4")
    assert "--threshold: has no effect: " in said
    assert "Save the objects instead" in said
    assert "--label-offset: says nothing about " in refused("loss", preds, targets, "--label-offset", "1")
    assert "--target-units: says nothing about " in refused("compare", preds, targets, "--target-units", "pixels")
    other = save("o.pt", (encoded[0][:, :-1], encoded[1]))
    assert "holds encoded targets: labels [3, 8731] and locations [3, 8732, 4]" in refused("loss", preds, other)


def test_the_wrong_order_is_refused(refused: Refused, save: Save, saved_parts: Parts, sample: Path) -> None:
    own_preds = save("p.pt", own("nvidia", saved_parts))
    assert "Or say --native" in refused("loss", own_preds, sample / "targets.pt", "--dialect", "nvidia")
    said = refused("loss", sample / "preds.pt", sample / "targets.pt", "--dialect", "nvidia", "--native")
    assert "Expected loc [B, 4, P] and conf [B, C, P], as nvidia has them" in said


def test_help_says_what_native_is(good: Good) -> None:
    for command in ("loss", "compare"):
        assert "--native" in good(command, "--help")
