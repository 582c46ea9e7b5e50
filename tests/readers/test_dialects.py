"""Dialects: what ssd.pytorch's says, the user's own files, and what is said of bad ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.dialects import DIALECTS, dialect_names, load_dialect
from ssdlossdbg.rules import (
    Comparison,
    ConflictRule,
    CropChoice,
    CropDemand,
    Dialect,
    Difficult,
    ForcedRule,
    IouRule,
    MiningCap,
    MiningScore,
    Normalizer,
    SizeFrom,
    TargetSpec,
    Units,
)

Refused = Callable[[Callable[[], object]], InputError]


def test_ssd_pytorch() -> None:
    """Read off amdegroot/ssd.pytorch at 5b0b77f by hand; the lines are named in the TOML file."""
    dialect = load_dialect("ssd.pytorch")
    assert dialect.targets == TargetSpec(Units.NORMALIZED, 1, -1.0, SizeFrom.PHOTO, Difficult.DROP)
    assert (dialect.match.threshold, dialect.match.comparison) == (0.5, Comparison.AT_LEAST)
    assert (dialect.match.iou, dialect.match.forced) == (IouRule.PLAIN, ForcedRule.BEST_PRIOR)
    assert dialect.match.conflict is ConflictRule.LAST
    assert dialect.codec.variances == (0.1, 0.1, 0.2, 0.2)
    assert (dialect.mining.ratio, dialect.mining.score) == (3, MiningScore.GLOBAL_MAX_CROSS_ENTROPY)
    assert dialect.mining.cap is MiningCap.PRIORS_MINUS_ONE
    assert (dialect.loss.localization_weight, dialect.loss.smooth_l1_beta) == (1, 1)
    assert dialect.loss.normalizer is Normalizer.POSITIVES
    assert dialect.raises.image_without_objects.startswith("IndexError in match, layers/box_utils.py:97")
    assert (dialect.name, dialect.codebase) == ("ssd.pytorch", "amdegroot/ssd.pytorch")


def test_crops_of_ssd_pytorch() -> None:
    """Read off utils/augmentations.py at 5b0b77f by hand."""
    crops = load_dialect("ssd.pytorch").augmentation
    assert (crops.zoom_out_probability, crops.zoom_out_range) == (0.5, (1, 4))
    assert (crops.choice, crops.demanded_of) == (CropChoice.REDRAWN, CropDemand.NONE)
    assert crops.photo_probability == pytest.approx(1 / 6)
    assert crops.minimum_overlaps == (0.1, 0.3, 0.7, 0.9, 0)
    assert (crops.size_range, crops.aspect_range, crops.trials) == ((0.3, 1), (0.5, 2), 50)


def test_own_file_inherits_crops(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "lufficc"\n[augmentation]\ntrials = 9\n')
    assert load_dialect(str(path)).augmentation == replace(load_dialect("lufficc").augmentation, trials=9)


def test_crops_are_unknown_unless_a_file_says_how(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.touch()
    assert load_dialect(str(path)).augmentation.choice is CropChoice.UNKNOWN
    unknown = [name for name in dialect_names() if load_dialect(name).augmentation.choice is CropChoice.UNKNOWN]
    assert unknown == [
        *("balancap", "bubbliiiing", "chainercv", "faceboxes", "mxnet-ssd", "paddledetection", "retinaface", "rfbnet"),
        *("rykov8", "ssd.tensorflow"),
    ]


@pytest.mark.parametrize("alias", ["ssd-pytorch", "ssd_pytorch"])
def test_alias(alias: str) -> None:
    assert load_dialect(alias) == load_dialect("ssd.pytorch")


@pytest.mark.parametrize("file", sorted(DIALECTS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_shipped_dialect_loads_and_says_whose_it_is(file: Path) -> None:
    dialect = load_dialect(file.stem)
    assert dialect.name == file.stem
    assert dialect.codebase


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_own_file_overrides_single_lines(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine.{ending}"
    path.write_text(
        'base = "ssd.pytorch"\n[match]\nthreshold = 0.35\n[codec]\nvariances = [1, 1, 1, 1]\n'
        if ending == "toml"
        else json.dumps({"base": "ssd.pytorch", "match": {"threshold": 0.35}, "codec": {"variances": [1, 1, 1, 1]}})
    )
    own, base = load_dialect(str(path)), load_dialect("ssd.pytorch")
    assert (own.name, own.aliases) == ("mine", ())
    assert own.match == replace(base.match, threshold=0.35)
    assert own.codec.variances == (1, 1, 1, 1)
    assert (own.targets, own.mining, own.loss, own.raises) == (base.targets, base.mining, base.loss, base.raises)
    assert own.codebase == base.codebase


def test_empty_file_is_all_defaults(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.touch()
    assert load_dialect(str(path)) == Dialect(name="mine")


@pytest.mark.parametrize("name", ["ssd.pytorhc", "SSD.PyTorch", "darknet", "", "../secret", "a\0b", "x" * 300])
def test_unknown_name(name: str, refused: Refused) -> None:
    error = refused(lambda: load_dialect(name))
    assert isinstance(error, UnknownNameError)
    assert (error.where, error.what) == ("--dialect", f"unknown dialect {name!r}")
    assert error.fix.startswith(("Did you mean ", "Known: "))
    assert error.fix.endswith("A file of your own must end in .toml or .json.")


@pytest.mark.parametrize("name", ["ssd.pytorhc", "SSD.PyTorch"])
def test_nearest_name(name: str, refused: Refused) -> None:
    assert refused(lambda: load_dialect(name)).fix.startswith("Did you mean 'ssd.pytorch'?")


CORRECT = "Correct the value."


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("[macth]\n", "unknown key 'macth'", "Did you mean 'match'?"),
        ("[match]\ntreshold = 1\n", "unknown key 'match.treshold'", "Did you mean 'match.threshold'?"),
        ("match = 3\n", "key match: expected `object`, got `int`", CORRECT),
        ('[match]\nthreshold = "0.5"\n', "key match.threshold: expected `float`, got `str`", CORRECT),
        ("[match]\nthreshold = true\n", "key match.threshold: expected `float`, got `bool`", CORRECT),
        ("[match]\nthreshold = 2020-01-01\n", "key match.threshold: expected `float`, got `date`", CORRECT),
        (f"[match]\nthreshold = {'9' * 400}\n", "key match.threshold: number out of range", CORRECT),
        (f"[match]\nthreshold = {'9' * 5000}\n", "cannot be parsed: Exceeds the limit", "Correct that place."),
        ('[match]\niou = "plane"\n', "key match.iou: invalid enum value 'plane'", f"{CORRECT} Known: plain, "),
        ("[match]\nthreshold = 7\n", "key match: threshold must be from 0 to 1", CORRECT),
        ("[mining]\nratio = -3\n", "key mining: ratio must be 0 or more", CORRECT),
        ("[codec]\nvariances = [0.1, 0.2]\n", "key codec.variances: expected `array` of length 4, got 2", CORRECT),
        ("[targets]\nlabel_offset = 0.5\n", "key targets.label_offset: expected `int`, got `float`", CORRECT),
        ("[augmentation]\nphoto_probability = 2\n", "key augmentation: photo_probability must be from 0 to 1", CORRECT),
        ("[match\n", "cannot be parsed: ", "Correct that place."),
        ("base = 3\n", "key base: expected a name or a file, found 3", CORRECT),
        ('base = "ssd.pytorhc"\n', "unknown dialect 'ssd.pytorhc'", "Did you mean 'ssd.pytorch'?"),
        ('base = "mine.toml"\n', "is its own base: ", "Break the circle."),
    ],
)
def test_bad_file(text: str, what: str, fix: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    error = refused(lambda: load_dialect(str(path)))
    assert error.where == str(path)
    assert error.what.startswith(what)
    assert error.fix.startswith(fix)


def test_rules_that_cannot_go_together(tmp_path: Path, refused: Refused) -> None:
    """Minus a probability is 0 at most: positives at 0 would take the first places, and hardly a negative be mined."""
    path = tmp_path / "mine.toml"
    path.write_text('base = "ssd.pytorch"\n[mining]\nscore = "background-probability"\n')
    error = refused(lambda: load_dialect(str(path)))
    assert error.where == str(path)
    assert error.what.startswith('key mining.positives: "as-zero" ranks positives before all negatives')
    assert error.fix.startswith('Say positives = "last" under [mining]')
    for others in ('score = "background-probability"\npositives = "last"\n', 'score = "confidence-loss"\n'):
        path.write_text(f'base = "ssd.pytorch"\n[mining]\n{others}')
        assert load_dialect(str(path)).name == "mine"


@pytest.mark.parametrize(
    ("base", "what"), [("none.toml", "no such file"), ("a\\u0000.toml", "cannot be a path (embedded null byte)")]
)
def test_base_that_cannot_be_read(base: str, what: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "mine.json"
    path.write_text(f'{{"base": "{base}"}}')
    assert refused(lambda: load_dialect(str(path))).what == what


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("zoom_out_probability = -0.1", "zoom_out_probability must be from 0 to 1"),
        ("flip_probability = nan", "flip_probability must be from 0 to 1"),
        ("zoom_out_range = [0.5, 4]", "zoom_out_range must rise from 1 or more"),
        ("zoom_out_range = [4, 1]", "zoom_out_range must rise from 1 or more"),
        ("zoom_out_range = [1, inf]", "zoom_out_range must rise from 1 or more"),
        ("size_range = [0, 1]", "size_range must rise from above 0 to 1 at most"),
        ("size_range = [0.5, 1.5]", "size_range must rise from above 0 to 1 at most"),
        ("aspect_range = [2, 0.5]", "aspect_range must rise from above 0"),
        ("aspect_range = [nan, 2]", "aspect_range must rise from above 0"),
        ("minimum_overlaps = []", "minimum_overlaps must be numbers from 0 to 1, at least one"),
        ("minimum_overlaps = [0.1, 1.1]", "minimum_overlaps must be numbers from 0 to 1, at least one"),
        ("trials = 0", "trials must be a whole number, from 1 to 1000"),
        ("trials = 1001", "trials must be a whole number, from 1 to 1000"),
    ],
)
def test_crops_that_cannot_be(setting: str, said: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[augmentation]\n{setting}\n")
    assert refused(lambda: load_dialect(str(path))).what == f"key augmentation: {said}"


def test_a_shipped_dialect_is_read_once_and_an_own_file_each_time(tmp_path: Path) -> None:
    assert load_dialect("nvidia") is load_dialect("nvidia")
    own = tmp_path / "own.toml"
    for threshold in (0.4, 0.6):
        own.write_text(f'base = "nvidia"\n[match]\nthreshold = {threshold}\n', encoding="utf-8")
        assert load_dialect(str(own)).match.threshold == threshold
