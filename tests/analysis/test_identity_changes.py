"""Which changes of a rule `identify` tries, and that those it leaves out, or says touch nothing, change no loss."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssdlossdbg.analysis.identity.cases import cases
from ssdlossdbg.analysis.identity.changes import ONLY_WHERE, UNSEEN, Change, Changes, changed, setting
from ssdlossdbg.analysis.identity.trials import Trial, trial_of
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import Dialect, MiningQuota, Units

EVERY = [load_dialect(name) for name in dialect_names(of_one_step=True)]
# As people write them in their configs.
TRIED = {
    "match.threshold": ".1 .15 .2 .25 .3 .35 .4 .45 .5 .55 .6 .65 .7 .75 .8 .85 .9 .95",
    "match.ignore_from": ".05 .1 .15 .2 .25 .3 .35 .4 .45 .5 .55 .6",
    "match.iou_epsilon": "1e-10 1e-9 1e-8 1e-7 1e-6 1e-5 1e-4 1e-3 1",
    "match.minimum_iou": "-.5 0 1e-12 1e-6 1e-3 .01 .05 .1 .15 .2 .25 .3 .35 .4",
    "codec.size_epsilon": "0 1e-10 1e-9 1e-8 1e-7 1e-6 1e-5 1e-4 1e-3",
    "mining.ratio": "0 .5 1 1.5 2 2.5 3 3.5 4 5 6 7 8 9 10",
    "mining.minimum": "0 1 2 3 4 5 6 8 10 16",
    "mining.nms_iou": ".3 .45 .5 .6 .7 .8 .9 .95 .99 1",
    "mining.nms_limit": "1 2 3 5 8 10 3000",
    "loss.localization_weight": "0 .1 .2 .25 .5 .75 1 1.25 1.5 2 2.5 3 4 5 10",
    "loss.smooth_l1_beta": ".01 .05 .1 .11 .1111111111111111 .2 .25 .5 .75 1 1.5 2 3",
    "loss.probability_floor": "0 1.17549435e-38 1e-15 1e-12 1e-10 1e-9 1e-8 1e-7 1e-6 1e-5 1e-4",
    "loss.focal_alpha": "-1 .25 .5 .75 1",
    "loss.focal_gamma": "0 .5 1 1.5 2 2.5 3 5",
    "targets.label_offset": "-1 0 1",
}
VARIANCES = "1 1, .1 .1, .2 .2, .1 .2, .05 .1, .125 .25, .2 .1, .1 1, 1 .2"
FINELY = {
    "match.threshold": np.arange(5, 96) / 100,
    "match.ignore_from": np.arange(5, 96) / 100,
    "match.minimum_iou": np.arange(1, 50) / 100,
    "mining.ratio": np.arange(0, 20.25, 0.25),
    "mining.minimum": np.arange(21),
    "loss.smooth_l1_beta": np.arange(5, 305, 5) / 100,
}


@pytest.mark.parametrize("key", TRIED)
def test_numbers_that_people_use(key: str) -> None:
    tried = Changes([], {})._values[key]
    assert sorted(number for number in tried if number is not None) == [
        pytest.approx(each, rel=1e-12) for each in sorted(map(float, TRIED[key].split()))
    ]


def test_variances_that_people_use() -> None:
    pairs = [tuple(map(float, pair.split())) for pair in VARIANCES.split(", ")]
    coarse, fine = (Changes([], {}, fine=fine)._values["codec.variances"] for fine in (False, True))
    assert sorted(coarse) == sorted((centre, centre, side, side) for centre, side in pairs)
    sides = (0.05, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0)
    assert set(fine) == {(centre, centre, side, side) for centre in sides for side in sides}


@pytest.mark.parametrize("key", FINELY)
def test_finer_numbers(key: str) -> None:
    tried = [each for each in Changes([], {}, fine=True)._values[key] if each is not None]
    wanted = {*FINELY[key].round(9).tolist(), *map(float, TRIED[key].split())}
    assert sorted({round(float(each), 15) for each in tried}) == [pytest.approx(each) for each in sorted(wanted)]


def test_those_of_the_shipped_dialects_and_of_the_criterion_are_tried() -> None:
    rules = load_dialect("ssd.pytorch")
    tried = Changes(EVERY, {"match.threshold": (0.123,)})
    of_key: dict[str, set[object]] = {}
    for change in tried.of(rules):
        of_key.setdefault(change.key, set()).add(change.settings[0][1])
    assert 0.123 in of_key["match.threshold"]
    for key in ("match.threshold", "codec.variances", "mining.ratio", "loss.normalizer", "loss.localization_weight"):
        assert {setting(each, key) for each in EVERY} - {setting(rules, key)} <= of_key[key]
    assert not UNSEEN & of_key.keys()
    # What all images give by the one that wants fewest means something for each image, the sum over them does not.
    assert of_key["mining.quota"] == {MiningQuota.LEAST_OF_IMAGES}
    without = Changes(EVERY, {}, ("match.", "codec."))
    assert {change.key.partition(".")[0] for change in without.of(rules)} == {"mining", "loss", "targets", "native"}


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    """Two small batches, which most rules decide something of."""
    made = [case for case in cases(4, 1, 3) if not case.delicate]
    return [trial_of(case, Units.NORMALIZED) for case in made[:2]]


def differ(trial: Trial, one: Dialect, other: Dialect) -> tuple[bool, bool]:
    """Whether localisation and confidence do; of what means nothing in this batch, neither."""
    before, after = trial.losses(one), trial.losses(other)
    if before is None or after is None:
        return False, False
    localization, confidence = (
        not math.isclose(mine, others, rel_tol=1e-6) and not (math.isnan(mine) and math.isnan(others))
        for mine, others in zip(before, after, strict=True)
    )
    return localization, confidence


@pytest.mark.parametrize("rules", EVERY[::2], ids=lambda rules: rules.name)
def test_a_rule_that_means_nothing_beside_others_changes_no_loss(rules: Dialect, trials: list[Trial]) -> None:
    values = Changes(EVERY, {})._values
    for key, holds in ONLY_WHERE.items():
        others = [value for value in values.get(key, ()) if value != setting(rules, key)]
        for value in others[:1] + others[-1:]:
            other = changed(rules, Change(((key, value),)))
            if not holds(rules) and not holds(other):
                assert not any(any(differ(trial, rules, other)) for trial in trials), (key, value)


@pytest.mark.parametrize("rules", EVERY[1::2], ids=lambda rules: rules.name)
def test_what_a_change_cannot_touch(rules: Dialect, trials: list[Trial]) -> None:
    every = list(Changes(EVERY, {}).of(rules))
    for change in every[:: max(1, len(every) // 60)]:
        may, found = change.touches(rules), differ(trials[0], rules, changed(rules, change))
        assert not any(seen and not touched for seen, touched in zip(found, may, strict=True)), change
