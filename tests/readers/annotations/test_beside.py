"""The labels.txt beside Pascal VOC files, and the file that an error of a folder is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdlossdbg.readers.annotations import FORMATS, Source, class_lists_beside, load_dataset, load_parts
from ssdlossdbg.readers.annotations.load import Part

SIZE = "<size><width>100</width><height>50</height></size>"
BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
VOC = f"<annotation>{SIZE}<object><name>cat</name>{BOX}</object></annotation>"


@pytest.mark.parametrize(
    ("folder", "listed", "found"),
    [
        ("Annotations", "labels.txt", True),
        ("Annotations", "Annotations/labels.txt", False),
        ("Annotations", "classes.txt", False),
        ("xml", "labels.txt", False),
    ],
)
def test_labels_above_annotations(folder: str, listed: str, found: bool, tmp_path: Path) -> None:
    """Where pytorch-ssd looks for them: beside the folder that VOC's layout has, under that name."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.xml").write_text(VOC)
    (tmp_path / listed).write_text("cat\n")
    lists = class_lists_beside(load_dataset(tmp_path / folder))
    assert lists == ({str(tmp_path / folder): tmp_path / "labels.txt"} if found else {})


def test_labels_beside_files_of_another_format_are_none(tmp_path: Path) -> None:
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "a.csv").write_text("ImageID,LabelName,XMin,YMin,XMax,YMax\na,/m/1,0,0,1,1\n")
    (tmp_path / "labels.txt").write_text("cat\n")
    assert class_lists_beside(load_dataset(tmp_path / "Annotations")) == {}


def test_an_error_of_a_folder_is_about_its_file(tmp_path: Path) -> None:
    """That of a file is about it, wherever in it."""
    folder, voc, coco = tmp_path / "set", tmp_path / "a.xml", tmp_path / "b, old.json"
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "a.txt").write_text("0 .5 .5 .2 .2\n")
    (folder / "data.yaml").write_text("names: 3\n")
    voc.write_text(VOC)
    coco.write_text('{"images": 3, "annotations": [], "categories": []}')
    datasets, refused = load_parts([Part(folder, FORMATS["yolo"]), Part(voc), Part(coco)], Source(tmp_path))
    assert [dataset.names for dataset in datasets] == [("a",)]
    assert sorted(each.file for each in refused) == [str(coco), str(folder / "data.yaml")]
