"""What is promised of every command, whatever its input, and which promises a case broke."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image

from ssdlossdbg.report.documents import COMMANDS as COMMANDS_OF_JSON
from ssdlossdbg.report.json_schema import json_schema
from tests.fuzz.cases import COMMANDS, Case, writes
from tests.fuzz.kinds import OLD
from tests.fuzz.sandbox import Outcome
from tests.report.test_documents import errors

# Directions of writing that begin or end inside a text: what they make of it is not what it says.
BIDIRECTIONAL = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
STDERR = re.compile(r"(note|warning|error): \S.*|[A-Z][^:]* \.\.\.")
USAGE = re.compile(r"(error: \S.*\n)?Usage: ssdlossdbg .*\n(Try .*\n)?\n?(Error|error): .+\n\Z", re.DOTALL)
GITHUB = re.compile(r"::(error|warning|notice) (file=[^,:]*(,line=\d+)?,)?title=[^,:]*::\S.*")
ADDRESS = re.compile(r" at 0x[0-9a-f]{6}|<class '|<built-in |dtype=object|Traceback \(most recent")
# What tells of entries that it left out in a report, and ends with 2 all the same.
REPORTING = ("check", "match")


@dataclass(frozen=True)
class Limits:
    """What a case may take beyond what the process had before.

    Attributes:
        memory: MiB.
        seconds: of a processor; none are counted where it is 0.
    """

    memory: int = 1500
    seconds: float = 0


def broken_promises(
    case: Case, outcome: Outcome, before: dict[str, Any], after: dict[str, Any], limits: Limits
) -> list[str]:
    """What a command did that none may do; each begins with what kind of fault it is."""
    checks = (_of_end(case, outcome), _of_streams(case, outcome), _of_files(case, outcome, before, after),
              _of_costs(outcome, limits))  # fmt: skip
    return [fault for faults in checks for fault in faults]


def _of_end(case: Case, outcome: Outcome) -> Iterator[str]:
    if outcome.raised:
        places = re.findall(r'ssdlossdbg/([\w/]+\.py)", line (\d+)', outcome.raised) or [("?", "?")]
        yield f"raised: {outcome.raised.splitlines()[-1][:200]} at {':'.join(places[-1])}"
    elif outcome.code not in (0, 1, 2):
        yield f"exit code: {outcome.code}"
    elif outcome.code == 1 and value_of(case, "fail_on") == "never":
        yield "exit code: 1 where no finding may fail"
    yield from (f"elsewhere: {what}" for what in outcome.elsewhere)


def _of_streams(case: Case, outcome: Outcome) -> Iterator[str]:
    texts = {}
    for name, data in (("stdout", outcome.out), ("stderr", outcome.err)):
        try:
            texts[name] = data.decode()
        except UnicodeDecodeError as error:
            yield f"{name}: is not UTF-8 ({error})"
            return
        raw = next((sign for sign in texts[name] if sign != "\n" and not _harmless(sign)), None)
        if raw:
            yield f"control: {name} has {raw!r} as it is, near {_around(texts[name], raw)!r}"
        if leaked := ADDRESS.search(texts[name]):
            yield f"{name}: tells of the inside: {_around(texts[name], leaked[0])!r}"
    if outcome.raised:
        return
    yield from _of_stderr(case, outcome, texts["stderr"])
    if outcome.code in (0, 1) or texts["stdout"]:
        yield from _of_report(case, texts["stdout"])


def _of_stderr(case: Case, outcome: Outcome, text: str) -> Iterator[str]:
    usage = USAGE.search(text) if outcome.code == 2 else None
    lines = (text[: usage.start()] if usage else text).splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    if strange := [line for line in lines if not STDERR.fullmatch(line)]:
        yield f"stderr: has more than notes, warnings and errors: {strange[0][:200]!r}"
    reported = case.words[0] in REPORTING and bool(outcome.out)
    if outcome.code == 2 and len(errors) + bool(usage) != 1 and not (reported and not errors):
        yield f"stderr: has {len(errors)} errors and not one: {text[-200:]!r}"
    if outcome.code != 2 and errors:
        yield f"stderr: has an error, and the exit code is {outcome.code}: {errors[0][:200]!r}"


def _of_report(case: Case, text: str) -> Iterator[str]:
    form = value_of(case, "format")
    if form == "json":
        way = next((f" {option}" for option in ("--list", "--fit", "--rank") if option in case.line), "")
        command = case.words[0] + way
        try:
            document = json.loads(text, parse_constant=_refuse)
        except ValueError as error:
            yield f"json: {error}"
            return
        if command not in COMMANDS_OF_JSON:  # as dialects, whose document is no result's
            return
        if command == "loss" and "mean_of_batches" in document:
            command = "loss RUN"
        schema = json_schema(command)
        yield from (f"json: {each}" for each in errors(schema, document, schema)[:1])
    elif form == "sarif":
        yield from _of_sarif(text)
    elif form == "github":
        bad = [line for line in text.splitlines() if not GITHUB.fullmatch(line)]
        yield from (f"github: {line[:200]!r}" for line in bad[:1])
    elif not text.strip():
        yield "stdout: is empty"


def _of_sarif(text: str) -> Iterator[str]:
    try:
        document = json.loads(text, parse_constant=_refuse)
        (run,) = document["runs"]
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        for result in run["results"]:
            uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            sound = rules[result["ruleIndex"]] == result["ruleId"] and result["level"] in ("error", "warning", "note")
            if not sound or not result["message"]["text"].strip() or not re.fullmatch(r"[\w.~/%-]+", uri, re.ASCII):
                yield f"sarif: {json.dumps(result)[:300]}"
                return
    except (ValueError, KeyError, IndexError) as error:
        yield f"sarif: {error!r}"


def _within(name: str, folder: str) -> bool:
    return folder == os.curdir or name == folder or name.startswith(f"{folder}/")


def to_be_replaced(case: Case, name: str) -> bool:
    """Whether a file that is named as an output may be one of others, for all that else is named."""
    others = [os.path.normpath(word) for word in case.line]
    for output in outputs_of(case):
        others.remove(os.path.normpath(output))
    return "--overwrite" in case.line and not any(_within(name, each) for each in others)


def _of_files(case: Case, outcome: Outcome, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    asked = [os.path.normpath(value) for value in outputs_of(case)]
    for name, was in before.items():
        replaced = name in asked and (name == OLD or to_be_replaced(case, name))
        replaced |= name == value_of(case, "write_baseline")
        named = replaced and outcome.code in (0, 1)
        if after.get(name) != was and not named:
            yield f"files: {name} is {'changed' if name in after else 'gone'}"
    if case.words[0] == "match":
        asked += [name for name in after if re.fullmatch(r".*\.match(-\d+)?\.png", name)]
    if case.words[0] == "audit":
        asked.append("audit")
    if case.words[0] == "loss" and "--gallery" in case.line:
        asked.append("losses")
    for name in after.keys() - before.keys():
        if name == "executed":
            yield "executed: what a file holds was run"
        elif name.endswith(".part") or not any(_within(name, each) or _within(each, name) for each in asked):
            yield f"files: {name} was left"
        elif outcome.code not in (0, 1) and not outcome.out:
            yield f"files: {name} was written, and the exit code is {outcome.code}"
        elif isinstance(after[name][1], bytes) and "--fix" not in case.line:  # a copy is no better than its input
            yield from _of_written(name, after[name][1])


def _of_written(name: str, data: bytes) -> Iterator[str]:
    """What is wrong with a file that was written whole."""
    try:
        if data.startswith(b"\x89PNG"):
            Image.open(io.BytesIO(data)).load()
        elif data.startswith(b"\x93NUMPY"):
            assert np.load(io.BytesIO(data), allow_pickle=False).shape[1:] == (4,)
        elif data.startswith(b"{"):
            assert json.loads(data, parse_constant=_refuse)["ssdlossdbg_baseline"] == 1
        elif data.startswith(b"<!doctype html>"):
            assert data.endswith(b"</html>\n"), "a page that ends early"
        elif "levels" in data.decode() and "=" in data.decode():
            tomllib.loads(data.decode())
        else:
            rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
            assert {len(row) for row in rows} == {len(rows[0])}, "rows of several lengths"
            assert not any(re.match(r"[=+@\t\r]|-[^\d.]", cell) for row in rows for cell in row), "a formula"
            assert all(_harmless(sign) for row in rows for cell in row for sign in cell), "a control character"
    except Exception as error:
        yield f"files: {name} is malformed ({error!r})"


def _of_costs(outcome: Outcome, limits: Limits) -> Iterator[str]:
    if b"not enough memory" in outcome.err or outcome.memory > limits.memory:
        yield f"memory: {outcome.memory} MiB"
    if limits.seconds and outcome.seconds > limits.seconds:
        yield f"time: {outcome.seconds:.0f} s"


def value_of(case: Case, name: str) -> str | None:
    """What an option is given, if it is."""
    spelled = {text for each in COMMANDS[case.words[0]].params if each.name == name for text in each.opts}
    return next((option[1] for option in reversed(case.options) if option[0] in spelled and len(option) > 1), None)


def outputs_of(case: Case) -> list[str]:
    """Where a command is asked to write."""
    command, line = case.words[0], case.line
    spelled = {text for each in COMMANDS[command].params if writes(command, each) for text in each.opts}
    return [value for word, value in pairwise(line) if word in spelled]


def command_of(case: Case) -> str:
    """The command line as one types it."""
    return shlex.join(["ssdlossdbg", *case.line])


def _harmless(sign: str) -> bool:
    return (
        unicodedata.category(sign) not in ("Cc", "Zl", "Zp", "Cs")
        and unicodedata.bidirectional(sign) not in BIDIRECTIONAL
    )


def _around(text: str, part: str) -> str:
    place = text.index(part)
    return text[max(place - 40, 0) : place + len(part) + 40]


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
