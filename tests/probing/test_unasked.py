"""A capture that finds out whose loss it is without being asked, where nobody can notice."""

from __future__ import annotations

import math
import threading
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ssdlossdbg
from ssdlossdbg.analysis.identity.changes import Change, changed
from ssdlossdbg.live.probe import Probe, is_quiet
from ssdlossdbg.probing.header import Asking
from ssdlossdbg.probing.identify import begun
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect
from tests.live.conftest import Batches, MultiBoxLoss, header
from tests.probing.reference import Reference

SEEN: list[int] = []
COUNT = 0
SETTINGS = {"variance": (0.1, 0.2)}
tools = types.ModuleType("tools")


@pytest.fixture(autouse=True)
def _asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for users, among two dialects, so that it is quick."""
    monkeypatch.setattr("ssdlossdbg.live.probe.is_quiet", is_quiet)
    monkeypatch.setattr("ssdlossdbg.live.probe.UNASKED_SECONDS", 60.0)
    monkeypatch.setattr("ssdlossdbg.probing.header.dialect_names", lambda **_: ["rfbnet", "ssd.pytorch"])


class Counting(Reference):
    """Counts its own calls."""

    calls = 0

    def forward(self, predictions: Any, targets: Any) -> Any:
        """Both losses."""
        self.calls += 1
        return super().forward(predictions, targets)


def trained(criterion: nn.Module, folder: Path, **asked: Any) -> Any:
    """The header of the only step of a training."""
    batches = Batches()
    with ssdlossdbg.capture(criterion, folder, **asked) as capture:
        criterion(batches.predictions(), batches.targets())
    return header(capture.saved[0])


def test_the_files_say_whose_rules_are_followed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rules = changed(load_dialect("ssd.pytorch"), Change((("mining.ratio", 2.0),)))
    criterion = Counting(rules)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    said = trained(criterion, tmp_path)
    assert (said["dialect"], said["rules"]["mining"]["ratio"]) == ("ssd.pytorch", 2.0)
    assert criterion.calls == 1
    assert torch.equal(torch.get_rng_state(), before)
    told = capfd.readouterr().err
    assert "as ssd.pytorch, some of whose rules are others (which, is being found out): loc" in told
    assert "Counting follows ssd.pytorch, with rules of its own" in told
    result = ssdlossdbg.loss(tmp_path)
    assert result.recorded_error is not None
    assert result.recorded_error < 2e-6


def test_the_name_by_which_a_criterion_is_called_stays_where_it_explains_all(tmp_path: Path) -> None:
    said = trained(Reference(load_dialect("ssd.pytorch")), tmp_path)
    assert (said["dialect"], said["rules"]) == ("ssd.pytorch", {})
    other = trained(Reference(changed(load_dialect("rfbnet"), Change((("targets.label_offset", 1),)))), tmp_path)
    assert (other["dialect"], other["rules"]["loss"]["normalizer"]) == ("ssd.pytorch", "positives-or-one")


def test_half_precision_around_a_training_changes_no_answer(tmp_path: Path) -> None:
    with torch.autocast("cpu"):
        said = trained(Reference(load_dialect("ssd.pytorch")), tmp_path)
    assert said["dialect"] == "ssd.pytorch"


@pytest.mark.parametrize("why", ["not asked", "an adapter", "cannot be copied"])
def test_it_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    monkeypatch.setattr("ssdlossdbg.probing.header.begun", lambda *_: pytest.fail("it was run"))
    criterion: Any = MultiBoxLoss()
    asked: dict[str, Any] = {"identify": False} if why == "not asked" else {}
    if why == "an adapter":
        asked["adapter"] = lambda predictions, targets: {
            "loc": predictions[0], "conf": predictions[1], "priors": predictions[2], "targets": targets
        }  # fmt: skip
    if why == "cannot be copied":
        criterion.lock = threading.Lock()
    assert trained(criterion, tmp_path, **asked)["rules"] == {}


def test_a_dialect_as_it_is_takes_one_piece_and_others_come_to_the_same_in_many() -> None:
    def asking(rules: Dialect, seconds: float = 60.0) -> Asking:
        return Asking(Reference(rules), "ssd.pytorch", False, seconds)

    own = load_dialect("ssd.pytorch")
    same: dict[str, Any] = {"dialect": "ssd.pytorch", "rules": {}, "threshold": None, "neg_pos": None, "alpha": None}
    assert asking(own).go_on(0.0) == same
    fork = changed(own, Change((("mining.ratio", 2.0),)))
    whole, pieces = asking(fork).go_on(math.inf), asking(fork)
    found = [pieces.go_on(0.0) for _ in range(20)]
    assert found == [None] * 20
    while found[-1] is None:
        found.append(pieces.go_on(0.0))
    assert found[-1] == whole
    assert whole is not None
    assert whole["rules"]["mining"]["ratio"] == 2.0
    assert asking(fork, 0.0).go_on(math.inf) == {}, "what takes longer than it may is not known"


def test_the_dialect_that_it_is_called_like_is_tried_first_and_no_other_where_it_explains_all() -> None:
    own = [load_dialect(name) for name in ("caffe", "ssd.pytorch")]
    fork = changed(own[1], Change((("mining.ratio", 2.0),)))
    _, __, search = begun(Reference(fork), None, None, own, math.inf)
    found = {}
    for likeliest in ("", "ssd.pytorch"):
        work = search.gradually(1, likeliest)
        count = 0
        while True:
            try:
                next(work)
                count += 1
            except StopIteration as ended:
                found[likeliest] = count, ended.value.explanations
                break
    assert found[""][1] == found["ssd.pytorch"][1]
    assert found["ssd.pytorch"][0] < found[""][0]


def prints(value: Tensor) -> Tensor:
    print(value)
    return value


def counts(value: Tensor) -> Tensor:
    global COUNT
    COUNT += 1
    return value


def remembers(value: Tensor) -> Tensor:
    SEEN.append(len(value))
    return value


def reads(value: Tensor) -> Tensor:
    return value * SETTINGS["variance"][0]


def deeper(value: Tensor) -> Tensor:
    return tools.prints(value)  # type: ignore[no-any-return]


vars(tools)["prints"] = prints


class Calls(nn.Module):
    """Called as ssd.pytorch's, with something besides."""

    def __init__(self, part: Any = None) -> None:
        super().__init__()
        self.part = part

    def forward(self, predictions: Any, targets: Any) -> Any:
        """The total."""
        return self.besides(predictions[0]).sum() + len(targets)

    def besides(self, value: Tensor) -> Tensor:
        """What each kind does."""
        return value


class Prints(Calls):
    """Speaks, in a function of its own."""

    def besides(self, value: Tensor) -> Tensor:
        """What it does."""
        return prints(value)


class Counts(Calls):
    """Counts, outside of itself."""

    def besides(self, value: Tensor) -> Tensor:
        """What it does."""
        return counts(value)


class Remembers(Calls):
    """Fills a list outside of itself."""

    def besides(self, value: Tensor) -> Tensor:
        """What it does."""
        return remembers(value)


class Deeper(Calls):
    """Speaks, in a function of a module that a function calls."""

    def besides(self, value: Tensor) -> Tensor:
        """What it does."""
        return deeper(value)


class CountsInItsClass(Calls):
    """Counts for all of its class."""

    def besides(self, value: Tensor) -> Tensor:
        """What it does."""
        self.__class__.calls = 1  # type: ignore[attr-defined]
        return value


class Waits(Calls):
    """Waits for other processes."""

    def besides(self, value: Tensor) -> Tensor:
        """What it does."""
        torch.distributed.all_reduce(value)
        return value


class Asks(Calls):
    """Has a part of its own do it."""

    def besides(self, value: Tensor) -> Tensor:
        """What it does."""
        return self.part.besides(value)  # type: ignore[no-any-return]


class Reads(Calls):
    """Reads what is outside, and fills a list of its own."""

    def besides(self, value: Tensor) -> Tensor:
        """What it does."""
        own = []
        own.append(value)
        return reads(own[0])


@pytest.mark.parametrize(
    "criterion",
    [Prints(), Counts(), Remembers(), Deeper(), CountsInItsClass(), Waits(), Asks(Prints())],
    ids=lambda each: type(each).__name__,
)
def test_what_others_would_notice_is_not_run(criterion: nn.Module) -> None:
    assert not is_quiet(criterion)
    assert Probe(criterion, "ssd.pytorch", insisted=False).found == {}


@pytest.mark.parametrize(
    "criterion", [Calls(), Reads(), Asks(Reads()), MultiBoxLoss()], ids=lambda each: type(each).__name__
)
def test_what_only_computes_is(criterion: nn.Module) -> None:
    assert is_quiet(criterion)
