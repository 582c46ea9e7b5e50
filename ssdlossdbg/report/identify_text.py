"""The terminal report of `identify`."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.findings_text import findings_block
from ssdlossdbg.report.listed import Listed, listed_column
from ssdlossdbg.report.text import DIALECT, Column, bullets, count, facts, section, table
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import DialectFound, IdentifyResult, value_in_words

MOST_CASES = 6
# Of 80 columns, what lists of changes and of values keep.
MOST_CHANGES, MOST_VALUES = 40, 24


def identify_report(result: IdentifyResult, view: View = USUAL) -> RenderableType:
    """Whose loss it is, a dialect file that says so, and what nothing that was tried tells apart."""
    probed = result.probed
    refused = f", {len(probed.raised)} refused" if probed.raised else ""
    how = [("called as", probed.called)] if probed.called else [("yours", probed.said)]
    head = facts([("loss of", result.subject), *how, ("tried", f"{count(probed.cases, 'input')}{refused}")])
    parts: list[RenderableType] = [
        head,
        findings_block(result.findings),
        Text(f"It is {result.answer}.", style="title"),
    ]
    if result.dialects:
        parts.append(_found(result))
    elif result.nearest is not None:
        parts.append(_nearest(result))
    if result.inseparable:
        parts.append(_inseparable(result))
    notes = [f"{each.case}: {each.error}" for each in probed.raised[:MOST_CASES]]
    if notes:
        parts.append(section("What it refused", bullets(notes)))
    late = [] if probed.complete else ["time was up before everything was tried"]
    if probed.left_out or late:
        parts.append(section("What is left out", bullets([*probed.left_out, *late])))
    return Group(*parts)


def _found(result: IdentifyResult) -> RenderableType:
    changes = [Listed(_changes(each) or ["none"]) for each in result.dialects]
    rows = [(Text(_names(each)), cell) for each, cell in zip(result.dialects, changes, strict=True)]
    listed = table([DIALECT, listed_column("rules that are others", changes, MOST_CHANGES)], rows)
    if not result.dialects[0].changes:
        return section("Rules that give every number", listed)
    return Group(
        section("Rules that give every number", listed),
        section("As a dialect file, for --dialect", Text(result.dialects[0].toml.rstrip("\n"))),
    )


def _names(found: DialectFound) -> str:
    return ", ".join((found.name, *found.same_as))


def _changes(found: DialectFound) -> list[str]:
    return [f"{change.rule} {value_in_words(change.value)}" for change in found.changes]


def _nearest(result: IdentifyResult) -> RenderableType:
    nearest = result.nearest
    assert nearest is not None
    cases = bullets(nearest.cases[:MOST_CASES])
    words = (
        f"{nearest.name} comes nearest. On the first of these inputs yours is {nearest.yours.words('.6g')}, and its "
        f"{nearest.theirs.words('.6g')}:"
    )
    return Group(Text(words), cases)


def _inseparable(result: IdentifyResult) -> RenderableType:
    values = [Listed(list(map(value_in_words, each.values))) for each in result.inseparable]
    rows = [
        (Text(each.rule), cell, Text(each.needs or "-")) for each, cell in zip(result.inseparable, values, strict=True)
    ]
    needs = Column("an input that may tell", "left", wrap=True)
    columns = [Column("rule", "left"), listed_column("as good", values, MOST_VALUES), needs]
    return section("No input tried tells these apart", table(columns, rows))
