"""What `check` takes for annotations and saved batches, named or found in folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import Source, load_parts
from ssdlossdbg.readers.inputs import Inputs, find_inputs

Refused = Callable[[Callable[[], object]], InputError]
VOC = "<annotation><size><width>9</width><height>9</height></size></annotation>"
COCO = '{"images": [], "annotations": [], "categories": []}'


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, content: str = VOC) -> Path:
    """Write text, at a path relative to the working folder."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def found(*names: str, class_names: bool = False) -> Inputs:
    return find_inputs([Path(name) for name in names], class_names)


def annotation_files(*names: str, class_names: bool = False) -> list[str]:
    """The files that are read, in the order of their formats."""
    classes = ("cat",) if class_names else ()
    datasets, refused = load_parts(found(*names, class_names=class_names).annotations, Source(Path(), classes))
    read = [file for dataset in datasets for file in (*dataset.files, *(each.file for each in dataset.refused))]
    return [Path(file).as_posix() for file in dict.fromkeys([*read, *(each.file for each in refused)])]


def test_folder_is_searched_in_the_order_of_names() -> None:
    for name in ("set/b.xml", "set/a ü.xml", "set/deep/c.xml", "set/.git/d.xml", "set/.e.xml"):
        write(name)
    assert annotation_files("set") == ["set/a ü.xml", "set/b.xml", "set/deep/c.xml"]


def test_named_file_is_taken_whatever_it_is_called_and_once() -> None:
    write("notes.dat")
    write("a.xml")
    assert annotation_files("notes.dat", "a.xml", "./a.xml", ".") == ["a.xml", "notes.dat"]


@pytest.mark.parametrize(
    ("name", "content", "taken"),
    [
        ("a.xml", VOC, True),
        ("a.XML", VOC, True),
        ("a.xml", '<?xml version="1.0"?><!-- VOC -->\n' + VOC, True),
        ("a.xml", "", True),
        ("a.xml", "cut sho", True),
        ("pom.xml", '<?xml version="1.0"?><project/>', False),
        ("a.json", COCO, True),
        ("a.json", COCO[:-1], True),
        ("package.json", '{"images": 1}', False),
        ("a.txt", "0 0.5 0.5 0.1 0.1\n", True),
        ("a.txt", "\n0 0.5 0.5 0.1\n", True),
        ("a.txt", "", True),
        ("classes.txt", "cat\ndog\n", False),
        ("classes.txt", "0 hot dog\n", False),
        ("README.txt", "Read me first.", False),
        ("train.txt", "images/a.jpg\n", False),
        ("trainval.txt", "000012 -1\n", False),
        ("a.jpg", "", False),
        ("weights.pt", "", False),
        ("spreds.pt", "", False),
    ],
)
def test_what_belongs_in_a_folder(name: str, content: str, taken: bool) -> None:
    is_text = name.endswith(".txt")
    write("set/always.txt" if is_text else "set/always.xml", "0 .5 .5 .1 .1" if is_text else VOC)
    write(f"set/{name}", content)
    assert len(annotation_files("set", class_names=True)) == 1 + taken
    assert not found("set", class_names=True).tensors


def test_text_files_of_a_folder_need_class_names() -> None:
    write("set/a.txt", "0 0.5 0.5 0.1 0.1")
    assert annotation_files("set", class_names=True) == ["set/a.txt"]
    assert annotation_files("set/a.txt") == ["set/a.txt"]
    [(file, error, _)] = load_parts(found("set").annotations, Source(Path("set")))[1]
    assert (file, error.what) == ("set", "names its classes by number only")
    write("set/a.xml")
    assert annotation_files("set") == ["set/a.xml"], "beside others, text is passed over"


@pytest.mark.parametrize("name", ["nowhere", "nowhere/a.xml", "x" * 500, "a\0b"])
def test_path_that_does_not_exist(refused: Refused, name: str) -> None:
    write("a.xml")
    assert refused(lambda: found("a.xml", name)).where == name


def test_folder_without_anything_to_check(refused: Refused) -> None:
    write("set/photo.jpg", "")
    assert "nothing to check" in refused(lambda: found("set")).what


def test_tensors_are_told_by_their_endings_and_unopened() -> None:
    for name in ("a.pt", "b.PTH", "c.npz", "d.npy", "e.safetensors", "a.xml"):
        write(name)
    inputs = found("e.safetensors", "a.xml", "a.pt", "b.PTH", "c.npz", "d.npy")
    assert [path.name for path in inputs.tensors] == ["e.safetensors", "a.pt", "b.PTH", "c.npz", "d.npy"]
    assert [part.path.name for part in inputs.annotations] == ["a.xml"]
