"""Annotations of other tools: each file says the same of one photo, and every command takes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ssdlossdbg
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.annotations.outlines import around_ellipse, around_turned
from ssdlossdbg.readers.annotations.table import Dataset
from tests.readers.annotations import other_tools
from tests.readers.annotations.other_tools import CAT, DOG, FILES, write

Refused = Callable[[Callable[[], object]], InputError]
# What is to be ignored, and has no class that anybody lists.
IGNORED = {"kitti": ["DontCare"], "visdrone": ["ignored regions", "others", "van"], "wider-face": ["face"]}
TITLES = {
    "labelme": "labelme, 1 outline taken as its box",
    "cvat": "CVAT 1.1, 1 outline taken as its box",
    "kitti": "KITTI",
    "wider-face": "WIDER FACE",
    "retinaface": "RetinaFace's label.txt",
    "visdrone": "VisDrone",
    "tf-csv": "TensorFlow's CSV",
    "photo-list": "bubbliiiing's list",
    "tfrecord": "TFRecord",
}
CLASSES = {"wider-face": ["face"] * 2, "retinaface": ["face"] * 2, "visdrone": ["pedestrian", "car"]}


def objects(dataset: Dataset, image: int = 0) -> list[tuple[str, tuple[float, ...], bool]]:
    """The label, the box and the mark of each object of an image."""
    rows = np.flatnonzero(dataset.image == image)
    labels = (dataset.labels[place] for place in dataset.label[rows])
    return list(zip(labels, map(tuple, dataset.boxes[rows].tolist()), dataset.difficult[rows].tolist(), strict=True))


def said(dataset: Dataset) -> list[str]:
    return [str(each.error).removeprefix(str(dataset.path)) for each in dataset.refused]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("of", ["file", "folder", "named"])
def test_objects(name: str, of: str, tmp_path: Path) -> None:
    annotation, _ = write(tmp_path, name)
    dataset = load_dataset(annotation if of == "file" else tmp_path, format=name if of == "named" else None)
    assert dataset.format.title == TITLES[name]
    scale = np.array([80, 60, 80, 60]) if dataset.format.fractions else 1
    found = objects(dataset)
    assert [label for label, _, _ in found[:2]] == CLASSES.get(name, ["cat", "dog"])
    np.testing.assert_allclose(
        [np.multiply(box, scale) for _, box, _ in found[:2]],
        [CAT, DOG] if name != "tfrecord" else [(10, 7.5, 40, 30), (30, 15, 70, 45)],
    )
    assert [label for label, _, marked in found if marked] == IGNORED.get(name, ["dog"] if name == "tfrecord" else [])
    assert dataset.refused == ()
    assert (dataset.sizes[0].tolist() == [80, 60]) == (name in ("labelme", "cvat", "tf-csv", "tfrecord"))


@pytest.mark.parametrize("name", FILES)
def test_every_command_takes_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssdlossdbg.analysis.fit.fit", lambda _, start: start)  # the search is no matter of files
    annotation, photo = write(tmp_path, name)
    expected = CLASSES.get(name, ["cat", "dog"])
    matched = ssdlossdbg.match(photo, annotation, "ssd300", device="cpu")
    left_out = [each for each in ("dog",) if name == "tfrecord"]
    assert [each.label for each in matched.ground_truth] == expected[: 2 - len(left_out)]
    assert [each.label for each in matched.left_out] == IGNORED.get(name, left_out)
    if name != "tfrecord":
        np.testing.assert_allclose([each.box for each in matched.ground_truth], [CAT, DOG])
    assert ssdlossdbg.audit(tmp_path, "ssd300", device="cpu").totals.ground_truth == len(matched.ground_truth)
    assert ssdlossdbg.fit(tmp_path, "ssd300").dataset.ground_truth == len(matched.ground_truth)
    findings = ssdlossdbg.check([tmp_path], device="cpu").findings
    codes = [each.code for each in findings if each.severity is not ssdlossdbg.Severity.NOTE]
    assert codes == (["MAT009"] if name in ("wider-face", "retinaface", "photo-list") else []), "a photo of nothing"


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def wrong_lines(name: str, folder: Path, *changes: tuple[str, str]) -> tuple[Dataset, list[str]]:
    """The dataset of a file with texts replaced, and what is said of it."""
    place, text = FILES[name]
    assert isinstance(text, str)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    dataset = load_dataset(put(folder, place, text), ("cat", "dog") if name == "photo-list" else ())
    return dataset, said(dataset)


LEFT_OUT = "It is left out here."


@pytest.mark.parametrize(
    ("name", "change", "place", "what"),
    [
        ("kitti", ("6.00 40.00", "6.00 inf"), ", line 1", "has a box that is not four finite numbers (columns 5 to 8)"),
        ("kitti", (" -1.59", ""), ", line 1", "has 14 columns, where KITTI has 15 (1 more like it)"),
        ("visdrone", ("8,6,32,24,1,1,0,0", "8,6,x,24,1,1,0,0"), ", line 1", "holds something that is not a finite"),
        ("visdrone", ("1,4,0,1", "1,12,0,1"), ", line 2", "has the category 12, where VisDrone has 0 to 11"),
        ("visdrone", ("1,4,0,1", "1,4,0"), ", line 2", "has 7 columns, where VisDrone has 8"),
        ("wider-face", ("30 20 40 35", "30 20 40 x"), ", line 4", "does not begin with four finite numbers, x y w h"),
        ("wider-face", ("0--Parade/a.jpg\n3", "0--Parade/a.jpg\n4"), ", line 2", "says 4, and 3 faces follow"),
        ("retinaface", (" 0.82", " nan"), ", line 2", "holds something that is not a finite number"),
        ("retinaface", (" 0.82", " 1 2"), ", line 2", "has 21 columns, where label.txt has 4, 19 or 20"),
        ("tf-csv", ("8,6,40,30", "8,6,40,"), ", line 2", "lacks its photo or class, or has a box that is not four"),
        ("tf-csv", ("80,60,dog", "80,60,"), ", line 3", "lacks its photo or class, or has a box that is not four"),
        ("photo-list", ("70,55,1", "70,nan,1"), ", line 1, 30,20,70,nan,1", "has an object that is not x1,y1,x2,y2"),
        ("cvat", ('ybr="30.00"', ""), ", line 9", "<box> lacks numbers of where it is, or holds something that is"),
        ("cvat", ('label="cat"', ""), ", line 9", "<box> has no label"),
        ("cvat", ("50.00,20.00;", "50.00;"), ", line 10", "<polygon> lacks numbers of where it is"),
        ("labelme", ('"label": "cat"', '"label": " "'), ", shapes[0]", "has no label"),
        ("labelme", ('"polygon"', '"line"'), ", shapes[1]", "is a line, around which labelme draws no box"),
        ("labelme", ("[8.0, 30.0]", '[8.0, "x"]'), ", shapes[0]", "is no shape (Expected `float`, got `str`"),
    ],
)
def test_a_bad_object_is_left_out_by_its_place(
    name: str, change: tuple[str, str], place: str, what: str, tmp_path: Path
) -> None:
    dataset, [told] = wrong_lines(name, tmp_path, change)
    assert told.startswith(f"{place}: {what}")
    lost = 0 if what.startswith("says") else 2 if "more like it" in what else 1
    assert len(objects(dataset)) == len(objects(load_dataset(write(tmp_path / "sound", name)[0]))) - lost
    assert (0 if dataset.unread is None else dataset.unread[0]) == lost


def test_a_face_above_the_first_photo_is_nobodys(tmp_path: Path) -> None:
    place, text = FILES["wider-face"]
    assert isinstance(text, str)
    dataset = load_dataset(put(tmp_path, place, f"8 6 32 24\n{text}"), format="wider-face")
    [told] = said(dataset)
    assert told.startswith(", line 1: stands above the first photo")
    assert objects(dataset) == objects(load_dataset(write(tmp_path / "sound", "wider-face")[0]))


# each format's own conventions


def test_a_track_of_a_video_is_there_where_it_is_not_outside(tmp_path: Path) -> None:
    dataset = load_dataset(put(tmp_path, "annotations.xml", other_tools.VIDEO))
    assert dataset.names == ("frame_000003.png", "frame_000005.png")
    assert dataset.sizes.tolist() == [[80, 60]] * 2
    assert objects(dataset) == [("cat", CAT, False), ("dog", DOG, False)]
    assert objects(dataset, 1) == [("dog", (31, 20, 71, 55), False)]


@pytest.mark.parametrize(("frame", "known"), [("999999999", True), ("1000000000", False), ("", False), ("-3", False)])
def test_frames_of_a_video_are_of_nine_digits_at_most(frame: str, known: bool, tmp_path: Path) -> None:
    dataset = load_dataset(put(tmp_path, "a.xml", other_tools.VIDEO.replace('frame="5"', f'frame="{frame}"')))
    assert dataset.names[1:] == ((f"frame_{int(frame):06}.png",) if known else ())
    assert len(dataset.boxes) == (3 if known else 2)
    what = [] if known else [", line 10: <box> of a track has no number of its frame"]
    assert [each.partition(".")[0] for each in said(dataset)] == what


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ('<box label="a" xtl="10" ytl="20" xbr="30" ybr="60" rotation="90"/>', (0, 30, 40, 50)),
        ('<ellipse label="a" cx="20" cy="30" rx="10" ry="5"/>', (10, 25, 30, 35)),
        ('<ellipse label="a" cx="20" cy="30" rx="10" ry="5" rotation="90"/>', (15, 20, 25, 40)),
        ('<mask label="a" left="3" top="4" width="5" height="6" rle="1, 2"/>', (3, 4, 8, 10)),
        ('<polyline label="a" points="1,2;5,4"/>', (1, 2, 5, 4)),
        ('<cuboid label="a" xtl1="1" ytl1="2" xbl1="1" ybl1="9" xtr2="7" ytr2="3"/>', (1, 2, 7, 9)),
    ],
)
def test_shapes_of_cvat(shape: str, box: tuple[float, ...], tmp_path: Path) -> None:
    image = f'<image id="0" name="a.jpg" width="80" height="60">{shape}</image>'
    text = f"<annotations><version>1.1</version>{image}</annotations>"
    dataset = load_dataset(put(tmp_path, "a.xml", text))
    np.testing.assert_allclose(dataset.boxes, [box], atol=1e-9)
    assert dataset.format.title == "CVAT 1.1, 1 outline taken as its box"


def test_what_has_no_box_in_cvat(tmp_path: Path) -> None:
    points = '<points label="cat" points="1,2"/><tag label="indoor"/>'
    dataset, [told] = wrong_lines("cvat", tmp_path, ("</image>", f"{points}</image>"))
    assert told.startswith(", line 13: <points> has no box.")
    assert len(objects(dataset)) == 2


def test_difficult_of_cvat(tmp_path: Path) -> None:
    dataset, told = wrong_lines("cvat", tmp_path, (">false<", ">true<"))
    assert (told, objects(dataset)[1]) == ([], ("dog", DOG, True))


def test_classes_that_cvat_lists_come_in_its_order(tmp_path: Path) -> None:
    assert load_dataset(write(tmp_path, "cvat")[0]).class_names == ("dog", "cat")


def test_entities_of_cvat_are_refused(tmp_path: Path, refused: Refused) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]>'
    path = put(tmp_path, "a.xml", other_tools.CVAT.replace("<annotations>", f"{bomb}<annotations>"))
    error = refused(lambda: load_dataset(path, format="cvat"))
    assert error.what == "declares XML entities, which can blow up to any size"


def test_a_circle_of_labelme(tmp_path: Path) -> None:
    shape = {"label": "a", "points": [[20, 30], [23, 34]], "shape_type": "circle"}
    dataset = load_dataset(put(tmp_path, "a.json", json.dumps({**other_tools.LABELME, "shapes": [shape]})))
    np.testing.assert_allclose(dataset.boxes, [(15, 25, 25, 35)])


def test_turned_shapes_have_the_box_that_their_corners_have() -> None:
    corners = np.array([(-2, -1), (2, -1), (2, 1), (-2, 1)], dtype=float)
    for degrees in (0, 17, 90, 200):
        angle = np.radians(degrees)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        turned = corners @ turn + (5, 6)
        expected = (*turned.min(0), *turned.max(0))
        np.testing.assert_allclose(around_turned((3, 5, 7, 7), degrees), expected, atol=1e-9)
        steps = np.radians(np.arange(0, 360, 0.1))
        edge = np.stack([2 * np.cos(steps), np.sin(steps)], 1) @ turn + (5, 6)
        np.testing.assert_allclose(around_ellipse(5, 6, 2, 1, degrees), (*edge.min(0), *edge.max(0)), atol=1e-4)


def test_kitti_says_nothing_of_a_photo_without_an_object(tmp_path: Path) -> None:
    write(tmp_path, "kitti")
    put(tmp_path, "label_2/b.txt", "")
    put(tmp_path, "label_2/README.txt", "about these labels")
    dataset = load_dataset(tmp_path)
    assert (dataset.format.title, dataset.names) == ("KITTI", ("a.png", "b.png"))


def test_a_first_row_that_is_broken_hides_no_file(tmp_path: Path) -> None:
    put(tmp_path, "labels/a.txt", "Car 1 2\n" + other_tools.KITTI)
    dataset = load_dataset(tmp_path)
    assert dataset.format.title == "KITTI"
    assert len(said(dataset)) == 1


def test_a_photo_of_no_face_has_none(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path, "wider-face")[0])
    assert dataset.names == ("0--Parade/a.jpg", "0--Parade/b.jpg")
    assert objects(dataset, 1) == []


def test_a_csv_of_fractions(tmp_path: Path) -> None:
    dataset = load_dataset(put(tmp_path, "a.csv", other_tools.FRACTIONS))
    assert dataset.format.fractions
    assert dataset.format.title == "TensorFlow's CSV, boxes as fractions"
    put(tmp_path, "b.csv", other_tools.TF_CSV)
    both = load_dataset(tmp_path)
    assert [(part.format.fractions, len(part.boxes)) for part in both.parts] == [(True, 2), (False, 2)]


@pytest.mark.parametrize(
    ("box", "fractions"),
    [("0,0,1,0.5", True), ("0,0.1,1,1", True), ("0,-0.1,0.5,1", False), ("0,0,0.5,1.1", False), ("0,0,0,0", False)],
)
def test_fractions_lie_between_0_and_1(box: str, fractions: bool, tmp_path: Path) -> None:
    """Both of which are among them; whole numbers alone say nothing."""
    path = put(tmp_path, "a.csv", f"filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,80,60,cat,{box}\n")
    assert load_dataset(path).format.fractions is fractions


@pytest.mark.parametrize("ones", ["0,0,1,1", "0,1,0,1"])
def test_a_csv_of_whole_numbers_holds_pixels(ones: str, tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", other_tools.TF_CSV.replace("8,6,40,30", ones).replace("30,20,70,55", ones))
    assert not load_dataset(path).format.fractions


def test_a_csv_without_its_columns(tmp_path: Path, refused: Refused) -> None:
    path = put(tmp_path, "a.csv", other_tools.TF_CSV.replace("xmax,ymax", "right,bottom"))
    error = refused(lambda: load_dataset(path, format="tf-csv"))
    assert (error.where, error.what) == (str(path), "has no column xmax, ymax")
    assert error.fix == "Its first line is to be filename,width,height,class,xmin,ymin,xmax,ymax."


def test_a_csv_whose_columns_stand_otherwise(tmp_path: Path) -> None:
    text = 'class,xmax,xmin,ymax,ymin,"filename"\ncat,40,8,30,6,a.jpg\n'
    dataset = load_dataset(put(tmp_path, "a.csv", text))
    assert (objects(dataset), dataset.sizes.tolist()) == ([("cat", CAT, False)], [[0, 0]])


def test_a_list_without_names_of_classes(tmp_path: Path, refused: Refused) -> None:
    path = put(tmp_path, "2007_train.txt", other_tools.PHOTO_LIST)
    assert refused(lambda: load_dataset(path)).what == "names its classes by number only"
    assert objects(load_dataset(path, ("cup", "tea")))[1] == ("tea", DOG, False)
    put(tmp_path, "model_data/voc_classes.txt", "cat\ndog\n")
    assert objects(load_dataset(path))[1] == ("dog", DOG, False)


def test_a_photo_of_a_list_may_have_blanks_in_its_path(tmp_path: Path) -> None:
    text = "my photos/a b.jpg 8,6,40,30,0 30,20,70,55,1\nmy photos/c d.jpg\n"
    dataset = load_dataset(put(tmp_path, "train.txt", text), ("cat", "dog"))
    assert dataset.names == ("my photos/a b.jpg", "my photos/c d.jpg")
    assert len(objects(dataset)) == 2


def test_a_photo_of_a_list_may_have_commas_in_its_path(tmp_path: Path) -> None:
    """What stands first on a line is the photo, however it is called."""
    text = "1,2,3,4,5.jpg 8,6,40,30,0 30,20,70,55,1\n1,2,3,4,6.jpg\n"
    dataset = load_dataset(put(tmp_path, "train.txt", text), ("cat", "dog"), format="photo-list")
    assert dataset.names == ("1,2,3,4,5.jpg", "1,2,3,4,6.jpg")
    assert [label for label, _, _ in objects(dataset)] == ["cat", "dog"]


def test_what_is_made_of_annotations_counts_where_these_are_not(tmp_path: Path) -> None:
    for name in ("photo-list", "tf-csv", "tfrecord"):
        write(tmp_path, name)
    assert [part.format.name for part in load_dataset(tmp_path).parts] == ["tf-csv"]
    write(tmp_path, "labelme")
    assert [part.format.name for part in load_dataset(tmp_path).parts] == ["labelme"]
    assert load_dataset(tmp_path, format="tfrecord").format.name == "tfrecord"


def test_caffe_lists_have_their_label_map_beside_them(tmp_path: Path) -> None:
    box = "<bndbox><xmin>8</xmin><ymin>6</ymin><xmax>40</xmax><ymax>30</ymax></bndbox>"
    put(tmp_path, "a.xml", f"<annotation><object><name>dog</name>{box}</object></annotation>")
    path = put(tmp_path, "trainval.txt", "a.jpg a.xml\n")
    assert load_dataset(path).class_names[:2] == ("aeroplane", "bicycle")
    items = ["none_of_the_above", "cat", "dog"]
    text = "".join(
        f'item {{\n name: "{name}"\n label: {n}\n display_name: "{name}"\n}}\n' for n, name in enumerate(items)
    )
    put(tmp_path, "labelmap_pets.prototxt", text)
    assert load_dataset(path).class_names == ("cat", "dog")


# many files


def test_of_very_many_files_some_tell_what_all_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssdlossdbg.readers.annotations.recognise.MOST_LOOKED_AT", 4)
    for number in range(9):
        put(tmp_path, f"{number}.json", json.dumps(other_tools.LABELME))
    dataset = load_dataset(tmp_path)
    assert (dataset.format.title, len(dataset.names)) == ("labelme, 9 outlines taken as their boxes", 9)
