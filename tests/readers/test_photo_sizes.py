"""Photos beside their annotations, of which only the header is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ssdlossdbg.readers.annotations import load_images
from ssdlossdbg.readers.photo_sizes import PhotoSizes, photo_size

SIZE = (40, 30)
VOC = "<annotation><filename>{}</filename><size><width>9</width><height>9</height></size></annotation>"


def photo(path: Path, size: tuple[int, int] = SIZE, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size).save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("annotation", "image"),
    [
        ("a ü.xml", "a ü.jpg"),
        ("a.xml", "a.JPG"),
        ("a.xml", "images/a.png"),
        ("Annotations/a.xml", "JPEGImages/a.jpg"),
        ("labels/a.txt", "images/a.webp"),
        ("labels/train/a.txt", "images/train/a.jpeg"),
    ],
)
def test_photo_of_the_same_stem(tmp_path: Path, annotation: str, image: str) -> None:
    photo(tmp_path / image)
    (tmp_path / annotation).parent.mkdir(exist_ok=True, parents=True)
    assert PhotoSizes().of_stem(tmp_path / annotation) == SIZE


def test_paths_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "JPEGImages/a.jpg")
    (tmp_path / "Annotations/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "Annotations")
    assert PhotoSizes().of_stem(Path("a.xml")) == SIZE
    monkeypatch.chdir(tmp_path / "Annotations/deep")
    assert PhotoSizes().of_stem(Path("../a.xml")) == SIZE


@pytest.mark.parametrize(
    ("annotation", "image", "name"),
    [
        ("a.json", "b.jpg", "b.jpg"),
        ("annotations/instances_train.json", "train/b.jpg", "b.jpg"),
        ("annotations/a.json", "images/sub/b.jpg", "sub\\b.jpg"),
    ],
)
def test_photo_that_the_annotation_names(tmp_path: Path, annotation: str, image: str, name: str) -> None:
    photo(tmp_path / image)
    (tmp_path / annotation).parent.mkdir(exist_ok=True)
    assert PhotoSizes().named(tmp_path / annotation, name) == SIZE


def test_no_photo(tmp_path: Path) -> None:
    sizes = PhotoSizes()
    assert sizes.of_stem(tmp_path / "nowhere/a.xml") is None
    assert sizes.named(tmp_path / "a.xml", "") is None
    assert sizes.named(tmp_path / "a.xml", "b\0.jpg") is None


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
@pytest.mark.parametrize(("orientation", "expected"), [(1, (40, 30)), (3, (40, 30)), (6, (30, 40)), (8, (30, 40))])
def test_size_is_that_of_the_upright_photo(
    tmp_path: Path, ending: str, orientation: int, expected: tuple[int, int]
) -> None:
    assert photo_size(photo(tmp_path / f"a.{ending}", orientation=orientation)) == expected


def test_header_that_cannot_be_read_is_as_good_as_no_photo(tmp_path: Path) -> None:
    pointer = tmp_path / "a.jpg"
    pointer.write_text("version https://git-lfs.github.com/spec/v1")
    assert photo_size(pointer) is None


def test_pixels_are_not_read(tmp_path: Path) -> None:
    path = photo(tmp_path / "a.jpg", (400, 300))
    path.write_bytes(path.read_bytes()[:-1000])
    assert photo_size(path) == (400, 300)


def test_stem_is_asked_before_the_name_that_a_voc_file_gives(tmp_path: Path) -> None:
    annotation = tmp_path / "a.xml"
    annotation.write_text(VOC.format("b.jpg"))
    photo(tmp_path / "b.jpg", (20, 10))
    assert load_images(annotation, PhotoSizes())[0].photo_size == (20, 10)
    photo(tmp_path / "a.jpg")
    assert load_images(annotation, PhotoSizes())[0].photo_size == SIZE


def test_yolo_without_its_photo_keeps_fractions(tmp_path: Path) -> None:
    annotation = tmp_path / "a.txt"
    annotation.write_text("0 0.5 0.5 0.5 1.0")
    (image,) = load_images(annotation, PhotoSizes(), ("cat",))
    assert (image.photo_size, image.annotation.objects[0].box) == (None, (0.25, 0.0, 0.75, 1.0))
    photo(tmp_path / "a.jpg")
    (image,) = load_images(annotation, PhotoSizes(), ("cat",))
    assert (image.photo_size, image.annotation.objects[0].box) == (SIZE, (10.0, 0.0, 30.0, 30.0))


def test_every_image_of_a_coco_file(tmp_path: Path) -> None:
    annotation = tmp_path / "a.json"
    annotation.write_text(
        '{"images": [{"id": 5, "file_name": "p.jpg", "width": 9, "height": 8}, {"id": 2, "file_name": "q r.jpg"}],'
        '"categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}], "annotations": ['
        '{"image_id": 2, "category_id": 3, "bbox": [1, 2, 3, 4]},'
        '{"image_id": 5, "category_id": 7, "bbox": [0, 0, 1, 1]},'
        '{"image_id": 2, "category_id": 7, "bbox": [5, 6, 7, 8], "iscrowd": 1}]}'
    )
    photo(tmp_path / "q r.jpg")
    first, second = load_images(annotation, PhotoSizes())
    assert (first.name, first.photo_size, first.annotation.size) == ("p.jpg", None, (9, 8))
    assert (second.name, second.photo_size, second.annotation.size) == ("q r.jpg", SIZE, None)
    assert [(item.index, item.label, item.difficult) for item in second.annotation.objects] == [
        (0, "cat", False),
        (1, "dog", True),
    ]
    assert second.annotation.objects[1].box == (5, 6, 12, 14)
    assert first.annotation.class_names == ("cat", "dog")
