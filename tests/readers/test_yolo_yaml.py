"""The data.yaml of YOLO datasets: every way to write names and splits, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import LARGEST_TABLE
from ssdlossdbg.readers.yolo_yaml import YoloYaml, read_yolo_yaml

Refused = Callable[[Callable[[], object]], InputError]
REST = "# a dataset\npath: .\ntrain: images/train # 2 images\nval: [images/val]\nnc: 3\ndownload: |\n  import os\n"


def read(folder: Path, text: str | bytes) -> YoloYaml:
    """Write a data.yaml and read it."""
    path = folder / "data.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yolo_yaml(path)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "names",
    [
        """names: ['a, b', "it's", c d]""",
        """names: [\n  'a, b',  # the first\n  "it's",\n  c d,\n]""",
        """names:\n- 'a, b'\n- it's\n- c d""",
        """names:\n  - 'a, b'\n  - 'it''s'   # quoted\n\n  - c d""",
        """names:\n  0: a, b\n  2: c d\n  1: it's""",
        """names: {0: 'a, b', 1: "it's", 2: c d}""",
        """all: &all ['a, b', "it's", c d]\nnames: *all""",
    ],
)
def test_names(names: str, newline: str, tmp_path: Path) -> None:
    content = read(tmp_path, (REST + names).replace("\n", newline))
    assert content == YoloYaml(("a, b", "it's", "c d"), tmp_path, ("images/train", "images/val"))


def test_names_stay_as_written(tmp_path: Path) -> None:
    content = read(tmp_path, "names: [no, Yes, on, 1, 007, 1e3, null, ~, 2020-01-01, 猫, ' a ']")
    assert content.names == ("no", "Yes", "on", "1", "007", "1e3", "null", "~", "2020-01-01", "猫", " a ")


@pytest.mark.parametrize(
    ("text", "splits"),
    [
        ("train: a\nval: b\ntest: c", ("a", "b")),
        ("train: [a, b]\nval: [c]", ("a", "b", "c")),
        ("train:\n- a\n- b\nval: # none", ("a", "b")),
        ("train: a\nval: null", ("a",)),
        ("val: ~", (".",)),
        ("", (".",)),
    ],
)
def test_splits(text: str, splits: tuple[str, ...], tmp_path: Path) -> None:
    assert read(tmp_path, f"names: [a]\n{text}").splits == splits


@pytest.mark.parametrize(
    ("text", "root"), [("", "."), ("path:", "."), ("path: ../sets/x", "../sets/x"), ("path: /x", "/x")]
)
def test_root(text: str, root: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"names: [a]\n{text}").root == tmp_path / root


@pytest.mark.parametrize(("names", "shown"), [("abcde", "a, b, c, d, e"), ("abcdef", "a, b, c, d, e, ...")])
def test_five_names_are_shown_beside_another_number(names: str, shown: str, tmp_path: Path) -> None:
    error = read(tmp_path, f"names: [{', '.join(names)}]\nnc: 9").other_number
    assert error is not None
    assert error.what == f"is 9, but `names` lists {len(names)}: {shown}"


BOMB = "l0: &l0 [a, a]\n" + "".join(f"l{n}: &l{n} [*l{n - 1}, *l{n - 1}]\n" for n in range(1, 60)) + "names: *l59"


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("train: images/train", "", "has no `names`"),
        ("", "", "holds no keys"),
        ("just words", "", "holds no keys"),
        ("- a", "", "holds no keys"),
        ("names:", ", names", "is no list of texts"),
        ("names: a", ", names", "is no list of texts"),
        ("names: [a, [b]]", ", names", "is no list of texts"),
        ("names: [a, {b: c}]", ", names", "is no list of texts"),
        (BOMB, ", names", "is no list of texts"),
        ("names: []", ", names", "lists no class"),
        ("names: {}", ", names", "lists no class"),
        ("names: [a, '']", ", names", "lists no class, an empty one or one twice"),
        ("names: [a, a]", ", names", "lists no class, an empty one or one twice"),
        ("names: {0: a, 2: b}", ", names", "is not numbered from 0"),
        ("names: {1: a, 2: b}", ", names", "is not numbered from 0"),
        ("names: {cat: 0}", ", names", "is not numbered from 0"),
        ("names: [a]\ntrain: {a: b}", ", train", "is neither a path nor a list of paths"),
        ("names: [a]\nval: [[b]]", ", val", "is neither a path nor a list of paths"),
        ("names: [a]\npath: {}", ", path", "is neither a path nor a list of paths"),
        ("train: a\nnames: [a", ", line 2", "is not YAML (while parsing a flow sequence expected ',' or ']'"),
        ("train: a\n\tnames: [a]", ", line 2", "is not YAML (while scanning for the next token found character '\\t'"),
        ('names: [a]\npath: "C:\\data"', ", line 2", "is not YAML (while scanning a double-quoted scalar"),
        ("names: *other", ", line 1", "is not YAML (found undefined alias 'other')"),
        ("names: &names [*names]", ", line 1", "is not YAML (found unconstructable recursive node)"),
        ("names: [a]\n---\nnames: [b]", ", line 2", "is not YAML (expected a single document"),
        ("? [a]\n: b", ", line 1", "is not YAML (while constructing a mapping found unhashable key)"),
        ("*" + "a" * 2000, ", line 1", "is not YAML (found undefined alias"),
        ("names: [a\x01]", "", "holds characters that YAML does not allow"),
        (b"names: [\xff]", "", "is not UTF-8 text"),
        ("[" * 1_200, "", "is nested too deeply"),
        ("#" * (LARGEST_TABLE + 1), "", "cannot be read (it has 976.6 KiB, and may have 976.6 KiB)"),
    ],
)
def test_refused(text: str | bytes, place: str, what: str, tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: read(tmp_path, text))
    assert error.where == f"{tmp_path / 'data.yaml'}{place}"
    assert error.what.startswith(what)


def test_tags_make_no_objects(tmp_path: Path) -> None:
    made = tmp_path / "made"
    assert read(tmp_path, f"names: !!python/object/apply:os.mkdir ['{made}']").names == (str(made),)
    assert not made.exists()
