"""Lists of classes against what objects make of them: each fault is said first, its innocent neighbour says nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg.checks.slips import Slip, slip
from ssdlossdbg.results import Finding

# Its loader takes what it is given, so that nothing is to be said of tags or capitals.
DIALECT = "torchvision"


def voc(labels: Sequence[str]) -> str:
    """A photo of 300 x 300 with objects side by side, each of a size that has priors."""
    items = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{10 + place % 6 * 48}</xmin><ymin>{10 + place // 6 * 48}</ymin>"
        f"<xmax>{50 + place % 6 * 48}</xmax><ymax>{50 + place // 6 * 48}</ymax></bndbox></object>"
        for place, label in enumerate(labels)
    )
    return f"<annotation><size><width>300</width><height>300</height></size>{items}</annotation>"


def yolo(numbers: Sequence[object]) -> str:
    """The same as YOLO rows."""
    return "".join(
        f"{number} {(30 + place % 6 * 48) / 300} {(30 + place // 6 * 48) / 300} {40 / 300} {40 / 300}\n"
        for place, number in enumerate(numbers)
    )


def coco(categories: Mapping[int, str], numbers: Sequence[int], images: int = 4) -> str:
    """The same as COCO, the objects dealt out to some images."""
    sized = {"width": 300, "height": 300}
    return json.dumps({
        "images": [{"id": image, "file_name": f"{image}.jpg", **sized} for image in range(images)],
        "annotations": [
            {
                "id": place,
                "image_id": place % images,
                "category_id": number,
                "bbox": [10 + place // images % 6 * 48, 10 + place // images // 6 * 48, 40, 40],
            }
            for place, number in enumerate(numbers)
        ],
        "categories": [{"id": number, "name": name} for number, name in categories.items()],
    })  # fmt: skip


def warned(
    path: Path, files: Mapping[str, str], *names: str, classes: Sequence[str] = (), either_way: bool = True
) -> list[Finding]:
    """The errors and warnings on files that `audit` tells; if asked for, those of `check` are the same."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    target = path.joinpath(*names)
    audited = ssdlossdbg.audit(target, "ssd300", DIALECT, classes=classes, device="cpu").findings
    found = [finding for finding in audited if finding.severity != "note"]
    if either_way:
        checked = ssdlossdbg.check([target], "ssd300", DIALECT, classes=classes, device="cpu").findings
        assert {finding.code for finding in found} == {each.code for each in checked if each.severity != "note"}
    return found


def codes(found: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in found]


def test_a_letter_typed_twice_is_a_slip_of_typing() -> None:
    assert slip("platelet", "plattelet") is slip("plattelet", "platelet") is Slip.TYPING
    assert slip("platelet", "plastelet") is Slip.LIKELY


# --classes as a filter


MIXED = {f"{place}.xml": voc(["RBC"] * 5 + ["WBC"] * (place > 0)) for place in range(4)}


def test_a_subset_is_a_filter_and_says_which_images_it_empties(tmp_path: Path) -> None:
    found = warned(tmp_path, MIXED, classes=("WBC",))
    assert codes(found) == ["LBL007"]
    message = found[0].worst.message
    assert message.startswith("--classes names 1 of the 2 classes that have objects: 20 objects of the others are left")
    assert "'RBC' (20), which empties 1 of 4 images (0)" in message


def test_a_subset_leaves_out_the_commonest_class_first(tmp_path: Path) -> None:
    files = {f"{place}.xml": voc(["RBC"] * 5 + ["platelet"] * 2 + ["WBC"]) for place in range(4)}
    assert "left out, 'RBC' (20), 'platelet' (8), which" in warned(tmp_path, files, classes=("WBC",))[0].worst.message


def test_numbers_of_yolo_make_no_filter_of_a_list_of_other_data(tmp_path: Path) -> None:
    """They say what they count by themselves, whatever their names are, and so nothing of the names elsewhere."""
    files = {"a.xml": voc(["RBC"] * 5), "labels/b.txt": yolo([0, 1, 0]), "data.yaml": "names: [cat, dog]"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    paths = [tmp_path / "a.xml", tmp_path / "data.yaml"]
    found = ssdlossdbg.check(paths, "ssd300", DIALECT, classes=("cat", "dog"), device="cpu").findings
    assert {"LBL003", "LBL007"} & {each.code for each in found} == {"LBL003"}


def test_a_subset_that_empties_nothing(tmp_path: Path) -> None:
    assert "which empties no image" in warned(tmp_path, MIXED, classes=("RBC",))[0].worst.message


@pytest.mark.parametrize("classes", [("RBC", "WBC"), ("wbc", "rbc"), ()])
def test_a_whole_list_is_no_filter(tmp_path: Path, classes: tuple[str, ...]) -> None:
    assert warned(tmp_path, MIXED, classes=classes) == []


def test_a_misspelt_label_or_list_is_no_filter(tmp_path: Path) -> None:
    assert codes(warned(tmp_path / "list", MIXED, classes=("WBC", "RCB"))) == ["LBL003"]
    files = {"a.xml": voc(["RBC"] * 30), "b.xml": voc(["RBC", "WBC", "RCB"])}
    found = warned(tmp_path / "label", files, classes=("RBC", "WBC"))
    assert codes(found) == ["LBL003"]
    assert "Did you mean 'RBC'?" in found[0].worst.fix


def test_a_list_of_other_data_is_no_filter(tmp_path: Path) -> None:
    assert set(codes(warned(tmp_path, MIXED, classes=("cat", "dog")))) == {"LBL003"}


# Numbers of YOLO


def numbered(*rows: Sequence[object], names: Sequence[str], nc: str = "") -> dict[str, str]:
    labels = {f"labels/{place}.txt": yolo(numbers) for place, numbers in enumerate(rows)}
    return {**labels, "data.yaml": f"train: images\n{nc}names: [{', '.join(names)}]\n"}


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([(1, 2, 3), (2, 3), (1, 1)], ("cat", "dog", "cow")),
        ([(1, 1), (1,)], ("cat",)),
        ([(1, 3), (3,)], ("cat", "dog", "cow")),
    ],
)
@pytest.mark.parametrize("target", [".", "data.yaml"])
def test_numbers_that_count_from_1(
    tmp_path: Path, rows: list[Sequence[int]], names: tuple[str, ...], target: str
) -> None:
    found = warned(tmp_path, numbered(*rows, names=names), target)
    assert codes(found) == ["LBL008"]
    assert f"go up to {len(names)} and none is 0" in found[0].worst.message


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([(0, 1, 2), (2, 1), (0,)], None),
        ([(0, 1, 3), (1, 2)], "LBL003"),  # the list is too short
        ([(1, 2, 4)], "LBL003"),
        ([(1, 2), (1, 2)], None),  # 0 may just be missing
    ],
)
def test_numbers_that_count_from_0(tmp_path: Path, rows: list[Sequence[int]], code: str | None) -> None:
    assert codes(warned(tmp_path, numbered(*rows, names=("cat", "dog", "cow")))) == ([code] if code else [])


def test_number_of_classes_that_is_not_that_of_the_names(tmp_path: Path) -> None:
    names = ("cat", "dog", "cow")
    for target in (".", "data.yaml"):
        found = warned(tmp_path / "two", numbered((0, 1, 2), names=names, nc="nc: 2\n"), target)
        assert codes(found) == ["LBL011"]
        assert found[0].worst.message == "nc: is 2, but `names` lists 3: cat, dog, cow"
    assert warned(tmp_path / "three", numbered((0, 1, 2), names=names, nc="nc: 3\n")) == []
    assert warned(tmp_path / "none", numbered((0, 1, 2), names=names)) == []


# Categories


def test_two_categories_of_one_name(tmp_path: Path) -> None:
    found = warned(tmp_path, {"a.json": coco({1: "cat", 2: "dog", 7: "cat"}, [1, 2, 7] * 4)}, "a.json")
    assert codes(found) == ["LBL006"]
    assert "'cat' is the name of the ids 1, 7" in found[0].worst.message


def test_a_category_without_objects(tmp_path: Path) -> None:
    found = warned(tmp_path, {"a.json": coco({0: "cells", 1: "RBC", 2: "WBC"}, [1, 2] * 6)}, "a.json")
    assert codes(found) == ["LBL009"]
    assert found[0].worst.message == "class 'cells' has no object in 4 images; the list names 3 classes"


def test_a_listed_class_without_objects(tmp_path: Path) -> None:
    files = {f"{place}.xml": voc(["RBC", "WBC", "RBC"]) for place in range(4)}
    assert codes(warned(tmp_path, files, classes=("RBC", "WBC", "cow"))) == ["LBL009"]
    assert codes(warned(tmp_path, files, classes=("RBC", "WBC"))) == []


@pytest.mark.parametrize(
    "content",
    [
        coco({1: "RBC", 2: "WBC"}, [1, 2] * 6),
        coco({number: f"class {number}" for number in range(80)}, [1, 2, 3] * 6),
        coco({1: "RBC", 2: "WBC"}, [1] * 12, images=1),
    ],
    ids=["all used", "few objects", "one image"],
)
def test_classes_that_may_be_elsewhere_or_are_used(tmp_path: Path, content: str) -> None:
    assert warned(tmp_path, {"a.json": content}, "a.json") == []


# Names


@pytest.mark.parametrize("name", ["RCB", "RBCC", "RB"])
def test_a_misspelt_class_without_a_list(tmp_path: Path, name: str) -> None:
    found = warned(tmp_path, {"a.xml": voc(["RBC"] * 30), "b.xml": voc(["RBC"] * 30 + [name] + ["WBC"] * 3)})
    assert codes(found) == ([] if name == "RB" else ["LBL010"])  # two letters are no name to go by
    if found:
        assert found[0].worst.message == f"'{name}' (1 object) may be a misspelt 'RBC' (60 objects)"


@pytest.mark.parametrize(
    ("counts", "slips"),
    [
        ({"RBC": 400, "WBC": 40, "RCB": 12}, ["RCB"]),
        ({"RBC": 400, "WBC": 15, "RCB": 12}, ["RCB"]),  # though another class is as rare
        ({"Platelets": 100, "RBC": 90, "Platelet": 4}, ["Platelet"]),
        ({"bicycle": 100, "bycicle": 2}, []),  # further apart than a slip
        ({"hard hat": 100, "head": 90, "hard hta": 5}, ["hard hta"]),
        ({"helmet": 100, "hellmet": 5}, ["hellmet"]),
        ({"helmet": 100, "head": 90, "helmt": 4}, ["helmt"]),
        ({"RBC": 80, "WBC": 1}, []),
        ({"cat": 80, "bat": 1}, []),
        ({"RBC": 64, "RCB": 4}, []),
        ({"class1": 80, "class2": 1}, []),
        ({"A320": 80, "A321": 1}, []),
        ({"b1": 80, "b2": 1}, []),
        ({"type a": 80, "type b": 1}, []),
        ({"mouse": 80, "horse": 1}, []),
        ({"left": 80, "right": 1}, []),
        ({"car": 90, "truck": 80, "cart": 4}, []),
        ({"person": 100, "dog": 40, "persons": 5}, []),  # dogs are rare, too
        ({"person": 100, "persons": 30}, []),
        ({"horse": 200, "dog": 190, "house": 5}, []),
        ({"horse": 100, "dog": 3, "cat": 4, "house": 2}, []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_classes_that_are_slips_and_classes_that_are_just_alike(
    tmp_path: Path, counts: dict[str, int], slips: list[str]
) -> None:
    names = [name for name, number in counts.items() for _ in range(number)]
    found = [
        each
        for each in warned(tmp_path, {"a.xml": voc(names[::2]), "b.xml": voc(names[1::2])}, either_way=False)
        if each.code == "LBL010"
    ]
    assert [case.message.split("'")[1] for each in found for case in each.cases] == slips


@pytest.mark.parametrize(("usual", "name"), [("-1", "1"), ("A", "a"), ("1-2", "12"), ("1_0", "10"), ("+1", "1")])
def test_names_that_are_two(tmp_path: Path, usual: str, name: str) -> None:
    files = {"a.xml": voc([usual] * 3 + [name] * 2), "b.xml": voc([name, usual])}
    assert warned(tmp_path, files, either_way=False) == []


def test_an_unknown_class_of_many_files_is_told_once(tmp_path: Path) -> None:
    files = {f"{place}.xml": voc(["RBC", "RBC", "WBC"] if place else ["RBC"]) for place in range(5)}
    found = [each for each in warned(tmp_path, files, classes=("cell",)) if each.code == "LBL003"]
    messages = [case.message for each in found for case in each.cases]
    assert messages == [
        "the class 'RBC' (9 objects in 0.xml, 1.xml, 2.xml and 2 files more) is not in the list of classes",
        "the class 'WBC' (4 objects in 1.xml, 2.xml, 3.xml and 1 file more) is not in the list of classes",
    ]


def test_a_filter_stands_before_the_images_that_it_empties(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(voc(["RBC", "RBC", "WBC"]))
    (tmp_path / "b.xml").write_text(voc(["RBC"]))
    for found in (
        ssdlossdbg.check([tmp_path], dialect="lufficc", classes=("wbc",), device="cpu").findings,
        ssdlossdbg.audit(tmp_path, dialect="lufficc", classes=("wbc",), device="cpu").findings,
    ):
        assert [each.code for each in found if each.code != "LDR004"] == ["LBL007", "MAT009"]


@pytest.mark.parametrize("name", ["R-BC", "R BC", "r_bc", "RBC 1"])
def test_names_that_are_one(tmp_path: Path, name: str) -> None:
    usual = "RBC1" if name.endswith("1") else "RBC"
    assert codes(warned(tmp_path, {"a.xml": voc([usual] * 3 + [name])})) == ["LBL004"]
