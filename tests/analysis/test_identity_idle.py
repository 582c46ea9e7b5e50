"""Rules that `identify` does not try, as a few batches show that they cannot mend what a dialect gets wrong."""

from __future__ import annotations

import math
import random

import pytest

from ssdlossdbg.analysis.identity.cases import cases
from ssdlossdbg.analysis.identity.changes import Change, Changes, changed
from ssdlossdbg.analysis.identity.idle import Facts
from ssdlossdbg.analysis.identity.observed import Returned
from ssdlossdbg.analysis.identity.search import Found, Search
from ssdlossdbg.analysis.identity.trials import Trial, trial_of
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.results import Recorded
from ssdlossdbg.rules import Dialect, ForcedRule, Units

EVERY = [load_dialect(name) for name in dialect_names(of_one_step=True)]
CHANGES = Changes(EVERY, {})
CASES = [case for case in cases(5, 1, 3) if not case.delicate]
TRIALS = [trial_of(case, Units.NORMALIZED) for case in CASES if case.is_unmistakable]


def ends(rules: Dialect) -> list[Change]:
    """The first and the last value of each rule."""
    by_key: dict[str, list[Change]] = {}
    for change in CHANGES.of(rules):
        by_key.setdefault(change.key, []).append(change)
    return [change for listed in by_key.values() for change in {listed[0], listed[-1]}]


def same(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    """Whether two losses are one; what means nothing is like all."""
    pairs = zip(one or (), other or (), strict=False)
    return None in (one, other) or all(math.isclose(*pair, rel_tol=1e-6) for pair in pairs)


@pytest.mark.parametrize("rules", EVERY, ids=lambda rules: rules.name)
def test_what_is_said_to_be_idle_changes_no_loss(rules: Dialect) -> None:
    """Of the rules of a dialect, and of those of a fork with another rule."""
    fork = changed(rules, random.Random(rules.name).choice(list(CHANGES.of(rules))))
    idle = 0
    for own in (rules, fork):
        for trial in TRIALS[-2:]:
            facts, before = trial.facts(own), trial.losses(own)
            for change in ends(own):
                if facts.are_idle_for(change, own):
                    idle += 1
                    assert same(trial.losses(changed(own, change)), before), change
    assert idle > 40


@pytest.mark.parametrize(
    ("key", "value", "company"),
    [
        ("match.threshold", 0.99, {"match.forced": ForcedRule.NONE}),
        ("match.iou_epsilon", 1.0, {"match.forced": ForcedRule.NONE, "match.iou": "epsilon-added"}),
        ("match.minimum_iou", 0.999, {"match.forced": ForcedRule.BIPARTITE, "match.threshold": 1.0}),
    ],
)
def test_what_may_lose_an_object_its_prior_is_not_said_to_be_idle(key: str, value: float, company: object) -> None:
    assert isinstance(company, dict)
    rules = changed(load_dialect("ssd.pytorch"), Change(tuple(company.items())))
    change = Change(((key, value),))
    trial = TRIALS[-1]
    assert not same(trial.losses(changed(rules, change)), trial.losses(rules))
    assert not trial.facts(rules).are_idle_for(change, rules)


def test_facts_are_of_some_batches_alone() -> None:
    ordinary = next(case for case in CASES if case.name == "an ordinary batch")
    assert trial_of(ordinary, Units.NORMALIZED).facts(EVERY[0]) == Facts()


def found(hidden: Dialect, among: list[Dialect], parts: bool) -> tuple[Found, int]:
    """What a search comes to of a criterion with such rules, and how many losses it computes."""
    trials = [trial_of(case, Units.NORMALIZED) for case in CASES]
    observed = []
    for trial in trials:
        losses = trial.losses(hidden) or (0.0, 0.0)
        observed.append(Returned(Recorded(sum(losses), *(losses if parts else (None, None)))))
        trial._known.clear()
    result = Search(trials, observed, among).run(most_changes=1)
    return result, sum(len(trial._known) for trial in trials)


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [("match.threshold", 0.35, True), ("mining.ratio", 1.0, False), ("loss.smooth_l1_beta", 0.11, True)],
)
def test_the_answer_is_what_trying_all_finds(
    key: str, value: float, parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = Change(((key, value),))
    among = [load_dialect(name) for name in ("ssd.pytorch", "mxnet-ssd", "tf2-object-detection")]
    hidden = changed(among[0], change)
    quick, few = found(hidden, among, parts)
    monkeypatch.setattr(Trial, "facts", lambda *_: Facts())
    slow, many = found(hidden, among, parts)
    assert quick == slow
    assert [each.changes for each in quick.explanations] == [(change,)]
    assert few <= many - 10
