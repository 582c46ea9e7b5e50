"""Every dialect against what its own codebase returned for small corner cases.

`data/dialect_cases.json` carries those figures over; ground truths and priors are normalised, and the codebases that
compute in pixels were given 512 times as much.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ssdlossdbg import LossTerms, multibox_loss, pad_ground_truth
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.compare import RULES, analyse_compare
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.rules import Dialect, Units

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "data/dialect_cases.json").read_text())
SIDE = 512
PAIRS = [(case, dialect) for case, data in CASES.items() for dialect in data["results"]]
# Whose sorting picks other ones of equal scores; their loss is the same.
UNSTABLE = {
    ("mining_ties", name) for name in ("bubbliiiing", "mmdetection", "tf-object-detection", "tf-object-detection-v2")
}


# Of two steps, whose figures are in tests/test_two_steps.py.
TWO_STEPS = {"refinedet"}
# Forks whose loss and matching are the same bytes.
SAME_MATHS = {"dusty-nv": "pytorch-ssd"}


def dialect_of(name: str) -> Dialect:
    """The dialect, with the ignore band that some figures were taken with."""
    base, _, band = name.partition(", ignore_from ")
    dialect = load_dialect(base)
    return replace(dialect, match=replace(dialect.match, ignore_from=float(band))) if band else dialect


def loss_of(case: str, dialect: Dialect) -> LossTerms:
    data = CASES[case]
    scale = SIDE if dialect.targets.units is Units.PIXELS else 1
    gt = pad_ground_truth(
        [torch.tensor(boxes).reshape(-1, 4) * scale for boxes in data["boxes"]],
        [torch.tensor(labels, dtype=torch.long) for labels in data["labels"]],
    )
    loc, conf, priors = (torch.tensor(data[name]) for name in ("loc", "conf", "priors"))
    return multibox_loss(loc, conf, priors * scale, gt, dialect)


@pytest.mark.parametrize(("case", "name"), PAIRS)
def test_agrees_with_the_codebase(case: str, name: str) -> None:
    dialect, expected = dialect_of(name), CASES[case]["results"][name]
    if "raises" in expected:
        raises = dialect.raises
        reasons = (raises.image_without_objects, raises.degenerate_box, raises.too_few_to_mine)
        assert any(reason.startswith(expected["raises"]) for reason in reasons)
        return
    loss = loss_of(case, dialect)
    assert loss.matching.labels.tolist() == expected["labels"]
    if (case, name) not in UNSTABLE:
        assert [mined.nonzero().flatten().tolist() for mined in loss.mining.mined] == expected["negatives"]
    tolerance = 1e-5 if name in ("gluoncv", "mxnet-ssd") else 2e-6
    for found, wanted in ((loss.localization, expected["localization"]), (loss.confidence, expected["confidence"])):
        assert float(found) == pytest.approx(float(wanted), rel=tolerance, nan_ok=True)
    for image, targets in enumerate(expected["targets"]):
        found = loss.targets[image][loss.matching.positive[image]].float()
        wanted = torch.tensor([[float(value) for value in row] for row in targets]).reshape(-1, 4)
        torch.testing.assert_close(found, wanted, rtol=2e-6, atol=2e-6, equal_nan=True)


def test_every_dialect_has_cases_or_the_maths_of_one_that_has() -> None:
    named = {name for data in CASES.values() for name in data["results"] if "," not in name}
    assert named <= set(dialect_names())
    for name in set(dialect_names()) - named - TWO_STEPS:
        own, base = load_dialect(name), load_dialect(SAME_MATHS[name])
        assert (own.match, own.codec, own.mining, own.loss) == (base.match, base.codec, base.mining, base.loss)
        assert SAME_MATHS[name] in named


def test_every_setting_of_the_maths_is_in_one_rule() -> None:
    dialect = load_dialect("ssd.pytorch")
    settings = [key for _, keys in RULES for key in keys]
    wanted = ["targets.units"]
    for section in ("match", "codec", "mining", "loss", "refine"):
        wanted += [f"{section}.{setting.name}" for setting in fields(getattr(dialect, section))]
    assert sorted(settings) == sorted(wanted)


@pytest.mark.parametrize(("place", "case"), list(enumerate(CASES)))
def test_causes_add_up_to_the_difference(place: int, case: str) -> None:
    """Of every fourth dialect: in the next case, of those behind them."""
    data = CASES[case]
    predictions = Predictions(torch.tensor(data["loc"]), torch.tensor(data["conf"]), None, "", "float32")
    targets = Targets(
        tuple(torch.tensor(boxes).reshape(-1, 4) for boxes in data["boxes"]),
        tuple(torch.tensor(labels, dtype=torch.long) for labels in data["labels"]),
        Units.NORMALIZED,
        0,
        "",
    )
    named = NamedPriors("case", "", Priors(torch.tensor(data["priors"]), (SIDE, SIDE), ()))
    reference = load_dialect("caffe")  # finite on every case
    asked = [dialect_of(name) for name in sorted(data["results"])[place % 4 :: 4]]
    result = analyse_compare(Batch(named, "cpu", predictions=predictions, targets=targets), asked, reference)
    for outcome, dialect in zip(result.dialects, asked, strict=True):
        alone = loss_of(case, dialect)
        assert outcome.total == pytest.approx(float(alone.total), rel=1e-6, nan_ok=True)
        worth = sum(cause.delta for cause in outcome.causes)
        assert worth == pytest.approx(outcome.total - result.reference_total, abs=1e-5, nan_ok=True)
        expected = data["results"].get(dialect.name, {})
        assert (outcome.raises is not None) >= ("raises" in expected)


def test_a_fork_needs_one_file(tmp_path: Path) -> None:
    fork = tmp_path / "myfork.toml"
    fork.write_text(
        'base = "pytorch-ssd"\n[match]\nforced = "bipartite"\n[mining]\nscope = "batch"\n'
        '[loss]\nnormalizer = "mean-of-images"\n'
    )
    dialect = load_dialect(str(fork))
    assert dialect.name == "myfork"
    loss = loss_of("batch_norm_1_4", dialect)
    assert loss.matching.labels.tolist() == CASES["batch_norm_1_4"]["results"]["caffe"]["labels"]
    keras = CASES["batch_norm_1_4"]["results"]["ssd-keras"]
    assert [mined.nonzero().flatten().tolist() for mined in loss.mining.mined] == keras["negatives"]
    terms = loss.localization_terms.sum((1, 2)) / torch.tensor([1.0, 4.0])
    assert float(loss.localization) == pytest.approx(float(terms.mean()), rel=1e-6)
