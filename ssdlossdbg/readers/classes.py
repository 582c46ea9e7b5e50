"""Class names and the ids that the network's output columns give them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import is_file, read_lines
from ssdlossdbg.readers.yolo_yaml import ENDINGS as YAML_ENDINGS
from ssdlossdbg.readers.yolo_yaml import read_yolo_yaml

# The order of ssd.pytorch data/voc0712.py:16-21 and of every other VOC loader: alphabetical.
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
LABEL_MAP = re.compile(r"item\s*\{")
PAIR = re.compile(r"(\w+)\s*:\s*(\"[^\"]*\"|'[^']*'|[^\s,}]+)")
# Lines of a list copied from a program that hold no name.
BRACKETS = ("[", "(", "]", ")", "],", "),")


def load_classes(value: str) -> tuple[str, ...]:
    """Class names in the order of their ids, background left out.

    Args:
        value: the path of a file with a name a line, or with commas between them; of a data.yaml; or of a label map,
            as TensorFlow's and Caffe's .pbtxt and .prototxt are; or the names themselves, separated by commas.

    Raises:
        InputError: no name, a name given twice, or a file that cannot be read.
    """
    path = Path(value)
    if "," in value and not is_file(path):
        names = tuple(name.strip() for name in value.split(","))
    elif path.suffix.lower() in YAML_ENDINGS:
        names = read_yolo_yaml(path).names
    elif path.suffix or is_file(path):
        lines = tuple(read_lines(path))
        names = _of_label_map(path, lines) if lines and LABEL_MAP.match(lines[0]) else _of_lines(lines)
    else:
        names = (value.strip(),)
    if not names or not all(names):
        raise InputError(f"--classes {value}".strip(), "holds an empty name", "Write a class name a line, or a,b,c.")
    twice = min((name for name, times in Counter(names).items() if times > 1), default=None)
    if twice is not None:
        raise InputError(f"--classes {value}", f"names {twice!r} twice", "Keep one of them.")
    return names


def _of_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The names in a file: one a line, or with commas between them where it has but one line, or all end in one.

    As pytorch-ssd's labels.txt has them, or a list that was copied from a program, with brackets and quotes.
    """
    own = [line for line in lines if line not in BRACKETS]
    text = " ".join(own)
    if "," not in text or not all(line.endswith(",") for line in own[:-1]):
        return lines
    bare = text.strip("()[] ") if text.startswith(("[", "(")) else text
    return tuple(name.strip().strip("'\"") for name in bare.rstrip(", ").split(","))


def read_label_map(path: Path) -> tuple[str, ...]:
    """The names in a file that holds a label map; errors as of `load_classes`, and of a file that cannot be read."""
    return _of_label_map(path, tuple(read_lines(path)))


def _of_label_map(path: Path, lines: tuple[str, ...]) -> tuple[str, ...]:
    """The names in a label map, `item { id: 1 name: "cat" }`, background left out.

    Raises:
        InputError: their numbers are not those from 1 on.
    """
    items = [dict(PAIR.findall(item)) for item in " ".join(lines).split("{")[1:]]
    numbers = {item.get("id") or item.get("label", "0"): item.get("name", "").strip("'\"") for item in items}
    numbers.pop("0", None)
    wanted = [str(number) for number in range(1, len(numbers) + 1)]
    if set(numbers) != set(wanted):
        raise InputError(path, "is a label map that does not number its items from 1 without gaps", "Number them so.")
    return tuple(numbers[number] for number in wanted)


def guess_classes(listed: tuple[str, ...], labels: Iterable[str]) -> tuple[str, ...]:
    """The class list to assume where the user gave none.

    Args:
        listed: the classes that the annotation file lists itself; they win.
        labels: the labels of its objects.

    Returns:
        The file's own list, or VOC's twenty where they cover all labels, or else the labels, sorted.
    """
    used = sorted(set(labels))
    folded = {name.casefold() for name in used}
    return listed or (VOC_CLASSES if folded <= set(VOC_CLASSES) else tuple(used))
