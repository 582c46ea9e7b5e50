"""Specs made in Python: words become rules, numbers are of their range, and a mistake is named."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, get_type_hints

import numpy as np
import pytest

from ssdlossdbg import rules
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import (
    AugmentSpec,
    CodecSpec,
    DetectSpec,
    LevelSpec,
    LossSpec,
    MatchSpec,
    MiningScope,
    MiningSpec,
    PriorSpec,
    TargetSpec,
    WeightDecaySpec,
)

SPECS = (MatchSpec, CodecSpec, MiningSpec, LossSpec, WeightDecaySpec, DetectSpec, AugmentSpec, TargetSpec)
WORDS = [
    (spec, name, kind)
    for spec in SPECS
    for name, kind in get_type_hints(spec).items()
    if isinstance(kind, type) and issubclass(kind, StrEnum)
]
# The same room, without the types that these tests go against.
R: Any = rules
LEVEL = LevelSpec((2, 2), (10.0, 10.0), ((5.0, 5.0),))


@pytest.mark.parametrize(("spec", "name", "kind"), WORDS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_the_word_of_a_rule_is_the_rule(spec: Any, name: str, kind: type[StrEnum]) -> None:
    for member in kind:
        by_word = spec(**{name: member.value})
        assert by_word == spec(**{name: member})
        assert getattr(by_word, name) is member


def test_an_unknown_word_is_refused_with_the_known_ones_nearest_first() -> None:
    with pytest.raises(ValueError, match=r"^scope must be one of batch, image, not 'bach'$"):
        MiningSpec(scope="bach")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^scope must be one of image, batch, not 'imag'$"):
        MiningSpec(scope="imag")  # type: ignore[arg-type]
    assert MiningSpec(scope="batch").scope is MiningScope.BATCH  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: R.MiningSpec(ratio=-3), "ratio must be 0 or more"),
        (lambda: R.MiningSpec(ratio=math.inf), "ratio must be 0 or more"),
        (lambda: R.MiningSpec(ratio="3"), "ratio must be 0 or more"),
        (lambda: R.MiningSpec(ratio=10**400), "ratio must be 0 or more"),
        (lambda: R.MiningSpec(ratio=True), "ratio must be 0 or more"),
        (lambda: R.MiningSpec(minimum=2.0), "minimum must be a whole number, from 0 to 1,000,000,000"),
        (lambda: R.MiningSpec(nms_limit=0), "nms_limit must be a whole number, 1 or more"),
        (lambda: R.MiningSpec(nms_iou=0), "nms_iou must be above 0 to 1 at most"),
        (lambda: R.MiningSpec(whole=1), "whole must be True or False"),
        (lambda: R.MatchSpec(threshold=7), "threshold must be from 0 to 1"),
        (lambda: R.MatchSpec(threshold=math.nan), "threshold must be from 0 to 1"),
        (lambda: R.MatchSpec(threshold=None), "threshold must be from 0 to 1"),
        (lambda: R.MatchSpec(ignore_from=1.5), "ignore_from must be from 0 to 1, or None"),
        (lambda: R.MatchSpec(iou_epsilon=-1e-9), "iou_epsilon must be 0 or more"),
        (lambda: R.CodecSpec((0.1, 0.1, 0.2)), "variances must be 4 numbers above 0"),
        (lambda: R.CodecSpec((0.1, 0.1, 0.2, 0.0)), "variances must be 4 numbers above 0"),
        (lambda: R.LossSpec(smooth_l1_beta=-1), "smooth_l1_beta must be above 0"),
        (lambda: R.LossSpec(probability_floor=2), "probability_floor must be from 0 to 1"),
        (lambda: R.DetectSpec(score_threshold=-0.1), "score_threshold must be from 0 to 1"),
        (lambda: R.DetectSpec(candidates=-1), "candidates must be a whole number, from 0 to 1,000,000,000"),
        (lambda: R.DetectSpec(smallest_scale=math.nan), "smallest_scale must be a number"),
        (lambda: R.TargetSpec(label_offset=0.5), "label_offset must be a whole number, from -100,000 to 100,000"),
        (lambda: R.TargetSpec(voc_pixel_offset=math.inf), "voc_pixel_offset must be finite"),
        (lambda: R.WeightDecaySpec(only=("a", 3)), "only must be texts"),
        (lambda: R.Dialect(match=MiningSpec()), r"match must be a MatchSpec, not MiningSpec\(.*"),
        (lambda: R.Dialect(name=3), "name must be a text"),
        (lambda: replace(AugmentSpec(), trials=0), "trials must be a whole number, from 1 to 1000"),
        (lambda: R.PriorSpec(0, (LEVEL,)), "image_size must be 2 whole numbers from 1 to 65536"),
        (lambda: R.PriorSpec(10**9, (LEVEL,)), "image_size must be 2 whole numbers from 1 to 65536"),
        (lambda: R.PriorSpec((300, 300, 300), (LEVEL,)), "image_size must be 2 whole numbers from 1 to 65536"),
        (lambda: R.PriorSpec(300, ()), "levels must be LevelSpecs, at least one"),
        (lambda: R.PriorSpec(300, (3,)), r"levels\[0\] must be a LevelSpec, not 3"),
        (
            lambda: R.PriorSpec(300, (LEVEL, replace(LEVEL, stride=(0.0, 1.0)))),
            r"levels\[1\]\.stride must be 2 numbers from 1e-06 to 1,000,000",
        ),
        (
            lambda: R.PriorSpec(300, (replace(LEVEL, shapes=((1e-320, 1.0),)),)),
            r"levels\[0\]\.shapes must be rows of 2 numbers from 1e-06 to 1,000,000, at least one",
        ),
        (
            lambda: R.PriorSpec(300, (replace(LEVEL, shapes=()),)),
            r"levels\[0\]\.shapes must be rows of 2 numbers from 1e-06 to 1,000,000, at least one",
        ),
        (
            lambda: R.PriorSpec(300, (replace(LEVEL, feature_map=(2**63, 1)),)),
            r"levels\[0\]\.feature_map must be 2 whole numbers from 1 to 65536",
        ),
        (
            lambda: R.PriorSpec(300, (replace(LEVEL, feature_map=(2_000, 1_001)),)),
            "levels must hold at most 2,000,000 priors, not 2,002,000",
        ),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        make()


def test_the_edges_of_ranges_are_in() -> None:
    assert MatchSpec(threshold=0, ignore_from=1) == MatchSpec(threshold=0.0, ignore_from=1.0)
    assert DetectSpec(smallest_scale=-math.inf, largest_scale=math.inf) == DetectSpec()
    assert R.PriorSpec(300, (replace(LEVEL, feature_map=(2_000, 1_000)),)).count == 2_000_000
    assert MiningSpec(nms_iou=1, nms_limit=1, ratio=0)


def test_numbers_take_the_type_that_is_asked_for() -> None:
    assert type(MiningSpec(ratio=3).ratio) is float
    assert type(MatchSpec(threshold=np.float64(0.5)).threshold) is float
    assert type(DetectSpec(candidates=np.int64(5)).candidates) is int  # type: ignore[arg-type]
    assert CodecSpec([1, 1, 2, 2]).variances == (1.0, 1.0, 2.0, 2.0)  # type: ignore[arg-type]
    assert hash(CodecSpec([1, 1, 2, 2])) == hash(CodecSpec((1.0, 1.0, 2.0, 2.0)))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [320, (320, 320), [320, 320]])
def test_one_number_is_a_square(size: Any) -> None:
    assert PriorSpec(size, (LEVEL,)).image_size == (320, 320)


def test_levels_read_back_from_a_tensor_may_be_anything() -> None:
    assert LevelSpec((1, 1), (300.0, 300.0), ((0.0, -5.0),)).count == 1


@pytest.mark.parametrize("name", dialect_names())
def test_every_shipped_dialect_survives_being_made_again(name: str) -> None:
    dialect = load_dialect(name)
    for section in fields(dialect):
        value = getattr(dialect, section.name)
        if is_dataclass(value) and not isinstance(value, type):
            assert replace(value) == value
    assert pickle.loads(pickle.dumps(dialect)) == dialect


def test_what_is_drawn_where_a_dialect_says_nothing() -> None:
    """The paper, section 2.2: flipped with a probability of 0.5, aspect ratios of 1/2 to 2, sides of 0.3 and more.

    Nothing is zoomed out, and how crops are chosen is not known. Canvases of up to 16 times the area are section 3.6.
    """
    spec = AugmentSpec()
    assert (spec.flip_probability, spec.aspect_range, spec.size_range) == (0.5, (0.5, 2.0), (0.3, 1.0))
    assert (spec.zoom_out_probability, spec.zoom_out_range, spec.photo_probability) == (0.0, (1.0, 4.0), 0.0)
    assert (spec.minimum_overlaps, spec.trials, spec.keep_one, spec.whole_pixels) == ((0.0,), 50, True, True)
    assert (spec.choice, spec.overlap, spec.demanded_of, spec.keep, spec.shape) == (
        "unknown",
        "iou",
        "all",
        "centre",
        "sides",
    )
