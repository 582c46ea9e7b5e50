"""What a codebase's loader refuses in files, or takes for something else: each under that dialect alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.results import Finding, Objects, Severity
from tests.kinds_of_dialects import each_value_of, one_of_each

SIZE = (640, 480)
Corners = Sequence[object]
# Sound boxes of a 640 x 480 photo, each in reach of SSD300's priors.
HEALTHY: tuple[Corners, ...] = ((10, 12, 150, 140), (200, 150, 330, 300), (400, 60, 560, 200))
ASKED_EVERY_WAY = one_of_each("loader.numbers")
TAGS = {"pose": "Unspecified", "truncated": "0", "difficult": "0"}
OF_FILE = {"folder": "photos", "filename": "a.jpg"}


def voc(
    folder: Path,
    boxes: Sequence[Corners] = HEALTHY,
    names: Sequence[str] = (),
    *,
    size: tuple[int, int] | None = SIZE,
    without: Sequence[str] = (),
    difficult: Sequence[int] = (),
    stem: str = "a",
) -> Path:
    """A Pascal VOC file with every tag but those that it is to be without."""

    def tags(of: dict[str, str]) -> str:
        return "".join(f"<{tag}>{text}</{tag}>" for tag, text in of.items() if tag not in without)

    objects = ""
    for index, (box, name) in enumerate(zip(boxes, names or ["cat"] * len(boxes), strict=True)):
        corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        marks = tags(TAGS | {"difficult": str(int(index in difficult))})
        inner = "".join(f"<{corner}>{value}</{corner}>" for corner, value in corners)
        objects += f"<object><name>{name}</name>{marks}<bndbox>{inner}</bndbox></object>"
    declared = ""
    if size:
        depth = "" if "depth" in without else "<depth>3</depth>"
        declared = f"<size><width>{size[0]}</width><height>{size[1]}</height>{depth}</size>"
    path = folder / "Annotations" / f"{stem}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation>{tags(OF_FILE)}{declared}{objects}</annotation>")
    return path


def photo(folder: Path, size: tuple[int, int] = SIZE, orientation: int = 1, stem: str = "a") -> Path:
    path = folder / "JPEGImages" / f"{stem}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(size, orientation))
    return path


@cache
def jpeg(size: tuple[int, int], orientation: int = 1) -> bytes:
    exif, file = Image.Exif(), BytesIO()
    exif[0x0112] = orientation
    Image.new("RGB", size).save(file, "jpeg", exif=exif)
    return file.getvalue()


def grave(findings: tuple[Finding, ...]) -> list[str]:
    """The codes of errors and warnings, the gravest first."""
    return [item.code for item in findings if item.severity is not Severity.NOTE]


def all_ways(annotation: Path, dialect: str, picture: Path | None = None, **options: Any) -> tuple[Finding, ...]:
    """What `check` finds; of dialects of each kind `audit` and, with a photo, `match` find it in the same words."""
    checked = api.check([annotation], dialect=dialect, device="cpu", **options).findings
    if dialect not in ASKED_EVERY_WAY:
        return checked
    audited = api.audit(annotation.parent, dialect=dialect, device="cpu", **options).findings
    assert [(item.code, item.message) for item in audited] == [(item.code, item.message) for item in checked]
    if picture:
        matched = api.match(picture, annotation, dialect=dialect, device="cpu", **options).findings
        codes = {item.code: item.message for item in matched}
        assert codes == {item.code: item.message for item in checked}
    return checked


def ways(right: bool, annotation: Path, dialect: str, picture: Path) -> tuple[Finding, ...]:
    """By every way, what is wrong; what is right, by the shortest: healthy files say nothing in any."""
    return (
        api.check([annotation], dialect=dialect, device="cpu").findings
        if right
        else all_ways(annotation, dialect, picture)
    )


def own(folder: Path, text: str) -> str:
    """The path of a dialect file."""
    path = folder / "own.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("dialect", each_value_of("loader", "targets"))
def test_healthy_files_say_nothing(dialect: str, tmp_path: Path) -> None:
    annotation = voc(tmp_path)
    picture = photo(tmp_path)
    assert not api.check([annotation], dialect=dialect, classes=("cat",), device="cpu").findings
    if dialect in one_of_each("loader.numbers"):
        assert not all_ways(annotation, dialect, picture, classes=("cat",))


POINTED = ((10, 12, "150.37", 140), *HEALTHY[1:])
READS = {
    "ssd.pytorch": "LDR001", "ssd-keras": "LDR001", "caffe": "LDR002", "pytorch-ssd": "", "lufficc": "", "gluoncv": "",
    "mmdetection": "", "nvidia": "", "ssd.tensorflow": "", "tf-object-detection": "", "torchvision": "",
}  # fmt: skip


@pytest.mark.parametrize("dialect", READS)
def test_a_point_in_a_coordinate(dialect: str, tmp_path: Path) -> None:
    found = all_ways(voc(tmp_path, POINTED), dialect, photo(tmp_path))
    assert grave(found) == [READS[dialect]] * bool(READS[dialect])


def test_what_each_loader_makes_of_a_point(tmp_path: Path) -> None:
    annotation = voc(tmp_path, POINTED)
    (raises, *_), (zero, *_) = (all_ways(annotation, dialect) for dialect in ("ssd.pytorch", "caffe"))
    assert "ssd.pytorch: int('150.37') raises ValueError in the first batch" in raises.message
    assert "xmax of object 0 (cat)" in raises.message
    assert "1 of 3 objects hold such numbers" in raises.message
    assert "caffe reads 0 for '150.37'" in zero.message
    (box, *_) = boxes_of(annotation, "caffe")
    assert box[2] == 0
    assert boxes_of(annotation, "mmdetection")[0][2] == pytest.approx((150 - 1) / 640)
    assert boxes_of(annotation, "lufficc")[0][2] == pytest.approx((150.37 - 1) / 640)


def boxes_of(annotation: Path, dialect: str) -> list[list[float]]:
    """Normalised boxes as the loss sees them."""
    return api.audit(annotation.parent, dialect=dialect, device="cpu").objects.boxes.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("text", ["150", " 150 ", "+150"])
def test_whole_numbers_are_read_alike(text: str, tmp_path: Path) -> None:
    for dialect in one_of_each("loader.numbers"):
        assert not all_ways(voc(tmp_path, ((10, 12, text, 140), *HEALTHY[1:])), dialect)


@pytest.mark.parametrize("text", ["150.0", "1.5e2"])
def test_a_whole_number_with_a_point_is_none_to_int(text: str, tmp_path: Path) -> None:
    annotation = voc(tmp_path, ((10, 12, text, 140), *HEALTHY[1:]))
    assert grave(all_ways(annotation, "ssd.pytorch")) == ["LDR001"]
    assert grave(all_ways(annotation, "caffe")) == ["LDR002"]
    assert not all_ways(annotation, "mmdetection")


def test_a_dropped_object_is_never_read(tmp_path: Path) -> None:
    """ssd.pytorch passes over what is difficult before it looks at its box."""
    annotation = voc(tmp_path, POINTED, difficult=[0])
    assert not grave(all_ways(annotation, "ssd.pytorch"))
    assert grave(all_ways(annotation, "ssd-keras")) == ["LDR001"]


def test_a_thin_box_is_flattened_by_int_alone(tmp_path: Path) -> None:
    annotation = voc(tmp_path, (("100.2", 12, "100.9", 140), *HEALTHY[1:]))
    (found,) = (item for item in all_ways(annotation, "mmdetection") if item.severity is Severity.ERROR)
    assert found.code == "LDR003"
    assert "mmdetection cuts xmin 100.2 and xmax 100.9 to whole numbers" in found.message
    assert "LDR003" not in grave(all_ways(annotation, "lufficc"))
    wide = voc(tmp_path, (("100.2", 12, "199.9", 140), *HEALTHY[1:]))
    assert not all_ways(wide, "mmdetection")


def test_boxes_in_whole_pixels_of_the_input(tmp_path: Path) -> None:
    """bubbliiiing/ssd-pytorch, utils/dataloader.py:65 and 159-160: an array of int, and w > 1 and h > 1."""
    rules = own(tmp_path, 'base = "lufficc"\n[loader]\nrounding = "input-pixels"\n')
    annotation = voc(tmp_path, ((202, 12, 203, 140), *HEALTHY[1:]))
    assert grave(all_ways(annotation, rules))[0] == "LDR003"
    pixels = np.array(boxes_of(annotation, rules)) * 300
    np.testing.assert_allclose(pixels, np.round(pixels), atol=1e-4)
    assert "LDR003" not in grave(all_ways(annotation, "lufficc"))
    small = own(tmp_path, 'base = "lufficc"\n[loader]\nrounding = "input-pixels"\nsmallest_side = 1\n')
    assert grave(all_ways(annotation, small)) == ["LDR014"]
    assert len(boxes_of(annotation, small)) == 2


NEEDS = {
    "ssd.pytorch": {"difficult"},
    "pytorch-ssd": {"difficult"},
    "lufficc": {"difficult"},
    "caffe": set[str](),
    "gluoncv": {"difficult", "size"},
    "mmdetection": set[str](),
    "nvidia": set[str](),
    "torchvision": set[str](),
    "ssd-keras": {"difficult", "truncated", "pose", "folder"},
    "ssd.tensorflow": {"size", "depth"},
    "tf-object-detection": {"difficult", "truncated", "pose", "folder", "filename", "size"},
}


@pytest.mark.parametrize(("dialect", "tag"), [(dialect, tag) for dialect in NEEDS for tag in sorted(NEEDS[dialect])])
def test_a_tag_that_is_missing(dialect: str, tag: str, tmp_path: Path) -> None:
    annotation = voc(tmp_path, without=[tag], size=None if tag == "size" else SIZE)
    found = ways(False, annotation, dialect, photo(tmp_path))
    assert grave(found) == ["LDR004"]
    assert f"<{tag}>" in found[0].message
    assert "raises" in found[0].message


@pytest.mark.parametrize("dialect", NEEDS)
def test_tags_that_nothing_reads(dialect: str, tmp_path: Path) -> None:
    """All of them at once; what needs the depth needs the size around it."""
    tags = {"difficult", "truncated", "pose", "folder", "filename", "size", "depth"} - NEEDS[dialect]
    keeps = "size" not in tags or "depth" not in tags
    annotation = voc(tmp_path, without=sorted(tags - {"size"}), size=SIZE if keeps else None)
    assert grave(ways(True, annotation, dialect, photo(tmp_path))) == []


def test_a_file_without_a_size_is_read_where_the_photo_says_it(tmp_path: Path) -> None:
    annotation = voc(tmp_path, size=None)
    found = api.check([annotation], device="cpu").findings
    assert [item.code for item in found] == ["FIL001"]
    assert "does not say how large the photo is" in found[0].message
    photo(tmp_path)
    assert not all_ways(annotation, "ssd.pytorch")


def test_a_declared_size_of_0_stops_only_who_divides_by_it(tmp_path: Path) -> None:
    annotation, picture = voc(tmp_path, size=(0, 0)), photo(tmp_path)
    assert not all_ways(annotation, "ssd.pytorch", picture)
    for dialect in ("caffe", "tf-object-detection", "ssd.tensorflow"):
        (found,) = all_ways(annotation, dialect, picture)
        assert found.code == "LDR005"
        assert found.fix == "Write the photo's real size, 640 x 480."


RAISES = ("ssd.pytorch", "refinedet", "lufficc", "rfbnet", "chainercv", "faceboxes", "retinaface")
LOOKS_UP = {"pytorch-ssd": "drops", "gluoncv": "drops", "sgrvinod": "drops"} | dict.fromkeys(RAISES, "raises on it")


def test_who_looks_names_up_in_small_letters() -> None:
    small = {name: load_dialect(name).loader for name in dialect_names()}
    kept = {name: rules.unlisted for name, rules in small.items() if rules.class_names == "lower"}
    assert kept == {name: "skip" if said == "drops" else "raise" for name, said in LOOKS_UP.items()}


@pytest.mark.parametrize("dialect", one_of_each("loader.class_names", "loader.unlisted"))
def test_capitals_in_the_list_of_classes(dialect: str, tmp_path: Path) -> None:
    annotation = voc(tmp_path, names=["RBC", "RBC", "wbc"])
    found = all_ways(annotation, dialect, photo(tmp_path), classes=("RBC", "wbc"))
    assert [item.code for item in found] == ["LDR006"] * (dialect in LOOKS_UP)
    if found:
        said = (
            f"looks it up as 'rbc' in the list of classes, which has 'RBC', does not find it, and {LOOKS_UP[dialect]}"
        )
        assert said in found[0].message
        assert "(2 objects)" in found[0].message


@pytest.mark.parametrize("dialect", one_of_each("loader.class_names", "loader.unlisted"))
def test_capitals_in_the_files_alone(dialect: str, tmp_path: Path) -> None:
    annotation = voc(tmp_path, names=["RBC", "RBC", "RBC"])
    found = all_ways(annotation, dialect, photo(tmp_path), classes=("rbc",))
    exact = load_dialect(dialect).loader.class_names == "exact"
    assert [item.code for item in found] == ["LDR006"] * exact
    if exact:
        assert found[0].fix == "Spell both alike."


def test_spaces_around_a_name(tmp_path: Path) -> None:
    annotation = voc(tmp_path, names=[" cat ", "cat", "cat"])
    assert grave(all_ways(annotation, "caffe", classes=("cat",))) == ["LDR006"]
    assert not all_ways(annotation, "ssd.pytorch", classes=("cat",))


def test_without_a_list_of_classes_nothing_is_said_of_capitals(tmp_path: Path) -> None:
    assert not all_ways(voc(tmp_path, names=["RBC", "RBC", "WBC"]), "ssd.pytorch")


def test_labels_txt_read_as_one_name(tmp_path: Path) -> None:
    annotation = voc(tmp_path, names=["cat", "dog", "cat"])
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    (found,) = all_ways(annotation, "pytorch-ssd")
    assert (found.code, found.severity) == ("LDR007", Severity.ERROR)
    assert "puts its 2 lines together and cuts them at commas: it reads 'catdog'" in found.message
    assert not all_ways(annotation, "ssd.pytorch")
    for text in ("cat,dog\n", "cat,\ndog\n", "cat, dog"):
        (tmp_path / "labels.txt").write_text(text)
        assert not all_ways(annotation, "pytorch-ssd")


def test_labels_txt_is_the_list_that_the_loader_has(tmp_path: Path) -> None:
    """Spaces are taken out of its names, and not out of those of the XML."""
    annotation = voc(tmp_path, names=["traffic light", "cat", "cat"])
    (tmp_path / "labels.txt").write_text("cat,traffic light")
    (found,) = all_ways(annotation, "pytorch-ssd")
    assert found.code == "LDR006"
    assert "which has 'trafficlight'" in found.message


def test_object_of_the_backgrounds_name(tmp_path: Path) -> None:
    names = {"ssd-keras": "background", "lufficc": "__background__", "ssd.tensorflow": "none"}
    for dialect, name in names.items():
        found = all_ways(voc(tmp_path, names=[name, "cat", "cat"]), dialect)
        assert grave(found) == ["LDR008"]
    assert not all_ways(voc(tmp_path, names=["none", "cat", "cat"]), "ssd-keras")


def test_class_that_is_called_background(tmp_path: Path) -> None:
    found = all_ways(voc(tmp_path, names=["Background", "cat", "cat"]), "caffe")
    assert grave(found) == ["LDR009"]
    assert not all_ways(voc(tmp_path, names=["backgrounds", "cat", "cat"]), "caffe")


def coco(folder: Path, *, first: int = 1, size: tuple[int, int] = SIZE, **changes: Any) -> Path:
    """Three images of a COCO file: two objects, one of them a crowd, and none."""
    boxes = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in np.array(HEALTHY, dtype=int).tolist()]
    objects = [(1, 0, 0), (1, 1, 0), (2, 2, 1)]
    table: dict[str, Any] = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": size[0], "height": size[1]} for i in (1, 2, 3)],
        "annotations": [
            {"image_id": image, "category_id": first + place % 2, "bbox": boxes[place], "iscrowd": crowd, "area": 9}
            for image, place, crowd in objects
        ],
        "categories": [{"id": first, "name": "cat"}, {"id": first + 1, "name": "dog"}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "instances.json"
    path.write_text(json.dumps(table | changes))
    return path


def of_coco(path: Path, dialect: str) -> tuple[Finding, ...]:
    """What `check` and `audit` find, which is the same."""
    checked = api.check([path], dialect=dialect, device="cpu").findings
    audited = api.audit(path, dialect=dialect, device="cpu").findings
    assert [(item.code, item.message) for item in audited] == [(item.code, item.message) for item in checked]
    return checked


CROWDS = {
    # Whether crowds are trained on, and the images without objects that come to training: by codes.
    "ssd.pytorch": (3, ["LDR015"]),
    "nvidia": (3, ["LDR015"]),
    "nvidia-dali": (3, ["LDR015"]),
    "gluoncv": (3, ["LDR015"]),
    "lufficc": (2, ["MAT009", "LBL005"]),
    "mmdetection": (2, ["LBL005", "MAT010"]),
    "torchvision": (2, ["LBL005", "MAT010"]),
    "caffe": (2, ["LBL005", "MAT010"]),
    "ssd-keras": (3, ["LDR015"]),
    "tf-object-detection": (3, ["LDR015", "MAT010"]),
}


@pytest.mark.parametrize("dialect", CROWDS)
def test_crowds_and_empty_images_of_coco(dialect: str, tmp_path: Path) -> None:
    """An image of a crowd, and one without any annotation: who trains on the one, and who meets the other."""
    path = coco(tmp_path)
    objects, codes = CROWDS[dialect]
    found = of_coco(path, dialect)
    assert sorted(item.code for item in found) == sorted(codes)
    assert len(api.audit(path, dialect=dialect, device="cpu").objects.labels) == objects
    where = {item.code: [case.where.image for case in item.cases] for item in found}
    assert where.get("MAT009", ["2.jpg"]) == ["2.jpg"]
    if dialect == "lufficc":
        assert "no object is left (1 left out as crowd)" in found[0].message


KEYS = {
    "lufficc": {"iscrowd"},
    "gluoncv": {"area", "width"},
    "mmdetection": {"area", "width"},
    "nvidia": {"width"},
    "tf-object-detection": {"area", "iscrowd", "width"},
}


@pytest.mark.parametrize(
    ("dialect", "lacks"),
    [
        *((dialect, [key]) for dialect, keys in KEYS.items() for key in sorted(keys)),
        *((dialect, sorted({"area", "iscrowd", "width"} - keys)) for dialect, keys in KEYS.items() if len(keys) < 3),
        *((dialect, ["area", "iscrowd", "width"]) for dialect in ("ssd.pytorch", "torchvision", "ssd-keras")),
    ],
)
def test_a_key_that_a_coco_file_lacks(dialect: str, lacks: list[str], tmp_path: Path) -> None:
    path = coco(tmp_path)
    for number in (1, 2, 3):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(SIZE))
    table = json.loads(path.read_text())
    table["annotations"][2]["iscrowd"] = 0
    for key in lacks:
        del table["images" if key == "width" else "annotations"][0][key]
    path.write_text(json.dumps(table))
    errors = [item for item in of_coco(path, dialect) if item.severity is Severity.ERROR]
    assert [item.code for item in errors] == ["LDR004"] * (lacks[0] in KEYS.get(dialect, ()))
    if errors:
        assert f'there is no "{lacks[0]}"' in errors[0].message
        assert "raises KeyError" in errors[0].message


def test_match_of_an_image_that_the_loader_passes_over(tmp_path: Path) -> None:
    path = coco(tmp_path)
    picture = tmp_path / "3.jpg"
    Image.new("RGB", SIZE).save(picture)
    result = api.match(picture, path, device="cpu")
    assert not result.raises
    assert not result.findings


def test_an_image_without_objects_of_a_voc_file_is_met(tmp_path: Path) -> None:
    assert grave(all_ways(voc(tmp_path, ()), "ssd.pytorch", photo(tmp_path))) == ["MAT009"]
    assert [item.code for item in all_ways(voc(tmp_path, ()), "caffe")] == ["MAT010"]
    assert not all_ways(voc(tmp_path, ()), "mmdetection")
    skips = own(tmp_path, 'base = "ssd.pytorch"\n[loader]\nempty_images = "skip"\n')
    assert not all_ways(voc(tmp_path, ()), skips)


def test_an_image_emptied_by_its_difficult_objects(tmp_path: Path) -> None:
    annotation = voc(tmp_path, difficult=[0, 1, 2])
    found = all_ways(annotation, "ssd.pytorch", photo(tmp_path))
    assert [item.code for item in found] == ["MAT009", "LBL005"]
    assert "no object is left (3 left out as difficult), and the real ssd.pytorch raises" in found[0].message
    assert not all_ways(annotation, "ssd-keras")


def test_where_all_are_difficult_the_first_stays(tmp_path: Path) -> None:
    """HiKapok/SSD.TensorFlow, dataset/dataset_common.py:214-221."""
    annotation = voc(tmp_path, difficult=[0, 1, 2])
    assert [item.code for item in all_ways(annotation, "ssd.tensorflow")] == ["LBL005"]
    audited = api.audit(annotation.parent, dialect="ssd.tensorflow", device="cpu").objects
    assert audited.index.tolist() == [0]
    voc(tmp_path, difficult=[0, 1])
    assert api.audit(annotation.parent, dialect="ssd.tensorflow", device="cpu").objects.index.tolist() == [2]


def test_a_mark_that_the_loader_never_sees(tmp_path: Path) -> None:
    """balancap/SSD-Tensorflow, datasets/pascalvoc_to_tfrecords.py:106: an element without children is false."""
    rules = own(tmp_path, 'base = "caffe"\n[targets]\ndifficult = "unseen"\n')
    annotation = voc(tmp_path, difficult=[1])
    (found,) = all_ways(annotation, rules)
    assert (found.code, found.severity) == ("LDR015", Severity.NOTE)
    assert not all_ways(annotation, "caffe")


def test_an_image_emptied_by_a_list_of_some_classes(tmp_path: Path) -> None:
    voc(tmp_path, names=["cat", "dog", "dog"])
    annotation = voc(tmp_path, names=["dog", "dog", "dog"], stem="b")
    (found,) = (
        item
        for item in api.check([annotation.parent], dialect="pytorch-ssd", classes=("cat",), device="cpu").findings
        if item.code == "MAT009"
    )
    assert "no object is left (3 of a class that is not in the list)" in found.message
    files = api.audit(annotation.parent, dialect="pytorch-ssd", classes=("cat",), device="cpu").findings
    assert [Path(case.where.file).name for item in files for case in item.cases if item.code == "MAT009"] == ["b.xml"]


NUMBERED = [name for name in dialect_names() if name.startswith(("torchvision", "tf-object-detection", "tf2-"))]


def test_who_takes_the_numbers_of_categories() -> None:
    rules = {name: load_dialect(name).loader.category_ids for name in dialect_names()}
    assert [name for name, rule in rules.items() if rule != "counted"] == NUMBERED


@pytest.mark.parametrize("dialect", one_of_each("loader.category_ids", "loader.empty_images_coco"))
def test_a_category_of_the_number_0(dialect: str, tmp_path: Path) -> None:
    found = grave(of_coco(coco(tmp_path, first=0), dialect))
    assert ("LDR010" in found) == (dialect in NUMBERED)
    assert "LDR010" not in grave(of_coco(coco(tmp_path), dialect))


UPRIGHT = (480, 640)


@pytest.mark.parametrize("dialect", one_of_each("loader.orientation", "targets.size_from"))
@pytest.mark.parametrize("orientation", [6, 8])
def test_a_photo_that_its_exif_data_turn(dialect: str, orientation: int, tmp_path: Path) -> None:
    """Stored as 640 x 480 and meant to be seen as 480 x 640; annotated as it is stored, and as it is meant."""
    picture = photo(tmp_path, orientation=orientation)
    turns = load_dialect(dialect).loader.orientation == "turn"
    for size, right in ((SIZE, not turns), (UPRIGHT, turns)):
        boxes = HEALTHY[:2] if size == UPRIGHT else HEALTHY
        found = ways(right, voc(tmp_path, boxes, size=size), dialect, picture)
        assert [item.code for item in found] == ["LDR011"] * (not right)
        if not right:
            assert "EXIF data turn the photo" in found[0].message
            assert found[0].fix.startswith("Remove the photo's" if turns else "Store the photo turned")


def test_a_photo_whose_size_does_not_tell(tmp_path: Path) -> None:
    annotation, picture = voc(tmp_path), photo(tmp_path, orientation=3)
    (found,) = all_ways(annotation, "tf-object-detection", picture)
    assert (found.code, found.severity) == ("LDR012", Severity.NOTE)
    photo(tmp_path, orientation=1)
    assert not all_ways(annotation, "tf-object-detection", picture)


def test_match_sees_the_photo_as_the_loader_does(tmp_path: Path) -> None:
    picture = photo(tmp_path, orientation=6)
    annotation = voc(tmp_path)
    for dialect, size in (("ssd.pytorch", UPRIGHT), ("lufficc", SIZE)):
        assert api.match(picture, annotation, dialect=dialect, device="cpu").image_size == size


DIVIDES = (
    *("caffe", "nvidia", "nvidia-dali", "ssd.tensorflow", "tf-object-detection", "tf-object-detection-v2"),
    *("tf2-object-detection", "tf2-mobilenet-v2", "wzmiaomiao", "balancap", "mxnet-ssd", "rykov8"),
)


def test_who_divides_by_the_declared_size() -> None:
    assert sorted(DIVIDES) == [name for name in dialect_names() if load_dialect(name).targets.size_from != "photo"]


@pytest.mark.parametrize("dialect", one_of_each("targets.size_from", "targets.voc_pixel_offset"))
def test_a_squashed_photo(dialect: str, tmp_path: Path) -> None:
    found = all_ways(voc(tmp_path), dialect, photo(tmp_path, (300, 300)))
    codes = [item.code for item in found]
    if dialect in DIVIDES:
        assert codes == ["LDR013"]
        assert found[0].severity is Severity.NOTE
        expected = (np.array(HEALTHY[0], dtype=float) + load_dialect(dialect).targets.voc_pixel_offset) / [*SIZE, *SIZE]
        annotation = tmp_path / "Annotations" / "a.xml"
        np.testing.assert_allclose(boxes_of(annotation, dialect)[0], expected, rtol=1e-6)
    else:
        assert "FIL002" in codes
        assert "LDR013" not in codes


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "torchvision", "mmdetection", "ssd-keras"])
@pytest.mark.parametrize("declared", [(320, 240), (1, 1)])
def test_a_wrong_declaration_that_the_loader_does_not_read(
    dialect: str, declared: tuple[int, int], tmp_path: Path
) -> None:
    """The boxes reach beyond the declared size and fit the photo: it is all that matters."""
    annotation, picture = voc(tmp_path, size=declared), photo(tmp_path)
    found = all_ways(annotation, dialect, picture)
    assert not grave(found)
    audited = api.audit(annotation.parent, dialect=dialect, device="cpu")
    assert audited.totals.matched == len(HEALTHY)


def test_boxes_that_gluoncv_drops(tmp_path: Path) -> None:
    """gluoncv/data/pascal_voc/detection.py:128-140: 0 <= xmin < width once 1 is subtracted."""
    annotation = voc(tmp_path, ((0, 12, 150, 140), (200, 150, 641, 300), *HEALTHY[1:]))
    (found,) = (item for item in all_ways(annotation, "gluoncv") if item.severity is not Severity.NOTE)
    assert found.code == "LDR014"
    assert "reaches out of the declared size: object 0 (cat)" in found.message
    assert len(boxes_of(annotation, "gluoncv")) == 3


CLIPS = {"gluoncv": 3, "tf-object-detection": 2, "mmdetection": 2, "lufficc": 3, "ssd.pytorch": 4}


@pytest.mark.parametrize("dialect", CLIPS)
def test_boxes_that_loaders_of_coco_drop(dialect: str, tmp_path: Path) -> None:
    """A sound box, one that ends beyond the image, one thinner than a pixel, one without a width."""
    boxes = [[10, 12, 140, 128], [600, 12, 60, 128], [10, 12, 0.5, 90], [10, 12, 0, 90]]
    path = coco(
        tmp_path,
        annotations=[{"image_id": 1, "category_id": 1, "bbox": box, "iscrowd": 0, "area": 9} for box in boxes],
    )
    objects = api.audit(path, dialect=dialect, device="cpu").objects
    assert len(objects.labels) == CLIPS[dialect]
    assert ("LDR014" in grave(of_coco(path, dialect))) == (dialect != "ssd.pytorch")
    if dialect == "gluoncv":
        assert objects.boxes[1, 2] == pytest.approx(639 / 640)


def test_groups_of_open_images(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(
        "ImageID,LabelName,XMin,YMin,XMax,YMax,IsGroupOf\na,cat,0.1,0.1,0.5,0.5,1\na,cat,0.5,0.5,0.9,0.9,0\n"
    )
    assert [item.code for item in of_coco(path, "pytorch-ssd")] == ["LDR015"]
    assert [item.code for item in of_coco(path, "ssd.pytorch")] == ["LBL005"]


def test_every_clause_can_be_overruled(tmp_path: Path) -> None:
    annotation = voc(tmp_path, POINTED, without=["difficult"], names=["RBC"] * 3)
    assert grave(all_ways(annotation, "ssd.pytorch", classes=("RBC",))) == ["LDR001", "LDR004", "LDR006"]
    text = 'base = "ssd.pytorch"\n[loader]\nnumbers = "float"\nrequired_tags = []\nclass_names = "exact"\n'
    assert not all_ways(annotation, own(tmp_path, text), classes=("RBC",))


def test_saved_targets_have_no_loader() -> None:
    sample = Path(__file__).parents[2] / "sample_data"
    for dialect in ("ssd.pytorch", "caffe", "gluoncv"):
        found = api.check([sample / "targets.pt"], dialect=dialect, device="cpu").findings
        assert not any(item.code.startswith("LDR") for item in found)


def test_objects_of_a_batch_carry_no_traits() -> None:
    sample = Path(__file__).parents[2] / "sample_data"
    audited = api.audit(sample, device="cpu")
    assert isinstance(audited.objects, Objects)
    assert audited.objects.traits is None


# Many files alike


@pytest.mark.parametrize("files", [3, 5])
@pytest.mark.parametrize(
    ("dialect", "code", "changes"),
    [
        ("ssd.pytorch", "LDR001", {"boxes": ((10.5, 12, 150, 140),)}),
        ("caffe", "LDR002", {"boxes": ((10.5, 12, 150, 140), (200, 150, 330, 300))}),
        ("ssd.pytorch", "LDR004", {"without": ("difficult",)}),
        ("caffe", "LDR005", {"size": (0, 0)}),
        ("lufficc", "LDR011", {}),
        ("ssd.pytorch", "FIL002", {}),
        ("ssd.pytorch", "BOX009", {"boxes": ((0, 12, 150, 140), *HEALTHY)}),
    ],
)
def test_many_files_alike_are_told_as_one(
    dialect: str, code: str, changes: dict[str, Any], files: int, tmp_path: Path
) -> None:
    for place in range(files):
        voc(tmp_path, stem=f"bad{place}", **changes)
        turned = code == "LDR011"
        shown = {"LDR011": SIZE[::-1], "FIL002": (300, 300)}.get(code, SIZE)
        photo(tmp_path, shown, 6 if turned else 1, stem=f"bad{place}")
    voc(tmp_path, stem="good")
    photo(tmp_path, stem="good")
    checked = [item for item in api.check([tmp_path], dialect=dialect, device="cpu").findings if item.code == code]
    [audited] = [item for item in api.audit(tmp_path, dialect=dialect, device="cpu").findings if item.code == code]
    assert [case for item in checked for case in item.cases] == list(audited.cases)
    if files == 3:
        assert [Path(case.where.file).stem for case in audited.cases] == ["bad0", "bad1", "bad2"]
        return
    [case] = audited.cases
    of = "photos" if code in ("LDR011", "FIL002") else "files"
    assert case.message.startswith(f"5 of 6 {of}; in bad0.xml: ")
    assert case.message.endswith("likewise bad1.xml, bad2.xml, bad3.xml and 1 more")
    assert case.where.file == str(tmp_path / "Annotations")
    assert "640" not in case.fix, "what helps all is of no size"


def test_files_that_lack_other_tags_are_of_another_kind(tmp_path: Path) -> None:
    for place in range(4):
        voc(tmp_path, stem=f"a{place}", without=("difficult",))
        voc(tmp_path, stem=f"b{place}", without=("pose",))
    voc(tmp_path, stem="c", without=("pose", "difficult"))
    [found] = [
        item for item in api.audit(tmp_path, dialect="ssd-keras", device="cpu").findings if item.code == "LDR004"
    ]
    starts = [case.message.partition(";")[0] for case in found.cases]
    assert starts[:2] == ["4 of 9 files", "4 of 9 files"]
    assert len(starts) == 3


def test_labels_txt_of_every_folder(tmp_path: Path) -> None:
    """Each folder of annotations has its own list, as each has that trains on several."""
    for part, text in (("train", "cat,dog\n"), ("val", "cat\ndog\n"), ("test", "cat,dag\n")):
        voc(tmp_path / part, names=["cat", "dog", "cat"])
        (tmp_path / part / "labels.txt").write_text(text)
    found = {
        each.code: [case.where.file for case in each.cases]
        for each in api.check([tmp_path], dialect="pytorch-ssd", device="cpu").findings
    }
    assert found["LDR007"] == [str(tmp_path / "val" / "labels.txt")]
    assert [Path(file).parents[1].name for file in found["LDR006"]] == ["test"]
    (tmp_path / "val" / "labels.txt").write_text("cat,dog\n")
    (tmp_path / "test" / "labels.txt").write_text("cat,dog\n")
    left = api.check([tmp_path], dialect="pytorch-ssd", device="cpu").findings
    assert not {each.code for each in left} & {"LDR006", "LDR007"}
