"""One batch through every dialect: each as its own rules alone give it, and differences whose causes add up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ssdlossdbg import api
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.compare import (
    BYTES_OF_LOGIT,
    BYTES_OF_PRIOR,
    MATCHING_LEFT_OUT,
    RULES,
    STAGES,
    analyse_compare,
)
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.confidence import confidence_loss, cross_entropy_below
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.localization import AtPriors
from ssdlossdbg.multibox.loss import LossTerms, combine, multibox_loss
from ssdlossdbg.multibox.matching import roles_of_labels
from ssdlossdbg.multibox.mining import mine
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers import memory
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.steps import FirstStep
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import CompareResult, DialectOutcome
from ssdlossdbg.rules import Comparison, Dialect, Normalizer, Units
from tests.kinds_of_dialects import each_value_of

SAMPLES = Path(__file__).parents[2] / "sample_data"
ASKED_BY_NAME = ("ssd.pytorch", "pytorch-ssd", "lufficc", "torchvision")
NAMES = sorted(
    {*each_value_of("match", "codec", "mining", "loss", among=dialect_names(of_one_step=True)), *ASKED_BY_NAME}
)
SIZE = (160, 80)
CLASSES = 4
UNIT = torch.tensor([*SIZE, *SIZE], dtype=torch.float64)


def grid(columns: int, rows: int) -> torch.Tensor:
    """`[columns * rows, 4]` priors that tile the input, normalised cxcywh."""
    x, y = torch.meshgrid(torch.arange(columns), torch.arange(rows), indexing="xy")
    centres = torch.stack(((x + 0.5) / columns, (y + 0.5) / rows), -1).reshape(-1, 2).double()
    return torch.cat((centres, torch.tensor([1 / columns, 1 / rows]).double().expand_as(centres)), 1)


def named(boxes: torch.Tensor) -> NamedPriors:
    return NamedPriors("made up", "", Priors(boxes, SIZE, ()))


PRIORS = torch.cat((grid(8, 4), grid(4, 2), grid(2, 1)))


def corners(boxes: torch.Tensor) -> torch.Tensor:
    return torch.cat((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), 1)


def wanted(boxes: Sequence[torch.Tensor], labels: Sequence[Sequence[int]]) -> Targets:
    """Normalised objects of a batch."""
    ids = tuple(torch.tensor(image, dtype=torch.long) for image in labels)
    return Targets(tuple(boxes), ids, Units.NORMALIZED, 0, "rows")


def predicted(images: int, priors: int, seed: int = 0) -> Predictions:
    """Random float64 predictions."""
    generator = torch.Generator().manual_seed(seed)
    loc = torch.randn((images, priors, 4), generator=generator, dtype=torch.float64)
    conf = 2 * torch.randn((images, priors, CLASSES), generator=generator, dtype=torch.float64)
    return Predictions(loc, conf, None, "(loc, conf)", "float64")


def random_targets(seed: int, *counts: int) -> Targets:
    generator = torch.Generator().manual_seed(seed)
    boxes, labels = [], []
    for count in counts:
        size = 0.1 + 0.4 * torch.rand((count, 2), generator=generator, dtype=torch.float64)
        low = torch.rand((count, 2), generator=generator, dtype=torch.float64) * (1 - size)
        boxes.append(torch.cat((low, low + size), 1))
        labels.append(torch.randint(1, CLASSES, (count,), generator=generator).tolist())
    return wanted(boxes, labels)


def alone(predictions: Predictions, targets: Targets, boxes: torch.Tensor, dialect: Dialect) -> LossTerms:
    """What one dialect's rules say, by themselves."""
    unit = UNIT if dialect.targets.units is Units.PIXELS else torch.ones(4, dtype=torch.float64)
    gt = pad_ground_truth([image * unit for image in targets.boxes], targets.labels)
    specs = (dialect.match, dialect.codec, dialect.mining, dialect.loss)
    return multibox_loss(predictions.loc, predictions.conf, boxes * unit, gt, *specs)


def compare(
    predictions: Predictions,
    targets: Targets | EncodedTargets,
    asked: Sequence[Dialect],
    reference: Dialect,
    boxes: torch.Tensor = PRIORS,
) -> CompareResult:
    return analyse_compare(Batch(named(boxes), "cpu", predictions=predictions, targets=targets), asked, reference)


ALL = [load_dialect(name) for name in NAMES]


def test_every_dialect_is_as_if_it_were_asked_alone() -> None:
    predictions, targets = predicted(3, len(PRIORS)), random_targets(0, 3, 1, 6)
    result = compare(predictions, targets, ALL, load_dialect("caffe"))
    assert [outcome.name for outcome in result.dialects] == NAMES
    for outcome, dialect in zip(result.dialects, ALL, strict=True):
        loss = alone(predictions, targets, PRIORS, dialect)
        assert outcome.localization == pytest.approx(float(loss.localization), rel=1e-12)
        assert outcome.confidence == pytest.approx(float(loss.confidence), rel=1e-12)
        assert outcome.normalizer == float(loss.normalizer)
        assert outcome.roles.positives == tuple(loss.matching.positive.sum(1).tolist())
        assert outcome.roles.negatives == tuple(loss.mining.mined.sum(1).tolist())
        assert outcome.roles.ignored == int(loss.matching.ignored.sum())
        assert outcome.roles.dropped == (0 if loss.mining.dropped is None else int(loss.mining.dropped.sum()))


def test_neither_order_nor_company_matters() -> None:
    predictions, targets = predicted(2, len(PRIORS), 5), random_targets(5, 4, 2)
    reference = load_dialect("mmdetection")
    together = compare(predictions, targets, ALL, reference).dialects
    assert compare(predictions, targets, ALL[::-1], reference).dialects == together[::-1]
    for dialect, outcome in list(zip(ALL, together, strict=True))[::3]:
        assert compare(predictions, targets, [dialect], reference).dialects == (outcome,)


def check_causes(outcome: DialectOutcome, dialect: Dialect, reference: Dialect, result: CompareResult) -> None:
    """They are in the order of RULES, name only rules that differ, hang together, and add up."""

    def setting(whose: Dialect, key: str) -> Any:
        section, name = key.split(".")
        return getattr(getattr(whose, section), name)

    settings, order = dict(RULES), [rule for rule, _ in RULES]
    rules = [cause.rule for cause in outcome.causes]
    assert rules in (sorted(set(rules), key=rank) for rank in (order.index, [order[-1], *order[:-1]].index))
    for cause in outcome.causes:
        assert any(setting(reference, key) != setting(dialect, key) for key in settings[cause.rule])
        assert cause.old != cause.new
        assert cause.delta != 0
    deltas = sum(cause.delta for cause in outcome.causes)
    assert deltas == pytest.approx(outcome.total - result.reference_total, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("seed", "name"), list(enumerate(("ssd.pytorch", "torchvision", "tf-object-detection", "ssd-keras", "caffe")))
)
def test_causes(seed: int, name: str) -> None:
    reference = load_dialect(name)
    result = compare(predicted(3, len(PRIORS), seed), random_targets(seed, 3, 1, 6), ALL, reference)
    for outcome, dialect in zip(result.dialects, ALL, strict=True):
        check_causes(outcome, dialect, reference, result)
        if outcome.name == name:
            assert (outcome.causes, outcome.total) == ((), result.reference_total)
        elif outcome.causes:
            assert outcome.causes[-1].after == outcome.roles


def test_causes_on_the_sample() -> None:
    name = "nvidia"
    result = api.compare(
        SAMPLES / "preds.pt", SAMPLES / "targets.pt", reference=name, device="cpu", layout=SavedLayout(label_offset=1)
    )
    assert [outcome.name for outcome in result.dialects] == dialect_names(of_one_step=True)
    for outcome in result.dialects:
        check_causes(outcome, load_dialect(outcome.name), load_dialect(name), result)
    totals = {outcome.name: outcome.total for outcome in result.dialects}
    assert totals["ssd.pytorch"] == pytest.approx(0.249255627 + 1.4152149, rel=1e-6)
    assert totals[name] == result.reference_total


def test_a_fork_of_one_line_has_one_cause() -> None:
    predictions, targets = predicted(2, len(PRIORS)), random_targets(0, 4, 2)
    base = load_dialect("caffe")
    fork = replace(base, name="fork", loss=replace(base.loss, normalizer=Normalizer.MEAN_OF_IMAGES))
    (outcome,) = compare(predictions, targets, [fork], base).dialects
    (cause,) = outcome.causes
    assert (cause.rule, cause.old, cause.new) == ("normaliser", "positives-or-one", "mean-of-images")
    totals = [float(alone(predictions, targets, PRIORS, dialect).total) for dialect in (fork, base)]
    assert cause.delta == pytest.approx(totals[0] - totals[1], rel=1e-12)
    fork = replace(base, name="fork", mining=replace(base.mining, ratio=2, minimum=5))
    ((cause,),) = (outcome.causes for outcome in compare(predictions, targets, [fork], base).dialects)
    assert (cause.rule, cause.old, cause.new) == ("mining quota", "ratio 3, minimum 0", "ratio 2, minimum 5")
    assert cause.before.positives == cause.after.positives
    positives = cause.after.positives
    assert cause.before.negatives == tuple(min(3 * count, len(PRIORS) - count) for count in positives)
    assert cause.after.negatives == tuple(min(max(2 * count, 5), len(PRIORS) - count) for count in positives)


def test_a_rule_that_changes_nothing_here_is_no_cause() -> None:
    predictions, targets = predicted(2, len(PRIORS)), random_targets(0, 4, 2)
    base = load_dialect("caffe")
    fork = replace(base, name="fork", match=replace(base.match, threshold=base.match.threshold + 1e-9))
    assert compare(predictions, targets, [fork], base).dialects[0].causes == ()


EIGHT = grid(4, 2)


def exact(*priors: int) -> torch.Tensor:
    """Objects that are just those priors of eight."""
    return corners(EIGHT[list(priors)])


def test_positives_counted_twice_are_told_of_the_images_where_it_happens() -> None:
    targets = wanted([exact(0, 1, 2), exact(5)], [[1, 2, 3], [1]])
    twice = load_dialect("torchvision")
    once = replace(twice, name="once", loss=replace(twice.loss, positives_counted_twice=False))
    (outcome,) = compare(predicted(2, 8), targets, [twice], once, EIGHT).dialects
    (cause,) = outcome.causes
    assert cause.rule == "positives counted twice"
    roles = outcome.roles
    assert (roles.positives, roles.negatives) == ((3, 1), (5, 3))
    assert (roles.counted_twice, roles.wanted, roles.available) == (3, 9, 5), "the second image has enough"
    before = cause.before
    assert (before.counted_twice, before.wanted, before.available) == (0, 12, 12), "of the whole batch"


def test_ignored_and_dropped_priors_are_counted() -> None:
    targets = wanted([exact(0, 1, 2)], [[1, 2, 3]])
    base = load_dialect("caffe")
    band = replace(
        base, name="band", match=replace(base.match, threshold=1.0, comparison=Comparison.MORE_THAN, ignore_from=0.0)
    )
    (outcome,) = compare(predicted(1, 8), targets, [band], base, EIGHT).dialects
    assert (outcome.roles.positives, outcome.roles.ignored, outcome.roles.negatives) == ((3,), 5, (0,))
    # All predicted boxes are the same one, so that suppression leaves a single prior.
    same = replace(predicted(1, 8), loc=torch.zeros((1, 8, 4), dtype=torch.float64))
    piled = EIGHT[:1].expand(8, 4)
    outcome = compare(same, targets, [load_dialect("tf-object-detection")], base, piled).dialects[0]
    loss = alone(same, targets, piled, load_dialect("tf-object-detection"))
    assert loss.mining.dropped is not None
    assert outcome.roles.dropped == int(loss.mining.dropped.sum())


# Totals that are not finite.


def test_infinity_against_a_number_and_against_itself() -> None:
    flat = exact(0, 1)
    flat[0, 2] = flat[0, 0]
    result = compare(predicted(1, 8), wanted([flat], [[1, 2]]), ALL, load_dialect("ssd.pytorch"), EIGHT)
    assert result.reference_total == math.inf
    by_name = {outcome.name: outcome for outcome in result.dialects}
    assert by_name["pytorch-ssd"].total == math.inf
    assert by_name["pytorch-ssd"].causes == (), "infinite in the same way"
    for outcome in result.dialects:
        rules = [cause.rule for cause in outcome.causes]
        if math.isfinite(outcome.total):
            assert rules
            assert not all(math.isfinite(cause.delta) for cause in outcome.causes)
    assert by_name["torchvision"].raises is not None
    assert by_name["torchvision"].raises.startswith("AssertionError")
    assert by_name["torchvision"].raises.endswith("(image 0)")


def test_no_object_at_all() -> None:
    nothing = wanted([exact(), exact()], [[], []])
    result = compare(predicted(2, 8), nothing, ALL, load_dialect("ssd.pytorch"), EIGHT)
    assert math.isnan(result.reference_total)
    by_name = {outcome.name: outcome for outcome in result.dialects}
    assert by_name["lufficc"].causes == (), "nan as well"
    assert by_name["caffe"].total == 0
    caffe = by_name["caffe"].causes
    assert caffe
    assert any(math.isnan(cause.delta) for cause in caffe)
    assert str(by_name["ssd.pytorch"].raises).endswith("(image 0, 1)")
    assert by_name["caffe"].raises is None


def test_predictions_that_are_nan() -> None:
    predictions = replace(predicted(2, 8), conf=torch.full((2, 8, CLASSES), math.nan, dtype=torch.float64))
    targets = wanted([exact(0), exact(1)], [[1], [2]])
    result = compare(predictions, targets, ALL, load_dialect("ssd.pytorch"), EIGHT)
    for outcome, dialect in zip(result.dialects, ALL, strict=True):
        loss = float(alone(predictions, targets, EIGHT, dialect).total)
        assert outcome.total == pytest.approx(loss, nan_ok=True)


def test_of_many_dialects_one_matching_is_kept_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    once = Batch.once

    def counting(self: Batch, stage: str, settings: Any, compute: Any) -> Any:
        value = once(self, stage, settings, compute)
        held.append(sum(key[0] == "matching" for key in self._known))
        return value

    monkeypatch.setattr(Batch, "once", counting)
    targets = wanted([exact(0), exact(1)], [[1], [2]])
    batch = Batch(named(EIGHT), "cpu", predictions=predicted(2, 8), targets=targets)
    told = [analyse_compare(batch, ALL, load_dialect("caffe")) for _ in range(2)]
    assert max(held) == 1
    assert not {key[0] for key in batch._known} & set(STAGES)
    assert told[0] == told[1]


@pytest.mark.parametrize(("steps", "asked"), [(1, ALL), (2, [load_dialect("refinedet")])])
def test_room_is_asked_for_priors_and_for_logits_that_a_first_step_has_copied(
    steps: int, asked: list[Dialect], monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions, targets = predicted(2, 8), random_targets(0, 2, 1)
    each = BYTES_OF_PRIOR
    if steps == 2:
        first = FirstStep(torch.zeros_like(predictions.loc), torch.zeros((2, 8, 2), dtype=torch.float64))
        predictions, each = replace(predictions, first=first), each + BYTES_OF_LOGIT * CLASSES
    monkeypatch.setattr(memory, "_memory", lambda: 2 * 8 * each / memory.SHARE_OF_ALL)
    compare(predictions, targets, asked, asked[0], EIGHT)
    monkeypatch.setattr(memory, "_memory", lambda: 2 * 7 * each / memory.SHARE_OF_ALL)
    with pytest.raises(InputError, match=r"2 images of 8 priors and .* which would take about"):
        compare(predictions, targets, asked, asked[0], EIGHT)


# Targets that are already encoded.


def test_encoded_targets_start_from_the_given_roles() -> None:
    predictions = predicted(2, 8)
    labels = torch.tensor([[1, 0, 0, 2, 0, 0, 0, 0], [0, 0, 3, 0, 0, 0, 0, -1]])
    offsets = torch.randn((2, 8, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    result = compare(predictions, EncodedTargets(labels, offsets, "encoded"), ALL, load_dialect("caffe"), EIGHT)
    assert result.targets_layout == "encoded" + MATCHING_LEFT_OUT
    for outcome, dialect in zip(result.dialects, ALL, strict=True):
        unit = UNIT if dialect.targets.units is Units.PIXELS else torch.ones(4, dtype=torch.float64)
        loc, conf, given = predictions.loc, predictions.conf, roles_of_labels(labels, torch.float64)
        confidence = confidence_loss(conf, labels, dialect.loss)
        decoded = decode(loc, EIGHT * unit, dialect.codec)
        mining = mine(conf, confidence, given, decoded, dialect.mining, cross_entropy_below(dialect.loss))
        encoded = AtPriors.everywhere(offsets)
        loss = combine(loc, given, encoded, confidence, mining, dialect.mining, dialect.loss)
        assert outcome.total == pytest.approx(float(loss.total), rel=1e-12)
        assert (outcome.roles.positives, outcome.roles.ignored) == ((2, 1), 1)
        check_causes(outcome, dialect, load_dialect("caffe"), result)
        matching = {"overlap", "threshold", "forced match", "ignore band", "background objects", "encoding"}
        assert not matching & {cause.rule for cause in outcome.causes}


def test_no_such_device() -> None:
    with pytest.raises(InputError, match="unknown device 'tpu'"):
        Batch(named(EIGHT), "tpu")
