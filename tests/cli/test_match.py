"""`ssdlossdbg match`: its report, its JSON, its picture; what it refuses, and what odd input it takes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.kinds_of_dialects import each_value_of

Good = Callable[..., str]
Refused = Callable[..., str]
Write = Callable[..., Path]
PNG = b"\x89PNG\r\n\x1a\n"


def parse(text: str) -> dict[str, Any]:
    """Strict JSON: none of Python's own NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    report: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return report


@pytest.fixture
def astronaut(sample: Path) -> tuple[object, ...]:
    """The arguments for the sample with the mistakes, which are no news here."""
    files = (sample / "astronaut.jpg", sample / "astronaut.xml")
    return ("match", *files, "--classes", sample / "classes.txt", "--config", "ssd300-voc", "--fail-on", "never")


def test_json_holds_the_contract(good: Good, astronaut: tuple[object, ...], sample: Path) -> None:
    report = parse(good(*astronaut, "--no-overlay", "--device", "cpu", "--format", "json"))
    assert (report["schema_version"], report["command"]) == (2, "match")
    assert report["image"] == {"path": str(sample / "astronaut.jpg"), "width": 512, "height": 512}
    assert (report["config"]["name"], report["config"]["priors"], report["config"]["levels"]) == (
        "ssd300-voc",
        8732,
        6,
    )
    assert (report["dialect"], report["device"]) == ("ssd.pytorch", "cpu")
    assert {"BOX001", "BOX002"} <= {finding["code"] for finding in report["findings"]}
    assert report["files"] == []
    assert {"max_px", "mean_px"} <= report["round_trip"].keys()

    objects = report["ground_truth"]
    assert [item["index"] for item in objects] == [0, 1, 2, 3, 4, 5]
    keys = "index label class_id box difficult best_prior best_iou level positives forced lost_to status"
    assert all(set(keys.split()) <= item.keys() for item in objects)
    names = (sample / "classes.txt").read_text().split("\n")
    assert [item["class_id"] for item in objects] == [names.index(item["label"]) + 1 for item in objects]
    assert objects[2]["box"] == [330, 339, 279, 378], "as annotated, mistakes and all"
    assert [item["status"] for item in objects] == [
        *("matched", "matched", "invalid", "matched", "invalid", "forced-only"),
    ]
    assert [item["lost_to"] for item in objects] == [None, None, 4, None, None, None]


def test_json_adds_up(good: Good, astronaut: tuple[object, ...]) -> None:
    report = parse(good(*astronaut, "--no-overlay", "--format", "json"))
    totals, objects, levels = report["totals"], report["ground_truth"], report["levels"]
    assert totals["ground_truth"] == len(objects)
    assert totals["unmatched"] == sum(item["positives"] == 0 for item in objects) == 1
    assert totals["positives"] == sum(item["positives"] for item in objects) == 20
    assert totals["positives"] == sum(level["positives"] for level in levels)
    assert totals["negatives"] == 3 * totals["positives"]
    assert sum(level["priors"] for level in levels) == report["config"]["priors"]
    assert [level["level"] for level in levels] == list(range(6))


def test_the_overlay_is_written_here_under_the_name_of_the_photo(
    good: Good, astronaut: tuple[object, ...], folder: Path
) -> None:
    assert "Wrote astronaut.match.png" in good(*astronaut)
    assert [path.name for path in folder.iterdir()] == ["astronaut.match.png"]
    assert (folder / "astronaut.match.png").read_bytes().startswith(PNG)


def test_an_overlay_that_was_not_named_replaces_nothing(
    good: Good, astronaut: tuple[object, ...], folder: Path
) -> None:
    (folder / "astronaut.match.png").write_text("mine")
    assert "Wrote astronaut.match-2.png" in good(*astronaut)
    assert (folder / "astronaut.match.png").read_text() == "mine"
    assert (folder / "astronaut.match-2.png").read_bytes().startswith(PNG)


def test_a_named_overlay_is_replaced(good: Good, astronaut: tuple[object, ...], folder: Path) -> None:
    (folder / "own.png").touch()
    assert "Wrote own.png" in good(*astronaut, "-o", "own.png")
    assert [path.name for path in folder.iterdir()] == ["own.png"]
    with Image.open(folder / "own.png") as picture:
        assert picture.size[0] > 960


def test_the_report_lists_every_object(good: Good, astronaut: tuple[object, ...]) -> None:
    text = good(*astronaut, "--no-overlay")
    assert "6 objects: 3 matched, 1 forced only, 2 invalid." in text
    rows = [line.split()[:2] for line in text.splitlines() if line[:1].isdigit() and " emblem " in line]
    assert rows == [[str(index), "emblem"] for index in range(1, 6)]
    assert "Object 2 (emblem): xmin 330 > xmax 279" in text
    assert "Object 4 (emblem): no width and no height" in text


def test_top_keeps_the_worst(good: Good, astronaut: tuple[object, ...]) -> None:
    text = good(*astronaut, "--no-overlay", "--top", 2)
    assert "Objects, the 2 worst" in text
    rows = [line.split()[-1] for line in text.splitlines() if " emblem " in line and line[:1].isdigit()]
    assert rows == ["invalid", "invalid"]


def test_a_lower_threshold_gives_more_positives(good: Good, astronaut: tuple[object, ...]) -> None:
    def positives(threshold: float) -> int:
        words = (*astronaut, "--no-overlay", "--format", "json", "--threshold", threshold)
        report = parse(good(*words))
        assert report["threshold"] == threshold
        return int(report["totals"]["positives"])

    assert positives(0.3) == 179, "what the table of other thresholds says at 0.5"
    assert positives(0.7) == 6


@pytest.mark.parametrize("top", ["0", "-1", "many"])
def test_usage_errors_are_clear_and_exit_with_2(
    run: Callable[..., Any], astronaut: tuple[object, ...], top: str
) -> None:
    outcome = run(*astronaut, "--top", top)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Invalid value for '--top'" in outcome.err
    assert "Traceback" not in outcome.err


# What cannot be used.


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_threshold_that_is_no_number(run: Callable[..., Any], astronaut: tuple[object, ...], value: str) -> None:
    outcome = run(*astronaut, "--threshold", value)
    assert (outcome.code, outcome.out) == (2, "")
    assert "--threshold" in outcome.err


def test_missing_photo(refused: Refused, annotation: Write) -> None:
    said = refused("match", "away.jpg", annotation([("cat", (1, 1, 50, 50))]))
    assert said.startswith("error: away.jpg: no such file. ")


def test_missing_photo_with_another_ending(refused: Refused, photo: Write, annotation: Write) -> None:
    photo("away.png")
    assert "There is away.png beside it." in refused("match", "away.jpg", annotation([("cat", (1, 1, 50, 50))]))


def test_missing_annotation(refused: Refused, photo: Write) -> None:
    assert refused("match", photo(), "away.xml").startswith("error: away.xml: no such file. ")


def test_truncated_photo(refused: Refused, sample: Path, folder: Path) -> None:
    (folder / "cut.jpg").write_bytes((sample / "cat.jpg").read_bytes()[:20_000])
    said = refused("match", "cut.jpg", sample / "cat.xml")
    assert "cut.jpg: cannot be decoded" in said
    assert "It may be cut short" in said


def test_a_text_for_a_photo(refused: Refused, sample: Path) -> None:
    said = refused("match", sample / "cat.xml", sample / "cat.xml")
    assert "cat.xml: is not an image" in said
    assert "Give a JPEG" in said


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><annotation>&b;</annotation>'
OBJECT = (
    "<annotation><size><width>200</width><height>100</height></size>"
    "<object><name>cat</name><difficult>0</difficult>{}</object></annotation>"
)
BOX = "<bndbox><xmin>{}</xmin><ymin>1</ymin><xmax>50</xmax><ymax>50</ymax></bndbox>"


@pytest.mark.parametrize(
    ("text", "wrong", "hint"),
    [
        ("<annotation><size>", "is not well-formed XML", "Correct that place"),
        ("<kml></kml>", "its root is <kml>", "<annotation>"),
        ("<html></html>", "is a web page (HTML)", "Download the file again"),
        (BOMB, "declares XML entities", "<!DOCTYPE"),
    ],
    ids=["cut", "kml", "html", "bomb"],
)
def test_bad_xml(refused: Refused, photo: Write, folder: Path, text: str, wrong: str, hint: str) -> None:
    (folder / "photo.xml").write_text(text)
    said = refused("match", photo(), "photo.xml")
    assert said.startswith("error: photo.xml")
    assert wrong in said
    assert hint in said


@pytest.mark.parametrize(
    ("box", "wrong", "hint"),
    [
        ("", "object 1 (cat): has no <bndbox>", "Draw its box"),
        (BOX.format("left"), "<bndbox><xmin> is 'left', not a number", "Write a number"),
        (BOX.format("nan"), "<bndbox><xmin> is 'nan', not a number", "Write a number"),
    ],
)
def test_an_object_that_cannot_be_read_stops_none_of_the_others(
    run: Any, photo: Write, folder: Path, box: str, wrong: str, hint: str
) -> None:
    sound = f"<object><name>cat</name>{BOX.format(1)}</object><object>"
    (folder / "photo.xml").write_text(OBJECT.format(box).replace("<object>", sound))
    outcome = run("match", photo(), "photo.xml", "--format", "json")
    report = json.loads(outcome.out)
    assert [item["index"] for item in report["ground_truth"]] == [0]
    [case] = [finding["cases"][0] for finding in report["findings"] if finding["code"] == "FIL001"]
    assert wrong in case["message"]
    assert hint in case["fix"]
    assert outcome.code == 2


def test_class_not_in_the_list(run: Any, photo: Write, annotation: Write) -> None:
    objects = [("person", (1, 1, 50, 50)), ("cat", (1, 1, 90, 50))]
    outcome = run("match", photo(), annotation(objects), "--classes", "cat,persn", "--format", "json")
    report = json.loads(outcome.out)
    assert [item["label"] for item in report["ground_truth"]] == ["cat"]
    [finding] = [finding for finding in report["findings"] if finding["code"] == "LBL003"]
    assert "the class 'person' (1 object)" in finding["cases"][0]["message"]
    assert "Did you mean 'persn'? " in finding["cases"][0]["fix"]
    assert outcome.code == 1


@pytest.mark.parametrize(
    ("option", "value", "kind", "hint"),
    [
        ("--config", "ssd30", "prior config", "Did you mean 'ssd300'?"),
        ("--dialect", "ssd.pytroch", "dialect", "Did you mean 'ssd.pytorch'?"),
    ],
)
def test_unknown_name(
    refused: Refused, astronaut: tuple[object, ...], option: str, value: str, kind: str, hint: str
) -> None:
    said = refused(*astronaut, option, value)
    assert f"{option}: unknown {kind} '{value}'. {hint}" in said


@pytest.mark.parametrize(
    ("option", "text", "key", "hint"),
    [
        ("--config", 'base = "ssd300"\nofset = 0\n', "'ofset'", "Did you mean 'offset'?"),
        ("--dialect", 'base = "ssd.pytorch"\n[match]\ntreshold = 0.4\n', "match.treshold", "match.threshold"),
    ],
)
def test_unknown_key(
    refused: Refused, astronaut: tuple[object, ...], folder: Path, option: str, text: str, key: str, hint: str
) -> None:
    (folder / "own.toml").write_text(text)
    said = refused(*astronaut, option, "own.toml")
    assert said.startswith("error: own.toml: unknown key ")
    assert key in said
    assert hint in said


def test_own_dialect_is_followed(good: Good, astronaut: tuple[object, ...], folder: Path) -> None:
    (folder / "own.toml").write_text('base = "ssd.pytorch"\n[match]\nthreshold = 0.3\n')
    report = parse(good(*astronaut, "--no-overlay", "--format", "json", "--dialect", "own.toml"))
    assert (report["dialect"], report["threshold"], report["totals"]["positives"]) == ("own", 0.3, 179)


def test_the_output_is_an_input(refused: Refused, photo: Write, annotation: Write) -> None:
    image = photo()
    said = refused("match", image, annotation([("cat", (1, 1, 50, 50))]), "-o", f"./{image.name}")
    assert "photo.png: is an input and would be overwritten. " in said


def test_the_output_is_the_annotation(refused: Refused, photo: Write, annotation: Write) -> None:
    boxes = annotation([("cat", (1, 1, 50, 50))])
    assert "photo.xml: is an input" in refused("match", photo(), boxes, "-o", boxes)


def test_the_output_cannot_be_written(refused: Refused, astronaut: tuple[object, ...], folder: Path) -> None:
    (folder / "file").write_text("in the way")
    assert "error: file: cannot be made a folder (" in refused(*astronaut, "-o", "file/below.png")


# What is odd, and yet can be used.


@pytest.mark.parametrize(
    ("box", "code", "severity"),
    [
        ((20, 20, 20, 60), "BOX001", "error"),
        ((60, 20, 20, 60), "BOX002", "error"),
        ((300, 20, 360, 60), "BOX007", "error"),
        ((150, 1, 250, 100), "BOX008", "warning"),
    ],
    ids=["flat", "inverted", "outside", "half outside"],
)
def test_odd_boxes(
    run: Callable[..., Any], photo: Write, annotation: Write, box: tuple[int, ...], code: str, severity: str
) -> None:
    outcome = run("match", photo(), annotation([("cat", (10, 10, 90, 90)), ("dog", box)]))
    assert (outcome.code, outcome.err) == (int(severity == "error"), "")
    assert re.search(rf"^{code} +Object 1 \(dog\): .*\n{severity} ", outcome.out, flags=re.MULTILINE)


def test_annotation_of_another_size(broken: Good, photo: Write, annotation: Write) -> None:
    text = broken("match", photo(), annotation([("cat", (10, 10, 90, 90))], (400, 200)), "--no-overlay")
    assert "The photo is 200 x 100 pixels, the annotation says 400 x 200" in " ".join(text.split())


def test_no_object(broken: Good, photo: Write, annotation: Write) -> None:
    path, empty = photo(), annotation([])
    text = " ".join(broken("match", path, empty).split())
    assert "No object: no prior is positive" in text
    assert "the real ssd.pytorch raises on such an image: IndexError" in text
    report = parse(broken("match", path, empty, "--no-overlay", "--format", "json"))
    assert (report["ground_truth"], report["totals"]["positives"]) == ([], 0)


def test_a_photo_of_one_pixel(good: Good, photo: Write, annotation: Write) -> None:
    report = parse(good("match", photo(size=(1, 1)), annotation([("cat", (1, 1, 2, 2))], (1, 1)), "--format", "json"))
    assert report["image"]["width"] == report["image"]["height"] == 1
    assert report["ground_truth"][0]["status"] == "matched"


@pytest.mark.parametrize("size", [(6000, 40), (40, 6000)])
def test_a_strip_of_a_photo(good: Good, photo: Write, annotation: Write, folder: Path, size: tuple[int, int]) -> None:
    good("match", photo(size=size), annotation([("cat", (1, 1, 30, 30))], size), "-o", "strip.png")
    with Image.open(folder / "strip.png") as picture:
        assert min(picture.size) > 300
        assert max(picture.size) < 3600


def test_names_are_printed_as_they_are(good: Good, photo: Write, annotation: Write) -> None:
    name = "a [bold]b[red] ünï 猫.png"
    objects = [("[red]x[/]", (1, 1, 50, 50)), ("[/]", (60, 1, 90, 50)), (":cat: é", (100, 1, 190, 90))]
    photo(name), annotation(objects, name="[i] ö.xml")
    text = good("match", name, "[i] ö.xml")
    assert "a [bold]b[red] ünï 猫.match.png" in text
    assert "[i] ö.xml" in text
    for label, _ in objects:
        assert label in text
    report = parse(good("match", name, "[i] ö.xml", "--no-overlay", "--format", "json"))
    assert [item["label"] for item in report["ground_truth"]] == [label for label, _ in objects]
    assert report["image"]["path"] == name


def test_sixty_objects_with_long_names(good: Good, photo: Write, annotation: Write) -> None:
    objects = [(f"class_{index:034d}", (index * 3 + 1, 5, index * 3 + 20, 40)) for index in range(60)]
    assert {len(name) for name, _ in objects} == {40}
    text = good("match", photo(), annotation(objects))
    assert max(map(len, text.splitlines())) <= 80
    assert "60 objects: " in text
    table = text.partition("lost  status")[2].partition("px of input: ")[0]
    folded = "".join(line[3:].split()[0] for line in table.splitlines()[2:] if line.strip())
    assert folded == "".join(name for name, _ in objects), "folded in its column, but whole and in order"


def test_more_classes_than_the_photo_has(good: Good, photo: Write, annotation: Write, folder: Path) -> None:
    (folder / "names.txt").write_text("".join(f"thing {index}\n" for index in range(200)) + "cat\n")
    words = (photo(), annotation([("cat", (1, 1, 50, 50))]), "--classes", "names.txt", "--no-overlay")
    assert parse(good("match", *words, "--format", "json"))["ground_truth"][0]["class_id"] == 201


def test_priors_without_a_grid(good: Good, photo: Write, annotation: Write, save: Write) -> None:
    import torch

    priors = torch.rand(40, 4, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.1
    words = (photo(), annotation([("cat", (1, 1, 50, 50))]), "--config", save("free.pt", priors))
    text = good("match", *words, "-o", "free.png")
    assert "40 priors on no recognised grid" in text
    assert parse(good("match", *words, "--no-overlay", "--format", "json"))["config"]["levels"] == 0


def test_the_round_trip_of_an_inverted_box_is_a_json_string(broken: Good, photo: Write, annotation: Write) -> None:
    words = (photo(), annotation([("cat", (60, 20, 20, 60))]), "--no-overlay", "--format", "json")
    error = parse(broken("match", *words))["round_trip"]["max_px"]
    assert error == "NaN"
    assert math.isnan(float(error))


# Other dialects on the same photo.


def test_other_dialects(good: Good, astronaut: tuple[object, ...]) -> None:
    words = (*astronaut, "--no-overlay", "--device", "cpu")
    assert "Other dialects" not in good(*words)
    text = good(*words, "--dialects", "caffe,lufficc,torchvision")
    assert max(map(len, text.splitlines())) <= 80
    table = text.partition("Other dialects on the same priors")[2]
    flat = " ".join(table.split())
    assert "caffe 18 54 0 2 0 1 emblem 9 -> 8; 4 emblem 1 -> 0" in flat
    assert "lufficc 20 60 0 0 0 none" in flat
    assert "raises AssertionError" in flat


def test_other_dialects_in_json(good: Good, astronaut: tuple[object, ...]) -> None:
    from ssdlossdbg.readers.dialects import dialect_names

    alone = each_value_of("match", "mining")
    words = (*astronaut, "--no-overlay", "--device", "cpu", "--format", "json")
    assert parse(good(*words))["dialects"] == []
    report = parse(good(*words, "--dialects", "all"))
    assert [item["name"] for item in report["dialects"]] == dialect_names()
    totals = report["totals"]
    for item in report["dialects"]:
        assert item["positives"] == totals["positives"] + item["gained"] - item["lost"]
        if item["name"] not in alone:
            continue
        other = parse(good(*words, "--dialect", item["name"], "--config", "ssd300-voc"))
        assert (item["positives"], item["negatives"]) == (other["totals"]["positives"], other["totals"]["negatives"])
        assert item["raises"] == other["raises"]
        for change in item["ground_truth"]:
            sides = ({row["index"]: row for row in side["ground_truth"]} for side in (report, other))
            here, there = (side.get(change["index"], {"status": "left out"}) for side in sides)
            assert change["positives"] == [here.get("positives"), there.get("positives")]
            assert change["status"] == [here["status"], there["status"]]


def test_a_fork_among_the_other_dialects(good: Good, astronaut: tuple[object, ...]) -> None:
    Path("fork.toml").write_text('base = "ssd.pytorch"\n[match]\nthreshold = 0.7\n')
    words = (*astronaut, "--no-overlay", "--format", "json")
    (item,) = parse(good(*words, "--dialects", "fork.toml"))["dialects"]
    own = parse(good(*words, "--threshold", 0.7))
    assert (item["name"], item["positives"], item["gained"]) == ("fork", own["totals"]["positives"], 0)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("", "--dialects: is '', which holds an empty name. "),
        ("caffe,", "--dialects: is 'caffe,', which holds an empty name. "),
        ("cafe", "--dialects: unknown dialect 'cafe'. Did you mean 'caffe'?"),
        ("caffe,ssd.pytorhc", "--dialects: unknown dialect 'ssd.pytorhc'. Did you mean 'ssd.pytorch'?"),
        ("away.toml", "away.toml: no such file. "),
    ],
)
def test_other_dialects_that_are_none(refused: Refused, astronaut: tuple[object, ...], names: str, said: str) -> None:
    assert f"error: {said}" in refused(*astronaut, "--dialects", names), "and no picture is drawn"
