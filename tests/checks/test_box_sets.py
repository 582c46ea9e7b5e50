"""Boxes of a whole set that are written or scaled in another way: one finding says so, and none of their consequences.

Each kind beside its innocent neighbours, of which nothing is said; `check` and `audit` say the same.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.results import Finding, FloatArray, Severity

Change = Callable[[FloatArray, FloatArray], FloatArray]
# Consequences for a class as a whole are told of the folder, and are the matter of the checks of matching.
OF_BOXES = ("FIL", "BOX", "SET")
TURNED = [1, 0, 3, 2]

Size = tuple[int, int]
SIZES: tuple[Size, ...] = ((640, 480), (480, 640), (500, 375), (333, 500))
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Shot:
    """A photo's name, size, and boxes, `[N, 4]` xyxy in pixels."""

    name: str
    size: Size
    boxes: FloatArray


def shots(
    number: int = 24,
    each: int = 6,
    *,
    sizes: Sequence[Size] = SIZES[:1],
    sides: tuple[float, float] = (0.05, 0.4),
    within: tuple[float, float] = (0, 1),
    seed: int = 0,
) -> list[Shot]:
    """Photos with boxes of random places and sides, of which some are cut at the border.

    Args:
        number: of photos.
        each: objects of a photo.
        sizes: of the photos, in turn.
        sides: of the boxes, in parts of the photo, least and most.
        within: the part of the photo, across and down, that their centres lie in.
        seed: of the randomness.
    """
    random = np.random.default_rng(seed)
    made = []
    for place in range(number):
        width, height = sizes[place % len(sizes)]
        centre, half = random.uniform(*within, (each, 2)), random.uniform(*sides, (each, 2)) / 2
        box = np.concatenate((centre - half, centre + half), axis=1).clip(0, 1) * (width, height, width, height)
        made.append(Shot(f"p{place:03d}", (width, height), np.round(box).clip(1)))
    return made


def as_written(layout: str, boxes: FloatArray) -> FloatArray:
    """Corners in another layout."""
    x1, y1, x2, y2 = boxes.T
    columns = {
        "xyxy": (x1, y1, x2, y2),
        "xywh": (x1, y1, x2 - x1, y2 - y1),
        "cxcywh": ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1),
        "xxyy": (x1, x2, y1, y2),
        "yxyx": (y1, x1, y2, x2),
        "yxhw": (y1, x1, y2 - y1, x2 - x1),
        "ends-first": (x2, y2, x1, y1),
    }
    return np.stack(columns[layout], axis=1)


def voc(folder: Path, made: Sequence[Shot], declared: Callable[[Size], Size] = tuple, photos: bool = False) -> Path:  # type: ignore[assignment]
    """A folder of Pascal VOC files, whose boxes are written as they are."""
    (folder / "Annotations").mkdir(parents=True)
    for shot in made:
        objects = "".join(
            "<object><name>cell</name><difficult>0</difficult><bndbox>"
            + "".join(f"<{tag}>{value:.10g}</{tag}>" for tag, value in zip(CORNERS, box, strict=True))
            + "</bndbox></object>"
            for box in shot.boxes.tolist()
        )
        width, height = declared(shot.size)
        (folder / "Annotations" / f"{shot.name}.xml").write_text(
            f"<annotation><filename>{shot.name}.png</filename><size><width>{width}</width><height>{height}</height>"
            f"</size>{objects}</annotation>"
        )
        if photos:
            photo(folder / "JPEGImages", shot)
    return folder


def yolo(folder: Path, made: Sequence[Shot], photos: bool = False) -> Path:
    """A folder of YOLO files, whose rows are written as they are."""
    (folder / "labels").mkdir(parents=True)
    (folder / "classes.txt").write_text("cell\n")
    for shot in made:
        rows = ("0 " + " ".join(f"{value:.6f}" for value in row) for row in shot.boxes.tolist())
        (folder / "labels" / f"{shot.name}.txt").write_text("\n".join(rows))
        if photos:
            photo(folder / "images", shot)
    return folder


def coco(folder: Path, made: Sequence[Shot], **changes: object) -> Path:
    """A COCO file, whose boxes are written as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    table = {
        "images": [
            {"id": place, "file_name": f"{shot.name}.png", "width": shot.size[0], "height": shot.size[1]}
            for place, shot in enumerate(made)
        ],
        "annotations": [
            {"image_id": place, "category_id": 1, "bbox": box}
            for place, shot in enumerate(made)
            for box in shot.boxes.tolist()
        ],
        "categories": [{"id": 1, "name": "cell"}],
    }
    path = folder / "coco.json"
    path.write_text(json.dumps(table | changes))
    return path


def photo(folder: Path, shot: Shot) -> None:
    """A photo of a shot's size."""
    folder.mkdir(exist_ok=True)
    Image.new("1", shot.size).save(folder / f"{shot.name}.png")


def changed(made: Sequence[Shot], change: Callable[[FloatArray, FloatArray], FloatArray]) -> list[Shot]:
    """The same shots with other boxes, given theirs and (width, height, width, height)."""
    return [Shot(shot.name, shot.size, change(shot.boxes, np.array(shot.size * 2, dtype=float))) for shot in made]


def found(path: Path, dialect: str = "ssd.pytorch", either_way: bool = False) -> dict[str, Finding]:
    """Errors and warnings of boxes and files that `audit` tells; if asked for, those of `check` are the same."""
    classes = ["cell"] if (path / "labels").is_dir() else []
    audited = of_boxes(api.audit(path, dialect=dialect, classes=classes, device="cpu").findings)
    if either_way:
        told = Counter[str]()
        for item in api.check([path], dialect=dialect, classes=classes, device="cpu").findings:
            told[item.code] += item.count if of_boxes([item]) else 0
        assert +told == {code: item.count for code, item in audited.items()}
    return audited


def of_boxes(findings: Sequence[Finding]) -> dict[str, Finding]:
    return {
        item.code: item
        for item in findings
        if item.severity is not Severity.NOTE and item.code.startswith(OF_BOXES) and item.code != "BOX010"
    }


def layout(name: str) -> Change:
    return lambda boxes, _: as_written(name, boxes)


def some(every: int, change: Change, made: Sequence[Shot]) -> list[Shot]:
    """Only every so-many-th shot changed."""
    return [shot if place % every else changed([shot], change)[0] for place, shot in enumerate(made)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("xywh", "read as x y width height all lie inside"),
        ("cxcywh", "read as cx cy width height all lie inside"),
        ("xxyy", "read as x1 x2 y1 y2 all lie inside"),
        ("ends-first", "read as x2 y2 x1 y1 all lie inside"),
    ],
)
@pytest.mark.parametrize("each", [1, 6])
def test_a_set_in_another_layout(name: str, words: str, each: int, tmp_path: Path) -> None:
    """Of one object a file, or of several; a file alone would not tell."""
    told = found(voc(tmp_path / "set", changed(shots(each=each), layout(name))), either_way=name == "xywh")
    assert list(told) == ["BOX004"]
    assert told["BOX004"].count == 1
    assert words in told["BOX004"].message
    assert the_share(told["BOX004"])


def the_share(finding: Finding) -> bool:
    """Whether the figure is the share of boxes that the message counts, and the bound is none."""
    count, total = (int(number) for number in re.findall(r"(\d+) of (\d+) boxes", finding.message)[0])
    return 0 < count <= total and (finding.worst.value, finding.worst.bound) == (count / total, 0)


@pytest.mark.parametrize("name", ["xyxy", "xywh"])
def test_yolo_in_another_layout(name: str, tmp_path: Path) -> None:
    told = found(yolo(tmp_path / "set", changed(shots(), lambda boxes, size: as_written(name, boxes / size))))
    assert list(told) == ["BOX004"]
    assert "read as " + {"xyxy": "x1 y1 x2 y2", "xywh": "x y width height"}[name] in told["BOX004"].message


@pytest.mark.parametrize(("name", "words"), [("xyxy", "x1 y1 x2 y2"), ("cxcywh", "cx cy width height")])
def test_coco_in_another_layout(name: str, words: str, tmp_path: Path) -> None:
    told = found(coco(tmp_path, changed(shots(), layout(name))))
    assert list(told) == ["BOX004"]
    assert f"read as {words} all lie inside" in told["BOX004"].message


def test_images_of_one_misfit_join_those_that_tell(tmp_path: Path) -> None:
    told = found(voc(tmp_path / "set", some(2, layout("xywh"), shots(60, 2))))
    assert list(told) == ["BOX004"], "and no inverted box is left to swap"


@pytest.mark.parametrize("every", [2, 24])
def test_some_files_in_another_layout(every: int, tmp_path: Path) -> None:
    told = found(voc(tmp_path / "set", some(every, layout("xywh"), shots())))
    assert list(told) == ["BOX004"]
    assert f"boxes in {24 // every} of 24 files (p000.xml" in told["BOX004"].message
    assert told["BOX004"].fix.endswith("Leave the other images as they are.")


def test_some_images_of_coco_in_another_layout(tmp_path: Path) -> None:
    """Half is corners, half is as COCO wants it."""
    mixed = changed(some(2, layout("xyxy"), changed(shots(), layout("xywh"))), lambda boxes, _: boxes)
    corners = {shot.name: shot.boxes for shot in shots()}
    mixed = [shot if place % 2 else Shot(shot.name, shot.size, corners[shot.name]) for place, shot in enumerate(mixed)]
    told = found(coco(tmp_path, mixed), either_way=True)
    assert list(told) == ["BOX004"]
    assert "of 24 images (p000.png" in told["BOX004"].message


def swapped(size: Size) -> Size:
    return size[1], size[0]


def half(size: Size) -> Size:
    return size[0] // 2, size[1] // 2


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (swapped, "width and height exchanged"),
        (half, "another size"),
        (lambda size: (size[0] // 2, size[1]), "another size"),
        (lambda _: (1, 1), "another size"),
    ],
)
def test_declared_size_that_the_photo_refutes(declared: Callable[[Size], Size], words: str, tmp_path: Path) -> None:
    """The dialect that reads it is told; to the one that reads the photo it is nothing."""
    folder = voc(tmp_path / "set", shots(), declared=declared, photos=True)
    assert found(folder) == {}
    told = found(folder, "caffe", either_way=True)
    assert list(told) == ["BOX013"]
    assert words in told["BOX013"].message
    assert "leave them as they are" in told["BOX013"].fix


def test_declared_size_exchanged_or_y_first(tmp_path: Path) -> None:
    """Numbers alone cannot tell the two: both are named, and what tells them apart."""
    for folder in (
        voc(tmp_path / "size", shots(), declared=swapped),
        voc(tmp_path / "turned", changed(shots(), lambda boxes, _: boxes[:, TURNED])),
    ):
        told = found(folder)
        assert list(told) == ["BOX004"]
        assert "are exchanged, and so they do read as y1 x1 y2 x2" in told["BOX004"].message
        assert told["BOX004"].fix.startswith("Look at the photo: if it is ")
        assert the_share(told["BOX004"])


def test_y_first_where_the_photo_has_the_declared_size(tmp_path: Path) -> None:
    turned = changed(shots(), lambda boxes, _: boxes[:, TURNED])
    told = found(voc(tmp_path / "set", turned, photos=True))
    assert list(told) == ["BOX004"]
    assert "read as y1 x1 y2 x2 all lie inside" in told["BOX004"].message
    assert "exchanged" not in told["BOX004"].message


SCALES: dict[str, tuple[Change, str]] = {
    "resized": (lambda boxes, _: boxes * 2.08, "x 2.08, y 2.08: the photos, and the sizes declared, may have been"),
    "thousandths": (lambda boxes, size: boxes / size * 1000, "for an image of 1000 x 1000, whatever the size"),
    "one axis": (lambda boxes, _: boxes * (1, 1.6, 1, 1.6), "x 1, y 1.6: they were drawn on the photos before"),
}


def test_boxes_of_the_input_in_larger_photos(tmp_path: Path) -> None:
    made = changed(shots(), lambda boxes, size: boxes / size * 300)
    told = found(voc(tmp_path / "set", made))
    assert list(told) == ["BOX014"]
    assert told["BOX014"].message.startswith(f"{tmp_path / 'set' / 'Annotations'}: no box ends beyond 300 px across or")
    assert "x 0.469, y 0.625: they are written for an image of 300 x 300" in told["BOX014"].message
    assert found(voc(tmp_path / "once", made[:4])) == {}, "of few that may be chance"


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("sizes", [SIZES[:1], SIZES])
def test_boxes_on_another_scale(name: str, sizes: Sequence[Size], tmp_path: Path) -> None:
    change, words = SCALES[name]
    told = found(voc(tmp_path / "set", changed(shots(sizes=sizes), change)), either_way=name == "one axis")
    assert list(told) == ["BOX014"]
    assert " boxes leave the image; one factor an axis explains all: " in told["BOX014"].message
    if name != "thousandths" or len(sizes) == 1:
        assert words in told["BOX014"].message
    assert told["BOX014"].fix.endswith("Do not clip or drop boxes.")


OF_FRACTIONS: dict[str, tuple[Change, str]] = {
    "by height and width": (lambda boxes, size: boxes / size[TURNED], "dividing x by the height and y by the width"),
    "by width": (lambda boxes, size: boxes / size[0], "dividing y by the width gives, or a photo that is padded"),
    "by the input": (lambda boxes, _: boxes / 300, "dividing the photo's pixels by the input's size"),
}


@pytest.mark.parametrize("name", OF_FRACTIONS)
@pytest.mark.parametrize("sizes", [SIZES[:1], SIZES])
def test_fractions_on_another_scale(name: str, sizes: Sequence[Size], tmp_path: Path) -> None:
    change, words = OF_FRACTIONS[name]
    made = changed(shots(sizes=sizes), lambda boxes, size: as_written("cxcywh", change(boxes, size)))
    told = found(yolo(tmp_path / "set", made, photos=True), either_way=name == "by width")
    assert list(told) == ["BOX014"]
    assert words in told["BOX014"].message


@pytest.mark.parametrize(("dialect", "words"), [("ssd.pytorch", "the loss is inf"), ("caffe", "loss of caffe is 0")])
@pytest.mark.parametrize("each", [1, 6])
def test_nothing_but_zeros(dialect: str, words: str, each: int, tmp_path: Path) -> None:
    told = found(voc(tmp_path / "set", changed(shots(each=each), lambda boxes, _: boxes * 0)), dialect, either_way=True)
    assert list(told) == ["BOX006"]
    assert "boxes are 0, 0, 0, 0" in told["BOX006"].message
    assert words in told["BOX006"].message
    assert "integer division leaves zeros, and so do" in told["BOX006"].fix


def test_fractions_that_were_divided_twice(tmp_path: Path) -> None:
    made = changed(shots(), lambda boxes, size: as_written("cxcywh", boxes / size / size))
    told = found(yolo(tmp_path / "set", made))
    assert list(told) == ["BOX006"]
    assert "once more" in told["BOX006"].message


@pytest.mark.parametrize(("largest", "bits"), [(65535, 16), (4294967295, 32)])
def test_wrapped_around(largest: int, bits: int, tmp_path: Path) -> None:
    def wrap(boxes: FloatArray, _: FloatArray) -> FloatArray:
        return np.where((boxes <= 1) & ([True] * 2 + [False] * 2), largest, boxes)

    told = found(voc(tmp_path / "set", changed(shots(), wrap)), either_way=True)
    assert list(told) == ["BOX015"]
    assert told["BOX015"].count > 3
    assert f"= {largest}, which is -1 in uint{bits}" in told["BOX015"].worst.message


def test_wrapped_around_in_a_byte(tmp_path: Path) -> None:
    box = np.array([(255, 20, 80, 90), (30, 30, 90, 90.0)])
    assert list(found(voc(tmp_path / "small", [Shot("a", (200, 200), box)]))) == ["BOX015"]
    assert list(found(voc(tmp_path / "large", [Shot("a", (640, 480), box)]))) == ["BOX002"]


HEALTHY: dict[str, list[Shot]] = {
    "one size": shots(),
    "several sizes": shots(sizes=SIZES),
    "small objects in the middle": shots(sides=(0.02, 0.06), within=(0.35, 0.65)),
    "small objects in the upper left": shots(sides=(0.02, 0.06), within=(0.1, 0.4)),
    "one object a file": shots(each=1),
    "panoramas": shots(sizes=((4000, 500),)),
    "all at a border": shots(within=(0.98, 1.0)),
    "squares": shots(sizes=((512, 512),)),
    "all tall": changed(shots(), lambda boxes, _: boxes * (0.25, 1, 0.25, 1)),
    "in the lower half": changed(shots(), lambda boxes, _: boxes * (1, 0.5, 1, 0.5) + (0, 240, 0, 240)),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_sets_are_silent(name: str, tmp_path: Path) -> None:
    made = HEALTHY[name]
    assert found(voc(tmp_path / "voc", made), either_way=name == "several sizes") == {}
    if list(HEALTHY).index(name) % 2:
        assert found(coco(tmp_path / "coco", changed(made, layout("xywh")))) == {}
    else:
        fractions = changed(made, lambda boxes, size: as_written("cxcywh", boxes / size))
        assert found(yolo(tmp_path / "yolo", fractions)) == {}


def test_healthy_sets_with_photos_are_silent(tmp_path: Path) -> None:
    made = shots(sizes=SIZES)
    assert found(voc(tmp_path / "voc", made, photos=True)) == {}
    fractions = changed(made, lambda boxes, size: as_written("cxcywh", boxes / size))
    assert found(yolo(tmp_path / "yolo", fractions, photos=True)) == {}


def broken(made: list[Shot], places: Sequence[int], change: Change) -> list[Shot]:
    """The first box of some shots changed."""

    def first(boxes: FloatArray, size: FloatArray) -> FloatArray:
        return np.concatenate((change(boxes[:1], size), boxes[1:]))

    return [changed([shot], first)[0] if place in places else shot for place, shot in enumerate(made)]


@pytest.mark.parametrize("middle", [False, True])
def test_a_few_inverted_boxes_are_no_layout(middle: bool, tmp_path: Path) -> None:
    """Even of small objects in the middle, of which all would fit another layout, too."""
    made = shots(sides=(0.02, 0.06), within=(0.35, 0.65)) if middle else shots()
    told = found(voc(tmp_path / "set", broken(made, (2, 9, 15), lambda boxes, _: boxes[:, [2, 1, 0, 3]])))
    assert {code: item.count for code, item in told.items()} == {"BOX002": 3}


def test_a_few_boxes_outside_are_no_scale(tmp_path: Path) -> None:
    told = found(voc(tmp_path / "set", broken(shots(), (2, 9, 15), lambda boxes, _: boxes + 700)), either_way=True)
    assert {code: item.count for code, item in told.items()} == {"BOX007": 3}


@pytest.mark.parametrize("farthest", [60, 250])
def test_boxes_that_go_on_beyond_the_border_are_no_scale(farthest: int, tmp_path: Path) -> None:
    """As those that also show what is hidden: beyond all four borders, and beyond two of them."""
    grown = changed(shots(), lambda boxes, size: np.where((boxes <= 1) | (boxes >= size), boxes * 1.2 - 30, boxes))
    assert list(found(voc(tmp_path / "four", grown))) == ["BOX008"]
    random = np.random.default_rng(1)
    grown = changed(
        shots(), lambda boxes, size: np.where(boxes >= size, boxes + random.uniform(5, farthest, boxes.shape), boxes)
    )
    assert list(found(voc(tmp_path / "two", grown))) == ["BOX008"]


def test_files_that_fit_both_layouts_are_not_said_to_be_sound(tmp_path: Path) -> None:
    """Of a set in x y width height, one file's boxes fit as centres, too; of one in two layouts, the others do not."""
    tells = np.array([[20, 20, 260, 200], [30, 10, 200, 220], [300, 200, 400, 300], [320, 220, 420, 330]], dtype=float)
    made = [Shot(f"p{place}", (640, 480), tells) for place in range(5)]
    neither = Shot("p5", (640, 480), np.array([[300, 200, 400, 300], [280, 180, 380, 290]], dtype=float))

    def written(name: str, shot: Shot) -> Shot:
        return Shot(shot.name, shot.size, as_written(name, shot.boxes / np.tile(shot.size, 2)))

    told = found(yolo(tmp_path / "alike", [written("xywh", shot) for shot in [*made, neither]]))["BOX004"]
    assert "5 of 6 files" in told.message
    assert "The other images fit both: draw the boxes of some" in told.fix
    far = Shot("p5", (640, 480), np.array([[500, 300, 640, 480], [480, 280, 630, 470]], dtype=float))
    told = found(yolo(tmp_path / "mixed", [*(written("xywh", shot) for shot in made), written("cxcywh", far)]))[
        "BOX004"
    ]
    assert told.fix.endswith("Leave the other images as they are.")
