"""The data.yaml of YOLO datasets: their class names and where their photos lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import LARGEST_TABLE, read_text

ENDINGS = (".yaml", ".yml")
SPLITS = ("train", "val")
# How YAML writes that there is nothing.
NULLS = ("", "~", "null")
MOST_SHOWN = 5


@dataclass(frozen=True)
class YoloYaml:
    """What a data.yaml says.

    Attributes:
        names: the classes, in the order of their numbers.
        root: the folder that the splits are in.
        splits: paths of folders or lists of photos, as written.
        other_number: the error that `nc` is another number than that of the names; None where it is not.
    """

    names: tuple[str, ...]
    root: Path
    splits: tuple[str, ...]
    other_number: InputError | None = None


def read_yolo_yaml(path: Path) -> YoloYaml:
    """The class names and splits of a data.yaml.

    Raises:
        InputError: unreadable, no YAML, without `names`, or a key holds something else than it should.
    """
    content = _parse(path)
    if "names" not in content:
        raise InputError(path, "has no `names`", "List the classes: names: [cat, dog].")
    names = _names(content["names"], f"{path}, names")
    roots = _texts(content.get("path", ""), f"{path}, path")
    splits = [split for key in SPLITS for split in _texts(content.get(key, ""), f"{path}, {key}")]
    other_number = _other_number(content.get("nc", ""), names, path)
    return YoloYaml(names, path.parent.joinpath(*roots[:1]), tuple(splits) or (".",), other_number)


def _other_number(number: Any, names: tuple[str, ...], path: Path) -> InputError | None:
    if not (isinstance(number, str) and number.isdecimal()) or int(number) == len(names):
        return None
    what = f"is {number}, but `names` lists {len(names)}: {', '.join(names[:MOST_SHOWN])}"
    what += ", ..." if len(names) > MOST_SHOWN else ""
    fix = "Correct the one that is wrong: the largest class number in the labels is the number of classes less one."
    return InputError(f"{path}, nc", what, fix, "LBL011")


def _parse(path: Path) -> dict[Any, Any]:
    import yaml  # here, since most datasets have no YAML and all commands start faster without it

    text = read_text(path, LARGEST_TABLE)
    try:
        # Every scalar stays the text that was written: as a class, `no` is the name of a country and not False.
        content = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        reason = " ".join(filter(None, (error.context, error.problem)))[:200]
        raise InputError(f"{path}{line}", f"is not YAML ({reason})", "Correct that place.") from None
    except yaml.YAMLError:
        raise InputError(path, "holds characters that YAML does not allow", "Save it as plain text.") from None
    except RecursionError:
        raise InputError(path, "is nested too deeply", "Flatten it.") from None
    if not isinstance(content, dict):
        raise InputError(path, "holds no keys", "Write names: [cat, dog] and train: images/train.")
    return content


def _names(value: Any, where: str) -> tuple[str, ...]:
    """The names in a list, or in a table that numbers them from 0."""
    if isinstance(value, dict):
        numbers = [str(number) for number in range(len(value))]
        if set(value) != set(numbers):
            raise InputError(where, "is not numbered from 0 without gaps", "Number every class once, from 0.")
        value = [value[number] for number in numbers]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InputError(where, "is no list of texts", "Write [cat, dog], a `- cat` a line or a `0: cat` a line.")
    if not value or not all(value) or len(set(value)) < len(value):
        raise InputError(where, "lists no class, an empty one or one twice", "Name every class once.")
    return tuple(value)


def _texts(value: Any, where: str) -> list[str]:
    """One text or those in a list; what says nothing is left out."""
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise InputError(where, "is neither a path nor a list of paths", "Write images/train, or [images/a, images/b].")
    return [text for text in texts if text not in NULLS]
