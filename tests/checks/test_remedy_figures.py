"""What is said to help objects, classes and files, at the figures that decide it: tables made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg import api
from ssdlossdbg.checks.aftermath import loss_after, weights_after
from ssdlossdbg.checks.matching.remedies import FIT, Remedies
from ssdlossdbg.checks.slips import Slip, slip
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.results import Predicted, Trait
from ssdlossdbg.results.objects import ClassListFile, Reading
from ssdlossdbg.results.predicted import OddValue, Spoilt
from ssdlossdbg.rules import LevelSpec, LocalizationLoss
from tests.checks.conftest import Cases, TableOf, Told

SAMPLES = Path(__file__).parents[2] / "sample_data"
# At a threshold of 0.5, centred on it, the square reaches objects down to 60 * sqrt(0.5) = 42.4 px; objects of a side w
# are reached everywhere by priors of their own that stand 0.367 w apart. The finest level can have steps of 4 px.
LEVELS = (LevelSpec((10, 10), (30.0, 30.0), ((60.0, 60.0), (120.0, 60.0))),)


@pytest.mark.parametrize(
    ("width", "height", "shape_iou", "words"),
    [
        (
            10.8,
            10.8,
            0.1,
            "Cut the photos into tiles of about 76 x 76 px or less: 10.8 x 10.8 px in the input are too ",
        ),
        (
            11,
            11,
            0.1,
            "Add priors of about 11 x 11 px: the smallest are 60 px, and to reach them everywhere they must ",
        ),
        (42.3, 42.3, 0.4, "Add priors of about 42.3 x 42.3 px: the smallest are 60 px, and to reach them everywhere "),
        (42.6, 42.6, 0.4, "Add priors of about 42.6 x 42.6 px: the nearest are 60 x 60 and 120 x 60."),
        (
            42.6,
            42.6,
            0.5,
            "Put priors of about 42.6 x 42.6 px on a level with steps of 16 px or less: those most like ",
        ),
        (119, 119, 0.4, "Add priors of about 119 x 119 px: the nearest are 120 x 60 and 60 x 60."),
        (121, 121, 0.4, "Add priors of about 121 x 121 px: the largest are 84.9 px."),
        (176, 40, 0.4, "Add priors of about 176 x 40 px: the nearest are 120 x 60 and 60 x 60."),
        (
            184,
            40,
            0.4,
            "Add an aspect ratio near 4.6:1, for 184 x 40 px: those of the priors end at 2:1, which reach no",
        ),
        (60, 130, 0.6, "Add priors of about 60 x 130 px to a level with steps of 30 px: those most like them are "),
        (60, 110, 0.6, "Put priors of about 60 x 110 px on a level with steps of 30 px or less: those most like them "),
        (
            50,
            115,
            0.4,
            "Add an aspect ratio near 1:2.3, for 50 x 115 px: those of the priors end at 1:1, which reach no",
        ),
        (100, 100, 0.6, "Add priors of about 100 x 100 px to a level with steps of 30 px: those most like them are "),
    ],
)
def test_what_holds_an_object_back(
    width: float, height: float, shape_iou: float, words: str, table_of: TableOf
) -> None:
    """So small that no map could have enough priors, too long, too small, too large, between sizes or cells."""
    made = table_of([[(10, 20, 10 + width, 20 + height)]], (300, 300), levels=LEVELS, shape_iou=np.array([shape_iou]))
    remedy = Remedies(made, np.array([0]))
    assert remedy.of(0).startswith(words)
    assert remedy.of(0) == remedy.of_all()
    assert (FIT in remedy.of(0)) is (width != 10.8)


def test_the_two_nearest_of_several_shapes_are_named(table_of: TableOf) -> None:
    """Of a square of 52 px by overlap, 60 x 45 before 60 x 60, and neither of those farther off."""
    shapes = ((200.0, 30.0), (60.0, 60.0), (30.0, 200.0), (60.0, 45.0))
    levels = (replace(LEVELS[0], shapes=shapes),)
    made = table_of([[(10, 20, 62, 72)]], (300, 300), levels=levels, shape_iou=np.array([0.4]))
    assert (
        Remedies(made, np.array([0]))
        .of(0)
        .startswith("Add priors of about 52 x 52 px: the nearest are 60 x 45 and 60 x 60.")
    )


@pytest.mark.parametrize(
    ("side", "step", "grows"),
    [
        (40, 14.0, ""),
        (40, 15.0, "; or make the input"),
        (38, 15.0, "; or make the input 1.1 times as large"),
        (40, 30.0, ""),
    ],
)
def test_small_objects_and_the_finest_step(side: float, step: float, grows: str, table_of: TableOf) -> None:
    """Steps of 0.367 of their side do; a growth of less than a tenth is not worth a word."""
    levels = (replace(LEVELS[0], stride=(step, step)),)
    made = table_of([[(10, 20, 10 + side, 20 + side)]], (300, 300), levels=levels, shape_iou=np.array([0.4]))
    said = Remedies(made, np.array([0])).of(0)
    needed = 2 * (1 - math.sqrt(2 * 0.5 / 1.5)) * side
    assert ("everywhere they must stand every" in said) is (needed < step)
    growth = 60 * math.sqrt(0.5) / side
    assert ("make the input" in said) is (needed < step and growth >= 1.1)
    if "1.1 times" in grows:
        assert f"{grows}. " in said


TWICE = "See that boxes were not divided by the image's size twice; else"


@pytest.mark.parametrize(
    ("side", "saved", "cure"),
    [
        (10.0, False, "Cut the photos into tiles of about 71 x 71 px or less"),
        (10.0, True, "Cut the photos into tiles of 1/5 of their sides or less"),
        (1.01, False, "Cut the photos into tiles of about 7.1 x 7.1 px or less"),
        (0.5, False, f"{TWICE} cut the photos into tiles of about 3.5 x 3.5 px or less"),
    ],
)
def test_tiny_objects(side: float, saved: bool, cure: str, table_of: TableOf) -> None:
    made = table_of([[(10, 20, 10 + side, 20 + side)]], (300, 300), levels=LEVELS, saved=saved)
    said = Remedies(made, np.array([0])).of(0)
    assert said.startswith(cure)
    assert (
        f"which would have to stand every {0.36701 * side:.2g} px (the finest do every 30), and 42.4 px reach" in said
    )


def test_an_input_that_grows_to_twice_its_size(table_of: TableOf) -> None:
    """Where that is enough, tiles are not needed: the smallest prior is of 24 px, and its objects of 17."""
    levels = (LevelSpec((10, 10), (30.0, 30.0), ((24.0, 24.0),)),)
    for side, grows in ((8.5, True), (8.4, False)):
        made = table_of([[(10, 20, 10 + side, 20 + side)]], (300, 300), levels=levels)
        said = Remedies(made, np.array([0])).of(0)
        assert said.startswith("Use an input of 599 x 599 px or more, or tiles of the photos") is grows


def test_several_obstacles_that_of_most_first(table_of: TableOf) -> None:
    """Those of a fifth of the objects or more, each with its number; what finds sizes is said once."""
    small, large, long = (10, 20, 30, 40), (10, 20, 210, 220), (10, 20, 210, 50)
    made = table_of([[small] * 2 + [large] * 6 + [long] * 2], (300, 300), levels=LEVELS)
    said = Remedies(made, np.arange(10)).of_all()
    assert said.startswith("Add priors of about 200 x 200 px (6 of the 10): the largest are 84.9 px.")
    assert said.count(FIT) == 1
    assert "Add an aspect ratio near 6.7:1, for 200 x 30 px (2 of the 10)" in said
    assert "Add priors of about 20 x 20 px (2 of the 10)" in said
    fewer = Remedies(made, np.arange(1, 10))
    assert "20 x 20" not in replace(fewer, rows=np.array([1, *range(2, 8), 8, 8, 8, 8])).of_all()
    assert fewer.of(1).startswith("Add priors of about 20 x 20 px (1 of the 9)")


@pytest.mark.parametrize(("wide", "words"), [(40, "30 x 20 px:"), (41, "30.5 x 20 px (the median of 2):")])
def test_a_median_of_unlike_objects(wide: float, words: str, table_of: TableOf) -> None:
    """One twice as wide as the other is no more of about the same size."""
    made = table_of([[(10, 20, 30, 40), (10, 20, 10 + wide, 40)]], (300, 300), levels=LEVELS)
    said = Remedies(made, np.arange(2)).of_all()
    assert said.startswith(f"Add priors of about {words}")


@pytest.mark.parametrize(
    ("downs", "words"),
    [
        # The middle of a cell, and the border between two.
        ((0, 0, 15), "With it in each size of each level 2 of 3 reach the threshold, now none. "),
        ((0, 0), "With it in each size of each level 2 of 2 reach the threshold, now none. "),
        ((0,), "With it in each size of each level a prior reaches it. "),
        ((15, 15), "With it in each size of each level 0 of 2 reach the threshold, now none. "),
        ((15,), ""),
    ],
)
def test_how_many_an_aspect_ratio_would_reach(downs: tuple[int, ...], words: str, table_of: TableOf) -> None:
    """Of 184 x 40 px, in the size of 84.9 px: a prior that is 15 px off covers 25 of 55 px."""
    boxes = [(43, 145 + down, 227, 185 + down) for down in downs]
    made = table_of([boxes], (300, 300), levels=LEVELS, shape_iou=0.4 * np.ones(len(boxes)))
    made = replace(made, best_iou=0.1 * np.ones(len(boxes)))
    said = Remedies(made, np.arange(len(boxes))).of_all()
    assert said.endswith(f"reach no such object whatever their size. {words}{FIT}.")


@pytest.mark.parametrize(
    ("shapes", "width", "near", "end"),
    [
        (((200.0, 50.0), (240.0, 40.0)), 120, "1.2:1", "4:1"),
        (((200.0, 50.0), (240.0, 40.0)), 80, "1:1.2", "4:1"),
        (((50.0, 200.0), (40.0, 240.0)), 120, "1.2:1", "1:4"),
        (((50.0, 200.0), (40.0, 240.0)), 100, "1:1", "1:4"),
        (((200.0, 50.0), (240.0, 40.0)), 100, "1:1", "4:1"),
    ],
)
def test_the_nearer_end_of_the_ratios_is_told(
    shapes: tuple[tuple[float, float], ...], width: int, near: str, end: str, table_of: TableOf
) -> None:
    """Where all priors are wide, or all are tall, and the objects are neither."""
    made = table_of(
        [[(10, 20, 10 + width, 120 if width > 99 else 116)]], (300, 300), levels=(replace(LEVELS[0], shapes=shapes),)
    )
    said = Remedies(made, np.array([0])).of(0)
    assert said.startswith(f"Add an aspect ratio near {near}, for ")
    assert f"those of the priors end at {end}, which reach no such object" in said


def test_wide_and_tall_objects_are_told_apart(table_of: TableOf) -> None:
    """Together their median would be as wide as high, which is no shape of theirs."""
    wide, tall = (10, 20, 210, 40), (10, 20, 30, 220)
    made = table_of([[wide] * 5 + [tall] * 3], (300, 300), levels=LEVELS)
    remedies = Remedies(made, np.arange(8))
    of_wide, of_tall = (
        f"Add an aspect ratio near {near}, for {size}: those of the priors end at {end}, which reach no such object"
        for near, size, end in (
            ("10:1", "200 x 20 px (5 of the 8)", "2:1"),
            ("1:10", "20 x 200 px (3 of the 8)", "1:1"),
        )
    )
    assert remedies.of(4).startswith(of_wide)
    assert remedies.of(5).startswith(of_tall)
    assert remedies.of_all().startswith(of_wide)
    assert of_tall in remedies.of_all()


def test_the_ratio_of_long_objects_is_the_median_of_theirs(table_of: TableOf) -> None:
    """12:1 of 10, 14 and 12, and sides that make 1000 pixels, the median of 1000, 5600 and 300; not 100 x 10."""
    boxes = [(0, 0, 100, 10), (0, 50, 280, 70), (0, 90, 60, 95)]
    said = Remedies(table_of([boxes], (300, 300), levels=LEVELS), np.arange(3)).of_all()
    across = math.sqrt(1000 * 12)
    assert said.startswith(f"Add an aspect ratio near 12:1, for {across:.3g} x {across / 12:.3g} px")


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "caffe"])
def test_objects_whose_priors_others_have_need_no_other_shapes(dialect: str, table_of: TableOf) -> None:
    """Two of three reach the threshold; the third has the same shape, and lost a prior that it did not reach."""
    made = table_of([[(10, 20, 70, 80)] * 4], (300, 300), levels=LEVELS)
    made = replace(
        made,
        rules=load_dialect(dialect),
        positives=np.array([0, 0, 0, 1]),
        lost_to=np.array([3, 3, 3, -1]),
        best_iou=np.array([0.5, 0.9, 0.49, 0.95]),
    )
    remedies = Remedies(made, np.arange(3))
    said = remedies.of(0)
    assert said == remedies.of(1)
    assert said.startswith("Leave it, if it is rare: 60 x 60 px (2 of the 3) reach the threshold, and other objects")
    assert ("or train by rules" in said) is (dialect != "caffe")
    assert remedies.of(2).startswith("Put priors of about 60 x 60 px (1 of the 3) on a level with steps of 22 px")
    assert said in remedies.of_all()


def test_how_many_priors_of_their_size_would_reach(table_of: TableOf) -> None:
    """Each in the middle of a cell; the longer step of two is told, and who just reaches the threshold does now."""
    levels = (LevelSpec((10, 15), (30.0, 20.0), ((60.0, 60.0), (120.0, 60.0))),)
    made = table_of([[(35, 30, 235, 230)] * 3], (300, 300), levels=levels)
    alone, two = (Remedies(made, np.arange(number)).of_all() for number in (1, 2))
    assert alone.endswith(f"84.9 px. On a level with steps of 30 px a prior of that size reaches it. {FIT}.")
    assert two.endswith(f"2 of 2 reach the threshold with priors of that size, now 2. {FIT}.")
    for overlaps, now in (([0.5, 0.4999, 0.3], "1"), ([0.4999] * 3, "none")):
        said = Remedies(replace(made, best_iou=np.array(overlaps)), np.arange(3)).of_all()
        assert said.endswith(
            f"On a level with steps of 30 px 3 of 3 reach the threshold with priors of that size, now {now}. {FIT}."
        )


def test_priors_of_no_grid(table_of: TableOf) -> None:
    made = table_of([[(10, 20, 30, 40)]], (300, 300))
    assert Remedies(made, np.array([0])).of(0) == f"Add priors of its size and shape: {FIT}."
    assert Remedies(made, np.array([0])).of_all() == f"Add priors of their sizes and shapes: {FIT}."


# Classes


@pytest.mark.parametrize(("number", "positives", "found"), [(2, 0, True), (1, 0, False), (2, 1, False)])
def test_class_without_a_positive(number: int, positives: int, found: bool, table_of: TableOf, cases: Cases) -> None:
    class_id = np.array([2] * number + [1] * 3)
    made = table_of([[(10, 20, 40, 60)] * number + [(90, 90, 99, 99)] * 3], class_id=class_id, levels=LEVELS)
    made = replace(
        made,
        labels=tuple("-ab"[each] for each in class_id),
        positives=np.where(np.arange(number + 3) < number, 0, 3) + np.where(np.arange(number + 3) == 0, positives, 0),
    )
    told = cases(made, "MAT011")
    assert bool(told) is found
    if found:
        assert told[0].message == (
            "none of the 2 objects of class b, 90 x 120 px in the median, has a positive, so it is not trained"
        )
        assert (told[0].where.label, told[0].value, told[0].bound) == ("b", 0, 1)


@pytest.mark.parametrize(
    ("positives", "forced", "words"),
    [
        ([1] * 5, [1] * 5, "forced priors alone are trained on them"),
        ([0] * 5, [0] * 5, "no prior is trained on them"),
        ([1, 1, 0, 0, 0], [1, 1, 0, 0, 0], "forced priors alone are trained on 2 of them, and no prior on 3"),
    ],
)
def test_class_that_hardly_reaches_the_threshold(
    positives: list[int], forced: list[int], words: str, table_of: TableOf, cases: Cases
) -> None:
    made = table_of([[(10 * n, 20, 10 * n + 9, 60) for n in range(10)]], levels=LEVELS, labels=("class 1",) * 10)
    made = replace(
        made,
        best_iou=np.array([0.4] * 5 + [0.5] * 5),
        positives=np.array([*positives, *[3] * 5]),
        forced=np.array([*forced, *[0] * 5]),
    )
    (case,) = cases(made, "MAT012")
    assert case.message == (
        f"5 of the 10 objects of class 1 (50%), 27 x 120 px in the median, reach no prior's threshold: {words}"
    )
    assert (case.value, case.bound, case.where.label) == (0.5, 0.5, "class 1")


# Tags


def test_tags_that_a_loader_needs(table_of: TableOf, cases: Cases) -> None:
    traits = np.array([Trait.NO_DIFFICULT, 0, Trait.NO_DIFFICULT | Trait.NO_POSE, Trait.NO_DIFFICULT])
    made = table_of(
        [[(10, 20, 40, 60)] * 3, [(10, 20, 40, 60)]],
        dialect="ssd-keras",
        traits=traits,
        facts=[{}, {"traits": Trait.NO_FOLDER | Trait.NO_SIZE}],
        reading=Reading(format="voc"),
    )
    first, second = cases(made, "LDR004")
    assert first.message.startswith(
        "there is no <pose> in 1 of 3 objects and no <difficult> in 2 of 3 objects: ssd-keras looks into them all the "
    )
    assert (first.bound, first.where.file) == ("<pose>, <difficult>", "000.xml")
    assert second.message.startswith("there is no <folder> and no <difficult> in the object: ssd-keras looks into them")
    pytorch = replace(made, rules=load_dialect("ssd.pytorch"))
    assert [case.bound for case in cases(pytorch, "LDR004")] == ["<difficult>", "<difficult>"]
    assert "looks into it all the same, and raises AttributeError" in cases(pytorch, "LDR004")[0].message
    assert not cases(replace(pytorch, reading=Reading(format="yolo")), "LDR004")


def test_files_that_lack_the_same_tags_are_told_as_one(table_of: TableOf, cases: Cases) -> None:
    """In however many of their objects."""
    some = [Trait.NO_DIFFICULT, 0, Trait.NO_DIFFICULT, Trait.NO_DIFFICULT] * 2
    made = table_of([[(10, 20, 40, 60)] * 2] * 4, traits=np.array(some), reading=Reading(format="voc"))
    (case,) = cases(made, "LDR004")
    assert case.message.startswith("4 of 4 files; in 000.xml: there is no <difficult> in 1 of 2 objects")
    mixed = table_of(
        [[(10, 20, 40, 60)]] * 6,
        dialect="ssd-keras",
        traits=np.array([Trait.NO_POSE] * 3 + [Trait.NO_TRUNCATED] * 3),
        reading=Reading(format="voc"),
    )
    assert len(cases(mixed, "LDR004")) == 6


def test_keys_that_a_loader_needs(table_of: TableOf, cases: Cases) -> None:
    traits = Trait.NO_AREA | Trait.NO_ISCROWD | Trait.NO_SIZE
    made = table_of([[(10, 20, 40, 60)]], dialect="gluoncv", facts=[{"traits": traits}], reading=Reading(format="coco"))
    (case,) = cases(made, "LDR004")
    assert case.message == (
        'there is no "area" of an object and no "width" and "height" of an image: gluoncv looks into them all the '
        "same, and raises KeyError"
    )
    sound = table_of([[(10, 20, 40, 60)]], dialect="gluoncv", reading=Reading(format="coco"))
    assert not cases(sound, "LDR004")


def test_a_declared_size_of_0(table_of: TableOf, cases: Cases) -> None:
    facts: list[dict[str, Any]] = [{"traits": Trait.ZERO_SIZE, "photo_size": (30, 20)}, {"traits": Trait.ZERO_SIZE}, {}]
    made = table_of([[(10, 20, 40, 60)]] * 3, dialect="caffe", facts=facts)
    assert [case.fix for case in cases(made, "LDR005")] == [
        "Write the photo's real size, 30 x 20.",
        "Write the photo's real size.",
    ]
    assert [case.where.file for case in cases(made, "LDR005")] == ["000.xml", "001.xml"]
    assert not cases(replace(made, rules=load_dialect("ssd.pytorch")), "LDR005")


def test_lists_of_classes_that_are_cut_at_commas(table_of: TableOf, cases: Cases) -> None:
    beside = ClassListFile("d/labels.txt", ("cat, dog", "bird,", "fox", "eel"))
    reading = Reading(format="voc", lists={".": beside})
    made = table_of([[(10, 20, 40, 60)]], dialect="pytorch-ssd", reading=reading)
    (case,) = cases(made, "LDR007")
    assert case.message == (
        "pytorch-ssd puts its 4 lines together and cuts them at commas: it reads 'cat', 'dogbird', 'foxeel'"
    )
    assert (case.value, case.bound, case.where.file) == (3, 4, "d/labels.txt")
    sound = replace(reading, lists={".": replace(beside, lines=("cat, ", "dog,", "bird"))})
    assert not cases(replace(made, reading=sound), "LDR007")
    assert not cases(replace(made, rules=load_dialect("ssd.pytorch")), "LDR007")


def test_boxes_that_a_loader_drops_and_marks_that_it_keeps(table_of: TableOf, told: Told) -> None:
    facts: list[dict[str, Any]] = [{}, {"discarded": ((1, "dog"), (3, "cat"))}]
    made = table_of([[(10, 20, 40, 60)] * 2] * 2, dialect="gluoncv", facts=facts)
    assert told(made, "LDR014")[0].endswith(": object 1 (dog), 3 (cat)")
    marked = table_of(
        [[(10, 20, 40, 60)] * 2] * 2, marked=np.array([True, False, False, False]), reading=Reading(mark="crowd")
    )
    assert told(marked, "LDR015") == ["1 of 2 objects marked as crowd: ssd.pytorch trains on such as on any other"]
    assert not told(replace(marked, reading=Reading(mark="difficult")), "LDR015")
    assert not told(replace(marked, marked=None), "LDR015")


# Names


@pytest.mark.parametrize(
    ("name", "other", "kind"),
    [
        ("RBC", "RCB", Slip.TYPING),
        ("cat", "cat", None),
        ("ballon", "balloon", Slip.TYPING),
        ("balon", "balloon", None),
        ("god", "good", Slip.POSSIBLE),
        ("gose", "goose", Slip.TYPING),
        ("car", "cart", Slip.POSSIBLE),
        ("plate", "plates", Slip.LIKELY),
        ("plat", "plate", Slip.POSSIBLE),
        ("mouse", "house", Slip.POSSIBLE),
        ("cat", "bat", None),
        ("type a", "type b", None),
        ("red plate", "red plates", Slip.LIKELY),
        ("red plate", "red_plates", Slip.LIKELY),
        ("red plate", "rad plates", None),
        ("plate", "red plate", None),
        ("Plate", "plates", Slip.LIKELY),
    ],
)
def test_slips(name: str, other: str, kind: Slip | None) -> None:
    assert slip(name, other) is slip(other, name) is kind


# What is no number


@pytest.mark.parametrize(
    ("dialect", "target", "loss", "weights"),
    [
        ("ssd.pytorch", -math.inf, "inf", "its gradient there is 1 at most, so the weights stay finite"),
        ("ssd.pytorch", math.nan, "nan", "its gradient is nan, too, and with it every weight after this step"),
        ("mmdetection", math.inf, "inf", "its gradient is 0 * inf = nan, and with it every weight after this step"),
        ("ssd.tensorflow", math.inf, "nan", "its gradient is 0 * inf = nan, and with it every weight after this step"),
    ],
)
def test_what_comes_after_a_target_that_is_no_number(dialect: str, target: float, loss: str, weights: str) -> None:
    rules = load_dialect(dialect)
    assert (loss_after(target, rules), weights_after(target, rules)) == (loss, weights)
    sign = replace(rules, loss=replace(rules.loss, localization=LocalizationLoss.L1))
    assert weights_after(target, sign) == "its gradient is a sign, so the weights stay finite"


@pytest.fixture(scope="module")
def predicted() -> Predicted:
    """What a network of seven classes predicts for three images."""
    evidence = api.loss(SAMPLES / "preds.pt", SAMPLES / "targets.pt", device="cpu").evidence
    (found,) = (seen for seen in evidence if isinstance(seen, Predicted))
    return replace(found, fits=(), heard=None, quotas=(), loss=math.nan)


def spoilt(
    *coordinates: int, logits: int = 0, infinite: int = 0, images: int = 3, of: int = 9, of_logits: int = 63
) -> Spoilt:
    return Spoilt(coordinates or (0,) * 4, logits, infinite, images, 5, of, of_logits)


EARLIER = "an earlier step made the weights nan, by a bad box in its batch or by a model that diverged; out of calm "


@pytest.mark.parametrize(
    ("pattern", "changes", "words"),
    [
        (spoilt(1, 0, 0, 0, images=2), {}, "; the other image of the batch is finite, so the weights are: this input"),
        (spoilt(1, 0, 0, 0, images=1), {}, "; the other 2 images of the batch are finite, so the weights are: this"),
        (spoilt(1, 1, 1, 1), {"spoiling_targets": True}, "; this batch has a bad box itself: trained on before, or in"),
        (spoilt(1, 1, 1, 1, infinite=1), {"dtype": "float16"}, "; inf in float16 is an overflow beyond 65504, of "),
        (spoilt(9, 9, 9, 9, logits=63), {}, f"; all predictions of the batch are so: {EARLIER}"),
        (spoilt(9, 9, 9, 9, logits=62), {}, f"; only offsets are so: {EARLIER}"),
        (spoilt(9, 9, 9, 8, logits=63), {}, f"; only offsets are so: {EARLIER}"),
        (spoilt(logits=3), {}, "; only logits are so, no offset: no box does that; the confidence loss did in an"),
        (
            spoilt(0, 0, 2, 0),
            {},
            "; only dw is so, no logit: a box that is inverted (x2 < x1) in an earlier batch does",
        ),
        (spoilt(0, 0, 0, 2), {}, "; only dh is so, no logit: a box that is inverted (y2 < y1) in an earlier batch"),
        (spoilt(0, 0, 2, 2), {}, "; only dw and dh are so, no logit: a box that is inverted (x2 < x1 and y2 < y1)"),
        (spoilt(0, 0, 2, 0, logits=1), {}, f"; only dw is so: {EARLIER}"),
        (spoilt(0, 0, 2, 0, infinite=1), {}, f"; only dw is so, no logit: {EARLIER}"),
        (spoilt(2, 0, 0, 0, infinite=2), {}, "; only dx is so, no logit: inf without nan is growth until it overflows"),
        (spoilt(2, 0, 0, 0, logits=1, infinite=3), {}, "; only dx is so: inf without nan is growth until it overflows"),
        (spoilt(2, 0, 0, 0, logits=1, infinite=2), {}, f"; only dx is so: {EARLIER}"),
    ],
)
def test_what_the_pattern_says(
    pattern: Spoilt, changes: dict[str, Any], words: str, predicted: Predicted, cases: Cases
) -> None:
    odd = (OddValue("loc", 0, 3, "w", math.nan, 2, 1), OddValue("loc", 1, 4, "h", math.nan, 1, 5))
    first, second = cases(replace(predicted, spoilt=pattern, non_finite=odd, **changes), "NUM001")
    assert first.message.startswith(f"the network predicts h = nan{words}")
    assert second.message == "the network predicts w = nan, and 1 more like it in the image"
    assert (first.where.image, first.where.prior, first.share) == (1, 4, 1.0)


@pytest.mark.parametrize(
    ("dialect", "odd", "words"),
    [
        (
            "ssd.pytorch",
            OddValue("loc", 0, 3, "w", math.nan, 1, 0),
            "; it is at no positive, so the loss does not count it",
        ),
        ("ssd.pytorch", OddValue("loc", 0, 3, "w", math.nan, 1, None), ""),
        ("nvidia", OddValue("loc", 0, 3, "w", math.nan, 1, 0), " multiplies it by 0 there, which makes the loss nan"),
        ("tf-object-detection", OddValue("loc", 0, 3, "w", math.nan, 1, 0), " multiplies it by 0, which makes nan"),
        (
            "ssd.pytorch",
            OddValue("conf", 0, 3, "2", math.inf, 1, None),
            " so this one spoils the mining of every image",
        ),
        (
            "ssd.pytorch",
            OddValue("conf", 0, 3, "2", math.nan, 1, None),
            " so this one spoils the mining of every image",
        ),
        ("ssd.pytorch", OddValue("conf", 0, 3, "2", -math.inf, 1, None), "is -inf"),
        ("caffe", OddValue("conf", 0, 3, "2", math.inf, 1, None), "is inf"),
    ],
)
def test_what_comes_of_a_value(dialect: str, odd: OddValue, words: str, predicted: Predicted, told: Told) -> None:
    made = replace(predicted, rules=load_dialect(dialect), non_finite=(odd,))
    (message,) = told(made, "NUM001")
    assert message.startswith("the network predicts w = nan" if odd.term == "loc" else "the logit of class 2 is ")
    assert message.endswith(words)
    if odd.term == "conf":
        assert "spoils" not in told(replace(made, loss=None), "NUM001")[0]
