"""Every report and picture of every result, each in a row of a table.

A new format is a file in this folder, with a function `name(result, view)`, and a row here. A row names its function
rather than holds it, so that nothing is imported that is not asked for: neither rich for JSON, nor pillow for text.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ssdlossdbg.errors import InputError
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.report.visible import shown

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    from ssdlossdbg.results import Reported

R = TypeVar("R")


TEXT, PAGE = "text", "html"
# What a terminal shows of each result. All of them have JSON, too.
TEXTS: dict[str, str] = {
    "AnchorsResult": "anchors_text:anchors_report",
    "AuditResult": "audit.text:audit_report",
    "CheckResult": "check_text:check_report",
    "CompareResult": "compare_text:compare_report",
    "DetectResult": "detect_text:detect_report",
    "DiffResult": "diff_text:diff_report",
    "Explained": "explain_text:explain_report",
    "FitResult": "fit_text:fit_report",
    "HistoryResult": "history_text:history_report",
    "IdentifyResult": "identify_text:identify_report",
    "LossResult": "loss_text:loss_report",
    "LossesResult": "losses_text:losses_report",
    "MatchResult": "match_text:match_report",
    "Presets": "anchors_text:presets_report",
    "RankResult": "audit.rank_text:rank_report",
}
# What there is a page of, to look at in a browser; how each is made up, `html/page.py` says.
PAGED = ("AuditResult", "CompareResult", "DetectResult", "HistoryResult", "LossResult", "MatchResult")
# By result and format; commands offer the formats that their results have here.
OUTPUTS: dict[tuple[str, str], str] = {
    **{(kind, TEXT): renderer for kind, renderer in TEXTS.items()},
    **{(kind, "json"): "documents:render_json" for kind in TEXTS},
    **{(kind, "md"): "summary:markdown" for kind in TEXTS},
    **{(kind, PAGE): "html.page:html_page" for kind in PAGED},
    ("CheckResult", "github"): "check_github:check_github",
    ("CheckResult", "sarif"): "check_sarif:check_sarif",
}
# Characters of a picture in a notebook.
MOST_OF_PICTURE = 110_000
# What files are, by their endings: formats, and pictures.
ENDINGS = {".html": PAGE, ".htm": PAGE, ".json": "json", ".md": "md", ".sarif": "sarif"}
PIXELS = (".png", ".jpg", ".jpeg", ".webp")
# Formats that escape what they hold by their own rules, so that it can be read back as it was.
ESCAPING = frozenset({"json", "sarif"})

# `name(result, photo, index, view)`; index is that of the image in its batch, 0 where the result is about one.
PICTURES: dict[str, str] = {
    "AnchorsResult": "anchors_picture:anchors_picture",
    "DetectResult": "detect_picture:detect_picture",
    "LossResult": "loss_picture:loss_picture",
    "MatchResult": "match_picture:match_picture",
}


def formats(kind: str) -> list[str]:
    """The formats that results of a type, given by its name, can be written in."""
    return [each for result, each in OUTPUTS if result == kind]


def render(result: Reported, format: str = TEXT, view: View = USUAL) -> RenderableType:
    """A result as something that rich prints; as a plain string in every format but text.

    Args:
        result: what was found out.
        format: one of those that `formats` lists.
        view: how to show it.

    Raises:
        KeyError: there is no such output.
    """
    kind = type(result).__name__
    if format not in ESCAPING and kind != "Explained":  # whose texts are our own
        result, view = shown(result), shown(view)
    report = _named(OUTPUTS[kind, format])(result, view)
    if format == TEXT:
        from ssdlossdbg.report.text import with_ending

        return with_ending(report, view)
    made: RenderableType = report
    return made


def draw(result: Reported, photo: Image | None = None, index: int = 0, view: View = USUAL) -> Image:
    """A result as a picture.

    Args:
        result: what was found out.
        photo: its ground, at any size; a neutral one where there is none.
        index: which image, of a result about a batch.
        view: how to show it.

    Raises:
        KeyError: there is no picture of such a result.
    """
    picture: Image = _named(PICTURES[type(result).__name__])(shown(result), photo, index, shown(view))
    return picture


def on_console(result: Reported, console: Console, options: ConsoleOptions) -> list[Segment]:
    """The text report as rich prints it on whichever console; see `results.Reported`."""
    from ssdlossdbg.report.theme import TERMINAL

    with console.use_theme(TERMINAL):
        return list(console.render(render(result), options))


def to_json(result: Reported, files: Sequence[str] = ()) -> str:
    """The document that `--format json` prints; `files` are those written beside it."""
    text = render(result, "json", View(files=tuple(files)))
    return str(text)


def to_dict(result: Reported) -> dict[str, Any]:
    """The document of a result, as Python has it."""
    from ssdlossdbg.report.documents import document_of

    return document_of(result)


def to_frame(result: Reported, table: str, library: str) -> Any:
    """One of the tables of a result; see `records.frame`."""
    from ssdlossdbg.report.records import frame

    return frame(result, table, library)


def saved(result: Reported, ending: str, photos: Sequence[Image | None], index: int, table: str) -> bytes:
    """A result as a file of some ending holds it.

    Args:
        result: what was found out.
        ending: in lower case, with its dot.
        photos: of its images, for pictures and pages.
        index: which image, for pictures.
        table: which table, for CSV.

    Raises:
        InputError: nothing of that ending is written of such a result.
    """
    kind = type(result).__name__
    if ending == ".csv":
        from ssdlossdbg.report.records import to_csv

        return to_csv(result, table).encode("utf-8", "backslashreplace")
    if ending in PIXELS and kind in PICTURES:
        from ssdlossdbg.report.canvas import picture_file

        return picture_file(draw(result, photos[index], index), ending)
    if (kind, ENDINGS.get(ending, "")) in OUTPUTS:
        return str(render(result, ENDINGS[ending], View(photos=tuple(photos)))).encode("utf-8", "backslashreplace")
    of_pictures = PIXELS if kind in PICTURES else ()
    known = [*of_pictures, ".csv", *(each for each in ENDINGS if (kind, ENDINGS[each]) in OUTPUTS)]
    what = f"writes {f'no {ending}' if ending else 'nothing without an ending'} of a {kind}"
    raise InputError("save", what, f"Known: {', '.join(known)}.")


def notebook(result: Reported, photo: Image | None) -> str:
    """A result as a cell of a notebook shows it, small enough for one."""
    from ssdlossdbg.report.summary import notebook_html

    if type(result).__name__ not in PICTURES:
        return notebook_html(result)
    from ssdlossdbg.report.html.photos import encoded_photos

    images = len(getattr(result, "images", ()))  # of a batch, as all that have pictures of several
    caption = f"image 0 of {images}; .draw(index=1) draws the next" if images > 1 else ""
    empty = type(result).__name__ in ("LossResult", "DetectResult") and not images
    [picture], _ = ([None], "") if empty else encoded_photos([draw(result, photo)], MOST_OF_PICTURE)
    return notebook_html(result, picture or "", caption)


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
