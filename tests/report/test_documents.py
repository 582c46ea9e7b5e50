"""Documents: what is in them, that they come back, and that their schemas are true of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from itertools import count
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest

import ssdlossdbg
from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.report.documents import COMMANDS, empty, from_json, render_json
from ssdlossdbg.report.json_schema import json_schema
from ssdlossdbg.report.outputs import render as report_on
from ssdlossdbg.report.view import View
from ssdlossdbg.results import AnchorsResult, AuditResult, Explained, Group, LossResult, MatchResult
from ssdlossdbg.results.contract import members

DATA = Path(__file__).parent / "data"
WRITTEN = View(files=("one.png", "two.png"))
Render = Callable[..., str]


class MakeUp:
    """Makes results of which no two values are alike, so that a document tells when two of its keys are swapped.

    `dealt` are those that a document must show.

    Numbers are below 1, so that specs take them for shares, or from 1001; lists have two items, and flags alternate.
    """

    def __init__(self) -> None:
        self.numbers: Iterator[int] = count(1001)
        self.dealt: list[float | str] = []

    def make(self, hint: Any, name: str = "it") -> Any:
        """A value of a type."""
        origin, options = get_origin(hint) or hint, get_args(hint)
        if origin in (Union, UnionType):
            return self.make(options[0], name)
        if origin is tuple:
            parts = [options[0]] * 2 if options[-1] is ... else options
            return tuple(self.make(part, name) for part in parts)
        if origin is dict:
            return {self.make(str, name): self.make(options[1], name) for _ in range(2)}
        if is_dataclass(hint):
            kind: Any = hint
            stated = {field.name: field for field in fields(kind)}
            return kind(
                **{
                    member.name: empty(stated[member.name], member.hint)
                    if member.key is None
                    else self.make(member.hint, member.name)
                    for member in members(kind)
                    if not member.computed
                }
            )
        number = next(self.numbers)
        if issubclass(hint, Enum):
            return list(hint)[number % len(hint)]
        if hint is bool:
            return number % 2 == 0
        self.dealt.append(number if hint is int else number / 10000 if hint is float else f"{name} {number}")
        return self.dealt[-1]


def golden(command: str) -> Path:
    """The document of a made-up result."""
    return DATA / f"{command.replace(' --', '-')}.json"


def made_up(command: str) -> tuple[Any, MakeUp]:
    make_up = MakeUp()
    return make_up.make(COMMANDS[command]), make_up


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values()) + list(value)
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def errors(schema: dict[str, Any], value: Any, whole: dict[str, Any], where: str = "") -> list[str]:
    """What of a document is not as its schema says, or is not in it: the part of JSON Schema that ours are made of."""
    if "$ref" in schema:
        return errors(whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, whole, where)
    if "anyOf" in schema:
        tried = [errors(option, value, whole, where) for option in schema["anyOf"]]
        return [] if [] in tried else min(tried, key=len)
    if "enum" in schema or "const" in schema:
        return [] if value in schema.get("enum", [schema.get("const")]) else [f"{where}: {value!r}"]
    if not schema:
        return []
    kinds = {"boolean": bool, "integer": int, "number": (int, float), "string": str, "null": type(None)}
    kind = {**kinds, "object": dict, "array": list}[schema["type"]]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):  # type: ignore[arg-type]
        return [f"{where}: {value!r} is no {schema['type']}"]
    if isinstance(value, list):
        parts = schema.get("prefixItems") or [schema["items"]] * len(value)
        if len(parts) != len(value):
            return [f"{where}: {len(value)} items"]
        return [error for part, item in zip(parts, value, strict=True) for error in errors(part, item, whole, where)]
    if not isinstance(value, dict):
        return []
    if "properties" not in schema:
        return [
            error for item in value.values() for error in errors(schema["additionalProperties"], item, whole, where)
        ]
    assert set(schema["required"]) == set(schema["properties"])
    found = [f"{where}: {sorted(value.keys() ^ schema['properties'])}"] if value.keys() ^ schema["properties"] else []
    for key in value.keys() & schema["properties"].keys():
        found += errors(schema["properties"][key], value[key], whole, f"{where}.{key}")
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_documents_are_the_stored_ones(command: str) -> None:
    text = render_json(made_up(command)[0], WRITTEN) + "\n"
    if os.environ.get("OVERWRITE_GOLDEN"):
        golden(command).write_text(text)
    assert text == golden(command).read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_all_that_a_result_says_is_in_its_document(command: str) -> None:
    result, make_up = made_up(command)
    found = list(leaves(json.loads(render_json(result))))
    assert len(set(make_up.dealt)) == len(make_up.dealt)
    of_ranges = {bound for group in getattr(result, "classes", ()) for bound in open_ends(group)}
    assert set(make_up.dealt) - set(found) == of_ranges, "classes have none, but share their type with ranges"


def open_ends(group: Any) -> tuple[float | None, ...]:
    return (group.low, group.high) if isinstance(group, Group) else ()


@pytest.mark.parametrize("command", COMMANDS)
def test_documents_come_back(command: str) -> None:
    text = golden(command).read_text()
    assert type(from_json(text)) is COMMANDS[command]
    assert from_json(text).to_json(WRITTEN.files) + "\n" == text


@pytest.mark.parametrize("command", COMMANDS)
def test_schemas_name_every_key_and_its_type(command: str) -> None:
    schema = json_schema(command)
    assert errors(schema, json.loads(golden(command).read_text()), schema) == []


def test_the_validator_of_these_tests_can_fail() -> None:
    schema, document = json_schema("match"), json.loads(golden("match").read_text())
    for spoilt in (
        {**document, "more": 1},
        {**document, "threshold": "high"},
        {**document, "image": {**document["image"], "width": 1.5}},
        {**document, "ground_truth": [{**document["ground_truth"][0], "box": [1, 2, 3]}]},
        {key: value for key, value in document.items() if key != "findings"},
    ):
        assert errors(schema, spoilt, schema)


def test_documents_of_the_sample_data(
    astronaut: MatchResult, batch: LossResult, broken: LossResult, ssd300: AnchorsResult, audited: AuditResult
) -> None:
    alone = ssdlossdbg.detect(Path("sample_data/preds.pt"), device="cpu")
    checked = ssdlossdbg.check([Path("sample_data/astronaut.xml")], device="cpu")
    results = {
        "match": astronaut,
        "loss": batch,
        "anchors": ssd300,
        "audit": audited,
        "detect": alone,
        "check": checked,
    }
    for command, result in [*results.items(), ("loss", broken), ("audit", replace(audited, augmented=None))]:
        schema, text = json_schema(command), result.to_json()
        assert errors(schema, json.loads(text), schema) == []
        assert from_json(text).to_json() == text


def test_reports_of_results_that_came_back(
    render: Render, astronaut: MatchResult, broken: LossResult, audited: AuditResult
) -> None:
    compared = ssdlossdbg.compare("sample_data/preds.pt", "sample_data/targets.pt", device="cpu")
    detected = ssdlossdbg.detect("sample_data/preds.pt", "sample_data/targets.pt", device="cpu")
    named = audited.with_match_options(("--config", "my own.toml"))
    for result in (astronaut, broken, named, compared, detected):
        assert render(report_on(from_json(result.to_json()))) == render(report_on(result))


def test_a_kind_reads_its_own_documents_only(astronaut: MatchResult) -> None:
    text = astronaut.to_json()
    assert MatchResult.from_json(text).ground_truth == astronaut.ground_truth
    with pytest.raises(InputError, match="the document: is that of MatchResult"):
        LossResult.from_json(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[1]", "is none of this program"),
        ('{"command": "run", "schema_version": 2}', "is none of this program"),
        ('{"command": "match", "schema_version": 1}', "has schema_version 1, and this program reads 2"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_what_is_no_document_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=f"^the document: {said}"):
        ssdlossdbg.from_json(text)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("config",), None, "config: holds null, and ConfigSummary belongs there"),
        (("ground_truth", 1, "box"), [1, 2, 3], "ground_truth[1].box: holds [1, 2, 3]"),
        (("ground_truth", 0, "best_iou"), "high", 'ground_truth[0].best_iou: holds "high", and float'),
        (("image", "width"), True, "image.width[0]: holds true, and int"),
        (("findings", 0, "severity"), "bad", 'findings[0].severity: holds "bad", and Severity'),
    ],
)
def test_what_was_edited_is_named(path: tuple[str | int, ...], value: Any, said: str) -> None:
    document = json.loads(golden("match").read_text())
    inner = document
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    with pytest.raises(InputError) as caught:
        from_json(json.dumps(document))
    assert str(caught.value).startswith(f"the document, {said}")


def test_there_are_schemas_of_commands_alone() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown JSON document 'mach'\. Did you mean 'match'\?"):
        ssdlossdbg.json_schema("mach")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_result_is_short_in_a_prompt(command: str) -> None:
    result, _ = made_up(command)
    text = repr(result)
    assert text.startswith(f"<{type(result).__name__} ")
    assert len(text) < 400


def test_rich_prints_the_report(render: Render, astronaut: MatchResult) -> None:
    from rich.console import Console

    console = Console(width=80, color_system=None)  # knows none of the styles that the reports name
    with console.capture() as captured:
        console.print(astronaut)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    assert "\n".join(lines).rstrip() == render(report_on(astronaut)).rstrip()


def test_explained_checks_are_listed_or_told_whole(render: Render) -> None:
    pages = made_up("explain")[0].checks
    whole, listed = (render(report_on(Explained(pages, whole))) for whole in (True, False))
    assert pages[0].summary in whole
    assert pages[0].summary not in listed
