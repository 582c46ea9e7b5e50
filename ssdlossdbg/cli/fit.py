"""What `ssdlossdbg anchors --fit` reads and shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.options import LARGEST_SIDE, Format
from ssdlossdbg.cli.session import show_output, show_plain, write_file
from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from ssdlossdbg.results import FitResult


def parse_levels(text: str | None) -> tuple[tuple[int, int], ...]:
    """(columns, rows) of each feature map in `38,19,10` or `40x30,20x15`; none where the option was not given.

    Raises:
        InputError: neither of those, or a feature map twice.
    """
    if text is None:
        return ()
    levels = tuple(_feature_map(part.strip(), text) for part in text.lower().split(","))
    if len(set(levels)) < len(levels):
        raise InputError("--levels", f"is {text!r}, which names a feature map twice", "Name each once.")
    return levels


def _feature_map(part: str, text: str) -> tuple[int, int]:
    numbers = part.split("x")
    plausible = (number.isdecimal() and len(number) < 6 and 0 < int(number) <= LARGEST_SIDE for number in numbers)
    if len(numbers) not in (1, 2) or not all(plausible):
        what = f"is {text!r}, and {part!r} is no feature map"
        raise InputError("--levels", what, "Write their cells a side, or columns x rows: 38,19,10, or 40x30,20x15.")
    return int(numbers[0]), int(numbers[-1])


def check_config_name(path: Path | None) -> None:
    """Refuse to write a prior config where no command would find one.

    Raises:
        InputError: the name does not end in .toml.
    """
    if path is not None and path.suffix.lower() != ".toml":
        raise InputError(path, "is to be a prior config, which --config takes by its ending", "End it in .toml.")


def show_fit(result: FitResult, output: Path | None, inputs: Iterable[Path], format: Format) -> None:
    """Write the proposed config, where it is wanted, and print the report.

    Raises:
        InputError: the file cannot be written, or is an input.
    """
    from ssdlossdbg.report.prior_config_toml import prior_config_toml
    from ssdlossdbg.report.view import View

    config, files = prior_config_toml(result), [str(output)] if output else []
    if output is not None:
        write_file(output, config.encode(), inputs)
    show_output(result, format, View(files=tuple(files)))
    if format is Format.TEXT and output is None and result.changed:
        # Not part of the report, whose long lines are wrapped: TOML does not survive that.
        show_plain(f"As a prior config, which -o FILE.toml writes:\n\n{config}")
