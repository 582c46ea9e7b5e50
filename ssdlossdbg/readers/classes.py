"""Class names and the ids that the network's output columns give them."""

from __future__ import annotations

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


def load_classes(value: str) -> tuple[str, ...]:
    """Class names in the order of their ids, background left out.

    Args:
        value: the path of a file with a name a line, or with all on one line, separated by commas; or of a data.yaml;
            or the names themselves, separated by commas.

    Raises:
        InputError: no name, a name given twice, or a file that cannot be read.
    """
    path = Path(value)
    if "," in value and not is_file(path):
        names = tuple(name.strip() for name in value.split(","))
    elif path.suffix.lower() in YAML_ENDINGS:
        names = read_yolo_yaml(path).names
    elif path.suffix or is_file(path):
        names = _of_lines(tuple(read_lines(path)))
    else:
        names = (value.strip(),)
    if not names or not all(names):
        raise InputError(f"--classes {value}", "holds an empty name", "Write a class name a line, or a,b,c.")
    twice = min((name for name, times in Counter(names).items() if times > 1), default=None)
    if twice is not None:
        raise InputError(f"--classes {value}", f"names {twice!r} twice", "Keep one of them.")
    return names


def _of_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The names in a file: one a line, or on a single line `a,b,c`, as pytorch-ssd's labels.txt has them.

    "cup, mug" is one name: lists made for a program have no space there.
    """
    if len(lines) == 1 and "," in lines[0] and ", " not in lines[0]:
        return tuple(name.strip() for name in lines[0].rstrip(",").split(","))
    return lines


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
