"""The data.yaml of YOLO datasets: their class names and where their photos lie.

It takes a parser of `key: text`, of flat lists and of flat tables to read the four keys that matter. What goes beyond
that (anchors, tags, text over several lines) is skipped under other keys and refused under these, so that a YAML
library, and what it would make of a stranger's file, is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import read_text

SPLITS = ("train", "val")
KEY = re.compile(r"""(["']?)([A-Za-z_][\w-]*)\1\s*:(?:\s+(.*))?$""")
QUOTED = r""""(?:[^"\\]|\\["\\/])*"|'(?:[^']|'')*'"""
COMMENT = re.compile(rf"({QUOTED})|(?:^|(?<=\s))#.*")
FLOW_ITEM = re.compile(rf"\s*(?:(\d+)\s*:\s)?\s*({QUOTED}|[^\s,\"'\[\]{{}}#&*!|>%@`][^,\[\]{{}}]*?)\s*(,|$)")
BLOCK_ITEM = re.compile(r"\s*(?:-|(\d+)\s*:)\s+(.*)$")
PLAIN = re.compile(r"[^\s\"'\[\]{}#&*!|>%@`].*")


@dataclass(frozen=True)
class YoloYaml:
    """What a data.yaml says.

    Attributes:
        names: the classes, in the order of their numbers.
        root: the folder that the splits are in.
        splits: paths of folders or lists of photos, as written.
    """

    names: tuple[str, ...]
    root: Path
    splits: tuple[str, ...]


def read_yolo_yaml(path: Path) -> YoloYaml:
    """The class names and splits of a data.yaml.

    Raises:
        InputError: unreadable, without `names`, or one of the keys is no flat list, table or text.
    """
    blocks = _blocks(read_text(path))
    if "names" not in blocks:
        raise InputError(path, "has no `names`", "List the classes: names: [cat, dog].")
    names = _values(blocks["names"], f"{path}, names")
    if not names or not all(names) or len(set(names)) < len(names):
        raise InputError(f"{path}, names", "lists no class, an empty one or one twice", "Name every class once.")
    splits = [split for key in SPLITS if key in blocks for split in _values(blocks[key], f"{path}, {key}") if split]
    root = next(iter(_values(blocks.get("path", ()), f"{path}, path")), "")
    return YoloYaml(names, path.parent / root, tuple(splits) or (".",))


def _blocks(text: str) -> dict[str, list[str]]:
    """The lines of each top-level key, what follows the colon being the first; comments removed."""
    blocks: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        content = COMMENT.sub(lambda found: found[1] or "", line).rstrip()
        start = KEY.match(content)
        if start:
            lines = blocks.setdefault(start[2], [])
            lines.append(start[3] or "")
        elif content.strip() not in {"", "---", "..."}:
            lines.append(content)
    return blocks


def _values(lines: Sequence[str], where: str) -> tuple[str, ...]:
    """The texts of a value: one, those of a list, or those of a table numbered from 0."""
    whole = " ".join(line.strip() for line in lines).strip()
    if not whole:
        return ()
    if (whole[0], whole[-1]) in {("[", "]"), ("{", "}")}:
        items = _flow_items(whole[1:-1].strip(), where)
    elif lines[0].strip():
        items = [("", whole)]
    else:
        items = [_block_item(line, where) for line in lines[1:]]
    numbers = [number for number, _ in items if number]
    if numbers and sorted(map(int, numbers)) != list(range(len(items))):
        raise InputError(where, "is not numbered from 0 without gaps", "Number every class once, from 0.")
    if numbers:
        items.sort(key=lambda item: int(item[0]))
    return tuple(_scalar(text, where) for _, text in items)


def _flow_items(inside: str, where: str) -> list[tuple[str, str]]:
    items = []
    end = 0
    while end < len(inside):
        found = FLOW_ITEM.match(inside, end)
        if not found:
            raise _unreadable(inside[end:], where)
        items.append((found[1] or "", found[2]))
        end = found.end()
    return items


def _block_item(line: str, where: str) -> tuple[str, str]:
    found = BLOCK_ITEM.match(line)
    if not found:
        raise _unreadable(line, where)
    return found[1] or "", found[2].strip()


def _scalar(text: str, where: str) -> str:
    if re.fullmatch(QUOTED, text):
        inside = text[1:-1]
        return inside.replace("''", "'") if text[0] == "'" else re.sub(r"\\(.)", r"\1", inside)
    if not PLAIN.fullmatch(text):
        raise _unreadable(text, where)
    return text


def _unreadable(text: str, where: str) -> InputError:
    what = f"is no flat list or table of names at {text.strip()[:40]!r}"
    return InputError(where, what, "Write [a, b], a `- name` a line or a `0: name` a line.")
