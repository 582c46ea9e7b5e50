"""Documents: what is in them, that they come back, and that their schemas are true of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ssdlossdbg
from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.report.documents import COMMANDS, from_json, render_json
from ssdlossdbg.report.json_schema import json_schema
from ssdlossdbg.report.outputs import render as report_on
from ssdlossdbg.report.view import View
from ssdlossdbg.results import AnchorsResult, AuditResult, Explained, Group, LossResult, MatchResult

DATA = Path(__file__).parent / "data"
WRITTEN = View(files=("one.png", "two.png"))
Render = Callable[..., str]
MadeUp = Callable[[str], tuple[Any, Any]]


def golden(command: str) -> Path:
    """The document of a made-up result."""
    return DATA / f"{command.replace(' --', '-')}.json"


@pytest.fixture
def made_up(make_up: ModuleType) -> Callable[[str], tuple[Any, Any]]:
    """The made-up result of a command, and what made it."""

    def make(command: str) -> tuple[Any, Any]:
        maker = make_up.MakeUp()
        return maker.make(COMMANDS[command]), maker

    return make


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
def test_documents_are_the_stored_ones(command: str, made_up: MadeUp) -> None:
    text = render_json(made_up(command)[0], WRITTEN) + "\n"
    if os.environ.get("OVERWRITE_GOLDEN"):
        golden(command).write_text(text)
    assert text == golden(command).read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_all_that_a_result_says_is_in_its_document(command: str, made_up: MadeUp) -> None:
    result, maker = made_up(command)
    found = list(leaves(json.loads(render_json(result))))
    assert len(set(maker.dealt)) == len(maker.dealt)
    of_ranges = {bound for group in getattr(result, "classes", ()) for bound in open_ends(group)}
    assert set(maker.dealt) - set(found) == of_ranges, "classes have none, but share their type with ranges"


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
    compared = ssdlossdbg.compare(
        "sample_data/preds.pt", "sample_data/targets.pt", dialects=("caffe", "nvidia"), device="cpu"
    )
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
def test_a_result_is_short_in_a_prompt(command: str, made_up: MadeUp) -> None:
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


def test_explained_checks_are_listed_or_told_whole(render: Render, made_up: MadeUp) -> None:
    pages = made_up("explain")[0].checks
    whole, listed = (render(report_on(Explained(pages, whole))) for whole in (True, False))
    assert pages[0].summary in whole
    assert pages[0].summary not in listed
