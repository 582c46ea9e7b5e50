"""Text with an object a line: what tells it, its lines one by one however long it is, and what no object is said of."""

from __future__ import annotations

import contextlib
import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.photo_files import ENDINGS
from ssdlossdbg.readers.annotations.table import Rows, refusal_of_alike
from ssdlossdbg.readers.files import open_file, read_bytes

PHOTO = rf"[^\s#][^\n]*?(?:{'|'.join(map(re.escape, ENDINGS))})"
# Without a way back, so that a long line that is none is soon given up.
NUMBER = r"[-+]?+(?:\d++\.?+\d*+|\.\d++)(?:[eE][-+]?+\d++)?+"
# What is wrong with objects of a file, each with the place of its image; None where that cannot be told.
Bad = list[tuple[int | None, InputError]]


def telling(pattern: str) -> Callable[[Path, bytes], bool]:
    """What tells a text by any line, or lines, of how it begins that a pattern matches from end to end."""
    expression = re.compile(rf"^[ \t]*(?:{pattern})[ \t\r]*$", re.IGNORECASE | re.MULTILINE)
    return lambda _, data: b"\0" not in data and bool(expression.search(data.decode("utf-8-sig", errors="replace")))


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that hold something, by their numbers from 1, without the blanks around them.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    with _opened(path, "text") as file:
        yield from ((number, line.strip()) for number, line in enumerate(file, 1) if line.strip())


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV that are not empty, by the numbers of their lines; errors as of `numbered_lines`."""
    with _opened(path, "a CSV") as file:
        reader = csv.reader(file)
        yield from ((reader.line_num, row) for row in reader if row)


@contextlib.contextmanager
def _opened(path: Path, kind: str) -> Iterator[Iterable[str]]:
    try:
        with TextIOWrapper(open_file(path), newline="", encoding="utf-8-sig") as file:
            yield file
    except OSError:
        read_bytes(path)  # says what is wrong with the path
        raise
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"is not {kind} that can be read ({error})", "Save it as UTF-8.") from None


def finite(texts: Iterable[str]) -> tuple[float, ...]:
    """Numbers from texts.

    Raises:
        ValueError: one is none, or not finite.
    """
    numbers = tuple(map(float, texts))
    if not all(map(math.isfinite, numbers)):
        raise ValueError
    return numbers


def of_size(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    """The xyxy of a box that is written with its size."""
    return x, y, x + width, y + height


def refuse_rows(path: Path, bad: Bad, rows: Rows) -> None:
    """Say why some objects of a file of many images are left out, once for all that are wrong in the same way."""
    alike: dict[str, Bad] = {}
    for each in bad:
        alike.setdefault(each[1].what, []).append(each)
    for group in alike.values():
        images = frozenset(image for image, _ in group if image is not None)
        known = images if all(image is not None for image, _ in group) else None
        rows.refused.append(refusal_of_alike(path, [error for _, error in group], known))
