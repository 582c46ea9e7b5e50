"""What is said of predictions, at the figures that the pages state, and in which words."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.results import Case, Predicted
from ssdlossdbg.results.hypotheses import Explanation, Fit, Strangers
from ssdlossdbg.results.predicted import Answers, OddValue, Quota, Underflow, Unlabelled
from ssdlossdbg.rules import ConfidenceLoss

SAMPLES = Path(__file__).parents[2] / "sample_data"


@pytest.fixture(scope="module")
def predicted() -> Predicted:
    """What a network of seven classes predicts, of which nothing is said."""
    evidence = api.loss(SAMPLES / "preds.pt", SAMPLES / "targets.pt", device="cpu").evidence
    (found,) = (seen for seen in evidence if isinstance(seen, Predicted))
    sound = replace(found, fits=(), heard=None, quotas=())
    assert find([sound]) == ()
    return sound


def told(predicted: Predicted, code: str) -> tuple[Case, ...]:
    """The cases of a finding; none where it is not found."""
    return next((item.cases for item in find([predicted]) if item.code == code), ())


def answers(**changes: float) -> Answers:
    """Those of a network that has learnt."""
    return replace(Answers(40, 0.9, 0.05, 0.05, 160, 0.0), **changes)  # type: ignore[arg-type]


# Logits


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        ({"denied": 0.5}, False),
        ({"denied": 0.51}, True),
        ({"denied": 0.6, "counted": 20}, True),
        ({"denied": 0.6, "counted": 19}, False),
        ({"denied": math.nan}, False),
    ],
)
def test_saturated(changes: dict[str, float], fires: bool, predicted: Predicted) -> None:
    assert bool(told(replace(predicted, answers=answers(**changes)), "PRE002")) is fires


@pytest.mark.parametrize(
    ("confidence", "alpha", "cost"),
    [
        (ConfidenceLoss.SOFTMAX, 0.25, "13.8"),
        (ConfidenceLoss.SOFTMAX, -1.0, "13.8"),
        (ConfidenceLoss.SOFTMAX_FOCAL, 0.25, "3.45"),
        (ConfidenceLoss.SOFTMAX_FOCAL, 0.9, "1.38"),
        (ConfidenceLoss.SOFTMAX_FOCAL, 0.0, "0"),
        (ConfidenceLoss.SOFTMAX_FOCAL, -1.0, "13.8"),
    ],
)
def test_what_a_denied_class_costs_at_least(
    confidence: ConfidenceLoss, alpha: float, cost: str, predicted: Predicted
) -> None:
    """Minus the logarithm of a millionth, times the smaller weight of a focal loss that weighs."""
    loss = replace(predicted.rules.loss, confidence=confidence, focal_alpha=alpha)
    made = replace(predicted, rules=replace(predicted.rules, loss=loss), answers=answers(denied=0.6))
    (case,) = told(made, "PRE002")
    assert f"so each of them costs {cost} or more" in case.message


def test_saturated_in_words(predicted: Predicted) -> None:
    """Of 160 terms of the confidence, and 40 of the offsets, it concerns 96."""
    (case,) = told(replace(predicted, answers=answers(denied=0.6)), "PRE002")
    assert case.message.startswith("60% of the 160 priors whose confidence the loss counts give their own class a prob")
    assert "at most 1e-06, so each of them costs 13.8" in case.message
    assert (case.value, case.bound, case.share) == (0.6, 0.5, 0.48)


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        ({}, True),
        ({"background": 0.99}, False),
        ({"background": 0.991}, True),
        ({"taken_for_background": 0.999}, False),
        ({"positives": 20}, True),
        ({"positives": 19}, False),
        ({"elsewhere": 1}, False),
    ],
)
def test_collapsed(changes: dict[str, float], fires: bool, predicted: Predicted) -> None:
    made = answers(**{"background": 0.999, "taken_for_background": 1.0, "right": 0.0, **changes})
    cases = told(replace(predicted, answers=made), "PRE003")
    assert bool(cases) is fires
    if fires:
        (case,) = cases
        assert f"all {made.positives} positives are taken for background, with a mean" in case.message
        assert (case.value, case.bound) == (made.background, 0.99)


@pytest.mark.parametrize(("spread", "fires"), [(1e-4, True), (1.01e-4, False), (0.0, True)])
def test_the_same_everywhere(spread: float, fires: bool, predicted: Predicted) -> None:
    cases = told(replace(predicted, spread=spread, answers=None), "PRE003")
    assert [(case.value, case.bound) for case in cases] == [(spread, 1e-4)] * fires


@pytest.mark.parametrize(
    ("dtype", "loss", "words"),
    [
        ("float16", 1.25, "in float32, in which the loss is 1.2500"),
        ("bfloat16", None, "from them in float32"),
        ("float32", 1.25, ""),
        ("float64", 1.25, ""),
    ],
)
def test_half_precision(dtype: str, loss: float | None, words: str, predicted: Predicted) -> None:
    cases = told(replace(predicted, dtype=dtype, loss=loss), "PRE004")
    assert [case.message.endswith(words) for case in cases] == [True] * bool(words)


# Columns


@pytest.mark.parametrize(
    ("names", "columns", "code", "words", "bound"),
    [
        ("abc", 4, "", "", 0),
        ("abc", 3, "PRE005", "3 logit columns for 3 classes and the background: none is left for c", 4),
        ("abc", 2, "PRE005", "2 logit columns for 3 classes and the background: none is left for b, c", 4),
        ("abc", 5, "PRE006", "5 logit columns for 3 classes and the background: no label reaches column 4", 4),
        ("abc", 6, "PRE006", "6 logit columns for 3 classes and the background: no label reaches columns 4 to 5", 4),
        ("", 2, "", "", 0),
        (("Background", "a"), 2, "PRE006", "the class list names the background, which has column 0 anyway, so the", 1),
        (("__background__", "a"), 3, "PRE006", "the class list names the background, which has column 0 anyway", 2),
        (("bg", "a"), 9, "PRE006", "the class list names the background, which has column 0 anyway", 8),
    ],
)
def test_columns(
    names: tuple[str, ...] | str, columns: int, code: str, words: str, bound: int, predicted: Predicted
) -> None:
    made = replace(predicted, class_names=tuple(names), classes=columns)
    found = {item.code: item for item in find([made]) if item.code in ("PRE005", "PRE006")}
    assert list(found) == [code] * bool(code)
    if code:
        assert found[code].worst.message.startswith(words)
        assert found[code].worst.bound == bound
        assert found[code].worst.value == (len(names) if "names the" in words else columns)


@pytest.mark.parametrize("kind", ["log-softmax", "log-sigmoid"])
def test_logarithms_of_probabilities(kind: str, predicted: Predicted) -> None:
    """To a loss that has a sigmoid; a softmax gives the same once more."""
    rules = load_dialect("tf-object-detection")
    (case,) = told(replace(predicted, probabilities=kind, rules=rules), "PRE007")
    assert case.message.startswith("conf holds the logarithms of probabilities and no logits (")
    assert f": a {kind.replace('-', ' ')} was applied, and the loss applies its own once more" in case.message
    assert "perfect answer" not in case.message
    own = replace(predicted, probabilities=kind)
    assert bool(told(own, "PRE007")) is (kind == "log-sigmoid")
    assert bool(told(own, "PRE017")) is (kind == "log-softmax")
    for each in (case, *told(own, "PRE007"), *told(own, "PRE017")):
        assert (each.value, each.bound) == (kind, "logits")


@pytest.mark.parametrize(
    ("kind", "loss", "words"),
    [
        (
            "softmax",
            2.0,
            "(every row adds up to 1): a softmax was applied, and the loss applies its own once more, so ",
        ),
        ("sigmoid", 2.0, "(all lie between 0 and 1): a sigmoid was applied, and the loss applies its own once more"),
        ("softmax", None, "(every row adds up to 1): a softmax was applied, and the loss applies its own once more"),
    ],
)
def test_probabilities(kind: str, loss: float | None, words: str, predicted: Predicted) -> None:
    """The cross-entropy of seven numbers that are 1, 0, 0, ... is ln(1 + 6 / e) = 1.17."""
    (case,) = told(replace(predicted, probabilities=kind, loss=loss), "PRE007")
    assert words in case.message
    assert case.message.endswith("so that even a perfect answer costs 1.17") is (kind == "softmax" and loss is not None)


# Boxes


ORDER = (
    "seem to go {}, which the priors do not: read so, the predicted boxes of 100 positives meet their objects with a "
    "mean IoU of 0.80, in the given order with 0.40 (the bare priors: 0.50)"
)
BETTER = (
    "mean IoU of the predicted boxes of 100 positives with their objects: 0.40 as saved, 0.80 {} (the bare priors: 0.5"
)
LEARNT = "(0.1, 0.1, 0.3, 0.3)"
# Which has no finding of its own: that of offsets far too large names it.
OWN = [each for each in Explanation if each is not Explanation.FACTOR]
EXPLAINED = {
    Explanation.CELL: ("PRE001", ORDER.format("cell by cell, with all shapes of a cell together")),
    Explanation.SHAPE: ("PRE001", ORDER.format("shape by shape, each over all cells of its level")),
    Explanation.COLUMN: ("PRE001", ORDER.format("column by column")),
    Explanation.LEVELS_REVERSED: ("PRE001", ORDER.format("level by level from the other end")),
    Explanation.SECOND_LAST: ("PRE001", ORDER.format("with the second shape of each cell last")),
    Explanation.LAST_SECOND: ("PRE001", ORDER.format("with the last shape of each cell second")),
    Explanation.TURNED: ("PRE001", ORDER.format("with wide and tall shapes exchanged")),
    Explanation.UNPERMUTED: (
        "PRE001",
        "as each level's convolution gives them, with channels outside and cells inside",
    ),
    Explanation.VALUES_FIRST: ("PRE001", ORDER.format("with dx of all shapes of a cell first, then dy of all")),
    Explanation.PRIORS_LAST: ("PRE001", ORDER.format("with dx of all priors first, then dy of all")),
    Explanation.OFFSETS: ("PRE001", ORDER.format("as THIS")),
    Explanation.BOXES: ("PRE001", ORDER.format("as decoded boxes, THIS, and not as offsets")),
    Explanation.IMAGES: ("PRE010", BETTER.format("with THIS")),
    Explanation.MIRRORED: ("PRE011", BETTER.format("with the boxes of THIS mirrored, left and right")),
    Explanation.UPSIDE_DOWN: ("PRE011", BETTER.format("with the boxes of THIS mirrored, up and down")),
    Explanation.TRANSPOSED: ("PRE011", BETTER.format("with x and y of the boxes of THIS exchanged")),
    Explanation.SCALED: ("PRE011", BETTER.format("with the boxes multiplied by THIS")),
    Explanation.VARIANCES: ("PRE012", BETTER.format(f"decoded with the variances {LEARNT}")),
    Explanation.PRESET: ("PRE013", BETTER.format("with the priors of THIS")),
}


def fit(explanation: Explanation, positives: int = 100, mean_iou: float = 0.8, **others: float) -> Fit:
    detail = LEARNT if explanation is Explanation.VARIANCES else "THIS"
    return replace(Fit(explanation, positives, mean_iou, 0.4, 0.5, detail), **others)  # type: ignore[arg-type]


@pytest.mark.parametrize("explanation", OWN)
def test_each_explanation_in_its_words(explanation: Explanation, predicted: Predicted) -> None:
    code, words = EXPLAINED[explanation]
    findings = find([replace(predicted, fits=(fit(explanation),))])
    assert [item.code for item in findings] == [code]
    assert words in findings[0].worst.message
    assert (findings[0].worst.value, findings[0].worst.bound) == (0.4, 0.8)


@pytest.mark.parametrize("explanation", OWN)
def test_what_an_explanation_has_to_gain(explanation: Explanation, predicted: Predicted) -> None:
    """0.2 on what is given, but for variances and presets, and 0.1 on the bare priors."""
    gain = {Explanation.VARIANCES: 0.05, Explanation.PRESET: 0.1}.get(explanation, 0.2)
    for positives, as_given, of_priors, fires in (
        (20, 0.799 - gain, 0.699, True),
        (19, 0.799 - gain, 0.699, False),
        (20, 0.801 - gain, 0.699, False),
        (20, 0.799 - gain, 0.701, False),
    ):
        made = fit(explanation, positives, as_given=as_given, of_priors=of_priors)
        assert bool(find([replace(predicted, fits=(made,))])) is fires


@pytest.mark.parametrize(
    ("best", "rival", "named"),
    [
        # Two orders of rows are variants of one explanation.
        (Explanation.CELL, Explanation.SHAPE, ""),
        (
            Explanation.CELL,
            Explanation.MIRRORED,
            "; as well explained with the boxes of THIS mirrored, left and right 0",
        ),
        (
            Explanation.MIRRORED,
            Explanation.CELL,
            "; as well explained if they go cell by cell, with all shapes of a cell",
        ),
        (Explanation.IMAGES, Explanation.VARIANCES, f"; as well explained decoded with the variances {LEARNT} 0.78"),
    ],
)
def test_a_rival(best: Explanation, rival: Explanation, named: str, predicted: Predicted) -> None:
    near, far = fit(rival, mean_iou=0.78), fit(rival, mean_iou=0.76)
    for other, words in ((near, named), (far, "")):
        message = find([replace(predicted, fits=(fit(best), other))])[0].worst.message
        assert ("; as well explained" in message) is bool(words)
        assert words in message


@pytest.mark.parametrize(
    ("learnt", "doubt"),
    [
        ("(0.1, 0.1, 0.3, 0.3)", True),
        ("(0.1, 0.1, 0.1, 0.3)", False),
        ("(1, 1, 1, 1)", False),
        ("(0.1, 0.1, 1, 1)", False),
    ],
)
def test_variances_that_a_network_that_knows_little_seems_to_have(
    learnt: str, doubt: bool, predicted: Predicted
) -> None:
    """No smaller than the dialect's, and none that people write; the fix states them."""
    made = replace(fit(Explanation.VARIANCES), detail=learnt)
    (case,) = told(replace(predicted, fits=(made,)), "PRE012")
    assert f"state variances = [{learnt[1:-1]}] in a dialect" in case.fix
    assert (
        case.message.endswith("; or the network predicts too little of each offset, as before it has trained long")
        is doubt
    )


def test_a_factor_of_offsets_that_are_far_too_large(predicted: Predicted) -> None:
    found = fit(Explanation.FACTOR)
    huge = (odd("loc", "dx", 120.0), odd("conf", "3", 2000.0))
    logit, offset = told(replace(predicted, huge=huge, fits=(found,)), "NUM002")
    assert offset.message.endswith(
        "so this one is diverging, or its offsets were multiplied by something: divided by THIS, they meet their "
        "objects with a mean IoU of 0.80"
    )
    assert logit.message.endswith("so this one is diverging")
    assert find([replace(predicted, fits=(found,))]) == ()


@pytest.mark.parametrize(
    ("changes", "frozen", "knows", "words"),
    [
        ({"right": 0.5}, True, False, "yet 50% of the positives have the right class"),
        ({"right": 0.49}, True, False, ""),
        ({"right": 0.49}, True, True, "yet the logits tell the background already"),
        ({"right": 0.5}, False, True, ""),
        ({"positives": 20}, True, False, "yet 90% of the positives have the right class"),
        ({"positives": 19}, True, True, ""),
    ],
)
def test_frozen_offsets(changes: dict[str, float], frozen: bool, knows: bool, words: str, predicted: Predicted) -> None:
    made = replace(predicted, answers=answers(**changes), frozen=frozen, knows_background=knows)
    assert [case.message.endswith(words) for case in told(made, "PRE014")] == [True] * bool(words)
    assert not told(replace(made, answers=None), "PRE014")


@pytest.mark.parametrize(
    ("sure", "on_objects", "agreeing", "fits", "fires"),
    [
        (20, 0.1, 0.5, (), True),
        (19, 0.1, 0.5, (), False),
        (20, 0.11, 0.5, (), False),
        (20, 0.1, 0.49, (), False),
        (20, 0.1, 0.5, (fit(Explanation.IMAGES),), False),
        (20, 0.1, 0.5, (fit(Explanation.IMAGES, 19),), True),
    ],
)
def test_targets_of_other_photos(
    sure: int, on_objects: float, agreeing: float, fits: tuple[Fit, ...], fires: bool, predicted: Predicted
) -> None:
    made = replace(predicted, strangers=Strangers(sure, on_objects, agreeing, 0.04, 2), fits=fits)
    cases = told(made, "PRE015")
    assert bool(cases) is fires
    if fires:
        assert cases[0].message.startswith(
            "20 priors in 2 of 3 images are surely taken for objects, but 10% of their boxes meet an object of their "
            "image (mean IoU 0.04): "
        )
        assert (cases[0].value, cases[0].bound) == (0.1, 0.1)


# Single values


def odd(term: str, place: str, value: float, count: int = 1, prior: int = 7) -> OddValue:
    return OddValue(term, 1, prior, place, value, count, None)


@pytest.mark.parametrize(
    ("found", "words", "bound"),
    [
        (odd("loc", "dx", 120.0), "the offset dx is 120; a trained SSD stays far below 100, so", 100),
        (odd("loc", "cx", -120.0, 2), "the offset cx is -120, and 1 more of the image are beyond 100; a trained", 100),
        (
            odd("loc", "w", 150.0),
            "the offset w is 150 (e^30 times the prior's); a trained SSD stays far below 100",
            100,
        ),
        (odd("loc", "h", -150.0), "the offset h is -150 (e^-30 times the prior's); a trained", 100),
        (odd("conf", "3", 2000.0, 4), "the logit of class 3 is 2000, and 3 more of the image are beyond 1000; a", 1000),
    ],
)
def test_far_too_large(found: OddValue, words: str, bound: float, predicted: Predicted) -> None:
    (case,) = told(replace(predicted, huge=(found,)), "NUM002")
    assert case.message.startswith(words)
    assert (case.value, case.bound) == (found.value, bound)
    assert (case.where.image, case.where.prior) == (1, 7)


def test_the_largest_comes_first(predicted: Predicted) -> None:
    huge = (odd("loc", "dx", 120.0), odd("loc", "dy", -300.0), odd("conf", "1", 2000.0), odd("loc", "dw", 130.0))
    cases = told(replace(predicted, huge=huge), "NUM002")
    assert [case.value for case in cases] == [2000.0, -300.0, 130.0, 120.0]


# Mining


@pytest.mark.parametrize(
    ("asked", "negatives", "fires"), [(30.0, 30, False), (30.0, 29, True), (29.5, 29, True), (29.0, 30, False)]
)
def test_quota(asked: float, negatives: int, fires: bool, predicted: Predicted) -> None:
    cases = told(replace(predicted, quotas=(Quota(2, 10, negatives, asked, 0),)), "MIN001")
    assert bool(cases) is fires
    if fires:
        assert cases[0].message.startswith(
            f"{asked:g} negatives are to be mined (3 for each of 10 positives), but there are only {negatives}; "
        )
        assert (cases[0].value, cases[0].bound, cases[0].where.image) == (asked, negatives, 2)


def test_what_most_is_missing_of_comes_first(predicted: Predicted) -> None:
    quotas = (Quota(0, 10, 25, 30.0, 0), Quota(1, 90, 260, 270.0, 0), Quota(2, 9, 26, 27.0, 0))
    assert [case.where.image for case in told(replace(predicted, quotas=quotas), "MIN001")] == [1, 0, 2]


def test_negatives_lost_in_ranking(predicted: Predicted) -> None:
    def lost(image: int, number: int, missed: int) -> Underflow:
        return Underflow(image, number, missed, 5 + image, 4.25, -20.0, 130.0)

    made = replace(predicted, underflows=(lost(0, 1, 1), lost(1, 9, 3), lost(2, 9, 0)))
    first, second = told(made, "MIN002")
    assert (first.where.image, first.where.prior, first.value, first.bound) == (1, 6, 150.0, 104.0)
    assert first.message == (
        "all its logits are 150.0 or more below the batch's largest (130), so its mining score is log 0 = -inf in "
        "place of 4.25; 9 negatives have such a score in this image, and by true cross-entropy 3 of them would have "
        "been mined"
    )
    assert "1 negative has such a score in this image, and by true cross-entropy 1 of them" in second.message
    (two,) = told(replace(made, underflows=(lost(0, 2, 1),)), "MIN002")
    assert "2 negatives have such a score" in two.message


def test_what_looks_like_an_unlabelled_object(predicted: Predicted) -> None:
    def unlabelled(image: int, probability: float, count: int) -> Unlabelled:
        return Unlabelled(image, 40 + image, "eel", probability, (10.4, 20.6, 30.0, 40.0), count)

    made = replace(predicted, unlabelled=(unlabelled(0, 0.93, 1), unlabelled(1, 0.95, 3)))
    first, second = told(made, "MIN004")
    assert (first.where.image, first.where.prior, first.value, first.bound) == (1, 41, 0.95, 0.9)
    assert first.message == (
        "a mined negative away from every object is taken for eel with probability 0.950, at (10, 21, 30, 40) px; 2 "
        "more such in this image"
    )
    assert second.message.endswith("probability 0.930, at (10, 21, 30, 40) px")


@pytest.mark.parametrize(
    ("by_chance", "distinct", "bound"),
    [
        (0.0, 1.0, 0.1),
        (0.01, 99.0, 0.1),
        # Two errors: of a fifth, for so many boxes, a tenth and a twentieth.
        (0.2, 16.0, 0.4),
        (0.2, 64.0, 0.3),
        # Half at most; and less than one box is one.
        (0.36, 36.0, 0.5),
        (0.2, 0.5, 0.5),
        (0.5, 10_000.0, 0.5),
        # Of one box, or of none, as if there were one.
        (0.02, 1.0, 0.3),
        (0.02, 0.0, 0.3),
    ],
)
def test_as_many_boxes_meet_objects_as_those_of_other_images_do(
    by_chance: float, distinct: float, bound: float, predicted: Predicted
) -> None:
    for on_objects, fires in ((bound - 0.001, True), (bound + 0.001, False)):
        seen = Strangers(40, on_objects, 0.9, 0.2, 2, by_chance, distinct)
        cases = told(replace(predicted, strangers=seen), "PRE015")
        assert bool(cases) is fires
        for case in cases:
            assert case.bound == pytest.approx(bound)
            assert (f"; of those of the other images, {by_chance:.0%})" in case.message) is (on_objects > 0.1)
