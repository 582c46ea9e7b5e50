"""Photos beside their annotations, of which only the header is read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg.readers.annotations import Photos, find_photos, load_dataset, photo_sizes, sizes_seen
from ssdlossdbg.readers.annotations.photo_files import photo_size
from ssdlossdbg.rules import Orientation

SIZE = (40, 30)
VOC = "<annotation><filename>{}</filename><size><width>9</width><height>9</height></size></annotation>"


def found(annotation: Path, name: str = "", many_in_file: bool = False) -> tuple[int, int] | None:
    """The size of the photo that the annotation file calls so."""
    path = Photos(many_in_file).find(str(annotation), name)
    size = None if path is None else photo_size(path)
    return size and size[:2]


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
    assert found(tmp_path / annotation) == SIZE


def test_paths_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "JPEGImages/a.jpg")
    (tmp_path / "Annotations/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "Annotations")
    assert found(Path("a.xml")) == SIZE
    monkeypatch.chdir(tmp_path / "Annotations/deep")
    assert found(Path("../a.xml")) == SIZE


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
    assert found(tmp_path / annotation, name, many_in_file=True) == SIZE


def test_no_photo(tmp_path: Path) -> None:
    assert found(tmp_path / "nowhere/a.xml") is None
    photo(tmp_path / "a.jpg")
    assert found(tmp_path / "a.json", many_in_file=True) is None, "the file holds many"
    assert found(tmp_path / "a.json", "b\0.jpg", many_in_file=True) is None


def test_of_several_photos_the_first_ending_wins(tmp_path: Path) -> None:
    photo(tmp_path / "a.png", (1, 1))
    photo(tmp_path / "a.jpg")
    assert found(tmp_path / "a.txt") == SIZE
    assert found(tmp_path / "labels.json", "a", many_in_file=True) == SIZE


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
@pytest.mark.parametrize(
    ("orientation", "upright"), [(number, (40, 30) if number < 5 else (30, 40)) for number in range(1, 9)]
)
def test_size_is_as_stored_and_some_loaders_turn_it(
    tmp_path: Path, ending: str, orientation: int, upright: tuple[int, int]
) -> None:
    size = photo_size(photo(tmp_path / f"a.{ending}", orientation=orientation))
    assert size == (40, 30, orientation)
    assert sizes_seen(np.array([size]), Orientation.TURN).tolist() == [[*upright]]
    assert sizes_seen(np.array([size]), Orientation.IGNORE).tolist() == [[40, 30]]


def test_header_that_cannot_be_read_is_as_good_as_no_photo(tmp_path: Path) -> None:
    pointer = tmp_path / "a.jpg"
    pointer.write_text("version https://git-lfs.github.com/spec/v1")
    assert photo_size(pointer) is None


def test_pixels_are_not_read(tmp_path: Path) -> None:
    path = photo(tmp_path / "a.jpg", (400, 300))
    path.write_bytes(path.read_bytes()[:-1000])
    assert photo_size(path) == (400, 300, 1)


def test_stem_is_asked_before_the_name_that_a_voc_file_gives(tmp_path: Path) -> None:
    annotation = tmp_path / "a.xml"
    annotation.write_text(VOC.format("b.jpg"))
    photo(tmp_path / "b.jpg", (20, 10))
    assert photo_sizes(find_photos(load_dataset(annotation))).tolist() == [[20, 10, 1]]
    photo(tmp_path / "a.jpg")
    assert photo_sizes(find_photos(load_dataset(annotation))).tolist() == [[*SIZE, 1]]


def test_every_image_of_a_coco_file_or_those_that_are_asked_for(tmp_path: Path) -> None:
    annotation = tmp_path / "a.json"
    annotation.write_text(
        '{"images": [{"id": 5, "file_name": "p.jpg", "width": 9, "height": 8}, {"id": 2, "file_name": "q r.jpg"}],'
        '"categories": [], "annotations": []}'
    )
    photo(tmp_path / "q r.jpg")
    dataset = load_dataset(annotation)
    assert photo_sizes(find_photos(dataset)).tolist() == [[0, 0, 0], [*SIZE, 1]]
    assert photo_sizes(find_photos(dataset), [0]).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_no_folder_is_listed_after_the_one_that_has_the_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies beside a dataset may be thousands of other things."""
    for name in ("own/a.jpg", "images/b.jpg", "c.jpg"):
        photo(tmp_path / "set" / name)
    listed, list_of = list[str](), os.listdir

    def noting(folder: Path) -> list[str]:
        listed.append(folder.resolve().name)
        return list_of(folder)

    monkeypatch.setattr(os, "listdir", noting)
    photos = Photos(many_in_file=False)
    for stem, last in (("a", "own"), ("b", "images"), ("c", "set"), ("a", "set")):
        path = photos.find(str(tmp_path / "set" / "own" / f"{stem}.xml"), "")
        assert path is not None
        assert (path.name, listed[-1]) == (f"{stem}.jpg", last)
    assert len(listed) == 5, "own, its images, JPEGImages, images and the folder above"
