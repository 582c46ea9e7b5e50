"""Labels that do not fit the network, or each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import Finding, LossResult, MatchResult, Refusal, Severity

Match = Callable[..., MatchResult]
Lose = Callable[..., LossResult]
Batch = tuple[list[Tensor], list[Tensor]]
PRIORS = load_priors("ssd300-voc")


def by_code(result: MatchResult | LossResult) -> dict[str, Finding]:
    return {item.code: item for item in result.findings}


def refused(error: InputError) -> Finding:
    """The finding that `check` makes of a refused input."""
    (finding,) = find([Refusal("targets.pt", error.where, error.what, error.fix, error.code)])
    return finding


def test_label_without_a_column(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    labels = [label + 1 for label in labels]  # counted from 1, and ssd.pytorch adds 1 once more
    with pytest.raises(InputError, match="explain LBL001") as caught:
        lose(boxes, labels, classes=4)
    finding = refused(caught.value)
    assert (finding.code, finding.severity) == ("LBL001", Severity.ERROR)
    assert "image 1, object 3" in finding.worst.message
    assert "class id 4" in finding.worst.message
    assert "--label-offset 0" in finding.worst.fix
    assert "LBL001" not in by_code(lose(boxes, labels, classes=5))


def test_object_labelled_background(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    found = by_code(lose(boxes, labels, dialect="pytorch-ssd"))  # which adds nothing: 0 is background
    assert [case.where.object for case in found["LBL002"].cases] == [0, 1, 2, 3, 0]
    assert (found["LBL002"].worst.value, found["LBL002"].worst.bound) == (0, 1)
    assert [code for code, item in found.items() if item.severity is Severity.ERROR] == ["LBL002"]
    assert "LBL002" not in by_code(lose(boxes, [label + 1 for label in labels], dialect="pytorch-ssd"))


def test_all_labelled_background(lose: Lose, healthy_batch: Batch) -> None:
    """The loss is nan, since no prior is positive; what is wrong is the labels."""
    boxes, _ = healthy_batch
    found = by_code(lose(boxes, [torch.full((4,), -1.0)] * 2))
    assert [code for code, item in found.items() if item.severity is Severity.ERROR] == ["LBL002"]
    assert "once 1 is added" in found["LBL002"].worst.message


def test_nothing_is_said_to_be_added_to_labels_of_a_mapping(healthy_batch: Batch, tmp_path: Path) -> None:
    """There 0 is background, whatever the dialect adds to rows of five."""
    boxes, labels = healthy_batch
    loc, conf = torch.zeros(2, len(PRIORS.priors.boxes), 4), torch.zeros(2, len(PRIORS.priors.boxes), 5)
    torch.save({"loc": loc, "conf": conf, "priors": PRIORS.priors.boxes}, tmp_path / "preds.pt")
    mappings = [{"boxes": box, "labels": label * 0} for box, label in zip(boxes, labels, strict=True)]
    torch.save(mappings, tmp_path / "targets.pt")
    found = by_code(api.loss(tmp_path / "preds.pt", tmp_path / "targets.pt", device="cpu"))
    assert "means background: the priors" in found["LBL002"].worst.message


def test_class_that_is_not_in_the_list(match_voc: Match) -> None:
    names = ["RBC", "RBC", "WBC", "RBC", "Platelet", "RBC"]
    found = by_code(match_voc(names=names, classes=("RBC", "WBC", "Platelets")))
    assert "the class 'Platelet' (1 object) is not in the list of classes" in found["LBL003"].worst.message
    assert "Did you mean 'Platelets'?" in found["LBL003"].worst.fix


@pytest.mark.parametrize("name", ["rbc", "R B C", "R_BC"])
def test_names_that_differ_in_case_or_spaces(match_voc: Match, name: str) -> None:
    found = by_code(match_voc(names=["RBC", "RBC", "WBC", "RBC", name, "RBC"], dialect="caffe"))
    (case,) = found["LBL004"].cases
    assert (case.where.object, case.value, case.bound) == (4, name, "RBC")
    assert case.message == f"is called {name!r} (once), beside 'RBC' (4 times)"
    assert "LBL004" not in by_code(match_voc(names=["RBC", "RBC", "WBC", "RBC", "RBD", "RBC"]))
    folded = by_code(match_voc(names=["RBC", "RBC", "WBC", "RBC", name, "RBC"], dialect="ssd.pytorch"))
    assert ("LBL004" in folded) == (name != "rbc"), "to a loader that folds capitals, rbc is RBC"


def test_difficult_objects_are_left_out(match_voc: Match) -> None:
    found = by_code(match_voc(difficult=[1, 4]))
    assert "object 1 (cell), 4 (cell)" in found["LBL005"].worst.message
    assert "LBL005" not in by_code(match_voc(difficult=[1, 4], dialect="caffe"))
    assert "LBL005" not in by_code(match_voc())
