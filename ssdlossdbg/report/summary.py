"""What a job's page and a notebook show of a result: its headline, findings, main table, and the whole text folded."""

from __future__ import annotations

import html
import io
import math
import re
from typing import Any

from ssdlossdbg.report.records import Record, columns, main_of, tables
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.report.visible import shown

# Columns of main tables, as far as they are there; others show their first.
SHOWN = {
    "MatchResult": ("index", "label", "status", "best_iou", "positives", "forced", "lost_to", "problem"),
    "LossResult": ("image", "index", "label", "positives", "forced", "best_iou", "localization", "confidence", "total"),
    "LossesResult": ("name", "loss.total", "mean", "seen", "ground_truth", "positives", "file", "index"),
    "DetectResult": ("image", "rank", "label", "score", "role", "best_iou", "ground_truth"),
    "CompareResult": ("name", "localization", "confidence", "total", "positives", "negatives"),
    "DiffResult": ("name", "what", "how"),
    "AuditResult": ("label", "ground_truth", "matched", "forced_only", "without_positive", "best_possible_recall"),
    "HistoryResult": ("name", "label_name", "side", "state", "reason", "best_iou", "positives", "taken_name", "cost"),
    "AnchorsResult": ("level", "feature_map", "stride", "priors", "smallest_best"),
    "CheckResult": ("finding", "where.file", "where.object", "where.label", "message", "fix"),
}
# What is no result of an analysis, but a text of our own.
OWN = ("Explained", "Presets")
MOST_ROWS, MOST_COLUMNS, MOST_LETTERS, MOST_OF_TEXT, MOST_FINDINGS = 20, 9, 120, 20_000, 10
TEXT_WIDTH = 100
SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@-])")
Rows = tuple[list[str], list[list[str]], str]


def markdown(result: Any, view: View = USUAL) -> str:
    """A result as Markdown, as GitHub's job summaries and comments take it; what files say is escaped.

    Args:
        result: what was found out.
        view: how many rows to show, and which files were written.
    """
    if type(result).__name__ in OWN:
        return _fenced(_text(result, view))
    headings, rows, more = _main(result, view)
    parts = [f"**{_title(result)}** {_escaped(result.headline)}".rstrip()]
    found = _findings(result)
    if found:
        parts.append("\n".join(f"- **{code}** {severity}: {_escaped(words)}" for code, severity, words in found))
    if rows:
        lines = [headings, ["---"] * len(headings), *rows]
        parts.append("\n".join(f"| {' | '.join(map(_escaped_cell, line))} |" for line in lines))
        parts += [_escaped(more)] if more else []
    text = _fenced(_text(result, view))
    parts.append(f"<details><summary>The whole report</summary>\n\n{text}\n\n</details>")
    if view.files:
        parts.append(_escaped("Wrote " + ", ".join(view.files)))
    return "\n\n".join(parts)


def notebook_html(result: Any, picture: str = "", caption: str = "") -> str:
    """A result as a cell of a notebook shows it.

    Args:
        result: what was found out.
        picture: of it, as a data URL; none if empty.
        caption: below that.
    """
    result = shown(result)
    headings, rows, more = _main(result, USUAL)
    parts = [f"<p><b>{_title(result)}</b> {html.escape(result.headline)}</p>"]
    found = _findings(result)
    if found:
        items = "".join(f"<li><b>{code}</b> {severity}: {html.escape(words)}</li>" for code, severity, words in found)
        parts.append(f"<ul>{items}</ul>")
    if picture:
        said = html.escape(caption)
        parts.append(f'<img style="max-width:100%" alt="{said}" title="{said}" src="{picture}">')
    if rows:
        head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(value)}</td>" for value in row) + "</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        parts += [f"<p>{html.escape(more)}</p>"] if more else []
    text = html.escape(_text(result, USUAL))
    parts.append(f"<details><summary>The whole report</summary><pre>{text}</pre></details>")
    return f"<div>{''.join(parts)}</div>"


def _fenced(text: str) -> str:
    """A text that Markdown leaves as it is, whatever is in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def _title(result: Any) -> str:
    return type(result).__name__.removesuffix("Result")


def _findings(result: Any) -> list[tuple[str, str, str]]:
    """The code, the severity and the words of each finding."""
    findings = getattr(result, "findings", ())
    told = [(each.code, each.severity.value, f"{each.worst.where.file}: {each.worst.message}") for each in findings]
    left = len(told) - MOST_FINDINGS
    return [*told[:MOST_FINDINGS], *([("", "", f"{left} more")] if left > 0 else [])]


def _main(result: Any, view: View) -> Rows:
    """The headings and the rows of the main table, and how many rows more there are, in words."""
    found = tables(result)
    name = main_of(result, found)
    rows = found.get(name, [])
    kept: list[Record] = rows[: view.top or MOST_ROWS]
    made = columns(kept)
    wanted = SHOWN.get(type(result).__name__, ())
    names = [each for each in wanted if each in made] or list(made)[:MOST_COLUMNS]
    cells = [[_cell(value) for value in row] for row in zip(*(made[each] for each in names), strict=True)]
    left = len(rows) - len(kept)
    more = f"{left:,} more in the table {name}." if left else ""
    return [each.replace("_", " ").replace("where.", "") for each in names], cells, more


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    text = " x ".join(map(_cell, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}..."


def _text(result: Any, view: View) -> str:
    """The report that a terminal shows, as far as there is room for it."""
    from rich.console import Console

    from ssdlossdbg.report.outputs import render
    from ssdlossdbg.report.theme import TERMINAL

    console = Console(file=io.StringIO(), width=TEXT_WIDTH, theme=TERMINAL, color_system=None, force_terminal=False)
    top = View(top=view.top or MOST_ROWS, notes=view.notes)
    with console.capture() as capture:
        console.print(render(result, view=top))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    text = "\n".join(lines).strip("\n")
    return text if len(text) <= MOST_OF_TEXT else f"{text[:MOST_OF_TEXT]}\n..."


def _escaped(text: str) -> str:
    """A text as Markdown takes it for nothing but letters."""
    return SPECIAL.sub(r"\\\1", text.replace("\n", " "))


def _escaped_cell(text: str) -> str:
    return text if text == "---" else _escaped(text)
