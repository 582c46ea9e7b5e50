"""Every report and picture of every result, each in a row of a table.

A new format is a file in this folder, with a function `name(result, view)`, and a row here. A row names its function
rather than holds it, so that nothing is imported that is not asked for: neither rich for JSON, nor pillow for text.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from ssdlossdbg.errors import InputError
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import (
    AnchorsResult,
    AuditResult,
    CheckResult,
    CompareResult,
    DetectResult,
    Explained,
    FitResult,
    LossResult,
    MatchResult,
    Presets,
)

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

Result = (
    AnchorsResult
    | AuditResult
    | CheckResult
    | CompareResult
    | DetectResult
    | Explained
    | FitResult
    | LossResult
    | MatchResult
    | Presets
)

R = TypeVar("R")


class Format(StrEnum):
    """How a report is written to stdout."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


OUTPUTS: dict[tuple[type, Format], str] = {
    **{(kind, Format.JSON): "documents:render_json" for kind in get_args(Result)},
    (AnchorsResult, Format.TEXT): "anchors_text:anchors_report",
    (AuditResult, Format.TEXT): "audit.text:audit_report",
    (CheckResult, Format.TEXT): "check_text:check_report",
    (CompareResult, Format.TEXT): "compare_text:compare_report",
    (DetectResult, Format.TEXT): "detect_text:detect_report",
    (Explained, Format.TEXT): "explain_text:explain_report",
    (FitResult, Format.TEXT): "fit_text:fit_report",
    (LossResult, Format.TEXT): "loss_text:loss_report",
    (MatchResult, Format.TEXT): "match_text:match_report",
    (Presets, Format.TEXT): "anchors_text:presets_report",
    (CheckResult, Format.GITHUB): "check_github:check_github",
    (CheckResult, Format.SARIF): "check_sarif:check_sarif",
}

# `name(result, photo, index, view)`; index is that of the image in its batch, 0 where the result is about one.
PICTURES: dict[type, str] = {
    AnchorsResult: "anchors_picture:anchors_picture",
    DetectResult: "detect_picture:detect_picture",
    LossResult: "loss_picture:loss_picture",
    MatchResult: "match_picture:match_picture",
}


def formats(result_type: type) -> tuple[Format, ...]:
    """The formats that results of a type can be written in."""
    return tuple(output for kind, output in OUTPUTS if kind is result_type)


def render(result: Result, format: str = Format.TEXT, view: View = USUAL) -> RenderableType:
    """A result as something that rich prints; as a plain string in every format but text.

    Args:
        result: what was found out.
        format: the name of one of `formats(type(result))`.
        view: how to show it.

    Raises:
        KeyError, ValueError: there is no such output, or no such format.
    """
    report = _named(OUTPUTS[type(result), Format(format)])(result, view)
    if format == Format.TEXT:
        from ssdlossdbg.report.text import with_files

        return with_files(report, view.files)
    made: RenderableType = report
    return made


def draw(result: Result, photo: Image | None = None, index: int = 0, view: View = USUAL) -> Image:
    """A result as a picture.

    Args:
        result: what was found out.
        photo: its ground, at any size; a neutral one where there is none.
        index: which image, of a result about a batch.
        view: how to show it.

    Raises:
        KeyError: there is no picture of such a result.
    """
    picture: Image = _named(PICTURES[type(result)])(result, photo, index, view)
    return picture


def on_console(result: Result, console: Console, options: ConsoleOptions) -> list[Segment]:
    """The text report as rich prints it on whichever console; see `results.Reported`."""
    from ssdlossdbg.report.theme import TERMINAL

    with console.use_theme(TERMINAL):
        return list(console.render(render(result), options))


def to_json(result: Result, files: Sequence[str] = ()) -> str:
    """The document that `--format json` prints; `files` are those written beside it."""
    text = render(result, Format.JSON, View(files=tuple(files)))
    return str(text)


def read_json(text: str, kind: type[R]) -> R:
    """The result of a kind from its document.

    Raises:
        InputError: it is no document, or that of another kind of result.
    """
    from ssdlossdbg.report.documents import DOCUMENT, from_json

    result = from_json(text)
    if not isinstance(result, kind):
        raise InputError(DOCUMENT, f"is that of {type(result).__name__}", "Read it with ssdlossdbg.from_json.")
    return result


def _named(function: str) -> Callable[..., Any]:
    found: Callable[..., Any] = pkgutil.resolve_name(f"{__package__}.{function}")
    return found
