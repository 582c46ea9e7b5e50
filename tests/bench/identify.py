"""How often `identify` names the one rule of a criterion that is another, and how long that takes.

    python -m tests.bench.identify                     every dialect, twenty hidden variants of each
    python -m tests.bench.identify --two 12            so many hidden pairs of rules
    python -m tests.bench.identify --dialects caffe --total
    python -m tests.bench.identify --shared            the answers alone, in a tenth of the time

The criteria are those of `tests/probing/reference.py`: plain loops that share nothing with this package. Of values that
no case tells apart, random batches are asked whether they are the same loss for everything.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch

import ssdlossdbg
from ssdlossdbg.analysis.identity.changes import Change, changed, conforming, same_maths, setting
from ssdlossdbg.analysis.identity.makers import Case
from ssdlossdbg.analysis.identity.trials import Assigned, Trial, trial_of
from ssdlossdbg.probing import runs
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.results import IdentifyResult
from ssdlossdbg.rules import Dialect, MiningPositives, MiningScore, Units
from tests.multibox.reference import random_batch
from tests.probing.reference import Reference

# What is hidden: the rule, and values of which the first that is not the dialect's own is taken.
HIDDEN: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("match.threshold", (0.35, 0.5)),
    ("match.threshold", (0.6,)),
    ("match.threshold", (0.42,)),
    ("match.comparison", (">", ">=")),
    ("match.ignore_from", (0.4, 0.3)),
    ("match.forced", ("bipartite", "best-prior")),
    ("match.conflict", ("first", "last")),
    ("match.iou_epsilon", (1e-6, 1e-7)),
    ("mining.ratio", (1.0,)),
    ("mining.ratio", (7.0, 3.0)),
    ("mining.cap", ("negatives", "priors-1")),
    ("mining.scope", ("batch", "image")),
    ("mining.score", ("confidence-loss", "global-max-cross-entropy")),
    ("mining.minimum", (5,)),
    ("loss.normalizer", ("positives-or-one", "mean-of-images")),
    ("codec.variances", ((1.0, 1.0, 1.0, 1.0),)),
    ("loss.smooth_l1_beta", (0.11,)),
    ("loss.localization_weight", (1.37,)),
    ("loss.confidence", ("sigmoid", "softmax")),
    ("targets.label_offset", (0, 1)),
)
RANDOM_BATCHES = 300
CLOSE = 1e-5
# Beyond what anybody waits: it is the processor's seconds that are counted, and others may use the processor, too.
LONGEST = 600.0


def hidden(rules: Dialect) -> Iterator[Change]:
    """Twenty changes of one rule each."""
    for key, values in HIDDEN:
        value = next(each for each in values if each != setting(rules, key))
        kept = conforming(key, value)
        if key == "match.iou_epsilon":
            yield Change((("match.iou", conforming("match.iou", "epsilon-added")), (key, kept)))
        elif key == "mining.score" and rules.mining.positives == "last":
            yield Change(((key, kept),))
        else:
            yield Change(((key, kept),))


def same_for_all(one: Dialect, other: Dialect) -> bool:
    """Whether two rules have the same loss for every one of many random batches."""
    return all(_alike(trial.losses(one), trial.losses(other)) for trial in _random_trials())


_TRIALS: list[Trial] = []


def _random_trials() -> list[Trial]:
    if not _TRIALS:
        for seed in range(RANDOM_BATCHES):
            made = random_batch(seed, on_grid=bool(seed % 2))
            boxes, labels = tuple(made.boxes), tuple(image - 1 for image in made.labels)
            case = Case("", made.priors, made.loc, made.conf * (1 + 30 * (seed % 5 == 0)), boxes, labels)
            _TRIALS.append(trial_of(case, Units.NORMALIZED))
    return _TRIALS


def _alike(one: Any, other: Any) -> bool:
    pair = torch.tensor([one or (0, 0), other or (0, 0)])
    return bool(torch.allclose(pair[0], pair[1], rtol=CLOSE, atol=CLOSE, equal_nan=True))


def rules_of(found: Any) -> Dialect:
    """The rules that an answer names."""
    rules = load_dialect(found.name)
    return changed(rules, Change(tuple((each.rule, conforming(each.rule, each.value)) for each in found.changes)))


def _with_company(key: str, value: Any) -> Change:
    """A value that is as good, with what else it was tried with."""
    last = (("mining.positives", MiningPositives.LAST),) if value is MiningScore.BACKGROUND_PROBABILITY else ()
    return Change(((key, value), *last))


def verdict(result: IdentifyResult, wanted: Dialect) -> str:
    """How good an answer is."""
    answers = [rules_of(each) for each in result.dialects]
    if not answers:
        return "not found"
    first = answers[0]
    others = answers[1:]
    for each in result.inseparable:
        others += [changed(first, _with_company(each.rule, conforming(each.rule, value))) for value in each.values[1:]]
    listed = [first, *others]
    if not any(same_maths(each) == same_maths(wanted) for each in listed):
        return "found what is equal on all" if same_for_all(first, wanted) else "wrong"
    if len(answers) == 1 and same_maths(first) == same_maths(wanted):
        return "named alone"
    differing = [each for each in listed if not same_for_all(each, wanted)]
    return "named with others that differ" if differing else "named with exactly those that are equal"


def share_trials() -> None:
    """Let all searches know what each computed: their answers stay what they are, and their times are none any more."""

    @cache
    def known(name: str, classes: int, units: Units) -> Trial:
        return trial_of(cases_by_name[name, classes], units)

    cases_by_name: dict[tuple[str, int], Case] = {}

    def shared(case: Case, units: Units, assigned: Assigned | None = None) -> Trial:
        if assigned is not None:
            return trial_of(case, units, assigned)
        key = case.name, case.conf.shape[-1]
        cases_by_name.setdefault(key, case)
        return known(*key, units)

    vars(runs)["trial_of"] = shared


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dialects")
    parser.add_argument("--rules", default="", help="beginnings of the rules to hide, with commas; all if left out")
    parser.add_argument("--two", type=int, default=0)
    parser.add_argument("--total", action="store_true", help="criteria that return the total alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shared", action="store_true", help="answers alone: times say nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.shared:
        share_trials()
    names = asked.dialects.split(",") if asked.dialects else dialect_names(of_one_step=True)
    trials: list[tuple[Dialect, tuple[Change, ...]]] = [
        (load_dialect(name), (change,))
        for name in names
        for change in hidden(load_dialect(name))
        if change.key.startswith(tuple(asked.rules.split(",")))
    ]
    if asked.two:
        chance = random.Random(asked.seed)
        pairs = [chance.sample(list(hidden(load_dialect(chance.choice(names)))), 2) for _ in range(asked.two)]
        trials = [(load_dialect(chance.choice(names)), tuple(pair)) for pair in pairs]
    counts: Counter[str] = Counter()
    seconds, busy = [], []
    for rules, changes in trials:
        secret = rules
        for change in changes:
            secret = changed(secret, change)
        criterion = Reference(secret, parts=not asked.total)
        start, cpu = time.perf_counter(), time.process_time()
        result = ssdlossdbg.identify(criterion, seconds=LONGEST)
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - cpu)
        found = verdict(result, secret)
        counts[found] += 1
        what = ", ".join(f"{key} {value}" for change in changes for key, value in change.settings)
        print(
            f"{rules.name:24} {what:60} {seconds[-1]:6.1f} s  {busy[-1]:6.1f} s CPU  {found:40} {result.answer}",
            flush=True,
        )
    for found, count in counts.most_common():
        print(f"{found}: {count} of {len(trials)}, {count / len(trials):.0%}")
    for name, values in (("seconds", seconds), ("seconds of CPU", busy)):
        print(f"{name}: median {statistics.median(values):.1f}, highest {max(values):.1f}")


if __name__ == "__main__":
    main()
