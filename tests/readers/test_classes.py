"""Class names from files and from the command line, and the ids they get."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.classes import VOC_CLASSES, guess_classes, load_classes

Refused = Callable[[Callable[[], object]], InputError]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("cat,dog", ("cat", "dog")),
        (" cat , traffic light ", ("cat", "traffic light")),
        ("cat", ("cat",)),
        ("dog,cat", ("dog", "cat")),
    ],
)
def test_names_themselves(value: str, names: tuple[str, ...]) -> None:
    assert load_classes(value) == names


def test_names_of_a_data_yaml(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("names: [cat, dog]\ntrain: images\n")
    assert load_classes(str(tmp_path / "data.yaml")) == ("cat", "dog")


def test_more_names_than_a_file_name_can_be_long() -> None:
    names = tuple(f"class number {index}" for index in range(80))
    assert load_classes(",".join(names)) == names


@pytest.mark.parametrize("name", ["names.txt", "names", "cat,dog"])
@pytest.mark.parametrize("data", [b"cat\ndog\n", b"\xef\xbb\xbfcat\r\n\r\n  dog  "], ids=["plain", "windows"])
def test_file_with_a_name_a_line(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert load_classes(str(tmp_path / name)) == ("cat", "dog")


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("cat,,dog", "holds an empty name"),
        ("cat,", "holds an empty name"),
        ("", "holds an empty name"),
        (" ", "holds an empty name"),
        ("cat,dog,cat", "names 'cat' twice"),
    ],
)
def test_bad_names(value: str, what: str, refused: Refused) -> None:
    error = refused(lambda: load_classes(value))
    assert (error.where, error.what) == (f"--classes {value}".strip(), what)


@pytest.mark.parametrize(("text", "what"), [("\n \n", "holds an empty name"), ("cat\ncat\n", "names 'cat' twice")])
def test_bad_file(text: str, what: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "names.txt"
    path.write_text(text)
    error = refused(lambda: load_classes(str(path)))
    assert (error.where, error.what) == (f"--classes {path}", what)


@pytest.mark.parametrize("name", ["names.txt", "x" * 300 + ".txt", "a\0b.txt"], ids=["missing", "long", "nul"])
def test_file_that_cannot_be_read(name: str, tmp_path: Path, refused: Refused) -> None:
    assert refused(lambda: load_classes(str(tmp_path / name))).where == str(tmp_path / name)


@pytest.mark.parametrize(
    ("listed", "labels", "guessed"),
    [
        (("b", "a"), ["a"], ("b", "a")),
        ((), ["person", "Dog"], VOC_CLASSES),
        ((), [], VOC_CLASSES),
        ((), ["zebra", "cat", "zebra"], ("cat", "zebra")),
    ],
)
def test_guess(listed: tuple[str, ...], labels: list[str], guessed: tuple[str, ...]) -> None:
    assert guess_classes(listed, labels) == guessed


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cat,dog,bird\n", ("cat", "dog", "bird")),  # as pytorch-ssd's labels.txt
        ("cat,dog,\n", ("cat", "dog")),
        ("cat, dog, bird\n", ("cat", "dog", "bird")),
        ("cat,\ndog,\ntraffic light\n", ("cat", "dog", "traffic light")),
        ("['cat', 'dog']\n", ("cat", "dog")),
        ('[\n  "cat",\n  "dog"\n]\n', ("cat", "dog")),
        ("cup, mug\nplate, saucer\n", ("cup, mug", "plate, saucer")),
        ("person\n", ("person",)),
        (
            "item {\n  id: 2\n  name: 'dog'\n}\nitem {\n  name: \"traffic light\"\n  id: 1\n}\n",
            ("traffic light", "dog"),
        ),
        (
            'item {\n  name: "nothing"\n  label: 0\n  display_name: "x"\n}\nitem { name: "cat" label: 1 }\n',
            ("cat",),
        ),
        ("cup,mug\nplate\n", ("cup,mug", "plate")),
    ],
)
def test_a_list_of_names_with_something_between_them(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    (tmp_path / "labels.txt").write_text(text, "utf-8")
    assert load_classes(str(tmp_path / "labels.txt")) == names


def test_a_label_map_with_gaps(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "map.pbtxt").write_text("item { id: 1 name: 'cat' } item { id: 3 name: 'dog' }")
    assert "without gaps" in refused(lambda: load_classes(str(tmp_path / "map.pbtxt"))).what
