"""Files that are not read are named for what they are, wherever they are named or found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.annotations.foreign import TABLE, foreign

Refused = Callable[[Callable[[], object]], InputError]
CORNERS = [[1, 2], [30, 40]]
VIA = {"filename": "a.jpg", "regions": [{"shape_attributes": {"name": "rect", "x": 1}, "region_attributes": {}}]}
LABEL_STUDIO = {"original_width": 9, "from_name": "label", "value": {"x": 1, "rectanglelabels": ["cat"]}}
EXTERIOR = {"classTitle": "cat", "points": {"exterior": CORNERS, "interior": []}}
FILES: dict[str, tuple[str, object]] = {
    "VGG Image Annotator": ("a.json", {"a.jpg9": VIA}),
    "VGG Image Annotator (": ("a.json", {"_via_settings": {}, "_via_img_metadata": {"a.jpg9": VIA}}),
    "a CSV of the VGG": ("a.csv", "filename,file_size,region_count,region_shape_attributes\na.jpg,1,1,x"),
    "Label Studio JSON,": ("a.json", [{"id": 1, "annotations": [{"result": [LABEL_STUDIO]}], "data": {}}]),
    "Label Studio": ("a.json", [{"image": "a.jpg", "label": [{"x": 1, "rectanglelabels": ["cat"]}]}]),
    "Supervisely": ("a.json", {"size": {"height": 9, "width": 9}, "objects": [EXTERIOR]}),
    "VoTT": ("a.json", {"asset": {"name": "a.jpg"}, "regions": [{"tags": ["cat"], "boundingBox": {}}]}),
    "BDD100K": ("a.json", [{"name": "a.jpg", "labels": [{"category": "car", "box2d": {"x1": 1}}]}]),
    "Cityscapes": ("a.json", {"imgHeight": 9, "imgWidth": 9, "objects": [{"label": "car", "polygon": CORNERS}]}),
    "SageMaker": ("train.manifest", '{"source-ref": "s3://a/a.jpg", "boxes": {"annotations": []}}'),
    "Create ML": ("a.json", [{"image": "a.jpg", "annotations": [{"label": "cat", "coordinates": {"x": 1}}]}]),
    "CrowdHuman": ("a.odgt", '{"ID": "a", "gtboxes": [{"tag": "person", "fbox": [1, 2, 3, 4]}]}\n{"ID": "b"}'),
    "Datumaro": ("a.json", {"categories": {}, "items": [{"id": "a", "annotations": [{"bbox": [1, 2, 3, 4]}]}]}),
    "COCO's result format": ("a.json", [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]),
    "without its images": ("a.json", [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]),
    "imglab": ("a.xml", "<?xml version='1.0'?><dataset><name>x</name><images><image file='a.jpg'/></images></dataset>"),
    "a row an object": ("a.csv", "frame,xmin,xmax,ymin,ymax,class_id\na.jpg,1,2,3,4,1"),
    "keras-retinanet": ("a.csv", "a.jpg,1,2,3,4,cat\nb.jpg,,,,,"),
    "MOT Challenge": ("gt.txt", "1,1,912,484,97,109,0,7,1\n"),
    "each with a number": ("train.txt", "images/a.jpg 3\nimages/b.jpg 1\n"),
    "MXNet's": ("train.lst", "0\t4\t5\t640\t480\t1\t0.1\t0.2\t0.3\t0.4\ta.jpg\n"),
    "DOTA": ("a.txt", "imagesource:GoogleEarth\ngsd:0.1\n1 2 3 2 3 4 1 4 plane 0\n"),
}


def write(folder: Path, product: str) -> Path:
    """One of the files."""
    name, content = FILES[product]
    text = content if isinstance(content, str) else json.dumps(content) if not isinstance(content, bytes) else ""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else text.encode())
    return path


@pytest.mark.parametrize("product", FILES)
def test_a_file_is_named_for_what_it_is(product: str, tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path, product)
    error = refused(lambda: load_dataset(path))
    assert error.where == str(path)
    assert product.rstrip("(,") in error.what
    assert error.what.endswith(", which is not read here")
    [finding] = [each for each in ssdlossdbg.check([path], device="cpu").findings if each.code == "FIL001"]
    assert [(case.message, case.fix) for case in finding.cases] == [(error.what, error.fix)]


@pytest.mark.parametrize("product", FILES)
def test_a_folder_of_nothing_else_is_named_for_it(product: str, tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path, product)
    (tmp_path / "a.jpg").write_bytes(b"")
    for function in (lambda: load_dataset(tmp_path), lambda: ssdlossdbg.check([tmp_path], device="cpu")):
        error = refused(function)
        assert (error.where, product.rstrip("(,") in error.what) == (str(path), True)


def test_every_row_of_the_table_has_a_file(tmp_path: Path) -> None:
    found = {str(foreign(write(tmp_path, product))) for product in FILES}
    assert not [each.what for each in TABLE if not any(f"is {each.what}, " in text for text in found)]


VOC = "<annotation><size><width>9</width><height>9</height></size></annotation>"
COCO = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xml", VOC),
        ("a.xml", f"<!-- <annotations><version> -->{VOC}"),
        ("a.json", json.dumps(COCO)),
        ("a.json", json.dumps({"info": {"shapes": [], "imagePath": "x", "score": 1, "regions": []}, **COCO})),
        ("a.json", json.dumps({"annotations": [], **COCO, "x": {"image_id": 1, "bbox": [], "score": 1}})),
        ("a.txt", "0 .5 .5 .2 .2\n"),
        ("a.txt", ""),
        ("a.txt", "1 0.1 0.2 0.3 0.2 0.3 0.4 0.1 0.4\n"),
        ("train.txt", "000005\n000007\n"),
        ("train.txt", "000005 -1\n000007  1\n"),
        ("train.txt", "images/a.jpg\nimages/b.jpg\n"),
        ("train.txt", "a.jpg a.xml\n"),
        ("a.csv", "ImageID,LabelName,XMin,XMax,YMin,YMax\na,cat,0,1,0,1\n"),
        ("classes.txt", "cat\ndog\n"),
        ("README.txt", "Photos of cats, taken in 2007."),
        ("a.json", '{"name": "x", "objects": 3}'),
    ],
)
def test_what_is_read_or_unknown_is_taken_for_nothing_else(name: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert foreign(path) is None


def test_a_large_coco_file_whose_other_lists_come_late(tmp_path: Path) -> None:
    images = [{"id": place, "file_name": f"{place}.jpg", "width": 9, "height": 9} for place in range(5000)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**COCO, "images": images}))
    assert path.stat().st_size > 100_000
    assert len(load_dataset(path).names) == 5000
    assert len(load_dataset(tmp_path).names) == 5000
