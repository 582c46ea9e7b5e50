"""Each stage of a computation is run once: counted where the maths is called."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg import api
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox import codec, confidence, detect, gradients, matching, matching_on_grid, mining, overlaps
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.named_priors import load_priors

SAMPLES = Path(__file__).parents[2] / "sample_data"
PHOTO = (SAMPLES / "astronaut.jpg", SAMPLES / "astronaut.xml")
SAVED = (SAMPLES / "preds.pt", SAMPLES / "targets.pt")
COUNTED: tuple[Callable[..., Any], ...] = (
    overlaps.all_overlaps,
    matching.match_with_ties,
    matching_on_grid.match_on_grid,
    codec.encode,
    codec.decode,
    detect.detect_boxes,
    confidence.confidence_loss,
    mining.mine,
    gradients.confidence_gradient,
    gradients.localization_gradient,
)
# Once each; beyond that, encoded and decoded again at the positives alone, as other codebases would have saved them.
STAGES = {"match_with_ties": 1, "all_overlaps": 1, "encode": 1, "confidence_loss": 1, "mine": 1, "decode": 1}
HYPOTHESES = {"encode": 1, "decode": 3}
LOSS_STAGES = Counter(STAGES) + Counter(HYPOTHESES)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of `COUNTED` was called, whoever called it."""
    counts: Counter[str] = Counter()

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            counts[function.__name__] += 1
            return function(*args, **kwargs)

        return counted

    modules = [module for name, module in sys.modules.items() if name.startswith("ssdlossdbg.")]
    for function in COUNTED:
        wrapped = counting(function)
        for module in modules:
            if getattr(module, function.__name__, None) is function:
                monkeypatch.setattr(module, function.__name__, wrapped)
    return counts


def test_match(calls: Counter[str]) -> None:
    api.match(*PHOTO, device="cpu")
    # Encoded and decoded in the precision of the input, then in half precision.
    assert calls == {"match_with_ties": 1, "all_overlaps": 1, "encode": 2, "decode": 2}


def test_match_under_all_dialects(calls: Counter[str]) -> None:
    reference = api.match(*PHOTO, device="cpu")
    calls.clear()
    changes = api.match_roles(reference, *PHOTO, dialects=dialect_names(), device="cpu")
    different = {(rules.targets, rules.loader.of_objects, rules.match) for rules in map(load_dialect, dialect_names())}
    assert len(changes) == len(dialect_names())
    # And once for each rule that is turned, to see whether it is why roles differ.
    assert len(different) < calls["match_on_grid"] <= 3 * len(different)
    assert not calls["match_with_ties"] + calls["encode"]


def test_loss(calls: Counter[str]) -> None:
    api.loss(*SAVED, device="cpu")
    # The confidence of the batch, and of one prior of a network that knows nothing.
    assert calls == LOSS_STAGES | Counter(confidence_loss=2, confidence_gradient=1, localization_gradient=1)


def test_detect(calls: Counter[str]) -> None:
    api.detect(*SAVED, device="cpu")
    assert calls == LOSS_STAGES | Counter(detect_boxes=1)


def test_compare_with_one_dialect(calls: Counter[str]) -> None:
    api.compare(*SAVED, dialects=["ssd.pytorch"], device="cpu")
    assert calls == LOSS_STAGES


def test_scenes_of_a_batch_share_what_their_rules_have_in_common(calls: Counter[str]) -> None:
    batch = Batch(load_priors("ssd300"), "cpu")
    caffe, torchvision = (Scene(batch, load_dialect(name)) for name in ("caffe", "ssd.pytorch"))
    assert caffe.priors_in_units is torchvision.priors_in_units
    assert not calls
