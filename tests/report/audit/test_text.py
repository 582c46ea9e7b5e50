"""The report of `audit`: a verdict, tables whose columns add up, and commands that can be copied."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest

from ssdlossdbg.report.audit.text import audit_report
from ssdlossdbg.results import AuditResult, Case, Finding, Rivals, Severity, Tally, Where

Render = Callable[..., str]
SIZES = """\
By size, in pixels of the network's input
side       objects  matched  forced    none            recall   shape  each
───────────────────────────────────────────────────────────────────────────
below 16         2       0%   50.0%   50.0%  ▒▒▒▒····      0%      0%   0.5
64 to 128        2    50.0%   50.0%      0%  ████▒▒▒▒   50.0%    100%   2.0
from 128         1     100%      0%      0%  ████████    100%    100%   1.0
"""
CLASSES = """\
By class, the worst off first
class     objects  matched  forced    none  invalid         recall   shape  each
────────────────────────────────────────────────────────────────────────────────
dog             2       0%   50.0%   50.0%       0%  ▒▒▒··      0%      0%   0.5
bird,           1       0%      0%      0%     100%  xxxxx                   0.0
"naïve"
猫 [b]
cat             3    66.7%   33.3%      0%       0%  ███▒▒   66.7%    100%   1.7
"""
ASPECTS = "\nBy aspect, width over height: all 0.5 to 2\n"
LEVELS = """\
By level (objects: those whose best prior is there)
level  stride  priors  positives  forced  objects  share
──────────────────────────────────────────────────────────────────────────
2x2       100       4          5       2        5  83.3%  ████████▒▒▒▒▒
1x1       200       1          1       0        1  16.7%  ███
"""
POSITIVES = """\
Positives per object: median 1, a tenth have 0 or fewer, a tenth 3 or more, none
more than 3
positives  objects  share
───────────────────────────────────────────────────────
0                1  20.0%  ······
1                3  60.0%  █████████████████
2                0     0%
3                1  20.0%  ██████
"""
RECALLS = """\
Best possible recall at other thresholds (█ on the grid, ░ more by shape alone)
threshold  recall   shape
───────────────────────────────────────────────────────────────
0.3         60.0%   60.0%  █████████████████
0.4         60.0%   60.0%  █████████████████
0.5         40.0%   60.0%  ███████████░░░░░░             in use
0.6         40.0%   60.0%  ███████████░░░░░░
"""
CONTESTED = """\
Competing for a prior: 2 objects lost the best one to another, 1 of them without
any other
loser  lost to  times
─────────────────────
cat    cat          1
dog    dog          1
"""
IMAGES = """\
Images to look at first
b, c: 2 objects, 1 invalid
  ssdlossdbg match PHOTO 'x/b, c.xml' --config 'my own.toml'
a: 4 objects, 1 without a prior, 2 forced only (1 of them with an IoU under 0.1)
  ssdlossdbg match x/a.jpg x/a.xml --config 'my own.toml'
PHOTO: none was found beside the annotations; write where yours is.
"""
AUGMENTED = """\
Photos, and the random crops that training sees of them (1 draw of each, seed 7;
a crop keeps 75.0% of the objects; 1 photo of unknown size taken to be square)
pixels            photos  crops  matched   crops  recall   crops  each  crops
─────────────────────────────────────────────────────────────────────────────
below 16               2      2       0%      0%      0%      0%   0.5    0.5
64 to 128              2      2    50.0%   50.0%   50.0%   50.0%   2.0    2.0
from 128               1      1     100%    100%    100%    100%   1.0    1.0
all, and invalid       6      6    33.3%   33.3%   40.0%   40.0%   1.0    1.0
"""


@pytest.mark.parametrize(
    "expected", [SIZES, CLASSES, ASPECTS, LEVELS, POSITIVES, RECALLS, CONTESTED, IMAGES, AUGMENTED]
)
def test_sections(render: Render, audited: AuditResult, expected: str) -> None:
    assert expected in render(audit_report(audited.with_match_options(("--config", "my own.toml"))))


def words(text: str) -> str:
    return " ".join(text.split())


def test_facts_and_verdict_come_first(render: Render, audited: AuditResult) -> None:
    finding = Finding("BOX001", "no size", Severity.ERROR, (Case(Where("a.xml"), "is empty", 0.0, None, "Drop it."),))
    text = words(render(audit_report(replace(audited, findings=(finding,)))))
    said = (
        "dataset my data (Pascal VOC folder): 3 images, 1 of them without an object",
        "1 object that the dialect's loader drops, 2 objects of classes not listed, 1 file or part of one not readable",
        "own.toml, 5 priors on 2 levels",
        "match threshold 0.5, on cpu",
        "Of 6 objects 2 (33.3%) matched, 2 (33.3%) forced only, 1 (16.7%) without a prior, 1 (16.7%) invalid;",
        "best possible recall 40.0%, 60.0% by shape alone.",
        "BOX001",
        "x invalid its box is inverted",
        "By size",
    )
    places = [text.index(part) for part in said]
    assert places == sorted(places)
    assert "interrupted" not in text


def test_findings_name_their_files(render: Render, audited: AuditResult) -> None:
    cases = tuple(
        Case(where, "is wrong", 0.0, None, "Mend it.")
        for where in (Where("x/a.xml", None, 2, "dog"), Where("all.json", "b.jpg", 1, "cat"), Where("x/broken.xml"))
    )
    text = render(audit_report(replace(audited, findings=(Finding("BOX001", "name", Severity.ERROR, cases),))))
    for sentence in ("a.xml, object 2 (dog): is wrong.", "b.jpg, object 1 (cat): is wrong.", "broken.xml: is wrong."):
        assert sentence.lower() in text.lower()


@pytest.mark.parametrize(
    ("totals", "verdict"),
    [
        (Tally(), "No object: there is nothing to match."),
        (Tally(1, 1, reached=1, shape_reached=1), "The one object is matched; best possible recall 100%."),
        (Tally(1234, 1234, reached=1234, shape_reached=1234), "All 1,234 objects are matched; best possible"),
        (Tally(4888, 4674, 212, 2, 0, 2, reached=4674, shape_reached=4794), "Of 4,888 objects 4,674 (95.6%) matched, "),
        (Tally(4888, 4674, 212, 2, 0, 2, reached=4674, shape_reached=4794), "212 (4.3%) forced only, 2 (<0.1%) "),
        (Tally(4888, 4674, 212, 2, 0, 2, reached=4674, shape_reached=4794), "recall 95.6%, 98.1% by shape alone."),
        (Tally(2, 1, 0, 1, 0, 1, reached=1, shape_reached=1), "1 (50.0%) without a prior; best possible recall 50.0%."),
        (Tally(1, 0, 0, 0, 1, 1), "Of 1 object 1 (100%) invalid."),
    ],
)
def test_verdict(render: Render, audited: AuditResult, totals: Tally, verdict: str) -> None:
    assert verdict in words(render(audit_report(replace(audited, totals=totals))))


@pytest.mark.parametrize(
    ("objects", "matched", "said"),
    [
        (20, 4, "Matched least: 20.0% of class cup."),
        (20, 17, ""),  # not far behind the 90% of all
        (9, 0, ""),  # too few to speak of
    ],
)
def test_the_class_that_is_far_behind_is_named(
    render: Render, audited: AuditResult, objects: int, matched: int, said: str
) -> None:
    known = [Tally(ground_truth=100, matched=95), Tally(ground_truth=objects, matched=matched)]
    like = audited.classes[0]
    classes = tuple(replace(like, name=name, tally=tally) for name, tally in zip(("ball", "cup"), known, strict=True))
    result = replace(audited, totals=Tally(ground_truth=200, matched=180), classes=classes, sizes=(), augmented=None)
    shown = words(render(audit_report(result)))
    assert said in shown
    assert ("Matched least" in shown) == bool(said)


def test_interrupted(render: Render, audited: AuditResult) -> None:
    stopped = replace(audited, done=1200, dataset=replace(audited.dataset, images=5000))
    first = render(audit_report(stopped)).splitlines()[0]
    assert first == "interrupted: 1,200 of 5,000 images, 24.0%; the numbers are of those."


def test_interrupted_in_the_crops(render: Render, audited: AuditResult) -> None:
    assert audited.augmented is not None
    stopped = replace(audited, augmented=replace(audited.augmented, draws=2))
    first = render(audit_report(stopped)).splitlines()[0]
    assert first == "interrupted: 3 of 6 crops, 50.0%; the numbers are of those."


@pytest.mark.parametrize(
    ("images", "done", "said"), [(0, 0, "No image could be read."), (5, 0, "No object was matched yet.")]
)
def test_nothing_is_known(render: Render, audited: AuditResult, images: int, done: int, said: str) -> None:
    dataset = replace(audited.dataset, images=images)
    assert said in render(audit_report(replace(audited, totals=Tally(), dataset=dataset, done=done)))


def test_a_single_image_without_an_object(render: Render, audited: AuditResult) -> None:
    text = render(audit_report(replace(audited, dataset=replace(audited.dataset, images=1), done=1)))
    assert "1 image, without an object" in text


def test_what_is_the_same_for_all_takes_a_line(render: Render, audited: AuditResult) -> None:
    each = Tally(5, 5, positives=10, reached=5, shape_reached=5)
    whole = tuple(replace(group, tally=each) for group in audited.aspects)
    plain = replace(
        audited,
        totals=each,
        classes=audited.classes[:1],
        sizes=audited.sizes[:1],
        aspects=whole,
        positives_each=(0, 0, 5),
        augmented=None,
        contested=replace(audited.contested, pairs=(Rivals("cat", "dog", 2),)),
    )
    text = render(audit_report(plain))
    for line in (
        "By size, in pixels of the network's input: all below 16",
        "By class: all cat",
        "By aspect, width over height: all are matched",
        "Positives per object: 2",
        "each time cat to dog",
    ):
        assert f"\n{line}\n" in text


def test_a_threshold_between_the_tenths(render: Render, audited: AuditResult) -> None:
    text = render(audit_report(replace(audited, threshold=0.42)))
    [line] = [line for line in text.splitlines() if line.endswith("in use")]
    assert line.split()[:3] == ["0.42", "40.0%", "60.0%"]


def test_no_command_where_match_shows_something_else(render: Render, audited: AuditResult) -> None:
    text = render(audit_report(replace(audited, dataset=replace(audited.dataset, letterbox=True))))
    assert "Images to look at first" in text
    assert "ssdlossdbg match" not in text


def test_a_file_that_looks_like_an_option(render: Render, audited: AuditResult) -> None:
    image = replace(audited.images_first[1], photo="-a.jpg", annotation="-a.xml")
    assert "ssdlossdbg match ./-a.jpg ./-a.xml" in render(audit_report(replace(audited, images_first=(image,))))


def test_what_is_empty_is_left_out(render: Render, audited: AuditResult) -> None:
    dataset = replace(audited.dataset, left_out=0, unknown={}, refused=0, empty=0)
    nothing = replace(audited, totals=Tally(), dataset=dataset, images_first=(), augmented=None)
    text = render(audit_report(nothing))
    assert "No object: there is nothing to match." in text
    assert not any(part in text for part in ("left out", "without an object", "By ", "Images to look", "recall"))


def test_many_classes(render: Render, audited: AuditResult) -> None:
    cat, dog, _ = audited.classes
    many = tuple(replace(cat, name=f"class {place:02}") for place in range(20))
    text = render(audit_report(replace(audited, classes=(*many, dog))))
    shown = [line for line in text.splitlines() if line.startswith(("class 0", "class 1", "dog "))]
    assert [line.split("  ")[0] for line in shown][:3] == ["dog", "class 00", "class 01"]
    assert len(shown) == 13  # twelve classes, and dog among those that compete
    assert "And 9 more classes, all in --format json." in text


def test_more_images_are_only_counted(render: Render, audited: AuditResult) -> None:
    text = render(audit_report(replace(audited, images_first=audited.images_first * 4)))
    assert text.count("ssdlossdbg match") == 5
    assert "The next 3 are in --format json." in text


@pytest.mark.parametrize("width", [50, 80, 200])
def test_a_long_command_can_be_copied(render: Render, audited: AuditResult, width: int) -> None:
    image = replace(audited.images_first[1], photo="a folder/photos/it's long.jpg", annotation="folder/of/all.json")
    options = ("--config", "ssd512", "--dialect", "torchvision")
    lines = render(
        audit_report(replace(audited, images_first=(image,)).with_match_options(options)), width
    ).splitlines()
    first = next(place for place, line in enumerate(lines) if "ssdlossdbg match" in line)
    last = next(place for place in range(first, len(lines)) if not lines[place].endswith("\\"))
    command = ["ssdlossdbg", "match", image.photo, image.annotation, *options]
    assert shlex.split("\n".join(lines[first : last + 1]).replace("\\\n", "")) == command
    assert max(map(len, lines[first : last + 1])) <= width


def test_no_line_is_wider_than_the_terminal(render: Render, audited: AuditResult) -> None:
    large = Tally(860_001, 850_000, 9_000, 1_000, 1, 1_001, 9_999_999, 9_000, 850_000, 859_000)
    wide = replace(audited.classes[0], name="x" * 40, tally=large)
    text = render(audit_report(replace(audited, classes=(wide,), totals=large)))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text, "nothing is cut"
