"""The lines of `check`: one for each case, then what it all comes to."""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from ssdlossdbg.report.text import count
from ssdlossdbg.report.theme import SEVERITY_STYLES
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import SEVERITIES, Action, Case, CheckResult, Finding, Repair, Severity, Where, in_order

Key = tuple[str | int, ...]
MOST_GONE = 5
DONE = {Action.CLIP: "clipped to its image", Action.SWAP: "ends swapped", Action.DROP: "dropped",
        Action.DEDUPE: "dropped, as it is there twice"}  # fmt: skip


def check_report(result: CheckResult, view: View = USUAL) -> Text:
    """A line for each case, by file and finding, in each by place, and a summary.

    Args:
        result: what `check` returned.
        view: says whether to list the notes, too, rather than only count them.
    """
    why = {_place(each.code, each.where): each.why for each in result.not_repaired}
    lines = [_repaired(each) for each in result.repairs]
    lines += [
        _line(finding, case, why.get(_place(finding.code, case.where), ""))
        for finding in listed(result, view.notes)
        for case in sorted(finding.cases, key=lambda case: _key(case.where))
    ]
    if lines:
        lines.append(Text())
    summary = [Text(_summary(result, view.notes)), *_codes(result), *_copies(result), *_gone(result), *_priors(result)]
    shown = listed(result, view.notes) or result.findings
    following = [Text(f"Next: ssdlossdbg explain {shown[0].code}")] if shown else []
    return Text("\n").join([*lines, *summary, *following])


def listed(result: CheckResult, notes: bool) -> tuple[Finding, ...]:
    """The findings that are to be shown one by one."""
    return tuple(finding for finding in result.findings if notes or finding.severity is not Severity.NOTE)


def _place(code: str, where: Where) -> Key:
    return code, where.file, str(where.image), -1 if where.object is None else where.object


def _repaired(repair: Repair) -> Text:
    """A line for a change: what the file says, and what its copy does."""
    return Text.assemble(
        f"{_file(repair.where)}: ",
        (f"fixed {repair.code}", "gt.matched"),
        f" {repair.where.place}: {in_words(repair)}.",
    )


def in_words(repair: Repair) -> str:
    """What was done to an object, in words that follow its place."""
    if repair.after:
        return f"{DONE[repair.action]}, {repair.before} -> {repair.after}"
    return f"{DONE[repair.action]} ({repair.before})"


def _line(finding: Finding, case: Case, why: str) -> Text:
    where, severity = case.where, SEVERITY_STYLES[finding.severity]
    place = f" {where.place}:" if where.place else ""
    code = (f"{finding.severity} {finding.code}", severity)
    left = f" Not repaired: {why}." if why else ""
    return Text.assemble(f"{_file(where)}: ", code, f"{place} {case.message}. {case.fix}{left}")


def _file(where: Where) -> str:
    return where.file if where.line is None else f"{where.file}:{where.line}"


def _key(where: Where) -> Key:
    image = ("", -1) if where.image is None else ("", where.image) if isinstance(where.image, int) else (where.image, 0)
    places = (-1 if place is None else place for place in (where.object, where.level, where.prior))
    return (*image, *places)


def _summary(result: CheckResult, notes: bool) -> str:
    unreadable = f" ({result.files.unreadable} unreadable)" if result.files.unreadable else ""
    found = [count(number, severity) for severity in SEVERITIES if (number := result.count(severity))]
    hidden = " (--notes lists them)" if result.notes and not notes else ""
    files, objects = count(result.total, "file"), count(result.objects, "object")
    return f"Checked {files}{unreadable}, {objects}: {', '.join(found) or 'nothing found'}{hidden}{_beside(result)}."


def _beside(result: CheckResult) -> str:
    """What is not told, in words that follow what is; nothing where all is told."""
    numbers = ((result.known, "known"), (result.ignored, "ignored"))
    said = ", ".join(f"{number:,} {word}" for number, word in numbers if number)
    return f"; {said}" if said else ""


def _gone(result: CheckResult) -> list[Text]:
    """What the baseline knows and is there no more."""
    if not result.gone:
        return []
    number = sum(each.count for each in result.gone)
    named = ", ".join(f"{each.file} {each.code}" for each in result.gone[:MOST_GONE])
    more = f" and {len(result.gone) - MOST_GONE:,} more" if len(result.gone) > MOST_GONE else ""
    told = f"{count(number, 'known finding')} {'is' if number == 1 else 'are'} gone: {named}{more}."
    return [Text(f"{told} --write-baseline takes them out of the baseline.")]


def _copies(result: CheckResult) -> list[Text]:
    """What was repaired, and where the copies are."""
    copies = result.copies
    if copies is None:
        return []
    numbers = Counter(repair.action for repair in result.repairs)
    what = ", ".join(count(numbers[action], action) for action in Action if numbers[action])
    changed = f"{count(len(result.repairs), 'repair')} ({what}) in {copies.changed} of" if what else "No repair in"
    lines = [f"{changed} {count(copies.files, 'file')}, copied to {copies.folder}."]
    if not copies.files:
        lines = ["No file to copy: --fix is for annotations in text."]
    lines += [f"Not copied: {each.file}: {each.why}." for each in copies.left_out]
    return [Text(line) for line in lines]


def _priors(result: CheckResult) -> list[Text]:
    """A line that says what annotations were held against, where nobody named it and the number of classes decides."""
    return [Text(f"Priors: {result.priors}, {result.choice}.")] if result.choice else []


def _codes(result: CheckResult) -> list[Text]:
    """A line for each code: its severity, how often, and its name."""
    numbers = result.codes
    known = {finding.code: finding for finding in result.findings}
    width = max((len(str(number)) for number in numbers.values()), default=0)
    return [
        Text.assemble(
            (f"  {each.code}  {each.severity:7}", SEVERITY_STYLES[each.severity]),
            f"  {numbers[each.code]:>{width}}  {each.name}",
        )
        for each in in_order(known[code] for code in numbers)
    ]
