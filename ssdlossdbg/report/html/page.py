"""A result as one HTML file, which needs nothing else and asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import html
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from io import StringIO
from string import Template
from typing import Any

from ssdlossdbg.report.documents import document_of, encode
from ssdlossdbg.report.html.photos import encoded_photos
from ssdlossdbg.report.html.room import cut_to, text_of
from ssdlossdbg.report.view import USUAL, View

# Bytes that a page takes at the most, that its document does, and characters of the text for readers without scripts.
MOST, MOST_OF_DOCUMENT, MOST_OF_TEXT = 8_000_000, 3_000_000, 200_000
TEXT_WIDTH, MOST_LISTED = 100, 100
BEFORE, AFTER = ("base.js", "arrays.js", "table.js", "findings.js", "picture.js"), ("start.js",)


@dataclass(frozen=True)
class Kind:
    """What the page of a kind of result is made of, beside what all pages are.

    Attributes:
        scripts: that show it, in the order in which they need each other.
        extra: the function that gives what they need beyond the document, `module:name` in this folder; it takes
            result and view, and returns what goes into the page as JSON.
    """

    scripts: tuple[str, ...]
    extra: str


KINDS: dict[str, Kind] = {
    "AuditResult": Kind(("audit.js",), "audit:audit_extra"),
    "CompareResult": Kind(("compare.js",), "compare:compare_extra"),
    "DetectResult": Kind(("detecting.js", "detect.js"), "detect:detect_extra"),
    "HistoryResult": Kind(("plot.js", "history.js"), "history:history_extra"),
    "LossResult": Kind(("bars.js", "loss_data.js", "loss.js"), "loss:loss_extra"),
    "MatchResult": Kind(("matching.js", "match.js"), "match:match_extra"),
}


def html_page(result: Any, view: View = USUAL) -> str:
    """The page of a result, in ASCII.

    Args:
        result: one that `KINDS` has.
        view: its photos are shown, and the files written beside it are named.
    """
    kind = KINDS[type(result).__name__]
    document, left_out = cut_to(document_of(result, view), MOST_OF_DOCUMENT)
    extra: dict[str, Any] = {
        "version": view.version,
        "theme": _theme(),
        "explained": _explained(result),
        **_named(kind.extra)(result, view),
    }
    style, script = _style(), _script(kind)
    parts = {
        "title": _escaped(result.headline),
        "text": _escaped(_plain(result, view)),
        "style": style,
        "style_hash": _hash(style),
        "script": script,
        "script_hash": _hash(script),
        "document": _inert(document),
    }
    room = MOST - len(_inert(extra)) - sum(map(len, parts.values())) - 10_000
    extra["photos"], lost = encoded_photos(view.photos, max(room, 0))
    extra["left_out"] = [*left_out, *extra.get("left_out", ()), *([lost] if lost else [])]
    return Template(_file("page.html")).substitute(parts, extra=_inert(extra))


def _theme() -> dict[str, Any]:
    """The colours of the pictures, which those of pages are, too."""
    from ssdlossdbg.report.theme import INK, NEUTRAL_GROUND, PALETTE, PAPER, RED, WHITE

    return {"palette": PALETTE, "red": RED, "white": WHITE, "ink": INK, "paper": PAPER, "ground": NEUTRAL_GROUND}


def _explained(result: Any) -> Any:
    """What `explain` tells of the codes that were found."""
    from ssdlossdbg.checks.catalogue import CHECKS
    from ssdlossdbg.report.explain_text import explained

    codes = dict.fromkeys(finding.code for finding in result.findings)
    return encode(explained([CHECKS[code] for code in codes if code in CHECKS], whole=True))["checks"]


def _plain(result: Any, view: View) -> str:
    """The text report, as long as it may be."""
    from rich.console import Console

    from ssdlossdbg.report.outputs import render
    from ssdlossdbg.report.theme import TERMINAL

    out = StringIO()
    console = Console(file=out, width=TEXT_WIDTH, theme=TERMINAL, force_terminal=False, color_system=None)
    console.print(render(result, view=replace(view, top=view.top or MOST_LISTED)), highlight=False, markup=False)
    text = out.getvalue()
    return text if len(text) <= MOST_OF_TEXT else text[:MOST_OF_TEXT] + "\n... cut here: the terminal shows all."


def _escaped(text: str) -> str:
    """Text as HTML has it, in ASCII: whoever redirects a page may have an encoding of his own."""
    return html.escape(text).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _inert(value: Any) -> str:
    """JSON that ends no script element and begins no comment, whatever names it holds."""
    return text_of(value).replace("<", "\\u003c")


def _style() -> str:
    return _file("page.css")


def _script(kind: Kind) -> str:
    """All scripts as one: what they name is theirs alone."""
    body = "\n".join(_file(name) for name in (*BEFORE, *kind.scripts, *AFTER))
    return f'(() => {{\n"use strict";\n{body}\n}})();\n'


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _file(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="ascii")


def _named(function: str) -> Callable[..., dict[str, Any]]:
    found: Callable[..., dict[str, Any]] = pkgutil.resolve_name(f"{__package__}.{function}")
    return found
