"""What changed between two batches: each single change is named, and explains the whole change."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import ssdlossdbg
from ssdlossdbg import DiffResult
from ssdlossdbg.results.captured import HEADER_KEY, Captured, Recorded

SPEC = ssdlossdbg.PriorSpec(
    (64, 64),
    (
        ssdlossdbg.LevelSpec((4, 4), (16.0, 16.0), ((16.0, 16.0), (24.0, 12.0), (12.0, 24.0))),
        ssdlossdbg.LevelSpec((2, 2), (32.0, 32.0), ((40.0, 40.0), (60.0, 30.0))),
        ssdlossdbg.LevelSpec((1, 1), (64.0, 64.0), ((60.0, 60.0),)),
    ),
)
PRIORS = ssdlossdbg.generate_priors(SPEC).boxes
NUMBER, CLASSES = len(PRIORS), 6
ROWS = (
    torch.tensor([[0.1, 0.1, 0.42, 0.4, 0], [0.45, 0.3, 0.9, 0.95, 1]]),
    torch.tensor([[0.05, 0.1, 0.3, 0.35, 3]]),
    torch.tensor([[0.2, 0.5, 0.6, 0.9, 2], [0.5, 0.05, 0.9, 0.3, 2], [0.02, 0.02, 0.98, 0.9, 0]]),
)
Parts = tuple[Tensor, Tensor, Tensor, list[Tensor]]


def parts() -> Parts:
    """loc, conf, priors and rows of three images."""
    generator = torch.Generator().manual_seed(3)
    loc = torch.randn(3, NUMBER, 4, generator=generator) * 0.5
    conf = torch.randn(3, NUMBER, CLASSES, generator=generator)
    return loc, conf, PRIORS.clone(), [each.clone() for each in ROWS]


def diff(first: Parts, second: Parts, **more: Any) -> DiffResult:
    return ssdlossdbg.diff((first[:3], first[3]), (second[:3], second[3]), device="cpu", **more)


@cache
def changed_so(name: str) -> DiffResult:
    """What is said of a single change."""
    return diff(parts(), SINGLE[name][0]())


@cache
def usual_loss() -> float:
    """Of the batch as it is."""
    return loss(parts())


def loss(given: Parts, dialect: str = "ssd.pytorch") -> float:
    return ssdlossdbg.loss(given[:3], given[3], dialect=dialect, device="cpu", whose=False).loss.total


def with_rows(change: Callable[[list[Tensor]], Any]) -> Callable[[], Parts]:
    def changed() -> Parts:
        loc, conf, priors, rows = parts()
        return loc, conf, priors, change(rows) or rows

    return changed


def with_tensors(change: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]) -> Callable[[], Parts]:
    def changed() -> Parts:
        loc, conf, priors, rows = parts()
        return *change(loc, conf, priors), rows

    return changed


def of_columns(columns: list[int]) -> Callable[[], Parts]:
    return with_rows(lambda rows: [each[:, [*columns, 4]] for each in rows])


def one_label(rows: list[Tensor]) -> None:
    rows[0][1, 4] = 2


def one_box(rows: list[Tensor]) -> None:
    rows[1][0, [0, 2]] += 4 / 64


def level(places: slice, change: Callable[[Tensor], Tensor]) -> Callable[[], Parts]:
    def changed(loc: Tensor, conf: Tensor, priors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        priors[places] = change(priors[places])
        return loc, conf, priors

    return with_tensors(changed)


def image_doubled(loc: Tensor, conf: Tensor, priors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    conf[1] *= 2
    return loc, conf, priors


def column_raised(loc: Tensor, conf: Tensor, priors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    conf[..., 3] += 1
    return loc, conf, priors


LEVEL = slice(48, 56)
ORDER = torch.cat([torch.arange(48, 57), torch.arange(48)])
SHAPE = slice(0, 48, 3)
# What B is, the difference that is to be named, words of it, and whether the loss is another.
SINGLE: dict[str, tuple[Callable[[], Parts], str, str, bool]] = {
    "a label": (with_rows(one_label), "labels", "1 of 6 objects", True),
    "all labels 1 more": (
        with_rows(lambda rows: [each + torch.tensor([0, 0, 0, 0, 1.0]) for each in rows]),
        "labels",
        "each 1 more",
        True,
    ),
    "labels of two classes exchanged": (
        with_rows(
            lambda rows: [
                torch.cat([each[:, :4], torch.tensor([2.0, 1, 0, 3])[each[:, 4].long()][:, None]], 1) for each in rows
            ]
        ),
        "labels",
        "class 1 -> class 3, class 3 -> class 1",
        True,
    ),
    "a box": (with_rows(one_box), "boxes", "moved by (18.75, 0), in px of input", True),
    "boxes in pixels": (
        with_rows(lambda rows: [each * torch.tensor([64.0, 64, 64, 64, 1]) for each in rows]),
        "boxes",
        "times 64",
        True,
    ),
    "x and y": (of_columns([1, 0, 3, 2]), "boxes", "x and y exchanged", True),
    "corners exchanged": (of_columns([2, 3, 0, 1]), "boxes", "first and last corner exchanged", True),
    "mirrored": (
        with_rows(
            lambda rows: [
                torch.stack([1 - each[:, 2], each[:, 1], 1 - each[:, 0], each[:, 3], each[:, 4]], 1) for each in rows
            ]
        ),
        "boxes",
        "mirrored left to right (about 0.5)",
        True,
    ),
    "written as x y w h": (
        with_rows(lambda rows: [torch.cat([each[:, :2], each[:, 2:4] - each[:, :2], each[:, 4:]], 1) for each in rows]),
        "boxes",
        "written as x y w h",
        True,
    ),
    "an object left out": (with_rows(lambda rows: [rows[0][:1], *rows[1:]]), "objects", "1 removed", True),
    "an object more": (
        with_rows(
            lambda rows: [rows[0], torch.cat([rows[1], rows[1] + torch.tensor([0.4, 0.4, 0.4, 0.4, 0])]), rows[2]]
        ),
        "objects",
        "1 added",
        True,
    ),
    "order of objects": (
        with_rows(lambda rows: [each.flip(0) for each in rows]),
        "order of objects",
        "in 2 of 3",
        False,
    ),
    "targets of other images": (with_rows(lambda rows: rows[::-1]), "targets", "those of A's images in reverse", True),
    "an image's logits": (with_tensors(image_doubled), "conf", "times 2", True),
    "a class's logits": (with_tensors(column_raised), "conf", "each 1 more", True),
    "background last": (
        with_tensors(lambda loc, conf, priors: (loc, conf.roll(-1, 2), priors)),
        "conf",
        "background moved from the first column to the last",
        True,
    ),
    "classes of logits": (
        with_tensors(lambda loc, conf, priors: (loc, conf[..., [0, 2, 1, 3, 4, 5]], priors)),
        "conf",
        "columns of classes exchanged: 2 -> 1, 1 -> 2",
        True,
    ),
    "softmaxed": (
        with_tensors(lambda loc, conf, priors: (loc, conf.softmax(-1), priors)),
        "conf",
        "after a softmax",
        True,
    ),
    "half precision": (
        with_tensors(lambda loc, conf, priors: (loc, conf.half().float(), priors)),
        "conf",
        "rounded to float16",
        True,
    ),
    "variances": (
        with_tensors(lambda loc, conf, priors: (loc * torch.tensor([0.1, 0.1, 0.2, 0.2]), conf, priors)),
        "loc",
        "times (0.1, 0.1, 0.2, 0.2)",
        True,
    ),
    "offsets of x and y": (
        with_tensors(lambda loc, conf, priors: (loc[..., [1, 0, 3, 2]], conf, priors)),
        "loc",
        "x and y exchanged",
        True,
    ),
    "logits of other images": (
        with_tensors(lambda loc, conf, priors: (loc, conf[[1, 2, 0]], priors)),
        "conf",
        "those of A's images in the order 1, 2, 0",
        True,
    ),
    "logits of other priors": (
        with_tensors(lambda loc, conf, priors: (loc, torch.cat([conf[:, 48:], conf[:, :48]], 1), priors)),
        "conf",
        "those of A's priors levels in the order 1, 2, 0",
        True,
    ),
    "order of images": (
        lambda: (parts()[0].flip(0), parts()[1].flip(0), parts()[2], parts()[3][::-1]),
        "order of images",
        "in reverse order",
        False,
    ),
    "order of priors": (
        with_tensors(lambda *all: (all[0][:, ORDER], all[1][:, ORDER], all[2][ORDER])),
        "order of priors",
        "levels in the order 1, 2, 0",
        False,
    ),
    "priors in another order alone": (
        with_tensors(lambda loc, conf, priors: (loc, conf, priors[ORDER])),
        "priors",
        "levels in the order 1, 2, 0; the predictions stay where they were",
        True,
    ),
    "a level's scale": (
        level(LEVEL, lambda each: each * torch.tensor([1, 1, 1.2, 1.2])),
        "priors",
        "times (1, 1, 1.2, 1.2)",
        True,
    ),
    "ratios inverted": (level(slice(None), lambda each: each[:, [0, 1, 3, 2]]), "priors", "width and height", True),
    "priors clipped": (level(slice(None), lambda each: each.clamp(0.2, 1)), "priors", "of 57 priors", True),
    "a shape": (level(SHAPE, lambda each: each * torch.tensor([1, 1, 1, 1.5])), "priors", "on level 0 of 3 in h", True),
    "an image less": (
        lambda: (parts()[0][:2], parts()[1][:2], parts()[2], parts()[3][:2]),
        "images",
        "1 of A's 3 left out; 2 in both",
        True,
    ),
    "no number": (
        with_tensors(lambda loc, conf, priors: (loc, conf.index_fill(2, torch.tensor([2]), torch.nan), priors)),
        "conf",
        "in class 2 alone",
        True,
    ),
}


# How many of what stand elsewhere: reversed, the middle one of three images does not.
ELSEWHERE = {"order of images": (2, 3), "order of priors": (NUMBER, NUMBER)}


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_change_is_named_and_explains_all(name: str) -> None:
    made, wanted, words, moves = SINGLE[name]
    result = changed_so(name)
    measured = [each for each in result.differences if each.measured]
    assert [each.name for each in measured] == [wanted]
    [difference] = measured
    assert words in f"{difference.how}; {difference.what}; {'; '.join(difference.places)}"
    assert (difference.changed, difference.of) == ELSEWHERE.get(name, (difference.changed, difference.of))
    assert not result.same
    first, second = result.first.value, result.second.value
    assert first == pytest.approx(usual_loss(), rel=1e-6)
    assert second == pytest.approx(loss(made()), rel=1e-6, nan_ok=True)
    [explanation] = result.explanations
    assert explanation.explains is moves
    assert explanation.alone == pytest.approx(second, rel=1e-6, nan_ok=True)
    assert ("and all else is equal" in result.summary) is moves
    assert ("is the same" in result.summary) is not moves


@pytest.mark.parametrize("name", SINGLE)
def test_the_other_way_round_all_is_the_other_way_round(name: str) -> None:
    made = SINGLE[name][0]
    there, back = changed_so(name), diff(made(), parts())
    assert there.first.value == pytest.approx(back.second.value, rel=1e-9, nan_ok=True)
    assert [each.name for each in there.differences] == [each.name for each in back.differences]
    assert [each.changed for each in there.differences] == [each.changed for each in back.differences]
    assert [(each.by, each.name) for each in there.groups] == [(each.by, each.name) for each in back.groups] or (
        name in ("order of images", "targets of other images")
    )
    swapped = sorted((each.first, each.second, each.priors) for each in there.roles)
    assert swapped == sorted((each.second, each.first, each.priors) for each in back.roles)


def test_the_same_batch_says_nothing() -> None:
    result = diff(parts(), parts())
    assert result.same
    assert not result.differences
    assert not result.groups
    assert not result.objects
    assert not result.priors
    assert result.summary == (
        "A and B are the same: predictions, targets, priors and rules are equal, and so is the loss, "
        f"{loss(parts()):.4f}."
    )


def test_a_loss_by_hand_is_explained_by_the_label() -> None:
    # One prior, which is the object: no offset to learn. exp of the logits is 1, 1, 2: of class 1 the probability is
    # 1/4, of class 2 it is 1/2.
    priors = torch.tensor([[0.5, 0.5, 0.4, 0.4]])
    predictions = torch.zeros(1, 1, 4), torch.tensor([[[0.0, 0.0, math.log(2)]]]), priors
    rows = [[torch.tensor([[0.3, 0.3, 0.7, 0.7, label]])] for label in (0.0, 1.0)]
    result = ssdlossdbg.diff((predictions, rows[0]), (predictions, rows[1]), device="cpu")
    assert result.first.value == pytest.approx(math.log(4), rel=1e-5)
    assert result.second.value == pytest.approx(math.log(2), rel=1e-5)
    [explanation] = result.explanations
    assert explanation.name == "labels"
    assert explanation.delta == pytest.approx(-math.log(2), rel=1e-5)
    [item] = result.objects
    assert (item.label, item.new_label, item.became) == ("class 1", "class 2", "relabelled")
    assert item.change == pytest.approx(-math.log(2), rel=1e-5)


def test_of_two_changes_each_has_its_share() -> None:
    loc, conf, priors, rows = parts()
    one_label(rows)
    image_doubled(loc, conf, priors)
    result = diff(parts(), (loc, conf, priors, rows))
    by_name = {each.name: each for each in result.explanations}
    labels, logits = parts(), parts()
    one_label(labels[3])
    image_doubled(*logits[:3])
    assert by_name["labels"].alone == pytest.approx(loss(labels), rel=1e-6)
    assert by_name["conf"].alone == pytest.approx(loss(logits), rel=1e-6)
    assert by_name["labels"].without == pytest.approx(loss(logits), rel=1e-6)
    change = loss((loc, conf, priors, rows)) - loss(parts())
    assert sum(each.delta or 0 for each in result.explanations) == pytest.approx(change, rel=1e-5)
    assert "no difference explains it alone" in result.summary or by_name["classes"].explains


def test_a_change_without_effect_stands_beside_the_one_that_explains() -> None:
    loc, conf, priors, rows = parts()
    one_label(rows)
    result = diff(parts(), (loc, conf, priors, [each.flip(0) for each in rows]))
    assert [each.name for each in result.explanations if each.explains] == ["labels"]
    assert result.differences[0].name == "labels"
    assert "order of objects is different, too, and changes nothing alone" in result.summary


def test_steps_that_fit_together_only_are_said_to() -> None:
    loc, conf, priors, rows = parts()
    arms = {"arm_loc": loc * 0.5, "arm_conf": conf[..., :2], "odm_loc": loc, "odm_conf": conf, "priors": priors}
    result = ssdlossdbg.diff((arms, rows), (parts()[:3], rows), device="cpu")
    assert result.first.value == pytest.approx(ssdlossdbg.loss(arms, rows, device="cpu").whole, rel=1e-6)
    assert result.differences[0].what == "two steps in A, one in B"
    assert "They fit together only: predictions, encoding and first step." in result.summary
    other = arms | {"arm_conf": arms["arm_conf"] * 2}
    [difference] = ssdlossdbg.diff((arms, rows), (other, rows), device="cpu").differences
    assert (difference.name, difference.how) == ("first step's conf", "times 2")


def test_landmarks_go_with_their_objects() -> None:
    loc, conf, priors, rows = parts()
    given = {"loc": loc, "conf": conf[..., :2], "landm": torch.ones(3, NUMBER, 10), "priors": priors}
    points = [torch.rand(len(each), 10, generator=torch.Generator().manual_seed(1)) for each in rows]
    own = [torch.cat([each[:, :4], more, torch.ones(len(each), 1)], 1) for each, more in zip(rows, points, strict=True)]
    turned = [each.flip(0) for each in own]

    def names(changed: list[Tensor]) -> list[str]:
        result = ssdlossdbg.diff((given, own), (given, changed), dialect="retinaface", device="cpu")
        return [each.name for each in result.differences]

    assert names(turned) == ["order of objects"]
    turned[0][0, 6] += 0.1
    assert names(turned) == ["landmarks", "order of objects"]


def test_a_checkpoint_says_which_objects_gained() -> None:
    loc, conf, priors, rows = parts()
    conf[0] += 6 * torch.nn.functional.one_hot(torch.tensor(1), CLASSES)  # all of image 0 is now class 1
    result = diff(parts(), (loc, conf, priors, rows))
    [gained] = [each for each in result.objects if each.image == "image 0" and each.index == 0]
    assert gained.found[1] == gained.label == "class 1"
    assert (gained.change or 0) < 0
    other = next(each for each in result.objects if each.image == "image 0" and each.index == 1)
    assert (other.change or 0) > 0
    assert result.objects == tuple(sorted(result.objects, key=lambda each: -abs(each.change or 0)))


def test_labels_that_are_no_class_are_named_without_a_loss() -> None:
    loc, conf, priors, rows = parts()
    rows = [each + torch.tensor([0, 0, 0, 0, 2.0]) for each in rows]
    result = diff(parts(), (loc, conf, priors, rows))
    assert result.second.value is None
    assert result.differences[0].how == "each 2 more"
    assert "No loss can be computed of B: a label is 6, and its predictions have 6 classes" in result.summary


def captured(folder: Path, name: str, **header: Any) -> Path:
    """The batch as a capture saves it, with what it says beside the tensors."""
    loc, conf, priors, rows = parts()
    tensors = {"loc": loc, "conf": conf, "priors": priors, **{f"targets_{i}": each for i, each in enumerate(rows)}}
    said = Captured(0, "every", image_size=(64, 64), **({"dialect": "ssd.pytorch"} | header))
    save_file(tensors, folder / f"{name}.safetensors", {HEADER_KEY: said.to_json()})
    return folder / f"{name}.safetensors"


@pytest.mark.parametrize(
    ("header", "name", "words"),
    [
        ({"lr": (0.01,)}, "learning rate", "0.001 in A, 0.01 in B"),
        ({"names": ("b", "a", "c")}, "names of images", "2 of 3 have the name of another image; their tensors stay"),
        ({"names": ("a", "b", "d")}, "names of images", "1 of 3 have another name"),
        ({"recorded": Recorded(2.5)}, "recorded loss", "1.5 in A, 2.5 in B"),
        ({"threshold": 0.3}, "threshold", "match.threshold: 0.5 in A, 0.3 in B"),
        ({"neg_pos": 1.0}, "mining quota", "mining.ratio: 3 in A, 1 in B"),
        ({"alpha": 2.0}, "localisation loss", "loss.localization_weight: 1 in A, 2 in B"),
    ],
)
def test_what_a_capture_says_beside_the_tensors(header: Any, name: str, words: str, tmp_path: Path) -> None:
    usual: Any = {"lr": (0.001,), "names": ("a", "b", "c"), "recorded": Recorded(1.5)}
    first, second = captured(tmp_path, "a", **usual), captured(tmp_path, "b", **(usual | header))
    [difference] = ssdlossdbg.diff(first, second, device="cpu").differences
    assert difference.name == name
    assert words in difference.what


def test_when_and_why_it_was_saved_is_no_difference(tmp_path: Path) -> None:
    first, second = (
        captured(tmp_path, "a"),
        captured(tmp_path, "b", detail="a spike", gradient_norm=2.0, epoch_time=5.0),
    )
    assert ssdlossdbg.diff(first, second, device="cpu").same


def test_a_dialect_that_counts_classes_otherwise_is_no_other_label(tmp_path: Path) -> None:
    first, second = captured(tmp_path, "a"), captured(tmp_path, "b", dialect="caffe")
    result = ssdlossdbg.diff(first, second, device="cpu")
    labels = next(each for each in result.differences if each.name == "labels")
    assert labels.how == "the same numbers as saved, counted from 0 in A, from 1 in B"
    assert {"normaliser", "forced match", "other settings", "dialect"} <= {each.name for each in result.differences}


@pytest.mark.parametrize(
    ("rules", "rule", "words"),
    [
        ({"match": {"threshold": 0.3}}, "threshold", "match.threshold: 0.5 in A, 0.3 in B"),
        ({"mining": {"ratio": 1.0}}, "mining quota", "mining.ratio: 3 in A, 1 in B"),
        ({"codec": {"variances": (0.2, 0.2, 0.4, 0.4)}}, "encoding", "codec.variances"),
        ({"loss": {"localization_weight": 2.0}}, "localisation loss", "loss.localization_weight: 1 in A, 2 in B"),
    ],
)
def test_a_rule_of_a_captured_batch_is_named(rules: Any, rule: str, words: str, tmp_path: Path) -> None:
    own = ssdlossdbg.load_dialect("ssd.pytorch")
    other = replace(own, **{key: replace(getattr(own, key), **value) for key, value in rules.items()})
    files = [captured(tmp_path, name, rules=msgspec.to_builtins(rule)) for name, rule in (("a", own), ("b", other))]
    result = ssdlossdbg.diff(*files, device="cpu")
    [difference] = result.differences
    assert difference.name == rule
    assert words in difference.what
    assert [each.explains for each in result.explanations] == [True]
    assert ssdlossdbg.diff(files[0], files[0], device="cpu").same
